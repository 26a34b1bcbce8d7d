//! Patches of YAML in block style.

use std::ops::Range;

use super::flow::Flow;
use super::plan::{Addition, Part};
use super::print::{self, Context, Layout};
use super::{LAYOUT_NODES_MAX, Patch};
use crate::Value;
use crate::span::{Index, Node, NodeId, Style, line_end, line_start, next_line};

/// How a document is laid out in block style.
pub(super) struct Block<'index> {
    index: &'index Index,
    text: &'index str,
    layout: Layout,
}

impl<'index> Block<'index> {
    pub(super) fn new(index: &'index Index) -> Self {
        let text = index.text();
        let first = text.find('\n').unwrap_or_default();
        let carriage_return = text.get(..first).is_some_and(|line| line.ends_with('\r'));
        let (mut step, mut dash_step) = (None, None);
        for node in index.tree().nodes.iter().take(LAYOUT_NODES_MAX) {
            let Some(parent) = node.parent.and_then(|(parent, _)| index.tree().node(parent)) else {
                continue;
            };
            if parent.style != Style::BlockMapping || !node.is_block() {
                continue;
            }
            let further = column(text, node.range.start).checked_sub(column(text, parent.range.start));
            let found = if node.style == Style::BlockMapping { &mut step } else { &mut dash_step };
            *found = found.or(further);
            if step.is_some() && dash_step.is_some() {
                break;
            }
        }
        Self {
            index,
            text,
            layout: Layout {
                line_break: if carriage_return { "\r\n" } else { "\n" },
                step: step.filter(|step| *step > 0).unwrap_or(2),
                dash_step: dash_step.unwrap_or(0),
            },
        }
    }

    /// A line break and the indentation of a column.
    fn line(&self, column: usize) -> String {
        format!("{}{}", self.layout.line_break, " ".repeat(column))
    }

    /// Replaces a value whose collection is in block style, or the root. `None` where the new one cannot be written.
    pub(super) fn replace(
        &self,
        id: NodeId,
        new: &Value,
        flow: &Flow<'_>,
        patches: &mut Vec<Patch>,
    ) -> Option<()> {
        let node = self.index.tree().node(id)?;
        match print::inline(new, Context::Block, node.style) {
            Some(text) if node.is_block() => self.block_by_text(node, text, patches),
            Some(text) => self.text_by_text(node, text, patches),
            None if self.index.tree().parent(id).is_some_and(|parent| !parent.is_block()) => {
                flow.replace(node, new, patches)?;
            }
            None if node.is_block() => self.block_by_block(id, node, new, patches)?,
            None => self.text_by_block(id, node, new, patches)?,
        }
        Some(())
    }

    /// Whether a node starts on a line of its own, below what introduces it.
    fn is_below(&self, node: &Node, start: usize) -> bool {
        node.parent.is_some() && self.text.get(node.lead..start).is_some_and(|gap| gap.contains('\n'))
    }

    /// The end of the line above.
    fn end_above(&self, at: usize) -> usize {
        let start = line_start(self.text, at);
        start.checked_sub(1).map_or(0, |at| {
            let carriage_return = self.text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'\r');
            if carriage_return { at - 1 } else { at }
        })
    }

    /// One-line text in place of a block collection.
    fn block_by_text(&self, node: &Node, text: String, patches: &mut Vec<Patch>) {
        let end = line_end(self.text, node.end());
        if !self.is_below(node, node.range.start) {
            push(patches, node.full.start.min(node.range.start)..end, text);
            return;
        }
        if self.is_below(node, node.full.start) {
            push(patches, node.lead..node.lead, format!(" {text}"));
        } else {
            push(patches, node.full.start..self.properties_end(node), text);
        }
        push(patches, self.end_above(node.range.start)..end, String::new());
    }

    /// The end of the anchor and tag that stand on one line before a collection below.
    fn properties_end(&self, node: &Node) -> usize {
        let line = self.text.get(node.full.start..line_end(self.text, node.full.start)).unwrap_or_default();
        let properties = line.find(" #").and_then(|at| line.get(..at)).unwrap_or(line);
        node.full.start + properties.trim_end().len()
    }

    /// One-line text in place of a scalar, an alias, a collection in flow style, or nothing.
    fn text_by_text(&self, node: &Node, text: String, patches: &mut Vec<Patch>) {
        if node.full.is_empty() {
            let blank =
                self.text.get(..node.lead).is_none_or(|before| before.is_empty() || before.ends_with('\n'));
            let space = if blank { "" } else { " " };
            push(patches, node.lead..node.lead, format!("{space}{text}"));
        } else if let Some(header) = self.header_end(node) {
            push(patches, node.full.start..header, text);
            self.remove_lines(node, header, patches);
        } else {
            push(patches, node.full.start..node.end(), text);
        }
    }

    /// The end of a block scalar's indicators.
    fn header_end(&self, node: &Node) -> Option<usize> {
        if !matches!(node.style, Style::Literal | Style::Folded) {
            return None;
        }
        let rest = self.text.get(node.range.start + 1..)?;
        let length = rest.find(|char: char| !matches!(char, '+' | '-' | '0'..='9')).unwrap_or(rest.len());
        Some(node.range.start + 1 + length)
    }

    /// Whether a comment stands after a block scalar's indicators.
    fn has_header_comment(&self, node: &Node) -> bool {
        self.header_end(node).is_some_and(|header| {
            self.text.get(header..line_end(self.text, header)).is_some_and(|rest| rest.contains('#'))
        })
    }

    /// Takes a block scalar's lines away, and leaves a comment after its indicators.
    fn remove_lines(&self, node: &Node, header: usize, patches: &mut Vec<Patch>) {
        let end = line_end(self.text, header);
        if node.range.end > end {
            push(patches, end..node.range.end, String::new());
        }
    }

    /// A block collection in place of another.
    fn block_by_block(&self, id: NodeId, node: &Node, new: &Value, patches: &mut Vec<Patch>) -> Option<()> {
        let end = line_end(self.text, node.end());
        let own = column(self.text, node.range.start);
        if !self.is_below(node, node.range.start) {
            let text = print::block(new, own, self.layout)?;
            push(patches, node.range.start..end, text);
            return Some(());
        }
        let column = match self.index.tree().parent(id) {
            Some(parent) if parent.style == Style::BlockMapping => self.column_below(parent, new),
            _ => own,
        };
        let text = print::block(new, column, self.layout)?;
        push(patches, self.end_above(node.range.start)..end, self.line(column) + &text);
        Some(())
    }

    /// The column of a collection that is a value of a block mapping.
    fn column_below(&self, parent: &Node, new: &Value) -> usize {
        let step = if new.as_array().is_some() { self.layout.dash_step } else { self.layout.step };
        column(self.text, parent.range.start) + step
    }

    /// A block collection in place of a scalar, an alias, a collection in flow style, or nothing.
    fn text_by_block(&self, id: NodeId, node: &Node, new: &Value, patches: &mut Vec<Patch>) -> Option<()> {
        let below = self.is_below(node, node.full.start);
        let parent = self.index.tree().parent(id);
        let column = match parent {
            Some(parent) if parent.style == Style::BlockSequence && !self.has_header_comment(node) => {
                let (place, space) =
                    if node.full.is_empty() { (node.lead, " ") } else { (node.full.start, "") };
                let text = print::block(new, column(self.text, place) + space.len(), self.layout)?;
                push(patches, place..node.end(), space.to_owned() + &text);
                return Some(());
            }
            Some(parent) if parent.style == Style::BlockSequence => column(self.text, parent.range.start) + 2,
            Some(parent) => self.column_below(parent, new),
            None => 0,
        };
        let block = print::block(new, column, self.layout)?;
        if parent.is_none() && column_is_start(self.text, node.full.start) {
            let before = self.text.get(..node.full.start).unwrap_or_default();
            let (lead, tail) = if before.is_empty() || before.ends_with('\n') {
                ("", "")
            } else {
                (self.layout.line_break, "")
            };
            let tail = if node.full.is_empty() { self.layout.line_break } else { tail };
            push(patches, node.full.start..node.end(), format!("{lead}{block}{tail}"));
            return Some(());
        }
        let block = self.line(column) + &block;
        if below {
            push(patches, self.end_above(node.full.start)..node.end(), block);
        } else if let Some(header) = self.header_end(node) {
            push(patches, node.lead..header, String::new());
            push(
                patches,
                line_end(self.text, header)..node.range.end.max(line_end(self.text, header)),
                block,
            );
        } else {
            push(patches, node.lead..node.end(), String::new());
            let end = line_end(self.text, node.end());
            push(patches, end..end, block);
        }
        Some(())
    }

    /// Takes parts of a block collection away; at least one is kept.
    pub(super) fn remove(&self, node: &Node, parts: &[Part], patches: &mut Vec<Patch>) {
        let kept = parts.iter().position(|part| !part.removed).unwrap_or_default();
        let mut whole = 0;
        if let Some(first) = parts.first().filter(|part| part.removed)
            && !self.owns_line(first.range.start)
            && let Some((last, next)) =
                kept.checked_sub(1).and_then(|last| parts.get(last)).zip(parts.get(kept))
        {
            // What stands before it on its line, the dash of an element, stays for what comes next.
            let end = line_end(self.text, last.range.end);
            let between = self.text.get(end..next.range.start).unwrap_or_default();
            if between.trim().is_empty() {
                push(patches, first.range.start..next.range.start, String::new());
            } else {
                push(patches, node.lead.min(first.range.start)..end, String::new());
            }
            whole = kept;
        }
        // A line goes with the line break before it, so that what is added there follows it; the text's first with its own.
        let mut top = 0;
        for part in parts.iter().skip(whole).filter(|part| part.removed) {
            let start = line_start(self.text, part.range.start);
            let range = if start == top {
                top = next_line(self.text, part.range.end);
                start..top
            } else {
                self.end_above(part.range.start)..line_end(self.text, part.range.end)
            };
            push(patches, range, String::new());
        }
    }

    fn owns_line(&self, at: usize) -> bool {
        self.text.get(line_start(self.text, at)..at).is_some_and(|before| before.trim().is_empty())
    }

    /// Adds an entry, or an element, after the last one that is kept.
    pub(super) fn add(
        &self,
        node: &Node,
        parts: &[Part],
        addition: &Addition<'_>,
        patches: &mut Vec<Patch>,
    ) -> Option<()> {
        let last = parts.iter().rev().find(|part| !part.removed)?;
        let end = line_end(self.text, last.range.end);
        let own = column(self.text, node.range.start);
        let mut text = self.line(own);
        let inline = print::inline(addition.value, Context::Block, Style::Empty);
        if let Some(key) = addition.key {
            text.push_str(&print::string(key, Context::Block, Style::Empty)?);
            text.push(':');
        } else {
            text.push('-');
        }
        match (inline, addition.key) {
            (Some(inline), _) => {
                text.push(' ');
                text.push_str(&inline);
            }
            (None, Some(_)) => {
                let column = self.column_below(node, addition.value);
                text.push_str(&self.line(column));
                text.push_str(&print::block(addition.value, column, self.layout)?);
            }
            (None, None) => {
                text.push(' ');
                text.push_str(&print::block(addition.value, own + 2, self.layout)?);
            }
        }
        push(patches, end..end, text);
        Some(())
    }
}

fn push(patches: &mut Vec<Patch>, range: Range<usize>, text: String) {
    patches.push(Patch { range, text });
}

/// How many characters stand before a byte on its line.
fn column(text: &str, at: usize) -> usize {
    let before = text.get(line_start(text, at)..at).unwrap_or_default();
    before.trim_start_matches('\u{feff}').chars().count()
}

fn column_is_start(text: &str, at: usize) -> bool {
    column(text, at) == 0 || at >= text.len()
}

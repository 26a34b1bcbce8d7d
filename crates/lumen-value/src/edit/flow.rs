//! Patches of JSON, and of YAML in flow style.

use super::plan::{Addition, Part};
use super::print::{self, Context, FlowLayout};
use super::{LAYOUT_NODES_MAX, Patch};
use crate::Value;
use crate::span::{Index, Node, Style, line_end, line_start};

/// How a document is laid out in flow style.
pub(super) struct Flow<'index> {
    pub(super) text: &'index str,
    /// `None` in YAML, where flow collections are written on one line.
    pub(super) json: Option<JsonLayout<'index>>,
}

/// How a JSON document is laid out.
pub(super) struct JsonLayout<'index> {
    /// One element a line: the line break, and one step of indentation.
    lines: Option<(&'static str, &'index str)>,
    comma: &'static str,
    colon: &'static str,
}

impl<'index> JsonLayout<'index> {
    /// As the first collection that holds something has it.
    pub(super) fn of(index: &'index Index) -> Self {
        let text = index.text();
        let is_space = |at: usize| text.as_bytes().get(at) == Some(&b' ');
        let in_mapping = |node: &&Node| node.parent.is_some_and(|at| index.tree().entry(at).is_some());
        let spaced = index
            .tree()
            .nodes
            .iter()
            .take(LAYOUT_NODES_MAX)
            .find(in_mapping)
            .is_none_or(|node| is_space(node.lead));
        let comma_spaced = index.tree().nodes.iter().take(LAYOUT_NODES_MAX).find_map(|node| {
            let (_, slot) = node.parent?;
            let after_comma = slot > 0 && is_space(index.entry_start(node).checked_sub(1)?);
            (slot > 0).then_some(after_comma)
        });
        Self {
            lines: Self::lines(index),
            comma: if comma_spaced.unwrap_or(spaced) { ", " } else { "," },
            colon: if spaced { ": " } else { ":" },
        }
    }

    fn lines(index: &'index Index) -> Option<(&'static str, &'index str)> {
        let text = index.text();
        let found = index.tree().nodes.iter().take(LAYOUT_NODES_MAX).find_map(|node| {
            let (parent, _) = node.parent?;
            let start = index.entry_start(node);
            let parent = index.tree().node(parent)?;
            let own = text.get(line_start(text, start)..start)?;
            let outer = line_prefix(text, parent.range.start);
            let own_line = own.trim().is_empty() && line_start(text, start) > parent.range.start;
            own_line.then(|| own.strip_prefix(outer)).flatten()
        })?;
        let end = text.find('\n')?;
        Some((if line_end(text, end.saturating_sub(1)) < end { "\r\n" } else { "\n" }, found))
    }
}

impl Flow<'_> {
    fn layout<'a>(&'a self, base: &'a str) -> FlowLayout<'a> {
        match &self.json {
            Some(json) => FlowLayout {
                context: Context::Json,
                comma: if json.lines.is_some() { "," } else { json.comma },
                colon: json.colon,
                lines: json.lines.map(|(line_break, step)| (line_break, base, step)),
            },
            None => FlowLayout { context: Context::Flow, comma: ", ", colon: ": ", lines: None },
        }
    }

    /// Replaces a value. `None` where the new one cannot be written.
    pub(super) fn replace(&self, node: &Node, new: &Value, patches: &mut Vec<Patch>) -> Option<()> {
        let base = line_prefix(self.text, node.range.start);
        let text = print::flow(new, &self.layout(base), node.style)?;
        let (range, space) = if node.full.is_empty() {
            (node.lead..node.lead, " ")
        } else {
            (node.full.start..node.end(), "")
        };
        patches.push(Patch { range, text: space.to_owned() + &text });
        Some(())
    }

    /// Takes parts of a collection away; at least one is kept.
    pub(super) fn remove(parts: &[Part], patches: &mut Vec<Patch>) {
        let mut kept_before = false;
        for (number, part) in parts.iter().enumerate() {
            let before = number.checked_sub(1).and_then(|number| parts.get(number));
            let range = match (part.removed, before, parts.get(number + 1)) {
                (false, ..) => {
                    kept_before = true;
                    continue;
                }
                (true, Some(before), _) if kept_before => before.range.end..part.range.end,
                (true, _, Some(after)) => part.range.start..after.range.start,
                (true, _, None) => part.range.clone(),
            };
            patches.push(Patch { range, text: String::new() });
        }
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
        let start = line_start(self.text, last.range.start);
        let prefix = self.text.get(start..last.range.start).unwrap_or_default();
        let own_line = prefix.trim().is_empty() && start > node.range.start;
        let layout = self.layout(line_prefix(self.text, last.range.start));
        let mut text = String::new();
        if own_line {
            let above = self.text.get(..start).unwrap_or_default();
            text.push_str(if above.ends_with("\r\n") { ",\r\n" } else { ",\n" });
            text.push_str(prefix);
        } else {
            text.push_str(self.json.as_ref().map_or(", ", |json| json.comma));
        }
        if let Some(key) = addition.key {
            text.push_str(&print::string(key, layout.context, Style::Empty)?);
            text.push_str(layout.colon);
        }
        text.push_str(&print::flow(addition.value, &layout, Style::Empty)?);
        patches.push(Patch { range: last.range.end..last.range.end, text });
        Some(())
    }
}

/// The blanks that a line starts with.
fn line_prefix(text: &str, at: usize) -> &str {
    let line = text.get(line_start(text, at)..at).unwrap_or_default();
    let length = line.find(|char: char| char != ' ' && char != '\t').unwrap_or(line.len());
    line.get(..length).unwrap_or_default()
}

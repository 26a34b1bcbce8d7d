//! Comments, and the node that each belongs to.

use std::ops::Range;

use super::lines::line_start;
use super::tree::{Children, NodeId, Tree};

/// How a comment stands on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Alone on its line.
    OwnLine,
    /// After something else.
    EndOfLine,
}

/// A comment of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What stands after the `#`, to the end of the line.
    pub text: String,
    /// Its bytes, the `#` included and the line break not.
    pub range: Range<usize>,
    /// How it stands on its line.
    pub placement: Placement,
    /// The node it belongs to, if any.
    pub(super) owner: Option<NodeId>,
}

impl Comment {
    pub(super) fn new(text: &str, range: Range<usize>) -> Self {
        let content = text.get(range.start + 1..range.end).unwrap_or_default();
        let before = text.get(line_start(text, range.start)..range.start).unwrap_or_default();
        let alone = before.trim_start_matches('\u{feff}').trim().is_empty();
        Self {
            text: content.to_owned(),
            range,
            placement: if alone { Placement::OwnLine } else { Placement::EndOfLine },
            owner: None,
        }
    }
}

/// Where an entry or an item starts.
struct Start {
    at: usize,
    line: usize,
    column: usize,
    node: NodeId,
    block: bool,
}

/// Finds the owner of each comment. The comments must be in their order.
pub(super) fn assign(text: &str, tree: &Tree, comments: &mut [Comment]) {
    if comments.is_empty() {
        return;
    }
    let starts = starts(text, tree);
    // Of each start, the last one up to it that is in block style.
    let mut last_block = None;
    let blocks: Vec<_> = starts
        .iter()
        .map(|start| {
            last_block = start.block.then_some(start.node).or(last_block);
            last_block
        })
        .collect();
    for comment in comments {
        let line = line_start(text, comment.range.start);
        comment.owner = match comment.placement {
            Placement::OwnLine => {
                let next = starts.partition_point(|start| start.at < comment.range.start);
                let column = text.get(line..comment.range.start).unwrap_or_default().chars().count();
                below(starts.get(next..).unwrap_or_default(), column)
            }
            // Where nothing starts on its line, it is about what a line above began.
            Placement::EndOfLine => {
                let first = starts.partition_point(|start| start.at < line);
                let end = starts.partition_point(|start| start.at < comment.range.start);
                let above = first.checked_sub(1).and_then(|last| *blocks.get(last)?);
                beside(starts.get(first..end).unwrap_or_default()).or(above)
            }
        };
    }
}

/// The node below a comment of its own line: of those that start on the next line that has any, the one in the
/// comment's column, or the first where all stand further right. What stands further left is another matter.
fn below(following: &[Start], column: usize) -> Option<NodeId> {
    let first = following.first()?;
    let at = following.partition_point(|start| (start.line, start.column) < (first.line, column));
    let same = following.get(at).filter(|start| (start.line, start.column) == (first.line, column));
    same.or(Some(first).filter(|first| first.column > column)).map(|start| start.node)
}

/// The node beside a comment: the innermost of those in block style that start on the line, so that what is said
/// holds for as little as it can; where none is, the last in flow style.
fn beside(line: &[Start]) -> Option<NodeId> {
    let block = line.iter().rev().find(|start| start.block).or(line.last());
    block.map(|start| start.node)
}

fn starts(text: &str, tree: &Tree) -> Vec<Start> {
    let mut starts = Vec::new();
    let (mut line, mut line_at, mut at, mut column) = (0, 0, 0, 0);
    for id in (0..tree.nodes.len()).map(NodeId) {
        let Some((parent, slot)) = tree.node(id).and_then(|node| node.parent) else {
            continue;
        };
        let Some(parent) = tree.node(parent) else { continue };
        let start = match &parent.children {
            Children::Sequence(items) => items.get(slot).map(|item| item.start),
            Children::Mapping(mapping) => mapping.entries.get(slot).map(|entry| entry.start),
            _ => None,
        };
        let Some(start) = start.filter(|start| *start >= at) else {
            continue;
        };
        for (offset, char) in text.get(at..start).unwrap_or_default().char_indices() {
            if char == '\n' {
                (line, line_at, column) = (line + 1, at + offset + 1, 0);
            } else if at + offset >= line_at {
                column += usize::from(char != '\u{feff}');
            }
        }
        at = start;
        starts.push(Start { at: start, line, column, node: id, block: parent.is_block() });
    }
    starts
}

//! Makes an index of TOML.

use super::Style;
use super::tree::{Children, Entry, Item, Mapping, Node, NodeId, Tree};
use crate::read::{Limits, ReadError};
use crate::toml::{self, Kind};

/// Reads a text that is one TOML document.
pub(super) fn read(text: &str) -> Result<(Tree, NodeId), ReadError> {
    let mut nodes = toml::nodes(text, &Limits::default())?;
    // A table reaches to the end of what is in it. What is inside stands behind it in the list.
    for number in (1..nodes.len()).rev() {
        let Some((end, parent)) = nodes.get(number).map(|node| (node.range.end, node.parent)) else {
            continue;
        };
        if let Some(parent) = parent.and_then(|(parent, _)| nodes.get_mut(parent)) {
            parent.range.end = parent.range.end.max(end);
        }
    }
    let mut tree = Tree::default();
    for node in nodes {
        let (style, children) = match node.kind {
            Kind::Scalar(_) => {
                (scalar_style(text.get(node.range.clone()).unwrap_or_default()), Children::Scalar(None))
            }
            Kind::Array { of_tables: false, .. } => (Style::FlowSequence, Children::Sequence(Vec::new())),
            Kind::Array { .. } => (Style::BlockSequence, Children::Sequence(Vec::new())),
            Kind::Table { in_brackets: true, .. } => {
                (Style::FlowMapping, Children::Mapping(Mapping::default()))
            }
            Kind::Table { .. } => (Style::BlockMapping, Children::Mapping(Mapping::default())),
        };
        let start = node.range.start;
        let id = tree.push(Node {
            parent: node.parent.map(|(parent, slot)| (NodeId(parent), slot)),
            lead: start,
            full: node.range.clone(),
            range: node.range,
            style,
            anchor: None,
            children,
        });
        let parent = node.parent.and_then(|(parent, _)| tree.nodes.get_mut(parent));
        match parent.map(|parent| &mut parent.children) {
            Some(Children::Sequence(items)) => items.push(Item { start, node: id }),
            Some(Children::Mapping(mapping)) => {
                let key = node.key.unwrap_or(start..start);
                mapping.entries.push(Entry {
                    start: key.start,
                    key,
                    name: node.name,
                    merge: false,
                    value: id,
                });
            }
            _ => {}
        }
    }
    for node in &mut tree.nodes {
        if let Children::Mapping(mapping) = &mut node.children {
            mapping.finish();
        }
    }
    Ok((tree, NodeId(0)))
}

fn scalar_style(text: &str) -> Style {
    match text.bytes().next() {
        Some(b'"') => Style::DoubleQuoted,
        Some(b'\'') => Style::SingleQuoted,
        _ => Style::Plain,
    }
}

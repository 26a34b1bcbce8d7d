//! The nodes of one document's text, in an arena: a parent always stands before its children.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Style, Via};
use crate::yaml::BlockLines;
use crate::{Step, Str};

/// A node's place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) usize);

/// One value as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The collection that holds it, and its number there; `None` for the root and for what stands in a key.
    pub(crate) parent: Option<(NodeId, usize)>,
    /// The byte after what introduces it: `:`, `-`, `,` or a bracket.
    pub(crate) lead: usize,
    /// The value alone.
    pub(crate) range: Range<usize>,
    /// The value with its anchor and tag.
    pub(crate) full: Range<usize>,
    pub(crate) style: Style,
    /// The number of its anchor in [`Tree::anchors`].
    pub(crate) anchor: Option<usize>,
    pub(crate) children: Children,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Children {
    /// A scalar; the lines of one in block style.
    Scalar(Option<BlockLines>),
    /// The anchored node that the alias stands for.
    Alias(Option<NodeId>),
    Sequence(Vec<Item>),
    Mapping(Mapping),
}

/// An element of a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Its dash, or its value in flow style.
    pub(crate) start: usize,
    pub(crate) node: NodeId,
}

/// The entries of a mapping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    /// In the text's order, duplicates and merge keys included.
    pub(crate) entries: Vec<Entry>,
    /// The numbers of the entries that have a name, sorted by it and then by their order.
    by_name: Vec<usize>,
    /// The numbers of the merge keys.
    merges: Vec<usize>,
}

/// An entry of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its key, or the `?` before it.
    pub(crate) start: usize,
    pub(crate) key: Range<usize>,
    /// The key as Kubernetes reads it; `None` where that is an error.
    pub(crate) name: Option<Str>,
    pub(crate) merge: bool,
    pub(crate) value: NodeId,
}

/// An anchor and the aliases that name it.
#[derive(Clone, Debug)]
pub(crate) struct Anchor {
    pub(crate) name: String,
    pub(crate) range: Range<usize>,
    pub(crate) aliases: Vec<Range<usize>>,
}

/// The nodes of a document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) anchors: Vec<Anchor>,
}

/// A child of a collection: the entry it is in, and how it came there.
pub(crate) struct Child {
    pub(crate) node: NodeId,
    /// The mapping whose entry it is, and the entry's number there.
    pub(crate) entry: Option<(NodeId, usize)>,
    pub(crate) via: Via,
}

impl Mapping {
    /// Orders the entries by name; to be called once, when all are there.
    pub(crate) fn finish(&mut self) {
        let entries = &self.entries;
        let name = |number: &usize| entries.get(*number).and_then(|entry| entry.name.as_ref());
        let mut by_name: Vec<usize> = (0..entries.len()).filter(|number| name(number).is_some()).collect();
        by_name.sort_by(|a, b| name(a).cmp(&name(b)));
        let merges = entries.iter().enumerate().filter(|(_, entry)| entry.merge);
        self.merges = merges.map(|(number, _)| number).collect();
        self.by_name = by_name;
    }

    /// The numbers of the entries with this key, in their order.
    pub(crate) fn named(&self, name: &Str) -> &[usize] {
        let key = |number: &usize| self.entries.get(*number).and_then(|entry| entry.name.as_ref());
        let start = self.by_name.partition_point(|number| key(number) < Some(name));
        let rest = self.by_name.get(start..).unwrap_or_default();
        let count = rest.partition_point(|number| key(number) == Some(name));
        rest.get(..count).unwrap_or_default()
    }
}

impl Node {
    /// Where its last byte stands, or what introduces it where there is none.
    pub(crate) fn end(&self) -> usize {
        self.full.end.max(self.range.end)
    }

    /// Whether it is a collection in block style.
    pub(crate) fn is_block(&self) -> bool {
        matches!(self.style, Style::BlockMapping | Style::BlockSequence)
    }
}

impl Tree {
    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }

    /// The collection that holds a node.
    pub(crate) fn parent(&self, id: NodeId) -> Option<&Node> {
        self.node(self.node(id)?.parent?.0)
    }

    pub(crate) fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    pub(crate) fn entry(&self, (mapping, number): (NodeId, usize)) -> Option<&Entry> {
        match &self.node(mapping)?.children {
            Children::Mapping(mapping) => mapping.entries.get(number),
            _ => None,
        }
    }

    /// The node an alias stands for; any other node itself.
    pub(crate) fn resolved(&self, id: NodeId) -> Option<NodeId> {
        match self.node(id)?.children {
            Children::Alias(target) => target,
            _ => Some(id),
        }
    }

    /// The last step of the way to a node; `None` for the root and where the key has no name.
    pub(crate) fn step(&self, id: NodeId) -> Option<Step> {
        let (parent, slot) = self.node(id)?.parent?;
        match &self.node(parent)?.children {
            Children::Sequence(_) => Some(Step::Index(slot)),
            Children::Mapping(mapping) => Some(Step::Key(mapping.entries.get(slot)?.name.clone()?)),
            _ => None,
        }
    }

    /// The child of a collection; a pointer's step from it. The node must not be an alias.
    pub(crate) fn child(&self, id: NodeId, step: &Step) -> Option<Child> {
        match (&self.node(id)?.children, step) {
            (Children::Sequence(items), Step::Index(index)) => {
                Some(Child { node: items.get(*index)?.node, entry: None, via: Via::Own })
            }
            (Children::Mapping(_), Step::Key(name)) => self.field(id, name),
            _ => None,
        }
    }

    /// The entry that counts for a key: the last of those in the mapping, where a merge key stands for all the entries
    /// of its mappings, and where of a list of mappings the first has precedence.
    fn field(&self, id: NodeId, name: &Str) -> Option<Child> {
        // What is left to look at, the best last. A mapping that was looked through has nothing new to give.
        let mut pending = vec![(Candidate::Mapping(id), Via::Own)];
        let mut seen = BTreeSet::new();
        while let Some((candidate, via)) = pending.pop() {
            let id = match candidate {
                Candidate::Entry(mapping, number) => {
                    let entry = self.entry((mapping, number))?;
                    return Some(Child { node: entry.value, entry: Some((mapping, number)), via });
                }
                Candidate::Mapping(id) => id,
            };
            let Some(Children::Mapping(mapping)) = self.node(id).map(|node| &node.children) else {
                continue;
            };
            if !seen.insert(id) {
                continue;
            }
            let own = mapping.named(name).last().copied();
            let mut own_left = own;
            for merge in &mapping.merges {
                if own_left.is_some_and(|own| own < *merge) {
                    pending.extend(own_left.take().map(|own| (Candidate::Entry(id, own), via.clone())));
                }
                self.push_merged((id, *merge), &via, &mut pending);
            }
            pending.extend(own_left.map(|own| (Candidate::Entry(id, own), via)));
        }
        None
    }

    /// Puts the mappings that a merge key names on the list, the one with the least precedence first.
    fn push_merged(&self, at: (NodeId, usize), via: &Via, pending: &mut Vec<(Candidate, Via)>) {
        let Some((entry, value)) = self.entry(at).and_then(|entry| Some((entry, self.node(entry.value)?)))
        else {
            return;
        };
        let mut push = |source: NodeId| {
            let Some(target) = self.resolved(source) else {
                return;
            };
            let via = match via {
                Via::Own => Via::Merge {
                    at: entry.key.start..value.end(),
                    merged: self.node(target).map(|node| node.range.clone()).unwrap_or_default(),
                },
                outer => outer.clone(),
            };
            pending.push((Candidate::Mapping(target), via));
        };
        match &value.children {
            Children::Sequence(items) => items.iter().rev().for_each(|item| push(item.node)),
            _ => push(entry.value),
        }
    }
}

enum Candidate {
    Entry(NodeId, usize),
    Mapping(NodeId),
}

//! Reads YAML into an index, by the reader's own events.

use std::collections::HashMap;
use std::ops::Range;

use super::scalar::lines;
use super::tree::{Anchor, Children, Entry, Item, Mapping, Node, NodeId, Tree};
use super::{Comment, Style};
use crate::Str;
use crate::read::{DEPTH_MAX, ReadError};
use crate::yaml::{self, BlockLines, Event, Place, Scalar, ScalarStyle};

/// What was read of one document.
pub(super) struct Read {
    pub(super) tree: Tree,
    pub(super) root: NodeId,
    pub(super) comments: Vec<Comment>,
}

/// Reads the first document of a text; whatever follows it is not looked at.
///
/// Of the text so many bytes were given, the line break after them was added.
pub(super) fn read(text: &str, length: usize) -> Result<Read, ReadError> {
    let mut builder = Builder::new(text);
    let comments = yaml::trace(text, DEPTH_MAX, |event, place, block| builder.event(event, place, block))?;
    let comments = comments.into_iter().map(|range| Comment::new(text, range)).collect();
    let (tree, root) = builder.finish(length);
    Ok(Read { tree, root, comments })
}

/// A collection that is being read.
struct Frame {
    node: NodeId,
    is_mapping: bool,
    /// Whether brackets show where it starts and ends.
    bracketed: bool,
    /// In a mapping: the key whose value comes next.
    key: Option<Key>,
    /// Where the entry starts whose key this collection is.
    key_of: Option<usize>,
}

struct Key {
    start: usize,
    range: Range<usize>,
    name: Option<Str>,
    merge: bool,
}

/// Where a node stands, and what introduces it.
struct Spot {
    /// Its entry, item or key.
    start: usize,
    lead: usize,
    properties: Option<usize>,
    /// The number of its anchor.
    anchor: Option<usize>,
    /// Whether it is a mapping's key.
    is_key: bool,
}

struct Builder<'text> {
    text: &'text str,
    tree: Tree,
    frames: Vec<Frame>,
    root: Option<NodeId>,
    /// By the name of an anchor: the node, and what it would be called as a key.
    anchored: HashMap<&'text str, (NodeId, Option<Str>)>,
    /// The end of the last node.
    at: usize,
    /// The end of the last block scalar, with the line break behind it, as the reader has it.
    block_end: Option<usize>,
}

impl<'text> Builder<'text> {
    fn new(text: &'text str) -> Self {
        Self {
            text,
            tree: Tree::default(),
            frames: Vec::new(),
            root: None,
            anchored: HashMap::new(),
            at: 0,
            block_end: None,
        }
    }

    fn event(&mut self, event: Event<'text>, place: &Place, block: BlockLines) {
        match event {
            Event::End => {}
            Event::Alias(name) => self.alias(name, place),
            Event::Scalar(scalar) => self.scalar(scalar, place, block),
            Event::SequenceStart(anchor) => self.open(false, anchor, place),
            Event::MappingStart(anchor) => self.open(true, anchor, place),
            Event::SequenceEnd | Event::MappingEnd => self.close(place),
        }
    }

    /// What introduces a node.
    fn spot(&mut self, place: &Place, anchor: Option<&str>) -> Spot {
        let is_key = self.frames.last().is_some_and(|frame| frame.is_mapping && frame.key.is_none());
        let anchor = anchor.zip(place.anchor.clone()).map(|(name, range)| {
            self.tree.anchors.push(Anchor { name: name.to_owned(), range, aliases: Vec::new() });
            self.tree.anchors.len() - 1
        });
        // What is not written stands at the end of a block scalar before it, not below its lines.
        let lead = if self.block_end == Some(place.lead) { self.at } else { place.lead };
        let start = place.indicator.or(place.properties).unwrap_or(place.own.start);
        Spot { start, lead, properties: place.properties, anchor, is_key }
    }

    /// Adds a node and links it to its collection.
    fn add(&mut self, spot: &Spot, range: Range<usize>, style: Style, children: Children) -> NodeId {
        let parent = match self.frames.last() {
            Some(frame) if !spot.is_key => Some((frame.node, self.child_count(frame.node))),
            _ => None,
        };
        let full = spot.properties.unwrap_or(range.start)..range.end;
        let Spot { lead, anchor, .. } = *spot;
        let id = self.tree.push(Node { parent, lead, range, full, style, anchor, children });
        let Some(frame) = self.frames.last_mut() else {
            self.root = self.root.or(Some(id));
            return id;
        };
        let (container, bracketed, key) = (frame.node, frame.bracketed, frame.key.take());
        let Some(container) = self.tree.nodes.get_mut(container.0) else {
            return id;
        };
        if !bracketed && container.range.start == usize::MAX {
            container.range.start = spot.start;
            container.full.start = container.full.start.min(spot.start);
        }
        match (&mut container.children, key) {
            (Children::Sequence(items), _) => items.push(Item { start: spot.start, node: id }),
            (Children::Mapping(mapping), Some(key)) => mapping.entries.push(Entry {
                start: key.start,
                key: key.range,
                name: key.name,
                merge: key.merge,
                value: id,
            }),
            // A key: the caller keeps it until its value comes.
            _ => {}
        }
        id
    }

    fn child_count(&self, id: NodeId) -> usize {
        match self.tree.node(id).map(|node| &node.children) {
            Some(Children::Sequence(items)) => items.len(),
            Some(Children::Mapping(mapping)) => mapping.entries.len(),
            _ => 0,
        }
    }

    fn set_key(&mut self, key: Key) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(key);
        }
    }

    fn scalar(&mut self, scalar: Scalar<'text>, place: &Place, block: BlockLines) {
        let anchor = scalar.anchor;
        let spot = self.spot(place, anchor);
        let (own, style) = (place.own.clone(), scalar.style);
        let (range, style) = match style {
            ScalarStyle::Absent if spot.properties.is_none() => (spot.lead..spot.lead, Style::Empty),
            ScalarStyle::Absent => (own, Style::Empty),
            ScalarStyle::Plain => (own, Style::Plain),
            ScalarStyle::SingleQuoted => (own, Style::SingleQuoted),
            ScalarStyle::DoubleQuoted => (own, Style::DoubleQuoted),
            ScalarStyle::Literal => (self.block_scalar(&own, &block), Style::Literal),
            ScalarStyle::Folded => (self.block_scalar(&own, &block), Style::Folded),
        };
        self.at = range.end;
        let block = matches!(style, Style::Literal | Style::Folded).then_some(block);
        self.block_end = block.and(Some(place.own.end));
        let id = self.add(&spot, range.clone(), style, Children::Scalar(block));
        if !spot.is_key && anchor.is_none() {
            return;
        }
        let merge = yaml::is_merge(&scalar);
        let name = yaml::key(scalar).ok();
        if let Some(anchor) = anchor {
            self.anchored.insert(anchor, (id, name.clone()));
        }
        if spot.is_key {
            self.set_key(Key { start: spot.start, range, merge, name });
        }
    }

    /// From the indicator to the end of the last line of content.
    fn block_scalar(&self, own: &Range<usize>, block: &BlockLines) -> Range<usize> {
        let header = self.text.get(own.start + 1..block.start).unwrap_or_default();
        let length = header.find(|char: char| !matches!(char, '+' | '-' | '0'..='9')).unwrap_or(header.len());
        let keep = header.get(..length).is_some_and(|marks| marks.contains('+'));
        let end = lines(self.text, block.start..block.end)
            .filter(|(line, _)| keep || line.len() > block.indent)
            .last()
            .map_or(own.start + 1 + length, |(line, _)| line.end);
        own.start..end
    }

    fn alias(&mut self, name: &str, place: &Place) {
        let spot = self.spot(place, None);
        let range = place.own.clone();
        self.at = range.end;
        let (target, name) = self.anchored.get(name).cloned().unzip();
        self.add(&spot, range.clone(), Style::Alias, Children::Alias(target));
        let anchor = target.and_then(|target| self.tree.node(target)?.anchor);
        if let Some(anchor) = anchor.and_then(|anchor| self.tree.anchors.get_mut(anchor)) {
            anchor.aliases.push(range.clone());
        }
        if spot.is_key {
            self.set_key(Key { start: spot.start, range, name: name.flatten(), merge: false });
        }
    }

    fn open(&mut self, is_mapping: bool, anchor: Option<&'text str>, place: &Place) {
        let bracketed = place.flow && !place.own.is_empty();
        let spot = self.spot(place, anchor);
        let (children, style) = match (is_mapping, place.flow) {
            (true, true) => (Children::Mapping(Mapping::default()), Style::FlowMapping),
            (true, false) => (Children::Mapping(Mapping::default()), Style::BlockMapping),
            (false, true) => (Children::Sequence(Vec::new()), Style::FlowSequence),
            (false, false) => (Children::Sequence(Vec::new()), Style::BlockSequence),
        };
        let start = if bracketed { place.own.start } else { usize::MAX };
        if bracketed {
            self.at = place.own.end;
        }
        let node = self.add(&spot, start..start, style, children);
        if let Some(name) = anchor {
            self.anchored.insert(name, (node, None));
        }
        let key_of = spot.is_key.then_some(spot.start);
        self.frames.push(Frame { node, is_mapping, bracketed, key: None, key_of });
    }

    fn close(&mut self, place: &Place) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.bracketed {
            self.at = place.own.end;
        }
        let end = self.at;
        let Some(node) = self.tree.nodes.get_mut(frame.node.0) else {
            return;
        };
        node.range = node.range.start.min(end)..end;
        node.full = node.full.start.min(node.range.start)..end;
        if let Children::Mapping(mapping) = &mut node.children {
            mapping.finish();
        }
        if let Some(start) = frame.key_of {
            let range = node.range.clone();
            self.set_key(Key { start, range, name: None, merge: false });
        }
    }

    fn finish(mut self, end: usize) -> (Tree, NodeId) {
        let root = self.root.unwrap_or_else(|| {
            self.tree.push(Node {
                parent: None,
                lead: end,
                range: end..end,
                full: end..end,
                style: Style::Empty,
                anchor: None,
                children: Children::Scalar(None),
            })
        });
        (self.tree, root)
    }
}

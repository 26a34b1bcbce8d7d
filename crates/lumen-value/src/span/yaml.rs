//! Reads YAML into an index, by the parser's events.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::gap::{Gap, line_end, line_start, next_line};
use super::key;
use super::scalar::Block;
use super::tree::{Anchor, Children, Entry, Item, Mapping, Node, NodeId, Tree};
use super::{Comment, Style};
use crate::Str;
use crate::read::{DEPTH_MAX, ReadError, ReadErrorKind};

/// What was read of one document.
pub(super) struct Parsed {
    pub(super) tree: Tree,
    pub(super) root: NodeId,
    pub(super) comments: Vec<Comment>,
}

/// Reads the first document of a text; whatever follows it is not looked at.
///
/// Of the text so many bytes were given, the line break after them was added.
pub(super) fn read(text: &str, length: usize) -> Result<Parsed, ReadError> {
    let options = granit_parser::options! {
        bom_inside_document_as_content: true,
        emit_anchor_events: true,
        max_buffered_comment_events: usize::MAX,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut builder = Builder::new(text);
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                if builder.event(event, &span).is_break() {
                    break;
                }
            }
            // The document is whole; the error is in what follows it.
            Err(_) if builder.ended => break,
            Err(error) => return Err(read_error(&error)),
        }
    }
    Ok(builder.finish(length))
}

fn read_error(error: &granit_parser::ScanError) -> ReadError {
    let kind = match error.kind() {
        ErrorKind::RecursionLimitExceeded => ReadErrorKind::TooDeep,
        _ => ReadErrorKind::Syntax,
    };
    ReadError {
        kind,
        document: 0,
        at: error.marker().byte_offset().unwrap_or_default(),
        pointer: None,
        message: error.info(),
    }
}

/// A collection that is being read.
struct Frame {
    node: NodeId,
    flow: bool,
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

/// Where a node stands.
struct Place {
    /// Its entry, item or key.
    start: usize,
    lead: usize,
    properties: Option<usize>,
    /// Whether it is a mapping's key.
    is_key: bool,
}

struct Builder<'text> {
    gap: Gap<'text>,
    tree: Tree,
    frames: Vec<Frame>,
    root: Option<NodeId>,
    /// By the parser's number of an anchor: the node, and what it would be called as a key.
    anchored: HashMap<usize, (NodeId, Option<Str>)>,
    /// The node, and its name as a key, that an anchor event belongs to.
    last: Option<(NodeId, Option<Str>)>,
    comments: Vec<Comment>,
    ended: bool,
}

impl<'text> Builder<'text> {
    fn new(text: &'text str) -> Self {
        Self {
            gap: Gap { text, at: 0 },
            tree: Tree::default(),
            frames: Vec::new(),
            root: None,
            anchored: HashMap::new(),
            last: None,
            comments: Vec::new(),
            ended: false,
        }
    }

    fn event(&mut self, event: Event<'_>, span: &Span) -> std::ops::ControlFlow<()> {
        let range = span.byte_range().unwrap_or_default();
        match event {
            Event::DocumentStart(..) if self.ended => return std::ops::ControlFlow::Break(()),
            Event::DocumentStart(true, _) => self.gap.at = range.end,
            Event::DocumentEnd => self.ended = true,
            Event::Comment(text, _) => self.comments.push(Comment::new(self.gap.text, range, &text)),
            Event::Anchor(id, name) => self.anchor(id, &name, range),
            Event::Alias(id) => self.alias(id, range),
            Event::Scalar(value, style, anchor, tag) => {
                self.scalar(&value, style, properties(anchor, tag.as_deref()), tag.as_deref(), span);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.open(false, style, properties(anchor, tag.as_deref()), range);
            }
            Event::MappingStart(style, anchor, tag) => {
                self.open(true, style, properties(anchor, tag.as_deref()), range);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range),
            _ => {}
        }
        std::ops::ControlFlow::Continue(())
    }

    /// Takes what introduces a node.
    fn place(&mut self, start: usize, properties: usize, empty: bool) -> Place {
        // An indicator before the node's own text; an empty node may be placed before its indicator.
        let limit = if empty { usize::MAX } else { start };
        let frame = self.frames.last();
        let is_mapping = frame.is_some_and(|frame| {
            matches!(self.tree.node(frame.node).map(|node| &node.children), Some(Children::Mapping(_)))
        });
        let (flow, has_key) = frame.map_or((false, false), |frame| (frame.flow, frame.key.is_some()));
        let is_key = is_mapping && !has_key;
        let indicator = match (frame.is_some(), is_mapping, flow) {
            (false, ..) => None,
            (true, false, false) => self.gap.take(b'-', usize::MAX),
            (true, false, true) => self.gap.take(b',', limit).and(None),
            (true, true, _) if !is_key => self.gap.take(b':', limit).and(None),
            (true, true, false) => self.gap.take(b'?', limit),
            (true, true, true) => {
                self.gap.take(b',', limit);
                self.gap.take(b'?', limit)
            }
        };
        let lead = self.gap.at;
        let properties = self.gap.take_properties(properties, flow);
        let own = if empty { lead } else { start };
        Place { start: indicator.or(properties).unwrap_or(own), lead, properties, is_key }
    }

    /// Adds a node and links it to its collection.
    fn add(&mut self, place: &Place, range: Range<usize>, style: Style, children: Children) -> NodeId {
        let parent = match self.frames.last() {
            Some(frame) if !place.is_key => Some((frame.node, self.child_count(frame.node))),
            _ => None,
        };
        let full = place.properties.unwrap_or(range.start)..range.end;
        let id =
            self.tree.push(Node { parent, lead: place.lead, full, range, style, anchor: None, children });
        let Some(frame) = self.frames.last_mut() else {
            self.root = self.root.or(Some(id));
            return id;
        };
        let (container, bracketed, key) = (frame.node, frame.bracketed, frame.key.take());
        let Some(container) = self.tree.nodes.get_mut(container.0) else {
            return id;
        };
        if !bracketed && container.range.start == usize::MAX {
            container.range.start = place.start;
            container.full.start = container.full.start.min(place.start);
        }
        match (&mut container.children, key) {
            (Children::Sequence(items), _) => items.push(Item { start: place.start, node: id }),
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

    fn scalar(&mut self, value: &str, style: ScalarStyle, properties: usize, tag: Option<&Tag>, span: &Span) {
        let source = span.byte_range().unwrap_or_default();
        let source_end = source.end;
        let empty = style == ScalarStyle::Plain && source.is_empty();
        let place = self.place(source.start, properties, empty);
        // Of a key the parser gives the mapping's indentation.
        let indent = span.indent.filter(|_| !place.is_key);
        let (range, style) = match style {
            ScalarStyle::Plain if empty => (self.gap.at..self.gap.at, Style::Empty),
            ScalarStyle::Plain => (source, Style::Plain),
            ScalarStyle::SingleQuoted => (source, Style::SingleQuoted),
            ScalarStyle::DoubleQuoted => (source, Style::DoubleQuoted),
            ScalarStyle::Literal => (self.block_scalar(source, indent), Style::Literal),
            ScalarStyle::Folded => (self.block_scalar(source, indent), Style::Folded),
        };
        self.gap.at = self.gap.at.max(range.end);
        let block = matches!(style, Style::Literal | Style::Folded)
            .then_some(Block { indent: self.block_indent(&range, source_end, indent), end: source_end });
        let id = self.add(&place, range.clone(), style, Children::Scalar(block));
        let name = key::name(value, style, tag);
        if place.is_key {
            self.set_key(Key {
                start: place.start,
                range,
                merge: key::is_merge(value, style, tag),
                name: name.clone(),
            });
        }
        self.last = Some((id, name));
    }

    /// From the indicator to the end of the last line of content.
    fn block_scalar(&mut self, source: Range<usize>, indent: Option<usize>) -> Range<usize> {
        let text = self.gap.text;
        let Some(start) = self.gap.peek_block_scalar() else {
            return source;
        };
        let header = text.get(start + 1..).unwrap_or_default();
        let length = header.find(|char: char| !matches!(char, '+' | '-' | '0'..='9')).unwrap_or(header.len());
        let keep = header.get(..length).is_some_and(|marks| marks.contains('+'));
        let header_end = start + 1 + length;
        let body = next_line(text, header_end);
        let mut end = source.end.max(body).min(text.len());
        let mut last = true;
        while end >= body {
            let line = text.get(body..end).unwrap_or_default();
            let line = line.rfind('\n').map_or(line, |at| line.get(at + 1..).unwrap_or_default());
            let line_begin = end - line.len();
            let bare = line.trim_end_matches('\r');
            let blank = bare.bytes().all(|byte| byte == b' ');
            if !blank || (keep && !last) || (indent.is_some_and(|indent| bare.len() > indent) && !last) {
                return start..line_begin + bare.len();
            }
            if line_begin <= body {
                break;
            }
            end = line_begin - 1;
            last = false;
        }
        start..header_end
    }

    /// How many spaces stand before a block scalar's content.
    fn block_indent(&self, range: &Range<usize>, end: usize, known: Option<usize>) -> usize {
        let body = self.gap.text.get(next_line(self.gap.text, range.start)..end).unwrap_or_default();
        let indent = |line: &str| line.bytes().take_while(|byte| *byte == b' ').count();
        let first = body.lines().find(|line| indent(line) < line.len());
        known.or_else(|| self.explicit_indent(range)).or(first.map(indent)).unwrap_or(usize::MAX)
    }

    /// The indentation that a block scalar's header states, which counts from that of its collection.
    fn explicit_indent(&self, range: &Range<usize>) -> Option<usize> {
        let header = self.gap.text.get(range.start + 1..)?;
        let digit = header.trim_start_matches(['+', '-']).chars().next()?.to_digit(10)?;
        let collection = self.frames.last().and_then(|frame| self.tree.node(frame.node));
        let start = collection.map_or(0, |node| node.range.start);
        let column =
            self.gap.text.get(line_start(self.gap.text, start)..start).unwrap_or_default().chars().count();
        Some(column + usize::try_from(digit).ok()?)
    }

    fn alias(&mut self, id: usize, range: Range<usize>) {
        let place = self.place(range.start, 0, false);
        self.gap.at = range.end;
        let (target, name) = self.anchored.get(&id).cloned().unzip();
        self.add(&place, range.clone(), Style::Alias, Children::Alias(target));
        let anchor = target.and_then(|target| self.tree.node(target)?.anchor);
        if let Some(anchor) = anchor.and_then(|anchor| self.tree.anchors.get_mut(anchor)) {
            anchor.aliases.push(range.clone());
        }
        if place.is_key {
            self.set_key(Key { start: place.start, range, name: name.flatten(), merge: false });
        }
    }

    fn anchor(&mut self, id: usize, name: &str, range: Range<usize>) {
        let Some((node, key)) = self.last.take() else {
            return;
        };
        self.anchored.insert(id, (node, key));
        let number = self.tree.anchors.len();
        self.tree.anchors.push(Anchor { name: name.to_owned(), range, aliases: Vec::new() });
        if let Some(node) = self.tree.nodes.get_mut(node.0) {
            node.anchor = Some(number);
        }
    }

    fn open(&mut self, mapping: bool, style: StructureStyle, properties: usize, range: Range<usize>) {
        let flow = style == StructureStyle::Flow;
        let bracketed = flow && matches!(self.gap.byte(range.start), Some(b'[' | b'{')) && !range.is_empty();
        let place = self.place(range.start, properties, false);
        let (children, style) = match (mapping, flow) {
            (true, true) => (Children::Mapping(Mapping::default()), Style::FlowMapping),
            (true, false) => (Children::Mapping(Mapping::default()), Style::BlockMapping),
            (false, true) => (Children::Sequence(Vec::new()), Style::FlowSequence),
            (false, false) => (Children::Sequence(Vec::new()), Style::BlockSequence),
        };
        let start = if bracketed { range.start } else { usize::MAX };
        if bracketed {
            self.gap.at = range.end;
        }
        let id = self.add(&place, start..start, style, children);
        self.last = Some((id, None));
        self.frames.push(Frame {
            node: id,
            flow,
            bracketed,
            key: None,
            key_of: place.is_key.then_some(place.start),
        });
    }

    fn close(&mut self, range: Range<usize>) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.bracketed {
            self.gap.at = range.end;
        }
        let end = self.gap.at;
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

    fn finish(mut self, end: usize) -> Parsed {
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
        self.comments.sort_by_key(|comment| comment.range.start);
        for comment in &mut self.comments {
            comment.range.end = comment.range.end.min(line_end(self.gap.text, comment.range.start));
        }
        Parsed { tree: self.tree, root, comments: self.comments }
    }
}

/// How many properties, anchor and tag, a node has.
fn properties(anchor: usize, tag: Option<&Tag>) -> usize {
    usize::from(anchor != 0) + usize::from(tag.is_some())
}

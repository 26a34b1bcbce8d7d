//! Reads JSON into an index.

use std::ops::Range;

use super::Style;
use super::scalar::unquote;
use super::tree::{Children, Entry, Item, Mapping, Node, NodeId, Tree};
use crate::Str;
use crate::read::{DEPTH_MAX, ReadError, ReadErrorKind};

/// Reads a text that is one JSON value, with white space around it.
pub(super) fn read(text: &str) -> Result<(Tree, NodeId), ReadError> {
    let mut scanner = Scanner { text, at: 0, tree: Tree::default(), stack: Vec::new(), root: None };
    scanner.run()?;
    let root = scanner.root.ok_or_else(|| error(ReadErrorKind::Syntax, 0, "the JSON text holds no value"))?;
    Ok((scanner.tree, root))
}

fn error(kind: ReadErrorKind, at: usize, message: &str) -> ReadError {
    ReadError { kind, document: 0, at, pointer: None, message: message.to_owned() }
}

/// A collection that is being read.
struct Frame {
    node: NodeId,
    mapping: bool,
    key: Option<(Range<usize>, Str)>,
}

struct Scanner<'text> {
    text: &'text str,
    at: usize,
    tree: Tree,
    stack: Vec<Frame>,
    root: Option<NodeId>,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), ReadError> {
        let lead = self.at;
        self.value(lead)?;
        while let Some((mapping, node)) = self.stack.last().map(|frame| (frame.mapping, frame.node)) {
            self.element(mapping, node)?;
        }
        self.skip_blanks();
        if self.at < self.text.len() {
            return Err(self.unexpected("nothing may follow the value"));
        }
        Ok(())
    }

    /// Reads on in the innermost collection: its end, or its next element.
    fn element(&mut self, mapping: bool, node: NodeId) -> Result<(), ReadError> {
        let first = match self.tree.node(node).map(|node| &node.children) {
            Some(Children::Sequence(items)) => items.is_empty(),
            Some(Children::Mapping(mapping)) => mapping.entries.is_empty(),
            _ => true,
        };
        self.skip_blanks();
        let end = if mapping { b'}' } else { b']' };
        if self.byte() == Some(end) {
            self.at += 1;
            self.close(node);
            return Ok(());
        }
        let mut lead = self.at;
        if !first {
            if self.byte() != Some(b',') {
                return Err(self.unexpected("a comma or the collection's end must come next"));
            }
            self.at += 1;
            lead = self.at;
            self.skip_blanks();
        }
        if mapping {
            let start = self.at;
            if self.byte() != Some(b'"') {
                return Err(self.unexpected("a key in quotes must come next"));
            }
            self.string()?;
            let name = decode(self.text.get(start..self.at).unwrap_or_default());
            if let Some(frame) = self.stack.last_mut() {
                frame.key = Some((start..self.at, name));
            }
            self.skip_blanks();
            if self.byte() != Some(b':') {
                return Err(self.unexpected("a colon must come next"));
            }
            self.at += 1;
            lead = self.at;
        }
        self.value(lead)
    }

    fn value(&mut self, lead: usize) -> Result<(), ReadError> {
        self.skip_blanks();
        let start = self.at;
        let (style, children) = match self.byte() {
            Some(b'{') => {
                self.at += 1;
                (Style::FlowMapping, Children::Mapping(Mapping::default()))
            }
            Some(b'[') => {
                self.at += 1;
                (Style::FlowSequence, Children::Sequence(Vec::new()))
            }
            Some(b'"') => {
                self.string()?;
                (Style::DoubleQuoted, Children::Scalar(None))
            }
            _ => {
                self.word()?;
                (Style::Plain, Children::Scalar(None))
            }
        };
        let opens = match &children {
            Children::Mapping(_) => Some(true),
            Children::Sequence(_) => Some(false),
            _ => None,
        };
        if opens.is_some() && self.stack.len() >= DEPTH_MAX {
            return Err(error(ReadErrorKind::TooDeep, start, "collections nest too deep"));
        }
        let id = self.add(lead, start..self.at, style, children);
        if let Some(mapping) = opens {
            self.stack.push(Frame { node: id, mapping, key: None });
        }
        Ok(())
    }

    fn add(&mut self, lead: usize, range: Range<usize>, style: Style, children: Children) -> NodeId {
        let start = range.start;
        let id = self.tree.push(Node {
            parent: None,
            lead,
            full: range.clone(),
            range,
            style,
            anchor: None,
            children,
        });
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(id);
            return id;
        };
        let (container, key) = (frame.node, frame.key.take());
        let slot = match (self.tree.nodes.get_mut(container.0).map(|node| &mut node.children), key) {
            (Some(Children::Sequence(items)), _) => {
                items.push(Item { start, node: id });
                items.len() - 1
            }
            (Some(Children::Mapping(mapping)), Some((key, name))) => {
                mapping.entries.push(Entry {
                    start: key.start,
                    key,
                    name: Some(name),
                    merge: false,
                    value: id,
                });
                mapping.entries.len() - 1
            }
            _ => 0,
        };
        if let Some(node) = self.tree.nodes.get_mut(id.0) {
            node.parent = Some((container, slot));
        }
        id
    }

    fn close(&mut self, node: NodeId) {
        self.stack.pop();
        let Some(node) = self.tree.nodes.get_mut(node.0) else {
            return;
        };
        node.range.end = self.at;
        node.full.end = self.at;
        if let Children::Mapping(mapping) = &mut node.children {
            mapping.finish();
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, message: &str) -> ReadError {
        error(ReadErrorKind::Syntax, self.at, message)
    }

    /// Passes a string, the quote being next.
    fn string(&mut self) -> Result<(), ReadError> {
        self.at += 1;
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let digits = match self.byte() {
                        Some(b'u') => 4,
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
                        _ => return Err(self.unexpected("the string holds an unknown escape")),
                    };
                    self.at += 1;
                    for _ in 0..digits {
                        if !self.byte().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                            return Err(self.unexpected("the string holds an unknown escape"));
                        }
                        self.at += 1;
                    }
                }
                Some(0x20..) => self.at += 1,
                Some(_) => return Err(self.unexpected("the string holds a control character")),
                None => return Err(self.unexpected("the string does not end")),
            }
        }
    }

    /// Passes a number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        while self
            .byte()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        {
            self.at += 1;
        }
        let word = self.text.get(start..self.at).unwrap_or_default();
        if matches!(word, "true" | "false" | "null") || crate::Number::parse(word).is_some() {
            return Ok(());
        }
        self.at = start;
        Err(self.unexpected("a value must come next"))
    }
}

/// What a string in quotes says. A surrogate without its other half reads as U+FFFD, as Go reads it.
fn decode(quoted: &str) -> Str {
    match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => plain.into(),
        _ => unquote(quoted).into(),
    }
}

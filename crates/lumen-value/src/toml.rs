//! TOML 1.1 as Conftest reads it: `github.com/BurntSushi/toml`, and its values as OPA takes them. `toml_parser` reads the
//! grammar; what keys and headers mean, and bounds, are here.
//!
//! As upstream: a dotted key may add to a table that stands elsewhere, an integer has 64 bits, and a time is text, as
//! RFC 3339 with no more than nanoseconds; a local one is taken for UTC. Stricter: `inf` and `nan` are errors, since JSON
//! has no such numbers, and a key cannot add to what is no table.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_parser::decoder::Encoding;
use toml_parser::parser::{EventReceiver, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, ParseError, Raw, Source, Span};

use crate::read::{Limits, Parsed, ReadError, ReadErrorKind};
use crate::{Str, Value};

mod scalar;
#[cfg(test)]
mod tests;

/// Largest text, in bytes: the parser takes about fifty bytes of memory for each.
pub const BYTES_MAX: usize = 4 << 20;
/// Deepest nesting of tables and arrays.
pub const DEPTH_MAX: usize = 250;
/// Deepest nesting of arrays and tables in brackets: `toml_parser` takes native stack for each.
const BRACKETS_MAX: u32 = 80;

/// Reads the text of one document.
pub fn parse(text: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        fault(ReadErrorKind::Encoding, error.valid_up_to(), "TOML must be UTF-8".to_owned())
    })?;
    let nodes = nodes(text, limits)?;
    Ok(Parsed { value: value(&nodes), duplicates: Vec::new() })
}

/// A value as it is written; children stand behind their parents.
pub(crate) struct Node {
    /// The collection that holds it, and its number there.
    pub(crate) parent: Option<(usize, usize)>,
    pub(crate) name: Option<Str>,
    /// Its key, where it has one.
    pub(crate) key: Option<Range<usize>>,
    pub(crate) range: Range<usize>,
    pub(crate) kind: Kind,
    depth: usize,
}

pub(crate) enum Kind {
    Scalar(Value),
    Array {
        items: Vec<usize>,
        /// Whether headers made it, `[[name]]`.
        of_tables: bool,
    },
    Table {
        entries: BTreeMap<Str, usize>,
        /// Whether a header or brackets define it; else it is there for what is in it.
        defined: bool,
        in_brackets: bool,
    },
}

impl Kind {
    fn table(defined: bool) -> Self {
        Self::Table { entries: BTreeMap::new(), defined, in_brackets: false }
    }
}

/// The nodes of a text, the root table first.
pub(crate) fn nodes(text: &str, limits: &Limits) -> Result<Vec<Node>, ReadError> {
    let bytes_max = limits.input_bytes_max.min(BYTES_MAX);
    if text.len() > bytes_max {
        let message = format!("the TOML text has {} bytes, {bytes_max} are allowed", text.len());
        return Err(fault(ReadErrorKind::TooLarge, 0, message));
    }
    let source = Source::new(text);
    let root =
        Node { parent: None, name: None, key: None, range: 0..text.len(), kind: Kind::table(true), depth: 0 };
    let mut reader = Reader {
        text,
        depth_max: limits.depth_max.min(DEPTH_MAX),
        nodes: vec![root],
        section: 0,
        keys: Vec::new(),
        header: 0,
        entry: None,
        open: Vec::new(),
        error: None,
    };
    let tokens = source.lex().into_vec();
    let mut unsound: Option<ParseError> = None;
    {
        let mut receiver = ValidateWhitespace::new(&mut reader, source);
        let mut receiver = RecursionGuard::new(&mut receiver, BRACKETS_MAX);
        parse_document(&tokens, &mut receiver, &mut unsound);
    }
    let unsound = unsound.map(|error| of_parser(&error));
    let first = [unsound, reader.error].into_iter().flatten().min_by_key(|error| error.at);
    match first {
        Some(error) => Err(error),
        None => Ok(reader.nodes),
    }
}

fn fault(kind: ReadErrorKind, at: usize, message: String) -> ReadError {
    ReadError { kind, document: 0, at, pointer: None, message }
}

fn of_parser(error: &ParseError) -> ReadError {
    let at = error.unexpected().or(error.context()).map_or(0, |span| span.start());
    let deep = error.description().contains("recursion");
    let kind = if deep { ReadErrorKind::TooDeep } else { ReadErrorKind::Syntax };
    let expected = error.expected().unwrap_or_default().iter().map(|expected| match expected {
        toml_parser::Expected::Literal(text) => format!("`{}`", text.replace('\n', "\\n")),
        toml_parser::Expected::Description(text) => (*text).to_owned(),
        _ => "something else".to_owned(),
    });
    let expected: Vec<String> = expected.collect();
    let wanted = match expected.as_slice() {
        [] => String::new(),
        expected => format!(": expected {}", expected.join(", ")),
    };
    let message = if deep {
        format!("brackets nest deeper than {BRACKETS_MAX} levels")
    } else {
        format!("{}{wanted}", error.description())
    };
    fault(kind, at, message)
}

/// The value of the root: from the last node to the first, so that those inside are ready.
fn value(nodes: &[Node]) -> Value {
    let mut values: Vec<Option<Value>> = vec![None; nodes.len()];
    for (number, node) in nodes.iter().enumerate().rev() {
        let mut take = |child: usize| values.get_mut(child).and_then(Option::take).unwrap_or(Value::Null);
        let value = match &node.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::Array { items, .. } => Value::Array(items.iter().map(|item| take(*item)).collect()),
            Kind::Table { entries, .. } => {
                let entries = entries.iter().map(|(name, child)| (Value::String(name.clone()), take(*child)));
                Value::Object(entries.collect())
            }
        };
        if let Some(place) = values.get_mut(number) {
            *place = Some(value);
        }
    }
    values.into_iter().next().flatten().unwrap_or(Value::Null)
}

/// A part of a key.
struct Key {
    name: Str,
    range: Range<usize>,
}

struct Reader<'text> {
    text: &'text str,
    depth_max: usize,
    nodes: Vec<Node>,
    /// The table of the header above.
    section: usize,
    /// The parts of the key at hand.
    keys: Vec<Key>,
    /// Where the header at hand starts.
    header: usize,
    /// The table and the key that the next value belongs to; in an array none.
    entry: Option<(usize, Key)>,
    /// The collections in brackets, the innermost last.
    open: Vec<usize>,
    error: Option<ReadError>,
}

impl Reader<'_> {
    fn fail(&mut self, kind: ReadErrorKind, at: usize, message: impl FnOnce() -> String) {
        if self.error.is_none() {
            self.error = Some(fault(kind, at, message()));
        }
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Raw<'_> {
        let text = self.text.get(span.start()..span.end()).unwrap_or_default();
        Raw::new_unchecked(text, encoding, span)
    }

    /// Makes a node; `None` beyond the bound on depth, and from then on.
    fn make(&mut self, parent: usize, key: Option<Key>, range: Range<usize>, kind: Kind) -> Option<usize> {
        let number = self.nodes.len();
        let depth = self.nodes.get(parent)?.depth + 1;
        if depth > self.depth_max {
            let max = self.depth_max;
            self.fail(ReadErrorKind::TooDeep, range.start, || {
                format!("tables and arrays nest deeper than {max} levels")
            });
        }
        if self.error.is_some() {
            return None;
        }
        let slot = match (&mut self.nodes.get_mut(parent)?.kind, &key) {
            (Kind::Array { items, .. }, _) => {
                items.push(number);
                items.len() - 1
            }
            (Kind::Table { entries, .. }, Some(key)) => {
                entries.insert(key.name.clone(), number);
                entries.len() - 1
            }
            _ => return None,
        };
        let (name, key) = key.map(|key| (key.name, key.range)).unzip();
        self.nodes.push(Node { parent: Some((parent, slot)), name, key, range, kind, depth });
        Some(number)
    }

    fn child(&self, table: usize, name: &Str) -> Option<usize> {
        match &self.nodes.get(table)?.kind {
            Kind::Table { entries, .. } => entries.get(name).copied(),
            _ => None,
        }
    }

    /// The table that a part of a key leads to: it is made where it is not there, and of tables in an array the last counts.
    fn descend(&mut self, table: usize, key: Key) -> Option<usize> {
        let Some(child) = self.child(table, &key.name) else {
            let range = key.range.clone();
            return self.make(table, Some(key), range, Kind::table(false));
        };
        match &self.nodes.get(child)?.kind {
            Kind::Table { .. } => return Some(child),
            Kind::Array { items, of_tables: true } => return items.last().copied(),
            _ => {}
        }
        self.fail(ReadErrorKind::Syntax, key.range.start, || {
            format!("the key `{}` is no table, nothing can be added to it", key.name.to_text())
        });
        None
    }

    /// Follows all parts of a key but the last.
    fn table_of(&mut self, from: usize) -> Option<(usize, Key)> {
        let mut keys = std::mem::take(&mut self.keys);
        let last = keys.pop()?;
        let mut table = from;
        for key in keys {
            table = self.descend(table, key)?;
        }
        Some((table, last))
    }

    fn twice(&mut self, key: &Key) {
        self.fail(ReadErrorKind::Syntax, key.range.start, || {
            format!("the key `{}` is defined twice", key.name.to_text())
        });
    }

    /// A header ends: `[key]`.
    fn table(&mut self, range: Range<usize>) -> Option<()> {
        let (table, key) = self.table_of(0)?;
        let Some(child) = self.child(table, &key.name) else {
            self.section = self.make(table, Some(key), range, Kind::table(true))?;
            return Some(());
        };
        match self.nodes.get_mut(child) {
            Some(Node {
                kind: Kind::Table { defined: defined @ false, .. },
                range: old,
                key: old_key,
                ..
            }) => {
                *defined = true;
                *old = range;
                *old_key = Some(key.range);
                self.section = child;
            }
            _ => self.twice(&key),
        }
        Some(())
    }

    /// A header ends: `[[key]]`.
    fn table_in_array(&mut self, range: Range<usize>) -> Option<()> {
        let (table, key) = self.table_of(0)?;
        let array = match self.child(table, &key.name) {
            None => {
                let kind = Kind::Array { items: Vec::new(), of_tables: true };
                self.make(table, Some(key), range.clone(), kind)?
            }
            Some(array) => {
                if !matches!(self.nodes.get(array)?.kind, Kind::Array { of_tables: true, .. }) {
                    self.twice(&key);
                    return None;
                }
                array
            }
        };
        self.section = self.make(array, None, range, Kind::table(true))?;
        Some(())
    }

    /// A key is complete: what comes next is its value.
    fn entry(&mut self) -> Option<()> {
        let from = self.open.last().copied().unwrap_or(self.section);
        let (table, key) = self.table_of(from)?;
        if self.child(table, &key.name).is_some() {
            self.twice(&key);
            return None;
        }
        self.entry = Some((table, key));
        Some(())
    }

    /// A value, or the start of one.
    fn add(&mut self, range: Range<usize>, kind: Kind) -> Option<usize> {
        match self.entry.take() {
            Some((table, key)) => self.make(table, Some(key), range, kind),
            None => self.make(*self.open.last()?, None, range, kind),
        }
    }

    fn opens(&mut self, span: Span, kind: Kind) {
        if let Some(node) = self.add(span.start()..span.end(), kind) {
            self.open.push(node);
        }
    }

    fn closes(&mut self, span: Span) {
        if let Some(node) = self.open.pop().and_then(|node| self.nodes.get_mut(node)) {
            node.range.end = span.end();
        }
    }
}

impl EventReceiver for Reader<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.header = span.start();
    }

    fn std_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.table(self.header..span.end());
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.header = span.start();
    }

    fn array_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.table_in_array(self.header..span.end());
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.opens(span, Kind::Table { entries: BTreeMap::new(), defined: true, in_brackets: true });
        true
    }

    fn inline_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.closes(span);
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.opens(span, Kind::Array { items: Vec::new(), of_tables: false });
        true
    }

    fn array_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.closes(span);
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let mut name = String::new();
        self.raw(span, encoding).decode_key(&mut name, errors);
        self.keys.push(Key { name: name.into(), range: span.start()..span.end() });
    }

    fn key_val_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.entry();
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        match scalar::value(self.raw(span, encoding), errors) {
            Ok(value) => {
                self.add(span.start()..span.end(), Kind::Scalar(value));
            }
            Err(message) => self.fail(ReadErrorKind::Syntax, span.start(), || message),
        }
    }
}

//! From symbolic places to regions of text. This happens late, and only for documents that something is reported of.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use lumen_core::finding::{Fix, Place};
use lumen_value::edit::{self, Patch};
use lumen_value::read::{Document, Limits, Syntax, read_document};
use lumen_value::span::{Index, LineIndex, Located, Style};
use lumen_value::{Pointer, Value};

use crate::report::{Change, Region};

/// Where a document stands in its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentPlace {
    /// Its number in the input.
    pub index: usize,
    /// Its bytes.
    pub range: Range<usize>,
    /// How it is written.
    pub syntax: Syntax,
}

impl From<&Document> for DocumentPlace {
    fn from(document: &Document) -> Self {
        Self { index: document.index, range: document.range.clone(), syntax: document.syntax }
    }
}

impl DocumentPlace {
    /// The place of a document among those of its input, which are sorted by their numbers.
    pub fn find(places: &[Self], number: usize) -> Option<&Self> {
        let at = places.binary_search_by_key(&number, |place| place.index).ok()?;
        places.get(at)
    }
}

/// Which part of a field is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its key and its value.
    Entry,
    /// What is shown to people: a scalar with its key, of a collection only the key or the first line.
    Shown,
}

/// Most documents of one input whose places are kept at a time. What is asked for comes in order.
const DOCUMENTS_KEPT_MAX: usize = 4;

/// The text of one input, and where things stand in it.
pub struct Text<'a> {
    bytes: &'a [u8],
    lines: LineIndex<'a>,
    documents: &'a [DocumentPlace],
    read: BTreeMap<usize, Option<Read>>,
}

/// A document that was read for its places, and what it says, where somebody asked.
struct Read {
    index: Index,
    value: OnceCell<Option<Value>>,
}

impl<'a> Text<'a> {
    /// Reads nothing yet but the lines.
    pub fn new(bytes: &'a [u8], documents: &'a [DocumentPlace]) -> Self {
        Self { bytes, lines: LineIndex::new(bytes), documents, read: BTreeMap::new() }
    }

    /// The region of a place; `None` where the input as a whole is meant.
    pub fn region(&mut self, place: &Place, part: Part) -> Option<Region> {
        match place {
            Place::Whole => None,
            Place::Byte(at) => Some(self.at_byte(*at)),
            Place::Field { document, pointer } => {
                let (range, missing) = self.field(*document, pointer, part)?;
                Some(Region { missing, ..self.region_of(range) })
            }
            Place::Inside { document, pointer, row, column } => {
                let at = self.inside(*document, pointer, *row, *column);
                at.map(|at| self.at_byte(at)).or_else(|| {
                    let (range, missing) = self.field(*document, pointer, part)?;
                    Some(Region { missing, ..self.region_of(range) })
                })
            }
        }
    }

    fn field(&mut self, document: usize, pointer: &Pointer, part: Part) -> Option<(Range<usize>, usize)> {
        let place = DocumentPlace::find(self.documents, document)?;
        let start = place.range.start;
        let text = self.bytes.get(place.range.clone())?;
        let (syntax, first) = (place.syntax, start + blank_prefix(text));
        let Some(index) = self.index(document, syntax, text) else {
            return Some((first..first, pointer.steps().len()));
        };
        let located = index.locate(pointer);
        let missing = pointer.steps().len().saturating_sub(located.depth);
        let range = match part {
            Part::Entry => located.entry,
            Part::Shown => shown(located, text),
        };
        Some((range.start + start..range.end + start, missing))
    }

    /// The byte of a character in the text of a field; `None` where the field has no text.
    fn inside(&mut self, document: usize, pointer: &Pointer, row: u32, column: u32) -> Option<usize> {
        let start = DocumentPlace::find(self.documents, document)?.range.start;
        let map = self.document(document)?.scalar_map(pointer)?;
        let (row, column) = (usize::try_from(row).ok()?, usize::try_from(column).ok()?);
        Some(start + map.byte_at(row, column))
    }

    /// The places of one document; `None` where it cannot be read.
    pub fn document(&mut self, document: usize) -> Option<&Index> {
        let place = DocumentPlace::find(self.documents, document)?;
        let text = self.bytes.get(place.range.clone())?;
        self.index(document, place.syntax, text)
    }

    /// What a fix changes; nothing where it cannot be made.
    pub fn changes(&mut self, document: usize, fix: &Fix) -> Vec<Change> {
        let mut change = || {
            let place = DocumentPlace::find(self.documents, document)?;
            let text = self.bytes.get(place.range.clone())?;
            let read = self.read(document, place.syntax, text)?;
            let value = || Some(read_document(text, place.syntax, &Limits::default()).ok()?.value);
            let old = read.value.get_or_init(value).as_ref()?;
            let patches = edit::patches(&read.index, place.syntax, old, &fix.edits).ok()?;
            let start = place.range.start;
            let change =
                |Patch { range, text }| Change { bytes: range.start + start..range.end + start, text };
            Some(patches.into_iter().map(change).collect())
        };
        change().unwrap_or_default()
    }

    fn index(&mut self, document: usize, syntax: Syntax, text: &[u8]) -> Option<&Index> {
        self.read(document, syntax, text).map(|read| &read.index)
    }

    fn read(&mut self, document: usize, syntax: Syntax, text: &[u8]) -> Option<&Read> {
        if !self.read.contains_key(&document) {
            if self.read.len() >= DOCUMENTS_KEPT_MAX {
                self.read.clear();
            }
            let index = std::str::from_utf8(text).ok().and_then(|text| Index::read(text, syntax).ok());
            self.read.insert(document, index.map(|index| Read { index, value: OnceCell::new() }));
        }
        self.read.get(&document)?.as_ref()
    }

    /// The region of bytes.
    pub fn region_of(&self, bytes: Range<usize>) -> Region {
        let (line, column) = self.lines.position(bytes.start);
        let (end_line, end_column) = self.lines.position(bytes.end);
        Region { bytes, line, column, end_line, end_column, missing: 0 }
    }

    fn at_byte(&self, at: usize) -> Region {
        let at = at.min(self.bytes.len());
        let rest = self.bytes.get(at..).unwrap_or_default();
        // One whole character, where there is one before the end of the line.
        let width = match rest.first() {
            None | Some(b'\n' | b'\r') => 0,
            Some(_) => 1 + rest.iter().skip(1).take(3).take_while(|byte| **byte & 0xC0 == 0x80).count(),
        };
        self.region_of(at..at + width)
    }
}

/// What of a field is marked. The whole of a collection would paint the screen.
fn shown(located: Located, text: &[u8]) -> Range<usize> {
    let scalar = matches!(
        located.style,
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted | Style::Alias | Style::Empty
    );
    match located.key {
        _ if scalar => located.entry,
        Some(key) => key,
        None => {
            let value = text.get(located.value.clone()).unwrap_or_default();
            let line = value.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(value.len());
            located.value.start..located.value.start + line
        }
    }
}

/// How many bytes stand before the first line that says something.
fn blank_prefix(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The region of one field of one document, for those who want no more than that.
pub fn region(bytes: &[u8], document: &Document, pointer: &Pointer, part: Part) -> Option<Region> {
    let documents = [DocumentPlace::from(document)];
    let place = Place::Field { document: document.index, pointer: pointer.clone() };
    Text::new(bytes, &documents).region(&place, part)
}

/// The line of a byte, from 1.
pub fn line_of(text: &[u8], at: usize) -> usize {
    1 + text.iter().take(at).filter(|byte| **byte == b'\n').count()
}

//! Reading a file: its documents, each a value or an error, within bounds.

use std::borrow::Cow;
use std::ops::Range;

use crate::stream::{self, Part, Parts};
use crate::{Pointer, Value, json, yaml};

/// Bounds on what is read. Each has a default, a named constant, and a flag of its own in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest input, in bytes.
    pub input_bytes_max: usize,
    /// Deepest nesting of collections, as upstream's reader bounds it.
    pub depth_max: usize,
    /// Most documents in one input.
    pub documents_max: usize,
}

/// Default of [`Limits::input_bytes_max`]. etcd refuses objects of 1.5 MiB; a file holds many.
pub const INPUT_BYTES_MAX: usize = 64 << 20;
/// Default of [`Limits::depth_max`]: that of `go.yaml.in/yaml/v2` (`max_flow_level`, `max_indents`).
pub const DEPTH_MAX: usize = 10_000;
/// Default of [`Limits::documents_max`].
pub const DOCUMENTS_MAX: usize = 100_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            input_bytes_max: INPUT_BYTES_MAX,
            depth_max: DEPTH_MAX,
            documents_max: DOCUMENTS_MAX,
        }
    }
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// YAML 1.1, as Kubernetes reads it.
    Yaml,
    /// JSON: what Kubernetes reads as JSON, with numbers that keep their text.
    Json,
}

/// One document of an input.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its number in the input, from zero; empty documents and those with errors count.
    pub index: usize,
    /// The bytes of the input that are its text.
    pub range: Range<usize>,
    /// How it is written.
    pub syntax: Syntax,
    /// What it says; [`Value::Null`] for an empty one.
    pub value: Value,
}

/// What was read of an input: every document that is sound, and an error for each that is not.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The documents that could be read, in their order.
    pub documents: Vec<Document>,
    /// What could not be read, or is read otherwise than its writer may have meant, in its order.
    pub errors: Vec<ReadError>,
}

/// A value that was read, and what is doubtful about it.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What the text says.
    pub value: Value,
    /// A [`ReadErrorKind::DuplicateKey`] for each key that stood in its object before; the first hundred.
    pub duplicates: Vec<ReadError>,
}

/// Reads an input as `kubectl` reads a file of manifests: what `NewYAMLOrJSONDecoder` of `apimachinery`
/// (`pkg/util/yaml/decoder.go`) yields. Where that stops at the first bad document, the error is noted here and the next
/// document is read.
pub fn read(input: &[u8], limits: &Limits) -> Reading {
    let mut reader = Reader {
        input,
        limits,
        reading: Reading::default(),
        index: 0,
    };
    if input.len() > limits.input_bytes_max {
        let message = format!(
            "the input has {} bytes, {} are allowed",
            input.len(),
            limits.input_bytes_max
        );
        reader.error(ReadErrorKind::TooLarge, 0, message);
    } else if stream::starts_as_json(input) {
        reader.read_json();
    } else {
        reader.read_yaml(Parts::new(input, 0), None);
    }
    reader.reading
}

struct Reader<'a> {
    input: &'a [u8],
    limits: &'a Limits,
    reading: Reading,
    /// The number of the document at hand.
    index: usize,
}

impl Reader<'_> {
    fn error(&mut self, kind: ReadErrorKind, at: usize, message: String) {
        self.reading.errors.push(ReadError {
            kind,
            document: self.index,
            at,
            pointer: None,
            message,
        });
    }

    /// Whether the bound on documents is reached; notes it as an error.
    fn is_full(&mut self, at: usize) -> bool {
        let is_full = self.index >= self.limits.documents_max;
        if is_full {
            let message = format!(
                "the input holds more than {} documents",
                self.limits.documents_max
            );
            self.error(ReadErrorKind::TooManyDocuments, at, message);
        }
        is_full
    }

    fn add(&mut self, range: Range<usize>, syntax: Syntax, parsed: Parsed) {
        let index = self.index;
        let duplicates = parsed.duplicates.into_iter().map(|duplicate| ReadError {
            document: index,
            ..duplicate
        });
        self.reading.errors.extend(duplicates);
        self.reading.documents.push(Document {
            index,
            range,
            syntax,
            value: parsed.value,
        });
        self.index += 1;
    }

    fn fail(&mut self, error: ReadError) {
        self.reading.errors.push(ReadError {
            document: self.index,
            ..error
        });
        self.index += 1;
    }

    /// Reads JSON values until one is unsound. Upstream goes over to YAML with the first or the second, and stops at a
    /// later one; here what follows its document's separator is read as YAML.
    fn read_json(&mut self) {
        let mut at = 0;
        loop {
            let start = json::next_start(self.input, at);
            if start >= self.input.len() || self.is_full(start) {
                return;
            }
            match json::parse_prefix(self.input, at, self.limits) {
                Ok(prefix) => {
                    self.add(prefix.start..prefix.end, Syntax::Json, prefix.parsed);
                    at = prefix.end;
                }
                Err(error) => {
                    let yaml = stream::yaml_after_json(self.input, at).filter(|_| self.index <= 1);
                    if let Some(yaml) = yaml {
                        self.read_yaml(Parts::new(self.input, yaml), Some(error));
                    } else {
                        self.fail(error);
                        let mut parts = Parts::new(self.input, start);
                        parts.skip_document();
                        self.read_yaml(parts, None);
                    }
                    return;
                }
            }
        }
    }

    /// Reads the parts of a YAML stream. With an error given, it is the one to tell if the first part is unsound.
    fn read_yaml(&mut self, parts: Parts<'_>, mut json_error: Option<ReadError>) {
        for part in parts {
            let (Part::Document(range) | Part::BadSeparator { range, .. }) = &part;
            if self.is_full(range.start) {
                return;
            }
            let result = match part {
                Part::Document(range) => self.parse_yaml(&range).map(|parsed| (range, parsed)),
                Part::BadSeparator { at, .. } => Err(ReadError {
                    kind: ReadErrorKind::Syntax,
                    document: 0,
                    at,
                    pointer: None,
                    message: "only a comment can follow `---` on its line".to_owned(),
                }),
            };
            let json_error = json_error.take();
            match result {
                Ok((range, parsed)) => self.add(range, Syntax::Yaml, parsed),
                Err(error) => self.fail(json_error.unwrap_or(error)),
            }
        }
    }

    /// Reads one document. Upstream's line reader makes a line feed of each line's end and gives the last line one.
    fn parse_yaml(&self, range: &Range<usize>) -> Result<Parsed, ReadError> {
        let raw = self.input.get(range.clone()).unwrap_or_default();
        let text = normalize_lines(raw);
        let is_raw = matches!(text, Cow::Borrowed(_));
        let place = |error: ReadError| {
            let offset = if is_raw {
                error.at
            } else {
                raw_offset(raw, error.at)
            };
            ReadError {
                at: range.start + offset.min(raw.len()),
                ..error
            }
        };
        let (parsed, depth) = yaml::parse_with_depth(&text, self.limits).map_err(place)?;
        if depth > self.limits.depth_max {
            return Err(ReadError {
                kind: ReadErrorKind::TooDeep,
                document: 0,
                at: range.start,
                pointer: None,
                message: format!("collections nest deeper than {} levels", self.limits.depth_max),
            });
        }
        Ok(Parsed {
            value: parsed.value,
            duplicates: parsed.duplicates.into_iter().map(place).collect(),
        })
    }
}

/// A document's text as upstream's line reader gives it: `\r\n` is `\n`, and the last line ends too. What the scanner
/// takes for the same is left alone.
fn normalize_lines(raw: &[u8]) -> Cow<'_, [u8]> {
    let is_utf8 = !raw.starts_with(b"\xFE\xFF") && !raw.starts_with(b"\xFF\xFE");
    let has_odd_break = raw.windows(3).any(|bytes| bytes == b"\r\r\n");
    if raw.ends_with(b"\n") && (is_utf8 && !has_odd_break || !raw.windows(2).any(|bytes| bytes == b"\r\n")) {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len() + 1);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let content = line
            .strip_suffix(b"\n")
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        text.extend_from_slice(content.unwrap_or(line));
        text.push(b'\n');
    }
    Cow::Owned(text)
}

/// The offset in a raw text of a place in what [`normalize_lines`] made of it.
fn raw_offset(raw: &[u8], at: usize) -> usize {
    let (mut start, mut normal_start) = (0, 0);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let dropped = usize::from(line.ends_with(b"\r\n"));
        let normal_end = normal_start + line.len() - dropped;
        if at < normal_end {
            break;
        }
        (start, normal_start) = (start + line.len(), normal_end);
    }
    start + at.saturating_sub(normal_start)
}

/// Something that is wrong with an input's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What kind of thing.
    pub kind: ReadErrorKind,
    /// The number of the document it is in.
    pub document: usize,
    /// Where in the input: the offset of a byte.
    pub at: usize,
    /// The field, where it is known.
    pub pointer: Option<Pointer>,
    /// One sentence for people, without a final period.
    pub message: String,
}

impl ReadError {
    pub(crate) fn duplicate_key(at: usize, pointer: Pointer) -> Self {
        Self {
            kind: ReadErrorKind::DuplicateKey,
            document: 0,
            at,
            message: format!("the key `{pointer}` stands twice; the last counts"),
            pointer: Some(pointer),
        }
    }
}

/// The kinds of [`ReadError`]. The document is lost with each, but for [`ReadErrorKind::DuplicateKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadErrorKind {
    /// The text breaks the grammar, or says what has no meaning in JSON.
    Syntax,
    /// The bytes are no UTF-8 (nor the UTF-16 that YAML allows).
    Encoding,
    /// A key stands twice in a mapping: kubectl's strict reading refuses it, the server keeps the last. The document
    /// is read.
    DuplicateKey,
    /// Collections nest deeper than the bound.
    TooDeep,
    /// Aliases expand to more than the bound.
    TooManyAliases,
    /// More documents than the bound; those beyond it are not read.
    TooManyDocuments,
    /// More bytes than the bound; nothing is read.
    TooLarge,
}

//! Reading a file: its documents, each a value or an error, within bounds.

use std::borrow::Cow;
use std::ops::Range;

use crate::stream::{self, Part, Parts};
use crate::yaml::Schema;
use crate::{Pointer, Value, json, toml, yaml};

/// Bounds on what is read. Each has a default, a named constant, and a flag of its own in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest input, in bytes.
    pub input_bytes_max: usize,
    /// Deepest nesting of collections, as upstream's reader bounds it.
    pub depth_max: usize,
    /// Most bytes of text in the scalars of a document, aliases followed. Upstream has no such bound: it bounds how
    /// much of a document may come of aliases, and so does this reader, but not how large a shared text may be.
    pub alias_bytes_max: u64,
    /// Most documents in one input.
    pub documents_max: usize,
}

/// Default of [`Limits::input_bytes_max`]. etcd refuses objects of 1.5 MiB; a file holds many.
pub const INPUT_BYTES_MAX: usize = 64 << 20;
/// Default of [`Limits::depth_max`]: that of `go.yaml.in/yaml/v2` (`max_flow_level`, `max_indents`).
pub const DEPTH_MAX: usize = 10_000;
/// Default of [`Limits::alias_bytes_max`].
pub const ALIAS_BYTES_MAX: u64 = 256 << 20;
/// Default of [`Limits::documents_max`].
pub const DOCUMENTS_MAX: usize = 100_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            input_bytes_max: INPUT_BYTES_MAX,
            depth_max: DEPTH_MAX,
            alias_bytes_max: ALIAS_BYTES_MAX,
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
    /// TOML, as Conftest reads it; no manifest is written so.
    Toml,
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
    let mut reader = Reader { input, limits, reading: Reading::default(), index: 0 };
    if input.len() > limits.input_bytes_max {
        let message = format!("the input has {} bytes, {} are allowed", input.len(), limits.input_bytes_max);
        reader.error(ReadErrorKind::TooLarge, 0, message);
    } else if stream::starts_as_json(input) {
        reader.read_json();
    } else {
        reader.read_yaml(Parts::new(input, 0), None);
    }
    reader.reading
}

/// Reads an input that is TOML: one document, whatever it holds.
pub fn read_toml(input: &[u8], limits: &Limits) -> Reading {
    let mut reader = Reader { input, limits, reading: Reading::default(), index: 0 };
    match toml::parse(input, limits) {
        Ok(parsed) => reader.add(0..input.len(), Syntax::Toml, parsed),
        Err(error) => reader.fail(error),
    }
    reader.reading
}

/// Reads the text of one document, as [`read`] reads it as a part of its input. Offsets in errors are those of the
/// text given; the bounds on size and number do not count.
pub fn read_document(text: &[u8], syntax: Syntax, limits: &Limits) -> Result<Parsed, ReadError> {
    match syntax {
        Syntax::Yaml => {
            let reader = Reader { input: text, limits, reading: Reading::default(), index: 0 };
            reader.parse_yaml(&(0..text.len()))
        }
        Syntax::Json => json::parse(text, limits),
        Syntax::Toml => toml::parse(text, limits),
    }
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
        self.reading.errors.push(ReadError { kind, document: self.index, at, pointer: None, message });
    }

    /// Whether the bound on documents is reached; notes it as an error.
    fn is_full(&mut self, at: usize) -> bool {
        let is_full = self.index >= self.limits.documents_max;
        if is_full {
            let message = format!("the input holds more documents than {}", self.limits.documents_max);
            self.error(ReadErrorKind::TooManyDocuments, at, message);
        }
        is_full
    }

    fn add(&mut self, range: Range<usize>, syntax: Syntax, parsed: Parsed) {
        let index = self.index;
        let duplicates =
            parsed.duplicates.into_iter().map(|duplicate| ReadError { document: index, ..duplicate });
        self.reading.errors.extend(duplicates);
        self.reading.documents.push(Document { index, range, syntax, value: parsed.value });
        self.index += 1;
    }

    fn fail(&mut self, error: ReadError) {
        self.reading.errors.push(ReadError { document: self.index, ..error });
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
                        let is_separator =
                            self.input.get(start..).is_some_and(|rest| rest.starts_with(b"---"));
                        self.fail(if is_separator {
                            ReadError {
                                at: start,
                                message: "Kubernetes reads no YAML behind two JSON values".to_owned(),
                                ..error
                            }
                        } else {
                            error
                        });
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
            let offset = if is_raw { error.at } else { raw_offset(raw, error.at) };
            ReadError { at: range.start + offset.min(raw.len()), ..error }
        };
        let (parsed, depth) =
            yaml::parse_with_depth(&text, self.limits, Schema::Kubernetes).map_err(place)?;
        if depth > self.limits.depth_max {
            return Err(ReadError {
                kind: ReadErrorKind::TooDeep,
                document: 0,
                at: range.start,
                pointer: None,
                message: format!("collections nest deeper than {} levels", self.limits.depth_max),
            });
        }
        Ok(Parsed { value: parsed.value, duplicates: parsed.duplicates.into_iter().map(place).collect() })
    }
}

/// A document's text as upstream's line reader gives it: `\r\n` is `\n`, and the last line ends too. What the scanner
/// takes for the same is left alone.
fn normalize_lines(raw: &[u8]) -> Cow<'_, [u8]> {
    let is_utf16 = raw.starts_with(b"\xFE\xFF") || raw.starts_with(b"\xFF\xFE");
    let has = |breaks: &[u8]| raw.windows(breaks.len()).any(|bytes| bytes == breaks);
    let is_changed = raw.contains(&b'\r') && has(if is_utf16 { b"\r\n" } else { b"\r\r\n" });
    if raw.ends_with(b"\n") && !is_changed {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len() + 1);
    if !is_changed {
        text.extend_from_slice(raw);
        text.push(b'\n');
        return Cow::Owned(text);
    }
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let content = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
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
    pub(crate) fn duplicate_key(at: usize, pointer: Pointer, counts: &str) -> Self {
        Self {
            kind: ReadErrorKind::DuplicateKey,
            document: 0,
            at,
            message: format!("the key `{pointer}` stands twice; the {counts} counts"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pointer;

    fn read_text(text: &str) -> Reading {
        read(text.as_bytes(), &Limits::default())
    }

    /// The documents as JSON, with their numbers.
    fn values(reading: &Reading) -> Vec<(usize, String)> {
        let documents = reading.documents.iter();
        documents.map(|document| (document.index, document.value.to_json())).collect()
    }

    /// What the input has where an error points.
    fn pointed_at<'a>(text: &'a str, error: &ReadError) -> &'a str {
        text.get(error.at..).unwrap()
    }

    #[test]
    fn reading_goes_on_behind_a_bad_document() {
        let text = "a: 1\n---\nb: [\n---\nc: 3\n--- d\ne: 5\n";
        let reading = read_text(text);
        assert_eq!(values(&reading), [(0, r#"{"a":1}"#.into()), (3, r#"{"e":5}"#.into())]);
        let [unclosed, separator] = reading.errors.as_slice() else { panic!("{:?}", reading.errors) };
        assert_eq!((unclosed.kind, unclosed.document), (ReadErrorKind::Syntax, 1));
        assert_eq!(pointed_at(text, unclosed), "---\nc: 3\n--- d\ne: 5\n");
        assert_eq!((separator.kind, separator.document), (ReadErrorKind::Syntax, 2));
        assert_eq!(pointed_at(text, separator), "--- d\ne: 5\n");
    }

    #[test]
    fn a_duplicate_key_is_an_error_and_the_last_counts() {
        let text = "x: 1\n---\r\na:\r\n- k: 1\r\n- b: 2\r\n  'b': 3\r\n";
        let reading = read_text(text);
        assert_eq!(values(&reading)[1].1, r#"{"a":[{"k":1},{"b":3}]}"#);
        let [duplicate] = reading.errors.as_slice() else { panic!("{:?}", reading.errors) };
        assert_eq!((duplicate.kind, duplicate.document), (ReadErrorKind::DuplicateKey, 1));
        assert_eq!(duplicate.pointer, Some(pointer!["a", 1, "b"]));
        assert_eq!(pointed_at(text, duplicate), "'b': 3\r\n");
    }

    #[test]
    fn places_are_those_of_the_input_however_it_is_written() {
        let duplicate = |input: &[u8]| {
            let reading = read(input, &Limits::default());
            assert_eq!(reading.documents.len(), 1, "{:?}", reading.errors);
            reading.errors.first().map(|error| error.at)
        };
        assert_eq!(duplicate("\u{feff}é: 1\né: 2\n".as_bytes()), Some(9));
        // Behind a lone carriage return the line reader drops one that the scanner would take for a line.
        assert_eq!(duplicate(b"a: >\r\r\n  x\r\na: 2"), Some(12));
        let utf16: Vec<u8> = "\u{feff}a: 😀\na: 2\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(duplicate(&utf16), Some(14));
        assert_eq!(duplicate(b" {\"a\": 1, \"a\": 2}"), Some(10));
    }

    #[test]
    fn numbers_keep_their_text_in_json_alone() {
        let reading = read_text("{\"a\": 1.0, \"b\": 1e5}\n---\n{\"a\": 1.0, \"b\": 1e5}\n");
        let documents = values(&reading);
        assert_eq!(documents[0].1, r#"{"a":1.0,"b":1e5}"#);
        assert_eq!(documents[1].1, r#"{"a":1,"b":100000}"#);
        assert_eq!(reading.documents[0].syntax, Syntax::Json);
        assert_eq!(reading.documents[1].syntax, Syntax::Yaml);
        assert_eq!(reading.documents[0].range, 0..20);
    }

    #[test]
    fn a_json_stream_goes_over_to_yaml_early_or_behind_a_separator() {
        let reading = read_text("{\"a\": 1}\n---\nb: 2\n");
        assert_eq!(values(&reading), [(0, r#"{"a":1}"#.into()), (1, r#"{"b":2}"#.into())]);
        assert_eq!(reading.errors, []);
        let text = "{}\n{}\n---\nc: 3\n---\nd: 4\n";
        let reading = read_text(text);
        let expected = ["{}", "{}", r#"{"c":3}"#, r#"{"d":4}"#];
        assert_eq!(values(&reading).iter().map(|(_, json)| json).collect::<Vec<_>>(), expected);
        assert_eq!(reading.errors.len(), 1, "upstream stops here");
        assert_eq!(pointed_at(text, &reading.errors[0]), "---\nc: 3\n---\nd: 4\n");
        // What fails in both is told of as JSON.
        let reading = read_text("{\"a\" 1}\n");
        assert_eq!(reading.errors[0].message, "a `:` must follow the key");
        assert_eq!(reading.errors[0].at, 5);
    }

    #[test]
    fn an_empty_document_is_null_and_an_empty_input_has_none() {
        assert_eq!(values(&read_text("")), []);
        assert_eq!(values(&read_text("# only a comment\n---\n")), [(0, "null".into())]);
    }
}

//! Reading a file: its documents, each a value or an error, within bounds.

use std::ops::Range;

use crate::{Pointer, Value};

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

/// Reads an input as `kubectl` reads a file of manifests.
pub fn read(input: &[u8], limits: &Limits) -> Reading {
    let _ = (input, limits);
    Reading::default()
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

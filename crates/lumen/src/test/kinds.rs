//! The kinds of documents that are tests. A new kind is a row here, and a file that runs it.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use lumen_core::finding::Place;
use lumen_core::network::Options;
use lumen_value::fault::Fault;
use lumen_value::nearest::is_near;
use lumen_value::{Pointer, Value};

use super::filter::Filter;
use super::report::{Case, Ending, Position, Ran, Suite};
use super::{reachability, runtime, suites};
use crate::check::Settings;
use crate::locate::{Part, Text};
use crate::report::Region;
use crate::source;

/// A kind.
pub struct Kind {
    /// The group of its `apiVersion`.
    pub group: &'static str,
    /// Its `kind`.
    pub kind: &'static str,
    /// What no other kind has: a document that has it and not the rest is a typing mistake.
    pub owns: Owns,
    /// Runs one document of the kind.
    pub run: fn(&Document<'_>, &Choice<'_>) -> Ran,
}

/// What of a kind is its alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owns {
    /// The group.
    Group,
    /// The word.
    Word,
}

/// What is said of a document that is called nearly like a test.
const NOT_A_TEST: &str = "is no test and was not run";

/// Whether nothing but that is known of a file.
pub fn is_mistaken(suite: &Suite) -> bool {
    suite.cases.is_empty() && suite.remarks.iter().any(|remark| remark.contains(NOT_A_TEST))
}

/// All kinds.
pub const KINDS: &[Kind] = &[
    Kind { group: suites::GROUP, kind: "Suite", owns: Owns::Group, run: suites::run },
    Kind { group: reachability::GROUP, kind: reachability::KIND, owns: Owns::Word, run: reachability::run },
    Kind { group: runtime::GROUP, kind: runtime::KIND, owns: Owns::Word, run: runtime::run },
];

impl Kind {
    /// The kind of a document; none where it is no test.
    pub fn of(document: &Value) -> Option<&'static Self> {
        let field = |name| document.get(name).and_then(Value::as_str);
        let group = field("apiVersion")?.split('/').next()?;
        let kind = field("kind")?;
        KINDS.iter().find(|row| row.group == group && row.kind == kind)
    }

    /// What is to be said of a document that is no test and was meant to be one.
    pub fn mistaken(document: &Value) -> Option<String> {
        let field = |name| document.get(name).and_then(Value::as_str);
        let version = field("apiVersion").unwrap_or_default();
        let group = version.split('/').next().unwrap_or_default();
        let kind = field("kind")?;
        let row = KINDS.iter().find(|row| match (row.group == group, row.kind == kind) {
            (true, false) => row.owns == Owns::Group || is_near(kind, row.kind),
            (false, true) => row.owns == Owns::Word || is_near(group, row.group),
            (true, true) | (false, false) => false,
        })?;
        Some(format!(
            "`kind: {kind}` with `apiVersion: {version}` {NOT_A_TEST}: a test has `kind: {}` and \
             `apiVersion: {}/..`",
            row.kind, row.group
        ))
    }

    /// Whether a text may hold a document that is called like a test.
    pub fn may_be_named_in(text: &[u8]) -> bool {
        KINDS.iter().any(|row| memchr::memmem::find(text, row.kind.as_bytes()).is_some())
    }

    /// Whether a text may hold a document of any kind.
    pub fn may_be_in(text: &[u8]) -> bool {
        KINDS.iter().any(|row| memchr::memmem::find(text, row.group.as_bytes()).is_some())
    }
}

/// A document that is a test.
pub struct Document<'a> {
    /// The name of its file, for people.
    pub file: &'a Arc<str>,
    /// The path of its file: other paths in it are relative to its folder.
    pub path: &'a Path,
    /// The text of its file.
    pub bytes: &'a [u8],
    /// Where things stand in the text.
    pub text: &'a RefCell<Text<'a>>,
    /// Its number in the file.
    pub number: usize,
    /// What it says.
    pub value: &'a Value,
}

impl Document<'_> {
    /// Where a field stands in the file, or what is above it where it is missing.
    pub fn position(&self, field: &Pointer) -> Option<Position> {
        let region = self.region(field)?;
        Some(Position { line: region.line, column: region.column })
    }

    /// The value of a key as it is written: a plain `yes` is no boolean to every reader.
    pub fn written(&self, field: &Pointer) -> Option<String> {
        let region = self.region(field)?;
        let entry = String::from_utf8_lossy(self.bytes.get(region.bytes)?);
        entry.split_once(':').map(|(_, value)| value.trim().to_owned())
    }

    /// A case, or a test as a whole where it has no name, of which something is wrong.
    pub fn faulty(&self, test: &str, name: &str, faults: &[Fault]) -> Case {
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        let at = faults.first().and_then(|fault| self.position(&fault.at));
        let (test, name) = (test.to_owned(), name.to_owned());
        Case { test, name, message: messages.join("\n"), at, ..Case::ended(Ending::Error) }
    }

    fn region(&self, field: &Pointer) -> Option<Region> {
        let place = Place::Field { document: self.number, pointer: field.clone() };
        self.text.borrow_mut().region(&place, Part::Entry)
    }
}

/// What is to be run, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// Which tests and cases.
    pub filter: &'a Filter,
    /// Whether to say which lines were evaluated.
    pub coverage: bool,
    /// How manifests are read.
    pub reading: &'a Reading,
}

/// How the manifests are read that tests of the network are about: as `lumen check` and `lumen net` read them.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Which files, and how much of them.
    pub source: source::Options,
    /// Bounds on each, and the namespace of what names none.
    pub settings: Settings,
    /// How their network is understood.
    pub network: Options,
}

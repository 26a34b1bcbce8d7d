//! From texts to documents, and what is no manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_core::finding::{Finding, Location, Place};
use lumen_core::input::{self, rules};
use lumen_core::object::kustomize;
use lumen_core::snapshot::{Snapshot, SourceDocument};
use lumen_value::read::{self, ReadErrorKind, Reading, Syntax};

use super::{Input, Settings, each, whole};
use crate::locate::DocumentPlace;

/// What is no manifest and was left alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Where it stands: the input as a whole where all of it is meant.
    pub location: Location,
    /// What it is, such as `a kustomization`.
    pub what: String,
    /// What makes manifests of it.
    pub hint: Option<String>,
}

impl Skipped {
    /// What is said of it: ``this is a kustomization, not a manifest; render it first: `kustomize build ..` ``.
    pub fn message(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("this is {}, not a manifest{hint}", self.what)
    }

    /// With `--strict` it is an error.
    pub(super) fn finding(&self) -> Finding {
        input::finding(&rules::NOT_A_MANIFEST, self.message(), Some(self.location.clone()))
    }
}

/// What was read of all inputs.
pub(super) struct Read {
    /// What may be manifests.
    pub(super) documents: Vec<SourceDocument>,
    /// What is none in any case, and is for Conftest's policies alone.
    pub(super) others: Vec<SourceDocument>,
    pub(super) documents_count: usize,
    pub(super) places: BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    pub(super) findings: Vec<Finding>,
    /// Whole inputs that are templates.
    pub(super) skipped: Vec<Skipped>,
}

enum Text {
    Template,
    /// TOML, where nobody asks about it.
    Toml,
    Documents(Reading),
}

pub(super) fn read(inputs: &[Input], settings: &Settings) -> Read {
    let (texts, failed) =
        each(inputs, |input| input.name.clone(), |input| (input.name.clone(), read_one(input, settings)));
    let mut read = Read {
        documents: Vec::new(),
        others: Vec::new(),
        documents_count: 0,
        places: BTreeMap::new(),
        findings: failed,
        skipped: Vec::new(),
    };
    for (name, text) in texts {
        let reading = match text {
            Text::Template => {
                read.skipped.push(Skipped {
                    location: whole(&name),
                    what: "a template".into(),
                    hint: Some("render it first: `helm template ..`".into()),
                });
                continue;
            }
            Text::Toml => {
                read.skipped.push(Skipped {
                    location: whole(&name),
                    what: "TOML".into(),
                    hint: Some("only the policies of `--conftest` are asked about it".into()),
                });
                continue;
            }
            Text::Documents(reading) => reading,
        };
        read.findings.extend(reading.errors.iter().map(|error| input::finding_of(error, &name)));
        read.documents_count += reading.documents.len();
        let places = reading.documents.iter().map(DocumentPlace::from).collect();
        read.places.insert(name.clone(), places);
        for document in reading.documents {
            let is_toml = document.syntax == Syntax::Toml;
            let document =
                SourceDocument { source: name.clone(), index: document.index, value: document.value };
            if is_toml { &mut read.others } else { &mut read.documents }.push(document);
        }
    }
    set_partial_aside(&mut read);
    read
}

/// Sets aside the files that a kustomization among the inputs names as its patches: half an object must not be judged.
fn set_partial_aside(read: &mut Read) {
    let documents = read.documents.iter();
    let partial: BTreeSet<String> =
        documents.flat_map(|document| kustomize::partial_files(&document.source, &document.value)).collect();
    if partial.is_empty() {
        return;
    }
    let mut aside = BTreeSet::new();
    read.documents.retain(|document| {
        let is_partial = partial.contains(&*document.source);
        if is_partial {
            aside.insert(document.source.clone());
        }
        !is_partial
    });
    read.skipped.extend(aside.iter().map(|name| Skipped {
        location: whole(name),
        what: kustomize::PARTIAL.what.into(),
        hint: kustomize::PARTIAL.hint.map(Into::into),
    }));
}

fn read_one(input: &Input, settings: &Settings) -> Text {
    if input.in_chart && has_action(&input.bytes) {
        return Text::Template;
    }
    if is_toml(&input.name) {
        let asked = !settings.conftest.modules.is_empty();
        return if asked {
            Text::Documents(read::read_toml(&input.bytes, &settings.limits))
        } else {
            Text::Toml
        };
    }
    let reading = read::read(&input.bytes, &settings.limits);
    // A template seldom is YAML before it is rendered. One that happens to be, and says what it is in an action,
    // is told by its actions where a name or a value should stand; none of it must be judged.
    let lost = reading.errors.iter().any(|error| error.kind == ReadErrorKind::Syntax);
    if lost && has_action(&input.bytes) { Text::Template } else { Text::Documents(reading) }
}

fn is_toml(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("toml"))
}

/// Whether a text holds an action of Go's templates outside of comments: `{{ .. }}` on one line, or `{{- ` at least.
fn has_action(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        let said = line.trim_ascii_start();
        if said.starts_with(b"#") {
            return false;
        }
        let opening = said.windows(2).position(|pair| pair == b"{{");
        let behind = opening.and_then(|at| said.get(at + 2..)).unwrap_or_default();
        opening.is_some() && (behind.starts_with(b"-") || behind.windows(2).any(|pair| pair == b"}}"))
    })
}

/// All that is no manifest. Of a file in which all documents are of one other kind it is said once.
pub(super) fn skipped(templates: Vec<Skipped>, snapshot: &Snapshot) -> Vec<Skipped> {
    let mut skipped = templates;
    for document in snapshot.skipped() {
        let location = match &document.location.place {
            Place::Field { document: 0, pointer } if pointer.steps().is_empty() => {
                whole(&document.location.source)
            }
            _ => document.location.clone(),
        };
        let same_again = skipped.last().is_some_and(|last: &Skipped| {
            last.location.source == location.source && last.what == document.what.what
        });
        if !same_again {
            skipped.push(Skipped {
                location,
                what: document.what.what.into(),
                hint: document.what.hint.map(Into::into),
            });
        }
    }
    skipped.sort();
    skipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_told_from_braces() {
        for text in ["a: {{ .Values.a }}", "x: y\n  {{- if .Values.a }}\n", "{{- include \"x\" . | nindent 4"]
        {
            assert!(has_action(text.as_bytes()), "{text}");
        }
        for text in ["", "a: {b: {c: d}}", "# {{ .Values.a }}", "a: '{{'", "}} {{"] {
            assert!(!has_action(text.as_bytes()), "{text}");
        }
    }
}

//! `--fix` and `--diff`: the fixes of findings as changes of files.
//!
//! All fixes of one document are made at once, by one edit of its text. A fix is made whole or not at all. What contradicts a
//! fix that stands before it, or what the text does not allow (a value shared through an anchor), is left out and said.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use lumen_core::finding::{Edit, Finding, Fix, Location, Place, Safety};
use lumen_value::edit::{self, Edited};
use lumen_value::{Pointer, Value};

use crate::locate::DocumentPlace;
use crate::report::{self, Report, Reported};

mod patch;

/// Most attempts at one document: fixes that its text does not allow cost a few each.
const ATTEMPTS_MAX: usize = 200;

/// Which fixes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Those that hardly any program notices.
    Safe,
    /// Those that a program may notice, too.
    Unsafe,
}

/// What fixing comes to.
#[derive(Debug, Default)]
pub struct Plan {
    /// The files that change, in order.
    pub changes: Vec<Change>,
    /// What is not made, in order.
    pub refused: Vec<Refused>,
    /// How many findings have a fix that is not allowed.
    pub unsafe_left: usize,
}

/// A file that changes.
#[derive(Debug)]
pub struct Change {
    /// The input.
    pub name: Arc<str>,
    /// How many findings this fixes.
    pub fixes: usize,
    old: Arc<[u8]>,
    /// What is replaced, in the order of the text.
    replaced: Vec<report::Change>,
}

/// A fix that is not made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The input that the finding stands in.
    pub source: Arc<str>,
    /// The finding's line, from 1; 0 where it has none.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// A finding and its fix.
type Wanted<'a> = (&'a Reported, &'a Fix);

/// Decides what the fixes of a report change.
pub fn plan(report: &Report, documents: &BTreeMap<Arc<str>, Vec<DocumentPlace>>, allowed: Allowed) -> Plan {
    let mut plan = Plan::default();
    let mut wanted: BTreeMap<(&Arc<str>, usize), Vec<Wanted<'_>>> = BTreeMap::new();
    for reported in &report.findings {
        let Finding {
            fix: Some(fix),
            location: Some(Location { source, place: Place::Field { document, .. } }),
            ..
        } = &reported.finding
        else {
            continue;
        };
        if fix.safety == Safety::Unsafe && allowed == Allowed::Safe {
            plan.unsafe_left += 1;
            continue;
        }
        wanted.entry((source, *document)).or_default().push((reported, fix));
    }
    let mut replaced: BTreeMap<&Arc<str>, (Vec<report::Change>, usize)> = BTreeMap::new();
    for ((source, number), fixes) in wanted {
        let place = documents.get(source).and_then(|places| DocumentPlace::find(places, number));
        let (Some(text), Some(place)) = (report.sources.get(source), place) else {
            continue;
        };
        let Some(text) = text.get(place.range.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok())
        else {
            continue;
        };
        let mut attempt = Attempt { text, place, left: ATTEMPTS_MAX, refused: Vec::new() };
        let (edited, made) = attempt.make(&fixes);
        plan.refused.append(&mut attempt.refused);
        if let Some(edited) = edited {
            let (changes, count) = replaced.entry(source).or_default();
            changes.extend(report::Change::of(&edited, place.range.start));
            *count += made;
        }
    }
    plan.refused.sort();
    for (source, (replaced, fixes)) in replaced {
        let Some(old) = report.sources.get(source).filter(|_| !replaced.is_empty()) else {
            continue;
        };
        plan.changes.push(Change { name: source.clone(), fixes, old: old.clone(), replaced });
    }
    plan
}

/// The search for the fixes that one document's text allows.
struct Attempt<'a> {
    text: &'a str,
    place: &'a DocumentPlace,
    left: usize,
    refused: Vec<Refused>,
}

impl<'a> Attempt<'a> {
    /// The text with the fixes, and how many were made; no text where none was.
    fn make(&mut self, fixes: &[Wanted<'a>]) -> (Option<Edited>, usize) {
        let mut claims = Claims::default();
        let mut agreed = Vec::new();
        for (reported, fix) in fixes {
            if claims.take(&fix.edits) {
                agreed.push((*reported, *fix));
            } else {
                self.refuse(reported, "another fix changes the same field: run `--fix` again");
            }
        }
        let accepted = self.accept(Vec::new(), &agreed);
        let made = accepted.len();
        let edits = edits_of(&accepted);
        let edited =
            if edits.is_empty() { None } else { edit::apply(self.text, self.place.syntax, &edits).ok() };
        (edited, made)
    }

    /// Adds as many fixes to those that are accepted as the text allows. Halving finds the few that it does not.
    fn accept(&mut self, accepted: Vec<Wanted<'a>>, more: &[Wanted<'a>]) -> Vec<Wanted<'a>> {
        if more.is_empty() {
            return accepted;
        }
        if self.left == 0 {
            for (reported, _) in more {
                self.refuse(reported, "too many fixes of this document cannot be made");
            }
            return accepted;
        }
        self.left -= 1;
        let together: Vec<_> = accepted.iter().chain(more).copied().collect();
        match (edit::apply(self.text, self.place.syntax, &edits_of(&together)), more) {
            (Ok(_), _) => together,
            (Err(error), [(reported, _)]) => {
                self.refuse(reported, &error.to_string());
                accepted
            }
            (Err(_), _) => {
                let (first, second) = more.split_at(more.len() / 2);
                let accepted = self.accept(accepted, first);
                self.accept(accepted, second)
            }
        }
    }

    fn refuse(&mut self, reported: &Reported, reason: &str) {
        let Some(location) = &reported.finding.location else { return };
        let line = reported.region.as_ref().map_or(0, |region| region.line);
        self.refused.push(Refused { source: location.source.clone(), line, reason: reason.into() });
    }
}

/// All edits of fixes; each once.
fn edits_of(fixes: &[Wanted<'_>]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut seen = BTreeMap::new();
    for edit in fixes.iter().flat_map(|(_, fix)| &fix.edits) {
        let (pointer, value) = parts(edit);
        if seen.insert(pointer, value).is_none() {
            edits.push(edit.clone());
        }
    }
    edits
}

fn parts(edit: &Edit) -> (&Pointer, Option<&Value>) {
    match edit {
        Edit::Set(pointer, value) => (pointer, Some(value)),
        Edit::Remove(pointer) => (pointer, None),
    }
}

/// The fields that accepted fixes change.
#[derive(Default)]
struct Claims<'a> {
    fields: BTreeMap<&'a Pointer, Option<&'a Value>>,
    above: BTreeSet<Pointer>,
}

impl<'a> Claims<'a> {
    /// Takes the fields of a fix, unless one of them is already to become something else, or stands in or around one
    /// that is.
    fn take(&mut self, edits: &'a [Edit]) -> bool {
        let free = edits.iter().all(|edit| {
            let (pointer, value) = parts(edit);
            if let Some(claimed) = self.fields.get(pointer) {
                return *claimed == value;
            }
            !self.above.contains(pointer) && !above(pointer).any(|outer| self.fields.contains_key(&outer))
        });
        if free {
            for edit in edits {
                let (pointer, value) = parts(edit);
                self.fields.insert(pointer, value);
                self.above.extend(above(pointer));
            }
        }
        free
    }
}

/// What holds a field, from the inside out.
fn above(pointer: &Pointer) -> impl Iterator<Item = Pointer> {
    std::iter::successors(pointer.parent(), Pointer::parent)
}

impl Change {
    /// The change as a patch.
    pub fn diff(&self, name: &str) -> String {
        patch::unified(name, &self.old, &self.text(), &self.replaced)
    }

    /// The text with the fixes.
    pub fn text(&self) -> Vec<u8> {
        replaced(&self.old, &self.replaced)
    }

    /// Puts the new text in the file's place, all or nothing: through a file beside it that takes its name. Links
    /// stay links, permissions stay as they are.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let path = path.canonicalize()?;
        if std::fs::read(&path)? != *self.old {
            return Err(io::Error::other("it has changed since it was checked: run `--fix` again"));
        }
        let permissions = std::fs::metadata(&path)?.permissions();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let beside = path.with_file_name(format!(".{name}.lumen-{}", std::process::id()));
        let result =
            write_new(&beside, &self.text(), permissions).and_then(|()| std::fs::rename(&beside, &path));
        if result.is_err() {
            // The error that matters is the first one.
            drop(std::fs::remove_file(&beside));
        }
        result
    }
}

/// A text with parts of it replaced.
fn replaced(old: &[u8], changes: &[report::Change]) -> Vec<u8> {
    let mut new = Vec::with_capacity(old.len());
    let mut at = 0;
    for change in changes {
        new.extend_from_slice(old.get(at..change.bytes.start).unwrap_or_default());
        new.extend_from_slice(change.text.as_bytes());
        at = change.bytes.end;
    }
    new.extend_from_slice(old.get(at..).unwrap_or_default());
    new
}

fn write_new(path: &Path, text: &[u8], permissions: std::fs::Permissions) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text)?;
    file.set_permissions(permissions)?;
    file.sync_all()
}

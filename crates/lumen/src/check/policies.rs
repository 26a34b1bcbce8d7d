//! The admission policies of a check: those among the inputs, and those that are given beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_core::admission::{PolicySet, is_config, is_constraint, is_expansion, is_mutator, is_template};
use lumen_core::finding::Finding;
use lumen_core::review::Policies;
use lumen_core::snapshot::{self, Entry, Snapshot};

use super::{Input, Settings, documents};
use crate::locate::DocumentPlace;
use crate::policies;

/// What was read of inputs that hold policies and are not themselves checked.
#[derive(Default)]
pub(super) struct Added {
    /// The inputs that are no inputs of the check as well.
    pub(super) inputs: Vec<Input>,
    pub(super) places: BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    /// What could not be read.
    pub(super) findings: Vec<Finding>,
    snapshot: Snapshot,
}

impl Added {
    /// The policies, the weakest first.
    pub(super) fn policies(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let nothing: &'static [Arc<Entry>] = &[];
        by_strength(self.snapshot.entries(), nothing).filter(|entry| is_policy(entry))
    }
}

/// Reads the inputs that are given for their policies alone.
pub(super) fn read(inputs: &[Input], settings: &Settings) -> Added {
    let checked: BTreeSet<&Arc<str>> = inputs.iter().map(|input| &input.name).collect();
    let only: Vec<Input> =
        settings.policy_inputs.iter().filter(|input| !checked.contains(&input.name)).cloned().collect();
    if only.is_empty() {
        return Added::default();
    }
    let read = documents::read(&only, settings);
    // What else is in these files is nobody's business here.
    let (snapshot, _) = Snapshot::build(read.documents, &snapshot::Options::default());
    Added { inputs: only, places: read.places, findings: read.findings, snapshot }
}

/// All policies, the weakest first: what is built in, then what `--policy PATH` names, then what is among the inputs. Of two of
/// one kind and name the later counts.
fn entries<'a>(added: &'a Added, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a Arc<Entry>> {
    by_strength(added.snapshot.entries(), snapshot.entries())
}

fn by_strength<'a>(given: &'a [Arc<Entry>], last: &'a [Arc<Entry>]) -> impl Iterator<Item = &'a Arc<Entry>> {
    let is_built_in = |entry: &&Arc<Entry>| policies::is_choice(&entry.location.source);
    let (built_in, named) =
        (given.iter().filter(is_built_in), given.iter().filter(move |entry| !is_built_in(entry)));
    built_in.chain(named).chain(last)
}

fn is_policy(entry: &Entry) -> bool {
    is_template(entry) || is_constraint(entry) || is_expansion(entry) || is_mutator(entry) || is_config(entry)
}

/// The inputs that hold policies.
pub(super) fn sources(added: &Added, snapshot: &Snapshot) -> BTreeSet<Arc<str>> {
    let policies = entries(added, snapshot).filter(|entry| is_policy(entry));
    policies.map(|entry| entry.location.source.clone()).collect()
}

/// Says which templates and constraints of `--policy` others take the place of, and where both come from.
pub(super) fn replaced(added: &Added, snapshot: &Snapshot) -> Vec<String> {
    let mut given: BTreeMap<_, &Arc<str>> = BTreeMap::new();
    let mut said = Vec::new();
    // Two of one name among the inputs are told as such.
    let own = added.snapshot.entries().len();
    for (number, entry) in entries(added, snapshot).enumerate() {
        if !is_template(entry) && !is_constraint(entry) {
            continue;
        }
        let (kind, name, source) = (&entry.object.kind, &entry.object.name, &entry.location.source);
        let before =
            if number < own { given.insert((kind, name), source) } else { given.remove(&(kind, name)) };
        let Some(before) = before else { continue };
        let other = if policies::is_choice(before) {
            format!("the built-in one (`{before}`)")
        } else {
            format!("that of `{before}`, which `--policy` names")
        };
        said.push(format!("{source}: this {kind} `{name}` takes the place of {other}"));
    }
    said
}

/// Says that policies for another engine are among the inputs: nothing asks them.
pub(super) fn unread(snapshot: &Snapshot) -> Option<String> {
    let is_kyverno = |entry: &&Arc<Entry>| {
        let group = entry.object.api_version.split('/').next().unwrap_or_default();
        (group == "kyverno.io" || group.ends_with(".kyverno.io")) && entry.object.kind.ends_with("Policy")
    };
    let mut found = snapshot.entries().iter().filter(is_kyverno);
    let first = found.next()?;
    let more = match found.count() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let (source, kind, name) = (&first.location.source, &first.object.kind, &first.object.name);
    Some(format!(
        "{source}: {kind} `{name}`{more}: policies for Kyverno are not read, and nothing is checked against them"
    ))
}

/// Compiles all policies.
pub(super) fn compile(added: &Added, snapshot: &Snapshot, settings: &Settings) -> (Policies, Vec<Finding>) {
    let (set, findings) = PolicySet::compile(entries(added, snapshot));
    (
        Policies { admission: Arc::new(set), time_ns: settings.time_ns(), ..settings.policies.clone() },
        findings,
    )
}

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
    let is_built_in = |entry: &&Arc<Entry>| policies::is_choice(&entry.location.source);
    let given = added.snapshot.entries();
    let (built_in, named) =
        (given.iter().filter(is_built_in), given.iter().filter(move |entry| !is_built_in(entry)));
    built_in.chain(named).chain(snapshot.entries())
}

fn is_policy(entry: &Entry) -> bool {
    is_template(entry) || is_constraint(entry) || is_expansion(entry) || is_mutator(entry) || is_config(entry)
}

/// The inputs that hold policies.
pub(super) fn sources(added: &Added, snapshot: &Snapshot) -> BTreeSet<Arc<str>> {
    let policies = entries(added, snapshot).filter(|entry| is_policy(entry));
    policies.map(|entry| entry.location.source.clone()).collect()
}

/// Says which built-in templates and constraints others take the place of.
pub(super) fn replaced(added: &Added, snapshot: &Snapshot) -> Vec<String> {
    let mut built_in = BTreeSet::new();
    let mut said = Vec::new();
    for entry in entries(added, snapshot).filter(|entry| is_template(entry) || is_constraint(entry)) {
        let (kind, name, source) = (&entry.object.kind, &entry.object.name, &entry.location.source);
        if policies::is_choice(source) {
            built_in.insert((kind, name));
        } else if built_in.contains(&(kind, name)) {
            said.push(format!("{source}: this {kind} `{name}` takes the place of the built-in one"));
        }
    }
    said
}

/// Compiles all policies.
pub(super) fn compile(added: &Added, snapshot: &Snapshot, settings: &Settings) -> (Policies, Vec<Finding>) {
    let (set, findings) = PolicySet::compile(entries(added, snapshot));
    (Policies { admission: Arc::new(set), ..settings.policies.clone() }, findings)
}

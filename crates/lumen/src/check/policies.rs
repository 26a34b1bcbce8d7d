//! The admission policies of a check: those among the inputs, and those that are given beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_core::admission::PolicySet;
use lumen_core::finding::Finding;
use lumen_core::review::Policies;
use lumen_core::snapshot::{self, Snapshot};

use super::{Input, Settings, documents};
use crate::locate::DocumentPlace;

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

/// Compiles all policies; those among the inputs go before those given beside them.
pub(super) fn compile(added: &Added, snapshot: &Snapshot, settings: &Settings) -> (Policies, Vec<Finding>) {
    let entries = added.snapshot.entries().iter().chain(snapshot.entries());
    let (set, findings) = PolicySet::compile(entries);
    (Policies { admission: Arc::new(set), ..settings.policies.clone() }, findings)
}

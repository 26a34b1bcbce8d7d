//! [`Picture`]: inputs read as one picture. Everything that reads manifests reads them here, and so all commands alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::finding::Finding;
use lumen_core::snapshot::{self, Snapshot, SourceDocument};

use super::{Input, Settings, Skipped, documents, finding_of_problem};
use crate::locate::DocumentPlace;
use crate::source::Problem;

/// Inputs that were read, and the objects in them.
pub(super) struct Picture {
    /// The inputs, in the order of their names, each name once: places are told apart by it.
    pub(super) inputs: Vec<Input>,
    /// The objects.
    pub(super) snapshot: Snapshot,
    /// What could not be read.
    pub(super) about_inputs: Vec<Finding>,
    /// What is wrong with objects as such.
    pub(super) about_objects: Vec<Finding>,
    /// What is no manifest and was left alone.
    pub(super) skipped: Vec<Skipped>,
    /// Where the documents stand in each input.
    pub(super) places: BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    /// How many documents there are.
    pub(super) documents_count: usize,
    /// The documents, where they are wanted, with those that only Conftest is asked about.
    pub(super) documents: Vec<SourceDocument>,
}

impl Picture {
    /// Reads inputs. `added` are documents that no input holds. The same inputs in any order give the same picture.
    pub(super) fn read(
        mut inputs: Vec<Input>,
        problems: &[Problem],
        settings: &Settings,
        added: Vec<SourceDocument>,
        with_documents: bool,
    ) -> Self {
        inputs.sort_by(|a, b| (&a.name, &a.bytes).cmp(&(&b.name, &b.bytes)));
        inputs.dedup_by(|a, b| a.name == b.name);
        let mut read = documents::read(&inputs, settings);
        read.documents.extend(added);
        // Documents share what they hold: a copy costs little.
        let mut documents = read.others;
        if with_documents {
            documents.extend(read.documents.iter().cloned());
        }
        let options = snapshot::Options { default_namespace: settings.policies.default_namespace.clone() };
        let (snapshot, about_objects) = Snapshot::build(read.documents, &options);
        let mut about_inputs: Vec<Finding> = problems.iter().map(finding_of_problem).collect();
        about_inputs.extend(read.findings);
        let skipped = documents::skipped(read.skipped, &snapshot);
        Self {
            inputs,
            snapshot,
            about_inputs,
            about_objects,
            skipped,
            places: read.places,
            documents_count: read.documents_count,
            documents,
        }
    }
}

//! Inputs read as one picture, for other questions than a check's: what reaches what, what stands where.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::finding::{Finding, Location};
use lumen_core::snapshot::{self, Snapshot, SourceDocument};

use super::place;
use super::{Input, Settings, Skipped, documents, finding_of_problem};
use crate::locate::DocumentPlace;
use crate::report::{Region, Report, Reported};
use crate::source::Problem;

/// The objects of the inputs, and the texts that they stand in.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The objects.
    pub snapshot: Snapshot,
    /// What could not be read, and what is wrong with objects, sorted by place.
    pub findings: Vec<Finding>,
    /// What is no manifest and was left alone.
    pub skipped: Vec<Skipped>,
    inputs: Vec<Input>,
    places: BTreeMap<Arc<str>, Vec<DocumentPlace>>,
}

impl Manifests {
    /// Reads inputs as [`check`](super::check()) does. `added` are documents that no input holds.
    pub fn read(
        mut inputs: Vec<Input>,
        problems: &[Problem],
        settings: &Settings,
        added: Vec<SourceDocument>,
    ) -> Self {
        inputs.sort_by(|a, b| (&a.name, &a.bytes).cmp(&(&b.name, &b.bytes)));
        inputs.dedup_by(|a, b| a.name == b.name);
        let mut read = documents::read(&inputs, settings);
        read.documents.extend(added);
        let options = snapshot::Options { default_namespace: settings.policies.default_namespace.clone() };
        let (snapshot, about_objects) = Snapshot::build(std::mem::take(&mut read.documents), &options);
        let mut findings: Vec<Finding> = problems.iter().map(finding_of_problem).collect();
        findings.extend(read.findings);
        findings.extend(about_objects);
        findings.sort_by(|a, b| super::sort_key(a).cmp(&super::sort_key(b)));
        findings.dedup();
        let skipped = documents::skipped(read.skipped, &snapshot);
        Self { snapshot, findings, skipped, inputs, places: read.places }
    }

    /// How many inputs were read.
    pub fn files_count(&self) -> usize {
        self.inputs.len()
    }

    /// The regions of some places, one for one; `None` where no input holds the place.
    pub fn regions(&self, locations: &[Location]) -> Vec<Option<Region>> {
        let mut texts = BTreeMap::new();
        let region = |location| place::region(location, &mut texts, &self.inputs, &self.places);
        locations.iter().map(region).collect()
    }

    /// The text of an input.
    pub fn text(&self, name: &str) -> Option<&Arc<[u8]>> {
        let at = self.inputs.binary_search_by(|input| (*input.name).cmp(name)).ok()?;
        self.inputs.get(at).map(|input| &input.bytes)
    }

    /// A report of findings about these inputs, for the output formats.
    pub fn report(&self, findings: Vec<Finding>) -> Report {
        let findings: Vec<Reported> = place::locate(findings, &self.inputs, &self.places, false);
        let sources = place::texts(findings.iter().flat_map(place::of_report), &self.inputs);
        Report { findings, sources, ..Report::default() }
    }
}

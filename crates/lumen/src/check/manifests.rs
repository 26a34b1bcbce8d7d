//! Inputs read as one picture, for other questions than a check's: what reaches what, what stands where.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::finding::{Finding, Location};
use lumen_core::snapshot::{Snapshot, SourceDocument};

use super::picture::Picture;
use super::{Input, Settings, Skipped, place};
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
        inputs: Vec<Input>,
        problems: &[Problem],
        settings: &Settings,
        added: Vec<SourceDocument>,
    ) -> Self {
        let Picture { inputs, snapshot, about_inputs, about_objects, skipped, places, .. } =
            Picture::read(inputs, problems, settings, added, false);
        let mut findings = about_inputs;
        findings.extend(about_objects);
        findings.sort_by(|a, b| super::sort_key(a).cmp(&super::sort_key(b)));
        findings.dedup();
        Self { snapshot, findings, skipped, inputs, places }
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

//! Inputs read and policies compiled, for commands that judge otherwise than [`check`](super::check()) does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use lumen_core::catalog;
use lumen_core::exemption;
use lumen_core::finding::{Finding, Layer, Location};
use lumen_core::object::Identity;
use lumen_core::review::Policies;
use lumen_core::snapshot::{Entry, Snapshot};

use super::picture::Picture;
use super::{Input, Settings, exempt, place, policies};
use crate::locate::{DocumentPlace, Text};
use crate::report::{Report, Reported, Summary};
use crate::source::Problem;

/// Inputs that were read.
pub struct Prepared {
    /// The objects.
    pub snapshot: Snapshot,
    /// The policies, those given beside the inputs among them.
    pub policies: Policies,
    /// What could not be read, or not be used as a policy.
    pub findings: Vec<Finding>,
    /// The time, for exemptions that expire.
    now: Timestamp,
    inputs: Vec<Input>,
    places: BTreeMap<Arc<str>, Vec<DocumentPlace>>,
}

/// Reads inputs and compiles the policies.
pub fn prepare(inputs: Vec<Input>, problems: &[Problem], settings: &Settings) -> Prepared {
    // What is wrong with objects as such is for a check to say.
    let Picture { mut inputs, snapshot, about_inputs: mut findings, mut places, .. } =
        Picture::read(inputs, problems, settings, Vec::new(), false);
    let added = policies::read(&inputs, settings);
    let (policies, broken) = policies::compile(&added, &snapshot, settings);
    findings.extend(added.findings);
    findings.extend(broken);
    places.extend(added.places);
    inputs.extend(added.inputs);
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    Prepared { snapshot, policies, findings, now: settings.now, inputs, places }
}

/// The groups of what admission is decided by.
const POLICY_GROUPS: &[&str] = &["templates.gatekeeper.sh", "constraints.gatekeeper.sh"];

/// Most policies given twice that are told of.
const POLICIES_TOLD_MAX: usize = 16;

impl Prepared {
    /// The findings that no exemption among the inputs silences, with those about exemptions of these rules alone that are
    /// unused or expired, and about those that mean nothing; and how many are silenced.
    pub fn exempted(&self, findings: Vec<Finding>) -> (Vec<Finding>, usize) {
        let (exemptions, invalid) = exempt::collect(&self.inputs, &self.places, &self.snapshot);
        let (own, wide): (Vec<_>, Vec<_>) = exemptions.into_iter().partition(exempt::is_of_posture);
        let subject = |finding: &Finding| {
            let entry = place::object_of(finding, &self.snapshot)?;
            Some(exemption::Subject { namespace: entry.namespace.as_deref(), labels: entry.labels() })
        };
        let (mut left, by_wide) = exemption::apply(findings, wide, self.now, subject);
        // A check says it of those that are about what it finds, too.
        left.retain(|finding| finding.rule.layer != Layer::Input);
        let (mut left, by_own) = exemption::apply(left, own, self.now, subject);
        // Whoever wrote one that means nothing takes its findings for silenced.
        left.extend(invalid);
        (left, by_wide.silenced + by_own.silenced)
    }

    /// What is told of templates and constraints that are described in different ways: as in a cluster, the last counts.
    pub fn policies_given_twice(&self) -> Vec<String> {
        let is_policy = |entry: &Entry| {
            let version =
                entry.value.get("apiVersion").and_then(|version| version.as_str()).unwrap_or_default();
            POLICY_GROUPS.iter().any(|group| version.split('/').next() == Some(group))
        };
        let told = |(identity, entries): (&Identity, &[Arc<Entry>])| {
            let (first, last) = (entries.first()?, entries.last()?);
            let differs = entries.iter().any(|entry| entry.value != last.value);
            (is_policy(last) && differs).then(|| {
                format!(
                    "`{identity}` stands in `{}` and in `{}`, which differ: as in a cluster, the last counts",
                    first.location.source, last.location.source
                )
            })
        };
        self.snapshot.duplicates().filter_map(told).take(POLICIES_TOLD_MAX).collect()
    }

    /// A report of findings about these inputs, for the output formats.
    pub fn report(&self, mut findings: Vec<Finding>) -> Report {
        findings.sort_by(|a, b| super::sort_key(a).cmp(&super::sort_key(b)));
        findings.dedup();
        let mut findings: Vec<Reported> = place::locate(findings, &self.inputs, &self.places, false);
        findings.sort_by(|a, b| place::in_text(a).cmp(&place::in_text(b)));
        let sources = place::texts(findings.iter().flat_map(place::of_report), &self.inputs);
        let remedies = self.policies.admission.remedies();
        let remedies = remedies.map(|(rule, remedy)| (rule.clone(), remedy.to_owned())).collect();
        let inputs: Vec<Arc<str>> = self.inputs.iter().map(|input| input.name.clone()).collect();
        let summary = Summary {
            files: inputs.len(),
            objects: self.snapshot.entries().len(),
            workloads: self.snapshot.workloads().count(),
            ..Summary::default()
        };
        let rules = catalog::rules().collect();
        Report { findings, inputs, sources, rules, remedies, summary, ..Report::default() }
    }

    /// Finds the lines of places.
    pub fn lines(&self) -> Lines<'_> {
        Lines { prepared: self, texts: RefCell::default() }
    }
}

/// Finds the lines of places, and keeps the texts that it has read.
pub struct Lines<'a> {
    prepared: &'a Prepared,
    texts: RefCell<BTreeMap<Arc<str>, Text<'a>>>,
}

impl Lines<'_> {
    /// The line of a place, from 1; `None` where the input as a whole is meant.
    pub fn line(&self, location: &Location) -> Option<usize> {
        let mut texts = self.texts.borrow_mut();
        let region = place::region(location, &mut texts, &self.prepared.inputs, &self.prepared.places)?;
        Some(region.line)
    }

    /// A place for people: `deploy.yaml:9`.
    pub fn shown(&self, location: &Location) -> String {
        match self.line(location) {
            Some(line) => format!("{}:{line}", location.source),
            None => location.source.to_string(),
        }
    }
}

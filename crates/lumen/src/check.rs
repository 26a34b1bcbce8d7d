//! The check itself: texts in, a report out. No I/O: tests and fuzz targets drive the same code as the program.
//!
//! ```text
//! inputs -> documents -> snapshot -> findings -> exemptions -> baseline -> regions -> report
//! ```
//!
//! Each file is read, and the objects in it judged, behind a wall: a bug that panics over one becomes a finding
//! `input/internal-error`, and the rest is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use lumen_core::catalog;
use lumen_core::exemption::{self, Audit};
use lumen_core::finding::{Finding, Location, Place};
use lumen_core::input::{self, rules};
use lumen_core::review::Policies;
use lumen_core::snapshot::Snapshot;
use lumen_value::read::Limits;

use crate::baseline::{Baseline, Fingerprint};
use crate::locate::DocumentPlace;
use crate::parallel;
use crate::report::{Report, Reported, Summary};
pub use crate::source::Input;
use crate::source::{Problem, ProblemKind};

pub mod conftest;
mod deployed;
mod documents;
mod exempt;
mod judge;
pub mod live;
mod manifests;
mod picture;
mod place;
mod policies;
pub mod prepare;

pub use documents::Skipped;
pub use judge::pod_security_configuration;
pub use manifests::Manifests;

use picture::Picture;

/// What a check depends on beside its inputs.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// Bounds on one input.
    pub limits: Limits,
    /// Whether a file that is no manifest is an error.
    pub strict: bool,
    /// Whether the report says what fixes change in the text, which only some formats show.
    pub with_changes: bool,
    /// Whether a baseline of all that is found is made.
    pub with_baseline: bool,
    /// The time, for exemptions that expire and for policies that ask for it.
    pub now: Timestamp,
    /// What verdicts depend on beside the objects.
    pub policies: Policies,
    /// Inputs whose templates and constraints are applied, and that are not themselves checked.
    pub policy_inputs: Vec<Input>,
    /// Policies for Conftest, which are asked about every document.
    pub conftest: conftest::Policies,
    /// Known findings, which are silenced.
    pub baseline: Option<Baseline>,
    /// Whether the baseline silences denials, too. Not with `--fail-on deny`, which says what the cluster refuses.
    pub baseline_holds_denials: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            strict: false,
            with_changes: true,
            with_baseline: true,
            now: Timestamp::UNIX_EPOCH,
            policies: Policies::default(),
            policy_inputs: Vec::new(),
            conftest: conftest::Policies::default(),
            baseline: None,
            baseline_holds_denials: true,
        }
    }
}

impl Settings {
    /// The time in nanoseconds since 1970; as far from it as can be told where it is further.
    pub fn time_ns(&self) -> i64 {
        let time_ns = self.now.as_nanosecond();
        i64::try_from(time_ns).unwrap_or(if time_ns < 0 { i64::MIN } else { i64::MAX })
    }
}

/// All that a check yields.
#[derive(Debug, Default)]
pub struct Checked {
    /// The report.
    pub report: Report,
    /// What is no manifest and was left alone, in order.
    pub skipped: Vec<Skipped>,
    /// What became of the exemptions.
    pub audit: Audit,
    /// What the baseline knows.
    pub known: Known,
    /// Where the documents stand in each input.
    pub documents: BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    /// The texts of inputs that hold exemptions.
    pub exemption_texts: BTreeMap<Arc<str>, Arc<[u8]>>,
    /// The inputs that hold policies.
    pub policy_sources: BTreeSet<Arc<str>>,
    /// Which built-in policies others take the place of: sentences.
    pub replaced: Vec<String>,
    /// A baseline of all that is found now, where one is asked for.
    pub baseline: Baseline,
}

/// What came of the baseline.
#[derive(Debug, Default)]
pub struct Known {
    /// How many findings it silences.
    pub silenced: usize,
    /// How many of those the cluster denies.
    pub denials: usize,
    /// What no longer occurs, and how often.
    pub mended: Vec<(Fingerprint, usize)>,
}

/// Checks inputs. The same inputs in any order give the same report.
pub fn run(inputs: Vec<Input>, settings: &Settings) -> Report {
    check(inputs, &[], settings).report
}

/// Checks inputs, and takes note of what could not be read in the first place.
pub fn check(inputs: Vec<Input>, problems: &[Problem], settings: &Settings) -> Checked {
    let (conftest, broken_conftest) = conftest::compile(settings);
    let Picture {
        mut inputs,
        snapshot,
        about_inputs,
        about_objects,
        skipped,
        mut places,
        documents_count,
        documents: asked,
    } = Picture::read(inputs, problems, settings, Vec::new(), conftest.is_some());

    let mut findings = about_inputs;
    findings.extend(about_objects);
    let added = policies::read(&inputs, settings);
    let (policies, broken) = policies::compile(&added, &snapshot, settings);
    let policy_sources = policies::sources(&added, &snapshot);
    let mut replaced = policies::replaced(&added, &snapshot);
    replaced.extend(policies::unread(&snapshot));
    findings.extend(added.findings);
    findings.extend(broken);
    judge::judge(&snapshot, &policies, &mut findings);
    findings.extend(deployed::judge(&inputs, &snapshot));
    findings.extend(broken_conftest);
    if let Some(conftest) = conftest {
        findings.extend(conftest.judge(&asked, &snapshot));
    }
    drop(asked);
    if settings.strict {
        findings.extend(skipped.iter().map(Skipped::finding));
    }

    let (mut findings, audit) = exempted(findings, &inputs, &places, &snapshot, settings.now);
    let (known, baseline) = silence_known(&mut findings, settings, |finding| {
        Fingerprint::of(finding, place::object_of(finding, &snapshot))
    });
    let summary = Summary {
        files: inputs.len(),
        documents: documents_count.saturating_sub(snapshot.documents_empty()),
        objects: snapshot.entries().len(),
        workloads: snapshot.workloads().count(),
        skipped: skipped.len(),
        silenced: audit.silenced + known.silenced,
    };
    // The values are the largest part of what is in memory, and nothing needs them any more.
    drop(snapshot);
    let names: Vec<Arc<str>> = inputs.iter().map(|input| input.name.clone()).collect();
    // What is said of a policy stands in its file.
    places.extend(added.places);
    inputs.extend(added.inputs);
    inputs.extend(settings.conftest.modules.iter().cloned());
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    let remedies = policies.admission.remedies().map(|(rule, remedy)| (rule.clone(), remedy.to_owned()));
    let findings = located(findings, &inputs, &places, settings.with_changes);
    let report = Report {
        sources: place::texts(findings.iter().flat_map(place::of_report), &inputs),
        findings,
        inputs: names,
        rules: catalog::rules().collect(),
        remedies: remedies.collect(),
        summary,
        scanned: None,
    };
    let exemption_texts = place::texts(audit.uses.iter().map(|used| &used.exemption.location), &inputs);
    Checked {
        report,
        skipped,
        audit,
        known,
        documents: places,
        exemption_texts,
        policy_sources,
        replaced,
        baseline,
    }
}

/// What the exemptions among the inputs leave, sorted, each once; and what became of them.
fn exempted(
    mut findings: Vec<Finding>,
    inputs: &[Input],
    places: &BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    snapshot: &Snapshot,
    now: Timestamp,
) -> (Vec<Finding>, Audit) {
    let (mut exemptions, invalid) = exempt::collect(inputs, places, snapshot);
    // Unused they would be called here.
    exemptions.retain(|exemption| !exempt::is_of_posture(exemption));
    findings.extend(invalid);
    let (mut findings, audit) = exemption::apply(findings, exemptions, now, |finding| {
        place::object_of(finding, snapshot)
            .map(|entry| exemption::Subject { namespace: entry.namespace.as_deref(), labels: entry.labels() })
    });
    findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    findings.dedup();
    (findings, audit)
}

/// The findings with their regions, within a file from the order of fields to that of lines.
fn located(
    findings: Vec<Finding>,
    inputs: &[Input],
    places: &BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    with_changes: bool,
) -> Vec<Reported> {
    let mut findings = place::locate(findings, inputs, places, with_changes);
    findings.sort_by(|a, b| place::in_text(a).cmp(&place::in_text(b)));
    findings
}

fn sort_key(finding: &Finding) -> impl Ord + '_ {
    (&finding.location, &finding.rule, &finding.message, &finding.object, finding.action, finding.outcome)
}

/// Takes away what the baseline knows, and makes a new one.
fn silence_known(
    findings: &mut Vec<Finding>,
    settings: &Settings,
    fingerprint: impl Fn(&Finding) -> Fingerprint,
) -> (Known, Baseline) {
    let (mut known, mut baseline) = (Known::default(), Baseline::default());
    if settings.baseline.is_none() && !settings.with_baseline {
        return (known, baseline);
    }
    let mut rest = settings.baseline.clone().unwrap_or_default();
    findings.retain(|finding| {
        let fingerprint = fingerprint(finding);
        let silence =
            rest.take(finding, &fingerprint) && (settings.baseline_holds_denials || !finding.is_denial());
        if silence {
            known.silenced += 1;
            known.denials += usize::from(finding.is_denial());
        }
        if settings.with_baseline {
            baseline.add(finding, fingerprint);
        }
        !silence
    });
    known.mended = rest.rest().map(|(fingerprint, count)| (fingerprint.clone(), count)).collect();
    (known, baseline)
}

fn finding_of_problem(problem: &Problem) -> Finding {
    let rule = match problem.kind {
        ProblemKind::Unreadable => &rules::UNREADABLE,
        ProblemKind::Circle => &rules::SYMLINK_LOOP,
        ProblemKind::Outside => &rules::SYMLINK_OUTSIDE,
        ProblemKind::NotAFile => &rules::NOT_A_FILE,
        ProblemKind::TooLarge => &rules::TOO_LARGE,
        ProblemKind::TooMany => &rules::TOO_MANY_FILES,
    };
    input::finding(rule, problem.message.clone(), Some(whole(&problem.name)))
}

fn whole(name: &Arc<str>) -> Location {
    Location { source: name.clone(), place: Place::Whole }
}

/// The finding about an input over which the program itself failed.
fn internal_error(name: &Arc<str>) -> Finding {
    let message = "checking this file failed, which is a bug in lumen: please report it".to_owned();
    input::finding(&rules::INTERNAL_ERROR, message, Some(whole(name)))
}

/// Runs a function on the inputs behind a wall each; what fails is told by the input's name.
fn each<T: Sync, R: Send>(
    items: &[T],
    name: impl Fn(&T) -> Arc<str>,
    function: impl Fn(&T) -> R + Sync,
) -> (Vec<R>, Vec<Finding>) {
    let mut done = Vec::with_capacity(items.len());
    let mut failed = Vec::new();
    for (item, result) in items.iter().zip(parallel::map(items, function)) {
        match result {
            Some(result) => done.push(result),
            None => failed.push(internal_error(&name(item))),
        }
    }
    (done, failed)
}

#[cfg(test)]
mod tests;

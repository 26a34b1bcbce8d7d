//! Objects of a cluster in place of manifests: what is judged of them, and how that becomes a report. No I/O: whoever reads the
//! cluster hands pages of objects to [`Judge::objects`], what comes of them to [`Collected::take`], and all of it to [`Live::finish`].
//!
//! ```text
//! pages of objects -> findings -> without those told of a maker -> exemptions -> baseline -> lines in git -> report
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::admission::Inventory;
use lumen_core::catalog;
use lumen_core::exemption::rules::UNUSED_EXEMPTION;
use lumen_core::exemption::{self, Subject};
use lumen_core::finding::{Finding, Outcome};
use lumen_core::input::{self, rules};
use lumen_core::managed::Managers;
use lumen_core::review::Policies;
use lumen_core::review::live::live_entry;
use lumen_core::snapshot::{Entry, NamespaceVariant};
use lumen_value::Value;

use super::picture::Picture;
use super::{Checked, Input, Settings, exempt, place, policies, sort_key};
use crate::baseline::Fingerprint;
use crate::locate::DocumentPlace;
use crate::report::{Live as Seen, Report, Reported, Scanned, Summary};
use crate::source::Problem;

mod collected;
mod drift;
mod judge;

pub use collected::{Collected, FINDINGS_MAX};
pub use judge::{Judge, OfObjects};

use drift::Sources;
use judge::About;

/// What a scan depends on beside the cluster: the policies that are given, and the manifests in git.
pub struct Live {
    settings: Settings,
    added: policies::Added,
    sources: Option<Picture>,
    /// What could not be read of either.
    problems: Vec<Finding>,
}

/// What the cluster is known by once its policies were read.
#[derive(Debug, Default)]
pub struct Around {
    /// The Namespaces by name.
    pub namespaces: BTreeMap<Arc<str>, NamespaceVariant>,
    /// What policies see as `data.inventory`.
    pub inventory: Inventory,
    /// The `Exemption` objects.
    pub exemptions: Vec<Value>,
    /// What is wrong with policies.
    pub findings: Vec<Finding>,
    /// What could not be read: the resource and the reason.
    pub unread: Vec<(String, String)>,
    /// How many kinds were looked at.
    pub kinds: usize,
    /// Whether only some of the objects were asked for.
    pub is_part: bool,
}

impl Live {
    /// Reads the policies that are given, and the manifests that objects may come from. The problems are those that both had.
    pub fn read(sources: Option<Vec<Input>>, problems: &[Problem], settings: Settings) -> Self {
        let problems = problems.iter().map(super::finding_of_problem).collect();
        let sources = sources.map(|inputs| Picture::read(inputs, &[], &settings, Vec::new(), false));
        let inputs = sources.as_ref().map_or(&[][..], |sources| &sources.inputs);
        let added = policies::read(inputs, &settings);
        Self { settings, added, sources, problems }
    }

    /// The policies that are given beside those of the cluster, the weakest first.
    pub fn given(&self) -> Vec<Arc<Entry>> {
        self.added.policies().cloned().collect()
    }

    /// The inputs that hold the given policies.
    pub fn policy_sources(&self) -> impl Iterator<Item = &Arc<str>> {
        self.added.policies().map(|entry| &entry.location.source)
    }

    /// What could not be read of the given policies.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> + Clone {
        self.added.findings.iter().chain(&self.problems)
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything that was found, as a report.
    pub fn finish(self, mut collected: Collected, mut around: Around, policies: &Policies) -> Checked {
        let Self { settings, added, sources, problems } = self;
        collected.complete(&mut around, policies);
        let scanned = Scanned {
            kinds: around.kinds,
            unread: around.unread.len(),
            is_without_policies: around.unread.iter().any(|(what, _)| is_of_policies(what)),
        };
        let unread = around.unread.iter().map(|(what, reason)| {
            let is_error = settings.strict || scanned.is_blind() || is_of_policies(what);
            unread(what, reason, is_error)
        });
        let mut findings = std::mem::take(&mut collected.findings);
        findings.extend(unread.chain(added.findings).chain(problems));
        let exemptions = std::mem::take(&mut collected.exemptions);
        let (mut findings, audit) = exemption::apply(findings, exemptions, settings.now, |finding| {
            let object = collected.about.get(&finding.location.as_ref()?.source)?;
            Some(Subject { namespace: object.namespace.as_deref(), labels: &object.labels })
        });
        // What is not looked at may be what an exemption is about.
        if around.is_part || !around.unread.is_empty() {
            findings.retain(|finding| finding.rule != UNUSED_EXEMPTION.id());
        }
        collected.name_objects(&mut findings);
        findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        findings.dedup();
        let (known, baseline) =
            super::silence_known(&mut findings, &settings, |finding| collected.fingerprint(finding));
        let mut summary = Summary {
            objects: collected.objects,
            workloads: collected.workloads,
            silenced: audit.silenced + known.silenced,
            ..Summary::default()
        };
        let mut names = Vec::new();
        let mut texts = Texts { inputs: added.inputs, places: added.places, sources: None };
        if let Some(sources) = sources {
            summary.files = sources.inputs.len();
            summary.documents = sources.documents_count;
            names.extend(sources.inputs.iter().map(|input| input.name.clone()));
            texts.inputs.extend(sources.inputs);
            texts.places.extend(sources.places);
            // What is wrong with the manifests as such is for a check to say; what cannot be read hides lines.
            findings.extend(sources.about_inputs);
            texts.sources = Some(Sources::new(sources.snapshot));
        }
        texts.inputs.sort_by(|a, b| a.name.cmp(&b.name));
        let findings = texts.placed(findings, &collected, settings.with_changes);
        let remedies = policies.admission.remedies().map(|(rule, remedy)| (rule.clone(), remedy.to_owned()));
        let report = Report {
            sources: place::texts(findings.iter().flat_map(place::of_report), &texts.inputs),
            findings,
            inputs: names,
            rules: catalog::rules().collect(),
            remedies: remedies.collect(),
            summary,
            scanned: Some(scanned),
        };
        Checked { report, audit, known, baseline, ..Checked::default() }
    }
}

impl Collected {
    /// Adds what is said of all objects together: of policies, of the levels of namespaces, and of exemptions.
    fn complete(&mut self, around: &mut Around, policies: &Policies) {
        let advice = std::mem::take(&mut self.levels).advice(|name| around.namespaces.get(name), policies);
        for finding in &advice {
            let name = finding.object.as_ref().map_or("", |object| &object.name);
            if let (Some(location), Some(namespace)) = (&finding.location, around.namespaces.get(name)) {
                let managers = Managers::of(&namespace.entry.value);
                self.notes.insert(location.clone(), judge::note(finding, &namespace.entry, &managers));
                self.about.insert(location.source.clone(), About::of(&namespace.entry));
            }
        }
        self.findings.extend(advice);
        self.findings.append(&mut around.findings);
        for object in around.exemptions.drain(..) {
            let entry = live_entry(object);
            exempt::of_entry(&entry, &mut self.exemptions, &mut self.findings);
            self.about.insert(entry.location.source.clone(), About::of(&entry));
        }
        exempt::without_misspelt(&mut self.exemptions, &mut self.findings);
        self.exemptions.retain(|exemption| !exempt::is_of_posture(exemption));
    }

    /// Says of findings about exemptions which object they stand in.
    fn name_objects(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|finding| finding.object.is_none()) {
            let location = finding.location.as_ref();
            let about = location.and_then(|location| self.about.get(&location.source));
            finding.object = about.map(|about| about.object.clone());
        }
    }

    /// What a baseline knows a finding by: the same as of the manifest.
    fn fingerprint(&self, finding: &Finding) -> Fingerprint {
        let plain = Fingerprint::of(finding, None);
        let Some(location) = &finding.location else { return plain };
        let object = self.about.get(&location.source).map(|object| object.name.clone());
        let path = self.notes.get(location).map(|note| note.path.clone());
        Fingerprint { object: object.unwrap_or(plain.object), path: path.unwrap_or(plain.path), ..plain }
    }
}

/// The texts that findings may stand in: policies that are given, and manifests.
struct Texts {
    /// In the order of their names.
    inputs: Vec<Input>,
    places: BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    sources: Option<Sources>,
}

impl Texts {
    /// The findings where they stand, in the order of the texts.
    fn placed(&self, findings: Vec<Finding>, collected: &Collected, with_changes: bool) -> Vec<Reported> {
        let is_file = |name: &Arc<str>| self.inputs.binary_search_by(|input| input.name.cmp(name)).is_ok();
        let place = |finding: Finding| match &finding.location {
            Some(location) if !is_file(&location.source) => {
                let note = collected.notes.get(location);
                let object = collected.about.get(&location.source);
                drift::placed(finding, note, object, self.sources.as_ref())
            }
            _ => (finding, None),
        };
        let mut placed: Vec<(Finding, Option<Seen>)> = findings.into_iter().map(place).collect();
        placed.sort_by(|(a, _), (b, _)| sort_key(a).cmp(&sort_key(b)));
        let (findings, seen): (Vec<_>, Vec<_>) = placed.into_iter().unzip();
        let findings = place::locate(findings, &self.inputs, &self.places, with_changes).into_iter();
        let mut findings: Vec<Reported> =
            findings.zip(seen).map(|(reported, live)| Reported { live, ..reported }).collect();
        findings.sort_by(|a, b| place::in_text(a).cmp(&place::in_text(b)));
        findings
    }
}

/// Whether a resource, or a group of them, is one of templates or constraints: what they forbid is not known without them.
fn is_of_policies(what: &str) -> bool {
    ["templates.gatekeeper.sh", "constraints.gatekeeper.sh"].iter().any(|group| {
        let group_of = what.split('/').next().unwrap_or_default();
        group_of == *group || group_of.strip_suffix(group).is_some_and(|plural| plural.ends_with('.'))
    })
}

/// Says that something could not be read. What is not known is no finding that fails, unless it is an error: where that is asked for,
/// where nothing else is known, or where policies are not.
fn unread(what: &str, reason: &str, is_error: bool) -> Finding {
    let message = format!("`{what}` cannot be read, and nothing is known of it: {reason}");
    let outcome = if is_error { Outcome::Error } else { Outcome::Skip };
    Finding { outcome, ..input::finding(&rules::UNREAD_KIND, message, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_constraints_are_told_from_others() {
        for what in [
            "constrainttemplates.templates.gatekeeper.sh",
            "needsowner.constraints.gatekeeper.sh",
            "constraints.gatekeeper.sh/v1beta1",
        ] {
            assert!(is_of_policies(what), "{what}");
        }
        for what in
            ["pods", "expansiontemplates.expansion.gatekeeper.sh", "namespace `a`", "exemptions.lumensec.io"]
        {
            assert!(!is_of_policies(what), "{what}");
        }
    }

    #[test]
    fn what_is_not_read_is_an_error_where_nothing_or_no_policy_is_known() {
        let report = |what: &str, kinds| {
            let around =
                Around { unread: vec![(what.into(), "forbidden".into())], kinds, ..Around::default() };
            let live = Live::read(None, &[], Settings::default());
            live.finish(Collected::default(), around, &Policies::default()).report
        };
        let outcome = |what, kinds| report(what, kinds).findings[0].finding.outcome;
        assert_eq!(outcome("pods", 1), Outcome::Skip);
        assert_eq!(outcome("pods", 0), Outcome::Error);
        assert_eq!(outcome("x.constraints.gatekeeper.sh", 1), Outcome::Error);
    }
}

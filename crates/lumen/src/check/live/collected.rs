//! [`Collected`]: what was found in all objects so far, each thing told once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::bail;
use lumen_core::exemption::Exemption;
use lumen_core::finding::{Finding, Location, RuleId};
use lumen_core::review::live::{Levels, is_about_pods};

use super::judge::{About, Note, OfObject, OfObjects};

/// Most findings of one scan: each is kept until the end.
pub const FINDINGS_MAX: usize = 200_000;

/// What is said of an object's pods: rule and message.
type Told = BTreeSet<(RuleId, String)>;

/// What was found in all objects so far. Its size goes with the number of findings, and not with that of objects.
#[derive(Debug, Default)]
pub struct Collected {
    pub(super) findings: Vec<Finding>,
    /// What the objects with findings are, by their place.
    pub(super) about: BTreeMap<Arc<str>, About>,
    pub(super) notes: BTreeMap<Location, Note>,
    pub(super) exemptions: Vec<Exemption>,
    pub(super) levels: Levels,
    pub(super) objects: usize,
    pub(super) workloads: usize,
    /// What is told of the pods of objects, by their `uid`.
    told: BTreeMap<Arc<str>, Told>,
}

impl Collected {
    /// Takes in what was found in the objects of a kind. Makers are to come before what they make: what is said of the pods of a
    /// maker is not said again of what it made. How many objects were left out because their namespace is not known.
    pub fn take(&mut self, found: OfObjects) -> anyhow::Result<usize> {
        self.objects += found.count;
        self.workloads += found.workloads;
        self.levels.merge(found.levels);
        for object in found.objects {
            self.object(object);
        }
        if self.findings.len() > FINDINGS_MAX {
            bail!(
                "there are more than {FINDINGS_MAX} findings: scan a namespace at a time, or choose objects by `--selector`"
            );
        }
        Ok(found.homeless)
    }

    fn object(&mut self, object: OfObject) {
        let OfObject { mut findings, about, source, uid, maker, levels, exemptions } = object;
        let about_pods = findings.iter().filter(|(finding, _)| is_about_pods(finding));
        let told: Told =
            about_pods.map(|(finding, _)| (finding.rule.clone(), finding.message.clone())).collect();
        let of_maker = maker.and_then(|maker| self.told.get(&maker.uid));
        if let Some(of_maker) = of_maker {
            findings.retain(|(finding, _)| {
                !is_about_pods(finding)
                    || !of_maker.contains(&(finding.rule.clone(), finding.message.clone()))
            });
        }
        let has_own = findings.iter().any(|(finding, _)| is_about_pods(finding));
        if let Some(levels) = levels.filter(|_| has_own) {
            self.levels.merge(levels);
        }
        if !told.is_empty() && !uid.is_empty() {
            self.told.insert(uid, told);
        }
        if of_maker_only(&findings, &exemptions) {
            return;
        }
        self.about.insert(source, about);
        self.exemptions.extend(exemptions);
        for (finding, note) in findings {
            if let Some(location) = &finding.location {
                self.notes.insert(location.clone(), note);
            }
            self.findings.push(finding);
        }
    }
}

/// Whether nothing is left to be said of an object.
fn of_maker_only(findings: &[(Finding, Note)], exemptions: &[Exemption]) -> bool {
    findings.is_empty() && exemptions.is_empty()
}

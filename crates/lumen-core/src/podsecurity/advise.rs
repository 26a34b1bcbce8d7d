//! [`advise`]: which level a namespace could enforce today, and what stands between it and the next.

use std::collections::BTreeMap;

use lumen_value::{Value, pointer};

use super::CHECKS;
use super::configuration::Configuration;
use super::level::{Level, LevelVersion};
use super::pod::Pod;
use super::policy::ENFORCE_LABEL;
use super::review::{Namespace, about};
use super::rules::NAMESPACE_LEVEL;
use crate::defaults::Seen;
use crate::finding::{Edit, Finding, Fix, Location, Place, RuleId, Safety};
use crate::object::ObjectRef;
use crate::object::pod::PodView;

/// Most names of a kind that a message lists.
const NAMES_MAX: usize = 3;

/// What could be enforced in a namespace, judged by the workloads that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is enforced today.
    pub current: LevelVersion,
    /// How many workloads were judged.
    pub workloads: usize,
    /// The highest level that all of them meet, of the latest edition.
    pub highest_passing: Level,
    /// What stands between them and the level above, the rules in upstream's order.
    pub blocking: Vec<Blocking>,
}

/// A rule that keeps a namespace from a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// The rule.
    pub rule: RuleId,
    /// The workloads that break it, sorted.
    pub workloads: Vec<ObjectRef>,
}

/// Judges all workloads of a namespace by every level, in a cluster of a minor version.
pub fn advise<'a>(
    namespace: &Namespace<'_>,
    configuration: &Configuration,
    cluster_minor: u64,
    workloads: impl IntoIterator<Item = (&'a ObjectRef, &'a PodView<'a>)>,
) -> Advice {
    let mut judged = Judged::default();
    for (object, view) in workloads {
        judged.add(object, view, cluster_minor);
    }
    judged.advice(namespace, configuration)
}

/// The levels that may stand in a label and demand something.
const LEVELS: [Level; 2] = [Level::Baseline, Level::Restricted];

/// Workloads of one namespace that were judged by every level: of those that meet it nothing is kept.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// For each of [`LEVELS`], the workloads that break a check, by its number.
    blocking: [BTreeMap<usize, Vec<ObjectRef>>; LEVELS.len()],
    count: usize,
}

impl Judged {
    /// Judges a workload more.
    pub fn add(&mut self, object: &ObjectRef, view: &PodView<'_>, cluster_minor: u64) {
        let pod = Pod::read(view, Seen::Pod).in_cluster(cluster_minor);
        self.count += 1;
        for (level, blocking) in LEVELS.into_iter().zip(&mut self.blocking) {
            for refusal in pod.evaluate(LevelVersion::latest(level)).refusals {
                let order = CHECKS.iter().position(|check| check.id == refusal.check.id);
                blocking.entry(order.unwrap_or_default()).or_default().push(object.clone());
            }
        }
    }

    /// Adds what others came to.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        for (own, blocking) in self.blocking.iter_mut().zip(other.blocking) {
            for (order, workloads) in blocking {
                own.entry(order).or_default().extend(workloads);
            }
        }
    }

    /// What follows for the namespace.
    pub fn advice(self, namespace: &Namespace<'_>, configuration: &Configuration) -> Advice {
        let (highest_passing, blocking) = match self.blocking {
            [baseline, restricted] if baseline.is_empty() && restricted.is_empty() => {
                (Level::Restricted, restricted)
            }
            [baseline, restricted] if baseline.is_empty() => (Level::Baseline, restricted),
            [baseline, _] => (Level::Privileged, baseline),
        };
        let blocking = blocking.into_iter().filter_map(|(order, mut workloads)| {
            workloads.sort();
            workloads.dedup();
            Some(Blocking { rule: CHECKS.get(order)?.rule.id(), workloads })
        });
        Advice {
            current: namespace.resolve(configuration).policy.enforce,
            workloads: self.count,
            highest_passing,
            blocking: blocking.collect(),
        }
    }
}

impl Advice {
    /// The advice as a finding: where more could be enforced than is, or something stands in the way of more. `None`
    /// where no workload is known, and where all is as strict as can be, or stricter than what is there.
    pub fn finding(&self, namespace: &Namespace<'_>) -> Option<Finding> {
        let could_enforce_more = self.highest_passing > self.current.level;
        if self.workloads == 0 || self.highest_passing < self.current.level {
            return None;
        }
        if !could_enforce_more && self.blocking.is_empty() {
            return None;
        }
        let name = namespace.name();
        let passes = match self.workloads {
            1 => format!("the one workload of namespace `{name}` passes `{}`", self.highest_passing),
            2 => format!("both workloads of namespace `{name}` pass `{}`", self.highest_passing),
            count => format!("all {count} workloads of namespace `{name}` pass `{}`", self.highest_passing),
        };
        let mut message = match (could_enforce_more, self.highest_passing) {
            (true, _) => format!("{passes}, and only `{}` is enforced", self.current.level),
            (false, Level::Privileged) => format!("namespace `{name}` does not meet `baseline`"),
            (false, _) => passes,
        };
        if !self.blocking.is_empty() {
            message.push_str("; ");
            message.push_str(&self.obstacles());
        }
        let (object, location, fix) = match namespace {
            Namespace::Known(view) => {
                let at = pointer!["metadata", "labels", ENFORCE_LABEL];
                let place = view.root.inside(&at);
                let fix = could_enforce_more.then(|| self.label(&place)).flatten();
                (view.object.clone(), Some(place), fix)
            }
            Namespace::Unknown { name } => {
                let object = ObjectRef {
                    api_version: "v1".into(),
                    kind: "Namespace".into(),
                    namespace: None,
                    name: (*name).into(),
                };
                (object, None, None)
            }
        };
        Some(Finding { location, fix, ..about(&NAMESPACE_LEVEL, object, message) })
    }

    /// Unsafe: what is not among the inputs may not meet the level.
    fn label(&self, place: &Location) -> Option<Fix> {
        let Place::Field { pointer, .. } = &place.place else {
            return None;
        };
        Some(Fix {
            title: format!("enforce `{}`", self.highest_passing),
            safety: Safety::Unsafe,
            edits: vec![Edit::Set(pointer.clone(), Value::from(self.highest_passing.as_str()))],
        })
    }

    /// What stands between the namespace and the next level, in a few words.
    fn obstacles(&self) -> String {
        let next =
            if self.highest_passing == Level::Privileged { Level::Baseline } else { Level::Restricted };
        let rules = listed(self.blocking.iter().map(|blocking| format!("`{}`", blocking.rule)));
        let mut workloads: Vec<&ObjectRef> =
            self.blocking.iter().flat_map(|blocking| &blocking.workloads).collect();
        workloads.sort();
        workloads.dedup();
        let names = listed(workloads.iter().map(|object| format!("`{}/{}`", object.kind, object.name)));
        format!("between it and `{next}` stand {rules} in {names}")
    }
}

/// `a, b, c and 4 more`.
fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    let shown: Vec<String> = names.take(NAMES_MAX).collect();
    match count.saturating_sub(NAMES_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

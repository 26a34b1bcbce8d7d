//! [`Collected`]: what an audit found in the objects of one kind, by namespace. Its size is bounded, however much is found; what is
//! beyond is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_core::admission::audit::shortened;
use lumen_core::admission::{PolicySet, Verdict};
use lumen_core::finding::{Outcome, Severity};
use lumen_core::object::{field, text};
use lumen_value::Value;

/// Most bytes of a message.
pub(super) const MESSAGE_BYTES_MAX: usize = 1_024;
/// Most bytes of the words of an `enforcementAction`, which may be any.
const ACTION_BYTES_MAX: usize = 128;
/// Most violations that are kept of one namespace.
const IN_NAMESPACE_MAX: usize = 10_000;
/// Most violations that are kept in all.
const IN_ALL_MAX: usize = 50_000;

/// What a result says of the policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Policy {
    /// Kind and name of the constraint.
    pub(super) name: String,
    pub(super) rule: String,
    pub(super) severity: &'static str,
    /// What the constraint does, in its own words.
    pub(super) action: String,
}

/// A violation, in the order in which they are kept where not all can be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Violation {
    /// The object's name.
    pub(super) name: String,
    pub(super) policy: Arc<Policy>,
    pub(super) outcome: Outcome,
    pub(super) message: String,
    /// The object's `uid`.
    pub(super) uid: String,
}

/// What was found in one namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct OfNamespace {
    /// The first violations, each with how often it was found.
    kept: BTreeMap<Violation, usize>,
    count: usize,
    /// All violations, counted.
    totals: BTreeMap<(Arc<Policy>, Outcome), u64>,
}

/// What was found in the objects of one kind.
#[derive(Clone, Debug)]
pub struct Collected {
    in_namespace_max: usize,
    in_all_max: usize,
    /// By namespace; empty for what is in none.
    namespaces: BTreeMap<Arc<str>, OfNamespace>,
    kept: usize,
    policies: BTreeSet<Arc<Policy>>,
}

impl Default for Collected {
    fn default() -> Self {
        Self::within(IN_NAMESPACE_MAX, IN_ALL_MAX)
    }
}

impl Collected {
    /// Nothing so far; so many violations are to be kept of one namespace and in all.
    pub(super) fn within(in_namespace_max: usize, in_all_max: usize) -> Self {
        Self { in_namespace_max, in_all_max, namespaces: BTreeMap::new(), kept: 0, policies: BTreeSet::new() }
    }

    /// Notes what was found in an object.
    pub(in crate::audit) fn add(&mut self, policies: &PolicySet, verdicts: &[Verdict], object: &Value) {
        for verdict in verdicts {
            let constraint = &verdict.constraint.object;
            let rule = policies.rule(verdict).map(ToString::to_string).unwrap_or_default();
            let policy = Policy {
                name: format!("{}/{}", constraint.kind, constraint.name),
                rule,
                severity: policies.severity(verdict).map_or("", Severity::as_str),
                action: shortened(&verdict.enforcement.words().join(","), ACTION_BYTES_MAX),
            };
            let metadata = field(object, &["metadata"]);
            let violation = Violation {
                name: text(metadata, "name").to_owned(),
                policy: Arc::new(policy),
                outcome: verdict.outcome(),
                message: shortened(verdict.message.trim(), MESSAGE_BYTES_MAX),
                uid: text(metadata, "uid").to_owned(),
            };
            self.note(text(metadata, "namespace"), violation);
        }
    }

    /// Notes a violation in a namespace.
    pub(super) fn note(&mut self, namespace: &str, mut violation: Violation) {
        violation.policy = self.shared(&violation.policy);
        let of = self.of(namespace);
        *of.totals.entry((violation.policy.clone(), violation.outcome)).or_default() += 1;
        self.keep(namespace, violation, 1);
    }

    /// Adds what was collected of other objects of the kind. In whatever parts and order violations come, the same are kept.
    pub(in crate::audit) fn merge(&mut self, other: Self) {
        self.in_namespace_max = self.in_namespace_max.min(other.in_namespace_max);
        self.trim();
        for (namespace, from) in other.namespaces {
            for ((policy, outcome), count) in from.totals {
                let policy = self.shared(&policy);
                *self.of(&namespace).totals.entry((policy, outcome)).or_default() += count;
            }
            for (mut violation, times) in from.kept {
                violation.policy = self.shared(&violation.policy);
                self.keep(&namespace, violation, times);
            }
        }
    }

    /// What was found, by namespace.
    pub(super) fn into_namespaces(self) -> BTreeMap<Arc<str>, OfNamespace> {
        self.namespaces
    }

    fn of(&mut self, namespace: &str) -> &mut OfNamespace {
        let key = match self.namespaces.get_key_value(namespace) {
            Some((key, _)) => key.clone(),
            None => namespace.into(),
        };
        self.namespaces.entry(key).or_default()
    }

    /// The same policy, once in memory.
    fn shared(&mut self, policy: &Arc<Policy>) -> Arc<Policy> {
        if let Some(known) = self.policies.get(policy) {
            return known.clone();
        }
        self.policies.insert(policy.clone());
        policy.clone()
    }

    fn keep(&mut self, namespace: &str, violation: Violation, times: usize) {
        let most = self.in_namespace_max;
        let of = self.of(namespace);
        let before = of.count;
        of.keep(violation, times, most);
        let after = of.count;
        self.kept = (self.kept + after).saturating_sub(before);
        // With half as many of each namespace, until that is few enough. More only ever come, so it does not hang on their order.
        while self.kept > self.in_all_max && self.in_namespace_max > 0 {
            self.in_namespace_max /= 2;
            self.trim();
        }
    }

    fn trim(&mut self) {
        let most = self.in_namespace_max;
        self.kept = 0;
        for of in self.namespaces.values_mut() {
            of.trim(most);
            self.kept += of.count;
        }
    }
}

impl OfNamespace {
    fn keep(&mut self, violation: Violation, times: usize, most: usize) {
        let is_late =
            self.count >= most && self.kept.last_key_value().is_none_or(|(last, _)| *last <= violation);
        if !is_late {
            *self.kept.entry(violation).or_default() += times;
            self.count += times;
            self.trim(most);
        }
    }

    fn trim(&mut self, most: usize) {
        while self.count > most
            && let Some(mut last) = self.kept.last_entry()
        {
            let taken = (self.count - most).min(*last.get());
            *last.get_mut() -= taken;
            self.count -= taken;
            if *last.get() == 0 {
                last.remove();
            }
        }
    }

    /// How many violations there are.
    pub(super) fn total(&self) -> u64 {
        self.totals.values().sum()
    }

    /// The violations that were kept, each as often as it was found.
    pub(super) fn violations(&self) -> impl Iterator<Item = (&Violation, usize)> {
        self.kept.iter().flat_map(|(violation, times)| (0..*times).map(move |number| (violation, number)))
    }

    /// How many violations of each policy were not kept, where that is any.
    pub(super) fn left_out(&self) -> impl Iterator<Item = (&Policy, Outcome, u64)> {
        let mut kept: BTreeMap<(&Policy, Outcome), u64> = BTreeMap::new();
        for (violation, times) in &self.kept {
            let count = kept.entry((&*violation.policy, violation.outcome)).or_default();
            *count += u64::try_from(*times).unwrap_or(u64::MAX);
        }
        self.totals.iter().filter_map(move |((policy, outcome), total)| {
            let kept = kept.get(&(&**policy, *outcome)).copied().unwrap_or_default();
            let left_out = total.saturating_sub(kept);
            (left_out > 0).then_some((&**policy, *outcome, left_out))
        })
    }
}

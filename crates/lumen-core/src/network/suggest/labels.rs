//! Selectors for sets of workloads.

use std::collections::{BTreeMap, BTreeSet};

use lumen_value::Value;

use crate::network::{Model, WorkloadId};
use crate::object::label;

/// Keys in the order in which they are taken, before all others.
const PREFERRED: [&str; 6] =
    ["app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/component", "component", "name"];

/// Keys that say which release or generation a pod is of: a selector by them stops selecting with the next one.
const CHANGING: [&str; 9] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "app.kubernetes.io/version",
    "helm.sh/chart",
    "chart",
    "version",
];

/// A selector of pods, in the form in which it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PodSelector {
    /// All pods of the namespace.
    All,
    /// Those with all of these labels.
    Labels(Vec<(String, String)>),
    /// Those with one of these values of a key.
    In(String, Vec<String>),
}

impl PodSelector {
    /// As a manifest has it.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::All => Value::Object(lumen_value::Object::default()),
            Self::Labels(labels) => {
                let labels: lumen_value::Object =
                    labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect();
                [("matchLabels", Value::Object(labels))].into()
            }
            Self::In(key, values) => {
                let values: Vec<Value> = values.iter().map(|value| value.as_str().into()).collect();
                let expression: Value =
                    [("key", key.as_str().into()), ("operator", "In".into()), ("values", values.into())]
                        .into();
                [("matchExpressions", Value::from(vec![expression]))].into()
            }
        }
    }
}

/// The workloads of each namespace by their labels. Those on the host's network are left out: selectors do not mean them.
pub(super) struct Labels<'a> {
    namespaces: BTreeMap<&'a str, OfNamespace<'a>>,
}

#[derive(Default)]
struct OfNamespace<'a> {
    all: BTreeSet<WorkloadId>,
    /// By key and value.
    having: BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<WorkloadId>>>,
}

/// Selectors that together mean a set of workloads, and those of the set that cannot be told from others.
pub(super) struct Selectors {
    pub(super) selectors: Vec<PodSelector>,
    pub(super) widened: Vec<WorkloadId>,
}

impl<'a> Labels<'a> {
    pub(super) fn of(model: &'a Model) -> Self {
        let mut namespaces: BTreeMap<&str, OfNamespace<'_>> = BTreeMap::new();
        for (id, workload) in model.iter().filter(|(_, workload)| !workload.host_network) {
            let of_namespace = namespaces.entry(&workload.namespace).or_default();
            of_namespace.all.insert(id);
            for (key, _) in workload.labels.as_object().into_iter().flat_map(lumen_value::Object::iter) {
                let Some(key) = key.as_str().filter(|key| !CHANGING.contains(key)) else { continue };
                if let Some(value) = label(&workload.labels, key) {
                    of_namespace.having.entry(key).or_default().entry(value).or_default().insert(id);
                }
            }
        }
        Self { namespaces }
    }

    /// The fewest selectors that mean exactly some workloads of a namespace. Where labels do not tell one of them from others,
    /// it is selected together with those.
    pub(super) fn select(&self, namespace: &str, wanted: &BTreeSet<WorkloadId>) -> Selectors {
        let Some(of_namespace) = self.namespaces.get(namespace) else {
            return Selectors { selectors: Vec::new(), widened: Vec::new() };
        };
        if let Some(selector) = of_namespace.exactly(wanted) {
            return Selectors { selectors: vec![selector], widened: Vec::new() };
        }
        let (mut selectors, mut widened) = (Vec::new(), Vec::new());
        for id in wanted {
            let one = BTreeSet::from([*id]);
            let selector = of_namespace.exactly(&one).unwrap_or_else(|| {
                let (selector, is_exact) = of_namespace.nearest(*id, wanted);
                if !is_exact {
                    widened.push(*id);
                }
                selector
            });
            if !selectors.contains(&selector) {
                selectors.push(selector);
            }
        }
        Selectors { selectors, widened }
    }
}

impl OfNamespace<'_> {
    /// Keys, the preferred ones first.
    fn keys(&self) -> impl Iterator<Item = &str> {
        let others = self.having.keys().copied().filter(|key| !PREFERRED.contains(key));
        PREFERRED.into_iter().filter(|key| self.having.contains_key(key)).chain(others)
    }

    /// The selector that means exactly some workloads, if there is one.
    fn exactly(&self, wanted: &BTreeSet<WorkloadId>) -> Option<PodSelector> {
        if *wanted == self.all && wanted.len() > 1 {
            return Some(PodSelector::All);
        }
        let first = wanted.first()?;
        for key in self.keys() {
            let values = self.having.get(key)?;
            let fits = values.iter().find(|(_, having)| having.contains(first) && *having == wanted);
            if let Some((value, _)) = fits {
                return Some(PodSelector::Labels(vec![(key.to_owned(), (*value).to_owned())]));
            }
        }
        for key in self.keys() {
            let values = self.having.get(key)?;
            let chosen: Vec<_> = values.iter().filter(|(_, having)| !having.is_disjoint(wanted)).collect();
            let selected: usize = chosen.iter().map(|(_, having)| having.len()).sum();
            let within = chosen.iter().all(|(_, having)| having.is_subset(wanted));
            if within && selected == wanted.len() {
                let values = chosen.into_iter().map(|(value, _)| (*value).to_owned()).collect();
                return Some(PodSelector::In(key.to_owned(), values));
            }
        }
        let (labels, selected) = self.common(wanted);
        (!labels.is_empty() && selected == *wanted).then_some(PodSelector::Labels(labels))
    }

    /// Labels that some workloads have in common, as few as select no more than all of them do; and what they select.
    fn common(&self, wanted: &BTreeSet<WorkloadId>) -> (Vec<(String, String)>, BTreeSet<WorkloadId>) {
        let mut selected = self.all.clone();
        let mut labels = Vec::new();
        for key in self.keys() {
            let values = self.having.get(key).into_iter().flatten();
            for (value, having) in values.filter(|(_, having)| wanted.is_subset(having)) {
                let narrower: BTreeSet<_> = selected.intersection(having).copied().collect();
                if narrower.len() < selected.len() {
                    labels.push((key.to_owned(), (*value).to_owned()));
                    selected = narrower;
                }
            }
        }
        (labels, selected)
    }

    /// The narrowest selector of one workload, and whether it means none that is not wanted.
    fn nearest(&self, id: WorkloadId, wanted: &BTreeSet<WorkloadId>) -> (PodSelector, bool) {
        let (labels, selected) = self.common(&BTreeSet::from([id]));
        let selector = if labels.is_empty() { PodSelector::All } else { PodSelector::Labels(labels) };
        (selector, selected.is_subset(wanted))
    }
}

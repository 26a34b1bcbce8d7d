//! Selectors for sets of workloads.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use lumen_value::Value;

use crate::network::workload::labels::is_added;
use crate::network::{Model, WorkloadId};
use crate::object::label;

/// Keys in the order in which they are taken, before all others.
const PREFERRED: [&str; 6] =
    ["app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/component", "component", "name"];

/// Keys that say which release or generation a pod is of: a selector by them stops selecting with the next one.
const CHANGING: [&str; 4] = ["app.kubernetes.io/version", "helm.sh/chart", "chart", "version"];

/// A selector of pods, in the form in which it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// The workloads that have a value of a key.
    having: HashMap<(&'a str, &'a str), BTreeSet<WorkloadId>>,
    /// The value that a workload has of a key.
    value: HashMap<(WorkloadId, &'a str), &'a str>,
    /// The labels of each workload, those with preferred keys first.
    labels: HashMap<WorkloadId, Vec<(&'a str, &'a str)>>,
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
            let keys = workload.labels.as_object().into_iter().flat_map(lumen_value::Object::iter);
            let keys = keys
                .filter_map(|(key, _)| key.as_str())
                .filter(|key| !CHANGING.contains(key) && !is_added(key));
            let labels = keys.filter_map(|key| Some((key, label(&workload.labels, key)?)));
            let mut labels: Vec<(&str, &str)> = labels.collect();
            labels.sort_by_key(|(key, _)| {
                (PREFERRED.iter().position(|each| each == key).unwrap_or(PREFERRED.len()), *key)
            });
            for (key, value) in &labels {
                of_namespace.having.entry((*key, *value)).or_default().insert(id);
                of_namespace.value.insert((id, *key), *value);
            }
            of_namespace.labels.insert(id, labels);
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
        let (mut selectors, mut widened, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for id in wanted {
            let one = BTreeSet::from([*id]);
            let selector = of_namespace.exactly(&one).unwrap_or_else(|| {
                let (selector, is_exact) = of_namespace.nearest(*id, wanted);
                if !is_exact {
                    widened.push(*id);
                }
                selector
            });
            if seen.insert(selector.clone()) {
                selectors.push(selector);
            }
        }
        Selectors { selectors, widened }
    }
}

impl<'a> OfNamespace<'a> {
    /// The workloads that have a label.
    fn having(&self, label: (&'a str, &'a str)) -> &BTreeSet<WorkloadId> {
        static NOBODY: BTreeSet<WorkloadId> = BTreeSet::new();
        self.having.get(&label).unwrap_or(&NOBODY)
    }

    /// The labels of the first of some workloads: what they have in common is among these.
    fn labels(&self, wanted: &BTreeSet<WorkloadId>) -> &[(&'a str, &'a str)] {
        wanted.first().and_then(|first| self.labels.get(first)).map_or(&[], Vec::as_slice)
    }

    /// The selector that means exactly some workloads, if there is one.
    fn exactly(&self, wanted: &BTreeSet<WorkloadId>) -> Option<PodSelector> {
        let is_wanted = |all: &BTreeSet<WorkloadId>| all.len() == wanted.len() && all == wanted;
        if wanted.len() > 1 && is_wanted(&self.all) {
            return Some(PodSelector::All);
        }
        let labels = self.labels(wanted);
        if let Some((key, value)) = labels.iter().find(|label| is_wanted(self.having(**label))) {
            return Some(PodSelector::Labels(vec![((*key).to_owned(), (*value).to_owned())]));
        }
        if let Some((key, values)) = labels.iter().find_map(|(key, _)| Some((key, self.values(key, wanted)?)))
        {
            let values = values.into_iter().map(str::to_owned).collect();
            return Some(PodSelector::In((*key).to_owned(), values));
        }
        let (labels, selected) = self.common(wanted);
        (!labels.is_empty() && is_wanted(&selected)).then_some(PodSelector::Labels(labels))
    }

    /// The values of a key that some workloads have, if no other workload has one of them and none of these lacks the key.
    fn values(&self, key: &'a str, wanted: &BTreeSet<WorkloadId>) -> Option<BTreeSet<&'a str>> {
        let (mut values, mut selected) = (BTreeSet::new(), 0);
        for id in wanted {
            let value = *self.value.get(&(*id, key))?;
            if values.insert(value) {
                selected += self.having((key, value)).len();
            }
            if selected > wanted.len() {
                return None;
            }
        }
        // The workloads of two values are not the same ones.
        (selected == wanted.len()).then_some(values)
    }

    /// Labels that some workloads have in common, as few as select no more than all of them do; and what they select.
    fn common(
        &self,
        wanted: &BTreeSet<WorkloadId>,
    ) -> (Vec<(String, String)>, Cow<'_, BTreeSet<WorkloadId>>) {
        let mut selected = Cow::Borrowed(&self.all);
        let mut labels = Vec::new();
        for (key, value) in self.labels(wanted) {
            if !wanted.iter().all(|id| self.value.get(&(*id, *key)) == Some(value)) {
                continue;
            }
            let having = self.having((key, value));
            let narrower = if selected.len() == self.all.len() {
                Cow::Borrowed(having)
            } else {
                Cow::Owned(selected.intersection(having).copied().collect())
            };
            if narrower.len() < selected.len() {
                labels.push(((*key).to_owned(), (*value).to_owned()));
                selected = narrower;
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

#[cfg(test)]
mod tests;

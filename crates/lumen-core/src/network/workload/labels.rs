//! The labels that controllers put on the pods that they make, beside those of the template.

use lumen_value::Value;

use crate::object::{label, text};
use crate::selector::{Operator, Requirement, Selector};

/// What stands for the part of a label's value that manifests do not tell, at its end. No label may hold it.
pub(in crate::network) const UNKNOWN: char = '?';

/// Whether something is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::network) enum Fit {
    /// It is not.
    No,
    /// Manifests do not tell.
    Open,
    /// It is.
    Yes,
}

impl Fit {
    pub(in crate::network) const fn of(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// The labels that Cilium derives for every pod: its service account, and the cluster, whose name manifests do not tell.
const ACCOUNT: &str = "io.cilium.k8s.policy.serviceaccount";
const CLUSTER: &str = "io.cilium.k8s.policy.cluster";

/// What a label is made of.
#[derive(Clone, Copy)]
enum Source {
    /// The name of the controller.
    Name,
    /// The name of the controller, a dash, and something.
    NameAndMore,
    /// Something that only the cluster knows.
    Cluster,
}

/// The labels that a controller puts on its pods.
fn added(kind: &str) -> &'static [(&'static str, Source)] {
    match kind {
        "Job" => &[
            ("job-name", Source::Name),
            ("batch.kubernetes.io/job-name", Source::Name),
            ("controller-uid", Source::Cluster),
            ("batch.kubernetes.io/controller-uid", Source::Cluster),
        ],
        "CronJob" => &[
            ("job-name", Source::NameAndMore),
            ("batch.kubernetes.io/job-name", Source::NameAndMore),
            ("controller-uid", Source::Cluster),
            ("batch.kubernetes.io/controller-uid", Source::Cluster),
        ],
        "StatefulSet" => &[
            ("statefulset.kubernetes.io/pod-name", Source::NameAndMore),
            ("apps.kubernetes.io/pod-index", Source::Cluster),
            ("controller-revision-hash", Source::Cluster),
        ],
        "DaemonSet" => {
            &[("controller-revision-hash", Source::Cluster), ("pod-template-generation", Source::Cluster)]
        }
        "Deployment" | "ReplicaSet" => &[("pod-template-hash", Source::Cluster)],
        _ => &[],
    }
}

/// Whether a label of this key is put on pods by their controller, or derived: selectors of pods are better off without it.
pub(in crate::network) fn is_added(key: &str) -> bool {
    let kinds = ["Job", "StatefulSet", "DaemonSet", "Deployment"];
    [ACCOUNT, CLUSTER].contains(&key)
        || kinds.into_iter().any(|kind| added(kind).iter().any(|(each, _)| *each == key))
}

/// The labels of a pod with those that Cilium derives.
pub(super) fn with_derived(labels: &Value, spec: &Value) -> Value {
    let named = ["serviceAccountName", "serviceAccount"].map(|key| text(spec, key));
    let account = named.into_iter().find(|name| !name.is_empty()).unwrap_or("default");
    let all = labels.as_object().cloned().unwrap_or_default();
    Value::Object(all.with(ACCOUNT, account).with(CLUSTER, UNKNOWN.to_string()))
}

/// The labels of a template with those that a controller of a name adds; [`UNKNOWN`] stands for what is not known.
pub(super) fn with_added(labels: &Value, kind: &str, name: &str) -> Value {
    let mut all = labels.as_object().cloned().unwrap_or_default();
    for (key, source) in added(kind) {
        let value = match source {
            Source::Name => name.to_owned(),
            Source::NameAndMore => format!("{name}-{UNKNOWN}"),
            Source::Cluster => UNKNOWN.to_string(),
        };
        all = all.with(*key, value);
    }
    if added(kind).is_empty() { labels.clone() } else { Value::Object(all) }
}

/// Whether a value may be the one of a label.
fn may_be(known: &str, value: &str) -> bool {
    match known.strip_suffix(UNKNOWN) {
        Some(start) => value.starts_with(start),
        None => known == value,
    }
}

/// Whether a selector selects labels, of which some values may not be known.
pub(in crate::network) fn fit(selector: &Selector, labels: &Value) -> Fit {
    if selector.is_nothing() {
        return Fit::No;
    }
    let fits = selector.requirements().iter().map(|requirement| fit_of(requirement, labels));
    fits.min().unwrap_or(Fit::Yes)
}

fn fit_of(requirement: &Requirement, labels: &Value) -> Fit {
    let known = label(labels, requirement.key()).filter(|value| value.ends_with(UNKNOWN));
    let Some(known) = known else { return Fit::of(requirement.matches(labels)) };
    let may_be_one = requirement.values().iter().any(|value| may_be(known, value));
    match requirement.operator() {
        Operator::Exists => Fit::Yes,
        Operator::DoesNotExist => Fit::No,
        Operator::NotIn | Operator::NotEquals if !may_be_one => Fit::Yes,
        _ if may_be_one => Fit::Open,
        _ => Fit::No,
    }
}

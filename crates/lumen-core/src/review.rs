//! [`review`]: one object -> what every layer says that can speak when it is admitted. One of the two composers: the
//! command line and the webhook both call it, so their verdicts cannot differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::{Finding, Outcome};
use crate::object::ObjectRef;
use crate::object::pod::PodView;
use crate::podsecurity::NEWEST_MINOR;
use crate::podsecurity::advise::advise;
use crate::podsecurity::configuration::Configuration;
use crate::podsecurity::review::{self as pod_security, Namespace, NamespaceView, Subject};
use crate::snapshot::{Entry, NamespaceVariant, Snapshot};

/// What verdicts depend on beside the objects.
#[derive(Clone, Debug)]
pub struct Policies {
    /// Where workloads land whose manifests name no namespace and whose kind nobody defines: they carry pods, so they
    /// are taken for namespaced.
    pub default_namespace: Arc<str>,
    /// The cluster's Pod Security configuration.
    pub pod_security: Configuration,
    /// Who applies the objects, where that is known: the configuration may exempt users.
    pub user: Option<Arc<str>>,
    /// The minor version of the cluster, which `latest` means.
    pub cluster_minor: u64,
    /// Whether rules that are met are findings, too.
    pub shows_passes: bool,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            default_namespace: "default".into(),
            pod_security: Configuration::default(),
            user: None,
            cluster_minor: NEWEST_MINOR,
            shows_passes: false,
        }
    }
}

/// Judges one object of a snapshot.
pub fn review(entry: &Entry, snapshot: &Snapshot, policies: &Policies) -> Vec<Finding> {
    let mut findings = Vec::new();
    if entry.is_namespace() {
        let view = NamespaceView { object: &entry.object, root: &entry.location, labels: entry.labels() };
        findings.extend(pod_security::review_namespace(&view, &policies.pod_security));
    }
    let Some(workload) = entry.workload() else {
        return findings;
    };
    let name = landing_namespace(entry, policies);
    let options = pod_security::Options {
        shows_passes: policies.shows_passes,
        cluster_minor: policies.cluster_minor,
        user: policies.user.as_deref(),
    };
    for pod in &workload.pods {
        let subject = Subject { object: &entry.object, root: &entry.location, pod, kind: workload.kind };
        let verdicts = variants(snapshot, name).into_iter().map(|variant| {
            let view = variant.map(view);
            let namespace = namespace(view.as_ref(), name);
            pod_security::review(&subject, &namespace, &policies.pod_security, options)
        });
        findings.extend(strictest(verdicts.collect()));
    }
    if entry.malformed {
        // The API server never sees what its fields of a wrong type were meant to say.
        findings.retain(|finding| finding.outcome != Outcome::Pass);
    }
    findings
}

/// The workloads of one namespace.
pub type NamespaceWorkloads<'a> = (Arc<str>, Vec<(&'a ObjectRef, PodView<'a>)>);

/// The workloads of a snapshot by the namespace that they land in, sorted. A namespace with a workload that is malformed
/// is left out: what is not known to pass does not pass.
pub fn workloads_by_namespace<'a>(
    snapshot: &'a Snapshot,
    policies: &'a Policies,
) -> Vec<NamespaceWorkloads<'a>> {
    let mut workloads: BTreeMap<Arc<str>, Vec<(&ObjectRef, PodView<'_>)>> = BTreeMap::new();
    let mut uncertain = BTreeSet::new();
    for (entry, workload) in snapshot.workloads() {
        let name = landing_namespace(entry, policies);
        if entry.malformed {
            uncertain.insert(name);
        }
        let of_namespace = workloads.entry(name.clone()).or_default();
        of_namespace.extend(workload.pods.into_iter().map(|pod| (&*entry.object, pod)));
    }
    workloads.retain(|name, _| !uncertain.contains(name));
    workloads.into_iter().collect()
}

/// Which Pod Security level a namespace could enforce. Where its labels are not certain, neither is what it enforces, and
/// nothing is said.
pub fn advise_namespace(
    (name, workloads): &NamespaceWorkloads<'_>,
    snapshot: &Snapshot,
    policies: &Policies,
) -> Option<Finding> {
    let [variant] = variants(snapshot, name)[..] else {
        return None;
    };
    let view = variant.map(view);
    let namespace = namespace(view.as_ref(), name);
    let workloads = workloads.iter().map(|(object, pod)| (*object, pod));
    advise(&namespace, &policies.pod_security, policies.cluster_minor, workloads).finding(&namespace)
}

fn landing_namespace<'a>(entry: &'a Entry, policies: &'a Policies) -> &'a Arc<str> {
    entry.namespace.as_ref().unwrap_or(&policies.default_namespace)
}

/// What the namespace's labels may be; one `None` where nobody says.
fn variants<'a>(snapshot: &'a Snapshot, name: &str) -> Vec<Option<&'a NamespaceVariant>> {
    match snapshot.namespace_labels(name).variants() {
        [] => vec![None],
        variants => variants.iter().map(Some).collect(),
    }
}

fn view(variant: &NamespaceVariant) -> NamespaceView<'_> {
    NamespaceView { object: &variant.entry.object, root: &variant.entry.location, labels: &variant.labels }
}

fn namespace<'a>(view: Option<&'a NamespaceView<'a>>, name: &'a str) -> Namespace<'a> {
    view.map_or(Namespace::Unknown { name }, Namespace::Known)
}

/// Of several verdicts on one workload, for the labels that its namespace may have, the strictest on each field.
fn strictest(mut verdicts: Vec<Vec<Finding>>) -> Vec<Finding> {
    if verdicts.len() < 2 {
        return verdicts.pop().unwrap_or_default();
    }
    let mut kept: BTreeMap<_, Finding> = BTreeMap::new();
    for finding in verdicts.into_iter().flatten() {
        let key = (finding.location.clone(), finding.rule.clone(), finding.message.clone());
        match kept.get(&key) {
            // Actions are declared from the strictest on.
            Some(other) if other.action <= finding.action => {}
            _ => {
                kept.insert(key, finding);
            }
        }
    }
    kept.into_values().collect()
}

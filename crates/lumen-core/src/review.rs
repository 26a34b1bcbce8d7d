//! [`review`]: one object -> what every layer says that can speak when it is admitted. One of the two composers: the
//! command line and the webhook both call it, so their verdicts cannot differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::Value;

use crate::admission::matching::Source;
use crate::admission::{self, Explanation, PolicySet, Process, Verdict};
use crate::finding::{Finding, Outcome};
use crate::object::pod::PodView;
use crate::object::{ObjectRef, SYSTEM_NAMESPACES};
use crate::podsecurity::NEWEST_MINOR;
use crate::podsecurity::advise::advise;
use crate::podsecurity::configuration::Configuration;
use crate::podsecurity::review::{self as pod_security, Namespace, NamespaceView, Subject};
use crate::request::{Operation, User, admission_request};
use crate::snapshot::{Entry, NamespaceVariant, Snapshot};

pub mod live;

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
    /// What is found out about violations of admission policies.
    pub explanation: Explanation,
    /// Nanoseconds since 1970: what admission policies are told when they ask for the time.
    pub time_ns: i64,
    /// Gatekeeper's templates and constraints.
    pub admission: Arc<PolicySet>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            default_namespace: "default".into(),
            pod_security: Configuration::default(),
            user: None,
            cluster_minor: NEWEST_MINOR,
            shows_passes: false,
            explanation: Explanation::Place,
            time_ns: 0,
            admission: Arc::default(),
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
    findings.extend(admit(entry, snapshot, policies));
    let variants = |name: &str| variants(snapshot, name);
    findings.extend(pod_security(entry, variants, policies));
    findings
}

/// What Pod Security says of a workload, given what the labels of a namespace may be: at least one, `None` where nobody says.
fn pod_security<'a>(
    entry: &Entry,
    variants: impl Fn(&str) -> Vec<Option<&'a NamespaceVariant>>,
    policies: &Policies,
) -> Vec<Finding> {
    let Some(workload) = entry.workload() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let name = landing_namespace(entry, policies);
    let options = pod_security::Options {
        shows_passes: policies.shows_passes,
        cluster_minor: policies.cluster_minor,
        user: policies.user.as_deref(),
    };
    for pod in &workload.pods {
        let subject = Subject { object: &entry.object, root: &entry.location, pod, kind: workload.kind };
        let verdicts = variants(name).into_iter().map(|variant| {
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

/// What Gatekeeper's webhook says when the object is made. Templates and constraints are reviewed as any other object.
fn admit(entry: &Entry, snapshot: &Snapshot, policies: &Policies) -> Vec<Finding> {
    strictest(admit_by_labels(entry, snapshot, policies))
}

/// What Gatekeeper's webhook says for each of the labels that the object's namespace may have; at least one answer.
pub(crate) fn admit_by_labels(entry: &Entry, snapshot: &Snapshot, policies: &Policies) -> Vec<Vec<Finding>> {
    let set = &policies.admission;
    if set.is_empty() {
        return vec![Vec::new()];
    }
    let user = User { username: policies.user.as_deref().unwrap_or_default().to_owned(), groups: Vec::new() };
    let request = admission_request(snapshot, entry, Operation::Create, &user);
    if set.excludes(&request, Process::Webhook) {
        return vec![Vec::new()];
    }
    if entry.is_namespace() && admission::is_ignored(&entry.value) {
        return vec![vec![admission::ignored_namespace(entry)]];
    }
    let judge = |namespace: Option<&Value>| {
        if namespace.is_some_and(admission::is_ignored) {
            return Vec::new();
        }
        let review = admission::Review {
            request: &request,
            namespace,
            namespace_object: namespace,
            source: Source::Original,
            point: admission::WEBHOOK,
            time_ns: policies.time_ns,
            explanation: policies.explanation,
        };
        let verdicts = set.review(&review, snapshot.inventory());
        let (made, failed) = judge_made(&review, entry, snapshot, set);
        let verdicts = verdicts.iter().chain(&made);
        verdicts.filter_map(|verdict| set.finding(verdict, entry)).chain(failed).collect::<Vec<_>>()
    };
    let Some(name) = &entry.namespace else {
        return vec![judge(None)];
    };
    let verdicts = variants(snapshot, name).into_iter().map(|variant| {
        let manifest = variant.map_or_else(|| server_made(name), |variant| Some(labelled(variant)));
        judge(manifest.as_ref())
    });
    verdicts.collect()
}

/// What is said of what an object would make, and why nothing is known of it. As in `gator`, objects are judged as they are
/// written; what they make is made of the mutated ones.
fn judge_made(
    review: &admission::Review<'_>,
    entry: &Entry,
    snapshot: &Snapshot,
    set: &PolicySet,
) -> (Vec<Verdict>, Option<Finding>) {
    let object = review.request.get("object").unwrap_or(&entry.value);
    let is_left_alone = admission::mutation::is_own(entry) || set.excludes(review.request, Process::Mutation);
    let mutated =
        if is_left_alone { Ok(object.clone()) } else { set.mutated_generator(object, review.namespace) };
    let object = match mutated {
        Ok(object) => object,
        Err(error) => return (Vec::new(), Some(admission::failed_mutation(&error, entry))),
    };
    match set.review_made(&object, review, snapshot.inventory()) {
        Ok(made) => (made, None),
        Err(error) => (Vec::new(), Some(admission::failed_expansion(&error, entry))),
    }
}

/// A Namespace that every cluster has from its beginning, with the one label that it then has.
fn server_made(name: &str) -> Option<Value> {
    let is_made = name == "default" || SYSTEM_NAMESPACES.contains(&name);
    let labels: Value = [(crate::object::NAMESPACE_NAME_LABEL, name.into())].into();
    let metadata: Value = [("name", name.into()), ("labels", labels)].into();
    is_made
        .then(|| [("apiVersion", "v1".into()), ("kind", "Namespace".into()), ("metadata", metadata)].into())
}

/// The manifest of a Namespace with the label that the API server sets.
fn labelled(variant: &NamespaceVariant) -> Value {
    let manifest = variant.entry.value.as_object().cloned().unwrap_or_default();
    let metadata = manifest.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    manifest.with("metadata", metadata.with("labels", variant.labels.clone())).into()
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

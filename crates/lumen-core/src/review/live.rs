//! [`review_live`]: one object of a cluster -> what is said of it there, by the audit of Gatekeeper's policies and by Pod
//! Security. The same functions judge as in the server's audit and in [`review`](super::review()).

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_value::Value;

use super::{Policies, landing_namespace, namespace, pod_security, view};
use crate::admission::{self, Inventory};
use crate::finding::{Finding, Layer, Location, Place};
use crate::object::{Identity, NAMESPACE_NAME_LABEL, ObjectRef, field, labels, text};
use crate::podsecurity::advise::Judged;
use crate::podsecurity::review::{NamespaceView, review_namespace};
use crate::snapshot::{Entry, NamespaceVariant};

/// What is known of the cluster around an object.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The Namespace that it is in; `None` where it is in none, or none is known.
    pub namespace: Option<&'a NamespaceVariant>,
    /// What policies see as `data.inventory`.
    pub inventory: &'a Inventory,
}

/// An object of a cluster as an entry. Its place is told by what it is called there ([`Identity`]).
pub fn live_entry(value: Value) -> Entry {
    let object = Arc::new(ObjectRef::of(&value));
    let namespace = object.namespace.clone();
    let identity = Identity::of(&object, namespace.clone());
    let source = identity.as_ref().map_or_else(|| object.to_string(), ToString::to_string);
    Entry {
        location: Location {
            source: source.into(),
            place: Place::Field { document: 0, pointer: lumen_value::Pointer::ROOT },
        },
        identity,
        object,
        namespace,
        value,
        malformed: false,
    }
}

/// A Namespace of a cluster, with its labels.
pub fn live_namespace(value: Value) -> NamespaceVariant {
    let entry = Arc::new(live_entry(value));
    let given = labels(&entry.value).as_object().cloned().unwrap_or_default();
    let labels = given.with(NAMESPACE_NAME_LABEL, &*entry.object.name).into();
    NamespaceVariant { labels, entry }
}

/// Judges one object of a cluster.
pub fn review_live(entry: &Entry, around: &Surroundings<'_>, policies: &Policies) -> Vec<Finding> {
    let mut findings = Vec::new();
    if entry.is_namespace() {
        let view = NamespaceView { object: &entry.object, root: &entry.location, labels: entry.labels() };
        findings.extend(review_namespace(&view, &policies.pod_security));
    }
    findings.extend(audit(entry, around, policies));
    findings.extend(pod_security(entry, |_| vec![around.namespace], policies));
    findings
}

/// What the audit finds, and that a Namespace keeps the webhook out.
fn audit(entry: &Entry, around: &Surroundings<'_>, policies: &Policies) -> Vec<Finding> {
    let set = &policies.admission;
    if set.is_empty() {
        return Vec::new();
    }
    let namespace = around.namespace.map(|namespace| &namespace.entry.value);
    let audited = set.audit_explained(
        &entry.value,
        namespace,
        around.inventory,
        policies.time_ns,
        policies.explanation,
    );
    let failure = audited.failure.as_ref().map(|error| admission::failed_expansion(error, entry));
    let is_left_alone = entry.is_namespace() && admission::is_ignored(&entry.value);
    let verdicts = audited.verdicts.iter().filter_map(|verdict| set.finding(verdict, entry));
    verdicts.chain(failure).chain(is_left_alone.then(|| admission::ignored_namespace(entry))).collect()
}

/// The object that made another: kind, name and `uid` of its controller, where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its kind.
    pub kind: Arc<str>,
    /// Its name; it is in the same namespace.
    pub name: Arc<str>,
    /// What tells it from others of its name.
    pub uid: Arc<str>,
}

impl Controller {
    /// The controller of an object, as `metadata.ownerReferences` names it.
    pub fn of(object: &Value) -> Option<Self> {
        let owners = field(object, &["metadata", "ownerReferences"]).as_array()?;
        let is_controller = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
        let owner = owners.iter().find(is_controller)?;
        Some(Self {
            kind: text(owner, "kind").into(),
            name: text(owner, "name").into(),
            uid: text(owner, "uid").into(),
        })
    }
}

/// Whether a workload makes no pods: it is there so that its controller can go back to it.
pub fn is_at_rest(entry: &Entry) -> bool {
    let replicas = field(&entry.value, &["spec", "replicas"]);
    let is_one = &*entry.object.kind == "ReplicaSet" && entry.object.group() == "apps";
    is_one && replicas.as_i64() == Some(0) && Controller::of(&entry.value).is_some()
}

/// Which level each namespace could enforce, told of one workload after the other.
#[derive(Clone, Debug, Default)]
pub struct Levels(BTreeMap<Arc<str>, Judged>);

impl Levels {
    /// Takes note of an object, where it is a workload.
    pub fn add(&mut self, entry: &Entry, policies: &Policies) {
        let Some(workload) = entry.workload() else { return };
        let judged = self.0.entry(landing_namespace(entry, policies).clone()).or_default();
        for pod in &workload.pods {
            judged.add(&entry.object, pod, policies.cluster_minor);
        }
    }

    /// Adds what others took note of.
    pub fn merge(&mut self, other: Self) {
        for (name, judged) in other.0 {
            self.0.entry(name).or_default().merge(judged);
        }
    }

    /// What is said of the namespaces.
    pub fn advice<'a>(
        self,
        known: impl Fn(&str) -> Option<&'a NamespaceVariant>,
        policies: &Policies,
    ) -> Vec<Finding> {
        let each = self.0.into_iter().filter_map(|(name, judged)| {
            let view = known(&name).map(view);
            let namespace = namespace(view.as_ref(), &name);
            judged.advice(&namespace, &policies.pod_security).finding(&namespace)
        });
        each.collect()
    }
}

/// Whether a finding of an object is about its pods, and so told of their maker, too.
pub fn is_about_pods(finding: &Finding) -> bool {
    finding.rule.layer == Layer::PodSecurity
}

#[cfg(test)]
mod tests {
    use lumen_value::read::{Limits, read};

    use super::*;
    use crate::admission::PolicySet;
    use crate::finding::Action;
    use crate::review::review;
    use crate::snapshot::{Options, Snapshot, SourceDocument};

    fn values(text: &str) -> Vec<Value> {
        let documents = read(text.as_bytes(), &Limits::default()).documents.into_iter();
        documents.map(|document| document.value).collect()
    }

    const CLUSTER: &str = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {template: {spec: {containers: [{name: web, securityContext: {privileged: true}}]}}}}
---
{apiVersion: templates.gatekeeper.sh/v1, kind: ConstraintTemplate, metadata: {name: k}, spec: {crd: {spec: {names: {kind: K}}}, targets: [{target: admission.k8s.gatekeeper.sh, rego: "package k\n\nviolation[{\"msg\": \"no\"}] { not input.review.object.metadata.labels.owner }"}]}}
---
{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: K, metadata: {name: c}, spec: {match: {kinds: [{apiGroups: [apps], kinds: [Deployment]}]}}}
"#;

    #[test]
    fn a_live_object_is_judged_as_its_manifest() {
        let values = values(CLUSTER);
        let documents = values.iter().enumerate().map(|(index, value)| SourceDocument {
            source: "a.yaml".into(),
            index,
            value: value.clone(),
        });
        let (snapshot, _) = Snapshot::build(documents, &Options::default());
        let (set, broken) = PolicySet::compile(snapshot.entries());
        assert!(broken.is_empty(), "{broken:?}");
        let policies = Policies { admission: Arc::new(set), ..Policies::default() };
        let told = |finding: &Finding| {
            let Some(Place::Field { pointer, .. }) = finding.location.as_ref().map(|place| &place.place)
            else {
                panic!("a field");
            };
            (finding.rule.to_string(), finding.action, finding.message.clone(), pointer.to_string())
        };
        let manifest = &snapshot.entries()[1];
        let mut of_manifest: Vec<_> = review(manifest, &snapshot, &policies).iter().map(told).collect();
        let namespace = live_namespace(values[0].clone());
        let inventory = Inventory::default();
        let around = Surroundings { namespace: Some(&namespace), inventory: &inventory };
        let live = live_entry(values[1].clone());
        let mut of_live: Vec<_> = review_live(&live, &around, &policies).iter().map(told).collect();
        of_manifest.sort();
        of_live.sort();
        assert_eq!(of_live, of_manifest);
        assert!(
            of_live
                .iter()
                .any(|(rule, action, ..)| rule == "pod-security/privileged" && *action == Action::DenyPods)
        );
        assert!(of_live.iter().any(|(rule, ..)| rule == "admission/K/c"));
        assert_eq!(&*live.location.source, "shop/Deployment.apps/web");
    }

    #[test]
    fn what_another_made_and_what_is_at_rest_is_told() {
        let set = |replicas: i64| {
            let text = format!(
                "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: a, ownerReferences: [{{kind: X, name: x}}, {{kind: Deployment, name: web, uid: u, controller: true}}]}}, spec: {{replicas: {replicas}}}}}"
            );
            live_entry(values(&text).remove(0))
        };
        let controller = Controller::of(&set(0).value).expect("it has one");
        assert_eq!((&*controller.kind, &*controller.name, &*controller.uid), ("Deployment", "web", "u"));
        assert!(is_at_rest(&set(0)) && !is_at_rest(&set(1)));
        assert_eq!(Controller::of(&Value::Null), None);
    }
}

//! What admission answers when a Namespace is made or changed.

use std::collections::{BTreeMap, BTreeSet};

use lumen_value::{Pointer, Value};

use super::{Admission, Cluster, Denial, Operation, Request, Response};
use crate::defaults::Seen;
use crate::object;
use crate::object::pod::PodView;
use crate::podsecurity::field_error::{Aggregate, FieldError};
use crate::podsecurity::level::{Level, LevelVersion};
use crate::podsecurity::pod::{Pod, text};
use crate::podsecurity::policy::{
    AUDIT_LABEL, AUDIT_VERSION_LABEL, ENFORCE_LABEL, ENFORCE_VERSION_LABEL, Policy, Resolved, WARN_LABEL,
    WARN_VERSION_LABEL,
};
use crate::podsecurity::text::go_quoted;

impl Admission {
    pub(super) fn validate_namespace(&self, request: &Request<'_>, cluster: &dyn Cluster) -> Response {
        if !request.subresource.is_empty() {
            return Response::default();
        }
        if request.object.as_object().is_none() {
            return Response::failed(400, "BadRequest", "failed to decode namespace".into(), None);
        }
        let labels = object::labels(request.object);
        let new = Resolved::of_labels(labels, &self.configuration.defaults);
        if request.operation == Operation::Create {
            if !new.errors.is_empty() {
                return invalid(request.name, &new.errors);
            }
            return self.exempt_namespace_response(request, &new.policy, labels).unwrap_or_default();
        }
        if request.old_object.as_object().is_none() {
            return Response::failed(400, "BadRequest", "failed to decode  old namespace".into(), None);
        }
        let old = Resolved::of_labels(object::labels(request.old_object), &self.configuration.defaults);
        if !new.errors.is_empty() && new.errors != old.errors {
            return invalid(request.name, &new.errors);
        }
        if !is_raised(old.policy.enforce, new.policy.enforce) {
            return Response::default();
        }
        if let Some(response) = self.exempt_namespace_response(request, &new.policy, labels) {
            return response;
        }
        Response {
            warnings: self.evaluate_pods_in_namespace(
                text(name_of(request.object)),
                new.policy.enforce,
                cluster,
            ),
            ..Response::default()
        }
    }

    /// Whether a Namespace enforces more than it did, so that its pods are looked at.
    pub fn raises(&self, namespace: &Value, old: &Value) -> bool {
        let [new, old] = [namespace, old]
            .map(|each| Resolved::of_labels(object::labels(each), &self.configuration.defaults));
        let name = text(name_of(namespace));
        is_raised(old.policy.enforce, new.policy.enforce) && !self.is_exempt_namespace(name)
    }

    fn exempt_namespace_response(
        &self,
        request: &Request<'_>,
        policy: &Policy,
        labels: &Value,
    ) -> Option<Response> {
        self.is_exempt_namespace(request.namespace).then(|| Response {
            warnings: exempt_namespace_warning(
                text(name_of(request.object)),
                policy,
                labels,
                &self.configuration.defaults,
            )
            .into_iter()
            .collect(),
            ..Response::default()
        })
    }

    /// The warnings about pods that a namespace's new level would refuse: reasons only, one for each set of reasons.
    fn evaluate_pods_in_namespace(
        &self,
        namespace: &str,
        wanted: LevelVersion,
        cluster: &dyn Cluster,
    ) -> Vec<String> {
        let Some(documents) = cluster.pods(namespace) else {
            return vec!["failed to list pods while checking new PodSecurity enforce level".into()];
        };
        let pods = self.prioritized(&documents);
        let mut checked = 0;
        let mut found: BTreeMap<String, (&str, usize)> = BTreeMap::new();
        for document in pods.iter().take(self.pods_max) {
            let view = PodView::of(document, Pointer::ROOT);
            let evaluation = Pod::read(&view, Seen::Pod).in_cluster(self.cluster_minor).evaluate(wanted);
            if !evaluation.is_allowed() {
                let name = text(name_of(document));
                let (first, count) = found.entry(evaluation.forbidden_reason()).or_insert((name, 0));
                *first = name.min(*first);
                *count += 1;
            }
            checked += 1;
            if cluster.is_out_of_time() {
                break;
            }
        }
        let mut warnings = Vec::new();
        if checked < pods.len() {
            warnings.push(format!(
                "new PodSecurity enforce level only checked against the first {checked} of {} existing pods",
                pods.len()
            ));
        }
        if !found.is_empty() {
            warnings.push(format!(
                "existing pods in namespace {} violate the new PodSecurity enforce level {}",
                go_quoted(namespace),
                go_quoted(&wanted.to_string())
            ));
        }
        let mut lines: Vec<String> = found
            .iter()
            .map(|(reasons, (name, count))| match count {
                0 | 1 => format!("{name}: {reasons}"),
                2 => format!("{name} (and 1 other pod): {reasons}"),
                count => format!("{name} (and {} other pods): {reasons}", count - 1),
            })
            .collect();
        lines.sort();
        warnings.extend(lines);
        warnings
    }

    /// Pods that are judged, one of each controller first.
    fn prioritized<'a>(&self, documents: &[&'a Value]) -> Vec<&'a Value> {
        let mut controllers = BTreeSet::new();
        let (mut first, mut further) = (Vec::new(), Vec::new());
        for document in documents {
            if self.is_exempt_runtime_class(&Pod::read(&PodView::of(document, Pointer::ROOT), Seen::Pod)) {
                continue;
            }
            match controller_of(document) {
                Some(uid) if !controllers.insert(uid) => further.push(*document),
                _ => first.push(*document),
            }
        }
        first.extend(further);
        first
    }
}

/// The warning that a namespace's labels are in vain, where it is exempt and demands something by them.
pub(in crate::podsecurity) fn exempt_namespace_warning(
    namespace: &str,
    policy: &Policy,
    labels: &Value,
    defaults: &Policy,
) -> Option<String> {
    if policy.is_fully_privileged() || policy.is_equivalent(defaults) {
        return None;
    }
    let modes = [
        ("enforce", policy.enforce, ENFORCE_LABEL, ENFORCE_VERSION_LABEL),
        ("audit", policy.audit, AUDIT_LABEL, AUDIT_VERSION_LABEL),
        ("warn", policy.warn, WARN_LABEL, WARN_VERSION_LABEL),
    ];
    let labelled: Vec<String> = modes
        .into_iter()
        .filter(|(_, wanted, level, version)| {
            wanted.level != Level::Privileged
                && (labels.get(level).is_some() || labels.get(version).is_some())
        })
        .map(|(mode, wanted, ..)| format!("{mode}={wanted}"))
        .collect();
    Some(format!(
        "namespace {} is exempt from Pod Security, and the policy ({}) will be ignored",
        go_quoted(namespace),
        labelled.join(", ")
    ))
}

/// Whether pods that were let in before may now be refused.
fn is_raised(old: LevelVersion, new: LevelVersion) -> bool {
    let is_relaxed = new.version == old.version && new.level <= old.level;
    new != old && new.level != Level::Privileged && !is_relaxed
}

fn invalid(name: &str, errors: &[FieldError]) -> Response {
    Response {
        denial: Some(Denial { code: 422, reason: "Invalid", message: invalid_message(name, errors) }),
        ..Response::default()
    }
}

/// The message with which the API server refuses a new Namespace whose labels are wrong.
pub(in crate::podsecurity) fn invalid_message(name: &str, errors: &[FieldError]) -> String {
    format!("Namespace {} is invalid: {}", go_quoted(name), Aggregate(errors))
}

fn name_of(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("name")
}

/// The uid of the owner that made the pod.
fn controller_of(pod: &Value) -> Option<&str> {
    let owners = pod.get("metadata")?.get("ownerReferences")?.as_array()?;
    let is_controller = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
    owners.iter().find(is_controller).map(|owner| text(owner.get("uid")))
}

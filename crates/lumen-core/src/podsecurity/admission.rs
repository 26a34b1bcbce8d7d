//! [`Admission`]: what the API server's own admission answers to a request (`admission/admission.go`).

use std::sync::Arc;

use lumen_value::{Pointer, Value};

use super::Evaluation;
use super::check::Check;
use super::configuration::Configuration;
use super::field_error::Aggregate;
use super::level::{Level, LevelVersion, NEWEST_MINOR};
use super::pod::{Pod, text};
use super::policy::Resolved;
use super::text::go_quoted;
use crate::defaults::Seen;
use crate::object::field;
use crate::object::pod::PodView;

mod namespace;

pub(super) use namespace::{exempt_namespace_warning, invalid_message};

/// Default of [`Admission::pods_max`], as upstream has it.
pub const PODS_MAX: usize = 3000;

/// The built-in admission, with the cluster's configuration.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Defaults and exemptions.
    pub configuration: Arc<Configuration>,
    /// Most pods that are looked at when a namespace's level is raised.
    pub pods_max: usize,
    /// The minor version of the cluster, which `latest` means.
    pub cluster_minor: u64,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An object is made.
    Create,
    /// An object is changed.
    Update,
    /// Anything else.
    Other,
}

/// A request, as far as admission looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What it does.
    pub operation: Operation,
    /// The API group, empty for the core group.
    pub group: &'a str,
    /// The resource, such as `pods`.
    pub resource: &'a str,
    /// The subresource, or empty.
    pub subresource: &'a str,
    /// The namespace; for a Namespace its own name.
    pub namespace: &'a str,
    /// The object's name. A pod with `generateName` has its name when admission sees it; where the name is not known,
    /// empty, and the message names none.
    pub name: &'a str,
    /// The user's name.
    pub user: &'a str,
    /// The object; null where there is none.
    pub object: &'a Value,
    /// The object as it was; null where there is none.
    pub old_object: &'a Value,
}

/// What admission asks about the cluster.
pub trait Cluster {
    /// The labels of a namespace, null for none; `None` where there is no such namespace.
    fn namespace_labels(&self, name: &str) -> Option<&Value>;

    /// The pods of a namespace; `None` where they cannot be listed (in time).
    fn pods(&self, namespace: &str) -> Option<Vec<&Value>>;

    /// Whether the request's pod may break a check all the same. Upstream knows no such exemption.
    fn exempts(&self, _check: &Check) -> bool {
        false
    }

    /// Told of what upstream counts.
    fn note(&self, _noted: Noted) {}

    /// Whether no more pods shall be looked at: upstream takes one second, or half of what the request has left.
    fn is_out_of_time(&self) -> bool {
        false
    }
}

/// What upstream counts of requests (`metrics/metrics.go`, `Recorder`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// A pod was judged. Of what is only recorded or warned of, what breaks the level alone is told.
    Evaluated {
        /// What follows of it.
        mode: Mode,
        /// The level, and its edition.
        wanted: LevelVersion,
        /// Whether it meets the level.
        is_allowed: bool,
    },
    /// A request was exempt.
    Exempt,
    /// Something kept a request from being judged as it should be.
    Failed {
        /// Whether it was not judged at all.
        is_fatal: bool,
    },
}

/// What follows where a pod breaks a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is refused.
    Enforce,
    /// The audit log is told.
    Audit,
    /// The client is warned.
    Warn,
}

impl Mode {
    /// The word for it in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
            Self::Warn => "warn",
        }
    }
}

/// What admission answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Why the request is refused; `None` where it is let through.
    pub denial: Option<Denial>,
    /// What the client is warned of.
    pub warnings: Vec<String>,
    /// What the audit log gets: keys, without `pod-security.kubernetes.io/`, and values.
    pub audit_annotations: Vec<(&'static str, String)>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The HTTP status.
    pub code: u16,
    /// The reason of the API's `Status`.
    pub reason: &'static str,
    /// The message of the API's `Status`.
    pub message: String,
}

impl Response {
    /// Whether the request is let through.
    pub fn is_allowed(&self) -> bool {
        self.denial.is_none()
    }

    fn annotated(key: &'static str, value: impl Into<String>) -> Self {
        Self { audit_annotations: vec![(key, value.into())], ..Self::default() }
    }

    fn failed(code: u16, reason: &'static str, message: String, cause: Option<String>) -> Self {
        let annotation = match cause {
            Some(cause) => format!("{message}: {cause}"),
            None => message.clone(),
        };
        Self {
            denial: Some(Denial { code, reason, message }),
            audit_annotations: vec![("error", annotation)],
            ..Self::default()
        }
    }
}

/// The kinds that admission looks into beside pods: group, resource, and the fields on the way to the template.
const CONTROLLERS: &[(&str, &str, &[&str])] = &[
    ("", "replicationcontrollers", &["spec", "template"]),
    ("", "podtemplates", &["template"]),
    ("apps", "replicasets", &["spec", "template"]),
    ("apps", "deployments", &["spec", "template"]),
    ("apps", "statefulsets", &["spec", "template"]),
    ("apps", "daemonsets", &["spec", "template"]),
    ("batch", "jobs", &["spec", "template"]),
    ("batch", "cronjobs", &["spec", "jobTemplate", "spec", "template"]),
];

/// Subresources of pods that are let through unseen. Any other is taken for a pod, so that one still to come is judged.
const IGNORED_POD_SUBRESOURCES: &[&str] =
    &["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"];

impl Default for Admission {
    fn default() -> Self {
        Self { configuration: Arc::default(), pods_max: PODS_MAX, cluster_minor: NEWEST_MINOR }
    }
}

impl Admission {
    /// Answers a request.
    pub fn validate(&self, request: &Request<'_>, cluster: &dyn Cluster) -> Response {
        if request.operation == Operation::Other {
            return Response::default();
        }
        match (request.group, request.resource) {
            ("", "namespaces") => self.validate_namespace(request, cluster),
            ("", "pods") => self.validate_pod(request, cluster),
            (group, resource) => CONTROLLERS
                .iter()
                .find(|(each_group, each, _)| (*each_group, *each) == (group, resource))
                .map(|(_, _, way)| self.validate_controller(request, cluster, way))
                .unwrap_or_default(),
        }
    }

    fn validate_pod(&self, request: &Request<'_>, cluster: &dyn Cluster) -> Response {
        if IGNORED_POD_SUBRESOURCES.contains(&request.subresource) {
            return Response::default();
        }
        if let Some(exempt) = self.exempt_by_request(request) {
            cluster.note(Noted::Exempt);
            return exempt;
        }
        let Some(labels) = cluster.namespace_labels(request.namespace) else {
            cluster.note(FATAL);
            let message = format!(
                "Internal error occurred: failed to lookup namespace {}",
                go_quoted(request.namespace)
            );
            return Response::failed(500, "InternalError", message, Some(not_found(request.namespace)));
        };
        let resolved = Resolved::of_labels(labels, &self.configuration.defaults);
        if resolved.errors.is_empty() && resolved.policy.is_fully_privileged() {
            let wanted = LevelVersion::latest(Level::Privileged);
            cluster.note(Noted::Evaluated { mode: Mode::Enforce, wanted, is_allowed: true });
            return Response::annotated("enforce-policy", wanted.to_string());
        }
        if request.object.as_object().is_none() {
            cluster.note(FATAL);
            return Response::failed(400, "BadRequest", "failed to decode pod".into(), None);
        }
        if request.operation == Operation::Update {
            if request.old_object.as_object().is_none() {
                cluster.note(FATAL);
                return Response::failed(400, "BadRequest", "failed to decode old pod".into(), None);
            }
            if !is_significant_update(request.object, request.old_object) {
                return Response::default();
            }
        }
        self.evaluate(request, &resolved, (request.object, Seen::Pod), cluster)
    }

    fn validate_controller(&self, request: &Request<'_>, cluster: &dyn Cluster, way: &[&str]) -> Response {
        if !request.subresource.is_empty() {
            return Response::default();
        }
        if let Some(exempt) = self.exempt_by_request(request) {
            cluster.note(Noted::Exempt);
            return exempt;
        }
        let Some(labels) = cluster.namespace_labels(request.namespace) else {
            cluster.note(FATAL);
            let namespace = go_quoted(request.namespace);
            let error = format!("failed to lookup namespace {namespace}: {}", not_found(request.namespace));
            return Response::annotated("error", error);
        };
        let resolved = Resolved::of_labels(labels, &self.configuration.defaults);
        let demands = |wanted: LevelVersion| wanted.level > Level::Privileged;
        if resolved.errors.is_empty() && !demands(resolved.policy.warn) && !demands(resolved.policy.audit) {
            return Response::default();
        }
        let template = field(request.object, way);
        if request.resource == "replicationcontrollers" && template.is_null() {
            // The one controller that may have none.
            return Response::default();
        }
        self.evaluate(request, &resolved, (template, Seen::Template), cluster)
    }

    fn exempt_by_request(&self, request: &Request<'_>) -> Option<Response> {
        let exemptions = &self.configuration.exemptions;
        if self.is_exempt_namespace(request.namespace) {
            return Some(Response::annotated("exempt", "namespace"));
        }
        let is_exempt_user = !request.user.is_empty() && exemptions.usernames.contains(request.user);
        is_exempt_user.then(|| Response::annotated("exempt", "user"))
    }

    fn is_exempt_namespace(&self, namespace: &str) -> bool {
        !namespace.is_empty() && self.configuration.exemptions.namespaces.contains(namespace)
    }

    fn is_exempt_runtime_class(&self, pod: &Pod<'_>) -> bool {
        pod.runtime_class.is_some_and(|class| self.configuration.exemptions.runtime_classes.contains(class))
    }

    /// Judges a pod, or a template, which is never refused.
    fn evaluate(
        &self,
        request: &Request<'_>,
        resolved: &Resolved,
        (pod, seen): (&Value, Seen),
        cluster: &dyn Cluster,
    ) -> Response {
        let view = PodView::of(pod, Pointer::ROOT);
        let pod = Pod::read(&view, seen).in_cluster(self.cluster_minor);
        if self.is_exempt_runtime_class(&pod) {
            cluster.note(Noted::Exempt);
            return Response::annotated("exempt", "runtimeClass");
        }
        let mut response = Response::default();
        if !resolved.errors.is_empty() {
            cluster.note(Noted::Failed { is_fatal: false });
            let error = format!("Failed to parse policy: {}", Aggregate(&resolved.errors));
            response.audit_annotations.push(("error", error));
        }
        let policy = &resolved.policy;
        let mut known: Vec<Evaluation> = Vec::new();
        let mut evaluate_once = |wanted| evaluate_once(&pod, wanted, &mut known, cluster);
        if seen == Seen::Pod {
            response.audit_annotations.push(("enforce-policy", policy.enforce.to_string()));
            let evaluation = evaluate_once(policy.enforce);
            let is_allowed = evaluation.is_allowed();
            cluster.note(Noted::Evaluated { mode: Mode::Enforce, wanted: policy.enforce, is_allowed });
            if !evaluation.is_allowed() {
                response.denial = Some(forbidden(request, &evaluation.violates()));
            }
        }
        let audit = evaluate_once(policy.audit);
        if !audit.is_allowed() {
            cluster.note(Noted::Evaluated { mode: Mode::Audit, wanted: policy.audit, is_allowed: false });
            response.audit_annotations.push(("audit-violations", audit.would_violate()));
        }
        // A client that is refused is not warned as well.
        if response.is_allowed() {
            let warn = evaluate_once(policy.warn);
            if !warn.is_allowed() {
                cluster.note(Noted::Evaluated { mode: Mode::Warn, wanted: policy.warn, is_allowed: false });
                response.warnings.push(warn.would_violate());
            }
        }
        response
    }
}

/// A request was not judged.
const FATAL: Noted = Noted::Failed { is_fatal: true };

/// Judges by each level and edition but once.
fn evaluate_once(
    pod: &Pod<'_>,
    wanted: LevelVersion,
    known: &mut Vec<Evaluation>,
    cluster: &dyn Cluster,
) -> Evaluation {
    if let Some(evaluation) = known.iter().find(|evaluation| evaluation.wanted == wanted) {
        return evaluation.clone();
    }
    let mut evaluation = pod.evaluate(wanted);
    evaluation.refusals.retain(|refusal| !cluster.exempts(refusal.check));
    known.push(evaluation.clone());
    evaluation
}

fn forbidden(request: &Request<'_>, why: &str) -> Denial {
    let mut resource = request.resource.to_owned();
    if !request.group.is_empty() {
        resource = format!("{resource}.{}", request.group);
    }
    let message = if request.name.is_empty() {
        format!("{resource} is forbidden: {why}")
    } else {
        format!("{resource} {} is forbidden: {why}", go_quoted(request.name))
    };
    Denial { code: 403, reason: "Forbidden", message }
}

fn not_found(namespace: &str) -> String {
    format!("namespaces {} not found", go_quoted(namespace))
}

/// Whether an update of a pod changes what the standards look at: of what can be changed, images, and ephemeral
/// containers, which can be added.
fn is_significant_update(pod: &Value, old: &Value) -> bool {
    let list =
        |pod: &Value, field: &str| pod.get("spec").and_then(|spec| spec.get(field)?.as_array().cloned());
    let image = |container: &Value| text(container.get("image")).to_owned();
    for field in ["containers", "initContainers"] {
        let (new, old) = (list(pod, field).unwrap_or_default(), list(old, field).unwrap_or_default());
        if new.len() != old.len() || new.iter().zip(&old).any(|(new, old)| image(new) != image(old)) {
            return true;
        }
    }
    let (new, old) = (
        list(pod, "ephemeralContainers").unwrap_or_default(),
        list(old, "ephemeralContainers").unwrap_or_default(),
    );
    let mut by_name = std::collections::BTreeMap::new();
    for container in &old {
        by_name.entry(text(container.get("name"))).or_insert_with(|| image(container));
    }
    new.iter().any(|container| by_name.get(text(container.get("name"))) != Some(&image(container)))
}

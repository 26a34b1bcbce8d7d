//! [`Webhook`]: what Gatekeeper's validating webhook answers to the API server: which requests it lets through unseen, which
//! policies it refuses to store, and what it makes of violations (gatekeeper `pkg/webhook/policy.go`).

use std::borrow::Cow;
use std::sync::Arc;

use lumen_value::{Pointer, Value};

use super::exclusion::{self, IGNORE_LABEL};
use super::{Explanation, Inventory, PolicySet, Process, Review, Verdict, WEBHOOK, storing};
use crate::admission::matching::Source;
use crate::finding::{Location, Place};
use crate::object::{ObjectRef, field, text};
use crate::snapshot::Entry;

/// What the webhook asks about the cluster.
pub trait Namespaces {
    /// The Namespace of a name, as the API server has it; `None` where there is none.
    fn namespace(&self, name: &str) -> Option<Value>;
}

/// The webhook with what it judges by.
#[derive(Clone, Copy)]
pub struct Webhook<'a> {
    /// The policies.
    pub policies: &'a PolicySet,
    /// What policies see as `data.inventory`.
    pub inventory: &'a Inventory,
    /// The Namespaces.
    pub namespaces: &'a dyn Namespaces,
    /// The user as whom the webhook's own program acts, `system:serviceaccount:NAMESPACE:NAME`: it is never judged.
    pub own_user: &'a str,
    /// Nanoseconds since 1970: what policies are told when they ask for the time.
    pub time_ns: i64,
}

/// A request, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The `AdmissionRequest` (`admission.k8s.io/v1`).
    pub request: &'a Value,
    /// The text of what it is about, its `object` or on DELETE its `oldObject`; `None` where it came as no text. Upstream quotes it.
    pub object_text: Option<&'a str>,
}

impl<'a> From<&'a Value> for Sent<'a> {
    fn from(request: &'a Value) -> Self {
        Self { request, object_text: None }
    }
}

/// An answer: the `response` of an `AdmissionReview`, without its `uid`.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whether the request may go on.
    pub is_allowed: bool,
    /// The HTTP status: 200, 299 with warnings, 403 for violations, 422 for a broken policy, 500 for a failure.
    pub code: u16,
    /// The reason of the API's `Status`; empty for none.
    pub reason: &'static str,
    /// The message of the API's `Status`; empty for none.
    pub message: String,
    /// What the client is warned of.
    pub warnings: Vec<String>,
    /// What the audit log gets: keys, before which the API server puts the webhook's name, and values.
    pub audit_annotations: Vec<(&'static str, String)>,
    /// What was found, whatever the constraints do about it.
    pub verdicts: Vec<Verdict>,
}

impl Answer {
    /// Lets the request go on, with a message for who asks.
    pub fn allowed(message: &str) -> Self {
        Self {
            is_allowed: true,
            code: 200,
            reason: "",
            message: message.to_owned(),
            warnings: Vec::new(),
            audit_annotations: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    /// Refuses the request with an HTTP status.
    pub fn failed(code: u16, message: String) -> Self {
        Self { is_allowed: false, code, message, ..Self::allowed("") }
    }

    /// What the constraints do about violations. An error of an evaluation is a violation.
    pub(crate) fn of_verdicts(verdicts: Vec<Verdict>) -> Self {
        let (mut denials, mut warnings) = (Vec::new(), Vec::new());
        for verdict in &verdicts {
            let message = || format!("[{}] {}", verdict.constraint.object.name, verdict.message);
            for word in verdict.enforcement.words() {
                match word.as_str() {
                    "deny" => denials.push(message()),
                    "warn" => warnings.push(message()),
                    _ => {}
                }
            }
        }
        let answer = match (denials.is_empty(), warnings.is_empty()) {
            (false, _) => Self { reason: "Forbidden", ..Self::failed(403, denials.join("\n")) },
            (true, false) => Self { code: 299, ..Self::allowed("") },
            (true, true) => Self::allowed(""),
        };
        Self { warnings, verdicts, ..answer }
    }
}

impl Webhook<'_> {
    /// Answers a request.
    pub fn answer<'r>(&self, sent: impl Into<Sent<'r>>) -> Answer {
        self.judge(sent.into()).map_or_else(|answer| *answer, Answer::of_verdicts)
    }

    /// What is found about a request; as the error the answer to one that no policy is asked about.
    pub(crate) fn judge(&self, sent: Sent<'_>) -> Result<Vec<Verdict>, Box<Answer>> {
        let request = sent.request;
        if text(field(request, &["userInfo"]), "username") == self.own_user {
            return Err(Answer::allowed("Gatekeeper does not self-manage").into());
        }
        if let Some(refusal) = self.refusal(request) {
            return Err(refusal.into());
        }
        if self.policies.excludes(request, Process::Webhook) {
            return Err(Answer::allowed("Namespace is set to be ignored by Gatekeeper config").into());
        }
        self.review(sent).map_err(|message| Answer::failed(500, message).into())
    }

    /// Why a policy is not stored.
    fn refusal(&self, request: &Value) -> Option<Answer> {
        let kind = field(request, &["kind"]);
        let group = text(kind, "group");
        if !storing::GROUPS.contains(&group) {
            return None;
        }
        let name = text(request, "name");
        if name.is_empty() && text(request, "operation") == "DELETE" {
            // A whole collection goes.
            return None;
        }
        if group != storing::STATUS_GROUP && name.len() > storing::NAME_BYTES_MAX {
            let message =
                format!("resource cannot have metadata.name larger than 63 char; length: {}", name.len());
            return Some(Answer::failed(500, message));
        }
        let entry = entry_of(object_of(request));
        let refusal = self.policies.refusal(&entry)?;
        Some(Answer::failed(if refusal.is_invalid { 422 } else { 500 }, refusal.message))
    }

    /// What is found, also in what the object would make.
    fn review(&self, sent: Sent<'_>) -> Result<Vec<Verdict>, String> {
        let request = sent.request;
        let name = text(request, "name");
        // Server-side apply gives a Namespace its own name as namespace, other requests give it none.
        let request = &if is_about_namespace(request) { without_namespace(request) } else { request.clone() };
        let namespace =
            match text(request, "namespace") {
                "" => None,
                name => Some(self.namespaces.namespace(name).ok_or_else(|| {
                    format!("failed to create augmentedReview: namespaces {name:?} not found")
                })?),
            };
        let object = object_of(request);
        let is_deletion = text(request, "operation") == "DELETE";
        if object.is_null() && is_deletion {
            return Err(format!(
                "error reviewing resource {name}: oldObject cannot be nil for DELETE operations"
            ));
        }
        if !object.is_null() && text(object, "kind").is_empty() {
            return Err(format!(
                "error decoding generator resource {name}: Object 'Kind' is missing in '{}'",
                sent.object_text.map_or_else(|| object.to_json().into(), Cow::Borrowed)
            ));
        }
        let review = Review {
            request,
            namespace: namespace.as_ref(),
            namespace_object: namespace.as_ref(),
            source: Source::Original,
            point: WEBHOOK,
            time_ns: self.time_ns,
            explanation: Explanation::None,
        };
        let mut verdicts = self.policies.review(&review, self.inventory);
        if !object.is_null() {
            let generator = generator(object, request);
            let made = self.policies.review_made(&generator, &review, self.inventory);
            verdicts.extend(made.map_err(|error| format!("unable to expand object: {error}"))?);
        }
        Ok(verdicts)
    }
}

/// Whether a request is about a Namespace itself: Kubernetes' own kind, and not another group's of the same name.
pub fn is_about_namespace(request: &Value) -> bool {
    let kind = field(request, &["kind"]);
    text(kind, "group").is_empty() && text(kind, "kind") == "Namespace"
}

/// What a request is about: on DELETE the object that goes.
pub(crate) fn object_of(request: &Value) -> &Value {
    let part = if text(request, "operation") == "DELETE" { "oldObject" } else { "object" };
    field(request, &[part])
}

/// The object as it is expanded: its kind and namespace are those of the request.
fn generator(object: &Value, request: &Value) -> Value {
    let kind = field(request, &["kind"]);
    let (group, version) = (text(kind, "group"), text(kind, "version"));
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let metadata = field(object, &["metadata"]).as_object().cloned().unwrap_or_default();
    let metadata = match text(request, "namespace") {
        "" => metadata.without("namespace"),
        namespace => metadata.with("namespace", namespace),
    };
    let object = object.as_object().cloned().unwrap_or_default();
    object.with("apiVersion", api_version).with("kind", text(kind, "kind")).with("metadata", metadata).into()
}

fn without_namespace(request: &Value) -> Value {
    request.as_object().cloned().unwrap_or_default().without("namespace").into()
}

/// A policy that comes in a request.
pub(crate) fn entry_of(manifest: &Value) -> Arc<Entry> {
    let place = Place::Field { document: 0, pointer: Pointer::ROOT };
    Arc::new(Entry {
        object: Arc::new(ObjectRef::of(manifest)),
        identity: None,
        namespace: None,
        value: manifest.clone(),
        location: Location { source: "<request>".into(), place },
        malformed: false,
    })
}

/// What the webhook `check-ignore-label.gatekeeper.sh` answers: only some namespaces may have the label that keeps the policies
/// out of them (`pkg/webhook/namespacelabel.go`).
pub fn answer_about_label(request: &Value, may_have_it: impl Fn(&str) -> bool) -> Answer {
    if text(request, "operation") == "DELETE" {
        return Answer::allowed("Delete is always allowed");
    }
    if !is_about_namespace(request) {
        return Answer::allowed("Not a namespace");
    }
    let namespace = field(request, &["object"]);
    let name = text(field(namespace, &["metadata"]), "name");
    if may_have_it(name) {
        return Answer::allowed(&format!("Namespace {name} is allowed to set {IGNORE_LABEL}"));
    }
    if exclusion::is_ignored(namespace) {
        let message = format!("Only exempt namespace can have the {IGNORE_LABEL} label");
        return Answer { reason: "Forbidden", ..Answer::failed(403, message) };
    }
    Answer::allowed(&format!("Namespace is not setting the {IGNORE_LABEL} label"))
}

#[cfg(test)]
mod tests;

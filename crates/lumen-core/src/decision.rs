//! [`Judge`]: what the webhook answers to the API server, of all layers that speak when a request is admitted. Gatekeeper's
//! policies say what they say in `gator` and in `lumen check`, Pod Security what the API server's own admission says of requests.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use jiff::Timestamp;
use lumen_value::Value;

use crate::admission::webhook::{Answer, Sent, Webhook, entry_of, is_about_namespace, object_of};
use crate::admission::{self, Verdict};
use crate::exemption::{self, Exemption, Scope, Subject};
use crate::finding::RuleId;
use crate::object::{ObjectRef, field, labels, text};
use crate::podsecurity::admission::{Cluster, Noted, Operation, Request, Response};
use crate::podsecurity::{Admission, Check};

/// What requests are judged by.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// Layer 1: Gatekeeper's policies.
    pub webhook: Webhook<'a>,
    /// Layer 2: Pod Security; `None` leaves it to the API server.
    pub pod_security: Option<&'a Admission>,
    /// The pods of the Namespace that a request changes, for warnings of those that its new level would refuse; `None` where they
    /// are not known, and nothing is said of them.
    pub pods: Option<&'a [Value]>,
    /// What is exempted; others than `Exemption` objects are not honoured.
    pub exemptions: &'a [Exemption],
    /// When the request is judged: exemptions expire.
    pub now: Timestamp,
    /// Whether deletions are refused only by templates that name the operation. Gatekeeper asks every template about whatever
    /// the API server sends.
    pub deletions_opt_in: bool,
}

/// What is decided about a request.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// The answer that would have been given, where the request is let through all the same.
    pub overruled: Option<Box<Answer>>,
    /// What Pod Security says.
    pub pod_security: Response,
    /// What is to be counted of that.
    pub noted: Vec<Noted>,
    /// What is exempted: the rule, and the name of the `Exemption`.
    pub exempted: Vec<(String, Arc<str>)>,
}

/// Key of the audit annotation that names the exemptions that were made use of.
pub const EXEMPTED_ANNOTATION: &str = "exempted";
/// Key of the audit annotation that says why a request went on that would have been refused.
pub const LET_THROUGH_ANNOTATION: &str = "let-through";
/// Key of the audit annotation with the message of the refusal that was overruled.
pub const OVERRULED_ANNOTATION: &str = "overruled";

/// What a cluster lives on: group, resource, subresource. Whoever holds these up takes nodes, leaders or drains down with them.
const VITAL: &[(&str, &str, &str)] =
    &[("coordination.k8s.io", "leases", ""), ("", "nodes", "status"), ("", "pods", "eviction")];

impl Decision {
    /// Lets the request go on, whatever was found: the audit log, and whoever reads the decision, is told why.
    #[must_use]
    pub fn let_through(self, why: &str) -> Self {
        if self.answer.is_allowed {
            return self;
        }
        let refusal = self.answer;
        let mut annotations = refusal.audit_annotations.clone();
        annotations.push((LET_THROUGH_ANNOTATION, why.to_owned()));
        annotations.push((OVERRULED_ANNOTATION, refusal.message.clone()));
        let answer = Answer {
            audit_annotations: annotations,
            warnings: refusal.warnings.clone(),
            code: if refusal.warnings.is_empty() { 200 } else { 299 },
            verdicts: refusal.verdicts.clone(),
            ..Answer::allowed("")
        };
        Self { answer, overruled: Some(Box::new(refusal)), ..self }
    }
}

/// Whether a request is about what a cluster lives on: Leases, the status of nodes, evictions.
pub fn is_vital(request: &Value) -> bool {
    let resource = field(request, &["resource"]);
    let about = (text(resource, "group"), text(resource, "resource"), text(request, "subResource"));
    VITAL.contains(&about)
}

/// The controller that removes what nobody owns any more.
const GARBAGE_COLLECTOR: &str = "system:serviceaccount:kube-system:generic-garbage-collector";

/// What of an object's metadata changes with every write, or says what its deletion still waits for.
const PASSING: [&str; 4] = ["finalizers", "generation", "managedFields", "resourceVersion"];

/// Whether a request only lets go of an object: takes finalizers off one that is being deleted, or, by the garbage collector, off
/// any, with its owners. Whoever refuses that keeps for ever what was to go, because it violates a policy.
pub fn lets_go(request: &Value) -> bool {
    if text(request, "operation") != "UPDATE" {
        return false;
    }
    let (new, old) = (field(request, &["object"]), field(request, &["oldObject"]));
    let is_going = !field(old, &["metadata", "deletionTimestamp"]).is_null();
    let is_collected = text(field(request, &["userInfo"]), "username") == GARBAGE_COLLECTOR;
    let kept = |object: &Value| {
        let mut metadata = field(object, &["metadata"]).as_object().cloned().unwrap_or_default();
        for name in PASSING.into_iter().chain(is_collected.then_some("ownerReferences")) {
            metadata = metadata.without(name);
        }
        let fields = object.as_object().cloned().unwrap_or_default();
        Value::from(fields.without("status").with("metadata", metadata))
    };
    (is_going || is_collected) && kept(new) == kept(old)
}

impl Judge<'_> {
    /// Decides about a request.
    pub fn decide<'r>(&self, sent: impl Into<Sent<'r>>) -> Decision {
        let sent = sent.into();
        let exempting = Exempting::new(self, sent.request);
        let answer = self.admission(sent, &exempting);
        let (pod_security, noted) = self.pod_security(sent.request, &exempting);
        let exempted = exempting.made_use_of.into_inner();
        let mut answer = joined(answer, &pod_security);
        if !exempted.is_empty() {
            let names: Vec<String> =
                exempted.iter().map(|(rule, name)| format!("{rule} by {name}")).collect();
            answer.audit_annotations.push((EXEMPTED_ANNOTATION, names.join(", ")));
        }
        Decision { answer, overruled: None, pod_security, noted, exempted }
    }

    /// The Namespace that a request's object is in, where it is not known.
    pub fn missing_namespace<'r>(&self, request: &'r Value) -> Option<&'r str> {
        let name = text(request, "namespace");
        let is_missing = !name.is_empty()
            && !is_about_namespace(request)
            && self.webhook.namespaces.namespace(name).is_none();
        is_missing.then_some(name)
    }

    /// The Namespace whose pods Pod Security asks about: its level is raised.
    pub fn wanted_pods<'r>(&self, request: &'r Value) -> Option<&'r str> {
        let is_change = is_about_namespace(request)
            && text(request, "operation") == "UPDATE"
            && text(request, "subResource").is_empty();
        let (new, old) = (field(request, &["object"]), field(request, &["oldObject"]));
        let is_raised = is_change && self.pod_security.is_some_and(|admission| admission.raises(new, old));
        is_raised.then(|| text(field(new, &["metadata"]), "name"))
    }

    /// What layer 1 answers.
    fn admission(&self, sent: Sent<'_>, exempting: &Exempting<'_>) -> Answer {
        if self.is_ignored(sent.request) {
            return Answer::allowed("");
        }
        let mut verdicts = match self.webhook.judge(sent) {
            Ok(verdicts) => verdicts,
            Err(answer) => return *answer,
        };
        if self.deletions_opt_in && text(sent.request, "operation") == "DELETE" {
            verdicts.retain(|verdict| self.webhook.policies.opts_in(verdict, "DELETE"));
        }
        if !self.exemptions.is_empty() {
            verdicts.retain(|verdict| !exempting.covers_verdict(self, verdict));
        }
        Answer::of_verdicts(verdicts)
    }

    /// Whether the API server would not ask Gatekeeper: its webhook leaves out Namespaces with a label, and what is in them.
    fn is_ignored(&self, request: &Value) -> bool {
        if is_about_namespace(request) {
            return admission::is_ignored(object_of(request));
        }
        let namespace = self.webhook.namespaces.namespace(text(request, "namespace"));
        namespace.as_ref().is_some_and(admission::is_ignored)
    }

    /// What layer 2 answers.
    fn pod_security(&self, request: &Value, exempting: &Exempting<'_>) -> (Response, Vec<Noted>) {
        let Some(pod_security) = self.pod_security else { return Default::default() };
        let resource = field(request, &["resource"]);
        let name = text(request, "name");
        let namespace = if is_about_namespace(request) {
            text(field(object_of(request), &["metadata"]), "name")
        } else {
            text(request, "namespace")
        };
        let request = Request {
            operation: match text(request, "operation") {
                "CREATE" => Operation::Create,
                "UPDATE" => Operation::Update,
                _ => Operation::Other,
            },
            group: text(resource, "group"),
            resource: text(resource, "resource"),
            subresource: text(request, "subResource"),
            namespace,
            name,
            user: text(field(request, &["userInfo"]), "username"),
            object: field(request, &["object"]),
            old_object: field(request, &["oldObject"]),
        };
        let namespace = self.webhook.namespaces.namespace(namespace);
        let seen = Seen { judge: self, namespace: namespace.as_ref(), exempting, noted: RefCell::default() };
        let response = pod_security.validate(&request, &seen);
        (response, seen.noted.into_inner())
    }
}

/// What both layers say, as one answer.
fn joined(mut answer: Answer, pod_security: &Response) -> Answer {
    answer.audit_annotations.extend(pod_security.audit_annotations.iter().cloned());
    answer.warnings.extend(pod_security.warnings.iter().cloned());
    let Some(denial) = &pod_security.denial else {
        if answer.is_allowed && !answer.warnings.is_empty() {
            answer.code = 299;
        }
        return answer;
    };
    if !answer.is_allowed && denial.code >= 500 {
        // It is refused already, and mostly for the same cause.
        return answer;
    }
    if answer.is_allowed {
        answer.message.clear();
    } else {
        answer.message.push('\n');
    }
    answer.message.push_str(&denial.message);
    // That a policy forbids it counts for more than that another one could not be asked.
    if answer.is_allowed || answer.code != 403 {
        (answer.code, answer.reason) = (denial.code, denial.reason);
    }
    answer.is_allowed = false;
    answer
}

/// The cluster as Pod Security asks about it.
struct Seen<'a> {
    judge: &'a Judge<'a>,
    namespace: Option<&'a Value>,
    exempting: &'a Exempting<'a>,
    noted: RefCell<Vec<Noted>>,
}

impl Cluster for Seen<'_> {
    fn namespace_labels(&self, _: &str) -> Option<&Value> {
        self.namespace.map(labels)
    }

    fn pods(&self, _: &str) -> Option<Vec<&Value>> {
        Some(self.judge.pods.into_iter().flatten().collect())
    }

    fn note(&self, noted: Noted) {
        self.noted.borrow_mut().push(noted);
    }

    fn exempts(&self, check: &Check) -> bool {
        !self.judge.exemptions.is_empty() && self.exempting.covers_check(check)
    }
}

/// Finds the exemptions for a request's object.
struct Exempting<'a> {
    exemptions: &'a [Exemption],
    now: Timestamp,
    /// The object, looked at once it is needed.
    about: OnceCell<ObjectRef>,
    object: &'a Value,
    namespace: Option<&'a str>,
    made_use_of: RefCell<Vec<(String, Arc<str>)>>,
}

impl<'a> Exempting<'a> {
    fn new(judge: &Judge<'a>, request: &'a Value) -> Self {
        Self {
            exemptions: judge.exemptions,
            now: judge.now,
            about: OnceCell::new(),
            object: object_of(request),
            namespace: Some(text(request, "namespace"))
                .filter(|name| !name.is_empty() && !is_about_namespace(request)),
            made_use_of: RefCell::default(),
        }
    }

    fn covers_verdict(&self, judge: &Judge<'_>, verdict: &Verdict) -> bool {
        judge.webhook.policies.rule(verdict).is_some_and(|rule| self.covers(rule))
    }

    fn covers_check(&self, check: &Check) -> bool {
        self.covers(&check.rule.id())
    }

    fn covers(&self, rule: &RuleId) -> bool {
        let about = self.about.get_or_init(|| entry_of(self.object).object.as_ref().clone());
        let subject = Subject { namespace: self.namespace, labels: labels(self.object) };
        let found = exemption::covering(self.exemptions, rule, about, subject, self.now);
        let Some(Scope::Objects(name, _)) = found.map(|exemption| &exemption.scope) else { return false };
        let used = (rule.to_string(), name.clone());
        let mut made_use_of = self.made_use_of.borrow_mut();
        if !made_use_of.contains(&used) {
            made_use_of.push(used);
        }
        true
    }
}

#[cfg(test)]
mod tests;

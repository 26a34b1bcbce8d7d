//! What is told of decisions: to the log, a line for each violation by the names that Gatekeeper gives them (`--log-denies`), with
//! what a constraint in `dryrun` would have refused; and to the metrics.

use lumen_core::admission::Verdict;
use lumen_core::decision::Decision;
use lumen_value::Value;

use crate::events::{Emission, Events, Violation, of_request};
use crate::metrics::Metrics;

/// Most lines about one request.
const LINES_MAX: usize = 25;
/// Most bytes of one message.
const MESSAGE_BYTES_MAX: usize = 1024;

/// What a line says of the request that it is about.
struct About<'a> {
    operation: &'a str,
    group: &'a str,
    version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    user: &'a str,
    uid: &'a str,
    is_dry_run: bool,
    admission: &'static str,
}

/// Tells of a decision, where there is anything to be told.
pub(super) fn tell(decision: &Decision, request: &Value, metrics: &Metrics) {
    let answer = &decision.answer;
    let refusal = decision.overruled.as_deref();
    let about = About::of(decision, request);
    for verdict in &answer.verdicts {
        let constraint = &verdict.constraint.object;
        for word in verdict.enforcement.words() {
            metrics.violated(&constraint.kind, &constraint.name, known_action(word));
        }
    }
    for verdict in answer.verdicts.iter().take(LINES_MAX) {
        about.tell_of(verdict);
    }
    let pod_security = &decision.pod_security;
    let audit = pod_security.audit_annotations.iter().find(|(key, _)| *key == "audit-violations");
    let denial = pod_security.denial.as_ref().map(|denial| ("deny", &denial.message));
    let warned = pod_security.warnings.iter().map(|warning| ("warn", warning));
    for (action, message) in denial.into_iter().chain(warned).chain(audit.map(|(_, text)| ("dryrun", text))) {
        metrics.violated("PodSecurity", "", action);
        about.tell("pod_security_violation", action, message);
    }
    for (rule, name) in &decision.exempted {
        about.tell("exempted", rule, name);
    }
    if let Some(refusal) = refusal {
        let why = answer
            .audit_annotations
            .iter()
            .find(|(key, _)| *key == lumen_core::decision::LET_THROUGH_ANNOTATION);
        about.tell("let_through", why.map_or("", |(_, why)| why), &refusal.message);
    } else if !answer.is_allowed && answer.verdicts.is_empty() && pod_security.denial.is_none() {
        about.tell("refused", "deny", &answer.message);
    }
}

/// Makes an Event of each violation of a request.
pub(super) fn tell_events(decision: &Decision, request: &Value, events: &Events, emission: Emission) {
    let about = About::of(decision, request);
    let object = request.get("object").filter(|object| !object.is_null());
    let metadata = object.and_then(|object| object.get("metadata"));
    let uid = metadata.and_then(|metadata| metadata.get("uid")?.as_str()).unwrap_or_default();
    let api_version = if about.group.is_empty() {
        about.version.to_owned()
    } else {
        format!("{}/{}", about.group, about.version)
    };
    let of = Violation {
        api_version: &api_version,
        kind: about.kind,
        namespace: about.namespace,
        name: about.name,
        uid,
    };
    for verdict in decision.answer.verdicts.iter().take(LINES_MAX) {
        for occurrence in of_request(verdict, &of, about.user, emission) {
            events.tell(occurrence);
        }
    }
}

/// An action as it is counted: constraints may say anything.
fn known_action(word: &str) -> &'static str {
    let known = ["deny", "dryrun", "warn"];
    known.into_iter().find(|each| *each == word).unwrap_or("unrecognized")
}

/// What a constraint does, in its own words.
fn action_of(verdict: &Verdict) -> String {
    verdict.enforcement.words().join(",")
}

impl<'a> About<'a> {
    fn of(decision: &Decision, request: &'a Value) -> Self {
        let part = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        let inside = |outer: &str, name: &str| {
            request.get(outer).and_then(|outer| outer.get(name)).and_then(Value::as_str).unwrap_or_default()
        };
        let generated = || {
            let object = request.get("object").and_then(|object| object.get("metadata"));
            object.and_then(|metadata| metadata.get("generateName")?.as_str()).unwrap_or_default()
        };
        Self {
            operation: part("operation"),
            group: inside("kind", "group"),
            version: inside("kind", "version"),
            kind: inside("kind", "kind"),
            namespace: part("namespace"),
            name: Some(part("name")).filter(|name| !name.is_empty()).unwrap_or_else(generated),
            user: inside("userInfo", "username"),
            uid: part("uid"),
            is_dry_run: request.get("dryRun") == Some(&Value::Bool(true)),
            admission: match (decision.answer.is_allowed, &decision.overruled) {
                (false, _) => "denied",
                (true, Some(_)) => "let-through",
                (true, None) => "allowed",
            },
        }
    }

    fn tell_of(&self, verdict: &Verdict) {
        let constraint = &verdict.constraint.object;
        tracing::info!(
            target: "lumen::decision",
            process = "admission",
            event_type = "violation",
            constraint_group = constraint.group(),
            constraint_kind = &*constraint.kind,
            constraint_name = &*constraint.name,
            constraint_action = action_of(verdict),
            violation = cut(&verdict.message, MESSAGE_BYTES_MAX),
            is_error = verdict.is_error,
            admission = self.admission,
            resource_group = self.group,
            resource_api_version = self.version,
            resource_kind = self.kind,
            resource_namespace = self.namespace,
            resource_name = self.name,
            request_operation = self.operation,
            request_username = self.user,
            request_uid = self.uid,
            request_dry_run = self.is_dry_run,
        );
    }

    fn tell(&self, event: &'static str, about: &str, message: &str) {
        tracing::info!(
            target: "lumen::decision",
            process = "admission",
            event_type = event,
            about,
            violation = cut(message, MESSAGE_BYTES_MAX),
            admission = self.admission,
            resource_group = self.group,
            resource_api_version = self.version,
            resource_kind = self.kind,
            resource_namespace = self.namespace,
            resource_name = self.name,
            request_operation = self.operation,
            request_username = self.user,
            request_uid = self.uid,
            request_dry_run = self.is_dry_run,
        );
    }
}

/// The beginning of a text, of so many bytes at most.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

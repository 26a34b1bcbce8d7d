//! [`Occurrence`]: a violation as an Event tells it.

use lumen_core::admission::Verdict;
use lumen_core::admission::audit::shortened;
use lumen_core::object::{ObjectRef, field, text};
use lumen_value::{Object, Value};
use sha2::{Digest as _, Sha256};

use super::Emission;
use super::series::Key;

/// Most bytes of a note: the API server's own bound.
pub(super) const NOTE_BYTES_MAX: usize = 1_024;
/// Most bytes of an annotation, which may be anything that a request says.
const ANNOTATION_BYTES_MAX: usize = 512;
/// Most bytes of the name of who tells: the API server's own bound.
const INSTANCE_BYTES_MAX: usize = 128;

/// Who tells Events.
const CONTROLLER: &str = "lumensec.io/lumen";

/// An object that a violation is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violation<'a> {
    /// Group and version.
    pub api_version: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Namespace; empty for none.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// `uid`; empty where there is none yet.
    pub uid: &'a str,
}

/// A violation as an Event tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    reason: &'static str,
    action: &'static str,
    note: String,
    annotations: Vec<(&'static str, String)>,
    regarding: Value,
    related: Value,
    /// The namespace of the Event; empty for the server's own.
    namespace: String,
}

/// What an audit found in an object.
pub fn of_audit(verdict: &Verdict, object: &Value, timestamp: &str, emission: Emission) -> Occurrence {
    let metadata = field(object, &["metadata"]);
    let of = Violation {
        api_version: text(object, "apiVersion"),
        kind: text(object, "kind"),
        namespace: text(metadata, "namespace"),
        name: text(metadata, "name"),
        uid: text(metadata, "uid"),
    };
    let annotations = vec![
        ("process", "audit".to_owned()),
        ("event_type", "violation_audited".to_owned()),
        ("auditTimestamp", timestamp.to_owned()),
    ];
    Occurrence::of("AuditViolation", "Audit", "", verdict, &of, annotations, emission)
}

/// What a request was found to violate, one Event for each thing that is done about it.
pub fn of_request(verdict: &Verdict, of: &Violation<'_>, user: &str, emission: Emission) -> Vec<Occurrence> {
    let said = |action: &str| match action {
        "dryrun" => ("DryrunViolation", "Dryrun violation"),
        "warn" => (
            "WarningAdmission",
            "Admission webhook \"validation.gatekeeper.sh\" raised a warning for this request",
        ),
        _ => ("FailedAdmission", "Admission webhook \"validation.gatekeeper.sh\" denied request"),
    };
    let actions = verdict.enforcement.words().iter();
    actions
        .map(|action| {
            let annotations = vec![
                ("process", "admission".to_owned()),
                ("event_type", "violation".to_owned()),
                ("request_username", user.to_owned()),
            ];
            let (reason, what) = said(action);
            Occurrence::of(reason, "Admission", what, verdict, of, annotations, emission)
        })
        .collect()
}

impl Occurrence {
    fn of(
        reason: &'static str,
        action: &'static str,
        what: &str,
        verdict: &Verdict,
        of: &Violation<'_>,
        mut annotations: Vec<(&'static str, String)>,
        emission: Emission,
    ) -> Self {
        let constraint = &verdict.constraint.object;
        let (group, version) = of.api_version.split_once('/').unwrap_or(("", of.api_version));
        annotations.extend([
            ("constraint_group", constraint.group().to_owned()),
            ("constraint_api_version", version_of(constraint).to_owned()),
            ("constraint_kind", constraint.kind.to_string()),
            ("constraint_name", constraint.name.to_string()),
            ("constraint_namespace", String::new()),
            ("constraint_action", verdict.enforcement.action.clone()),
            ("constraint_enforcement_actions", verdict.enforcement.scoped.join(",")),
            ("resource_group", group.to_owned()),
            ("resource_api_version", version.to_owned()),
            ("resource_kind", of.kind.to_owned()),
            ("resource_namespace", of.namespace.to_owned()),
            ("resource_name", of.name.to_owned()),
        ]);
        for (_, value) in &mut annotations {
            *value = shortened(value, ANNOTATION_BYTES_MAX);
        }
        let mut said = Vec::new();
        if !what.is_empty() {
            said.push(what.to_owned());
        }
        if !emission.in_involved_namespace {
            said.push(format!("Resource Namespace: {}", of.namespace));
        }
        said.push(format!("Constraint: {}", constraint.name));
        said.push(format!("Message: {}", verdict.message));
        let related = reference(&Violation {
            api_version: &constraint.api_version,
            kind: &constraint.kind,
            name: &constraint.name,
            ..Violation::default()
        });
        Self {
            reason,
            action,
            note: shortened(&said.join(", "), NOTE_BYTES_MAX),
            annotations,
            regarding: reference(of).into(),
            related: related.into(),
            namespace: if emission.in_involved_namespace { of.namespace.to_owned() } else { String::new() },
        }
    }

    /// The namespace that the Event is in. Events about what is in no namespace are in the server's own.
    pub(super) fn namespace<'a>(&'a self, own: &'a str) -> &'a str {
        if self.namespace.is_empty() { own } else { &self.namespace }
    }

    /// By what it is known again. The time of an audit and who asked are no part of it.
    pub(super) fn key(&self, own: &str) -> Key {
        let mut hash = Sha256::new();
        let regarding = self.regarding.to_json();
        let related = self.related.to_json();
        for part in [self.namespace(own), self.reason, &regarding, &related, &self.note] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Key(hash.finalize().iter().take(16).fold(0, |key, byte| (key << 8) | u128::from(*byte)))
    }

    /// The Event.
    pub(super) fn event(&self, name: &str, namespace: &str, instance: &str, now: &str) -> Value {
        let annotations: Vec<(Value, Value)> =
            self.annotations.iter().map(|(key, value)| ((*key).into(), value.as_str().into())).collect();
        let metadata: Value = [
            ("name", name.into()),
            ("namespace", namespace.into()),
            ("annotations", Value::Object(annotations.into())),
        ]
        .into();
        let mut regarding = self.regarding.as_object().cloned().unwrap_or_default();
        if regarding.get("namespace").is_none() {
            // The API server takes an Event about what is in no namespace in `default` alone, unless it says that it is in one.
            regarding = regarding.with("namespace", namespace);
        }
        [
            ("apiVersion", "events.k8s.io/v1".into()),
            ("kind", "Event".into()),
            ("metadata", metadata),
            ("eventTime", now.into()),
            ("reportingController", CONTROLLER.into()),
            ("reportingInstance", shortened(instance, INSTANCE_BYTES_MAX).into()),
            ("action", self.action.into()),
            ("reason", self.reason.into()),
            ("type", "Warning".into()),
            ("regarding", regarding.into()),
            ("related", self.related.clone()),
            ("note", self.note.as_str().into()),
        ]
        .into()
    }
}

fn version_of(object: &ObjectRef) -> &str {
    lumen_core::object::version_of(&object.api_version)
}

fn reference(of: &Violation<'_>) -> Object {
    let fields = [
        ("apiVersion", of.api_version),
        ("kind", of.kind),
        ("namespace", of.namespace),
        ("name", of.name),
        ("uid", of.uid),
    ];
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .fold(Object::default(), |object, (key, value)| object.with(key, value))
}

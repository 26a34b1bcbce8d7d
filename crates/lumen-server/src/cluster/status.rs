//! What a pod says of a template or a constraint in its `status.byPod` (gatekeeper `apis/status/v1beta1`).

use std::collections::BTreeSet;

use lumen_value::{Array, Value};

use super::policy::{PolicyError, SYNC_ERROR};
use super::text;

/// Most errors of one policy in its status, and longest message: objects have a size.
const ERRORS_MAX: usize = 20;
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Which of the two a status is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Template,
    Constraint,
}

/// What is to be said of an object.
#[derive(Clone, Debug)]
pub(super) struct Report<'a> {
    pub(super) of: Of,
    /// The pod that says so.
    pub(super) pod: &'a str,
    /// What the pod does.
    pub(super) operations: &'a [String],
    /// Which object of its name.
    pub(super) uid: &'a str,
    pub(super) generation: i64,
    pub(super) errors: &'a [PolicyError],
}

impl Report<'_> {
    /// The entry of `byPod`.
    pub(super) fn entry(&self) -> Value {
        let operations: Array = self.operations.iter().map(|word| Value::from(word.as_str())).collect();
        let uid_key = match self.of {
            Of::Template => "templateUID",
            Of::Constraint => "constraintUID",
        };
        let mut fields: Vec<(Value, Value)> = vec![
            ("id".into(), self.pod.into()),
            (uid_key.into(), self.uid.into()),
            ("observedGeneration".into(), self.generation.into()),
            ("operations".into(), operations.into()),
        ];
        if self.errors.is_empty() {
            if self.of == Of::Constraint {
                fields.push(("enforced".into(), true.into()));
            }
        } else {
            let errors: Array = self.errors.iter().take(ERRORS_MAX).map(error).collect();
            fields.push(("errors".into(), errors.into()));
        }
        Value::Object(fields.into())
    }
}

fn error(error: &PolicyError) -> Value {
    let message: String = error.message.chars().take(MESSAGE_CHARS_MAX).collect();
    let mut fields: Vec<(Value, Value)> =
        vec![("code".into(), error.code.into()), ("message".into(), message.into())];
    if !error.location.is_empty() {
        fields.push(("location".into(), error.location.as_str().into()));
    }
    Value::Object(fields.into())
}

/// The pods that are there; `None` where that is not known.
pub(super) type Alive = Option<BTreeSet<String>>;

/// What all pods say, once this one has said its entry; sorted by pod. Those that are gone say nothing more, and nobody says anything
/// of another object that had the name before.
pub(super) fn merged(by_pod: &Value, entry: &Value, alive: &Alive) -> Value {
    let own = text(entry, "id");
    let uid = uid_of(entry);
    let others = by_pod.as_array().into_iter().flat_map(|entries| entries.iter());
    let is_kept = |other: &&Value| {
        let id = text(other, "id");
        id != own && uid_of(other) == uid && alive.as_ref().is_none_or(|alive| alive.contains(id))
    };
    let mut entries: Vec<Value> = others.filter(is_kept).cloned().chain([entry.clone()]).collect();
    entries.sort_by(|a, b| text(a, "id").cmp(text(b, "id")));
    entries.into()
}

fn uid_of(entry: &Value) -> &str {
    match text(entry, "templateUID") {
        "" => text(entry, "constraintUID"),
        uid => uid,
    }
}

/// Whether a template counts as created: at least one pod can use it (gatekeeper
/// `pkg/controller/constrainttemplatestatus`). That another kind is not synced does not keep it from being created.
pub(super) fn is_created(by_pod: &Value) -> bool {
    let mut entries = by_pod.as_array().into_iter().flat_map(|entries| entries.iter());
    entries.any(|entry| {
        let errors = entry.get("errors").and_then(Value::as_array);
        errors.is_none_or(|errors| errors.iter().all(|error| text(error, "code") == SYNC_ERROR))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pod: &str, uid: &str, errors: &[PolicyError]) -> Value {
        let operations = ["webhook".to_owned()];
        let report = Report { of: Of::Template, pod, operations: &operations, uid, generation: 2, errors };
        report.entry()
    }

    fn ids(by_pod: &Value) -> Vec<&str> {
        by_pod.as_array().expect("a list").iter().map(|entry| text(entry, "id")).collect()
    }

    #[test]
    fn pods_speak_for_themselves_while_they_live() {
        let broken = PolicyError { code: "ingest_error", message: "m".into(), location: "/spec:1:2".into() };
        let by_pod = merged(&Value::Null, &entry("b", "u", &[broken]), &None);
        assert!(!is_created(&by_pod));
        assert!(
            by_pod
                .to_json()
                .contains(r#""errors":[{"code":"ingest_error","location":"/spec:1:2","message":"m"}]"#)
        );
        let by_pod = merged(&by_pod, &entry("a", "u", &[]), &None);
        assert_eq!(ids(&by_pod), ["a", "b"]);
        assert!(is_created(&by_pod));
        let alive = Some(["a".to_owned()].into());
        assert_eq!(ids(&merged(&by_pod, &entry("a", "u", &[]), &alive)), ["a"]);
        // Another object of the name.
        assert_eq!(ids(&merged(&by_pod, &entry("c", "v", &[]), &None)), ["c"]);
    }

    #[test]
    fn what_is_not_synced_does_not_undo_a_template() {
        let unsynced = PolicyError { code: SYNC_ERROR, message: "m".into(), location: String::new() };
        assert!(is_created(&merged(&Value::Null, &entry("a", "u", &[unsynced]), &None)));
    }
}

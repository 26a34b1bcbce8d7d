//! [`Noted`]: what is told of each violation while an audit goes on: a line of the log by upstream's names
//! (gatekeeper `logViolation`), and an Event where that is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lumen_core::admission::Verdict;
use lumen_core::admission::audit::{Audited, MESSAGE_BYTES_MAX, shortened};
use lumen_core::object::{ObjectRef, field, group_of, version_of};
use lumen_value::Value;

use super::report::is_left_out;
use super::sweep::Note;
use crate::events::{Emission, Events, of_audit};

/// Most violations that one audit writes into the log.
const LINES_MAX: u64 = 10_000;
/// Most bytes of details, labels and annotations in a line.
const DETAILS_BYTES_MAX: usize = 4_096;
/// An annotation with a copy of the whole constraint.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What one audit tells of violations.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    /// The audit, by the time of its beginning.
    audit: Arc<str>,
    violations: Arc<AtomicU64>,
    events: Option<(Events, Emission)>,
}

impl Noted {
    pub(super) fn new(audit: &str, events: Option<(Events, Emission)>) -> Self {
        let events = events.filter(|(_, emission)| emission.is_on);
        Self { audit: audit.into(), violations: Arc::default(), events }
    }

    /// Told of every object with violations.
    pub(super) fn note(&self) -> Note {
        let noted = self.clone();
        Arc::new(move |object, audited| noted.tell(object, audited))
    }

    /// Says what was too much for the log.
    pub(super) fn end(&self) {
        let untold = self.violations.load(Ordering::Relaxed).saturating_sub(LINES_MAX);
        if untold > 0 {
            tracing::warn!(
                event_type = "violations_not_logged",
                audit_id = &*self.audit,
                violations = untold,
                "an audit writes {LINES_MAX} violations into the log"
            );
        }
    }

    fn tell(&self, object: &Value, audited: &Audited) {
        let subject = ObjectRef::of(object);
        for verdict in &audited.verdicts {
            if self.violations.fetch_add(1, Ordering::Relaxed) < LINES_MAX {
                self.log(verdict, &subject, object);
            }
        }
        if let Some((events, emission)) = &self.events
            // Of Events there would be Events for ever.
            && !is_left_out(group_of(&subject.api_version), &subject.kind)
        {
            for verdict in &audited.verdicts {
                events.tell(of_audit(verdict, object, &self.audit, *emission));
            }
        }
        if let Some(failure) = &audited.failure {
            tracing::warn!(
                audit_id = &*self.audit,
                resource_kind = &*subject.kind,
                resource_namespace = subject.namespace.as_deref().unwrap_or_default(),
                resource_name = &*subject.name,
                error = %failure,
                "unable to expand object"
            );
        }
    }

    fn log(&self, verdict: &Verdict, subject: &ObjectRef, object: &Value) {
        let constraint = &verdict.constraint.object;
        let annotations = match field(&verdict.constraint.value, &["metadata", "annotations"]) {
            Value::Object(annotations) => annotations.without(LAST_APPLIED).into(),
            other => other.clone(),
        };
        let labels = field(object, &["metadata", "labels"]);
        tracing::info!(
            process = "audit",
            audit_id = &*self.audit,
            event_type = "violation_audited",
            semantic = true,
            constraint_group = constraint.group(),
            constraint_api_version = version_of(&constraint.api_version),
            constraint_kind = &*constraint.kind,
            constraint_name = &*constraint.name,
            constraint_namespace = "",
            constraint_action = verdict.enforcement.action,
            constraint_enforcement_actions = ?verdict.enforcement.scoped,
            constraint_annotations = json(&annotations),
            resource_group = subject.group(),
            resource_api_version = version_of(&subject.api_version),
            resource_kind = &*subject.kind,
            resource_namespace = subject.namespace.as_deref().unwrap_or_default(),
            resource_name = &*subject.name,
            resource_labels = json(labels),
            details = json(&verdict.details),
            "{}",
            shortened(&verdict.message, MESSAGE_BYTES_MAX)
        );
    }
}

/// A value as JSON, the beginning of it where it is long.
fn json(value: &Value) -> String {
    shortened(&value.to_json(), DETAILS_BYTES_MAX)
}

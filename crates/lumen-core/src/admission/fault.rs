//! [`Fault`]: what is wrong with a template or a constraint, and where in its manifest.

use std::sync::Arc;

use lumen_rego::error::{Error, Span};
use lumen_value::Pointer;

use super::decode::TypeError;
use crate::finding::{Action, Finding, Outcome};
use crate::rule::Rule;
use crate::snapshot::Entry;

/// Something that is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The field.
    pub(super) at: Pointer,
    /// Row and column in the field's text, where it is about a place in it.
    pub(super) inside: Option<(u32, u32)>,
    /// What is wrong: one sentence without a final period.
    pub(super) message: String,
    /// What Gatekeeper says of it.
    pub(super) upstream: Option<String>,
    /// What Gatekeeper's webhook does about it when the policy is applied.
    pub(super) action: Action,
    /// [`Outcome::Error`] where the policy cannot be used for it.
    pub(super) outcome: Outcome,
}

/// What is wrong where a field has the wrong type: nothing behind it can be read.
impl From<TypeError> for Vec<Fault> {
    fn from(error: TypeError) -> Self {
        let message = error.to_string();
        vec![Fault::new(error.at, message)]
    }
}

impl Fault {
    pub(super) fn new(at: Pointer, message: impl Into<String>) -> Self {
        Self {
            at,
            inside: None,
            message: message.into(),
            upstream: None,
            action: Action::Deny,
            outcome: Outcome::Error,
        }
    }

    /// The place of a Rego text's span in the field that holds the text.
    pub(super) fn inside(at: Pointer, span: &Span, message: impl Into<String>) -> Self {
        let inside = (span.row > 0).then_some((span.row, span.column));
        Self { inside, ..Self::new(at, message) }
    }

    /// An error of Rego; `at` gives the field of a module.
    pub(super) fn of_rego(error: &Error, at: Pointer) -> Self {
        let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        // What follows the first line shows the text and types, which stand at the place shown, too.
        let message = format!("{}: {}{hint}", error.code.as_str(), error.message.replace('\n', " "));
        Self { upstream: Some(error.to_string()), ..Self::inside(at, &error.span, message) }
    }

    /// The same, where the webhook takes the policy in spite of it.
    pub(super) fn taken(self) -> Self {
        Self { action: Action::None, ..self }
    }

    /// The same, where the policy is used in spite of it.
    pub(super) fn usable(self) -> Self {
        Self { outcome: Outcome::Fail, ..self }
    }

    /// The finding about a policy.
    pub(super) fn finding(self, rule: &Rule, entry: &Entry) -> Finding {
        let location = entry.locate(&self.at);
        let location = match self.inside {
            Some((row, column)) => location.in_text(row, column),
            None => location,
        };
        Finding {
            outcome: self.outcome,
            action: self.action,
            upstream_message: self.upstream.map(Into::into),
            object: Some(Arc::clone(&entry.object)),
            location: Some(location),
            ..rule.finding(self.message)
        }
    }
}

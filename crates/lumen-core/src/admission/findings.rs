//! What is told of verdicts, of policies that cannot be used, and of objects that cannot be judged.

use std::sync::Arc;

use lumen_value::pointer;

use super::expansion::ExpansionError;
use super::fault::Fault;
use super::mutation::MutationError;
use super::{Constraint, PolicySet, Verdict, exclusion, fix, place, rules};
use crate::finding::{Action, Finding, Outcome, Related};
use crate::rule::Rule;
use crate::snapshot::Entry;

impl Verdict {
    /// What it counts as in a report.
    pub fn outcome(&self) -> Outcome {
        match (self.is_error, self.enforcement.strictest()) {
            (true, _) => Outcome::Error,
            (false, Action::Warn) => Outcome::Warn,
            (false, _) => Outcome::Fail,
        }
    }
}

impl PolicySet {
    /// The place of the rule that was running when an evaluation failed.
    fn running(&self, verdict: &Verdict, constraint: &Constraint) -> Option<Related> {
        let (field, row, column) = verdict.failed.as_ref()?.at.as_ref()?;
        let location = self.templates.get(constraint.template)?.entry.locate(field);
        let location = location.in_text(*row, *column);
        Some(Related { location, label: "this was being evaluated".to_owned(), is_step: false })
    }

    /// What a verdict says about an object.
    pub fn finding(&self, verdict: &Verdict, entry: &Entry) -> Option<Finding> {
        let constraint = self.constraints.get(verdict.number)?;
        let action = verdict.enforcement.strictest();
        let is_ours = verdict.failed.as_ref().is_some_and(|failed| failed.is_ours);
        let upstream = (!is_ours).then(|| format!("[{}] {}", constraint.name(), verdict.message));
        // What is said of an object that is yet to be made does not lead into its maker's manifest.
        let details = if verdict.is_made { &crate::object::NULL } else { &verdict.details };
        let decided = verdict.why.as_ref().and_then(|why| why.place.as_ref()).filter(|_| !verdict.is_made);
        let place = place::of_violation(details, decided, &verdict.message, &entry.value);
        let mut related: Vec<Related> =
            self.running(verdict, constraint).into_iter().chain(self.steps(verdict)).collect();
        let fix = fix::of_violation(details, entry).unwrap_or_else(|wrong| {
            related.extend(self.without_fix(constraint, &wrong));
            None
        });
        Some(Finding {
            rule: constraint.rule.clone(),
            outcome: verdict.outcome(),
            action,
            severity: constraint.severity,
            message: verdict.message.trim().to_owned(),
            upstream_message: upstream.map(Into::into),
            object: Some(entry.object.clone()),
            location: Some(entry.locate(&place)),
            related,
            policy: Some(constraint.policy.clone()),
            fix,
        })
    }

    /// Says that the template gives a fix that cannot be used.
    fn without_fix(&self, constraint: &Constraint, wrong: &str) -> Option<Related> {
        let location = self.templates.get(constraint.template)?.entry.locate(&pointer!["kind"]);
        Some(Related {
            location,
            label: format!("`details.fix` of this template is left out: {wrong}"),
            is_step: false,
        })
    }
}

/// The finding about an object of which it is not known what it would make.
pub fn failed_expansion(error: &ExpansionError, entry: &Entry) -> Finding {
    let upstream = format!("error expanding resource {}: {error}", entry.object.name);
    let fault = Fault { upstream: Some(upstream), ..Fault::new(pointer!["kind"], error.to_string()) };
    fault.finding(&rules::FAILED_EXPANSION, entry)
}

/// The finding about an object that cannot be mutated.
pub fn failed_mutation(error: &MutationError, entry: &Entry) -> Finding {
    let upstream = format!("error mutating base resource {}: {error}", entry.object.name);
    let fault = Fault { upstream: Some(upstream), ..Fault::new(pointer!["kind"], error.to_string()) };
    fault.finding(&rules::FAILED_MUTATION, entry)
}

/// The finding about a Namespace whose label keeps Gatekeeper out.
pub fn ignored_namespace(entry: &Entry) -> Finding {
    let message = format!(
        "no policy is applied to what is in this namespace: it has the label `{}`",
        exclusion::IGNORE_LABEL
    );
    let at = pointer!["metadata", "labels", exclusion::IGNORE_LABEL];
    let fault = Fault { outcome: Outcome::Warn, action: Action::None, ..Fault::new(at, message) };
    fault.finding(&rules::IGNORED_NAMESPACE, entry)
}

pub(super) fn of_faults<'a>(
    faults: Vec<Fault>,
    rule: &'a Rule,
    entry: &'a Entry,
) -> impl Iterator<Item = Finding> + 'a {
    faults.into_iter().map(move |fault| fault.finding(rule, entry))
}

pub(super) fn without_template(entry: &Entry, name: &str, broken: Option<&Arc<Entry>>) -> Finding {
    let message = if broken.is_some() {
        format!("the template `{name}` is broken, so nothing was judged by this constraint")
    } else {
        format!("no template `{name}` is among the inputs, so nothing was judged by this constraint")
    };
    let fault = Fault { upstream: Some(missing_template(name)), ..Fault::new(pointer!["kind"], message) };
    let cause = broken.map(|template| Related {
        location: template.locate(&pointer!["kind"]),
        label: "the broken template: mend it first".to_owned(),
        is_step: false,
    });
    Finding { related: cause.into_iter().collect(), ..fault.taken().finding(&rules::UNKNOWN_TEMPLATE, entry) }
}

/// What Gatekeeper says of a constraint whose template is not there.
pub(super) fn missing_template(name: &str) -> String {
    format!("missing ConstraintTemplate: template {name:?} not found")
}

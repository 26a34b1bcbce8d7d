//! [`PolicySet::audit`] and [`Tally`]: what Gatekeeper's audit finds in objects that are in a cluster already, and what of it a
//! constraint's status shows (gatekeeper `pkg/audit/manager.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use lumen_value::{Array, Object, Value};

use super::matching::Source;
use super::{AUDIT, Constraint, ExpansionError, Explanation, Inventory, PolicySet, Process, Review, Verdict};
use crate::exemption::{self, Exemption, Subject};
use crate::object::{ObjectRef, field, labels, text};
use crate::request::bare_request_about;

/// Longest message in a constraint's status, in bytes. What is longer ends with `...` within them.
pub const MESSAGE_BYTES_MAX: usize = 256;

/// Violations that a constraint's status shows, where nothing else is asked for.
pub const VIOLATIONS_MAX: usize = 20;

/// What an audit says of one object.
#[derive(Clone, Debug, Default)]
pub struct Audited {
    /// The violations: of the object, then of what it would make.
    pub verdicts: Vec<Verdict>,
    /// Why nothing is known of what it would make. Upstream drops the object's own violations, too; they are kept here.
    pub failure: Option<ExpansionError>,
}

impl Audited {
    /// Takes away what `Exemption` objects cover, as the webhook does. Violations of what the object would make count as its own.
    pub fn exempt(&mut self, policies: &PolicySet, exemptions: &[Exemption], object: &Value, now: Timestamp) {
        if self.verdicts.is_empty() || exemptions.is_empty() {
            return;
        }
        let about = ObjectRef::of(object);
        let subject = Subject { namespace: about.namespace.as_deref(), labels: labels(object) };
        self.verdicts.retain(|verdict| {
            let covering = policies
                .rule(verdict)
                .map(|rule| exemption::covering(exemptions, rule, &about, subject, now));
            covering.flatten().is_none()
        });
    }
}

impl PolicySet {
    /// What the audit finds in an object that is in a cluster, with the Namespace that it is in, where it is in one. The label
    /// that keeps the webhook out of a namespace does not keep the audit out. Policies that ask for the time are told this one, in
    /// nanoseconds since 1970.
    pub fn audit(
        &self,
        object: &Value,
        namespace: Option<&Value>,
        inventory: &Inventory,
        time_ns: i64,
    ) -> Audited {
        self.audit_explained(object, namespace, inventory, time_ns, Explanation::None)
    }

    /// The same, and what is asked for is found out about each violation beside that it is there.
    pub fn audit_explained(
        &self,
        object: &Value,
        namespace: Option<&Value>,
        inventory: &Inventory,
        time_ns: i64,
        explanation: Explanation,
    ) -> Audited {
        let request = bare_request_about(object);
        if self.excludes(&request, Process::Audit) {
            return Audited::default();
        }
        let review = Review {
            request: &request,
            namespace,
            namespace_object: namespace,
            source: Source::Original,
            time_ns,
            point: AUDIT,
            explanation,
        };
        let mut verdicts = self.review(&review, inventory);
        let failure = match self.review_made(object, &review, inventory) {
            Ok(made) => {
                verdicts.extend(made);
                None
            }
            Err(error) => Some(error),
        };
        Audited { verdicts, failure }
    }

    /// The kinds, whatever their group, that an audit has to look at: those that constraints name, and those that others are
    /// expanded from. `None` for all kinds.
    pub fn audited_kinds(&self) -> Option<BTreeSet<&str>> {
        let mut kinds = BTreeSet::new();
        for constraint in self.constraints.iter().filter(|constraint| constraint.at_point(AUDIT).is_some()) {
            kinds.extend(constraint.matching.kinds()?);
        }
        kinds.extend(self.expansions.generator_kinds());
        Some(kinds)
    }

    /// Whether objects of a kind, or what they would make, could violate a constraint.
    pub fn is_audited_by(&self, constraint: &Constraint, group: &str, kind: &str) -> bool {
        constraint.at_point(AUDIT).is_some()
            && (constraint.matching.has_kind(group, kind)
                || self.expansions.generator_kinds().any(|generator| generator == kind))
    }
}

/// A violation as a constraint's status shows it, in upstream's order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    group: String,
    version: String,
    kind: String,
    namespace: String,
    name: String,
    message: String,
    action: String,
    scoped: Vec<String>,
}

impl Violation {
    fn of(verdict: &Verdict, object: &Value) -> Self {
        let api_version = text(object, "apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let metadata = field(object, &["metadata"]);
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(object, "kind").to_owned(),
            namespace: text(metadata, "namespace").to_owned(),
            name: text(metadata, "name").to_owned(),
            message: shortened(&verdict.message, MESSAGE_BYTES_MAX),
            action: verdict.enforcement.action.clone(),
            scoped: verdict.enforcement.scoped.clone(),
        }
    }

    fn to_value(&self) -> Value {
        let mut fields = Object::default()
            .with("group", self.group.as_str())
            .with("version", self.version.as_str())
            .with("kind", self.kind.as_str())
            .with("name", self.name.as_str());
        if !self.namespace.is_empty() {
            fields = fields.with("namespace", self.namespace.as_str());
        }
        fields =
            fields.with("message", self.message.as_str()).with("enforcementAction", self.action.as_str());
        if !self.scoped.is_empty() {
            let scoped: Vec<Value> = self.scoped.iter().map(|word| word.as_str().into()).collect();
            fields = fields.with("enforcementActions", scoped);
        }
        fields.into()
    }
}

/// A text as upstream cuts it (`truncateString`), but never within a character: what is longer than so many bytes ends with `...`
/// within them.
pub fn shortened(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let kept = text.floor_char_boundary(bytes_max.saturating_sub(3));
    format!("{}...", text.get(..kept).unwrap_or_default())
}

/// What was found of one constraint.
#[derive(Clone, Debug, Default)]
struct OfConstraint {
    total: u64,
    /// The first of them in upstream's order, with how often each was found.
    first: BTreeMap<Violation, usize>,
    kept: usize,
}

/// What an audit found, constraint by constraint. Its size is bounded by the number of constraints, however much is found.
#[derive(Clone, Debug)]
pub struct Tally {
    violations_max: usize,
    /// By kind and name.
    constraints: BTreeMap<(Arc<str>, Arc<str>), OfConstraint>,
    by_action: BTreeMap<String, u64>,
}

impl Tally {
    /// Nothing found so far; a status is to show so many violations at most.
    pub fn new(violations_max: usize) -> Self {
        Self { violations_max, constraints: BTreeMap::new(), by_action: BTreeMap::new() }
    }

    /// Notes what was found in an object.
    pub fn add(&mut self, verdicts: &[Verdict], object: &Value) {
        for verdict in verdicts {
            let constraint = &verdict.constraint.object;
            let key = (constraint.kind.clone(), constraint.name.clone());
            let of_constraint = self.constraints.entry(key).or_default();
            of_constraint.total += 1;
            *self.by_action.entry(verdict.enforcement.action.clone()).or_default() += 1;
            of_constraint.keep(Violation::of(verdict, object), self.violations_max);
        }
    }

    /// Adds what another tally counted, of other objects.
    pub fn merge(&mut self, other: Self) {
        for (key, from) in other.constraints {
            let of_constraint = self.constraints.entry(key).or_default();
            of_constraint.total += from.total;
            for (violation, times) in from.first {
                for _ in 0..times {
                    of_constraint.keep(violation.clone(), self.violations_max);
                }
            }
        }
        for (action, count) in other.by_action {
            *self.by_action.entry(action).or_default() += count;
        }
    }

    /// How many violations of a constraint there are.
    pub fn total(&self, kind: &str, name: &str) -> u64 {
        self.of(kind, name).map_or(0, |of_constraint| of_constraint.total)
    }

    /// How many violations there are of the constraints of each `enforcementAction`.
    pub const fn by_action(&self) -> &BTreeMap<String, u64> {
        &self.by_action
    }

    /// Of the constraints with violations: kind, name, and how many.
    pub fn totals(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, u64)> {
        self.constraints.iter().map(|((kind, name), each)| (kind, name, each.total))
    }

    /// The fields that an audit of a time (RFC 3339, seconds, UTC) sets in a constraint's status. As a merge patch: no
    /// violations take those of the last audit away.
    pub fn status(&self, kind: &str, name: &str, timestamp: &str) -> Value {
        let violations: Array = self.of(kind, name).into_iter().flat_map(OfConstraint::shown).collect();
        let violations =
            if violations.iter().next().is_none() { Value::Null } else { Value::from(violations) };
        Object::default()
            .with("auditTimestamp", timestamp)
            .with("totalViolations", i64::try_from(self.total(kind, name)).unwrap_or(i64::MAX))
            .with("violations", violations)
            .into()
    }

    fn of(&self, kind: &str, name: &str) -> Option<&OfConstraint> {
        self.constraints.get(&(Arc::from(kind), Arc::from(name)))
    }
}

impl OfConstraint {
    fn keep(&mut self, violation: Violation, most: usize) {
        let is_late =
            self.kept >= most && self.first.last_key_value().is_none_or(|(last, _)| *last <= violation);
        if is_late {
            return;
        }
        *self.first.entry(violation).or_default() += 1;
        self.kept += 1;
        if self.kept > most
            && let Some(mut last) = self.first.last_entry()
        {
            self.kept -= 1;
            *last.get_mut() -= 1;
            if *last.get() == 0 {
                last.remove();
            }
        }
    }

    fn shown(&self) -> impl Iterator<Item = Value> {
        // Upstream takes from its queue what comes last.
        let sorted = self.first.iter().rev();
        sorted.flat_map(|(violation, times)| std::iter::repeat_n(violation.to_value(), *times))
    }
}

#[cfg(test)]
mod tests;

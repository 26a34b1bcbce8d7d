//! Layer 1: Gatekeeper's constraints. Templates, constraints and mutators among the inputs are compiled to a [`PolicySet`],
//! which reviews requests as Gatekeeper's webhook does. Normative: `open-policy-agent/gatekeeper` and `frameworks/constraint`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::{Object, Pointer, Value};

use crate::finding::{RuleId, Severity};
use crate::object::text;
use crate::snapshot::Entry;

pub mod audit;
mod compile;
pub mod concern;
pub mod constraint;
pub mod decode;
mod engine;
pub mod exclusion;
pub mod expansion;
mod fault;
mod findings;
mod fix;
pub mod inventory;
pub mod matching;
pub mod mutation;
mod place;
pub mod rules;
pub mod schema;
pub mod storing;
pub mod template;
mod trace;
pub mod webhook;

pub use compile::Compiled;
pub use constraint::{Constraint, Enforcement, is_constraint};
pub use exclusion::{Exclusions, Process, is_config, is_ignored};
pub use expansion::{ExpansionError, Expansions, Resultant, is_expansion};
pub use findings::{failed_expansion, failed_mutation, ignored_namespace};
pub use inventory::Inventory;
pub use mutation::{MutationError, Mutators, is_mutator};
pub use rules::rules;
pub use template::{Template, is_template};

use engine::{Bench, Failed, Hit, Question, Scratches};
use lumen_rego::eval::Data;
use lumen_rego::plan::Optimisations;
use matching::{Source, Subject};

/// The enforcement point of the admission webhook.
pub const WEBHOOK: &str = "validation.gatekeeper.sh";
/// The enforcement point of the audit of what is in the cluster.
pub const AUDIT: &str = "audit.gatekeeper.sh";
/// The enforcement point of `gator`.
pub const GATOR: &str = "gator.gatekeeper.sh";

/// Templates and the constraints that put them to use. Immutable; may be shared by threads.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    templates: Vec<Template>,
    constraints: Vec<Constraint>,
    /// The constraints that name the kind, by number.
    by_kind: BTreeMap<String, Vec<usize>>,
    /// The constraints about any kind.
    of_any_kind: Vec<usize>,
    expansions: Expansions,
    mutators: Mutators,
    exclusions: Exclusions,
    scratches: Scratches,
}

/// How policies are compiled. No answer depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyOptions {
    /// What is done to make the evaluation of Rego faster.
    pub optimisations: Optimisations,
    /// Whether it is noted which rows of the templates' Rego reviews evaluate ([`PolicySet::coverage`]). Reviews are slower.
    pub observed: bool,
}

/// What is reviewed.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    /// The admission request, without `namespaceObject`.
    pub request: &'a Value,
    /// The Namespace that constraints are matched with; `None` where there is none, or none is known.
    pub namespace: Option<&'a Value>,
    /// The Namespace that policies see as `input.review.namespaceObject`.
    pub namespace_object: Option<&'a Value>,
    /// Where the object comes from.
    pub source: Source,
    /// The enforcement point, such as [`WEBHOOK`].
    pub point: &'a str,
    /// Nanoseconds since 1970: what policies are told when they ask for the time.
    pub time_ns: i64,
    /// What is found out about each violation beside that it is there.
    pub explanation: Explanation,
}

/// What a review finds out about each violation beside that it is there. No verdict depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explanation {
    /// Nothing.
    #[default]
    None,
    /// Which field of the object decided, where the policy does not say: its violations cost another, slower evaluation.
    Place,
    /// That, and the lines of the policy that decided.
    Trace,
}

/// Which rows of a template's module were evaluated.
#[derive(Clone, Debug)]
pub struct Covered {
    /// The template.
    pub template: Arc<Entry>,
    /// The field that holds the module.
    pub field: Pointer,
    /// Rows of the field's text, from 1, with expressions or heads of rules: whether any was evaluated.
    pub rows: BTreeMap<u32, bool>,
}

/// One violation of one constraint.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The constraint.
    pub constraint: Arc<Entry>,
    /// What the policy says.
    pub message: String,
    /// More about it, for programs; an empty object where the policy says no more, and null where it failed.
    pub details: Value,
    /// What the constraint does about it.
    pub enforcement: Enforcement,
    /// Whether the policy, or its `match`, could not be evaluated. It counts as a violation all the same.
    pub is_error: bool,
    /// Whether it is about an object that the reviewed one would make.
    is_made: bool,
    /// Why the evaluation failed, where it did.
    failed: Option<Failed>,
    /// Which validation of CEL did not hold.
    validation: Option<usize>,
    /// Why it is found, where that was asked for and is known.
    why: Option<trace::Why>,
    /// Whether people want to see the lines of the policy.
    shows_steps: bool,
    number: usize,
}

impl PolicySet {
    /// The rows of each template's Rego with expressions or heads of rules, and whether a review evaluated them; nothing
    /// where that was not noted.
    pub fn coverage(&self) -> impl Iterator<Item = Covered> {
        self.templates.iter().flat_map(|template| {
            let fields = template.engine.rows().into_iter();
            fields.map(move |(field, rows)| Covered { template: template.entry.clone(), field, rows })
        })
    }

    /// Whether it has neither a constraint nor a mutator, so that nothing is found about any object.
    pub fn is_empty(&self) -> bool {
        self.constraints.is_empty() && self.mutators.is_empty()
    }

    /// Whether Gatekeeper leaves the object of a request alone, as its `Config` says.
    pub fn excludes(&self, request: &Value, process: Process) -> bool {
        self.exclusions.excludes(request, process)
    }

    /// The namespaces that are left alone.
    pub const fn exclusions(&self) -> &Exclusions {
        &self.exclusions
    }

    /// The mutators.
    pub const fn mutators(&self) -> &Mutators {
        &self.mutators
    }

    /// The constraints, by kind and name.
    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// The templates, in the order they came.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// How to mend violations, for the constraints that say so themselves or whose template does: the annotation
    /// [`FIX_ANNOTATION`](template::FIX_ANNOTATION).
    pub fn remedies(&self) -> impl Iterator<Item = (&RuleId, &str)> {
        self.constraints.iter().filter_map(|constraint| {
            let template = self.templates.get(constraint.template).map(|template| &template.entry);
            let entries = [Some(&constraint.entry), template];
            let fix = entries.into_iter().flatten().find_map(|entry| template::fix(entry))?;
            Some((&constraint.rule, fix))
        })
    }

    /// The rule that a verdict of this set is of.
    pub fn rule(&self, verdict: &Verdict) -> Option<&RuleId> {
        Some(&self.constraints.get(verdict.number)?.rule)
    }

    /// How bad a verdict of this set is.
    pub fn severity(&self, verdict: &Verdict) -> Option<Severity> {
        Some(self.constraints.get(verdict.number)?.severity)
    }

    /// Whether the template of a verdict of this set names the operation as one that it is for.
    pub fn opts_in(&self, verdict: &Verdict, operation: &str) -> bool {
        let constraint = self.constraints.get(verdict.number);
        let template = constraint.and_then(|constraint| self.templates.get(constraint.template));
        template.is_some_and(|template| template.names(operation))
    }

    /// What a request violates, sorted by constraint and message.
    ///
    /// As upstream, an evaluation that fails is one violation of each constraint of its kind that was to be evaluated, and a
    /// `match` that cannot be decided is one of its constraint.
    pub fn review(&self, review: &Review<'_>, inventory: &Inventory) -> Vec<Verdict> {
        if review.point == WEBHOOK && self.exclusions.excludes(review.request, Process::Webhook) {
            return Vec::new();
        }
        let request = on_deletion(review.request);
        let operation = text(&request, "operation");
        let part = |name| request.get(name).unwrap_or(&crate::object::NULL);
        let objects = [part("object"), part("oldObject")];
        let mut verdicts = Vec::new();
        let mut matched: Vec<(usize, &Constraint, Enforcement)> = Vec::new();
        for (number, constraint) in self.candidates(objects) {
            let Some(template) = self.templates.get(constraint.template) else {
                continue;
            };
            if review.point == WEBHOOK && !template.is_for(operation) {
                continue;
            }
            let Some(enforcement) = constraint.at_point(review.point) else {
                continue;
            };
            match constraint.matching.matches_any(objects, review.namespace, review.source) {
                Ok(true) => matched.push((number, constraint, enforcement)),
                Ok(false) => {}
                Err(error) => {
                    let name = objects.iter().find(|object| !object.is_null());
                    let name =
                        name.map_or("", |object| text(crate::object::field(object, &["metadata"]), "name"));
                    let message = format!(
                        "unable to match constraints: error matching the requested object: {name} :failed to run Match criteria: {error}"
                    );
                    verdicts.push(verdict(number, constraint, &enforcement, Hit::failed(&message)));
                }
            }
        }
        if !matched.is_empty() {
            let request = crate::request::with_namespace_object(&request, review.namespace_object);
            let input = [("review", request.clone())].into();
            let mut bench = Bench { scratch: self.scratches.take(), ..Bench::default() };
            let data = inventory.data();
            for of_kind in matched.chunk_by(|a, b| a.1.template == b.1.template) {
                let inputs = (&request, &input, review.time_ns);
                verdicts.extend(self.review_kind(of_kind, inputs, data, &mut bench));
            }
            self.scratches.give_back(bench.scratch);
        }
        verdicts.sort_by(|a, b| (a.number, &a.message, &a.details).cmp(&(b.number, &b.message, &b.details)));
        if review.explanation != Explanation::None && !verdicts.is_empty() {
            let request = crate::request::with_namespace_object(&request, review.namespace_object);
            let inputs = (&request, inventory.data(), review.time_ns);
            self.explain(&mut verdicts, inputs, review.explanation);
        }
        verdicts
    }

    /// What an object would make, and what that would make, mutated. The namespace is the one that they are in.
    pub fn expand(
        &self,
        object: &Value,
        namespace: Option<&Value>,
    ) -> Result<Vec<Resultant>, ExpansionError> {
        self.expansions.expand(object, namespace, &self.mutators)
    }

    /// An object as `gator` mutates it before it is expanded: by the mutators for all operations.
    pub fn mutated_generator(
        &self,
        object: &Value,
        namespace: Option<&Value>,
    ) -> Result<Value, MutationError> {
        let subject = Subject { object, namespace, source: Source::Original };
        self.mutators.mutate(&subject, "").map(|(object, _)| object)
    }

    /// What the objects violate that an object would make (`pkg/webhook/policy.go`, `reviewRequest`): the messages say so, and
    /// the expansion template may change the action.
    pub fn review_made(
        &self,
        object: &Value,
        review: &Review<'_>,
        inventory: &Inventory,
    ) -> Result<Vec<Verdict>, ExpansionError> {
        if self.expansions.is_empty() {
            return Ok(Vec::new());
        }
        let mut verdicts = Vec::new();
        for made in self.expand(object, review.namespace)? {
            let bare = crate::request::bare_request_about(&made.object);
            let fields = bare.as_object().cloned().unwrap_or_default();
            let request = fields.with("operation", text(review.request, "operation")).into();
            let review = Review { request: &request, source: Source::Generated, ..*review };
            for mut verdict in self.review(&review, inventory) {
                verdict.is_made = true;
                verdict.message = format!("[Implied by {}] {}", made.template, verdict.message);
                if !made.action.is_empty() {
                    verdict.enforcement.action.clone_from(&made.action);
                }
                verdicts.push(verdict);
            }
        }
        Ok(verdicts)
    }

    /// The constraints of one template.
    fn review_kind(
        &self,
        constraints: &[(usize, &Constraint, Enforcement)],
        (request, bare_input, time_ns): (&Value, &Value, i64),
        data: &Data,
        bench: &mut Bench,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (number, constraint, enforcement) in constraints {
            let Some(template) = self.templates.get(constraint.template) else {
                continue;
            };
            let question = Question {
                review: request,
                bare_input,
                constraint: &constraint.filled,
                parameters: &constraint.parameters,
                special: constraint.special.as_ref(),
                data,
                time_ns,
            };
            match template.engine.violations(&question, bench) {
                Ok(hits) => {
                    verdicts
                        .extend(hits.into_iter().map(|hit| verdict(*number, constraint, enforcement, hit)));
                }
                Err(failed) => {
                    let hit = Hit::failed(&failed.message);
                    let each = constraints.iter().map(|(number, constraint, enforcement)| Verdict {
                        failed: Some(failed.clone()),
                        ..verdict(*number, constraint, enforcement, hit.clone())
                    });
                    return each.collect();
                }
            }
        }
        verdicts
    }

    /// Whether any constraint matches a request, or cannot tell.
    pub fn concerns(&self, review: &Review<'_>) -> bool {
        let part = |name| review.request.get(name).unwrap_or(&crate::object::NULL);
        let objects = [part("object"), part("oldObject")];
        self.candidates(objects).any(|(_, constraint)| {
            constraint.matching.matches_any(objects, review.namespace, review.source).unwrap_or(true)
        })
    }

    /// The constraints that could be about one of the objects, by number.
    fn candidates(&self, objects: [&Value; 2]) -> impl Iterator<Item = (usize, &Constraint)> {
        let mut numbers: BTreeSet<usize> = self.of_any_kind.iter().copied().collect();
        for object in objects.into_iter().filter(|object| !object.is_null()) {
            let (_, kind) = matching::group_and_kind(object);
            numbers.extend(self.by_kind.get(kind).into_iter().flatten());
        }
        numbers.into_iter().filter_map(|number| Some((number, self.constraints.get(number)?)))
    }
}

/// Where in a document a policy's violation points: where `details.path` leads, an array of keys and indices; else to the one
/// container that the message names, or the image that it quotes; else to the field `kind`.
pub fn place_of(details: &Value, message: &str, document: &Value) -> lumen_value::Pointer {
    place::of_violation(details, None, message, document)
}

fn verdict(number: usize, constraint: &Constraint, enforcement: &Enforcement, hit: Hit) -> Verdict {
    Verdict {
        constraint: constraint.entry.clone(),
        message: hit.message,
        details: hit.details,
        enforcement: enforcement.clone(),
        is_error: hit.is_error,
        is_made: false,
        failed: None,
        validation: hit.validation,
        why: None,
        shows_steps: false,
        number,
    }
}

/// The request as policies see it: on DELETE the object is the one that goes (`target.go`, `setObjectOnDelete`).
fn on_deletion(request: &Value) -> Value {
    match request {
        Value::Object(fields) if text(request, "operation") == "DELETE" => {
            let old = fields.get("oldObject").cloned().unwrap_or_default();
            Object::with(fields, "object", old).into()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;

//! Why an object violates a policy: the policy is evaluated once more, watched, and what its violating solution read says
//! which field decided. Verdicts never depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use lumen_rego::ast::{Module, Node};
use lumen_rego::builtin::Budget;
use lumen_rego::error::Span;
use lumen_rego::eval::{Data, InputPaths, Inputs, Scratch, show};
use lumen_rego::plan::Optimisations;
use lumen_rego::program::{Entry as Violations, Program};
use lumen_value::{Pointer, Str, Value};

use super::engine::{self, Offline};
use super::template::{PACKAGE, Template};
use super::{Explanation, PolicySet, Verdict, place};
use crate::finding::{Location, Place, Related};
use crate::snapshot::Entry;

mod choice;
mod watch;

use watch::Watch;

/// Most steps of a watched evaluation. Nothing is made faster in it, so that everything is seen.
const STEPS_MAX: u64 = 500_000;
/// Most bytes of values that it may make.
const BYTES_MAX: u64 = 64 << 20;
/// Most constraints whose violations by one object are looked into.
const CONSTRAINTS_MAX: usize = 64;
/// Most violations of one constraint by one object that are.
const VIOLATIONS_MAX: usize = 100;
/// Most lines of a trace.
const LINES_MAX: usize = 16;
/// Most values of one line.
const VALUES_MAX: usize = 4;
/// Most characters of an expression or a value that are shown.
const SHOWN_MAX: usize = 80;

/// A message with its details: what tells the violations of a constraint apart.
type Said = (String, Value);

/// A template's program as it is watched; compiled when somebody asks why.
#[derive(Clone, Default)]
pub(super) struct Lazy(Arc<OnceLock<Option<Traced>>>);

impl std::fmt::Debug for Lazy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Lazy").finish_non_exhaustive()
    }
}

impl Lazy {
    /// The program; `None` where there is no code in Rego.
    pub(super) fn get(&self, code: impl FnOnce() -> Option<(Vec<Module>, Vec<Pointer>)>) -> Option<&Traced> {
        let compile = || {
            let (modules, fields) = code()?;
            Traced::compile(modules, fields)
        };
        self.0.get_or_init(compile).as_ref()
    }
}

/// A program that tells of its expressions.
pub(super) struct Traced {
    program: Program,
    violations: Violations,
    /// The heads of the rules `violation`.
    heads: Vec<Span>,
    /// The field that holds each module.
    fields: Vec<Pointer>,
}

/// What is known of one violation.
#[derive(Clone, Debug, Default)]
pub(super) struct Why {
    /// The field that decided.
    pub(super) place: Option<Pointer>,
    lines: Vec<Line>,
}

/// An expression of a rule.
#[derive(Clone, Debug)]
struct Line {
    span: Span,
    /// How deep in other expressions it was evaluated.
    depth: usize,
    holds: bool,
    /// The variables that it reads or binds, with their values.
    values: Vec<(Str, Value)>,
}

impl Line {
    /// What stands on one row of a module and was evaluated in one go.
    const fn row(&self) -> (u32, u32, usize, bool) {
        (self.span.module, self.span.row, self.depth, self.holds)
    }
}

impl PolicySet {
    /// Finds out why the object of a request violates policies. Of what costs more than a bounded evaluation nothing is known,
    /// nor of what more than a bounded number of constraints say.
    pub(super) fn explain(
        &self,
        verdicts: &mut [Verdict],
        (request, data): (&Value, &Data),
        explanation: Explanation,
    ) {
        let object = request.get("object").unwrap_or(&crate::object::NULL);
        let is_open = |verdict: &Verdict| {
            let is_known = explanation == Explanation::Place && place::is_given(&verdict.details, object);
            !verdict.is_error && !is_known
        };
        for verdict in verdicts.iter_mut() {
            verdict.shows_steps = explanation == Explanation::Trace;
        }
        let mut paths = None;
        let mut scratch = self.scratches.take();
        let of_constraints = verdicts.chunk_by_mut(|a, b| a.number == b.number);
        let of_constraints = of_constraints.filter(|of_one| of_one.iter().any(is_open));
        for of_one in of_constraints.take(CONSTRAINTS_MAX) {
            let constraint = of_one.first().and_then(|first| self.constraints.get(first.number));
            let Some((constraint, traced)) =
                constraint.and_then(|found| Some((found, self.templates.get(found.template)?.traced()?)))
            else {
                continue;
            };
            let wanted = of_one.iter().filter(|verdict| is_open(verdict)).take(VIOLATIONS_MAX);
            let wanted: Vec<_> = wanted.map(|verdict| (verdict.message.as_str(), &verdict.details)).collect();
            let paths = paths.get_or_insert_with(|| InputPaths::new(object));
            let found = traced.explain((request, &constraint.parameters, data), &wanted, paths, &mut scratch);
            for verdict in of_one.iter_mut() {
                verdict.why = found.get(&(verdict.message.clone(), verdict.details.clone())).cloned();
            }
        }
        self.scratches.give_back(scratch);
    }

    /// The lines of the policy that decided on a verdict, where they were asked for, as places in the template's manifest: in
    /// the order of their evaluation, with the values that they saw.
    pub(super) fn steps(&self, verdict: &Verdict) -> Vec<Related> {
        let constraint = self.constraints.get(verdict.number);
        let template = constraint.and_then(|found| self.templates.get(found.template));
        let Some(template) = template.filter(|_| verdict.shows_steps) else { return Vec::new() };
        if let Some(number) = verdict.validation {
            return cel_step(template, number).into_iter().collect();
        }
        match (template.traced(), &verdict.why) {
            (Some(traced), Some(why)) => traced.steps(why, &template.entry),
            _ => Vec::new(),
        }
    }
}

impl Traced {
    /// Compiles the modules of a template, which stand in the given fields; the first has `violation`.
    fn compile(modules: Vec<Module>, fields: Vec<Pointer>) -> Option<Self> {
        let rules = &modules.first()?.rules;
        let is_violation = |name: &Node| matches!(name, Node::Var(name) if *name == *"violation");
        let heads = rules
            .iter()
            .filter(|rule| rule.head.reference.first().is_some_and(|term| is_violation(&term.node)))
            .map(|rule| rule.head.span)
            .collect();
        let options = engine::compile_options(Optimisations::NONE, true);
        let program = Program::of_modules(modules, &options).ok()?;
        let violations = program.entry(&[PACKAGE, "violation"]).ok()?;
        Some(Self { program, violations, heads, fields })
    }

    /// Why these violations are found; those are left out of which nothing can be said.
    fn explain(
        &self,
        (review, parameters, data): (&Value, &Value, &Data),
        wanted: &[(&str, &Value)],
        paths: &InputPaths,
        scratch: &mut Scratch,
    ) -> BTreeMap<Said, Why> {
        let mut offline = Offline;
        let mut watch = Watch::new(&self.heads, paths, wanted);
        let mut inputs = Inputs::new(data, Budget::new(STEPS_MAX, BYTES_MAX));
        inputs.input = Some([("parameters", parameters.clone()), ("review", review.clone())].into());
        inputs.host = Some(&mut offline);
        inputs.observer = Some(&mut watch);
        // What was seen until the budget ran out is as good as the rest.
        drop(self.program.evaluate(&self.violations, inputs, scratch));
        watch.found()
    }

    /// The rows of rules as places in the template's manifest, in the order in which they were evaluated, each with the
    /// values that no row before it showed.
    fn steps(&self, why: &Why, template: &Entry) -> Vec<Related> {
        let mut shown: BTreeSet<(String, &Value)> = BTreeSet::new();
        let mut steps = Vec::new();
        let mut is_negation = false;
        for row in why.lines.chunk_by(|a, b| a.row() == b.row()) {
            // The whole expression comes last: what it is made of is evaluated before.
            let Some(line) = row.last() else { continue };
            let Some((field, text)) = self.text(line.span, template) else { continue };
            // Of what failed only that tells something which a negation rests on: elsewhere it is one of several ways.
            if !line.holds && !is_negation {
                continue;
            }
            let source = show::source(text, line.span, SHOWN_MAX);
            is_negation |= line.holds && source.starts_with("not ");
            let mut label = format!("{:indent$}{source}", "", indent = 2 * line.depth);
            if !line.holds {
                label.push_str(" does not hold");
            }
            for (count, (name, value)) in self.values(row, text, &mut shown).into_iter().enumerate() {
                let before = if count == 0 { " with " } else { ", " };
                label.push_str(&[before, &name, " = ", &show::value(value, SHOWN_MAX)].concat());
            }
            steps.extend(step(template, field, Some((line.span.row, line.span.column)), label));
        }
        steps
    }

    /// The field that a place of a module stands in, with its text.
    fn text<'a>(&'a self, span: Span, template: &'a Entry) -> Option<(&'a Pointer, &'a str)> {
        let field = self.fields.get(usize::try_from(span.module).ok()?)?;
        Some((field, template.value.find(field)?.as_str()?))
    }

    /// The values of a row that were not shown yet.
    fn values<'a>(
        &self,
        row: &'a [Line],
        text: &str,
        shown: &mut BTreeSet<(String, &'a Value)>,
    ) -> Vec<(String, &'a Value)> {
        let mut values: Vec<(String, &Value)> = Vec::new();
        for line in row {
            let source = show::source(text, line.span, SHOWN_MAX);
            for (name, value) in &line.values {
                let Some(name) = show::name(self.program.checked(), name, &source) else { continue };
                let name = name.into_owned();
                // What a call gives is held under no name: one that was shown for a part of it.
                let is_given = name == source && values.iter().any(|(_, other)| *other == value);
                if is_given || values.len() == VALUES_MAX || !shown.insert((name.clone(), value)) {
                    continue;
                }
                values.push((name, value));
            }
        }
        values
    }
}

/// A line of a policy at a place in its manifest.
fn step(template: &Entry, field: &Pointer, inside: Option<(u32, u32)>, label: String) -> Option<Related> {
    let Location { source, place } = template.locate(field);
    let place = match (place, inside) {
        (Place::Field { document, pointer }, Some((row, column))) => {
            Place::Inside { document, pointer, row, column }
        }
        (place, None) => place,
        _ => return None,
    };
    Some(Related { location: Location { source, place }, label, is_step: true })
}

/// The validation of a CEL policy that did not hold.
fn cel_step(template: &Template, number: usize) -> Option<Related> {
    let field = template.engine.validation(number)?;
    let text = template.entry.value.find(&field)?.as_str()?;
    let label = format!("{} does not hold", show::line(text, 2 * SHOWN_MAX));
    step(&template.entry, &field, None, label)
}

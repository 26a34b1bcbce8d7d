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
use crate::finding::{Location, Related};
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
const LINES_MAX: usize = 12;
/// Most values of one line.
const VALUES_MAX: usize = 4;
/// Most lines that are kept of a solution: some are parts of others.
const KEPT_MAX: usize = 4 * LINES_MAX;
/// Most characters of an expression or a value that are shown.
const SHOWN_MAX: usize = 72;

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

/// What is shown of a variable: its name and its value.
type Pair = (String, String);

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

impl PolicySet {
    /// Finds out why the object of a request violates policies. Of what costs more than a bounded evaluation nothing is known,
    /// nor of what more than a bounded number of constraints say.
    pub(super) fn explain(
        &self,
        verdicts: &mut [Verdict],
        (request, data, time_ns): (&Value, &Data, i64),
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
            let mut inputs = Inputs::new(data, Budget::new(STEPS_MAX, BYTES_MAX));
            inputs.time_ns = time_ns;
            let parameters = constraint.parameters.clone();
            inputs.input = Some([("parameters", parameters), ("review", request.clone())].into());
            let found = traced.explain(inputs, &wanted, paths, &mut scratch);
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
            return cel_step(template, number, verdict.is_error).into_iter().collect();
        }
        match (template.traced(), &verdict.why) {
            (Some(traced), Some(why)) => traced.steps((why, &verdict.message), &template.entry),
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
        inputs: Inputs<'_>,
        wanted: &[(&str, &Value)],
        paths: &InputPaths,
        scratch: &mut Scratch,
    ) -> BTreeMap<Said, Why> {
        let mut offline = Offline;
        let mut watch = Watch::new(&self.heads, paths, wanted);
        let inputs = Inputs { host: Some(&mut offline), observer: Some(&mut watch), ..inputs };
        // What was seen until the budget ran out is as good as the rest.
        drop(self.program.evaluate(&self.violations, inputs, scratch));
        watch.found()
    }

    /// The lines of a rule as places in the template's manifest, in the order in which they were evaluated. A value is told
    /// once.
    fn steps(&self, (why, message): (&Why, &str), template: &Entry) -> Vec<Related> {
        let mut steps = Vec::new();
        // What calls give has names of its own, under which later expressions read it.
        let mut names: BTreeMap<&Str, String> = BTreeMap::new();
        let mut told: BTreeSet<Pair> = BTreeSet::new();
        // Parts of an expression are evaluated before the whole, which is worth a line.
        let mut parts: Vec<(&Line, Pair)> = Vec::new();
        for (at, line) in why.lines.iter().enumerate() {
            let field = usize::try_from(line.span.module).ok().and_then(|module| self.fields.get(module));
            let Some(field) = field else { continue };
            let text = template.value.find(field).and_then(Value::as_str).unwrap_or_default();
            let source = show::source(text, line.span, SHOWN_MAX);
            for (name, value) in &line.values {
                let Some(shown) = show::name(self.program.checked(), name, &source) else { continue };
                let shown = names.entry(name).or_insert_with(|| shown.into_owned());
                let pair = (shown.clone(), show::value(value, SHOWN_MAX));
                if value.as_str() != Some(message) && told.insert(pair.clone()) {
                    parts.push((line, pair));
                }
            }
            if why.lines.get(at + 1..).unwrap_or_default().iter().any(|later| line.is_part_of(later)) {
                continue;
            }
            let is_of_line =
                |(part, _): &mut (&Line, Pair)| std::ptr::eq(*part, line) || part.is_part_of(line);
            let values: Vec<Pair> = parts.extract_if(.., is_of_line).map(|(_, pair)| pair).collect();
            let label = line.label(&source, &values);
            let location = template.locate(field).in_text(line.span.row, line.span.column);
            steps.push((line.depth, step(location, label)));
        }
        shorten(&mut steps, LINES_MAX, |(depth, _)| *depth);
        steps.into_iter().map(|(_, step)| step).collect()
    }
}

/// Leaves out what is deepest where a list is too long.
fn shorten<T>(list: &mut Vec<T>, most: usize, depth_of: impl Fn(&T) -> usize) {
    let mut depth = list.iter().map(&depth_of).max().unwrap_or_default();
    while list.len() > most && depth > 0 {
        list.retain(|item| depth_of(item) < depth);
        depth -= 1;
    }
    list.truncate(most);
}

/// Whether a stretch of a text is in another.
fn is_part(inner: Span, outer: Span) -> bool {
    inner.module == outer.module && outer.start <= inner.start && inner.end <= outer.end
}

impl Line {
    fn is_part_of(&self, other: &Self) -> bool {
        self.depth == other.depth && self.span != other.span && is_part(self.span, other.span)
    }

    /// `container.image == "x", with container = {"name": "web"}`.
    fn label(&self, source: &str, values: &[Pair]) -> String {
        let mut text = format!("{:indent$}{source}", "", indent = 2 * self.depth);
        if !self.holds {
            text.push_str(" does not hold");
        }
        // A call's value is that of the variable that it is given to.
        let is_given =
            |(name, value): &Pair| values.iter().any(|other| other.0 != *name && other.1 == *value);
        let shown =
            values.iter().filter(|pair| pair.0 != source && !(pair.0.contains('(') && is_given(pair)));
        for (number, (name, value)) in shown.take(VALUES_MAX).enumerate() {
            let before = if number == 0 { ", with " } else { ", " };
            text.push_str(&[before, name, " = ", value].concat());
        }
        text
    }
}

/// A line of a policy at a place in its manifest.
fn step(location: Location, label: String) -> Related {
    Related { location, label, is_step: true }
}

/// The validation of a CEL policy that did not hold, or could not be evaluated.
fn cel_step(template: &Template, number: usize, is_error: bool) -> Option<Related> {
    let field = template.engine.validation(number)?;
    let text = template.entry.value.find(&field)?.as_str()?;
    let what = if is_error { "failed" } else { "does not hold" };
    let label = format!("{} {what}", show::line(text, 2 * SHOWN_MAX));
    Some(step(template.entry.locate(&field), label))
}

#[cfg(test)]
mod tests;

//! [`Engine`]: what finds violations, in Rego or in CEL.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lumen_cel::Bindings;
use lumen_rego::ast::{Module, Version};
use lumen_rego::builtin::{Answer, Budget, Capabilities, Failure};
use lumen_rego::error::{Code, Errors};
use lumen_rego::eval::{Coverage, Data, EvalError, Host, Inputs, Scratch, Shared};
use lumen_rego::plan::{Commons, Optimisations};
use lumen_rego::program::{CompileOptions, Entry, Program, Specialised};
use lumen_rego::syntax::{ParseOptions, parse_module};
use lumen_value::{Object, Pointer, Value};

use super::PolicyOptions;
use super::template::PACKAGE;
use crate::object::{NULL, text};

/// How a template is called, for the checks alone: what it gives must have a `msg`. Its evaluation needs no such module.
const CALL: &str = r#"package hooks

violation[{"details": object.get(found, "details", {}), "msg": found.msg}] {
	data.template.violation[found] with input as {"parameters": input.parameters, "review": input.review}
}
"#;

/// Most steps that one constraint may take over one object: some fifty times what the largest of the library's policies takes
/// over a large object, and below a second in most programs. An API server waits three seconds for a webhook by default.
const STEPS_MAX: u64 = 10_000_000;

/// Most bytes of values that it may make on the way: half of what Gatekeeper's own pods are given (512 MiB).
const BYTES_MAX: u64 = 256 << 20;

/// Most steps and bytes that go into what a constraint's parameters alone decide, when it is loaded. What takes more is done at
/// each review.
const LOAD_STEPS_MAX: u64 = 100_000;
const LOAD_BYTES_MAX: u64 = 16 << 20;

/// A compiled template.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    /// Rego.
    Rego(Rego),
    /// CEL.
    Cel(Cel),
}

/// A program, and the place of its violations.
#[derive(Clone)]
pub(super) struct Rego {
    program: Program,
    entry: Entry,
    /// The fields that hold the modules.
    fields: Arc<[Pointer]>,
    /// Which rows were evaluated, where that is noted.
    coverage: Option<Arc<Mutex<Coverage>>>,
}

/// CEL, and the field of the template that holds it.
#[derive(Clone, Debug)]
pub(super) struct Cel {
    pub(super) policy: Arc<lumen_cel::Policy>,
    pub(super) at: Pointer,
}

impl fmt::Debug for Rego {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Rego").finish_non_exhaustive()
    }
}

/// What evaluations work in, kept between reviews for the regular expressions and the like that it knows. Each review has
/// one of its own.
#[derive(Default)]
pub(super) struct Scratches(Mutex<Vec<Scratch>>);

impl Scratches {
    pub(super) fn take(&self) -> Scratch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, scratch: Scratch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}

/// Another set works in others.
impl Clone for Scratches {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Scratches {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Scratches").finish_non_exhaustive()
    }
}

/// What an engine looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// The request, with `namespaceObject`.
    pub(super) review: &'a Value,
    /// The document `input` without parameters.
    pub(super) bare_input: &'a Value,
    /// The constraint, with its defaults.
    pub(super) constraint: &'a Value,
    /// Its parameters.
    pub(super) parameters: &'a Value,
    /// The program that was made for them.
    pub(super) special: Option<&'a Specialised>,
    /// The document `data`.
    pub(super) data: &'a Data,
    /// The time, in nanoseconds since 1970.
    pub(super) time_ns: i64,
}

/// What the evaluations of one review work with.
#[derive(Default)]
pub(super) struct Bench {
    pub(super) scratch: Scratch,
    /// What does not depend on parameters is evaluated once.
    pub(super) shared: Shared,
}

/// Why an evaluation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) message: String,
    /// Nobody else would say so: there the evaluation has no such bound, or is not offline.
    pub(super) is_ours: bool,
    /// The field of the template that holds the rule that was running, and row and column in it.
    pub(super) at: Option<(Pointer, u32, u32)>,
}

impl From<String> for Failed {
    fn from(message: String) -> Self {
        Self { message, is_ours: false, at: None }
    }
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// What to say.
    pub(super) message: String,
    /// More about it, for programs.
    pub(super) details: Value,
    /// Whether it is an evaluation that failed.
    pub(super) is_error: bool,
    /// Which validation of CEL did not hold.
    pub(super) validation: Option<usize>,
}

impl Hit {
    pub(super) fn failed(message: &str) -> Self {
        Self { message: message.to_owned(), details: Value::Null, is_error: true, validation: None }
    }
}

/// The function that asks a provider of external data.
const EXTERNAL_DATA: &str = "external_data";

/// What is said of a provider.
const OFFLINE: &str = "is not available offline";

/// Nothing reaches for the network: what a provider would say is not known, so the evaluation fails as a whole.
pub(super) struct Offline;

impl Host for Offline {
    fn call(&mut self, _: &str, operands: &[Value]) -> Answer {
        let provider = operands.first().map(|request| text(request, "provider")).unwrap_or_default();
        Err(Failure::Halt(format!("the provider `{provider}` {OFFLINE}")))
    }
}

impl Engine {
    /// Compiles the modules of a template, the one with `violation` first, each with the field that it stands in.
    pub(super) fn rego(
        mut modules: Vec<Module>,
        fields: Vec<Pointer>,
        options: PolicyOptions,
    ) -> Result<Self, Errors> {
        let module = u32::try_from(modules.len()).unwrap_or(u32::MAX);
        let parse = ParseOptions { version: Version::V0, module, ..ParseOptions::default() };
        modules.push(parse_module(&"hooks".into(), CALL, &parse)?);
        let compile = compile_options(options.optimisations, options.observed);
        let program = Program::of_modules(modules, &compile)?;
        let entry = program.entry(&[PACKAGE, "violation"])?;
        let coverage = options.observed.then(Arc::default);
        Ok(Self::Rego(Rego { program, entry, fields: fields.into(), coverage }))
    }

    /// The fields with Rego and their rows, from 1: whether each was evaluated. Nothing where that was not noted.
    pub(super) fn rows(&self) -> Vec<(Pointer, BTreeMap<u32, bool>)> {
        let Self::Rego(Rego { program, fields, coverage: Some(coverage), .. }) = self else {
            return Vec::new();
        };
        let coverage = coverage.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = coverage.rows(program.plan());
        let fields = fields.iter().zip(0..);
        fields.filter_map(|(field, module)| Some((field.clone(), rows.remove(&module)?))).collect()
    }

    /// The field of the template with the expression of a validation of CEL.
    pub(super) fn validation(&self, number: usize) -> Option<Pointer> {
        let Self::Cel(cel) = self else { return None };
        Some(cel.at.child("validations").child(number).child("expression"))
    }

    /// The program for one constraint's parameters; none where there is nothing to gain.
    pub(super) fn specialise(&self, parameters: &Value, commons: &mut Commons) -> Option<Specialised> {
        let Self::Rego(rego @ Rego { coverage: None, .. }) = self else { return None };
        let fixed: [(&[&str], Value); 1] = [(&["parameters"], parameters.clone())];
        let budget = Budget::new(LOAD_STEPS_MAX, LOAD_BYTES_MAX);
        rego.program.specialise(&[PACKAGE, "violation"], &fixed, budget, commons)
    }

    /// What violates the policy, sorted and distinct; an error fails the evaluation as a whole.
    pub(super) fn violations(&self, question: &Question<'_>, bench: &mut Bench) -> Result<Vec<Hit>, Failed> {
        match self {
            Self::Rego(rego) => evaluate_rego(rego, question, bench),
            Self::Cel(cel) => Ok(evaluate_cel(&cel.policy, question)?),
        }
    }
}

/// How the modules of a template are compiled.
pub(super) fn compile_options(optimisations: Optimisations, observed: bool) -> CompileOptions {
    let host = [(EXTERNAL_DATA.to_owned(), 1)].into();
    CompileOptions {
        optimisations,
        observed,
        capabilities: Capabilities { host, ..Capabilities::default() },
        ..CompileOptions::default()
    }
}

fn evaluate_rego(rego: &Rego, question: &Question<'_>, bench: &mut Bench) -> Result<Vec<Hit>, Failed> {
    let mut offline = Offline;
    let mut inputs = Inputs::new(question.data, Budget::new(STEPS_MAX, BYTES_MAX));
    inputs.host = Some(&mut offline);
    inputs.time_ns = question.time_ns;
    let mut coverage = Coverage::default();
    if rego.coverage.is_some() {
        inputs.observer = Some(&mut coverage);
    }
    let whole = || [("parameters", question.parameters.clone()), ("review", question.review.clone())].into();
    let scratch = &mut bench.scratch;
    let outcome = if let Some(special) = question.special {
        let input = if special.reads_fixed() { whole() } else { question.bare_input.clone() };
        inputs.input = Some(input);
        inputs.shared = Some(&mut bench.shared);
        rego.program.evaluate(special, inputs, scratch)
    } else {
        inputs.input = Some(whole());
        rego.program.evaluate(&rego.entry, inputs, scratch)
    };
    if let Some(all) = &rego.coverage {
        all.lock().unwrap_or_else(PoisonError::into_inner).merge(&coverage);
    }
    let outcome = outcome.map_err(|error| failed(rego, &error))?;
    Ok(outcome.value().map_or_else(|| Ok(Vec::new()), hits)?)
}

fn failed(rego: &Rego, error: &EvalError) -> Failed {
    let message = error.to_string();
    let EvalError::Failed(error) = error else { return message.into() };
    let field = usize::try_from(error.span.module).ok().and_then(|module| rego.fields.get(module));
    Failed {
        is_ours: error.code == Code::EvalBudget || error.message.ends_with(OFFLINE),
        at: field
            .filter(|_| error.span.row > 0)
            .map(|field| (field.clone(), error.span.row, error.span.column)),
        message,
    }
}

/// On DELETE there is no object, unlike in Rego (`pkg/drivers/k8scel/driver.go`).
fn evaluate_cel(policy: &lumen_cel::Policy, question: &Question<'_>) -> Result<Vec<Hit>, String> {
    let part = |name: &str| question.review.get(name).unwrap_or(&NULL);
    let is_deletion = text(question.review, "operation") == "DELETE";
    let bindings = Bindings {
        object: if is_deletion { &NULL } else { part("object") },
        old_object: part("oldObject"),
        request: question.review,
        namespace_object: part("namespaceObject"),
        params: question.constraint,
        parameters: question.constraint.get("spec").and_then(|spec| spec.get("parameters")).unwrap_or(&NULL),
    };
    let violations =
        policy.evaluate(&bindings, &lumen_cel::Budget::default()).map_err(|error| error.to_string())?;
    let hit = |violation: lumen_cel::Violation| Hit {
        message: violation.message,
        details: Value::Null,
        is_error: violation.error,
        validation: violation.index,
    };
    Ok(violations.into_iter().map(hit).collect())
}

/// The violations that a set `violation` holds: objects with a `msg`. Others are none, as in the call that Gatekeeper makes
/// (`pkg/client/drivers/rego/rego.go`).
fn hits(members: &Value) -> Result<Vec<Hit>, String> {
    let members: Vec<&Value> = match members {
        Value::Set(set) => set.iter().collect(),
        // Of a map the keys are gone through.
        Value::Object(map) => map.iter().map(|(key, _)| key).collect(),
        _ => Vec::new(),
    };
    let mut hits = Vec::new();
    for member in members {
        let Some(message) = member.get("msg") else {
            continue;
        };
        let Some(text) = message.as_str() else {
            return Err(format!(
                "extracting message binding: .msg accessor error: {} is of the type {}, expected string",
                message.to_json(),
                message.kind()
            ));
        };
        let details = member.get("details").cloned().unwrap_or_else(|| Object::default().into());
        hits.push(Hit { message: text.to_owned(), details, is_error: false, validation: None });
    }
    hits.sort();
    hits.dedup();
    Ok(hits)
}

//! [`Engine`]: what finds violations, in Rego or in CEL.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lumen_cel::Bindings;
use lumen_rego::ast::{Module, Version};
use lumen_rego::builtin::Budget;
use lumen_rego::error::Errors;
use lumen_rego::eval::{Data, Inputs, Scratch};
use lumen_rego::program::{CompileOptions, Entry, Program};
use lumen_rego::syntax::{ParseOptions, parse_module};
use lumen_value::{Object, Value};

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

/// A compiled template.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    /// Rego.
    Rego(Rego),
    /// CEL.
    Cel(Arc<lumen_cel::Policy>),
}

/// A program, and the place of its violations.
#[derive(Clone)]
pub(super) struct Rego {
    program: Program,
    entry: Entry,
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
    /// The constraint's parameters.
    pub(super) parameters: &'a Value,
    /// The document `data`.
    pub(super) data: &'a Data,
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
}

impl Engine {
    /// Compiles the modules of a template, the one with `violation` first.
    pub(super) fn rego(mut modules: Vec<Module>) -> Result<Self, Errors> {
        let module = u32::try_from(modules.len()).unwrap_or(u32::MAX);
        let options = ParseOptions { version: Version::V0, module, ..ParseOptions::default() };
        modules.push(parse_module(&"hooks".into(), CALL, &options)?);
        let program = Program::of_modules(modules, &CompileOptions::default())?;
        let entry = program.entry(&[PACKAGE, "violation"])?;
        Ok(Self::Rego(Rego { program, entry }))
    }

    /// What violates the policy, sorted and distinct; an error fails the evaluation as a whole.
    pub(super) fn violations(
        &self,
        question: &Question<'_>,
        scratch: &mut Scratch,
    ) -> Result<Vec<Hit>, String> {
        match self {
            Self::Rego(rego) => evaluate_rego(rego, question, scratch),
            Self::Cel(policy) => evaluate_cel(policy, question),
        }
    }
}

fn evaluate_rego(rego: &Rego, question: &Question<'_>, scratch: &mut Scratch) -> Result<Vec<Hit>, String> {
    let mut inputs = Inputs::new(question.data, Budget::new(STEPS_MAX, BYTES_MAX));
    inputs.input =
        Some([("parameters", question.parameters.clone()), ("review", question.review.clone())].into());
    let outcome = rego.program.evaluate(&rego.entry, inputs, scratch).map_err(|error| error.to_string())?;
    outcome.value().map_or_else(|| Ok(Vec::new()), hits)
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
        params: question.parameters,
    };
    let violations =
        policy.evaluate(&bindings, &lumen_cel::Budget::default()).map_err(|error| error.to_string())?;
    let hit = |violation: lumen_cel::Violation| Hit {
        message: violation.message,
        details: Value::Null,
        is_error: violation.error,
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
        hits.push(Hit { message: text.to_owned(), details, is_error: false });
    }
    hits.sort();
    hits.dedup();
    Ok(hits)
}

//! Programs: modules that were compiled together, and what can be asked of them.
//!
//! A [`Program`] is immutable, cheap to clone, and may be shared between threads; each thread evaluates with a [`Scratch`] of its own.

use std::sync::Arc;

use lumen_value::{Str, Value};

use crate::ast::{Module, Version};
use crate::builtin::Capabilities;
use crate::check::{self, CheckOptions, Checked};
use crate::depth::roomy;
use crate::error::{Error, Errors};
use crate::eval::{self, EvalError, Inputs, Outcome, Scratch};
use crate::plan::{self, Code, Optimisations, Plan, PlanOptions};
use crate::syntax::{ParseOptions, parse_body, parse_module};

/// The text of a module.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name, for messages.
    pub file: Arc<str>,
    /// The text.
    pub text: String,
    /// The language, where the text does not say.
    pub version: Version,
}

/// How modules are compiled.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct CompileOptions {
    /// OPA's strict mode: unused and shadowing names are errors.
    pub strict: bool,
    /// `print` calls are kept; else they are erased.
    pub keeps_print: bool,
    /// Whether `# METADATA` comments are read.
    pub annotations: bool,
    /// Which built-ins may be called.
    pub capabilities: Capabilities,
    /// Whether observers are told of expressions. The plan is slower then.
    pub observed: bool,
    /// What is done to make evaluation faster.
    pub optimisations: Optimisations,
}

/// Modules that were compiled together.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    checked: Checked,
    plan: Arc<Plan>,
    options: PlanOptions,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let modules = std::mem::take(&mut self.checked.modules);
        roomy(|| drop(modules));
    }
}

/// A question whose answer is a list of solutions.
#[derive(Clone, Debug)]
pub struct Query(Code);

/// A path below `data`; the answer is the value there, or none.
#[derive(Clone, Debug)]
pub struct Entry(Code);

/// What can be evaluated: a [`Query`] or an [`Entry`].
pub trait Question {
    /// Its code.
    fn code(&self) -> &Code;
}

impl Question for Query {
    fn code(&self) -> &Code {
        &self.0
    }
}

impl Question for Entry {
    fn code(&self) -> &Code {
        &self.0
    }
}

/// Spans of queries name a module that is not there.
const QUERY_MODULE: u32 = u32::MAX;

impl Program {
    /// Compiles modules together.
    pub fn compile(sources: &[Source], options: &CompileOptions) -> Result<Self, Errors> {
        roomy(|| Self::of_sources(sources, options))
    }

    fn of_sources(sources: &[Source], options: &CompileOptions) -> Result<Self, Errors> {
        let mut modules = Vec::with_capacity(sources.len());
        let mut errors = Vec::new();
        for (source, module) in sources.iter().zip(0..) {
            let parse = ParseOptions {
                version: source.version,
                module,
                annotations: options.annotations,
                ..ParseOptions::default()
            };
            match parse_module(&source.file, &source.text, &parse) {
                Ok(module) => modules.push(module),
                Err(Errors(found)) => errors.extend(found),
            }
        }
        if !errors.is_empty() {
            return Err(Errors(errors));
        }
        Self::of_modules(modules, options)
    }

    /// Compiles modules that were parsed already. Each span names its module by the index in this list.
    pub fn of_modules(modules: Vec<Module>, options: &CompileOptions) -> Result<Self, Errors> {
        roomy(|| Self::of_trees(modules, options))
    }

    fn of_trees(modules: Vec<Module>, options: &CompileOptions) -> Result<Self, Errors> {
        let check = CheckOptions {
            strict: options.strict,
            keeps_print: options.keeps_print,
            capabilities: options.capabilities.clone(),
        };
        let checked = check::check(modules, &check)?;
        let options = PlanOptions { observed: options.observed, optimisations: options.optimisations };
        let plan = plan::compile(&checked, options).map_err(|error| named(error, &checked))?;
        Ok(Self(Arc::new(Inner { checked, plan: Arc::new(plan), options })))
    }

    /// Compiles a query. Queries are always read as v1.
    pub fn query(&self, text: &str) -> Result<Query, Errors> {
        roomy(|| self.of_text(text))
    }

    fn of_text(&self, text: &str) -> Result<Query, Errors> {
        let file: Arc<str> = Arc::from("");
        let parse = ParseOptions { version: Version::V1, module: QUERY_MODULE, ..ParseOptions::default() };
        let body = parse_body(&file, text, &parse)?;
        let query = self.0.checked.query(&file, body)?;
        let code = plan::compile_query(&self.0.checked, &self.0.plan, &query, self.0.options);
        Ok(Query(code.map_err(|error| named(error, &self.0.checked))?))
    }

    /// What stands at a path below `data`; a path where nothing can stand has no value.
    pub fn entry(&self, path: &[&str]) -> Result<Entry, Errors> {
        let path: Vec<Value> = path.iter().map(|key| Value::String(Str::from(*key))).collect();
        let code = plan::compile_reference(&self.0.checked, &self.0.plan, &path, self.0.options);
        Ok(Entry(code.map_err(|error| named(error, &self.0.checked))?))
    }

    /// Answers a query or an entry of this program.
    pub fn evaluate(
        &self,
        question: &impl Question,
        inputs: Inputs<'_>,
        scratch: &mut Scratch,
    ) -> Result<Outcome, EvalError> {
        eval::evaluate(question.code(), inputs, scratch)
    }

    /// The plan of the modules.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// The modules in canonical form.
    pub fn checked(&self) -> &Checked {
        &self.0.checked
    }
}

fn named(mut error: Error, checked: &Checked) -> Errors {
    if let Some(module) = checked.modules.get(error.span.module as usize) {
        error.file = module.file.clone();
    }
    Errors(vec![error])
}

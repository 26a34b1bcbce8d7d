//! Programs: modules that were compiled together, and what can be asked of them.
//!
//! A [`Program`] is immutable, cheap to clone, and may be shared between threads; each thread evaluates with a [`Scratch`] of its own.

use std::sync::Arc;

use lumen_value::{Str, Value};

use crate::ast::{Module, Version};
use crate::builtin::{Budget, Capabilities};
use crate::check::{self, CheckOptions, Checked};
use crate::depth::roomy;
use crate::error::{Error, Errors};
use crate::eval::{self, EvalError, Inputs, Outcome, Scratch};
use crate::plan::{self, Code, Commons, Optimisations, Plan, PlanOptions, Special, Wanted};
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
    /// The base documents, where they are known when the modules are compiled: a rule in the place of one is an error, as it is
    /// to `opa eval`. They are not part of the program. Anything but an object is none.
    pub base: Value,
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

/// An entry of a program, made for an input of which a part is known.
#[derive(Clone, Debug)]
pub struct Specialised(Special);

impl Question for Specialised {
    fn code(&self) -> &Code {
        &self.0.code
    }
}

impl Specialised {
    /// Whether it still reads the known part: then `input` has to have it, as everything else.
    pub const fn reads_fixed(&self) -> bool {
        self.0.reads_fixed
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.0.code.plan
    }
}

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
            base: options.base.clone(),
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

    /// An entry for an input that has these values at these paths. What depends on them alone is computed now, within a budget;
    /// what fails or does not fit is left to the evaluations. A path is made of the keys of objects, and is no beginning of another.
    ///
    /// Documents that depend on other parts of the input get numbers of `commons`, by which evaluations with one
    /// [`Shared`](crate::eval::Shared) find what others have evaluated.
    ///
    /// None where there is no rule at the path, or its code does what cannot be known ahead; then [`Self::entry`] answers.
    pub fn specialise(
        &self,
        path: &[&str],
        fixed: &[(&[&str], Value)],
        budget: Budget,
        commons: &mut Commons,
    ) -> Option<Specialised> {
        let optimisations = self.0.options.optimisations;
        if self.0.options.observed || !(optimisations.partial_evaluation || optimisations.shared_documents) {
            return None;
        }
        let keys = |path: &[&str]| path.iter().map(|key| Value::from(*key)).collect::<Vec<_>>();
        let fixed: Vec<(Vec<Value>, Value)> =
            fixed.iter().map(|(path, value)| (keys(path), value.clone())).collect();
        let wanted = Wanted {
            document: self.0.plan.document_at(&keys(path))?,
            fixed: &fixed,
            folds: optimisations.partial_evaluation,
            budget,
            commons: optimisations.shared_documents.then_some(commons),
        };
        plan::specialise(&self.0.plan, wanted).map(Specialised)
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

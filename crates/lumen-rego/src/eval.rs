//! Evaluation: a plan, and everything from outside as parameters.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lumen_value::{Str, Value};

use crate::builtin::{Answer, Budget};
use crate::error::{Error, Span};
use crate::plan::{Document, Expression, Operand};

mod call;
mod choice;
mod collect;
mod compare;
mod conflict;
mod context;
mod document;
mod join;
pub mod json;
mod machine;
mod make;
mod memo;
mod native;
mod observe;
pub(crate) mod range;
mod select;
mod shared;
pub mod show;
mod tell;
mod tree;
mod walk;

pub(crate) use compare::compares;
pub(crate) use context::{find, step};
pub use machine::Scratch;
pub(crate) use machine::evaluate;
pub(crate) use memo::has_number;
pub use observe::{Coverage, InputPaths};
pub use shared::Shared;
pub(crate) use walk::entry;

/// Base documents: what `data` holds beside rules.
#[derive(Clone, Debug)]
pub struct Data {
    root: Value,
    /// Made when they are first asked for; clones share them.
    indexes: Arc<join::Indexes>,
}

impl Data {
    /// Base documents of an object; anything else is none.
    pub fn new(root: Value) -> Self {
        Self {
            indexes: Arc::default(),
            root: if matches!(root, Value::Object(_)) {
                root
            } else {
                Value::Object(lumen_value::Object::default())
            },
        }
    }

    /// Other base documents in the place of these. What programs have asked of these to be indexed is indexed of the others at
    /// once, so that the first evaluation need not do it.
    #[must_use]
    pub fn replaced(&self, root: Value) -> Self {
        let data = Self::new(root);
        for pattern in self.indexes.patterns() {
            data.indexes.get(&data.root, &pattern);
        }
        data
    }

    /// All of them.
    pub const fn root(&self) -> &Value {
        &self.root
    }
}

impl Default for Data {
    fn default() -> Self {
        Self::new(Value::Null)
    }
}

/// What answers functions that are not in this crate.
pub trait Host {
    /// The answer to a call, or [`Failure::Pending`](crate::builtin::Failure::Pending) where it has to be fetched: then the
    /// evaluation ends with [`EvalError::Pending`], to be run again when the answer is there.
    fn call(&mut self, name: &str, operands: &[Value]) -> Answer;
}

/// What an observer is told of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It is looked at.
    Start,
    /// It holds, once more.
    Holds,
    /// There are no more solutions.
    Exhausted,
}

/// Who watches an evaluation. Only a plan that was made for it tells of expressions.
pub trait Observer {
    /// A document is evaluated; one that is known already is not.
    fn enter(&mut self, _document: &Document) {}

    /// It has this value, or none.
    fn exit(&mut self, _document: &Document, _value: Option<&Value>) {}

    /// Something happens to an expression. `read` gives the values of its variables.
    fn expression(
        &mut self,
        _expression: &Expression,
        _moment: Moment,
        _read: &dyn Fn(Operand) -> Option<Value>,
    ) {
    }

    /// A value is looked for under a key of a collection. An [`InputPaths`] says which part of `input` that is.
    fn read(&mut self, _span: Span, _from: &Value, _key: &Value) {}

    /// `print`: what, in one line.
    fn print(&mut self, _span: Span, _text: &str) {}

    /// `trace`
    fn note(&mut self, _span: Span, _text: &Str) {}

    /// A built-in failed, and that was no error.
    fn builtin_error(&mut self, _error: &Error) {}
}

/// Everything that an evaluation depends on, beside the plan.
pub struct Inputs<'a> {
    /// `input`; none: undefined.
    pub input: Option<Value>,
    /// Base documents.
    pub data: &'a Data,
    /// Nanoseconds since 1970, for `time.now_ns`.
    pub time_ns: i64,
    /// Where random numbers start.
    pub seed: u64,
    /// Whether a failing built-in ends the evaluation.
    pub strict_builtin_errors: bool,
    /// How much may be done.
    pub budget: Budget,
    /// Set by the caller to end the evaluation; looked at every few thousand steps.
    pub cancel: Option<&'a AtomicBool>,
    /// Who answers functions of the host.
    pub host: Option<&'a mut dyn Host>,
    /// Who watches.
    pub observer: Option<&'a mut dyn Observer>,
    /// What evaluations of other programs found on the same input.
    pub shared: Option<&'a mut Shared>,
}

impl<'a> Inputs<'a> {
    /// Inputs with nothing but base documents, at the beginning of time, with a budget of so many steps and bytes.
    pub const fn new(data: &'a Data, budget: Budget) -> Self {
        Self {
            input: None,
            data,
            time_ns: 0,
            seed: 0,
            strict_builtin_errors: false,
            budget,
            cancel: None,
            host: None,
            observer: None,
            shared: None,
        }
    }
}

/// A call whose answer the host has to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Need {
    /// The function.
    pub name: Arc<str>,
    /// Its operands.
    pub operands: Vec<Value>,
}

/// Why there is no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The evaluation failed. To run it again does not help, unless the budget was too small or somebody cancelled it.
    #[error("{0}")]
    Failed(Box<Error>),
    /// Answers of the host are missing. To run it again with them helps.
    #[error("the answers of {} calls are missing", .0.len())]
    Pending(Vec<Need>),
}

/// What an evaluation found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The names of what a solution is made of.
    pub names: Vec<Str>,
    /// One list of values for each solution, in the order in which they were found.
    pub solutions: Vec<Vec<Value>>,
    /// What is left of the budget: steps, bytes.
    pub left: (u64, u64),
}

impl Outcome {
    /// The first value of the first solution: what stands at an entry's path.
    pub fn value(&self) -> Option<&Value> {
        self.solutions.first()?.first()
    }
}

//! What is wrong with a module or an evaluation: OPA's code, the place, and a message.

use std::fmt;
use std::sync::Arc;

/// A place in a module's text. Rows and columns count from 1, columns in characters; what is missing at the end of a text
/// that ends in a newline is at column 0 of the row after, as OPA has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which of the modules that are compiled together, from 0.
    pub module: u32,
    /// Row of the first character; 0 where the thing was made up and stands nowhere, and where OPA does not say where it
    /// stands (calls in templates): then the bytes below may still tell.
    pub row: u32,
    /// Column of the first character.
    pub column: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// OPA's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The text is not Rego.
    Parse,
    /// A rule of the language that has no code of its own is broken.
    Compile,
    /// A variable has no value that could be found.
    UnsafeVar,
    /// A rule needs itself.
    Recursion,
    /// A value can never have the type that is asked for; or rules contradict each other.
    Type,
    /// Evaluation: two values for one rule, function or key.
    EvalConflict,
    /// Evaluation: an operand has the wrong type (only where built-in errors are strict).
    EvalType,
    /// Evaluation: a built-in refused its operands (only where built-in errors are strict).
    EvalBuiltin,
    /// Evaluation: `with` replaces a part of what has no parts.
    EvalWithMerge,
    /// Evaluation: anything else.
    EvalInternal,
    /// Evaluation: the caller's cancel flag was set.
    EvalCancel,
    /// Evaluation: the budget of steps or memory is used up. OPA has no such code.
    EvalBudget,
}

impl Code {
    /// The code as OPA prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "rego_parse_error",
            Self::Compile => "rego_compile_error",
            Self::UnsafeVar => "rego_unsafe_var_error",
            Self::Recursion => "rego_recursion_error",
            Self::Type => "rego_type_error",
            Self::EvalConflict => "eval_conflict_error",
            Self::EvalType => "eval_type_error",
            Self::EvalBuiltin => "eval_builtin_error",
            Self::EvalWithMerge => "eval_with_merge_error",
            Self::EvalInternal => "eval_internal_error",
            Self::EvalCancel => "eval_cancel_error",
            Self::EvalBudget => "eval_budget_error",
        }
    }
}

/// One error. Prints as OPA prints it: `file:row: code: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind.
    pub code: Code,
    /// Where.
    pub span: Span,
    /// The name of the module, as the caller gave it; empty where there is none.
    pub file: Arc<str>,
    /// What, as OPA words it.
    pub message: String,
    /// What to do about it, in our words, where there is something to say that OPA does not.
    pub hint: Option<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(out, "{}:{}: ", self.file, self.span.row)?;
        } else if self.span.row > 0 {
            write!(out, "{}:{}: ", self.span.row, self.span.column)?;
        }
        write!(out, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Error {}

/// All that was found, sorted by place; never empty. OPA stops at ten; so does the checker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(pub Vec<Error>);

impl fmt::Display for Errors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(out, "{one}"),
            many => {
                write!(out, "{} errors occurred:", many.len())?;
                many.iter().try_for_each(|error| write!(out, "\n{error}"))
            }
        }
    }
}

impl std::error::Error for Errors {}

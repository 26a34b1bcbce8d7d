//! CEL, the expression language of Kubernetes' validating admission policies, as Gatekeeper's engine
//! `K8sNativeValidation` uses it: a [`Source`] is compiled once to a [`Policy`] and evaluated for each review.
//!
//! Expressions are foreign text: length and nesting are bounded before anything is parsed, and an evaluation takes
//! each step from a [`Budget`]. The crate does no I/O, reads no clock, and knows nothing of Gatekeeper's objects.

mod check;
mod eval;
mod function;
mod lex;
mod parse;
pub mod policy;
mod syntax;
mod value;

pub use policy::{
    Bindings, Budget, CompileError, Error, FailurePolicy, Policy, Section, Source, Validation, Variable,
    Violation,
};

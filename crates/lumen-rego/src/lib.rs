//! The Rego policy language, at parity with Open Policy Agent 1.22: text is parsed ([`syntax`]) into a tree ([`ast`]),
//! checked and brought into a canonical form ([`check`]), compiled once to an immutable plan ([`plan`]), and evaluated
//! many times under a budget ([`eval`]) with the functions of [`builtin`].
//!
//! The crate knows nothing of Kubernetes. It does no I/O and reads no clock: time, randomness and whatever else comes from
//! outside are parameters of an evaluation.

pub mod ast;
pub mod builtin;
pub mod check;
pub mod error;
pub mod eval;
pub mod plan;
pub mod program;
pub mod syntax;
pub mod term;
pub mod types;

mod depth;
mod float;
mod hash;
mod unicode;

/// The examples of the README are run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

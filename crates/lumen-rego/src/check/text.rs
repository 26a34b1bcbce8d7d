//! Terms as OPA prints them in messages.

use lumen_value::Value;

use crate::ast::{Node, Term};
use crate::syntax::print;

/// A term.
pub(super) fn term(term: &Term) -> String {
    term.to_string()
}

/// A reference.
pub(super) fn reference(terms: &[Term]) -> String {
    print::reference(terms)
}

/// A package's path, without `data`.
pub(super) fn package(terms: &[Term]) -> String {
    let mut path = terms.get(1..).unwrap_or_default().to_vec();
    if let Some(Term { node, .. }) = path.first_mut()
        && let Node::Value(Value::String(name)) = node
    {
        *node = Node::Var(name.clone());
    }
    reference(&path)
}

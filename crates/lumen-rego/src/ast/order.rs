//! The order of terms (`Compare` of `v1/ast/compare.go`), which is also that in which sets and objects are gone through.

use std::cmp::Ordering;

use lumen_value::Value;

use super::{Every, Expr, ExprKind, Logic, Node, Term, With};
use crate::depth::grow;

/// Sorts the elements of a set and leaves one of equal ones: the first.
pub fn sort_set(terms: &mut Vec<Term>) {
    terms.sort_by(compare);
    terms.dedup_by(|later, earlier| compare(later, earlier).is_eq());
}

/// Sorts the entries of an object by key; of equal keys the first key and the last value stay.
pub fn sort_object(entries: &mut Vec<(Term, Term)>) {
    entries.sort_by(|(a, _), (b, _)| compare(a, b));
    entries.dedup_by(|later, earlier| {
        let same = compare(&later.0, &earlier.0).is_eq();
        if same {
            std::mem::swap(&mut later.1, &mut earlier.1);
        }
        same
    });
}

/// Compares two terms by what they say, not by where they stand.
pub fn compare(a: &Term, b: &Term) -> Ordering {
    if let (Node::Value(a), Node::Value(b)) = (&a.node, &b.node) {
        return a.cmp(b);
    }
    rank(&a.node).cmp(&rank(&b.node)).then_with(|| grow(|| compare_nodes(&a.node, &b.node)))
}

/// Compares lists of terms: by the first that differ, else the shorter is less.
pub fn compare_lists(a: &[Term], b: &[Term]) -> Ordering {
    let different = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
    different.unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn rank(node: &Node) -> u8 {
    match node {
        Node::Value(Value::Null) => 0,
        Node::Value(Value::Bool(_)) => 1,
        Node::Value(Value::Number(_)) => 2,
        Node::Value(Value::String(_)) => 3,
        Node::Template { .. } => 4,
        Node::Var(_) => 5,
        Node::Ref(_) => 6,
        Node::Value(Value::Array(_)) | Node::Array(_) => 7,
        Node::Value(Value::Object(_)) | Node::Object(_) => 8,
        Node::Value(Value::Set(_)) | Node::Set(_) => 9,
        Node::ArrayComprehension(..) => 10,
        Node::ObjectComprehension(..) => 11,
        Node::SetComprehension(..) => 12,
        Node::Call(_) => 13,
    }
}

/// Compares nodes of one rank.
fn compare_nodes(a: &Node, b: &Node) -> Ordering {
    match (a, b) {
        (Node::Var(a), Node::Var(b)) => a.cmp(b),
        (Node::Ref(a), Node::Ref(b))
        | (Node::Array(a), Node::Array(b))
        | (Node::Set(a), Node::Set(b))
        | (Node::Call(a), Node::Call(b)) => compare_lists(a, b),
        (Node::Object(a), Node::Object(b)) => {
            let entries = a.iter().zip(b);
            let orders = entries.map(|(a, b)| compare(&a.0, &b.0).then_with(|| compare(&a.1, &b.1)));
            orders.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Node::ArrayComprehension(a, a_body), Node::ArrayComprehension(b, b_body))
        | (Node::SetComprehension(a, a_body), Node::SetComprehension(b, b_body)) => {
            compare(a, b).then_with(|| compare_bodies(a_body, b_body))
        }
        (Node::ObjectComprehension(a, a_body), Node::ObjectComprehension(b, b_body)) => {
            compare(&a.0, &b.0).then_with(|| compare(&a.1, &b.1)).then_with(|| compare_bodies(a_body, b_body))
        }
        (
            Node::Template { parts: a, multi_line: a_lines },
            Node::Template { parts: b, multi_line: b_lines },
        ) => a_lines.cmp(b_lines).then_with(|| a.len().cmp(&b.len())).then_with(|| compare_bodies(a, b)),
        // A constant collection against one that is not known to be constant: by their elements.
        (a, b) => compare_lists(&elements(a), &elements(b)),
    }
}

/// The elements of a collection, as terms.
fn elements(node: &Node) -> Vec<Term> {
    let term = |value: &Value| Term { node: Node::Value(value.clone()), span: crate::error::Span::default() };
    match node {
        Node::Array(terms) | Node::Set(terms) => terms.clone(),
        Node::Object(entries) => {
            entries.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect()
        }
        Node::Value(Value::Array(items)) => items.iter().map(term).collect(),
        Node::Value(Value::Set(items)) => items.iter().map(term).collect(),
        Node::Value(Value::Object(entries)) => {
            entries.iter().flat_map(|(key, value)| [term(key), term(value)]).collect()
        }
        _ => Vec::new(),
    }
}

/// Compares bodies expression by expression.
pub fn compare_bodies(a: &[Expr], b: &[Expr]) -> Ordering {
    let different = a.iter().zip(b).map(|(a, b)| compare_exprs(a, b)).find(|order| order.is_ne());
    different.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Compares expressions.
pub fn compare_exprs(a: &Expr, b: &Expr) -> Ordering {
    let kinds = || grow(|| compare_kinds(&a.kind, &b.kind));
    kind_rank(&a.kind)
        .cmp(&kind_rank(&b.kind))
        .then_with(|| a.negated.cmp(&b.negated))
        .then_with(kinds)
        .then_with(|| compare_with(&a.with, &b.with))
}

fn compare_with(a: &[With], b: &[With]) -> Ordering {
    let pairs = a.iter().zip(b);
    let mut orders =
        pairs.map(|(a, b)| compare(&a.target, &b.target).then_with(|| compare(&a.value, &b.value)));
    orders.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn kind_rank(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Some(_) => 0,
        ExprKind::Term(_) => 1,
        ExprKind::Call(_) => 2,
        ExprKind::Every(_) => 3,
        ExprKind::Not { .. } => 4,
        ExprKind::And(_) => 5,
        ExprKind::Or(_) => 6,
    }
}

fn compare_kinds(a: &ExprKind, b: &ExprKind) -> Ordering {
    match (a, b) {
        (ExprKind::Term(a), ExprKind::Term(b)) => compare(a, b),
        (ExprKind::Call(a), ExprKind::Call(b)) | (ExprKind::Some(a), ExprKind::Some(b)) => {
            compare_lists(a, b)
        }
        (ExprKind::Every(a), ExprKind::Every(b)) => compare_every(a, b),
        (ExprKind::Not { body: a, .. }, ExprKind::Not { body: b, .. }) => compare_bodies(a, b),
        (ExprKind::And(a), ExprKind::And(b)) | (ExprKind::Or(a), ExprKind::Or(b)) => compare_logic(a, b),
        _ => Ordering::Equal,
    }
}

fn compare_every(a: &Every, b: &Every) -> Ordering {
    let keys = match (&a.key, &b.key) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    keys.then_with(|| compare(&a.value, &b.value))
        .then_with(|| compare(&a.domain, &b.domain))
        .then_with(|| compare_bodies(&a.body, &b.body))
}

fn compare_logic(a: &Logic, b: &Logic) -> Ordering {
    compare_bodies(&a.left, &b.left).then_with(|| compare_bodies(&a.right, &b.right))
}

//! What of `data` a module refers to.

use lumen_rego::ast::{Body, Expr, ExprKind, Module, Node, Rule, Term};
use lumen_rego::error::Span;

use super::key;

/// What a template may see of `data`.
const ALLOWED: [&str; 2] = ["inventory", "lib"];

/// The references to other parts of `data`, each with its place and its text. What stands in the keys of a reference is
/// not looked into, as upstream does not: it finds nothing there.
pub(super) fn check(module: &Module) -> Vec<(Span, String)> {
    let mut found = Vec::new();
    let mut pending: Vec<Part<'_>> = module.rules.iter().map(Part::Rule).collect();
    pending.reverse();
    // From a stack of our own: text decides how deep it nests.
    while let Some(part) = pending.pop() {
        let start = pending.len();
        match part {
            Part::Rule(rule) => rule_parts(rule, &mut pending),
            Part::Expr(expr) => expr_parts(expr, &mut pending),
            Part::Term(term) => match &term.node {
                Node::Ref(path) => {
                    let is_data = matches!(path.first().map(|first| &first.node), Some(Node::Var(name)) if *name == *"data");
                    if is_data && !ALLOWED.iter().any(|allowed| has_prefix(path, allowed)) {
                        found.push((term.span, shown(path)));
                    }
                }
                other => node_parts(other, &mut pending),
            },
        }
        if let Some(added) = pending.get_mut(start..) {
            added.reverse();
        }
    }
    found
}

enum Part<'a> {
    Rule(&'a Rule),
    Expr(&'a Expr),
    Term(&'a Term),
}

fn rule_parts<'a>(rule: &'a Rule, parts: &mut Vec<Part<'a>>) {
    let head = &rule.head;
    parts.extend(head.reference.iter().skip(1).map(Part::Term));
    parts.extend(head.arguments.iter().flatten().map(Part::Term));
    parts.extend(head.key.iter().chain(&head.value).map(Part::Term));
    body_parts(&rule.body, parts);
    parts.extend(rule.otherwise.iter().map(Part::Rule));
}

fn body_parts<'a>(body: &'a Body, parts: &mut Vec<Part<'a>>) {
    parts.extend(body.iter().map(Part::Expr));
}

fn expr_parts<'a>(expr: &'a Expr, parts: &mut Vec<Part<'a>>) {
    match &expr.kind {
        ExprKind::Term(term) => parts.push(Part::Term(term)),
        ExprKind::Call(terms) | ExprKind::Some(terms) => parts.extend(terms.iter().map(Part::Term)),
        ExprKind::Every(every) => {
            parts.extend(every.key.iter().map(Part::Term));
            parts.extend([&every.value, &every.domain].map(Part::Term));
            body_parts(&every.body, parts);
        }
        ExprKind::Not { body, .. } => body_parts(body, parts),
        ExprKind::And(logic) | ExprKind::Or(logic) => {
            body_parts(&logic.left, parts);
            body_parts(&logic.right, parts);
        }
    }
    parts.extend(expr.with.iter().flat_map(|with| [&with.target, &with.value]).map(Part::Term));
}

fn node_parts<'a>(node: &'a Node, parts: &mut Vec<Part<'a>>) {
    match node {
        Node::Value(_) | Node::Var(_) | Node::Ref(_) => {}
        Node::Array(terms) | Node::Set(terms) | Node::Call(terms) => {
            parts.extend(terms.iter().map(Part::Term));
        }
        Node::Object(entries) => {
            parts.extend(entries.iter().flat_map(|(key, value)| [key, value]).map(Part::Term));
        }
        Node::ArrayComprehension(term, body) | Node::SetComprehension(term, body) => {
            parts.push(Part::Term(term));
            body_parts(body, parts);
        }
        Node::ObjectComprehension(entry, body) => {
            parts.extend([&entry.0, &entry.1].map(Part::Term));
            body_parts(body, parts);
        }
        Node::Template { parts: exprs, .. } => parts.extend(exprs.iter().map(Part::Expr)),
    }
}

/// Whether a reference starts with `data.NAME`.
pub(super) fn has_prefix(path: &[Term], name: &str) -> bool {
    matches!(path, [root, first, ..]
        if matches!(&root.node, Node::Var(root) if *root == *"data") && key(first) == Some(name))
}

/// A reference as it is written, as far as its keys are constant.
pub(super) fn shown(path: &[Term]) -> String {
    let mut text = String::new();
    for (index, term) in path.iter().enumerate() {
        match (&term.node, key(term)) {
            (Node::Var(name), _) if index == 0 => text.push_str(&name.to_text()),
            (_, Some(key)) => {
                text.push('.');
                text.push_str(key);
            }
            (Node::Var(name), _) => text.extend(["[", &name.to_text(), "]"]),
            (Node::Value(value), _) => text.extend(["[", &value.to_json(), "]"]),
            _ => text.push_str("[..]"),
        }
    }
    text
}

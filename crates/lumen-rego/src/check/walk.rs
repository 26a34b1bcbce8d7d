//! Walks over trees, parents first. The visitor says where to stop; what it changed is walked as it then stands.
//!
//! The order is that of OPA's `GenericVisitor`: heads have arguments, key and value, but not their reference.

use crate::ast::{Body, Expr, ExprKind, Head, Module, Node, Rule, Term, With};
use crate::depth::grow;

/// What a walk meets.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Term(&'a Term),
    Expr(&'a Expr),
    With(&'a With),
}

/// What a changing walk meets.
pub(super) enum PartMut<'a> {
    Term(&'a mut Term),
    Expr(&'a mut Expr),
    Body(&'a mut Body),
    With(&'a mut With),
}

/// A visitor: true stops the walk below this part.
pub(super) type Visit<'v> = dyn FnMut(Part<'_>) -> bool + 'v;
/// A visitor that may change what it meets.
pub(super) type VisitMut<'v> = dyn FnMut(PartMut<'_>) -> bool + 'v;

pub(super) fn term(term: &Term, visit: &mut Visit<'_>) {
    if visit(Part::Term(term)) || term.node.is_leaf() {
        return;
    }
    inside_term(term, visit);
}

/// What is below a term, without the term.
pub(super) fn inside_term(inner: &Term, visit: &mut Visit<'_>) {
    grow(|| match &inner.node {
        Node::Value(_) | Node::Var(_) => {}
        Node::Ref(terms) | Node::Array(terms) | Node::Set(terms) | Node::Call(terms) => {
            self::terms(terms, visit);
        }
        Node::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            term(key, visit);
            term(value, visit);
        }),
        Node::ArrayComprehension(head, inner) | Node::SetComprehension(head, inner) => {
            term(head, visit);
            body(inner, visit);
        }
        Node::ObjectComprehension(head, inner) => {
            term(&head.0, visit);
            term(&head.1, visit);
            body(inner, visit);
        }
        Node::Template { parts, .. } => parts.iter().for_each(|part| expr(part, visit)),
    });
}

pub(super) fn terms(all: &[Term], visit: &mut Visit<'_>) {
    for one in all {
        term(one, visit);
    }
}

pub(super) fn body(inner: &Body, visit: &mut Visit<'_>) {
    for one in inner {
        expr(one, visit);
    }
}

pub(super) fn expr(inner: &Expr, visit: &mut Visit<'_>) {
    if visit(Part::Expr(inner)) {
        return;
    }
    grow(|| match &inner.kind {
        ExprKind::Term(one) => term(one, visit),
        ExprKind::Call(all) | ExprKind::Some(all) => terms(all, visit),
        ExprKind::Every(every) => {
            if let Some(key) = &every.key {
                term(key, visit);
            }
            term(&every.value, visit);
            term(&every.domain, visit);
            body(&every.body, visit);
        }
        ExprKind::Not { body: inner, .. } => body(inner, visit),
        ExprKind::And(logic) | ExprKind::Or(logic) => {
            body(&logic.left, visit);
            body(&logic.right, visit);
        }
    });
    inner.with.iter().for_each(|one| with(one, visit));
}

pub(super) fn with(inner: &With, visit: &mut Visit<'_>) {
    if visit(Part::With(inner)) {
        return;
    }
    term(&inner.target, visit);
    term(&inner.value, visit);
}

pub(super) fn head(inner: &Head, visit: &mut Visit<'_>) {
    if let Some(arguments) = &inner.arguments {
        terms(arguments, visit);
    }
    inner.key.iter().chain(&inner.value).for_each(|one| term(one, visit));
}

/// Head and body of a rule, not its `else` branches.
pub(super) fn branch(rule: &Rule, visit: &mut Visit<'_>) {
    head(&rule.head, visit);
    body(&rule.body, visit);
}

pub(super) fn rule(rule: &Rule, visit: &mut Visit<'_>) {
    branch(rule, visit);
    rule.otherwise.iter().for_each(|one| branch(one, visit));
}

pub(super) fn module(module: &Module, visit: &mut Visit<'_>) {
    module.rules.iter().for_each(|one| rule(one, visit));
}

pub(super) fn term_mut(inner: &mut Term, visit: &mut VisitMut<'_>) {
    if visit(PartMut::Term(inner)) || inner.node.is_leaf() {
        return;
    }
    grow(|| match &mut inner.node {
        Node::Value(_) | Node::Var(_) => {}
        Node::Ref(terms) | Node::Array(terms) | Node::Set(terms) | Node::Call(terms) => {
            terms_mut(terms, visit);
        }
        Node::Object(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            term_mut(key, visit);
            term_mut(value, visit);
        }),
        Node::ArrayComprehension(head, inner) | Node::SetComprehension(head, inner) => {
            term_mut(head, visit);
            body_mut(inner, visit);
        }
        Node::ObjectComprehension(head, inner) => {
            term_mut(&mut head.0, visit);
            term_mut(&mut head.1, visit);
            body_mut(inner, visit);
        }
        Node::Template { parts, .. } => parts.iter_mut().for_each(|part| expr_mut(part, visit)),
    });
}

pub(super) fn terms_mut(all: &mut [Term], visit: &mut VisitMut<'_>) {
    for one in all {
        term_mut(one, visit);
    }
}

pub(super) fn body_mut(inner: &mut Body, visit: &mut VisitMut<'_>) {
    if visit(PartMut::Body(inner)) {
        return;
    }
    for one in inner {
        expr_mut(one, visit);
    }
}

pub(super) fn expr_mut(inner: &mut Expr, visit: &mut VisitMut<'_>) {
    if visit(PartMut::Expr(inner)) {
        return;
    }
    grow(|| match &mut inner.kind {
        ExprKind::Term(one) => term_mut(one, visit),
        ExprKind::Call(all) | ExprKind::Some(all) => terms_mut(all, visit),
        ExprKind::Every(every) => {
            if let Some(key) = &mut every.key {
                term_mut(key, visit);
            }
            term_mut(&mut every.value, visit);
            term_mut(&mut every.domain, visit);
            body_mut(&mut every.body, visit);
        }
        ExprKind::Not { body, .. } => body_mut(body, visit),
        ExprKind::And(logic) | ExprKind::Or(logic) => {
            body_mut(&mut logic.left, visit);
            body_mut(&mut logic.right, visit);
        }
    });
    inner.with.iter_mut().for_each(|one| with_mut(one, visit));
}

pub(super) fn with_mut(inner: &mut With, visit: &mut VisitMut<'_>) {
    if visit(PartMut::With(inner)) {
        return;
    }
    term_mut(&mut inner.target, visit);
    term_mut(&mut inner.value, visit);
}

pub(super) fn head_mut(inner: &mut Head, visit: &mut VisitMut<'_>) {
    if let Some(arguments) = &mut inner.arguments {
        terms_mut(arguments, visit);
    }
    inner.key.iter_mut().chain(&mut inner.value).for_each(|one| term_mut(one, visit));
}

/// Head and body of a rule, not its `else` branches.
pub(super) fn branch_mut(rule: &mut Rule, visit: &mut VisitMut<'_>) {
    head_mut(&mut rule.head, visit);
    body_mut(&mut rule.body, visit);
}

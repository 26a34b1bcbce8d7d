//! Which variables a part of a tree names. What counts differs from check to check: OPA's `VarVisitor` and its parameters.

use std::collections::BTreeSet;

use crate::ast::{Body, Expr, ExprKind, Head, Name, Node, Rule, Term, With};
use crate::depth::grow;

/// A set of variables.
pub(super) type VarSet = BTreeSet<Name>;

/// What a search for variables leaves out.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(super) struct Skip {
    /// The first term of references.
    pub ref_head: bool,
    /// The first term of what is called, and of targets and values of `with`.
    pub call_head: bool,
    /// Keys of objects.
    pub object_keys: bool,
    /// Comprehensions, templates, `not`, `and`, `or`, and the body of `every`.
    pub closures: bool,
    /// Sets.
    pub sets: bool,
}

/// What the safety check counts.
pub(super) const SAFETY: Skip =
    Skip { ref_head: false, call_head: true, object_keys: false, closures: true, sets: false };

/// What a pattern or a call's result binds.
pub(super) const OUTPUTS: Skip =
    Skip { ref_head: true, call_head: false, object_keys: true, closures: true, sets: false };

/// Everything.
pub(super) const ALL: Skip =
    Skip { ref_head: false, call_head: false, object_keys: false, closures: false, sets: false };

/// What is told of each variable, and of each body of `not`, `and`, `or` where closures are skipped.
pub(super) trait Found {
    /// A variable stands here. `None`: the walk does not say where.
    fn var(&mut self, name: &Name, term: Option<&Term>);
    /// A body that is a closure and stands without braces.
    fn implicit(&mut self, _body: &Body) {}
}

impl Found for VarSet {
    fn var(&mut self, name: &Name, _term: Option<&Term>) {
        if !self.contains(name) {
            self.insert(name.clone());
        }
    }
}

/// A closure as a receiver.
pub(super) struct Each<F: FnMut(&Name, Option<&Term>)>(pub F);

impl<F: FnMut(&Name, Option<&Term>)> Found for Each<F> {
    fn var(&mut self, name: &Name, term: Option<&Term>) {
        (self.0)(name, term);
    }
}

pub(super) fn in_terms(terms: &[Term], skip: Skip, found: &mut dyn Found) {
    for term in terms {
        in_term(term, skip, found);
    }
}

pub(super) fn in_term(term: &Term, skip: Skip, found: &mut dyn Found) {
    match &term.node {
        Node::Value(_) => {}
        Node::Var(name) => found.var(name, Some(term)),
        _ => grow(|| in_composite(term, skip, found)),
    }
}

fn in_composite(term: &Term, skip: Skip, found: &mut dyn Found) {
    match &term.node {
        Node::Value(_) | Node::Var(_) => {}
        Node::Ref(terms) => {
            in_terms(terms.get(usize::from(skip.ref_head)..).unwrap_or_default(), skip, found);
        }
        Node::Array(terms) => in_terms(terms, skip, found),
        Node::Set(terms) => {
            if !skip.sets {
                in_terms(terms, skip, found);
            }
        }
        Node::Object(pairs) => {
            for (key, value) in pairs {
                if !skip.object_keys {
                    in_term(key, skip, found);
                }
                in_term(value, skip, found);
            }
        }
        Node::Call(terms) => in_call(terms, skip, found),
        _ if skip.closures => {}
        Node::ArrayComprehension(head, body) | Node::SetComprehension(head, body) => {
            in_term(head, skip, found);
            in_body(body, skip, found);
        }
        Node::ObjectComprehension(head, body) => {
            in_term(&head.0, skip, found);
            in_term(&head.1, skip, found);
            in_body(body, skip, found);
        }
        Node::Template { parts, .. } => in_body(parts, skip, found),
    }
}

fn in_call(terms: &[Term], skip: Skip, found: &mut dyn Found) {
    match terms.split_first() {
        Some((operator, arguments)) if skip.call_head => {
            after_head(operator, skip, found);
            in_terms(arguments, skip, found);
        }
        _ => in_terms(terms, skip, found),
    }
}

/// The keys of a reference.
fn after_head(term: &Term, skip: Skip, found: &mut dyn Found) {
    if let Node::Ref(terms) = &term.node {
        in_terms(terms.get(1..).unwrap_or_default(), skip, found);
    }
}

pub(super) fn in_body(body: &Body, skip: Skip, found: &mut dyn Found) {
    for expr in body {
        in_expr(expr, skip, found);
    }
}

pub(super) fn in_expr(expr: &Expr, skip: Skip, found: &mut dyn Found) {
    match &expr.kind {
        ExprKind::Term(term) => in_term(term, skip, found),
        ExprKind::Call(terms) => in_call(terms, skip, found),
        ExprKind::Some(terms) => in_terms(terms, skip, found),
        ExprKind::Every(every) => {
            if skip.closures {
                in_term(&every.domain, skip, found);
                return;
            }
            if let Some(key) = &every.key {
                in_term(key, skip, found);
            }
            in_term(&every.value, skip, found);
            in_term(&every.domain, skip, found);
            grow(|| in_body(&every.body, skip, found));
        }
        ExprKind::Not { body, explicit } => in_closure(body, *explicit, skip, found),
        ExprKind::And(logic) | ExprKind::Or(logic) => {
            in_closure(&logic.left, logic.explicit_left, skip, found);
            in_closure(&logic.right, logic.explicit_right, skip, found);
        }
    }
    expr.with.iter().for_each(|with| in_with(with, skip, found));
}

fn in_closure(body: &Body, explicit: bool, skip: Skip, found: &mut dyn Found) {
    if !skip.closures {
        grow(|| in_body(body, skip, found));
    } else if !explicit {
        found.implicit(body);
    }
}

pub(super) fn in_with(with: &With, skip: Skip, found: &mut dyn Found) {
    if skip.call_head {
        after_head(&with.target, skip, found);
        match &with.value.node {
            Node::Ref(_) => after_head(&with.value, skip, found),
            _ => in_term(&with.value, skip, found),
        }
    } else {
        in_term(&with.target, skip, found);
        in_term(&with.value, skip, found);
    }
}

/// Arguments, key, value and the keys of the reference.
pub(super) fn in_head(head: &Head, skip: Skip, found: &mut dyn Found) {
    in_terms(head.arguments.as_deref().unwrap_or_default(), skip, found);
    head.key.iter().chain(&head.value).for_each(|term| in_term(term, skip, found));
    in_terms(head.reference.get(1..).unwrap_or_default(), skip, found);
}

/// A rule with all that it names, its own name and `else` branches as well.
pub(super) fn in_rule(rule: &Rule, found: &mut dyn Found) {
    for one in std::iter::once(rule).chain(&rule.otherwise) {
        in_terms(&one.head.reference, ALL, found);
        in_head(&one.head, ALL, found);
        in_body(&one.body, ALL, found);
    }
}

/// The variables of a term.
pub(super) fn of_term(term: &Term, skip: Skip) -> VarSet {
    let mut vars = VarSet::new();
    in_term(term, skip, &mut vars);
    vars
}

/// `_`, under the name that the parser gave it.
pub(super) fn is_wildcard(name: &Name) -> bool {
    name.as_bytes().starts_with(b"$")
}

/// Made up by the checker.
pub(super) fn is_generated(name: &Name) -> bool {
    is_generated_text(name.as_bytes())
}

/// The same of a text.
pub(crate) fn is_generated_text(name: &[u8]) -> bool {
    name.starts_with(b"__local")
}

/// As it is shown to people.
pub(super) fn shown(name: &Name) -> String {
    if is_wildcard(name) { "_".to_owned() } else { name.to_text().into_owned() }
}

/// `input` and `data`, which are always there.
pub(super) fn is_root(name: &Name) -> bool {
    *name == "input" || *name == "data"
}

//! Rewriting of calls, comprehensions, heads and dynamic terms into expressions of their own.

use super::state::{Generator, State, append, call_of, equality, equality_of, operator};
use super::tree::scalar;
use super::walk::{self, Part, PartMut};
use crate::ast::{Body, Expr, ExprKind, Module, Node, Rule, Term};
use crate::depth::grow;

/// Rules of a module, each branch on its own.
pub(super) fn branches(module: &mut Module, visit: &mut dyn FnMut(&mut Rule)) {
    for rule in &mut module.rules {
        let mut others = std::mem::take(&mut rule.otherwise);
        visit(rule);
        others.iter_mut().for_each(&mut *visit);
        rule.otherwise = others;
    }
}

/// Computed keys of a head's reference become variables that the body binds.
pub(super) fn head_refs(state: &mut State<'_>, modules: &mut [Module]) {
    for index in state.order.clone() {
        for rule in modules.get_mut(index).map(|module| module.rules.iter_mut()).into_iter().flatten() {
            let mut support = Vec::new();
            for term in rule.head.reference.iter_mut().skip(1) {
                if scalar(term).is_none() && !matches!(term.node, Node::Var(_)) {
                    support.push(state.generator.take(term));
                }
            }
            append(&mut rule.body, support);
        }
    }
}

/// Calls in terms become expressions that bind their results.
pub(super) fn expr_terms(generator: &mut Generator, rule: &mut Rule) {
    let head = &mut rule.head;
    for term in head.arguments.iter_mut().flatten().chain(&mut head.key).chain(&mut head.value) {
        let mut support = Vec::new();
        expand_term(generator, term, &mut support);
        append(&mut rule.body, support);
    }
    expr_terms_in_body(generator, &mut rule.body);
}

/// The same for a body.
pub(super) fn expr_terms_in_body(generator: &mut Generator, body: &mut Body) {
    let old = std::mem::take(body);
    body.reserve(old.len());
    for expr in old {
        expand_expr(generator, expr, body);
    }
}

fn expand_expr(generator: &mut Generator, mut expr: Expr, result: &mut Body) {
    for with in &mut expr.with {
        expand_term(generator, &mut with.value, result);
    }
    let before = result.len();
    grow(|| match &mut expr.kind {
        ExprKind::Term(term) => expand_term(generator, term, result),
        ExprKind::Call(terms) => {
            terms.iter_mut().skip(1).for_each(|term| expand_term(generator, term, result));
        }
        ExprKind::Every(every) => {
            let span = every.domain.span;
            let variable = generator.variable(span);
            let domain = std::mem::replace(&mut every.domain, variable.clone());
            let mut bind = equality(variable, domain, span);
            bind.generated = true;
            expand_expr(generator, bind, result);
            expr_terms_in_body(generator, &mut every.body);
        }
        ExprKind::Not { body, .. } => expr_terms_in_body(generator, body),
        ExprKind::And(logic) | ExprKind::Or(logic) => {
            expr_terms_in_body(generator, &mut logic.left);
            expr_terms_in_body(generator, &mut logic.right);
        }
        ExprKind::Some(_) => {}
    });
    if !expr.with.is_empty() {
        for extra in result.iter_mut().skip(before) {
            extra.with.clone_from(&expr.with);
        }
    }
    result.push(expr);
}

/// Takes the calls out of a term: what computes them goes to `support`.
fn expand_term(generator: &mut Generator, term: &mut Term, support: &mut Vec<Expr>) {
    grow(|| match &mut term.node {
        Node::Value(_) | Node::Var(_) | Node::Template { .. } => {}
        Node::Call(terms) => {
            terms.iter_mut().skip(1).for_each(|term| expand_term(generator, term, support));
            let variable = generator.variable(term.span);
            let mut terms = std::mem::take(terms);
            terms.push(variable.clone());
            let mut expr = super::state::expr(ExprKind::Call(terms), term.span);
            expr.generated = true;
            support.push(expr);
            *term = variable;
        }
        Node::Ref(terms) => expand_ref(generator, terms, support),
        Node::Array(terms) | Node::Set(terms) => {
            for term in terms {
                expand_term(generator, term, support);
            }
        }
        Node::Object(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            expand_term(generator, key, support);
            expand_term(generator, value, support);
        }),
        Node::ArrayComprehension(head, body) | Node::SetComprehension(head, body) => {
            let mut inner = Vec::new();
            expand_term(generator, head, &mut inner);
            append(body, inner);
            expr_terms_in_body(generator, body);
        }
        Node::ObjectComprehension(head, body) => {
            let mut inner = Vec::new();
            expand_term(generator, &mut head.0, &mut inner);
            expand_term(generator, &mut head.1, &mut inner);
            append(body, inner);
            expr_terms_in_body(generator, body);
        }
    });
}

fn expand_ref(generator: &mut Generator, terms: &mut [Term], support: &mut Vec<Expr>) {
    for term in terms.iter_mut() {
        let call = matches!(term.node, Node::Call(_)).then(|| term.clone());
        expand_term(generator, term, support);
        if let Some(call) = call {
            generator.stands_for(term, &call);
        }
    }
    let Some(subject) = terms.first_mut() else { return };
    // `[1, 2][i]`: what is looked into has to be a variable.
    let literal = matches!(
        subject.node,
        Node::Array(_)
            | Node::Object(_)
            | Node::Set(_)
            | Node::ArrayComprehension(..)
            | Node::SetComprehension(..)
            | Node::ObjectComprehension(..)
    ) || matches!(&subject.node, Node::Value(value) if matches!(value, lumen_value::Value::Array(_) | lumen_value::Value::Object(_) | lumen_value::Value::Set(_)));
    if literal {
        let bind = generator.take(subject);
        if let Some((variable, value)) = equality_of(&bind) {
            generator.stands_for(variable, value);
        }
        support.push(bind);
    }
}

/// Whether a term has to be evaluated: it has references or comprehensions.
pub(super) fn requires_eval(term: &Term) -> bool {
    let mut found = false;
    walk::term(term, &mut |part| {
        if let Part::Term(term) = part {
            found |= matches!(
                term.node,
                Node::Ref(_)
                    | Node::ArrayComprehension(..)
                    | Node::SetComprehension(..)
                    | Node::ObjectComprehension(..)
            );
        }
        found
    });
    found
}

/// What comprehensions collect becomes a variable where it has to be evaluated.
pub(super) fn comprehension_terms(generator: &mut Generator, rule: &mut Rule) {
    walk::branch_mut(rule, &mut |part| comprehension_term(generator, part));
}

/// The same for a body.
pub(super) fn comprehension_terms_in_body(generator: &mut Generator, body: &mut Body) {
    walk::body_mut(body, &mut |part| comprehension_term(generator, part));
}

fn comprehension_term(generator: &mut Generator, part: PartMut<'_>) -> bool {
    let PartMut::Term(term) = part else { return false };
    match &mut term.node {
        Node::ArrayComprehension(head, body) | Node::SetComprehension(head, body) => {
            take_out(generator, head, body);
        }
        Node::ObjectComprehension(head, body) => {
            take_out(generator, &mut head.0, body);
            take_out(generator, &mut head.1, body);
        }
        _ => {}
    }
    false
}

fn take_out(generator: &mut Generator, term: &mut Term, body: &mut Body) {
    if requires_eval(term) {
        append(body, vec![generator.take(term)]);
    }
}

/// Key, value and arguments of a head become variables where they have to be evaluated.
pub(super) fn refs_in_head(generator: &mut Generator, rule: &mut Rule) {
    let head = &mut rule.head;
    for term in head.key.iter_mut().chain(&mut head.value).chain(head.arguments.iter_mut().flatten()) {
        take_out(generator, term, &mut rule.body);
    }
}

/// `==` becomes `=`, once the safety of its operands is known.
pub(super) fn equals(rule: &mut Rule) {
    walk::branch_mut(rule, &mut |part| {
        if let PartMut::Expr(expr) = part
            && call_of(expr, "equal").is_some_and(|operands| operands.len() == 2)
            && let ExprKind::Call(terms) = &mut expr.kind
            && let Some(first) = terms.first_mut()
        {
            *first = operator("eq", first.span);
        }
        false
    });
}

/// References and comprehensions inside operands get expressions of their own before the expression that uses them.
pub(super) fn dynamics(generator: &mut Generator, body: &mut Body) {
    let old = std::mem::take(body);
    body.reserve(old.len());
    for mut expr in old {
        let before = body.len();
        let equality = equality_of(&expr).is_some();
        let malformed = !equality && call_of(&expr, "eq").is_some();
        grow(|| match &mut expr.kind {
            ExprKind::Call(_) if malformed => {}
            ExprKind::Call(terms) if equality => {
                terms.iter_mut().skip(1).for_each(|term| dynamics_inside(generator, term, body));
            }
            ExprKind::Call(terms) => {
                terms.iter_mut().skip(1).for_each(|term| dynamics_of(generator, term, body));
            }
            ExprKind::Every(every) => {
                dynamics_of(generator, &mut every.domain, body);
                dynamics(generator, &mut every.body);
            }
            ExprKind::Not { body, .. } => dynamics(generator, body),
            ExprKind::And(logic) | ExprKind::Or(logic) => {
                dynamics(generator, &mut logic.left);
                dynamics(generator, &mut logic.right);
            }
            ExprKind::Term(term) => dynamics_inside(generator, term, body),
            ExprKind::Some(_) => {}
        });
        if !expr.with.is_empty() {
            for extra in body.iter_mut().skip(before) {
                extra.with.clone_from(&expr.with);
            }
        }
        body.push(expr);
    }
}

/// The parts of a term that may itself be dynamic.
fn dynamics_inside(generator: &mut Generator, term: &mut Term, result: &mut Body) {
    match &mut term.node {
        Node::Ref(terms) => terms.iter_mut().skip(1).for_each(|term| dynamics_of(generator, term, result)),
        Node::ArrayComprehension(_, body)
        | Node::SetComprehension(_, body)
        | Node::ObjectComprehension(_, body) => {
            grow(|| dynamics(generator, body));
        }
        _ => dynamics_of(generator, term, result),
    }
}

fn dynamics_of(generator: &mut Generator, term: &mut Term, result: &mut Body) {
    grow(|| match &mut term.node {
        Node::Ref(terms) => {
            terms.iter_mut().skip(1).for_each(|term| dynamics_of(generator, term, result));
            hoist(generator, term, result);
        }
        Node::Array(terms) | Node::Set(terms) => {
            for term in terms {
                dynamics_of(generator, term, result);
            }
        }
        Node::Object(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            dynamics_of(generator, key, result);
            dynamics_of(generator, value, result);
        }),
        Node::ArrayComprehension(_, body)
        | Node::SetComprehension(_, body)
        | Node::ObjectComprehension(_, body) => {
            dynamics(generator, body);
            hoist(generator, term, result);
        }
        Node::Value(_) | Node::Var(_) | Node::Call(_) | Node::Template { .. } => {}
    });
}

fn hoist(generator: &mut Generator, term: &mut Term, result: &mut Body) {
    let bind = generator.take(term);
    if let Some((variable, value)) = equality_of(&bind) {
        generator.stands_for(variable, value);
    }
    result.push(bind);
}

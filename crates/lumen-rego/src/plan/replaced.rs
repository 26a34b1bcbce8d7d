//! Which comparisons a `with` replaces. All others become operations that nothing can replace.

use super::build::{Planner, comparison};
use crate::ast::{Body, Expr, ExprKind, Node, Rule, Term};
use crate::check::dotted;
use crate::depth::grow;
use std::borrow::Cow;

impl Planner<'_> {
    /// Whether a `with` may replace a built-in that is a comparison.
    pub(super) fn is_replaced(&self, builtin: u32) -> bool {
        let name = self.plan.builtins.get(builtin as usize).map(|builtin| &*builtin.name);
        name.is_some_and(|name| self.replaced.contains(name))
    }

    /// Looks through the modules.
    pub(super) fn find_replaced(&mut self) {
        let mut found = Vec::new();
        for rule in self.checked.modules.iter().flat_map(|module| &module.rules) {
            in_rule(rule, &mut found);
        }
        self.replaced.extend(found);
    }

    /// Whether a query replaces what the modules do not.
    pub(super) fn replaces_more(&mut self, body: &Body) -> bool {
        let mut found = Vec::new();
        in_body(body, &mut found);
        if found.is_empty() {
            return false;
        }
        self.find_replaced();
        let before = self.replaced.len();
        self.replaced.extend(found);
        self.replaced.len() > before
    }
}

fn in_rule(rule: &Rule, found: &mut Vec<String>) {
    let head = &rule.head;
    head.key.iter().chain(&head.value).for_each(|term| in_term(term, found));
    in_body(&rule.body, found);
    rule.otherwise.iter().for_each(|branch| in_rule(branch, found));
}

fn in_body(body: &Body, found: &mut Vec<String>) {
    for expr in body {
        grow(|| in_expr(expr, found));
    }
}

fn in_expr(expr: &Expr, found: &mut Vec<String>) {
    for with in &expr.with {
        if let Node::Ref(terms) = &with.target.node {
            found.extend(dotted(terms).filter(|name| comparison(name).is_some()).map(Cow::into_owned));
        }
    }
    match &expr.kind {
        ExprKind::Term(term) => in_term(term, found),
        ExprKind::Call(terms) | ExprKind::Some(terms) => terms.iter().for_each(|term| in_term(term, found)),
        ExprKind::Every(every) => {
            in_term(&every.domain, found);
            in_body(&every.body, found);
        }
        ExprKind::Not { body, .. } => in_body(body, found),
        ExprKind::And(logic) | ExprKind::Or(logic) => {
            in_body(&logic.left, found);
            in_body(&logic.right, found);
        }
    }
}

fn in_term(term: &Term, found: &mut Vec<String>) {
    grow(|| match &term.node {
        Node::Value(_) | Node::Var(_) => {}
        Node::Ref(terms) | Node::Array(terms) | Node::Set(terms) | Node::Call(terms) => {
            for term in terms {
                in_term(term, found);
            }
        }
        Node::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            in_term(key, found);
            in_term(value, found);
        }),
        Node::ArrayComprehension(head, body) | Node::SetComprehension(head, body) => {
            in_term(head, found);
            in_body(body, found);
        }
        Node::ObjectComprehension(head, body) => {
            in_term(&head.0, found);
            in_term(&head.1, found);
            in_body(body, found);
        }
        Node::Template { parts, .. } => parts.iter().for_each(|expr| in_expr(expr, found)),
    });
}

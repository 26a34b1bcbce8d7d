//! What an equality binds: OPA's `Unify` and the output variables of expressions (`v1/ast/unify.go`, `compile.go`).

use std::collections::BTreeMap;

use lumen_value::Value;

use super::state::{State, equality_of};
use super::vars::{self, OUTPUTS, SAFETY, Skip, VarSet};
use super::walk::{self, Part};
use crate::ast::{Expr, ExprKind, Name, Node, Term};
use crate::hash::HashSet;

/// A set of variables that have values.
pub(super) trait Known {
    fn has(&self, name: &Name) -> bool;
}

impl Known for VarSet {
    fn has(&self, name: &Name) -> bool {
        self.contains(name)
    }
}

impl Known for HashSet<Name> {
    fn has(&self, name: &Name) -> bool {
        self.contains(name)
    }
}

/// Either of two.
pub(super) struct Both<'a>(pub &'a dyn Known, pub &'a dyn Known);

impl Known for Both<'_> {
    fn has(&self, name: &Name) -> bool {
        self.0.has(name) || self.1.has(name)
    }
}

/// One without some.
struct Without<'a>(&'a dyn Known, &'a VarSet);

impl Known for Without<'_> {
    fn has(&self, name: &Name) -> bool {
        self.0.has(name) && !self.1.contains(name)
    }
}

fn all_known(term: &Term, skip: Skip, safe: &dyn Known) -> bool {
    let mut known = true;
    vars::in_term(term, skip, &mut vars::Each(|name: &Name, _: Option<&Term>| known &= safe.has(name)));
    known
}

/// Whether a reference can be looked into: its first term has a value.
pub(super) fn ref_is_safe(terms: &[Term], safe: &dyn Known) -> bool {
    match terms.first() {
        Some(Term { node: Node::Var(name), .. }) => safe.has(name),
        Some(first) => all_known(first, SAFETY, safe),
        None => true,
    }
}

struct Unifier<'a> {
    safe: &'a dyn Known,
    unified: VarSet,
    /// What a variable waits for.
    needs: BTreeMap<Name, VarSet>,
    /// The other way round.
    needed_by: BTreeMap<Name, Vec<Name>>,
}

/// The variables that get a value where two terms are unified.
pub(super) fn unify(safe: &dyn Known, left: &Term, right: &Term) -> VarSet {
    let mut unifier =
        Unifier { safe, unified: VarSet::new(), needs: BTreeMap::new(), needed_by: BTreeMap::new() };
    unifier.unify(left, right);
    unifier.unified
}

/// What a term is to the unifier.
enum Side<'a> {
    Var(&'a Name),
    Ref(&'a [Term]),
    Call,
    Array(&'a [Term]),
    Object(&'a [(Term, Term)]),
    Comprehension,
    Other,
}

fn side(term: &Term) -> Side<'_> {
    match &term.node {
        Node::Var(name) => Side::Var(name),
        Node::Ref(terms) => Side::Ref(terms),
        Node::Call(_) => Side::Call,
        Node::Array(terms) => Side::Array(terms),
        Node::Object(pairs) => Side::Object(pairs),
        Node::ArrayComprehension(..) | Node::SetComprehension(..) | Node::ObjectComprehension(..) => {
            Side::Comprehension
        }
        Node::Value(_) | Node::Set(_) | Node::Template { .. } => Side::Other,
    }
}

impl Unifier<'_> {
    fn is_safe(&self, name: &Name) -> bool {
        self.unified.contains(name) || self.safe.has(name)
    }

    fn can_call(&self, term: &Term) -> bool {
        all_known(term, SAFETY, self.safe)
    }

    fn unify(&mut self, a: &Term, b: &Term) {
        match (side(a), side(b)) {
            (Side::Var(x), Side::Var(y)) => {
                if self.is_safe(y) {
                    self.mark(x);
                } else if self.is_safe(x) {
                    self.mark(y);
                } else {
                    self.wait(x, y);
                    self.wait(y, x);
                }
            }
            (Side::Var(name), Side::Array(_) | Side::Object(_)) => self.unify_all(name, b),
            (Side::Array(_) | Side::Object(_), Side::Var(name)) => self.unify_all(name, a),
            (Side::Var(name), Side::Ref(terms)) | (Side::Ref(terms), Side::Var(name))
                if ref_is_safe(terms, self.safe) =>
            {
                self.mark(name);
            }
            (Side::Var(name), Side::Call) if self.can_call(b) => {
                self.mark(name);
            }
            (Side::Call, Side::Var(name)) if self.can_call(a) => {
                self.mark(name);
            }
            (Side::Var(name), Side::Comprehension | Side::Other)
            | (Side::Comprehension | Side::Other, Side::Var(name)) => self.mark(name),
            (Side::Ref(terms), Side::Array(_) | Side::Object(_)) if ref_is_safe(terms, self.safe) => {
                self.mark_all(b);
            }
            (Side::Array(_) | Side::Object(_), Side::Ref(terms)) if ref_is_safe(terms, self.safe) => {
                self.mark_all(a);
            }
            (Side::Call, Side::Array(_) | Side::Object(_)) if self.can_call(a) => {
                self.mark_all(b);
            }
            (Side::Array(_) | Side::Object(_), Side::Call) if self.can_call(b) => {
                self.mark_all(a);
            }
            (Side::Comprehension, Side::Array(_) | Side::Object(_)) => {
                let fits = matches!(
                    (&a.node, &b.node),
                    (Node::ArrayComprehension(..), Node::Array(_))
                        | (Node::ObjectComprehension(..), Node::Object(_))
                );
                if fits {
                    self.mark_all(b);
                }
            }
            (Side::Array(_), Side::Comprehension) => self.mark_all(a),
            (Side::Array(left), Side::Array(right)) if left.len() == right.len() => {
                crate::depth::grow(|| left.iter().zip(right).for_each(|(one, other)| self.unify(one, other)));
            }
            (Side::Object(left), Side::Object(right)) if left.len() == right.len() => {
                let values: BTreeMap<String, &Term> =
                    right.iter().map(|(key, value)| (key_text(key), value)).collect();
                crate::depth::grow(|| {
                    for (key, value) in left {
                        if let Some(other) = values.get(&key_text(key)) {
                            self.unify(value, other);
                        }
                    }
                });
            }
            _ => {}
        }
    }

    fn mark_all(&mut self, term: &Term) {
        for name in vars::of_term(term, OUTPUTS) {
            self.mark(&name);
        }
    }

    fn mark(&mut self, name: &Name) {
        let mut pending = vec![name.clone()];
        while let Some(name) = pending.pop() {
            self.unified.insert(name.clone());
            // What it waited for has a value now, for it is equal to it.
            for other in self.needs.remove(&name).unwrap_or_default() {
                if !self.unified.contains(&other) {
                    pending.push(other);
                }
            }
            for other in self.needed_by.remove(&name).unwrap_or_default() {
                let Some(needs) = self.needs.get_mut(&other) else { continue };
                if needs.remove(&name) && needs.is_empty() {
                    pending.push(other);
                }
            }
        }
    }

    fn wait(&mut self, name: &Name, other: &Name) {
        self.needs.entry(name.clone()).or_default().insert(other.clone());
        self.needed_by.entry(other.clone()).or_default().push(name.clone());
    }

    fn unify_all(&mut self, name: &Name, term: &Term) {
        if self.is_safe(name) {
            self.mark_all(term);
            return;
        }
        let mut open = vars::of_term(term, OUTPUTS);
        open.retain(|other| !self.is_safe(other));
        if open.is_empty() {
            self.mark(name);
        }
        for other in &open {
            self.wait(name, other);
        }
    }
}

/// What tells a key from others: its text, but for numbers, which may be written in several ways (`1.0` is 1).
fn key_text(key: &Term) -> String {
    match &key.node {
        Node::Value(Value::Number(number)) => {
            number.as_i64().map_or_else(|| super::text::term(key), |int| int.to_string())
        }
        _ => super::text::term(key),
    }
}

/// The keys of references in a term or expression that iterate, where the reference can be looked into.
fn ref_outputs(part: Part<'_>, safe: &dyn Known, found: &mut VarSet) -> bool {
    let Part::Term(term) = part else { return false };
    match &term.node {
        Node::ArrayComprehension(..)
        | Node::SetComprehension(..)
        | Node::ObjectComprehension(..)
        | Node::Template { .. } => true,
        Node::Ref(terms) => {
            if !ref_is_safe(terms, safe) {
                return true;
            }
            let skip = Skip { ref_head: true, ..Skip::default() };
            vars::in_terms(terms.get(1..).unwrap_or_default(), skip, found);
            false
        }
        _ => false,
    }
}

/// Those of a term.
pub(super) fn of_term(term: &Term, safe: &dyn Known, found: &mut VarSet) {
    walk::term(term, &mut |part| ref_outputs(part, safe, found));
}

/// Those of an expression.
fn of_expr_terms(expr: &Expr, safe: &dyn Known, found: &mut VarSet) {
    walk::expr(expr, &mut |part| ref_outputs(part, safe, found));
}

/// What an equality binds.
pub(super) fn of_equality(expr: &Expr, safe: &dyn Known) -> VarSet {
    let mut found = VarSet::new();
    let Some((left, right)) = equality_of(expr) else { return found };
    of_expr_terms(expr, safe, &mut found);
    // What is left of `:=` is only ever bound: it must not help the right side backwards.
    let assigned = if expr.from_assignment { vars::of_term(left, vars::ALL) } else { VarSet::new() };
    found.retain(|name| !assigned.contains(name));
    let unified = {
        let both = Both(safe, &found);
        let base = Without(&both, &assigned);
        unify(&base, left, right)
    };
    found.extend(unified);
    found.retain(|name| !safe.has(name));
    found
}

/// What a call binds: what its extra operand names, once the others have values.
fn of_call(expr: &Expr, terms: &[Term], arity: usize, safe: &dyn Known) -> VarSet {
    let mut found = VarSet::new();
    of_expr_terms(expr, safe, &mut found);
    let Some((inputs, outputs)) =
        terms.split_at_checked(arity + 1).filter(|(_, outputs)| !outputs.is_empty())
    else {
        return found;
    };
    let skip = Skip { sets: true, ..OUTPUTS };
    let mut open = false;
    let mut check =
        vars::Each(|name: &Name, _: Option<&Term>| open |= !found.contains(name) && !safe.has(name));
    vars::in_terms(inputs, skip, &mut check);
    if open {
        return VarSet::new();
    }
    vars::in_terms(outputs, skip, &mut found);
    found
}

/// The variables that an expression gives values to, where `safe` have some already.
pub(super) fn of_expr(state: &State<'_>, expr: &Expr, safe: &dyn Known) -> VarSet {
    if expr.negated {
        return VarSet::new();
    }
    let mut open = false;
    let mut check = vars::Each(|name: &Name, _: Option<&Term>| open |= !safe.has(name));
    expr.with.iter().for_each(|with| vars::in_with(with, SAFETY, &mut check));
    if open {
        return VarSet::new();
    }
    let mut found = VarSet::new();
    match &expr.kind {
        ExprKind::Term(_) => of_expr_terms(expr, safe, &mut found),
        ExprKind::Call(terms) => {
            if super::state::call_of(expr, "eq").is_some() {
                return of_equality(expr, safe);
            }
            if let Some(arity) = terms.first().and_then(|operator| state.arity(operator)) {
                return of_call(expr, terms, arity, safe);
            }
        }
        ExprKind::Every(every) => of_term(&every.domain, safe, &mut found),
        ExprKind::Some(_) | ExprKind::Not { .. } | ExprKind::And(_) | ExprKind::Or(_) => {}
    }
    found
}

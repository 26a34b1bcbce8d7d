//! Bodies and expressions.

use super::print::text;
use super::rule::{Checker, Flaw};
use super::unify::unifies;
use super::{FunctionType, Type, is_partial};
use crate::ast::walk::{Part, walk};
use crate::ast::{Body, Expr, ExprKind, Node, Term};
use crate::check::dotted;
use crate::depth::grow;

impl Checker<'_> {
    /// Checks the expressions of a body in the current scope.
    pub(super) fn body(&mut self, body: &Body) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for expr in body {
            let opened = !expr.with.is_empty() && self.open_with(expr);
            let in_closures = self.closures(expr);
            let in_references = self.references(expr);
            let is_shadow = !in_closures.is_empty() || !in_references.is_empty();
            flaws.extend(in_closures);
            flaws.extend(in_references);
            // Where something inside is wrong already, what follows from not knowing it says nothing new.
            flaws.extend(self.expression(expr).filter(|flaw| !(is_shadow && flaw.unknown)));
            if opened {
                self.scopes.frames.pop();
            }
        }
        flaws
    }

    /// Checks the comprehensions of an expression.
    fn closures(&mut self, expr: &Expr) -> Vec<Flaw> {
        let mut found = Vec::new();
        walk(Part::Expr(expr), &mut |part| match part {
            Part::Term(
                term @ Term {
                    node:
                        Node::ArrayComprehension(..) | Node::SetComprehension(..) | Node::ObjectComprehension(..),
                    ..
                },
            ) => {
                found.push(term);
                false
            }
            _ => true,
        });
        let mut flaws = Vec::new();
        for term in found {
            self.in_comprehensions.clear();
            if grow(|| self.comprehension(term)).is_none() && !self.in_comprehensions.is_empty() {
                flaws = std::mem::take(&mut self.in_comprehensions);
            }
        }
        flaws
    }

    fn expression(&mut self, expr: &Expr) -> Option<Flaw> {
        if let Some(flaw) = self.with_functions(expr) {
            return Some(flaw);
        }
        let ExprKind::Call(terms) = &expr.kind else { return None };
        let (operator, arguments) = terms.split_first()?;
        let Node::Ref(name) = &operator.node else { return None };
        let called = dotted(name).unwrap_or_default();
        match (&*called, arguments) {
            ("eq", [a, b]) => return self.equality(expr, a, b),
            ("internal.member_2", [item, xs, ..]) => {
                if let Some(flaw) = self.membership(expr, None, item, xs) {
                    return Some(flaw);
                }
            }
            ("internal.member_3", [key, item, xs, ..]) => {
                if let Some(flaw) = self.membership(expr, Some(key), item, xs) {
                    return Some(flaw);
                }
            }
            _ => {}
        }
        match self.scopes.reference(name) {
            Some(Type::Function(function)) => self.call(expr, &called, &function, arguments),
            Some(other) if other.is_any() => None,
            _ => Some(Flaw::new(expr.span, format!("undefined function {}", self.names.text(name)), false)),
        }
    }

    fn equality(&mut self, expr: &Expr, a: &Term, b: &Term) -> Option<Flaw> {
        let (type_a, type_b) = (self.type_of(a), self.type_of(b));
        if self.unify_terms(a, b) { None } else { Some(mismatch(expr, type_a.as_ref(), type_b.as_ref())) }
    }

    /// `in`: the operands are declared as anything; what a collection holds depends on the collection.
    fn membership(
        &mut self,
        expr: &Expr,
        key: Option<&Term>,
        item: &Term,
        collection: &Term,
    ) -> Option<Flaw> {
        let of = self.type_of(collection)?;
        let values = of.values()?;
        if let Some(key) = key
            && let Some(flaw) = self.member(expr, key, of.keys())
        {
            return Some(flaw);
        }
        self.member(expr, item, Some(values))
    }

    fn member(&mut self, expr: &Expr, term: &Term, of: Option<Type>) -> Option<Flaw> {
        let of = of.filter(|of| !is_partial(Some(of)))?;
        let have = self.type_of(term);
        let clash = have.as_ref().is_some_and(|have| !is_partial(Some(have)) && !unifies(have, &of));
        if clash || !self.unify(term, &of, false) {
            return Some(mismatch(expr, have.as_ref(), Some(&of)));
        }
        None
    }

    fn call(&mut self, expr: &Expr, name: &str, function: &FunctionType, arguments: &[Term]) -> Option<Flaw> {
        let mut wanted: Vec<Option<Type>> = function.arguments.clone();
        wanted.extend(function.result.clone().map(Some));
        let known: Vec<_> = arguments.iter().map(|argument| self.type_of(argument)).collect();
        let problem = if arguments.len() > wanted.len() && function.variadic.is_none() {
            "too many arguments"
        } else if arguments.len() < function.arguments.len() {
            "too few arguments"
        } else {
            ""
        };
        if !problem.is_empty() {
            return Some(argument_flaw(expr, name, problem, &known, &wanted));
        }
        for (index, argument) in arguments.iter().enumerate() {
            let of = match wanted.get(index) {
                Some(of) => of.clone(),
                None => function.variadic.clone(),
            };
            let Some(of) = of else { continue };
            let have = known.get(index).and_then(Option::as_ref);
            if have.is_some_and(|have| !is_partial(Some(have)) && !unifies(have, &of)) {
                return Some(argument_flaw(expr, name, "invalid argument(s)", &known, &wanted));
            }
            if !self.unify(argument, &of, false) {
                let known: Vec<_> = arguments.iter().map(|argument| self.type_of(argument)).collect();
                return Some(argument_flaw(expr, name, "invalid argument(s)", &known, &wanted));
            }
        }
        None
    }
}

fn mismatch(expr: &Expr, left: Option<&Type>, right: Option<&Type>) -> Flaw {
    let mut flaw = Flaw::new(expr.span, "match error".to_owned(), is_partial(left) || is_partial(right));
    flaw.hint = Some(format!("the left side is {}, the right side is {}", text(left), text(right)));
    flaw
}

fn argument_flaw(
    expr: &Expr,
    name: &str,
    problem: &str,
    have: &[Option<Type>],
    want: &[Option<Type>],
) -> Flaw {
    let list =
        |types: &[Option<Type>]| types.iter().map(|of| text(of.as_ref())).collect::<Vec<_>>().join(", ");
    let unknown = have.iter().any(|of| is_partial(of.as_ref()));
    let mut flaw = Flaw::new(expr.span, format!("{name}: {problem}"), unknown);
    flaw.hint = Some(format!("it has ({}) and wants ({})", list(have), list(want)));
    flaw
}

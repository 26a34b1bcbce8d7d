//! `print` calls: erased, or their operands captured.

use lumen_value::Value;

use super::state::{Generator, State, call_of, error, true_expr};
use super::template::captured;
use super::unify;
use super::vars::{self, ALL, Each, SAFETY, VarSet};
use super::walk::{self, Part, PartMut};
use crate::ast::{Body, Expr, ExprKind, Module, Name, Node, Term};
use crate::depth::grow;
use crate::error::{Code, Error};
use crate::hash::HashSet;

/// Takes all `print` calls out of a body and the bodies in it.
pub(super) fn erase(part: PartMut<'_>) -> bool {
    if let PartMut::Body(body) = part {
        let span = body.first().map(|first| first.span).unwrap_or_default();
        body.retain(|expr| call_of(expr, "print").is_none());
        if body.is_empty() {
            body.push(true_expr(span));
        }
    }
    false
}

/// Rewrites the `print` calls of all rules.
pub(super) fn rewrite(state: &mut State<'_>, modules: &mut [Module]) {
    for index in state.order.clone() {
        let Some(module) = modules.get_mut(index) else { continue };
        let mut generator = std::mem::replace(&mut state.generator, Generator::of_modules(&[]));
        let mut errors = Vec::new();
        super::rewrite::branches(module, &mut |rule| {
            let mut found = false;
            walk::branch(rule, &mut |part| {
                found |= matches!(part, Part::Expr(expr) if call_of(expr, "print").is_some());
                found
            });
            if !found {
                return;
            }
            let mut known: VarSet = [Name::from("data"), Name::from("input")].into();
            vars::in_terms(rule.head.arguments.as_deref().unwrap_or_default(), ALL, &mut known);
            let mut in_body = |body: &mut Body| {
                let mut prints =
                    Prints { state, generator: &mut generator, known: known.iter().cloned().collect() };
                prints.body(body).unwrap_or_else(|mut found| errors.append(&mut found));
            };
            walk::head_mut(&mut rule.head, &mut |part| {
                let PartMut::Body(body) = part else { return false };
                in_body(body);
                true
            });
            in_body(&mut rule.body);
        });
        state.generator = generator;
        state.errors.add_all(errors);
    }
}

/// Rewrites the `print` calls of a query.
pub(super) fn rewrite_query(
    state: &State<'_>,
    generator: &mut Generator,
    body: &mut Body,
) -> Result<(), Vec<Error>> {
    let known = ["data", "input"].into_iter().map(Name::from).collect();
    Prints { state, generator, known }.body(body)
}

struct Prints<'a, 's> {
    state: &'a State<'s>,
    generator: &'a mut Generator,
    /// What has a value so far.
    known: HashSet<Name>,
}

impl Prints<'_, '_> {
    fn body(&mut self, body: &mut Body) -> Result<(), Vec<Error>> {
        let mut added = Vec::new();
        let result = self.closures(body, &mut added);
        self.forget(&mut added);
        result?;
        let result = self.calls(body, &mut added);
        self.forget(&mut added);
        result
    }

    fn forget(&mut self, added: &mut Vec<Name>) {
        added.drain(..).for_each(|name| {
            self.known.remove(&name);
        });
    }

    fn learn(&mut self, names: VarSet, added: &mut Vec<Name>) {
        for name in names {
            if self.known.insert(name.clone()) {
                added.push(name);
            }
        }
    }

    fn closures(&mut self, body: &mut Body, added: &mut Vec<Name>) -> Result<(), Vec<Error>> {
        for expr in body {
            let outputs = unify::of_expr(self.state, expr, &self.known);
            let mut inner = Vec::new();
            let mut errors = Vec::new();
            walk::expr_mut(expr, &mut |part| match part {
                PartMut::Body(body) => {
                    grow(|| self.body(body)).unwrap_or_else(|mut found| errors.append(&mut found));
                    true
                }
                PartMut::Expr(Expr { kind: ExprKind::Every(every), .. }) => {
                    let mut names = VarSet::new();
                    every
                        .key
                        .iter()
                        .chain([&every.value])
                        .for_each(|term| vars::in_term(term, ALL, &mut names));
                    self.learn(names, &mut inner);
                    false
                }
                _ => false,
            });
            self.forget(&mut inner);
            if !errors.is_empty() {
                return Err(errors);
            }
            self.learn(outputs, added);
        }
        Ok(())
    }

    fn calls(&mut self, body: &mut Body, added: &mut Vec<Name>) -> Result<(), Vec<Error>> {
        for expr in body {
            let outputs = unify::of_expr(self.state, expr, &self.known);
            if call_of(expr, "print").is_some() {
                self.call(expr)?;
            }
            self.learn(outputs, added);
            let mut made_up = VarSet::new();
            let mut collect = Each(|name: &Name, _: Option<&Term>| {
                if vars::is_generated(name) {
                    made_up.insert(name.clone());
                }
            });
            vars::in_expr(expr, ALL, &mut collect);
            self.learn(made_up, added);
        }
        Ok(())
    }

    fn call(&mut self, expr: &mut Expr) -> Result<(), Vec<Error>> {
        let span = expr.span;
        let ExprKind::Call(terms) = &mut expr.kind else { return Ok(()) };
        let mut errors = Vec::new();
        for term in terms.iter().skip(1) {
            for name in vars::of_term(term, SAFETY).into_iter().filter(|name| !self.known.contains(name)) {
                let shown = vars::shown(self.state.original(&name));
                errors.push(error(Code::Compile, term.span, format!("var {shown} is undeclared")));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let operands =
            terms.drain(..).skip(1).map(|term| captured(self.generator, term, Vec::new())).collect();
        let name = [Node::Var(Name::from("internal")), Node::Value(Value::from("print"))];
        let operator = name.into_iter().map(|node| Term { node, span }).collect();
        let kind = ExprKind::Call(vec![
            Term { node: Node::Ref(operator), span },
            Term { node: Node::Array(operands), span },
        ]);
        *expr = super::state::expr(kind, span);
        Ok(())
    }
}

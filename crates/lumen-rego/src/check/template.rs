//! `$"text {term}"` becomes a call of `internal.template_string`; each term stands in a set comprehension, so that one
//! without a value does not stop the rest.

use lumen_value::Value;

use super::state::{Builtin, Generator, State, equality, error};
use super::unify;
use super::vars::{self, ALL, Each, SAFETY, VarSet};
use super::walk::{self, Part, PartMut};
use crate::ast::{Body, Expr, ExprKind, Module, Name, Node, RuleKind, Term};
use crate::depth::grow;
use crate::error::{Code, Error, Span};
use crate::hash::HashSet;

/// How many errors are worth looking for: the list of all has no more.
const ERRORS_MAX: usize = 10;

fn has_template(part: Part<'_>, found: &mut bool) -> bool {
    *found |= matches!(part, Part::Term(Term { node: Node::Template { .. }, .. }));
    *found
}

/// Rewrites the templates of all rules.
pub(super) fn rewrite(state: &mut State<'_>, modules: &mut [Module]) {
    let mut found = false;
    for module in modules.iter() {
        walk::module(module, &mut |part| has_template(part, &mut found));
    }
    if !found {
        return;
    }
    let constants = Constants::of(state, modules);
    for index in state.order.clone() {
        let Some(module) = modules.get_mut(index) else { continue };
        let mut generator = std::mem::replace(&mut state.generator, Generator::of_modules(&[]));
        let mut errors = Vec::new();
        super::rewrite::branches(module, &mut |rule| {
            let mut found = false;
            walk::branch(rule, &mut |part| has_template(part, &mut found));
            if !found {
                return;
            }
            let mut safe: VarSet = [Name::from("data"), Name::from("input")].into();
            vars::in_terms(rule.head.arguments.as_deref().unwrap_or_default(), ALL, &mut safe);
            let mut rewriter =
                Rewriter { state, generator: &mut generator, constants: &constants, errors: Vec::new() };
            let safe = rewriter.body(&safe, &mut rule.body);
            walk::head_mut(&mut rule.head, &mut |part| rewriter.part(&safe, part));
            errors.append(&mut rewriter.errors);
        });
        state.generator = generator;
        state.errors.add_all(errors);
    }
}

/// Rewrites the templates of a query.
pub(super) fn rewrite_query(
    state: &State<'_>,
    modules: &[Module],
    generator: &mut Generator,
    body: &mut Body,
) -> Vec<Error> {
    let mut found = false;
    walk::body(body, &mut |part| has_template(part, &mut found));
    if !found {
        return Vec::new();
    }
    let constants = Constants::of(state, modules);
    let safe: VarSet = [Name::from("data"), Name::from("input")].into();
    let mut rewriter = Rewriter { state, generator, constants: &constants, errors: Vec::new() };
    rewriter.body(&safe, body);
    rewriter.errors
}

/// Paths of rules that always have a value.
struct Constants(HashSet<super::tree::NodeId>);

impl Constants {
    fn of(state: &State<'_>, modules: &[Module]) -> Self {
        let tree = &state.tree;
        let constant = |id: &super::tree::NodeId| {
            let node = tree.node(*id);
            if node.arity.is_some_and(|arity| arity > 0) {
                return false;
            }
            if !node.defaults.is_empty() || node.kind == Some(RuleKind::PartialSet) {
                return true;
            }
            let [one] = node.rules.as_slice() else { return false };
            let rule = modules.get(one.module).and_then(|module| module.rules.get(one.rule));
            rule.is_some_and(|rule| {
                let ground = rule.head.value.as_ref().is_some_and(is_constant);
                super::state::says_nothing(&rule.body) && ground
            })
        };
        Self(tree.below(tree.root()).into_iter().filter(constant).collect())
    }
}

/// A scalar, a variable, or a collection without variables.
fn is_constant(term: &Term) -> bool {
    match &term.node {
        Node::Value(_) | Node::Var(_) => true,
        Node::Array(_) | Node::Object(_) | Node::Set(_) => {
            let mut ground = !super::rewrite::requires_eval(term);
            vars::in_term(term, ALL, &mut Each(|_: &Name, _: Option<&Term>| ground = false));
            ground
        }
        _ => false,
    }
}

struct Rewriter<'a, 's> {
    state: &'a State<'s>,
    generator: &'a mut Generator,
    constants: &'a Constants,
    errors: Vec<Error>,
}

impl Rewriter<'_, '_> {
    /// Rewrites in a body; all that has a value after it.
    fn body(&mut self, outer: &VarSet, body: &mut Body) -> VarSet {
        let mut safe = outer.clone();
        for expr in body.iter() {
            let found = unify::of_expr(self.state, expr, &safe);
            safe.extend(found);
        }
        for expr in body {
            walk::expr_mut(expr, &mut |part| self.part(&safe, part));
        }
        safe
    }

    /// The same for a body inside a term. OPA comes by again from outside, which shows where something is wrong: the errors
    /// are doubled, and more may be missing there.
    fn body_twice(&mut self, inner: &VarSet, outer: &VarSet, body: &mut Body) -> VarSet {
        let before = self.errors.len();
        let safe = self.body(inner, body);
        if self.errors.len() > before && self.errors.len() < ERRORS_MAX {
            for expr in body {
                walk::expr_mut(expr, &mut |part| self.part(outer, part));
            }
        }
        safe
    }

    fn part(&mut self, safe: &VarSet, part: PartMut<'_>) -> bool {
        match part {
            PartMut::Term(term) => self.term(safe, term),
            PartMut::Expr(expr) => {
                let ExprKind::Every(every) = &mut expr.kind else { return false };
                self.template(safe, &mut every.domain);
                walk::term_mut(&mut every.domain, &mut |part| self.part(safe, part));
                let mut inner = safe.clone();
                every.key.iter().chain([&every.value]).for_each(|term| vars::in_term(term, ALL, &mut inner));
                grow(|| self.body_twice(&inner, safe, &mut every.body));
                expr.with.iter_mut().for_each(|with| walk::with_mut(with, &mut |part| self.part(safe, part)));
                true
            }
            PartMut::Body(_) | PartMut::With(_) => false,
        }
    }

    fn term(&mut self, safe: &VarSet, term: &mut Term) -> bool {
        self.template(safe, term);
        grow(|| match &mut term.node {
            Node::ArrayComprehension(head, body) | Node::SetComprehension(head, body) => {
                let inner = self.body_twice(safe, safe, body);
                self.template(&inner, head);
                walk::term_mut(head, &mut |part| self.part(safe, part));
                true
            }
            Node::ObjectComprehension(head, body) => {
                let inner = self.body_twice(safe, safe, body);
                for term in [&mut head.0, &mut head.1] {
                    self.template(&inner, term);
                    walk::term_mut(term, &mut |part| self.part(safe, part));
                }
                true
            }
            _ => false,
        })
    }

    /// Rewrites a term if it is a template.
    fn template(&mut self, safe: &VarSet, term: &mut Term) {
        let span = term.span;
        let Node::Template { parts, .. } = &mut term.node else { return };
        let before = self.errors.len();
        for part in parts.iter() {
            self.check_part(safe, part);
        }
        if self.errors.len() > before {
            return;
        }
        let mut terms: Vec<Term> =
            std::mem::take(parts).into_iter().filter_map(|part| self.part_term(part, span)).collect();
        if terms.is_empty() {
            terms.push(Term { node: Node::Value(Value::from("")), span });
        }
        let name = ["internal", "template_string"];
        let operator = name.iter().enumerate().map(|(index, text)| Term {
            node: if index == 0 { Node::Var(Name::from(*text)) } else { Node::Value(Value::from(*text)) },
            span,
        });
        term.node = Node::Call(vec![
            Term { node: Node::Ref(operator.collect()), span },
            Term { node: Node::Array(terms), span },
        ]);
    }

    /// Whether a part stands as it is in a set: a variable, or a rule that always has a value.
    fn is_whole(&self, term: &Term) -> bool {
        match &term.node {
            Node::Var(_) => true,
            Node::Ref(terms) => {
                self.state.tree.find_ref(terms).is_some_and(|node| self.constants.0.contains(&node))
            }
            _ => false,
        }
    }

    fn check_part(&mut self, safe: &VarSet, part: &Expr) {
        let mut open = VarSet::new();
        match &part.kind {
            ExprKind::Term(term) if self.is_whole(term) => {}
            ExprKind::Term(term) => vars::in_term(term, SAFETY, &mut open),
            ExprKind::Call(terms) => {
                if let Some(Node::Ref(name)) = terms.first().map(|operator| &operator.node)
                    && self.state.builtin_of(name).is_some_and(Builtin::relation)
                {
                    let name = super::text::reference(name);
                    let message =
                        format!("illegal call to relation built-in '{name}' that may cause multiple outputs");
                    self.errors.push(error(Code::Compile, unplaced(part.span), message));
                    return;
                }
                let alone = super::state::expr(ExprKind::Call(terms.clone()), part.span);
                vars::in_expr(&alone, SAFETY, &mut open);
            }
            _ => {
                let message = "unexpected template-string expression type".to_owned();
                self.errors.push(error(Code::Compile, part.span, message));
            }
        }
        let span = match &part.kind {
            ExprKind::Term(term) => term.span,
            _ => unplaced(part.span),
        };
        for name in open.into_iter().filter(|name| !safe.contains(name)) {
            let shown = vars::shown(self.state.original(&name));
            self.errors.push(error(Code::Compile, span, format!("var {shown} is undeclared")));
        }
    }

    fn part_term(&mut self, part: Expr, span: Span) -> Option<Term> {
        let term = match part.kind {
            ExprKind::Term(term)
                if matches!(term.node, Node::Value(Value::String(_))) && part.with.is_empty() =>
            {
                return Some(term);
            }
            ExprKind::Term(term) => term,
            ExprKind::Call(terms) => Term { node: Node::Call(terms), span: unplaced(part.span) },
            _ => return None,
        };
        if self.is_whole(&term) {
            return Some(Term { node: Node::Set(vec![term]), span });
        }
        Some(captured(self.generator, term, part.with))
    }
}

/// OPA forgets where the calls in a template stand: neither row nor column is said. The bytes still are.
const fn unplaced(span: Span) -> Span {
    Span { row: 0, column: 0, ..span }
}

/// `{x | x = term}`: empty where the term has no value.
pub(super) fn captured(generator: &mut Generator, term: Term, with: Vec<crate::ast::With>) -> Term {
    let span = term.span;
    let variable = generator.variable(span);
    let mut capture = equality(variable.clone(), term, span);
    capture.with = with;
    Term { node: Node::SetComprehension(Box::new(variable), vec![capture]), span }
}

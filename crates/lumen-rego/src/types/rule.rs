//! Rules in the order of their needs, and queries.

use std::rc::Rc;
use std::sync::Arc;

use lumen_value::Value;

use super::environment::{Environment, Scopes, TypeTree};
use super::{FunctionType, Type};
use crate::ast::walk::{Part, walk};
use crate::ast::{Body, Node, Ref, Rule, RuleKind, Term};
use crate::builtin::Capabilities;
use crate::check::constant;
use crate::error::{Code, Error, Span};
use crate::hash::HashMap;

/// An error with what the checker needs to know of it.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    span: Span,
    message: String,
    /// It may come of a type that is not known.
    pub(super) unknown: bool,
    pub(super) hint: Option<String>,
}

impl Flaw {
    pub(super) const fn new(span: Span, message: String, unknown: bool) -> Self {
        Self { span, message, unknown, hint: None }
    }

    fn into_error(self) -> Error {
        Error {
            code: Code::Type,
            span: self.span,
            file: Arc::from(""),
            message: self.message,
            hint: self.hint,
        }
    }
}

/// How references are written in messages: under the names that the text has.
pub(crate) struct Names<'a>(pub(crate) &'a dyn Fn(&[Term]) -> String);

impl Names<'_> {
    pub(super) fn text(&self, terms: &[Term]) -> String {
        (self.0)(terms)
    }

    pub(super) fn undefined(&self, terms: &[Term], unknown: bool) -> Flaw {
        Flaw::new(place(terms), format!("undefined ref: {}", self.text(terms)), unknown)
    }

    pub(super) fn not_called(&self, terms: &[Term]) -> Flaw {
        let made_up =
            |term: &Term| matches!(&term.node, Node::Var(name) if name.to_text().starts_with("__local"));
        let shown = match terms.split_last() {
            Some((last, rest)) if made_up(last) => rest,
            _ => terms,
        };
        Flaw::new(place(terms), format!("function {} used as reference, not called", self.text(shown)), false)
    }
}

fn place(terms: &[Term]) -> Span {
    terms.first().map(|first| first.span).unwrap_or_default()
}

/// The rules, by path, that need what a reference refers to; none where there is none. Where the second is true, without what stands
/// at the reference itself.
pub(crate) type Dependents<'d> = dyn Fn(&[Term], bool) -> Option<Rc<TypeTree>> + 'd;

/// One check of rules or of a query.
pub(crate) struct Checker<'c> {
    pub(super) scopes: Scopes<'c>,
    pub(super) names: Names<'c>,
    /// Where the rules stand that need what a reference refers to.
    pub(super) dependents: &'c Dependents<'c>,
    /// Errors of the comprehension that was checked last.
    pub(super) in_comprehensions: Vec<Flaw>,
}

impl Environment {
    /// The environment without any rule.
    pub(crate) fn new(capabilities: &Capabilities) -> Self {
        let host = capabilities.host.iter().map(|(name, arity)| {
            let arguments = vec![Some(Type::any()); *arity];
            let of = FunctionType { arguments, variadic: None, result: Some(Type::any()) };
            (name.clone(), Type::Function(Arc::new(of)))
        });
        Self { host: host.collect::<HashMap<_, _>>(), data: TypeTree::default() }
    }

    /// Checks one rule or `else` branch and adds its type. `reference` is the whole one, from `data`. What it needs
    /// comes before it.
    pub(crate) fn check_rule(
        &mut self,
        rule: &Rule,
        reference: &Ref,
        names: Names<'_>,
        dependents: &Dependents<'_>,
    ) -> Vec<Error> {
        let mut checker =
            Checker { scopes: Scopes::new(self), names, dependents, in_comprehensions: Vec::new() };
        let flaws = checker.body(&rule.body);
        let of = if flaws.is_empty() { checker.rule(rule, reference) } else { None };
        let path: Vec<Value> = reference.iter().skip(1).map_while(constant).collect();
        if !flaws.is_empty() {
            // Who refers to it is spared the errors that would follow.
            self.data.put(&path, Type::any());
            return flaws.into_iter().map(Flaw::into_error).collect();
        }
        if let Some(of) = of {
            self.data.insert(&path, of);
        }
        Vec::new()
    }

    /// Checks a query's body.
    pub(crate) fn check_body(
        &self,
        body: &Body,
        names: Names<'_>,
        dependents: &Dependents<'_>,
    ) -> Vec<Error> {
        let mut checker =
            Checker { scopes: Scopes::new(self), names, dependents, in_comprehensions: Vec::new() };
        checker.body(body).into_iter().map(Flaw::into_error).collect()
    }
}

impl Checker<'_> {
    /// What a rule defines, its body being checked.
    fn rule(&mut self, rule: &Rule, reference: &Ref) -> Option<Type> {
        if let Some(arguments) = rule.head.arguments.as_ref().filter(|arguments| !arguments.is_empty()) {
            return Some(self.function(rule, arguments));
        }
        let keys: Vec<&Term> = reference.iter().skip(1).skip_while(|term| constant(term).is_some()).collect();
        let of = match (rule.head.kind(), &rule.head.key) {
            (RuleKind::PartialSet, Some(key)) => Type::Set(Some(Arc::new(self.type_of(key)?))).bounded(),
            _ => self.type_of(rule.head.value.as_ref()?)?,
        };
        keys.into_iter()
            .rev()
            .try_fold(of, |of, key| Some(Type::dictionary(Some(self.type_of(key)?), Some(of))))
    }

    fn function(&mut self, rule: &Rule, arguments: &[Term]) -> Type {
        for argument in arguments {
            let mut unknown = Vec::new();
            walk(Part::Term(argument), &mut |part| {
                if let Part::Term(Term { node: Node::Var(name), .. }) = part {
                    unknown.push(name.clone());
                }
                true
            });
            for name in unknown {
                if self.scopes.variable(&name).is_none() {
                    self.scopes.put(&name, Type::any());
                }
            }
        }
        let arguments = arguments.iter().map(|argument| self.type_of(argument)).collect();
        let result = rule.head.value.as_ref().and_then(|value| self.type_of(value));
        Type::Function(Arc::new(FunctionType { arguments, variadic: None, result }))
    }
}

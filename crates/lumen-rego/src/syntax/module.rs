//! Statements to a module (`parseModule` of `v1/ast/parser_ext.go`): bodies that are rules written short, and what v1 asks
//! of rules.

use std::sync::Arc;

use super::Parsed;
use super::annotation;
use super::rule::{ParsedRule, true_body};
use super::statement::Statement;
use super::token::Keywords;
use crate::ast::{Expr, ExprKind, Head, Import, Module, Node, Ref, Rule, Term, Version, walk};
use crate::builtin;
use crate::error::{Code, Error, Errors, Span};
use lumen_value::Value;

/// Builds a module.
pub(super) fn build(file: &Arc<str>, version: Version, parsed: Parsed) -> Result<Module, Vec<Error>> {
    let Parsed { statements, annotations } = parsed;
    let mut builder = Builder { file, version, errors: Vec::new() };
    let headless = builder.missing_head_keywords(&statements);
    let mut statements = statements.into_iter();
    let package = match statements.next() {
        Some(Statement::Package(path, span)) => Some((path, span)),
        Some(other) => {
            builder.error(place(&other), "package expected");
            None
        }
        None => {
            builder.error(Span::default(), "empty module");
            return Err(builder.errors);
        }
    };
    let mut imports = Vec::new();
    let mut rules = Vec::new();
    for (index, statement) in statements.enumerate() {
        match statement {
            Statement::Import(import) => {
                if builder.version == Version::V0 && is_rego_import(&import) {
                    builder.version = Version::V0WithV1;
                }
                imports.push(import);
            }
            Statement::Rule(rule) => rules.push(*rule),
            Statement::Body(body) => {
                let span = body.first().map(|expr| expr.span).unwrap_or_default();
                match rule_of(body) {
                    Ok(rule) => rules.push(rule),
                    Err(mut message) => {
                        let keyword = headless.get(index + 1).copied().flatten();
                        if let Some((keyword, example)) = keyword.filter(|_| builder.version == Version::V0) {
                            message = format!(
                                "{message} (hint: `import future.keywords.{keyword}` for `{example}` rules)"
                            );
                        }
                        builder.error(span, message);
                    }
                }
            }
            Statement::Package(_, span) => builder.error(span, "unexpected package"),
        }
    }
    if builder.version != Version::V0 {
        for rule in &rules {
            builder.check_v1(rule);
        }
    }
    let Builder { version, errors, .. } = builder;
    let Some((package, package_span)) = package.filter(|_| errors.is_empty()) else {
        return Err(errors);
    };
    let mut module = Module {
        file: file.clone(),
        version,
        package,
        package_span,
        imports,
        rules: rules.into_iter().map(|parsed| parsed.rule).collect(),
        annotations: Vec::new(),
    };
    let errors = annotation::attach(&mut module, annotations);
    if errors.is_empty() { Ok(module) } else { Err(errors) }
}

struct Builder<'a> {
    file: &'a Arc<str>,
    version: Version,
    errors: Vec<Error>,
}

/// A keyword of rule heads and an example of it.
type HeadKeyword = (&'static str, &'static str);

const HEAD_KEYWORDS: [HeadKeyword; 2] = [("if", "p if { ... }"), ("contains", "p contains x")];

fn place(statement: &Statement) -> Span {
    match statement {
        Statement::Package(_, span) => *span,
        Statement::Import(import) => import.span,
        Statement::Rule(parsed) => parsed.rule.span,
        Statement::Body(body) => body.first().map(|expr| expr.span).unwrap_or_default(),
    }
}

fn is_rego_import(import: &Import) -> bool {
    let Node::Ref(parts) = &import.path.node else { return false };
    match parts.as_slice() {
        [Term { node: Node::Var(root), .. }, Term { node: Node::Value(Value::String(version)), .. }] => {
            root == "rego" && (version == "v1" || version == "v2")
        }
        _ => false,
    }
}

/// The keyword that a statement consists of, because it was none here.
fn head_keyword(statement: &Statement) -> Option<HeadKeyword> {
    let name = match statement {
        Statement::Rule(parsed) => rule_name(parsed)?,
        Statement::Body(body) => match body.as_slice() {
            [Expr { kind: ExprKind::Term(Term { node: Node::Var(name), .. }), .. }] => {
                name.to_text().into_owned()
            }
            _ => return None,
        },
        _ => return None,
    };
    HEAD_KEYWORDS.iter().find(|(keyword, _)| *keyword == name).copied()
}

/// The name of a rule, where OPA gives it one: not to those of several parts.
fn rule_name(parsed: &ParsedRule) -> Option<String> {
    if let Some(name) = &parsed.name {
        return Some(name.to_text().into_owned());
    }
    match parsed.rule.head.reference.as_slice() {
        [Term { node: Node::Var(name), .. }] => Some(name.to_text().into_owned()),
        _ => None,
    }
}

impl Builder<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>) {
        let message = message.into();
        self.errors.push(Error { code: Code::Parse, span, file: self.file.clone(), message, hint: None });
    }

    /// For each statement, the keyword whose import is missing: itself or the next on its row.
    fn missing_head_keywords(&self, statements: &[Statement]) -> Vec<Option<HeadKeyword>> {
        if self.version != Version::V0 {
            return Vec::new();
        }
        let own: Vec<_> = statements.iter().map(head_keyword).collect();
        let rows = statements.iter().map(|statement| place(statement).row);
        let mut found = own.clone();
        let pairs = found.iter_mut().zip(own.iter().skip(1)).zip(rows.clone().zip(rows.skip(1)));
        for ((keyword, next), (row, next_row)) in pairs {
            if keyword.is_none() && row == next_row {
                *keyword = *next;
            }
        }
        found
    }

    /// What v1 asks of a rule and its `else` branches (`checkRegoV1Rule` of `v1/ast/rego_v1.go`).
    fn check_v1(&mut self, parsed: &ParsedRule) {
        let rules = std::iter::once(&parsed.rule).chain(&parsed.rule.otherwise);
        for (rule, has_if) in rules.zip(&parsed.has_if) {
            let has_arguments = rule.head.arguments.as_ref().is_some_and(|terms| !terms.is_empty());
            let kind = if has_arguments { "function" } else { "rule" };
            if rule.head.reference.len() < 2
                && let Some(name) = rule_name(parsed)
                && Keywords::NOT.with(Keywords::V1).is_keyword(&name)
            {
                self.error(rule.span, format!("{name} keyword cannot be used for rule name"));
            }
            if rule.generated_body && rule.head.generated_value {
                self.error(rule.span, format!("{kind} must have value assignment and/or body declaration"));
            }
            if !rule.generated_body && !has_if && !rule.default {
                self.error(rule.span, format!("`if` keyword is required before {kind} body"));
            }
            if rule.head.value.is_none() && !parsed.has_contains {
                self.error(rule.span, "`contains` keyword is required for partial set rules");
            }
        }
    }
}

/// A rule without body: `p = 1`, `p[x]`, `f(x)`.
fn rule_of(mut body: Vec<Expr>) -> Result<ParsedRule, String> {
    let (Some(expr), true) = (body.pop(), body.is_empty()) else {
        return Err("multiple expressions cannot be used for rule head".to_owned());
    };
    if !expr.with.is_empty() {
        return Err("expressions using with keyword cannot be used for rule head".to_owned());
    }
    if expr.negated {
        return Err("negated expressions cannot be used for rule head".to_owned());
    }
    let span = expr.span;
    match expr.kind {
        ExprKind::Some(_) => Err("'some' declarations cannot be used for rule head".to_owned()),
        ExprKind::Term(term) => rule_of_term(term),
        ExprKind::Call(terms) => rule_of_call(terms, span),
        _ => Err("expression cannot be used for rule head".to_owned()),
    }
}

fn short_rule(head: Head, span: Span, true_span: Span) -> ParsedRule {
    let rule = Rule {
        default: false,
        head,
        body: true_body(true_span),
        generated_body: true,
        otherwise: Vec::new(),
        span,
    };
    ParsedRule { rule, has_if: vec![false], has_contains: false, name: None }
}

fn head_of(reference: Ref, value: Option<Term>, span: Span) -> Head {
    Head { reference, arguments: None, key: None, value, generated_value: false, assign: false, span }
}

fn starts_with_var(reference: &[Term]) -> Result<(), String> {
    match reference.first().map(|first| &first.node) {
        Some(Node::Var(_)) => Ok(()),
        _ => Err(format!("invalid rule head: {}", super::print::reference(reference))),
    }
}

/// `p[x]`: a member of a set; `p.q.r`: a rule that is true.
fn rule_of_term(term: Term) -> Result<ParsedRule, String> {
    let kind = walk::kind_name(&term);
    let span = term.span;
    let Node::Ref(mut reference) = term.node else {
        return Err(format!("{kind} cannot be used for rule name"));
    };
    if reference.len() == 1 {
        return Err(format!("{kind}s cannot be used for rule head"));
    }
    starts_with_var(&reference)?;
    if reference.len() > 2 {
        let value = Term { node: Node::Value(Value::Bool(true)), span };
        let mut head = head_of(reference, Some(value), span);
        head.generated_value = true;
        return Ok(short_rule(head, span, span));
    }
    let key = reference.pop();
    let mut head = head_of(reference, None, span);
    head.key = key;
    Ok(short_rule(head, span, span))
}

/// `p = x`, `p[x] := y`, `f(x) = y`, `f(x)`.
fn rule_of_call(terms: Vec<Term>, span: Span) -> Result<ParsedRule, String> {
    let operator = terms.first().map(ToString::to_string).unwrap_or_default();
    let is_plain = matches!(terms.first().map(|term| &term.node), Some(Node::Ref(parts)) if parts.len() == 1);
    let is_assignment = is_plain && operator == "assign";
    if is_assignment || (is_plain && operator == "eq") {
        let mut terms = terms.into_iter().skip(1);
        let (Some(left), Some(right)) = (terms.next(), terms.next()) else {
            return Err("assignment requires two operands".to_owned());
        };
        let mut parsed = rule_of_equation(left, right)?;
        parsed.rule.span = span;
        parsed.rule.head.span = span;
        parsed.rule.head.assign = is_assignment;
        return Ok(parsed);
    }
    if builtin::signature(&operator).is_some() {
        return Err("rule name conflicts with built-in function".to_owned());
    }
    if terms.len() <= 1 {
        return Err("rule argument list must take at least one argument".to_owned());
    }
    let mut terms = terms.into_iter();
    let Some(Term { node: Node::Ref(reference), span }) = terms.next() else {
        return Err("expression cannot be used for rule head".to_owned());
    };
    starts_with_var(&reference)?;
    let mut head = head_of(reference, Some(Term { node: Node::Value(Value::Bool(true)), span }), span);
    head.arguments = Some(terms.collect());
    Ok(short_rule(head, span, span))
}

fn rule_of_equation(left: Term, right: Term) -> Result<ParsedRule, String> {
    let kind = walk::kind_name(&left);
    let span = left.span;
    let true_span = right.span;
    match left.node {
        Node::Call(terms) => {
            let mut terms = terms.into_iter();
            match terms.next().map(|operator| operator.node) {
                Some(Node::Ref(reference)) if starts_with_var(&reference).is_ok() => {
                    let mut head = head_of(reference, Some(right), span);
                    head.arguments = Some(terms.collect());
                    Ok(short_rule(head, span, true_span))
                }
                _ => Err(format!("{kind} cannot be used for rule name")),
            }
        }
        Node::Ref(reference) => {
            starts_with_var(&reference)?;
            Ok(short_rule(head_of(reference, Some(right), true_span), true_span, true_span))
        }
        Node::Var(name) => {
            let reference = vec![Term { node: Node::Var(name), span }];
            Ok(short_rule(head_of(reference, Some(right), span), span, true_span))
        }
        _ => Err(format!("{kind} cannot be used for rule name")),
    }
}

/// Errors by place.
pub(super) fn sorted(mut errors: Vec<Error>) -> Errors {
    errors.sort_by(|a, b| {
        let place = |error: &Error| (error.span.module, error.span.row, error.span.column);
        place(a).cmp(&place(b)).then_with(|| a.message.cmp(&b.message))
    });
    Errors(errors)
}

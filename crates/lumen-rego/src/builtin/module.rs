//! `rego.parse_module`: a module's text to the JSON form of its tree. OPA: `v1/topdown/parse.go`, `v1/ast/policy_json.go`.

use std::sync::Arc;

use lumen_value::{Str, Value};

use super::{Answer, Context, Entry, Failure, operand};
use crate::ast::{Every, Expr, ExprKind, Head, Import, Logic, Module, Node, Rule, Term, With, walk};
use crate::depth::grow;
use crate::error::{Error, Span};
use crate::syntax::{ParseOptions, Refused, parse_module_with_comments};

/// The family, by name.
pub const TABLE: &[Entry] = &[("rego.parse_module", parse_module)];

/// How many bytes of values a byte of text can make, about.
const BYTES_A_BYTE: u64 = 400;

fn parse_module(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let file = operand::string(operands, 1)?;
    let text = match operand::any(operands, 2)? {
        Value::String(text) => text,
        // Upstream counts from the first here.
        other => return Err(operand::wrong(1, "string", other)),
    };
    let len = text.as_bytes().len() as u64;
    context.budget.steps(len)?;
    context.budget.bytes(len.saturating_mul(BYTES_A_BYTE))?;
    let file: Arc<str> = file.to_text().into();
    let text = text.to_text();
    match parse_module_with_comments(&file, &text, &ParseOptions::default()) {
        Ok((module, comments)) => Ok(module_value(&module, &comments, &text)),
        Err(refused) => Err(Failure::Builtin(message(&refused, &text))),
    }
}

/// Errors as upstream prints them: those of the text with the line that they are in.
fn message(refused: &Refused, text: &str) -> String {
    let (errors, details) = match refused {
        Refused::Unreadable(errors) => (errors, true),
        Refused::NoModule(errors) => (errors, false),
    };
    let print = |error: &Error| {
        if details { format!("{error}{}", detail(text, error.span)) } else { error.to_string() }
    };
    match errors.as_slice() {
        // An empty module is an error, not a list of errors.
        [one] if one.span.row == 0 => print(one),
        [one] => format!("1 error occurred: {}", print(one)),
        many => {
            let lines: Vec<String> = many.iter().map(print).collect();
            format!("{} errors occurred:\n{}", many.len(), lines.join("\n"))
        }
    }
}

/// The line of an error and a sign below its place.
fn detail(text: &str, span: Span) -> String {
    let bytes = text.as_bytes();
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let is_space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0);
    let mut at = (span.start as usize).min(bytes.len().saturating_sub(1));
    while at > 0 && bytes.get(at).is_some_and(is_space) {
        at -= 1;
    }
    let begin =
        bytes.get(..=at).and_then(|before| before.iter().rposition(is_break)).map_or(0, |index| index + 1);
    let end = bytes
        .get(at..)
        .and_then(|behind| behind.iter().position(is_break))
        .map_or(bytes.len(), |index| at + index);
    let begin = begin.min(end);
    let line = bytes.get(begin..end).map(String::from_utf8_lossy).unwrap_or_default();
    let trimmed = line.trim_start_matches('\t');
    let indent = at.saturating_sub(begin).saturating_sub(line.len() - trimmed.len());
    format!("\n\t{trimmed}\n\t{}^", " ".repeat(indent))
}

/// An object of the fields that are there.
fn object(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((Value::from(name), value?)));
    Value::Object(fields.collect())
}

fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(values.into_iter().collect())
}

/// A list; none where it would be empty.
fn some_list(values: impl IntoIterator<Item = Value>) -> Option<Value> {
    let list: lumen_value::Array = values.into_iter().collect();
    (!list.is_empty()).then_some(Value::Array(list))
}

fn flag(is: bool) -> Option<Value> {
    is.then_some(Value::Bool(true))
}

fn module_value(module: &Module, comments: &[Span], text: &str) -> Value {
    object([
        ("package", Some(object([("path", Some(terms(&module.package)))]))),
        ("imports", some_list(module.imports.iter().map(import))),
        ("rules", some_list(module.rules.iter().map(|each| rule(each, each.otherwise.as_slice())))),
        ("comments", some_list(comments.iter().map(|span| comment(&module.file, *span, text)))),
    ])
}

fn comment(file: &str, span: Span, text: &str) -> Value {
    let content = text.get(span.start as usize + 1..span.end as usize).unwrap_or_default();
    let location = object([
        ("file", Some(Value::from(file))),
        ("row", Some(Value::from(i64::from(span.row)))),
        ("col", Some(Value::from(i64::from(span.column)))),
    ]);
    let text = Value::from(base64(content.trim_end_matches('\r').as_bytes()));
    object([("Text", Some(text)), ("Location", Some(location))])
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, index| {
            (bits << 8) | usize::from(chunk.get(index).copied().unwrap_or_default())
        });
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place)) & 63).copied().map(char::from);
            text.push(digit.filter(|_| place <= chunk.len()).unwrap_or('='));
        }
    }
    text
}

fn import(import: &Import) -> Value {
    object([("path", Some(term(&import.path))), ("alias", import.alias.clone().map(Value::String))])
}

/// A rule, and after `else` the others.
fn rule(each: &Rule, others: &[Rule]) -> Value {
    // Innermost first, for they nest there.
    let mut otherwise = None;
    for other in others.iter().rev() {
        otherwise = Some(rule_value(other, each, otherwise));
    }
    rule_value(each, each, otherwise)
}

fn rule_value(rule: &Rule, first: &Rule, otherwise: Option<Value>) -> Value {
    object([
        ("body", Some(body(&rule.body))),
        ("default", flag(rule.default)),
        ("else", otherwise),
        ("head", Some(head(&rule.head, first))),
    ])
}

/// A head. `first` is the rule that an `else` belongs to.
fn head(head: &Head, first: &Rule) -> Value {
    let (name, key) = name_and_key(head, first);
    object([
        ("name", name),
        ("ref", Some(terms(&head.reference))),
        ("args", head.arguments.as_ref().and_then(|arguments| some_list(arguments.iter().map(term)))),
        ("key", key.map(term)),
        ("value", head.value.as_ref().map(term)),
        ("assign", flag(head.assign)),
    ])
}

/// The name and key that OPA gives a head: for its sake of old, also to one whose reference has two parts.
fn name_and_key<'a>(head: &'a Head, first: &Rule) -> (Option<Value>, Option<&'a Term>) {
    let name = |name: &Term| match &name.node {
        Node::Var(name) => Some(Value::String(name.clone())),
        _ => None,
    };
    let has_arguments = head.arguments.as_ref().is_some_and(|arguments| !arguments.is_empty());
    match head.reference.as_slice() {
        [one] => (name(one), head.key.as_ref()),
        [one, key] if head.key.is_none() && !first.default => {
            let is_key = !has_arguments
                && (first.generated_body || !walk::is_ground(key) || matches!(key.node, Node::Ref(_)));
            let has_name = first.generated_body && !has_arguments
                || !first.generated_body && !first.head.generated_value;
            (name(one).filter(|_| has_name), is_key.then_some(key))
        }
        _ => (None, head.key.as_ref()),
    }
}

fn terms(terms: &[Term]) -> Value {
    list(terms.iter().map(term))
}

fn body(exprs: &[Expr]) -> Value {
    list(exprs.iter().zip(0..).map(|(each, index)| expr(each, index)))
}

fn expr(expr: &Expr, index: i64) -> Value {
    object([
        ("generated", flag(expr.generated)),
        ("index", Some(Value::from(index))),
        ("negated", flag(expr.negated)),
        ("terms", Some(grow(|| kind(&expr.kind)))),
        ("with", some_list(expr.with.iter().map(with))),
    ])
}

fn with(with: &With) -> Value {
    object([("target", Some(term(&with.target))), ("value", Some(term(&with.value)))])
}

fn kind(kind: &ExprKind) -> Value {
    match kind {
        ExprKind::Term(one) => term(one),
        ExprKind::Call(call) => terms(call),
        ExprKind::Some(names) => object([("symbols", Some(terms(names)))]),
        ExprKind::Every(every) => every_value(every),
        ExprKind::Not { body: exprs, explicit } => object([
            ("type", Some(Value::from("not"))),
            ("body", Some(body(exprs))),
            ("explicit_body", Some(Value::Bool(*explicit))),
        ]),
        ExprKind::And(logic) => logic_value("and", logic),
        ExprKind::Or(logic) => logic_value("or", logic),
    }
}

fn every_value(every: &Every) -> Value {
    object([
        ("key", Some(every.key.as_ref().map_or(Value::Null, term))),
        ("value", Some(term(&every.value))),
        ("domain", Some(term(&every.domain))),
        ("body", Some(body(&every.body))),
    ])
}

fn logic_value(name: &'static str, logic: &Logic) -> Value {
    object([
        ("type", Some(Value::from(name))),
        ("lhs", Some(body(&logic.left))),
        ("rhs", Some(body(&logic.right))),
        ("explicit_lhs", flag(logic.explicit_left)),
        ("explicit_rhs", flag(logic.explicit_right)),
    ])
}

fn term(term: &Term) -> Value {
    object([
        ("type", Some(Value::from(walk::kind_name(term)))),
        ("value", Some(grow(|| node_value(&term.node)))),
    ])
}

fn node_value(node: &Node) -> Value {
    match node {
        Node::Value(Value::Null) => object([]),
        Node::Value(value) => value.clone(),
        Node::Var(name) => Value::String(Str::clone(name)),
        Node::Ref(parts) | Node::Array(parts) | Node::Set(parts) | Node::Call(parts) => terms(parts),
        Node::Object(entries) => list(entries.iter().map(|(key, value)| list([term(key), term(value)]))),
        Node::ArrayComprehension(one, exprs) | Node::SetComprehension(one, exprs) => {
            object([("term", Some(term(one))), ("body", Some(body(exprs)))])
        }
        Node::ObjectComprehension(entry, exprs) => object([
            ("key", Some(term(&entry.0))),
            ("value", Some(term(&entry.1))),
            ("body", Some(body(exprs))),
        ]),
        Node::Template { parts, multi_line } => object([
            ("multi_line", Some(Value::Bool(*multi_line))),
            ("parts", Some(list(parts.iter().map(part)))),
        ]),
    }
}

/// A part of a template: constants stand there as terms.
fn part(part: &Expr) -> Value {
    match &part.kind {
        ExprKind::Term(constant @ Term { node: Node::Value(_), .. }) => term(constant),
        _ => expr(part, 0),
    }
}

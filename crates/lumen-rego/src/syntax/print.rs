//! Trees to text, as OPA's `String()` prints them (`v1/ast/term_appenders.go`, `policy_appenders.go`): one line, in the
//! form that messages and traces show.

use std::fmt::{self, Write};

use lumen_value::{Str, Value};

use super::token::Keywords;
use crate::ast::{Expr, ExprKind, Head, Logic, Name, Node, Rule, Term, Version, With};
use crate::builtin;
use crate::depth::grow;

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_term(self, out)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_expr(self, out)
    }
}

/// A reference: `data.a[input.x].p`.
pub fn reference(terms: &[Term]) -> String {
    text(|out| write_ref(terms, out))
}

/// A body: its expressions with `; ` between.
pub fn body(body: &[Expr]) -> String {
    text(|out| write_list(body, "; ", out, write_expr))
}

/// A variable: wildcards print as `_`.
pub fn variable(name: &Name) -> String {
    text(|out| write_var(name, out))
}

/// A constant as a term of the language.
pub fn value(value: &Value) -> String {
    text(|out| write_value(value, out))
}

/// A string in quotes with the escapes of Go's `strconv.Quote`.
pub fn quoted(string: &Str) -> String {
    text(|out| write_quoted(string, out))
}

/// The head of a rule.
pub fn head(head: &Head, version: Version) -> String {
    text(|out| write_head(head, version, out))
}

/// A rule with its body and what follows `else`.
pub fn rule(rule: &Rule, version: Version) -> String {
    text(|out| write_rule(rule, version, out))
}

fn text(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    write(&mut out).unwrap_or_default();
    out
}

fn write_list<T, W: Write>(
    items: &[T],
    separator: &str,
    out: &mut W,
    mut write: impl FnMut(&T, &mut W) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.write_str(separator)?;
        }
        write(item, out)?;
    }
    Ok(())
}

fn write_term<W: Write>(term: &Term, out: &mut W) -> fmt::Result {
    grow(|| write_node(&term.node, out))
}

fn write_node<W: Write>(node: &Node, out: &mut W) -> fmt::Result {
    match node {
        Node::Value(value) => write_value(value, out),
        Node::Var(name) => write_var(name, out),
        Node::Ref(terms) => write_ref(terms, out),
        Node::Array(terms) => {
            out.write_char('[')?;
            write_list(terms, ", ", out, write_term)?;
            out.write_char(']')
        }
        Node::Set(terms) if terms.is_empty() => out.write_str("set()"),
        Node::Set(terms) => {
            out.write_char('{')?;
            write_list(terms, ", ", out, write_term)?;
            out.write_char('}')
        }
        Node::Object(entries) => {
            out.write_char('{')?;
            write_list(entries, ", ", out, |(key, value), out| {
                write_term(key, out)?;
                out.write_str(": ")?;
                write_term(value, out)
            })?;
            out.write_char('}')
        }
        Node::ArrayComprehension(term, body) => write_comprehension('[', &[term], body, ']', out),
        Node::SetComprehension(term, body) => write_comprehension('{', &[term], body, '}', out),
        Node::ObjectComprehension(entry, body) => {
            write_comprehension('{', &[&entry.0, &entry.1], body, '}', out)
        }
        Node::Call(terms) => write_call(terms, out),
        Node::Template { parts, .. } => write_template(parts, out),
    }
}

fn write_value<W: Write>(value: &Value, out: &mut W) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Number(number) => write!(out, "{number}"),
        Value::String(string) => write_quoted(string, out),
        // A constant collection comes from a bounded tree, or is printed by those who made it deeper.
        Value::Array(items) => grow(|| {
            out.write_char('[')?;
            write_values(items.iter(), out)?;
            out.write_char(']')
        }),
        Value::Set(items) if items.is_empty() => out.write_str("set()"),
        Value::Set(items) => grow(|| {
            out.write_char('{')?;
            write_values(items.iter(), out)?;
            out.write_char('}')
        }),
        Value::Object(entries) => grow(|| {
            out.write_char('{')?;
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write_value(key, out)?;
                out.write_str(": ")?;
                write_value(value, out)?;
            }
            out.write_char('}')
        }),
    }
}

fn write_values<'a, W: Write>(values: impl Iterator<Item = &'a Value>, out: &mut W) -> fmt::Result {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        write_value(value, out)?;
    }
    Ok(())
}

fn write_var<W: Write>(name: &Name, out: &mut W) -> fmt::Result {
    if name.as_bytes().starts_with(b"$") { out.write_char('_') } else { out.write_str(&name.to_text()) }
}

fn write_ref<W: Write>(terms: &[Term], out: &mut W) -> fmt::Result {
    let Some((first, rest)) = terms.split_first() else { return Ok(()) };
    if let Some(name) = builtin_name(terms) {
        return out.write_str(&name);
    }
    match &first.node {
        Node::Value(Value::String(text)) => out.write_str(&text.to_text())?,
        _ => write_term(first, out)?,
    }
    for term in rest {
        write_key(term, out)?;
    }
    Ok(())
}

fn write_key<W: Write>(term: &Term, out: &mut W) -> fmt::Result {
    let Node::Value(Value::String(string)) = &term.node else {
        out.write_char('[')?;
        write_term(term, out)?;
        return out.write_char(']');
    };
    let text = string.to_text();
    if is_name(&text) && !Keywords::NOT.with(Keywords::V1).is_keyword(&text) {
        out.write_char('.')?;
        return out.write_str(&text);
    }
    out.write_char('[')?;
    if string.as_bytes().iter().any(|byte| byte.is_ascii_control() || *byte == b'\\') {
        write_quoted(string, out)?;
    } else {
        write!(out, "\"{text}\"")?;
    }
    out.write_char(']')
}

/// Whether a text is a name of letters, digits and underscores.
pub(crate) fn is_name(text: &str) -> bool {
    let is_start = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    text.as_bytes().first().is_some_and(is_start)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The name of the built-in that a reference of several parts means; such print with dots alone.
fn builtin_name(terms: &[Term]) -> Option<String> {
    let (Node::Var(first), [_, rest @ ..]) = (&terms.first()?.node, terms) else { return None };
    if rest.is_empty() {
        return None;
    }
    let mut name = first.to_text().into_owned();
    for term in rest {
        let Node::Value(Value::String(part)) = &term.node else { return None };
        name.push('.');
        name.push_str(&part.to_text());
    }
    builtin::signature(&name).is_some().then_some(name)
}

fn write_call<W: Write>(terms: &[Term], out: &mut W) -> fmt::Result {
    let Some((operator, arguments)) = terms.split_first() else { return Ok(()) };
    write_term(operator, out)?;
    out.write_char('(')?;
    write_list(arguments, ", ", out, write_term)?;
    out.write_char(')')
}

fn write_comprehension<W: Write>(
    open: char,
    terms: &[&Term],
    body: &[Expr],
    close: char,
    out: &mut W,
) -> fmt::Result {
    out.write_char(open)?;
    write_list(terms, ": ", out, |term, out| write_comprehension_term(term, out))?;
    out.write_str(" | ")?;
    write_list(body, "; ", out, write_expr)?;
    out.write_char(close)
}

/// A term before the `|`, where operators are written between their operands.
fn write_comprehension_term<W: Write>(term: &Term, out: &mut W) -> fmt::Result {
    if let Node::Call(terms) = &term.node
        && let [operator, left, right] = terms.as_slice()
        && let Some(signature) = builtin::signature(&operator.to_string())
        && !matches!(signature.infix, "" | "in")
    {
        return grow(|| {
            out.write_char('(')?;
            write_comprehension_term(left, out)?;
            write!(out, " {} ", signature.infix)?;
            write_comprehension_term(right, out)?;
            out.write_char(')')
        });
    }
    write_term(term, out)
}

fn write_template<W: Write>(parts: &[Expr], out: &mut W) -> fmt::Result {
    out.write_str("$\"")?;
    for part in parts {
        match &part.kind {
            ExprKind::Term(Term { node: Node::Value(Value::String(string)), .. }) => {
                let quoted = quoted(string);
                let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
                let mut before = ' ';
                for char in inner.chars() {
                    if char == '{' && before != '\\' {
                        out.write_char('\\')?;
                    }
                    out.write_char(char)?;
                    before = char;
                }
            }
            ExprKind::Term(Term { node: Node::Value(value), .. }) => write_value(value, out)?,
            _ => {
                out.write_char('{')?;
                write_expr(part, out)?;
                out.write_char('}')?;
            }
        }
    }
    out.write_char('"')
}

fn write_expr<W: Write>(expr: &Expr, out: &mut W) -> fmt::Result {
    grow(|| {
        if expr.negated {
            out.write_str("not ")?;
        }
        write_kind(&expr.kind, out)?;
        expr.with.iter().try_for_each(|with| {
            out.write_char(' ')?;
            write_with(with, out)
        })
    })
}

fn write_kind<W: Write>(kind: &ExprKind, out: &mut W) -> fmt::Result {
    match kind {
        ExprKind::Term(term) => write_term(term, out),
        ExprKind::Call(terms) => match terms.as_slice() {
            [operator, left, right] if is_global(operator, "eq") => {
                write_term(left, out)?;
                out.write_str(" = ")?;
                write_term(right, out)
            }
            terms => write_call(terms, out),
        },
        ExprKind::Some(terms) => {
            out.write_str("some ")?;
            let call = match terms.as_slice() {
                [Term { node: Node::Call(call), .. }] => call.as_slice(),
                terms => return write_list(terms, ", ", out, write_term),
            };
            match call {
                [_, names @ .., domain] => {
                    write_list(names, ", ", out, write_term)?;
                    out.write_str(" in ")?;
                    write_term(domain, out)
                }
                _ => Ok(()),
            }
        }
        ExprKind::Every(every) => {
            out.write_str("every ")?;
            if let Some(key) = &every.key {
                write_term(key, out)?;
                out.write_str(", ")?;
            }
            write_term(&every.value, out)?;
            out.write_str(" in ")?;
            write_term(&every.domain, out)?;
            write_braced(&every.body, out, " { ", " }")
        }
        ExprKind::Not { body, explicit } => match body.as_slice() {
            [one] if !explicit && needs_parens_after_not(one) => write_braced(body, out, "not (", ")"),
            [one] if !explicit => {
                out.write_str("not ")?;
                write_expr(one, out)
            }
            _ => write_braced(body, out, "not {", "}"),
        },
        ExprKind::And(logic) => write_logic(logic, "and", out),
        ExprKind::Or(logic) => write_logic(logic, "or", out),
    }
}

fn write_braced<W: Write>(body: &[Expr], out: &mut W, open: &str, close: &str) -> fmt::Result {
    out.write_str(open)?;
    write_list(body, "; ", out, write_expr)?;
    out.write_str(close)
}

fn write_logic<W: Write>(logic: &Logic, operator: &str, out: &mut W) -> fmt::Result {
    write_operand(&logic.left, logic.explicit_left, operator, false, out)?;
    write!(out, " {operator} ")?;
    write_operand(&logic.right, logic.explicit_right, operator, true, out)
}

fn write_operand<W: Write>(
    body: &[Expr],
    explicit: bool,
    operator: &str,
    is_right: bool,
    out: &mut W,
) -> fmt::Result {
    match body {
        [one] if !explicit && needs_parens(one, operator, is_right) => write_braced(body, out, "(", ")"),
        [one] if !explicit => write_expr(one, out),
        _ => write_braced(body, out, "{ ", " }"),
    }
}

fn needs_parens(expr: &Expr, operator: &str, is_right: bool) -> bool {
    !expr.with.is_empty()
        || match &expr.kind {
            ExprKind::Or(_) => operator == "and" || is_right,
            ExprKind::And(_) => operator == "and" && is_right,
            ExprKind::Term(term) => starts_with_brace(term),
            _ => false,
        }
}

fn needs_parens_after_not(expr: &Expr) -> bool {
    !expr.with.is_empty()
        || match &expr.kind {
            ExprKind::Or(_) | ExprKind::And(_) | ExprKind::Not { .. } => true,
            ExprKind::Term(term) => starts_with_brace(term),
            _ => false,
        }
}

fn starts_with_brace(term: &Term) -> bool {
    match &term.node {
        Node::Set(terms) => !terms.is_empty(),
        Node::Value(Value::Set(items)) => !items.is_empty(),
        Node::Value(Value::Object(_))
        | Node::Object(_)
        | Node::SetComprehension(..)
        | Node::ObjectComprehension(..) => true,
        Node::Ref(terms) => terms.first().is_some_and(|first| grow(|| starts_with_brace(first))),
        _ => false,
    }
}

/// Whether an operator is the built-in of that name.
fn is_global(operator: &Term, name: &str) -> bool {
    match &operator.node {
        Node::Ref(terms) => matches!(terms.as_slice(), [Term { node: Node::Var(var), .. }] if var == name),
        _ => false,
    }
}

fn write_with<W: Write>(with: &With, out: &mut W) -> fmt::Result {
    out.write_str("with ")?;
    write_term(&with.target, out)?;
    out.write_str(" as ")?;
    write_term(&with.value, out)
}

fn write_head<W: Write>(head: &Head, version: Version, out: &mut W) -> fmt::Result {
    write_ref(&head.reference, out)?;
    if let Some(arguments) = head.arguments.as_deref().filter(|arguments| !arguments.is_empty()) {
        out.write_char('(')?;
        write_list(arguments, ", ", out, write_term)?;
        out.write_char(')')?;
    }
    if let Some(key) = &head.key {
        if version == Version::V0 && head.reference.len() == 1 {
            out.write_char('[')?;
            write_term(key, out)?;
            out.write_char(']')?;
        } else {
            out.write_str(" contains ")?;
            write_term(key, out)?;
        }
    }
    if let Some(value) = &head.value {
        out.write_str(if head.assign { " := " } else { " = " })?;
        write_term(value, out)?;
    }
    Ok(())
}

fn write_rule<W: Write>(rule: &Rule, version: Version, out: &mut W) -> fmt::Result {
    let open = if version == Version::V0 { " { " } else { " if { " };
    if rule.default {
        out.write_str("default ")?;
    }
    write_head(&rule.head, version, out)?;
    if !rule.default {
        write_braced(&rule.body, out, open, " }")?;
    }
    for other in &rule.otherwise {
        out.write_str(" else ")?;
        if let Some(value) = &other.head.value {
            out.write_str("= ")?;
            write_term(value, out)?;
        }
        write_braced(&other.body, out, open, " }")?;
    }
    Ok(())
}

fn write_quoted<W: Write>(string: &Str, out: &mut W) -> fmt::Result {
    out.write_char('"')?;
    for chunk in string.as_bytes().utf8_chunks() {
        chunk.valid().chars().try_for_each(|char| write_char(char, out))?;
        chunk.invalid().iter().try_for_each(|byte| write!(out, "\\x{byte:02x}"))?;
    }
    out.write_char('"')
}

fn write_char<W: Write>(char: char, out: &mut W) -> fmt::Result {
    match char {
        '"' | '\\' => write!(out, "\\{char}"),
        '\u{7}' => out.write_str("\\a"),
        '\u{8}' => out.write_str("\\b"),
        '\u{c}' => out.write_str("\\f"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\u{b}' => out.write_str("\\v"),
        ' '..='~' => out.write_char(char),
        _ if is_printed(char) => out.write_char(char),
        _ => match u32::from(char) {
            code @ 0..0x80 => write!(out, "\\x{code:02x}"),
            code @ 0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
            code => write!(out, "\\U{code:08x}"),
        },
    }
}

/// Whether a character prints as itself.
fn is_printed(char: char) -> bool {
    // The library tells it of the characters of a string behind the first: combining ones print there.
    let mut text = String::from("a");
    text.push(char);
    text.escape_debug().nth(1) == Some(char)
}

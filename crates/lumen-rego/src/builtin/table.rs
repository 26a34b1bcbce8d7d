//! The table of built-ins in the crate's README.

use std::fmt::Write;

use super::{OUTSIDE, Signature, function, signature::SIGNATURES};
use crate::types::{FunctionType, Type};

/// What the evaluator does itself, since it is more than a function on values.
pub const BY_EVALUATOR: &[&str] = &[
    "assign",
    "eq",
    "equal",
    "gt",
    "gte",
    "internal.member_2",
    "internal.member_3",
    "internal.print",
    "internal.template_string",
    "internal.test_case",
    "lt",
    "lte",
    "neq",
    "print",
    "rego.metadata.chain",
    "rego.metadata.rule",
    "trace",
    "walk",
];

/// What becomes of a built-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// A function of this crate answers.
    Function,
    /// The checker or the evaluator does it.
    Evaluator,
    /// It leaves the process: refused unless [`Capabilities::allowed`](super::Capabilities::allowed) names it, and then the
    /// host answers.
    Outside,
    /// Nothing answers.
    Missing,
}

/// What becomes of the built-in of a name.
pub fn support(name: &str) -> Support {
    if OUTSIDE.contains(&name) {
        Support::Outside
    } else if function(name).is_some() {
        Support::Function
    } else if BY_EVALUATOR.contains(&name) {
        Support::Evaluator
    } else {
        Support::Missing
    }
}

/// A Markdown table of OPA's built-ins: name, signature, and what becomes of each.
pub fn table() -> String {
    let mut text = "| Built-in | Signature | Here |\n|---|---|---|\n".to_owned();
    for row in SIGNATURES.iter().filter(|row| !row.name.starts_with("internal.")) {
        let name = if row.infix.is_empty() {
            format!("`{}`", row.name)
        } else {
            format!("`{}`, `{}`", row.name, row.infix.replace('|', "\\|"))
        };
        // A text is written to without failing.
        let _written = writeln!(text, "| {name} | {} | {} |", written(row), verdict(row));
    }
    text
}

fn verdict(row: &Signature) -> String {
    let mut words = vec![match support(row.name) {
        Support::Function => "supported",
        Support::Evaluator => "supported, by the evaluator itself",
        Support::Outside => {
            "refused unless allowed by name, since it leaves the process; then the host answers"
        }
        Support::Missing => "refused: nothing answers it",
    }];
    if row.deprecated {
        words.push("v0 only, as in OPA: deprecated");
    }
    words.join("; ")
}

/// `(x: number, y: number) => z: number`; the names are OPA's, and where it has none there is none.
fn written(row: &Signature) -> String {
    let FunctionType { arguments, variadic, result } = match row.to_type() {
        Type::Function(function) => (*function).clone(),
        _ => return String::new(),
    };
    let named = |name: &str, of: Option<&Type>| {
        let of = of.map_or_else(|| "any".to_owned(), ToString::to_string);
        if name.is_empty() { of } else { format!("{name}: {of}") }
    };
    let names = row.arguments.iter().map(|(name, _)| *name);
    let mut parts: Vec<String> = names.zip(&arguments).map(|(name, of)| named(name, of.as_ref())).collect();
    parts.extend(variadic.map(|of| format!("{of}..")));
    let mut text = format!("({})", parts.join(", "));
    if let (Some((name, _)), Some(result)) = (row.result, &result) {
        text.push_str(" => ");
        text.push_str(&named(name, Some(result)));
    }
    format!("`{}`", text.replace('|', "\\|"))
}

//! Literals that can be seen to be wrong: patterns, times, numbers and templates (`cel/validator.go`, `ext/formatting_v2.go`).

use lumen_value::Value;

use crate::eval::{self, Machine};
use crate::function;
use crate::parse::Fault;
use crate::policy::Bindings;
use crate::syntax::{Kind, Node};
use crate::value::Val;

/// Functions that are called when they are compiled, where their operand is a literal.
const FOLDED: &[&str] = &["bool", "bytes", "double", "duration", "int", "string", "timestamp", "uint"];

/// Functions whose pattern is compiled with them.
const PATTERNS: &[&str] = &["find", "findAll", "matches"];

/// Steps for one literal.
const STEPS: u64 = 1_000_000;

fn text(node: Option<&Node>) -> Option<&Val> {
    match node.map(|node| &node.kind) {
        Some(Kind::Literal(value @ Val::Text(_))) => Some(value),
        _ => None,
    }
}

/// What a function gives without any document.
fn call(name: &str, is_member: bool, operands: &[Val]) -> Option<eval::Answer> {
    let (function, _) = function::find(name, is_member)?;
    let nothing = Value::Null;
    let bindings = Bindings {
        object: &nothing,
        old_object: &nothing,
        request: &nothing,
        namespace_object: &nothing,
        params: &nothing,
        parameters: &nothing,
    };
    Some(function::call(&mut Machine::new(&bindings, &[], STEPS), function, operands))
}

/// Checks the first operand of a function that is not called on something.
pub(super) fn check_call(at: usize, name: &str, operand: Option<&Node>) -> Result<(), Fault> {
    let Some(Node { at: operand_at, kind: Kind::Literal(value) }) = operand else { return Ok(()) };
    if name == "matches" && matches!(value, Val::Text(_)) {
        return check_pattern(*operand_at, name, value);
    }
    if !FOLDED.contains(&name) || matches!(value, Val::Type(_) | Val::Null) {
        return Ok(());
    }
    let Some(Err(eval::Fault::Error(error))) = call(name, false, std::slice::from_ref(value)) else {
        return Ok(());
    };
    if matches!(name, "duration" | "timestamp") {
        return Err(Fault { at: *operand_at, message: format!("invalid {name} argument") });
    }
    // What does not fit by its type is said by the caller.
    if error.starts_with("no such overload") {
        return Ok(());
    }
    Err(Fault { at, message: error })
}

/// Checks the operands of a function that is called on something.
pub(super) fn check_member_call(
    at: usize,
    name: &str,
    on: Option<&Node>,
    operands: &[Node],
) -> Result<(), Fault> {
    if PATTERNS.contains(&name)
        && let (Some(node), Some(pattern)) = (operands.first(), text(operands.first()))
    {
        return check_pattern(node.at, name, pattern);
    }
    if name == "format"
        && let (Some(Val::Text(template)), [Node { kind: Kind::List(items), .. }]) = (text(on), operands)
    {
        return check_format(at, &template.to_text(), items);
    }
    Ok(())
}

fn check_pattern(at: usize, name: &str, pattern: &Val) -> Result<(), Fault> {
    match call("matches", true, &[Val::text(""), pattern.clone()]) {
        Some(Err(eval::Fault::Error(_))) => Err(Fault { at, message: format!("invalid {name} argument") }),
        _ => Ok(()),
    }
}

/// A template and the literals that go into it: how many there are, and whether each fits its clause.
fn check_format(at: usize, template: &str, items: &[(bool, Node)]) -> Result<(), Fault> {
    let clauses = function::clauses(template).map_err(|message| Fault { at, message })?;
    if items.iter().any(|(optional, _)| *optional) {
        return Ok(());
    }
    for (index, (verb, precision)) in clauses.iter().enumerate() {
        let Some((_, item)) = items.get(index) else {
            return Err(Fault { at, message: format!("index {index} out of range") });
        };
        let Kind::Literal(value) = &item.kind else { continue };
        let digits = precision.map(|digits| format!(".{digits}")).unwrap_or_default();
        let alone = Val::text(&format!("%{digits}{verb}"));
        let given = Val::list(vec![value.clone()]);
        if let Some(Err(eval::Fault::Error(message))) = call("format", true, &[alone, given]) {
            return Err(Fault { at: item.at, message });
        }
    }
    if items.len() > clauses.len() {
        let message = format!(
            "too many arguments supplied to string.format (expected {}, got {})",
            clauses.len(),
            items.len()
        );
        return Err(Fault { at, message });
    }
    Ok(())
}

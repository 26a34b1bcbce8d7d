//! Operands by type, with OPA's words where the type is wrong.

use lumen_value::{Array, Number, Object, Set, Str, Value};

use super::Failure;

/// The name of a value's type as OPA prints it.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Set(_) => "set",
    }
}

/// `operand {position} must be {wanted} but got {type}`; positions count from 1. `wanted` of several is written
/// `one of {a, b}`.
pub fn wrong(position: usize, wanted: &str, got: &Value) -> Failure {
    Failure::Type(format!("operand {position} must be {wanted} but got {}", type_name(got)))
}

/// The operand at a position that counts from 1; missing ones are a bug of the caller and undefined.
pub fn any(operands: &[Value], position: usize) -> Result<&Value, Failure> {
    operands.get(position - 1).ok_or(Failure::Undefined)
}

macro_rules! typed {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty, $word:literal) => {
        $(#[$doc])*
        pub fn $name(operands: &[Value], position: usize) -> Result<&$type, Failure> {
            match any(operands, position)? {
                Value::$variant(inner) => Ok(inner),
                other => Err(wrong(position, $word, other)),
            }
        }
    };
}

typed!(/// A boolean.
    boolean, Bool, bool, "boolean");
typed!(/// A number.
    number, Number, Number, "number");
typed!(/// A string, which need not be UTF-8.
    string, String, Str, "string");
typed!(/// An array.
    array, Array, Array, "array");
typed!(/// An object.
    object, Object, Object, "object");
typed!(/// A set.
    set, Set, Set, "set");

/// An integer that fits 64 bits, by its text as OPA has it: `1` and `1.0`, but not `1e0`.
pub fn integer(operands: &[Value], position: usize) -> Result<i64, Failure> {
    as_integer(number(operands, position)?).ok_or_else(|| fraction(position))
}

/// What [`integer`] says of a number.
pub fn as_integer(number: &Number) -> Option<i64> {
    let integer = number.as_i64()?;
    let text = number.to_string();
    let digits = text.trim_start_matches(['+', '-']);
    let is_plain = digits.len() <= 19 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_plain.then_some(integer)
}

/// An integer of any size, however it is written.
pub fn big_integer(
    operands: &[Value],
    position: usize,
    budget: &mut super::Budget,
) -> Result<num_bigint::BigInt, Failure> {
    match any(operands, position)? {
        Value::Number(number) => crate::float::to_integer(number, budget)?.ok_or_else(|| fraction(position)),
        other => Err(wrong(position, "integer", other)),
    }
}

fn fraction(position: usize) -> Failure {
    Failure::Type(format!("operand {position} must be integer number but got floating-point number"))
}

/// An element of a collection has the wrong type. `kind` is what is expected of the collection's elements.
pub fn wrong_element(position: usize, collection: &Value, wanted: &str, got: &Value) -> Failure {
    let kind = type_name(collection);
    Failure::Type(format!(
        "operand {position} must be {kind} of {wanted}s but got {kind} containing {}",
        type_name(got)
    ))
}

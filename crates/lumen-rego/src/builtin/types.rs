//! What type a value has, and the casts of old. OPA: `v1/topdown/type.go`, `type_name.go`, `casts.go`.

use lumen_value::{Array, Value};

use super::{Answer, Context, Entry, operand};

/// The family, by name.
pub const TABLE: &[Entry] = &[
    ("cast_array", cast_array),
    ("cast_boolean", |_, operands| operand::boolean(operands, 1).map(|value| Value::Bool(*value))),
    ("cast_null", cast_null),
    ("cast_object", |_, operands| operand::object(operands, 1).cloned().map(Value::Object)),
    ("cast_set", cast_set),
    ("cast_string", |_, operands| operand::string(operands, 1).cloned().map(Value::String)),
    ("is_array", |_, operands| is(operands, |value| matches!(value, Value::Array(_)))),
    ("is_boolean", |_, operands| is(operands, |value| matches!(value, Value::Bool(_)))),
    ("is_null", |_, operands| is(operands, Value::is_null)),
    ("is_number", |_, operands| is(operands, |value| matches!(value, Value::Number(_)))),
    ("is_object", |_, operands| is(operands, |value| matches!(value, Value::Object(_)))),
    ("is_set", |_, operands| is(operands, |value| matches!(value, Value::Set(_)))),
    ("is_string", |_, operands| is(operands, |value| matches!(value, Value::String(_)))),
    ("type_name", |_, operands| Ok(Value::String(operand::type_name(operand::any(operands, 1)?).into()))),
];

fn is(operands: &[Value], holds: fn(&Value) -> bool) -> Answer {
    Ok(Value::Bool(holds(operand::any(operands, 1)?)))
}

fn cast_null(_: &mut Context<'_>, operands: &[Value]) -> Answer {
    match operand::any(operands, 1)? {
        Value::Null => Ok(Value::Null),
        other => Err(operand::wrong(1, "null", other)),
    }
}

fn cast_array(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    match operand::any(operands, 1)? {
        Value::Array(array) => Ok(Value::Array(array.clone())),
        Value::Set(set) => {
            context.budget.values(set.len())?;
            Ok(Value::Array(set.iter().cloned().collect::<Array>()))
        }
        other => Err(operand::wrong(1, "one of {array, set}", other)),
    }
}

fn cast_set(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    match operand::any(operands, 1)? {
        Value::Array(array) => {
            context.budget.values(array.len())?;
            context.budget.set(array.iter().cloned().collect()).map(Value::Set)
        }
        Value::Set(set) => Ok(Value::Set(set.clone())),
        other => Err(operand::wrong(1, "one of {array, set}", other)),
    }
}

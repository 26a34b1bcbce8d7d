//! `array.*`, and whether something is in a collection (`internal.member_2`, `internal.member_3`, which `in` becomes).

use lumen_value::{Number, Value};

use super::operand::{any, array, number};
use super::{Answer, Context, Entry, Failure};

/// The family.
pub const TABLE: &[Entry] = &[
    ("array.concat", concat),
    ("array.flatten", flatten),
    ("array.reverse", reverse),
    ("array.slice", slice),
    ("internal.member_2", member),
    ("internal.member_3", member_with_key),
];

/// Bytes that so many items of a new collection take.
pub(super) fn bytes_of_items(items: usize) -> u64 {
    (items as u64).saturating_mul(size_of::<Value>() as u64)
}

/// Takes for a new collection of so many items.
pub(super) fn charge_items(context: &mut Context<'_>, items: usize) -> Result<(), Failure> {
    context.budget.steps(items as u64)?;
    context.budget.bytes(bytes_of_items(items))
}

/// An integer as OPA reads one (`util.Atoi64`): at most nineteen characters, only zeros behind a point, no exponent.
pub(super) fn go_int(number: &Number) -> Option<i64> {
    let text = number.to_string();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    if digits.len() > 19 {
        return None;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !fraction.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let magnitude: i64 = whole.parse().ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

/// The integer at a position that counts from 1.
pub(super) fn integer(operands: &[Value], position: usize) -> Result<i64, Failure> {
    go_int(number(operands, position)?).ok_or_else(|| {
        Failure::Type(format!("operand {position} must be integer number but got floating-point number"))
    })
}

fn concat(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (array(operands, 1)?, array(operands, 2)?);
    charge_items(context, first.len() + second.len())?;
    Ok(Value::Array(first.iter().chain(second).cloned().collect()))
}

fn flatten(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let outer = array(operands, 1)?;
    let len = outer.iter().map(|item| item.as_array().map_or(1, lumen_value::Array::len)).sum();
    charge_items(context, len)?;
    let mut items = Vec::with_capacity(len);
    for item in outer {
        match item {
            Value::Array(inner) => items.extend(inner.iter().cloned()),
            other => items.push(other.clone()),
        }
    }
    Ok(Value::from(items))
}

fn reverse(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let items = array(operands, 1)?;
    charge_items(context, items.len())?;
    Ok(Value::Array(items.iter().rev().cloned().collect()))
}

/// Bounds outside the array are moved into it; a stop before the start gives nothing.
fn slice(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let items = array(operands, 1)?;
    let (start, stop) = (integer(operands, 2)?, integer(operands, 3)?);
    let stop = usize::try_from(stop).unwrap_or(0).min(items.len());
    let start = usize::try_from(start).unwrap_or(0).min(stop);
    charge_items(context, stop - start)?;
    Ok(Value::Array(items.iter().take(stop).skip(start).cloned().collect()))
}

fn member(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let wanted = any(operands, 1)?;
    let found = match any(operands, 2)? {
        Value::Set(set) => context.budget.element(set, wanted)?.is_some(),
        Value::Array(array) => is_among(context, wanted, array.iter())?,
        Value::Object(object) => is_among(context, wanted, object.iter().map(|(_, value)| value))?,
        _ => false,
    };
    Ok(Value::from(found))
}

fn is_among<'v>(
    context: &mut Context<'_>,
    wanted: &Value,
    values: impl ExactSizeIterator<Item = &'v Value>,
) -> Result<bool, Failure> {
    context.budget.steps(values.len() as u64)?;
    for value in values {
        if context.budget.are_equal(value, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn member_with_key(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (key, wanted) = (any(operands, 1)?, any(operands, 2)?);
    let found = match any(operands, 3)? {
        Value::Set(set) => {
            context.budget.are_equal(key, wanted)? && context.budget.element(set, key)?.is_some()
        }
        collection @ (Value::Array(_) | Value::Object(_)) => match get(context, collection, key)? {
            Some(found) => context.budget.are_equal(found, wanted)?,
            None => false,
        },
        _ => false,
    };
    Ok(Value::from(found))
}

/// What a collection has under a key, as a reference finds it.
pub(super) fn get<'v>(
    context: &mut Context<'_>,
    collection: &'v Value,
    key: &Value,
) -> Result<Option<&'v Value>, Failure> {
    match (collection, key) {
        (Value::Object(object), key) => context.budget.field(object, key),
        (Value::Array(array), Value::Number(index)) => {
            let index = go_int(index).and_then(|index| usize::try_from(index).ok());
            Ok(index.and_then(|index| array.get(index)))
        }
        (Value::Set(set), key) => context.budget.element(set, key),
        _ => Ok(None),
    }
}

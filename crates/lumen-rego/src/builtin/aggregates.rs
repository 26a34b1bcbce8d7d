//! What is said of all elements of a collection at once. OPA: `v1/topdown/aggregates.go`.

use lumen_value::{Number, Value};
use num_bigint::BigInt;

use super::strings::{elements, look};
use super::{Answer, Context, Entry, Failure, operand};
use crate::float::{Float, charge, of_integer, to_integer};
use crate::unicode;

/// The family, by name.
pub const TABLE: &[Entry] = &[
    ("all", |context, operands| {
        let items = collection(context, operands, "one of {array, set}")?;
        Ok(Value::Bool(items.into_iter().all(is_true)))
    }),
    ("any", |context, operands| {
        let items = collection(context, operands, "one of {array, set}")?;
        Ok(Value::Bool(items.into_iter().any(is_true)))
    }),
    ("count", count),
    ("internal.member_2", member),
    ("internal.member_3", member_with_key),
    ("max", |context, operands| {
        let items = collection(context, operands, "one of {set, array}")?;
        items.max().cloned().ok_or(Failure::Undefined)
    }),
    ("min", |context, operands| {
        let items = collection(context, operands, "one of {set, array}")?;
        // Of several that are equal the last.
        items.rev().min().cloned().ok_or(Failure::Undefined)
    }),
    ("product", product),
    ("sort", sort),
    ("sum", sum),
];

/// Bits of the number one that a product begins with, and so of the product.
const PRODUCT_BITS: u64 = 53;

fn is_true(value: &Value) -> bool {
    matches!(value, Value::Bool(true))
}

/// The elements of the operand, each charged as a step.
fn collection<'a>(
    context: &mut Context<'_>,
    operands: &'a [Value],
    wanted: &str,
) -> Result<std::slice::Iter<'a, Value>, Failure> {
    let value = operand::any(operands, 1)?;
    let items = elements(value).ok_or_else(|| operand::wrong(1, wanted, value))?;
    context.budget.steps(1 + u64::try_from(items.len()).unwrap_or(u64::MAX))?;
    Ok(items)
}

fn count(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let count = match operand::any(operands, 1)? {
        Value::Array(items) => items.len(),
        Value::Set(items) => items.len(),
        Value::Object(entries) => entries.len(),
        Value::String(text) => {
            look(context.budget, text.as_bytes().len())?;
            unicode::rune_count(text.as_bytes())
        }
        other => return Err(operand::wrong(1, "one of {array, object, set, string}", other)),
    };
    Ok(Value::Number(Number::from(i64::try_from(count).unwrap_or(i64::MAX))))
}

fn sort(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let items = collection(context, operands, "one of {set, array}")?;
    let depth = u64::from(items.len().checked_ilog2().unwrap_or(0));
    context.budget.steps(depth.saturating_mul(u64::try_from(items.len()).unwrap_or(u64::MAX)))?;
    context.budget.values(items.len())?;
    let mut sorted: Vec<_> = items.cloned().collect();
    sorted.sort();
    Ok(Value::Array(sorted.into()))
}

/// The elements as integers; `None` where one is something else.
fn integers(
    context: &mut Context<'_>,
    items: std::slice::Iter<'_, Value>,
) -> Result<Option<Vec<BigInt>>, Failure> {
    let mut integers = Vec::new();
    for item in items {
        let Value::Number(number) = item else { return Ok(None) };
        let Some(integer) = to_integer(number, context.budget)? else { return Ok(None) };
        integers.push(integer);
    }
    Ok(Some(integers))
}

/// The element as a float; the error says which type is wrong.
fn float(context: &mut Context<'_>, operands: &[Value], item: &Value) -> Result<Float, Failure> {
    match item {
        Value::Number(number) => Float::of(number, context.budget),
        other => Err(operand::wrong_element(1, operand::any(operands, 1)?, "number", other)),
    }
}

/// Exact where all are integers.
fn sum(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let items = collection(context, operands, "one of {set, array}")?;
    let small = items.clone().try_fold(0_i64, |sum, item| sum.checked_add(item.as_i64()?));
    if let Some(sum) = small {
        return Ok(Value::Number(Number::from(sum)));
    }
    if let Some(integers) = integers(context, items.clone())? {
        let mut sum = BigInt::ZERO;
        for integer in integers {
            charge(context.budget, sum.bits())?;
            sum += integer;
        }
        return of_integer(&sum, context.budget).map(Value::Number);
    }
    let mut sum = Float::zero();
    for item in items {
        let item = float(context, operands, item)?;
        sum = sum.add(&item, context.budget)?;
    }
    sum.number(context.budget).map(Value::Number)
}

/// Exact where all are integers, else with 53 bits.
fn product(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let items = collection(context, operands, "one of {set, array}")?;
    if let Some(integers) = integers(context, items.clone())? {
        let mut product = BigInt::from(1);
        for integer in integers {
            charge(context.budget, product.bits().saturating_add(integer.bits()))?;
            product *= integer;
        }
        return of_integer(&product, context.budget).map(Value::Number);
    }
    let mut product = Float::of_integer(&BigInt::from(1));
    for item in items {
        let item = float(context, operands, item)?;
        product = product.mul_at(&item, PRODUCT_BITS)?;
    }
    product.number(context.budget).map(Value::Number)
}

/// `x in collection`
fn member(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (value, collection) = (operand::any(operands, 1)?, operand::any(operands, 2)?);
    let found = match collection {
        Value::Set(items) => items.contains(value),
        Value::Array(items) => {
            context.budget.steps(u64::try_from(items.len()).unwrap_or(u64::MAX))?;
            items.iter().any(|item| item == value)
        }
        Value::Object(entries) => {
            context.budget.steps(u64::try_from(entries.len()).unwrap_or(u64::MAX))?;
            entries.iter().any(|(_, item)| item == value)
        }
        _ => false,
    };
    Ok(Value::Bool(found))
}

/// `key, x in collection`
fn member_with_key(_: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (key, value) = (operand::any(operands, 1)?, operand::any(operands, 2)?);
    let found = match operand::any(operands, 3)? {
        Value::Set(items) => key == value && items.contains(key),
        Value::Array(items) => {
            let index =
                key.as_number().and_then(operand::as_integer).and_then(|index| usize::try_from(index).ok());
            index.and_then(|index| items.get(index)) == Some(value)
        }
        Value::Object(entries) => entries.get_value(key) == Some(value),
        _ => false,
    };
    Ok(Value::Bool(found))
}

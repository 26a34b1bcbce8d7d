//! What is said of all elements of a collection at once. OPA: `v1/topdown/aggregates.go`.

use std::cmp::Ordering;

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
    ("max", |context, operands| outermost(context, operands, Ordering::is_ge)),
    ("min", |context, operands| outermost(context, operands, Ordering::is_le)),
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

/// The last of the elements that none is beyond.
fn outermost(context: &mut Context<'_>, operands: &[Value], is_further: fn(Ordering) -> bool) -> Answer {
    let mut items = collection(context, operands, "one of {set, array}")?;
    let mut outermost = items.next().ok_or(Failure::Undefined)?;
    for item in items {
        let (order, parts) = item.compare_counted(outermost);
        context.budget.compared(parts)?;
        if is_further(order) {
            outermost = item;
        }
    }
    Ok(outermost.clone())
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
    // The comparisons are paid for when they are done: that they are as many as the values may make them is bounded by their room.
    let parts = lumen_value::sort_counted(&mut sorted);
    context.budget.compared(parts)?;
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

//! Arithmetic: exact on integers, else in binary floating point. OPA: `v1/topdown/arithmetic.go`.

use lumen_value::{Number, Value};
use num_bigint::BigInt;

use super::{Answer, Budget, Context, Entry, Failure, operand};
use crate::float::{Float, charge, of_integer, to_integer};

/// The family, by name.
pub const TABLE: &[Entry] = &[
    ("abs", |context, operands| {
        unary(context, operands, i64::checked_abs, |float, _| Ok(float.clone().abs()))
    }),
    ("ceil", |context, operands| unary(context, operands, Some, ceil)),
    ("div", div),
    ("floor", |context, operands| unary(context, operands, Some, floor)),
    ("minus", minus),
    ("mul", |context, operands| binary(context, operands, &MUL)),
    ("plus", |context, operands| binary(context, operands, &PLUS)),
    ("rem", rem),
    ("round", |context, operands| unary(context, operands, Some, round)),
];

/// An operation on two numbers, on the narrowest kind that holds both.
struct Operation {
    small: fn(i64, i64) -> Option<i64>,
    exact: fn(&BigInt, &BigInt) -> BigInt,
    float: fn(&Float, &Float, &mut Budget) -> Result<Float, Failure>,
}

const PLUS: Operation = Operation { small: i64::checked_add, exact: |a, b| a + b, float: Float::add };
const MINUS: Operation = Operation { small: i64::checked_sub, exact: |a, b| a - b, float: Float::sub };
const MUL: Operation = Operation { small: i64::checked_mul, exact: |a, b| a * b, float: |a, b, _| a.mul(b) };

impl Operation {
    fn apply(&self, a: &Number, b: &Number, budget: &mut Budget) -> Result<Number, Failure> {
        if let (Some(x), Some(y)) = (a.as_i64(), b.as_i64())
            && let Some(result) = (self.small)(x, y)
        {
            return Ok(Number::from(result));
        }
        if let (Some(x), Some(y)) = (to_integer(a, budget)?, to_integer(b, budget)?) {
            charge(budget, x.bits().saturating_add(y.bits()))?;
            return of_integer(&(self.exact)(&x, &y), budget);
        }
        let (x, y) = (Float::of(a, budget)?, Float::of(b, budget)?);
        (self.float)(&x, &y, budget)?.number(budget)
    }
}

fn binary(context: &mut Context<'_>, operands: &[Value], operation: &Operation) -> Answer {
    let (a, b) = (operand::number(operands, 1)?, operand::number(operands, 2)?);
    operation.apply(a, b, context.budget).map(Value::Number)
}

/// Of two numbers the difference, of two sets what only the first has.
fn minus(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    match (operand::any(operands, 1)?, operand::any(operands, 2)?) {
        (Value::Number(a), Value::Number(b)) => MINUS.apply(a, b, context.budget).map(Value::Number),
        (Value::Set(a), Value::Set(b)) => super::sets::difference(context.budget, a, b).map(Value::Set),
        (Value::Set(_), second @ Value::Number(_)) => Err(operand::wrong(2, "set", second)),
        (Value::Number(_) | Value::Set(_), second) => Err(operand::wrong(2, "number", second)),
        (first, _) => Err(operand::wrong(1, "one of {number, set}", first)),
    }
}

/// Exact where the divisor divides a small dividend other than zero; else a floating point number.
fn div(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (a, b) = (operand::number(operands, 1)?, operand::number(operands, 2)?);
    if let (Some(x), Some(y)) = (small(a), small(b))
        && y != 0
        && x != 0
        && x % y == 0
    {
        return Ok(Value::Number(Number::from(x / y)));
    }
    let (x, y) = (Float::of(a, context.budget)?, Float::of(b, context.budget)?);
    if y.is_zero() {
        return Err(Failure::Builtin("divide by zero".to_owned()));
    }
    x.div(&y)?.number(context.budget).map(Value::Number)
}

/// Of integers only; the sign is the dividend's.
fn rem(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (a, b) = (operand::number(operands, 1)?, operand::number(operands, 2)?);
    let zero = || Failure::Builtin("modulo by zero".to_owned());
    if let (Some(x), Some(y)) = (a.as_i64(), b.as_i64()) {
        if y == 0 {
            return Err(zero());
        }
        return Ok(Value::Number(Number::from(x.checked_rem(y).unwrap_or(0))));
    }
    let (Some(x), Some(y)) = (to_integer(a, context.budget)?, to_integer(b, context.budget)?) else {
        return Err(Failure::Builtin("modulo on floating-point number".to_owned()));
    };
    if y == BigInt::ZERO {
        return Err(zero());
    }
    charge(context.budget, x.bits())?;
    of_integer(&(x % y), context.budget).map(Value::Number)
}

fn unary(
    context: &mut Context<'_>,
    operands: &[Value],
    on_small: fn(i64) -> Option<i64>,
    on_float: fn(&Float, &mut Budget) -> Result<Float, Failure>,
) -> Answer {
    let number = operand::number(operands, 1)?;
    if let Some(result) = small(number).and_then(on_small) {
        return Ok(Value::Number(Number::from(result)));
    }
    let float = Float::of(number, context.budget)?;
    on_float(&float, context.budget)?.number(context.budget).map(Value::Number)
}

/// The number, where OPA computes with it as a machine integer.
fn small(number: &Number) -> Option<i64> {
    operand::as_integer(number).filter(|integer| i32::try_from(*integer).is_ok())
}

fn one() -> Float {
    Float::of_integer(&BigInt::from(1))
}

/// Half away from zero.
fn round(float: &Float, budget: &mut Budget) -> Result<Float, Failure> {
    let half = one().div(&Float::of_integer(&BigInt::from(2)))?;
    let moved = if float.is_negative() { float.sub(&half, budget)? } else { float.add(&half, budget)? };
    Ok(Float::of_integer(&moved.truncated(budget)?))
}

/// Between -1 and 0 this is 1, as OPA has it: there the integer part has lost its sign.
fn ceil(float: &Float, budget: &mut Budget) -> Result<Float, Failure> {
    let whole = Float::of_integer(&float.truncated(budget)?);
    if whole.is_negative() || float.compare(&whole, budget)?.is_eq() {
        return Ok(whole);
    }
    whole.add(&one(), budget)
}

/// Between -1 and 0 this is 0, as OPA has it.
fn floor(float: &Float, budget: &mut Budget) -> Result<Float, Failure> {
    let whole = Float::of_integer(&float.truncated(budget)?);
    if !whole.is_negative() || float.compare(&whole, budget)?.is_eq() {
        return Ok(whole);
    }
    whole.sub(&one(), budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn large_powers_end_with_the_budget_not_the_memory() {
        let mut budget = Budget::new(1_000_000, 10_000_000);
        let mut value = number("1.5e300");
        let failure = loop {
            match MUL.apply(&value, &value, &mut budget) {
                Ok(next) => value = next,
                Err(failure) => break failure,
            }
        };
        assert_eq!(failure, Failure::Budget);
    }

    #[test]
    fn huge_exponents_cost_first() {
        let mut budget = Budget::new(1_000_000, 10_000_000);
        for text in ["1e2000000000", "1e-2000000000", "1.5e999999999", "1e99999999999"] {
            assert_eq!(
                PLUS.apply(&number(text), &number("0.5"), &mut budget),
                Err(Failure::Budget),
                "{text}"
            );
        }
    }
}

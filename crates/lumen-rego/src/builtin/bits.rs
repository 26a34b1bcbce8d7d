//! Operations on the bits of integers of any size, negative ones in two's complement. OPA: `v1/topdown/bits.go`.

use lumen_value::Value;
use num_bigint::{BigInt, Sign};

use super::{Answer, Context, Entry, Failure, operand};
use crate::float::{charge, of_integer};

/// The family, by name.
pub const TABLE: &[Entry] = &[
    ("bits.and", |context, operands| binary(context, operands, |a, b| a & b)),
    ("bits.lsh", shift_left),
    ("bits.negate", negate),
    ("bits.or", |context, operands| binary(context, operands, |a, b| a | b)),
    ("bits.rsh", shift_right),
    ("bits.xor", |context, operands| binary(context, operands, |a, b| a ^ b)),
];

fn binary(context: &mut Context<'_>, operands: &[Value], operation: fn(BigInt, BigInt) -> BigInt) -> Answer {
    let (a, b) = pair(context, operands)?;
    charge(context.budget, a.bits().max(b.bits()))?;
    of_integer(&operation(a, b), context.budget).map(Value::Number)
}

fn pair(context: &mut Context<'_>, operands: &[Value]) -> Result<(BigInt, BigInt), Failure> {
    let a = operand::big_integer(operands, 1, context.budget)?;
    Ok((a, operand::big_integer(operands, 2, context.budget)?))
}

fn negate(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let integer = operand::big_integer(operands, 1, context.budget)?;
    of_integer(&!integer, context.budget).map(Value::Number)
}

/// The distance, of which OPA keeps 64 bits.
fn distance(by: &BigInt) -> Result<u64, Failure> {
    if by.sign() == Sign::Minus {
        let text = "operand 2 must be an unsigned integer number but got a negative integer";
        return Err(Failure::Type(text.to_owned()));
    }
    Ok(by.iter_u64_digits().next().unwrap_or(0))
}

fn shift_left(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (integer, by) = pair(context, operands)?;
    let by = distance(&by)?;
    if integer == BigInt::ZERO {
        return of_integer(&integer, context.budget).map(Value::Number);
    }
    charge(context.budget, integer.bits().saturating_add(by))?;
    of_integer(&(integer << by), context.budget).map(Value::Number)
}

fn shift_right(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (integer, by) = pair(context, operands)?;
    of_integer(&(integer >> distance(&by)?), context.budget).map(Value::Number)
}

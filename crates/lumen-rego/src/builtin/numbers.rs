//! Numbers made of others: ranges, random ones, from and to text. OPA: `v1/topdown/numbers.go`, `casts.go`, `strings.go`.

use lumen_value::{Number, Value};
use num_bigint::{BigInt, Sign};

use super::{Answer, Budget, Context, Entry, Failure, operand};
use crate::float::{Float, charge, of_integer};
use crate::unicode;

mod go_float;

/// The family, by name.
pub const TABLE: &[Entry] = &[
    ("format_int", format_int),
    ("numbers.range", |context, operands| {
        let (from, to) = ends(context, operands)?;
        range(context, &from, &to, &BigInt::from(1))
    }),
    ("numbers.range_step", range_step),
    ("rand.intn", random),
    ("to_number", to_number),
];

fn ends(context: &mut Context<'_>, operands: &[Value]) -> Result<(BigInt, BigInt), Failure> {
    let from = operand::big_integer(operands, 1, context.budget)?;
    Ok((from, operand::big_integer(operands, 2, context.budget)?))
}

fn range_step(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (from, to) = ends(context, operands)?;
    let step = operand::big_integer(operands, 3, context.budget)?;
    if step.sign() != Sign::Plus {
        return Err(Failure::Builtin("numbers.range_step: step must be a positive integer".to_owned()));
    }
    range(context, &from, &to, &step)
}

/// Both ends are in it; it goes down where the second is smaller.
fn range(context: &mut Context<'_>, from: &BigInt, to: &BigInt, step: &BigInt) -> Answer {
    let count: BigInt = (to - from) / step;
    let count = usize::try_from(count.magnitude())
        .ok()
        .and_then(|count| count.checked_add(1))
        .ok_or(Failure::Budget)?;
    context.budget.values(count)?;
    let step = if to < from { -step } else { step.clone() };
    let small = |integer: &BigInt| i64::try_from(integer).ok();
    if let (Some(from), Some(step), Some(_)) = (small(from), small(&step), small(to)) {
        let next = |at: &i64| at.checked_add(step);
        let items = std::iter::successors(Some(from), next).take(count);
        return Ok(Value::Array(items.map(|item| Value::Number(Number::from(item))).collect()));
    }
    let mut items = Vec::with_capacity(count);
    let mut at = from.clone();
    for _ in 0..count {
        items.push(Value::Number(of_integer(&at, context.budget)?));
        at += &step;
    }
    Ok(Value::Array(items.into()))
}

/// A number from 0 on, below the absolute value of the second operand. The same key and bound give the same number
/// through an evaluation: who evaluates keeps the answer.
fn random(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    operand::string(operands, 1)?;
    let bound = operand::integer(operands, 2)?.unsigned_abs();
    if bound == 0 {
        return Ok(Value::Number(Number::from(0)));
    }
    // Below the largest multiple of the bound each remainder is as likely as the others.
    let limit = u64::MAX - u64::MAX % bound;
    let mut drawn = (context.random)();
    for _ in 0..64 {
        if drawn < limit {
            break;
        }
        drawn = (context.random)();
    }
    Ok(Value::Number(Number::from(i64::try_from(drawn % bound).unwrap_or_default())))
}

/// An integer in base 2, 8, 10 or 16; a fraction is cut off.
fn format_int(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let number = operand::number(operands, 1)?;
    let radix = match operand::number(operands, 2)?.to_string().as_str() {
        "2" => 2,
        "8" => 8,
        "10" => 10,
        "16" => 16,
        _ => return Err(Failure::Type("operand 2 must be one of {2, 8, 10, 16}".to_owned())),
    };
    let text = number.json_text();
    let is_whole = text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    let integer = match (operand::as_integer(number), is_whole) {
        (Some(small), _) => BigInt::from(small),
        (None, true) => operand::big_integer(operands, 1, context.budget)?,
        (None, false) => Float::of(number, context.budget)?.truncated(context.budget)?,
    };
    charge(context.budget, integer.bits())?;
    context.budget.text(usize::try_from(integer.bits()).map_err(|_| Failure::Budget)?)?;
    Ok(Value::String(integer.to_str_radix(radix).into()))
}

/// A number of a string, in the grammar of Go's floating point literals; its text is kept.
fn to_number(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let value = operand::any(operands, 1)?;
    let text = match value {
        Value::Null | Value::Bool(false) => return Ok(Value::Number(Number::from(0))),
        Value::Bool(true) => return Ok(Value::Number(Number::from(1))),
        Value::Number(_) => return Ok(value.clone()),
        Value::String(text) => text,
        other => return Err(operand::wrong(1, "one of {null, boolean, number, string}", other)),
    };
    context.budget.text(text.as_bytes().len())?;
    let lower = text.to_text().trim_start_matches(['+', '-']).to_lowercase();
    if matches!(lower.as_str(), "inf" | "infinity" | "nan") {
        return Err(operand::wrong(1, "valid number string", value));
    }
    let failed = |why: &str| {
        let mut quoted = Vec::new();
        unicode::quote(text.as_bytes(), false, &mut quoted);
        let quoted = String::from_utf8_lossy(&quoted).into_owned();
        Failure::Builtin(format!("strconv.ParseFloat: parsing {quoted}: {why}"))
    };
    let plain = text.as_str().and_then(go_float::plain).ok_or_else(|| failed("invalid syntax"))?;
    let number = match plain {
        go_float::Plain::Decimal(plain) => plain,
        go_float::Plain::Binary(negative, mantissa, exponent) => {
            binary(negative, &mantissa, exponent, context.budget)?
        }
    };
    let number = Number::parse(&number).ok_or_else(|| failed("invalid syntax"))?;
    if number.as_f64().is_infinite() {
        return Err(failed("value out of range"));
    }
    if is_too_small(&number, context.budget) {
        return Err(Failure::Builtin("invalid number: number too big".to_owned()));
    }
    Ok(Value::Number(match text.as_str() {
        Some(text) if text != number.json_text() => number.printed_as(text),
        _ => number,
    }))
}

/// Whether OPA refuses to compute with so small a number: its binary exponent is below -100,000.
fn is_too_small(number: &Number, budget: &mut Budget) -> bool {
    let text = number.json_text();
    let Some((_, exponent)) = text.split_once(['e', 'E']) else { return false };
    if number.as_f64() != 0.0 || exponent.parse::<i64>().is_ok_and(|exponent| exponent.abs() < 25_000) {
        return false;
    }
    !matches!(Float::parse(&text, budget), Ok(Some(float)) if float.top() >= -100_000)
}

fn binary(negative: bool, mantissa: &str, exponent: i64, budget: &mut Budget) -> Result<String, Failure> {
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    charge(budget, exponent.unsigned_abs().saturating_mul(3))?;
    let mantissa = num_bigint::BigUint::parse_bytes(mantissa.as_bytes(), 16).unwrap_or_default();
    Ok(crate::float::Decimal::exact(sign == Sign::Minus, &mantissa, exponent).plain())
}

#[cfg(test)]
mod tests {
    use super::super::cache::Cache;
    use super::*;

    fn call(name: &str, operands: &[Value]) -> Answer {
        let function = super::super::function(name).unwrap();
        let (mut budget, mut cache) = (Budget::new(1_000_000, 10_000_000), Cache::default());
        let mut random = || 17;
        let span = crate::error::Span::default();
        function(
            &mut Context { budget: &mut budget, time_ns: 0, random: &mut random, cache: &mut cache, span },
            operands,
        )
    }

    fn number(text: &str) -> Value {
        Value::Number(Number::parse(text).unwrap())
    }

    #[test]
    fn ranges_are_paid_before_they_are_made() {
        for to in ["1000000000000", "1e30", "-99999999999999999999999"] {
            assert_eq!(call("numbers.range", &[number("0"), number(to)]), Err(Failure::Budget), "{to}");
        }
        assert_eq!(call("bits.lsh", &[number("1"), number("1000000000000")]), Err(Failure::Budget));
        let high = call("numbers.range", &[number("9223372036854775807"), number("9223372036854775809")]);
        assert_eq!(
            high.map(|value| value.to_json()),
            Ok("[9223372036854775807,9223372036854775808,9223372036854775809]".to_owned())
        );
    }

    #[test]
    fn numbers_of_text_keep_it() {
        for text in [".5", "007", "1_000", "+1", "1.", "0x1p-2"] {
            let answer = call("to_number", &[Value::String(text.into())]).unwrap();
            assert_eq!(crate::term::text(&answer), text);
        }
        assert_eq!(call("to_number", &[Value::String("0x1.8p1".into())]), Ok(number("3")));
        assert_eq!(call("to_number", &[Value::String("1_000".into())]), Ok(number("1000")));
        for text in ["", "1 ", "_1", "1__0", "0x1", "e5", ".", "1e", "abc"] {
            let wanted = format!("strconv.ParseFloat: parsing {text:?}: invalid syntax");
            assert_eq!(call("to_number", &[Value::String(text.into())]), Err(Failure::Builtin(wanted)));
        }
    }
}

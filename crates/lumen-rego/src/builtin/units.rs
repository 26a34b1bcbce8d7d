//! Quantities with units of data or SI. OPA: `v1/topdown/parse_units.go`, `parse_bytes.go`.

use lumen_value::{Number, Value};
use num_bigint::{BigInt, BigUint};

use super::{Answer, Context, Entry, Failure, operand};
use crate::float::{Float, Scientific, charge, of_integer, power_of};
use crate::unicode;

/// The family, by name.
pub const TABLE: &[Entry] = &[("units.parse", parse), ("units.parse_bytes", parse_bytes)];

/// Most digits of an exponent.
const EXPONENT_DIGITS_MAX: usize = 6;

/// The powers by letter: of 1000, and with an `i` behind of 1024.
const POWERS: &[(char, u32)] = &[('k', 1), ('m', 2), ('g', 3), ('t', 4), ('p', 5), ('e', 6)];

/// The factor of a lower-case unit such as `k` or `ki`.
fn factor(unit: &str) -> Option<u64> {
    let mut letters = unit.chars();
    let Some(letter) = letters.next() else { return Some(1) };
    let power = POWERS.iter().find(|(candidate, _)| *candidate == letter)?.1;
    match letters.as_str() {
        "" => Some(1000_u64.pow(power)),
        "i" => Some(1024_u64.pow(power)),
        _ => None,
    }
}

/// Splits the number from the unit: the unit begins at the first character that belongs to no number. `None` where the
/// exponent has too many digits.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = |index: usize| text.get(index).copied().unwrap_or_default();
    let mut index = 0;
    while index < text.len() {
        match at(index) {
            b'0'..=b'9' | b'.' | b'+' | b'-' => {}
            b'e' | b'E' => {
                if !matches!(at(index + 1), b'0'..=b'9' | b'+' | b'-') {
                    break;
                }
                if matches!(at(index + 1), b'+' | b'-') {
                    index += 1;
                }
                let digits =
                    text.iter().skip(index + 1).take_while(|byte| byte.is_ascii_digit()).take(7).count();
                if digits > EXPONENT_DIGITS_MAX {
                    return None;
                }
            }
            _ => break,
        }
        index += 1;
    }
    text.split_at_checked(index)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A number with a unit, `m` for a thousandth; integers print without a fraction, others with ten places.
fn parse(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let failed = |why: &str| Failure::Builtin(format!("units.parse: {why}"));
    let operand = operand::string(operands, 1)?.as_bytes();
    context.budget.text(operand.len())?;
    let given: Vec<u8> = operand.iter().copied().filter(|byte| *byte != b'"').collect();
    if given.contains(&b' ') {
        return Err(failed("spaces not allowed in resource strings"));
    }
    let (number, unit) = split(&given).ok_or_else(|| failed("exponent too large"))?;
    if number.is_empty() {
        return Err(failed("no amount provided"));
    }
    let unit = match unit.split_first() {
        Some((first, rest)) => [&[*first], lower(rest).as_slice()].concat(),
        None => Vec::new(),
    };
    // A thousandth is the nearest binary number, as in OPA.
    let (up, down) = match unit.as_slice() {
        b"m" => (BigUint::from(1_152_921_504_606_847_u64), 60_u32),
        b"M" => (BigUint::from(1_000_000_u32), 0),
        [b'm' | b'k' | b'K' | b'M' | b'g' | b'G' | b't' | b'T' | b'p' | b'P' | b'e' | b'E', ..] | [] => {
            let known = factor(&text(&unit).to_ascii_lowercase())
                .filter(|_| unit.len() < 2 || unit.last() == Some(&b'i'));
            (BigUint::from(known.ok_or_else(|| failed(&format!("unit {} not recognized", text(&unit))))?), 0)
        }
        _ => return Err(failed(&format!("unit {} not recognized", text(&unit)))),
    };
    let unread = || failed("could not parse amount to a number");
    let number = std::str::from_utf8(number).map_err(|_| unread())?;
    let amount = Scientific::parse(number, context.budget)?.ok_or_else(unread)?;
    if amount.digits.bits() > 0 && amount.exponent.unsigned_abs() > 1_000_000 {
        return Err(unread());
    }
    let power = power_of(10, amount.exponent.unsigned_abs(), context.budget)?;
    let mut top = amount.digits * up;
    let mut bottom = BigUint::from(1_u32) << down;
    if amount.exponent < 0 {
        bottom *= power;
    } else {
        charge(context.budget, power.bits().saturating_add(top.bits()))?;
        top *= power;
    }
    let whole = &top / &bottom;
    if &whole * &bottom == top {
        let sign = if amount.negative { num_bigint::Sign::Minus } else { num_bigint::Sign::Plus };
        return of_integer(&BigInt::from_biguint(sign, whole), context.budget).map(Value::Number);
    }
    let scale = BigUint::from(10_000_000_000_u64);
    let rest = (&top - &whole * &bottom) * &scale;
    let mut places = &rest / &bottom;
    let left = rest - &places * &bottom;
    let mut whole = whole;
    if left << 1_u32 >= bottom {
        places += 1_u32;
        if places >= scale {
            places -= &scale;
            whole += 1_u32;
        }
    }
    charge(context.budget, whole.bits())?;
    let sign = if amount.negative { "-" } else { "" };
    let printed = format!("{sign}{whole}.{:0>10}", places.to_string());
    Number::parse(&printed).map(Value::Number).ok_or(Failure::Undefined)
}

/// A number of bytes; a fraction of one is cut off.
fn parse_bytes(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let failed = |why: &str| Failure::Builtin(format!("units.parse_bytes: {why}"));
    let operand = operand::string(operands, 1)?.as_bytes();
    context.budget.text(operand.len())?;
    let given: Vec<u8> = lower(operand).into_iter().filter(|byte| *byte != b'"').collect();
    if given.contains(&b' ') {
        return Err(failed("spaces not allowed in resource strings"));
    }
    let (number, unit) = split(&given).ok_or_else(|| failed("exponent too large"))?;
    if number.is_empty() {
        return Err(failed("no byte amount provided"));
    }
    let unit = text(unit);
    let bare = match unit.strip_suffix('b') {
        Some("") | None => unit.as_str(),
        Some(bare) => bare,
    };
    let factor = factor(bare).ok_or_else(|| failed(&format!("byte unit {unit} not recognized")))?;
    let unread = || failed("could not parse byte amount to a number");
    let number = std::str::from_utf8(number).map_err(|_| unread())?;
    let amount = Float::parse(number, context.budget)?.ok_or_else(unread)?;
    let bytes = amount.mul(&Float::of_integer(&BigInt::from(factor)))?.truncated(context.budget)?;
    of_integer(&bytes, context.budget).map(Value::Number)
}

/// Lower case as Go has it: a byte that is no UTF-8 becomes U+FFFD, unless all is ASCII.
pub(super) fn lower(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    unicode::runes(text).map(|rune| unicode::to_lower(rune.char())).collect::<String>().into_bytes()
}

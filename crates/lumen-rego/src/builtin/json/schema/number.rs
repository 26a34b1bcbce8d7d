//! Numbers in schemas: exact, by their decimal digits.

use std::borrow::Cow;

use lumen_value::{Number, Value};
use num_bigint::BigUint;

/// A number taken apart: its digits, without zeros at either end, times ten to the exponent.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn new(number: &Number) -> Self {
        let text = number.to_string();
        let (negative, rest) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
        // An exponent too large for 64 bits is as good as infinite.
        let bound = i64::MAX / 4;
        let infinite = if exponent.starts_with('-') { -bound } else { bound };
        let exponent = exponent.parse().unwrap_or(infinite).clamp(-bound, bound);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - digits.len()).unwrap_or(0);
        let places = i64::try_from(fraction.len()).unwrap_or(0);
        let digits = digits.trim_start_matches('0').to_owned();
        Self { negative, digits, exponent: exponent - places + dropped }
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }
}

/// The binary exponent of a number that is written with a decimal one: the `n` of `0.5 <= m < 1`, `m * 2^n`, or near it.
pub(in super::super) fn binary_exponent(number: &Number) -> Option<f64> {
    if !number.to_string().contains(['e', 'E']) {
        return None;
    }
    let Decimal { digits, exponent, .. } = Decimal::new(number);
    let leading: String = digits.chars().take(17).collect();
    let mantissa: f64 = leading.parse().ok().filter(|_| !digits.is_empty())?;
    #[expect(clippy::cast_precision_loss, reason = "near is enough")]
    let exponent = (exponent + i64::try_from(digits.len() - leading.len()).unwrap_or(0)) as f64;
    Some((mantissa.log2() + exponent * std::f64::consts::LOG2_10).floor() + 1.0)
}

/// Largest exponent that upstream's fractions read; a number beyond it is no integer to them.
const EXPONENT_MAX: i64 = 1_000_000;

/// Whether a number has no fraction.
pub(super) fn is_integer(number: &Number) -> bool {
    let decimal = Decimal::new(number);
    decimal.is_zero() || (0..=EXPONENT_MAX).contains(&decimal.exponent)
}

/// Whether a number is a whole multiple of another that is above zero.
pub(super) fn is_multiple(number: &Number, of: &Number) -> bool {
    let (number, of) = (Decimal::new(number), Decimal::new(of));
    if number.is_zero() {
        return true;
    }
    let parse = |digits: &str| BigUint::parse_bytes(digits.as_bytes(), 10).unwrap_or_default();
    let (dividend, divisor) = (parse(&number.digits), parse(&of.digits));
    if divisor == BigUint::ZERO {
        return false;
    }
    let shift = number.exponent - of.exponent;
    if let Ok(shift) = u64::try_from(shift) {
        let power = BigUint::from(10_u32).modpow(&BigUint::from(shift), &divisor);
        return (dividend % &divisor) * power % divisor == BigUint::ZERO;
    }
    // The divisor grows beyond the dividend where the shift is larger than the dividend has digits.
    match usize::try_from(-shift) {
        Ok(zeros) if zeros <= number.digits.len() => {
            let power = BigUint::from(10_u32).pow(u32::try_from(zeros).unwrap_or(u32::MAX));
            dividend % (divisor * power) == BigUint::ZERO
        }
        _ => false,
    }
}

/// A number as Go prints a `big.Float` (`%.10g`).
pub(super) fn float_text(number: &Number) -> String {
    const DIGITS: usize = 10;
    let Decimal { negative, mut digits, mut exponent } = Decimal::new(number);
    if digits.is_empty() {
        return "0".to_owned();
    }
    if digits.len() > DIGITS {
        let (kept, dropped) = digits.split_at_checked(DIGITS).unwrap_or_default();
        exponent += i64::try_from(dropped.len()).unwrap_or(0);
        let half = dropped.starts_with(|digit| digit >= '5');
        let tie = dropped.trim_end_matches('0') == "5";
        let odd = kept.ends_with(['1', '3', '5', '7', '9']);
        let kept = kept.parse::<u64>().unwrap_or(0) + u64::from(half && (!tie || odd));
        let kept = kept.to_string();
        let trimmed = kept.trim_end_matches('0').to_owned();
        exponent += i64::try_from(kept.len() - trimmed.len()).unwrap_or(0);
        digits = trimmed;
    }
    let len = i64::try_from(digits.len()).unwrap_or(0);
    let magnitude = len + exponent - 1;
    let sign = if negative { "-" } else { "" };
    let (first, rest) = digits.split_at_checked(1).unwrap_or_default();
    if !(-4..10).contains(&magnitude) {
        let point = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if magnitude < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{exponent_sign}{:02}", magnitude.abs());
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    if exponent >= 0 {
        return format!("{sign}{digits}{}", zeros(exponent));
    }
    match usize::try_from(len + exponent).ok().filter(|whole| *whole > 0) {
        Some(whole) => {
            let (whole, fraction) = digits.split_at_checked(whole).unwrap_or_default();
            format!("{sign}{whole}.{fraction}")
        }
        None => format!("{sign}0.{}{digits}", zeros(-(len + exponent))),
    }
}

/// The JSON text of a document whose numbers are read as floats, so that equal ones are written alike; nothing where a number is too
/// large for that.
pub(super) fn canonical(document: &Value) -> Option<String> {
    let json = document.to_json();
    let mut out = String::with_capacity(json.len());
    let mut rest = json.as_str();
    let (mut in_string, mut is_escaped) = (false, false);
    while let Some(char) = rest.chars().next() {
        if !in_string && (char == '-' || char.is_ascii_digit()) {
            let is_number = |char: char| char.is_ascii_digit() || matches!(char, '-' | '+' | '.' | 'e' | 'E');
            let end = rest.find(|char| !is_number(char)).unwrap_or(rest.len());
            let (number, behind) = rest.split_at_checked(end)?;
            out.push_str(&float_json(number.parse().ok()?)?);
            rest = behind;
            continue;
        }
        out.push(char);
        if in_string {
            in_string = is_escaped || char != '"';
            is_escaped = !is_escaped && char == '\\';
        } else {
            in_string = char == '"';
        }
        rest = rest.get(char.len_utf8()..)?;
    }
    Some(out)
}

/// A float as `encoding/json` writes it; nothing for infinity.
pub(in super::super::super) fn float_json(float: f64) -> Option<Cow<'static, str>> {
    if !float.is_finite() {
        return None;
    }
    let magnitude = float.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{float:e}");
        return Some(if text.contains("e-") { text } else { text.replace('e', "e+") }.into());
    }
    Some(format!("{float}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn floats_are_printed_with_ten_digits() {
        for (text, printed) in [
            ("1", "1"),
            ("1.50", "1.5"),
            ("1e10", "1e+10"),
            ("1234567890", "1234567890"),
            ("12345678901", "1.23456789e+10"),
            ("0.00012345", "0.00012345"),
            ("0.000012345", "1.2345e-05"),
            ("3.14159265358979", "3.141592654"),
            ("-0.5", "-0.5"),
            ("99999999999", "1e+11"),
            ("0.0", "0"),
            ("100", "100"),
        ] {
            assert_eq!(float_text(&number(text)), printed, "{text}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (text, of, is) in [
            ("0.3", "0.1", true),
            ("1e400", "7", false),
            ("14e400", "7", true),
            ("1", "1e-400", true),
            ("1e-400", "1", false),
            ("7.5", "2.5", true),
            ("7", "2", false),
            ("300", "1e2", true),
            ("350", "1e2", false),
        ] {
            assert_eq!(is_multiple(&number(text), &number(of)), is, "{text} {of}");
        }
    }
}

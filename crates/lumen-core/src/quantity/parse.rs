//! Reads quantities (`k8s.io/apimachinery/pkg/api/resource/quantity.go`, `ParseQuantity`).

use num_bigint::{BigInt, BigUint, Sign};

use super::{BINARY_SUFFIXES, DECIMAL_SUFFIXES, Format, NANO, Quantity, round_up};

/// Longest text of a quantity, in bytes. Upstream has no bound, but reads long digits in quadratic time.
pub const TEXT_BYTES_MAX: usize = 4096;

/// Why a text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is no number with a suffix behind it.
    #[error("it is no quantity, such as `500m` or `64Mi`")]
    Grammar,
    /// Its suffix is unknown.
    #[error("its suffix is none of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei and no exponent")]
    Suffix,
    /// It has no digit where one is needed.
    #[error("it has no digits")]
    Digits,
    /// It is longer than [`TEXT_BYTES_MAX`].
    #[error("it is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
}

/// A text taken apart.
struct Parts<'a> {
    negative: bool,
    /// The digits before the point, leading zeros left out.
    whole: &'a str,
    /// The digits behind it.
    fraction: &'a str,
    /// Whether a digit is in the text at all.
    has_digits: bool,
    suffix: &'a str,
}

/// What a suffix stands for: `10^exponent`, or `2^exponent` in the binary format.
struct Unit {
    exponent: i32,
    format: Format,
}

pub(super) fn parse(text: &str) -> Result<Quantity, ParseError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ParseError::TooLong);
    }
    if text.is_empty() {
        return Err(ParseError::Grammar);
    }
    let parts = split(text)?;
    let unit = unit(parts.suffix).ok_or(ParseError::Suffix)?;
    if !parts.has_digits && is_read_by_big_decimal(&unit) {
        return Err(ParseError::Digits);
    }
    let digits = [parts.whole, parts.fraction].concat();
    let fraction_digits = i64::try_from(parts.fraction.len()).unwrap_or(i64::MAX);
    // No digits at all are zero.
    let mut magnitude = digits.parse::<BigUint>().unwrap_or_default();
    let mut exponent = -fraction_digits;
    match unit.format {
        Format::BinarySi => magnitude <<= unit.exponent,
        Format::DecimalExponent | Format::DecimalSi => exponent += i64::from(unit.exponent),
    }
    if exponent < NANO {
        let places = (NANO - exponent).unsigned_abs();
        magnitude = round_up(&magnitude, places).0;
        exponent = NANO;
    }
    let mut format = unit.format;
    if format == Format::BinarySi {
        let (whole, exact) = round_up(&magnitude, exponent.unsigned_abs());
        let greatest = BigUint::from(i64::MAX.unsigned_abs());
        if whole > greatest {
            (magnitude, exponent) = (greatest, 0);
        } else if !exact && whole == BigUint::from(1_u32) {
            // Less than one: decimal suffixes write it exactly.
            format = Format::DecimalSi;
        }
    }
    let sign = if parts.negative { Sign::Minus } else { Sign::Plus };
    Ok(Quantity::new(BigInt::from_biguint(sign, magnitude), exponent, format))
}

/// Takes a text apart: a sign, digits with a point among them, a suffix. Any part may be missing.
fn split(text: &str) -> Result<Parts<'_>, ParseError> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, rest) = split_digits(unsigned);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let letters = suffix.trim_start_matches(|letter| "eEinumkKMGTP".contains(letter));
    let exponent = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    if !split_digits(exponent).1.is_empty() {
        return Err(ParseError::Grammar);
    }
    Ok(Parts { negative, whole: whole.trim_start_matches('0'), fraction, has_digits, suffix })
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn unit(suffix: &str) -> Option<Unit> {
    if let Some((_, exponent)) = DECIMAL_SUFFIXES.iter().find(|(known, _)| *known == suffix) {
        return Some(Unit { exponent: i32::try_from(*exponent).ok()?, format: Format::DecimalSi });
    }
    if let Some((_, power)) = BINARY_SUFFIXES.iter().find(|(known, _)| *known == suffix) {
        return Some(Unit { exponent: i32::try_from(power * 10).ok()?, format: Format::BinarySi });
    }
    let digits = suffix.strip_prefix(['e', 'E'])?;
    let exponent: i64 = digits.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the API server keeps the low 32 bits of the exponent"
    )]
    let exponent = exponent as i32;
    Some(Unit { exponent, format: Format::DecimalExponent })
}

/// Whether upstream reads a text without digits with its slow, exact reader, the one that wants a digit. Its fast reader takes no
/// digits for zero: `Ti` is zero, and `Pi` is refused.
fn is_read_by_big_decimal(unit: &Unit) -> bool {
    match unit.format {
        // 15 digits less the one zero, less those that the suffix stands for.
        Format::BinarySi => unit.exponent >= 50,
        Format::DecimalExponent | Format::DecimalSi => i64::from(unit.exponent) < NANO,
    }
}

//! Durations: Go's `time.ParseDuration`, and OPA's days, weeks and years before it.

use std::fmt::Write;

use super::parse::quote;

/// Nanoseconds of the units.
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // U+00B5
    ("μs", 1_000), // U+03BC
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Hours of OPA's units.
const LONG_UNITS: &[(u8, f64)] = &[(b'd', 24.0), (b'w', 168.0), (b'y', 8_760.0)];

const LIMIT: u64 = 1 << 63;

/// Nanoseconds, or the error's text.
pub(super) fn parse(text: &[u8]) -> Result<i64, String> {
    if text.is_empty() || !text.iter().any(|byte| matches!(byte, b'd' | b'w' | b'y')) {
        return parse_plain(text, text);
    }
    let invalid = || format!("time: invalid duration {}", quote(text));
    let plain = with_hours(text).ok_or_else(invalid)?;
    parse_plain(plain.as_bytes(), text)
}

/// The text with days, weeks and years turned into hours.
fn with_hours(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut out = text.get(..text.len() - rest.len())?.to_owned();
    while !rest.is_empty() {
        let digits_end = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (digits, after) = rest.split_at_checked(digits_end).filter(|(digits, _)| !digits.is_empty())?;
        let unit = ["ms", "us", "µs", "ns"].into_iter().find(|unit| after.starts_with(unit));
        let unit_length = match unit {
            Some(unit) => unit.len(),
            None => usize::from(after.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())),
        };
        let (unit, after) = after.split_at_checked(unit_length).filter(|(unit, _)| !unit.is_empty())?;
        if let Some((_, hours)) = LONG_UNITS.iter().find(|(long, _)| unit.as_bytes() == [*long]) {
            let value: f64 = digits.parse().ok()?;
            write!(out, "{}h", value * hours).ok()?;
        } else {
            out.push_str(digits);
            out.push_str(unit);
        }
        rest = after;
    }
    Some(out)
}

/// `original` is what errors show.
fn parse_plain(text: &[u8], original: &[u8]) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(original));
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after {
            [b'.', after @ ..] => digits(after),
            after => (&b""[..], after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let whole = leading(whole).ok_or_else(invalid)?;
        let unit_length = after.iter().take_while(|byte| **byte != b'.' && !byte.is_ascii_digit()).count();
        let (unit, after) = after.split_at_checked(unit_length).unwrap_or((after, b""));
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(original)));
        }
        let Some((_, unit)) = UNITS.iter().find(|(name, _)| name.as_bytes() == unit) else {
            let unit = quote(unit);
            return Err(format!("time: unknown unit {unit} in duration {}", quote(original)));
        };
        let part = whole
            .checked_mul(*unit)
            .and_then(|part| part.checked_add(fraction_of(fraction, *unit)))
            .filter(|part| *part <= LIMIT)
            .ok_or_else(invalid)?;
        total = total.checked_add(part).filter(|total| *total <= LIMIT).ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return Ok(0_i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at_checked(count).unwrap_or((text, b""))
}

/// The number; `None` where it is above 2^63.
fn leading(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0')).filter(|value| *value <= LIMIT)
    })
}

/// So much of a unit. Digits past what 63 bits hold are dropped, as Go drops them.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go computes this in binary floating point, and so must we to give the same nanosecond"
)]
fn fraction_of(digits: &[u8], unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits {
        if value > (LIMIT - 1) / 10 {
            break;
        }
        let next = value * 10 + u64::from(digit - b'0');
        if next > LIMIT {
            break;
        }
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

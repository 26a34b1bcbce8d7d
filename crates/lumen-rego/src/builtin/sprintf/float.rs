//! 64-bit floats as Go's `strconv.AppendFloat` writes them.

use std::fmt::Write;

/// The digits of a float: `0.DDD * 10^point`, no zero at the end.
struct Digits {
    digits: Vec<u8>,
    point: i64,
}

/// A float has fewer digits than this, before and behind the point; those further behind are zeros.
const DIGITS_MAX: usize = 1_100;

/// A float in the format of a verb, `b`, `e`, `E`, `f`, `g`, `G`, `x` or `X`; without a precision, the shortest text
/// that means it. Whoever calls has paid for the precision.
pub(super) fn text(value: f64, verb: char, precision: Option<usize>) -> String {
    let mut out = if value.is_sign_negative() { "-".to_owned() } else { String::new() };
    let value = value.abs();
    match (verb, precision) {
        ('b', _) => binary(&mut out, value),
        ('x' | 'X', precision) => hexadecimal(&mut out, value, precision, verb == 'X'),
        ('f', precision) => {
            let digits = precision
                .map_or_else(|| Digits::shortest(value), |places| Digits::after_point(value, places));
            let places =
                precision.unwrap_or_else(|| usize::try_from(digits.len() - digits.point).unwrap_or(0));
            digits.plain(&mut out, places);
        }
        ('e' | 'E', precision) => {
            let digits = precision
                .map_or_else(|| Digits::shortest(value), |places| Digits::significant(value, places + 1));
            let places = precision.unwrap_or_else(|| digits.digits.len().saturating_sub(1));
            digits.scientific(&mut out, places, verb);
        }
        (_, precision) => general(&mut out, value, precision, if verb == 'G' { 'E' } else { 'e' }),
    }
    out
}

/// With an exponent where that is below -4, or not below the precision.
fn general(out: &mut String, value: f64, precision: Option<usize>, mark: char) {
    // Of the shortest text, six digits decide.
    let is_shortest = precision.is_none();
    let digits =
        precision.map_or_else(|| Digits::shortest(value), |wanted| Digits::significant(value, wanted.max(1)));
    let count = digits.len();
    let mut precision = precision.map_or(count, |wanted| i64::try_from(wanted.max(1)).unwrap_or(i64::MAX));
    let limit = match precision {
        _ if is_shortest => 6,
        wanted if wanted > count && count >= digits.point => count,
        wanted => wanted,
    };
    let exponent = digits.point - 1;
    if exponent < -4 || exponent >= limit {
        precision = precision.min(count);
        digits.scientific(out, usize::try_from(precision - 1).unwrap_or(0), mark);
        return;
    }
    if precision > digits.point {
        precision = count;
    }
    digits.plain(out, usize::try_from(precision - digits.point).unwrap_or(0));
}

impl Digits {
    /// Of what Rust prints with an exponent: `1.25e3`.
    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let point = if digits.is_empty() { 0 } else { exponent.parse::<i64>().unwrap_or(0) + 1 };
        Self { digits, point }
    }

    fn shortest(value: f64) -> Self {
        Self::read(&format!("{value:e}"))
    }

    fn significant(value: f64, count: usize) -> Self {
        let places = count.saturating_sub(1).min(DIGITS_MAX);
        Self::read(&format!("{value:.places$e}"))
    }

    fn after_point(value: f64, places: usize) -> Self {
        let text = format!("{value:.*}", places.min(DIGITS_MAX));
        let whole = text.find('.').unwrap_or(text.len());
        let mut digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let as_integer = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let point = if digits.is_empty() { 0 } else { as_integer(whole) - as_integer(leading) };
        Self { digits, point }
    }

    fn len(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    fn at(&self, index: i64) -> char {
        let digit = usize::try_from(index).ok().and_then(|index| self.digits.get(index));
        char::from(digit.copied().unwrap_or(b'0'))
    }

    /// `ddd.ddd`
    fn plain(&self, out: &mut String, places: usize) {
        if self.point > 0 {
            out.extend((0..self.point).map(|index| self.at(index)));
        } else {
            out.push('0');
        }
        if places > 0 {
            out.push('.');
            let end = self.point.saturating_add(i64::try_from(places).unwrap_or(i64::MAX));
            out.extend((self.point..end).map(|index| self.at(index)));
        }
    }

    /// `d.ddde+dd`
    fn scientific(&self, out: &mut String, places: usize, mark: char) {
        out.push(self.at(0));
        if places > 0 {
            out.push('.');
            let places = i64::try_from(places).unwrap_or(i64::MAX);
            out.extend((1..=places).map(|index| self.at(index)));
        }
        out.push(mark);
        exponent(out, if self.digits.is_empty() { 0 } else { self.point - 1 });
    }
}

/// A sign and two digits at the least.
fn exponent(out: &mut String, exponent: i64) {
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(out, "{sign}{:02}", exponent.unsigned_abs()).unwrap_or_default();
}

/// The mantissa as an integer, 53 bits at most, and the power of two to multiply it with.
fn parts(value: f64) -> (u64, i64) {
    let bits = value.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    let biased = i64::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
    if biased == 0 { (mantissa, -1074) } else { (mantissa | 1 << 52, biased - 1075) }
}

fn binary(out: &mut String, value: f64) {
    let (mantissa, power) = parts(value);
    let sign = if power < 0 { '-' } else { '+' };
    write!(out, "{mantissa}p{sign}{}", power.unsigned_abs()).unwrap_or_default();
}

fn hexadecimal(out: &mut String, value: f64, precision: Option<usize>, is_upper: bool) {
    /// Where the digit before the point stands.
    const TOP: u64 = 1 << 60;
    let (mantissa, power) = parts(value);
    let mut mantissa = mantissa << 8;
    let mut power = if mantissa == 0 { 0 } else { power + 52 };
    while mantissa != 0 && mantissa & TOP == 0 {
        mantissa <<= 1;
        power -= 1;
    }
    if let Some(precision) = precision.filter(|precision| *precision < 15) {
        let shift = precision * 4;
        let extra = (mantissa << shift) & (TOP - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (TOP << 1) != 0 {
            mantissa >>= 1;
            power += 1;
        }
    }
    let mut text = format!("0x{}", (mantissa >> 60) & 1);
    mantissa <<= 4;
    let mut digit = |text: &mut String| {
        text.extend(char::from_digit(u32::try_from((mantissa >> 60) & 15).unwrap_or(0), 16));
        mantissa <<= 4;
        mantissa != 0
    };
    match precision {
        None if value != 0.0 && digits_follow(value) => {
            text.push('.');
            while digit(&mut text) {}
        }
        Some(precision) if precision > 0 => {
            text.push('.');
            for _ in 0..precision {
                digit(&mut text);
            }
        }
        _ => {}
    }
    text.push('p');
    exponent(&mut text, power);
    out.push_str(&if is_upper { text.to_ascii_uppercase() } else { text });
}

/// Whether the mantissa has bits beside its highest.
fn digits_follow(value: f64) -> bool {
    !parts(value).0.is_power_of_two()
}

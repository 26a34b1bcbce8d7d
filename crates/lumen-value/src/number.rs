//! [`Number`]: a number with the text it was written in.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A number of any size and precision. It prints as it was written (`1.0`, `1e5`), and compares by its exact
/// value (`1 == 1.0`), as OPA's numbers do (`v1/ast/compare.go`, `NumberCompare`).
#[derive(Clone)]
pub struct Number(Repr);

#[derive(Clone)]
enum Repr {
    /// Written as `i64` prints.
    Int(i64),
    /// Any other JSON number.
    Text(Arc<Box<str>>),
    /// A number whose text is not JSON's: that text, and JSON's.
    Foreign(Arc<(Box<str>, Box<str>)>),
}

impl Number {
    /// Reads a number in JSON's grammar; `None` where the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(int) = canonical_int(text) {
            return Some(Self(Repr::Int(int)));
        }
        Decimal::parse(text)?;
        Some(Self(Repr::Text(Arc::new(text.into()))))
    }

    /// A number that prints as `text`, which need not be JSON (`007`, `+1`, `1_000`), and has the value of `number`.
    /// Rego's `to_number` makes such.
    #[must_use]
    pub fn printed_as(&self, text: &str) -> Self {
        Self(Repr::Foreign(Arc::new((text.into(), self.json_text().into()))))
    }

    /// Whether it prints as a JSON number.
    pub fn is_json(&self) -> bool {
        !matches!(self.0, Repr::Foreign(_))
    }

    /// The number in JSON's grammar: its own text, where that is JSON.
    pub fn json_text(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Int(int) => Cow::Owned(int.to_string()),
            Repr::Text(text) => Cow::Borrowed(text),
            Repr::Foreign(texts) => Cow::Borrowed(&texts.1),
        }
    }

    /// The value, where it is an integer of 64 bits, however it was written (`1.0` is 1).
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(int) => Some(*int),
            Repr::Text(text) => Decimal::parse(text)?.as_i64(),
            Repr::Foreign(texts) => Decimal::parse(&texts.1)?.as_i64(),
        }
    }

    /// The value, where it is an integer of 64 bits and written without an exponent: what OPA takes as an index.
    pub fn as_index(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(int) => Some(*int),
            Repr::Text(text) if text.contains(['e', 'E']) => None,
            Repr::Text(_) | Repr::Foreign(_) => self.as_i64(),
        }
    }

    /// The nearest value of 64 bits, infinite where it is out of range.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest value is what is asked for")]
            Repr::Int(int) => *int as f64,
            Repr::Text(text) => text.parse().unwrap_or(f64::NAN),
            Repr::Foreign(texts) => texts.1.parse().unwrap_or(f64::NAN),
        }
    }

    /// Runs `read` on the digits of the number.
    fn with_decimal<T>(&self, read: impl FnOnce(Decimal<'_>) -> T) -> T {
        match &self.0 {
            Repr::Int(int) => read(Decimal::parse(&int.to_string()).unwrap_or(Decimal::ZERO)),
            Repr::Text(text) => read(Decimal::parse(text).unwrap_or(Decimal::ZERO)),
            Repr::Foreign(texts) => read(Decimal::parse(&texts.1).unwrap_or(Decimal::ZERO)),
        }
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Self {
        Self(Repr::Int(int))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(int) => fmt::Display::fmt(int, out),
            Repr::Text(text) => out.pad(text),
            Repr::Foreign(texts) => out.pad(&texts.0),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => a.cmp(b),
            _ => self.with_decimal(|a| other.with_decimal(|b| a.cmp(&b))),
        }
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.as_i64() {
            Some(int) => int.hash(state),
            None => self.with_decimal(|decimal| {
                decimal.negative.hash(state);
                decimal.magnitude.hash(state);
                decimal.digits().for_each(|digit| digit.hash(state));
            }),
        }
    }
}

/// The number, where its text is exactly how an `i64` prints.
fn canonical_int(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'0'] if digits.len() == text.len() => Some(0),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => text.parse().ok(),
        _ => None,
    }
}

/// A number taken apart: `0.D1D2D3.. * 10^magnitude`, where `D1` is not zero.
struct Decimal<'a> {
    negative: bool,
    /// The significant digits: those before the point, those after it; no zero at either end.
    whole: &'a [u8],
    fraction: &'a [u8],
    magnitude: i64,
}

impl<'a> Decimal<'a> {
    const ZERO: Decimal<'static> = Decimal { negative: false, whole: b"", fraction: b"", magnitude: 0 };

    /// Takes apart a text in JSON's grammar of numbers.
    fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (mantissa, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        if !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let trimmed = fraction.trim_end_matches('0');
        let leading =
            if whole.is_empty() { trimmed.len() - trimmed.trim_start_matches('0').len() } else { 0 };
        let places = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
        let fraction = trimmed.trim_start_matches(if whole.is_empty() { '0' } else { '\0' });
        let whole = if fraction.is_empty() { whole.trim_end_matches('0') } else { whole };
        if whole.is_empty() && fraction.is_empty() {
            return Some(Decimal::ZERO);
        }
        Some(Self {
            negative,
            whole: whole.as_bytes(),
            fraction: fraction.as_bytes(),
            magnitude: places.saturating_add(exponent),
        })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn as_i64(&self) -> Option<i64> {
        let places = usize::try_from(self.magnitude).ok()?;
        if places > 19 || self.whole.len() + self.fraction.len() > places {
            return None;
        }
        let mut int: i64 = 0;
        for digit in self.digits().chain(std::iter::repeat(b'0')).take(places) {
            let digit = i64::from(digit - b'0');
            int = int.checked_mul(10)?;
            int = if self.negative { int.checked_sub(digit)? } else { int.checked_add(digit)? };
        }
        Some(int)
    }

    fn cmp(&self, other: &Decimal<'_>) -> Ordering {
        let sign = |decimal: &Decimal<'_>| match (decimal.is_zero(), decimal.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let (a, b) = (sign(self), sign(other));
        if a != b || a == 0 {
            return a.cmp(&b);
        }
        let absolute = self.magnitude.cmp(&other.magnitude).then_with(|| self.digits().cmp(other.digits()));
        if a < 0 { absolute.reverse() } else { absolute }
    }
}

/// An exponent's value. One too large for 64 bits is as good as infinite.
fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A quarter of the range leaves room to add a magnitude.
    let bound = i64::MAX / 4;
    let value = digits.iter().fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(bound)
    });
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn prints_as_written_and_compares_by_value() {
        for text in ["0", "-0", "1.0", "1e5", "-12.50", "1E400", "18446744073709551616", "0.001"] {
            assert_eq!(number(text).to_string(), text);
        }
        for (a, b) in [("1", "1.0"), ("100", "1e2"), ("0.001", "1e-3"), ("-0", "0"), ("120", "1.2E+2")] {
            assert_eq!(number(a), number(b), "{a} = {b}");
        }
        let ascending =
            ["-1e400", "-2", "-1.5", "0", "1e-9", "0.5", "1", "9007199254740993", "1e17", "1e400"];
        for pair in ascending.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn a_foreign_text_is_printed_and_the_value_counts() {
        let seven = number("7").printed_as("007");
        assert_eq!((seven.to_string(), seven.json_text().into_owned()), ("007".to_owned(), "7".to_owned()));
        assert_eq!((seven.as_i64(), seven.is_json()), (Some(7), false));
        assert_eq!(seven, number("7"));
    }

    #[test]
    fn refuses_what_json_refuses() {
        for text in ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", " 1", "1_000", "NaN", "--1"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn integers_are_found_however_they_are_written() {
        assert_eq!(number("1.50e1").as_i64(), Some(15));
        assert_eq!(number("-9223372036854775808").as_i64(), Some(i64::MIN));
        assert_eq!(number("9223372036854775808").as_i64(), None);
        assert_eq!(number("1.5").as_i64(), None);
        assert_eq!(number("0.0").as_i64(), Some(0));
    }
}

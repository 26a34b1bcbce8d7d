//! [`Quantity`]: an amount of a resource, such as `500m` or `64Mi`, as `k8s.io/apimachinery/pkg/api/resource` means it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use lumen_value::{Number, Value};
use num_bigint::{BigInt, BigUint, Sign};

mod parse;

pub use parse::{ParseError, TEXT_BYTES_MAX};

/// An amount of a resource: exact, of any size, and never finer than a billionth.
///
/// Two are equal where their amounts are, whatever their formats (`1Ki` and `1024`).
#[derive(Clone, Debug)]
pub struct Quantity {
    /// The amount is `unscaled * 10^exponent`; `unscaled` does not end in a zero digit, and is zero only with the
    /// exponent zero.
    unscaled: BigInt,
    exponent: i64,
    format: Format,
}

/// How a quantity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// With an exponent: `12e6`.
    DecimalExponent,
    /// With a binary suffix: `12Mi`.
    BinarySi,
    /// With a decimal suffix, or none: `12M`.
    DecimalSi,
}

/// Two quantities are too far apart to be added exactly: one stands for more digits than the other than
/// [`ALIGNED_DIGITS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quantities are too many orders of magnitude apart to be added")]
pub struct TooFarApart;

/// Most digits that are made up to bring two quantities to one exponent. Upstream has no bound there: adding one to
/// `1e999999999` takes it a gigabyte.
pub const ALIGNED_DIGITS_MAX: u32 = 4096;

/// The exponent of the finest amount.
const NANO: i64 = -9;

/// Decimal suffixes, and the exponents that they stand for.
static DECIMAL_SUFFIXES: &[(&str, i64)] = &[
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// Binary suffixes, and the powers of 1024 that they stand for.
static BINARY_SUFFIXES: &[(&str, u32)] = &[("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4), ("Pi", 5), ("Ei", 6)];

impl Quantity {
    /// Reads a quantity in exactly the texts that `ParseQuantity` takes, up to [`TEXT_BYTES_MAX`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text)
    }

    /// The amount that a field of a manifest holds: a string or a number; null counts as zero. Blanks around a string do
    /// not matter, but for those that JSON escapes: upstream looks at the text before it is unescaped.
    pub fn of(value: &Value) -> Result<Self, ParseError> {
        match value {
            Value::Null => Ok(Self::new(BigInt::ZERO, 0, Format::DecimalSi)),
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::String(text) => {
                Self::parse(text.as_str().ok_or(ParseError::Grammar)?.trim_matches(is_bare_blank))
            }
            _ => Err(ParseError::Grammar),
        }
    }

    /// The quantity `unscaled * 10^exponent`.
    fn new(unscaled: BigInt, exponent: i64, format: Format) -> Self {
        if unscaled.sign() == Sign::NoSign {
            return Self { unscaled, exponent: 0, format };
        }
        let digits = unscaled.magnitude().to_string();
        let kept = digits.trim_end_matches('0');
        let zeros = digits.len() - kept.len();
        if zeros == 0 {
            return Self { unscaled, exponent, format };
        }
        // Digits are digits: they can be read back.
        let magnitude = kept.parse::<BigUint>().unwrap_or_default();
        Self {
            unscaled: BigInt::from_biguint(unscaled.sign(), magnitude),
            exponent: exponent.saturating_add(i64::try_from(zeros).unwrap_or(i64::MAX)),
            format,
        }
    }

    /// How it was written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Less than, equal to or greater than zero.
    pub fn sign(&self) -> Ordering {
        match self.unscaled.sign() {
            Sign::Minus => Ordering::Less,
            Sign::NoSign => Ordering::Equal,
            Sign::Plus => Ordering::Greater,
        }
    }

    /// The amount as an integer, rounded away from zero; `None` where that takes more than 64 bits.
    pub fn value(&self) -> Option<i64> {
        self.scaled(0)
    }

    /// The amount in thousandths, rounded away from zero; `None` where that takes more than 64 bits.
    pub fn milli_value(&self) -> Option<i64> {
        self.scaled(-3)
    }

    /// The exact amount.
    pub fn number(&self) -> Number {
        Number::parse(&format!("{}e{}", self.unscaled, self.exponent)).unwrap_or_else(|| 0.into())
    }

    /// The sum, in the format of this one, or of the other where this one is zero.
    pub fn add(&self, other: &Self) -> Result<Self, TooFarApart> {
        self.combine(other, |a, b| a + b)
    }

    /// The difference, in the format of this one, or of the other where this one is zero.
    pub fn subtract(&self, other: &Self) -> Result<Self, TooFarApart> {
        self.combine(other, |a, b| a - b)
    }

    fn combine(
        &self,
        other: &Self,
        operation: impl Fn(BigInt, BigInt) -> BigInt,
    ) -> Result<Self, TooFarApart> {
        let format = if self.sign().is_eq() { other.format } else { self.format };
        let exponent = match (self.sign(), other.sign()) {
            (Ordering::Equal, _) => other.exponent,
            (_, Ordering::Equal) => self.exponent,
            _ => self.exponent.min(other.exponent),
        };
        let sum = operation(self.unscaled_at(exponent)?, other.unscaled_at(exponent)?);
        Ok(Self::new(sum, exponent, format))
    }

    /// The amount in units of a power of ten that is no greater than its own.
    fn unscaled_at(&self, exponent: i64) -> Result<BigInt, TooFarApart> {
        if self.sign().is_eq() {
            return Ok(BigInt::ZERO);
        }
        let places = u32::try_from(self.exponent.saturating_sub(exponent)).map_err(|_| TooFarApart)?;
        if places > ALIGNED_DIGITS_MAX {
            return Err(TooFarApart);
        }
        Ok(&self.unscaled * BigInt::from(power_of_ten(places)))
    }

    /// The amount in units of a power of ten, rounded away from zero.
    fn scaled(&self, exponent: i64) -> Option<i64> {
        let places = self.exponent.saturating_sub(exponent);
        let magnitude = match u32::try_from(places) {
            // 64 bits hold no 20 digits.
            Ok(20..) if self.sign().is_ne() => return None,
            Ok(places) => self.unscaled.magnitude() * power_of_ten(places),
            Err(_) => round_up(self.unscaled.magnitude(), places.unsigned_abs()).0,
        };
        i64::try_from(BigInt::from_biguint(self.unscaled.sign(), magnitude)).ok()
    }
}

/// The canonical text: no fraction, no digits but those that are needed, the greatest suffix that leaves an integer.
///
/// It is what the API server stores and prints, its one oddity included: an amount that is too great for the
/// suffixes prints without one (`1000E` as `1`). A binary amount between -1024 and 1024, or one that is no integer, is
/// written with decimal suffixes.
impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sign().is_eq() {
            return out.write_str("0");
        }
        // A negative exponent is a fraction.
        let places = u32::try_from(self.exponent).ok().filter(|places| *places <= ALIGNED_DIGITS_MAX);
        if let (Format::BinarySi, Some(places)) = (self.format, places) {
            let mut magnitude = self.unscaled.magnitude() * power_of_ten(places);
            if magnitude >= BigUint::from(1024_u32) {
                let mut power = 0;
                while (&magnitude % 1024_u32) == BigUint::ZERO {
                    magnitude /= 1024_u32;
                    power += 1;
                }
                let suffix = BINARY_SUFFIXES.iter().find(|(_, known)| *known == power);
                let minus = if self.sign().is_lt() { "-" } else { "" };
                return write!(out, "{minus}{magnitude}{}", suffix.map_or("", |(suffix, _)| suffix));
            }
        }
        // The exponent must be a multiple of three; lowering it by one or two takes a zero digit or two.
        let lowered = self.exponent.rem_euclid(3);
        let exponent = self.exponent - lowered;
        let zeros = ["", "0", "00"].get(usize::try_from(lowered).unwrap_or(0)).unwrap_or(&"");
        write!(out, "{}{zeros}", self.unscaled)?;
        match self.format {
            Format::DecimalExponent if exponent == 0 => Ok(()),
            Format::DecimalExponent => write!(out, "e{exponent}"),
            Format::BinarySi | Format::DecimalSi => {
                let suffix = DECIMAL_SUFFIXES.iter().find(|(_, known)| *known == exponent);
                out.write_str(suffix.map_or("", |(suffix, _)| suffix))
            }
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.exponent == other.exponent && self.unscaled == other.unscaled
    }
}

impl Eq for Quantity {}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.exponent.hash(state);
        self.unscaled.hash(state);
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.exponent == other.exponent {
            return self.unscaled.cmp(&other.unscaled);
        }
        // By digits and magnitude: no exponent is ever multiplied out.
        self.number().cmp(&other.number())
    }
}

/// Whether a letter is a blank that stands in JSON as it is.
fn is_bare_blank(letter: char) -> bool {
    letter.is_whitespace() && letter >= ' ' && !matches!(letter, '\u{2028}' | '\u{2029}')
}

fn power_of_ten(exponent: u32) -> BigUint {
    BigUint::from(10_u32).pow(exponent)
}

/// Divides by a power of ten and rounds up; also says whether that was exact.
fn round_up(magnitude: &BigUint, places: u64) -> (BigUint, bool) {
    if *magnitude == BigUint::ZERO {
        return (BigUint::ZERO, true);
    }
    // A decimal digit takes more than three bits: with so many places nothing is left before the point.
    if places > magnitude.bits() / 3 + 1 {
        return (BigUint::from(1_u32), false);
    }
    let divisor = power_of_ten(u32::try_from(places).unwrap_or(u32::MAX));
    let exact = (magnitude % &divisor) == BigUint::ZERO;
    let quotient = magnitude / divisor;
    (if exact { quotient } else { quotient + 1_u32 }, exact)
}

#[cfg(test)]
mod tests;

//! Kubernetes' quantities.

use std::cmp::Ordering;

use super::{GLOBAL, MEMBER, Row, operand, utf8};
use crate::eval::{Answer, Fault, no_overload};
use crate::value::Val;

pub(super) const TABLE: &[Row] = &[
    ("add", MEMBER, 1, 1, |_, operands| quantity_of(operands)?.plus(amount_of(operands)?)),
    ("asApproximateFloat", MEMBER, 0, 0, |_, operands| Ok(Val::Double(quantity_of(operands)?.approximate()))),
    ("asInteger", MEMBER, 0, 0, |_, operands| {
        let int = quantity_of(operands)?.integer();
        int.map(Val::Int).ok_or_else(|| Fault::new("cannot convert value to integer"))
    }),
    ("isInteger", MEMBER, 0, 0, |_, operands| Ok(Val::Bool(quantity_of(operands)?.integer().is_some()))),
    ("isQuantity", GLOBAL, 1, 1, |machine, operands| {
        Ok(Val::Bool(Quantity::parse(utf8(machine, operands, 0)?).is_some()))
    }),
    ("quantity", GLOBAL, 1, 1, |machine, operands| {
        let text = utf8(machine, operands, 0)?;
        let parsed = Quantity::parse(text).ok_or_else(|| Fault::new(MALFORMED))?;
        Ok(Val::Quantity(parsed.into()))
    }),
    ("sign", GLOBAL, 1, 1, |_, operands| {
        Ok(Val::Int(quantity_of(operands)?.nanos.signum().try_into().unwrap_or(0)))
    }),
    ("sub", MEMBER, 1, 1, |_, operands| quantity_of(operands)?.plus(amount_of(operands)?.negated()?)),
    // Of quantities and of versions.
    ("compareTo", MEMBER, 1, 1, |_, operands| {
        compared(operands).map(|order| Val::Int(i64::from(order as i8)))
    }),
    ("isGreaterThan", MEMBER, 1, 1, |_, operands| {
        compared(operands).map(|order| Val::Bool(order == Ordering::Greater))
    }),
    ("isLessThan", MEMBER, 1, 1, |_, operands| {
        compared(operands).map(|order| Val::Bool(order == Ordering::Less))
    }),
];

const MALFORMED: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// A quantity in thousand millionths; what is finer is rounded away from zero, as Kubernetes does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity {
    nanos: i128,
    /// As Kubernetes keeps what it reads and computes quickly: only of that it says whether it is an integer.
    small: Option<Small>,
}

/// A number, and the power of ten that it is multiplied with (`apimachinery/pkg/api/resource/amount.go`).
#[derive(Clone, Copy, Debug)]
struct Small {
    value: i64,
    scale: i32,
}

impl Small {
    /// The number with a smaller power of ten, where it fits.
    fn at(self, scale: i32) -> Option<i64> {
        if self.value == 0 {
            return Some(0);
        }
        let power = u32::try_from(self.scale.checked_sub(scale)?).ok()?;
        self.value.checked_mul(10_i64.checked_pow(power)?)
    }

    fn plus(self, other: Self) -> Option<Self> {
        if other.value == 0 {
            return Some(self);
        }
        if self.value == 0 {
            return Some(other);
        }
        let scale = self.scale.min(other.scale);
        Some(Self { value: self.at(scale)?.checked_add(other.at(scale)?)?, scale })
    }

    fn negated(self) -> Option<Self> {
        Some(Self { value: self.value.checked_neg()?, ..self })
    }
}

const ONE: i128 = 1_000_000_000;

/// Most that a quantity with a suffix of a power of two may be; what is more counts as that.
const NANOS_OF_TWO_MAX: i128 = i64::MAX as i128 * ONE;

/// What a suffix multiplies with: a power of ten or of two.
#[derive(Clone, Copy)]
enum Factor {
    Ten(i32),
    Two(u32),
}

const SUFFIXES: &[(&str, Factor)] = &[
    ("", Factor::Ten(0)),
    ("n", Factor::Ten(-9)),
    ("u", Factor::Ten(-6)),
    ("m", Factor::Ten(-3)),
    ("k", Factor::Ten(3)),
    ("M", Factor::Ten(6)),
    ("G", Factor::Ten(9)),
    ("T", Factor::Ten(12)),
    ("P", Factor::Ten(15)),
    ("E", Factor::Ten(18)),
    ("Ki", Factor::Two(10)),
    ("Mi", Factor::Two(20)),
    ("Gi", Factor::Two(30)),
    ("Ti", Factor::Two(40)),
    ("Pi", Factor::Two(50)),
    ("Ei", Factor::Two(60)),
];

/// Most digits of a number that is kept as [`Small`].
const DIGITS_MAX: usize = 18;

impl Quantity {
    /// Reads a quantity (`apimachinery/pkg/api/resource/quantity.go`, `ParseQuantity`).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end = unsigned.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 40 {
            return None;
        }
        let factor = factor(suffix)?;
        let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
        let digits = if text.starts_with('-') { -digits } else { digits };
        let places = i32::try_from(fraction.len()).ok()?;
        // The zeroes before a number do not count.
        let count = whole.trim_start_matches('0').len().max(1);
        let nanos = match factor {
            Factor::Ten(exponent) => scaled(digits, exponent.checked_sub(places)?.checked_add(9)?)?,
            Factor::Two(exponent) => {
                let nanos = digits.checked_mul(1 << exponent).and_then(|whole| scaled(whole, 9 - places));
                let most = if digits < 0 { -NANOS_OF_TWO_MAX } else { NANOS_OF_TWO_MAX };
                nanos.filter(|nanos| nanos.abs() < NANOS_OF_TWO_MAX).unwrap_or(most)
            }
        };
        Some(Self { nanos, small: small(digits, factor, count, fraction.len()) })
    }

    fn integer(&self) -> Option<i64> {
        self.small.filter(|small| small.scale >= 0)?.at(0)
    }

    #[expect(clippy::cast_precision_loss, reason = "approximate is what is asked for")]
    fn approximate(&self) -> f64 {
        self.nanos as f64 / ONE as f64
    }

    fn plus(&self, other: Self) -> Answer {
        let small = self.small.zip(other.small).and_then(|(a, b)| a.plus(b));
        let nanos = self.nanos.checked_add(other.nanos).ok_or_else(overflow)?;
        Ok(Val::Quantity(Self { nanos, small }.into()))
    }

    fn negated(self) -> Result<Self, Fault> {
        let nanos = self.nanos.checked_neg().ok_or_else(overflow)?;
        Ok(Self { nanos, small: self.small.and_then(Small::negated) })
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// A number times a power of ten; what is finer is rounded away from zero.
fn scaled(number: i128, exponent: i32) -> Option<i128> {
    if number == 0 {
        return Some(0);
    }
    let power = 10_i128.checked_pow(exponent.unsigned_abs());
    if exponent >= 0 {
        return number.checked_mul(power?);
    }
    let Some(power) = power else { return Some(number.signum()) };
    Some(number / power + if number % power == 0 { 0 } else { number.signum() })
}

/// The short form of a number with so many digits before and behind its point, where Kubernetes has one.
fn small(digits: i128, factor: Factor, before: usize, behind: usize) -> Option<Small> {
    let value = i64::try_from(digits).ok()?;
    match factor {
        Factor::Ten(exponent) => {
            let scale = exponent.checked_sub(i32::try_from(behind).ok()?)?;
            (before + behind <= DIGITS_MAX && scale >= -9).then_some(Small { value, scale })
        }
        Factor::Two(exponent) => {
            // About how many digits the power of two has.
            let digits = usize::try_from(exponent * 3 / 10 + 1).ok()?;
            let value = value.checked_mul(1 << exponent)?;
            (behind == 0 && before + digits <= 15).then_some(Small { value, scale: 0 })
        }
    }
}

fn factor(suffix: &str) -> Option<Factor> {
    if let Some((_, factor)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) {
        return Some(*factor);
    }
    suffix.strip_prefix(['e', 'E'])?.parse().ok().map(Factor::Ten)
}

fn quantity_of(operands: &[Val]) -> Result<&Quantity, Fault> {
    match operand(operands, 0)? {
        Val::Quantity(quantity) => Ok(quantity),
        _ => Err(no_overload()),
    }
}

/// What is added or taken away: a quantity or an integer.
fn amount_of(operands: &[Val]) -> Result<Quantity, Fault> {
    match operand(operands, 1)? {
        Val::Quantity(quantity) => Ok(**quantity),
        Val::Int(value) => {
            let small = Some(Small { value: *value, scale: 0 });
            Ok(Quantity { nanos: i128::from(*value) * ONE, small })
        }
        _ => Err(no_overload()),
    }
}

fn overflow() -> Fault {
    Fault::new("quantity overflow")
}

fn compared(operands: &[Val]) -> Result<Ordering, Fault> {
    match operands {
        [Val::Quantity(a), Val::Quantity(b)] => Ok(a.compare(b)),
        [Val::Semver(a), Val::Semver(b)] => Ok(a.compare(b)),
        _ => Err(no_overload()),
    }
}

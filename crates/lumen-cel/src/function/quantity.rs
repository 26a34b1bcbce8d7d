//! Kubernetes' quantities.

use std::cmp::Ordering;

use super::{GLOBAL, MEMBER, Row, operand, utf8};
use crate::eval::{Answer, Fault, no_overload};
use crate::value::Val;

pub(super) const TABLE: &[Row] = &[
    ("add", MEMBER, 1, 1, |_, operands| combined(operands, i128::checked_add)),
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
    ("sub", MEMBER, 1, 1, |_, operands| combined(operands, i128::checked_sub)),
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    nanos: i128,
}

const ONE: i128 = 1_000_000_000;

/// What the suffixes multiply with: a numerator and a denominator.
const SUFFIXES: &[(&str, i128, i128)] = &[
    ("", 1, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1_000),
    ("k", 1_000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
];

impl Quantity {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end = unsigned.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 40 {
            return None;
        }
        let (numerator, denominator) = scale(suffix)?;
        let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
        let places = u32::try_from(fraction.len()).ok()?;
        let scaled = digits.checked_mul(numerator)?.checked_mul(ONE)?;
        let divisor = 10_i128.checked_pow(places)?.checked_mul(denominator)?;
        let nanos = scaled / divisor + i128::from(scaled % divisor != 0);
        Some(Self { nanos: if text.starts_with('-') { -nanos } else { nanos } })
    }

    fn integer(&self) -> Option<i64> {
        if self.nanos % ONE == 0 { i64::try_from(self.nanos / ONE).ok() } else { None }
    }

    #[expect(clippy::cast_precision_loss, reason = "approximate is what is asked for")]
    fn approximate(&self) -> f64 {
        self.nanos as f64 / ONE as f64
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

fn scale(suffix: &str) -> Option<(i128, i128)> {
    if let Some((_, numerator, denominator)) = SUFFIXES.iter().find(|(known, ..)| *known == suffix) {
        return Some((*numerator, *denominator));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    Some(if exponent < 0 { (1, power) } else { (power, 1) })
}

fn quantity_of(operands: &[Val]) -> Result<&Quantity, Fault> {
    match operand(operands, 0)? {
        Val::Quantity(quantity) => Ok(quantity),
        _ => Err(no_overload()),
    }
}

fn combined(operands: &[Val], combine: fn(i128, i128) -> Option<i128>) -> Answer {
    let other = match operand(operands, 1)? {
        Val::Quantity(other) => other.nanos,
        Val::Int(other) => i128::from(*other) * ONE,
        _ => return Err(no_overload()),
    };
    let nanos = combine(quantity_of(operands)?.nanos, other);
    let nanos = nanos.ok_or_else(|| Fault::new("quantity overflow"))?;
    Ok(Val::Quantity(Quantity { nanos }.into()))
}

fn compared(operands: &[Val]) -> Result<Ordering, Fault> {
    match operands {
        [Val::Quantity(a), Val::Quantity(b)] => Ok(a.compare(b)),
        [Val::Semver(a), Val::Semver(b)] => Ok(a.compare(b)),
        _ => Err(no_overload()),
    }
}

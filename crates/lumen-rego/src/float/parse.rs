//! Numbers from their text.

use lumen_value::Number;
use num_bigint::{BigInt, BigUint, Sign};

use super::{Float, PRECISION, charge};
use crate::builtin::{Budget, Failure};

/// The powers of ten that Go's `big.Rat` reads: none larger.
const RATIONAL_EXPONENT_MAX: u64 = 1_000_000;

/// A decimal number taken apart: `digits * 10^exponent`.
pub(crate) struct Scientific {
    pub(crate) negative: bool,
    pub(crate) digits: BigUint,
    pub(crate) exponent: i64,
}

impl Scientific {
    /// Reads `[+-]123.45[e[+-]6]`; digits may be missing on one side of the point. `None` where the text is not such.
    pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Option<Self>, Failure> {
        let (negative, rest) = match text.strip_prefix(['+', '-']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (rest, None),
        };
        let exponent = match exponent.map(str::parse::<i32>) {
            Some(Ok(exponent)) => i64::from(exponent),
            Some(Err(_)) => return Ok(None),
            None => 0,
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        charge(budget, u64::try_from(digits.len()).unwrap_or(u64::MAX).saturating_mul(4))?;
        let Some(digits) = BigUint::parse_bytes(digits.as_bytes(), 10) else { return Ok(None) };
        Ok(Some(Self { negative, digits, exponent: exponent.saturating_sub(places) }))
    }

    /// The integer that it is; `None` where it has a fraction or is too large for Go's rationals.
    pub(crate) fn integer(self, budget: &mut Budget) -> Result<Option<BigInt>, Failure> {
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        if self.exponent == 0 || self.digits.bits() == 0 {
            return Ok(Some(BigInt::from_biguint(sign, self.digits)));
        }
        if self.exponent.unsigned_abs() > RATIONAL_EXPONENT_MAX {
            return Ok(None);
        }
        let power = power_of(10, self.exponent.unsigned_abs(), budget)?;
        if self.exponent > 0 {
            charge(budget, self.digits.bits())?;
            return Ok(Some(BigInt::from_biguint(sign, self.digits * power)));
        }
        let quotient = &self.digits / &power;
        let is_exact = &quotient * &power == self.digits;
        Ok(is_exact.then(|| BigInt::from_biguint(sign, quotient)))
    }
}

/// `base^exponent`, charged first.
pub(crate) fn power_of(base: u32, exponent: u64, budget: &mut Budget) -> Result<BigUint, Failure> {
    charge(budget, exponent.saturating_mul(4))?;
    let exponent = u32::try_from(exponent).map_err(|_| Failure::Budget)?;
    Ok(BigUint::from(base).pow(exponent))
}

/// The integer that a number is, exactly; `None` where it has a fraction.
pub(crate) fn to_integer(number: &Number, budget: &mut Budget) -> Result<Option<BigInt>, Failure> {
    if let Some(small) = number.as_i64() {
        return Ok(Some(BigInt::from(small)));
    }
    match Scientific::parse(&number.json_text(), budget)? {
        Some(scientific) => scientific.integer(budget),
        None => Ok(None),
    }
}

impl Float {
    /// A number with 64 bits of precision, as Go's `big.Float` reads it: not always the nearest.
    pub(crate) fn of(number: &Number, budget: &mut Budget) -> Result<Self, Failure> {
        Self::parse(&number.json_text(), budget)?.ok_or(Failure::Budget)
    }

    /// The same of a text; `None` where it is no number.
    pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Option<Self>, Failure> {
        let Some(Scientific { negative, digits, exponent }) = Scientific::parse(text, budget)? else {
            return Ok(None);
        };
        if digits.bits() == 0 {
            return Ok(Some(Self { negative, ..Self::zero() }));
        }
        let whole = Self { negative, mantissa: digits, exponent, precision: PRECISION };
        let read = match exponent {
            0 => Self::rounded(negative, whole.mantissa, 0, false, PRECISION)?,
            1.. => whole.mul_at(&power_of_five(exponent.unsigned_abs())?, PRECISION)?,
            _ => whole.div_at(&power_of_five(exponent.unsigned_abs())?, PRECISION)?,
        };
        Ok(Some(read))
    }
}

/// `5^exponent` with 128 bits, rounded where Go rounds.
fn power_of_five(exponent: u64) -> Result<Float, Failure> {
    /// The last power that Go has in a table.
    const TABLE_MAX: u64 = 27;
    let first = u32::try_from(exponent.min(TABLE_MAX)).unwrap_or_default();
    let precision = PRECISION + 64;
    let mut power =
        Float { negative: false, mantissa: BigUint::from(5_u32).pow(first), exponent: 0, precision };
    let mut left = exponent.saturating_sub(TABLE_MAX);
    let mut square =
        Float { negative: false, mantissa: BigUint::from(5_u32), exponent: 0, precision: precision + 64 };
    while left > 0 {
        if left & 1 != 0 {
            power = power.mul_at(&square, precision)?;
        }
        left >>= 1;
        if left > 0 {
            square = square.mul_at(&square, precision + 64)?;
        }
    }
    Ok(power)
}

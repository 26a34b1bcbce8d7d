//! Numbers as OPA computes with them: integers of any size, else binary floating point as Go's `math/big` has it
//! (`big.Float`: 64 bits of precision, rounded to the nearest, ties to even), bit for bit and printed digit for digit.
//!
//! Source: Go 1.26, `math/big` (`floatconv.go`, `float.go`, `ftoa.go`, `decimal.go`); OPA, `v1/topdown/builtins`.

mod decimal;
mod parse;

use std::cmp::Ordering;

use lumen_value::Number;
use num_bigint::{BigInt, BigUint, Sign};

use crate::builtin::{Budget, Failure};

pub(crate) use decimal::Decimal;
pub(crate) use parse::{Scientific, power_of, to_integer};

/// Bits of a number that came from text.
pub(crate) const PRECISION: u64 = 64;

/// A binary floating point number: `mantissa * 2^exponent`, zero where the mantissa is. There is no infinity: what is as
/// large as that would never fit a budget.
#[derive(Clone, Debug)]
pub(crate) struct Float {
    negative: bool,
    mantissa: BigUint,
    exponent: i64,
    precision: u64,
}

/// Takes what an operation on numbers of so many bits costs: it is quadratic at the worst.
pub(crate) fn charge(budget: &mut Budget, bits: u64) -> Result<(), Failure> {
    let words = bits / 64 + 1;
    budget.steps((words.saturating_mul(words) / 16).saturating_add(1))?;
    budget.bytes(words.saturating_mul(8))
}

/// An integer's number.
pub(crate) fn of_integer(integer: &BigInt, budget: &mut Budget) -> Result<Number, Failure> {
    if let Ok(small) = i64::try_from(integer) {
        return Ok(Number::from(small));
    }
    charge(budget, integer.bits())?;
    Number::parse(&integer.to_string()).ok_or(Failure::Undefined)
}

impl Float {
    /// Zero.
    pub(crate) fn zero() -> Self {
        Self { negative: false, mantissa: BigUint::ZERO, exponent: 0, precision: PRECISION }
    }

    /// An integer, exactly; never with less than 64 bits of precision.
    pub(crate) fn of_integer(integer: &BigInt) -> Self {
        Self {
            negative: integer.sign() == Sign::Minus,
            mantissa: integer.magnitude().clone(),
            exponent: 0,
            precision: integer.bits().max(PRECISION),
        }
    }

    /// The number nearest to `mantissa * 2^exponent`; `sticky` says that there is a little more of it.
    pub(crate) fn rounded(
        negative: bool,
        mantissa: BigUint,
        exponent: i64,
        sticky: bool,
        precision: u64,
    ) -> Result<Self, Failure> {
        let bits = mantissa.bits();
        let mut rounded = Self { negative, mantissa, exponent, precision };
        if bits > precision {
            let shift = bits - precision;
            let half = rounded.mantissa.bit(shift - 1);
            let rest = sticky || rounded.mantissa.trailing_zeros().is_some_and(|zeros| zeros < shift - 1);
            rounded.mantissa >>= shift;
            rounded.exponent = exponent.saturating_add_unsigned(shift);
            if half && (rest || rounded.mantissa.bit(0)) {
                rounded.mantissa += 1_u32;
            }
        }
        // What leaves this range is infinite, or zero, in Go.
        let top = rounded.exponent.saturating_add_unsigned(rounded.mantissa.bits());
        if i32::try_from(top).is_err() {
            return Err(Failure::Budget);
        }
        Ok(rounded)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.mantissa.bits() == 0
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative
    }

    /// The power of two just above it.
    pub(crate) fn top(&self) -> i64 {
        self.exponent.saturating_add_unsigned(self.mantissa.bits())
    }

    /// Whether it has no fraction.
    pub(crate) fn is_integer(&self) -> bool {
        let zeros = self.mantissa.trailing_zeros().unwrap_or(u64::MAX);
        self.exponent >= 0 || zeros >= self.exponent.unsigned_abs()
    }

    /// Without its sign.
    #[must_use]
    pub(crate) fn abs(self) -> Self {
        Self { negative: false, ..self }
    }

    /// With the other sign.
    #[must_use]
    pub(crate) fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    /// How many bits it takes when it is written out.
    fn written_bits(&self) -> u64 {
        self.mantissa.bits().saturating_add(self.exponent.unsigned_abs())
    }

    /// The integer that is left when the fraction is cut off.
    pub(crate) fn truncated(&self, budget: &mut Budget) -> Result<BigInt, Failure> {
        let magnitude = if self.exponent >= 0 {
            charge(budget, self.written_bits())?;
            &self.mantissa << self.exponent
        } else {
            &self.mantissa >> self.exponent.unsigned_abs()
        };
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        Ok(BigInt::from_biguint(sign, magnitude))
    }

    /// Both mantissas, with their signs, at the smaller of the exponents.
    fn aligned(&self, other: &Self, budget: &mut Budget) -> Result<(BigInt, BigInt, i64), Failure> {
        let exponent = self.exponent.min(other.exponent);
        charge(budget, self.exponent.abs_diff(other.exponent))?;
        let at = |float: &Self| {
            let mantissa = &float.mantissa << float.exponent.abs_diff(exponent);
            BigInt::from_biguint(if float.negative { Sign::Minus } else { Sign::Plus }, mantissa)
        };
        Ok((at(self), at(other), exponent))
    }

    /// The sum.
    pub(crate) fn add(&self, other: &Self, budget: &mut Budget) -> Result<Self, Failure> {
        let precision = self.precision.max(other.precision);
        match (self.is_zero(), other.is_zero()) {
            (true, true) => {
                return Ok(Self { negative: self.negative && other.negative, precision, ..Self::zero() });
            }
            (true, false) => {
                return Self::rounded(
                    other.negative,
                    other.mantissa.clone(),
                    other.exponent,
                    false,
                    precision,
                );
            }
            (false, true) => {
                return Self::rounded(self.negative, self.mantissa.clone(), self.exponent, false, precision);
            }
            (false, false) => {}
        }
        let (a, b, exponent) = self.aligned(other, budget)?;
        let (sign, magnitude) = (a + b).into_parts();
        Self::rounded(sign == Sign::Minus, magnitude, exponent, false, precision)
    }

    /// The difference.
    pub(crate) fn sub(&self, other: &Self, budget: &mut Budget) -> Result<Self, Failure> {
        self.add(&other.clone().negated(), budget)
    }

    /// The product.
    pub(crate) fn mul(&self, other: &Self) -> Result<Self, Failure> {
        let precision = self.precision.max(other.precision);
        self.mul_at(other, precision)
    }

    /// The product at a precision.
    pub(crate) fn mul_at(&self, other: &Self, precision: u64) -> Result<Self, Failure> {
        let negative = self.negative != other.negative;
        let exponent = self.exponent.saturating_add(other.exponent);
        if self.is_zero() || other.is_zero() {
            return Ok(Self { negative, precision, ..Self::zero() });
        }
        Self::rounded(negative, &self.mantissa * &other.mantissa, exponent, false, precision)
    }

    /// The quotient; the divisor is not zero.
    pub(crate) fn div(&self, other: &Self) -> Result<Self, Failure> {
        let precision = self.precision.max(other.precision);
        self.div_at(other, precision)
    }

    fn div_at(&self, other: &Self, precision: u64) -> Result<Self, Failure> {
        let negative = self.negative != other.negative;
        if self.is_zero() || other.is_zero() {
            return Ok(Self { negative, precision, ..Self::zero() });
        }
        let shift = (other.mantissa.bits() + precision + 2).saturating_sub(self.mantissa.bits());
        let dividend = &self.mantissa << shift;
        let quotient = &dividend / &other.mantissa;
        let sticky = &quotient * &other.mantissa != dividend;
        let exponent = self.exponent.saturating_sub(other.exponent).saturating_sub_unsigned(shift);
        Self::rounded(negative, quotient, exponent, sticky, precision)
    }

    /// How it compares with another.
    pub(crate) fn compare(&self, other: &Self, budget: &mut Budget) -> Result<Ordering, Failure> {
        let (a, b, _) = self.aligned(other, budget)?;
        Ok(a.cmp(&b))
    }

    /// The number as OPA writes it: all digits of an integer, else the shortest that has this value, with an exponent
    /// below -4 and from 6 on.
    pub(crate) fn number(&self, budget: &mut Budget) -> Result<Number, Failure> {
        charge(budget, self.written_bits().saturating_mul(3))?;
        let decimal = Decimal::shortest(self);
        let text = if self.is_integer() { decimal.plain() } else { decimal.general() };
        Number::parse(&text).ok_or(Failure::Undefined)
    }
}

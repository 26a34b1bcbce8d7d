//! [`Decimal`]: the digits of a floating point number, and the shortest that still mean it.

use num_bigint::BigUint;

use super::Float;

/// A decimal number: `0.DDD * 10^point`, no zero at the end of the digits.
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    /// All digits of `mantissa * 2^exponent`.
    pub(crate) fn exact(negative: bool, mantissa: &BigUint, exponent: i64) -> Self {
        let zeros = mantissa.trailing_zeros().unwrap_or(0);
        let (mantissa, exponent) = (mantissa >> zeros, exponent.saturating_add_unsigned(zeros));
        let (integer, places) = if exponent >= 0 {
            (mantissa << exponent, 0)
        } else {
            let places = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX);
            (mantissa * BigUint::from(5_u32).pow(places), i64::from(places))
        };
        let mut digits = if integer.bits() == 0 { Vec::new() } else { integer.to_string().into_bytes() };
        let point = i64::try_from(digits.len()).unwrap_or(i64::MAX).saturating_sub(places);
        trim(&mut digits);
        Self { negative, point: if digits.is_empty() { 0 } else { point }, digits }
    }

    /// The fewest digits that are nearer to the number than to its neighbours.
    pub(crate) fn shortest(float: &Float) -> Self {
        let mut decimal = Self::exact(float.negative, &float.mantissa, float.exponent);
        if decimal.digits.is_empty() {
            return decimal;
        }
        // One bit more than the precision: the last is half a unit in the last place.
        let bits = float.mantissa.bits();
        let shift = (float.precision + 1).saturating_sub(bits);
        let mantissa = &float.mantissa << shift;
        let exponent = float.exponent.saturating_sub_unsigned(shift);
        let below = Self::exact(false, &(&mantissa - 1_u32), exponent);
        let above = Self::exact(false, &(&mantissa + 1_u32), exponent);
        let inclusive = !mantissa.bit(1);
        let at = |decimal: &Self, index: usize| decimal.digits.get(index).copied().unwrap_or(b'0');
        for (index, digit) in decimal.digits.clone().into_iter().enumerate() {
            let (lower, upper) = (at(&below, index), at(&above, index));
            let may_go_down = lower != digit || (inclusive && index + 1 == below.digits.len());
            let may_go_up =
                digit != upper && (inclusive || digit + 1 < upper || index + 1 < above.digits.len());
            match (may_go_down, may_go_up) {
                (true, true) => decimal.round(index + 1),
                (true, false) => decimal.round_down(index + 1),
                (false, true) => decimal.round_up(index + 1),
                (false, false) => continue,
            }
            break;
        }
        decimal
    }

    fn round(&mut self, count: usize) {
        let Some(digit) = self.digits.get(count) else { return };
        let is_half = *digit == b'5' && count + 1 == self.digits.len();
        let is_odd =
            count.checked_sub(1).and_then(|last| self.digits.get(last)).is_some_and(|last| last % 2 == 1);
        if if is_half { is_odd } else { *digit >= b'5' } {
            self.round_up(count);
        } else {
            self.round_down(count);
        }
    }

    fn round_down(&mut self, count: usize) {
        self.digits.truncate(count);
        trim(&mut self.digits);
        if self.digits.is_empty() {
            self.point = 0;
        }
    }

    fn round_up(&mut self, count: usize) {
        if count >= self.digits.len() {
            return;
        }
        self.digits.truncate(count);
        while self.digits.last() == Some(&b'9') {
            self.digits.pop();
        }
        if let Some(last) = self.digits.last_mut() {
            *last += 1;
        } else {
            self.digits.push(b'1');
            self.point += 1;
        }
    }

    /// Without an exponent: `-123.45`.
    pub(crate) fn plain(&self) -> String {
        let mut text = self.sign();
        let whole = usize::try_from(self.point).unwrap_or(0);
        let digit = |index: usize| char::from(self.digits.get(index).copied().unwrap_or(b'0'));
        if whole == 0 {
            text.push('0');
        }
        text.extend((0..whole).map(digit));
        let leading = if self.point < 0 { usize::try_from(-self.point).unwrap_or(0) } else { 0 };
        let rest = self.digits.get(whole..).unwrap_or_default();
        if !rest.is_empty() {
            text.push('.');
            text.extend(std::iter::repeat_n('0', leading));
            text.extend(rest.iter().copied().map(char::from));
        }
        text
    }

    /// As Go's `%g` writes the shortest digits.
    pub(crate) fn general(&self) -> String {
        let exponent = self.point - 1;
        if self.digits.is_empty() {
            return self.plain();
        }
        let digits = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        // Go prefers an exponent from 6 digits before the point on, however many digits there are.
        let limit = 6;
        if (-4..limit).contains(&exponent) {
            return self.plain();
        }
        debug_assert!(digits > 0, "not zero");
        let mut text = self.sign();
        let mut all = self.digits.iter().copied().map(char::from);
        text.extend(all.next());
        if digits > 1 {
            text.push('.');
            text.extend(all);
        }
        text.push_str(if exponent < 0 { "e-" } else { "e+" });
        let exponent = exponent.unsigned_abs().to_string();
        if exponent.len() < 2 {
            text.push('0');
        }
        text.push_str(&exponent);
        text
    }

    fn sign(&self) -> String {
        if self.negative { "-".to_owned() } else { String::new() }
    }
}

fn trim(digits: &mut Vec<u8>) {
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
}

//! [`Argument`]: what OPA gives to `fmt.Sprintf` for a value.

use lumen_value::Value;
use num_bigint::BigInt;

use super::super::{Budget, Failure};
use crate::float::charge;
use crate::term;

/// An argument, by its type in Go.
pub(in crate::builtin) enum Argument {
    /// `int64`
    Integer(i64),
    /// `*big.Int`
    Big(BigInt),
    /// `float64`
    Float(f64),
    /// `string`
    Text(Vec<u8>),
    /// What Go decodes of JSON.
    Decoded(Value),
    /// Another type of integers, by its name.
    Named(&'static str, i64),
}

impl Argument {
    /// What becomes of a value.
    pub(super) fn of(value: &Value, budget: &mut Budget) -> Result<Self, Failure> {
        let text = match value {
            Value::Number(number) => {
                if let (Some(integer), true) = (number.as_i64(), number.is_json()) {
                    let text = number.json_text();
                    if !text.contains(['.', 'e', 'E']) {
                        return Ok(Self::Integer(integer));
                    }
                }
                let text = number.to_string();
                if let Some(argument) = Self::of_number(&text, budget)? {
                    return Ok(argument);
                }
                text.into_bytes()
            }
            Value::String(text) => text.as_bytes().to_vec(),
            other => {
                budget.tree(other)?;
                term::whole(other).into_bytes()
            }
        };
        budget.text(text.len())?;
        Ok(Self::Text(text))
    }

    fn of_number(text: &str, budget: &mut Budget) -> Result<Option<Self>, Failure> {
        if text.contains(['.', 'e', 'E']) {
            let float: Option<f64> = text.replace('_', "").parse().ok();
            return Ok(float.filter(|float| float.is_finite()).map(Self::Float));
        }
        if let Ok(integer) = text.parse() {
            return Ok(Some(Self::Integer(integer)));
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        charge(budget, u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_mul(4))?;
        Ok(BigInt::parse_bytes(text.as_bytes(), 10).map(Self::Big))
    }

    /// The name of the type in Go.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "int64",
            Self::Big(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Decoded(value) => super::decoded::type_name(value),
            Self::Named(name, _) => name,
        }
    }
}

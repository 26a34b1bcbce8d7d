//! [`Quantity`]: an amount of a resource, such as `500m` or `64Mi`.

use lumen_value::Value;

/// An amount of a resource.
#[derive(Clone, Debug)]
pub struct Quantity;

/// A text that is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no quantity, such as `500m` or `64Mi`")]
pub struct ParseError;

impl Quantity {
    /// The amount that a field of a manifest holds: a string or a number.
    pub fn of(value: &Value) -> Result<Self, ParseError> {
        match value {
            Value::Number(_) => Ok(Self),
            Value::String(text)
                if text
                    .as_bytes()
                    .first()
                    .is_some_and(|byte| b"+-.0123456789".contains(byte)) =>
            {
                Ok(Self)
            }
            _ => Err(ParseError),
        }
    }
}

//! The values of fields.

use std::borrow::Cow;
use std::net::IpAddr;

/// The value of a field of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'e> {
    /// Text, or bytes.
    Bytes(Cow<'e, [u8]>),
    /// A number with a sign.
    Signed(i64),
    /// A number without one: a count, a time, a port.
    Unsigned(u64),
    /// A number with a fraction.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// An address.
    Address(IpAddr),
    /// Several: of a field that is a list, or of one that stands for several others.
    List(Vec<Value<'e>>),
}

impl<'e> Value<'e> {
    /// A text.
    pub fn text(text: &'e str) -> Self {
        Self::Bytes(Cow::Borrowed(text.as_bytes()))
    }

    /// The bytes of a text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

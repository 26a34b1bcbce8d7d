//! Numbers and texts in the bytes of a capture, in the byte order of the machine that wrote it.

use crate::record::{WORDS_BYTES_MAX, WORDS_MAX};

/// A byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    /// A number of one to eight bytes; longer bytes are cut, shorter ones are taken as they are.
    #[inline]
    pub(super) fn number(self, bytes: &[u8]) -> u64 {
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        // Those that are most are read at once.
        if self == Self::Little {
            if let Some(eight) = bytes.first_chunk() {
                return u64::from_le_bytes(*eight);
            }
            if let Ok(four) = bytes.try_into() {
                return u64::from(u32::from_le_bytes(four));
            }
            if let Ok(two) = bytes.try_into() {
                return u64::from(u16::from_le_bytes(two));
            }
        }
        match self {
            Self::Little => bytes.iter().take(8).rev().fold(0, push),
            Self::Big => bytes.iter().take(8).fold(0, push),
        }
    }

    /// The same, with the sign that its highest bit is.
    pub(super) fn signed(self, bytes: &[u8]) -> i64 {
        let missing = 64_usize.saturating_sub(bytes.len().saturating_mul(8));
        if missing == 64 { 0 } else { (self.number(bytes) << missing).cast_signed() >> missing }
    }
}

/// A place in bytes, from which they are read one after the other.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    order: Order,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], order: Order) -> Self {
        Self { rest: bytes, order }
    }

    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes; none, and nothing taken, where there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    pub(super) fn number(&mut self, width: usize) -> Option<u64> {
        self.take(width).map(|bytes| self.order.number(bytes))
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.number(1).and_then(|number| u8::try_from(number).ok())
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.number(2).and_then(|number| u16::try_from(number).ok())
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.number(4).and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.number(8)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.u64().map(u64::cast_signed)
    }

    /// A text behind its length of two bytes.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let length = ahead.u16()?;
        let text = ahead.take(usize::from(length))?;
        *self = ahead;
        Some(text)
    }
}

/// The bytes before the first zero.
pub(super) fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Texts with a zero behind each. What is behind the bounds of recordings is cut when it is read.
pub(super) fn zero_separated(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    let bytes = bytes.get(..WORDS_BYTES_MAX).unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).take(WORDS_MAX).map(<[u8]>::to_vec).collect()
}

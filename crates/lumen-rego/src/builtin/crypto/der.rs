//! DER, read as strictly as Go's `cryptobyte` does.

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A context-specific tag.
pub(super) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// A context-specific tag of something that has parts.
pub(super) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// What is still to be read.
#[derive(Clone, Copy, Debug)]
pub(in crate::builtin) struct Der<'a>(pub(super) &'a [u8]);

/// One element.
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// With its header.
    pub(super) whole: &'a [u8],
    pub(super) content: &'a [u8],
}

/// A string of bits.
pub(super) struct Bits<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) unused: u8,
}

impl Bits<'_> {
    /// The bit at an index from the left.
    pub(super) fn at(&self, index: usize) -> bool {
        let length = self.bytes.len() * 8 - usize::from(self.unused);
        index < length && self.bytes.get(index / 8).is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1)
    }

    /// The bytes, shifted so that the unused bits are on the left.
    pub(super) fn right_aligned(&self) -> Vec<u8> {
        let shift = u32::from(self.unused);
        let mut carry = 0_u8;
        self.bytes
            .iter()
            .map(|byte| {
                let shifted = byte.checked_shr(shift).unwrap_or(0) | carry;
                carry = byte.checked_shl(8 - shift).unwrap_or(0);
                shifted
            })
            .collect()
    }
}

impl<'a> Der<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn peek(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Option<Element<'a>> {
        let (tag, short, after) = match self.0 {
            [tag, short, after @ ..] if tag & 0x1f != 0x1f => (*tag, *short, after),
            _ => return None,
        };
        let (header, length) = if short & 0x80 == 0 {
            (2, usize::from(short))
        } else {
            let count = usize::from(short & 0x7f);
            if count == 0 || count > 4 {
                return None;
            }
            let digits = after.get(..count)?;
            let length = digits.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
            // The shortest form only.
            if length < 128 || digits.first() == Some(&0) {
                return None;
            }
            (2 + count, length)
        };
        let (whole, rest) = self.0.split_at_checked(header.checked_add(length)?)?;
        self.0 = rest;
        Some(Element { tag, whole, content: whole.get(header..)? })
    }

    /// What is in the next element, which has this tag.
    pub(super) fn read(&mut self, tag: u8) -> Option<Der<'a>> {
        self.any().filter(|element| element.tag == tag).map(|element| Der(element.content))
    }

    /// The next element with its header.
    pub(super) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|element| element.tag == tag).map(|element| element.whole)
    }

    /// What is in the next element, if it has this tag.
    #[expect(clippy::option_option, reason = "what is malformed is not what is absent")]
    pub(super) fn optional(&mut self, tag: u8) -> Option<Option<Der<'a>>> {
        if self.peek(tag) { self.read(tag).map(Some) } else { Some(None) }
    }

    /// An integer's bytes in two's complement, as short as can be.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        minimal(self.read(INTEGER)?.0)
    }

    /// A natural number's bytes without zeros in front; none for 0.
    pub(super) fn natural(&mut self) -> Option<&'a [u8]> {
        let bytes = self.integer()?;
        match bytes {
            [first, ..] if first & 0x80 != 0 => None,
            [0, rest @ ..] => Some(rest),
            _ => Some(bytes),
        }
    }

    pub(super) fn small_integer(&mut self) -> Option<i64> {
        small(self.integer()?)
    }

    /// An integer under another tag.
    pub(super) fn small_integer_tagged(&mut self, tag: u8) -> Option<i64> {
        small(minimal(self.read(tag)?.0)?)
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.read(BOOLEAN)?.0 {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    pub(super) fn bits(&mut self) -> Option<Bits<'a>> {
        let (unused, bytes) = self.read(BIT_STRING)?.0.split_first()?;
        let padding = |last: &u8| *unused < 8 && u32::from(*last) & ((1 << unused) - 1) == 0;
        let sound = match bytes.last() {
            Some(last) => padding(last),
            None => *unused == 0,
        };
        sound.then_some(Bits { bytes, unused: *unused })
    }

    pub(super) fn oid(&mut self) -> Option<Vec<u32>> {
        oid(self.read(OID)?.0)
    }
}

fn minimal(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [] => None,
        [0, second, ..] if second & 0x80 == 0 => None,
        [0xff, second, ..] if second & 0x80 != 0 => None,
        _ => Some(bytes),
    }
}

fn small(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 8 {
        return None;
    }
    let start = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
    Some(bytes.iter().fold(start, |value: i64, byte| value << 8 | i64::from(*byte)))
}

/// The numbers of an object identifier, each below 2^31.
pub(super) fn oid(bytes: &[u8]) -> Option<Vec<u32>> {
    let mut numbers = Vec::with_capacity(bytes.len() + 1);
    let mut number: u32 = 0;
    let mut fresh = true;
    for byte in bytes {
        if (fresh && *byte == 0x80) || number >= 1 << 24 {
            return None;
        }
        number = number << 7 | u32::from(byte & 0x7f);
        fresh = byte & 0x80 == 0;
        if fresh {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.extend([first, number - first * 40]);
            } else {
                numbers.push(number);
            }
            number = 0;
        }
    }
    (fresh && !numbers.is_empty()).then_some(numbers)
}

/// An identifier's numbers, with dots.
pub(super) fn dotted(oid: &[u32]) -> String {
    oid.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

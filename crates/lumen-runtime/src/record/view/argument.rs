//! The arguments of an event, as they are printed and as they are.

use std::borrow::Cow;

use super::super::bytes::{i64_at, u32_at, u64_at};
use super::super::errors;
use super::super::wire::value;
use super::{Record, path};
use crate::field::NumberFormat;
use crate::value::Value;

/// What stands for a value that is not known.
const ABSENT: &[u8] = b"<NA>";

/// Where the value of a row of the table ends.
pub(super) fn end(row: &[u8]) -> Option<usize> {
    let [_, _, _, low, middle, high] = row else { return None };
    usize::try_from(u32::from_le_bytes([*low, *middle, *high, 0])).ok()
}

/// An argument in its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArgumentView<'b> {
    pub(super) name: &'b str,
    pub(super) kind: u8,
    pub(super) value: &'b [u8],
}

impl<'b> ArgumentView<'b> {
    /// Its number, with its sign.
    #[expect(clippy::cast_possible_wrap, reason = "numbers without a sign get one as the reference's do")]
    pub(super) fn signed(&self) -> Option<i64> {
        match self.kind {
            value::SIGNED | value::OUTCOME => match *self.value {
                [one] => Some(i64::from(one.cast_signed())),
                [_, _, _, _] => u32_at(self.value, 0).map(|number| i64::from(number.cast_signed())),
                _ => i64_at(self.value, 0),
            },
            value::UNSIGNED | value::HEXADECIMAL | value::OCTAL => match *self.value {
                [one] => Some(i64::from(one)),
                [_, _, _, _] => u32_at(self.value, 0).map(i64::from),
                _ => i64_at(self.value, 0),
            },
            value::ACCOUNT => u32_at(self.value, 0).map(i64::from),
            value::DESCRIPTOR | value::OWN_DESCRIPTOR | value::PROCESS => i64_at(self.value, 0),
            value::NAMED => u64_at(self.value, 0).map(|bits| bits as i64),
            _ => None,
        }
    }

    /// Its bits, or its number without a sign.
    pub(super) fn bits(&self) -> Option<u64> {
        self.signed().map(i64::cast_unsigned)
    }

    /// Its bytes, of a text or a buffer.
    pub(super) fn bytes(&self) -> Option<&'b [u8]> {
        matches!(self.kind, value::TEXT | value::BUFFER).then_some(self.value)
    }

    /// What its number is called: of a process, an account, bits.
    fn called(&self) -> Option<&'b [u8]> {
        match self.kind {
            value::PROCESS | value::NAMED => self.value.get(8..),
            value::ACCOUNT => self.value.get(4..),
            _ => None,
        }
    }

    /// A descriptor: its number, letter and name.
    pub(super) fn descriptor(&self, record: &Record<'b>) -> Option<(i64, u8, &'b [u8])> {
        let number = i64_at(self.value, 0)?;
        let letter = *self.value.get(8)?;
        match self.kind {
            value::DESCRIPTOR => Some((number, letter, self.value.get(9..)?)),
            value::OWN_DESCRIPTOR => Some((number, letter, record.descriptor?.name()?)),
            _ => None,
        }
    }
}

/// A value and what it stands for, as they are printed: `3` and `<f>/etc/hosts`.
pub(super) struct Printed<'b> {
    pub(super) plain: Cow<'b, [u8]>,
    pub(super) resolved: Option<Cow<'b, [u8]>>,
}

impl<'b> Printed<'b> {
    fn plain(text: impl Into<Cow<'b, [u8]>>) -> Self {
        Self { plain: text.into(), resolved: None }
    }

    fn number(number: &str) -> Self {
        Self::plain(number.as_bytes().to_vec())
    }

    /// What is said of it: what it stands for, where that is known.
    pub(super) fn best(self) -> Cow<'b, [u8]> {
        self.resolved.unwrap_or(self.plain)
    }
}

/// How an argument is printed.
pub(super) fn print<'b>(record: &Record<'b>, argument: &ArgumentView<'b>) -> Printed<'b> {
    let number = || argument.signed().unwrap_or(0).to_string().into_bytes();
    let called = |text: Option<&'b [u8]>| text.filter(|text| !text.is_empty()).map(Cow::Borrowed);
    match argument.kind {
        value::SIGNED => Printed::plain(number()),
        value::UNSIGNED => Printed::number(&argument.bits().unwrap_or(0).to_string()),
        value::HEXADECIMAL => Printed::number(&format!("{:X}", argument.bits().unwrap_or(0))),
        value::OCTAL => match argument.bits().unwrap_or(0) {
            0 => Printed::plain(&b"0"[..]),
            bits => Printed::number(&format!("0{bits:o}")),
        },
        value::OUTCOME => Printed { plain: number().into(), resolved: error(argument.signed().unwrap_or(0)) },
        value::DESCRIPTOR | value::OWN_DESCRIPTOR => {
            Printed { plain: number().into(), resolved: descriptor(record, argument) }
        }
        value::PROCESS => Printed { plain: number().into(), resolved: called(argument.called()) },
        value::ACCOUNT => account(argument),
        value::NAMED => Printed {
            plain: Cow::Owned(argument.bits().unwrap_or(0).to_string().into_bytes()),
            resolved: called(argument.called()),
        },
        value::TEXT => {
            Printed { plain: argument.value.into(), resolved: path::resolved_argument(record, argument) }
        }
        value::BUFFER if argument.value.is_empty() => Printed::plain(&b"NULL"[..]),
        value::BUFFER => Printed::plain(dots(argument.value)),
        _ => Printed::plain(ABSENT),
    }
}

fn error<'b>(number: i64) -> Option<Cow<'b, [u8]>> {
    if number >= 0 {
        return None;
    }
    errors::name(number.checked_neg()?).map(|name| Cow::Borrowed(name.as_bytes()))
}

fn account<'b>(argument: &ArgumentView<'b>) -> Printed<'b> {
    let id = u32_at(argument.value, 0).unwrap_or(u32::MAX);
    if id == u32::MAX {
        return Printed { plain: Cow::Borrowed(b"-1"), resolved: Some(Cow::Borrowed(b"<NONE>")) };
    }
    let name = argument.called().filter(|name| !name.is_empty()).unwrap_or(ABSENT);
    Printed { plain: id.to_string().into_bytes().into(), resolved: Some(name.into()) }
}

/// `<4t>127.0.0.1:4000->127.0.0.1:80`; the name of the error, of a call that failed.
fn descriptor<'b>(record: &Record<'b>, argument: &ArgumentView<'b>) -> Option<Cow<'b, [u8]>> {
    let (number, letter, name) = argument.descriptor(record)?;
    if number == super::path::WORKING_DIRECTORY {
        return Some(Cow::Borrowed(b"AT_FDCWD"));
    }
    if number < 0 {
        return error(number);
    }
    if letter == 0 {
        return None;
    }
    let own = record
        .descriptor
        .filter(|own| own.number() == Some(number) && matches!(letter, b'4' | b'6' | b'2' | b'3'));
    let mut text = vec![b'<', letter];
    text.extend(own.and_then(|own| own.protocol()?.bytes().next()));
    text.push(b'>');
    text.extend_from_slice(name);
    Some(text.into())
}

/// Bytes with a dot for each that cannot be printed.
fn dots(bytes: &[u8]) -> Cow<'_, [u8]> {
    let is_printed = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    if bytes.iter().all(is_printed) {
        return bytes.into();
    }
    bytes.iter().map(|byte| if is_printed(byte) { *byte } else { b'.' }).collect()
}

/// What is called one of several and is a number in decimal; bits are in hexadecimal (the reference's table of events).
const IN_DECIMAL: [&str; 16] = [
    "domain",
    "level",
    "optname",
    "whence",
    "resource",
    "type",
    "request",
    "quota_fmt",
    "dqi_flags",
    "option",
    "opcode",
    "fd_type",
    "sig",
    "timeout",
    "interval",
    "nativeID",
];

/// How the number of `evt.rawarg` is printed.
pub(super) fn raw_format(record: &Record<'_>, argument: &ArgumentView<'_>) -> NumberFormat {
    match argument.kind {
        value::HEXADECIMAL => NumberFormat::Hexadecimal,
        // What these give back is an address.
        value::OUTCOME if matches!(record.type_name, "mmap" | "mmap2") => NumberFormat::Hexadecimal,
        value::OCTAL => NumberFormat::Octal,
        value::NAMED => match (argument.name, record.type_name) {
            ("mode", "chmod" | "fchmod" | "fchmodat") => NumberFormat::Octal,
            ("cmd", "semctl") => NumberFormat::Hexadecimal,
            ("cmd" | "ID", _) | ("operation", "keyctl") => NumberFormat::Decimal,
            (name, _) if IN_DECIMAL.contains(&name) => NumberFormat::Decimal,
            _ => NumberFormat::Hexadecimal,
        },
        _ => NumberFormat::Decimal,
    }
}

/// The value itself: `evt.rawarg`.
pub(super) fn raw<'b>(argument: &ArgumentView<'b>) -> Option<Value<'b>> {
    match argument.kind {
        value::TEXT | value::BUFFER => Some(Value::Bytes(argument.value.into())),
        value::SIGNED | value::OUTCOME | value::DESCRIPTOR | value::OWN_DESCRIPTOR | value::PROCESS => {
            argument.signed().map(Value::Signed)
        }
        _ => argument.bits().map(Value::Unsigned),
    }
}

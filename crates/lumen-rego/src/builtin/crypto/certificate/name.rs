//! Distinguished names, the strings and times of ASN.1, and a request's attributes.

use lumen_value::{Array, Str, Value};

use super::super::der::{self, Der};
use super::super::{encode, oid};
use super::{Attribute, Extension, Moment, extension};
use crate::builtin::time;

/// A distinguished name.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Name {
    /// Type and value, in the order of the certificate.
    pub(in super::super) attributes: Vec<(Vec<u32>, String)>,
}

impl Name {
    pub(super) fn parse(der: &[u8]) -> Result<Self, String> {
        let invalid = |what: &str| format!("x509: invalid RDNSequence{what}");
        let mut sequence = Der(der).read(der::SEQUENCE).ok_or_else(|| invalid(""))?;
        let mut attributes = Vec::new();
        while !sequence.is_empty() {
            let mut set = sequence.read(der::SET).ok_or_else(|| invalid(""))?;
            while !set.is_empty() {
                let mut attribute = set.read(der::SEQUENCE).ok_or_else(|| invalid(": invalid attribute"))?;
                let id = attribute.oid().ok_or_else(|| invalid(": invalid attribute type"))?;
                let value = attribute.any().ok_or_else(|| invalid(": invalid attribute value"))?;
                let text = string(value.tag, value.content)
                    .map_err(|error| invalid(&format!(": invalid attribute value: {error}")))?;
                attributes.push((id, text));
            }
        }
        Ok(Self { attributes })
    }

    /// The values of `2.5.4.number`.
    pub(in super::super) fn values(&self, number: u32) -> impl Iterator<Item = &str> {
        let wanted = [2, 5, 4, number];
        self.attributes.iter().filter(move |(id, _)| *id == wanted).map(|(_, value)| value.as_str())
    }
}

/// Printable characters, and two that are not and yet are used.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'()+,-./ :=?*&".contains(&byte)
}

fn string(tag: u8, value: &[u8]) -> Result<String, String> {
    let ascii = |fits: bool, kind: &str| {
        if fits { Ok(String::from_utf8_lossy(value).into_owned()) } else { Err(format!("invalid {kind}")) }
    };
    match tag {
        12 => std::str::from_utf8(value).map(str::to_owned).map_err(|_| "invalid UTF-8 string".to_owned()),
        18 => ascii(value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' '), "NumericString"),
        19 => ascii(value.iter().all(|byte| is_printable(*byte)), "PrintableString"),
        20 => Ok(value.iter().map(|byte| char::from(*byte)).collect()),
        22 => ascii(value.is_ascii(), "IA5String"),
        30 => two_byte_string(value).ok_or_else(|| "invalid BMPString".to_owned()),
        _ => Err(format!("unsupported string type: {tag}")),
    }
}

fn two_byte_string(value: &[u8]) -> Option<String> {
    let (pairs, rest) = value.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let pairs = pairs.strip_suffix(&[[0, 0]]).unwrap_or(pairs);
    let reserved = |unit: u32| matches!(unit, 0xfffe | 0xffff | 0xfdd0..=0xfdef);
    pairs
        .iter()
        .map(|pair| u32::from(u16::from_be_bytes(*pair)))
        .map(|unit| if reserved(unit) { None } else { char::from_u32(unit) })
        .collect()
}

/// A time with two digits of the year: those from 50 up are of the last century.
pub(super) fn utc_time(text: &[u8]) -> Option<Moment> {
    let seconds = digits_before_zone(text)? == 12;
    let layout: &[u8] = if seconds { b"060102150405Z0700" } else { b"0601021504Z0700" };
    let moment = time_of(layout, text)?;
    let century = time::century_too_late(moment.seconds + moment.offset);
    Some(Moment { seconds: moment.seconds - century, ..moment })
}

pub(super) fn generalized_time(text: &[u8]) -> Option<Moment> {
    time_of(b"20060102150405Z0700", text)
}

fn digits_before_zone(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| !byte.is_ascii_digit())
}

/// Only what would be written again as it was read.
fn time_of(layout: &[u8], text: &[u8]) -> Option<Moment> {
    let (seconds, _) = time::parse_layout(layout, text)?;
    let zone = text.get(digits_before_zone(text)?..)?;
    let offset = match zone {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), digits @ ..] if digits.len() == 4 => {
            let value: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
            let offset = (value / 100 * 60 + value % 100) * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    (time::format_layout(layout, seconds, offset) == text).then_some(Moment { seconds, offset })
}

/// A value of any type, as Go shows it in JSON: null for what it does not know.
fn string_value(tag: u8, content: &[u8]) -> Option<Value> {
    Some(match tag {
        1 => match content {
            [0] => Value::Bool(false),
            [0xff] => Value::Bool(true),
            _ => return None,
        },
        2 => {
            let header = [&[der::INTEGER, u8::try_from(content.len()).ok()?], content].concat();
            Value::from(Der(&header).small_integer()?)
        }
        3 => {
            let (unused, bytes) = content.split_first()?;
            let length = (bytes.len() * 8).checked_sub(usize::from(*unused))?;
            Value::from([
                ("BitLength", Value::from(i64::try_from(length).ok()?)),
                ("Bytes", Value::from(encode::encode(bytes))),
            ])
        }
        4 => Value::from(encode::encode(content)),
        6 => numbers(&der::oid(content)?),
        12 | 18 | 19 | 20 | 22 | 30 => Value::String(Str::from(string(tag, content).ok()?)),
        _ => Value::Null,
    })
}

fn numbers(oid: &[u32]) -> Value {
    Value::Array(oid.iter().map(|number| Value::from(i64::from(*number))).collect::<Array>())
}

/// An attribute whose values are sets of attributes, as far as it is one.
pub(super) fn attribute(raw: &[u8]) -> Option<Attribute> {
    let mut attribute = Der(raw).read(der::SEQUENCE)?;
    let id = attribute.oid()?;
    let mut set = attribute.read(der::SET)?;
    let mut values = Vec::new();
    while !set.is_empty() {
        let mut list = set.read(der::SEQUENCE)?;
        let mut entries = Vec::new();
        while !list.is_empty() {
            let mut entry = list.read(der::SEQUENCE)?;
            let id = entry.oid()?;
            let value = entry.any()?;
            entries.push((id, string_value(value.tag, value.content)?));
        }
        values.push(entries);
    }
    Some((id, values))
}

/// The extensions that a request asks for.
pub(super) fn requested_extensions(attributes: &[&[u8]]) -> Result<Vec<Extension>, String> {
    let mut extensions: Vec<Extension> = Vec::new();
    for raw in attributes {
        let parts = (|| {
            let mut attribute = Der(raw).read(der::SEQUENCE)?;
            let id = attribute.oid()?;
            let mut values = attribute.read(der::SET)?;
            Some((id, values.any()?))
        })();
        let Some((id, first)) = parts else { continue };
        if id != oid::EXTENSION_REQUEST {
            continue;
        }
        if first.tag != der::SEQUENCE {
            return Err("asn1: structure error: tags don't match".to_owned());
        }
        let mut list = Der(first.content);
        while !list.is_empty() {
            let next = list.read(der::SEQUENCE).ok_or("asn1: structure error: tags don't match")?;
            let next = extension(next)?;
            if extensions.iter().any(|seen| seen.id == next.id) {
                return Err("x509: certificate request contains duplicate requested extensions".to_owned());
            }
            extensions.push(next);
        }
    }
    Ok(extensions)
}

//! The values that a test gives fields, typed as the fields are.

use std::borrow::Cow;

use lumen_value::Value as Written;
use lumen_value::fault::word;

use crate::field::{FieldUse, Kind, NumberFormat};
use crate::number;
use crate::value::Value;

/// A value that a test gives.
pub type Given = Value<'static>;

/// The key of bytes that are written in hexadecimal.
const HEX: &str = "hex";

/// Units of time that may stand behind a number, and their nanoseconds.
const UNITS: [(&str, i128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads a value of a field.
pub(super) fn read(written: &Written, used: &FieldUse) -> Result<Given, String> {
    let field = used.id.field();
    let takes_several = used.argument.is_none() && field.is_list() || used.is_several();
    match written {
        Written::Array(items) if takes_several => items
            .iter()
            .map(|item| one(item, field.kind, field.format))
            .collect::<Result<_, _>>()
            .map(Value::List),
        one_value if takes_several => Ok(Value::List(vec![one(one_value, field.kind, field.format)?])),
        one_value => one(one_value, field.kind, field.format),
    }
}

fn one(written: &Written, kind: Kind, format: NumberFormat) -> Result<Given, String> {
    let wanted = |what: &str| format!("{what} was expected, not {}", shown(written));
    let text = scalar(written);
    match kind {
        Kind::Text | Kind::Bytes => {
            // Documents are text: what is none is written in digits.
            let hexadecimal = written.get(HEX).filter(|_| kind == Kind::Bytes).and_then(scalar);
            let bytes = match (hexadecimal, kind) {
                (Some(digits), _) => number::bytes(digits.as_bytes()),
                (None, Kind::Bytes) => {
                    text.filter(|text| !text.contains(char::REPLACEMENT_CHARACTER)).map(String::into_bytes)
                }
                (None, _) => text.map(String::into_bytes),
            };
            let what = if kind == Kind::Bytes { "a text, or bytes as `{hex: cafe}`," } else { "a text" };
            Ok(Value::Bytes(Cow::Owned(bytes.ok_or_else(|| wanted(what))?)))
        }
        Kind::Bool => match text.as_deref() {
            Some("true") => Ok(Value::Bool(true)),
            Some("false") => Ok(Value::Bool(false)),
            _ => Err(wanted("`true` or `false`")),
        },
        Kind::Address | Kind::Network => {
            let address = text.and_then(|text| text.parse().ok());
            address.map(Value::Address).ok_or_else(|| wanted("an address"))
        }
        Kind::Double => {
            let number = text.and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
            number.map(Value::Double).ok_or_else(|| wanted("a number"))
        }
        Kind::AbsoluteTime | Kind::RelativeTime => {
            let number = text.as_deref().and_then(|text| whole(text, format).or_else(|| time(text)));
            let what = "nanoseconds, or a number with ns, us, ms, s, m, h or d behind it,";
            sized(number.ok_or_else(|| wanted(what))?, kind)
        }
        Kind::Port => {
            let number = text
                .as_deref()
                .and_then(|text| whole(text, format).or_else(|| number::service(text).map(i128::from)));
            sized(number.ok_or_else(|| wanted("a port"))?, kind)
        }
        _ => {
            let number = text.as_deref().and_then(|text| whole(text, format));
            sized(number.ok_or_else(|| wanted("a whole number"))?, kind)
        }
    }
}

/// A text, a number or a boolean as it is written.
fn scalar(written: &Written) -> Option<String> {
    match written {
        Written::String(text) => Some(text.to_text().into_owned()),
        Written::Number(_) | Written::Bool(_) => Some(written.to_json()),
        _ => None,
    }
}

fn shown(written: &Written) -> String {
    scalar(written).map_or_else(|| word(written).to_owned(), |text| format!("`{text}`"))
}

/// A whole number in decimal, or in hexadecimal behind `0x`; for fields that are printed in hexadecimal, without that, too.
fn whole(text: &str, format: NumberFormat) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let number = match digits.strip_prefix("0x") {
        Some(digits) => i128::from(u64::from_str_radix(digits, 16).ok()?),
        None => match (digits.parse::<u64>(), format) {
            (Ok(number), _) => i128::from(number),
            (Err(_), NumberFormat::Hexadecimal) => i128::from(u64::from_str_radix(digits, 16).ok()?),
            (Err(_), _) => return None,
        },
    };
    Some(sign * number)
}

/// A number with a unit of time, in nanoseconds.
fn time(text: &str) -> Option<i128> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.get(digits.len()..)?;
    let (_, nanoseconds) = UNITS.iter().find(|(known, _)| *known == unit)?;
    digits.parse::<i64>().ok().map(|number| i128::from(number) * nanoseconds)
}

/// A number of a field's type.
fn sized(number: i128, kind: Kind) -> Result<Given, String> {
    let (least, most) = match kind {
        Kind::Int16 => (i128::from(i16::MIN), i128::from(i16::MAX)),
        Kind::Int32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Kind::Uint32 => (0, i128::from(u32::MAX)),
        Kind::Port => (0, i128::from(u16::MAX)),
        Kind::Uint64 | Kind::AbsoluteTime | Kind::RelativeTime => (0, i128::from(u64::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    if number < least || number > most {
        return Err(format!("a number from {least} to {most} was expected, not {number}"));
    }
    Ok(match (u64::try_from(number), i64::try_from(number)) {
        (Ok(number), _) if least == 0 => Value::Unsigned(number),
        (_, Ok(number)) => Value::Signed(number),
        (Ok(number), Err(_)) => Value::Unsigned(number),
        (Err(_), Err(_)) => return Err(format!("{number} is too large")),
    })
}

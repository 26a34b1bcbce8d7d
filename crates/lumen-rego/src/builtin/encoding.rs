//! Texts in other alphabets: `base64.*`, `base64url.*`, `hex.*`, `urlquery.*`.

use lumen_value::{Array, Object, Str, Value};

use super::json::document;
use super::operand::{any, string, type_name};
use super::url::{Part, cut, escape, unescape};
use super::{Answer, Context, Entry, Failure};
use crate::unicode;

pub(super) mod base64;

use base64::Alphabet;

/// The family.
pub const TABLE: &[Entry] = &[
    ("base64.decode", base64_decode),
    ("base64.encode", base64_encode),
    ("base64.is_valid", base64_is_valid),
    ("base64url.decode", base64url_decode),
    ("base64url.encode", base64url_encode),
    ("base64url.encode_no_pad", base64url_encode_no_pad),
    ("hex.decode", hex_decode),
    ("hex.encode", hex_encode),
    ("urlquery.decode", urlquery_decode),
    ("urlquery.decode_object", urlquery_decode_object),
    ("urlquery.encode", urlquery_encode),
    ("urlquery.encode_object", urlquery_encode_object),
];

/// Most parameters in a query, as Go bounds them.
const PARAMETERS_MAX: usize = 10_000;

/// The bytes of the first operand, paid for: `growth` bytes are made of each.
fn text<'v>(context: &mut Context<'_>, operands: &'v [Value], growth: u64) -> Result<&'v [u8], Failure> {
    let bytes = string(operands, 1)?.as_bytes();
    context.budget.steps(bytes.len() as u64 / 8)?;
    context.budget.bytes(bytes.len() as u64 * growth)?;
    Ok(bytes)
}

fn bytes_value(bytes: &[u8]) -> Value {
    Value::String(Str::from_bytes(bytes))
}

fn base64_encode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    Ok(Value::from(base64::encode(text(context, operands, 2)?, Alphabet::Standard, true)))
}

fn base64url_encode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    Ok(Value::from(base64::encode(text(context, operands, 2)?, Alphabet::Url, true)))
}

fn base64url_encode_no_pad(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    Ok(Value::from(base64::encode(text(context, operands, 2)?, Alphabet::Url, false)))
}

fn base64_decode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let decoded = base64::decode(text(context, operands, 1)?, Alphabet::Standard);
    decoded.map(|bytes| bytes_value(&bytes)).map_err(Failure::Builtin)
}

fn base64_is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    if !matches!(any(operands, 1)?, Value::String(_)) {
        return Ok(Value::from(false));
    }
    Ok(Value::from(base64::decode(text(context, operands, 1)?, Alphabet::Standard).is_ok()))
}

/// Padding may be left out.
fn base64url_decode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = text(context, operands, 2)?;
    let padding: &[u8] = match text.len() % 4 {
        _ if text.ends_with(b"=") => b"",
        0 => b"",
        2 => b"==",
        3 => b"=",
        _ => {
            let text = String::from_utf8_lossy(text);
            return Err(Failure::Builtin(format!("illegal base64url string: {text}")));
        }
    };
    let decoded = base64::decode(&[text, padding].concat(), Alphabet::Url);
    decoded.map(|bytes| bytes_value(&bytes)).map_err(Failure::Builtin)
}

fn hex_encode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    let bytes = text(context, operands, 2)?;
    let digits: Vec<u8> = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    Ok(bytes_value(&digits))
}

fn hex_decode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let digits = text(context, operands, 1)?;
    let value = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if let Some(byte) = digits.iter().copied().find(|byte| value(*byte).is_none()) {
        let char = char::from(byte);
        let code = u32::from(byte);
        // Go leaves out the character where it cannot be printed.
        let shown = if unicode::is_printable(char) { format!(" '{char}'") } else { String::new() };
        return Err(Failure::Builtin(format!("encoding/hex: invalid byte: U+{code:04X}{shown}")));
    }
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(Failure::Builtin("encoding/hex: odd length hex string".to_owned()));
    }
    let pair = |[high, low]: &[u8; 2]| Some((value(*high)? << 4) | value(*low)?);
    Ok(bytes_value(&pairs.iter().filter_map(pair).collect::<Vec<u8>>()))
}

fn urlquery_encode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    Ok(bytes_value(&escape(text(context, operands, 3)?, Part::Query)))
}

fn urlquery_decode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let decoded = unescape(text(context, operands, 1)?, Part::Query);
    decoded.map(|bytes| bytes_value(&bytes)).map_err(Failure::Builtin)
}

/// An object of strings, and of arrays or sets of strings.
fn urlquery_encode_object(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let given = any(operands, 1)?;
    let Value::Object(object) = document(context, given)? else {
        return Err(Failure::Type(format!("operand 1 must be object but got {}", type_name(given))));
    };
    let wrong = || Failure::Type("operand 1 values must be string, array[string], or set[string]".to_owned());
    let mut out = Vec::new();
    for (key, value) in object.iter() {
        let Value::String(key) = key else { continue };
        let key = escape(key.as_bytes(), Part::Query);
        let values = match value {
            Value::String(_) => std::slice::from_ref(value).iter(),
            Value::Array(items) => items.iter(),
            _ => return Err(wrong()),
        };
        for value in values {
            let Value::String(value) = value else {
                return Err(wrong());
            };
            context.budget.bytes((key.len() + 3 * value.as_bytes().len() + 2) as u64)?;
            if !out.is_empty() {
                out.push(b'&');
            }
            out.extend_from_slice(&key);
            out.push(b'=');
            out.extend(escape(value.as_bytes(), Part::Query));
        }
    }
    Ok(bytes_value(&out))
}

fn urlquery_decode_object(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let query = text(context, operands, 32)?;
    let parameters = || query.split(|byte| *byte == b'&');
    if parameters().count() > PARAMETERS_MAX {
        let message = "number of URL query parameters exceeded limit";
        return Err(Failure::Builtin(message.to_owned()));
    }
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    let mut error = None;
    for parameter in parameters().filter(|parameter| !parameter.is_empty()) {
        if parameter.contains(&b';') {
            error = Some("invalid semicolon separator in query".to_owned());
            continue;
        }
        let (key, value) = cut(parameter, b'=');
        let decoded = unescape(key, Part::Query)
            .and_then(|key| Ok((key, unescape(value.unwrap_or_default(), Part::Query)?)));
        match decoded {
            Ok((key, value)) => pairs.push((bytes_value(&key), bytes_value(&value))),
            Err(message) => error = error.or(Some(message)),
        }
    }
    if let Some(message) = error {
        return Err(Failure::Builtin(message));
    }
    // Stable, so that the values of a key stay in their order.
    pairs.sort_by(|(first, _), (second, _)| first.cmp(second));
    let mut entries: Vec<(Value, Vec<Value>)> = Vec::new();
    for (key, value) in pairs {
        match entries.last_mut() {
            Some((last, values)) if *last == key => values.push(value),
            _ => entries.push((key, vec![value])),
        }
    }
    let entries = entries.into_iter().map(|(key, values)| (key, Value::Array(Array::from(values))));
    Ok(Value::Object(entries.collect::<Object>()))
}

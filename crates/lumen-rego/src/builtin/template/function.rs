//! The functions that templates may call.

use std::fmt::Write;

use lumen_value::Value;

use super::run::{Data, failed};
use crate::builtin::sprintf;
use crate::builtin::{Budget, Failure};

/// What the functions are called.
const FUNCTIONS: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print",
    "printf", "println", "slice", "urlquery",
];

pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.binary_search(&name).is_ok()
}

pub(super) fn function(
    name: &str,
    values: &[Data],
    line: usize,
    budget: &mut Budget,
) -> Result<Data, Failure> {
    let wrong_count = |least: usize| {
        failed(line, &format!("wrong number of args for {name}: want at least {least} got {}", values.len()))
    };
    match (name, values) {
        ("not", [value]) => Ok(Data::bool(!value.is_true())),
        ("len", [value]) => match length(value) {
            Some(length) => Ok(Data::Integer(i64::try_from(length).unwrap_or(i64::MAX))),
            None => failed(line, "error calling len: len of type that has none"),
        },
        ("index", [value, keys @ ..]) => index(value.clone(), keys, line),
        ("slice", [value, bounds @ ..]) => slice(value, bounds, line),
        ("eq", [first, others @ ..]) if !others.is_empty() => {
            let mut equal = false;
            for other in others {
                equal |= order(first, other, line, true)?.is_eq();
            }
            Ok(Data::bool(equal))
        }
        ("ne", [a, b]) => Ok(Data::bool(order(a, b, line, true)?.is_ne())),
        ("lt", [a, b]) => Ok(Data::bool(order(a, b, line, false)?.is_lt())),
        ("le", [a, b]) => Ok(Data::bool(order(a, b, line, false)?.is_le())),
        ("gt", [a, b]) => Ok(Data::bool(order(a, b, line, false)?.is_gt())),
        ("ge", [a, b]) => Ok(Data::bool(order(a, b, line, false)?.is_ge())),
        ("printf", [format, arguments @ ..]) => {
            let Data::Value(Value::String(format)) = format else {
                return failed(line, "wrong type for value; expected string");
            };
            let mut given = Vec::with_capacity(arguments.len());
            for argument in arguments {
                given.push(match argument {
                    Data::Integer(value) => sprintf::Argument::Named("int", *value),
                    Data::Byte(value) => sprintf::Argument::Named("uint8", i64::from(*value)),
                    Data::Float(value) => sprintf::Argument::Float(*value),
                    Data::Value(value) => sprintf::Argument::Decoded(value.clone()),
                    Data::Missing => sprintf::Argument::Decoded(Value::Null),
                });
            }
            let text = sprintf::formatted(format.as_bytes(), &given, budget)?;
            Ok(Data::Value(Value::String(lumen_value::Str::from_bytes(&text))))
        }
        ("print" | "println" | "html" | "js" | "urlquery", values) => {
            let text = joined(values, name)?;
            budget.text(text.len().saturating_mul(6))?;
            let text = String::from_utf8_lossy(&text).into_owned();
            Ok(Data::text(match name {
                "html" => escaped(&text, html),
                "js" => escaped(&text, javascript),
                "urlquery" => url_query(&text),
                _ => text,
            }))
        }
        ("call", _) => failed(line, "error calling call: non-function"),
        ("index" | "not" | "len" | "slice" | "printf", _) => wrong_count(1),
        _ => wrong_count(2),
    }
}

fn length(value: &Data) -> Option<usize> {
    match value {
        Data::Value(Value::String(text)) => Some(text.as_bytes().len()),
        Data::Value(Value::Number(number)) => Some(number.to_string().len()),
        Data::Value(Value::Array(items)) => Some(items.len()),
        Data::Value(Value::Set(items)) => Some(items.len()),
        Data::Value(Value::Object(entries)) => Some(entries.len()),
        _ => None,
    }
}

fn index(mut value: Data, keys: &[Data], line: usize) -> Result<Data, Failure> {
    for key in keys {
        let key = &match key {
            Data::Byte(index) => Data::Integer(i64::from(*index)),
            other => other.clone(),
        };
        let at = match key {
            Data::Integer(index) => usize::try_from(*index).ok(),
            _ => None,
        };
        let item = |item: Option<&Value>| match item {
            Some(item) => Ok(Data::Value(item.clone())),
            None => failed(line, "error calling index: index out of range"),
        };
        value = match (&value, key) {
            (Data::Value(Value::Array(items)), Data::Integer(_)) => item(at.and_then(|at| items.get(at)))?,
            (Data::Value(Value::Set(items)), Data::Integer(_)) => {
                item(at.and_then(|at| items.iter().nth(at)))?
            }
            (Data::Value(Value::String(text)), Data::Integer(_)) => {
                match at.and_then(|at| text.as_bytes().get(at)) {
                    Some(byte) => Data::Byte(*byte),
                    None => return failed(line, "error calling index: index out of range"),
                }
            }
            // A number is a string of digits here.
            (Data::Value(Value::Number(number)), Data::Integer(_)) => {
                match at.and_then(|at| number.to_string().as_bytes().get(at).copied()) {
                    Some(byte) => Data::Byte(byte),
                    None => return failed(line, "error calling index: index out of range"),
                }
            }
            (Data::Value(Value::Object(entries)), Data::Value(Value::String(key))) => {
                entries.get_key(key).map_or(Data::Missing, |value| Data::Value(value.clone()))
            }
            _ => return failed(line, "error calling index: cannot index value with that"),
        };
    }
    Ok(value)
}

fn slice(value: &Data, bounds: &[Data], line: usize) -> Result<Data, Failure> {
    let Some(length) = length(value) else { return failed(line, "error calling slice: can't slice item") };
    let bound = |at: usize, default: usize| match bounds.get(at) {
        None => Some(default),
        Some(Data::Integer(index)) => usize::try_from(*index).ok().filter(|index| *index <= length),
        Some(_) => None,
    };
    let (Some(start), Some(end)) = (bound(0, 0), bound(1, length)) else {
        return failed(line, "error calling slice: index out of range");
    };
    match value {
        Data::Value(Value::String(text)) if start <= end => {
            let part = text.as_bytes().get(start..end).unwrap_or_default();
            Ok(Data::Value(Value::String(lumen_value::Str::from_bytes(part))))
        }
        Data::Value(Value::Array(items)) if start <= end => {
            Ok(Data::Value(Value::Array(items.iter().skip(start).take(end - start).cloned().collect())))
        }
        _ => failed(line, "error calling slice: invalid slice index"),
    }
}

/// How two basic values compare. Numbers of the data are strings, of a type of their own.
fn order(a: &Data, b: &Data, line: usize, for_equality: bool) -> Result<std::cmp::Ordering, Failure> {
    let whole = |data: &Data| match data {
        Data::Byte(value) => Some(i64::from(*value)),
        Data::Integer(value) => Some(*value),
        _ => None,
    };
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return Ok(a.cmp(&b));
    }
    match (a, b) {
        (Data::Float(a), Data::Float(b)) => Ok(a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Less)),
        (Data::Value(Value::String(a)), Data::Value(Value::String(b))) => Ok(a.cmp(b)),
        (Data::Value(Value::Number(a)), Data::Value(Value::Number(b))) => {
            Ok(a.to_string().cmp(&b.to_string()))
        }
        (Data::Value(Value::Number(a)), Data::Value(Value::String(b))) => {
            Ok(a.to_string().as_bytes().cmp(b.as_bytes()))
        }
        (Data::Value(Value::String(a)), Data::Value(Value::Number(b))) => {
            Ok(a.as_bytes().cmp(b.to_string().as_bytes()))
        }
        (Data::Value(Value::Bool(a)), Data::Value(Value::Bool(b))) if for_equality => Ok(a.cmp(b)),
        (Data::Missing | Data::Value(Value::Null), Data::Missing | Data::Value(Value::Null))
            if for_equality =>
        {
            Ok(std::cmp::Ordering::Equal)
        }
        (Data::Missing | Data::Value(Value::Null), _) | (_, Data::Missing | Data::Value(Value::Null))
            if for_equality =>
        {
            Ok(std::cmp::Ordering::Less)
        }
        _ => failed(line, "error calling comparison: incompatible types for comparison"),
    }
}

/// The values behind each other, with a space between two of which neither is a string, or between all.
fn joined(values: &[Data], function: &str) -> Result<Vec<u8>, Failure> {
    let is_line = function == "println";
    // What escapes shows what is not there as the template itself does.
    let escapes = !function.starts_with("print");
    let mut text = Vec::new();
    let mut was_string = true;
    for (index, value) in values.iter().enumerate() {
        let is_string = matches!(value, Data::Value(Value::String(_)));
        if index > 0 && (is_line || !(is_string || was_string)) {
            text.push(b' ');
        }
        value.print(&mut text, escapes)?;
        was_string = is_string;
    }
    if is_line {
        text.push(b'\n');
    }
    Ok(text)
}

fn escaped(text: &str, escape: fn(char) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match escape(char) {
            Some(escaped) => out.push_str(&escaped),
            None => out.push(char),
        }
    }
    out
}

fn html(char: char) -> Option<String> {
    let escaped = match char {
        '\0' => "\u{fffd}",
        '"' => "&#34;",
        '\'' => "&#39;",
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => return None,
    };
    Some(escaped.to_owned())
}

fn javascript(char: char) -> Option<String> {
    let escaped = match char {
        '\\' => "\\\\",
        '\'' => "\\'",
        '"' => "\\\"",
        '<' => "\\u003C",
        '>' => "\\u003E",
        '&' => "\\u0026",
        '=' => "\\u003D",
        '\0'..=' ' if char < ' ' => return Some(format!("\\u{:04X}", u32::from(char))),
        _ if !char.is_ascii() && !crate::unicode::is_printable(char) => {
            return Some(format!("\\u{:04X}", u32::from(char)));
        }
        _ => return None,
    };
    Some(escaped.to_owned())
}

fn url_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => write!(out, "%{byte:02X}").unwrap_or_default(),
        }
    }
    out
}

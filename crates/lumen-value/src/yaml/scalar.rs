//! What a scalar says: the types that `go.yaml.in/yaml/v2` finds in its text (`resolve.go`), and the strings that
//! `sigs.k8s.io/yaml` makes of keys.

use std::borrow::Cow;

use super::Schema;
use super::parse::Scalar;
use super::timestamp::is_timestamp;
use crate::string::lossy_as_go;
use crate::{Number, Str, Value};

/// The namespace of YAML's own tags, which `!!` stands for.
const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// A scalar's meaning, before it is put into JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// Too large for [`Resolved::Int`].
    Large(u64),
    Float(f64),
    /// The scalar's own text.
    Text,
    /// Text that a tag made of it.
    Decoded(String),
}

/// Whether this key merges other mappings into its own.
pub(crate) fn is_merge(scalar: &Scalar<'_>) -> bool {
    scalar.text == "<<" && (scalar.implicit || yaml_tag(scalar) == Some("merge"))
}

/// What is behind `!!` in the scalar's tag, where it is one of YAML's own.
fn yaml_tag<'a>(scalar: &'a Scalar<'_>) -> Option<&'a str> {
    scalar.tag.as_deref()?.strip_prefix(YAML_TAGS)
}

/// Whether a plain scalar with this text is a string to `go.yaml.in/yaml/v3`.
pub(super) fn is_text_core(text: &str) -> bool {
    resolve_plain(text, Schema::Core) == Resolved::Text && !is_timestamp(text)
}

/// Whether it says nothing.
pub(super) fn is_null(scalar: &Scalar<'_>) -> bool {
    matches!(resolve(scalar), Ok(Resolved::Null))
}

/// Finds out what a scalar says. The error is a sentence for people: its text is not what its tag demands.
pub(super) fn resolve(scalar: &Scalar<'_>) -> Result<Resolved, String> {
    let text = scalar.text.as_ref();
    if scalar.tag.is_none() || scalar.schema == Schema::Text {
        return Ok(if scalar.implicit { resolve_plain(text, scalar.schema) } else { Resolved::Text });
    }
    // Tags that are not known leave the text a string.
    let tag = yaml_tag(scalar).unwrap_or_default();
    let resolved = match tag {
        "bool" | "int" | "float" | "null" => resolve_plain(text, scalar.schema),
        "timestamp" if is_timestamp(text) => return Ok(Resolved::Text),
        "timestamp" => Resolved::Text,
        "binary" => {
            return decode_base64(text)
                .map(|bytes| Resolved::Decoded(lossy_as_go(&bytes).into_owned()))
                .ok_or_else(|| "`!!binary` needs base64".to_owned());
        }
        _ => return Ok(Resolved::Text),
    };
    match (tag, resolved) {
        ("float", Resolved::Int(int)) => {
            #[expect(clippy::cast_precision_loss, reason = "the nearest value is what is asked for")]
            let float = int as f64;
            Ok(Resolved::Float(float))
        }
        ("bool", resolved @ Resolved::Bool(_))
        | ("int", resolved @ (Resolved::Int(_) | Resolved::Large(_)))
        | ("float", resolved @ Resolved::Float(_))
        | ("null", resolved @ Resolved::Null) => Ok(resolved),
        _ => Err(format!("`{}` is no `!!{tag}`", shorten(text))),
    }
}

/// Enough of a text for a message.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(32).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The value of a scalar in JSON. The error is a sentence for people.
pub(super) fn value(scalar: Scalar<'_>) -> Result<Value, String> {
    Ok(match resolve(&scalar)? {
        Resolved::Null => Value::Null,
        Resolved::Bool(value) => Value::Bool(value),
        Resolved::Int(int) => Value::from(int),
        Resolved::Large(int) => number(&int.to_string())?,
        Resolved::Float(float) => number(&json_float(float))?,
        Resolved::Text => Value::String(match scalar.text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }),
        Resolved::Decoded(text) => Value::from(text),
    })
}

fn number(text: &str) -> Result<Value, String> {
    let number = Number::parse(text);
    number.map(Value::Number).ok_or_else(|| "infinity and NaN cannot be put into JSON".to_owned())
}

/// The string that a scalar is as a key. The error is a sentence for people.
pub(crate) fn key(scalar: Scalar<'_>) -> Result<Str, String> {
    Ok(match resolve(&scalar)? {
        Resolved::Null => return Err("a key cannot be null; write `\"null\"` or `\"\"`".to_owned()),
        Resolved::Large(int) if scalar.schema == Schema::Core => int.to_string().into(),
        Resolved::Large(_) => return Err("a key cannot be a number this large; put it in quotes".to_owned()),
        Resolved::Bool(value) => if value { "true" } else { "false" }.into(),
        Resolved::Int(int) => int.to_string().into(),
        Resolved::Float(float) => key_float(float).into(),
        Resolved::Text => match scalar.text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        },
        Resolved::Decoded(text) => text.into(),
    })
}

/// The type of a plain scalar. In YAML 1.2 `yes` and its like are text.
fn resolve_plain(text: &str, schema: Schema) -> Resolved {
    let Some(first) = text.bytes().next() else {
        return Resolved::Null;
    };
    if schema == Schema::Text {
        return if resolve_word(text) == Resolved::Null { Resolved::Null } else { Resolved::Text };
    }
    let core = schema == Schema::Core;
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            match resolve_word(text) {
                Resolved::Bool(_) if core && !matches!(first, b't' | b'T' | b'f' | b'F') => Resolved::Text,
                resolved => resolved,
            }
        }
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" => Resolved::Float(f64::INFINITY),
            _ => resolve_fraction(text),
        },
        b'+' | b'-' | b'0'..=b'9' => match text {
            "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
            _ => resolve_number(text),
        },
        _ => Resolved::Text,
    }
}

fn resolve_word(text: &str) -> Resolved {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        _ => Resolved::Text,
    }
}

/// What starts with a sign or a digit: an integer in Go's notations, a float, or text. `_` counts for nothing.
fn resolve_number(text: &str) -> Resolved {
    let plain: Cow<'_, str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    if let Some(int) = parse_int(&plain) {
        return Resolved::Int(int);
    }
    if let Some(int) = parse_digits(&plain) {
        return Resolved::Large(int);
    }
    if is_float(&plain)
        && let Ok(float) = plain.parse::<f64>()
        && float.is_finite()
    {
        return Resolved::Float(float);
    }
    // Upstream's own reading of binary lets a sign stand behind the prefix.
    if let Some(digits) = plain.strip_prefix("0b")
        && digits.starts_with(['+', '-'])
        && let Ok(int) = i64::from_str_radix(digits, 2)
    {
        return Resolved::Int(int);
    }
    Resolved::Text
}

/// An integer with its sign, of 64 bits.
fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let magnitude = parse_digits(digits)?;
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// An integer without a sign: decimal, `0x`, `0o` or `0`, `0b`.
fn parse_digits(text: &str) -> Option<u64> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, text.get(2..)?),
        [b'0', b'o' | b'O', _, ..] => (8, text.get(2..)?),
        [b'0', b'b' | b'B', _, ..] => (2, text.get(2..)?),
        [b'0', _, ..] => (8, text.get(1..)?),
        _ => (10, text),
    };
    // The standard library would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// A sign, digits with or without a point, and an exponent.
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let exponent_is_sound = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && is_digits(digits)
    });
    has_digits && is_digits(whole) && is_digits(fraction.unwrap_or_default()) && exponent_is_sound
}

/// What starts with a point: a float in Go's notation, where `_` stands between digits only, or text.
fn resolve_fraction(text: &str) -> Resolved {
    let bytes = text.as_bytes();
    let is_sound = bytes.iter().enumerate().all(|(index, byte)| {
        let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
        *byte != b'_' || (index > 0 && is_digit(index - 1) && is_digit(index + 1))
    });
    let plain = text.replace('_', "");
    match plain.parse::<f64>() {
        Ok(float) if is_sound && is_float(&plain) && float.is_finite() => Resolved::Float(float),
        _ => Resolved::Text,
    }
}

/// A float as Go's `encoding/json` prints it.
pub(crate) fn json_float(float: f64) -> String {
    let magnitude = float.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        return with_signed_exponent(&format!("{float:e}"), 1);
    }
    float.to_string()
}

/// A float as upstream prints it for a key: in 32 bits, with an exponent from 10^6 on.
fn key_float(float: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "upstream narrows keys so")]
    let float = float as f32;
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent {
        Some(-4..=5) | None => float.to_string(),
        Some(_) => with_signed_exponent(&scientific, 2),
    }
}

/// Writes an exponent with its sign and no fewer digits than asked for.
fn with_signed_exponent(scientific: &str, digits: usize) -> String {
    match scientific.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{exponent:0>digits$}")
        }
        None => scientific.to_owned(),
    }
}

/// Decodes base64 as Go's `base64.StdEncoding` does: padded, line breaks anywhere.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let digits = text.get(..text.len() - padding)?;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in digits {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

//! `format` of texts (`ext/strings.go`, `ext/formatting.go`).

use super::{list_of, utf8};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::Val;

/// Digits of an exponent.
const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

/// Most digits that may be asked for.
const PRECISION_MAX: usize = 1_000;

/// A part of a template.
enum Piece<'a> {
    Text(&'a str),
    /// A verb, and the number that stands before it.
    Clause(char, Option<usize>),
}

/// The parts of a template, one after the other.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let Some(rest) = self.0.strip_prefix('%') else {
            let end = self.0.find('%').unwrap_or(self.0.len());
            let (text, rest) = self.0.split_at_checked(end)?;
            self.0 = rest;
            return Some(Ok(Piece::Text(text)));
        };
        if let Some(rest) = rest.strip_prefix('%') {
            self.0 = rest;
            return Some(Ok(Piece::Text("%")));
        }
        Some(self.clause(rest))
    }
}

impl<'a> Pieces<'a> {
    fn clause(&mut self, rest: &'a str) -> Result<Piece<'a>, String> {
        let (precision, rest) = precision(rest)?;
        let verb = rest.chars().next().ok_or("unexpected end of string")?;
        self.0 = rest.get(verb.len_utf8()..).unwrap_or_default();
        if !"bdefosxX".contains(verb) {
            return Err(format!(
                "could not parse formatting clause: unrecognized formatting clause \"{verb}\""
            ));
        }
        Ok(Piece::Clause(verb, precision))
    }
}

/// The verbs of a template, each with the number before it.
pub(crate) fn clauses(template: &str) -> Result<Vec<(char, Option<usize>)>, String> {
    let mut found = Vec::new();
    for piece in Pieces(template) {
        if let Piece::Clause(verb, precision) = piece? {
            found.push((verb, precision));
        }
    }
    Ok(found)
}

pub(super) fn format(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let template = utf8(machine, operands, 0)?;
    let values = list_of(operands, 1)?;
    let mut out = String::new();
    let mut next = 0;
    for piece in Pieces(template) {
        match piece.map_err(Fault::new)? {
            Piece::Text(text) => out.push_str(text),
            Piece::Clause(verb, precision) => {
                let value =
                    values.get(next).ok_or_else(|| Fault::new(format!("index {next} out of range")))?;
                next += 1;
                let shown = one(machine, verb, precision, &value)?;
                machine.pay_bytes(shown.len())?;
                out.push_str(&shown);
            }
        }
    }
    Ok(Val::text(&out))
}

fn precision(text: &str) -> Result<(Option<usize>, &str), String> {
    let Some(digits) = text.strip_prefix('.') else { return Ok((None, text)) };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = digits.split_at_checked(length).unwrap_or((digits, ""));
    let number = number.parse().ok().filter(|number| *number <= PRECISION_MAX);
    Ok((Some(number.ok_or("error while parsing precision")?), rest))
}

/// A number as people write it in English: `1,234.50`, `∞`.
fn fixed(value: f64, digits: usize) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return format!("{sign}\u{221e}");
    }
    let text = format!("{:.digits$}", value.abs());
    let (whole, fraction) =
        text.split_at_checked(text.find('.').unwrap_or(text.len())).unwrap_or((&text, ""));
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// A number with its power of ten. The number in the clause is a width, not a count of digits: cel-go has it so.
fn scientific(value: f64, width: usize) -> String {
    let text = format!("{value:.6e}");
    let shown = match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or(0);
            let sign = if exponent < 0 { "\u{207b}" } else { "" };
            let digits = format!("{:02}", exponent.unsigned_abs());
            let raised = digits.bytes().filter_map(|digit| RAISED.get(usize::from(digit.wrapping_sub(b'0'))));
            format!("{mantissa}\u{d7}10{sign}{}", raised.collect::<String>())
        }
        None => fixed(value, 0),
    };
    format!("{shown:>width$}")
}

/// Numbers that may be given as texts.
fn number_of(value: &Val) -> Option<f64> {
    match value {
        Val::Double(value) => Some(*value),
        Val::Text(text) if *text == *"NaN" => Some(f64::NAN),
        Val::Text(text) if *text == *"Infinity" => Some(f64::INFINITY),
        Val::Text(text) if *text == *"-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn one(
    machine: &mut Machine<'_>,
    verb: char,
    precision: Option<usize>,
    value: &Val,
) -> Result<String, Fault> {
    let wrong =
        |what: &str| Fault::new(format!("error during formatting: {what}, was given {}", value.type_name()));
    let digits = precision.unwrap_or(6);
    match (verb, value) {
        ('s', Val::Text(text)) => Ok(text.to_text().into_owned()),
        ('s', Val::Double(value)) => Ok(super::convert::shown_double(*value)),
        ('s', Val::Bytes(bytes)) => Ok(plain(bytes)?.to_owned()),
        ('s', Val::Duration(ns)) => Ok(super::time::shown_duration(*ns)),
        ('s', Val::Timestamp(at)) => super::time::shown_timestamp(*at),
        ('s', value) => shown(machine, value),
        ('d', Val::Int(value)) => Ok(value.to_string()),
        ('d', Val::Uint(value)) => Ok(value.to_string()),
        ('d', _) => Err(wrong("decimal clause can only be used on integers")),
        ('f', value) => number_of(value)
            .map(|value| fixed(value, digits))
            .ok_or_else(|| wrong("fixed-point clause can only be used on doubles")),
        ('e', value) => number_of(value)
            .map(|value| scientific(value, digits))
            .ok_or_else(|| wrong("scientific clause can only be used on doubles")),
        ('b', Val::Int(value)) => Ok(signed(*value, |value| format!("{value:b}"))),
        ('b', Val::Uint(value)) => Ok(format!("{value:b}")),
        ('b', Val::Bool(value)) => Ok(u8::from(*value).to_string()),
        ('b', _) => Err(wrong("only integers and bools can be formatted as binary")),
        ('o', Val::Int(value)) => Ok(signed(*value, |value| format!("{value:o}"))),
        ('o', Val::Uint(value)) => Ok(format!("{value:o}")),
        ('o', _) => Err(wrong("octal clause can only be used on integers")),
        ('x' | 'X', value) => {
            let lower = match value {
                Val::Int(value) => signed(*value, |value| format!("{value:x}")),
                Val::Uint(value) => format!("{value:x}"),
                Val::Text(text) => hex(machine, text.as_bytes())?,
                Val::Bytes(bytes) => hex(machine, bytes)?,
                _ => return Err(wrong("only integers, byte buffers, and strings can be formatted as hex")),
            };
            Ok(if verb == 'X' { lower.to_ascii_uppercase() } else { lower })
        }
        _ => Err(no_overload()),
    }
}

fn signed(value: i64, shown: impl Fn(u64) -> String) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", shown(value.unsigned_abs()))
}

fn hex(machine: &mut Machine<'_>, bytes: &[u8]) -> Result<String, Fault> {
    machine.pay_bytes(2 * bytes.len())?;
    Ok(bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect())
}

/// Bytes that are a text.
fn plain(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| {
        Fault::new(
            "error during formatting: could not convert argument \"invalid UTF-8 in bytes, cannot convert to string\" to string",
        )
    })
}

/// A character that Go's quotes write in another way than as it is.
fn escaped(char: char) -> Option<String> {
    let code = u32::from(char);
    Some(match char {
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '"' | '\\' => format!("\\{char}"),
        '\'' => return None,
        _ if char.is_ascii_control() => format!("\\x{code:02x}"),
        _ if char.escape_debug().count() == 1 => return None,
        _ if code < 0x1_0000 => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    })
}

/// A text in quotes as Go writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match escaped(char) {
            Some(escape) => out.push_str(&escape),
            None => out.push(char),
        }
    }
    out.push('"');
    out
}

/// Any value as text. What nests is bounded by the document; the stack grows.
fn shown(machine: &mut Machine<'_>, value: &Val) -> Result<String, Fault> {
    machine.pay(1)?;
    stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
        Ok(match value {
            Val::Text(text) => {
                machine.pay_bytes(text.as_bytes().len())?;
                quoted(&text.to_text())
            }
            Val::Null => "null".to_owned(),
            Val::Bool(value) => value.to_string(),
            Val::Int(value) => value.to_string(),
            Val::Uint(value) => value.to_string(),
            Val::Double(value) if value.is_finite() => format!("{value:.6}"),
            Val::Double(value) => format!("\"{}\"", super::convert::shown_double(*value)),
            Val::Duration(ns) => format!("duration(\"{}\")", super::time::shown_duration(*ns)),
            Val::Timestamp(at) => format!("timestamp(\"{}\")", super::time::shown_timestamp(*at)?),
            Val::Type(name) => (*name).to_owned(),
            Val::Bytes(bytes) => format!("b{}", quoted(plain(bytes)?)),
            Val::List(list) => {
                let parts = list.iter().map(|item| shown(machine, &item)).collect::<Result<Vec<_>, _>>()?;
                let length: usize = parts.iter().map(String::len).sum();
                machine.pay_bytes(length)?;
                format!("[{}]", parts.join(", "))
            }
            Val::Map(map) => {
                let mut parts = Vec::with_capacity(map.len());
                for (key, value) in map.entries() {
                    if !matches!(key, Val::Text(_) | Val::Bool(_) | Val::Int(_) | Val::Uint(_)) {
                        let message = format!(
                            "error during formatting: no formatting function for map key of type {}",
                            key.type_name()
                        );
                        return Err(Fault::new(message));
                    }
                    parts.push(format!("{}:{}", shown(machine, &key)?, shown(machine, &value)?));
                }
                parts.sort();
                let length: usize = parts.iter().map(String::len).sum();
                machine.pay_bytes(length)?;
                format!("{{{}}}", parts.join(", "))
            }
            other => {
                return Err(Fault::new(format!(
                    "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given {}",
                    other.type_name()
                )));
            }
        })
    })
}

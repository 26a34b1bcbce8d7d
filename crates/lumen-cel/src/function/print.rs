//! `format` of texts (`ext/strings.go`, `ext/formatting.go`).

use super::{list_of, utf8};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::Val;

/// Digits of an exponent.
const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

/// Most digits that may be asked for.
const PRECISION_MAX: usize = 100;

pub(super) fn format(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let template = utf8(machine, operands, 0)?;
    let values = list_of(operands, 1)?;
    let mut out = String::new();
    let mut rest = template;
    let mut next = 0;
    while let Some(at) = rest.find('%') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (precision, after) = precision(rest)?;
        let verb = after.chars().next().ok_or_else(|| Fault::new("unexpected end of string"))?;
        rest = after.get(verb.len_utf8()..).unwrap_or_default();
        let value = values.get(next).ok_or_else(|| Fault::new(format!("index {next} out of range")))?;
        next += 1;
        let shown = one(machine, verb, precision, &value)?;
        machine.pay_bytes(shown.len())?;
        out.push_str(&shown);
    }
    out.push_str(rest);
    Ok(Val::text(&out))
}

fn precision(text: &str) -> Result<(Option<usize>, &str), Fault> {
    let Some(digits) = text.strip_prefix('.') else { return Ok((None, text)) };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = digits.split_at_checked(length).unwrap_or((digits, ""));
    let number = number.parse().ok().filter(|number| *number <= PRECISION_MAX);
    let number = number.ok_or_else(|| Fault::new("error while parsing precision"))?;
    Ok((Some(number), rest))
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
        ('s', value) => shown(machine, value),
        ('d', Val::Int(value)) => Ok(value.to_string()),
        ('d', Val::Uint(value)) => Ok(value.to_string()),
        ('d', _) => Err(wrong("decimal clause can only be used on integers")),
        ('f', Val::Double(value)) => Ok(format!("{value:.digits$}")),
        #[expect(clippy::cast_precision_loss, reason = "as cel-go does")]
        ('f', Val::Int(value)) => Ok(format!("{:.digits$}", *value as f64)),
        ('f', _) => Err(wrong("fixed-point clause can only be used on doubles")),
        ('e', Val::Double(value)) => {
            let text = format!("{value:.digits$e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            let sign = if exponent < 0 { "\u{207b}" } else { "" };
            let digits = format!("{:02}", exponent.unsigned_abs());
            let raised = digits.bytes().filter_map(|digit| RAISED.get(usize::from(digit.wrapping_sub(b'0'))));
            Ok(format!("{mantissa}\u{d7}10{sign}{}", raised.collect::<String>()))
        }
        ('e', _) => Err(wrong("scientific clause can only be used on doubles")),
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
        _ => Err(Fault::new(format!(
            "could not parse formatting clause: unrecognized formatting clause \"{verb}\""
        ))),
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

/// Any value as text. What nests is bounded by the document; the stack grows.
fn shown(machine: &mut Machine<'_>, value: &Val) -> Result<String, Fault> {
    machine.pay(1)?;
    stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
        Ok(match value {
            Val::Text(text) => {
                machine.pay_bytes(text.as_bytes().len())?;
                super::text::quoted(&text.to_text())
            }
            Val::Null => "null".to_owned(),
            Val::Bool(value) => value.to_string(),
            Val::Int(value) => value.to_string(),
            Val::Uint(value) => value.to_string(),
            Val::Double(value) if value.is_finite() => format!("{value:.6}"),
            Val::Double(value) => super::convert::shown_double(*value),
            Val::Duration(ns) => super::time::shown_duration(*ns),
            Val::Timestamp(seconds, nanos) => super::time::shown_timestamp(*seconds, *nanos)?,
            Val::Type(name) => (*name).to_owned(),
            Val::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Val::List(list) => {
                let parts = list.iter().map(|item| shown(machine, &item)).collect::<Result<Vec<_>, _>>()?;
                let length: usize = parts.iter().map(String::len).sum();
                machine.pay_bytes(length)?;
                format!("[{}]", parts.join(", "))
            }
            Val::Map(map) => {
                let mut parts = Vec::with_capacity(map.len());
                for (key, value) in map.entries() {
                    parts.push(format!("{}:{}", shown(machine, &key)?, shown(machine, &value)?));
                }
                parts.sort();
                let length: usize = parts.iter().map(String::len).sum();
                machine.pay_bytes(length)?;
                format!("{{{}}}", parts.join(", "))
            }
            _ => return Err(no_overload()),
        })
    })
}

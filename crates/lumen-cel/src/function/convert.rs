//! From one type to another.

use super::{GLOBAL, Row, operand, utf8};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::{Moment, Val};

pub(super) const TABLE: &[Row] = &[
    ("bool", GLOBAL, 1, 1, bool),
    ("bytes", GLOBAL, 1, 1, bytes),
    ("double", GLOBAL, 1, 1, double),
    ("duration", GLOBAL, 1, 1, duration),
    ("dyn", GLOBAL, 1, 1, |_, operands| operand(operands, 0).cloned()),
    ("int", GLOBAL, 1, 1, int),
    ("string", GLOBAL, 1, 1, string),
    ("timestamp", GLOBAL, 1, 1, timestamp),
    ("type", GLOBAL, 1, 1, |_, operands| operand(operands, 0).map(|value| Val::Type(value.type_name()))),
    ("uint", GLOBAL, 1, 1, uint),
];

fn overflow() -> Fault {
    Fault::new("integer overflow")
}

fn syntax(function: &str, text: &str) -> Fault {
    Fault::new(format!("strconv.{function}: parsing {text:?}: invalid syntax"))
}

fn int(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    Ok(Val::Int(match operand(operands, 0)? {
        Val::Int(value) => *value,
        Val::Uint(value) => i64::try_from(*value).map_err(|_| overflow())?,
        Val::Double(value) => whole(*value)?,
        Val::Text(_) => {
            let text = utf8(machine, operands, 0)?;
            text.parse().map_err(|_| syntax("ParseInt", text))?
        }
        Val::Timestamp(at) => at.seconds,
        Val::Duration(ns) => *ns,
        _ => return Err(no_overload()),
    }))
}

/// The integer towards zero.
fn whole(value: f64) -> Result<i64, Fault> {
    // 2^63 and beyond do not fit; neither does the smallest, as in cel-go.
    if value.is_nan() || value >= 9_223_372_036_854_775_808.0 || value <= -9_223_372_036_854_775_808.0 {
        return Err(overflow());
    }
    #[expect(clippy::cast_possible_truncation, reason = "towards zero, and in range")]
    let whole = value as i64;
    Ok(whole)
}

fn uint(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let unsigned_overflow = || Fault::new("unsigned integer overflow");
    Ok(Val::Uint(match operand(operands, 0)? {
        Val::Uint(value) => *value,
        Val::Int(value) => u64::try_from(*value).map_err(|_| unsigned_overflow())?,
        Val::Double(value) if *value >= 0.0 && *value < 18_446_744_073_709_551_616.0 => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
            let whole = *value as u64;
            whole
        }
        Val::Double(_) => return Err(unsigned_overflow()),
        Val::Text(_) => {
            let text = utf8(machine, operands, 0)?;
            text.parse().map_err(|_| syntax("ParseUint", text))?
        }
        _ => return Err(no_overload()),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "the nearest value is what is asked for")]
fn double(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    Ok(Val::Double(match operand(operands, 0)? {
        Val::Double(value) => *value,
        Val::Int(value) => *value as f64,
        Val::Uint(value) => *value as f64,
        Val::Text(_) => {
            let text = utf8(machine, operands, 0)?;
            text.parse().map_err(|_| syntax("ParseFloat", text))?
        }
        _ => return Err(no_overload()),
    }))
}

fn bool(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    match operand(operands, 0)? {
        Val::Bool(value) => Ok(Val::Bool(*value)),
        Val::Text(_) => match utf8(machine, operands, 0)? {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Val::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Val::Bool(false)),
            text => Err(syntax("ParseBool", text)),
        },
        _ => Err(no_overload()),
    }
}

fn bytes(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    match operand(operands, 0)? {
        Val::Bytes(bytes) => Ok(Val::Bytes(bytes.clone())),
        Val::Text(text) => {
            machine.pay_bytes(text.as_bytes().len())?;
            Ok(Val::Bytes(text.as_bytes().into()))
        }
        _ => Err(no_overload()),
    }
}

/// A double as Go's `strconv.FormatFloat(x, 'g', -1, 64)` writes it.
pub(super) fn shown_double(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    format!("{value}")
}

fn string(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let text = match operand(operands, 0)? {
        Val::Text(text) => return Ok(Val::Text(text.clone())),
        Val::Int(value) => value.to_string(),
        Val::Uint(value) => value.to_string(),
        Val::Double(value) => shown_double(*value),
        Val::Bool(value) => value.to_string(),
        Val::Bytes(bytes) => {
            machine.pay_bytes(bytes.len())?;
            std::str::from_utf8(bytes)
                .map_err(|_| Fault::new("invalid UTF-8 in bytes, cannot convert to string"))?
                .to_owned()
        }
        Val::Timestamp(at) => super::time::shown_timestamp(*at)?,
        Val::Duration(ns) => super::time::shown_duration(*ns),
        Val::Ip(address) => address.to_string(),
        Val::Cidr(address, length) => format!("{address}/{length}"),
        Val::Type(name) => (*name).to_owned(),
        _ => return Err(no_overload()),
    };
    Ok(Val::text(&text))
}

fn duration(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    match operand(operands, 0)? {
        Val::Duration(ns) | Val::Int(ns) => Ok(Val::Duration(*ns)),
        Val::Text(_) => {
            let text = utf8(machine, operands, 0)?;
            super::time::parse_duration(text)
                .map(Val::Duration)
                .ok_or_else(|| Fault::new(format!("time: invalid duration {text:?}")))
        }
        _ => Err(no_overload()),
    }
}

fn timestamp(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    match operand(operands, 0)? {
        Val::Timestamp(at) => Ok(Val::Timestamp(*at)),
        Val::Int(seconds) if Moment::SECONDS.contains(seconds) => {
            Ok(Val::Timestamp(Moment { seconds: *seconds, nanos: 0, offset: 0 }))
        }
        Val::Int(_) => Err(Moment::overflow()),
        Val::Text(_) => {
            let text = utf8(machine, operands, 0)?;
            super::time::parse_timestamp(text)
        }
        _ => Err(no_overload()),
    }
}

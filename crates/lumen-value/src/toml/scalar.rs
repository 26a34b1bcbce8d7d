//! Scalars of TOML.

use toml_parser::decoder::ScalarKind;
use toml_parser::{ErrorSink, Raw};

use crate::yaml::{days_in, json_float};
use crate::{Number, Value};

/// What a scalar says. What breaks the grammar is told to `errors`, what has no value is the error.
pub(super) fn value(raw: Raw<'_>, errors: &mut dyn ErrorSink) -> Result<Value, String> {
    let mut text = String::new();
    let kind = raw.decode_scalar(&mut text, errors);
    match kind {
        ScalarKind::String => Ok(Value::String(text.into())),
        ScalarKind::Boolean(value) => Ok(Value::Bool(value)),
        ScalarKind::Integer(radix) => i64::from_str_radix(&text, radix.value())
            .map(|int| Value::Number(Number::from(int)))
            .map_err(|_| format!("the integer `{}` does not fit into 64 bits", raw.as_str())),
        ScalarKind::Float => float(&text),
        ScalarKind::DateTime => time(&text)
            .map(|time| Value::String(time.into()))
            .ok_or_else(|| format!("`{}` is no time", raw.as_str())),
    }
}

fn float(text: &str) -> Result<Value, String> {
    let float: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if !float.is_finite() {
        return Err(format!("`{text}` is no number that JSON and Rego have"));
    }
    let number = Number::parse(&json_float(float)).ok_or_else(|| format!("`{text}` is no number"))?;
    Ok(Value::Number(number))
}

/// A date, a time, or both as RFC 3339: what is left out is the first of January of the year 0, midnight, and UTC.
fn time(text: &str) -> Option<String> {
    let (date, clock) = match text.split_once(['T', 't', ' ']) {
        Some((date, clock)) => (Some(date), Some(clock)),
        None if text.contains(':') => (None, Some(text)),
        None => (Some(text), None),
    };
    let date = match date {
        Some(date) => {
            let mut parts = date.splitn(3, '-');
            let mut part = |length| number(parts.next()?, length);
            let (year, month, day) = (part(4)?, part(2)?, part(2)?);
            if day == 0 || day > days_in(month, year) {
                return None;
            }
            date
        }
        None => "0000-01-01",
    };
    let Some(clock) = clock else {
        return Some(format!("{date}T00:00:00Z"));
    };
    let at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at_checked(at)?;
    let (clock, fraction) =
        clock.split_once('.').map_or((clock, None), |(clock, digits)| (clock, Some(digits)));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| number(second, 2))?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match fraction {
        None => String::new(),
        Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            return None;
        }
        Some(digits) => match digits.get(..9).unwrap_or(digits).trim_end_matches('0') {
            "" => String::new(),
            digits => format!(".{digits}"),
        },
    };
    let zone = match zone {
        "" | "Z" | "z" | "+00:00" | "-00:00" => "Z",
        zone => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            if number(hours, 2)? > 23 || number(minutes, 2)? > 59 {
                return None;
            }
            zone
        }
    };
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// A number of so many digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    let sound = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

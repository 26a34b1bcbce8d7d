//! Numbers as Gatekeeper holds them. The objects that it mutates have integers of 64 bits and floats, which are never equal;
//! what it assigns has gone through floats alone. In a [`Value`] a number is a float where its text is no integer's.

use lumen_value::{Number, Value};

/// What stands for a number in Gatekeeper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
}

impl Kind {
    /// What a number is to Gatekeeper.
    pub(super) fn of(number: &Number) -> Self {
        let text = number.json_text();
        match text.parse() {
            Ok(integer) => Self::Integer(integer),
            Err(_) => Self::Float(number.as_f64()),
        }
    }
}

/// A number as a float; `None` where no float is so large.
pub(super) fn to_float(number: &Number) -> Option<Number> {
    let float = match Kind::of(number) {
        Kind::Integer(integer) => Number::from(integer).as_f64(),
        Kind::Float(float) => float,
    };
    if !float.is_finite() {
        return None;
    }
    let mut text = printed(float);
    if !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    Number::parse(&text)
}

/// A number as Go prints it: a float without a fraction looks like an integer.
pub(super) fn to_printed(number: &Number) -> Option<Number> {
    match Kind::of(number) {
        Kind::Integer(integer) => Some(integer.into()),
        Kind::Float(float) if float.is_finite() => Number::parse(&printed(float)),
        Kind::Float(_) => None,
    }
}

/// A float as Go's `encoding/json` prints it.
fn printed(float: f64) -> String {
    let magnitude = float.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{float:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
            _ => text,
        };
    }
    if float == 0.0 && float.is_sign_negative() { "-0".to_owned() } else { float.to_string() }
}

/// A value with other numbers; `None` where the function gives none. What has no number stays as it is.
pub(super) fn map(value: &Value, change: impl Fn(&Number) -> Option<Number>) -> Option<Value> {
    let mut done: Vec<Value> = Vec::new();
    let mut pending = vec![Task::Read(value)];
    while let Some(task) = pending.pop() {
        match task {
            Task::Read(Value::Number(number)) => done.push(Value::Number(change(number)?)),
            Task::Read(collection @ Value::Array(items)) => {
                pending.push(Task::Make(collection));
                pending.extend(items.iter().rev().map(Task::Read));
            }
            Task::Read(collection @ Value::Object(fields)) => {
                pending.push(Task::Make(collection));
                pending.extend(fields.iter().rev().map(|(_, value)| Task::Read(value)));
            }
            Task::Read(other) => done.push(other.clone()),
            Task::Make(collection) => {
                let count = match collection {
                    Value::Array(items) => items.len(),
                    Value::Object(fields) => fields.len(),
                    _ => 0,
                };
                let parts = done.split_off(done.len().saturating_sub(count));
                done.push(match collection {
                    Value::Object(fields) => {
                        let entries = fields.iter().map(|(key, _)| key.clone()).zip(parts);
                        Value::Object(entries.collect())
                    }
                    _ => Value::from(parts),
                });
            }
        }
    }
    done.pop()
}

enum Task<'v> {
    Read(&'v Value),
    Make(&'v Value),
}

/// Whether two values are the same to Gatekeeper. What both share is not looked at.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    let mut pending = vec![(a, b)];
    while let Some((a, b)) = pending.pop() {
        if a.address().is_some() && a.address() == b.address() {
            continue;
        }
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => {
                if Kind::of(a) != Kind::of(b) {
                    return false;
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                if a.len() != b.len() {
                    return false;
                }
                pending.extend(a.iter().zip(b.iter()));
            }
            (Value::Object(a), Value::Object(b)) => {
                if a.len() != b.len() || a.iter().zip(b.iter()).any(|((a, _), (b, _))| a != b) {
                    return false;
                }
                pending.extend(a.iter().zip(b.iter()).map(|((_, a), (_, b))| (a, b)));
            }
            (a, b) => {
                if a != b {
                    return false;
                }
            }
        }
    }
    true
}

/// About how much work a value is: its parts, and its texts by their length.
pub(super) fn weight(value: &Value) -> u64 {
    let mut weight: u64 = 0;
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        weight = weight.saturating_add(1);
        match value {
            Value::Array(items) => pending.extend(items.iter()),
            Value::Object(fields) => pending.extend(fields.iter().flat_map(|(key, value)| [key, value])),
            Value::String(text) => {
                weight = weight.saturating_add(u64::try_from(text.as_bytes().len() / 64).unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a number")
    }

    #[test]
    fn what_goes_through_floats_is_printed_as_go_prints_it() {
        for (text, float, shown) in [
            ("1", "1.0", "1"),
            ("9007199254740993", "9007199254740992.0", "9007199254740992"),
            ("1.50", "1.5", "1.5"),
            ("-0", "0.0", "0"),
            ("1e21", "1e+21", "1e+21"),
            ("0.0000001", "1e-7", "1e-7"),
            ("123456789012345678901", "123456789012345680000.0", "123456789012345680000"),
        ] {
            let assigned = to_float(&number(text)).expect(text);
            assert_eq!(assigned.to_string(), float);
            assert_eq!(to_printed(&assigned).map(|number| number.to_string()), Some(shown.to_owned()));
        }
        assert_eq!(to_float(&number("1e999")), None);
    }

    #[test]
    fn an_integer_is_no_float() {
        let value = |text: &str| Value::from(vec![Value::Number(number(text)), "a".into()]);
        assert!(same(&value("1"), &value("1")) && same(&value("1.0"), &value("1e0")));
        assert!(!same(&value("1"), &value("1.0")));
    }

    #[test]
    fn depth_costs_no_stack() {
        let mut deep = Value::from(1);
        for _ in 0..100_000 {
            deep = vec![deep].into();
        }
        let floats = map(&deep, to_float).expect("finite");
        assert!(!same(&deep, &floats));
        assert!(same(&deep, &map(&floats, to_printed).expect("finite")));
        assert_eq!(weight(&deep), 100_001);
    }
}

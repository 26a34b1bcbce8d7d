//! Values as OPA prints results: JSON with keys sorted by bytes, `<`, `>` and `&` as they are.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::vec::IntoIter;

use lumen_value::{Object, Str, Value};

/// How deep keys that are collections may be nested in keys. Each level of quotes doubles the backslashes.
const KEY_LEVELS_MAX: usize = 8;

/// What is left to print of an open collection.
enum Frame<'a> {
    Items(std::slice::Iter<'a, Value>),
    Entries(Peekable<IntoIter<(Str, &'a Value)>>),
}

/// The value as compact JSON, as OPA prints results: a set is an array in its order, a key that is no string is its JSON text, of
/// several keys with one text the last counts, and keys are sorted by bytes. Numbers keep their text where that is JSON.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out, 0);
    out
}

/// Needs no native stack for depth; keys in keys are bounded.
fn write(value: &Value, out: &mut String, level: usize) {
    let mut stack = Vec::new();
    open(value, out, &mut stack, level);
    let mut first = true;
    while let Some(frame) = stack.last_mut() {
        let (next, end) = match frame {
            Frame::Items(items) => (items.next(), ']'),
            Frame::Entries(entries) => {
                let mut entry = entries.next();
                while let (Some((key, _)), Some((next, _))) = (&entry, entries.peek()) {
                    if key != next {
                        break;
                    }
                    entry = entries.next();
                }
                let next = entry.map(|(key, value)| {
                    if !first {
                        out.push(',');
                    }
                    write_string(&key, out);
                    out.push(':');
                    first = true;
                    value
                });
                (next, '}')
            }
        };
        let Some(next) = next else {
            stack.pop();
            out.push(end);
            first = false;
            continue;
        };
        if !first {
            out.push(',');
        }
        let depth = stack.len();
        open(next, out, &mut stack, level);
        first = stack.len() > depth;
    }
}

/// Prints a scalar, or the bracket that opens a collection, whose content is left on the stack.
fn open<'a>(value: &'a Value, out: &mut String, stack: &mut Vec<Frame<'a>>, level: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) if !number.is_json() => out.push_str(&number.json_text()),
        // Writing to a string cannot fail.
        Value::Number(number) => write!(out, "{number}").unwrap_or_default(),
        Value::String(string) => write_string(string, out),
        Value::Array(items) => {
            stack.push(Frame::Items(items.iter()));
            out.push('[');
        }
        Value::Set(items) => {
            stack.push(Frame::Items(items.iter()));
            out.push('[');
        }
        Value::Object(entries) => {
            stack.push(Frame::Entries(sorted(entries, level).into_iter().peekable()));
            out.push('{');
        }
    }
}

fn sorted(entries: &Object, level: usize) -> Vec<(Str, &Value)> {
    let mut sorted: Vec<(Str, &Value)> = Vec::with_capacity(entries.len());
    for (key, value) in entries.iter() {
        let key = match key {
            Value::String(key) => key.clone(),
            other if level < KEY_LEVELS_MAX => {
                let mut text = String::new();
                write(other, &mut text, level + 1);
                text.into()
            }
            _ => "…".into(),
        };
        sorted.push((key, value));
    }
    // Stable: of several keys with one text the last counts.
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    sorted
}

fn write_string(text: &Str, out: &mut String) {
    out.push('"');
    for chunk in text.as_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                    write!(out, "\\u{:04x}", u32::from(char)).unwrap_or_default();
                }
                other => out.push(other),
            }
        }
        for _ in chunk.invalid() {
            out.push_str("\\ufffd");
        }
    }
    out.push('"');
}

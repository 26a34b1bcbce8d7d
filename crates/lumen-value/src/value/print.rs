//! Printing of values: JSON as Go's `encoding/json` writes it, in a loop with a stack of its own.

use std::fmt::{self, Write};
use std::slice;

use super::Value;
use crate::Str;

/// How deep keys that are collections may be nested in such keys and still print. Each level of quotes doubles the
/// backslashes.
const KEY_LEVELS_MAX: usize = 8;

/// A collection that is being printed: what is left of it.
enum Frame<'a> {
    Items(slice::Iter<'a, Value>),
    Entries(slice::Iter<'a, (Value, Value)>),
}

impl Value {
    /// The value as JSON on one line, keys sorted: exactly the bytes that Go's `encoding/json` writes, `<`, `>`, `&`,
    /// U+2028 and U+2029 as `\u` escapes. A set prints as an array; a key that is no string prints as its JSON
    /// text, in quotes, at the most eight such keys deep (then as `…`); a byte that is not UTF-8 prints as `\ufffd`.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        write_json(self, &mut out, 0).unwrap_or_default();
        out
    }
}

/// The value as JSON on one line.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, out, 0)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, out, 0)
    }
}

/// Prints a value that stands in so many keys.
fn write_json(value: &Value, out: &mut impl Write, key_level: usize) -> fmt::Result {
    let mut stack = Vec::new();
    open(value, out, &mut stack)?;
    let mut first = true;
    let mut depth = stack.len();
    while let Some(frame) = stack.last_mut() {
        let (next, end) = match frame {
            Frame::Items(items) => (items.next().map(|value| (None, value)), ']'),
            Frame::Entries(entries) => (entries.next().map(|(key, value)| (Some(key), value)), '}'),
        };
        let Some((key, value)) = next else {
            stack.pop();
            out.write_char(end)?;
            (first, depth) = (false, stack.len());
            continue;
        };
        if !first {
            out.write_char(',')?;
        }
        if let Some(key) = key {
            write_key(key, out, key_level)?;
            out.write_char(':')?;
        }
        open(value, out, &mut stack)?;
        first = stack.len() > depth;
        depth = stack.len();
    }
    Ok(())
}

/// Writes a scalar, or the bracket that opens a collection, whose content is left on the stack.
fn open<'a>(value: &'a Value, out: &mut impl Write, stack: &mut Vec<Frame<'a>>) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Number(number) if !number.is_json() => out.write_str(&number.json_text()),
        Value::Number(number) => write!(out, "{number}"),
        Value::String(text) => write_string(text, out),
        Value::Array(array) => {
            stack.push(Frame::Items(array.iter()));
            out.write_char('[')
        }
        Value::Set(set) => {
            stack.push(Frame::Items(set.iter()));
            out.write_char('[')
        }
        Value::Object(object) => {
            stack.push(Frame::Entries(object.0.iter()));
            out.write_char('{')
        }
    }
}

fn write_key(key: &Value, out: &mut impl Write, level: usize) -> fmt::Result {
    let mut text = String::new();
    match key {
        Value::String(text) => return write_string(text, out),
        // The bound keeps this recursion, and what it prints, small.
        _ if level < KEY_LEVELS_MAX => write_json(key, &mut text, level + 1)?,
        _ => text.push('…'),
    }
    write_string(&text.into(), out)
}

fn write_string(text: &Str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    for chunk in text.as_bytes().utf8_chunks() {
        write_escaped(chunk.valid(), out)?;
        for _ in chunk.invalid() {
            out.write_str("\\ufffd")?;
        }
    }
    out.write_char('"')
}

/// Writes text with the escapes that Go writes.
fn write_escaped(text: &str, out: &mut impl Write) -> fmt::Result {
    let mut rest = text;
    while let Some((plain, char, behind)) = split_at_escape(rest) {
        out.write_str(plain)?;
        match char {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{8}' => out.write_str("\\b")?,
            '\u{c}' => out.write_str("\\f")?,
            _ => write!(out, "\\u{:04x}", u32::from(char))?,
        }
        rest = behind;
    }
    out.write_str(rest)
}

/// The text before the first character that is escaped, that character, and the text behind it.
fn split_at_escape(text: &str) -> Option<(&str, char, &str)> {
    let is_escaped =
        |char| matches!(char, '\0'..='\u{1f}' | '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    let (plain, behind) = text.split_at_checked(text.find(is_escaped)?)?;
    let mut behind = behind.chars();
    Some((plain, behind.next()?, behind.as_str()))
}

//! How values are written: as YAML in block style, in flow style, and as JSON.

use std::fmt::Write;

use crate::span::Style;
use crate::{Object, Str, Value};

/// What a scalar must be safe in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Block,
    Flow,
    Json,
}

/// The spaces and line breaks of block style.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) line_break: &'static str,
    /// How much further a mapping in a mapping stands.
    pub(super) step: usize,
    /// How much further the dashes of a sequence in a mapping stand.
    pub(super) dash_step: usize,
}

/// The spaces and line breaks of flow style.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowLayout<'text> {
    pub(super) context: Context,
    pub(super) comma: &'static str,
    pub(super) colon: &'static str,
    /// One element a line: the line break, what the line of the opening bracket starts with, and one more step.
    pub(super) lines: Option<(&'static str, &'text str, &'text str)>,
}

/// Plain words that YAML 1.1, or the reader, takes for something other than a string.
const WORDS: [&str; 14] = [
    "y",
    "n",
    "yes",
    "no",
    "on",
    "off",
    "true",
    "false",
    "null",
    "nil",
    "nan",
    "inf",
    "infinity",
    "undefined",
];

/// Keys that come first, as people write them.
const FIRST_KEYS: [&str; 4] = ["apiVersion", "kind", "metadata", "name"];

/// A scalar or an empty collection, on one line; `None` for other collections, and for what cannot be written. Strings
/// keep the quotes that the value before had, where they can.
pub(super) fn inline(value: &Value, context: Context, before: Style) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => string(text, context, before),
        Value::Array(array) if array.is_empty() => Some("[]".to_owned()),
        Value::Object(object) if object.is_empty() => Some("{}".to_owned()),
        Value::Array(_) | Value::Object(_) | Value::Set(_) => None,
    }
}

/// A key or a string value.
pub(super) fn string(text: &Str, context: Context, before: Style) -> Option<String> {
    let text = text.as_str()?;
    if context == Context::Json {
        return Some(double_quoted(text));
    }
    let printable = text.chars().all(is_printable);
    match before {
        Style::DoubleQuoted => return Some(double_quoted(text)),
        Style::SingleQuoted if printable => return Some(single_quoted(text)),
        _ => {}
    }
    Some(if printable && is_plain(text, context) {
        text.to_owned()
    } else if printable && text.contains(['"', '\\']) {
        single_quoted(text)
    } else {
        double_quoted(text)
    })
}

/// Whether a text without quotes certainly reads back as this string. Quotes do no harm, so doubt means no.
fn is_plain(text: &str, context: Context) -> bool {
    let starts_well =
        text.starts_with(|char: char| char.is_alphanumeric() || matches!(char, '/' | '_' | '.' | '$' | '('));
    let ends_well = !text.ends_with([' ', ':']);
    // To the reader a `?` ends a plain scalar too.
    let structural = |char: char| matches!(char, ',' | '?' | '[' | ']' | '{' | '}' | '"' | '\'');
    let in_flow = context == Context::Flow && (text.contains(structural) || text.contains("::"));
    let word = text.to_ascii_lowercase();
    let numeric = |char: char| matches!(char, '0'..='9' | 'a'..='f' | 'A'..='F' | 'x' | 'X' | 'o' | 'O' | '.' | '_' | '+' | '-' | ':' | 'T' | 't' | 'Z' | 'z' | ' ');
    let like_number = text.starts_with(|char: char| char.is_ascii_digit() || char == '.' || char == '_')
        && text.chars().all(numeric);
    starts_well
        && ends_well
        && !in_flow
        && !like_number
        && !text.contains(": ")
        && !text.contains(" #")
        && !WORDS.contains(&word.trim_start_matches('.'))
}

fn is_printable(char: char) -> bool {
    !char.is_control() && !matches!(char, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Escapes that JSON and YAML share.
fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if is_printable(char) => out.push(char),
            // Writing to a string cannot fail. What is not printable has at most four hexadecimal digits.
            _ => write!(out, "\\u{:04x}", u32::from(char)).unwrap_or_default(),
        }
    }
    out.push('"');
    out
}

/// The entries in the order in which they are written.
fn ordered(object: &Object) -> Vec<(&Value, &Value)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(key, _)| {
        FIRST_KEYS.iter().position(|first| key.as_str() == Some(first)).unwrap_or(FIRST_KEYS.len())
    });
    entries
}

/// A collection that is being written.
enum Frame<'value> {
    Entries(std::vec::IntoIter<(&'value Value, &'value Value)>),
    Elements(std::slice::Iter<'value, Value>),
}

impl<'value> Frame<'value> {
    fn of(value: &'value Value) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self::Entries(ordered(object).into_iter())),
            Value::Array(array) => Some(Self::Elements(array.iter())),
            _ => None,
        }
    }

    fn next(&mut self) -> Option<(Option<&'value Value>, &'value Value)> {
        match self {
            Self::Entries(entries) => entries.next().map(|(key, value)| (Some(key), value)),
            Self::Elements(elements) => elements.next().map(|value| (None, value)),
        }
    }
}

/// A collection that is not empty, in block style. The text starts where the collection does, in the column; what
/// comes on further lines is indented to it.
pub(super) fn block(value: &Value, column: usize, layout: Layout) -> Option<String> {
    let mut out = String::new();
    let mut stack = vec![(Frame::of(value)?, column, true)];
    while let Some((frame, column, first)) = stack.last_mut() {
        let column = *column;
        let Some((key, value)) = frame.next() else {
            stack.pop();
            continue;
        };
        if !std::mem::take(first) {
            new_line(&mut out, column, layout);
        }
        let Some(key) = key else {
            out.push_str("- ");
            match inline(value, Context::Block, Style::Empty) {
                Some(text) => out.push_str(&text),
                None => stack.push((Frame::of(value)?, column + 2, true)),
            }
            continue;
        };
        out.push_str(&self::key(key, Context::Block)?);
        out.push(':');
        if let Some(text) = inline(value, Context::Block, Style::Empty) {
            out.push(' ');
            out.push_str(&text);
        } else {
            let column = column + if value.as_array().is_some() { layout.dash_step } else { layout.step };
            new_line(&mut out, column, layout);
            stack.push((Frame::of(value)?, column, true));
        }
    }
    Some(out)
}

fn new_line(out: &mut String, column: usize, layout: Layout) {
    out.push_str(layout.line_break);
    out.extend(std::iter::repeat_n(' ', column));
}

fn key(key: &Value, context: Context) -> Option<String> {
    match key {
        Value::String(text) => string(text, context, Style::Empty),
        _ => None,
    }
}

/// A value in flow style.
pub(super) fn flow(value: &Value, layout: &FlowLayout<'_>, before: Style) -> Option<String> {
    if let Some(text) = inline(value, layout.context, before) {
        return Some(text);
    }
    let mut out = String::new();
    let open = |value: &Value| if value.as_object().is_some() { '{' } else { '[' };
    out.push(open(value));
    let mut stack = vec![(Frame::of(value)?, true)];
    loop {
        let depth = stack.len();
        let Some((frame, first)) = stack.last_mut() else {
            break;
        };
        let Some((key, value)) = frame.next() else {
            let end = if matches!(frame, Frame::Entries(_)) { '}' } else { ']' };
            stack.pop();
            flow_line(&mut out, layout, depth - 1);
            out.push(end);
            continue;
        };
        if !std::mem::take(first) {
            out.push_str(layout.comma);
        }
        flow_line(&mut out, layout, depth);
        if let Some(key) = key {
            out.push_str(&self::key(key, layout.context)?);
            out.push_str(layout.colon);
        }
        if let Some(text) = inline(value, layout.context, Style::Empty) {
            out.push_str(&text);
        } else {
            stack.push((Frame::of(value)?, true));
            out.push(open(value));
        }
    }
    Some(out)
}

fn flow_line(out: &mut String, layout: &FlowLayout<'_>, depth: usize) {
    if let Some((line_break, base, step)) = layout.lines {
        out.push_str(line_break);
        out.push_str(base);
        out.extend(std::iter::repeat_n(step, depth));
    }
}

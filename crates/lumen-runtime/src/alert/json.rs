//! JSON as `nlohmann::json` writes it: letters beyond ASCII as they are, control characters and quotes escaped, keys in the
//! order of their bytes, numbers with a fraction with as many digits as tell them apart.

use std::fmt::Write as _;

use super::Identity;
use crate::value::Value;

/// An object that is written key by key.
#[derive(Debug, Default)]
pub(super) struct Line(String);

impl Line {
    /// A text, where there is one.
    pub(super) fn text(&mut self, key: &str, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.key(key);
            quote(&mut self.0, text.as_ref());
        }
    }

    pub(super) fn texts<'t>(&mut self, key: &str, texts: impl Iterator<Item = &'t str>) {
        self.key(key);
        self.0.push('[');
        for (place, text) in texts.enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            quote(&mut self.0, text);
        }
        self.0.push(']');
    }

    /// The fields that are shown, and the one that is shown with every alert.
    pub(super) fn fields(&mut self, fields: &[(&str, Option<Value<'_>>)], name: &str, time: &Value<'_>) {
        let mut fields: Vec<(&str, Option<&Value<'_>>)> = fields
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(name, value)| (*name, value.as_ref()))
            .collect();
        let place = fields.partition_point(|(other, _)| *other < name);
        fields.insert(place, (name, Some(time)));
        self.key("output_fields");
        self.0.push('{');
        for (place, (name, value)) in fields.into_iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            quote(&mut self.0, name);
            self.0.push(':');
            match value {
                Some(value) => self.value(value),
                None => self.0.push_str("null"),
            }
        }
        self.0.push('}');
    }

    /// Where it happened; all keys are always there.
    pub(super) fn identity(&mut self, identity: &Identity, node: Option<&str>) {
        self.key("identity");
        let keys = [
            ("container", identity.container.as_deref()),
            ("container_name", identity.container_name.as_deref()),
            ("image", identity.image.as_deref()),
            ("namespace", identity.namespace.as_deref()),
            ("node", node),
            ("pod", identity.pod.as_deref()),
        ];
        let mut inner = Self::default();
        for (key, text) in keys {
            inner.key(key);
            match text {
                Some(text) => quote(&mut inner.0, text),
                None => inner.0.push_str("null"),
            }
        }
        self.0.push_str(&inner.end());
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn key(&mut self, key: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        quote(&mut self.0, key);
        self.0.push(':');
    }

    fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Bytes(bytes) => quote(&mut self.0, &String::from_utf8_lossy(bytes)),
            Value::Signed(number) => self.print(number),
            Value::Unsigned(number) => self.print(number),
            Value::Double(number) => double(&mut self.0, *number),
            Value::Bool(value) => self.print(value),
            Value::Address(address) => {
                self.0.push('"');
                self.print(address);
                self.0.push('"');
            }
            Value::List(values) => {
                self.0.push('[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        self.0.push(',');
                    }
                    self.value(value);
                }
                self.0.push(']');
            }
        }
    }

    fn print(&mut self, value: &impl std::fmt::Display) {
        // Writing to a string cannot fail.
        _ = write!(self.0, "{value}");
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Adds a text as it stands between the quotes.
pub(super) fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => _ = write!(out, "\\u{:04x}", u32::from(letter)),
            letter => out.push(letter),
        }
    }
}

/// The digits that tell a number apart from all others, with a point; with an exponent below 10^-4 and from 10^15 on.
fn double(out: &mut String, number: f64) {
    if !number.is_finite() {
        out.push_str("null");
        return;
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..15).contains(&exponent) {
        let plain = number.to_string();
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
    }
}

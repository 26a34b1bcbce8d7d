//! Arguments as Go decodes them from JSON: `json.Number`, `[]interface {}`, `map[string]interface {}`.

use lumen_value::{Str, Value};

use super::super::Failure;
use super::format::Printer;

/// Deepest value that is printed.
const DEPTH_MAX: usize = 10_000;

/// The name of the type in Go.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "json.Number",
        Value::String(_) => "string",
        Value::Array(_) | Value::Set(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// The text of a key: Go has keys of strings alone.
pub(in crate::builtin) fn key_text(key: &Value) -> Str {
    match key {
        Value::String(text) => text.clone(),
        other => other.to_json().into(),
    }
}

impl Printer<'_> {
    /// Prints an argument that is such a value.
    pub(super) fn decoded(&mut self, value: &Value, verb: char) -> Result<(), Failure> {
        match value {
            Value::Null if verb == 'v' => self.pad(b"<nil>"),
            Value::Null => self.write(format!("%!{verb}(<nil>)").as_bytes()),
            _ => self.element(value, verb, 0),
        }
    }

    /// The value as a part of another: each flag and the verb are those of its parts.
    fn element(&mut self, value: &Value, verb: char, depth: usize) -> Result<(), Failure> {
        if depth > DEPTH_MAX {
            return Err(Failure::Budget);
        }
        self.charge()?;
        match value {
            Value::Null if self.flags.sharp_v => self.write(b"interface {}(nil)"),
            Value::Null => self.write(b"<nil>"),
            Value::Bool(value) if matches!(verb, 't' | 'v') => {
                self.pad(if *value { b"true" } else { b"false" })
            }
            Value::Number(number) if is_of_text(verb) => self.string(number.to_string().as_bytes(), verb),
            Value::String(text) if is_of_text(verb) => self.string(text.as_bytes(), verb),
            Value::Array(items) if verb != 'w' => self.list(items.iter(), verb, depth),
            Value::Set(items) if verb != 'w' => self.list(items.iter(), verb, depth),
            Value::Object(entries) if verb != 'w' => {
                let mut entries: Vec<(Str, &Value)> =
                    entries.iter().map(|(key, value)| (key_text(key), value)).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                self.map(&entries, verb, depth)
            }
            _ => {
                self.write(format!("%!{verb}({}=", type_name(value)).as_bytes())?;
                crate::depth::grow(|| self.element(value, 'v', depth + 1))?;
                self.write(b")")
            }
        }
    }

    fn list(&mut self, items: std::slice::Iter<'_, Value>, verb: char, depth: usize) -> Result<(), Failure> {
        let (start, separator, end): (&[u8], &[u8], &[u8]) =
            if self.flags.sharp_v { (b"[]interface {}{", b", ", b"}") } else { (b"[", b" ", b"]") };
        self.write(start)?;
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.write(separator)?;
            }
            crate::depth::grow(|| self.element(item, verb, depth + 1))?;
        }
        self.write(end)
    }

    fn map(&mut self, entries: &[(Str, &Value)], verb: char, depth: usize) -> Result<(), Failure> {
        let (start, separator, end): (&[u8], &[u8], &[u8]) = if self.flags.sharp_v {
            (b"map[string]interface {}{", b", ", b"}")
        } else {
            (b"map[", b" ", b"]")
        };
        self.write(start)?;
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                self.write(separator)?;
            }
            self.element(&Value::String(key.clone()), verb, depth + 1)?;
            self.write(b":")?;
            crate::depth::grow(|| self.element(value, verb, depth + 1))?;
        }
        self.write(end)
    }
}

const fn is_of_text(verb: char) -> bool {
    matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
}

//! What is wrong with documents that people write, field by field: [`Fault`], and the questions that find it.
//!
//! A question notes what is wrong and goes on: whoever asks tells all of it at once.

use std::fmt;

use crate::pointer::dotted;
use crate::{Object, Pointer, Value};

/// Something that is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place in the document.
    pub at: Pointer,
    /// One sentence without a final period, behind the place as people write it.
    pub message: String,
}

impl Fault {
    /// What is wrong with a place.
    pub fn new(at: &Pointer, what: impl fmt::Display) -> Self {
        let place = dotted(at.steps());
        let message = if place.is_empty() { what.to_string() } else { format!("{place}: {what}") };
        Self { at: at.clone(), message }
    }

    /// Something else than what is there was expected: `a list`.
    pub fn expected(at: &Pointer, wanted: &str, found: &Value) -> Self {
        Self::new(at, format_args!("{wanted} was expected, not {}", word(found)))
    }

    /// A text that is not empty was expected: `off` and `5` are none in YAML, but in quotes.
    pub fn expected_text(at: &Pointer, found: &Value) -> Self {
        match found {
            Value::String(text) if text.is_empty() => Self::new(at, "a text was expected, not an empty one"),
            Value::Bool(_) | Value::Number(_) => {
                Self::new(at, format_args!("a text was expected, not {}: put it in quotes", word(found)))
            }
            _ => Self::expected(at, "a text", found),
        }
    }
}

/// What a value is, for people who write YAML: `a list`.
pub fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
        Value::Set(_) => "a set",
    }
}

/// Notes keys that nothing reads: each is a typing mistake, and what it was to say is not said.
pub fn known(value: &Value, at: &Pointer, keys: &[&str], faults: &mut Vec<Fault>) {
    for (key, _) in value.as_object().into_iter().flat_map(Object::fields) {
        let text = key.to_text();
        if !keys.contains(&&*text) {
            let what = format_args!("there is no such field; there are {}", keys.join(", "));
            faults.push(Fault::new(&at.child(key.clone()), what));
        }
    }
}

/// The members of the list under a key, and their places; none where nothing is there.
pub fn list<'v>(
    value: &'v Value,
    at: &Pointer,
    key: &str,
    faults: &mut Vec<Fault>,
) -> Vec<(Pointer, &'v Value)> {
    let at = at.child(key);
    match value.get(key) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| (at.child(index), item)).collect()
        }
        Some(other) => {
            faults.push(Fault::expected(&at, "a list", other));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pointer;
    use crate::read::{Limits, read};

    #[test]
    fn faults_name_their_places_as_people_write_them() {
        let reading = read(b"{a: 1, b: {}, c: [x]}", &Limits::default());
        let document = &reading.documents[0].value;
        let mut faults = Vec::new();
        let at = pointer!["spec", 2_usize];
        known(document, &at, &["a", "b"], &mut faults);
        assert_eq!(list(document, &at, "b", &mut faults), []);
        assert_eq!(list(document, &at, "none", &mut faults), []);
        let found: Vec<String> =
            list(document, &at, "c", &mut faults).iter().map(|(at, _)| dotted(at.steps())).collect();
        assert_eq!(found, ["spec[2].c[0]"]);
        faults.push(Fault::new(&Pointer::ROOT, "it is empty"));
        let value = |text: &str| read(text.as_bytes(), &Limits::default()).documents.remove(0).value;
        for found in ["off", "5", "''", "[off]", "null"] {
            faults.push(Fault::expected_text(&Pointer::ROOT, &value(found)));
        }
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "spec[2].c: there is no such field; there are a, b",
                "spec[2].b: a list was expected, not a mapping",
                "it is empty",
                "a text was expected, not a boolean: put it in quotes",
                "a text was expected, not a number: put it in quotes",
                "a text was expected, not an empty one",
                "a text was expected, not a list",
                "a text was expected, not null",
            ]
        );
    }
}

//! [`Sharing`]: objects of one kind have much in common, such as annotations, selectors and whole lists of ports. What is equal to
//! what an object before had is kept once.

use std::collections::HashMap;

use lumen_value::{Array, Object, Value};

/// Longest string that is looked for. Values hold shorter ones than [`TEXT_MIN`] in place.
const TEXT_MAX: usize = 256;
const TEXT_MIN: usize = 23;

/// Largest collection that is looked for, in bytes: much larger ones are hardly ever equal.
const COLLECTION_MAX: usize = 4 << 10;

/// How much is remembered that was met of late, in bytes. As much again is remembered of what was met before.
const REMEMBERED_MAX: usize = 256 << 10;

/// How deep collections are looked into: manifests are not that deep, but what an API server sends may be.
const DEPTH_MAX: usize = 32;

/// What was met so far, within bounds: what was not met again for long is forgotten.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    /// Each with its size.
    young: HashMap<Value, usize>,
    old: HashMap<Value, usize>,
    young_bytes: usize,
}

impl Sharing {
    /// The same value, with what is known of it in the place of its equals.
    pub(super) fn share(&mut self, value: &Value) -> Value {
        self.shared(value, DEPTH_MAX).0
    }

    /// The value, and its size where it may be shared as a whole. The recursion is [`DEPTH_MAX`] deep at most.
    fn shared(&mut self, value: &Value, depth: usize) -> (Value, Option<usize>) {
        match value {
            Value::Null | Value::Bool(_) => (value.clone(), Some(0)),
            // Numbers that are equal may be written otherwise, and what is kept is as it was sent.
            Value::Number(number) => {
                let is_plain = number.json_text().bytes().all(|byte| byte.is_ascii_digit());
                (value.clone(), is_plain.then_some(0))
            }
            Value::String(text) => match text.as_bytes().len() {
                0..TEXT_MIN => (value.clone(), Some(0)),
                len @ TEXT_MIN..=TEXT_MAX => self.known(value.clone(), len),
                _ => (value.clone(), None),
            },
            Value::Array(items) if depth > 0 => {
                let mut bytes = Some(0);
                let items: Array = items.iter().map(|item| self.part(item, depth, &mut bytes)).collect();
                let bytes = bytes.map(|bytes| bytes + items.len() * size_of::<Value>());
                self.collection(items.into(), bytes)
            }
            Value::Object(entries) if depth > 0 => {
                let mut bytes = Some(0);
                let entries: Object = entries
                    .iter()
                    .map(|(key, value)| {
                        (self.part(key, depth, &mut bytes), self.part(value, depth, &mut bytes))
                    })
                    .collect();
                let bytes = bytes.map(|bytes| bytes + entries.len() * size_of::<(Value, Value)>());
                self.collection(entries.into(), bytes)
            }
            Value::Array(_) | Value::Object(_) | Value::Set(_) => (value.clone(), None),
        }
    }

    /// A part of a collection, the size of which is added up.
    fn part(&mut self, part: &Value, depth: usize, bytes: &mut Option<usize>) -> Value {
        let (part, of_part) = self.shared(part, depth - 1);
        *bytes = bytes.zip(of_part).map(|(all, of_part)| all + of_part);
        part
    }

    fn collection(&mut self, value: Value, bytes: Option<usize>) -> (Value, Option<usize>) {
        match bytes.filter(|bytes| *bytes <= COLLECTION_MAX) {
            Some(bytes) => self.known(value, bytes),
            None => (value, None),
        }
    }

    /// The equal of a value that was met before, else the value, which is remembered.
    fn known(&mut self, value: Value, bytes: usize) -> (Value, Option<usize>) {
        if let Some((known, _)) = self.young.get_key_value(&value) {
            return (known.clone(), Some(bytes));
        }
        let known = self.old.remove_entry(&value).map_or(value, |(known, _)| known);
        self.young_bytes += bytes + size_of::<(Value, usize)>();
        self.young.insert(known.clone(), bytes);
        if self.young_bytes > REMEMBERED_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        (known, Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use lumen_value::json::parse;
    use lumen_value::read::Limits;

    use super::*;

    fn read(text: &str) -> Value {
        let limits = Limits { depth_max: 10_000, ..Limits::default() };
        parse(text.as_bytes(), &limits).expect("JSON").value
    }

    #[test]
    fn what_is_equal_is_kept_once() {
        let mut sharing = Sharing::default();
        let object = |name: &str| {
            let text = format!(
                r#"{{"name":"{name}","ports":[{{"port":8080,"name":"http"}}],"long":"a text that is too long to be held in place"}}"#
            );
            read(&text)
        };
        let (a, b) = (sharing.share(&object("a")), sharing.share(&object("b")));
        assert_eq!((&a, &b), (&object("a"), &object("b")));
        let ports = |object: &Value| object.get("ports").and_then(Value::address);
        assert!(ports(&a).is_some());
        assert_eq!(ports(&a), ports(&b));
        assert_ne!(a.address(), b.address());
        assert_eq!(sharing.share(&object("a")).address(), a.address());
    }

    #[test]
    fn numbers_stay_as_they_are_written() {
        let mut sharing = Sharing::default();
        for text in ["[1]", "[1.0]", "[1e0]", "[-0]", "[0]", r#"{"a":[1.0,{"b":1}]}"#, r#"{"a":[1,{"b":1}]}"#]
        {
            assert_eq!(sharing.share(&read(text)).to_json(), text);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut sharing = Sharing::default();
        for number in 0..20_000 {
            let text = format!(r#"{{"uid":"6f2f7c04-0d6c-4ad1-9d5e-{number:012}","same":["x"]}}"#);
            let value = read(&text);
            assert_eq!(sharing.share(&value), value);
            assert!(sharing.young_bytes <= REMEMBERED_MAX);
        }
        assert!(sharing.young.len() + sharing.old.len() < 10_000);
        // What comes again and again is not forgotten.
        let same = read(r#"["x"]"#);
        assert!(sharing.young.contains_key(&same) || sharing.old.contains_key(&same));
    }

    #[test]
    fn what_is_very_deep_stays_as_it_is() {
        let text = format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000));
        assert_eq!(Sharing::default().share(&read(&text)).to_json(), text);
    }
}

//! Reads a field as Go's `encoding/json` reads it into a struct: null as nothing, the wrong type an error.
//!
//! Names are taken in any case where Gatekeeper decodes what the API server stored unread, such as the `match` of a
//! constraint; and exactly where the API server knows the fields.

use lumen_value::{Number, Object, Pointer, Step, Str, Value};

use crate::object::NULL;
use crate::selector::{FieldNames, go_fold};

/// A value has a type that its field cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` must be {wanted}, not a value of type {found}", lumen_value::pointer::dotted(at.steps()))]
pub struct TypeError {
    /// Where it stands in what was decoded.
    pub at: Pointer,
    /// What it must be.
    pub wanted: &'static str,
    /// The type that it has.
    pub found: &'static str,
}

impl TypeError {
    fn new(at: &Pointer, wanted: &'static str, found: &Value) -> Self {
        Self { at: at.clone(), wanted, found: found.kind() }
    }
}

/// Whether a key is a name, which is ASCII, in any case.
fn is_named(key: &Str, name: &str) -> bool {
    let bytes = key.as_bytes();
    // A letter that folds into one of ASCII takes more bytes than it.
    if bytes.len() > name.len() && !bytes.is_ascii() {
        return key.to_text().chars().map(go_fold).eq(name.chars().map(go_fold));
    }
    bytes.eq_ignore_ascii_case(name.as_bytes())
}

/// A value and the way to it.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'v> {
    pub(crate) value: &'v Value,
    pub(crate) at: Pointer,
    pub(crate) names: FieldNames,
}

impl<'v> Cursor<'v> {
    pub(crate) const fn root(value: &'v Value) -> Self {
        Self { value, at: Pointer::ROOT, names: FieldNames::AnyCase }
    }

    /// The same, where names count as they are written.
    pub(crate) const fn exact(value: &'v Value) -> Self {
        Self { value, at: Pointer::ROOT, names: FieldNames::Exact }
    }

    /// A part of this value.
    pub(crate) fn child<'w>(&self, value: &'w Value, step: impl Into<Step>) -> Cursor<'w> {
        Cursor { value, at: self.at.child(step), names: self.names }
    }

    /// The field of an object by its name; of several the last. `None` where it is missing or null.
    pub(crate) fn field(&self, name: &str) -> Result<Option<Cursor<'v>>, TypeError> {
        let entries = match self.value {
            Value::Null => return Ok(None),
            Value::Object(entries) => entries,
            other => return Err(TypeError::new(&self.at, "an object", other)),
        };
        if self.names == FieldNames::Exact {
            let found = entries.get(name).filter(|value| !value.is_null());
            return Ok(found.map(|value| self.child(value, name)));
        }
        let found = entries.fields().rfind(|(key, value)| !value.is_null() && is_named(key, name));
        Ok(found.map(|(key, value)| self.child(value, key.clone())))
    }

    /// The text of a field; empty where it is missing.
    pub(crate) fn text(&self, name: &str) -> Result<String, TypeError> {
        self.field(name)?.map_or_else(|| Ok(String::new()), |found| found.string())
    }

    /// The value as a text; null is empty.
    pub(crate) fn string(&self) -> Result<String, TypeError> {
        match self.value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.to_text().into_owned()),
            other => Err(TypeError::new(&self.at, "a string", other)),
        }
    }

    /// The elements of a field that is a list; none where it is missing.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<Cursor<'v>>, TypeError> {
        let Some(found) = self.field(name)? else {
            return Ok(Vec::new());
        };
        match found.value {
            Value::Array(items) => {
                Ok(items.iter().enumerate().map(|(index, value)| found.child(value, index)).collect())
            }
            other => Err(TypeError::new(&found.at, "a list", other)),
        }
    }

    /// The texts of a field that is a list of them.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, TypeError> {
        self.list(name)?.iter().map(Cursor::string).collect()
    }

    /// The value as an object.
    pub(crate) fn object(&self) -> Result<&'v Object, TypeError> {
        match self.value {
            Value::Object(object) => Ok(object),
            other => Err(TypeError::new(&self.at, "an object", other)),
        }
    }

    /// The boolean of a field.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, TypeError> {
        let read = |found: Cursor<'_>| match found.value {
            Value::Bool(flag) => Ok(*flag),
            other => Err(TypeError::new(&found.at, "a boolean", other)),
        };
        self.field(name)?.map(read).transpose()
    }

    /// The number of a field.
    pub(crate) fn number(&self, name: &str) -> Result<Option<&'v Number>, TypeError> {
        let read = |found: Cursor<'v>| match found.value {
            Value::Number(number) => Ok(number),
            other => Err(TypeError::new(&found.at, "a number", other)),
        };
        self.field(name)?.map(read).transpose()
    }

    /// The integer of a field.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, TypeError> {
        let Some(found) = self.field(name)? else {
            return Ok(None);
        };
        let wrong = || TypeError::new(&found.at, "an integer", found.value);
        found.value.as_i64().map(Some).ok_or_else(wrong)
    }

    /// The object of a field; empty where it is missing.
    pub(crate) fn inner(&self, name: &str) -> Result<Cursor<'v>, TypeError> {
        let found = self.part(name)?;
        if !matches!(found.value, Value::Null | Value::Object(_)) {
            return Err(TypeError::new(&found.at, "an object", found.value));
        }
        Ok(found)
    }

    /// A field, null where it is missing.
    pub(crate) fn part(&self, name: &str) -> Result<Cursor<'v>, TypeError> {
        let missing = || self.child(&NULL, name);
        Ok(self.field(name)?.unwrap_or_else(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        for key in ["kinds", "KINDS", "Kinds", "\u{212a}inds", "kind\u{17f}"] {
            assert!(is_named(&key.into(), "kinds"), "{key}");
        }
        for key in ["kind", "kindss", "k\u{131}nds", "\u{212a}ind", "\u{e9}"] {
            assert!(!is_named(&key.into(), "kinds"), "{key}");
        }
    }
}

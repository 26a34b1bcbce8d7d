//! Fields of events with the values that a test gives them.

use std::collections::BTreeMap;

use lumen_value::fault::Fault;
use lumen_value::{Object, Pointer};

use super::value::{self, Given};
use crate::condition::{self, Operand};
use crate::field::{self, Argument, FieldUse};
use crate::value::Value;

/// Fields and their values, by the names of fields as conditions write them; `None` for no value.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(BTreeMap<String, (FieldUse, Option<Given>)>);

/// What a test says of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word<T> {
    /// Nothing.
    Unsaid,
    /// That it has no value.
    Absent,
    /// Its value.
    Given(T),
}

impl<T> Word<T> {
    /// The value that is given.
    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Unsaid | Self::Absent => None,
        }
    }

    /// The value that is given, or another where nothing is said.
    pub(super) fn or(self, default: T) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Unsaid => Some(default),
            Self::Absent => None,
        }
    }
}

impl Fields {
    /// Adds fields; those that are there already change.
    pub(super) fn add(&mut self, fields: &Object, at: &Pointer, faults: &mut Vec<Fault>) {
        for (key, value) in fields.fields() {
            let at = at.child(key.clone());
            let read = used(&key.to_text()).and_then(|used| {
                let given = if value.is_null() { None } else { Some(value::read(value, &used)?) };
                Ok((used, given))
            });
            match read {
                Ok((used, given)) => _ = self.0.insert(name(&used), (used, given)),
                Err(what) => faults.push(Fault::new(&at, what)),
            }
        }
    }

    /// What is said of a field.
    pub(super) fn get(&self, name: &str) -> Word<&Given> {
        match self.0.get(name) {
            None => Word::Unsaid,
            Some((_, None)) => Word::Absent,
            Some((_, Some(given))) => Word::Given(given),
        }
    }

    /// The bytes of names and texts.
    pub(super) fn bytes(&self) -> usize {
        let texts = |given: &Given| match given {
            Value::Bytes(bytes) => bytes.len(),
            Value::List(items) => items.iter().filter_map(Value::as_bytes).map(<[u8]>::len).sum(),
            _ => 0,
        };
        self.0.iter().map(|(name, (_, given))| name.len() + given.as_ref().map_or(0, texts)).sum()
    }

    /// All, in the order of their names.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &FieldUse, Option<&Given>)> {
        self.0.iter().map(|(name, (used, given))| (name.as_str(), used, given.as_ref()))
    }

    /// All, as they are kept.
    pub(super) fn into_all(self) -> impl Iterator<Item = (String, (FieldUse, Option<Given>))> {
        self.0.into_iter()
    }
}

/// The field that a text names.
fn used(text: &str) -> Result<FieldUse, String> {
    let operand = condition::parse_operand(text).ok().filter(|(_, length)| *length == text.len());
    match operand {
        Some((Operand::Field(name), _)) => {
            const REFERENCE: &str = "filter_check called with nonexistent field";
            field::resolve(&name).map_err(|message| message.replacen(REFERENCE, "there is no field", 1))
        }
        _ => Err(format!("`{text}` is no field")),
    }
}

/// A field as it is mostly written: `evt.arg.flags`, `proc.aname[2]`.
pub(super) fn name(used: &FieldUse) -> String {
    let field = used.id.field().name;
    match &used.argument {
        None => field.to_owned(),
        Some(Argument::Key(key)) if matches!(field, "evt.arg" | "evt.rawarg") => format!("{field}.{key}"),
        Some(Argument::Key(key)) => format!("{field}[{key}]"),
        Some(Argument::Index(index)) => format!("{field}[{index}]"),
    }
}

//! [`Managers`]: who manages which field of a live object, as its `metadata.managedFields` say it.
//!
//! The format is that of structured-merge-diff 6 (`fieldpath/serialize.go`, `fieldpath/serialize-pe.go`), version `FieldsV1`: a
//! tree of objects whose keys are `f:NAME` (a field), `k:{..}` (the element of a list with these fields), `v:VALUE` (the element
//! of a set), `i:NUMBER` (an element by its place) and `.` (the value itself).

use std::cell::Cell;
use std::sync::Arc;

use lumen_value::json;
use lumen_value::read::Limits;
use lumen_value::{Object, Pointer, Step, Value};

use crate::object::{field, text};

/// Most managers of one object that are looked at. The API server keeps ten that update, and each that applies.
pub const MANAGERS_MAX: usize = 64;
/// Longest name of a manager, in characters, as the API server bounds it.
pub const NAME_CHARACTERS_MAX: usize = 128;
/// Longest key of the tree that is read, in bytes.
const KEY_BYTES_MAX: usize = 4_096;
/// Most keys of one object that are compared with elements of lists. Beyond nothing is said.
const COMPARISONS_MAX: usize = 200_000;

/// Who manages a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldManager {
    /// Its name, such as `kubectl-client-side-apply`.
    pub name: Arc<str>,
    /// `Apply` for a manager that says what it wants with server-side apply, else `Update`.
    pub operation: Arc<str>,
    /// The subresource that it writes, such as `status`; empty for the object itself.
    pub subresource: Arc<str>,
}

/// Who manages a field, or the nearest one above it that somebody manages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    /// The managers, in the order in which the object names them.
    pub managers: Vec<FieldManager>,
    /// How many of the pointer's last steps nobody manages: 0 where the field itself is meant.
    pub above: usize,
}

/// The managers of one object.
#[derive(Debug)]
pub struct Managers<'a> {
    object: &'a Value,
    trees: Vec<(FieldManager, &'a Value)>,
    comparisons_left: Cell<usize>,
}

/// How far a manager's tree goes along a pointer.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// How many steps.
    depth: usize,
    /// Whether nothing is said of what is below. An empty tree is written for a value that is owned as a whole, and for one of
    /// which others own the parts.
    ends_whole: bool,
}

impl<'a> Managers<'a> {
    /// Reads who manages what. What is no entry that can be read is left out.
    pub fn of(object: &'a Value) -> Self {
        let entries = field(object, &["metadata", "managedFields"]).as_array();
        let entries = entries.into_iter().flat_map(|entries| entries.iter()).take(MANAGERS_MAX);
        let trees = entries.filter_map(|entry| {
            let fields = entry.get("fieldsV1").filter(|fields| fields.as_object().is_some())?;
            let kind = text(entry, "fieldsType");
            let name = text(entry, "manager");
            if name.is_empty() || !(kind.is_empty() || kind == "FieldsV1") {
                return None;
            }
            let manager = FieldManager {
                name: cut(name),
                operation: cut(text(entry, "operation")),
                subresource: cut(text(entry, "subresource")),
            };
            Some((manager, fields))
        });
        Self { object, trees: trees.collect(), comparisons_left: Cell::new(COMPARISONS_MAX) }
    }

    /// Who manages a field. Where it is missing, or nobody does: who manages the nearest field above it, at last the object.
    pub fn owners(&self, at: &Pointer) -> Owners {
        let values = self.values(at);
        let ways: Vec<Way> = self.trees.iter().map(|(_, fields)| self.way(fields, at, &values)).collect();
        let deepest = ways.iter().map(|way| way.depth).max().unwrap_or_default();
        let mut managers: Vec<FieldManager> = Vec::new();
        let mut is_whole = false;
        for ((manager, _), way) in self.trees.iter().zip(&ways) {
            // Of the object as a whole those are told who write more than its status.
            if way.depth < deepest || (deepest == 0 && !manager.subresource.is_empty()) {
                continue;
            }
            is_whole |= way.ends_whole;
            if !managers.contains(manager) {
                managers.push(manager.clone());
            }
        }
        // Who owns a value of which nobody owns a part owns all that is in it.
        let there = values.iter().filter(|value| value.is_some()).count();
        let owned = if is_whole { deepest.max(there) } else { deepest };
        Owners { managers, above: at.steps().len().saturating_sub(owned) }
    }

    /// What stands at each step of a pointer.
    fn values(&self, at: &Pointer) -> Vec<Option<&'a Value>> {
        let mut value = Some(self.object);
        let steps = at.steps().iter();
        steps
            .map(|step| {
                value = value.and_then(|value| value.step(step));
                value
            })
            .collect()
    }

    /// How far a manager's tree goes along a pointer.
    fn way(&self, fields: &Value, at: &Pointer, values: &[Option<&Value>]) -> Way {
        let mut way = Way { depth: 0, ends_whole: false };
        let Some(mut fields) = fields.as_object() else { return way };
        for (step, value) in at.steps().iter().zip(values) {
            let below = match step {
                Step::Key(key) => key.as_str().and_then(|key| fields.get(&format!("f:{key}"))),
                Step::Index(index) => self.element(fields, *index, *value),
            };
            let Some(below) = below.and_then(Value::as_object) else { return way };
            way.depth += 1;
            way.ends_whole = below.is_empty();
            fields = below;
        }
        way
    }

    /// What stands in a tree about an element of a list.
    fn element<'f>(&self, fields: &'f Object, index: usize, element: Option<&Value>) -> Option<&'f Value> {
        let element = element?;
        fields.fields().find_map(|(key, below)| {
            let left = self.comparisons_left.get().checked_sub(1)?;
            self.comparisons_left.set(left);
            let key = key.as_str().filter(|key| key.len() <= KEY_BYTES_MAX)?;
            let is_it = match key.split_once(':')? {
                ("k", said) => {
                    let said = read(said)?;
                    let said = said.as_object().filter(|said| !said.is_empty())?;
                    said.fields().all(|(name, value)| {
                        name.as_str().is_some_and(|name| element.get(name) == Some(value))
                    })
                }
                ("v", said) => read(said)? == *element,
                ("i", said) => said.parse() == Ok(index),
                _ => false,
            };
            is_it.then_some(below)
        })
    }
}

fn read(text: &str) -> Option<Value> {
    let limits = Limits { depth_max: 16, ..Limits::default() };
    json::parse(text.as_bytes(), &limits).ok().map(|parsed| parsed.value)
}

fn cut(text: &str) -> Arc<str> {
    text.chars().take(NAME_CHARACTERS_MAX).collect::<String>().into()
}

#[cfg(test)]
mod tests;

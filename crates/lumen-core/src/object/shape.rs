//! The types of the fields that the layers read, and what of a manifest has another type.
//!
//! The API server decodes a built-in object into typed structures, and refuses it where a field has the wrong type:
//! `privileged: "true"` never reaches Pod Security. Reading past it would call such an object safe, so every such field
//! is a mistake that is reported. A null is no mistake: it counts as missing. Names are matched with their case, as
//! the API server does (`sigs.k8s.io/json`), and fields that are not in the tables are left alone.

use lumen_value::pointer::dotted;
use lumen_value::{Pointer, Step, Str, Value};

use super::{Workload, group_of, text};
use crate::quantity::Quantity;

mod table;

/// The type that a field has.
#[derive(Debug)]
enum Shape {
    Bool,
    String,
    /// An integer of 32 bits.
    Int32,
    /// An integer of 64 bits.
    Int64,
    IntOrString,
    /// An amount, as a string or a number.
    Quantity,
    /// An object with these fields among others.
    Object(&'static [(&'static str, Shape)]),
    /// An object with any keys and values of one type.
    Map(&'static Shape),
    /// An array of elements of one type.
    List(&'static Shape),
}

/// A field whose value has another type than Kubernetes gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mistake {
    /// Where the value stands in its manifest.
    pub at: Pointer,
    /// What is wrong: a sentence without a final period.
    pub message: String,
}

/// Most mistakes that are collected of one manifest: the rest shows once these are mended.
pub const MISTAKES_MAX: usize = 20;

/// Longest part of a wrong value that a message repeats, in characters.
const SHOWN_CHARS_MAX: usize = 40;

/// The fields of a manifest that have the wrong type, in the order of the tables: of its metadata, of its pods
/// where it is a workload, and of the selectors of the built-in kinds. At most [`MISTAKES_MAX`].
pub fn mistakes(manifest: &Value) -> Vec<Mistake> {
    let mut check = Check::default();
    check.object(manifest, table::OBJECT);
    let (group, kind) = (group_of(text(manifest, "apiVersion")), text(manifest, "kind"));
    let of_kind =
        table::KINDS.iter().find(|(known_group, known_kind, _)| *known_group == group && *known_kind == kind);
    if let Some((_, _, fields)) = of_kind {
        check.object(manifest, fields);
    }
    for pod in Workload::of(manifest).iter().flat_map(|workload| &workload.pods) {
        // A template is no field of a list or a map that was checked above, so nothing is reported twice.
        let Some(holder) = manifest.find(&pod.at) else {
            continue;
        };
        check.path = pod.at.steps().to_vec();
        let is_root = check.path.is_empty();
        check.object(holder, if is_root { table::POD } else { table::POD_TEMPLATE });
    }
    check.found
}

#[derive(Default)]
struct Check {
    path: Vec<Step>,
    found: Vec<Mistake>,
}

impl Check {
    /// Compares a value with its shape. Recursion goes as deep as the tables nest, whatever the value holds.
    fn value(&mut self, value: &Value, shape: &Shape) {
        if value.is_null() || self.found.len() >= MISTAKES_MAX {
            return;
        }
        match (shape, value) {
            (Shape::Object(fields), Value::Object(_)) => self.object(value, fields),
            (Shape::Map(shape), Value::Object(entries)) => {
                for (key, value) in entries.fields() {
                    self.step(key.clone(), value, shape);
                }
            }
            (Shape::List(shape), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.step(index, item, shape);
                }
            }
            _ if fits(value, shape) => {}
            _ => self.mistake(value, shape),
        }
    }

    fn object(&mut self, value: &Value, fields: &'static [(&'static str, Shape)]) {
        if value.as_object().is_none() {
            if !value.is_null() {
                self.mistake(value, &Shape::Object(fields));
            }
            return;
        }
        for (key, shape) in fields {
            if let Some(value) = value.get(key) {
                self.step(Str::from(*key), value, shape);
            }
        }
    }

    fn step(&mut self, step: impl Into<Step>, value: &Value, shape: &Shape) {
        self.path.push(step.into());
        self.value(value, shape);
        self.path.pop();
    }

    fn mistake(&mut self, value: &Value, shape: &Shape) {
        let at: Pointer = self.path.iter().cloned().collect();
        if self.found.len() >= MISTAKES_MAX || self.found.iter().any(|known| known.at == at) {
            return;
        }
        let message = format!("`{}` must be {}, not {}", dotted(&self.path), wanted(shape), shown(value));
        self.found.push(Mistake { at, message });
    }
}

fn fits(value: &Value, shape: &Shape) -> bool {
    match shape {
        Shape::Bool => value.as_bool().is_some(),
        Shape::String => value.as_str().is_some(),
        Shape::Int32 => value.as_i64().is_some_and(|int| i32::try_from(int).is_ok()),
        Shape::Int64 => value.as_i64().is_some(),
        Shape::IntOrString => value.as_str().is_some() || fits(value, &Shape::Int32),
        Shape::Quantity => Quantity::of(value).is_ok(),
        Shape::Object(_) | Shape::Map(_) | Shape::List(_) => false,
    }
}

/// What a field must be, for people.
fn wanted(shape: &Shape) -> &'static str {
    match shape {
        Shape::Bool => "`true` or `false`",
        Shape::String => "a string",
        Shape::Int32 => "an integer of 32 bits",
        Shape::Int64 => "an integer of 64 bits",
        Shape::IntOrString => "an integer of 32 bits or a string",
        Shape::Quantity => "a quantity, such as `500m` or `64Mi`",
        Shape::Object(_) | Shape::Map(_) => "a mapping",
        Shape::List(_) => "a list",
    }
}

/// What a field is instead: the value itself where it is a scalar.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        _ => {
            // Enough for the characters that are shown, so that a long value is not copied.
            let text = match value {
                Value::String(text) => {
                    format!("{:?}", text.to_text().chars().take(SHOWN_CHARS_MAX).collect::<String>())
                }
                _ => value.to_json().chars().take(SHOWN_CHARS_MAX).collect(),
            };
            format!("the {} `{text}`", value.kind())
        }
    }
}

#[cfg(test)]
mod tests;

//! What is in force: `input`, base documents, and what `with` replaces.

use std::sync::Arc;

use lumen_value::{Object, Value};

use super::collect::merge;
use super::memo::Memo;
use crate::plan::Callee;

/// What stands for a function.
#[derive(Clone, Debug)]
pub(super) enum Stand {
    Value(Value),
    Callee(Callee),
}

/// One state of the world that rules are evaluated in. Each `with` makes a new one, with nothing remembered.
pub(super) struct Context {
    /// The one before.
    pub(super) parent: u32,
    /// How many choice points there were when it was made.
    pub(super) choices: usize,
    pub(super) input: Option<Value>,
    /// The base documents, with what is replaced in its place.
    pub(super) data: Value,
    /// The base documents without replacements, and the replacements alone.
    pub(super) parts: Option<Box<(Value, Value)>>,
    /// Paths below `data` that are replaced, rules as well.
    pub(super) targets: Arc<[Vec<Value>]>,
    /// Functions that are replaced; the last one of a name counts.
    pub(super) stands: Arc<[(Callee, Stand)]>,
    pub(super) memo: Memo,
}

impl Context {
    pub(super) fn is_replaced(&self, path: &[Value]) -> bool {
        self.targets.iter().any(|target| path.starts_with(target))
    }

    /// The base document at a path. Above what is replaced OPA merges what was there with what stands for it.
    pub(super) fn document(&self, path: &[Value]) -> Option<Value> {
        let above = |target: &Vec<Value>| target.len() > path.len() && target.starts_with(path);
        match &self.parts {
            Some(parts) if self.targets.iter().any(above) && !self.is_replaced(path) => {
                let replacement = find(&parts.1, path)?;
                Some(match find_base(&parts.0, path) {
                    Some(base) => merge(replacement, &base),
                    None => replacement,
                })
            }
            _ => find_base(&self.data, path),
        }
    }

    pub(super) fn stand(&self, callee: Callee) -> Option<&Stand> {
        self.stands.iter().rev().find(|(target, _)| *target == callee).map(|(_, stand)| stand)
    }
}

/// The value under a key; an element of a set.
pub(crate) fn step(from: &Value, key: &Value) -> Option<Value> {
    match from {
        Value::Object(object) => match key {
            Value::String(text) => object.get_key(text).cloned(),
            _ => object.get_value(key).cloned(),
        },
        Value::Array(array) => array.get(position(key)?).cloned(),
        Value::Set(set) => set.contains(key).then(|| key.clone()),
        _ => None,
    }
}

/// The index that a key of an array is. As in OPA `1.0` is one and `1e0` is none.
pub(super) fn position(key: &Value) -> Option<usize> {
    usize::try_from(key.as_number()?.as_index()?).ok()
}

/// What stands at a path.
pub(crate) fn find(root: &Value, path: &[Value]) -> Option<Value> {
    // Sets give the key itself: so values on the way are kept, not borrowed, only there.
    let mut at = root;
    let mut keys = path.iter();
    for key in keys.by_ref() {
        at = match at {
            Value::Object(object) => match key {
                Value::String(text) => object.get_key(text)?,
                _ => object.get_value(key)?,
            },
            Value::Array(array) => array.get(position(key)?)?,
            Value::Set(set) if set.contains(key) => {
                let mut value = key.clone();
                for key in keys {
                    value = step(&value, key)?;
                }
                return Some(value);
            }
            _ => return None,
        };
    }
    Some(at.clone())
}

/// What stands at a path below the base documents. OPA's store is asked with texts: `2` finds the key `"2"`, and `"1"` the index.
pub(super) fn find_base(root: &Value, path: &[Value]) -> Option<Value> {
    if let Some(found) = find(root, path) {
        return Some(found);
    }
    let mut at = root;
    for key in path {
        at = match (at, key) {
            (Value::Object(object), Value::Number(number)) => object.get(&number.to_string())?,
            (Value::Object(object), key) => object.get_value(key)?,
            (Value::Array(array), Value::String(text)) => array.get(text.as_str()?.parse().ok()?)?,
            (Value::Array(array), key) => array.get(position(key)?)?,
            _ => return None,
        };
    }
    Some(at.clone())
}

/// A value with another at a path; objects on the way are made where there are none (`mergeTermWithValues` of OPA).
pub(super) fn replace(root: Option<&Value>, path: &[Value], value: Value) -> Value {
    let mut at = root;
    let mut way = Vec::with_capacity(path.len());
    for key in path {
        let object = at.and_then(Value::as_object);
        way.push((object, key));
        at = object.and_then(|object| object.get_value(key));
    }
    way.into_iter().rev().fold(value, |below, (object, key)| {
        let object = match object {
            Some(object) => object.with(key.clone(), below),
            None => Object::default().with(key.clone(), below),
        };
        Value::Object(object)
    })
}

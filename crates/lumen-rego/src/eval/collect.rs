//! Collections in the making.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lumen_value::{Array, Object, Set, Value};

use crate::plan::Collection;

/// A key was given two values, or a path leads through a value.
pub(super) struct Contradiction;

/// A collection in the making.
pub(super) enum Collector {
    Array(Vec<Value>),
    Set(Vec<Value>),
    /// Of equal keys the last counts, provided that the values are equal.
    Object(BTreeMap<Value, Value>),
    Partial(BTreeMap<Value, Part>),
}

/// What stands under a key of a partial document.
pub(super) enum Part {
    /// What a rule gave.
    Value(Value),
    /// Elements that rules gave.
    Set(Vec<Value>),
    /// Further keys.
    Object(BTreeMap<Value, Part>),
}

impl Collector {
    pub(super) const fn new(collection: Collection) -> Self {
        match collection {
            Collection::Array => Self::Array(Vec::new()),
            Collection::Set => Self::Set(Vec::new()),
            Collection::Object => Self::Object(BTreeMap::new()),
            Collection::Partial => Self::Partial(BTreeMap::new()),
        }
    }

    pub(super) fn add(&mut self, value: Value) {
        match self {
            Self::Array(items) | Self::Set(items) => items.push(value),
            Self::Object(_) | Self::Partial(_) => {}
        }
    }

    pub(super) fn add_entry(&mut self, key: Value, value: Value) -> Result<(), Contradiction> {
        let Self::Object(entries) = self else { return Ok(()) };
        match entries.entry(key) {
            Entry::Occupied(before) if *before.get() != value => Err(Contradiction),
            Entry::Occupied(mut before) => {
                before.insert(value);
                Ok(())
            }
            Entry::Vacant(place) => {
                place.insert(value);
                Ok(())
            }
        }
    }

    /// Adds what a rule of a partial document gives under some keys (`evalVirtualPartial.reduce` of OPA).
    pub(super) fn add_head(
        &mut self,
        keys: impl Iterator<Item = Value>,
        value: Value,
        element: bool,
    ) -> Result<(), Contradiction> {
        let Self::Partial(root) = self else { return Ok(()) };
        let mut keys = keys.peekable();
        let mut at = root;
        while let Some(key) = keys.next() {
            if keys.peek().is_none() {
                return add_leaf(at, key, value, element);
            }
            match at.entry(key).or_insert_with(|| Part::Object(BTreeMap::new())) {
                Part::Object(below) => at = below,
                Part::Value(_) | Part::Set(_) => return Err(Contradiction),
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Value {
        match self {
            Self::Array(items) => Value::Array(Array::from(items)),
            Self::Set(items) => Value::Set(Set::from(items)),
            Self::Object(entries) => Value::Object(entries.into_iter().collect::<Vec<_>>().into()),
            Self::Partial(parts) => finish_object(parts),
        }
    }
}

fn add_leaf(
    at: &mut BTreeMap<Value, Part>,
    key: Value,
    value: Value,
    element: bool,
) -> Result<(), Contradiction> {
    match at.get_mut(&key) {
        None => {
            let part = if element { Part::Set(vec![value]) } else { Part::Value(value) };
            at.insert(key, part);
            Ok(())
        }
        Some(Part::Set(items)) if element => {
            items.push(value);
            Ok(())
        }
        Some(Part::Value(before)) if !element && *before == value => Ok(()),
        Some(Part::Object(below)) if !element && finish_copy(below) == value => Ok(()),
        Some(_) => Err(Contradiction),
    }
}

/// Keys come from the text of rules, and so does this depth.
fn finish_object(parts: BTreeMap<Value, Part>) -> Value {
    let entries = parts.into_iter().map(|(key, part)| {
        let value = match part {
            Part::Value(value) => value,
            Part::Set(items) => Value::Set(Set::from(items)),
            Part::Object(below) => crate::depth::grow(|| finish_object(below)),
        };
        (key, value)
    });
    Value::Object(entries.collect::<Vec<_>>().into())
}

fn finish_copy(parts: &BTreeMap<Value, Part>) -> Value {
    let entries = parts.iter().map(|(key, part)| {
        let value = match part {
            Part::Value(value) => value.clone(),
            Part::Set(items) => Value::Set(Set::from(items.clone())),
            Part::Object(below) => crate::depth::grow(|| finish_copy(below)),
        };
        (key.clone(), value)
    });
    Value::Object(entries.collect::<Vec<_>>().into())
}

/// Merges what rules give into a base document; where both have a value, the base document's counts (`merge` of OPA).
pub(super) fn merge(base: Value, rules: &Value) -> Value {
    let (Value::Object(left), Value::Object(right)) = (&base, rules) else { return base };
    if left.is_empty() {
        return rules.clone();
    }
    if right.is_empty() {
        return base;
    }
    let mut entries: Vec<(Value, Value)> = Vec::with_capacity(left.len() + right.len());
    for (key, value) in left.iter() {
        let merged = match right.get_value(key) {
            Some(other) => crate::depth::grow(|| merge(value.clone(), other)),
            None => value.clone(),
        };
        entries.push((key.clone(), merged));
    }
    let more = right.iter().filter(|(key, _)| left.get_value(key).is_none());
    entries.extend(more.map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(Object::from(entries))
}

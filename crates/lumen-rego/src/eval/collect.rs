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

    /// Gives about how many parts of values were compared.
    pub(super) fn add_entry(&mut self, key: Value, value: Value) -> Result<u64, Contradiction> {
        let Self::Object(entries) = self else { return Ok(0) };
        let search = search(entries.len(), &key);
        match entries.entry(key) {
            Entry::Occupied(mut before) => {
                let (order, parts) = before.get().compare_counted(&value);
                if order.is_ne() {
                    return Err(Contradiction);
                }
                before.insert(value);
                Ok(search + parts)
            }
            Entry::Vacant(place) => {
                place.insert(value);
                Ok(search)
            }
        }
    }

    /// Adds what a rule of a partial document gives under some keys (`evalVirtualPartial.reduce` of OPA). Gives about how many parts
    /// of values were compared.
    pub(super) fn add_head(
        &mut self,
        keys: impl Iterator<Item = Value>,
        value: Value,
        element: bool,
    ) -> Result<u64, Contradiction> {
        let Self::Partial(root) = self else { return Ok(0) };
        let mut keys = keys.peekable();
        let mut at = root;
        let mut parts = 0;
        while let Some(key) = keys.next() {
            parts += search(at.len(), &key);
            if keys.peek().is_none() {
                return Ok(parts + add_leaf(at, key, value, element)?);
            }
            match at.entry(key).or_insert_with(|| Part::Object(BTreeMap::new())) {
                Part::Object(below) => at = below,
                Part::Value(_) | Part::Set(_) => return Err(Contradiction),
            }
        }
        Ok(parts)
    }

    /// The collection, and about how many parts of its elements were compared.
    pub(super) fn finish(self) -> (Value, u64) {
        match self {
            Self::Array(items) => (Value::Array(Array::from(items)), 0),
            Self::Set(items) => {
                let (set, parts) = Set::counted(items);
                (Value::Set(set), parts)
            }
            Self::Object(entries) => (Value::Object(entries.into_iter().collect::<Vec<_>>().into()), 0),
            Self::Partial(entries) => {
                let mut parts = 0;
                (finish_object(entries, &mut parts), parts)
            }
        }
    }
}

fn add_leaf(
    at: &mut BTreeMap<Value, Part>,
    key: Value,
    value: Value,
    element: bool,
) -> Result<u64, Contradiction> {
    let (order, parts) = match at.get_mut(&key) {
        None => {
            let part = if element { Part::Set(vec![value]) } else { Part::Value(value) };
            at.insert(key, part);
            return Ok(0);
        }
        Some(Part::Set(items)) if element => {
            items.push(value);
            return Ok(0);
        }
        Some(Part::Value(before)) if !element => before.compare_counted(&value),
        Some(Part::Object(below)) if !element => finish_copy(below).compare_counted(&value),
        Some(_) => return Err(Contradiction),
    };
    if order.is_eq() { Ok(parts) } else { Err(Contradiction) }
}

/// Most parts of one key that are counted: the budget of memory holds no more.
const KEY_PARTS_MAX: u64 = 1 << 24;

/// About how many parts are compared at most to find the place of a key among so many.
fn search(len: usize, key: &Value) -> u64 {
    match key {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        _ => key
            .parts(KEY_PARTS_MAX)
            .saturating_mul(u64::from(len.checked_ilog2().map_or(0, |depth| depth + 1))),
    }
}

/// Keys come from the text of rules, and so does this depth.
fn finish_object(entries: BTreeMap<Value, Part>, parts: &mut u64) -> Value {
    let entries = entries.into_iter().map(|(key, part)| {
        let value = match part {
            Part::Value(value) => value,
            Part::Set(items) => {
                let (set, compared) = Set::counted(items);
                *parts += compared;
                Value::Set(set)
            }
            Part::Object(below) => crate::depth::grow(|| finish_object(below, parts)),
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

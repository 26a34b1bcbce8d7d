//! [`Value`]: null, boolean, number, string, array, object or set.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{Number, Pointer, Step, Str};

mod order;
mod print;

/// One value. A clone is cheap, whatever its size: collections are shared and never change in place.
///
/// Values are ordered as OPA orders them: null, booleans, numbers, strings, arrays, objects, sets. Dropping,
/// comparing, hashing and printing use no native recursion, so depth is bounded by memory alone.
#[derive(Clone, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, with its text.
    Number(Number),
    /// A string, not always UTF-8.
    String(Str),
    /// An ordered list.
    Array(Array),
    /// A map. In a document the keys are strings; in Rego they may be any value.
    Object(Object),
    /// A set; no document holds one, Rego makes them.
    Set(Set),
}

/// The items of an array; shared. (One allocation holds them and their count: a document has many small collections.)
#[derive(Clone, Default)]
pub struct Array(Arc<[Value]>);

/// The items of a set, sorted and distinct; shared.
#[derive(Clone, Default)]
pub struct Set(Arc<[Value]>);

/// The entries of an object, sorted by key, keys distinct; shared.
#[derive(Clone, Default)]
pub struct Object(Arc<[(Value, Value)]>);

/// Up to so many entries, looking at each is faster than halving: most keys differ in their lengths already.
const FEW_ENTRIES: usize = 8;

impl Value {
    /// The value under a string key; `None` where this is no object or has no such key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// The element at an index; `None` where this is no array or is shorter.
    pub fn at(&self, index: usize) -> Option<&Value> {
        self.as_array()?.get(index)
    }

    /// The value that a pointer leads to.
    pub fn find(&self, pointer: &Pointer) -> Option<&Value> {
        pointer.steps().iter().try_fold(self, Self::step)
    }

    /// The value one step further.
    pub fn step(&self, step: &Step) -> Option<&Value> {
        match step {
            Step::Index(index) => self.at(*index),
            Step::Key(key) => self.as_object()?.get_key(key),
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, where this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, where this is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The number, where this is an integer of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The text, where this is a string in UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => text.as_str(),
            _ => None,
        }
    }

    /// The array, where this is one.
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// The object, where this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// What kind of value this is, in JSON's words: `null`, `boolean`, `number`, `string`, `array`, `object`,
    /// and `set`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Set(_) => "set",
        }
    }

    /// Where the content of a collection lies: two collections of one kind at one place are the same. None for other values. It means
    /// nothing once all its copies are gone.
    pub fn address(&self) -> Option<usize> {
        match self {
            Self::Array(Array(items)) | Self::Set(Set(items)) => Some(Arc::as_ptr(items).cast::<()>().addr()),
            Self::Object(Object(entries)) => Some(Arc::as_ptr(entries).cast::<()>().addr()),
            _ => None,
        }
    }

    /// The order of two values, and about how many of their parts were looked at: what the comparison cost. That is never more
    /// than what the two hold in memory, however often they share it.
    pub fn compare_counted(&self, other: &Self) -> (Ordering, u64) {
        order::compare_counted(self, other)
    }

    /// About how many parts a comparison of the whole value looks at, counted up to a bound.
    pub fn parts(&self, most: u64) -> u64 {
        order::parts(self, most)
    }

    /// Whether dropping, comparing or printing this value could lead further down.
    fn is_collection(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_) | Self::Set(_))
    }
}

impl Array {
    /// The elements, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.0.iter()
    }

    /// The element at an index.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.0.get(index)
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Set {
    /// The elements, in OPA's order.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.0.iter()
    }

    /// The set of values in any order, and about how many of their parts were looked at to put them in order. Each takes one at least.
    pub fn counted(mut items: Vec<Value>) -> (Self, u64) {
        let parts = sort_counted(&mut items);
        items.dedup_by(|later, earlier| later == earlier);
        (Self(items.into()), parts)
    }

    /// Whether the value is in it.
    pub fn contains(&self, value: &Value) -> bool {
        self.get(value).is_some()
    }

    /// The element that is equal to the value: it may be written otherwise (`1`, `1.0`).
    pub fn get(&self, value: &Value) -> Option<&Value> {
        self.0.get(self.0.binary_search(value).ok()?)
    }

    /// The same, and about how many parts of values were looked at to find it.
    pub fn get_counted(&self, value: &Value) -> (Option<&Value>, u64) {
        let mut all = 0;
        let found = self.0.binary_search_by(|candidate| {
            let (order, parts) = candidate.compare_counted(value);
            all += parts;
            order
        });
        (found.ok().and_then(|index| self.0.get(index)), all)
    }

    /// The element at a place in OPA's order.
    pub fn at(&self, index: usize) -> Option<&Value> {
        self.0.get(index)
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Object {
    /// The entries, sorted by key in OPA's order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Value, &Value)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The entries whose key is a string: in a document, all of them.
    pub fn fields(&self) -> impl DoubleEndedIterator<Item = (&Str, &Value)> {
        self.0.iter().filter_map(|(key, value)| match key {
            Value::String(key) => Some((key, value)),
            _ => None,
        })
    }

    /// An object of entries that are sorted by key, their keys distinct.
    pub(crate) fn from_sorted(entries: impl Iterator<Item = (Value, Value)>) -> Self {
        let entries: Arc<[_]> = entries.collect();
        debug_assert!(entries.is_sorted_by(|(a, _), (b, _)| a < b), "sorted and distinct");
        Self(entries)
    }

    /// The object of entries in any order, of equal keys the last one's value, and about how many parts of keys were looked at to
    /// put them in order.
    pub fn counted(mut entries: Vec<(Value, Value)>) -> (Self, u64) {
        let mut all = entries.len() as u64;
        entries.sort_by(|(a, _), (b, _)| {
            let (order, parts) = a.compare_counted(b);
            all += parts;
            order
        });
        (Self::from(entries), all)
    }

    /// The value under a string key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.find_bytes(key.as_bytes())
    }

    /// The value under a string key that need not be UTF-8.
    pub fn get_key(&self, key: &Str) -> Option<&Value> {
        self.find_bytes(key.as_bytes())
    }

    /// The entry at a place in OPA's order.
    pub fn entry(&self, index: usize) -> Option<(&Value, &Value)> {
        self.0.get(index).map(|(key, value)| (key, value))
    }

    /// The value under any key.
    pub fn get_value(&self, key: &Value) -> Option<&Value> {
        let index = self.0.binary_search_by(|(candidate, _)| candidate.cmp(key)).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    /// The same, and about how many parts of keys were looked at to find it.
    pub fn get_value_counted(&self, key: &Value) -> (Option<&Value>, u64) {
        let mut all = 0;
        let found = self.0.binary_search_by(|(candidate, _)| {
            let (order, parts) = candidate.compare_counted(key);
            all += parts;
            order
        });
        (found.ok().and_then(|index| self.0.get(index)).map(|(_, value)| value), all)
    }

    fn find_bytes(&self, key: &[u8]) -> Option<&Value> {
        if self.len() <= FEW_ENTRIES {
            let is_it =
                |candidate: &Value| matches!(candidate, Value::String(text) if text.as_bytes() == key);
            return self.0.iter().find(|(candidate, _)| is_it(candidate)).map(|(_, value)| value);
        }
        let found = self.0.binary_search_by(|(candidate, _)| match candidate {
            Value::String(candidate) => candidate.as_bytes().cmp(key),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ordering::Less,
            Value::Array(_) | Value::Object(_) | Value::Set(_) => Ordering::Greater,
        });
        self.0.get(found.ok()?).map(|(_, value)| value)
    }

    /// This object with one more entry, or with another value under a key that it has.
    #[must_use]
    pub fn with(&self, key: impl Into<Value>, value: impl Into<Value>) -> Self {
        self.iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain([(key.into(), value.into())])
            .collect()
    }

    /// This object without a key.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        let kept = self.0.iter().filter(|(candidate, _)| candidate.as_str() != Some(key));
        Self(kept.cloned().collect())
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<Value>> for Array {
    fn from(items: Vec<Value>) -> Self {
        Self(items.into())
    }
}

impl FromIterator<Value> for Array {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

/// Sorts values, equal ones in the order in which they are; gives about how many of their parts were looked at.
pub fn sort_counted(items: &mut [Value]) -> u64 {
    let mut all = items.len() as u64;
    items.sort_by(|a, b| {
        let is_plain = matches!(a, Value::Null | Value::Bool(_) | Value::Number(_));
        let (order, parts) = if is_plain { (a.cmp(b), 1) } else { a.compare_counted(b) };
        all = all.saturating_add(parts);
        order
    });
    all
}

impl From<Vec<Value>> for Set {
    fn from(mut items: Vec<Value>) -> Self {
        items.sort();
        items.dedup();
        Self(items.into())
    }
}

impl FromIterator<Value> for Set {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::from(items.into_iter().collect::<Vec<_>>())
    }
}

/// Entries in any order; of several with one key the last counts.
impl From<Vec<(Value, Value)>> for Object {
    fn from(mut entries: Vec<(Value, Value)>) -> Self {
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            // Stable, so that of equal keys the last stands last.
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        Self(entries.into())
    }
}

impl FromIterator<(Value, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(entries: I) -> Self {
        Self::from(entries.into_iter().collect::<Vec<_>>())
    }
}

impl<'a> IntoIterator for &'a Array {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a Set {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

macro_rules! value_from {
    ($($source:ty => $variant:ident),* $(,)?) => {
        $(impl From<$source> for Value {
            fn from(source: $source) -> Self {
                Self::$variant(source.into())
            }
        })*
    };
}

value_from! {
    bool => Bool, i64 => Number, Number => Number, &str => String, String => String, Str => String,
    Array => Array, Vec<Value> => Array, Object => Object, Set => Set,
}

/// An object of string keys: `[("kind", Value::from("Pod"))].into()`.
impl<const N: usize> From<[(&str, Value); N]> for Value {
    fn from(entries: [(&str, Value); N]) -> Self {
        Self::Object(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        matches!(self, Self::String(text) if text == other)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        let mut pending = Vec::new();
        take_items(&mut self.0, &mut pending);
        drop_all(pending);
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        let mut pending = Vec::new();
        take_items(&mut self.0, &mut pending);
        drop_all(pending);
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let mut pending = Vec::new();
        take_entries(&mut self.0, &mut pending);
        drop_all(pending);
    }
}

/// Drops values, and what only they hold, in a loop: a collection is dropped when those in it were taken out.
fn drop_all(mut pending: Vec<Value>) {
    while let Some(mut value) = pending.pop() {
        match &mut value {
            Value::Array(Array(items)) | Value::Set(Set(items)) => take_items(items, &mut pending),
            Value::Object(Object(entries)) => take_entries(entries, &mut pending),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Takes the collections out of a list that nobody else holds.
fn take_items(items: &mut Arc<[Value]>, pending: &mut Vec<Value>) {
    let items = Arc::get_mut(items).unwrap_or_default();
    pending.extend(items.iter_mut().filter(|item| item.is_collection()).map(std::mem::take));
}

fn take_entries(entries: &mut Arc<[(Value, Value)]>, pending: &mut Vec<Value>) {
    let entries = Arc::get_mut(entries).unwrap_or_default();
    let parts = entries.iter_mut().flat_map(|(key, value)| [key, value]);
    pending.extend(parts.filter(|part| part.is_collection()).map(std::mem::take));
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        order::compare(self, other)
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        order::hash(self, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_24_bytes() {
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn of_entries_with_one_key_the_last_counts() {
        let object: Object = [("b", 1), ("a", 2), ("b", 3)]
            .into_iter()
            .map(|(key, value)| (Value::from(key), Value::from(value)))
            .collect();
        assert_eq!(Value::Object(object.clone()).to_json(), r#"{"a":2,"b":3}"#);
        assert_eq!(object.get("b").and_then(Value::as_i64), Some(3));
        assert_eq!(object.without("a").with("c", 4_i64).len(), 2);
    }

    #[test]
    fn values_are_ordered_by_kind_first() {
        let ascending = [
            Value::Null,
            Value::from(false),
            Value::from(true),
            Value::from(-1),
            Value::from(2),
            Value::from("a"),
            Value::from("b"),
            Value::from(vec![]),
            Value::from(vec![Value::Null]),
            Value::from([("a", Value::Null)]),
            Value::Set(Set::default()),
        ];
        for pair in ascending.windows(2) {
            assert!(pair[0] < pair[1], "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn prints_as_go_does() {
        let value = Value::from([
            ("k<", Value::from("a\"\\\n\u{1}&\u{2028}é\u{7f}")),
            ("bytes", Value::String(Str::from_bytes(b"\xe2\x80"))),
        ]);
        let expected =
            r#"{"bytes":"\ufffd\ufffd","k\u003c":"a\"\\\n\u0001\u0026\u2028é"#.to_owned() + "\u{7f}\"}";
        assert_eq!(value.to_json(), expected);
        let key: Object = [(Value::from([("a", Value::from("b"))]), Value::from(1))].into_iter().collect();
        assert_eq!(Value::Object(key).to_json(), r#"{"{\"a\":\"b\"}":1}"#);
    }
}

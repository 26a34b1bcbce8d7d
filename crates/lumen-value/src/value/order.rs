//! Comparing and hashing of values, in a loop with a stack of its own.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::slice;

use super::Value;

/// Two collections that are being compared, and how their lengths compare.
enum Frame<'a> {
    Items(slice::Iter<'a, Value>, slice::Iter<'a, Value>, Ordering, Places),
    Entries(slice::Iter<'a, (Value, Value)>, slice::Iter<'a, (Value, Value)>, Ordering, Places),
    /// The values of two entries whose keys are equal so far.
    Pair(&'a Value, &'a Value),
}

/// Where two collections are kept.
type Places = (Option<usize>, Option<usize>);

/// After so many parts, pairs of collections that were found equal are remembered. A value that shares its parts (`b = [a, a]`,
/// `c = [b, b]`, ..) has few of them in memory, and as a tree more than could ever be gone through.
const PARTS_PLAIN: u64 = 4_096;

/// Up to how many parts are hashed. Equal values begin alike.
const PARTS_HASHED: usize = 4_096;

/// Bytes of text that are compared as fast as a part is.
const PART_BYTES: u64 = 64;

/// What a comparison keeps while it goes on.
#[derive(Default)]
struct Comparison<'a> {
    open: Vec<Frame<'a>>,
    equal: HashSet<Places>,
    parts: u64,
}

/// OPA's order (`v1/ast/compare.go`, `Compare`). Objects compare entry by entry in the order of their keys, a key
/// before its value, and where one ends the shorter comes first.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    if a.is_collection() && b.is_collection() { compare_counted(a, b).0 } else { compare_plain(a, b) }
}

/// The order, and about how many parts were looked at.
pub(super) fn compare_counted(a: &Value, b: &Value) -> (Ordering, u64) {
    let mut comparison = Comparison::default();
    let mut result = comparison.compare_shallow(a, b);
    while result.is_eq() {
        let Some(frame) = comparison.open.last_mut() else { break };
        let (a, b) = match frame {
            Frame::Items(left, right, lengths, places) => {
                if let (Some(a), Some(b)) = (left.next(), right.next()) {
                    (a, b)
                } else {
                    result = *lengths;
                    let places = *places;
                    comparison.close(places);
                    continue;
                }
            }
            Frame::Entries(left, right, lengths, places) => {
                if let (Some((key_a, a)), Some((key_b, b))) = (left.next(), right.next()) {
                    comparison.open.push(Frame::Pair(a, b));
                    (key_a, key_b)
                } else {
                    result = *lengths;
                    let places = *places;
                    comparison.close(places);
                    continue;
                }
            }
            Frame::Pair(a, b) => {
                let pair = (*a, *b);
                comparison.open.pop();
                pair
            }
        };
        result = comparison.compare_shallow(a, b);
    }
    (result, comparison.parts)
}

impl<'a> Comparison<'a> {
    /// The innermost two collections have been gone through.
    fn close(&mut self, places: Places) {
        self.open.pop();
        if self.parts > PARTS_PLAIN {
            self.equal.insert(places);
        }
    }

    /// Compares all but the content of collections, which is left to be gone through.
    fn compare_shallow(&mut self, a: &'a Value, b: &'a Value) -> Ordering {
        self.parts += 1;
        if a.is_collection() && rank(a) == rank(b) {
            let places = (a.address(), b.address());
            if places.0 == places.1 || self.equal.contains(&places) {
                return Ordering::Equal;
            }
            self.open.extend(match (a, b) {
                (Value::Array(a), Value::Array(b)) => {
                    Some(Frame::Items(a.iter(), b.iter(), a.len().cmp(&b.len()), places))
                }
                (Value::Set(a), Value::Set(b)) => {
                    Some(Frame::Items(a.iter(), b.iter(), a.len().cmp(&b.len()), places))
                }
                (Value::Object(a), Value::Object(b)) => {
                    Some(Frame::Entries(a.0.iter(), b.0.iter(), a.len().cmp(&b.len()), places))
                }
                _ => None,
            });
            return Ordering::Equal;
        }
        if let (Value::String(a), Value::String(b)) = (a, b) {
            let len = a.as_bytes().len().min(b.as_bytes().len());
            self.parts += u64::try_from(len).unwrap_or(u64::MAX) / PART_BYTES;
        }
        compare_plain(a, b)
    }
}

/// Compares values that are not both collections of one kind.
fn compare_plain(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
        Value::Set(_) => 6,
    }
}

/// About how many parts the value has, counted up to a bound.
pub(super) fn parts(value: &Value, most: u64) -> u64 {
    let mut pending = vec![value];
    let mut parts = 0;
    while let Some(value) = pending.pop() {
        parts += 1;
        if parts >= most {
            return most;
        }
        match value {
            Value::String(text) => {
                parts += u64::try_from(text.as_bytes().len()).unwrap_or(u64::MAX) / PART_BYTES;
            }
            Value::Array(array) => pending.extend(array.iter()),
            Value::Set(set) => pending.extend(set.iter()),
            Value::Object(object) => pending.extend(object.iter().flat_map(|(key, value)| [key, value])),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    parts.min(most)
}

/// Equal values hash alike.
pub(super) fn hash<H: Hasher>(value: &Value, state: &mut H) {
    let mut pending = vec![value];
    let mut parts = 0;
    while let Some(value) = pending.pop() {
        parts += 1;
        if parts > PARTS_HASHED {
            return;
        }
        rank(value).hash(state);
        match value {
            Value::Null => {}
            Value::Bool(value) => value.hash(state),
            Value::Number(number) => number.hash(state),
            Value::String(text) => text.hash(state),
            Value::Array(array) => {
                array.len().hash(state);
                pending.extend(array.iter());
            }
            Value::Set(set) => {
                set.len().hash(state);
                pending.extend(set.iter());
            }
            Value::Object(object) => {
                object.len().hash(state);
                pending.extend(object.iter().flat_map(|(key, value)| [key, value]));
            }
        }
    }
}

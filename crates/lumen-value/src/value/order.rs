//! Comparing and hashing of values, in a loop with a stack of its own.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::slice;

use super::Value;

/// Two collections that are being compared, and how their lengths compare.
enum Frame<'a> {
    Items(slice::Iter<'a, Value>, slice::Iter<'a, Value>, Ordering),
    Entries(slice::Iter<'a, (Value, Value)>, slice::Iter<'a, (Value, Value)>, Ordering),
    /// The values of two entries whose keys are equal so far.
    Pair(&'a Value, &'a Value),
}

/// OPA's order (`v1/ast/compare.go`, `Compare`). Objects compare entry by entry in the order of their keys, a key
/// before its value, and where one ends the shorter comes first.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    let mut stack = Vec::new();
    let mut result = compare_shallow(a, b, &mut stack);
    while result.is_eq() {
        let Some(frame) = stack.last_mut() else { break };
        let (a, b) = match frame {
            Frame::Items(left, right, lengths) => {
                if let (Some(a), Some(b)) = (left.next(), right.next()) {
                    (a, b)
                } else {
                    result = *lengths;
                    stack.pop();
                    continue;
                }
            }
            Frame::Entries(left, right, lengths) => {
                if let (Some((key_a, a)), Some((key_b, b))) = (left.next(), right.next()) {
                    stack.push(Frame::Pair(a, b));
                    (key_a, key_b)
                } else {
                    result = *lengths;
                    stack.pop();
                    continue;
                }
            }
            Frame::Pair(a, b) => {
                let pair = (*a, *b);
                stack.pop();
                pair
            }
        };
        result = compare_shallow(a, b, &mut stack);
    }
    result
}

/// Compares all but the content of collections, which is left on the stack.
fn compare_shallow<'a>(a: &'a Value, b: &'a Value, stack: &mut Vec<Frame<'a>>) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            stack.push(Frame::Items(a.iter(), b.iter(), a.len().cmp(&b.len())));
            Ordering::Equal
        }
        (Value::Set(a), Value::Set(b)) => {
            stack.push(Frame::Items(a.iter(), b.iter(), a.len().cmp(&b.len())));
            Ordering::Equal
        }
        (Value::Object(a), Value::Object(b)) => {
            stack.push(Frame::Entries(a.0.iter(), b.0.iter(), a.len().cmp(&b.len())));
            Ordering::Equal
        }
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

/// Equal values hash alike.
pub(super) fn hash<H: Hasher>(value: &Value, state: &mut H) {
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
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

//! Values as Rego text: what `sprintf("%v", ..)` and error messages show of a value.

use lumen_value::Value;

use crate::unicode;

/// What is left to print of an open collection.
enum Frame<'a> {
    Items(std::slice::Iter<'a, Value>, u8),
    Entries(Box<dyn Iterator<Item = (&'a Value, &'a Value)> + 'a>),
    Value(&'a Value),
}

/// Longer texts are cut in messages.
const TEXT_MAX: usize = 1 << 20;

/// The value as OPA's `String()` writes it: `[1, "a"]`, `{"a": {1, 2}}`, `set()`; strings in quotes as Go's `%q`.
/// Always UTF-8. Needs no native stack for depth. For messages: after a megabyte it ends in `...`.
pub fn text(value: &Value) -> String {
    let mut out = Vec::new();
    write(value, &mut out, TEXT_MAX);
    into_text(out)
}

/// As [`text`], however long. The caller has taken what the value is as a tree from a budget.
pub(crate) fn whole(value: &Value) -> String {
    let mut out = Vec::new();
    write(value, &mut out, usize::MAX);
    into_text(out)
}

fn into_text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A text in double quotes, as Go's `%q` and `strconv.Quote` write it.
pub(crate) fn quoted(text: &[u8]) -> String {
    let mut out = Vec::new();
    unicode::quote(text, false, &mut out);
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Writes a value as [`text`] does; little more than `max` bytes of collections.
fn write(value: &Value, out: &mut Vec<u8>, max: usize) {
    let mut stack = Vec::new();
    open(value, out, &mut stack);
    let mut first = true;
    while let Some(frame) = stack.pop() {
        if out.len() > max {
            out.extend_from_slice(b"...");
            return;
        }
        match frame {
            Frame::Value(value) => {
                out.extend_from_slice(b": ");
                let depth = stack.len();
                open(value, out, &mut stack);
                first = stack.len() > depth;
            }
            Frame::Items(mut items, end) => match items.next() {
                None => {
                    out.push(end);
                    first = false;
                }
                Some(item) => {
                    separate(first, out);
                    stack.push(Frame::Items(items, end));
                    let depth = stack.len();
                    open(item, out, &mut stack);
                    first = stack.len() > depth;
                }
            },
            Frame::Entries(mut entries) => match entries.next() {
                None => {
                    out.push(b'}');
                    first = false;
                }
                Some((key, value)) => {
                    separate(first, out);
                    stack.push(Frame::Entries(entries));
                    stack.push(Frame::Value(value));
                    let depth = stack.len();
                    open(key, out, &mut stack);
                    first = stack.len() > depth;
                }
            },
        }
    }
}

fn separate(first: bool, out: &mut Vec<u8>) {
    if !first {
        out.extend_from_slice(b", ");
    }
}

/// Writes a scalar, or opens a collection and leaves its content on the stack.
fn open<'a>(value: &'a Value, out: &mut Vec<u8>, stack: &mut Vec<Frame<'a>>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => unicode::quote(text.as_bytes(), false, out),
        Value::Array(array) => {
            out.push(b'[');
            stack.push(Frame::Items(array.iter(), b']'));
        }
        Value::Set(set) if set.is_empty() => out.extend_from_slice(b"set()"),
        Value::Set(set) => {
            out.push(b'{');
            stack.push(Frame::Items(set.iter(), b'}'));
        }
        Value::Object(object) => {
            out.push(b'{');
            stack.push(Frame::Entries(Box::new(object.iter())));
        }
    }
}

#[cfg(test)]
mod tests {
    use lumen_value::{Array, Number, Object, Set, Value};

    use super::text;

    #[test]
    fn prints_as_rego() {
        let one = || Value::Number(Number::from(1));
        let string = |text: &str| Value::String(text.into());
        let set: Set = [one(), string("é\n")].into_iter().collect();
        let object: Object =
            [(string("a"), Value::Set(set)), (Value::Array(Array::from(vec![one()])), Value::Null)]
                .into_iter()
                .collect();
        let array =
            Value::Array(vec![Value::Object(object), Value::Set(Set::default()), Value::Bool(true)].into());
        assert_eq!(text(&array), r#"[{"a": {1, "é\n"}, [1]: null}, set(), true]"#);
    }

    #[test]
    fn depth_needs_no_stack() {
        let deep = (0..200_000).fold(Value::Null, |inner, _| Value::Array(vec![inner].into()));
        assert_eq!(text(&deep).len(), 400_004);
    }
}

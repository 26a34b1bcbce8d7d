//! `json.filter` and `json.remove`: the parts of a value that paths lead to.

use std::collections::BTreeMap;

use lumen_value::{Object, Set, Str, Value};

use super::super::operand::{any, object, type_name, wrong};
use super::super::{Answer, Context, Failure};

/// What paths lead to, as a tree; a node is a place in the list, the first its root.
struct Paths(Vec<BTreeMap<Value, Next>>);

/// Where a key of a path leads.
#[derive(Clone, Copy)]
enum Next {
    /// The path ends: all that is there.
    End,
    Node(usize),
}

/// The segments of a path: of a text, those between slashes, with `~1` and `~0` for `/` and `~`; or the items of an array.
pub(super) fn segments(context: &mut Context<'_>, path: &Value) -> Result<Vec<Value>, Failure> {
    match path {
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => {
            let bytes = text.as_bytes();
            context.budget.steps(bytes.len() as u64 + 1)?;
            context.budget.bytes(bytes.len() as u64 * 24 + 24)?;
            let start = bytes.iter().take_while(|byte| **byte == b'/').count();
            let rest = bytes.get(start..).unwrap_or_default();
            Ok(rest.split(|byte| *byte == b'/').map(|part| Value::String(unescaped(part))).collect())
        }
        Value::Array(items) => {
            context.budget.steps(items.len() as u64)?;
            context.budget.bytes(items.len() as u64 * 24)?;
            Ok(items.iter().cloned().collect())
        }
        other => {
            let wanted = "one of {set, array} containing string paths or array of path segments";
            Err(Failure::Type(format!("operand 2 must be {wanted} but got {}", type_name(other))))
        }
    }
}

/// `~1` first, then `~0`, each in one pass, as upstream replaces them.
fn unescaped(part: &[u8]) -> Str {
    if !part.contains(&b'~') {
        return Str::from_bytes(part);
    }
    let replaced = replace_pair(&replace_pair(part, b'1', b'/'), b'0', b'~');
    Str::from_bytes(&replaced)
}

fn replace_pair(text: &[u8], digit: u8, by: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        if *first == b'~' && behind.first() == Some(&digit) {
            out.push(by);
            rest = behind.get(1..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

fn paths(context: &mut Context<'_>, operands: &[Value]) -> Result<Paths, Failure> {
    let mut tree = Paths(vec![BTreeMap::new()]);
    let listed = match any(operands, 2)? {
        Value::Array(items) => items.iter(),
        Value::Set(items) => items.iter(),
        other => return Err(wrong(2, "one of {set, array}", other)),
    };
    let listed: Result<Vec<Vec<Value>>, Failure> = listed.map(|path| segments(context, path)).collect();
    listed?.into_iter().for_each(|path| tree.add(path));
    Ok(tree)
}

impl Paths {
    fn add(&mut self, path: Vec<Value>) {
        let mut node = 0;
        let mut segments = path.into_iter().peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            let new = self.0.len();
            let Some(children) = self.0.get_mut(node) else { return };
            if is_last {
                children.insert(segment, Next::End);
                return;
            }
            match children.entry(segment).or_insert(Next::Node(new)) {
                // A shorter path has all of it already.
                Next::End => return,
                Next::Node(next) => node = *next,
            }
            if node == new {
                self.0.push(BTreeMap::new());
            }
        }
    }

    fn next(&self, node: usize, key: &Value) -> Option<Next> {
        self.0.get(node)?.get(key).copied()
    }
}

/// Which of the two functions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Filter,
    Remove,
}

/// A collection that is being copied in part.
struct Copying<'v> {
    collection: &'v Value,
    node: usize,
    index: usize,
    items: Vec<Value>,
    entries: Vec<(Value, Value)>,
    /// Its own key in the collection around it.
    key: Value,
}

impl<'v> Copying<'v> {
    fn new(collection: &'v Value, node: usize, key: Value) -> Self {
        Self { collection, node, index: 0, items: Vec::new(), entries: Vec::new(), key }
    }

    /// The next member: its key, the key that paths call it by, and the value.
    fn next(&mut self) -> Option<(Value, Value, &'v Value)> {
        let index = self.index;
        self.index += 1;
        match self.collection {
            Value::Array(items) => {
                items.get(index).map(|item| (Value::Null, Value::from(index.to_string()), item))
            }
            Value::Set(items) => items.at(index).map(|item| (Value::Null, item.clone(), item)),
            Value::Object(object) => {
                object.entry(index).map(|(key, value)| (key.clone(), key.clone(), value))
            }
            _ => None,
        }
    }

    fn add(&mut self, key: Value, value: Value) {
        match self.collection {
            Value::Object(_) => self.entries.push((key, value)),
            _ => self.items.push(value),
        }
    }

    fn finish(self) -> (Value, Value) {
        let value = match self.collection {
            Value::Object(_) => Value::Object(Object::from(self.entries)),
            Value::Set(_) => Value::Set(Set::from(self.items)),
            _ => Value::from(self.items),
        };
        (self.key, value)
    }
}

fn copy(context: &mut Context<'_>, root: &Value, paths: &Paths, mode: Mode) -> Answer {
    let mut stack = vec![Copying::new(root, 0, Value::Null)];
    while let Some(copying) = stack.last_mut() {
        let Some((key, name, member)) = copying.next() else {
            let Some(finished) = stack.pop().map(Copying::finish) else { break };
            match stack.last_mut() {
                Some(outer) => outer.add(finished.0, finished.1),
                None => return Ok(finished.1),
            }
            continue;
        };
        context.budget.steps(1)?;
        context.budget.bytes(48)?;
        match (paths.next(copying.node, &name), mode) {
            (None, Mode::Filter) | (Some(Next::End), Mode::Remove) => {}
            (None, Mode::Remove) | (Some(Next::End), Mode::Filter) => copying.add(key, member.clone()),
            (Some(Next::Node(node)), _) => match member {
                Value::Array(_) | Value::Set(_) | Value::Object(_) => {
                    stack.push(Copying::new(member, node, key));
                }
                scalar => copying.add(key, scalar.clone()),
            },
        }
    }
    Err(Failure::Undefined)
}

/// Keeps what the paths lead to. A path that goes on where a scalar stands keeps the scalar.
pub(super) fn filter(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    object(operands, 1)?;
    let paths = paths(context, operands)?;
    copy(context, any(operands, 1)?, &paths, Mode::Filter)
}

/// Leaves out what the paths lead to; items of arrays move up.
pub(super) fn remove(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    object(operands, 1)?;
    let paths = paths(context, operands)?;
    copy(context, any(operands, 1)?, &paths, Mode::Remove)
}

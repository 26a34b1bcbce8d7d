//! `json.patch`: RFC 6902 as OPA has it (`internal/edittree`): paths may be arrays of any keys, and lead into sets.
//!
//! The value is opened where a path leads, once; all else stays shared, so that many operations on a large value cost little.

use std::collections::BTreeMap;

use lumen_value::{Array, Object, Set, Value};

use super::super::arrays::go_int;
use super::super::operand::{any, array, type_name};
use super::super::{Answer, Context, Failure};
use super::prune::segments;
use crate::term::text as term;

/// A member of an opened collection.
#[derive(Clone)]
enum Slot {
    Value(Value),
    /// Put into an array, or looked at in one, by an operation.
    Placed(Value),
    /// An opened collection, by its place in the tree.
    Node(usize),
    /// It was deleted.
    Gone {
        was_collection: bool,
    },
}

/// An opened collection, and what it was when it was opened.
#[derive(Clone)]
enum Node {
    Object(BTreeMap<Value, Slot>, Object),
    Set(BTreeMap<Value, Slot>, Set),
    Array(Vec<Slot>, Array),
}

struct Tree {
    nodes: Vec<Node>,
    root: Slot,
}

fn fault<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Builtin(message.into()))
}

fn is_collection(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Set(_) | Value::Object(_))
}

/// What Go calls a scalar's type in OPA.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "ast.Null",
        Value::Bool(_) => "ast.Boolean",
        Value::Number(_) => "ast.Number",
        _ => "ast.String",
    }
}

pub(super) fn patch(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let operations = array(operands, 2)?;
    let mut tree = Tree { nodes: Vec::new(), root: Slot::Value(any(operands, 1)?.clone()) };
    for operation in operations {
        context.budget.steps(1)?;
        tree.apply(context, operation)?;
    }
    let root = tree.root.clone();
    match tree.render(context, &root)? {
        Some(value) => Ok(value),
        None => Err(Failure::Undefined),
    }
}

/// An attribute that an operation must have.
fn attribute<'v>(operation: &'v Object, name: &str) -> Result<&'v Value, Failure> {
    match operation.get(name) {
        Some(value) => Ok(value),
        None => fault(format!("missing required attribute '{name}'")),
    }
}

impl Tree {
    fn apply(&mut self, context: &mut Context<'_>, operation: &Value) -> Result<(), Failure> {
        let Value::Object(operation) = operation else {
            return fault(
                "must be an array of JSON-Patch objects, but at least one element is not an object",
            );
        };
        let path = attribute(operation, "path")?;
        let name = match attribute(operation, "op")? {
            Value::String(name) => name,
            other => {
                return fault(format!("attribute 'op' must be a string but found: {}", type_name(other)));
            }
        };
        let path = segments(context, path)?;
        match name.as_bytes() {
            b"add" => {
                let value = attribute(operation, "value")?;
                self.insert(context, &path, value.clone())
            }
            b"remove" => self.delete(context, &path),
            b"replace" => {
                self.delete(context, &path)?;
                let value = attribute(operation, "value")?;
                self.insert(context, &path, value.clone())
            }
            b"move" => {
                let from = segments(context, attribute(operation, "from")?)?;
                let value = self.render_at(context, &from)?;
                self.delete(context, &from)?;
                self.insert_rendered(context, &path, value)
            }
            b"copy" => {
                let from = segments(context, attribute(operation, "from")?)?;
                let value = self.render_at(context, &from)?;
                self.insert_rendered(context, &path, value)
            }
            b"test" => {
                let found = self.render_at(context, &path)?;
                let wanted = attribute(operation, "value")?;
                if found.as_ref() == Some(wanted) {
                    return Ok(());
                }
                let wanted = term(wanted);
                let found = found.as_ref().map_or_else(|| "<nil>".to_owned(), term);
                fault(format!("value from EditTree != patch value.\n\nExpected: {wanted}\n\nFound: {found}"))
            }
            _ => fault(format!("unrecognized op: '{name}'")),
        }
    }

    fn insert_rendered(
        &mut self,
        context: &mut Context<'_>,
        path: &[Value],
        value: Option<Value>,
    ) -> Result<(), Failure> {
        match value {
            Some(value) => self.insert(context, path, value),
            None => fault("cannot insert nil value into EditTree"),
        }
    }

    /// Opens a collection.
    fn open(&mut self, context: &mut Context<'_>, value: &Value) -> Result<Slot, Failure> {
        let node = match value {
            Value::Object(object) => {
                context.budget.steps(object.len() as u64)?;
                context.budget.bytes(object.len() as u64 * 96)?;
                let slots = object.iter().map(|(key, value)| (key.clone(), Slot::Value(value.clone())));
                Node::Object(slots.collect(), object.clone())
            }
            Value::Set(set) => {
                context.budget.steps(set.len() as u64)?;
                context.budget.bytes(set.len() as u64 * 96)?;
                let slots = set.iter().map(|item| (item.clone(), Slot::Value(item.clone())));
                Node::Set(slots.collect(), set.clone())
            }
            Value::Array(array) => {
                context.budget.steps(array.len() as u64)?;
                context.budget.bytes(array.len() as u64 * 32)?;
                Node::Array(array.iter().map(|item| Slot::Value(item.clone())).collect(), array.clone())
            }
            scalar => return Ok(Slot::Value(scalar.clone())),
        };
        self.nodes.push(node);
        Ok(Slot::Node(self.nodes.len() - 1))
    }

    /// The collection that all but the last segment lead to, opened; `None` where a scalar stands there.
    fn unfold(&mut self, context: &mut Context<'_>, path: &[Value]) -> Result<Slot, Failure> {
        if let Slot::Value(value) | Slot::Placed(value) = &self.root {
            let value = value.clone();
            self.root = self.open(context, &value)?;
        }
        let mut slot = self.root.clone();
        for key in path {
            context.budget.steps(1)?;
            let node = match slot {
                Slot::Node(node) => node,
                Slot::Gone { .. } => {
                    return fault("nil value encountered where composite value was expected");
                }
                Slot::Value(value) | Slot::Placed(value) => {
                    let shown = term(&value);
                    return fault(format!(
                        "expected composite type for path {}, found value: {shown} (type: {})",
                        term(key),
                        go_type(&value)
                    ));
                }
            };
            slot = self.unfold_key(context, node, key)?;
        }
        Ok(slot)
    }

    fn unfold_key(&mut self, context: &mut Context<'_>, node: usize, key: &Value) -> Result<Slot, Failure> {
        self.collapse_set(context, node, key)?;
        let (found, missing) = match self.nodes.get(node) {
            Some(Node::Object(slots, original)) => {
                let found = slots.get(key).cloned();
                if let Some(Slot::Gone { was_collection }) = found {
                    let kind = if was_collection { "composite" } else { "scalar" };
                    return fault(format!(
                        "cannot unfold the already deleted {kind} node for key {}",
                        term(key)
                    ));
                }
                let original = Value::Object(original.clone());
                (found, format!("path {} does not exist in object term {}", term(key), term(&original)))
            }
            Some(Node::Set(slots, original)) => {
                let found = slots.get(key).filter(|slot| !matches!(slot, Slot::Gone { .. })).cloned();
                let original = Value::Set(original.clone());
                let path = if let Value::String(text) = key { text.to_string() } else { term(key) };
                (found, format!("path {path} does not exist in set term {}", term(&original)))
            }
            Some(Node::Array(slots, original)) => {
                let index = index(slots.len(), key)?;
                let missing = {
                    let original = Value::Array(original.clone());
                    format!("path {index} does not exist in array term {}", term(&original))
                };
                let at = usize::try_from(index).unwrap_or(usize::MAX);
                let len = slots.len();
                let found = match slots.get(at) {
                    Some(slot @ (Slot::Placed(_) | Slot::Node(_))) => Some(slot.clone()),
                    // Upstream looks into the array as it was before anything was moved in it, and puts what it finds there here.
                    _ => match original.get(at).cloned() {
                        Some(_) if at >= len => return fault("index for array delete out of bounds"),
                        Some(value) => {
                            let placed = Slot::Placed(value);
                            self.set_slot(node, key, placed.clone())?;
                            Some(placed)
                        }
                        None => None,
                    },
                };
                (found, missing)
            }
            None => return Err(Failure::Undefined),
        };
        match found {
            None => fault(missing),
            Some(Slot::Value(value) | Slot::Placed(value)) if is_collection(&value) => {
                let opened = self.open(context, &value)?;
                self.set_slot(node, key, opened.clone())?;
                Ok(opened)
            }
            Some(slot) => Ok(slot),
        }
    }

    fn set_slot(&mut self, node: usize, key: &Value, slot: Slot) -> Result<(), Failure> {
        match self.nodes.get_mut(node) {
            Some(Node::Object(slots, _) | Node::Set(slots, _)) => {
                if let Some(place) = slots.get_mut(key) {
                    *place = slot;
                }
            }
            Some(Node::Array(slots, _)) => {
                let index = index(slots.len(), key)?;
                if let Some(place) = usize::try_from(index).ok().and_then(|index| slots.get_mut(index)) {
                    *place = slot;
                }
            }
            None => {}
        }
        Ok(())
    }

    /// A set whose members may have changed is put together again before a collection is looked for in it.
    fn collapse_set(&mut self, context: &mut Context<'_>, node: usize, key: &Value) -> Result<(), Failure> {
        if !is_collection(key) || !matches!(self.nodes.get(node), Some(Node::Set(..))) {
            return Ok(());
        }
        if let Some(Value::Set(set)) = self.render(context, &Slot::Node(node))? {
            let slots = set.iter().map(|item| (item.clone(), Slot::Value(item.clone()))).collect();
            if let Some(place) = self.nodes.get_mut(node) {
                *place = Node::Set(slots, set);
            }
        }
        Ok(())
    }

    fn insert(&mut self, context: &mut Context<'_>, path: &[Value], value: Value) -> Result<(), Failure> {
        let Some((key, before)) = path.split_last() else {
            self.nodes.clear();
            self.root = Slot::Value(value);
            return Ok(());
        };
        let node = match self.unfold(context, before)? {
            Slot::Node(node) => node,
            Slot::Gone { .. } => return fault("deleted node encountered during insert operation"),
            Slot::Value(value) | Slot::Placed(value) => {
                let shown = term(&value);
                return fault(format!(
                    "expected composite type, found value: {shown} (type: {})",
                    go_type(&value)
                ));
            }
        };
        context.budget.bytes(96)?;
        let is_set = matches!(self.nodes.get(node), Some(Node::Set(..)));
        if is_set && *key != value {
            let (key, value) = (term(key), term(&value));
            return fault(format!("set key {key} does not equal value to be inserted {value}"));
        }
        self.collapse_set(context, node, key)?;
        match self.nodes.get_mut(node) {
            Some(Node::Object(slots, _) | Node::Set(slots, _)) => {
                // The key is written as the operation writes it.
                slots.remove(key);
                slots.insert(key.clone(), Slot::Value(value));
            }
            Some(Node::Array(slots, _)) => {
                let at = usize::try_from(index(slots.len(), key)?).unwrap_or(usize::MAX);
                if at > slots.len() {
                    return fault("index for array insertion out of bounds");
                }
                context.budget.steps((slots.len() - at) as u64 / 16)?;
                slots.insert(at, Slot::Placed(value));
            }
            None => {}
        }
        Ok(())
    }

    fn delete(&mut self, context: &mut Context<'_>, path: &[Value]) -> Result<(), Failure> {
        let deleted = || fault("deleted node encountered during delete operation");
        let Some((key, before)) = path.split_last() else {
            if matches!(self.root, Slot::Gone { .. }) {
                return deleted();
            }
            self.nodes.clear();
            self.root = Slot::Gone { was_collection: true };
            return Ok(());
        };
        let node = match self.unfold(context, before)? {
            Slot::Node(node) => node,
            Slot::Gone { .. } => return deleted(),
            Slot::Value(value) | Slot::Placed(value) => {
                let shown = term(&value);
                return fault(format!(
                    "expected composite type, found value: {shown} (type: {})",
                    go_type(&value)
                ));
            }
        };
        self.collapse_set(context, node, key)?;
        match self.nodes.get_mut(node) {
            Some(Node::Array(slots, _)) => {
                let at = usize::try_from(index(slots.len(), key)?).unwrap_or(usize::MAX);
                if at >= slots.len() {
                    return fault("index for array delete out of bounds");
                }
                context.budget.steps((slots.len() - at) as u64 / 16)?;
                slots.remove(at);
            }
            Some(Node::Object(slots, _) | Node::Set(slots, _)) => {
                let was_collection = match slots.get(key) {
                    None => {
                        return fault(format!("cannot delete child key {} that does not exist", term(key)));
                    }
                    Some(Slot::Gone { was_collection }) => {
                        let kind = if *was_collection { "composite" } else { "scalar" };
                        let key = term(key);
                        return fault(format!("cannot delete the already deleted {kind} node for key {key}"));
                    }
                    Some(Slot::Value(value) | Slot::Placed(value)) => is_collection(value),
                    Some(Slot::Node(_)) => true,
                };
                slots.insert(key.clone(), Slot::Gone { was_collection });
            }
            None => {}
        }
        Ok(())
    }

    fn render_at(&mut self, context: &mut Context<'_>, path: &[Value]) -> Result<Option<Value>, Failure> {
        let slot = self.unfold(context, path)?;
        self.render(context, &slot)
    }

    /// What a part of the tree is now; nothing where it was deleted.
    fn render(&self, context: &mut Context<'_>, slot: &Slot) -> Result<Option<Value>, Failure> {
        /// A collection that is being put together; what is still to come is last.
        struct Rendering<'t> {
            node: &'t Node,
            pending: Vec<(Option<&'t Value>, &'t Slot)>,
            key: Option<&'t Value>,
            items: Vec<Value>,
            entries: Vec<(Value, Value)>,
        }
        fn start<'t>(node: &'t Node, key: Option<&'t Value>) -> Rendering<'t> {
            let pending = match node {
                Node::Object(slots, _) => slots.iter().rev().map(|(key, slot)| (Some(key), slot)).collect(),
                Node::Set(slots, _) => slots.values().rev().map(|slot| (None, slot)).collect(),
                Node::Array(slots, _) => slots.iter().rev().map(|slot| (None, slot)).collect(),
            };
            Rendering { node, pending, key, items: Vec::new(), entries: Vec::new() }
        }
        let node = match slot {
            Slot::Value(value) | Slot::Placed(value) => return Ok(Some(value.clone())),
            Slot::Gone { .. } => return Ok(None),
            Slot::Node(node) => *node,
        };
        let Some(node) = self.nodes.get(node) else { return Ok(None) };
        let mut stack = vec![start(node, None)];
        while let Some(rendering) = stack.last_mut() {
            let Some((key, slot)) = rendering.pending.pop() else {
                let Some(finished) = stack.pop() else { break };
                let value = match finished.node {
                    Node::Object(..) => Value::Object(finished.entries.into()),
                    Node::Set(..) => Value::Set(finished.items.into()),
                    Node::Array(..) => Value::from(finished.items),
                };
                match (stack.last_mut(), finished.key) {
                    (None, _) => return Ok(Some(value)),
                    (Some(outer), Some(key)) => outer.entries.push((key.clone(), value)),
                    (Some(outer), None) => outer.items.push(value),
                }
                continue;
            };
            context.budget.steps(1)?;
            context.budget.bytes(48)?;
            match (slot, key) {
                (Slot::Gone { .. }, _) => {}
                (Slot::Value(value) | Slot::Placed(value), Some(key)) => {
                    rendering.entries.push((key.clone(), value.clone()));
                }
                (Slot::Value(value) | Slot::Placed(value), None) => rendering.items.push(value.clone()),
                (Slot::Node(node), key) => {
                    if let Some(node) = self.nodes.get(*node) {
                        stack.push(start(node, key));
                    }
                }
            }
        }
        Ok(None)
    }
}

/// The index that a segment means in an array of so many items; `-` is behind the last.
fn index(len: usize, key: &Value) -> Result<i64, Failure> {
    match key {
        Value::Number(number) => go_int(number).map_or_else(|| fault("invalid number type for indexing"), Ok),
        Value::String(text) if text == "-" => Ok(i64::try_from(len).unwrap_or(i64::MAX)),
        Value::String(text) => {
            let number = text.as_str().and_then(|text| {
                let text = text.strip_prefix('+').unwrap_or(text);
                let (text, sign) = text.strip_prefix('-').map_or((text, 1), |rest| (rest, -1));
                let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
                let is_short = !whole.is_empty() && text.len() <= 19;
                let is_int = is_short && whole.bytes().all(|byte| byte.is_ascii_digit());
                (is_int && fraction.bytes().all(|byte| byte == b'0'))
                    .then(|| whole.parse::<i64>().ok())?
                    .map(|int| sign * int)
            });
            let Some(number) = number else {
                return fault("invalid string for indexing");
            };
            if text.as_bytes().starts_with(b"0") && text != "0" {
                return fault("leading zeros are not allowed in JSON paths");
            }
            Ok(number)
        }
        _ => fault("invalid type for indexing"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::exercise::call;

    #[test]
    fn operations_act_one_after_the_other() {
        for (value, operations, expected) in [
            (
                r#"{"a": [1, 2, 3]}"#,
                r#"[{"op": "move", "from": "/a/0", "path": "/a/2"}]"#,
                Ok(r#"{"a":[2,3,1]}"#),
            ),
            (
                r#"{"a": {"b": 1}}"#,
                r#"[{"op": "copy", "from": "/a", "path": "/c"}, {"op": "add", "path": "/c/d", "value": 2}]"#,
                Ok(r#"{"a":{"b":1},"c":{"b":1,"d":2}}"#),
            ),
            (
                r#"{"a": 1}"#,
                r#"[{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/a"}]"#,
                Err(r#"cannot delete the already deleted scalar node for key "a""#),
            ),
            (
                r#"{"a": 1}"#,
                r#"[{"op": "add", "path": "/a/b", "value": 2}]"#,
                Err("expected composite type, found value: 1 (type: ast.Number)"),
            ),
            (
                r"[1]",
                r#"[{"op": "add", "path": "/01", "value": 2}]"#,
                Err("leading zeros are not allowed in JSON paths"),
            ),
            (
                r"[1]",
                r#"[{"op": "test", "path": "/0", "value": 2}]"#,
                Err("value from EditTree != patch value.\n\nExpected: 2\n\nFound: 1"),
            ),
            (
                r#"{"a": 1}"#,
                r#"[{"op": "replace", "path": "", "value": [1]}, {"op": "add", "path": "/-", "value": 2}]"#,
                Ok("[1,2]"),
            ),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(call("json.patch", &[value, operations]), expected, "{operations}");
        }
    }
}

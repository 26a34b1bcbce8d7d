//! Walks with keys that are not constant, where both rules and base documents may stand (`evalTree` of OPA).
//!
//! Where such a walk stands is a value in a slot: an array of the node's number and the path to it, or, once it has left the
//! tree of rules, `null` and the value that it has come to.

use lumen_value::Value;

use super::choice::Resume;
use super::context;
use super::machine::{Machine, Step};
use super::walk::entry;
use crate::plan::{Kind, Op, Slot};

/// Keys that are still to be tried.
pub(super) struct TreeState {
    keys: Vec<Value>,
    next: usize,
    from: Value,
    to: Slot,
    key: Slot,
}

/// Where a walk stands.
enum Stand {
    Node(u32, Vec<Value>),
    Value(Value),
}

/// A walk that has left the tree of rules.
pub(super) fn wrapped(value: Value) -> Value {
    Value::from(vec![Value::Null, value])
}

fn standing(cursor: &Value) -> Option<Stand> {
    let cursor = cursor.as_array()?;
    let first = cursor.get(0)?;
    match first.as_i64() {
        None => Some(Stand::Value(cursor.get(1)?.clone())),
        Some(node) => Some(Stand::Node(u32::try_from(node).ok()?, cursor.iter().skip(1).cloned().collect())),
    }
}

fn cursor(node: u32, path: &[Value]) -> Value {
    Value::Array(std::iter::once(Value::from(i64::from(node))).chain(path.iter().cloned()).collect())
}

impl Machine<'_, '_> {
    pub(super) fn tree(&mut self, op: Op) -> Step {
        match op {
            Op::TreeStart { to, node } => {
                let path = self.plan.nodes.get(node as usize).map_or(&[][..], |node| &node.path);
                self.write(to, cursor(node, path));
                Ok(true)
            }
            Op::TreeStep { to, from, key } => {
                let key = self.read(key).clone();
                let from = self.read(crate::plan::Operand::slot(from)).clone();
                self.tree_step(to, &from, &key)
            }
            Op::TreeIterate { to, from, key } => self.tree_iterate(to, from, key),
            Op::TreeEnd { to, from } => match standing(self.read(crate::plan::Operand::slot(from))) {
                Some(Stand::Value(value)) => {
                    self.write(to, value);
                    Ok(true)
                }
                Some(Stand::Node(node, _)) => {
                    let document = self.plan.nodes.get(node as usize).and_then(|node| node.document);
                    document.map_or(Ok(false), |document| self.document(to, document, false))
                }
                None => Ok(false),
            },
            _ => Ok(false),
        }
    }

    fn tree_step(&mut self, to: Slot, from: &Value, key: &Value) -> Step {
        let (node, mut path) = match standing(from) {
            None => return Ok(false),
            Some(Stand::Value(value)) => {
                let found = context::step(&value, key).map(wrapped);
                let holds = found.is_some();
                self.write(to, found.unwrap_or_default());
                return Ok(holds);
            }
            Some(Stand::Node(node, path)) => (node, path),
        };
        path.push(key.clone());
        let Some(context) = self.context() else { return Ok(false) };
        let child = self.plan.nodes.get(node as usize).and_then(|node| node.child(key));
        let child = child.filter(|_| !context.is_replaced(&path));
        let Some(child) = child else {
            let found = context::find_base(&context.data, &path).map(wrapped);
            let holds = found.is_some();
            self.write(to, found.unwrap_or_default());
            return Ok(holds);
        };
        let below = self.plan.nodes.get(child as usize);
        let document = below.filter(|below| below.rules).and_then(|below| below.document);
        let Some(document) = document else {
            self.write(to, cursor(child, &path));
            return Ok(true);
        };
        let kind = self.plan.documents.get(document as usize).map(|document| document.kind);
        if kind == Some(Kind::Function) { Ok(false) } else { self.document(to, document, true) }
    }

    fn tree_iterate(&mut self, to: Slot, from: Slot, key: Slot) -> Step {
        let from = self.read(crate::plan::Operand::slot(from)).clone();
        let mut keys = Vec::new();
        let (base, children) = match standing(&from) {
            None => return Ok(false),
            Some(Stand::Value(value)) => (Some(value), Vec::new()),
            Some(Stand::Node(node, path)) => {
                let node = self.plan.nodes.get(node as usize);
                let children = node
                    .map_or_else(Vec::new, |node| node.children.iter().map(|(key, _)| key.clone()).collect());
                let Some(context) = self.context() else { return Ok(false) };
                (self.base_document(context, &path), children)
            }
        };
        if let Some(base) = &base {
            let mut at = 0;
            while let Some((key, _)) = entry(base, at) {
                keys.push(key);
                at += 1;
            }
        }
        let has = |key: &Value| base.as_ref().is_some_and(|base| context::step(base, key).is_some());
        keys.extend(children.into_iter().filter(|key| !has(key)));
        self.steps(keys.len() as u64)?;
        let place = self.place;
        let state = TreeState { keys, next: 0, from, to, key };
        self.choose(Resume::Tree(Box::new(state)), place);
        Ok(false)
    }

    /// Takes the next key of the latest choice point, which is such a walk; false where there is none, or nothing stands there.
    pub(super) fn resume_tree(&mut self) -> Step {
        let Some(choice) = self.latest() else { return Ok(false) };
        let Resume::Tree(state) = &mut choice.resume else { return Ok(false) };
        let Some(key) = state.keys.get(state.next).cloned() else {
            self.choices.pop();
            return Ok(false);
        };
        state.next += 1;
        let (from, to, key_slot) = (state.from.clone(), state.to, state.key);
        self.write(key_slot, key.clone());
        self.tree_step(to, &from, &key)
    }
}

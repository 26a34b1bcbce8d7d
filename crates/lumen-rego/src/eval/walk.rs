//! The relation `walk`: every path and value below a value, parents first.

use lumen_value::Value;

use crate::plan::Slot;

/// A walk under way.
pub(super) struct WalkState {
    /// Collections that are being gone through, and the place of the next entry of each.
    open: Vec<(Value, usize)>,
    /// Keys that lead to the innermost.
    path: Vec<Value>,
    /// The value that is next, before anything was taken.
    root: Option<Value>,
    pub(super) path_slot: Slot,
    pub(super) value_slot: Slot,
}

/// The entry of a collection at a place: its key and value. The key of a set's element is the element.
pub(crate) fn entry(from: &Value, at: usize) -> Option<(Value, &Value)> {
    match from {
        Value::Array(array) => {
            let value = array.get(at)?;
            Some((Value::from(i64::try_from(at).ok()?), value))
        }
        Value::Object(object) => object.entry(at).map(|(key, value)| (key.clone(), value)),
        Value::Set(set) => set.at(at).map(|value| (value.clone(), value)),
        _ => None,
    }
}

impl WalkState {
    pub(super) const fn new(root: Value, path_slot: Slot, value_slot: Slot) -> Self {
        Self { open: Vec::new(), path: Vec::new(), root: Some(root), path_slot, value_slot }
    }

    /// How long the path of the next value may be.
    pub(super) fn depth(&self) -> usize {
        self.path.len() + 1
    }

    /// The next value.
    pub(super) fn next(&mut self) -> Option<Value> {
        if let Some(root) = self.root.take() {
            self.open.push((root.clone(), 0));
            return Some(root);
        }
        loop {
            let (from, at) = self.open.last_mut()?;
            // The path has a key for each open collection but the first.
            let Some((key, value)) = entry(from, *at).map(|(key, value)| (key, value.clone())) else {
                self.open.pop();
                self.path.pop();
                continue;
            };
            *at += 1;
            self.path.push(key);
            self.open.push((value.clone(), 0));
            return Some(value);
        }
    }

    /// The path of the value that was taken last.
    pub(super) fn path(&self) -> Value {
        Value::Array(self.path.iter().cloned().collect())
    }
}

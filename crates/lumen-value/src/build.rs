//! [`Builder`]: makes a value of what a reader finds, from the outside in, without recursion.

use crate::{Array, Object, Pointer, Step, Str, Value};

/// Most duplicate keys that are noted of one document.
const DUPLICATES_MAX: usize = 100;

/// A value in the making. What its open collections hold so far lies on two stacks that all of them share.
#[derive(Default)]
pub(crate) struct Builder {
    open: Vec<Open>,
    items: Vec<Value>,
    entries: Vec<Entry>,
    duplicates: Vec<Duplicate>,
    /// Entries that count only where their object has no such key, with the depth of their object.
    merged: Vec<(usize, Entry)>,
    depth: usize,
    /// Whether of several entries with one key the first counts, and not the last.
    keeps_first: bool,
}

/// A collection that is not closed yet, and where on its stack its content starts.
enum Open {
    Array(usize),
    Object(usize, Option<(Str, usize)>),
}

/// An entry of an object: key, value, and where the key stands in the text.
type Entry = (Str, Value, usize);

/// A key that stood in its object before.
#[derive(Clone, Debug)]
pub(crate) struct Duplicate {
    /// Where it stands again: the offset of a byte.
    pub(crate) at: usize,
    /// The field.
    pub(crate) pointer: Pointer,
}

impl Builder {
    /// Lets the first of several entries with one key count.
    pub(crate) fn keeping_first(self) -> Self {
        Self { keeps_first: true, ..self }
    }

    pub(crate) fn open_array(&mut self) {
        self.open.push(Open::Array(self.items.len()));
        self.depth = self.depth.max(self.open.len());
    }

    pub(crate) fn open_object(&mut self) {
        self.open.push(Open::Object(self.entries.len(), None));
        self.depth = self.depth.max(self.open.len());
    }

    /// How many collections are open.
    pub(crate) fn open_len(&self) -> usize {
        self.open.len()
    }

    /// Most collections that were open at one time.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the innermost collection is an object.
    pub(crate) fn is_in_object(&self) -> bool {
        matches!(self.open.last(), Some(Open::Object(..)))
    }

    /// The key of the entry that comes next.
    pub(crate) fn key(&mut self, name: Str, at: usize) {
        if let Some(Open::Object(_, key)) = self.open.last_mut() {
            *key = Some((name, at));
        }
    }

    /// Adds a value to the innermost collection; gives it back where none is open.
    pub(crate) fn add(&mut self, value: Value) -> Option<Value> {
        match self.open.last_mut() {
            None => return Some(value),
            Some(Open::Array(_)) => self.items.push(value),
            Some(Open::Object(_, key)) => {
                if let Some((name, at)) = key.take() {
                    self.entries.push((name, value, at));
                }
            }
        }
        None
    }

    /// Adds an object's entries to the innermost object.
    pub(crate) fn merge(&mut self, object: &Object, at: usize) {
        let entries = object.fields().map(|(key, value)| (key.clone(), value.clone(), at));
        self.entries.extend(entries);
    }

    /// Adds an object's entries to the innermost object where it has, in the end, no such key. Of several the first counts.
    pub(crate) fn merge_under(&mut self, object: &Object, at: usize) {
        let depth = self.open.len();
        let entries = object.fields().map(|(key, value)| (depth, (key.clone(), value.clone(), at)));
        self.merged.extend(entries);
    }

    /// Puts what was merged into the object that is being closed before its own entries, so that those count.
    fn put_merged(&mut self, from: usize) {
        let depth = self.open.len() + 1;
        let count = self.merged.iter().rev().take_while(|(of, _)| *of == depth).count();
        if count > 0 {
            let merged = self.merged.split_off(self.merged.len() - count);
            self.entries.splice(from..from, merged.into_iter().rev().map(|(_, entry)| entry));
        }
    }

    /// Closes the innermost collection and gives it; of several entries with one key the last counts, or the first.
    pub(crate) fn close(&mut self) -> Value {
        match self.open.pop() {
            None => Value::Null,
            Some(Open::Array(from)) => {
                let from = from.min(self.items.len());
                Value::Array(self.items.drain(from..).collect::<Array>())
            }
            Some(Open::Object(from, _)) => {
                let from = from.min(self.entries.len());
                self.put_merged(from);
                Value::Object(self.object(from))
            }
        }
    }

    /// The keys that stood before in their object, by their places; the first hundred.
    pub(crate) fn into_duplicates(mut self) -> Vec<Duplicate> {
        self.duplicates.sort_by_key(|duplicate| duplicate.at);
        self.duplicates
    }

    fn object(&mut self, from: usize) -> Object {
        let entries = self.entries.get_mut(from..).unwrap_or_default();
        let mut has_duplicates = false;
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            // Stable, so that of equal keys the last stands last.
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            has_duplicates = !entries.is_sorted_by(|a, b| a.0 < b.0);
        }
        if has_duplicates {
            self.note_duplicates(from);
            let mut kept: Vec<(Value, Value)> = Vec::new();
            for (key, value, _) in self.entries.drain(from..) {
                match kept.last_mut() {
                    Some((Value::String(last), _)) if *last == key && self.keeps_first => {}
                    Some((Value::String(last), kept)) if *last == key => *kept = value,
                    _ => kept.push((Value::String(key), value)),
                }
            }
            return Object::from_sorted(kept.into_iter());
        }
        let entries = self.entries.drain(from..);
        Object::from_sorted(entries.map(|(key, value, _)| (Value::String(key), value)))
    }

    fn note_duplicates(&mut self, from: usize) {
        let room = DUPLICATES_MAX.saturating_sub(self.duplicates.len());
        if room == 0 {
            return;
        }
        let object = self.path();
        let entries = self.entries.get(from..).unwrap_or_default();
        let repeated = entries.windows(2).filter_map(|pair| match pair {
            [earlier, later] if earlier.0 == later.0 => Some(later),
            _ => None,
        });
        let duplicates =
            repeated.take(room).map(|(key, _, at)| Duplicate { at: *at, pointer: object.child(key.clone()) });
        self.duplicates.extend(duplicates);
    }

    /// The way to the value that comes next.
    fn path(&self) -> Pointer {
        let mut end = self.items.len();
        let mut steps: Vec<Step> = Vec::with_capacity(self.open.len());
        for open in self.open.iter().rev() {
            steps.push(match open {
                Open::Array(from) => {
                    let index = end.saturating_sub(*from);
                    end = *from;
                    Step::Index(index)
                }
                Open::Object(_, Some((name, _))) => Step::Key(name.clone()),
                Open::Object(_, None) => Step::from("<<"),
            });
        }
        steps.into_iter().rev().collect()
    }
}

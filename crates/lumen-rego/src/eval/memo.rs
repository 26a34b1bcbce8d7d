//! What was evaluated before: documents, and functions by their arguments.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::mem::discriminant;

use lumen_value::Value;

/// A document's value, or that it has none.
pub(super) type Kept = Option<Value>;

/// A call that was answered.
struct Call {
    document: u32,
    arguments: Box<[Value]>,
    kept: Kept,
}

/// What is kept of one context.
#[derive(Default)]
pub(super) struct Memo {
    documents: Vec<Option<Kept>>,
    /// Its start is random, so that no input can be made whose hashes are all the same.
    hasher: RandomState,
    calls: HashMap<u64, Vec<Call>>,
}

/// Documents asked for by keys are told from functions by a bit that no index has.
pub(super) const KEYED: u32 = 1 << 31;

/// Up to how many parts a collection is hashed and compared by what is in it.
const PARTS_MAX: usize = 16;

/// The parts of a value in the order in which they were come to.
struct Parts<'v> {
    found: [&'v Value; PARTS_MAX],
    len: usize,
}

impl<'v> Parts<'v> {
    /// None where they are too many.
    fn of(value: &'v Value) -> Option<Self> {
        let mut parts = Self { found: [value; PARTS_MAX], len: 1 };
        let mut at = 0;
        while let Some(value) = parts.at(at) {
            match value {
                Value::Array(items) => items.iter().try_for_each(|item| parts.add(item))?,
                Value::Set(items) => items.iter().try_for_each(|item| parts.add(item))?,
                Value::Object(entries) => entries.iter().try_for_each(|(key, value)| {
                    parts.add(key)?;
                    parts.add(value)
                })?,
                _ => {}
            }
            at += 1;
        }
        Some(parts)
    }

    fn add(&mut self, value: &'v Value) -> Option<()> {
        *self.found.get_mut(self.len)? = value;
        self.len += 1;
        Some(())
    }

    fn at(&self, at: usize) -> Option<&'v Value> {
        if at < self.len { self.found.get(at).copied() } else { None }
    }

    fn iter(&self) -> impl Iterator<Item = &'v Value> + '_ {
        self.found.iter().take(self.len).copied()
    }
}

/// Whether a value is or has a number in its few parts: then it may be equal to one that prints otherwise.
pub(crate) fn has_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) | Value::Set(_) => {
            Parts::of(value).is_some_and(|parts| parts.iter().any(|part| matches!(part, Value::Number(_))))
        }
        _ => false,
    }
}

/// Large collections are compared by where they are: to hash and compare them would cost more than most functions do.
fn same(left: &Value, right: &Value) -> bool {
    match (left.address(), right.address()) {
        (Some(at), Some(other)) if at == other => discriminant(left) == discriminant(right),
        (Some(_), Some(_)) => Parts::of(left).is_some() && left == right,
        (None, None) => left == right,
        _ => false,
    }
}

fn hash(state: &RandomState, document: u32, arguments: &[Value]) -> u64 {
    let mut hasher = state.build_hasher();
    document.hash(&mut hasher);
    for argument in arguments {
        match argument.address() {
            Some(address) if Parts::of(argument).is_none() => address.hash(&mut hasher),
            _ => argument.hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// About how many parts are looked at to find a call by its arguments: those of texts, for all else is few.
pub(super) fn cost(arguments: &[Value]) -> u64 {
    let of_text = |part: &Value| match part {
        Value::String(_) => part.parts(u64::MAX) - 1,
        _ => 0,
    };
    let of_argument = |argument: &Value| match argument {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(_) => of_text(argument),
        _ => Parts::of(argument).map_or(0, |parts| parts.iter().map(of_text).sum()),
    };
    arguments.iter().map(of_argument).sum()
}

impl Memo {
    pub(super) fn document(&self, document: u32) -> Option<&Kept> {
        self.documents.get(document as usize)?.as_ref()
    }

    pub(super) fn keep_document(&mut self, document: u32, kept: Kept) {
        let at = document as usize;
        if self.documents.len() <= at {
            self.documents.resize(at + 1, None);
        }
        if let Some(place) = self.documents.get_mut(at) {
            *place = Some(kept);
        }
    }

    pub(super) fn call(&self, document: u32, arguments: &[Value]) -> Option<&Kept> {
        let calls = self.calls.get(&hash(&self.hasher, document, arguments))?;
        let is_it = |call: &&Call| {
            call.document == document
                && call.arguments.len() == arguments.len()
                && call.arguments.iter().zip(arguments).all(|(left, right)| same(left, right))
        };
        calls.iter().find(is_it).map(|call| &call.kept)
    }

    pub(super) fn keep_call(&mut self, document: u32, arguments: &[Value], kept: Kept) {
        let hash = hash(&self.hasher, document, arguments);
        let call = Call { document, arguments: arguments.into(), kept };
        self.calls.entry(hash).or_default().push(call);
    }

    pub(super) fn clear(&mut self) {
        self.documents.clear();
        self.calls.clear();
    }
}

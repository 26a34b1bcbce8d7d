//! Inverted indexes of base documents, and the joins that use them.
//!
//! An index is made once for base documents, when the first join asks for it, and serves all programs. Nobody's budget pays for
//! it, as it would depend on who comes first; it is bounded by [`BYTES_MAX`] for all indexes together, and by the documents.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lumen_value::Value;

use super::choice::Resume;
use super::context::{self, find_base};
use super::machine::{Machine, Step, len};
use super::walk::entry;
use crate::plan::{Join, Op, Pattern, Root};

/// Most bytes that the indexes of one set of base documents take, as they are estimated. What needs more is scanned.
const BYTES_MAX: usize = 64 << 20;

/// Bytes of a value with its list, and of a place in a list.
const LIST_BYTES: usize = 96;
const PLACE_BYTES: usize = 4;

/// For values, the places where they stand.
#[derive(Debug)]
pub(super) struct Index {
    lists: HashMap<Value, u32>,
    /// Places in the order of a scan, as numbers of rows.
    rows: Vec<Vec<u32>>,
    /// Of each row the positions of its entries, one for every step that goes through all keys.
    positions: Vec<u32>,
    width: usize,
}

/// The indexes of base documents, each made when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct Indexes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// None: it would be too large.
    indexes: HashMap<Pattern, Option<Arc<Index>>>,
    bytes: usize,
}

impl Indexes {
    /// The patterns that there are indexes for, in no order that matters.
    pub(super) fn patterns(&self) -> Vec<Pattern> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.indexes.keys().cloned().collect()
    }

    /// The index for a pattern; none where it would be too large.
    pub(super) fn get(&self, root: &Value, pattern: &Pattern) -> Option<Arc<Index>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = known.indexes.get(pattern) {
            return index.clone();
        }
        let mut maker = Maker::new(pattern, BYTES_MAX.saturating_sub(known.bytes));
        let whole = find_base(root, &pattern.root).is_none_or(|value| maker.base(&value, &pattern.base));
        known.bytes += BYTES_MAX.saturating_sub(known.bytes).saturating_sub(maker.left);
        let index = whole.then(|| Arc::new(maker.index));
        known.indexes.insert(pattern.clone(), index.clone());
        index
    }
}

/// Makes an index. The recursion is as deep as the pattern is long, which the plan bounds.
struct Maker<'p> {
    pattern: &'p Pattern,
    index: Index,
    path: Vec<u32>,
    left: usize,
}

impl<'p> Maker<'p> {
    fn new(pattern: &'p Pattern, left: usize) -> Self {
        let width = pattern.base.iter().filter(|step| step.is_none()).count();
        let index = Index { lists: HashMap::new(), rows: Vec::new(), positions: Vec::new(), width };
        Self { pattern, index, path: Vec::new(), left }
    }

    /// Takes from what is left; false where there is not as much.
    fn take(&mut self, bytes: usize) -> bool {
        let enough = bytes <= self.left;
        self.left = self.left.saturating_sub(bytes);
        enough
    }

    fn base(&mut self, value: &Value, steps: &[Option<Value>]) -> bool {
        match steps.split_first() {
            None => {
                let width = self.index.width;
                let row =
                    self.index.positions.len().checked_div(width).and_then(|row| u32::try_from(row).ok());
                let Some(row) = row.filter(|_| self.take(PLACE_BYTES * width)) else { return false };
                self.index.positions.extend_from_slice(&self.path);
                self.inner(value, &self.pattern.inner, row)
            }
            Some((Some(key), rest)) => context::step(value, key).is_none_or(|below| self.base(&below, rest)),
            Some((None, rest)) => {
                let mut position = 0;
                while let Some((_, below)) = entry(value, position as usize) {
                    self.path.push(position);
                    let fits = self.base(below, rest);
                    self.path.pop();
                    if !fits || position == u32::MAX {
                        return false;
                    }
                    position += 1;
                }
                true
            }
        }
    }

    fn inner(&mut self, value: &Value, steps: &[Option<Value>], row: u32) -> bool {
        match steps.split_first() {
            None => self.add(value, row),
            Some((Some(key), rest)) => {
                context::step(value, key).is_none_or(|below| self.inner(&below, rest, row))
            }
            Some((None, rest)) => {
                let mut position = 0;
                while let Some((_, below)) = entry(value, position) {
                    if !self.inner(below, rest, row) {
                        return false;
                    }
                    position += 1;
                }
                true
            }
        }
    }

    fn add(&mut self, value: &Value, row: u32) -> bool {
        let index = &mut self.index;
        let (list, bytes) = if let Some(list) = index.lists.get(value) {
            (*list, PLACE_BYTES)
        } else {
            let Ok(list) = u32::try_from(index.rows.len()) else { return false };
            index.lists.insert(value.clone(), list);
            index.rows.push(Vec::new());
            (list, LIST_BYTES)
        };
        if let Some(rows) = index.rows.get_mut(list as usize)
            && rows.last() != Some(&row)
        {
            rows.push(row);
        }
        self.take(bytes)
    }
}

/// A join under way.
pub(super) struct JoinState {
    join: u32,
    index: Arc<Index>,
    list: u32,
    next: usize,
    end: usize,
}

/// Where the entry of a collection with a key is.
fn position_of(from: &Value, key: &Value) -> Option<u32> {
    if matches!(from, Value::Array(_)) {
        return u32::try_from(context::position(key)?).ok();
    }
    let (mut low, mut high) = (0, len(from));
    while low < high {
        let middle = low.midpoint(high);
        let (found, _) = entry(from, middle)?;
        match found.cmp(key) {
            Ordering::Equal => return u32::try_from(middle).ok(),
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
        }
    }
    None
}

impl JoinState {
    /// The positions of the next place, and whether there are more after it.
    fn next(&mut self) -> Option<(Box<[u32]>, bool)> {
        let rows = self.index.rows.get(self.list as usize)?;
        let start = *rows.get(self.next)? as usize * self.index.width;
        let positions = self.index.positions.get(start..start + self.index.width)?;
        self.next += 1;
        Some((positions.into(), self.next < self.end))
    }
}

impl Machine<'_, '_> {
    /// Goes through the places where a comparison can hold, or starts the scan where it is not known which they are: where
    /// something is replaced, somebody watches, or the failure of a built-in is an error.
    pub(super) fn join(&mut self, number: u32) -> bool {
        let plan = self.plan;
        let Some(join) = plan.joins.get(number as usize) else { return false };
        let as_it_is = self.context().is_some_and(|context| {
            context.parts.is_none() && context.targets.is_empty() && context.stands.is_empty()
        });
        let index = if as_it_is && !self.strict && self.observer.is_none() {
            // The lock is taken once for each evaluation.
            let data = self.data;
            let known = self.indexes.entry(number);
            known.or_insert_with(|| data.indexes.get(data.root(), &join.pattern)).clone()
        } else {
            None
        };
        let Some(index) = index else {
            let Op::Path { to, root, path } = join.scan else { return false };
            return self.path(to, root, path);
        };
        let wanted = match join.wanted {
            Root::Operand(from) => context::find(self.read(from), &join.wanted_path),
            Root::Input => {
                let input = self.context().and_then(|context| context.input.as_ref());
                input.and_then(|input| context::find(input, &join.wanted_path))
            }
            Root::Data | Root::Below => None,
        };
        if let Some(list) = wanted.and_then(|wanted| index.lists.get(&wanted).copied()) {
            let (next, end) = self.bounds(join, &index, list);
            if next < end {
                let state = JoinState { join: number, index, list, next, end };
                self.choose(Resume::Join(Box::new(state)), join.after);
            }
        }
        false
    }

    /// The part of a list where the first step that is not constant has its key, if that is known: places are in the order of the
    /// scan, so they are together.
    fn bounds(&self, join: &Join, index: &Index, list: u32) -> (usize, usize) {
        let rows = index.rows.get(list as usize).map_or(&[][..], Vec::as_slice);
        let steps = join.pattern.base.iter().zip(&join.bound);
        let Some((above, key)) = steps.zip(0..).find_map(|((step, bound), at)| match (step, bound) {
            (None, bound) => Some((at, bound.as_ref().copied())),
            (Some(_), _) => None,
        }) else {
            return (0, rows.len());
        };
        let Some(key) = key.map(|key| self.read(key)) else { return (0, rows.len()) };
        let root = find_base(self.data.root(), &join.pattern.root);
        let steps = join.pattern.base.iter().take(above).flatten();
        let from = steps.fold(root, |from, key| context::step(&from?, key));
        let Some(position) = from.and_then(|from| position_of(&from, key)) else { return (0, 0) };
        let first = |row: &u32| index.positions.get(*row as usize * index.width).copied().unwrap_or_default();
        let start = rows.partition_point(|row| first(row) < position);
        (start, rows.partition_point(|row| first(row) <= position))
    }

    /// Takes the next place of the latest choice point, which is a join; false where there is none.
    pub(super) fn resume_join(&mut self) -> Step {
        let Some(choice) = self.choices.last_mut() else { return Ok(false) };
        let Resume::Join(state) = &mut choice.resume else { return Ok(false) };
        let number = state.join;
        let next = state.next();
        if next.as_ref().is_none_or(|(_, more)| !more) {
            self.choices.pop();
        }
        let plan = self.plan;
        let Some((join, (positions, _))) = plan.joins.get(number as usize).zip(next) else {
            return Ok(false);
        };
        self.steps(join.slots.len() as u64)?;
        let Some(mut value) = find_base(self.data.root(), &join.pattern.root) else { return Ok(false) };
        self.write(join.root, value.clone());
        let mut positions = positions.iter();
        let steps = join.pattern.base.iter().zip(&join.slots).zip(&join.bound);
        for ((step, (key_slot, slot)), bound) in steps {
            let below = if let Some(key) = step {
                context::step(&value, key)
            } else if let Some(key) = bound {
                // The place is one of those that are wanted only where it stands under this key.
                let key = self.read(*key);
                let position = positions.next().copied();
                let is_it = position.is_some() && position_of(&value, key) == position;
                if is_it { context::step(&value, key) } else { None }
            } else {
                let position = positions.next().copied().unwrap_or_default();
                let found = entry(&value, position as usize).map(|(key, below)| (key, below.clone()));
                found.map(|(key, below)| {
                    self.write(*key_slot, key);
                    below
                })
            };
            let Some(below) = below else { return Ok(false) };
            value = below;
            self.write(*slot, value.clone());
        }
        Ok(true)
    }
}

//! One document's operations, one after the other, with what is known of slots and of the parts of the code that are open.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::fold::Folded;
use super::lines::{Line, Lines};
use super::{Known, Needs, Op, Operand, Place, Ran, Slot, Specialiser};

/// A part of the code whose end is still to come: a comprehension, or what a [`Op::Try`] tries.
struct Open {
    /// Its first line.
    start: usize,
    /// Where it ends, of a `Try`.
    end: Option<(Place, u32)>,
    needs: Needs,
    /// The first line whose slots it reads, counted from one; an argument is of none. Where that is one of its own lines, it can
    /// be run on its own.
    reads: usize,
}

impl Open {
    const fn new(start: usize, end: Option<(Place, u32)>) -> Self {
        Self { start, end, needs: Needs::NONE, reads: usize::MAX }
    }
}

/// A document's code under way.
pub(super) struct Under {
    pub(super) lines: Lines,
    open: Vec<Open>,
    /// Where operations that are left may go on, and how many do.
    targets: HashMap<Place, usize>,
    /// The line that wrote a slot last.
    written: HashMap<u32, usize>,
    /// Lines that read what stands above something that is fixed, and whether anybody reads their slot.
    pub(super) above: BTreeMap<usize, bool>,
}

impl Specialiser<'_> {
    /// A document's code with the operations that are left; its places are those of the base plan.
    pub(super) fn translate(&mut self, range: Range<usize>, entries: &[Place]) -> Option<Lines> {
        let mut under = Under {
            lines: Lines::new(range.start),
            open: Vec::new(),
            targets: entries.iter().map(|entry| (*entry, 1)).collect(),
            written: HashMap::new(),
            above: BTreeMap::new(),
        };
        let mut is_reached = true;
        for place in range {
            let here = super::super::build::index(place);
            is_reached = self.close(&mut under, here).unwrap_or(is_reached);
            if entries.contains(&here) {
                self.known.clear();
                under.written.clear();
            }
            is_reached = is_reached || under.targets.get(&here).is_some_and(|jumps| *jumps > 0);
            let op = *self.base.ops.get(place)?;
            let line = if is_reached { self.line(&mut under, op, place)? } else { Line::NOTHING };
            under.lines.list.push(line);
            if let Op::Collected { to } = op
                && is_reached
            {
                self.collected(&mut under, to);
            }
            let left = under.lines.list.last().and_then(|line| line.op);
            if let Some(op) = left {
                let targets = &mut under.targets;
                self.plan.jumps(&op, &mut |target| *targets.entry(target).or_default() += 1);
                is_reached = !op.leaves();
            }
        }
        for (line, is_read) in &under.above {
            if let Some(line) = under.lines.list.get_mut(*line)
                && !is_read
            {
                *line = Line::NOTHING;
            }
        }
        Some(under.lines)
    }

    /// One operation that is reached.
    fn line(&mut self, under: &mut Under, op: Op, place: usize) -> Option<Line> {
        let at = under.lines.list.len();
        match op {
            Op::Collect { .. } => under.open.push(Open::new(at, None)),
            Op::Try { mark, target } => under.open.push(Open::new(at, Some((target, mark)))),
            _ => {}
        }
        let line = match self.fold(under, op, place)? {
            Folded::Known(to, value) => {
                self.forget(under, op);
                let constant = self.constant(value);
                self.know(to, Known::Constant(constant));
                return Some(Line::NOTHING);
            }
            Folded::Holds => Line::NOTHING,
            Folded::Fails => Line::FAIL,
            Folded::Stays(op, needs) => {
                self.read(under, op);
                self.forget(under, op);
                if let (Op::Path { to, .. }, Some(path)) = (op, self.above(op)) {
                    self.know(to, Known::Above(path, at));
                    under.above.insert(at, false);
                }
                Line { op: Some(op), needs }
            }
        };
        if let Some(open) = under.open.last_mut() {
            open.needs = open.needs.or(line.needs);
        }
        Some(line)
    }

    /// Notes what an operation of the new plan reads.
    fn read(&self, under: &mut Under, op: Op) {
        let Some(open) = under.open.last_mut() else { return };
        let written = &under.written;
        self.plan.reads(&op, &mut |operand: Operand| {
            if let Err(slot) = operand.as_constant() {
                open.reads = open.reads.min(written.get(&slot.0).map_or(0, |line| line + 1));
            }
        });
    }

    /// Notes what an operation of the new plan writes: nothing is known of that.
    fn forget(&mut self, under: &mut Under, op: Op) {
        let at = under.lines.list.len();
        let known = &mut self.known;
        self.plan.writes(&op, &mut |slot: Slot| {
            known.remove(&slot.0);
            under.written.insert(slot.0, at);
        });
    }

    fn know(&mut self, slot: Slot, known: Known) {
        if slot.wanted() {
            self.known.insert(slot.0, known);
        }
    }

    /// The comprehension that ends with the latest line is computed where it depends on nothing else.
    fn collected(&mut self, under: &mut Under, to: Slot) {
        // What is not a comprehension has ended before.
        let Some(open) = under.open.pop() else { return };
        if open.end.is_none()
            && to.wanted()
            && let Ran::Gives(value) = self.run_open(under, &open, Some(to))
        {
            self.blank(under, open.start, None);
            let constant = self.constant(value);
            self.know(to, Known::Constant(constant));
            return;
        }
        merge(under, &open);
    }

    /// Ends what is tried up to a place. A `not` and an `every` are computed where they depend on nothing else: then it is known
    /// whether the place is reached.
    fn close(&mut self, under: &mut Under, here: Place) -> Option<bool> {
        let mut is_reached = None;
        while let Some((end, mark)) = under.open.last().and_then(|open| open.end)
            && end == here
            && let Some(open) = under.open.pop()
        {
            let place = here as usize;
            let ends = [2, 1].map(|back| place.checked_sub(back).and_then(|at| self.base.ops.get(at)));
            let is_negation = ends == [Some(&Op::Cut { mark }), Some(&Op::Fail)];
            let ran = if is_negation { self.run_open(under, &open, None) } else { Ran::Unknown };
            match ran {
                Ran::Gives(_) => {
                    self.blank(under, open.start, None);
                    is_reached = Some(true);
                }
                Ran::Fails => {
                    self.blank(under, open.start, Some(Line::FAIL));
                    is_reached = Some(false);
                }
                Ran::Unknown => merge(under, &open),
            }
        }
        is_reached
    }

    fn run_open(&mut self, under: &Under, open: &Open, result: Option<Slot>) -> Ran {
        if !self.folds || open.needs != Needs::NONE || open.reads <= open.start {
            return Ran::Unknown;
        }
        let start = under.lines.start + open.start;
        let end = under.lines.start + under.lines.list.len();
        self.run(start..end, result.unwrap_or(Slot::NONE))
    }

    /// Puts nothing, or a failure at the end, in the place of lines.
    fn blank(&self, under: &mut Under, start: usize, last: Option<Line>) {
        let targets = &mut under.targets;
        for line in under.lines.list.iter_mut().skip(start) {
            if let Some(op) = line.op {
                self.plan.jumps(&op, &mut |target| {
                    if let Some(jumps) = targets.get_mut(&target) {
                        *jumps = jumps.saturating_sub(1);
                    }
                });
            }
            *line = Line::NOTHING;
        }
        if let (Some(last), Some(line)) = (last, under.lines.list.last_mut()) {
            *line = last;
        }
    }
}

/// What was open inside depends on the same.
fn merge(under: &mut Under, inner: &Open) {
    if let Some(open) = under.open.last_mut() {
        open.needs = open.needs.or(inner.needs);
        open.reads = open.reads.min(inner.reads);
    }
}

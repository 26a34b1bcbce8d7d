//! A document's code on its way from one plan to another.

use super::super::Select;
use super::{Needs, Op, Place, Plan};
use crate::error::Span;

/// One operation of the old code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// What it became, with operands and tables of the new plan and places of the old; none where nothing is to be done.
    pub(super) op: Option<Op>,
    pub(super) needs: Needs,
}

impl Line {
    pub(super) const NOTHING: Self = Self { op: None, needs: Needs::NONE };
    pub(super) const FAIL: Self = Self { op: Some(Op::Fail), needs: Needs::NONE };
}

/// The code of one document.
pub(super) struct Lines {
    /// Where it was in the old plan.
    pub(super) start: usize,
    pub(super) list: Vec<Line>,
    /// Where each line is in the new plan, and the end; known once it was written there.
    places: Vec<Place>,
}

impl Lines {
    pub(super) const fn new(start: usize) -> Self {
        Self { start, list: Vec::new(), places: Vec::new() }
    }

    /// The operations that are left.
    pub(super) fn live(&self) -> impl Iterator<Item = &Op> {
        self.list.iter().filter_map(|line| line.op.as_ref())
    }

    /// What they depend on.
    pub(super) fn needs(&self) -> Needs {
        let live = self.list.iter().filter(|line| line.op.is_some());
        live.fold(Needs::NONE, |all, line| all.or(line.needs)).without(Needs::FRAME)
    }

    /// The line of an old place.
    pub(super) fn at(&self, place: Place) -> usize {
        (place as usize).saturating_sub(self.start)
    }

    /// Where an old place is in the new plan.
    pub(super) fn place(&self, place: Place) -> Place {
        self.places.get(self.at(place)).copied().unwrap_or(Place::MAX)
    }

    /// Writes the operations behind those that are there.
    pub(super) fn emit(&mut self, plan: &mut Plan, spans: &[Span]) {
        let mut next = super::super::build::index(plan.ops.len());
        self.places.clear();
        for line in &self.list {
            self.places.push(next);
            next += u32::from(line.op.is_some());
        }
        self.places.push(next);
        for (line, old) in self.list.iter().zip(self.start..) {
            let Some(op) = line.op else { continue };
            let op = self.moved(op, plan);
            plan.ops.push(op);
            plan.spans.push(spans.get(old).copied().unwrap_or_default());
        }
    }

    /// A look-up of rules that finds them where they are now.
    pub(super) fn select(&self, select: &mut Select) {
        let lists = select.rules.values_mut().chain([&mut select.others]);
        for place in lists.flat_map(|list| list.iter_mut()) {
            *place = self.place(*place);
        }
        select.end = self.place(select.end);
    }

    /// An operation that goes on where its places are now.
    fn moved(&self, mut op: Op, plan: &mut Plan) -> Op {
        if let Some(target) = op.target_mut() {
            *target = self.place(*target);
        }
        if let Op::Join { join } = op
            && let Some(join) = plan.joins.get_mut(join as usize)
        {
            join.after = self.place(join.after);
        }
        op
    }
}

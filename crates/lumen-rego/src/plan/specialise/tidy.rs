//! What is left over when parts of a code are gone.

use std::collections::HashSet;

use super::lines::{Line, Lines};
use super::{Op, Plan};

impl Lines {
    /// Leaves out operations that only lead to a failure or to the next operation. From the end, since an operation is judged by
    /// the one after it.
    pub(super) fn tidy(&mut self, plan: &Plan) {
        let mut targets = HashSet::new();
        for op in self.live() {
            plan.jumps(op, &mut |target| {
                targets.insert(target as usize);
            });
        }
        let end = self.list.len();
        // For every line the first at or after it that is left.
        let mut live = vec![end; end + 1];
        // Whether something jumps between the line and the one after it that is left.
        let mut is_target = false;
        for at in (0..end).rev() {
            let next = live.get(at + 1).copied().unwrap_or(end);
            let landing = |target: u32| live.get(self.at(target)).copied().unwrap_or(end);
            let (now, drops_next) = match self.list.get(at).and_then(|line| line.op) {
                None => (None, false),
                Some(op) => tidied(op, self.op(next), next, is_target, landing),
            };
            if drops_next && let Some(line) = self.list.get_mut(next) {
                *line = Line::NOTHING;
            }
            let after = if drops_next { live.get(next + 1).copied().unwrap_or(end) } else { next };
            if let Some(line) = self.list.get_mut(at) {
                line.op = now;
            }
            if let Some(place) = live.get_mut(at) {
                *place = if now.is_some() { at } else { after };
            }
            is_target = targets.contains(&(self.start + at)) || (now.is_none() && is_target);
        }
    }

    fn op(&self, at: usize) -> Option<Op> {
        self.list.get(at)?.op
    }
}

/// What becomes of an operation, by the one after it; and whether that one goes with it.
fn tidied(
    op: Op,
    next: Option<Op>,
    next_at: usize,
    next_is_target: bool,
    landing: impl Fn(u32) -> usize,
) -> (Option<Op>, bool) {
    let jump = |target: u32| if landing(target) == next_at { None } else { Some(Op::Jump { target }) };
    match (op, next) {
        (op, Some(Op::Fail)) if op.is_silent() => (None, false),
        (Op::Try { mark, .. } | Op::Mark { mark }, Some(Op::Cut { mark: other }))
            if mark == other && !next_is_target =>
        {
            (None, true)
        }
        (Op::Try { target, .. }, Some(Op::Fail)) | (Op::Jump { target }, _) => (jump(target), false),
        (Op::Begin | Op::Select { .. }, Some(next)) if starts_or_ends(&next) => (None, false),
        (op, _) => (Some(op), false),
    }
}

/// Whether another rule starts here, or all of them have ended.
const fn starts_or_ends(op: &Op) -> bool {
    matches!(op, Op::Begin | Op::Select { .. } | Op::Return | Op::IfResult { .. } | Op::Collected { .. })
}

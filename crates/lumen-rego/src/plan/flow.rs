//! What an operation reads and writes, and where the machine may go on after it.

use super::{Op, Operand, Place, Plan, Root, Slot};

impl Plan {
    /// Calls `visit` with every operand that an operation reads.
    pub(super) fn reads(&self, op: &Op, visit: &mut dyn FnMut(Operand)) {
        let mut all = |list: u32| {
            for operand in self.lists.get(list as usize).into_iter().flatten() {
                visit(*operand);
            }
        };
        match *op {
            Op::MakeArray { list, .. }
            | Op::MakeSet { list, .. }
            | Op::MakeObject { list, .. }
            | Op::Builtin { list, .. }
            | Op::Call { list, .. }
            | Op::Keyed { list, .. } => all(list),
            Op::Copy { from, .. }
            | Op::Iterate { from, .. }
            | Op::Walk { from, .. }
            | Op::Path { root: Root::Operand(from), .. } => visit(from),
            Op::Test { left, right, .. } => {
                visit(left);
                visit(right);
            }
            Op::Get { from, key, .. } => {
                visit(from);
                visit(key);
            }
            Op::AddEntry { key, value } => {
                visit(key);
                visit(value);
            }
            Op::Truthy { value }
            | Op::IsArray { value, .. }
            | Op::IsObject { value, .. }
            | Op::IsCollection { value }
            | Op::Add { value }
            | Op::Result { value, .. }
            | Op::SetResult { value }
            | Op::MergeBase { value } => visit(value),
            Op::AddHead { head } => {
                if let Some(head) = self.heads.get(head as usize) {
                    head.keys.iter().for_each(|key| visit(*key));
                    visit(head.value);
                }
            }
            Op::Join { join } => {
                if let Some(join) = self.joins.get(join as usize) {
                    if let Root::Operand(wanted) = join.wanted {
                        visit(wanted);
                    }
                    join.bound.iter().flatten().for_each(|key| visit(*key));
                }
            }
            _ => {}
        }
    }

    /// Calls `visit` with every slot that an operation writes.
    pub(super) fn writes(&self, op: &Op, visit: &mut dyn FnMut(Slot)) {
        match *op {
            Op::Copy { to, .. }
            | Op::Path { to, .. }
            | Op::Get { to, .. }
            | Op::MakeArray { to, .. }
            | Op::MakeSet { to, .. }
            | Op::MakeObject { to, .. }
            | Op::Builtin { to, .. }
            | Op::Call { to, .. }
            | Op::Document { to, .. }
            | Op::Keyed { to, .. }
            | Op::Collected { to } => visit(to),
            Op::Iterate { key, value, .. } | Op::Walk { path: key, value, .. } => {
                visit(key);
                visit(value);
            }
            Op::Join { join } => {
                if let Some(join) = self.joins.get(join as usize) {
                    visit(join.root);
                    for (key, value) in &join.slots {
                        visit(*key);
                        visit(*value);
                    }
                }
            }
            _ => {}
        }
    }

    /// Calls `visit` with every place that an operation may go to, beside the next one.
    pub(super) fn jumps(&self, op: &Op, visit: &mut dyn FnMut(Place)) {
        match *op {
            Op::Try { target, .. }
            | Op::Jump { target }
            | Op::IfProduced { target }
            | Op::IfResult { target }
            | Op::Result { next: target, .. } => visit(target),
            Op::Join { join } => {
                if let Some(join) = self.joins.get(join as usize) {
                    visit(join.after);
                }
            }
            _ => {}
        }
    }
}

impl Op {
    /// Whether the machine never goes on with the next operation.
    pub(super) const fn leaves(&self) -> bool {
        matches!(self, Self::Jump { .. } | Self::Fail | Self::Return)
    }

    /// Whether it does nothing but write slots, hold or fail: before a failure it is as if it were not there.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(
            self,
            Self::Copy { .. }
                | Self::Test { .. }
                | Self::Truthy { .. }
                | Self::Path { .. }
                | Self::Get { .. }
                | Self::Iterate { .. }
                | Self::IsArray { .. }
                | Self::IsObject { .. }
                | Self::IsCollection { .. }
                | Self::MakeArray { .. }
                | Self::MakeSet { .. }
                | Self::MakeObject { .. }
                | Self::Walk { .. }
                | Self::Mark { .. }
        )
    }
}

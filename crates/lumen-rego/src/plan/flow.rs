//! What an operation reads and writes, and where the machine may go on after it.

use super::{By, Join, Op, Operand, Place, Plan, Replacement, Root, Slot};

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
            Op::Test { left: first, right: second, .. }
            | Op::Get { from: first, key: second, .. }
            | Op::AddEntry { key: first, value: second } => {
                visit(first);
                visit(second);
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
                let head = self.heads.get(head as usize).into_iter();
                head.flat_map(|head| head.keys.iter().chain([&head.value])).for_each(|read| visit(*read));
            }
            Op::Join { join } => self.joins.get(join as usize).into_iter().for_each(|join| join.reads(visit)),
            Op::With { with } => {
                let replacements = self.withs.get(with as usize).into_iter().flatten();
                replacements.filter_map(Replacement::value).for_each(visit);
            }
            Op::TreeStep { from, key, .. } => {
                visit(Operand::slot(from));
                visit(key);
            }
            Op::TreeIterate { from, .. } | Op::TreeEnd { from, .. } => visit(Operand::slot(from)),
            Op::Path { root: Root::Input | Root::Data | Root::Below, .. }
            | Op::Document { .. }
            | Op::Try { .. }
            | Op::Mark { .. }
            | Op::Cut { .. }
            | Op::Jump { .. }
            | Op::Fail
            | Op::Collect { .. }
            | Op::Collected { .. }
            | Op::EndWith
            | Op::IfProduced { .. }
            | Op::Begin
            | Op::Select { .. }
            | Op::IfResult { .. }
            | Op::Return
            | Op::TreeStart { .. }
            | Op::Solution
            | Op::Observe { .. }
            | Op::Observed { .. } => {}
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
            | Op::Collected { to }
            | Op::TreeStart { to, .. }
            | Op::TreeStep { to, .. }
            | Op::TreeEnd { to, .. } => visit(to),
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
            Op::TreeIterate { to, key, .. } => {
                visit(to);
                visit(key);
            }
            Op::Test { .. }
            | Op::Truthy { .. }
            | Op::IsArray { .. }
            | Op::IsObject { .. }
            | Op::IsCollection { .. }
            | Op::Try { .. }
            | Op::Mark { .. }
            | Op::Cut { .. }
            | Op::Jump { .. }
            | Op::Fail
            | Op::Collect { .. }
            | Op::Add { .. }
            | Op::AddEntry { .. }
            | Op::AddHead { .. }
            | Op::With { .. }
            | Op::EndWith
            | Op::Result { .. }
            | Op::IfProduced { .. }
            | Op::Begin
            | Op::Select { .. }
            | Op::IfResult { .. }
            | Op::Return
            | Op::SetResult { .. }
            | Op::MergeBase { .. }
            | Op::Solution
            | Op::Observe { .. }
            | Op::Observed { .. } => {}
        }
    }

    /// Calls `visit` with every place that an operation may go to, beside the next one.
    pub(super) fn jumps(&self, op: &Op, visit: &mut dyn FnMut(Place)) {
        let mut op = *op;
        if let Some(target) = op.target_mut() {
            visit(*target);
        }
        if let Op::Join { join } = op
            && let Some(join) = self.joins.get(join as usize)
        {
            visit(join.after);
        }
    }
}

impl Join {
    fn reads(&self, visit: &mut dyn FnMut(Operand)) {
        if let Root::Operand(wanted) = self.wanted {
            visit(wanted);
        }
        self.bound.iter().flatten().for_each(|key| visit(*key));
    }
}

impl Replacement {
    const fn value(&self) -> Option<Operand> {
        match self {
            Self::Input(_, value) | Self::Data(_, value) | Self::Function(_, By::Value(value)) => {
                Some(*value)
            }
            Self::Function(_, By::Callee(_)) | Self::Invalid => None,
        }
    }
}

impl Op {
    /// The place that stands in an operation itself and that it may go to, beside the next one.
    pub(super) fn target_mut(&mut self) -> Option<&mut Place> {
        match self {
            Op::Try { target, .. }
            | Op::Jump { target }
            | Op::IfProduced { target }
            | Op::IfResult { target }
            | Op::Result { next: target, .. } => Some(target),
            // A look-up leads to rules that `Try`s lead to as well; where a join leads stands in its table.
            Op::Select { .. }
            | Op::Join { .. }
            | Op::Copy { .. }
            | Op::Test { .. }
            | Op::Truthy { .. }
            | Op::Path { .. }
            | Op::Get { .. }
            | Op::Iterate { .. }
            | Op::IsArray { .. }
            | Op::IsObject { .. }
            | Op::IsCollection { .. }
            | Op::MakeArray { .. }
            | Op::MakeSet { .. }
            | Op::MakeObject { .. }
            | Op::Builtin { .. }
            | Op::Walk { .. }
            | Op::Call { .. }
            | Op::Document { .. }
            | Op::Keyed { .. }
            | Op::Mark { .. }
            | Op::Cut { .. }
            | Op::Fail
            | Op::Collect { .. }
            | Op::Add { .. }
            | Op::AddEntry { .. }
            | Op::AddHead { .. }
            | Op::Collected { .. }
            | Op::With { .. }
            | Op::EndWith
            | Op::Begin
            | Op::Return
            | Op::SetResult { .. }
            | Op::MergeBase { .. }
            | Op::TreeStart { .. }
            | Op::TreeStep { .. }
            | Op::TreeIterate { .. }
            | Op::TreeEnd { .. }
            | Op::Solution
            | Op::Observe { .. }
            | Op::Observed { .. } => None,
        }
    }

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

//! Operations of the base plan, with tables and operands of the new one. Places stay.

use super::super::build::index;
use super::super::{Head, Join, List, Root};
use super::{Op, Operand, Ran, Specialiser};

impl Specialiser<'_> {
    /// An operation with what is known in the place of slots.
    pub(super) fn translated(&mut self, mut op: Op) -> Op {
        match &mut op {
            Op::MakeArray { list, .. }
            | Op::MakeSet { list, .. }
            | Op::MakeObject { list, .. }
            | Op::Builtin { list, .. } => *list = self.list(*list),
            Op::Call { list, document, .. } | Op::Keyed { list, document, .. } => {
                *list = self.list(*list);
                *document = self.copied(*document);
            }
            Op::Document { document, .. } => *document = self.copied(*document),
            Op::Path { root, path, .. } => {
                *root = self.root(*root);
                *path = self.keys(*path);
            }
            Op::Copy { from, .. } | Op::Iterate { from, .. } | Op::Walk { from, .. } => {
                *from = self.operand(*from);
            }
            Op::Test { left, right, .. } => {
                *left = self.operand(*left);
                *right = self.operand(*right);
            }
            Op::Get { from, key, .. } => {
                *from = self.operand(*from);
                *key = self.operand(*key);
            }
            Op::AddEntry { key, value } => {
                *key = self.operand(*key);
                *value = self.operand(*value);
            }
            Op::Truthy { value }
            | Op::IsArray { value, .. }
            | Op::IsObject { value, .. }
            | Op::IsCollection { value }
            | Op::Add { value }
            | Op::SetResult { value }
            | Op::MergeBase { value } => *value = self.operand(*value),
            Op::Result { head, value, .. } => {
                *head = self.head(*head);
                *value = self.operand(*value);
            }
            Op::AddHead { head } => *head = self.head(*head),
            Op::Join { join } => *join = self.join_copied(*join),
            Op::Select { select } => *select = self.select_copied(*select),
            // They have neither operands nor tables; or a document that has them is not copied at all (`order`).
            Op::Try { .. }
            | Op::Mark { .. }
            | Op::Cut { .. }
            | Op::Jump { .. }
            | Op::Fail
            | Op::Collect { .. }
            | Op::Collected { .. }
            | Op::With { .. }
            | Op::EndWith
            | Op::IfProduced { .. }
            | Op::Begin
            | Op::IfResult { .. }
            | Op::Return
            | Op::TreeStart { .. }
            | Op::TreeStep { .. }
            | Op::TreeIterate { .. }
            | Op::TreeEnd { .. }
            | Op::Solution
            | Op::Observe { .. }
            | Op::Observed { .. } => {}
        }
        op
    }

    fn copied(&self, document: u32) -> u32 {
        self.facts.get(&document).map_or(u32::MAX, |fact| fact.document)
    }

    fn root(&mut self, root: Root) -> Root {
        match root {
            Root::Operand(from) => Root::Operand(self.operand(from)),
            Root::Input | Root::Data | Root::Below => root,
        }
    }

    fn keys(&mut self, path: u32) -> u32 {
        let path = self.base.paths.get(path as usize).cloned().unwrap_or_default();
        self.plan.paths.push(path);
        index(self.plan.paths.len() - 1)
    }

    fn list(&mut self, list: List) -> List {
        let operands = self.base.lists.get(list as usize).into_iter().flatten();
        let operands = operands.map(|operand| self.operand(*operand)).collect();
        self.plan.lists.push(operands);
        index(self.plan.lists.len() - 1)
    }

    fn head(&mut self, head: u32) -> u32 {
        if let Some(head) = self.base.heads.get(head as usize) {
            let keys = head.keys.iter().map(|key| self.operand(*key)).collect();
            let value = self.operand(head.value);
            self.plan.heads.push(Head { keys, value, ..head.clone() });
        }
        index(self.plan.heads.len().saturating_sub(1))
    }

    fn select_copied(&mut self, select: u32) -> u32 {
        if let Some(copied) = self.selects.get(&select) {
            return *copied;
        }
        self.plan.selects.extend(self.base.selects.get(select as usize).cloned());
        let copied = index(self.plan.selects.len().saturating_sub(1));
        self.selects.insert(select, copied);
        copied
    }

    fn join_copied(&mut self, join: u32) -> u32 {
        if let Some(join) = self.base.joins.get(join as usize) {
            let (wanted, wanted_path) = match (self.wanted(join), join.wanted) {
                (Ran::Gives(value), _) => {
                    (Root::Operand(Operand::constant(self.constant(value))), Vec::new())
                }
                (_, Root::Operand(wanted)) => (Root::Operand(self.operand(wanted)), join.wanted_path.clone()),
                (_, root) => (root, join.wanted_path.clone()),
            };
            let bound = join.bound.iter().map(|key| key.map(|key| self.operand(key))).collect();
            let scan = self.translated(join.scan);
            self.plan.joins.push(Join { wanted, wanted_path, bound, scan, ..join.clone() });
        }
        index(self.plan.joins.len().saturating_sub(1))
    }
}

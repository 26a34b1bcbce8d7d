//! Documents of paths that have no rules of their own: all that stands below, rules and base documents merged.

use super::body::Procedure;
use super::build::Planner;
use super::{Collection, Kind, Op, Operand};
use crate::error::Span;

impl Planner<'_> {
    /// The code of a package document. What is undefined below is left out; functions are.
    pub(super) fn package(&mut self, node: u32) {
        let Some(from) = self.plan.nodes.get(node as usize).cloned() else { return };
        let entry = self.here();
        let mut procedure = Procedure::new(self, 0);
        procedure.at(Span::default());
        procedure.op(Op::Collect { collection: Collection::Object });
        for (key, child) in from.children {
            let Some(below) = procedure.planner.plan.nodes.get(child as usize) else { continue };
            let Some(document) = below.document.filter(|_| !below.hidden) else { continue };
            let function = |document: &super::Document| document.kind == Kind::Function;
            if procedure.planner.plan.documents.get(document as usize).is_some_and(function) {
                continue;
            }
            let key = procedure.planner.constant(key);
            let value = procedure.slot();
            let mark = procedure.mark();
            let attempt = procedure.op(Op::Try { mark, target: 0 });
            procedure.op(Op::Document { to: value, document });
            procedure.op(Op::AddEntry { key, value: Operand::slot(value) });
            procedure.op(Op::Cut { mark });
            procedure.land(attempt);
            procedure.release(mark);
        }
        let all = procedure.slot();
        procedure.op(Op::Collected { to: all });
        procedure.op(Op::MergeBase { value: Operand::slot(all) });
        procedure.op(Op::Return);
        let (slots, marks) = procedure.size();
        if let Some(document) = from.document.and_then(|at| self.plan.documents.get_mut(at as usize)) {
            (document.entry, document.slots, document.marks) = (entry, slots, marks);
        }
    }
}

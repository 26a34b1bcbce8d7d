//! Which rule of a document is next.

use super::context::find;
use super::machine::Machine;
use crate::plan::{Operand, Slot};

impl Machine<'_, '_> {
    /// Goes to the next rule that can hold, from the place before one on.
    pub(super) fn select(&mut self, select: u32) {
        if let Some(frame) = self.frames.last_mut() {
            frame.produced = false;
        }
        let plan = self.plan;
        let Some(select) = plan.selects.get(select as usize) else { return };
        let path = &select.subject.path;
        let value = if let Some(argument) = select.subject.argument {
            find(self.read(Operand::slot(Slot(argument))), path)
        } else {
            let input = self.context().and_then(|context| context.input.as_ref());
            input.and_then(|input| find(input, path))
        };
        let rules = select.rules(value.as_ref());
        let next = rules.partition_point(|rule| *rule < self.place);
        self.place = rules.get(next).copied().unwrap_or(select.end);
    }
}

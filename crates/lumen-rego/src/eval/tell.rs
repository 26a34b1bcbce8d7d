//! What observers are told.

use super::Moment;
use super::context::{self};
use super::machine::Machine;
use crate::plan::{Operand, Root};
use lumen_value::Value;

impl Machine<'_, '_> {
    /// Tells the observer of an expression.
    pub(super) fn observe(&mut self, expression: u32, moment: Moment) {
        let Some(expression) = self.plan.expressions.get(expression as usize) else { return };
        let Some(observer) = self.observer.take() else { return };
        observer.expression(expression, moment, &|operand| Some(self.read(operand).clone()));
        self.observer = Some(observer);
    }

    /// Tells the observer what is looked at.
    pub(super) fn observe_read(&mut self, from: Operand, key: Operand) {
        let Some(observer) = self.observer.take() else { return };
        observer.read(self.span(), self.read(from), self.read(key));
        self.observer = Some(observer);
    }

    /// Tells the observer what a constant path leads to: its last key.
    pub(super) fn observe_path(&mut self, root: Root, keys: &[Value]) {
        let Some((key, above)) = keys.split_last() else { return };
        let Some(observer) = self.observer.take() else { return };
        let context = self.contexts.get(self.context as usize);
        let from = match root {
            Root::Input => context.and_then(|context| context.input.as_ref()),
            Root::Data | Root::Below => None,
            Root::Operand(operand) => Some(self.read(operand)),
        };
        if let Some(from) = from.and_then(|from| context::find(from, above)) {
            observer.read(self.span(), &from, key);
        }
        self.observer = Some(observer);
    }
}

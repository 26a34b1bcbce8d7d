//! Frames: documents and functions that are being evaluated.

use lumen_value::Value;

use super::conflict::Conflicts;
use super::context::Stand;
use super::machine::{FRAMES_MAX, Machine, PARTS_FREE, Step, Stop, VALUE_BYTES};
use super::memo::{KEYED, Kept, cost};
use super::shared::Start;
use crate::plan::{Callee, Place, Slot};

/// How what a frame gives is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    Document,
    /// Under the arguments, the first slots of the frame; the number is the document's, marked where the arguments are keys.
    Call(u32),
}

/// A document under evaluation, and how to go on where it was asked for.
pub(super) struct Frame {
    pub(super) document: u32,
    /// First slot and first mark of the caller.
    base: usize,
    base_mark: usize,
    /// The caller's next operation.
    place: Place,
    /// The caller's slot for the value.
    to: Slot,
    /// The caller's context.
    context: u32,
    contexts: usize,
    pub(super) choices: usize,
    pub(super) collectors: usize,
    keep: Keep,
    /// How many of the first slots are arguments.
    arguments: u32,
    /// The value goes to a walk of the tree.
    wrap: bool,
    /// Where the code started, should it have to run again.
    pub(super) entry: Place,
    pub(super) result: Option<Value>,
    pub(super) produced: bool,
    pub(super) conflicts: Option<Box<Conflicts>>,
    /// Others may take what it gives.
    common: Option<Start>,
}

impl Machine<'_, '_> {
    /// A function, its arguments in `arguments`.
    pub(super) fn call(&mut self, to: Slot, document: u32) -> Step {
        let stand = self.context().and_then(|context| context.stand(Callee::Document(document))).cloned();
        match stand {
            Some(stand) => self.stand_in(to, &stand),
            None => self.enter_function(to, document, false),
        }
    }

    /// What stands for a function answers. While another function does, nothing stands for anything.
    pub(super) fn stand_in(&mut self, to: Slot, stand: &Stand) -> Step {
        match stand {
            Stand::Value(value) => {
                self.write(to, value.clone());
                Ok(true)
            }
            Stand::Callee(Callee::Builtin(builtin)) => self.builtin_itself(to, *builtin),
            Stand::Callee(Callee::Document(document)) => self.enter_function(to, *document, true),
        }
    }

    fn enter_function(&mut self, to: Slot, document: u32, stands: bool) -> Step {
        let known = self.plan.documents.get(document as usize);
        let (memo, entry) = known.map_or((false, 0), |known| (known.memo, known.entry));
        // OPA keeps all answers, and it shows: `1` and `1.0` are the same argument, so the second gets the first's answer.
        let memo = !stands && (self.note_numbers() || memo);
        let keep = if memo { Keep::Call(document) } else { Keep::Nothing };
        if memo {
            self.steps(cost(&self.arguments) / PARTS_FREE)?;
            let kept =
                self.context().and_then(|context| context.memo.call(document, &self.arguments)).cloned();
            if let Some(kept) = kept {
                return Ok(self.give(to, kept, false));
            }
        }
        self.enter(to, document, entry, keep, false)?;
        if stands {
            self.without_stands();
        }
        Ok(true)
    }

    /// A document of keys, the keys in `arguments`.
    pub(super) fn keyed(&mut self, to: Slot, document: u32) -> Step {
        if let Some(value) = self.replaced(document) {
            return Ok(self.give(to, value, false));
        }
        let Some(known) = self.plan.documents.get(document as usize) else { return Ok(false) };
        if let Some(kept) = self.known(document)? {
            return Ok(self.give(to, kept, false));
        }
        self.steps(cost(&self.arguments) / PARTS_FREE)?;
        self.note_numbers();
        let kept =
            self.context().and_then(|context| context.memo.call(document | KEYED, &self.arguments)).cloned();
        if let Some(kept) = kept {
            return Ok(self.give(to, kept, false));
        }
        let keys = self.arguments.len();
        let entry = keys.checked_sub(1).and_then(|at| known.keyed.get(at)).copied().unwrap_or(known.entry);
        let keep = if known.memo { Keep::Call(document | KEYED) } else { Keep::Nothing };
        self.enter(to, document, entry, keep, false)?;
        Ok(true)
    }

    /// A document's value. `wrap`: for a walk of the tree.
    pub(super) fn document(&mut self, to: Slot, document: u32, wrap: bool) -> Step {
        if let Some(value) = self.replaced(document) {
            return Ok(self.give(to, value, wrap));
        }
        if let Some(kept) = self.known(document)? {
            return Ok(self.give(to, kept, wrap));
        }
        let known = self.plan.documents.get(document as usize);
        let (entry, memo) = known.map_or((0, false), |known| (known.entry, known.memo));
        self.arguments.clear();
        self.enter(to, document, entry, if memo { Keep::Document } else { Keep::Nothing }, wrap)?;
        if memo && let Some(number) = self.common(document) {
            let start = self.start_common(number);
            if let Some(frame) = self.frames.last_mut() {
                frame.common = Some(start);
            }
        }
        Ok(true)
    }

    /// What a document gave before, here or where others evaluated it.
    fn known(&mut self, document: u32) -> Result<Option<Kept>, Stop> {
        let common = self.common(document);
        let kept = self.context().and_then(|context| context.memo.document(document)).cloned();
        let Some(number) = common else { return Ok(kept) };
        if kept.is_some() {
            self.asked(number);
            return Ok(kept);
        }
        let taken = self.take_common(number)?;
        if let Some(kept) = &taken
            && let Some(context) = self.contexts.get_mut(self.context as usize)
        {
            context.memo.keep_document(document, kept.clone());
        }
        Ok(taken)
    }

    /// What stands at a document's path where a `with` replaces it; the outer is none where nothing does.
    fn replaced(&self, document: u32) -> Option<Kept> {
        let context = self.context()?;
        if context.targets.is_empty() {
            return None;
        }
        let path = &self.plan.documents.get(document as usize)?.path;
        context.is_replaced(path).then(|| super::context::find(&context.data, path))
    }

    /// Gives the caller a value that is known; false where there is none.
    fn give(&mut self, to: Slot, kept: Kept, wrap: bool) -> bool {
        let Some(value) = kept else { return false };
        let value = if wrap { super::tree::wrapped(value) } else { value };
        self.write(to, value);
        true
    }

    fn enter(&mut self, to: Slot, document: u32, entry: Place, keep: Keep, wrap: bool) -> Result<(), Stop> {
        let Some(known) = self.plan.documents.get(document as usize) else { return Ok(()) };
        if self.frames.len() >= FRAMES_MAX {
            return Err(self.exhausted());
        }
        let given = self.arguments.len();
        self.frames.push(Frame {
            document,
            base: self.base,
            base_mark: self.base_mark,
            place: self.place,
            to,
            context: self.context,
            contexts: self.contexts.len(),
            choices: self.choices.len(),
            collectors: self.collectors.len(),
            keep,
            arguments: u32::try_from(given).unwrap_or(u32::MAX),
            wrap,
            entry,
            result: None,
            produced: false,
            conflicts: None,
            common: None,
        });
        self.base = self.slots.len();
        self.base_mark = self.marks.len();
        self.slots.append(&mut self.arguments);
        self.slots.resize(self.base + (known.slots as usize).max(given), Value::Null);
        self.marks.resize(self.base_mark + known.marks as usize, 0);
        self.place = entry;
        if let Some(observer) = self.observer.as_mut() {
            observer.enter(known);
        }
        Ok(())
    }

    /// Ends the innermost frame with the value that it has, or none.
    pub(super) fn leave(&mut self) -> Step {
        let Some(mut frame) = self.frames.pop() else { return Ok(false) };
        self.keep(&mut frame)?;
        self.choices.truncate(frame.choices);
        self.collectors.truncate(frame.collectors);
        self.contexts.truncate(frame.contexts);
        self.slots.truncate(self.base);
        self.marks.truncate(self.base_mark);
        self.base = frame.base;
        self.base_mark = frame.base_mark;
        self.place = frame.place;
        self.context = frame.context;
        if let Some(observer) = self.observer.as_mut()
            && let Some(known) = self.plan.documents.get(frame.document as usize)
        {
            observer.exit(known, frame.result.as_ref());
        }
        Ok(self.give(frame.to, frame.result, frame.wrap))
    }

    fn keep(&mut self, frame: &mut Frame) -> Result<(), Stop> {
        // What was found while answers are missing may be wrong.
        if frame.keep == Keep::Nothing || !self.needs.is_empty() {
            return Ok(());
        }
        self.bytes(VALUE_BYTES * (1 + u64::from(frame.arguments)))?;
        if let Some(start) = frame.common.take() {
            self.end_common(start, &frame.result);
        }
        let Some(context) = self.contexts.get_mut(frame.context as usize) else { return Ok(()) };
        match frame.keep {
            Keep::Nothing => {}
            Keep::Document => context.memo.keep_document(frame.document, frame.result.clone()),
            Keep::Call(document) => {
                let arguments =
                    self.slots.get(self.base..self.base + frame.arguments as usize).unwrap_or_default();
                context.memo.keep_call(document, arguments, frame.result.clone());
            }
        }
        Ok(())
    }
}

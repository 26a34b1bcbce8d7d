//! How the code of a document ends, and `with`.

use std::sync::Arc;

use lumen_value::Value;

use super::choice::Choice;
use super::collect::merge;
use super::conflict::{Added, Conflicts};
use super::context::{self, Context, Stand};
use super::machine::{Machine, Step};
use super::memo::Memo;
use crate::error::Code;
use crate::plan::{By, Op, Operand, Place, Replacement};

impl Machine<'_, '_> {
    /// The operations that end bodies and documents.
    pub(super) fn ends(&mut self, op: Op) -> Step {
        match op {
            Op::Begin => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.produced = false;
                }
                Ok(true)
            }
            Op::IfProduced { target } => {
                if self.frames.last().is_some_and(|frame| frame.produced) {
                    self.place = target;
                }
                Ok(true)
            }
            Op::IfResult { target } => {
                if self.frames.last().is_some_and(|frame| frame.result.is_some() || frame.conflicts.is_some())
                {
                    self.place = target;
                }
                Ok(true)
            }
            Op::Result { head, value, next } => self.result(head, value, next),
            Op::SetResult { value } => {
                let value = self.read(value).clone();
                if let Some(frame) = self.frames.last_mut() {
                    frame.result = Some(value);
                }
                Ok(true)
            }
            Op::MergeBase { value } => {
                let merged = self.merged(value);
                if let Some(frame) = self.frames.last_mut() {
                    frame.result = Some(merged);
                }
                Ok(true)
            }
            _ => self.end(),
        }
    }

    fn end(&mut self) -> Step {
        if let Some(frame) = self.frames.last_mut()
            && let Some(conflicts) = frame.conflicts.take()
        {
            let document = frame.document;
            return Err(self.conflict(document, &conflicts));
        }
        self.leave()
    }

    /// A body has a value.
    fn result(&mut self, head: u32, value: Operand, next: Place) -> Step {
        let Some(head) = self.plan.heads.get(head as usize) else { return Ok(false) };
        let value = self.read(value).clone();
        let Some(frame) = self.frames.last_mut() else { return Ok(false) };
        frame.produced = true;
        if let Some(conflicts) = frame.conflicts.as_mut() {
            match conflicts.add(head.span, value) {
                Added::Agrees => return Ok(head.constant),
                Added::Contradicts => {
                    self.choices.truncate(frame.choices);
                    self.place = next;
                    return Ok(true);
                }
                Added::Full => return self.end(),
            }
        }
        match &frame.result {
            Some(before) if *before != value => {
                // From the start, to find all values.
                frame.conflicts = Some(Box::new(Conflicts::new(head.span)));
                frame.result = None;
                self.place = frame.entry;
                self.choices.truncate(frame.choices);
                self.collectors.truncate(frame.collectors);
                return Ok(true);
            }
            Some(_) => {}
            None => frame.result = Some(value),
        }
        if head.decides {
            return self.end();
        }
        Ok(head.constant)
    }

    /// What rules give at the frame's path, merged into the base documents there.
    fn merged(&self, value: Operand) -> Value {
        let rules = self.read(value);
        let document = self.frames.last().and_then(|frame| self.plan.documents.get(frame.document as usize));
        let Some((context, document)) = self.context().zip(document) else { return rules.clone() };
        match self.base_document(context, &document.path) {
            Some(base) => merge(base, rules),
            None => rules.clone(),
        }
    }

    /// The base document at a path; `data` itself is without `system`.
    #[expect(clippy::unused_self, reason = "reads as the others do")]
    pub(super) fn base_document(&self, context: &Context, path: &[Value]) -> Option<Value> {
        let found = context.document(path)?;
        match found {
            Value::Object(object) if path.is_empty() && object.get("system").is_some() => {
                Some(Value::Object(object.without("system")))
            }
            found => Some(found),
        }
    }

    /// Puts replacements into force.
    pub(super) fn with(&mut self, with: u32) -> Step {
        let Some(replacements) = self.plan.withs.get(with as usize) else { return Ok(false) };
        let Some(before) = self.context() else { return Ok(false) };
        let (mut input, mut data) = (before.input.clone(), before.data.clone());
        let mut parts = before.parts.clone();
        let mut targets = before.targets.to_vec();
        let mut stands = before.stands.to_vec();
        let (had_targets, had_stands) = (targets.len(), stands.len());
        for replacement in replacements {
            match replacement {
                Replacement::Input(path, value) => {
                    input = Some(context::replace(input.as_ref(), path, self.read(*value).clone()));
                }
                Replacement::Data(path, value) => {
                    let value = self.read(*value);
                    let original = || Box::new((before.data.clone(), Value::default()));
                    let parts = parts.get_or_insert_with(original);
                    parts.1 = context::replace(Some(&parts.1), path, value.clone());
                    data = context::replace(Some(&data), path, value.clone());
                    targets.push(path.clone());
                }
                Replacement::Function(target, by) => {
                    let stand = match by {
                        By::Value(value) => Stand::Value(self.read(*value).clone()),
                        By::Callee(callee) => Stand::Callee(*callee),
                    };
                    stands.push((*target, stand));
                }
                Replacement::Invalid => {
                    return Err(self.error(Code::EvalConflict, "bad document path".to_owned()));
                }
            }
        }
        let targets = if targets.len() == had_targets { before.targets.clone() } else { targets.into() };
        let stands = if stands.len() == had_stands { before.stands.clone() } else { stands.into() };
        self.bytes(256)?;
        self.push_context(input, (data, parts), targets, stands);
        Ok(true)
    }

    fn push_context(
        &mut self,
        input: Option<Value>,
        (data, parts): (Value, Option<Box<(Value, Value)>>),
        targets: Arc<[Vec<Value>]>,
        stands: Arc<[(crate::plan::Callee, Stand)]>,
    ) {
        self.contexts.push(Context {
            parent: self.context,
            choices: self.choices.len(),
            input,
            data,
            parts,
            targets,
            stands,
            memo: Memo::default(),
        });
        self.context = u32::try_from(self.contexts.len() - 1).unwrap_or(u32::MAX);
    }

    /// A context in which nothing stands for a function, for the frame that was entered last.
    pub(super) fn without_stands(&mut self) {
        let Some(context) = self.context() else { return };
        let (input, targets) = (context.input.clone(), context.targets.clone());
        let data = (context.data.clone(), context.parts.clone());
        self.push_context(input, data, targets, Arc::default());
    }

    /// Takes the latest replacements back. Where no choice point needs them any more, they are gone.
    pub(super) fn end_with(&mut self) {
        let Some(context) = self.contexts.get(self.context as usize) else { return };
        let (parent, choices) = (context.parent, context.choices);
        let needed = self.choices.len() > choices;
        if !needed {
            self.contexts.truncate(self.context as usize);
        }
        self.context = parent;
    }

    /// The latest choice point.
    pub(super) fn latest(&mut self) -> Option<&mut Choice> {
        self.choices.last_mut()
    }
}

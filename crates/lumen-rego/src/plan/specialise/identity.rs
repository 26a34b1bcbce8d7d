//! Which documents do the same, whichever plan they are in.

use std::collections::HashMap;

use lumen_value::Value;

use super::super::build::index;
use super::{Kind, Needs, Op, Operand, Plan, Specialiser};
use crate::plan::Document;

mod tag;

use tag::{of_collection, of_comparison, of_kind, of_root, tag};

/// Most bytes of code that are kept to tell documents apart. Beyond that no document gets a number any more, and each program
/// evaluates its own.
const BYTES_MAX: usize = 64 << 20;

/// Most bytes of code of one document that is told apart from others.
const DOCUMENT_BYTES_MAX: usize = 4 << 20;

/// Numbers of documents by what they do: two documents have the same where their code is the same, and that of all that they ask
/// for, so that they give the same on the same input. Programs that are to share what they find get them from one of these.
#[derive(Clone, Debug, Default)]
pub struct Commons {
    known: HashMap<Box<[u8]>, u32>,
    /// Bytes of all of them.
    bytes: usize,
}

impl Commons {
    /// None where there is no room for another.
    fn number(&mut self, code: Vec<u8>) -> Option<u32> {
        if let Some(known) = self.known.get(code.as_slice()) {
            return Some(*known);
        }
        let bytes = self.bytes.saturating_add(code.len());
        if bytes > BYTES_MAX {
            return None;
        }
        self.bytes = bytes;
        let next = index(self.known.len());
        self.known.insert(code.into(), next);
        Some(next)
    }
}

/// What code does, as bytes. Whatever differs makes other bytes; nothing is hashed.
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn tag(&mut self, tag: u8) {
        self.0.push(tag);
    }

    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(index(text.len()));
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Equal numbers may be written differently, and then are not the same.
    fn value(&mut self, value: &Value) {
        if let Some(text) = value.as_str() {
            self.number(0);
            self.text(text);
        } else {
            self.number(1);
            self.text(&crate::term::whole(value));
        }
    }

    fn operand(&mut self, plan: &Plan, operand: Operand) {
        match operand.as_constant() {
            Ok(at) => {
                self.number(u32::MAX);
                self.value(plan.constants.get(at as usize).unwrap_or(&Value::Null));
            }
            Err(slot) => self.number(slot.0),
        }
    }

    fn keys(&mut self, keys: &[Value]) {
        self.number(index(keys.len()));
        for key in keys {
            self.value(key);
        }
    }

    /// What an operation says beside its operands, slots and places. None where it asks for a document without a number.
    fn say(&mut self, plan: &Plan, op: &Op, identities: &HashMap<u32, u32>) -> Option<()> {
        self.tag(tag(op));
        match *op {
            Op::Test { comparison, .. } => self.tag(of_comparison(comparison)),
            Op::Collect { collection } => self.tag(of_collection(collection)),
            Op::IsArray { len, .. } | Op::IsObject { len, .. } => self.number(len),
            Op::Try { mark, .. } | Op::Mark { mark } | Op::Cut { mark } => self.number(mark),
            Op::Path { root, path, .. } => {
                self.tag(of_root(root));
                self.keys(plan.paths.get(path as usize)?);
            }
            Op::Builtin { builtin, .. } => self.text(&plan.builtins.get(builtin as usize)?.name),
            Op::Call { document, .. } | Op::Document { document, .. } | Op::Keyed { document, .. } => {
                self.number(*identities.get(&document)?);
            }
            Op::Result { head, .. } | Op::AddHead { head } => {
                let head = plan.heads.get(head as usize)?;
                for says in [head.element, head.decides, head.constant] {
                    self.tag(u8::from(says));
                }
            }
            Op::Join { join } => self.join(plan, join)?,
            // The rules that are looked up compare the same themselves, so a look-up says nothing more than they do.
            Op::Select { .. }
            | Op::Copy { .. }
            | Op::Truthy { .. }
            | Op::Get { .. }
            | Op::Iterate { .. }
            | Op::IsCollection { .. }
            | Op::MakeArray { .. }
            | Op::MakeSet { .. }
            | Op::MakeObject { .. }
            | Op::Walk { .. }
            | Op::Jump { .. }
            | Op::Fail
            | Op::Add { .. }
            | Op::AddEntry { .. }
            | Op::Collected { .. }
            | Op::IfProduced { .. }
            | Op::Begin
            | Op::IfResult { .. }
            | Op::Return
            | Op::SetResult { .. }
            | Op::MergeBase { .. } => {}
            // Whose code has these is not copied (`order`).
            Op::With { .. }
            | Op::EndWith
            | Op::TreeStart { .. }
            | Op::TreeStep { .. }
            | Op::TreeIterate { .. }
            | Op::TreeEnd { .. }
            | Op::Solution
            | Op::Observe { .. }
            | Op::Observed { .. } => return None,
        }
        Some(())
    }

    fn join(&mut self, plan: &Plan, join: u32) -> Option<()> {
        let join = plan.joins.get(join as usize)?;
        self.tag(of_root(join.wanted));
        self.keys(&join.wanted_path);
        self.number(index(join.bound.len()));
        for key in &join.bound {
            self.tag(u8::from(key.is_some()));
        }
        self.keys(&join.pattern.root);
        for steps in [&join.pattern.base, &join.pattern.inner] {
            self.number(index(steps.len()));
            for step in steps {
                self.tag(u8::from(step.is_some()));
                if let Some(key) = step {
                    self.value(key);
                }
            }
        }
        let Op::Path { root, path, .. } = join.scan else { return None };
        self.tag(of_root(root));
        self.keys(plan.paths.get(path as usize)?);
        Some(())
    }

    fn op(&mut self, plan: &Plan, op: &Op, start: u32, identities: &HashMap<u32, u32>) -> Option<()> {
        self.say(plan, op, identities)?;
        let mut operands = Vec::new();
        plan.reads(op, &mut |operand| operands.push(operand));
        self.number(index(operands.len()));
        for operand in operands {
            self.operand(plan, operand);
        }
        plan.writes(op, &mut |slot| self.number(slot.0));
        plan.jumps(op, &mut |place| self.number(place.wrapping_sub(start)));
        Some(())
    }
}

impl Specialiser<'_> {
    /// The number of a document whose code was just written, where it depends on nothing that differs from program to program, and
    /// there is room for it.
    pub(super) fn identify(&mut self, document: &Document, start: usize, needs: Needs) -> Option<u32> {
        if needs.meets(Needs::FIXED.or(Needs::OUTSIDE)) || document.kind == Kind::Package {
            return None;
        }
        let commons = self.commons.as_mut()?;
        let first = index(start);
        let mut record = Record::default();
        record.tag(of_kind(document.kind));
        record.tag(u8::from(document.memo));
        record.number(document.arguments);
        record.number(document.entry.wrapping_sub(first));
        record.number(index(document.keyed.len()));
        document.keyed.iter().for_each(|keyed| record.number(keyed.wrapping_sub(first)));
        for op in self.plan.ops.get(start..)? {
            record.op(&self.plan, op, first, &self.identities)?;
            if record.0.len() > DOCUMENT_BYTES_MAX {
                return None;
            }
        }
        commons.number(record.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_no_document_gets_a_number_that_has_none() {
        let mut commons = Commons::default();
        assert_eq!(commons.number(vec![1]), Some(0));
        assert_eq!(commons.number(vec![2]), Some(1));
        commons.bytes = BYTES_MAX;
        assert_eq!(commons.number(vec![3]), None);
        assert_eq!(commons.number(vec![2]), Some(1));
        assert_eq!((commons.known.len(), commons.bytes), (2, BYTES_MAX));
    }
}

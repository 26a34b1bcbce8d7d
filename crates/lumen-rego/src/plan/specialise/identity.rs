//! Which documents do the same, whichever plan they are in.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use lumen_value::Value;

use super::super::build::index;
use super::{Kind, Needs, Op, Operand, Plan, Specialiser};
use crate::plan::Document;

/// Numbers of documents by what they do: two documents have the same where their code is the same, and that of all that they ask
/// for, so that they give the same on the same input. Programs that are to share what they find get them from one of these.
#[derive(Clone, Debug, Default)]
pub struct Commons {
    known: HashMap<Box<[u8]>, u32>,
}

impl Commons {
    fn number(&mut self, code: Vec<u8>) -> u32 {
        let next = index(self.known.len());
        *self.known.entry(code.into()).or_insert(next)
    }
}

/// What code does, as bytes. Whatever differs makes other bytes; nothing is hashed.
#[derive(Default)]
struct Record(Vec<u8>);

impl Hasher for Record {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl Record {
    fn number(&mut self, number: u32) {
        self.write_u32(number);
    }

    fn text(&mut self, text: &str) {
        self.number(index(text.len()));
        self.write(text.as_bytes());
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
        discriminant(op).hash(self);
        match *op {
            Op::Test { comparison, .. } => discriminant(&comparison).hash(self),
            Op::Collect { collection } => discriminant(&collection).hash(self),
            Op::IsArray { len, .. } | Op::IsObject { len, .. } => self.number(len),
            Op::Try { mark, .. } | Op::Mark { mark } | Op::Cut { mark } => self.number(mark),
            Op::Path { root, path, .. } => {
                discriminant(&root).hash(self);
                self.keys(plan.paths.get(path as usize)?);
            }
            Op::Builtin { builtin, .. } => self.text(&plan.builtins.get(builtin as usize)?.name),
            Op::Call { document, .. } | Op::Document { document, .. } | Op::Keyed { document, .. } => {
                self.number(*identities.get(&document)?);
            }
            Op::Result { head, .. } | Op::AddHead { head } => {
                let head = plan.heads.get(head as usize)?;
                (head.element, head.decides, head.constant).hash(self);
            }
            Op::Join { join } => {
                let join = plan.joins.get(join as usize)?;
                discriminant(&join.wanted).hash(self);
                self.keys(&join.wanted_path);
                join.bound.iter().for_each(|key| self.number(u32::from(key.is_some())));
                self.keys(&join.pattern.root);
                for steps in [&join.pattern.base, &join.pattern.inner] {
                    self.number(index(steps.len()));
                    for step in steps {
                        self.number(u32::from(step.is_some()));
                        if let Some(key) = step {
                            self.value(key);
                        }
                    }
                }
                let Op::Path { root, path, .. } = join.scan else { return None };
                discriminant(&root).hash(self);
                self.keys(plan.paths.get(path as usize)?);
            }
            _ => {}
        }
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
    /// The number of a document whose code was just written, where it depends on nothing that differs from program to program.
    pub(super) fn identify(&mut self, document: &Document, start: usize, needs: Needs) -> Option<u32> {
        if needs.meets(Needs::FIXED.or(Needs::OUTSIDE)) || document.kind == Kind::Package {
            return None;
        }
        let commons = self.commons.as_mut()?;
        let first = index(start);
        let mut record = Record::default();
        discriminant(&document.kind).hash(&mut record);
        (document.memo, document.arguments).hash(&mut record);
        record.number(document.entry.wrapping_sub(first));
        document.keyed.iter().for_each(|keyed| record.number(keyed.wrapping_sub(first)));
        for op in self.plan.ops.get(start..)? {
            record.op(&self.plan, op, first, &self.identities)?;
        }
        Some(commons.number(record.0))
    }
}

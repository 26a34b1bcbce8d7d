//! Collections that operations make.

use super::collect::Collector;
use super::machine::{ENTRY_BYTES, Machine, PARTS_FREE, Step, VALUE_BYTES};
use crate::error::Code as ErrorCode;
use crate::plan::Op;
use lumen_value::{Object, Set, Value};

/// What OPA says of two values for one key.
const UNIQUE: &str = "object keys must be unique";

impl Machine<'_, '_> {
    pub(super) fn make(&mut self, op: Op) -> Step {
        let (Op::MakeArray { to, list } | Op::MakeSet { to, list } | Op::MakeObject { to, list }) = op else {
            return Ok(false);
        };
        let len = self.plan.lists.get(list as usize).map_or(0, |list| list.len());
        self.bytes(VALUE_BYTES * len as u64)?;
        let operands = self.plan.lists.get(list as usize).into_iter().flatten();
        let mut values = operands.map(|operand| self.read(*operand).clone());
        let value = match op {
            Op::MakeArray { .. } => Value::Array(values.collect()),
            Op::MakeSet { .. } => {
                let (set, parts) = Set::counted(values.collect());
                self.steps(parts / PARTS_FREE)?;
                Value::Set(set)
            }
            _ => {
                let mut entries = Vec::with_capacity(len / 2);
                while let (Some(key), Some(value)) = (values.next(), values.next()) {
                    entries.push((key, value));
                }
                let (object, parts) = Object::counted(entries);
                self.steps(parts / PARTS_FREE)?;
                Value::Object(object)
            }
        };
        self.write(to, value);
        Ok(true)
    }

    pub(super) fn collect(&mut self, op: Op) -> Step {
        match op {
            Op::Collect { collection } => self.collectors.push(Collector::new(collection)),
            Op::Add { value } => {
                self.bytes(VALUE_BYTES)?;
                let value = self.read(value).clone();
                if let Some(collector) = self.collectors.last_mut() {
                    collector.add(value);
                }
            }
            Op::AddEntry { key, value } => {
                self.bytes(ENTRY_BYTES)?;
                let (key, value) = (self.read(key).clone(), self.read(value).clone());
                let added =
                    self.collectors.last_mut().map_or(Ok(0), |collector| collector.add_entry(key, value));
                match added {
                    Ok(parts) => self.steps(parts / PARTS_FREE)?,
                    Err(_) => return Err(self.error(ErrorCode::EvalConflict, UNIQUE.to_owned())),
                }
            }
            Op::AddHead { head } => {
                self.bytes(ENTRY_BYTES)?;
                let Some(head) = self.plan.heads.get(head as usize) else { return Ok(false) };
                let value = self.read(head.value).clone();
                let keys: Vec<Value> = head.keys.iter().map(|key| self.read(*key).clone()).collect();
                let added = self
                    .collectors
                    .last_mut()
                    .map_or(Ok(0), |collector| collector.add_head(keys.into_iter(), value, head.element));
                match added {
                    Ok(parts) => self.steps(parts / PARTS_FREE)?,
                    Err(_) => {
                        return Err(self.error_at(
                            ErrorCode::EvalConflict,
                            head.head_span,
                            UNIQUE.to_owned(),
                        ));
                    }
                }
            }
            Op::Collected { to } => {
                let (value, parts) = self.collectors.pop().map(Collector::finish).unwrap_or_default();
                self.steps(parts / PARTS_FREE)?;
                self.write(to, value);
            }
            _ => {}
        }
        Ok(true)
    }
}

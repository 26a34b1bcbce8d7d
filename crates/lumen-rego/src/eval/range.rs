//! Parts of a plan that are run on their own, for plans of which some inputs are known
//! ([`specialise`](crate::program::Program::specialise)).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use lumen_value::Value;

use super::compare::compares;
use super::context;
use super::machine::{Machine, Scratch, Stop};
use super::{Data, Inputs};
use crate::builtin::{Budget, Context, Failure, operand};
use crate::error::Span;
use crate::plan::{Code, How, Operand, Plan, Slot};

/// What a part of a plan came to.
#[derive(Clone, Debug)]
pub(crate) enum Ran {
    /// It holds, and the slot that was asked for has this value.
    Gives(Value),
    /// It does not hold.
    Fails,
    /// It ends in an error, takes more than there is, gives more than is kept, or keeps answers to numbers, which later calls are to
    /// find.
    Unknown,
}

/// Most parts of a value that is kept. A value that holds another twice, which holds another twice, has few parts in memory and too
/// many to write, compare or go through: when it is asked for, that is paid by an evaluation's budget.
const PARTS_MAX: u64 = 1 << 16;

impl Ran {
    fn of(value: Value) -> Self {
        if value.parts(PARTS_MAX) < PARTS_MAX { Self::Gives(value) } else { Self::Unknown }
    }
}

/// Runs parts of a plan with an input of which nothing but what is known is there.
pub(crate) struct Runner {
    plan: Arc<Plan>,
    input: Value,
    data: Data,
    /// For all runs together.
    budget: Budget,
    scratch: Scratch,
}

impl Runner {
    pub(crate) fn new(plan: Arc<Plan>, fixed: &[(Vec<Value>, Value)], budget: Budget) -> Self {
        let empty = Value::Object(lumen_value::Object::default());
        let input = fixed
            .iter()
            .fold(empty, |input, (path, value)| context::replace(Some(&input), path, value.clone()));
        Self { plan, input, data: Data::default(), budget, scratch: Scratch::default() }
    }

    /// What is known of the input.
    pub(crate) const fn input(&self) -> &Value {
        &self.input
    }

    /// Runs what lies in a range of places, in a frame with so many slots and marks, some with a value.
    pub(crate) fn run(
        &mut self,
        range: Range<usize>,
        (slots, marks): (u32, u32),
        values: BTreeMap<u32, Value>,
        result: Slot,
    ) -> Ran {
        let (Ok(entry), Ok(end)) = (u32::try_from(range.start), u32::try_from(range.end)) else {
            return Ran::Unknown;
        };
        // The frame has to be made, and its code was looked through.
        if self.budget.steps(u64::from(slots) + u64::from(marks) + u64::from(end - entry)).is_err() {
            return Ran::Unknown;
        }
        let code = Code { plan: self.plan.clone(), entry, slots, marks, variables: Vec::new() };
        let mut inputs = Inputs::new(&self.data, self.budget.clone());
        inputs.input = Some(self.input.clone());
        // Whether the failure of a built-in is an error is not known yet.
        inputs.strict_builtin_errors = true;
        let mut machine = Machine::new(&code, inputs, &mut self.scratch);
        for (slot, value) in values {
            machine.write(Slot(slot), value);
        }
        let ran = match machine.run_to(end) {
            Ok(_) if machine.kept_numbers() => Ran::Unknown,
            Ok(true) => Ran::of(machine.read(Operand::slot(result)).clone()),
            Ok(false) => Ran::Fails,
            Err(_) => Ran::Unknown,
        };
        self.budget = machine.budget.clone();
        machine.give_back(&mut self.scratch);
        ran
    }

    /// A built-in of this crate, of known operands.
    pub(crate) fn builtin(&mut self, how: How, operands: &[Value]) -> Ran {
        let answer = match how {
            How::Function(function) => {
                let mut random = || 0;
                let mut context = Context {
                    budget: &mut self.budget,
                    time_ns: 0,
                    random: &mut random,
                    cache: &mut self.scratch.cache,
                    span: Span::default(),
                };
                function(&mut context, operands)
            }
            How::Comparison(comparison) => operand::any(operands, 1)
                .and_then(|left| Ok(Value::Bool(compares(comparison, left, operand::any(operands, 2)?)))),
            How::Host | How::Print | How::Trace | How::Template | How::Walk | How::Missing | How::Unbound => {
                return Ran::Unknown;
            }
        };
        match answer {
            Ok(value) => Ran::of(value),
            Err(Failure::Undefined) => Ran::Fails,
            Err(_) => Ran::Unknown,
        }
    }
}

impl Machine<'_, '_> {
    /// Goes on until a place of the outermost frame; whether it got there.
    fn run_to(&mut self, end: u32) -> Result<bool, Stop> {
        while !(self.frames.is_empty() && self.place == end) {
            self.tick()?;
            if !self.step()? && !self.go_back()? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

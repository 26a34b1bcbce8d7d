//! Events from the fields that a test names: what is not named follows from what is, or is that of a harmless process.
//!
//! What is given wins over what would follow: the fields are answered first, and the event that was made of them is asked for
//! the rest.

use std::borrow::Cow;

use lumen_value::Pointer;
use lumen_value::nearest::{did_you_mean, nearest};

use super::fields::Fields;
use super::value::Given;
use crate::event_types;
use crate::field::FieldUse;
use crate::record::{Encoded, Record, Recorded, Usage};
use crate::term::Event;
use crate::value::Value;

mod container;
mod descriptor;
mod process;
mod said;

use said::Said;

/// When events happen of which a test does not say when: 2026-01-01T00:00:00Z.
const TIME_NS: u64 = 1_767_225_600_000_000_000;

/// An event as a test describes it.
#[derive(Clone, Debug)]
pub struct Described {
    given: Vec<(FieldUse, Option<Given>)>,
    recorded: Recorded,
    /// Where it stands.
    pub at: Pointer,
}

/// A described event, as rules look at it.
#[derive(Debug)]
pub struct DescribedRecord<'d> {
    described: &'d Described,
    record: Record<'d>,
}

impl Described {
    /// Makes an event of fields. The error is a sentence.
    pub(super) fn new(fields: &Fields, at: Pointer) -> Result<Self, String> {
        let recorded = recorded(&Said(fields))?;
        let given = fields.all().map(|(_, used, given)| (used.clone(), given.cloned())).collect();
        Ok(Self { given, recorded, at })
    }

    /// The name of its type.
    pub fn type_name(&self) -> &'static str {
        event_types::NAMES.get(self.recorded.event_type).copied().unwrap_or_default()
    }

    /// When it happened, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.recorded.time_ns
    }

    /// The place of its type in [`NAMES`](event_types::NAMES).
    pub fn event_type(&self) -> usize {
        self.recorded.event_type
    }

    /// Asks something of the event as rules look at it; `number` is its own where the test says none.
    pub fn ask<T>(
        &self,
        number: usize,
        encoded: &mut Encoded,
        ask: impl FnOnce(&DescribedRecord<'_>) -> T,
    ) -> Option<T> {
        let mut recorded = Cow::Borrowed(&self.recorded);
        if recorded.number == 0 {
            recorded.to_mut().number = u64::try_from(number).unwrap_or(u64::MAX);
        }
        let record = encoded.view(&recorded)?;
        Some(ask(&DescribedRecord { described: self, record }))
    }
}

impl Event for DescribedRecord<'_> {
    fn value(&self, field: &FieldUse) -> Option<Value<'_>> {
        match self.described.given.iter().find(|(used, _)| used == field) {
            Some((_, given)) => given.clone(),
            None => self.record.value(field),
        }
    }

    fn event_type(&self) -> Option<usize> {
        Some(self.described.recorded.event_type)
    }
}

fn recorded(said: &Said<'_>) -> Result<Recorded, String> {
    let Some(name) = said.text("evt.type").or_else(|| said.text("syscall.type")) else {
        return Err("`evt.type` is missing: it says what happens".to_owned());
    };
    let Some(event_type) = event_types::find(&name) else {
        let name = String::from_utf8_lossy(&name);
        let hint = did_you_mean(&nearest(&name, event_types::NAMES.iter().copied()));
        return Err(format!("evt.type: `{name}` is no type of events{hint}"));
    };
    let type_name = event_types::NAMES.get(event_type).copied().unwrap_or_default();
    let time_ns = said.unsigned("evt.rawtime").unwrap_or(TIME_NS);
    let result = said.result()?;
    let (descriptor, result) = descriptor::of(said, type_name, result);
    Ok(Recorded {
        number: said.unsigned("evt.num").unwrap_or(0),
        event_type,
        time_ns,
        cpu: said.unsigned("evt.cpu").and_then(|cpu| u16::try_from(cpu).ok()).unwrap_or(0),
        result,
        latency_ns: said.unsigned("evt.latency"),
        arguments: said::arguments(said, type_name, result, descriptor.as_ref())?,
        thread: Some(process::of(said, time_ns).into()),
        descriptor,
        usage: Usage { descriptors_open: said.unsigned("proc.fdopencount"), ..Usage::default() },
    })
}

//! Tests of rules: `kind: RuleTest` of `lumensec.io`, a document that says which events give which alerts.
//!
//! A test is [read](RuleTest::read) without ever failing as a whole: what is wrong with a case is a fault of that case. Its
//! events are made of the fields that it names, and run against rules that were loaded elsewhere.

use std::collections::BTreeMap;

use lumen_value::Pointer;
use lumen_value::fault::Fault;
use regex::Regex;

use super::field::FieldUse;
use super::load::Priority;
use super::ruleset::Matching;
pub use value::Given;

mod event;
mod fields;
mod read;
mod run;
mod value;

#[cfg(test)]
mod tests;

pub use event::{Described, DescribedRecord};
pub use read::event as read_event;
pub use run::{Difference, Outcome, Rules};

/// The API group of the document.
pub const GROUP: &str = "lumensec.io";

/// Its kind.
pub const KIND: &str = "RuleTest";

/// Most cases of a test.
pub const CASES_MAX: usize = 10_000;

/// Most events of a case.
pub const EVENTS_MAX: usize = 10_000;

/// Most bytes of names and values of the fields of all events of a test.
pub const BYTES_MAX: usize = 64 << 20;

/// Most events that refer to each other by `like`.
pub const LIKE_MAX: usize = 32;

/// A test.
#[derive(Clone, Debug, Default)]
pub struct RuleTest {
    /// Its name; may be empty.
    pub name: String,
    /// The paths of the rules, from the test's folder, in the order in which they are loaded, and where they stand.
    pub rules: Vec<(Pointer, String)>,
    /// Which of the rules that match are told.
    pub matching: Option<Matching>,
    /// What is tried.
    pub cases: Vec<Case>,
    /// What is wrong with it as a whole.
    pub faults: Vec<Fault>,
}

/// Events, and what should come of them.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name; never empty.
    pub name: String,
    /// The rule that it is about, where it is about one only: alerts of others do not count.
    pub rule: Option<String>,
    /// What happens, in its order.
    pub events: Vec<Described>,
    /// What should come of it.
    pub expect: Expect,
    /// Where it stands.
    pub at: Pointer,
    /// What is wrong with it; empty for a case that can be run.
    pub faults: Vec<Fault>,
}

/// What should come of the events of a case.
#[derive(Clone, Debug)]
pub enum Expect {
    /// At least one alert.
    Alert,
    /// No alert.
    None,
    /// These alerts and no others, in this order.
    Alerts(Vec<ExpectedAlert>),
}

/// An alert that is expected. What is not said of it may be anything.
#[derive(Clone, Debug, Default)]
pub struct ExpectedAlert {
    /// The rule that gives it.
    pub rule: Option<String>,
    /// Its priority.
    pub priority: Option<Priority>,
    /// A regular expression that fits somewhere in its message: as it is written, and made ready.
    pub output: Option<(String, Regex)>,
    /// The values of fields of the event, whether the rule shows them or not; `None` for no value.
    pub fields: BTreeMap<String, (FieldUse, Option<Given>)>,
    /// Where it stands.
    pub at: Pointer,
}

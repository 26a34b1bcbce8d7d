//! Rules, ready to be asked, and what they say.

use std::io;

use lumen_runtime::Event;
use lumen_runtime::alert::Alert;
use lumen_runtime::load::Rule;
use lumen_runtime::output::Output;
use lumen_runtime::record::{Encoded, Recorded};
use lumen_runtime::ruleset::{Matching, RuleSet, Scratch};

use super::alerts::Alerts;

/// Judges events.
pub(super) struct Judge<'a> {
    rules: &'a [Rule],
    set: RuleSet,
    /// The outputs of the rules, by their places.
    outputs: Vec<Option<Output>>,
    matching: Matching,
    scratch: Scratch,
    encoded: Encoded,
    pub(super) alerts: Alerts<'a>,
    /// Events that were judged.
    pub(super) events: u64,
    /// Alerts of each rule, by its place.
    pub(super) counts: Vec<u64>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(rules: &'a [Rule], matching: Matching, alerts: Alerts<'a>) -> Self {
        Self {
            rules,
            set: RuleSet::compile(rules),
            outputs: rules.iter().map(|rule| Output::parse(&rule.output).ok()).collect(),
            matching,
            scratch: Scratch::default(),
            encoded: Encoded::default(),
            alerts,
            events: 0,
            counts: vec![0; rules.len()],
        }
    }

    /// Whether some rule looks at events of a type.
    pub(super) fn looks_at(&self, event_type: usize) -> bool {
        self.set.looks_at(event_type)
    }

    /// Goes on behind an event of a type that no rule looks at.
    pub(super) fn pass(&mut self, event_type: usize, time_ns: u64) {
        self.encoded.pass(event_type, time_ns);
        self.events += 1;
    }

    /// Judges an event that is known by its parts; whether it could be.
    pub(super) fn recorded(&mut self, event: &Recorded) -> io::Result<bool> {
        if !self.looks_at(event.event_type) {
            self.pass(event.event_type, event.time_ns);
            return Ok(true);
        }
        let mut encoded = std::mem::take(&mut self.encoded);
        let result = match encoded.view(event) {
            Some(record) => {
                self.event(&record, i64::try_from(event.time_ns).unwrap_or(i64::MAX)).map(|()| true)
            }
            None => Ok(false),
        };
        self.encoded = encoded;
        result
    }

    /// Judges an event, and writes what is said of it.
    pub(super) fn event(&mut self, event: &impl Event, time_ns: i64) -> io::Result<()> {
        self.events += 1;
        for place in self.set.matches(event, self.matching, &mut self.scratch) {
            if let (Some(rule), Some(Some(output))) = (self.rules.get(place), self.outputs.get(place)) {
                if let Some(count) = self.counts.get_mut(place) {
                    *count += 1;
                }
                self.alerts.write(&Alert::new(rule, output, event, time_ns))?;
            }
        }
        Ok(())
    }
}

//! Runs cases: their events through the rules, and what came of them held against what was expected.

use std::collections::HashMap;

use lumen_value::nearest::{did_you_mean, nearest};

use super::{Case, Described, DescribedRecord, Expect, ExpectedAlert};
use crate::event_types::{self, EventTypes};
use crate::explain::{Why, explain};
use crate::load::Rule;
use crate::output::{Output, print};
use crate::record::Encoded;
use crate::ruleset::{Matching, RuleSet, Scratch};
use crate::term::Event;

/// Most rules and events of which it is found out how near they came to an alert that is missing.
const EXPLANATIONS_MAX: usize = 1000;

/// Most differences of a case that are told.
const DIFFERENCES_MAX: usize = 20;

/// Rules, made ready for tests.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "they are the rules")]
pub struct Rules<'r> {
    rules: &'r [Rule],
    set: RuleSet,
    outputs: Vec<Option<Output>>,
    types: Vec<EventTypes>,
    names: HashMap<&'r str, usize>,
    matching: Matching,
}

/// What came of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is not as it was expected; empty for a case that passed.
    pub differences: Vec<Difference>,
    /// The alerts of each event: the places of the rules, in their order.
    pub alerts: Vec<Vec<usize>>,
}

/// Something that is not as it was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What, in a sentence.
    pub message: String,
    /// Why the rule that it is about matched an event, or did not: the number of the event in the case, from one, the rule's
    /// place, and the explanation.
    pub why: Option<(usize, usize, Why)>,
}

/// An alert that was given.
#[derive(Clone, Copy)]
struct Given<'c> {
    rule: usize,
    /// The event, and its number in the case, from one.
    event: &'c Described,
    number: usize,
}

/// Which event an alert is of.
fn of_event(given: Given<'_>) -> String {
    format!(", of event {} ({})", given.number, given.event.type_name())
}

impl<'r> Rules<'r> {
    /// Makes rules ready.
    pub fn new(rules: &'r [Rule], matching: Matching) -> Self {
        Self {
            rules,
            set: RuleSet::compile(rules),
            outputs: rules.iter().map(|rule| Output::parse(&rule.output).ok()).collect(),
            types: rules.iter().map(|rule| event_types::of(&rule.condition)).collect(),
            names: rules.iter().enumerate().map(|(place, rule)| (rule.name.as_str(), place)).collect(),
            matching,
        }
    }

    /// The rules.
    pub fn rules(&self) -> &'r [Rule] {
        self.rules
    }

    /// Runs a case that has no faults, as if nothing had happened before.
    ///
    /// # Errors
    ///
    /// Where it names a rule that there is not, or that is switched off, or an event cannot be judged.
    pub fn run(&self, case: &Case) -> Result<Outcome, String> {
        self.run_watched(case, |_| ())
    }

    /// As [`Rules::run`]; shows each event to whoever wants to see what it comes to.
    ///
    /// # Errors
    ///
    /// As [`Rules::run`].
    pub fn run_watched(
        &self,
        case: &Case,
        mut watch: impl FnMut(&DescribedRecord<'_>),
    ) -> Result<Outcome, String> {
        self.check_names(case)?;
        let only = case.rule.as_deref().and_then(|name| self.names.get(name).copied());
        let mut outcome = Outcome::default();
        let mut given = Vec::new();
        let mut scratch = Scratch::default();
        let mut encoded = Encoded::default();
        for (place, event) in case.events.iter().enumerate() {
            let number = place + 1;
            let matching = event.ask(number, &mut encoded, |event| {
                watch(event);
                self.set.matches(event, self.matching, &mut scratch)
            });
            let Some(matching) = matching else {
                return Err(format!("event {number} ({}) cannot be judged", event.type_name()));
            };
            let told = matching.iter().filter(|rule| only.is_none_or(|only| **rule == only));
            given.extend(told.map(|rule| Given { rule: *rule, event, number }));
            outcome.alerts.push(matching);
        }
        match &case.expect {
            Expect::Alert if given.is_empty() => {
                outcome.differences.push(self.missing(case, only, 0, &outcome.alerts));
            }
            Expect::Alert => {}
            Expect::None => outcome
                .differences
                .extend(given.iter().take(DIFFERENCES_MAX).map(|given| self.unexpected(*given))),
            Expect::Alerts(expected) => self.compare(case, expected, &given, &mut outcome),
        }
        outcome.differences.truncate(DIFFERENCES_MAX);
        Ok(outcome)
    }

    /// A name that no rule has would be a case that cannot fail, or that fails for a slip.
    fn check_names(&self, case: &Case) -> Result<(), String> {
        let expected = match &case.expect {
            Expect::Alerts(expected) => expected.as_slice(),
            Expect::Alert | Expect::None => &[],
        };
        for name in case.rule.iter().chain(expected.iter().filter_map(|alert| alert.rule.as_ref())) {
            match self.names.get(name.as_str()).and_then(|place| self.rules.get(*place)) {
                Some(rule) if rule.is_enabled => {}
                Some(_) => return Err(format!("rule `{name}` is switched off: `enabled: false`")),
                None => {
                    let hint = did_you_mean(&nearest(name, self.names.keys().copied()));
                    return Err(format!("no rule is called `{name}`{hint}"));
                }
            }
        }
        Ok(())
    }

    fn compare(&self, case: &Case, expected: &[ExpectedAlert], given: &[Given<'_>], outcome: &mut Outcome) {
        let Outcome { differences, alerts } = outcome;
        let mut rest = given;
        for (place, alert) in expected.iter().enumerate() {
            if differences.len() >= DIFFERENCES_MAX {
                return;
            }
            let rule = alert.rule.as_deref().or(case.rule.as_deref());
            let rule = rule.and_then(|name| self.names.get(name).copied());
            let found = rest.iter().position(|given| rule.is_none_or(|rule| rule == given.rule));
            let Some((before, [this, behind @ ..])) = found.and_then(|found| rest.split_at_checked(found))
            else {
                differences.push(self.missing(case, rule, place + 1, alerts));
                continue;
            };
            differences.extend(before.iter().take(DIFFERENCES_MAX).map(|given| self.unexpected(*given)));
            if let Some(message) = self.unlike(alert, *this) {
                differences.push(Difference { message, why: None });
            }
            rest = behind;
        }
        differences.extend(rest.iter().take(DIFFERENCES_MAX).map(|given| self.unexpected(*given)));
    }

    /// In what an alert is unlike the expected one.
    fn unlike(&self, expected: &ExpectedAlert, given: Given<'_>) -> Option<String> {
        let rule = self.rules.get(given.rule)?;
        let output = self.outputs.get(given.rule)?.as_ref()?;
        let mut unlike = Vec::new();
        if let Some(priority) = expected.priority.filter(|priority| *priority != rule.priority) {
            unlike.push(format!("its priority is {}, not {}", rule.priority.as_str(), priority.as_str()));
        }
        let mut encoded = Encoded::default();
        given.event.ask(given.number, &mut encoded, |event| {
            let message = output.message(event);
            if let Some((pattern, _)) =
                expected.output.as_ref().filter(|(_, regex)| !regex.is_match(&message))
            {
                unlike.push(format!("its output does not match `{pattern}`: {message}"));
            }
            for (name, (used, wanted)) in &expected.fields {
                let field = used.id.field();
                let text = |value| print(value, field.kind, field.format).into_owned();
                let found = event.value(used);
                let (found, wanted) = (found.as_ref().map(text), wanted.as_ref().map(text));
                if found != wanted {
                    let shown = |text: Option<String>| {
                        text.map_or("without a value".to_owned(), |text| format!("`{text}`"))
                    };
                    unlike.push(format!("{name} is {}, not {}", shown(found), shown(wanted)));
                }
            }
        });
        if unlike.is_empty() {
            return None;
        }
        Some(format!("the alert of `{}` is another{}: {}", rule.name, of_event(given), unlike.join("; ")))
    }

    fn unexpected(&self, given: Given<'_>) -> Difference {
        let name = self.rules.get(given.rule).map_or("", |rule| rule.name.as_str());
        let message = format!("`{name}` gave an alert that was not expected{}", of_event(given));
        Difference { message, why: self.why(given.rule, given.event, given.number) }
    }

    /// An alert that is missing: of a rule, or of any; the event is, of those that did not give it, the one that came nearest.
    fn missing(&self, case: &Case, rule: Option<usize>, place: usize, alerts: &[Vec<usize>]) -> Difference {
        let candidates = match rule {
            Some(rule) => vec![rule],
            None => (0..self.rules.len())
                .filter(|place| self.rules.get(*place).is_some_and(|rule| rule.is_enabled))
                .collect(),
        };
        let mut nearest: Option<(usize, usize, Why)> = None;
        let mut left = EXPLANATIONS_MAX;
        for ((place, event), given) in case.events.iter().enumerate().zip(alerts) {
            let looks = |rule: &&usize| {
                let types = self.types.get(**rule);
                candidates.len() == 1 || types.is_some_and(|types| types.contains(event.event_type()))
            };
            let silent = candidates.iter().filter(|rule| !given.contains(rule));
            for rule in silent.filter(looks).take(left) {
                left -= 1;
                let why = self.why(*rule, event, place + 1);
                let nearness =
                    |why: &Option<(usize, usize, Why)>| why.as_ref().map(|(.., why)| why.nearness());
                if nearness(&why) > nearness(&nearest) {
                    nearest = why;
                }
            }
        }
        let gave = rule.map_or(0, |rule| alerts.iter().filter(|given| given.contains(&rule)).count());
        let message = self.missed(rule, place, gave, nearest.as_ref().map(|(_, rule, _)| *rule));
        // Where the first rule that matches is told alone, others may have come to nothing for it.
        let first = nearest.as_ref().filter(|(.., why)| why.holds).and_then(|(number, ..)| {
            let first = alerts.get(number - 1).and_then(|given| given.first())?;
            Some(format!("; of event {number} `{}` was told, which comes before it", self.name(*first)))
        });
        Difference { message: message + &first.unwrap_or_default(), why: nearest }
    }

    /// What is missing, in a sentence: an expected alert by its place from one, 0 for any, of a rule that gave so many.
    fn missed(&self, rule: Option<usize>, place: usize, gave: usize, nearest: Option<usize>) -> String {
        let which = if place > 0 {
            format!("expected alert {place} is missing")
        } else {
            "an alert is missing".to_owned()
        };
        match (rule, nearest) {
            (Some(rule), None) if gave > 0 => {
                format!("{which}: `{}` gave one for every event, and no more", self.name(rule))
            }
            (Some(rule), _) if gave > 0 => format!("{which}: `{}` gave no other", self.name(rule)),
            (Some(rule), _) => format!("{which}: `{}` gave none", self.name(rule)),
            (None, Some(rule)) => format!("{which}: no rule gave one; `{}` came nearest", self.name(rule)),
            (None, None) => format!("{which}: no rule gave one"),
        }
    }

    fn name(&self, rule: usize) -> &str {
        self.rules.get(rule).map_or("", |rule| rule.name.as_str())
    }

    fn why(&self, rule: usize, event: &Described, number: usize) -> Option<(usize, usize, Why)> {
        let condition = &self.rules.get(rule)?.condition;
        let mut encoded = Encoded::default();
        let why = event.ask(number, &mut encoded, |event| explain(condition, event))?;
        Some((number, rule, why))
    }
}

//! Reads a `RuleTest`.

use std::cell::Cell;
use std::collections::BTreeMap;

use lumen_value::fault::{Fault, known, list};
use lumen_value::nearest::{did_you_mean, nearest};
use lumen_value::pointer::dotted;
use lumen_value::{Object, Pointer, Value, pointer};

use super::fields::Fields;
use super::{BYTES_MAX, CASES_MAX, Case, Described, EVENTS_MAX, Expect, ExpectedAlert, LIKE_MAX, RuleTest};
use crate::load::{PRIORITIES, Priority};
use crate::ruleset::Matching;

/// The keys of `spec`.
const SPEC: [&str; 5] = ["rules", "matching", "defaults", "events", "cases"];
/// The keys of a case.
const CASE: [&str; 5] = ["name", "rule", "event", "events", "expect"];
/// The keys of an expected alert.
const ALERT: [&str; 4] = ["rule", "priority", "output", "fields"];
/// The key of an event that names another.
const LIKE: &str = "like";

impl RuleTest {
    /// Reads a document of the kind. What is wrong with one case takes no other down with it.
    pub fn read(document: &Value) -> Self {
        let mut test = Self::default();
        let name = document.get("metadata").and_then(|metadata| metadata.get("name"));
        name.and_then(Value::as_str).unwrap_or_default().clone_into(&mut test.name);
        let at = pointer!["spec"];
        let Some(spec) = document.get("spec") else {
            test.faults.push(Fault::new(&at, "a mapping was expected"));
            return test;
        };
        if object(spec, &at, &mut test.faults).is_none() {
            return test;
        }
        known(spec, &at, &SPEC, &mut test.faults);
        test.rules = texts(spec, &at, "rules", &mut test.faults);
        test.matching = matching(spec, &at, &mut test.faults);
        let beginnings = Beginnings::read(spec, &at, &mut test.faults);
        let cases = list(spec, &at, "cases", &mut test.faults);
        if cases.len() > CASES_MAX {
            test.faults
                .push(Fault::new(&at.child("cases"), format_args!("there are more than {CASES_MAX} cases")));
            return test;
        }
        test.cases = cases.into_iter().map(|(at, case)| self::case(case, at, &beginnings)).collect();
        test
    }
}

/// Reads one event by itself, as a case has it; `like` names nothing there.
///
/// # Errors
///
/// What is wrong with it.
pub fn event(value: &Value) -> Result<Described, Vec<Fault>> {
    let mut faults = Vec::new();
    let described = Beginnings::default().event(value, &Pointer::ROOT, &mut faults);
    described.filter(|_| faults.is_empty()).ok_or(faults)
}

/// What events begin with.
#[derive(Default)]
struct Beginnings<'v> {
    defaults: Fields,
    named: BTreeMap<String, &'v Value>,
    /// The bytes of the fields of all events until now: a long text may be repeated by many `like`.
    bytes: Cell<usize>,
}

impl<'v> Beginnings<'v> {
    fn read(spec: &'v Value, at: &Pointer, faults: &mut Vec<Fault>) -> Self {
        let mut beginnings = Self::default();
        if let Some(defaults) = mapping(spec, at, "defaults", faults) {
            beginnings.defaults.add(defaults, &at.child("defaults"), faults);
        }
        let Some(named) = mapping(spec, at, "events", faults) else { return beginnings };
        let at = at.child("events");
        for (name, event) in named.fields() {
            beginnings.named.insert(name.to_text().into_owned(), event);
        }
        for (name, event) in named.fields() {
            // What each says by itself is looked at once, and here: a slip in it is none of a case's.
            let at = at.child(name.clone());
            if let Some(fields) = object(event, &at, faults) {
                Fields::default().add(&fields.without(LIKE), &at, faults);
            }
            if let Some(other) = event.get(LIKE) {
                beginnings.like(other, &at.child(LIKE), &mut Fields::default(), faults);
            }
        }
        beginnings
    }

    /// Adds the fields of a named event, those that it is like first.
    fn like(&self, name: &Value, at: &Pointer, fields: &mut Fields, faults: &mut Vec<Fault>) {
        let mut chain = Vec::new();
        let mut next = Some(name);
        while let Some(name) = next {
            let Some(text) = name.as_str() else {
                return faults.push(Fault::new(at, "the name of one of `spec.events` was expected"));
            };
            let Some(event) = self.named.get(text) else {
                let hint = did_you_mean(&nearest(text, self.named.keys().map(String::as_str)));
                return faults.push(Fault::new(at, format_args!("`{text}` is none of `spec.events`{hint}")));
            };
            if chain.len() == LIKE_MAX {
                let what =
                    format!("more than {LIKE_MAX} events refer to each other, or they do so in a circle");
                return faults.push(Fault::new(at, what));
            }
            chain.push((text, *event));
            next = event.get(LIKE);
        }
        for (name, event) in chain.into_iter().rev() {
            if let Some(object) = event.as_object() {
                // What is wrong in it was told of it.
                fields.add(&object.without(LIKE), &pointer!["spec", "events", name], &mut Vec::new());
            }
        }
    }

    fn event(&self, value: &Value, at: &Pointer, faults: &mut Vec<Fault>) -> Option<Described> {
        let object = object(value, at, faults)?;
        let mut fields = self.defaults.clone();
        let known = faults.len();
        if let Some(name) = object.get(LIKE) {
            self.like(name, &at.child(LIKE), &mut fields, faults);
        }
        fields.add(&object.without(LIKE), at, faults);
        if faults.len() > known {
            return None;
        }
        self.bytes.set(self.bytes.get().saturating_add(fields.bytes()));
        if self.bytes.get() > BYTES_MAX {
            let what = format!(
                "the events of the test have more than {BYTES_MAX} bytes of fields, with those they are like"
            );
            faults.push(Fault::new(at, what));
            return None;
        }
        match Described::new(&fields, at.clone()) {
            Ok(described) => Some(described),
            Err(what) => {
                faults.push(Fault::new(at, what));
                None
            }
        }
    }
}

fn case(value: &Value, at: Pointer, beginnings: &Beginnings<'_>) -> Case {
    let mut faults = Vec::new();
    let case = object(value, &at, &mut faults);
    if case.is_some() {
        known(value, &at, &CASE, &mut faults);
    }
    let name = text(value, &at, "name", &mut faults).unwrap_or_else(|| dotted(at.steps()));
    let rule = text(value, &at, "rule", &mut faults);
    let described = match (value.get("event"), value.get("events")) {
        (Some(event), None) => vec![(at.child("event"), event)],
        (None, Some(_)) => {
            let events = list(value, &at, "events", &mut faults);
            if events.is_empty() && faults.is_empty() {
                faults
                    .push(Fault::new(&at.child("events"), "there is no event: the case would show nothing"));
            }
            events
        }
        (Some(_), Some(_)) => {
            faults.push(Fault::new(&at, "`event` and `events` are both there: one of them was expected"));
            Vec::new()
        }
        (None, None) => {
            if case.is_some() {
                faults.push(Fault::new(&at, "`event`, or `events`, is missing"));
            }
            Vec::new()
        }
    };
    if described.len() > EVENTS_MAX {
        faults.push(Fault::new(&at.child("events"), format_args!("there are more than {EVENTS_MAX} events")));
    }
    let events = described.iter().take(EVENTS_MAX);
    let events = events.filter_map(|(at, event)| beginnings.event(event, at, &mut faults)).collect();
    let expect = expect(value, &at, &mut faults);
    Case { name, rule, events, expect, at, faults }
}

fn expect(case: &Value, at: &Pointer, faults: &mut Vec<Fault>) -> Expect {
    const WANTED: &str = "`alert`, `none` or a list of alerts was expected";
    let place = at.child("expect");
    match case.get("expect") {
        Some(Value::Array(items)) => {
            let items = items.iter().enumerate();
            Expect::Alerts(items.map(|(index, item)| alert(item, place.child(index), faults)).collect())
        }
        Some(one @ Value::Object(_)) => Expect::Alerts(vec![alert(one, place, faults)]),
        Some(other) => match other.as_str() {
            Some("alert") => Expect::Alert,
            Some("none") => Expect::None,
            _ => {
                faults.push(Fault::new(&place, WANTED));
                Expect::None
            }
        },
        None => {
            if case.as_object().is_some() {
                faults.push(Fault::new(at, format_args!("`expect` is missing: {WANTED}")));
            }
            Expect::None
        }
    }
}

fn alert(value: &Value, at: Pointer, faults: &mut Vec<Fault>) -> ExpectedAlert {
    if let Some(rule) = value.as_str() {
        return ExpectedAlert { rule: Some(rule.to_owned()), at, ..ExpectedAlert::default() };
    }
    let mut expected = ExpectedAlert::default();
    if object(value, &at, faults).is_some() {
        known(value, &at, &ALERT, faults);
        expected.rule = text(value, &at, "rule", faults);
        expected.priority = priority(value, &at, faults);
        if let Some(pattern) = text(value, &at, "output", faults) {
            match lumen_regex::compile(&pattern, lumen_regex::KEPT_PROGRAM_BYTES_MAX) {
                Ok(regex) => expected.output = Some((pattern, regex)),
                Err(message) => faults.push(Fault::new(&at.child("output"), message)),
            }
        }
        if let Some(given) = mapping(value, &at, "fields", faults) {
            let mut fields = Fields::default();
            fields.add(given, &at.child("fields"), faults);
            expected.fields = fields.into_all().collect();
        }
    }
    expected.at = at;
    expected
}

fn priority(value: &Value, at: &Pointer, faults: &mut Vec<Fault>) -> Option<Priority> {
    let word = text(value, at, "priority", faults)?;
    let priority = Priority::parse(&word);
    if priority.is_none() {
        let words: Vec<&str> = PRIORITIES.iter().map(|(_, word)| *word).collect();
        let what = format!("`{word}` is no priority; there are {}", words.join(", "));
        faults.push(Fault::new(&at.child("priority"), what));
    }
    priority
}

fn matching(spec: &Value, at: &Pointer, faults: &mut Vec<Fault>) -> Option<Matching> {
    let word = text(spec, at, "matching", faults)?;
    match word.as_str() {
        "all" => Some(Matching::All),
        "first" => Some(Matching::First),
        _ => {
            faults.push(Fault::new(&at.child("matching"), "`all` or `first` was expected"));
            None
        }
    }
}

fn object<'v>(value: &'v Value, at: &Pointer, faults: &mut Vec<Fault>) -> Option<&'v Object> {
    let object = value.as_object();
    if object.is_none() {
        faults.push(Fault::expected(at, "a mapping", value));
    }
    object
}

fn mapping<'v>(value: &'v Value, at: &Pointer, key: &str, faults: &mut Vec<Fault>) -> Option<&'v Object> {
    let inner = value.get(key).filter(|inner| !inner.is_null())?;
    object(inner, &at.child(key), faults)
}

fn texts(value: &Value, at: &Pointer, key: &str, faults: &mut Vec<Fault>) -> Vec<(Pointer, String)> {
    let mut texts = Vec::new();
    for (at, item) in list(value, at, key, faults) {
        match item.as_str() {
            Some(text) => texts.push((at, text.to_owned())),
            None => faults.push(Fault::expected_text(&at, item)),
        }
    }
    texts
}

fn text(value: &Value, at: &Pointer, key: &str, faults: &mut Vec<Fault>) -> Option<String> {
    let inner = value.get(key)?;
    let text = inner.as_str().filter(|text| !text.is_empty());
    if text.is_none() {
        faults.push(Fault::expected_text(&at.child(key), inner));
    }
    text.map(str::to_owned)
}

//! Rules against what Falco 0.44.1 says of them: over events that Falco printed, field by field.
#![expect(clippy::indexing_slicing, clippy::expect_used, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::collections::{BTreeSet, HashMap};

use harness::Case;
use lumen_runtime::Event as _;
use lumen_runtime::alert::{Alert, Shown};
use lumen_runtime::event_types;
use lumen_runtime::load::{File, Loaded, load};
use lumen_runtime::necessary::Necessary;
use lumen_runtime::output::Output;
use lumen_runtime::printed::Printed;
use lumen_runtime::ruleset::{Matching, RuleSet, Scratch};
use serde_json::Value as Json;

fn events() -> Option<Vec<Printed>> {
    let text = harness::text_of("conformance", "runtime/events.jsonl")?;
    let lines = text.lines().map(|line| Printed::read(line.as_bytes()).expect("a line is an event"));
    Some(lines.collect())
}

fn number(event: &Printed) -> u64 {
    event.number().expect("an event has a number")
}

/// Loads one rule with a condition.
fn rule(condition: &str, output: &str) -> Loaded {
    let [condition, output] = [condition, output].map(|text| Json::from(text).to_string());
    let text = format!(
        "- rule: f\n  desc: d\n  condition: {condition}\n  output: {output}\n  priority: NOTICE\n  warn_evttypes: false\n"
    );
    load(&[File { text: &text }])
}

#[test]
fn conformance_runtime_conditions() {
    let Some(events) = events() else { return };
    harness::run("runtime", "conditions", |case| {
        let loaded = rule(case.text("condition").expect("a condition"), "x");
        let refused = loaded.problems.iter().find(|problem| problem.code.is_error());
        match (refused, case.has("error")) {
            (Some(_), true) => return Ok(()),
            (Some(problem), false) => return Err(format!("refused: {}", problem.message)),
            (None, true) => return Err(format!("accepted, not: {}", case.json["error"])),
            (None, false) => {}
        }
        let rules = RuleSet::compile(&loaded.rules);
        let mut scratch = Scratch::default();
        let is_match = |event: &&Printed| !rules.matches(*event, Matching::First, &mut scratch).is_empty();
        let found: Vec<u64> = events.iter().filter(is_match).map(number).collect();
        let expected: Vec<u64> = serde_json::from_value(case.json["matches"].clone()).expect("numbers");
        if found == expected {
            return Ok(());
        }
        let only = |these: &[u64], those: &[u64]| {
            these.iter().filter(|number| !those.contains(number)).take(5).copied().collect::<Vec<u64>>()
        };
        let (more, less) = (only(&found, &expected), only(&expected, &found));
        Err(format!("{} events, not {}: too many {more:?}, too few {less:?}", found.len(), expected.len()))
    });
}

#[test]
fn conformance_runtime_loading() {
    harness::run("runtime", "loading", loading);
}

fn loading(case: &Case) -> Result<(), String> {
    let loaded = load(&[File { text: case.text("yaml").expect("a file") }]);
    let is_successful = case.json["successful"].as_bool().expect("an outcome");
    let errors: Vec<_> = loaded.problems.iter().filter(|problem| problem.code.is_error()).collect();
    if errors.is_empty() != is_successful {
        return Err(format!("errors: {errors:?}"));
    }
    if let Some(expected) = case.json["errors"].as_array().and_then(|errors| errors.first()) {
        let first = errors.first().expect("one was found");
        let found = serde_json::json!([first.code.as_str(), first.message]);
        return if found == *expected { Ok(()) } else { Err(format!("{found}, not {expected}")) };
    }
    let unused = |name: &str| name.starts_with("LOAD_UNUSED");
    let told =
        |problem: &&lumen_runtime::load::Problem| !problem.code.is_error() && !unused(problem.code.as_str());
    let warnings: BTreeSet<String> =
        loaded.problems.iter().filter(told).map(|problem| problem.code.to_string()).collect();
    let expected: BTreeSet<String> = case.json["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .filter_map(|warning| warning[0].as_str())
        .filter(|code| !unused(code))
        .map(str::to_owned)
        .collect();
    if warnings != expected {
        return Err(format!("warnings {warnings:?}, not {expected:?}"));
    }
    let found: Vec<Json> = loaded.rules.iter().map(described).collect();
    let expected = case.json["rules"].as_array().expect("rules");
    for (found, expected) in found.iter().zip(expected) {
        for (key, value) in found.as_object().expect("an object") {
            if expected.get(key) != Some(value) {
                return Err(format!("{key}: {value}, not {:?}", expected.get(key)));
            }
        }
    }
    if found.len() == expected.len() {
        Ok(())
    } else {
        Err(format!("{} rules, not {}", found.len(), expected.len()))
    }
}

/// A rule as the reference describes it.
fn described(rule: &lumen_runtime::load::Rule) -> Json {
    let mut events: BTreeSet<&str> = event_types::of(&rule.condition).names().collect();
    // The reference names it with every rule.
    events.insert("asyncevent");
    serde_json::json!({
        "name": rule.name,
        "condition": rule.condition.to_string(),
        "output": rule.output,
        "events": events,
        "enabled": rule.is_enabled,
        "priority": rule.priority.as_str(),
        "tags": rule.tags,
        "description": rule.description,
    })
}

#[test]
fn conformance_runtime_formats() {
    let Some(events) = events() else { return };
    let events: HashMap<u64, Printed> = events.into_iter().map(|event| (number(&event), event)).collect();
    harness::run("runtime", "formats", |case| {
        let output = Output::parse(case.text("format").expect("a format"));
        if case.has("error") {
            return if output.is_err() { Ok(()) } else { Err("accepted".to_owned()) };
        }
        let output = output?;
        let loaded = rule("evt.num >= 0", case.text("format").expect("a format"));
        let rule = loaded.rules.first().expect("a rule");
        for row in case.json["rows"].as_array().expect("rows") {
            let event = events.get(&row["evt.num"].as_u64().expect("a number")).expect("an event");
            let time = event.time_ns().expect("a time");
            let alert = Alert::new(rule, &output, event, time);
            let shown = Shown { has_message: true, ..Shown::default() };
            let found: Json = serde_json::from_str(&alert.to_json(&shown)).expect("JSON");
            for (key, expected) in row["alert"].as_object().expect("an alert") {
                if found.get(key) != Some(expected) {
                    return Err(format!(
                        "event {}: {key}: {:?}, not {expected}",
                        row["evt.num"],
                        found.get(key)
                    ));
                }
            }
        }
        Ok(())
    });
}

/// What a filter in the kernel asks lets every event pass that a rule matches.
#[test]
fn conformance_runtime_necessary() {
    let Some(events) = events() else { return };
    harness::run("runtime", "conditions", |case| {
        let loaded = rule(case.text("condition").expect("a condition"), "x");
        let rules = RuleSet::compile(&loaded.rules);
        let necessary = Necessary::compile(&loaded.rules);
        let mut scratch = Scratch::default();
        let is_lost = |event: &&Printed| {
            !necessary.holds(*event) && !rules.matches(*event, Matching::First, &mut scratch).is_empty()
        };
        match events.iter().find(is_lost) {
            Some(event) => Err(format!("event {} is lost", number(event))),
            None => Ok(()),
        }
    });
}

/// Of the published rules, where they are at hand, a filter keeps what they match, and little else.
#[test]
fn published_rules_filter_events() {
    let Some(events) = events() else { return };
    let Some(folder) = std::env::var_os("LUMEN_FALCO_RULES_DIR").map(std::path::PathBuf::from) else {
        return;
    };
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let read = |name: &&str| std::fs::read_to_string(folder.join(name)).expect("a rules file");
    let texts: Vec<String> = names.iter().map(read).collect();
    for count in 1..=texts.len() {
        let files: Vec<File<'_>> = texts.iter().take(count).map(|text| File { text }).collect();
        let loaded = load(&files);
        let rules = RuleSet::compile(&loaded.rules);
        let necessary = Necessary::compile(&loaded.rules);
        let mut scratch = Scratch::default();
        let types: BTreeSet<usize> = necessary.types().collect();
        let (mut looked_at, mut passed, mut matched) = (0, 0, 0);
        for event in &events {
            let is_matched = !rules.matches(event, Matching::First, &mut scratch).is_empty();
            let passes = necessary.holds(event);
            assert!(passes || !is_matched, "event {} is lost", number(event));
            looked_at += usize::from(event.event_type().is_some_and(|place| types.contains(&place)));
            passed += usize::from(passes);
            matched += usize::from(is_matched);
        }
        eprintln!(
            "{count} files: of {} events rules look at {looked_at}, {passed} pass, {matched} match",
            events.len()
        );
        assert!(passed * 2 < events.len(), "{passed} of {} events pass", events.len());
    }
}

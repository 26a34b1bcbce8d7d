//! What is said of why a condition holds, and what tests are seen to come to, against what it is: over the conditions and
//! events of the reference.

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use lumen_runtime::coverage::Watch;
use lumen_runtime::explain::{Part, Told, Why, explain};
use lumen_runtime::load::{File, load};
use lumen_runtime::printed::Printed;
use lumen_runtime::ruleset::{Matching, RuleSet, Scratch};
use serde_json::Value as Json;

/// Of so many events one is taken: each condition would meet each event in a minute otherwise.
const EVENTS_STEP: usize = 23;

/// Whether each part is as its own parts say.
fn is_consistent(why: &Why) -> bool {
    match &why.part {
        Part::All(children) => {
            why.holds == children.iter().all(|child| child.holds) && children.iter().all(is_consistent)
        }
        Part::Any(children) => {
            why.holds == children.iter().any(|child| child.holds) && children.iter().all(is_consistent)
        }
        Part::Not(child) => why.holds != child.holds && is_consistent(child),
        Part::Macro(named) => why.holds == named.body.holds && is_consistent(&named.body),
        Part::Check(_) => true,
    }
}

#[test]
fn explanations_agree_with_what_rules_match() {
    let Some(events) = harness::text_of("conformance", "runtime/events.jsonl") else { return };
    let Some(conditions) = harness::text_of("conformance", "runtime/conditions.jsonl") else { return };
    let events: Vec<Printed> = events
        .lines()
        .step_by(EVENTS_STEP)
        .map(|line| Printed::read(line.as_bytes()).expect("a line is an event"))
        .collect();
    let (mut held, mut failed) = (0, 0);
    for line in conditions.lines() {
        let case: Json = serde_json::from_str(line).expect("a line is an object");
        let condition = case.get("condition").expect("a condition").to_string();
        let text = format!("- {{rule: r, desc: d, condition: {condition}, output: x, priority: INFO}}\n");
        let loaded = load(&[File { text: &text }]);
        let Some(rule) = loaded.rules.first() else { continue };
        let set = RuleSet::compile(&loaded.rules);
        let mut scratch = Scratch::default();
        let mut watch = Watch::new(&loaded.rules);
        let mut seen = (false, false);
        for event in &events {
            let why = explain(&rule.condition, event);
            // A rule is only asked of the types of events that its condition can hold for, as far as that is seen in it.
            let holds = !set.matches(event, Matching::First, &mut scratch).is_empty();
            assert!(why.holds || !holds, "{condition} matched and was said to fail: {why:?}");
            assert!(is_consistent(&why), "{condition}: {why:?}");
            assert!(!Told::of(&why).is_empty(), "{condition}: nothing is told");
            if why.holds == holds {
                watch.event(event);
                seen = (seen.0 || holds, seen.1 || !holds);
            }
            if holds {
                held += 1;
            } else {
                failed += 1;
            }
        }
        let body = watch.into_bodies().into_iter().next().expect("a rule has a body");
        assert_eq!(body.whole.to_hold, seen.0, "{condition}");
        assert!(seen.1 || !body.whole.to_fail, "{condition}");
    }
    assert!(held > 1000 && failed > 1000, "{held} held, {failed} failed");
}

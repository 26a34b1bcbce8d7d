//! Rules against what Falco 0.44.1 says of them: over events that Falco printed, field by field.
#![expect(clippy::indexing_slicing, clippy::expect_used, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use harness::Case;
use lumen_core::runtime::Event;
use lumen_core::runtime::event_types;
use lumen_core::runtime::field::{Argument, FieldUse, Kind, NumberFormat};
use lumen_core::runtime::load::{File, Loaded, load};
use lumen_core::runtime::output::Output;
use lumen_core::runtime::ruleset::{Matching, RuleSet, Scratch};
use lumen_core::runtime::value::Value;
use serde_json::Value as Json;

/// An event as the reference printed it.
struct Printed(HashMap<String, Json>);

impl Printed {
    fn number(&self) -> u64 {
        self.0.get("evt.num").and_then(Json::as_u64).expect("an event has a number")
    }

    /// What was printed of another field.
    fn other(&self, name: &str, kind: Kind) -> Option<Value<'_>> {
        value(self.0.get(name)?, kind, NumberFormat::Decimal)
    }

    fn both(&self, names: [&str; 2], kind: Kind) -> Option<Value<'_>> {
        Some(Value::List(vec![self.other(names[0], kind)?, self.other(names[1], kind)?]))
    }

    /// The addresses of both ends; of a socket that has no other end yet, none in particular.
    fn addresses(&self) -> Option<Value<'_>> {
        let unspecified = match self.0.get("fd.type")?.as_str()? {
            "ipv4" => "0.0.0.0",
            "ipv6" => "::",
            _ => return None,
        };
        self.both(["fd.cip", "fd.sip"], Kind::Address)
            .or_else(|| Some(Value::List(vec![Value::Address(unspecified.parse().ok()?)])))
    }
}

impl Event for Printed {
    fn value(&self, used: &FieldUse) -> Option<Value<'_>> {
        let field = used.id.field();
        let name = field.name;
        match name {
            "fd.ip" | "fd.net" => return self.addresses(),
            // It is not printed: events are those of the end of a call, but for the end of a process.
            "evt.dir" => return Some(Value::text(if self.0.contains_key("evt.res") { "<" } else { ">" })),
            "fd.port" | "fd.proto" => return self.both(["fd.cport", "fd.sport"], Kind::Port),
            // A network is not printed: the address is.
            "fd.cnet" | "fd.snet" | "fd.lnet" | "fd.rnet" => {
                return self.other(&name.replace("net", "ip"), Kind::Address);
            }
            _ => {}
        }
        let key = match &used.argument {
            None => name.to_owned(),
            Some(Argument::Index(0)) if name == "proc.aname" => "proc.name".to_owned(),
            Some(Argument::Index(1)) if name == "proc.aname" => "proc.pname".to_owned(),
            Some(Argument::Index(index)) => format!("{name}[{index}]"),
            Some(Argument::Key(key)) if name == "evt.arg" => format!("{name}.{key}"),
            Some(Argument::Key(key)) => format!("{name}[{key}]"),
        };
        let printed = self.0.get(&key)?;
        match (name, &used.argument, printed) {
            ("proc.aname" | "proc.aexe" | "proc.aexepath", None, Json::String(names)) => {
                Some(Value::List(names.split(' ').map(Value::text).collect()))
            }
            _ => value(printed, field.kind, field.format),
        }
    }

    fn event_type(&self) -> Option<usize> {
        self.0.get("evt.type")?.as_str().and_then(|name| event_types::find(name.as_bytes()))
    }
}

fn value(printed: &Json, kind: Kind, format: NumberFormat) -> Option<Value<'_>> {
    Some(match (printed, kind) {
        (Json::Array(items), kind) => {
            Value::List(items.iter().map(|item| value(item, kind, format)).collect::<Option<_>>()?)
        }
        (Json::String(text), Kind::Text | Kind::Bytes) => Value::text(text),
        (other, Kind::Text) => Value::Bytes(Cow::Owned(other.to_string().into_bytes())),
        (Json::Bool(value), Kind::Bool) => Value::Bool(*value),
        (Json::String(text), Kind::Address) => Value::Address(text.parse().ok()?),
        (Json::String(text), _) if format == NumberFormat::Hexadecimal => {
            Value::Signed(i64::from_str_radix(text, 16).ok()?)
        }
        (Json::Number(number), Kind::Double) => Value::Double(number.as_f64()?),
        (Json::Number(number), _) => match number.as_u64() {
            Some(number) => Value::Unsigned(number),
            None => Value::Signed(number.as_i64()?),
        },
        _ => return None,
    })
}

fn events() -> Option<Vec<Printed>> {
    let text = harness::text_of("conformance", "runtime/events.jsonl")?;
    let lines = text.lines().map(|line| Printed(serde_json::from_str(line).expect("an event is an object")));
    Some(lines.collect())
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
        let found: Vec<u64> = events.iter().filter(is_match).map(Printed::number).collect();
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
    let told = |problem: &&lumen_core::runtime::load::Problem| {
        !problem.code.is_error() && !unused(problem.code.as_str())
    };
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
fn described(rule: &lumen_core::runtime::load::Rule) -> Json {
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
    let events: HashMap<u64, Printed> = events.into_iter().map(|event| (event.number(), event)).collect();
    harness::run("runtime", "formats", |case| {
        let output = Output::parse(case.text("format").expect("a format"));
        if case.has("error") {
            return if output.is_err() { Ok(()) } else { Err("accepted".to_owned()) };
        }
        let output = output?;
        for row in case.json["rows"].as_array().expect("rows") {
            let event = events.get(&row["evt.num"].as_u64().expect("a number")).expect("an event");
            let message = output.message(event);
            let expected = &row["alert"]["message"];
            if expected.as_str() != Some(message.as_str()) {
                return Err(format!("event {}: {message:?}, not {expected}", row["evt.num"]));
            }
        }
        Ok(())
    });
}

//! `lumen rules explain`: a rule as it was loaded, and why it matches an event or does not.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use std::ffi::OsString;

use anyhow::{Result, bail};
use lumen_runtime::analysis::{self, Oddity};
use lumen_runtime::condition::{ByName, Expression, written_out};
use lumen_runtime::event_types;
use lumen_runtime::explain::{Part, Told, Why, explain};
use lumen_runtime::load::{Loaded, Rule};
use lumen_runtime::output::Output;
use lumen_runtime::record::Encoded;
use lumen_runtime::rule_test::{Described, read_event};
use lumen_value::read::{Limits, read};
use lumen_value::{Object, Value};

use super::coverage::said;
use crate::cli::rules::{ListFormat, RulesExplain};
use crate::console;
use crate::exit::Exit;
use crate::nearest::{did_you_mean, nearest};
use crate::output::escape::{line, lines};
use crate::rules::RulesFiles;
use crate::source;

/// Most types of events that are named.
const TYPES_MAX: usize = 40;

/// Longest part of a condition that stands in one line.
const LINE_BYTES_MAX: usize = 80;

/// Deepest nesting of lines.
const DEPTH_MAX: usize = 20;

/// Most parts of an explanation that JSON has: macros stand in it wherever they are named.
const TREE_PARTS_MAX: usize = 10_000;

pub(super) fn run(arguments: &RulesExplain) -> Result<Exit> {
    let files = RulesFiles::of(&arguments.paths)?;
    let loaded = files.load();
    let (place, rule) = find(&loaded, &arguments.rule)?;
    let events = arguments.event.as_ref().map(events).transpose()?.unwrap_or_default();
    let why = |number: usize, event: &Described| {
        event.ask(number + 1, &mut Encoded::default(), |event| explain(&rule.condition, event))
    };
    let whys: Vec<(&Described, Why)> =
        events.iter().enumerate().filter_map(|(number, event)| Some((event, why(number, event)?))).collect();
    let text = match arguments.output {
        ListFormat::Human => {
            let mut text = human(rule, &files);
            text.push_str(&oddities(&loaded, place));
            for (number, (event, why)) in whys.iter().enumerate() {
                let word = if why.holds { "it matches" } else { "it does not match" };
                text.push_str(&format!("\nevent {} ({}): {word}\n", number + 1, event.type_name()));
                for row in Told::of(why) {
                    text.push_str(&format!("  {}\n", line(&row)));
                }
            }
            text
        }
        ListFormat::Json => format!("{}\n", json(rule, &files, &whys).to_json()),
    };
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

/// The rule of a name, whatever the case of its letters.
fn find<'l>(loaded: &'l Loaded, name: &str) -> Result<(usize, &'l Rule)> {
    let rules = || loaded.rules.iter().enumerate();
    let found = rules().find(|(_, rule)| rule.name == name);
    let Some(found) = found.or_else(|| rules().find(|(_, rule)| rule.name.eq_ignore_ascii_case(name))) else {
        if loaded.problems.iter().any(|problem| problem.item.as_deref() == Some(name)) {
            bail!("rule `{name}` was not loaded: see `lumen rules check`");
        }
        let near = nearest(name, loaded.rules.iter().map(|rule| rule.name.as_str()));
        bail!("no rule is called `{name}`{}", did_you_mean(&near));
    };
    Ok(found)
}

/// The events of a file, a document each.
fn events(path: &OsString) -> Result<Vec<Described>> {
    let gathered = source::gather(std::slice::from_ref(path), &source::Options::default())?;
    if let Some(problem) = gathered.problems.first() {
        bail!("{}: {}", problem.name, problem.message);
    }
    let mut events = Vec::new();
    for input in &gathered.inputs {
        let reading = read(&input.bytes, &Limits::default());
        if let Some(error) = reading.errors.first() {
            bail!("{}: byte {}: {}", input.name, error.at, error.message);
        }
        for document in reading.documents.iter().filter(|document| !document.value.is_null()) {
            match read_event(&document.value) {
                Ok(event) => events.push(event),
                Err(faults) => {
                    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
                    bail!("{}: {}", input.name, messages.join("; "));
                }
            }
        }
    }
    if events.is_empty() {
        bail!("there is no event in `{}`", path.to_string_lossy());
    }
    Ok(events)
}

fn human(rule: &Rule, files: &RulesFiles) -> String {
    let place = files.places().line(rule.place.0, rule.place.1.start);
    let place = place.map_or(String::new(), |(file, row)| format!("  {}:{row}", line(&file)));
    let mut text = format!("{}{place}\n", line(&rule.name));
    let is_on = if rule.is_enabled { "" } else { ", switched off" };
    text.push_str(&format!("  priority  {}{is_on}\n", rule.priority.as_str()));
    text.push_str(&format!("  source    {}\n", line(&rule.source)));
    let tags: Vec<&str> = rule.tags.iter().map(String::as_str).collect();
    if !tags.is_empty() {
        text.push_str(&format!("  tags      {}\n", line(&tags.join(" "))));
    }
    let attack = attack(rule);
    if !attack.is_empty() {
        text.push_str(&format!("  ATT&CK    {}\n", line(&attack)));
    }
    let types = event_types::of(&rule.condition);
    let mut names: Vec<String> = types.names().take(TYPES_MAX).map(str::to_owned).collect();
    if types.count() > names.len() {
        names.push(format!("and {} more", types.count() - names.len()));
    }
    text.push_str(&format!("  events    {}\n", names.join(" ")));
    text.push_str(&format!("\n{}\n", lines(rule.description.trim())));
    let all = if matches!(rule.condition, Expression::And(_)) { ": all of" } else { "" };
    text.push_str(&format!("\ncondition{all}\n"));
    layout(&rule.condition, &mut text);
    let written_out = written_out(&rule.condition);
    if written_out != ByName(&rule.condition).to_string() {
        text.push_str(&format!("\ncondition, written out\n  {}\n", line(&written_out)));
    }
    text.push_str(&format!("\noutput\n  {}\n", lines(rule.output.trim()).replace('\n', "\n  ")));
    text.push_str(&format!("  fields: {}\n", shown(rule).join(" ")));
    text
}

/// The tactics and techniques of MITRE ATT&CK among the tags.
fn attack(rule: &Rule) -> String {
    let is_technique = |tag: &&String| {
        tag.strip_prefix('T').is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    let tactics =
        rule.tags.iter().filter_map(|tag| tag.strip_prefix("mitre_")).map(|tactic| tactic.replace('_', " "));
    let techniques = rule.tags.iter().filter(is_technique).cloned();
    tactics.chain(techniques).collect::<Vec<_>>().join(", ")
}

/// The parts of a condition, one a line.
fn layout(condition: &Expression, text: &mut String) {
    match condition {
        Expression::And(children) => {
            for child in children {
                part(child, 1, "", text);
            }
        }
        other => part(other, 1, "", text),
    }
}

/// A part of a condition, in several lines where one would be too long.
fn part(expression: &Expression, depth: usize, before: &str, text: &mut String) {
    let whole = ByName(expression).to_string();
    let pad = "  ".repeat(depth);
    let is_long = whole.len() > LINE_BYTES_MAX && depth < DEPTH_MAX;
    match expression {
        Expression::And(children) | Expression::Or(children) if is_long => {
            let word = if matches!(expression, Expression::And(_)) { "all of" } else { "one of" };
            text.push_str(&format!("{pad}{before}{word}\n"));
            for child in children {
                part(child, depth + 1, "", text);
            }
        }
        Expression::Not(child) if is_long => part(child, depth, "not ", text),
        _ => text.push_str(&format!("{pad}{before}{}\n", line(&whole))),
    }
}

/// The fields that the output shows.
fn shown(rule: &Rule) -> Vec<String> {
    let Ok(output) = Output::parse(&rule.output) else { return Vec::new() };
    output.field_names().map(str::to_owned).collect()
}

/// What is odd about the rule.
fn oddities(loaded: &Loaded, place: usize) -> String {
    let findings = analysis::analyse(&loaded.rules);
    let mut text = String::new();
    for finding in findings.iter().filter(|finding| finding.rule == place) {
        text.push_str(&format!("\nnote: {}\n", line(&said(finding, &loaded.rules))));
        if matches!(finding.oddity, Oddity::Shadowed { .. }) {
            text.push_str("      (only where the first rule that matches is told)\n");
        }
    }
    text
}

fn json(rule: &Rule, files: &RulesFiles, whys: &[(&Described, Why)]) -> Value {
    let mut object = match super::described(rule) {
        Value::Object(object) => object,
        _ => Object::default(),
    };
    object = object.with("byName", ByName(&rule.condition).to_string().as_str());
    let fields = shown(rule).iter().map(|name| Value::from(name.as_str())).collect();
    object = object.with("fields", Value::Array(fields));
    if let Some((file, row)) = files.places().line(rule.place.0, rule.place.1.start) {
        object = object.with("file", &*file).with("line", i64::try_from(row).unwrap_or(i64::MAX));
    }
    if !whys.is_empty() {
        let answers = whys.iter().map(|(event, why)| {
            let answer = Object::default()
                .with("type", event.type_name())
                .with("matches", Value::Bool(why.holds))
                .with("why", tree(why, &mut TREE_PARTS_MAX.clone()));
            Value::Object(answer)
        });
        object = object.with("answers", Value::Array(answers.collect()));
    }
    Value::Object(object)
}

/// An explanation as an object: `holds`, and one of `all`, `any`, `not`, `macro` with `body`, `check` with `values`.
/// What is deeper than `left` parts allow is left out.
fn tree(why: &Why, left: &mut usize) -> Value {
    let object = Object::default().with("holds", Value::Bool(why.holds));
    if *left == 0 {
        return Value::Object(object);
    }
    *left -= 1;
    let mut several =
        |children: &[Why]| Value::Array(children.iter().map(|child| tree(child, left)).collect());
    Value::Object(match &why.part {
        Part::All(children) => object.with("all", several(children)),
        Part::Any(children) => object.with("any", several(children)),
        Part::Not(child) => object.with("not", tree(child, left)),
        Part::Macro(named) => object.with("macro", named.name.as_str()).with("body", tree(&named.body, left)),
        Part::Check(check) => {
            let values = check.values.iter().fold(Object::default(), |values, (name, value)| {
                values.with(name.as_str(), value.as_deref().map_or(Value::Null, Value::from))
            });
            object.with("check", check.text.as_str()).with("values", Value::Object(values))
        }
    })
}

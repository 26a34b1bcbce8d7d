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
use lumen_runtime::explain::{Told, Why, explain};
use lumen_runtime::load::{Loaded, Rule};
use lumen_runtime::output::Output;
use lumen_runtime::record::Encoded;
use lumen_runtime::rule_test::{Described, read_event};
use lumen_value::nearest::{did_you_mean, nearest};
use lumen_value::read::{Limits, read};
use lumen_value::span::LineIndex;

use super::coverage::said;
use crate::cli::rules::{ListFormat, RulesExplain};
use crate::console;
use crate::exit::Exit;
use crate::output::escape::{line, lines};
use crate::rules::documents::{self, Answer, RuleDocument, kernel_filter, names};
use crate::rules::{self, RulesFiles, is_default};
use crate::source;

/// Most types of events that are named.
const TYPES_MAX: usize = 40;

/// Of a kernel filter, most conditions that are shown, most types of events that are named of each, and most alternatives.
const GROUPS_MAX: usize = 12;
const GROUP_TYPES_MAX: usize = 8;
const ALTERNATIVES_MAX: usize = 3;

/// Longest part of a condition that stands in one line.
const LINE_BYTES_MAX: usize = 80;

/// Deepest nesting of lines.
const DEPTH_MAX: usize = 20;

pub(super) fn run(arguments: &RulesExplain) -> Result<Exit> {
    let files = super::files(&arguments.paths, arguments.rule_set)?;
    let loaded = files.load();
    let (place, rule) = find(&loaded, &arguments.rule)?;
    let events = arguments.event.as_ref().map(events).transpose()?.unwrap_or_default();
    let why = |number: usize, event: &Described| {
        event.ask(number + 1, &mut Encoded::default(), |event| explain(&rule.condition, event))
    };
    let whys: Vec<(&Described, Why)> =
        events.iter().enumerate().filter_map(|(number, event)| Some((event, why(number, event)?))).collect();
    console::print_with(|out| match arguments.output {
        ListFormat::Json => documents::write(out, &document(rule, &files, &whys)),
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
            out.write_all(text.as_bytes())
        }
    })?;
    Ok(Exit::Clean)
}

/// The rule of a name, whatever the case of its letters.
fn find<'l>(loaded: &'l Loaded, name: &str) -> Result<(usize, &'l Rule)> {
    let Some(found) = rules::find(&loaded.rules, name) else {
        if let Some((_, rule)) = rules::find(&RulesFiles::built_in().load().rules, name) {
            bail!("{}", is_default(&rule.name));
        }
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
            let (row, column) = LineIndex::new(&input.bytes).position(error.at);
            bail!("{}:{row}:{column}: {}", input.name, error.message);
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
    text.push_str(&format!("\nkernel filter, passes on\n{}", passed_on(rule)));
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

/// What a filter in the kernel can ask of events before the rule is asked, by the types of the events.
fn passed_on(rule: &Rule) -> String {
    let necessary = kernel_filter(rule);
    let groups = necessary.by_condition();
    let mut text = String::new();
    for (places, condition) in groups.iter().take(GROUPS_MAX) {
        let mut names: Vec<String> = names(places).take(GROUP_TYPES_MAX).map(str::to_owned).collect();
        if places.len() > names.len() {
            names.push(format!("and {} more", places.len() - names.len()));
        }
        let names = names.join(" ");
        match condition.expression() {
            None => text.push_str(&format!("  {names}: every event\n")),
            Some(asked) => {
                let (word, parts) = match &asked {
                    Expression::And(parts) => (": all of", parts.as_slice()),
                    only => (":", std::slice::from_ref(only)),
                };
                text.push_str(&format!("  {names}{word}\n"));
                for asked in parts {
                    alternatives(asked, &mut text);
                }
            }
        }
    }
    if groups.len() > GROUPS_MAX {
        text.push_str(&format!("  and {} more\n", groups.len() - GROUPS_MAX));
    }
    if groups.is_empty() { "  no event\n".to_owned() } else { text }
}

/// A part of what a kernel can ask: the first of many alternatives alone.
fn alternatives(asked: &Expression, text: &mut String) {
    match asked {
        Expression::Or(children) if children.len() > ALTERNATIVES_MAX => {
            text.push_str("    one of\n");
            for child in children.iter().take(ALTERNATIVES_MAX) {
                part(child, 3, "", text);
            }
            let more = children.len() - ALTERNATIVES_MAX;
            text.push_str(&format!("      and {more} more, which `-o json` has\n"));
        }
        _ => part(asked, 2, "", text),
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

fn document<'a>(rule: &'a Rule, files: &RulesFiles, whys: &'a [(&Described, Why)]) -> RuleDocument<'a> {
    let place = files.places().line(rule.place.0, rule.place.1.start);
    let place = place.as_ref().map(|(file, row)| (&**file, *row));
    let answers = whys.iter().map(|(event, why)| Answer::new(event.type_name(), why));
    RuleDocument::explained(rule, shown(rule), place, answers.collect())
}

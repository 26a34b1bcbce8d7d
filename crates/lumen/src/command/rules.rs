//! `lumen rules`: the rules of the runtime layer, in Falco's language.

use anyhow::{Result, bail};
use lumen_runtime::condition::written_out;
use lumen_runtime::event_types;
use lumen_runtime::field::{self, ArgumentRule, Kind};
use lumen_runtime::load::Rule;
use lumen_value::{Object, Value};

use super::Context;
use crate::cli::rules::{ListFormat, Rules, RulesAction, RulesCheck, RulesExport, RulesFields, RulesList};
use crate::console;
use crate::exit::Exit;
use crate::export;
use crate::output::counted;
use crate::output::escape::line;
use crate::rules::{BUILT_IN, RulesFiles};

mod coverage;
mod explain;

pub(super) fn run(arguments: &Rules, context: &Context) -> Result<Exit> {
    match &arguments.action {
        RulesAction::Check(check) => self::check(check),
        RulesAction::List(list) => self::list(list, context),
        RulesAction::Fields(fields) => self::fields(fields),
        RulesAction::Export(export) => self::export(export, context),
        RulesAction::Explain(explain) => explain::run(explain),
        RulesAction::Coverage(coverage) => coverage::run(coverage, context),
    }
}

fn check(arguments: &RulesCheck) -> Result<Exit> {
    let files = RulesFiles::of(&arguments.paths)?;
    let loaded = files.load();
    let errors = loaded.problems.iter().filter(|problem| problem.code.is_error()).count();
    let warnings = loaded.problems.len() - errors;
    let places = files.places();
    console::print_with(|out| {
        for problem in &loaded.problems {
            match arguments.output {
                ListFormat::Human => write!(out, "{}", places.human(problem))?,
                ListFormat::Json => writeln!(out, "{}", places.json(problem).to_json())?,
            }
        }
        if arguments.output == ListFormat::Human {
            let (rules, macros, lists) = (loaded.rules.len(), loaded.macros, loaded.lists);
            writeln!(
                out,
                "{rules} rules, {macros} macros, {lists} lists; {errors} errors, {warnings} warnings"
            )?;
        }
        Ok(())
    })?;
    let is_bad = errors > 0 || arguments.strict && warnings > 0;
    Ok(if is_bad { Exit::Found } else { Exit::Clean })
}

fn list(arguments: &RulesList, context: &Context) -> Result<Exit> {
    let loaded = RulesFiles::of(&arguments.paths)?.load();
    let left_out = loaded.problems.iter().filter(|problem| problem.code.is_error()).count();
    if left_out > 0 {
        context.console.warning(format!("{} left out: see `lumen rules check`", are(left_out)));
    }
    console::print_with(|out| {
        for rule in &loaded.rules {
            match arguments.output {
                ListFormat::Human => writeln!(out, "{}", listed(rule))?,
                ListFormat::Json => writeln!(out, "{}", described(rule).to_json())?,
            }
        }
        Ok(())
    })?;
    Ok(if loaded.is_sound() { Exit::Clean } else { Exit::Found })
}

fn are(count: usize) -> String {
    format!("{} {}", counted(count, "rule"), if count == 1 { "was" } else { "were" })
}

/// Most types of events that are named in a line for people.
const TYPES_MAX: usize = 8;

fn listed(rule: &Rule) -> String {
    let types = event_types::of(&rule.condition);
    let names: Vec<&str> = types.names().take(TYPES_MAX).collect();
    let more = types.count().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let off = if rule.is_enabled { "" } else { " (off)" };
    format!("{:<13} {}{off}: {}{more}", rule.priority.as_str(), line(&rule.name), names.join(" "))
}

fn described(rule: &Rule) -> Value {
    let texts =
        |texts: &mut dyn Iterator<Item = &str>| -> Value { Value::Array(texts.map(Value::from).collect()) };
    let object = Object::default()
        .with("schema", "lumen.rule/v1")
        .with("name", rule.name.as_str())
        .with("description", rule.description.as_str())
        .with("priority", rule.priority.as_str())
        .with("source", rule.source.as_str())
        .with("enabled", Value::Bool(rule.is_enabled))
        .with("tags", texts(&mut rule.tags.iter().map(String::as_str)))
        .with("events", texts(&mut event_types::of(&rule.condition).names()))
        .with("condition", written_out(&rule.condition).as_str())
        .with("output", rule.output.as_str());
    Value::Object(object)
}

fn fields(arguments: &RulesFields) -> Result<Exit> {
    let mut found = field::all().filter(|field| field.name.starts_with(&arguments.beginning)).peekable();
    if found.peek().is_none() {
        bail!("no field begins with `{}`", arguments.beginning);
    }
    console::print_with(|out| {
        for field in found {
            match arguments.output {
                ListFormat::Human => {
                    let name = format!("{}{}", field.name, argument(field.argument));
                    writeln!(out, "{name:<44} {:<14} {}", word(field.kind), field.says)?;
                }
                ListFormat::Json => {
                    let object = Object::default()
                        .with("schema", "lumen.field/v1")
                        .with("name", field.name)
                        .with("type", word(field.kind))
                        .with("argument", argument(field.argument))
                        .with("list", Value::Bool(field.is_list()))
                        .with("says", field.says);
                    writeln!(out, "{}", Value::Object(object).to_json())?;
                }
            }
        }
        Ok(())
    })?;
    Ok(Exit::Clean)
}

fn export(arguments: &RulesExport, context: &Context) -> Result<Exit> {
    let files = export::to_be_written(&arguments.folder, BUILT_IN, arguments.force)?;
    for (path, text) in &files {
        export::write(path, text)?;
    }
    let folder = arguments.folder.display();
    context
        .console
        .note(format!("{} written to {folder}; try `lumen test {folder}`", counted(files.len(), "file")));
    Ok(Exit::Clean)
}

fn argument(rule: ArgumentRule) -> &'static str {
    match rule {
        ArgumentRule::None => "",
        ArgumentRule::Index => "[NUMBER]?",
        ArgumentRule::Key => "[NAME]?",
        ArgumentRule::Required => "[NAME]",
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Bytes => "bytes",
        Kind::Int16 | Kind::Int32 | Kind::Int64 => "number",
        Kind::Uint32 | Kind::Uint64 => "whole number",
        Kind::AbsoluteTime => "time",
        Kind::RelativeTime => "nanoseconds",
        Kind::Double => "fraction",
        Kind::Bool => "yes or no",
        Kind::Address => "address",
        Kind::Network => "network",
        Kind::Port => "port",
    }
}

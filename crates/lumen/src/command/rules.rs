//! `lumen rules`: the rules of the runtime layer, in Falco's language.

use std::ffi::OsString;

use anyhow::{Result, bail};
use lumen_runtime::event_types;
use lumen_runtime::field::{self, ArgumentRule};
use lumen_runtime::load::Rule;

use super::Context;
use crate::cli::replay::RuleSet;
use crate::cli::rules::{ListFormat, Rules, RulesAction, RulesCheck, RulesExport, RulesFields, RulesList};
use crate::console;
use crate::exit::Exit;
use crate::export;
use crate::output::counted;
use crate::output::escape::line;
use crate::rules::documents::{self, FieldDocument, RuleDocument};
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

/// The rules files of paths, with what lies beneath them.
fn files(paths: &[OsString], rule_set: Option<RuleSet>) -> Result<RulesFiles> {
    let given = RulesFiles::of(paths)?;
    match rule_set {
        Some(RuleSet::None) if paths.is_empty() => {
            bail!("there are no rules: `--rule-set none` needs a path")
        }
        Some(RuleSet::Default) if !paths.is_empty() => Ok(RulesFiles::built_in().and(given)),
        _ => Ok(given),
    }
}

fn check(arguments: &RulesCheck) -> Result<Exit> {
    let files = files(&arguments.paths, arguments.rule_set)?;
    let loaded = files.load();
    let hints = files.hints(&loaded);
    let errors = loaded.problems.iter().filter(|problem| problem.code.is_error()).count();
    let warnings = loaded.problems.len() - errors;
    let places = files.places();
    console::print_with(|out| {
        for (place, problem) in loaded.problems.iter().enumerate() {
            let hint = hints.get(&place).map(String::as_str);
            match arguments.output {
                ListFormat::Human => write!(out, "{}", places.human(problem, hint))?,
                ListFormat::Json => documents::write(out, &places.document(problem, hint))?,
            }
        }
        if arguments.output == ListFormat::Human {
            let rules = counted(loaded.rules.len(), "rule");
            let macros = counted(loaded.macros, "macro");
            let lists = counted(loaded.lists, "list");
            let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
            writeln!(out, "{rules}, {macros}, {lists}; {errors}, {warnings}")?;
        }
        Ok(())
    })?;
    let is_bad = errors > 0 || arguments.strict && warnings > 0;
    Ok(if is_bad { Exit::Found } else { Exit::Clean })
}

fn list(arguments: &RulesList, context: &Context) -> Result<Exit> {
    let loaded = files(&arguments.paths, arguments.rule_set)?.load();
    let errors = loaded.problems.iter().filter(|problem| problem.code.is_error()).count();
    if errors > 0 {
        let errors = counted(errors, "error");
        context.console.warning(format!("{errors}: not all was loaded, see `lumen rules check`"));
    }
    console::print_with(|out| {
        for rule in &loaded.rules {
            match arguments.output {
                ListFormat::Human => writeln!(out, "{}", listed(rule))?,
                ListFormat::Json => documents::write(out, &RuleDocument::listed(rule))?,
            }
        }
        Ok(())
    })?;
    Ok(if loaded.is_sound() { Exit::Clean } else { Exit::Found })
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
                    writeln!(out, "{name:<44} {:<14} {}", field.kind.word(), field.says)?;
                }
                ListFormat::Json => documents::write(out, &FieldDocument::new(field))?,
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

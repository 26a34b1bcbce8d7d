//! `lumen replay`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use lumen_runtime::alert::{Shown, TimeFormat};
use lumen_runtime::load::{Loaded, PRIORITIES, Priority, Rule};
use lumen_runtime::output::{Output, SUGGESTED};
use lumen_runtime::ruleset;
use lumen_runtime::selection::{Selection, is_named};
use lumen_value::nearest::{did_you_mean, nearest};

use super::Context;
use crate::cli::replay::{Matching, Replay, RuleSet};
use crate::console;
use crate::exit::Exit;
use crate::output::counted;
use crate::replay::{JsonKey, Options, Said, Target, Told, replay};
use crate::rules::RulesFiles;

pub(super) fn run(arguments: &Replay, context: &Context) -> Result<Exit> {
    let rules = rules(arguments, context)?;
    let has = |key| arguments.json_keys.contains(&key);
    let shown = Shown {
        node: arguments.node.as_deref(),
        time: if arguments.iso_time { TimeFormat::Iso8601 } else { TimeFormat::Clock },
        has_output: has(JsonKey::Output),
        has_message: has(JsonKey::Message),
        has_tags: has(JsonKey::Tags),
        has_fields: has(JsonKey::OutputFields),
        has_identity: has(JsonKey::Identity) && !arguments.falco_compatible,
    };
    let options = Options {
        matching: match arguments.matching {
            Matching::First => ruleset::Matching::First,
            Matching::All => ruleset::Matching::All,
        },
        format: arguments.output,
        shown,
        is_watched: context.console.is_watched(),
        is_strict: arguments.strict,
    };
    let create = |path| Target::create(path, &arguments.files);
    let mut recording = arguments.write.as_deref().map(create).transpose()?;
    let start = Instant::now();
    let mut told = Told::default();
    console::print_with(|out| {
        let mut say = |said: Said| match said {
            Said::Problem(what) => context.console.error(what),
            Said::Warning(what) => context.console.warning(what),
            Said::Note(what) => context.console.note(what),
        };
        let recording = recording.as_mut().map(|target| -> &mut dyn Write { target.file() });
        told = replay(&arguments.files, &rules, &options, out, recording, &mut say)?;
        Ok(())
    })
    .context("cannot write the alerts")?;
    match recording {
        Some(target) if told.unread == 0 => target.finish().context("the recording cannot be written")?,
        Some(_) => context.console.error("no recording was written: not all files could be read"),
        None => {}
    }
    if arguments.stats {
        say_stats(&told, &rules, start.elapsed().as_secs_f64(), context);
    }
    Ok(match (told.is_whole(), told.alerts()) {
        (false, _) => Exit::Failed,
        (true, 0) => Exit::Clean,
        (true, _) => Exit::Found,
    })
}

/// The rules that are used.
fn rules(arguments: &Replay, context: &Context) -> Result<Vec<Rule>> {
    let mut files = match arguments.rule_set {
        RuleSet::Default => RulesFiles::built_in(),
        RuleSet::None => RulesFiles::default(),
    };
    files.add(&arguments.rules)?;
    if files.is_empty() {
        bail!("there are no rules: `--rule-set none` needs `--rules`");
    }
    let mut loaded = files.load();
    say_problems(&files, &loaded, arguments.strict, context)?;
    if loaded.rules.is_empty() {
        // Nothing would be judged, and no alert would pass for nothing found.
        bail!(
            "there are no rules: {}",
            if loaded.is_sound() { "the files have none" } else { "none could be loaded" }
        );
    }
    let selection = Selection {
        priority_min: arguments.priority.as_deref().map(priority).transpose()?,
        without_names: arguments.without_names.clone(),
        without_tags: arguments.without_tags.clone(),
        only_tags: arguments.only_tags.clone(),
    };
    check_selection(&selection, &loaded.rules, context)?;
    selection.apply(&mut loaded.rules);
    let suggested = arguments.suggested_output.then_some(SUGGESTED);
    for more in arguments.append_output.iter().map(String::as_str).chain(suggested) {
        Output::parse(more).map_err(|reason| anyhow::anyhow!("`--append-output {more}`: {reason}"))?;
        for rule in &mut loaded.rules {
            rule.output.push(' ');
            rule.output.push_str(more);
        }
    }
    Ok(loaded.rules)
}

fn say_problems(files: &RulesFiles, loaded: &Loaded, is_strict: bool, context: &Context) -> Result<()> {
    let problems = loaded.problems.iter().filter(|problem| is_strict || problem.code.is_error());
    let texts = files.places().told(problems);
    if is_strict && !texts.is_empty() {
        bail!("{}\n`lumen rules check` shows them in their places", texts.join("\n"));
    }
    for text in texts {
        context.console.warning(format!("left out: {text}"));
    }
    Ok(())
}

/// What is chosen by a name or tag that no rule has is mistyped: nothing would be judged, or more than was meant.
fn check_selection(selection: &Selection, rules: &[Rule], context: &Context) -> Result<()> {
    let tags: BTreeSet<&str> = rules.iter().flat_map(|rule| &rule.tags).map(String::as_str).collect();
    let hint = |tag: &str| did_you_mean(&nearest(tag, tags.iter().copied()));
    if let Some(tag) = selection.only_tags.iter().find(|tag| !tags.contains(tag.as_str())) {
        bail!("`--tag {tag}`: no rule has this tag{}", hint(tag));
    }
    for tag in selection.without_tags.iter().filter(|tag| !tags.contains(tag.as_str())) {
        context.console.warning(format!("`--disable-tag {tag}`: no rule has this tag{}", hint(tag)));
    }
    for name in &selection.without_names {
        if !rules.iter().any(|rule| is_named(name, &rule.name)) {
            let near = nearest(name, rules.iter().map(|rule| rule.name.as_str()));
            let hint = did_you_mean(&near);
            context.console.warning(format!("`--disable-rule {name}`: no rule is called so{hint}"));
        }
    }
    Ok(())
}

fn priority(text: &str) -> Result<Priority> {
    let words = || PRIORITIES.map(|(_, word)| format!("`{}`", word.to_lowercase())).join(", ");
    Priority::parse(text).with_context(|| format!("`{text}` is no priority: use one of {}", words()))
}

fn say_stats(told: &Told, rules: &[Rule], seconds: f64, context: &Context) {
    #[expect(clippy::cast_precision_loss, reason = "for people: three digits are shown")]
    let rate = told.events as f64 / seconds.max(1e-9);
    let mut text = format!(
        "{} events, {} alerts, {} in {seconds:.3} s ({rate:.0} events/s)",
        told.events,
        told.alerts(),
        counted(usize::try_from(told.broken).unwrap_or(usize::MAX), "broken part"),
    );
    let counts = rules.iter().zip(&told.alerts).filter(|(_, count)| **count > 0);
    for (rule, count) in counts {
        // Writing to a string cannot fail.
        _ = write!(text, "\n{count:>8} {}", rule.name);
    }
    context.console.note(text);
}

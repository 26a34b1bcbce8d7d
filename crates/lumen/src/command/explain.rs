//! `lumen explain`.

use anyhow::bail;
use lumen_core::catalog::{self, FindError};
use lumen_core::finding::Layer;
use lumen_runtime::load::Rule;
use lumen_value::nearest::{did_you_mean, nearest};

use super::Context;
use crate::cli::Explain;
use crate::exit::Exit;
use crate::output::Style;
use crate::rules::{self, RulesFiles};
use crate::{console, explain, policies};

pub(super) fn run(arguments: &Explain, context: &Context) -> anyhow::Result<Exit> {
    let style = context.console.style(true);
    let text = match &arguments.rule {
        None => explain::list(catalog::rules(), policies::BUILT_IN, &style),
        Some(name) => match (name.strip_prefix("runtime/"), of_policy(name, &style)) {
            (Some(name), _) => of_runtime_rule(name, &style)?,
            (None, Some(text)) => text,
            (None, None) => of_rule(name, &style)?,
        },
    };
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

fn of_rule(name: &str, style: &Style) -> anyhow::Result<String> {
    match catalog::find(name) {
        Ok(rule) => Ok(explain::rule(rule, style)),
        Err(error @ FindError::NotFound { .. }) => bail!("{error}{}", did_you_mean(&meant(name))),
        Err(error) => bail!("{error}"),
    }
}

/// The ids that a name may have been meant for: a default rule's name is no id without its layer.
fn meant(name: &str) -> Vec<String> {
    let defaults = RulesFiles::built_in().load().rules;
    if let Some((_, rule)) = rules::find(&defaults, name) {
        return vec![id(rule)];
    }
    let mut ids: Vec<String> = defaults.iter().map(id).collect();
    ids.extend(catalog::rules().map(|rule| rule.id().to_string()));
    nearest(name, ids.iter().map(String::as_str)).into_iter().map(str::to_owned).collect()
}

/// The id of the findings of a rule of the runtime layer.
fn id(rule: &Rule) -> String {
    format!("{}/{}", Layer::Runtime, rule.name)
}

/// The text about a default rule of the runtime layer.
fn of_runtime_rule(name: &str, style: &Style) -> anyhow::Result<String> {
    let defaults = RulesFiles::built_in().load().rules;
    if let Some((_, rule)) = rules::find(&defaults, name) {
        return Ok(explain::runtime(rule, style));
    }
    let near = nearest(name, defaults.iter().map(|rule| rule.name.as_str()));
    let near: Vec<_> = near.iter().map(|name| format!("{}/{name}", Layer::Runtime)).collect();
    bail!("no default rule is called `{name}`{}", did_you_mean(&near))
}

/// The text about a constraint, `admission/KIND/NAME`, or about a built-in policy by its name.
fn of_policy(name: &str, style: &Style) -> Option<String> {
    if let Some(policy) = policies::find(name).or_else(|| policies::of_kind(name)) {
        return Some(explain::policy(policy, style));
    }
    let (kind, constraint) = name.strip_prefix("admission/")?.split_once('/')?;
    if let Some(policy) = policies::of_kind(kind) {
        return Some(explain::policy(policy, style));
    }
    let text = explain::constraint(kind, constraint, style);
    let Some(alike) = policies::like(kind, constraint) else { return Some(text) };
    let id = format!("admission/{}/{}", alike.about().kind, alike.name);
    Some(format!("{text}\nA policy that is built in is called nearly so: did you mean `{id}`?\n"))
}

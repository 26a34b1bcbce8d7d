//! `lumen explain`.

use anyhow::bail;
use lumen_core::catalog::{self, FindError};

use super::Context;
use crate::cli::Explain;
use crate::exit::Exit;
use crate::nearest::{did_you_mean, nearest_rules};
use crate::output::Style;
use crate::{console, explain, policies};

pub(super) fn run(arguments: &Explain, context: &Context) -> anyhow::Result<Exit> {
    let style = context.console.style(true);
    let text = match &arguments.rule {
        None => explain::list(catalog::rules(), policies::BUILT_IN, &style),
        Some(name) => match of_policy(name, &style) {
            Some(text) => text,
            None => of_rule(name, &style)?,
        },
    };
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

fn of_rule(name: &str, style: &Style) -> anyhow::Result<String> {
    match catalog::find(name) {
        Ok(rule) => Ok(explain::rule(rule, style)),
        Err(error @ FindError::NotFound { .. }) => bail!("{error}{}", did_you_mean(&nearest_rules(name))),
        Err(error) => bail!("{error}"),
    }
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

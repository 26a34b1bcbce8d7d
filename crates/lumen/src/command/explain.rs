//! `lumen explain`.

use anyhow::bail;
use lumen_core::catalog::{self, FindError};

use super::Context;
use crate::cli::Explain;
use crate::exit::Exit;
use crate::output::Style;
use crate::{console, explain, policies};

pub(super) fn run(arguments: &Explain, context: &Context) -> anyhow::Result<Exit> {
    let style = context.console.style(true);
    let text = match &arguments.rule {
        None => explain::list(catalog::rules(), &style),
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
        Err(FindError::NotFound { suggestions, .. }) if !suggestions.is_empty() => {
            bail!("no rule is called `{name}`, did you mean `{}`?", suggestions.join("`, or `"));
        }
        Err(error) => bail!("{error}"),
    }
}

/// The text about a constraint, `admission/KIND/NAME`, or about a built-in policy by its name.
fn of_policy(name: &str, style: &Style) -> Option<String> {
    if let Some(policy) = policies::find(name) {
        return Some(explain::policy(policy, style));
    }
    let (kind, constraint) = name.strip_prefix("admission/")?.split_once('/')?;
    Some(match policies::of_kind(kind) {
        Some(policy) => explain::policy(policy, style),
        None => explain::constraint(kind, constraint, style),
    })
}

//! `lumen explain`.

use anyhow::bail;
use lumen_core::catalog::{self, FindError};

use super::Context;
use crate::cli::Explain;
use crate::exit::Exit;
use crate::{console, explain};

pub(super) fn run(arguments: &Explain, context: &Context) -> anyhow::Result<Exit> {
    let style = context.console.style(true);
    let text = match &arguments.rule {
        None => explain::list(catalog::rules(), &style),
        Some(name) => match catalog::find(name) {
            Ok(rule) => explain::rule(rule, &style),
            Err(FindError::NotFound { suggestions, .. }) if !suggestions.is_empty() => {
                bail!("no rule is called `{name}`, did you mean `{}`?", suggestions.join("`, or `"));
            }
            Err(error) => bail!("{error}"),
        },
    };
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

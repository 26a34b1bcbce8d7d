//! `lumen policy`.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use anyhow::Result;

use super::Context;
use crate::cli::{Policy, PolicyAction, PolicyExport, PolicyShow};
use crate::console;
use crate::exit::Exit;
use crate::export;
use crate::policies::{self, BUILT_IN};

mod preview;

pub(super) fn run(arguments: &Policy, context: &Context) -> Result<Exit> {
    match &arguments.action {
        PolicyAction::List => list(context),
        PolicyAction::Preview(arguments) => preview::run(arguments, context),
        PolicyAction::Show(show) => self::show(show),
        PolicyAction::Export(export) => self::export(export, context),
    }
}

fn list(context: &Context) -> Result<Exit> {
    let style = context.console.style(true);
    let (bold, plain) = if style.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let width = BUILT_IN.iter().map(|policy| policy.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for policy in BUILT_IN {
        let about = policy.about();
        text.push_str(&format!(
            "{bold}{}{plain}{:padding$}  {:8}  {}\n",
            policy.name,
            "",
            about.severity,
            about.title,
            padding = width - policy.name.len()
        ));
    }
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

fn show(arguments: &PolicyShow) -> Result<Exit> {
    let policy = policies::named(&arguments.name)?;
    let about = policy.about();
    let mut text = String::new();
    for line in [&about.title, &about.rationale, &format!("To mend it: {}", about.fix)] {
        text.push_str(&format!("# {line}\n"));
    }
    for (at, (_, manifest)) in policy.manifests().iter().enumerate() {
        if at > 0 {
            text.push_str("---\n");
        }
        text.push_str(manifest);
    }
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

fn export(arguments: &PolicyExport, context: &Context) -> Result<Exit> {
    let chosen = match arguments.names.as_slice() {
        [] => BUILT_IN.iter().collect(),
        names => names.iter().map(|name| policies::named(name)).collect::<Result<Vec<_>, _>>()?,
    };
    // All or nothing: what would be refused is found before the first file is written.
    let mut changed = Vec::new();
    for policy in &chosen {
        let folder = arguments.folder.join(policy.name);
        let files = export::to_be_written(&folder, policy.files, arguments.force)?;
        if !files.is_empty() {
            changed.push(files);
        }
    }
    for (path, text) in changed.iter().flatten() {
        export::write(path, text)?;
    }
    let words = |count| if count == 1 { "policy" } else { "policies" };
    let (count, same, folder) = (changed.len(), chosen.len() - changed.len(), arguments.folder.display());
    let as_they_are = match same {
        0 => String::new(),
        same => format!(", {same} {} there already", if same == 1 { "was" } else { "were" }),
    };
    context.console.note(format!(
        "{count} {} written to {folder}{as_they_are}; try `lumen test {folder}`",
        words(count)
    ));
    Ok(Exit::Clean)
}

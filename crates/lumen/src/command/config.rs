//! `lumen config`.

use std::fmt::Write as _;

use super::{Context, start_of_search};
use crate::cli::{Config, ConfigAction, ConfigShow};
use crate::console;
use crate::exit::Exit;
use crate::settings::{Kind, Resolved, SETTINGS, Setting};

pub(super) fn run(arguments: &Config, context: &Context) -> anyhow::Result<Exit> {
    match &arguments.action {
        ConfigAction::Show(arguments) => show(arguments, context),
    }
}

fn show(arguments: &ConfigShow, context: &Context) -> anyhow::Result<Exit> {
    let path = arguments.path.as_ref().map(|path| path.clone().into_os_string());
    let settings = context.settings(&arguments.settings, start_of_search(path.as_ref()))?;
    let mut text = String::new();
    for setting in SETTINGS {
        let line = line(setting, &settings);
        if arguments.origin {
            writeln!(text, "{line:<40} # {}", settings.entry(setting).origin)?;
        } else {
            writeln!(text, "{line}")?;
        }
    }
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

/// A setting as `lumen.yaml` has it.
fn line(setting: &Setting, settings: &Resolved) -> String {
    let values = &settings.entry(setting).values;
    let plain = matches!(setting.kind, Kind::Switch | Kind::Choice(_) | Kind::Count);
    let shown = |value: &String| {
        if plain {
            value.clone()
        } else {
            // JSON's strings are YAML's.
            serde_json::Value::from(value.as_str()).to_string()
        }
    };
    let value = match values.as_slice() {
        [] if setting.kind.is_list() => "[]".to_owned(),
        [] => "null".to_owned(),
        values if setting.kind.is_list() => {
            format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        [first, ..] => shown(first),
    };
    format!("{}: {value}", setting.key)
}

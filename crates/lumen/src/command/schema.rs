//! `lumen schema`.

use anyhow::bail;

use crate::cli::Schema;
use crate::console;
use crate::exit::Exit;
use crate::output::schema::schemas;

pub(super) fn run(arguments: &Schema) -> anyhow::Result<Exit> {
    let schemas = schemas();
    let Some(name) = &arguments.name else {
        let names: Vec<_> = schemas.iter().map(|(name, _)| *name).collect();
        console::print(format!("{}\n", names.join("\n")).as_bytes())?;
        return Ok(Exit::Clean);
    };
    // `lumen.report/v1`, or `report` for short.
    let short = |full: &str| full.trim_start_matches("lumen.").split('/').next() == Some(name.as_str());
    let Some((_, schema)) = schemas.iter().find(|(full, _)| full == name || short(full)) else {
        let names: Vec<_> = schemas.iter().map(|(name, _)| format!("`{name}`")).collect();
        bail!("there is no schema `{name}`: use one of {}", names.join(", "));
    };
    let mut text = serde_json::to_string_pretty(schema)?;
    text.push('\n');
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

//! `lumen check --exemptions`: what became of each exemption.

use std::fmt::Write as _;

use lumen_core::exemption::{Scope, Use};
use lumen_core::finding::Place;
use serde::Serialize;

use crate::check::Checked;
use crate::console;
use crate::locate::{Part, Text};
use crate::output::{Format, escape};
use crate::settings::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Audit {
    schema: &'static str,
    exemptions: Vec<Line>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    status: &'static str,
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    rules: Vec<String>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "line")]
    number: Option<usize>,
    silenced: usize,
    denials_kept: usize,
}

pub(super) fn print(checked: &Checked, outputs: &[Output]) -> anyhow::Result<()> {
    let lines: Vec<Line> = checked.audit.uses.iter().map(|used| line(used, checked)).collect();
    let json = outputs.iter().any(|output| output.file.is_none() && output.format == Format::Json);
    let text = if json {
        let mut text =
            serde_json::to_string_pretty(&Audit { schema: "lumen.exemptions/v1", exemptions: lines })?;
        text.push('\n');
        text
    } else {
        table(&lines)?
    };
    console::print(text.as_bytes())?;
    Ok(())
}

fn line(used: &Use, checked: &Checked) -> Line {
    let exemption = &used.exemption;
    let (by, name) = match &exemption.scope {
        Scope::Comment(_) => ("comment", None),
        Scope::Annotation(_) => ("annotation", None),
        Scope::Objects(name, _) => ("object", Some(name.to_string())),
    };
    let location = &exemption.location;
    let region = checked.exemption_texts.get(&location.source).and_then(|bytes| {
        let documents = checked.documents.get(&location.source)?;
        Text::new(bytes, documents).region(&location.place, Part::Entry)
    });
    let number = match location.place {
        Place::Whole => None,
        Place::Byte(_) | Place::Field { .. } | Place::Inside { .. } => region.map(|region| region.line),
    };
    Line {
        status: used.status.as_str(),
        by,
        name,
        rules: exemption.rules.iter().map(ToString::to_string).collect(),
        reason: exemption.reason.clone(),
        owner: exemption.owner.clone(),
        expires: exemption.expires.map(|expires| expires.to_string()),
        file: location.source.to_string(),
        number,
        silenced: used.silenced,
        denials_kept: used.denials_kept,
    }
}

fn table(lines: &[Line]) -> Result<String, std::fmt::Error> {
    if lines.is_empty() {
        return Ok("no exemptions\n".into());
    }
    let mut rows =
        vec![["STATUS", "FINDINGS", "RULES", "WHERE", "OWNER", "EXPIRES", "REASON"].map(str::to_owned)];
    rows.extend(lines.iter().map(|line| {
        let place = line.number.map_or_else(|| line.file.clone(), |number| format!("{}:{number}", line.file));
        [
            line.status.to_owned(),
            (line.silenced + line.denials_kept).to_string(),
            line.rules.join(","),
            place,
            line.owner.clone().unwrap_or_else(|| "-".into()),
            line.expires.clone().unwrap_or_else(|| "-".into()),
            line.reason.clone(),
        ]
        .map(|cell| escape::line(&cell).into_owned())
    }));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(text, "{}", cells.join("  ").trim_end())?;
    }
    Ok(text)
}

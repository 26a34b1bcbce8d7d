//! `lumen doctor`: a list of checks, with a hint per failure.

use anyhow::{Context as _, Result};

use crate::cli::cluster::{Doctor, Format};
use crate::console;
use crate::doctor;
use crate::exit::Exit;

pub(super) fn run(arguments: &Doctor) -> Result<Exit> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    let facts = runtime.block_on(async {
        let api = doctor::connect(&arguments.cluster).await?;
        anyhow::Ok(doctor::fetch(&api).await)
    })?;
    let remarks = doctor::examine(&facts, arguments.pre);
    let text = match arguments.output {
        Format::Human => doctor::human(&remarks),
        Format::Json => {
            let report = serde_json::json!({"schema": "lumen.doctor/v1", "checks": remarks, "emergency": doctor::EMERGENCY});
            format!("{report}\n")
        }
    };
    console::print(text.as_bytes())?;
    Ok(doctor::exit(&remarks))
}

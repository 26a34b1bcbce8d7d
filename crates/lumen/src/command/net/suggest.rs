//! `lumen net suggest`.

use std::fs::File;
use std::io::Read;

use anyhow::{Context as _, Result, anyhow, bail};
use lumen_core::network::suggest::{self, Wishes};

use super::{Loaded, say, write};
use crate::cli::net::{NetSuggest, SuggestFormat};
use crate::command::Context;
use crate::exit::Exit;
use crate::network::suggestion::{self, Preview, flows};

/// Largest file of flows.
const FLOWS_BYTES_MAX: u64 = 256 << 20;

pub(super) fn run(arguments: &NetSuggest, context: &Context) -> Result<Exit> {
    let loaded = Loaded::open(&arguments.paths, &arguments.files, context)?;
    let mut network = loaded.network(Vec::new());
    let exit = say(&mut network, context);
    let flows = match &arguments.flows {
        None => suggest::reachable(&network.model)?,
        Some(path) => {
            let shown = path.display();
            let cannot = || format!("cannot read `{shown}`");
            let mut text = String::new();
            let file = File::open(path).with_context(cannot)?;
            file.take(FLOWS_BYTES_MAX + 1).read_to_string(&mut text).with_context(cannot)?;
            if text.len() as u64 > FLOWS_BYTES_MAX {
                bail!("`{shown}` is larger than {FLOWS_BYTES_MAX} bytes");
            }
            let found = flows::parse(&text, &network).map_err(|error| anyhow!("{shown}: {error}"))?;
            for unknown in found.unknown {
                context
                    .console
                    .note(format!("{shown}: `{unknown}` is nobody in the manifests: its flows are left out"));
            }
            found.flows
        }
    };
    let wishes = Wishes { default_deny: !arguments.no_default_deny, dns: !arguments.no_dns };
    let options = *network.model.options();
    let preview = Preview::of(&network.manifests.snapshot, &network.model, &options, &flows, wishes);
    for note in suggestion::notes(&network.model, &preview) {
        context.console.note(note);
    }
    if preview.suggestion.policies.is_empty() {
        context.console.note("there is no flow of a workload: nothing is suggested");
    }
    write(&arguments.outputs, SuggestFormat::Yaml, |format, _, out| match format {
        SuggestFormat::Yaml => suggestion::yaml(&preview, out),
        SuggestFormat::Json => suggestion::json(&network.model, &preview, out),
        SuggestFormat::Breaks => suggestion::breaks(&network.model, &preview, out),
    })?;
    Ok(exit)
}

//! `lumen net why`.

use anyhow::{Context as _, Error, Result};

use super::{Loaded, say, write};
use crate::cli::net::{NetWhy, Verdict, WhyFormat};
use crate::command::Context;
use crate::exit::Exit;
use crate::network::answer::{self, PortAsked};
use crate::network::end::End;

pub(super) fn run(arguments: &NetWhy, context: &Context) -> Result<Exit> {
    let asked = |text: &String, what: &str| text.parse::<End>().map_err(Error::msg).context(what.to_owned());
    let ends = [asked(&arguments.source, "SRC")?, asked(&arguments.destination, "DST")?];
    let port =
        arguments.port.as_ref().map(|port| port.parse::<PortAsked>()).transpose().map_err(Error::msg)?;
    let loaded = Loaded::open(&[], &arguments.files, context)?;
    let mut network = loaded.network(Vec::new());
    let planted = End::planted(&ends, &network.model);
    if !planted.is_empty() {
        network = loaded.network(planted);
    }
    let exit = say(&mut network, context);
    let [source, destination] = &ends;
    let answers = answer::ask(&network, source, destination, port.as_ref())?;
    for note in &answers.notes {
        context.console.note(note);
    }
    write(&arguments.outputs, WhyFormat::Human, |format, to_stdout, out| match format {
        WhyFormat::Human => answer::human(&network, &answers, &context.console.style(to_stdout), out),
        WhyFormat::Json => answer::json(&network, &answers, out),
    })?;
    let as_expected = answers.all_are(match arguments.expect {
        Verdict::Allow => answer::Verdict::Allowed,
        Verdict::Deny => answer::Verdict::Denied,
    });
    Ok(exit.max(if as_expected { Exit::Clean } else { Exit::Found }))
}

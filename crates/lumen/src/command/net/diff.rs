//! `lumen net diff`.

use std::ffi::OsString;

use anyhow::{Result, bail};

use super::list::draw;
use super::{Loaded, git, say_assumptions, say_findings, write};
use crate::check::Manifests;
use crate::cli::net::{ConnectionsFormat, NetDiff, NetOutput};
use crate::command::{Context, reading, start_of_search};
use crate::exit::Exit;
use crate::network::{Network, difference, picture};
use crate::settings::Flags;

pub(super) fn run(arguments: &NetDiff, context: &Context) -> Result<Exit> {
    let [mut before, mut after] = sides(arguments, context)?;
    let exit = say_findings(&mut before, context).max(say_findings(&mut after, context));
    let found = difference::Difference::of(&before, &after)?;
    say_assumptions(&found.assumptions, context);
    let is_drawn =
        |output: &NetOutput<ConnectionsFormat>| matches!(output.format, ConnectionsFormat::Graph(_));
    let drawn =
        if arguments.outputs.iter().any(is_drawn) { Some(picture::of_difference(&found)?) } else { None };
    write(&arguments.outputs, ConnectionsFormat::Text, |format, to_stdout, out| match (format, &drawn) {
        (ConnectionsFormat::Text, _) => difference::text(&found, context.console.style(to_stdout).color, out),
        (ConnectionsFormat::Json, _) => difference::json(&found, out),
        (ConnectionsFormat::Csv, _) => difference::csv(&found, out),
        (ConnectionsFormat::Markdown, _) => difference::markdown(&found, out),
        (ConnectionsFormat::Graph(format), Some(drawn)) => draw(format, drawn, out),
        (ConnectionsFormat::Graph(_), None) => Ok(()),
    })?;
    Ok(exit.max(if found.is_empty() { Exit::Clean } else { Exit::Found }))
}

/// The networks before and after.
fn sides(arguments: &NetDiff, context: &Context) -> Result<[Network; 2]> {
    let Some(range) = &arguments.git else {
        let open = |path: &Option<OsString>| -> Result<Network> {
            let mut paths: Vec<OsString> = path.iter().cloned().collect();
            // What both have in common, such as the namespaces of the cluster.
            paths.extend(arguments.files.files.iter().cloned());
            let files = crate::cli::net::NetFiles { files: Vec::new(), ..arguments.files.clone() };
            Ok(Loaded::open(&paths, &files, context)?.network(Vec::new()))
        };
        return Ok([open(&arguments.before)?, open(&arguments.after)?]);
    };
    let (old, new) = git::range(range)?;
    let resolved = context.settings(&Flags::default(), start_of_search(arguments.files.files.first()))?;
    let settings = reading(&resolved);
    let read = |revision: &str| git::read(revision, &arguments.files.files, &resolved.source_options());
    let sides = [read(&old)?, read(&new)?];
    // A path may come or go with a change; that it is in neither is a slip of the pen.
    if sides.iter().all(Vec::is_empty) {
        bail!("neither `{old}` nor `{new}` has a manifest below the paths that are given");
    }
    let build = |inputs| {
        let manifests = Manifests::read(inputs, &[], &settings, Vec::new());
        Network::build(manifests, &arguments.files.ip_block.options())
    };
    Ok(sides.map(build))
}

//! `lumen net`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use lumen_core::network::Options;
use lumen_core::snapshot::SourceDocument;

use super::{Context, reading, start_of_search};
use crate::check::{Manifests, Settings};
use crate::cli::net::{Net, NetAction, NetFiles, NetOutput};
use crate::console;
use crate::exit::Exit;
use crate::network::Network;
use crate::network::end::PLANTED;
use crate::output;
use crate::settings::Flags;
use crate::source::{self, Gathered};

mod diff;
mod git;
mod list;
mod suggest;
mod why;

pub(super) fn run(arguments: &Net, context: &Context) -> Result<Exit> {
    match &arguments.action {
        NetAction::List(arguments) => list::list(arguments, context),
        NetAction::Why(arguments) => why::run(arguments, context),
        NetAction::Diff(arguments) => diff::run(arguments, context),
        NetAction::Matrix(arguments) => list::matrix(arguments, context),
        NetAction::Graph(arguments) => list::graph(arguments, context),
        NetAction::Suggest(arguments) => suggest::run(arguments, context),
    }
}

/// Manifests that were read, before a model is made of them.
struct Loaded {
    gathered: Gathered,
    settings: Settings,
    options: Options,
}

impl Loaded {
    /// Reads the files that are named on the command line, in either manner.
    fn open(paths: &[OsString], files: &NetFiles, context: &Context) -> Result<Self> {
        let mut paths: Vec<OsString> = paths.iter().chain(&files.files).cloned().collect();
        if paths.is_empty() {
            paths.push(".".into());
        }
        let resolved = context.settings(&Flags::default(), start_of_search(paths.first()))?;
        let gathered = source::gather(&paths, &resolved.source_options())?;
        Ok(Self { gathered, settings: reading(&resolved), options: files.ip_block.options() })
    }

    /// Makes the model, with some pods that no input holds.
    fn network(&self, added: Vec<SourceDocument>) -> Network {
        let inputs = self.gathered.inputs.clone();
        let manifests = Manifests::read(inputs, &self.gathered.problems, &self.settings, added);
        Network::build(manifests, &self.options)
    }
}

/// Says what is wrong with inputs and policies, and what is assumed. The status is that of a failure where an input
/// could not be read: then answers may be wrong.
fn say(network: &mut Network, context: &Context) -> Exit {
    let exit = say_findings(network, context);
    say_assumptions(&network.assumptions(), context);
    if network.model.workloads().is_empty() {
        context.console.note("there is no workload in the inputs: nobody reaches anybody");
    }
    exit
}

fn say_assumptions(assumptions: &[String], context: &Context) {
    for assumption in assumptions {
        context.console.note(assumption);
    }
}

fn say_findings(network: &mut Network, context: &Context) -> Exit {
    let of_inputs = std::mem::take(&mut network.manifests.findings).into_iter();
    let mut findings: Vec<_> = of_inputs
        .filter(|finding| finding.is_unread() || finding.is_denial())
        .chain(std::mem::take(&mut network.findings))
        .filter(|finding| finding.location.as_ref().is_none_or(|location| &*location.source != PLANTED))
        .collect();
    findings.sort_by(|a, b| (&a.location, &a.message).cmp(&(&b.location, &b.message)));
    let exit =
        if findings.iter().any(lumen_core::finding::Finding::is_unread) { Exit::Failed } else { Exit::Clean };
    let report = network.manifests.report(findings);
    for reported in &report.findings {
        let place = reported.finding.location.as_ref();
        let place = place.map(|location| output::place(location, reported.region.as_ref()) + ": ");
        let text =
            format!("{}{} [{}]", place.unwrap_or_default(), reported.finding.message, reported.finding.rule);
        if reported.finding.is_unread() { context.console.error(text) } else { context.console.note(text) }
    }
    for skipped in &network.manifests.skipped {
        context.console.note(format!("skipped {}: {}", skipped.location.source, skipped.message()));
    }
    exit
}

/// Writes outputs to where they go; with the default where none is asked for.
pub(super) fn write<F: Copy>(
    outputs: &[NetOutput<F>],
    default: F,
    render: impl Fn(F, bool, &mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let standard = [NetOutput { format: default, file: None::<PathBuf> }];
    let outputs = if outputs.is_empty() { &standard[..] } else { outputs };
    for NetOutput { format, file } in outputs {
        match file {
            None => console::print_with(|out| render(*format, true, out))?,
            Some(path) => {
                let write = || {
                    let mut file = BufWriter::new(File::create(path)?);
                    render(*format, false, &mut file)?;
                    file.flush()
                };
                write().with_context(|| format!("cannot write `{}`", path.display()))?;
            }
        }
    }
    Ok(())
}

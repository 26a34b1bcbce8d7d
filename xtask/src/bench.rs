//! `bench`: the release binary as a whole, beside its peers where they are installed.
//!
//! All programs run on the same generated tree, one after the other, in one call, so that their proportions hold on any
//! machine. The peers are found on the PATH, or by `KUBE_LINTER`, `KUBECONFORM` and `GATOR`. kubeconform needs
//! schemas: they are made from a real API server's description where one is built (`cargo xtask cluster build`), without
//! which it only parses.
//!
//! `benches/rego`, a workspace of its own, compares the engine with regorus and, where `OPA` names it or it is on the PATH,
//! with OPA.

mod measure;
mod policies;
mod rego;
mod replay;
mod schemas;
mod tree;
mod webhook;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};

use crate::workspace::{build_release, on_path, target};
use measure::{Call, Measured};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// Runs of each call; the median is reported
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Measure this binary instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The webhook over HTTPS, beside Gatekeeper's manager where it is named
    Webhook(webhook::Options),
    /// The server on a real API server: synced objects, how soon a constraint is enforced, the audit
    Cluster(webhook::cluster::Options),
    /// Recorded events through the rules of the runtime layer
    Replay(replay::Options),
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.part {
        Some(Part::Webhook(options)) => return webhook::run(options),
        Some(Part::Cluster(options)) => return webhook::cluster::run(options),
        Some(Part::Replay(options)) => return replay::run(options),
        None => {}
    }
    let lumen = match &options.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => build_release()?,
    };
    let clean = tree::write_clean(&target().join("bench-clean"))?;
    let tree = tree::write(&target().join("bench-tree"))?;
    let size = std::fs::metadata(&lumen).with_context(|| format!("cannot read `{}`", lumen.display()))?.len();
    println!("\nbinary    {:.2} MB", megabytes(size));
    for tree in [&tree, &clean] {
        println!(
            "{}: {} files, {} documents, {:.2} MB",
            tree.folder.display(),
            tree.files,
            tree.documents,
            megabytes(u64::try_from(tree.bytes)?)
        );
    }
    println!("\n{:>9} {:>9} {:>9} {:>8} {:>5}  call", "median ms", "least ms", "peak MB", "x input", "exit");
    let runs = usize::from(options.runs);
    let folder = tree.folder.display().to_string();
    let report = |call: &Call, runs: usize| -> Result<Measured> {
        let measured = call.measure(runs)?;
        print_row(call, &measured, tree.bytes);
        Ok(measured)
    };
    report(&Call::new(&lumen, &["--version"]), runs * 5)?;
    let mut ours = None;
    for format in ["concise", "human", "jsonl", "sarif"] {
        let call = Call::new(&lumen, &["check", "--output", format, &folder]);
        let measured = report(&call, runs)?;
        if measured.status.code() != Some(1) {
            bail!("`{}` ended with {}: the tree has denials, 1 is right", call.typed(), measured.status);
        }
        ours = ours.or(Some(measured));
    }
    let ours = ours.context("nothing was measured")?;
    let call = Call::new(&lumen, &["check", "--output", "concise", &clean.folder.display().to_string()]);
    let measured = call.measure(runs)?;
    print_row(&call, &measured, clean.bytes);
    if measured.status.code() != Some(0) {
        bail!("`{}` ended with {}: the tree is clean, 0 is right", call.typed(), measured.status);
    }
    policies::run(&lumen, &folder, tree.bytes, runs)?;
    rego::run()?;
    for peer in peers(&folder)? {
        match peer.call {
            None => println!("{}: not on the PATH, nor named by `{}`", peer.name, peer.variable),
            Some(call) => {
                // A peer takes seconds: a third of the runs is enough.
                let measured = report(&call, runs.div_ceil(3))?;
                println!(
                    "{:>9} {}: {:.1} times as long as `lumen check`",
                    "",
                    peer.name,
                    measured.median.as_secs_f64() / ours.median.as_secs_f64()
                );
            }
        }
    }
    Ok(())
}

fn print_row(call: &Call, measured: &Measured, input: usize) {
    let kib = measured.resident_kib_max;
    let (peak, times) = kib.map_or(("-".into(), "-".into()), |kib| {
        let bytes = kib * 1024;
        let times = megabytes(bytes) / megabytes(u64::try_from(input).unwrap_or(u64::MAX));
        (format!("{:.1}", megabytes(bytes)), format!("{times:.1}"))
    });
    println!(
        "{:>9.1} {:>9.1} {peak:>9} {times:>8} {:>5}  {}",
        measured.median.as_secs_f64() * 1e3,
        measured.least.as_secs_f64() * 1e3,
        measured.status.code().map_or("-".into(), |code| code.to_string()),
        call.typed()
    );
}

#[expect(clippy::cast_precision_loss, reason = "for people: three digits are shown")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A program on the PATH, or the one that a variable names.
fn find(name: &str, variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).or_else(|| on_path(name))
}

struct Peer {
    name: &'static str,
    variable: &'static str,
    call: Option<Call>,
}

fn peers(folder: &str) -> Result<[Peer; 2]> {
    let kube_linter = |program: PathBuf| Call::new(&program, &["lint", folder]);
    let kubeconform = |program: PathBuf| -> Result<Call> {
        // A location that is there and has nothing keeps it from the network.
        let schemas = schemas::folder()?.unwrap_or_else(|| target().join("no-schemas"));
        let location = format!("{}/{{{{.ResourceKind}}}}.json", schemas.display());
        let arguments = ["-ignore-missing-schemas", "-summary", "-schema-location", &location, folder];
        Ok(Call::new(&program, &arguments))
    };
    Ok([
        Peer {
            name: "kube-linter",
            variable: "KUBE_LINTER",
            call: find("kube-linter", "KUBE_LINTER").map(kube_linter),
        },
        Peer {
            name: "kubeconform",
            variable: "KUBECONFORM",
            call: find("kubeconform", "KUBECONFORM").map(kubeconform).transpose()?,
        },
    ])
}

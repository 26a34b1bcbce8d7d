//! `fuzz`: runs a fuzz target of `fuzz/`, by cargo-fuzz with the nightly toolchain.

mod seeds;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace::{command, on_path, root, run as run_command};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The target; all of them, one after the other, if none is named
    target: Option<String>,
    /// How long each runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if on_path("cargo-fuzz").is_none() {
        bail!(
            "cargo-fuzz is not installed: `cargo install cargo-fuzz`, and `rustup toolchain install nightly`"
        );
    }
    let targets = match &options.target {
        Some(target) => vec![target.clone()],
        None => targets()?,
    };
    for target in targets {
        let corpus = format!("fuzz/corpus/{target}");
        let seeds = seeds::write(&target, &root().join(&corpus))?;
        println!("{target}: {seeds} seeds in {corpus}");
        let mut fuzz = command("cargo");
        fuzz.args(["+nightly", "fuzz", "run", &target, &corpus, "--"])
            .arg(format!("-max_total_time={}", options.seconds))
            .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"])
            // Under cargo, a toolchain is set that would win over the one that is named.
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN");
        run_command(&mut fuzz)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz").join("fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        if let Some(name) = entry?.path().file_stem() {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

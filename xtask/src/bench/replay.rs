//! `lumen replay` over a recording of a busy node, start and loading of the rules included: how many events a second, and how much memory.

use anyhow::{Result, bail};
use clap::Args;

use super::measure::Call;
use crate::workspace::{build_release, cargo, run as run_command, target};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Events of the recording
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// Runs of each call; the median is reported
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Measure this binary instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<std::path::PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let lumen = match &options.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => build_release()?,
    };
    let file = target().join("bench-replay.rec");
    run_command(
        cargo()
            .args([
                "run",
                "--quiet",
                "--release",
                "--locked",
                "--package",
                "lumen-runtime",
                "--example",
                "busy_node",
                "--",
            ])
            .arg(&file)
            .arg(options.events.to_string()),
    )?;
    let bytes = std::fs::metadata(&file)?.len();
    println!("\n{}: {} events, {} bytes each", file.display(), options.events, bytes / options.events);
    println!(
        "\n{:>9} {:>9} {:>12} {:>9} {:>5}  call",
        "median ms", "least ms", "events/s", "peak MB", "exit"
    );
    let file = file.display().to_string();
    // The first judges nothing: what is left is the reading.
    let calls: [&[&str]; 4] = [
        &["replay", "--disable-rule", "*", &file],
        &["replay", &file],
        &["replay", "--matching", "all", &file],
        &["replay", "--output", "json", &file],
    ];
    for (place, arguments) in calls.into_iter().enumerate() {
        let call = Call::new(&lumen, arguments);
        let measured = call.measure(usize::from(options.runs))?;
        #[expect(clippy::cast_precision_loss, reason = "for people: three digits are shown")]
        let rate = options.events as f64 / measured.median.as_secs_f64();
        println!(
            "{:>9.1} {:>9.1} {rate:>12.0} {:>9} {:>5}  {}",
            measured.median.as_secs_f64() * 1e3,
            measured.least.as_secs_f64() * 1e3,
            measured
                .resident_kib_max
                .map_or("-".into(), |kib| format!("{:.1}", super::megabytes(kib * 1024))),
            measured.status.code().map_or("-".into(), |code| code.to_string()),
            call.typed()
        );
        let right = i32::from(place > 0);
        if measured.status.code() != Some(right) {
            bail!("`{}` ended with {}: {right} is right", call.typed(), measured.status);
        }
    }
    Ok(())
}

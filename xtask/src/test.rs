//! `test`: the whole suite, and at its end a table of what ran, how long it took, and what was skipped and why.
//!
//! Every step runs, whatever became of those before it. On a user's machine a step whose tools are missing and cannot
//! be installed is skipped; with `CI=true` that is a failure.

mod install;
mod steps;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use steps::STEPS;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these steps; all if none is named
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    steps: Vec<String>,
}

/// A part of the suite.
struct Step {
    name: &'static str,
    /// What it shows, in a few words.
    summary: &'static str,
    run: fn() -> Result<Outcome>,
}

/// What became of a step that did not fail.
enum Outcome {
    /// All is well; the text says how much was looked at.
    Passed(String),
    /// It could not be run, or not in full, for this reason.
    Skipped(String),
}

struct Row {
    step: &'static Step,
    word: &'static str,
    time: Duration,
    remark: String,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let strict = std::env::var_os("CI").is_some_and(|value| value == "true");
    let mut rows = Vec::new();
    for step in STEPS {
        if !(options.steps.is_empty() || options.steps.iter().any(|name| name == step.name)) {
            continue;
        }
        println!("\n=== {}: {}", step.name, step.summary);
        let start = Instant::now();
        let outcome = (step.run)();
        let time = start.elapsed();
        let (word, remark) = match outcome {
            Ok(Outcome::Passed(remark)) => ("passed", remark),
            Ok(Outcome::Skipped(reason)) if strict => ("FAILED", format!("skipped: {reason}")),
            Ok(Outcome::Skipped(reason)) => ("skipped", reason),
            Err(error) => ("FAILED", format!("{error:#}")),
        };
        if word != "passed" {
            println!("{word}: {remark}");
        }
        rows.push(Row { step, word, time, remark });
    }
    print_table(&rows);
    let failed: Vec<_> = rows.iter().filter(|row| row.word == "FAILED").map(|row| row.step.name).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn print_table(rows: &[Row]) {
    println!("\n{:<13} {:<8} {:>8}  remark", "step", "outcome", "seconds");
    for row in rows {
        println!(
            "{:<13} {:<8} {:>8.1}  {}",
            row.step.name,
            row.word,
            row.time.as_secs_f64(),
            row.remark.lines().next().unwrap_or_default(),
        );
    }
    let total: Duration = rows.iter().map(|row| row.time).sum();
    println!("{:<13} {:<8} {:>8.1}", "total", "", total.as_secs_f64());
}

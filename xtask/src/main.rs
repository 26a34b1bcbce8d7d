//! The project's tasks: `cargo xtask TASK`. One file a task; none of this is shipped.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tasks are programs for people: what they do, they print"
)]

mod bench;
mod cluster;
mod demo;
mod docs;
mod e2e;
mod fuzz;
mod image;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::build_release;

/// The project's tasks
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build lumen as it is shipped: one optimised, static file
    Build,
    /// Build lumen and run its main job on `examples/`
    Demo,
    /// Run the whole suite; with `CI=true` what cannot be run is a failure
    Test(test::Options),
    /// Make Lumen's image, without a container engine
    Image(image::Options),
    /// A real Kubernetes for tests
    Cluster(cluster::Options),
    /// Ask a real API server what it says of the examples and the corpus, and compare with the recorded answers
    E2e(e2e::Options),
    /// Measure the release binary as a whole, beside its peers where they are installed
    Bench(bench::Options),
    /// Run a fuzz target
    Fuzz(fuzz::Options),
    /// Write the man pages, completions and schemas to `target/docs`
    Docs,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Build => build_release().map(|binary| println!("{}", binary.display())),
        Task::Demo => demo::run(),
        Task::Test(options) => test::run(&options),
        Task::Image(options) => image::run(&options),
        Task::Cluster(options) => cluster::run(&options),
        Task::E2e(options) => e2e::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Docs => docs::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

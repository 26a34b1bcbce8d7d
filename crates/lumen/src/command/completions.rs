//! `lumen completions`.

use clap::CommandFactory;

use crate::cli::{Cli, Completions};
use crate::console;
use crate::exit::Exit;

pub(super) fn run(arguments: &Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "lumen", &mut script);
    console::print(&script)?;
    Ok(Exit::Clean)
}

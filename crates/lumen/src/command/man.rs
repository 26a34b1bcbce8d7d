//! `lumen man`.

use anyhow::Context as _;
use clap::CommandFactory;

use super::Context;
use crate::cli::{Cli, Man};
use crate::console;
use crate::exit::Exit;

pub(super) fn run(arguments: &Man, context: &Context) -> anyhow::Result<Exit> {
    // What `help` prints is what the pages say: pages of its own would only repeat the list of commands.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &arguments.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        console::print(&page)?;
        return Ok(Exit::Clean);
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("cannot write to `{}`", folder.display()))?;
    context.console.note(format!("the man pages are in `{}`", folder.display()));
    Ok(Exit::Clean)
}

//! The commands: one file each.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use clap::Parser;

use crate::check::Settings;
use crate::cli::{Cli, Command, Global};
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::{ConfigFile, Flags, Resolved};
use crate::source;

mod check;
mod completions;
mod config;
mod doctor;
mod explain;
mod install;
mod layers;
mod man;
mod net;
mod policy;
mod rego;
mod replay;
mod rules;
mod scan;
mod schema;
mod server;
mod test;

/// What holds for every command.
struct Context {
    global: Global,
    console: Console,
}

/// Runs the program with the arguments of its process.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            // Help and version are no errors. Where nobody reads them there is nobody to tell.
            drop(message.print());
            return if message.use_stderr() { Exit::Failed } else { Exit::Clean };
        }
    };
    let console = Console::new(&cli.global);
    let context = Context { global: cli.global, console };
    // Nothing is meant to panic. Should something all the same, the status must not say that manifests are to blame.
    match catch_unwind(AssertUnwindSafe(|| run(cli.command, &context))) {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => {
            console.error(described(&error));
            Exit::Failed
        }
        Err(_) => {
            console.error("this is a bug in lumen: please report it");
            Exit::Failed
        }
    }
}

/// An error and what led to it, those of the system in words.
fn described(error: &anyhow::Error) -> String {
    let each = error.chain().map(|cause| match cause.downcast_ref::<std::io::Error>() {
        Some(error) => source::plain(error),
        None => cause.to_string(),
    });
    each.collect::<Vec<_>>().join(": ")
}

fn run(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Check(arguments) => check::run(&arguments, context),
        Command::Scan(arguments) => scan::run(&arguments, context),
        Command::Layers(arguments) => layers::run(&arguments, context),
        Command::Explain(arguments) => explain::run(&arguments, context),
        Command::Test(arguments) => test::run(&arguments, context),
        Command::Rego(arguments) => rego::run(&arguments, context),
        Command::Rules(arguments) => rules::run(&arguments, context),
        Command::Replay(arguments) => replay::run(&arguments, context),
        Command::Net(arguments) => net::run(&arguments, context),
        Command::Policy(arguments) => policy::run(&arguments, context),
        Command::Install(arguments) => install::run(&arguments, context),
        Command::Uninstall(arguments) => install::uninstall(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Server(arguments) => server::run(&arguments, context),
        Command::Config(arguments) => config::run(&arguments, context),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments, context),
    }
}

impl Context {
    /// The settings, given where the search for `lumen.yaml` starts.
    fn settings(&self, flags: &Flags, start: &Path) -> anyhow::Result<Resolved> {
        let file = match &self.global.config {
            Some(path) if path.as_os_str() == "none" => None,
            Some(path) => Some(ConfigFile::open(path)?),
            None => ConfigFile::find(start).map(|path| ConfigFile::open(&path)).transpose()?,
        };
        if let Some(file) = &file {
            self.console.detail(format!("settings are read from {}", file.path().display()));
        }
        Ok(Resolved::new(flags, &environment(), file.as_ref())?)
    }
}

/// What the reading of manifests depends on, for commands that do not judge them.
fn reading(resolved: &Resolved) -> Settings {
    let mut settings = Settings { limits: resolved.limits(), now: resolved.now(), ..Settings::default() };
    settings.policies.default_namespace = resolved.namespace();
    settings
}

/// The variables that may be ours. What is no UTF-8 has U+FFFD in its place: a value of that kind is refused, not
/// overlooked.
fn environment() -> Vec<(String, String)> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let mut ours: Vec<_> = std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .filter(|(name, _)| name.starts_with("LUMEN_"))
        .collect();
    ours.sort();
    ours
}

/// Where the search for `lumen.yaml` starts: at the first path, or in the current folder.
fn start_of_search(first: Option<&OsString>) -> &Path {
    let here = Path::new(".");
    let Some(path) = first.map(Path::new).filter(|path| path.exists()) else {
        return here;
    };
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(here)
}

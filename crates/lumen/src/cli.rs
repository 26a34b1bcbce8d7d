//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::settings::Flags;

const EXAMPLES: &str = "\
Examples:
  lumen check deploy/                     check every manifest below a folder
  helm template shop ./chart | lumen check -
  lumen check --fix deploy/               and mend what can be mended safely
  lumen explain pod-security/privileged   what a rule is for

Exit status: 0 nothing at or above --fail-on; 1 something is; 2 wrong usage, or an input that cannot be read";

const CHECK_EXAMPLES: &str = "\
Examples:
  lumen check .                             everything below this folder
  lumen check --fail-on deny deploy/        fail only on what the cluster would refuse
  kustomize build overlays/prod | lumen check -
  lumen check -o human -o sarif=lumen.sarif deploy/
  lumen check --diff --unsafe-fixes deploy/ show what fixes would change
  lumen check --write-baseline known.json deploy/
  lumen check --baseline known.json deploy/ only what is new

Exit status: 0 nothing at or above --fail-on; 1 something is; 2 wrong usage, or an input that cannot be read";

const CONFIG_EXAMPLES: &str = "\
Examples:
  lumen config show --origin          every setting, its value and who gave it
  LUMEN_FAIL_ON=low lumen config show > lumen.yaml";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  lumen completions bash > /etc/bash_completion.d/lumen
  lumen completions zsh > \"${fpath[1]}/_lumen\"
  lumen completions fish > ~/.config/fish/completions/lumen.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  lumen man | man -l -                read the page of `lumen` itself
  lumen man /usr/local/share/man/man1 write all pages";

/// Defence in depth for Kubernetes clusters that have no internet.
#[derive(Debug, Parser)]
#[command(name = "lumen", version, about, after_help = EXAMPLES, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// When to use colours; `auto` asks the terminal, `NO_COLOR`, `CLICOLOR_FORCE` and `TERM`
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Say nothing on standard error but errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more on standard error
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Use this `lumen.yaml` and look for no other; `none` uses no file at all
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, env = "LUMEN_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where a terminal can show them and nobody asked for none.
    #[default]
    Auto,
    /// Into files and pipes, too.
    Always,
    /// Not at all.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check manifests: what the cluster would refuse, and what is weak
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<Check>),
    /// Say what a rule demands, why, and how to mend or exempt a workload
    Explain(Explain),
    /// Show the settings
    Config(Config),
    /// Print the JSON schema of an output
    Schema(Schema),
    /// Print the completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Print the man page, or write all of them to a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man(Man),
}

/// `lumen check`.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Check {
    /// Files and folders; `-` is standard input. The current folder where none is given
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// Apply the fixes that are safe: hardly any program notices
    #[arg(long, help_heading = "Fixes")]
    pub fix: bool,
    /// With `--fix` or `--diff`: those that a program may notice, too
    #[arg(long, help_heading = "Fixes")]
    pub unsafe_fixes: bool,
    /// Print what the fixes would change as a patch, in place of a report, and change nothing
    #[arg(long, help_heading = "Fixes", conflicts_with = "fix")]
    pub diff: bool,
    /// Check again whenever a file changes, until interrupted
    #[arg(long, short, conflicts_with_all = ["fix", "diff", "write_baseline"])]
    pub watch: bool,
    /// Write what is found now to this file, for `--baseline`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["baseline", "fix", "diff"])]
    pub write_baseline: Option<PathBuf>,
    /// Print the exemptions in place of a report: which matched, which are unused or expired; a table, or
    /// JSON with `-o json`
    #[arg(long, conflicts_with_all = ["fix", "diff", "write_baseline"])]
    pub exemptions: bool,
    /// The settings.
    #[command(flatten)]
    pub settings: Flags,
}

/// `lumen explain`.
#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// A rule's id, such as `pod-security/privileged`, or the end of one that no other rule shares; all rules
    /// where none is given
    pub rule: Option<String>,
}

/// `lumen config`.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// What to do with them.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// The commands of `lumen config`.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigAction {
    /// Print every setting with the value it has here, as a `lumen.yaml`
    #[command(after_help = CONFIG_EXAMPLES)]
    Show(Box<ConfigShow>),
}

/// `lumen config show`.
#[derive(Clone, Debug, Args)]
pub struct ConfigShow {
    /// Say of each who gave it: `lumen.yaml:3`, an environment variable, a flag, the default
    #[arg(long)]
    pub origin: bool,
    /// Look for `lumen.yaml` from here upward, as `lumen check` does from its first path
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub settings: Flags,
}

/// `lumen schema`.
#[derive(Clone, Debug, Args)]
pub struct Schema {
    /// Which one, such as `report` or `lumen.report/v1`; their names where none is given
    pub name: Option<String>,
}

/// `lumen completions`.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `lumen man`.
#[derive(Clone, Debug, Args)]
pub struct Man {
    /// The folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}

//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::settings::Flags;

pub mod cluster;
pub mod layers;
pub mod net;
pub mod replay;
pub mod rules;
pub mod scan;
pub mod server;

const EXAMPLES: &str = "\
Examples:
  lumen check deploy/                     check every manifest below a folder
  helm template shop ./chart | lumen check -
  lumen check --fix deploy/               and mend what can be mended safely
  lumen explain pod-security/privileged   what a rule is for

Exit status: 0 nothing at or above --fail-on; 1 something is: what the cluster refuses counts whatever its severity;
2 wrong usage, or an input that cannot be read";

const CHECK_EXAMPLES: &str = "\
Examples:
  lumen check .                             everything below this folder
  lumen check --fail-on deny deploy/        fail only on what the cluster would refuse
  lumen check --policy builtin deploy/      with the admission policies that come with lumen
  kustomize build overlays/prod | lumen check -
  lumen check -o human -o sarif=lumen.sarif deploy/
  lumen check --diff --unsafe-fixes deploy/ show what fixes would change
  lumen check --write-baseline known.json deploy/
  lumen check --baseline known.json deploy/ only what is new

Exit status: 0 nothing at or above --fail-on; 1 something is: what the cluster refuses counts whatever its severity;
2 wrong usage, or an input that cannot be read";

const CONFIG_EXAMPLES: &str = "\
Examples:
  lumen config show --origin          every setting, its value and who gave it
  LUMEN_FAIL_ON=low lumen config show > lumen.yaml";

const TEST_EXAMPLES: &str = "\
Examples:
  lumen test policies/                    every suite and every test below a folder
  lumen test --run 'labels//missing' .    cases like `missing` of tests like `labels`
  lumen test --coverage --strict policies/
  lumen test -o junit policies/ > tests.xml
  lumen test --coverage rules/            tests of rules about events, and which conditions they came to

The modules below each PATH are compiled together, as `opa test` does; `data.json` and `data.yaml` are base documents.

Exit status: 0 all passed; 1 a test failed, or with --strict there is a remark; 2 a test could not be run";

const REGO_EVAL_EXAMPLES: &str = "\
Examples:
  lumen rego eval '1 + 1'
  lumen rego eval -d policy.rego -i input.json data.main.deny
  lumen rego eval --explain -d policy.rego -i input.json data.main.allow";

const POLICY_EXPORT_EXAMPLES: &str = "\
Examples:
  lumen policy export policies                    all of them, to be changed and tested
  lumen policy export policies block-latest-tag
  lumen policy show block-latest-tag | kubectl apply -f -";

const POLICY_PREVIEW_EXAMPLES: &str = "\
Examples:
  kubectl logs -n lumen-system -l app.kubernetes.io/name=lumen --tail=-1 | lumen policy preview -
  lumen policy preview -o json server.log";

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
#[command(name = "lumen", version, about, after_help = EXAMPLES, max_term_width = 110)]
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
    /// Check what is in a cluster: what it would refuse now, and what is weak
    #[command(after_help = scan::SCAN_EXAMPLES)]
    Scan(Box<scan::Scan>),
    /// Say what each layer does about each step of an attack, and what is left when one is bypassed
    #[command(after_help = layers::LAYERS_EXAMPLES)]
    Layers(Box<layers::Layers>),
    /// Say what a rule demands, why, and how to mend or exempt a workload
    Explain(Explain),
    /// Run tests: Gatekeeper's suites, the `test_` rules of Rego modules, and who may reach whom
    #[command(after_help = TEST_EXAMPLES)]
    Test(Test),
    /// The rules of the runtime layer, in Falco's language: check, list, explain them, and what their tests come to
    #[command(after_help = rules::RULES_EXAMPLES)]
    Rules(rules::Rules),
    /// Judge recorded events by the rules of the runtime layer, and write the alerts
    #[command(after_help = replay::REPLAY_EXAMPLES)]
    Replay(Box<replay::Replay>),
    /// Ask the Rego engine: evaluate a query, check modules, list what they need
    Rego(Rego),
    /// Who can reach whom by the network policies, and which rule decides
    Net(net::Net),
    /// The policies that come with Lumen: list, show, or write them to a folder; and what a policy would reject
    Policy(Policy),
    /// Write everything that Lumen needs in a cluster as manifests
    #[command(after_help = cluster::INSTALL_EXAMPLES)]
    Install(cluster::Install),
    /// Write what `lumen install` makes as manifests, to be deleted
    #[command(after_help = cluster::UNINSTALL_EXAMPLES)]
    Uninstall(cluster::Uninstall),
    /// Check a cluster: what keeps it from being protected, or could keep it from coming back
    #[command(after_help = cluster::DOCTOR_EXAMPLES)]
    Doctor(cluster::Doctor),
    /// Answer the API server: the admission webhook, of policies in the cluster or in files
    #[command(after_help = server::SERVER_EXAMPLES)]
    Server(Box<server::Server>),
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
    /// Files and folders; `-` is standard input; the current folder where none is given
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
    /// Ask the Conftest policies of this file or folder about every document, TOML included: what `deny`, `violation`
    /// and `warn` find is advice; repeatable
    #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath, help_heading = "Conftest")]
    pub conftest: Vec<OsString>,
    /// The package whose rules are asked; `main` where none is given; `*` and `?` stand for any characters; repeatable
    #[arg(long, value_name = "NAME", requires = "conftest", help_heading = "Conftest")]
    pub conftest_namespace: Vec<String>,
    /// Base documents for them, below `data`: JSON and YAML files, or folders of them; repeatable
    #[arg(long, value_name = "PATH", requires = "conftest", value_hint = ValueHint::AnyPath, help_heading = "Conftest")]
    pub conftest_data: Vec<OsString>,
    /// Show for each violation of an admission policy which lines of its Rego held, with their values
    #[arg(long)]
    pub trace: bool,
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
    /// A rule's id, such as `pod-security/privileged`, or the end of one that no other rule shares; a constraint's,
    /// such as `admission/K8sBlockLatestTag/block-latest-tag`; a rule about events, such as
    /// `runtime/Terminal shell in a container`; all rules where none is given
    pub rule: Option<String>,
}

/// `lumen test`.
#[derive(Clone, Debug, Args)]
pub struct Test {
    /// Files and folders; the current folder where none is given
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// Only cases or tests whose name matches this regular expression; `TEST//CASE` for both
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    pub run: String,
    /// Show which lines of Rego, and which conditions of rules about events, no test came to
    #[arg(long)]
    pub coverage: bool,
    /// Remarks fail, too: tests that cannot fail, cases that nobody runs, constraints that match nothing
    #[arg(long)]
    pub strict: bool,
    /// Show every case, not only those that did not pass
    #[arg(long, short)]
    pub all: bool,
    /// Whether an `ipBlock` means pods whose address is in it, for tests of the network: as in `lumen net`
    #[arg(long, value_enum, default_value_t, value_name = "WHOM")]
    pub ip_block: net::IpBlock,
    /// Judge as at this time, such as `2026-01-31T12:00:00Z`; the clock's where neither it nor `LUMEN_NOW` says
    #[arg(long, value_name = "TIME")]
    pub now: Option<jiff::Timestamp>,
    /// The format of the report
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: TestFormat,
}

/// Formats of reports about tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// `JUnit` XML.
    Junit,
}

/// `lumen rego`.
#[derive(Clone, Debug, Args)]
pub struct Rego {
    /// What to do.
    #[command(subcommand)]
    pub action: RegoAction,
}

/// The commands of `lumen rego`.
#[derive(Clone, Debug, Subcommand)]
pub enum RegoAction {
    /// Evaluate a query and print its solutions
    #[command(after_help = REGO_EVAL_EXAMPLES)]
    Eval(RegoEval),
    /// Parse and compile modules together, and say what is wrong
    Check(RegoFiles),
    /// List what modules read: paths of input, base documents and rules; and which built-ins they call
    Deps(RegoFiles),
    /// Print the plan that modules are compiled to
    ExplainPlan(RegoFiles),
}

/// `lumen rego eval`.
#[derive(Clone, Debug, Args)]
pub struct RegoEval {
    /// The query
    pub query: String,
    /// Modules, base documents (JSON, YAML), or folders of them
    #[arg(long, short, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub data: Vec<OsString>,
    /// The input: JSON or YAML; `-` is standard input
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub input: Option<OsString>,
    /// A built-in that fails is an error, not undefined
    #[arg(long)]
    pub strict_builtin_errors: bool,
    /// Say on standard error which expressions held and which did not
    #[arg(long)]
    pub explain: bool,
    /// The language of the modules; that of each is found out where none is given
    #[command(flatten)]
    pub language: RegoLanguage,
}

/// Modules to look at.
#[derive(Clone, Debug, Args)]
pub struct RegoFiles {
    /// Modules, or folders of them
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// OPA's strict mode: unused and shadowing names are errors
    #[arg(long)]
    pub strict: bool,
    /// The language.
    #[command(flatten)]
    pub language: RegoLanguage,
}

/// The language of modules.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct RegoLanguage {
    /// Read modules as before OPA 1.0
    #[arg(long, conflicts_with = "v1")]
    pub v0: bool,
    /// Read modules as OPA 1.0 and later do
    #[arg(long)]
    pub v1: bool,
}

/// `lumen policy`.
#[derive(Clone, Debug, Args)]
pub struct Policy {
    /// What to do with them.
    #[command(subcommand)]
    pub action: PolicyAction,
}

/// The commands of `lumen policy`.
#[derive(Clone, Debug, Subcommand)]
pub enum PolicyAction {
    /// List the built-in policies: name, severity, what each demands
    List,
    /// Print a policy's template and constraint, for `kubectl apply -f -`
    ///
    /// The kind of the constraint is there only after the server, or Gatekeeper, has seen the template: where the template is new, the first
    /// call of `kubectl apply` refuses the constraint, and the same call a few seconds later takes it.
    Show(PolicyShow),
    /// Say of a server's log what each constraint would have rejected, were it set to `deny`
    #[command(after_help = POLICY_PREVIEW_EXAMPLES)]
    Preview(PolicyPreview),
    /// Write policies with their suites and samples to a folder
    #[command(after_help = POLICY_EXPORT_EXAMPLES)]
    Export(PolicyExport),
}

/// `lumen policy show`.
#[derive(Clone, Debug, Args)]
pub struct PolicyShow {
    /// The policy's name, as `lumen policy list` gives it
    pub name: String,
}

/// `lumen policy preview`.
#[derive(Clone, Debug, Args)]
pub struct PolicyPreview {
    /// Logs of `lumen server`; `-` is standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<OsString>,
    /// How to say it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: cluster::Format,
}

/// `lumen policy export`.
#[derive(Clone, Debug, Args)]
pub struct PolicyExport {
    /// The folder; each policy gets one of its own in it
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// Which policies; all where none is given
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Overwrite files that differ
    #[arg(long)]
    pub force: bool,
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

//! The command line of `lumen rules`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::replay::RuleSet;

pub(super) const RULES_EXAMPLES: &str = "\
Examples:
  lumen rules check falco_rules.yaml local_rules.yaml     in the order in which they are loaded
  lumen rules check --strict rules/                       warnings are errors, too
  lumen rules check --rule-set default local.yaml         a file that changes the default rules
  lumen rules list -o json rules/                         each rule with the events that it looks at
  lumen rules list                                        the default rules
  lumen rules fields proc.                                the fields that begin so
  lumen rules export rules                                the default rules and their tests, to be changed
  lumen rules explain 'Namespace entered'                 a default rule: its condition, macros by name and written out
  lumen rules explain NAME rules/ --event event.yaml      why it matches the event, or does not
  lumen rules coverage rules/                             what the tests below the folder come to

Exit status: 0 all rules were loaded; 1 some were not, or there are warnings with --strict; 2 wrong usage, or a file cannot be read";

/// `lumen rules`.
#[derive(Clone, Debug, Args)]
pub struct Rules {
    /// What to do with them.
    #[command(subcommand)]
    pub action: RulesAction,
}

/// The commands of `lumen rules`.
#[derive(Clone, Debug, Subcommand)]
pub enum RulesAction {
    /// Load rules as Falco does, and say what is wrong with them, where
    Check(RulesCheck),
    /// List rules, with their priorities and the events that they look at
    List(RulesList),
    /// List the fields that conditions and outputs may name
    Fields(RulesFields),
    /// Write the default rules with their tests to a folder
    Export(RulesExport),
    /// Say what a rule is made of, and, of an event, why it matches or does not
    Explain(RulesExplain),
    /// Say what tests come to of rules, and what of the rules can never be
    Coverage(RulesCoverage),
}

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    #[default]
    Human,
    /// For programs: one object a line.
    Json,
}

/// `lumen rules check`.
#[derive(Clone, Debug, Args)]
pub struct RulesCheck {
    /// Rules files, or folders of them; later ones change earlier ones; the default rules where none is given
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// The rules beneath those of the paths; none where nothing is said
    #[arg(long, value_enum, value_name = "SET")]
    pub rule_set: Option<RuleSet>,
    /// Take warnings for errors
    #[arg(long)]
    pub strict: bool,
    /// How to write what is wrong
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ListFormat,
}

/// `lumen rules list`.
#[derive(Clone, Debug, Args)]
pub struct RulesList {
    /// Rules files, or folders of them; later ones change earlier ones; the default rules where none is given
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// The rules beneath those of the paths; none where nothing is said
    #[arg(long, value_enum, value_name = "SET")]
    pub rule_set: Option<RuleSet>,
    /// How to write the list
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ListFormat,
}

/// `lumen rules fields`.
#[derive(Clone, Debug, Args)]
pub struct RulesFields {
    /// What the names begin with
    #[arg(value_name = "BEGINNING", default_value = "")]
    pub beginning: String,
    /// How to write the list
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ListFormat,
}

/// `lumen rules export`.
#[derive(Clone, Debug, Args)]
pub struct RulesExport {
    /// The folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// Overwrite files that differ
    #[arg(long)]
    pub force: bool,
}

/// `lumen rules explain`.
#[derive(Clone, Debug, Args)]
pub struct RulesExplain {
    /// The name of the rule
    #[arg(value_name = "RULE")]
    pub rule: String,
    /// Rules files, or folders of them; later ones change earlier ones; the default rules where none is given
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// The rules beneath those of the paths; none where nothing is said
    #[arg(long, value_enum, value_name = "SET")]
    pub rule_set: Option<RuleSet>,
    /// A YAML file with events as tests of rules have them, a document each, such as `{evt.type: openat, fd.name: /etc/shadow}`;
    /// `-` for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub event: Option<OsString>,
    /// How to write it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ListFormat,
}

/// `lumen rules coverage`.
#[derive(Clone, Debug, Args)]
pub struct RulesCoverage {
    /// Folders of rules, with the tests that stand beside or below them, or files of rules and of tests: only tests in the paths are
    /// used
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// Fail where a rule never fires, something of a rule can never be, or there are no tests
    #[arg(long)]
    pub strict: bool,
    /// How to write it: `json` as `lumen test -o json` does
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ListFormat,
}

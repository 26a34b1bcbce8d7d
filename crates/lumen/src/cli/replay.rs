//! The command line of `lumen replay`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::replay::{Format, JsonKey};

pub(super) const REPLAY_EXAMPLES: &str = "\
Examples:
  lumen replay events.rec                        what the default rules say of a recording
  lumen replay -r local.yaml capture.scap        with rules of your own on top
  lumen replay --rule-set none -r falco_rules.yaml -r falco_rules.local.yaml capture.scap
  lumen replay -o json --falco-compatible - < events.jsonl
  lumen replay --write events.rec capture.scap   a capture as a recording

Exit status: 0 no alert; 1 alerts; 2 wrong usage, or a file or an event that cannot be read, or a broken rule or a warning with --strict";

/// `lumen replay`.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Replay {
    /// Recordings, captures (`.scap`) and events as JSON lines, compressed with gzip or not; `-` is standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<OsString>,
    /// Rules files, or folders of them, on top of the rule set; repeatable, later ones change earlier ones
    #[arg(long, short, value_name = "PATH", value_hint = ValueHint::AnyPath, help_heading = "Rules")]
    pub rules: Vec<OsString>,
    /// The rules beneath those of `--rules`
    #[arg(long, value_enum, default_value_t, value_name = "SET", help_heading = "Rules")]
    pub rule_set: RuleSet,
    /// Which of the rules that match an event are told
    #[arg(long, value_enum, default_value_t, value_name = "WHICH", help_heading = "Rules")]
    pub matching: Matching,
    /// Only rules of this priority or a higher one: `debug`, `info`, `notice`, `warning`, `error`, `critical`, ..
    #[arg(long, value_name = "PRIORITY", help_heading = "Rules")]
    pub priority: Option<String>,
    /// Only rules with this tag, be they switched off or not; repeatable
    #[arg(
        long = "tag",
        short = 't',
        value_name = "TAG",
        conflicts_with = "without_tags",
        help_heading = "Rules"
    )]
    pub only_tags: Vec<String>,
    /// No rules with this tag; repeatable
    #[arg(long = "disable-tag", short = 'T', value_name = "TAG", help_heading = "Rules")]
    pub without_tags: Vec<String>,
    /// No rules whose name has this in it, or is this, with `*` for any letters; repeatable
    #[arg(long = "disable-rule", short = 'D', value_name = "NAME", help_heading = "Rules")]
    pub without_names: Vec<String>,
    /// A broken rule, or a warning about one, ends the call before an event is read; warnings about events are errors
    #[arg(long, help_heading = "Rules")]
    pub strict: bool,
    /// How to write alerts
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Alerts")]
    pub output: Format,
    /// What stands in JSON beside priority, rule, source and time, separated by commas
    #[arg(
        long,
        value_enum,
        value_name = "KEYS",
        value_delimiter = ',',
        default_values_t = JsonKey::DEFAULT,
        help_heading = "Alerts"
    )]
    pub json_keys: Vec<JsonKey>,
    /// Nothing in JSON that Falco does not write
    #[arg(long, help_heading = "Alerts")]
    pub falco_compatible: bool,
    /// Write the time of an alert with its date, as Falco's `time_format_iso_8601`
    #[arg(long, help_heading = "Alerts")]
    pub iso_time: bool,
    /// Add this to the output of each rule; repeatable
    #[arg(long, value_name = "OUTPUT", help_heading = "Alerts")]
    pub append_output: Vec<String>,
    /// Add container and pod to the output of each rule, as Falco's container plugin does by default
    #[arg(long, help_heading = "Alerts")]
    pub suggested_output: bool,
    /// The name of the node that the events are from
    #[arg(long, value_name = "NAME", env = "LUMEN_NODE", hide_env_values = true, help_heading = "Alerts")]
    pub node: Option<String>,
    /// Say on standard error how many events and alerts there were, and how long it took
    #[arg(long)]
    pub stats: bool,
    /// Write the events as a recording to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write: Option<PathBuf>,
}

/// The rules beneath.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RuleSet {
    /// The default rules.
    #[default]
    Default,
    /// None.
    None,
}

/// Which of the rules that match are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Matching {
    /// The first, in the order of the rules.
    #[default]
    First,
    /// All.
    All,
}

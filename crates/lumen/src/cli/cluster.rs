//! The command line of what is done with a cluster: `install`, `uninstall` and `doctor`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, ValueHint};

use crate::install::IMAGE;

pub(super) const INSTALL_EXAMPLES: &str = "\
Examples:
  lumen doctor --pre                             first: what the cluster lacks for it
  lumen install --image registry.local/lumen:0.1.0 | kubectl apply -f -
  lumen install --failure-policy Ignore > install.yaml
  lumen install --dry-run=server                 ask the API server, and change nothing
  lumen install --shadow | kubectl apply -f -    beside a running Gatekeeper

Exit status: 0 all went well; 1 the API server would refuse a manifest; 2 wrong usage, or it cannot be asked";

pub(super) const UNINSTALL_EXAMPLES: &str = "\
Examples:
  lumen uninstall | kubectl delete --ignore-not-found -f -
  lumen uninstall | less                         what would go

Gatekeeper's kinds, and with them templates and constraints, stay.";

pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  lumen doctor --pre        before `lumen install`
  lumen doctor              after it, and whenever something is odd
  lumen doctor -o json

Exit status: 0 all is well; 1 something is to be looked at (‼), or could not be (-); 2 something is broken (×), or the API server cannot be asked";

/// What becomes of requests that nobody answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum FailurePolicy {
    /// They are refused.
    #[default]
    Fail,
    /// They go on.
    Ignore,
}

/// Whom a dry run asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// The API server, which checks everything and keeps nothing.
    Server,
}

/// Which cluster is meant.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster options")]
pub struct Cluster {
    /// The kubeconfig to use
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// `lumen install`.
#[derive(Clone, Debug, Default, Args)]
pub struct Install {
    /// The image, where the nodes find it
    #[arg(long, value_name = "IMAGE", default_value = IMAGE, value_parser = NonEmptyStringValueParser::new())]
    pub image: String,
    /// How many replicas answer
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub replicas: u8,
    /// What becomes of requests that nobody answers
    #[arg(long, value_enum, default_value_t, value_name = "POLICY")]
    pub failure_policy: FailurePolicy,
    /// Do not judge what happens in this namespace; repeatable. Those that a `*` at one end stands for may carry the label `admission.gatekeeper.sh/ignore`
    #[arg(long, value_name = "NAME", value_parser = namespace)]
    pub exempt_namespace: Vec<String>,
    /// A port at which API servers answer, which pods of Lumen may reach; may be repeated
    #[arg(long, value_name = "PORT", default_values_t = crate::install::OPENED_PORTS)]
    pub api_server_port: Vec<u16>,
    /// Ask the API server whether it would take the manifests, and change nothing
    #[arg(long, value_enum, value_name = "WHERE")]
    pub dry_run: Option<DryRun>,
    /// Beside a running Gatekeeper: refuse nothing, write nothing that it owns, count what would have been said
    #[arg(long)]
    pub shadow: bool,
    /// Which cluster is asked in a dry run
    #[command(flatten)]
    pub cluster: Cluster,
}

/// The name of a namespace, or what many names begin or end with, and a `*`.
fn namespace(text: &str) -> Result<String, String> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = text.strip_prefix('*').or_else(|| text.strip_suffix('*')).unwrap_or(text);
    let is_part = part.bytes().all(|byte| is_word(byte) || byte == b'-') && part.bytes().any(is_word);
    let is_whole = part.len() < text.len()
        || part.bytes().next().is_some_and(is_word) && part.bytes().last().is_some_and(is_word);
    if is_part && is_whole && text.len() <= 63 {
        Ok(text.to_owned())
    } else {
        Err("no name of a namespace".to_owned())
    }
}

/// `lumen uninstall`.
#[derive(Clone, Debug, Default, Args)]
pub struct Uninstall {}

/// `lumen doctor`.
#[derive(Clone, Debug, Default, Args)]
pub struct Doctor {
    /// Check what `lumen install` will need, before it
    #[arg(long)]
    pub pre: bool,
    /// How to say it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    /// Which cluster
    #[command(flatten)]
    pub cluster: Cluster,
}

/// How it is said what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

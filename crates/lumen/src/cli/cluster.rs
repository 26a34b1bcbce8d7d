//! The command line of what is done with a cluster: `install`, `uninstall` and `doctor`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

pub(super) const INSTALL_EXAMPLES: &str = "\
Examples:
  lumen doctor --pre && lumen install | kubectl apply -f -
  lumen install --image registry.local/lumen:0.1.0 --failure-policy Ignore > lumen.yaml
  lumen install --dry-run=server                 ask the API server, and change nothing
  lumen install --shadow | kubectl apply -f -    beside a running Gatekeeper";

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

Exit status: 0 all is well; 1 something is to be looked at (‼); 2 something is broken (×), or the API server cannot be asked";

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
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// How many replicas answer
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub replicas: u8,
    /// What becomes of requests that nobody answers
    #[arg(long, value_enum, default_value_t, value_name = "POLICY")]
    pub failure_policy: FailurePolicy,
    /// Do not judge what happens in this namespace; may be repeated
    #[arg(long, value_name = "NAME")]
    pub exempt_namespace: Vec<String>,
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
    pub output: DoctorFormat,
    /// Which cluster
    #[command(flatten)]
    pub cluster: Cluster,
}

/// How `lumen doctor` says what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

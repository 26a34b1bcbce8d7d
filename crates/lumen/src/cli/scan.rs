//! The command line of `lumen scan`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::cluster::Cluster;
use crate::settings::FlagsButNamespace;

pub(super) const SCAN_EXAMPLES: &str = "\
Examples:
  lumen scan                                  everything in the cluster of the current context
  lumen scan -n shop --context prod           one namespace
  lumen scan -l app=web -o json
  lumen scan --policy builtin                 with the policies that come with lumen, too
  lumen scan --source deploy/ -o sarif=lumen.sarif   with the lines in git
  lumen scan --write-baseline known.json      and later: lumen scan --baseline known.json

It reads and changes nothing. What it may not read is named; with --strict it is an error, and so it always is where no kind of
object can be read, or not all templates and constraints.

Exit status: 0 nothing at or above --fail-on; 1 something is: what the cluster would refuse now counts whatever its severity;
2 wrong usage, or the cluster cannot be read";

/// `lumen scan`.
#[derive(Clone, Debug, Default, Args)]
pub struct Scan {
    /// Look at the objects of this namespace alone, and at the Namespace itself
    #[arg(long, short, value_name = "NAMESPACE", conflicts_with = "all_namespaces")]
    pub namespace: Option<String>,
    /// Look at all namespaces, and at what is in none: the default
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
    /// Look at the objects with these labels alone, such as `app=web,tier!=test`
    #[arg(long, short = 'l', value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// The manifests that the objects come from: findings name the line, and say where the cluster differs; repeatable
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub source: Vec<OsString>,
    /// Write what is found now to this file, for `--baseline`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "baseline")]
    pub write_baseline: Option<PathBuf>,
    /// Ask the API server for so many objects at a time
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub chunk_size: u32,
    /// Which cluster
    #[command(flatten)]
    pub cluster: Cluster,
    /// The settings.
    #[command(flatten)]
    pub settings: FlagsButNamespace,
}

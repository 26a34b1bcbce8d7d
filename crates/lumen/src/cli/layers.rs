//! `lumen layers`.

use std::ffi::OsString;

use clap::{Args, ValueHint};

use super::net::{Formats, NetOutput, formats_help};
use crate::output::Format;
use crate::settings::FlagsButOutputs;

pub(super) const LAYERS_EXAMPLES: &str = "\
Examples:
  lumen layers -f examples/shop             every workload over the layers, and who can go past them
  lumen layers shop/api -f examples/shop    one workload: what is left when a layer is bypassed, and what it holds
  lumen layers shop/api -f . --assume-bypassed admission,network
  lumen layers shop/api -f . --why admission run-own-image
  lumen layers -f . --without-policy shop/default-deny   what that policy keeps from whom
  lumen layers -f . -o html=report.html -o human         a report for an auditor, controls among it

Exit status: 0 nothing at or above --fail-on; 1 something is; 2 wrong usage, or an input that cannot be read";

/// `lumen layers`.
#[derive(Clone, Debug, Default, Args)]
pub struct Layers {
    /// A workload, such as `shop/api` or `shop/Deployment/api`; all where none is given
    pub workload: Option<String>,
    /// Files and folders of manifests; `-` is standard input; the current folder where none is given; repeatable
    #[arg(long = "filename", short = 'f', value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// How it is written, and where; repeatable [default: human]
    #[arg(long = "output", short, value_name = "FORMAT[=FILE]", help = formats_help("How it is written, and where; repeatable [default: human]", LayersFormat::ALL))]
    pub outputs: Vec<NetOutput<LayersFormat>>,
    /// Take these layers for bypassed, in place of each in turn
    #[arg(long, value_name = "LAYER", value_delimiter = ',')]
    pub assume_bypassed: Vec<String>,
    /// Say what whoever takes the workload over, or any, reaches more if this policy of the network went away:
    /// `namespace/name`, or `name` of one that belongs to the cluster
    #[arg(long, value_name = "POLICY")]
    pub without_policy: Option<String>,
    /// Say why a layer does what it does about a step
    #[arg(long, num_args = 2, value_names = ["LAYER", "STEP"], conflicts_with_all = ["compliance", "outputs", "without_policy"])]
    pub why: Vec<String>,
    /// Say which controls of CIS, NSA/CISA, NIST, PCI DSS and others are met, as far as manifests show it; in
    /// `markdown` and `html` they are always there
    #[arg(long)]
    pub compliance: bool,
    /// The settings.
    #[command(flatten)]
    pub settings: FlagsButOutputs,
}

/// How `lumen layers` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayersFormat {
    /// For people.
    Human,
    /// One JSON document, schema `lumen.layers/v1`.
    Json,
    /// A report to read, as Markdown.
    Markdown,
    /// A report to read, as one HTML file.
    Html,
    /// The findings alone, as `lumen check` writes them.
    Findings(Format),
}

impl Formats for LayersFormat {
    const ALL: &'static [(&'static str, Self)] = &[
        ("human", Self::Human),
        ("json", Self::Json),
        ("markdown", Self::Markdown),
        ("html", Self::Html),
        ("concise", Self::Findings(Format::Concise)),
        ("jsonl", Self::Findings(Format::Jsonl)),
        ("sarif", Self::Findings(Format::Sarif)),
        ("junit", Self::Findings(Format::Junit)),
        ("github", Self::Findings(Format::Github)),
        ("report", Self::Findings(Format::Report)),
    ];
}

impl LayersFormat {
    /// Whether controls are part of it without being asked for.
    pub fn is_report(self) -> bool {
        matches!(self, Self::Markdown | Self::Html)
    }
}

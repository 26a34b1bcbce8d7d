//! `lumen net`.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use lumen_core::network::{AddressScope, Options};

const NET_EXAMPLES: &str = "\
Examples:
  lumen net list deploy/                        who reaches whom, on which ports
  lumen net why shop/api shop/redis 6379        which rules decide
  lumen net diff main/ branch/                  what a change opens and closes
  lumen net graph -o svg=network.svg deploy/

Workloads are named `namespace/name`, as `lumen net list` prints them";

const LIST_EXAMPLES: &str = "\
Examples:
  lumen net list deploy/                        every connection that policies let through
  lumen net list --focus shop/redis deploy/     only those of one workload
  lumen net list --exposure deploy/             and to or from pods that no manifest describes
  lumen net list -o json=net.json -o csv=net.csv deploy/

Exit status: 0; 2 wrong usage, or an input that cannot be read";

const WHY_EXAMPLES: &str = "\
Examples:
  lumen net why shop/api shop/redis 6379 -f deploy/
  lumen net why shop/web internet               on any port
  lumen net why 192.168.2.7 traefik/traefik 8443/TCP
  lumen net why ingress-controller shop/api     on the ports that it declares
  lumen net why shop/api dns                    the cluster's DNS, in the inputs or not
  lumen net why shop/app=new shop/redis 6379    a pod that is not there yet, by its labels
  lumen net why --expect deny shop/web shop/redis   for CI

SRC and DST: a workload or a pod `namespace/name`, one of a kind `namespace/Kind/name`, a pod by its labels
`namespace/key=value,key=value`, an address or a network, `internet`, `ingress-controller`, `dns`. DST may be a Service,
too: `namespace/name`, `namespace/Service/name` or its DNS name; it stands for the pods and ports behind it.

Exit status: 0 it is as expected: allowed, or with `--expect deny` denied, on all that is asked; 1 it is not,
or it is not decided; 2 wrong usage, or an input that cannot be read";

const DIFF_EXAMPLES: &str = "\
Examples:
  lumen net diff before/ after/                 what is reached now and was not, and the reverse
  lumen net diff -o md main/ branch/            for a comment on a pull request
  lumen net diff --git main..HEAD -f deploy/    two revisions of a git repository

Exit status: 0 no difference; 1 there is one; 2 wrong usage, or an input that cannot be read";

const MATRIX_EXAMPLES: &str = "\
Examples:
  lumen net matrix deploy/                      a row for each source, a column for each destination
  lumen net matrix --fold deploy/               one for all workloads of a namespace that are alike
  lumen net matrix -o csv=matrix.csv deploy/

Exit status: 0; 2 wrong usage, or an input that cannot be read";

const GRAPH_EXAMPLES: &str = "\
Examples:
  lumen net graph -o svg=network.svg deploy/    a picture, laid out by lumen itself
  lumen net graph -o mermaid --focus shop deploy/
  lumen net graph -o dot deploy/ | dot -Tpdf > network.pdf

Exit status: 0; 2 wrong usage, or an input that cannot be read";

const SUGGEST_EXAMPLES: &str = "\
Examples:
  lumen net suggest --flows flows.csv deploy/   policies for these flows and no more: `from,to,port`
  lumen net suggest deploy/                     for all that is reached today on ports that are served
  lumen net suggest --flows flows.jsonl -o breaks deploy/   what they would cut off

Flows are a YAML or JSON list of `{from: shop/api, to: shop/redis, port: 6379}`, JSON lines, or CSV. `from` and `to` are
named as in `lumen net why`: `namespace/name` with `*` for any text, a Service, an address, `internet`; `port` may be `53/UDP` or `8000-8999`.

Exit status: 0; 2 wrong usage, or an input that cannot be read";

/// `lumen net`.
#[derive(Clone, Debug, Args)]
#[command(after_help = NET_EXAMPLES)]
pub struct Net {
    /// What is asked.
    #[command(subcommand)]
    pub action: NetAction,
}

/// The commands of `lumen net`.
#[derive(Clone, Debug, Subcommand)]
pub enum NetAction {
    /// List who reaches whom, and on which ports
    #[command(after_help = LIST_EXAMPLES)]
    List(NetList),
    /// Say why a connection is allowed or denied: the rules that decide, or those that come nearest
    #[command(after_help = WHY_EXAMPLES)]
    Why(NetWhy),
    /// Compare two sets of manifests: connections that are won and lost
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(NetDiff),
    /// Print a table of all workloads against all
    #[command(after_help = MATRIX_EXAMPLES)]
    Matrix(NetMatrix),
    /// Draw who reaches whom
    #[command(after_help = GRAPH_EXAMPLES)]
    Graph(NetGraph),
    /// Write the smallest policies that allow some flows, and say what they would cut off
    #[command(after_help = SUGGEST_EXAMPLES)]
    Suggest(NetSuggest),
}

/// The manifests that are asked about.
#[derive(Clone, Debug, Default, Args)]
pub struct NetFiles {
    /// Files and folders of manifests; `-` is standard input; the current folder where none is given; repeatable
    #[arg(long = "filename", short = 'f', value_name = "PATH", value_hint = ValueHint::AnyPath, help_heading = "Manifests")]
    pub files: Vec<OsString>,
    /// Whether an `ipBlock` means pods whose address is in it, which network plugins decide differently; a pod whose
    /// address no manifest gives is in no block
    #[arg(long, value_enum, default_value_t, value_name = "WHOM", help_heading = "Manifests")]
    pub ip_block: IpBlock,
}

/// Whom an `ipBlock` means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum IpBlock {
    /// Pods whose address is known, too: Calico, kube-router.
    #[default]
    Pods,
    /// Only what is outside the cluster: Cilium.
    External,
}

impl IpBlock {
    /// What a model depends on that is made so.
    pub fn options(self) -> Options {
        let address_scope = match self {
            Self::Pods => AddressScope::PodsToo,
            Self::External => AddressScope::ExternalOnly,
        };
        Options { address_scope, ..Options::default() }
    }
}

/// `lumen net list`.
#[derive(Clone, Debug, Args)]
pub struct NetList {
    /// Files and folders, as `--filename` takes them
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// Only what goes to or from this workload or namespace; repeatable
    #[arg(long, value_name = "NAME")]
    pub focus: Vec<String>,
    /// What policies let in from, and out to, pods that no manifest describes, too
    #[arg(long)]
    pub exposure: bool,
    /// One line for all workloads of a namespace that no policy tells apart; the output says which they are
    #[arg(long)]
    pub fold: bool,
    /// How it is written, and where; repeatable [default: txt]
    #[arg(long = "output", short, value_name = "FORMAT[=FILE]", help = formats_help("How it is written, and where; repeatable [default: txt]", ConnectionsFormat::ALL))]
    pub outputs: Vec<NetOutput<ConnectionsFormat>>,
    /// The manifests.
    #[command(flatten)]
    pub files: NetFiles,
}

/// `lumen net why`.
#[derive(Clone, Debug, Args)]
pub struct NetWhy {
    /// Who connects
    #[arg(value_name = "SRC")]
    pub source: String,
    /// To whom
    #[arg(value_name = "DST")]
    pub destination: String,
    /// On which port: `6379`, `53/UDP`, or the name of one; those that the destination declares where none is given
    #[arg(value_name = "PORT")]
    pub port: Option<String>,
    /// What should be: anything else ends with status 1
    #[arg(long, value_enum, default_value_t, value_name = "VERDICT")]
    pub expect: Verdict,
    /// How it is written, and where; repeatable
    #[arg(long = "output", short, value_name = "FORMAT[=FILE]", help = formats_help("How it is written, and where; repeatable [default: human]", WhyFormat::ALL))]
    pub outputs: Vec<NetOutput<WhyFormat>>,
    /// The manifests.
    #[command(flatten)]
    pub files: NetFiles,
}

/// What a connection should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Verdict {
    /// Allowed on all that is asked.
    #[default]
    Allow,
    /// Denied on all that is asked.
    Deny,
}

/// `lumen net diff`.
#[derive(Clone, Debug, Args)]
pub struct NetDiff {
    /// What was: a file or a folder
    #[arg(value_name = "A", value_hint = ValueHint::AnyPath, required_unless_present = "git", conflicts_with = "git", requires = "after")]
    pub before: Option<OsString>,
    /// What is: a file or a folder
    #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
    pub after: Option<OsString>,
    /// Two revisions of the git repository in place of two folders; `--filename` names what of them is read
    #[arg(long, value_name = "REV..REV")]
    pub git: Option<String>,
    /// How it is written, and where; repeatable
    #[arg(long = "output", short, value_name = "FORMAT[=FILE]", help = formats_help("How it is written, and where; repeatable [default: txt]", ConnectionsFormat::ALL))]
    pub outputs: Vec<NetOutput<ConnectionsFormat>>,
    /// The manifests.
    #[command(flatten)]
    pub files: NetFiles,
}

/// `lumen net matrix`.
#[derive(Clone, Debug, Args)]
pub struct NetMatrix {
    /// Files and folders, as `--filename` takes them
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// Only these workloads or namespaces; repeatable
    #[arg(long, value_name = "NAME")]
    pub focus: Vec<String>,
    /// One row for all workloads of a namespace that no policy tells apart; the output says which they are
    #[arg(long)]
    pub fold: bool,
    /// How it is written, and where; repeatable
    #[arg(long = "output", short, value_name = "FORMAT[=FILE]", help = formats_help("How it is written, and where; repeatable [default: txt]", MatrixFormat::ALL))]
    pub outputs: Vec<NetOutput<MatrixFormat>>,
    /// The manifests.
    #[command(flatten)]
    pub files: NetFiles,
}

/// `lumen net graph`.
#[derive(Clone, Debug, Args)]
pub struct NetGraph {
    /// Files and folders, as `--filename` takes them
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// Only what goes to or from this workload or namespace; repeatable
    #[arg(long, value_name = "NAME")]
    pub focus: Vec<String>,
    /// What policies let in from, and out to, pods that no manifest describes, too
    #[arg(long)]
    pub exposure: bool,
    /// One node for all workloads of a namespace that no policy tells apart; the picture says which they are
    #[arg(long)]
    pub fold: bool,
    /// How it is written, and where; repeatable
    #[arg(long = "output", short, value_name = "FORMAT[=FILE]", required = true, help = formats_help("How it is written, and where; repeatable", GraphFormat::ALL))]
    pub outputs: Vec<NetOutput<GraphFormat>>,
    /// The manifests.
    #[command(flatten)]
    pub files: NetFiles,
}

/// A set of formats of which `-o` takes one.
pub trait Formats: Copy + Sized + 'static {
    /// Each with its name; the first is the default.
    const ALL: &'static [(&'static str, Self)];
}

/// A format, and the file it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetOutput<F> {
    /// How it is written.
    pub format: F,
    /// Where; standard output where there is none.
    pub file: Option<PathBuf>,
}

impl<F: Formats> FromStr for NetOutput<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("there is no file behind the `=`".into()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let names = || F::ALL.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let found = F::ALL.iter().find(|(name, _)| *name == format);
        found
            .map(|(_, format)| Self { format: *format, file })
            .ok_or_else(|| format!("use one of {}, with or without `=FILE`", names()))
    }
}

/// The help of `-o`: what it is, and which formats there are.
pub(super) fn formats_help<F: fmt::Debug>(what: &str, formats: &[(&'static str, F)]) -> String {
    let names: Vec<_> = formats.iter().map(|(name, _)| *name).collect();
    format!("{what} [possible values: {}]", names.join(", "))
}

/// `lumen net suggest`.
#[derive(Clone, Debug, Args)]
pub struct NetSuggest {
    /// Files and folders, as `--filename` takes them
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// A list of the flows to allow; without it all that is reached today on ports that are served
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub flows: Option<PathBuf>,
    /// No policy that denies by default: what no policy selects stays open
    #[arg(long)]
    pub no_default_deny: bool,
    /// No policy that allows DNS
    #[arg(long)]
    pub no_dns: bool,
    /// How it is written, and where; repeatable
    #[arg(long = "output", short, value_name = "FORMAT[=FILE]", help = formats_help("How it is written, and where; repeatable [default: yaml]", SuggestFormat::ALL))]
    pub outputs: Vec<NetOutput<SuggestFormat>>,
    /// The manifests.
    #[command(flatten)]
    pub files: NetFiles,
}

/// How `lumen net suggest` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuggestFormat {
    /// The policies.
    Yaml,
    /// One JSON document, schema `lumen.net.suggest/v1`.
    Json,
    /// What is reached today and would not be, a connection a line.
    Breaks,
}

impl Formats for SuggestFormat {
    const ALL: &'static [(&'static str, Self)] =
        &[("yaml", Self::Yaml), ("json", Self::Json), ("breaks", Self::Breaks)];
}

/// How `lumen net list` and `lumen net diff` write connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionsFormat {
    /// For people.
    Text,
    /// One JSON document, schema `lumen.net.list/v1` or `lumen.net.diff/v1`.
    Json,
    /// Comma-separated values, one connection a line.
    Csv,
    /// A Markdown table.
    Markdown,
    /// As `lumen net graph` draws it; of a difference, won and lost marked.
    Graph(GraphFormat),
}

impl Formats for ConnectionsFormat {
    const ALL: &'static [(&'static str, Self)] = &[
        ("txt", Self::Text),
        ("json", Self::Json),
        ("csv", Self::Csv),
        ("md", Self::Markdown),
        ("dot", Self::Graph(GraphFormat::Dot)),
        ("mermaid", Self::Graph(GraphFormat::Mermaid)),
        ("svg", Self::Graph(GraphFormat::Svg)),
    ];
}

/// How `lumen net why` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyFormat {
    /// For people.
    Human,
    /// One JSON document, schema `lumen.net.why/v1`.
    Json,
}

impl Formats for WhyFormat {
    const ALL: &'static [(&'static str, Self)] = &[("human", Self::Human), ("json", Self::Json)];
}

/// How `lumen net matrix` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixFormat {
    /// For people: a sign a cell.
    Text,
    /// Comma-separated values: the ports in the cells.
    Csv,
    /// One JSON document, schema `lumen.net.matrix/v1`.
    Json,
    /// A Markdown table.
    Markdown,
}

impl Formats for MatrixFormat {
    const ALL: &'static [(&'static str, Self)] =
        &[("txt", Self::Text), ("csv", Self::Csv), ("json", Self::Json), ("md", Self::Markdown)];
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    /// A picture that needs nothing else.
    Svg,
    /// For Graphviz.
    Dot,
    /// For Mermaid, which many wikis and forges show.
    Mermaid,
}

impl Formats for GraphFormat {
    const ALL: &'static [(&'static str, Self)] =
        &[("svg", Self::Svg), ("dot", Self::Dot), ("mermaid", Self::Mermaid)];
}

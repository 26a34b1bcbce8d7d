//! Writing a [`Report`]: one format a file. The formats look nothing up: what they say stands in the report.
//!
//! Texts in a report come from foreign files. No format lets a control character through to a terminal: see
//! [`escape`].

use std::fmt;
use std::io;
use std::str::FromStr;

use lumen_core::finding::{Action, Finding, Fix, Layer, Location, Outcome, Place, Safety, Severity};
use lumen_core::managed::FieldManager;
use lumen_value::pointer::dotted;

use crate::report::{Drift, Live, Region, Report, Reported};

mod concise;
pub mod escape;
mod github;
mod human;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod report;
mod rules;
mod sarif;
pub mod schema;
mod sums;
mod text;
pub(crate) mod yaml;

pub(crate) use human::{Quotation, quoted};
pub(crate) use json::write_value as write_json;
pub(crate) use markdown::{escaped as markdown_escaped, prose as markdown_prose};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// For people: the source text with the place marked, and what would mend it.
    Human,
    /// For people and editors: a line a finding.
    Concise,
    /// One JSON document, schema `lumen.report/v1`.
    Json,
    /// A line of JSON a finding, schema `lumen.finding/v1`.
    Jsonl,
    /// SARIF 2.1.0: code scanning services.
    Sarif,
    /// `JUnit` XML: continuous integration servers.
    Junit,
    /// Workflow commands of GitHub Actions, which Gitea and Forgejo understand too.
    Github,
    /// Kubernetes objects of the `OpenReports` API, or of the policy working group's: see [`ReportApi`].
    Report,
    /// A Markdown table, for a comment on a pull request.
    Markdown,
}

impl Format {
    /// Every format, in the order in which help lists them.
    pub const ALL: &[Self] = &[
        Self::Human,
        Self::Concise,
        Self::Json,
        Self::Jsonl,
        Self::Sarif,
        Self::Junit,
        Self::Github,
        Self::Report,
        Self::Markdown,
    ];

    /// The name that `-o` takes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Report => "report",
            Self::Markdown => "markdown",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A text that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no output format: use one of {formats}", formats = formats())]
pub struct UnknownFormat(String);

/// The names of all formats, in backticks.
pub(crate) fn formats() -> String {
    let names: Vec<_> = Format::ALL.iter().map(|format| format!("`{format}`")).collect();
    names.join(", ")
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| UnknownFormat(text.into()))
    }
}

/// Which Kubernetes API the objects of [`Format::Report`] belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportApi {
    /// `openreports.io/v1alpha1`.
    #[default]
    OpenReports,
    /// `wgpolicyk8s.io/v1alpha2`, which came before it.
    WgPolicy,
}

impl ReportApi {
    /// Both, in the order in which help lists them.
    pub const ALL: &[Self] = &[Self::OpenReports, Self::WgPolicy];

    /// The name that `--report-api` takes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenReports => "openreports",
            Self::WgPolicy => "wgpolicyk8s",
        }
    }
}

impl fmt::Display for ReportApi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A text that names no [`ReportApi`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no report API: use `openreports` or `wgpolicyk8s`")]
pub struct UnknownReportApi(String);

impl FromStr for ReportApi {
    type Err = UnknownReportApi;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|api| api.as_str() == text)
            .ok_or_else(|| UnknownReportApi(text.into()))
    }
}

/// How the formats look: what the report's reader wants, not what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether [`Format::Human`] and `lumen explain` use ANSI colours. The other formats never do.
    pub color: bool,
    /// Width of the terminal, in columns: long source lines are cut to it.
    pub width: usize,
    /// For [`Format::Report`].
    pub report_api: ReportApi,
}

/// Width of a terminal that does not say its own, in columns.
pub const WIDTH_DEFAULT: usize = 120;

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: WIDTH_DEFAULT, report_api: ReportApi::default() }
    }
}

/// Writes the report. The same report and style give the same bytes.
pub fn write(format: Format, report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Json => json::write(report, out),
        Format::Jsonl => jsonl::write(report, out),
        Format::Human => human::write(report, style, out),
        Format::Concise => concise::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Github => github::write(report, out),
        Format::Report => report::write(report, style, out),
        Format::Markdown => markdown::write(report, out),
    }
}

/// How loud a finding is: the three levels that all formats know, by whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing: a pass, a rule that was skipped, advice of low severity.
    Info,
    /// A weakness: admission lets it through.
    Warning,
    /// Admission refuses it, or it is of high severity, or it could not be judged.
    Error,
}

impl Level {
    /// The level of a finding.
    pub fn of(finding: &Finding) -> Self {
        match (finding.outcome, finding.action, finding.severity) {
            (Outcome::Pass | Outcome::Skip, ..) => Self::Info,
            (Outcome::Error, ..)
            | (_, Action::Deny | Action::DenyPods, _)
            | (.., Severity::High | Severity::Critical) => Self::Error,
            (_, Action::Warn | Action::Dryrun, _) | (.., Severity::Medium) => Self::Warning,
            (_, Action::None, Severity::Low | Severity::Info) => Self::Info,
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// Who words `upstream_message`: what is taken and does nothing, Gatekeeper alone complains about.
pub(crate) fn speaker(finding: &Finding) -> &'static str {
    if finding.rule.layer == Layer::Admission && !finding.is_denial() {
        "Gatekeeper"
    } else {
        "the API server"
    }
}

/// Where a finding stands: `file:line:column`, or as much of it as there is; what is in a cluster alone, by the object and the
/// field: `shop/Deployment.apps/web spec.replicas`.
pub(crate) fn stands(reported: &Reported) -> Option<String> {
    let location = reported.finding.location.as_ref()?;
    let place = place(location, reported.region.as_ref());
    let field = match (reported.in_text(), &reported.live) {
        (None, Some(live)) => dotted(live.at.steps()),
        _ => String::new(),
    };
    Some(if field.is_empty() { place } else { format!("{place} {}", escape::line(&field)) })
}

/// Who manages a field of an object in a cluster: ``set by `argocd-controller` ``.
pub(crate) fn managed(live: &Live) -> Option<String> {
    let name = |manager: &FieldManager| {
        let name = escape::line(&manager.name).replace('`', "'");
        if manager.subresource.is_empty() {
            format!("`{name}`")
        } else {
            format!("`{name}` ({})", escape::line(&manager.subresource))
        }
    };
    let names: Vec<String> = live.owners.managers.iter().map(name).collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(", ");
    let steps = live.at.steps();
    let field = steps.len().checked_sub(live.owners.above).and_then(|end| steps.get(..end)).map(dotted);
    Some(match (live.owners.above, field.as_deref()) {
        (0, _) => format!("set by {names}"),
        (_, None | Some("")) => format!("the object is written by {names}"),
        (_, Some(field)) => format!("nobody sets it; `{}` is set by {names}", escape::line(field)),
    })
}

/// What the manifests say of a field of an object in a cluster, where they do not say the same.
pub(crate) const fn drifted(live: &Live) -> Option<&'static str> {
    match live.drift {
        None | Some(Drift::Same) => None,
        Some(Drift::Differs) => Some("drift: the cluster has another value than the manifest"),
        Some(Drift::LiveOnly) => Some("live only: the manifest does not say this, the cluster does"),
        Some(Drift::NotInSource) => Some("live only: no manifest describes this object"),
    }
}

/// What is said of a field in a cluster beside the finding.
pub(crate) fn remarks(reported: &Reported) -> impl Iterator<Item = String> {
    let live = reported.live.as_ref();
    let drifted = live.and_then(drifted).map(str::to_owned);
    live.and_then(managed).into_iter().chain(drifted)
}

/// `file:line:column`, or as much of it as there is.
pub(crate) fn place(location: &Location, region: Option<&Region>) -> String {
    let source = escape::line(&location.source);
    match region {
        Some(region) => format!("{source}:{}:{}", region.line, region.column),
        None => source.into_owned(),
    }
}

/// Where the field that is meant is missing, says so: `securityContext.runAsNonRoot is missing`.
fn missing(location: &Location, region: &Region) -> Option<String> {
    let (Place::Field { pointer, .. } | Place::Inside { pointer, .. }) = &location.place else {
        return None;
    };
    let there = pointer.steps().len().checked_sub(region.missing)?;
    let path = dotted(pointer.steps().get(there..)?);
    (!path.is_empty()).then(|| format!("`{path}` is missing here"))
}

/// What a fix does, and whether it is safe.
fn fix_title(fix: &Fix) -> String {
    match fix.safety {
        Safety::Safe => fix.title.clone(),
        Safety::Unsafe => format!("{} (unsafe: the workload may depend on it)", fix.title),
    }
}

/// What comes of findings, in the words that people read, in the order of a summary.
const EFFECTS: [&str; 6] = ["unreadable", "deny", "deny-pods", "warn", "dryrun", "advice"];

/// What comes of a finding: its action, or in place of `none` why there is none.
fn effect(finding: &Finding) -> &'static str {
    match finding.action {
        Action::None if finding.is_unread() => "unreadable",
        Action::None => "advice",
        action => action.as_str(),
    }
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {word}{ending}")
}

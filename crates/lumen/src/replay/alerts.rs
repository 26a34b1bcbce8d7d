//! Alerts as they are written: as Falco writes them, or as findings.

use std::io::{self, Write};
use std::sync::Arc;

use clap::ValueEnum;
use lumen_core::finding::{Action, Finding, Layer, Location, Outcome, Place, RuleId};
use lumen_core::object::ObjectRef;
use lumen_runtime::alert::{Alert, Shown};

use super::Options;
use crate::output::{self, Style, escape};
use crate::report::{Report, Reported};
use crate::rules::severity;

/// How alerts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Falco's line: time, priority, and what the rule says.
    #[default]
    Text,
    /// Falco's JSON, an object a line.
    Json,
    /// `lumen.finding/v1`, an object a line.
    Finding,
}

/// What stands in an alert's JSON, beside what always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum JsonKey {
    /// The line of text.
    Output,
    /// What the rule says, without time and priority.
    Message,
    /// The fields that the rule shows.
    OutputFields,
    /// The rule's tags.
    Tags,
    /// Container, image, pod, namespace and node.
    Identity,
}

impl JsonKey {
    /// What Falco writes by default, and where it happened.
    pub const DEFAULT: [Self; 4] = [Self::Output, Self::OutputFields, Self::Tags, Self::Identity];
}

/// Where alerts go.
pub(super) struct Alerts<'a> {
    format: Format,
    shown: Shown<'a>,
    is_watched: bool,
    out: &'a mut dyn Write,
    /// The file that the events are from.
    pub(super) source: Arc<str>,
}

impl<'a> Alerts<'a> {
    pub(super) fn new(options: &Options<'a>, out: &'a mut dyn Write) -> Self {
        let Options { format, shown, is_watched, .. } = options;
        Self { format: *format, shown: shown.clone(), is_watched: *is_watched, out, source: "".into() }
    }

    /// Lets go of what was written: reading on may take long.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    pub(super) fn write(&mut self, alert: &Alert<'_>) -> io::Result<()> {
        let line = match self.format {
            Format::Text => alert.to_text(self.shown.time),
            Format::Json => alert.to_json(&self.shown),
            Format::Finding => {
                let report = Report { findings: vec![reported(alert, &self.source)], ..Report::default() };
                return output::write(output::Format::Jsonl, &report, &Style::default(), self.out);
            }
        };
        let line = if self.is_watched { escape::line(&line) } else { (&*line).into() };
        writeln!(self.out, "{line}")
    }
}

fn reported(alert: &Alert<'_>, source: &Arc<str>) -> Reported {
    let identity = &alert.identity;
    let object = identity.pod.as_deref().map(|name| {
        let namespace = identity.namespace.as_deref().map(Into::into);
        Arc::new(ObjectRef { api_version: "v1".into(), kind: "Pod".into(), namespace, name: name.into() })
    });
    let finding = Finding {
        rule: RuleId::new(Layer::Runtime, &alert.rule.name),
        outcome: Outcome::Fail,
        action: Action::None,
        severity: severity(alert.rule.priority),
        message: alert.to_text(lumen_runtime::alert::TimeFormat::Iso8601),
        upstream_message: None,
        object,
        location: Some(Location { source: source.clone(), place: Place::Whole }),
        related: Vec::new(),
        policy: None,
        fix: None,
    };
    Reported { finding, region: None, related: Vec::new(), changes: Vec::new(), live: None }
}

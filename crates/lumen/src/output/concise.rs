//! `file:line:column: severity[rule] message (action)`, a line a finding; for a rule that passed or was not judged, that
//! word stands in the severity's place, and nothing comes of it.

use std::io;

use lumen_core::finding::Outcome;

use crate::output::escape::line;
use crate::output::{effect, stands};
use crate::report::Report;

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    for reported in &report.findings {
        let finding = &reported.finding;
        if let Some(place) = stands(reported) {
            write!(out, "{place}: ")?;
        } else if let Some(object) = &finding.object {
            write!(out, "{}: ", line(&object.to_string()))?;
        }
        let word = match finding.outcome {
            Outcome::Pass | Outcome::Skip => finding.outcome.as_str(),
            Outcome::Fail | Outcome::Warn | Outcome::Error => finding.severity.as_str(),
        };
        write!(out, "{}[{}] {}", word, line(&finding.rule.to_string()), line(&finding.message))?;
        match finding.outcome {
            Outcome::Pass | Outcome::Skip => writeln!(out)?,
            Outcome::Fail | Outcome::Warn | Outcome::Error => writeln!(out, " ({})", effect(finding))?,
        }
    }
    Ok(())
}

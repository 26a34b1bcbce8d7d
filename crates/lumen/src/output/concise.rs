//! `file:line:column: severity[rule] message (action)`, a line a finding.

use std::io;

use crate::output::escape::line;
use crate::report::Report;

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    for reported in &report.findings {
        let finding = &reported.finding;
        if let Some(location) = &finding.location {
            write!(out, "{}:", line(&location.source))?;
            if let Some(region) = &reported.region {
                write!(out, "{}:{}:", region.line, region.column)?;
            }
            write!(out, " ")?;
        } else if let Some(object) = &finding.object {
            write!(out, "{}: ", line(&object.to_string()))?;
        }
        writeln!(
            out,
            "{}[{}] {} ({})",
            finding.severity,
            line(&finding.rule.to_string()),
            line(&finding.message),
            finding.action
        )?;
    }
    Ok(())
}

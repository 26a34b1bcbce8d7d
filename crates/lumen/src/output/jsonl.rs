//! A line of JSON a finding, schema `lumen.finding/v1`.

use std::io;

use crate::output::json::{self, Finding};
use crate::output::rules::Rules;
use crate::report::Report;

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let rules = Rules::of(report);
    for reported in &report.findings {
        json::write_value(&Finding::of(reported, &rules), out)?;
    }
    Ok(())
}

//! What is wrong with the `ConstraintTemplates` among the files of `lumen rego check`.

use lumen_core::admission::{is_template, rules};

use crate::check::{Settings, prepare};
use crate::output;
use crate::source::Input;

/// What was found.
pub(super) struct Checked {
    /// How many templates there are.
    pub(super) count: usize,
    /// What is wrong: a line each, with its place. What cannot be read is told, too.
    pub(super) broken: Vec<String>,
}

/// Whether a file may hold a template.
pub(super) fn may_be_in(input: &Input) -> bool {
    memchr::memmem::find(&input.bytes, b"templates.gatekeeper.sh").is_some()
}

/// Compiles the templates, as a check does.
pub(super) fn check(inputs: Vec<Input>) -> Checked {
    if inputs.is_empty() {
        return Checked { count: 0, broken: Vec::new() };
    }
    let mut prepared = prepare::prepare(inputs, &[], &Settings::default());
    let count = prepared.snapshot.entries().iter().filter(|entry| is_template(entry)).count();
    let mut findings = std::mem::take(&mut prepared.findings);
    findings.retain(|finding| finding.is_unread() || finding.rule == rules::INVALID_TEMPLATE.id());
    let report = prepared.report(findings);
    let broken = report.findings.iter().map(|reported| {
        let message = &reported.finding.message;
        match &reported.finding.location {
            Some(location) => format!("{}: {message}", output::place(location, reported.region.as_ref())),
            None => message.clone(),
        }
    });
    Checked { count, broken: broken.collect() }
}

//! A report in numbers, in words.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use lumen_core::finding::{Finding, Outcome, Safety, Severity};

use crate::output::{EFFECTS, counted, effect};
use crate::report::{Report, Scanned};

/// Findings by what they are. What passed or was not judged is no finding here.
#[derive(Default)]
pub(super) struct Sums {
    findings: usize,
    passes: usize,
    skips: usize,
    safe_fixes: usize,
    unsafe_fixes: usize,
    actions: Vec<(&'static str, usize)>,
    severities: Vec<(&'static str, usize)>,
    /// What of a cluster was read, where it is one.
    scanned: Scanned,
}

impl Sums {
    pub(super) fn of(report: &Report) -> Self {
        let mut sums = Self { scanned: report.scanned.unwrap_or_default(), ..Self::default() };
        let mut broken = Vec::with_capacity(report.findings.len());
        for finding in report.findings.iter().map(|reported| &reported.finding) {
            match finding.outcome {
                Outcome::Pass => sums.passes += 1,
                Outcome::Skip => sums.skips += 1,
                Outcome::Fail | Outcome::Warn | Outcome::Error => broken.push(finding),
            }
            match finding.fix.as_ref().map(|fix| fix.safety) {
                Some(Safety::Safe) => sums.safe_fixes += 1,
                Some(Safety::Unsafe) => sums.unsafe_fixes += 1,
                None => {}
            }
        }
        sums.findings = broken.len();
        let count = |holds: &dyn Fn(&Finding) -> bool| broken.iter().filter(|finding| holds(finding)).count();
        for word in EFFECTS {
            sums.actions.push((word, count(&|finding| effect(finding) == word)));
        }
        for &severity in Severity::ALL.iter().rev() {
            let number = count(&|finding| finding.severity == severity);
            sums.severities.push((severity.as_str(), number));
        }
        sums
    }

    /// `7 findings`; what was not read is said where there are none.
    pub(super) fn findings(&self) -> String {
        let Scanned { kinds, unread, .. } = self.scanned;
        match self.findings {
            _ if self.scanned.is_blind() => {
                format!(
                    "nothing could be judged: {unread} of {} cannot be read",
                    counted(kinds + unread, "kind")
                )
            }
            0 if unread > 0 => {
                let were = if unread == 1 { "was" } else { "were" };
                format!("no findings in what could be read: {} {were} not", counted(unread, "kind"))
            }
            0 => "no findings".into(),
            count => counted(count, "finding"),
        }
    }

    /// `1 deny, 2 advice; 1 high, 2 low`: what the findings are; empty where there are none, or nothing could be judged.
    pub(super) fn kinds(&self) -> String {
        match self.findings {
            0 => String::new(),
            _ if self.scanned.is_blind() => String::new(),
            _ => format!("{}; {}", list(&self.actions), list(&self.severities)),
        }
    }

    /// What was looked at.
    pub(super) fn work(&self, report: &Report) -> String {
        let summary = report.summary;
        let (objects, workloads) =
            (counted(summary.objects, "object"), counted(summary.workloads, "workload"));
        let mut text = match report.scanned {
            Some(scanned) => format!(
                "scanned {} of objects: {objects}, {workloads}; {} not read, {} silenced",
                counted(scanned.kinds, "kind"),
                scanned.unread,
                summary.silenced
            ),
            None => format!(
                "checked {}: {}, {objects}, {workloads}; {} skipped, {} silenced",
                counted(summary.files, "file"),
                counted(summary.documents, "document"),
                summary.skipped,
                summary.silenced
            ),
        };
        for (count, word) in [(self.passes, "passed"), (self.skips, "not judged")] {
            if count > 0 {
                text.push_str(&format!("; {} {word}", counted(count, "rule")));
            }
        }
        text
    }

    /// What can be mended without thinking; `None` where nothing can.
    pub(super) fn fixes(&self, report: &Report) -> Option<String> {
        if report.scanned.is_some() {
            // A scan mends nothing.
            return None;
        }
        match (self.safe_fixes, self.unsafe_fixes) {
            (0, 0) => None,
            (safe, 0) => Some(format!("{safe} can be mended by `--fix`")),
            (0, more) => Some(format!("{more} can be mended by `--fix --unsafe-fixes`")),
            (safe, more) => {
                Some(format!("{safe} can be mended by `--fix`, {more} more with `--unsafe-fixes`"))
            }
        }
    }
}

/// `2 deny, 1 warn`: those that are there.
fn list(counts: &[(&'static str, usize)]) -> String {
    let present = counts.iter().filter(|&&(_, count)| count > 0);
    present.map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_findings_says_what_was_not_read() {
        let said = |kinds, unread| {
            let scanned = Some(Scanned { kinds, unread, ..Scanned::default() });
            Sums::of(&Report { scanned, ..Report::default() }).findings()
        };
        assert_eq!(said(44, 0), "no findings");
        assert_eq!(said(43, 1), "no findings in what could be read: 1 kind was not");
        assert_eq!(said(42, 2), "no findings in what could be read: 2 kinds were not");
        assert_eq!(said(0, 44), "nothing could be judged: 44 of 44 kinds cannot be read");
    }
}

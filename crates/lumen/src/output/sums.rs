//! A report in numbers, in words.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use lumen_core::finding::{Finding, Outcome, Safety, Severity};

use crate::output::{EFFECTS, counted, effect};
use crate::report::{Report, Summary};

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
}

impl Sums {
    pub(super) fn of(report: &Report) -> Self {
        let mut sums = Self::default();
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

    /// `7 findings`.
    pub(super) fn findings(&self) -> String {
        match self.findings {
            0 => "no findings".into(),
            count => counted(count, "finding"),
        }
    }

    /// `1 deny, 2 advice; 1 high, 2 low`: what the findings are; empty where there are none.
    pub(super) fn kinds(&self) -> String {
        match self.findings {
            0 => String::new(),
            _ => format!("{}; {}", list(&self.actions), list(&self.severities)),
        }
    }

    /// What was looked at.
    pub(super) fn work(&self, summary: Summary) -> String {
        let mut text = format!(
            "checked {}: {}, {}, {}; {} skipped, {} silenced",
            counted(summary.files, "file"),
            counted(summary.documents, "document"),
            counted(summary.objects, "object"),
            counted(summary.workloads, "workload"),
            summary.skipped,
            summary.silenced
        );
        for (count, word) in [(self.passes, "passed"), (self.skips, "not judged")] {
            if count > 0 {
                text.push_str(&format!("; {} {word}", counted(count, "rule")));
            }
        }
        text
    }

    /// What can be mended without thinking; `None` where nothing can.
    pub(super) fn fixes(&self) -> Option<String> {
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

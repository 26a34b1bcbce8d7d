//! The exit status: decided here and nowhere else.

use std::process::ExitCode;
use std::str::FromStr;

use lumen_core::admission::rules::INVALID_POLICY;
use lumen_core::finding::{Finding, Outcome, Severity};

use crate::report::Report;

/// How a call ends. A later one wins over an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: nothing at or above `--fail-on`.
    #[default]
    Clean,
    /// 1: something is.
    Found,
    /// 2: Lumen could not do its job: wrong usage, or an input that cannot be read.
    Failed,
}

impl Exit {
    /// How a check that reports this ends.
    pub fn of(report: &Report, fail_on: FailOn) -> Self {
        let each = report.findings.iter().map(|reported| Self::of_finding(&reported.finding, fail_on));
        each.max().unwrap_or_default()
    }

    fn of_finding(finding: &Finding, fail_on: FailOn) -> Self {
        // A policy for Conftest that does not compile: what it would find is not known.
        let is_unasked = finding.outcome == Outcome::Error && finding.rule == INVALID_POLICY.id();
        if finding.is_unread() || is_unasked {
            Self::Failed
        } else if fail_on.counts(finding) {
            Self::Found
        } else {
            Self::Clean
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What makes a check end with 1. Each level includes those above it, and `deny` is the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// What admission refuses: the object itself, or the pods it makes.
    Deny,
    /// Advice of critical severity, too.
    Critical,
    /// Advice of high severity, too.
    #[default]
    High,
    /// Advice of medium severity, too.
    Medium,
    /// Advice of low severity, too.
    Low,
    /// Nothing does.
    Never,
}

impl FailOn {
    /// The words for them, in their order.
    pub const WORDS: &'static [&'static str] = &["deny", "critical", "high", "medium", "low", "never"];

    const ALL: [Self; 6] = [Self::Deny, Self::Critical, Self::High, Self::Medium, Self::Low, Self::Never];

    /// Whether a finding is at this level or above.
    pub fn counts(self, finding: &Finding) -> bool {
        let broken = matches!(finding.outcome, Outcome::Fail | Outcome::Warn | Outcome::Error);
        let at_least = |severity| finding.is_denial() || (broken && finding.severity >= severity);
        match self {
            Self::Deny => finding.is_denial(),
            Self::Critical => at_least(Severity::Critical),
            Self::High => at_least(Severity::High),
            Self::Medium => at_least(Severity::Medium),
            Self::Low => at_least(Severity::Low),
            Self::Never => false,
        }
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pairs = Self::WORDS.iter().zip(Self::ALL);
        let found = pairs.find(|(word, _)| **word == text);
        found.map(|(_, level)| level).ok_or_else(|| format!("`{text}` is no level"))
    }
}

#[cfg(test)]
mod tests {
    use lumen_core::finding::{Action, Layer, RuleId};

    use super::*;
    use crate::report::Reported;

    fn report(layer: Layer, outcome: Outcome, action: Action, severity: Severity) -> Report {
        let finding = Finding {
            rule: RuleId::new(layer, "x"),
            outcome,
            action,
            severity,
            message: String::new(),
            upstream_message: None,
            object: None,
            location: None,
            related: Vec::new(),
            policy: None,
            fix: None,
        };
        Report {
            findings: vec![Reported {
                finding,
                region: None,
                related: Vec::new(),
                changes: Vec::new(),
                live: None,
            }],
            ..Report::default()
        }
    }

    #[test]
    fn the_table_of_exits() {
        use Exit::{Clean, Failed, Found};
        let levels = FailOn::ALL;
        let pod = Layer::PodSecurity;
        // deny, critical, high, medium, low, never
        for (what, found, expected) in [
            (
                "a denial of low severity",
                report(pod, Outcome::Fail, Action::DenyPods, Severity::Low),
                [Found, Found, Found, Found, Found, Clean],
            ),
            (
                "an error of a policy that denies",
                report(pod, Outcome::Error, Action::Deny, Severity::Info),
                [Found, Found, Found, Found, Found, Clean],
            ),
            (
                "critical advice",
                report(pod, Outcome::Fail, Action::None, Severity::Critical),
                [Clean, Found, Found, Found, Found, Clean],
            ),
            (
                "high advice",
                report(pod, Outcome::Fail, Action::None, Severity::High),
                [Clean, Clean, Found, Found, Found, Clean],
            ),
            (
                "a warning of medium severity",
                report(pod, Outcome::Warn, Action::Warn, Severity::Medium),
                [Clean, Clean, Clean, Found, Found, Clean],
            ),
            (
                "low advice",
                report(pod, Outcome::Fail, Action::None, Severity::Low),
                [Clean, Clean, Clean, Clean, Found, Clean],
            ),
            (
                "what is only worth knowing",
                report(pod, Outcome::Fail, Action::None, Severity::Info),
                [Clean; 6],
            ),
            ("a pass", report(pod, Outcome::Pass, Action::Deny, Severity::Critical), [Clean; 6]),
            (
                "a rule that was skipped",
                report(pod, Outcome::Skip, Action::None, Severity::Critical),
                [Clean; 6],
            ),
            (
                "an input that cannot be read",
                report(Layer::Input, Outcome::Error, Action::None, Severity::Low),
                [Failed; 6],
            ),
        ] {
            for (level, expected) in levels.into_iter().zip(expected) {
                assert_eq!(Exit::of(&found, level), expected, "{what} with {level:?}");
            }
        }
    }

    #[test]
    fn failure_wins_over_findings() {
        let mut both = report(Layer::PodSecurity, Outcome::Fail, Action::Deny, Severity::Critical);
        both.findings.extend(report(Layer::Input, Outcome::Error, Action::None, Severity::Info).findings);
        assert_eq!(Exit::of(&both, FailOn::High), Exit::Failed);
    }
}

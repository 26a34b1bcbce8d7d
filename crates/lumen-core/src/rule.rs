//! [`Rule`]: a rule that is built in, and what is said about it. The layers hold theirs in tables; the
//! [catalog](crate::catalog) lists them all.

use crate::finding::{Action, Finding, Layer, Outcome, RuleId, Severity};

/// A built-in rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its layer.
    pub layer: Layer,
    /// Its name in the layer; with the layer it is the rule's id, for good.
    pub name: &'static str,
    /// What it demands: one sentence without a final period.
    pub summary: &'static str,
    /// Why: what an attacker gains where it is broken.
    pub rationale: &'static str,
    /// How to mend a violation: a sentence or a few lines of YAML.
    pub remedy: &'static str,
    /// How bad a violation is.
    pub severity: Severity,
    /// Where the rule is specified.
    pub references: &'static [&'static str],
}

impl Rule {
    /// The rule's id.
    pub fn id(&self) -> RuleId {
        RuleId::new(self.layer, self.name)
    }

    /// A finding of the rule as advice, [`Outcome::Fail`], with nothing else said yet.
    pub fn finding(&self, mut message: String) -> Finding {
        // There may be many findings, and each is kept until the end.
        message.shrink_to_fit();
        Finding {
            rule: self.id(),
            outcome: Outcome::Fail,
            action: Action::None,
            severity: self.severity,
            message,
            upstream_message: None,
            object: None,
            location: None,
            related: Vec::new(),
            policy: None,
            fix: None,
        }
    }
}

//! The rules about exemptions; they belong to the layer `input`.

use crate::finding::{Layer, Severity};
use crate::rule::Rule;

/// An exemption that cannot be honoured.
pub static INVALID_EXEMPTION: Rule = Rule {
    layer: Layer::Input,
    name: "invalid-exemption",
    summary: "every exemption names its rules and says why",
    rationale: "An exemption without a reason is one that nobody can review or take back; it is not honoured",
    remedy: "Write `# lumen: ignore[layer/rule] reason`, the annotation `lumensec.io/ignore: \"layer/rule: reason\"`, \
             or an Exemption with `spec.rules`, `spec.reason` and `spec.match`",
    severity: Severity::Medium,
    references: &[],
};

/// An exemption that silences nothing.
pub static UNUSED_EXEMPTION: Rule = Rule {
    layer: Layer::Input,
    name: "unused-exemption",
    summary: "every exemption silences something",
    rationale: "What is left behind once its cause is mended silences the same mistake when it comes back",
    remedy: "Remove it",
    severity: Severity::Info,
    references: &[],
};

/// An exemption whose time is over.
pub static EXPIRED_EXEMPTION: Rule = Rule {
    layer: Layer::Input,
    name: "expired-exemption",
    summary: "no exemption is older than its owner meant it to be",
    rationale: "An exemption that has expired silences nothing any more",
    remedy: "Mend what it is about and remove it, or have its owner renew `spec.expires`",
    severity: Severity::Low,
    references: &[],
};

//! The rules of this layer that are not checks of a pod.

use super::CHECKS;
use super::check::DOCS;
use crate::finding::{Layer, Severity};
use crate::rule::Rule;

const LABELS: &str = "https://kubernetes.io/docs/concepts/security/pod-security-admission/";
const CONFIGURATION: &str =
    "https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/";

/// A Pod Security label that means nothing.
pub const INVALID_LABEL: Rule = Rule {
    layer: Layer::PodSecurity,
    name: "invalid-label",
    summary: "every Pod Security label of a namespace names a level or a version",
    rationale: "The API server refuses a new namespace with such a label; in one that has it, a wrong `enforce` means \
        `restricted`, a wrong `warn` or `audit` nothing at all, and a wrong version the latest",
    remedy: "Write `privileged`, `baseline` or `restricted` for a level, and `latest` or `v1.N` for a version",
    severity: Severity::High,
    references: &[LABELS],
};

/// Labels of a namespace that is exempt.
pub const EXEMPT_NAMESPACE: Rule = Rule {
    layer: Layer::PodSecurity,
    name: "exempt-namespace",
    summary: "no namespace that is exempt from Pod Security carries labels as if it were not",
    rationale: "The labels promise a protection that the API server does not give there",
    remedy: "Remove the labels, or take the namespace out of the configuration's `exemptions.namespaces`",
    severity: Severity::Medium,
    references: &[CONFIGURATION],
};

/// A workload that the cluster's configuration exempts.
pub const EXEMPT_WORKLOAD: Rule = Rule {
    layer: Layer::PodSecurity,
    name: "exempt-workload",
    summary: "what the cluster's configuration exempts is not judged",
    rationale: "An exemption by namespace or runtime class holds for every pod there, whatever it asks for",
    remedy: "Take the namespace or the runtime class out of the configuration's `exemptions`",
    severity: Severity::Info,
    references: &[CONFIGURATION],
};

/// The level that a namespace could enforce.
pub const NAMESPACE_LEVEL: Rule = Rule {
    layer: Layer::PodSecurity,
    name: "namespace-level",
    summary: "every namespace enforces the highest level that its workloads meet",
    rationale: "What all workloads of a namespace meet costs nothing to enforce, and keeps out whatever comes later",
    remedy: "Label the namespace: `pod-security.kubernetes.io/enforce: restricted`",
    severity: Severity::Info,
    references: &[LABELS, DOCS],
};

/// Every rule of this layer: the checks in upstream's order, then the others.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    static OTHERS: &[Rule] = &[INVALID_LABEL, EXEMPT_NAMESPACE, EXEMPT_WORKLOAD, NAMESPACE_LEVEL];
    CHECKS.iter().map(|check| &check.rule).chain(OTHERS)
}

//! The rules about policies that cannot be reckoned with as they are written.

use crate::finding::{Layer, Severity};
use crate::rule::Rule;

/// A network policy is one that the API server would take.
pub static INVALID_POLICY: Rule = Rule {
    layer: Layer::Network,
    name: "invalid-network-policy",
    summary: "every network policy is one that the API server would take",
    rationale: "A policy that is refused protects nothing, and what it was to allow is not allowed where others isolate",
    remedy: "Mend the field that is shown; the policy is left out of the analysis until then",
    severity: Severity::High,
    references: &["https://kubernetes.io/docs/concepts/services-networking/network-policies/"],
};

/// The policies are no more than can be analysed.
pub static BEYOND_BOUNDS: Rule = Rule {
    layer: Layer::Network,
    name: "too-many-network-rules",
    summary: "network policies hold no more rules, selectors and addresses than can be analysed",
    rationale: "A policy that is left out makes every answer about the pods that it selects uncertain",
    remedy: "Split the input, or merge rules that say the same",
    severity: Severity::High,
    references: &[],
};

/// What a policy allows can be told from manifests.
pub static UNDECIDED: Rule = Rule {
    layer: Layer::Network,
    name: "undecided-peer",
    summary: "what a network policy means can be told from manifests",
    rationale: "Names of hosts, nodes and entities of a cluster are known only when it runs; such peers fit nobody in the \
                analysis, so more may be reached than it says",
    remedy: "Nothing needs to be mended; check these paths on the cluster",
    severity: Severity::Info,
    references: &[],
};

/// Policies are of kinds that the analysis reads.
pub static NOT_JUDGED: Rule = Rule {
    layer: Layer::Network,
    name: "policy-not-judged",
    summary: "network policies are of kinds that are analysed",
    rationale: "Calico, Antrea and others enforce policies of their own beside those of Kubernetes; what such a policy opens \
                or closes is not in any answer about who reaches whom",
    remedy: "Write what can be said so as a NetworkPolicy; check the rest on the cluster",
    severity: Severity::Info,
    references: &["https://kubernetes.io/docs/concepts/services-networking/network-policies/"],
};

/// The lints look at everything.
pub static LINTS_INCOMPLETE: Rule = Rule {
    layer: Layer::Network,
    name: "lints-incomplete",
    summary: "the lints about network policies look at everything",
    rationale: "A lint takes a bounded number of steps; what it has not looked at may be odd all the same",
    remedy: "Check a part of the manifests at a time",
    severity: Severity::Low,
    references: &[],
};

/// The rules of this part.
pub static RULES: &[&Rule] = &[&INVALID_POLICY, &BEYOND_BOUNDS, &UNDECIDED, &NOT_JUDGED, &LINTS_INCOMPLETE];

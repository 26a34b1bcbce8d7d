//! The rules about the layers together.

use crate::finding::{Layer, Severity};
use crate::rule::Rule;

const ATTACK: &str = "https://attack.mitre.org/matrices/enterprise/containers/";
const RBAC: &str = "https://kubernetes.io/docs/concepts/security/rbac-good-practices/";
const WEBHOOKS: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/";

/// More than one layer stands against each step.
pub static ONE_LAYER: Rule = Rule {
    layer: Layer::Posture,
    name: "one-layer",
    summary: "more than one layer stops or limits each step of an attack",
    rationale: "Layers fail one at a time: a webhook that is down, a label that is changed, a policy that is deleted. What one layer alone stops is then open",
    remedy: "Let a second layer answer the step; `lumen layers WORKLOAD` shows which could",
    severity: Severity::Low,
    references: &[ATTACK],
};

/// Each step is stopped or limited by some layer.
pub static NO_LAYER: Rule = Rule {
    layer: Layer::Posture,
    name: "no-layer",
    summary: "some layer stops or limits each step of an attack",
    rationale: "What no layer answers is done by whoever gets into the workload, or may deploy one like it",
    remedy: "`lumen layers WORKLOAD` shows which layers could answer the step, and what their evidence would be",
    severity: Severity::Medium,
    references: &[ATTACK],
};

/// What constraints demand is asked for.
pub static NOT_ASKED: Rule = Rule {
    layer: Layer::Posture,
    name: "not-asked",
    summary: "a webhook asks about whatever constraints are about",
    rationale: "A constraint stops nothing where no webhook asks for it: the kind is not in the webhook's rules, or its selector leaves the namespace out",
    remedy: "Widen the webhook's rules or its `namespaceSelector`",
    severity: Severity::High,
    references: &[WEBHOOKS],
};

/// The webhook fails closed.
pub static FAILS_OPEN: Rule = Rule {
    layer: Layer::Posture,
    name: "fails-open",
    summary: "the webhook that constraints rest on has `failurePolicy: Fail`",
    rationale: "With `Ignore` everything is admitted while the program behind the webhook does not answer, and whoever can make it not answer can have anything admitted",
    remedy: "Set `failurePolicy: Fail`, with more than one replica of the program and its own namespace left out",
    severity: Severity::Medium,
    references: &[WEBHOOKS],
};

/// Tokens in pods give little.
pub static POWERFUL_TOKEN: Rule = Rule {
    layer: Layer::Posture,
    name: "powerful-token",
    summary: "no workload holds a token whose rights reach other workloads",
    rationale: "Whoever takes the workload over has the token, and with it all that the account may do",
    remedy: "Bind the account a role with no more than it needs, by name where that is possible, or set `automountServiceAccountToken: false`",
    severity: Severity::High,
    references: &[RBAC],
};

/// Nobody beside the control plane can go past the layers.
pub static CAN_GO_PAST: Rule = Rule {
    layer: Layer::Posture,
    name: "can-go-past",
    summary: "few can switch a layer off or go round it",
    rationale: "A layer is as strong as the weakest account that may change it: its token or its owner's laptop is then the way in",
    remedy: "Take the right away, or name the objects in `resourceNames`; keep what remains for people and for the few programs that need it",
    severity: Severity::Medium,
    references: &[RBAC],
};

/// Every rule about the layers together.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [&ONE_LAYER, &NO_LAYER, &NOT_ASKED, &FAILS_OPEN, &POWERFUL_TOKEN, &CAN_GO_PAST].into_iter()
}

//! The rules of this layer that are not constraints.

use crate::finding::{Layer, Severity};
use crate::rule::Rule;

const TEMPLATES: &str = "https://open-policy-agent.github.io/gatekeeper/website/docs/constrainttemplates/";
const EXPANSION: &str = "https://open-policy-agent.github.io/gatekeeper/website/docs/expansion/";
const MUTATION: &str = "https://open-policy-agent.github.io/gatekeeper/website/docs/mutation/";
const EXCLUSION: &str = "https://open-policy-agent.github.io/gatekeeper/website/docs/exempt-namespaces/";
const CONSTRAINTS: &str = "https://open-policy-agent.github.io/gatekeeper/website/docs/howto/";

/// A template that enforces nothing.
pub static INVALID_TEMPLATE: Rule = Rule {
    layer: Layer::Admission,
    name: "invalid-template",
    summary: "every ConstraintTemplate compiles",
    rationale: "Gatekeeper refuses a broken template, and none of its constraints is enforced: what they were to keep out \
        gets in",
    remedy: "Mend the template at the place shown",
    severity: Severity::High,
    references: &[TEMPLATES],
};

/// A constraint that enforces nothing.
pub static INVALID_CONSTRAINT: Rule = Rule {
    layer: Layer::Admission,
    name: "invalid-constraint",
    summary: "every constraint is what its template's schema and Gatekeeper ask for",
    rationale: "Gatekeeper refuses a broken constraint, and nothing is enforced in its name",
    remedy: "Mend the constraint at the place shown",
    severity: Severity::High,
    references: &[CONSTRAINTS],
};

/// A constraint whose template is not there.
pub static UNKNOWN_TEMPLATE: Rule = Rule {
    layer: Layer::Admission,
    name: "unknown-template",
    summary: "the template of every constraint is among the inputs",
    rationale: "Without its template nobody can say what a constraint would keep out, so nothing here was judged by it",
    remedy: "Check the template together with its constraints, or name it with `--policy PATH`",
    severity: Severity::High,
    references: &[TEMPLATES],
};

/// An expansion template that expands nothing.
pub static INVALID_EXPANSION: Rule = Rule {
    layer: Layer::Admission,
    name: "invalid-expansion",
    summary: "every ExpansionTemplate can be used",
    rationale: "Gatekeeper refuses a broken ExpansionTemplate, and what generators make is judged only when it is made",
    remedy: "Mend the ExpansionTemplate at the place shown",
    severity: Severity::High,
    references: &[EXPANSION],
};

/// A generator of which nobody can say what it will make.
pub static FAILED_EXPANSION: Rule = Rule {
    layer: Layer::Admission,
    name: "failed-expansion",
    summary: "what a generator makes can be told from its manifest",
    rationale: "Gatekeeper fails the request where an ExpansionTemplate finds no source in the generator",
    remedy: "Mend the ExpansionTemplate's `templateSource`, or the generator",
    severity: Severity::High,
    references: &[EXPANSION],
};

/// A mutator that changes nothing.
pub static INVALID_MUTATOR: Rule = Rule {
    layer: Layer::Admission,
    name: "invalid-mutator",
    summary: "every Assign, AssignImage, AssignMetadata and ModifySet can be used",
    rationale: "Gatekeeper refuses a broken mutator, and objects are not changed as they were to be",
    remedy: "Mend the mutator at the place shown",
    severity: Severity::High,
    references: &[MUTATION],
};

/// A mutator that contradicts another.
pub static CONFLICTING_MUTATOR: Rule = Rule {
    layer: Layer::Admission,
    name: "conflicting-mutator",
    summary: "no two mutators contradict each other about how objects look",
    rationale: "Gatekeeper takes mutators whose locations contradict each other, and applies none of them",
    remedy: "Mend the location that is wrong; `applyTo` may keep them apart",
    severity: Severity::High,
    references: &[MUTATION],
};

/// An object that cannot be mutated.
pub static FAILED_MUTATION: Rule = Rule {
    layer: Layer::Admission,
    name: "failed-mutation",
    summary: "every object is such that the mutators about it can be applied",
    rationale: "Gatekeeper fails the request where a mutator finds something else than its location says, or where mutators \
        do not come to an end",
    remedy: "Mend the mutator that is named, or the object",
    severity: Severity::High,
    references: &[MUTATION],
};

/// A configuration that is not heeded.
pub static INVALID_CONFIG: Rule = Rule {
    layer: Layer::Admission,
    name: "invalid-config",
    summary: "every Config of Gatekeeper is heeded",
    rationale: "Gatekeeper refuses a `Config` that is broken or has another name than `config`, and excludes no namespace for it",
    remedy: "Mend the `Config` at the place shown",
    severity: Severity::Medium,
    references: &[EXCLUSION],
};

/// A namespace without policies.
pub static IGNORED_NAMESPACE: Rule = Rule {
    layer: Layer::Admission,
    name: "ignored-namespace",
    summary: "no Namespace keeps Gatekeeper out with the label `admission.gatekeeper.sh/ignore`",
    rationale: "The API server does not ask Gatekeeper about what is in such a namespace, so no policy holds there, nor was one \
        applied here. Gatekeeper itself refuses the label but for namespaces that it is told to exempt",
    remedy: "Take the label away, and name the exceptions in each constraint's `excludedNamespaces`",
    severity: Severity::Medium,
    references: &[EXCLUSION],
};

/// A policy for Conftest that finds nothing.
pub static INVALID_POLICY: Rule = Rule {
    layer: Layer::Admission,
    name: "invalid-policy",
    summary: "every policy given with `--conftest` compiles and is asked",
    rationale: "A policy that does not compile finds nothing, and what it was to find goes unseen",
    remedy: "Mend the policy at the place shown",
    severity: Severity::High,
    references: &["https://www.conftest.dev/"],
};

/// Every rule of this layer that is built in.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        &INVALID_TEMPLATE,
        &INVALID_CONSTRAINT,
        &UNKNOWN_TEMPLATE,
        &INVALID_EXPANSION,
        &FAILED_EXPANSION,
        &INVALID_MUTATOR,
        &CONFLICTING_MUTATOR,
        &FAILED_MUTATION,
        &INVALID_CONFIG,
        &IGNORED_NAMESPACE,
        &INVALID_POLICY,
    ]
    .into_iter()
}

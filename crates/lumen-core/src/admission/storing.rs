//! [`PolicySet::refusal`]: why Gatekeeper's webhook does not let a policy be stored (gatekeeper `pkg/webhook/policy.go`,
//! `validateGatekeeperResources`). Broken code is stored: it enforces nothing, and the template's status says so.

use std::sync::Arc;

use lumen_value::pointer;

use super::fault::Fault;
use super::findings::missing_template;
use super::{Constraint, Exclusions, Expansions, PolicyOptions, PolicySet, Template, mutation};
use super::{constraint, exclusion, expansion, template};
use super::{is_config, is_constraint, is_expansion, is_mutator, is_template};
use crate::finding::Action;
use crate::snapshot::Entry;

/// The group of what Gatekeeper's pods say about their policies.
pub(super) const STATUS_GROUP: &str = "status.gatekeeper.sh";

/// The groups whose objects are Gatekeeper's own (`pkg/webhook/common.go`, `isGatekeeperResource`).
pub(super) const GROUPS: [&str; 7] = [
    template::GROUP,
    constraint::GROUP,
    mutation::GROUP,
    exclusion::GROUP,
    "externaldata.gatekeeper.sh",
    expansion::GROUP,
    STATUS_GROUP,
];

/// Longest name of a policy, in bytes: it is the value of a label.
pub(super) const NAME_BYTES_MAX: usize = 63;

/// Why a policy is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What Gatekeeper says of it.
    pub message: String,
    /// Whether upstream takes it for the fault of who applies the policy; other refusals it answers as its own failure.
    pub is_invalid: bool,
}

impl PolicySet {
    /// Why a template, constraint, mutator, expansion template or `Config` is not stored; `None` where it is, or is none of
    /// these. A constraint is held against the template in the set.
    pub fn refusal(&self, entry: &Arc<Entry>) -> Option<Refusal> {
        let fault = self.faults(entry).into_iter().find(|fault| fault.action == Action::Deny)?;
        let is_action = ["enforcementAction", "scopedEnforcementActions"]
            .iter()
            .any(|field| fault.at.is_within(&pointer!["spec", *field]));
        Some(Refusal { message: fault.upstream.unwrap_or(fault.message), is_invalid: !is_action })
    }

    fn faults(&self, entry: &Arc<Entry>) -> Vec<Fault> {
        if is_template(entry) {
            return Template::compile(entry, PolicyOptions::default()).err().unwrap_or_default();
        }
        if is_constraint(entry) {
            let name = entry.object.kind.to_lowercase();
            let template = self.templates.iter().rfind(|template| *template.entry.object.name == *name);
            let Some(template) = template else {
                return vec![Fault::new(pointer!["kind"], missing_template(&name))];
            };
            return Constraint::compile(entry, template, 0)
                .map_or_else(|faults| faults, |constraint| constraint.warnings);
        }
        if is_expansion(entry) {
            return Expansions::default().add(entry).err().unwrap_or_default();
        }
        if is_config(entry) {
            return Exclusions::default().add(entry).err().unwrap_or_default();
        }
        if is_mutator(entry) {
            return mutation::faults(entry);
        }
        Vec::new()
    }
}

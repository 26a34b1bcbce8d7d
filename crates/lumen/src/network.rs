//! What `lumen net` says: the answers of [`lumen_core::network`] in words that people and programs read.
//!
//! - [`listing`]: who reaches whom; [`matrix`]: the same as a table of all against all.
//! - [`end`]: the ends of connections as people name them, everywhere the same.
//! - [`answer`]: why a connection is allowed or denied.
//! - [`difference`]: what two sets of manifests have not in common.
//! - [`suggestion`]: policies for flows, and what they would cut off.
//! - [`picture`]: any of them as a [`Graph`](crate::graph::Graph).

use lumen_core::finding::Finding;
use lumen_core::network::{Assumption, Model, Options, WorkloadId};

use crate::check::Manifests;

pub mod actor;
pub mod answer;
pub mod difference;
pub mod end;
pub mod listing;
pub mod matrix;
pub mod picture;
pub(crate) mod shape;
pub mod suggestion;
mod write;

pub use write::{csv_field, markdown_cell, markdown_members};

/// A set of manifests, and the model of their network.
#[derive(Debug)]
pub struct Network {
    /// The manifests.
    pub manifests: Manifests,
    /// The model.
    pub model: Model,
    /// What is wrong with policies; those are left out.
    pub findings: Vec<Finding>,
}

impl Network {
    /// Builds the model of some manifests.
    pub fn build(manifests: Manifests, options: &Options) -> Self {
        let (model, findings) = Model::build(&manifests.snapshot, options);
        Self { manifests, model, findings }
    }

    /// What the answers rest on, one sentence each.
    pub fn assumptions(&self) -> Vec<String> {
        self.model.assumptions().iter().map(sentence).collect()
    }

    /// What of that is about policies that are not judged, one sentence for each maker.
    pub fn not_judged(&self) -> Vec<String> {
        let is_so = |assumption: &&Assumption| matches!(assumption, Assumption::NotRead { .. });
        self.model.assumptions().iter().filter(is_so).map(sentence).collect()
    }

    /// The workloads that a name means: `namespace/name`, `namespace/Kind/name`, or all of a namespace.
    ///
    /// # Errors
    ///
    /// Where there is none, with what looks like it.
    pub fn named(&self, text: &str) -> Result<Vec<WorkloadId>, String> {
        let found = end::workloads_named(&self.model, text);
        let found = if found.is_empty() && !text.contains('/') {
            let of_namespace = self.model.iter().filter(|(_, workload)| &*workload.namespace == text);
            of_namespace.map(|(id, _)| id).collect()
        } else {
            found
        };
        if found.is_empty() { Err(end::no_such(&self.model, text)) } else { Ok(found) }
    }
}

fn sentence(assumption: &Assumption) -> String {
    match assumption {
        Assumption::NamespaceUnknown(name) => {
            format!(
                "no manifest describes the namespace `{name}`: it is taken to have no labels but its name"
            )
        }
        Assumption::NamespaceAmbiguous(name) => {
            format!("manifests disagree about the labels of the namespace `{name}`: the first is taken")
        }
        Assumption::AddressesUnknown { policy, more } => {
            let policies = match more {
                0 => format!("`{policy}` has"),
                1 => format!("`{policy}` and 1 more policy have"),
                more => format!("`{policy}` and {more} more policies have"),
            };
            format!(
                "{policies} an `ipBlock` of addresses that pods may have, and not every pod's address is known: such \
                 pods are taken to be outside of it; with `--ip-block external` all are"
            )
        }
        Assumption::NotRead { maker, policies } => {
            format!("not judged: {} of {maker}; more or less may be reached than is said", counted(*policies))
        }
        Assumption::RouteNotGranted { service, more } => {
            let more = if *more == 0 { String::new() } else { format!(", nor {more} more") };
            format!(
                "no ReferenceGrant lets a route name the Service `{service}` from another namespace{more}: it leads nowhere"
            )
        }
        Assumption::IcmpNotJudged => {
            "rules for ICMP are not judged: what is said is of TCP, UDP and SCTP".to_owned()
        }
    }
}

fn counted(policies: usize) -> String {
    if policies == 1 { "1 policy".into() } else { format!("{policies} policies") }
}

/// There is more to say than is said in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are more than {max} {what}: {hint}")]
pub struct TooMuch {
    /// Of what.
    pub what: &'static str,
    /// The bound.
    pub max: usize,
    /// What to do.
    pub hint: &'static str,
}

/// What to do where a list has too much.
pub(crate) const HINT_FOLD: &str = "`--fold` takes together what is alike, `--focus` shows a part";
/// What to do where a difference has too much.
pub(crate) const HINT_LESS: &str = "compare fewer manifests at a time";

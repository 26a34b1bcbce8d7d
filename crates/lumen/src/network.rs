//! What `lumen net` says: the answers of [`lumen_core::network`] in words that people and programs read.
//!
//! - [`listing`]: who reaches whom; [`matrix`]: the same as a table of all against all.
//! - [`answer`]: why a connection is allowed or denied; [`asked`] reads the names that are asked about.
//! - [`difference`]: what two sets of manifests have not in common.
//! - [`suggestion`]: policies for flows, and what they would cut off.
//! - [`picture`]: any of them as a [`Graph`](crate::graph::Graph).

use lumen_core::finding::Finding;
use lumen_core::network::{Assumption, Model, Options, WorkloadId};

use crate::check::Manifests;

pub mod actor;
pub mod answer;
pub mod asked;
pub mod controller;
pub mod difference;
pub mod listing;
pub mod matrix;
pub mod picture;
pub(crate) mod shape;
pub mod suggestion;
mod write;

pub use write::{csv_field, markdown_cell};

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
        let sentence = |assumption: &Assumption| match assumption {
            Assumption::NamespaceUnknown(name) => {
                format!(
                    "no manifest describes the namespace `{name}`: it is taken to have no labels but its name"
                )
            }
            Assumption::NamespaceAmbiguous(name) => {
                format!("manifests disagree about the labels of the namespace `{name}`: the first is taken")
            }
        };
        self.model.assumptions().iter().map(sentence).collect()
    }

    /// The workloads that a name means: `namespace/name`, `namespace/Kind/name`, or all of a namespace.
    ///
    /// # Errors
    ///
    /// Where there is none, with what looks like it.
    pub fn named(&self, text: &str) -> Result<Vec<WorkloadId>, String> {
        let found = asked::workloads_named(&self.model, text);
        let found = if found.is_empty() && !text.contains('/') {
            let of_namespace = self.model.iter().filter(|(_, workload)| &*workload.namespace == text);
            of_namespace.map(|(id, _)| id).collect()
        } else {
            found
        };
        if found.is_empty() { Err(asked::no_such(&self.model, text)) } else { Ok(found) }
    }
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

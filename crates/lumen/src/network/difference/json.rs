//! A difference as JSON, schema `lumen.net.diff/v1`.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Difference, Presence};
use crate::network::shape::{End, PortRange, port_ranges};
use crate::output::write_json;

/// The name and version of the shape.
pub const DIFF_SCHEMA: &str = "lumen.net.diff/v1";

/// What two sets of manifests have not in common.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.net.diff/v1", deny_unknown_fields)]
pub struct Diff {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = DIFF_SCHEMA))]
    schema: &'static str,
    /// The connections that changed, sorted by their ends.
    changes: Vec<ChangeShape>,
    /// The names of workloads that are new.
    new_workloads: Vec<String>,
    /// The names of workloads that are gone.
    gone_workloads: Vec<String>,
    /// What the answers rest on that manifests do not tell, one sentence each.
    assumptions: Vec<String>,
}

/// A connection that changed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ChangeShape {
    /// Who connects.
    from: End,
    /// To whom.
    to: End,
    /// The ports that are open now and were not.
    won: Vec<PortRange>,
    /// The ports that were open and are not now.
    lost: Vec<PortRange>,
}

/// Writes a difference as one JSON document.
///
/// # Errors
///
/// Where writing fails.
pub fn json(difference: &Difference, out: &mut dyn io::Write) -> io::Result<()> {
    let end = |party| End::of(party, &difference.actors);
    let named = |wanted: Presence| {
        let pairs = difference.actors.iter().zip(&difference.presence);
        pairs.filter(|(_, presence)| **presence == wanted).map(|(actor, _)| actor.name.clone()).collect()
    };
    let shape = Diff {
        schema: DIFF_SCHEMA,
        changes: difference
            .changes
            .iter()
            .map(|change| ChangeShape {
                from: end(&change.from),
                to: end(&change.to),
                won: port_ranges(&change.won),
                lost: port_ranges(&change.lost),
            })
            .collect(),
        new_workloads: named(Presence::Comes),
        gone_workloads: named(Presence::Goes),
        assumptions: difference.assumptions.clone(),
    };
    write_json(&shape, out)
}

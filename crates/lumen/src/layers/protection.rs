//! What one policy of the network keeps from whom.

use std::sync::Arc;

use anyhow::anyhow;
use lumen_core::posture::layers::NetworkView;
use lumen_core::posture::protection::{Gain, gains, protected};
use lumen_core::posture::radius::WorkloadNumber;
use lumen_core::snapshot::{Entry, Snapshot};

use super::{Posture, listed, name_of};
use crate::check::prepare::Lines;
use crate::output::counted;

/// What a policy keeps from whom.
#[derive(Clone, Debug)]
pub struct Protection {
    /// The policy; several where manifests of one name are among the inputs.
    pub policies: Vec<Arc<Entry>>,
    /// What is gained where it goes away, by whoever is in the workloads that were asked for.
    pub gains: Vec<Gain>,
    /// The workloads that somebody reaches only without it, sorted.
    pub protected: Vec<WorkloadNumber>,
    /// Whether that is all: not, where what those workloads reach is not fully known.
    pub is_certain: bool,
}

/// Looks at the network without a policy. `only` are the workloads that are asked for; all where there is none.
pub fn protection(
    snapshot: &Snapshot,
    view: &NetworkView,
    called: &str,
    only: Option<&[WorkloadNumber]>,
) -> anyhow::Result<Protection> {
    let (without, policies) = NetworkView::without(snapshot, called)
        .ok_or_else(|| anyhow!("no policy of the network is called `{called}`: use `namespace/name`"))?;
    let found = gains(view, &without, only);
    let protected = protected(&found.each);
    Ok(Protection { policies, gains: found.each, protected, is_certain: found.is_certain })
}

/// `without NetworkPolicy shop/default-deny (deny.yaml:3): 2 workloads reach more; it keeps 3 from being reached`.
pub fn head(found: &Protection, lines: &Lines<'_>) -> String {
    let policy = |entry: &Arc<Entry>| {
        let name = match &entry.namespace {
            Some(namespace) => format!("{namespace}/{}", entry.object.name),
            None => entry.object.name.to_string(),
        };
        format!("{} {name} ({})", entry.object.kind, lines.shown(&entry.location))
    };
    let policies: Vec<String> = found.policies.iter().map(policy).collect();
    let policies = listed(policies.iter().map(String::as_str));
    let known = if found.is_certain { "" } else { "as far as is known, " };
    if found.gains.is_empty() {
        let why = if found.is_certain { ", for what is left decides the same" } else { "" };
        return format!("without {policies}: {known}nobody reaches more{why}");
    }
    let verb = if found.gains.len() == 1 { "reaches" } else { "reach" };
    format!(
        "without {policies}: {known}{} {verb} more; it protects {} from being reached",
        counted(found.gains.len(), "workload"),
        counted(found.protected.len(), "workload")
    )
}

/// What is reached more, in a few parts; of names at most so many.
pub fn more(posture: &Posture<'_>, gain: &Gain, names_max: usize) -> Vec<String> {
    let names = |numbers: &[WorkloadNumber]| {
        let shown: Vec<String> =
            numbers.iter().take(names_max).map(|number| name_of(posture, *number)).collect();
        let more = numbers.len().saturating_sub(names_max);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", shown.join(", "))
    };
    let mut parts = Vec::new();
    if !gain.direct.is_empty() {
        parts.push(names(&gain.direct));
    }
    let over_hops = gain.over_hops.as_deref().unwrap_or_default();
    let further: Vec<WorkloadNumber> =
        over_hops.iter().copied().filter(|number| gain.direct.binary_search(number).is_err()).collect();
    if !further.is_empty() {
        parts.push(format!("over others {}", names(&further)));
    }
    for (place, change) in [("the internet", &gain.internet), ("the API server", &gain.api_server)] {
        if let Some(change) = change {
            parts.push(format!("{place} (was {}, then {})", change.with, change.without));
        }
    }
    parts
}

//! What a policy of the network keeps from whoever takes a workload over: what they would reach if it went away.

use super::layers::{Access, NetworkView};
use super::radius::{Paths, Radius, Reach, WorkloadNumber, gained};

/// What an attacker in one workload reaches only without the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gain {
    /// The workload that the attacker is in.
    pub start: WorkloadNumber,
    /// The workloads that are reached directly and were not, sorted.
    pub direct: Vec<WorkloadNumber>,
    /// Those that are reached over any number of hops and were not, sorted; `None` where that is not known.
    pub over_hops: Option<Vec<WorkloadNumber>>,
    /// Addresses outside of the cluster, where that differs.
    pub internet: Option<Change>,
    /// The API server, where that differs.
    pub api_server: Option<Change>,
}

/// What a place is for a workload, with the policy and without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// With it.
    pub with: Access,
    /// Without it.
    pub without: Access,
}

impl Gain {
    /// Whether it is anything.
    fn is_something(&self) -> bool {
        !self.direct.is_empty()
            || self.over_hops.as_ref().is_some_and(|workloads| !workloads.is_empty())
            || self.internet.is_some()
            || self.api_server.is_some()
    }
}

/// What is gained where a policy goes away.
#[derive(Clone, Debug)]
pub struct Gains {
    /// By whoever is in one workload, or in each; sorted by where they start.
    pub each: Vec<Gain>,
    /// Whether that is all: what those workloads, and whoever is within their reach, can reach is fully known.
    pub is_certain: bool,
}

/// What is gained where the policy goes away: by whoever is in one of some workloads, or in any.
pub fn gains(with: &NetworkView, without: &NetworkView, only: Option<&[WorkloadNumber]>) -> Gains {
    let (reach, wider) = (with.reach(), without.reach());
    let (paths, wider_paths) = (Paths::of(&reach), Paths::of(&wider));
    let asked = with.egress.iter().filter(|(number, _)| only.is_none_or(|only| only.contains(number)));
    let mut found = Gains { each: Vec::new(), is_certain: true };
    for (number, before) in asked {
        let (narrow, wide) = (paths.radius(*number), wider_paths.radius(*number));
        let is_known = |radius: &Radius| radius.hops.is_some();
        let is_sure = |radius: &Radius, reach: &Reach| {
            reach.doubts.is_empty() || is_known(radius) && radius.doubt.is_none()
        };
        found.is_certain &= is_sure(&narrow, &reach) && is_sure(&wide, &wider);
        let Some(after) = without.egress.get(number) else {
            continue;
        };
        let direct = after.peers.iter().filter(|peer| before.peers.binary_search(peer).is_err());
        let gain = Gain {
            start: *number,
            direct: direct.copied().collect(),
            over_hops: (is_known(&narrow) && is_known(&wide)).then(|| gained(&narrow, &wide)),
            internet: change(&before.internet, &after.internet),
            api_server: change(&before.api_server, &after.api_server),
        };
        found.each.extend(gain.is_something().then_some(gain));
    }
    found
}

/// The workloads that are reached by somebody only without the policy: those that it protects. Sorted.
pub fn protected(gains: &[Gain]) -> Vec<WorkloadNumber> {
    let mut protected: Vec<WorkloadNumber> = gains.iter().flat_map(|gain| &gain.direct).copied().collect();
    protected.sort_unstable();
    protected.dedup();
    protected
}

fn change(with: &Access, without: &Access) -> Option<Change> {
    (with != without).then(|| Change { with: with.clone(), without: without.clone() })
}

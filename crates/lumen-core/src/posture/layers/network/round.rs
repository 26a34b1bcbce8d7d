//! Ways round what policies keep a workload from: by a workload that it reaches, in answers, and over its own node.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Access, Egress};
use crate::network::{Direction, Model, WorkloadId};
use crate::posture::radius::WorkloadNumber;

/// How far a workload gets without a connection of its own to the place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// The workload that it reaches and by which addresses outside are reached, where policies do not keep that one off.
    pub internet: Option<Way>,
    /// The same of the API server.
    pub api_server: Option<Way>,
    /// Whether something can connect to it and take data along in the answers, which policies always let through.
    pub is_called: bool,
    /// Another workload on the host's network, which may be on its node and is then reached whatever policies say.
    pub on_host: Option<WorkloadNumber>,
}

/// A way over another workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The workload that is reached first.
    pub peer: WorkloadNumber,
    /// Whether the place is reached from there in one hop more; where it is not, the peer is on the way to one that does.
    pub is_last: bool,
}

/// Whether something outside of the cluster may connect to a workload; where it cannot be told, it may.
pub(super) fn is_called_from_outside(model: &Model, id: WorkloadId) -> bool {
    model
        .external(id, Direction::Ingress)
        .map_or(true, |ranges| ranges.iter().any(|(_, ports)| !ports.is_empty()))
}

/// The workloads on the host's network: two, so that each workload has another.
pub(super) fn on_host(
    model: &Model,
    number_of: &BTreeMap<WorkloadId, WorkloadNumber>,
) -> BTreeSet<WorkloadNumber> {
    let on_host = model.iter().filter(|(_, workload)| workload.host_network);
    let mut numbers: BTreeSet<_> = on_host.filter_map(|(id, _)| number_of.get(&id).copied()).collect();
    while numbers.len() > 2 {
        numbers.pop_last();
    }
    numbers
}

/// Fills in the ways over other workloads, and who is called by another.
pub(super) fn add_ways(egress: &mut BTreeMap<WorkloadNumber, Egress>) {
    let internet = ways(egress, |egress| &egress.internet);
    let api_server = ways(egress, |egress| &egress.api_server);
    let mut called = BTreeSet::new();
    for own in egress.values() {
        if own.peers_unknown.is_some() {
            called.extend(egress.keys().copied());
            break;
        }
        if called.len() < egress.len() {
            called.extend(own.peers.iter().copied());
        }
    }
    for (number, own) in egress {
        own.round.internet = internet.get(number).copied();
        own.round.api_server = api_server.get(number).copied();
        own.round.is_called |= called.contains(number);
    }
}

/// For each workload that a place is closed to, the nearest way over others to one that it is not closed to. What is not
/// known of such a workload may be open.
fn ways(
    egress: &BTreeMap<WorkloadNumber, Egress>,
    place: impl Fn(&Egress) -> &Access,
) -> BTreeMap<WorkloadNumber, Way> {
    let is_closed = |egress: &Egress| *place(egress) == Access::Closed;
    let mut ways: BTreeMap<WorkloadNumber, Way> = BTreeMap::new();
    // From a workload that is not out yet back to those that reach it.
    let mut callers: BTreeMap<WorkloadNumber, Vec<WorkloadNumber>> = BTreeMap::new();
    for (number, own) in egress.iter().filter(|(_, own)| is_closed(own)) {
        let is_out = |peer: &&WorkloadNumber| egress.get(peer).is_some_and(|peer| !is_closed(peer));
        if let Some(peer) = own.peers.iter().find(is_out) {
            ways.insert(*number, Way { peer: *peer, is_last: true });
        } else {
            for peer in &own.peers {
                callers.entry(*peer).or_default().push(*number);
            }
        }
    }
    let mut next: VecDeque<WorkloadNumber> = ways.keys().copied().collect();
    while let Some(peer) = next.pop_front() {
        for caller in callers.remove(&peer).unwrap_or_default() {
            ways.entry(caller).or_insert_with(|| {
                next.push_back(caller);
                Way { peer, is_last: false }
            });
        }
    }
    ways
}

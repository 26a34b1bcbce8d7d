//! A workload and the addresses outside the cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::address::{AddressRange, AddressSet, after, before};
use super::evaluate::{NO_NAMES, is_isolated, weigh};
use super::policy::{Direction, PeerMatch, Policy, Rule, RuleAction, Tier};
use super::port::Ports;
use super::workload::NamedPorts;
use super::{Model, WorkloadId};

/// Most meetings of ranges and rules that are worked through for one workload.
pub const EXTERNAL_WORK_MAX: usize = 20_000_000;

/// The answer would take more than the bounds allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policies overlap in more ways than are worked through")]
pub struct Beyond;

impl Model {
    /// The addresses outside the cluster, in ranges of either family, each with the ports on which it may reach a
    /// workload (`Ingress`), or the workload it (`Egress`). The ranges are sorted, differ from their neighbours, and cover
    /// all addresses, those with no ports, too. Empty for a workload of another model.
    ///
    /// # Errors
    ///
    /// When more than [`EXTERNAL_WORK_MAX`] meetings of ranges and rules would have to be worked through.
    pub fn external(
        &self,
        workload: WorkloadId,
        direction: Direction,
    ) -> Result<Vec<(AddressRange, Ports)>, Beyond> {
        let Some(found) = self.workload(workload) else {
            return Ok(Vec::new());
        };
        let policies: Vec<_> = self.resolve(self.selecting(found.class, direction)).collect();
        let names = match direction {
            Direction::Ingress => &*found.ports,
            Direction::Egress => &NO_NAMES,
        };
        let layers = layers(&policies, direction, names);
        let isolated = is_isolated(policies.iter().copied(), direction);
        let mut ranges: Vec<(AddressRange, Ports)> = Vec::new();
        let mut work = 0;
        for (range, active) in parts(&layers) {
            work += active.len() + 1;
            if work > EXTERNAL_WORK_MAX {
                return Err(Beyond);
            }
            let fitting = active.iter().filter_map(|index| layers.get(*index));
            let ports = weigh(isolated, fitting.map(|layer| (layer.tier, layer.action, layer.ports.clone())));
            match ranges.last_mut() {
                Some((before, same)) if *same == ports && before.first.is_ipv4() == range.first.is_ipv4() => {
                    before.last = range.last;
                }
                _ => ranges.push((range, ports)),
            }
        }
        Ok(ranges)
    }
}

/// A rule laid over the line of addresses; or all rules of the namespace tier that allow the same ports, for their order
/// means nothing.
struct Layer {
    tier: Tier,
    action: RuleAction,
    ports: Ports,
    addresses: AddressSet,
}

/// The layers, in the order in which they are asked.
fn layers(policies: &[&Policy], direction: Direction, names: &NamedPorts) -> Vec<Layer> {
    let (mut layers, mut granted) = (Vec::new(), BTreeMap::<Ports, Vec<AddressRange>>::new());
    for policy in policies {
        for rule in &policy.section(direction).rules {
            let (ports, ranges) = (rule.ports_at(names), ranges(rule));
            if ranges.is_empty() || ports.is_empty() {
                continue;
            }
            if (policy.tier, rule.action) == (Tier::Namespace, RuleAction::Allow) {
                granted.entry(ports).or_default().extend(ranges);
            } else {
                let addresses = AddressSet::of(ranges);
                layers.push(Layer { tier: policy.tier, action: rule.action, ports, addresses });
            }
        }
    }
    layers.extend(granted.into_iter().map(|(ports, ranges)| Layer {
        tier: Tier::Namespace,
        action: RuleAction::Allow,
        ports,
        addresses: AddressSet::of(ranges),
    }));
    layers
}

/// The addresses that a rule means.
fn ranges(rule: &Rule) -> Vec<AddressRange> {
    let mut ranges = Vec::new();
    for peer in &rule.peers {
        match &peer.who {
            PeerMatch::Anyone => ranges.extend([AddressRange::IPV4, AddressRange::IPV6]),
            PeerMatch::Addresses { set, .. } => ranges.extend(set.ranges()),
            PeerMatch::Pods(_) | PeerMatch::Cluster | PeerMatch::Undecided(..) => {}
        }
    }
    ranges
}

/// The line of addresses, cut wherever a layer begins or ends, with the layers over each part.
fn parts(layers: &[Layer]) -> impl Iterator<Item = (AddressRange, BTreeSet<usize>)> {
    // Where layers begin and where they have ended.
    let mut changes: BTreeMap<std::net::IpAddr, Vec<(usize, bool)>> = BTreeMap::new();
    for family in [AddressRange::IPV4, AddressRange::IPV6] {
        changes.entry(family.first).or_default();
    }
    for (index, layer) in layers.iter().enumerate() {
        for range in layer.addresses.ranges() {
            changes.entry(range.first).or_default().push((index, true));
            // What lasts to the end of its family ends where the next begins; behind IPv6 there is nothing.
            let end = after(range.last).or(range.last.is_ipv4().then_some(AddressRange::IPV6.first));
            if let Some(end) = end {
                changes.entry(end).or_default().push((index, false));
            }
        }
    }
    let mut active = BTreeSet::new();
    let mut changes = changes.into_iter().peekable();
    std::iter::from_fn(move || {
        let (first, mut toggles) = changes.next()?;
        // A layer may end and begin at one place, where families meet.
        toggles.sort_by_key(|(_, begins)| *begins);
        for (index, begins) in toggles {
            if begins {
                active.insert(index)
            } else {
                active.remove(&index)
            };
        }
        let family_last = if first.is_ipv4() { AddressRange::IPV4.last } else { AddressRange::IPV6.last };
        let next = changes.peek().map(|(next, _)| *next).filter(|next| next.is_ipv4() == first.is_ipv4());
        let last = next.and_then(before).unwrap_or(family_last);
        Some((AddressRange { first, last }, active.clone()))
    })
}

//! Blocks of addresses that hold pods, or nothing but the virtual addresses of Services.

use std::collections::BTreeSet;
use std::net::IpAddr;

use lumen_value::Value;

use super::{Context, Findings, finding, rules, with_severity};
use crate::finding::{Finding, Severity};
use crate::network::address::{AddressRange, AddressSet, address_of};
use crate::network::policy::{Direction, PeerMatch, Policy, Rule, RulePeer};
use crate::network::port::{PortRanges, Protocol};
use crate::network::well_known::{POD_RANGES, PRIVATE_RANGES, SERVICE_RANGES};
use crate::network::workload::NamedPorts;
use crate::object::{field, text};

/// Looks at every block.
pub(super) fn blocks(context: &Context<'_>, findings: &mut Findings<'_>) {
    let known = Known::of(context);
    for policy in context.network_policies() {
        for direction in Direction::ALL {
            for rule in &policy.section(direction).rules {
                for peer in &rule.peers {
                    if let PeerMatch::Addresses { set, .. } = &peer.who {
                        findings.extend(known.look_at(policy, direction, rule, peer, set));
                    }
                }
            }
        }
    }
}

/// What is known of the cluster's addresses.
struct Known {
    /// Ranges of pods, each with where it is known from.
    pods: Vec<(AddressRange, String)>,
    /// Virtual addresses of Services.
    services: BTreeSet<IpAddr>,
    /// Addresses of pods.
    addresses: BTreeSet<IpAddr>,
}

impl Known {
    fn of(context: &Context<'_>) -> Self {
        let mut pods = Vec::new();
        for node in context.snapshot.of_kind("", "Node") {
            let spec = field(&node.value, &["spec"]);
            let list = spec.get("podCIDRs").and_then(Value::as_array).into_iter().flatten();
            for cidr in list.filter_map(Value::as_str).chain([text(spec, "podCIDR")]) {
                if let Some(range) = AddressRange::of_cidr(cidr) {
                    pods.push((range, format!("the pods of node `{}`", node.object.name)));
                }
            }
        }
        let defaults = POD_RANGES
            .iter()
            .filter_map(|(cidr, whose)| Some((AddressRange::of_cidr(cidr)?, format!("the pods of {whose}"))));
        pods.extend(defaults);
        let services = context.snapshot.of_kind("", "Service").iter();
        let services =
            services.filter_map(|entry| address_of(text(field(&entry.value, &["spec"]), "clusterIP")));
        let workloads = context.model.workloads().iter().filter(|workload| !workload.host_network);
        Self {
            pods,
            services: services.collect(),
            addresses: workloads.flat_map(|workload| workload.addresses.iter().copied()).collect(),
        }
    }

    fn look_at(
        &self,
        policy: &Policy,
        direction: Direction,
        rule: &Rule,
        peer: &RulePeer,
        set: &AddressSet,
    ) -> Option<Finding> {
        let at = peer.at.child("ipBlock");
        if direction == Direction::Egress
            && let Some(message) = self.virtual_only(set)
        {
            return Some(finding(&rules::VIRTUAL_ADDRESS, message, &policy.entry, &at));
        }
        if is_everything(set) {
            return everything(policy, direction, rule, peer);
        }
        let within = |range: &AddressRange| self.pods.iter().find(|(pods, _)| pods.covers(range));
        let covered = set.ranges().iter().find_map(within).map(|(_, whose)| whose.clone());
        let covered = covered.or_else(|| {
            let held =
                set.ranges().iter().find_map(|range| self.addresses.range(range.first..=range.last).next());
            held.map(|address| format!("a pod, which has {address}"))
        })?;
        let message = format!(
            "this block is of addresses of {covered}: whether pods are meant depends on the network plugin"
        );
        Some(finding(&rules::BLOCK_COVERS_PODS, message, &policy.entry, &at))
    }

    /// What is said where all addresses are those of Services.
    fn virtual_only(&self, set: &AddressSet) -> Option<String> {
        let why = "policies are applied after it has been replaced";
        if let [range] = set.ranges()
            && range.first == range.last
            && self.services.contains(&range.first)
        {
            return Some(format!("{range} is the virtual address of a Service: {why}"));
        }
        let mut ranges = set.ranges().iter();
        let service_range = |range: &AddressRange| {
            SERVICE_RANGES
                .iter()
                .find(|(cidr, _)| AddressRange::of_cidr(cidr).is_some_and(|services| services.covers(range)))
        };
        let whose = service_range(set.ranges().first()?)?.1;
        ranges
            .all(|range| service_range(range).is_some())
            .then(|| format!("{set} is where {whose} has the virtual addresses of Services: {why}"))
    }
}

/// The whole internet, and with it every pod.
fn everything(policy: &Policy, direction: Direction, rule: &Rule, peer: &RulePeer) -> Option<Finding> {
    let all_tcp = *rule.ports_at(&NamedPorts::none()).of(Protocol::Tcp) == PortRanges::all();
    // Ingress from everywhere is what it says, and all ports out have a rule of their own.
    if direction == Direction::Ingress || all_tcp {
        return None;
    }
    let message =
        "this block holds the addresses of pods, too: take the private ranges out by `except`".to_owned();
    let found = finding(&rules::BLOCK_COVERS_PODS, message, &policy.entry, &peer.at.child("ipBlock"));
    Some(with_severity(found, Severity::Info))
}

/// Whether the whole of IPv4 is meant, with all its private ranges.
fn is_everything(set: &AddressSet) -> bool {
    let mut private = PRIVATE_RANGES.iter().filter_map(|cidr| AddressRange::of_cidr(cidr));
    private.all(|range| set.ranges().iter().any(|each| each.covers(&range)))
}

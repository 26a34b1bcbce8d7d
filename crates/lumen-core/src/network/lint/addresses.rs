//! Blocks of addresses that hold pods, or nothing but the virtual addresses of Services.

use std::collections::BTreeSet;
use std::net::IpAddr;

use lumen_value::Value;

use super::{Context, Findings, finding, rules, with_severity};
use crate::finding::{Finding, Severity};
use crate::network::address::{AddressRange, AddressSet, address_of};
use crate::network::policy::{Direction, PeerMatch, Policy, Rule, RulePeer};
use crate::network::port::Protocol;
use crate::network::well_known::{POD_RANGES, PRIVATE_RANGES, SERVICE_RANGES};
use crate::network::workload::NamedPorts;
use crate::object::{field, text};

/// Looks at every block.
pub(super) fn blocks(context: &Context<'_>, findings: &mut Findings<'_>) {
    let known = Known::of(context);
    for policy in context.network_policies() {
        for direction in Direction::ALL {
            for rule in &policy.section(direction).rules {
                let all_tcp = is_all_tcp(rule);
                for peer in &rule.peers {
                    if let PeerMatch::Addresses { set, .. } = &peer.who
                        && context.take(set.ranges().len())
                    {
                        findings.extend(known.look_at(policy, direction, peer, set, all_tcp));
                    }
                }
            }
        }
    }
}

/// What is known of the cluster's addresses.
struct Known<'a> {
    /// Ranges of nodes' pods, each with whose they are, sorted: none lies in another.
    of_nodes: Vec<(AddressRange, &'a str)>,
    /// Ranges that distributions give to pods.
    usual: Vec<(AddressRange, &'static str)>,
    /// Virtual addresses of Services.
    services: BTreeSet<IpAddr>,
    /// Addresses of pods.
    addresses: BTreeSet<IpAddr>,
}

impl<'a> Known<'a> {
    fn of(context: &Context<'a>) -> Self {
        let mut of_nodes: Vec<(AddressRange, &str)> = Vec::new();
        for node in context.snapshot.of_kind("", "Node") {
            let spec = field(&node.value, &["spec"]);
            let list = spec.get("podCIDRs").and_then(Value::as_array).into_iter().flatten();
            for cidr in list.filter_map(Value::as_str).chain([text(spec, "podCIDR")]) {
                if let Some(range) = AddressRange::of_cidr(cidr) {
                    of_nodes.push((range, &node.object.name));
                }
            }
        }
        // Networks lie apart or one in the other: of those that do, the widest goes first and stays.
        of_nodes.sort_by(|(a, one), (b, other)| {
            (a.first, std::cmp::Reverse(a.last), one).cmp(&(b.first, std::cmp::Reverse(b.last), other))
        });
        of_nodes.dedup_by(|(later, _), (before, _)| before.covers(later));
        let usual =
            POD_RANGES.iter().filter_map(|(cidr, whose)| Some((AddressRange::of_cidr(cidr)?, *whose)));
        let services = context.snapshot.of_kind("", "Service").iter();
        let services =
            services.filter_map(|entry| address_of(text(field(&entry.value, &["spec"]), "clusterIP")));
        let workloads = context.model.workloads().iter().filter(|workload| !workload.host_network);
        Self {
            of_nodes,
            usual: usual.collect(),
            services: services.collect(),
            addresses: workloads.flat_map(|workload| workload.addresses.iter().copied()).collect(),
        }
    }

    fn look_at(
        &self,
        policy: &Policy,
        direction: Direction,
        peer: &RulePeer,
        set: &AddressSet,
        all_tcp: bool,
    ) -> Option<Finding> {
        let at = peer.at.child("ipBlock");
        if direction == Direction::Egress
            && let Some(message) = self.virtual_only(set)
        {
            return Some(finding(&rules::VIRTUAL_ADDRESS, message, &policy.entry, &at));
        }
        if is_everything(set) {
            // Ingress from everywhere is what it says, and all ports out have a rule of their own.
            let is_said = direction == Direction::Ingress || all_tcp;
            return (!is_said).then(|| everything(policy, peer));
        }
        let covered = set.ranges().iter().find_map(|range| self.pods_around(range));
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

    /// Of whose pods all addresses of a range are.
    fn pods_around(&self, range: &AddressRange) -> Option<String> {
        let behind = self.of_nodes.partition_point(|(each, _)| each.first <= range.first);
        let node = behind.checked_sub(1).and_then(|index| self.of_nodes.get(index));
        if let Some((_, node)) = node.filter(|(each, _)| each.covers(range)) {
            return Some(format!("the pods of node `{node}`"));
        }
        let (_, whose) = self.usual.iter().find(|(each, _)| each.covers(range))?;
        Some(format!("the pods of {whose}"))
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
fn everything(policy: &Policy, peer: &RulePeer) -> Finding {
    let message =
        "this block holds the addresses of pods, too: take the private ranges out by `except`".to_owned();
    let found = finding(&rules::BLOCK_COVERS_PODS, message, &policy.entry, &peer.at.child("ipBlock"));
    with_severity(found, Severity::Info)
}

/// Whether a rule is about every port of TCP.
fn is_all_tcp(rule: &Rule) -> bool {
    rule.ports_at(&NamedPorts::none()).of(Protocol::Tcp).is_all()
}

/// Whether the whole of IPv4 is meant, with all its private ranges.
fn is_everything(set: &AddressSet) -> bool {
    let mut private = PRIVATE_RANGES.iter().filter_map(|cidr| AddressRange::of_cidr(cidr));
    private.all(|range| set.ranges().iter().any(|each| each.covers(&range)))
}

//! [`suggest`]: the smallest policies that allow some flows, and what they would cut off.
//!
//! Workloads that need the same share a policy, and peers with the same ports share a rule. A set of workloads is written as
//! `{}` where it is all of its namespace, else by one label, by one key with several values, or by several labels: the first
//! of these that means exactly the set. Labels that change with every release are not used.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use lumen_value::Value;

use super::address::{AddressRange, AddressSet, address_of};
use super::class::ClassId;
use super::policy::Direction;
use super::port::Ports;
use super::{Beyond, Model, WorkloadId, well_known};
use crate::snapshot::{Snapshot, SourceDocument};

mod labels;
mod write;

use labels::Labels;
use write::Writer;

/// Most flows, and most pairs that are looked at for what would break.
pub const PAIRS_MAX: usize = 4_000_000;

/// Something that is to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Where it starts.
    pub source: FlowEnd,
    /// Where it ends.
    pub destination: FlowEnd,
    /// The ports at its end.
    pub ports: Ports,
}

/// One end of a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowEnd {
    /// A workload.
    Workload(WorkloadId),
    /// Addresses outside the cluster.
    Network(Network),
}

/// A network of addresses outside the cluster, with what is left out of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    cidr: Arc<str>,
    except: Arc<[Arc<str>]>,
    addresses: AddressSet,
}

/// `10.0.0.0/8`; `0.0.0.0/0 except 13 networks` where something is left out.
impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.cidr)?;
        match self.except.len() {
            0 => Ok(()),
            1 => write!(out, " except 1 network"),
            several => write!(out, " except {several} networks"),
        }
    }
}

impl Network {
    /// Reads a network, or one address; `None` where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let of = |cidr: Arc<str>, range| Self {
            cidr,
            except: Arc::default(),
            addresses: AddressSet::of(vec![range]),
        };
        if let Some(range) = AddressRange::of_cidr(text) {
            return Some(of(text.into(), range));
        }
        let address = address_of(text)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Some(of(format!("{address}/{bits}").into(), AddressRange::of_address(address)))
    }

    /// The networks of a set of addresses: the internet is that of IPv4 without what is private, local and reserved, and that
    /// of IPv6; anything else is the fewest networks that together are the set.
    pub fn all_of(set: &AddressSet) -> Vec<Self> {
        if *set != well_known::internet() {
            return set.ranges().iter().flat_map(|range| Self::parts_of(*range)).collect();
        }
        let addresses = set.within(&AddressRange::IPV4);
        let except = well_known::NOT_INTERNET.into_iter().map(Arc::from).collect();
        let newer = Self::parse(well_known::INTERNET_V6);
        [Self { cidr: "0.0.0.0/0".into(), except, addresses }].into_iter().chain(newer).collect()
    }

    /// The fewest networks that together are a range.
    pub fn parts_of(range: AddressRange) -> Vec<Self> {
        let (bits_max, first, last) = match (range.first, range.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                (32, u128::from(first.to_bits()), u128::from(last.to_bits()))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => (128, first.to_bits(), last.to_bits()),
            _ => return Vec::new(),
        };
        let mut parts = Vec::new();
        let mut next = Some(first).filter(|first| *first <= last);
        while let Some(first) = next {
            // The largest network that begins here and ends no later than the range.
            let is_within = |host_bits: &u32| {
                let size_less_one = if *host_bits == 128 { u128::MAX } else { (1_u128 << host_bits) - 1 };
                first & size_less_one == 0 && size_less_one <= last - first
            };
            let host_bits = (0..=bits_max).take_while(is_within).last().unwrap_or(0);
            let address = match u32::try_from(first) {
                Ok(address) if bits_max == 32 => IpAddr::V4(address.into()),
                _ => IpAddr::V6(first.into()),
            };
            parts.extend(Self::parse(&format!("{address}/{}", bits_max - host_bits)));
            let size_less_one = if host_bits == 128 { u128::MAX } else { (1_u128 << host_bits) - 1 };
            next = first
                .checked_add(size_less_one)
                .and_then(|end| end.checked_add(1))
                .filter(|next| *next <= last);
        }
        parts
    }

    /// As it is written in a policy.
    pub fn cidr(&self) -> &str {
        &self.cidr
    }

    /// What is left out of it, as it is written in a policy.
    pub fn except(&self) -> &[Arc<str>] {
        &self.except
    }
}

/// What is to be suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Whether each namespace gets a policy that denies by default. Without it what no policy selects stays open.
    pub default_deny: bool,
    /// Whether each namespace gets a policy that allows DNS.
    pub dns: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { default_deny: true, dns: true }
    }
}

/// Policies for flows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestion {
    /// The policies, as manifests, sorted by namespace.
    pub policies: Vec<Value>,
    /// The namespaces that they are for, sorted.
    pub namespaces: Vec<Arc<str>>,
    /// Workloads that are allowed more than was asked for, because no label tells them from others.
    pub widened: Vec<WorkloadId>,
    /// Flows that no policy can be written for: an end is on the host's network and its addresses are not known.
    pub left_out: Vec<Flow>,
}

/// A pair of workloads of which ports would be cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Where it starts.
    pub source: WorkloadId,
    /// Where it ends.
    pub destination: WorkloadId,
    /// The ports that are reached today and would not be.
    pub ports: Ports,
}

/// What one workload is to let through in one direction: for each peer the ports.
type Needs = BTreeMap<FlowEnd, Ports>;

/// The smallest policies that allow flows, for every namespace with a workload at an end of one.
pub fn suggest(model: &Model, flows: &[Flow], wishes: Wishes) -> Suggestion {
    let mut needs: BTreeMap<(Direction, WorkloadId), BTreeMap<FlowEnd, Vec<&Ports>>> = BTreeMap::new();
    let mut suggestion = Suggestion::default();
    for flow in flows.iter().take(PAIRS_MAX) {
        let ends = (peers(model, &flow.source), peers(model, &flow.destination));
        if ends.0.is_empty() || ends.1.is_empty() {
            suggestion.left_out.push(flow.clone());
        }
        let subjects =
            [(Direction::Egress, &flow.source, &ends.1), (Direction::Ingress, &flow.destination, &ends.0)];
        for (direction, subject, peers) in subjects {
            let FlowEnd::Workload(id) = subject else { continue };
            if model.workload(*id).is_none_or(|workload| workload.host_network) {
                continue;
            }
            let of_subject = needs.entry((direction, *id)).or_default();
            for peer in peers {
                of_subject.entry(peer.clone()).or_default().push(&flow.ports);
            }
        }
    }
    // Workloads that need the same share a policy.
    let mut groups: BTreeMap<&Arc<str>, [HashMap<Needs, BTreeSet<WorkloadId>>; 2]> = BTreeMap::new();
    for ((direction, id), of_subject) in needs {
        let Some(workload) = model.workload(id) else { continue };
        let of_subject = of_subject.into_iter().map(|(peer, ports)| (peer, Ports::union_of(ports))).collect();
        let [ingress, egress] = groups.entry(&workload.namespace).or_default();
        let of_direction = match direction {
            Direction::Ingress => ingress,
            Direction::Egress => egress,
        };
        of_direction.entry(of_subject).or_default().insert(id);
    }
    suggestion.namespaces = groups.keys().map(|name| Arc::clone(name)).collect();
    let labels = Labels::of(model);
    let mut writer = Writer::new(model, &labels);
    for (namespace, directions) in groups {
        if wishes.default_deny {
            writer.default_deny(namespace);
        }
        if wishes.dns {
            writer.dns(namespace);
        }
        for (direction, groups) in Direction::ALL.into_iter().zip(directions) {
            let mut groups: Vec<_> = groups.into_iter().collect();
            groups.sort_by(|a, b| a.1.cmp(&b.1));
            for (needs, subjects) in groups {
                writer.policy(namespace, direction, &subjects, &needs);
            }
        }
    }
    (suggestion.policies, suggestion.widened) = writer.done();
    suggestion
}

/// An end as a peer of rules: for a pod on the host's network that is its addresses.
fn peers(model: &Model, end: &FlowEnd) -> Vec<FlowEnd> {
    match end {
        FlowEnd::Network(_) => vec![end.clone()],
        FlowEnd::Workload(id) => match model.workload(*id) {
            None => Vec::new(),
            Some(workload) if workload.host_network => {
                let networks =
                    workload.addresses.iter().filter_map(|address| Network::parse(&address.to_string()));
                networks.map(FlowEnd::Network).collect()
            }
            Some(_) => vec![end.clone()],
        },
    }
}

/// The ports that a workload serves, as far as manifests say: those that its containers declare, and those that Services
/// lead to.
fn served(model: &Model) -> Vec<Ports> {
    let mut served: Vec<Ports> = model.workloads().iter().map(|workload| workload.ports.declared()).collect();
    for service in model.services() {
        for port in &service.ports {
            for (id, ports) in model.behind(service, port) {
                if let Some(all) = served.get_mut(id.index()) {
                    *all = all.union(&ports);
                }
            }
        }
    }
    served
}

/// All that is reachable today between workloads, restricted to the ports that they serve as far as manifests say; and what
/// policies let through from and to addresses outside. Where no policy isolates a workload, everything outside is open to it,
/// and nothing of that is taken for wanted. A workload and itself are no flow.
///
/// # Errors
///
/// When there are more than [`PAIRS_MAX`] pairs.
pub fn reachable(model: &Model) -> Result<Vec<Flow>, Beyond> {
    let served = served(model);
    let mut flows = Vec::new();
    each_pair(model, |source, destination, ports| {
        if let Some(used) = served.get(destination.index()).map(|served| served.intersection(ports))
            && !used.is_empty()
        {
            let ends = [source, destination].map(FlowEnd::Workload);
            let [source, destination] = ends;
            flows.push(Flow { source, destination, ports: used });
        }
    })?;
    let mut known: HashMap<(ClassId, Direction), Vec<(AddressRange, Ports)>> = HashMap::new();
    for (id, workload) in model.iter() {
        for direction in Direction::ALL {
            let ranges = match known.entry((workload.class, direction)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) if model.is_isolated(id, direction) => {
                    place.insert(model.external(id, direction)?)
                }
                Entry::Vacant(place) => place.insert(Vec::new()),
            };
            outside(ranges, id, direction, served.get(id.index()), &mut flows)?;
        }
    }
    Ok(flows)
}

/// What a workload lets through from or to addresses outside.
fn outside(
    ranges: &[(AddressRange, Ports)],
    id: WorkloadId,
    direction: Direction,
    served: Option<&Ports>,
    flows: &mut Vec<Flow>,
) -> Result<(), Beyond> {
    for (range, ports) in ranges {
        let ports = match (direction, served) {
            (Direction::Ingress, Some(served)) => ports.intersection(served),
            _ => ports.clone(),
        };
        if ports.is_empty() {
            continue;
        }
        for network in Network::parts_of(*range) {
            let ends = [FlowEnd::Network(network), FlowEnd::Workload(id)];
            let [source, destination] = match direction {
                Direction::Ingress => ends,
                Direction::Egress => {
                    let [network, workload] = ends;
                    [workload, network]
                }
            };
            if flows.len() >= PAIRS_MAX {
                return Err(Beyond);
            }
            flows.push(Flow { source, destination, ports: ports.clone() });
        }
    }
    Ok(())
}

/// Calls a function for every two workloads that are connected.
fn each_pair(model: &Model, mut each: impl FnMut(WorkloadId, WorkloadId, &Ports)) -> Result<(), Beyond> {
    let reach = model.reachability()?;
    let mut left = PAIRS_MAX;
    let mut is_beyond = false;
    reach.for_each(|from, to, ports| {
        let (sources, destinations) = (reach.members(from), reach.members(to));
        match left.checked_sub(sources.len().saturating_mul(destinations.len())) {
            Some(rest) if !is_beyond => left = rest,
            _ => {
                is_beyond = true;
                return;
            }
        }
        for source in sources {
            for destination in destinations.iter().filter(|destination| *destination != source) {
                each(*source, *destination, ports);
            }
        }
    });
    if is_beyond { Err(Beyond) } else { Ok(()) }
}

/// The snapshot as it would be with suggested policies in the place of the `NetworkPolicies` of their namespaces.
pub fn applied(snapshot: &Snapshot, suggestion: &Suggestion) -> Snapshot {
    let is_replaced = |entry: &crate::snapshot::Entry| {
        &*entry.object.kind == "NetworkPolicy"
            && entry.object.group() == "networking.k8s.io"
            && entry.namespace.as_ref().is_some_and(|name| suggestion.namespaces.binary_search(name).is_ok())
    };
    let kept = snapshot.entries().iter().filter(|entry| !is_replaced(entry)).map(|entry| &entry.value);
    let documents = kept.chain(&suggestion.policies).enumerate();
    let documents = documents.map(|(index, value)| SourceDocument {
        source: "suggested".into(),
        index,
        value: value.clone(),
    });
    Snapshot::build(documents, snapshot.options()).0
}

/// What is reached today on ports that are served, and would not be in another model of the same workloads. All of it is lost
/// where the other model lacks a workload.
///
/// # Errors
///
/// When there are more than [`PAIRS_MAX`] pairs.
pub fn breaks(today: &Model, then: &Model) -> Result<Vec<Broken>, Beyond> {
    let ids = counterparts(today, then);
    let served = served(today);
    let reach = then.reachability()?;
    let class = |id: WorkloadId| {
        let id = ids.get(id.index()).copied().flatten()?;
        then.workload(id).map(super::Workload::class)
    };
    let mut broken = Vec::new();
    each_pair(today, |source, destination, ports| {
        let used =
            served.get(destination.index()).map(|served| served.intersection(ports)).unwrap_or_default();
        if used.is_empty() {
            return;
        }
        let lost = match (class(source), class(destination)) {
            (Some(from), Some(to)) => used.difference(&reach.ports(from, to)),
            // Of what has no counterpart nothing is known to be kept.
            _ => used,
        };
        if !lost.is_empty() {
            broken.push(Broken { source, destination, ports: lost });
        }
    })?;
    Ok(broken)
}

/// What a workload lets through from or to addresses outside; `None` where that is too much to work out.
type Outside = Option<Vec<(AddressRange, Ports)>>;

/// The flows of which a model lets not all through. Of a network every address counts, and what is too much to work out is
/// taken for denied.
pub fn denied<'a>(today: &Model, then: &Model, flows: &'a [Flow]) -> Vec<&'a Flow> {
    let ids = counterparts(today, then);
    let counterpart = |id: WorkloadId| {
        let id = ids.get(id.index()).copied().flatten()?;
        Some((id, then.workload(id)?.class))
    };
    let reach = then.reachability().ok();
    let mut known: HashMap<(ClassId, Direction), Outside> = HashMap::new();
    let mut is_open = |network: &Network, id: WorkloadId, direction, ports: &Ports| {
        let Some((id, class)) = counterpart(id) else { return false };
        let outside = known.entry((class, direction)).or_insert_with(|| then.external(id, direction).ok());
        outside.as_ref().is_some_and(|all| {
            // The ranges are sorted and cover all addresses.
            network.addresses.ranges().iter().all(|part| {
                let start = all.partition_point(|(range, _)| range.last < part.first);
                let meeting = all.iter().skip(start).take_while(|(range, _)| range.first <= part.last);
                meeting.into_iter().all(|(_, open)| open.covers(ports))
            })
        })
    };
    let is_denied = |flow: &&Flow| {
        !match (&flow.source, &flow.destination) {
            (FlowEnd::Workload(source), FlowEnd::Workload(destination)) => {
                match (counterpart(*source), counterpart(*destination)) {
                    (Some((source, from)), Some((destination, to))) => {
                        let allowed = match &reach {
                            Some(reach) => reach.ports(from, to),
                            None => then.allowed(source, destination),
                        };
                        allowed.covers(&flow.ports)
                    }
                    _ => false,
                }
            }
            (FlowEnd::Network(network), FlowEnd::Workload(id)) => {
                is_open(network, *id, Direction::Ingress, &flow.ports)
            }
            (FlowEnd::Workload(id), FlowEnd::Network(network)) => {
                is_open(network, *id, Direction::Egress, &flow.ports)
            }
            // Policies have no say between addresses outside.
            (FlowEnd::Network(_), FlowEnd::Network(_)) => true,
        }
    };
    flows.iter().filter(is_denied).collect()
}

/// For each workload of one model that of another which has the same name and labels.
fn counterparts(today: &Model, then: &Model) -> Vec<Option<WorkloadId>> {
    let key = |workload: &super::Workload| {
        (workload.namespace.clone(), workload.kind.clone(), workload.name.clone(), workload.labels.clone())
    };
    let mut known = BTreeMap::new();
    for (id, workload) in then.iter() {
        known.entry(key(workload)).or_insert(id);
    }
    today.workloads().iter().map(|workload| known.get(&key(workload)).copied()).collect()
}

#[cfg(test)]
mod tests;

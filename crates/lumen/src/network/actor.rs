//! [`Actor`]: a workload as outputs name it, or several that are alike.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use lumen_core::network::policy::NamespaceMatch;
use lumen_core::network::{AddressRange, AddressSet, Model, PodPattern, WorkloadId};
use lumen_core::object::NAMESPACE_NAME_LABEL;
use lumen_core::selector::Operator;

/// A workload, or with folding all of a namespace that no policy tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What it is called: `namespace/name`; with `[Kind]` behind it where two would be called the same, and with a
    /// number where two still would.
    pub name: String,
    /// The namespace.
    pub namespace: Arc<str>,
    /// The kind of the first member, such as `Deployment`.
    pub kind: Arc<str>,
    /// The workloads: one, unless they are folded.
    pub members: Vec<WorkloadId>,
}

impl Actor {
    /// The workload that stands for all.
    pub fn first(&self) -> Option<WorkloadId> {
        self.members.first().copied()
    }

    /// How many more there are than the one that gives the name.
    pub fn more(&self) -> usize {
        self.members.len().saturating_sub(1)
    }
}

/// `shop/web`, or `shop/web +3`.
impl fmt::Display for Actor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.more() {
            0 => out.write_str(&self.name),
            more => write!(out, "{} +{more}", self.name),
        }
    }
}

/// The names of all workloads, each its own.
pub fn names(model: &Model) -> Vec<String> {
    let short = |id: &WorkloadId| {
        model.workload(*id).map(|workload| format!("{}/{}", workload.namespace, workload.name))
    };
    let ids: Vec<WorkloadId> = model.iter().map(|(id, _)| id).collect();
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for name in ids.iter().filter_map(short) {
        *count.entry(name).or_default() += 1;
    }
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = Vec::with_capacity(ids.len());
    for (id, workload) in model.iter() {
        let short = short(&id).unwrap_or_default();
        let mut name =
            if count.get(&short).is_some_and(|count| *count > 1) { workload.to_string() } else { short };
        if taken.contains(&name) {
            let number = next.entry(name.clone()).or_insert(1);
            let mut numbered;
            loop {
                *number += 1;
                numbered = format!("{name} ({number})");
                if !taken.contains(&numbered) {
                    break;
                }
            }
            name = numbered;
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// The actors of a model, sorted as its workloads are; with `fold` one for each class in each namespace.
pub fn actors(model: &Model, fold: bool) -> Vec<Actor> {
    let mut actors: Vec<Actor> = Vec::new();
    let mut places: BTreeMap<(Arc<str>, usize), usize> = BTreeMap::new();
    for ((id, workload), name) in model.iter().zip(names(model)) {
        let key = (workload.namespace.clone(), workload.class().index());
        if fold {
            if let Some(actor) = places.get(&key).and_then(|place| actors.get_mut(*place)) {
                actor.members.push(id);
                continue;
            }
            places.insert(key, actors.len());
        }
        actors.push(Actor {
            name,
            namespace: workload.namespace.clone(),
            kind: workload.kind.clone(),
            members: vec![id],
        });
    }
    actors
}

/// One end of a connection, as outputs name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Addresses outside the cluster.
    Outside(AddressSet),
    /// An ingress controller that is not among the inputs.
    Controller,
    /// An actor, by its number.
    Actor(usize),
    /// Pods that no manifest describes: a pattern, in words.
    Pods(String),
}

impl Party {
    /// What it is called.
    pub fn name(&self, actors: &[Actor]) -> String {
        match self {
            Self::Outside(set) => addresses(set),
            Self::Controller => "ingress-controller".into(),
            Self::Actor(index) => actors.get(*index).map(ToString::to_string).unwrap_or_default(),
            Self::Pods(pattern) => pattern.clone(),
        }
    }
}

/// Addresses in words: `world` for all, `10.0.0.0/8` for a network, `10.0.0.1-10.0.0.9` for what is none,
/// `0.0.0.0/0 except 10.0.0.0/8` for most.
pub fn addresses(set: &AddressSet) -> String {
    if *set == AddressSet::all() {
        return "world".into();
    }
    let families = [AddressRange::IPV4, AddressRange::IPV6].into_iter().filter_map(|family| {
        let is_own = |range: &AddressRange| range.first.is_ipv4() == family.first.is_ipv4();
        let own: Vec<AddressRange> = set.ranges().iter().copied().filter(is_own).collect();
        if own.is_empty() {
            return None;
        }
        let written = |ranges: &[AddressRange]| ranges.iter().map(range).collect::<Vec<_>>().join(", ");
        // What is nearly everything is told by what it lacks.
        let without = AddressSet::without(family, own.clone());
        let lacks = without.ranges();
        Some(if !lacks.is_empty() && lacks.len() < own.len() {
            format!("{} except {}", range(&family), written(lacks))
        } else {
            written(&own)
        })
    });
    families.collect::<Vec<_>>().join(", ")
}

/// A pattern of pods in words. A namespace that is chosen by the label of its name is told by its name.
pub fn pattern(pods: &PodPattern) -> String {
    if let NamespaceMatch::Selected(selector) = &pods.namespaces
        && let [only] = selector.requirements()
        && let (NAMESPACE_NAME_LABEL, [name]) = (only.key(), only.values())
        && matches!(only.operator(), Operator::Equals | Operator::DoubleEquals | Operator::In)
    {
        let namespaces = NamespaceMatch::Named(name.as_str().into());
        return PodPattern { namespaces, pods: pods.pods.clone() }.to_string();
    }
    pods.to_string()
}

/// A range of addresses: as a network where it is one.
pub fn range(range: &AddressRange) -> String {
    let (bits, network) = match (range.first, range.last) {
        (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) => {
            let (first, last) = (first.to_bits(), last.to_bits());
            (32, prefix(u128::from(first), u128::from(last), 32))
        }
        (std::net::IpAddr::V6(first), std::net::IpAddr::V6(last)) => {
            (128, prefix(first.to_bits(), last.to_bits(), 128))
        }
        _ => (0, None),
    };
    match network {
        Some(prefix) if prefix < bits => format!("{}/{prefix}", range.first),
        _ => range.to_string(),
    }
}

/// The length of the prefix that exactly the addresses from one to another share.
fn prefix(first: u128, last: u128, bits: u32) -> Option<u32> {
    let differing = first ^ last;
    let host = 128 - differing.leading_zeros();
    let mask = if host == 128 { u128::MAX } else { (1_u128 << host) - 1 };
    (differing == mask && first & mask == 0).then(|| bits - host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_as_networks_where_they_are() {
        for text in ["10.0.0.0/8", "192.168.2.0/24", "0.0.0.0/0", "::/0", "2000::/3", "10.0.0.2/31"] {
            let of = AddressRange::of_cidr(text).expect("a network");
            assert_eq!(range(&of), text);
        }
        let one = AddressRange::of_cidr("10.0.0.1/32").expect("a network");
        assert_eq!(range(&one), "10.0.0.1");
        let odd = AddressRange { first: [10, 0, 0, 1].into(), last: [10, 0, 0, 2].into() };
        assert_eq!(range(&odd), "10.0.0.1-10.0.0.2");
        assert_eq!(addresses(&AddressSet::all()), "world");
        let cidr = |text: &str| AddressRange::of_cidr(text).expect("a network");
        let most = AddressSet::without(AddressRange::IPV4, vec![cidr("10.0.0.0/8"), cidr("172.16.0.0/12")]);
        assert_eq!(addresses(&most), "0.0.0.0/0 except 10.0.0.0/8, 172.16.0.0/12");
        let halves = AddressSet::of(vec![cidr("0.0.0.0/1"), cidr("2000::/3")]);
        assert_eq!(addresses(&halves), "0.0.0.0/1, 2000::/3");
    }
}

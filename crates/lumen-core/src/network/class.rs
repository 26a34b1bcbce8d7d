//! Compression of pods into classes that no policy tells apart.
//!
//! Pods that agree in the labels that any selector asks for are one *kind of pod*. Each distinct selector is answered
//! once over kinds, from an inverted index of labels. Kinds that lie in the same answers are one *class*: partition
//! refinement, so two pods are in one class exactly if every policy sees them alike.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use lumen_value::Value;

use super::address::{AddressRange, AddressSet};
use super::policy::{NamespaceMatch, PeerMatch, PodPattern, Policy, SetId};
use super::workload::{NamedPorts, Workload};
use super::{AddressScope, SET_MEMBERS_MAX};
use crate::object::label;
use crate::selector::{Operator, Requirement, Selector};

/// The number of a class: see [`Workload::class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub(super) u32);

impl ClassId {
    /// The number, from zero.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A namespace as the model sees it.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: Arc<str>,
    /// The labels that are reckoned with, `kubernetes.io/metadata.name` among them.
    pub labels: Value,
    /// Whether those are all its labels, for certain: false where its manifest is missing, or several disagree.
    pub certain: bool,
}

/// A set of classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClassSet {
    /// All pods that policies can mean by label: every one but those on the host's network.
    Selectable,
    /// These, sorted.
    These(Box<[u32]>),
}

/// What all pods of a class have in common.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// Whether the pods are on the host's network.
    pub(super) host_network: bool,
    /// The named ports that policies ask for.
    pub(super) ports: Arc<NamedPorts>,
}

/// What [`classify`] finds.
pub(super) struct Classes {
    pub(super) classes: Vec<Class>,
    pub(super) sets: Vec<ClassSet>,
}

/// The members that have a key, and those that have each value of it.
type KeyMembers<'a> = (Vec<u32>, HashMap<&'a str, Vec<u32>>);

/// An inverted index of labels: which members have a key, and which a value of it.
#[derive(Default)]
struct LabelIndex<'a> {
    count: u32,
    keys: HashMap<&'a str, KeyMembers<'a>>,
}

impl<'a> LabelIndex<'a> {
    /// Adds the next member. Members are added in the order of their numbers.
    fn push(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>) {
        for (key, value) in labels {
            let (all, values) = self.keys.entry(key).or_default();
            all.push(self.count);
            values.entry(value).or_default().push(self.count);
        }
        self.count += 1;
    }

    /// The members that a selector selects, sorted.
    fn select(&self, selector: &Selector) -> Vec<u32> {
        if selector.is_nothing() {
            return Vec::new();
        }
        let is_positive = |each: &Requirement| {
            !matches!(each.operator(), Operator::NotIn | Operator::NotEquals | Operator::DoesNotExist)
        };
        let mut found: Option<Vec<u32>> = None;
        for requirement in selector.requirements().iter().filter(|each| is_positive(each)) {
            let with = self.having(requirement);
            found = Some(match found {
                None => with,
                Some(before) => merge(&before, &with, true),
            });
        }
        let mut found = found.unwrap_or_else(|| (0..self.count).collect());
        for requirement in selector.requirements().iter().filter(|each| !is_positive(each)) {
            found = merge(&found, &self.having(requirement), false);
        }
        found
    }

    /// The members that have the key of a requirement, with one of its values if it has any.
    fn having(&self, requirement: &Requirement) -> Vec<u32> {
        let Some((all, values)) = self.keys.get(requirement.key()) else {
            return Vec::new();
        };
        if requirement.values().is_empty() {
            return all.clone();
        }
        let lists = requirement.values().iter().filter_map(|value| values.get(value.as_str()));
        let mut members: Vec<u32> = lists.flatten().copied().collect();
        members.sort_unstable();
        members.dedup();
        members
    }
}

/// The members of a sorted list that are in another, too; or those that are not.
fn merge(list: &[u32], other: &[u32], wanted: bool) -> Vec<u32> {
    let mut others = other.iter().copied().peekable();
    let mut is_in_other = |member: u32| {
        while others.next_if(|next| *next < member).is_some() {}
        others.peek() == Some(&member)
    };
    list.iter().copied().filter(|member| is_in_other(*member) == wanted).collect()
}

/// The labels of a manifest as pairs of texts.
fn pairs(labels: &Value) -> impl Iterator<Item = (&str, &str)> {
    let entries = labels.as_object().into_iter().flat_map(lumen_value::Object::iter);
    entries.filter_map(|(key, _)| {
        let key = key.as_str()?;
        Some((key, label(labels, key)?))
    })
}

/// What tells kinds of pods apart.
type KindKey<'a> = (u32, bool, Vec<(&'a str, &'a str)>, Arc<NamedPorts>, &'a [IpAddr]);

/// The kinds of pods, in the order of their namespaces.
struct Kinds<'a> {
    keys: Vec<KindKey<'a>>,
    /// The kind of each pod.
    of_pod: Vec<u32>,
    /// For each namespace the kinds from one number to before another.
    spans: Vec<(u32, u32)>,
}

impl<'a> Kinds<'a> {
    /// Pods must be sorted by namespace, as the namespaces are.
    fn of(pods: &'a [Workload], namespaces: &[Namespace], policies: &[Policy], with_addresses: bool) -> Self {
        let mut label_keys = BTreeSet::new();
        let mut port_names = BTreeSet::new();
        for policy in policies {
            for pattern in policy.patterns() {
                label_keys.extend(pattern.pods.requirements().iter().map(Requirement::key));
            }
            policy.port_names(&mut port_names);
        }
        let mut kinds = Self { keys: Vec::new(), of_pod: Vec::new(), spans: Vec::new() };
        let mut numbers: HashMap<KindKey<'a>, u32> = HashMap::new();
        let mut pods = pods.iter().peekable();
        for (number, namespace) in (0..).zip(namespaces) {
            let start = as_number(kinds.keys.len());
            while let Some(pod) = pods.next_if(|pod| pod.namespace <= namespace.name) {
                let asked = |(key, _): &(&str, &str)| !pod.host_network && label_keys.contains(key);
                let addresses: &[IpAddr] =
                    if with_addresses || pod.host_network { &pod.addresses } else { &[] };
                let labels = pairs(&pod.labels).filter(asked).collect();
                let key =
                    (number, pod.host_network, labels, Arc::new(pod.ports.only(&port_names)), addresses);
                let kind = *numbers.entry(key).or_insert_with_key(|key| {
                    kinds.keys.push(key.clone());
                    as_number(kinds.keys.len() - 1)
                });
                kinds.of_pod.push(kind);
            }
            kinds.spans.push((start, as_number(kinds.keys.len())));
        }
        kinds
    }
}

fn as_number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Answers patterns over kinds of pods; each selector and each pattern once.
struct Answers<'a> {
    kinds: &'a Kinds<'a>,
    labels: LabelIndex<'a>,
    /// The kinds on the host's network, sorted: no pattern means them.
    hosts: Vec<u32>,
    namespaces: LabelIndex<'a>,
    names: HashMap<&'a str, u32>,
    selected: HashMap<&'a Selector, Arc<Vec<u32>>>,
    sets: Vec<Option<Vec<u32>>>,
    patterns: HashMap<&'a PodPattern, SetId>,
    blocks: HashMap<(&'a AddressSet, bool), SetId>,
    addresses: Vec<(IpAddr, u32)>,
    members: usize,
}

/// The set of all selectable pods, which every model has.
pub(super) const SELECTABLE: SetId = 0;

/// The set of no pods, which every model has.
pub(super) const NOBODY: SetId = 1;

impl<'a> Answers<'a> {
    fn new(kinds: &'a Kinds<'a>, namespaces: &'a [Namespace]) -> Self {
        let mut answers = Self {
            kinds,
            labels: LabelIndex::default(),
            hosts: Vec::new(),
            namespaces: LabelIndex::default(),
            names: HashMap::new(),
            selected: HashMap::new(),
            sets: vec![None, Some(Vec::new())],
            patterns: HashMap::new(),
            blocks: HashMap::new(),
            addresses: Vec::new(),
            members: 0,
        };
        for (number, (_, host_network, labels, _, addresses)) in (0..).zip(&kinds.keys) {
            answers.labels.push(labels.iter().copied());
            if *host_network {
                answers.hosts.push(number);
            }
            answers.addresses.extend(addresses.iter().map(|address| (*address, number)));
        }
        answers.addresses.sort_unstable();
        for (number, namespace) in (0..).zip(namespaces) {
            answers.namespaces.push(pairs(&namespace.labels));
            answers.names.insert(&*namespace.name, number);
        }
        answers
    }

    /// The set of a list of kinds; `None` beyond the bound.
    fn add(&mut self, members: Vec<u32>) -> Option<SetId> {
        self.members += members.len();
        if self.members > SET_MEMBERS_MAX {
            return None;
        }
        if members.is_empty() {
            return Some(NOBODY);
        }
        self.sets.push(Some(members));
        Some(as_number(self.sets.len() - 1))
    }

    fn pattern(&mut self, pattern: &'a PodPattern) -> Option<SetId> {
        if pattern.is_everything() {
            return Some(SELECTABLE);
        }
        if let Some(set) = self.patterns.get(pattern) {
            return Some(*set);
        }
        let pods = if let Some(pods) = self.selected.get(&pattern.pods) {
            pods.clone()
        } else {
            let pods = Arc::new(merge(&self.labels.select(&pattern.pods), &self.hosts, false));
            self.members += pods.len();
            self.selected.insert(&pattern.pods, pods.clone());
            pods
        };
        let members = match &pattern.namespaces {
            NamespaceMatch::Named(name) => {
                self.names.get(&**name).map(|namespace| self.within(&pods, *namespace)).unwrap_or_default()
            }
            NamespaceMatch::Selected(selector) if selector.is_empty() => pods.to_vec(),
            NamespaceMatch::Selected(selector) => {
                let namespaces = self.namespaces.select(selector);
                namespaces.into_iter().flat_map(|namespace| self.within(&pods, namespace)).collect()
            }
        };
        let set = self.add(members)?;
        self.patterns.insert(pattern, set);
        Some(set)
    }

    /// The part of a sorted list of kinds that lies in a namespace.
    fn within(&self, pods: &[u32], namespace: u32) -> Vec<u32> {
        let (start, end) = self.kinds.spans.get(namespace as usize).copied().unwrap_or_default();
        let from = pods.partition_point(|kind| *kind < start);
        let to = pods.partition_point(|kind| *kind < end);
        pods.get(from..to).unwrap_or_default().to_vec()
    }

    /// The kinds with an address in a set: pods where those count, and whatever is on the host's network. A pod has an address
    /// of IPv4 where nothing else is known of it, so all of IPv4 means it.
    fn block(&mut self, set: &'a AddressSet, only_hosts: bool) -> Option<SetId> {
        if let Some(known) = self.blocks.get(&(set, only_hosts)) {
            return Some(*known);
        }
        let mut members = Vec::new();
        for range in set.ranges() {
            let from = self.addresses.partition_point(|(address, _)| *address < range.first);
            let to = self.addresses.partition_point(|(address, _)| *address <= range.last);
            members.extend(self.addresses.get(from..to).unwrap_or_default().iter().map(|(_, kind)| *kind));
        }
        if !only_hosts && set.ranges().contains(&AddressRange::IPV4) {
            let of_unknown = (0..).zip(&self.kinds.keys).filter(|(_, key)| key.4.is_empty());
            members.extend(of_unknown.map(|(kind, _)| kind));
        }
        members.sort_unstable();
        members.dedup();
        if only_hosts {
            members = merge(&members, &self.hosts, true);
        }
        let id = self.add(members)?;
        self.blocks.insert((set, only_hosts), id);
        Some(id)
    }
}

/// The sets of one policy, in the order of its subject and its peers; `None` beyond the bound.
fn sets_of<'a>(policy: &'a Policy, answers: &mut Answers<'a>, scope: AddressScope) -> Option<Vec<SetId>> {
    let mut sets = vec![answers.pattern(&policy.subject)?];
    for section in [&policy.ingress, &policy.egress] {
        for peer in section.rules.iter().flat_map(|rule| &rule.peers) {
            sets.push(match &peer.who {
                PeerMatch::Anyone | PeerMatch::Cluster => SELECTABLE,
                PeerMatch::Pods(pattern) => answers.pattern(pattern)?,
                // Cilium knows pods and nodes by what they are, and blocks by their addresses: no node is in one by default.
                PeerMatch::Undecided(..) | PeerMatch::Addresses { external_only: true, .. } => NOBODY,
                PeerMatch::Addresses { set, .. } => {
                    answers.block(set, scope == AddressScope::ExternalOnly)?
                }
            });
        }
    }
    Some(sets)
}

/// Puts pods into classes, and resolves the sets of policies. Policies beyond the bound on sets are returned by number:
/// they mean nobody, and whoever calls must say so.
pub(super) fn classify(
    pods: &mut [Workload],
    namespaces: &[Namespace],
    policies: &mut [Policy],
    scope: AddressScope,
) -> (Classes, Vec<usize>) {
    let (resolved, sets, kind_of_pod, keys) = {
        let with_addresses = scope == AddressScope::PodsToo;
        let kinds = Kinds::of(pods, namespaces, policies, with_addresses);
        let mut answers = Answers::new(&kinds, namespaces);
        let resolved: Vec<_> = policies.iter().map(|policy| sets_of(policy, &mut answers, scope)).collect();
        let sets = answers.sets;
        let Kinds { keys, of_pod, .. } = kinds;
        let keys: Vec<_> = keys.into_iter().map(|(_, host, _, ports, _)| (host, ports)).collect();
        (resolved, sets, of_pod, keys)
    };
    let mut beyond = Vec::new();
    for (index, (policy, sets)) in policies.iter_mut().zip(resolved).enumerate() {
        let Some(sets) = sets else {
            beyond.push(index);
            policy.set = NOBODY;
            continue;
        };
        let mut sets = sets.into_iter();
        policy.set = sets.next().unwrap_or(NOBODY);
        for section in [&mut policy.ingress, &mut policy.egress] {
            for peer in section.rules.iter_mut().flat_map(|rule| &mut rule.peers) {
                peer.set = sets.next().unwrap_or(NOBODY);
            }
        }
    }
    let (class_of_kind, classes) = refine(&keys, &sets);
    let class = |kind: u32| class_of_kind.get(kind as usize).copied().unwrap_or_default();
    for (pod, kind) in pods.iter_mut().zip(kind_of_pod) {
        pod.class = ClassId(class(kind));
    }
    let in_classes = |members: Vec<u32>| {
        let mut members: Vec<_> = members.into_iter().map(class).collect();
        members.sort_unstable();
        members.dedup();
        ClassSet::These(members.into())
    };
    let sets = sets.into_iter().map(|set| set.map_or(ClassSet::Selectable, in_classes)).collect();
    (Classes { classes, sets }, beyond)
}

/// The coarsest partition of kinds such that each set is a union of parts: the class of each kind, and the classes.
fn refine(keys: &[(bool, Arc<NamedPorts>)], sets: &[Option<Vec<u32>>]) -> (Vec<u32>, Vec<Class>) {
    let mut numbers: HashMap<(bool, &Arc<NamedPorts>), u32> = HashMap::new();
    let mut class: Vec<u32> = Vec::with_capacity(keys.len());
    let mut sizes: Vec<u32> = Vec::new();
    for (host_network, ports) in keys {
        let next = as_number(sizes.len());
        let number = *numbers.entry((*host_network, ports)).or_insert(next);
        if number == next {
            sizes.push(0);
        }
        class.push(number);
        bump(&mut sizes, number, 1);
    }
    // How many members of each class are in the set at hand, and where those go.
    let mut inside: Vec<u32> = vec![0; sizes.len()];
    for members in sets.iter().flatten() {
        for member in members {
            bump(&mut inside, get(&class, *member), 1);
        }
        let mut moved: HashMap<u32, u32> = HashMap::new();
        for member in members {
            let old = get(&class, *member);
            if get(&inside, old) == get(&sizes, old) || get(&inside, old) == 0 {
                continue;
            }
            let new = *moved.entry(old).or_insert_with(|| {
                sizes.push(0);
                as_number(sizes.len() - 1)
            });
            if let Some(place) = class.get_mut(*member as usize) {
                *place = new;
            }
            bump(&mut sizes, new, 1);
        }
        inside.resize(sizes.len(), 0);
        for (old, new) in sorted(&moved) {
            let count = get(&sizes, new);
            if let Some(size) = sizes.get_mut(old as usize) {
                *size -= count;
            }
        }
        for member in members {
            if let Some(count) = inside.get_mut(get(&class, *member) as usize) {
                *count = 0;
            }
        }
        for (old, _) in sorted(&moved) {
            if let Some(count) = inside.get_mut(old as usize) {
                *count = 0;
            }
        }
    }
    let mut classes: Vec<Option<Class>> = vec![None; sizes.len()];
    for (number, (host_network, ports)) in class.iter().zip(keys) {
        if let Some(place @ None) = classes.get_mut(*number as usize) {
            *place = Some(Class { host_network: *host_network, ports: ports.clone() });
        }
    }
    (class, classes.into_iter().flatten().collect())
}

fn sorted(moved: &HashMap<u32, u32>) -> Vec<(u32, u32)> {
    let mut pairs: Vec<_> = moved.iter().map(|(old, new)| (*old, *new)).collect();
    pairs.sort_unstable();
    pairs
}

fn get(list: &[u32], index: u32) -> u32 {
    list.get(index as usize).copied().unwrap_or_default()
}

fn bump(list: &mut [u32], index: u32, by: u32) {
    if let Some(count) = list.get_mut(index as usize) {
        *count += by;
    }
}

//! Rules that wider ones make superfluous.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Context, Findings, finding, related, rules};
use crate::network::address::AddressSet;
use crate::network::exposure::{implies, listed_labels};
use crate::network::policy::{Direction, NamespaceMatch, PeerMatch, Policy, PortMatch, Rule};
use crate::network::port::{Ports, Protocol};
use crate::selector::{Operator, Requirement, Selector};

/// A rule with its policy, and its ports as they are compared.
pub(super) struct Owned<'a> {
    pub(super) policy: &'a Policy,
    pub(super) rule: &'a Rule,
    /// The ports by number and those by name; `None` where all are meant.
    ports: Option<(Ports, Names<'a>)>,
}

/// Names of ports, each of one protocol or of any.
type Names<'a> = BTreeSet<(Option<Protocol>, &'a str)>;

impl<'a> Owned<'a> {
    pub(super) fn of(policy: &'a Policy, rule: &'a Rule) -> Self {
        let ports = rule.ports.as_ref().map(|ports| {
            let (mut numbers, mut names) = (Vec::new(), BTreeSet::new());
            for (_, port) in ports {
                match port {
                    PortMatch::Numbers(ports) => numbers.push(ports),
                    PortMatch::Named(protocol, name) => _ = names.insert((*protocol, &**name)),
                }
            }
            (Ports::union_of(numbers), names)
        });
        Self { policy, rule, ports }
    }
}

/// Rules that another covers, which adds to them or goes before.
pub(super) fn shadowed(context: &Context<'_>, findings: &mut Findings<'_>) {
    in_namespaces(context, findings);
    super::tiers::shadowed(context, findings);
}

/// Rules that another of the same namespace and direction covers: its policy selects the same pods or more, its peers and ports
/// are the same or more.
fn in_namespaces(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut groups: BTreeMap<(&str, Direction), Vec<(&Policy, &Rule)>> = BTreeMap::new();
    for policy in context.network_policies() {
        for direction in Direction::ALL {
            let rules = policy.section(direction).rules.iter().map(|rule| (policy, rule));
            groups.entry((Context::namespace_of(policy), direction)).or_default().extend(rules);
        }
    }
    for group in groups.values().filter(|group| group.len() > 1) {
        let group: Vec<Owned<'_>> = group.iter().map(|(policy, rule)| Owned::of(policy, rule)).collect();
        let index = Index::of(&group);
        for (number, narrow) in group.iter().enumerate() {
            let covering = context.counted(index.candidates(narrow).into_iter()).find(|other| {
                let wide = group.get(*other).filter(|_| *other != number);
                // Of two that say the same the later one is superfluous.
                wide.is_some_and(|wide| {
                    covers(context, wide, narrow) && (*other < number || !covers(context, narrow, wide))
                })
            });
            if context.is_spent() {
                return;
            }
            if let Some(wide) = covering.and_then(|other| group.get(other)) {
                let message = format!("`{}` allows all of this, too", wide.policy.rule_id(&wide.rule.at));
                let found = finding(&rules::SHADOWED_RULE, message, &narrow.policy.entry, &narrow.rule.at);
                findings.push(related(found, wide.policy.locate(&wide.rule.at), "the wider rule"));
            }
        }
    }
}

/// Rules by what whoever is covered by them must have.
#[derive(Default)]
struct Index<'a> {
    by_subject: BySelector<'a>,
    by_pods: BySelector<'a>,
    of_addresses: Vec<usize>,
    of_anyone: Vec<usize>,
}

/// Rules by a label of which a selector must have one of the values, if what it selects is to be selected by theirs.
#[derive(Default)]
struct BySelector<'a> {
    labelled: HashMap<(&'a str, &'a str), Vec<usize>>,
    others: Vec<usize>,
}

impl<'a> BySelector<'a> {
    fn add(&mut self, number: usize, selector: &'a Selector) {
        match listing(selector).next() {
            None => self.others.push(number),
            Some(requirement) => {
                for value in requirement.values() {
                    self.labelled.entry((requirement.key(), value)).or_default().push(number);
                }
            }
        }
    }

    fn lists<'b>(&'b self, selector: &'b Selector) -> Vec<&'b [usize]> {
        let labels = listed_labels(selector);
        let labelled = labels.iter().filter_map(|label| self.labelled.get(label));
        std::iter::once(&self.others).chain(labelled).map(Vec::as_slice).collect()
    }
}

/// The requirements that list the values which a label may have.
fn listing(selector: &Selector) -> impl Iterator<Item = &Requirement> {
    let is_list = |operator| matches!(operator, Operator::Equals | Operator::DoubleEquals | Operator::In);
    selector.requirements().iter().filter(move |each| is_list(each.operator()))
}

impl<'a> Index<'a> {
    fn of(group: &[Owned<'a>]) -> Self {
        let mut index = Self::default();
        for (number, owned) in group.iter().enumerate() {
            index.by_subject.add(number, &owned.policy.subject.pods);
            for peer in &owned.rule.peers {
                match &peer.who {
                    PeerMatch::Anyone | PeerMatch::Cluster => index.of_anyone.push(number),
                    PeerMatch::Pods(pattern) => index.by_pods.add(number, &pattern.pods),
                    PeerMatch::Addresses { .. } => index.of_addresses.push(number),
                    PeerMatch::Undecided(..) => {}
                }
            }
        }
        index
    }

    /// The rules that may cover one, in their order: by its subject or by its first peer, whichever leaves fewer.
    fn candidates(&self, narrow: &Owned<'_>) -> Vec<usize> {
        let mut lists = self.by_subject.lists(&narrow.policy.subject.pods);
        if let Some(first) = narrow.rule.peers.first() {
            let mut by_peer = match &first.who {
                PeerMatch::Anyone | PeerMatch::Cluster | PeerMatch::Undecided(..) => Vec::new(),
                PeerMatch::Pods(pattern) => self.by_pods.lists(&pattern.pods),
                PeerMatch::Addresses { .. } => vec![self.of_addresses.as_slice()],
            };
            by_peer.push(&self.of_anyone);
            let count = |lists: &[&[usize]]| lists.iter().map(|list| list.len()).sum::<usize>();
            if count(&by_peer) < count(&lists) {
                lists = by_peer;
            }
        }
        let mut candidates = lists.concat();
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }
}

/// Whether a rule is about all that another is about: the pods that are selected, the peers and the ports.
pub(super) fn covers(context: &Context<'_>, wide: &Owned<'_>, narrow: &Owned<'_>) -> bool {
    let covers_peer = |peer: &PeerMatch| {
        let others = context.counted(wide.rule.peers.iter());
        others.into_iter().any(|other| covers_peer(context, &other.who, peer))
    };
    // Two manifests of one object are one policy.
    let same_object = || {
        wide.policy.entry.object == narrow.policy.entry.object
            && wide.policy.entry.location != narrow.policy.entry.location
    };
    let (wide_subject, subject) = (&wide.policy.subject, &narrow.policy.subject);
    covers_ports(context, wide, narrow)
        && is_implied(context, &subject.pods, &wide_subject.pods)
        && covers_namespaces(context, &wide_subject.namespaces, &subject.namespaces)
        && narrow.rule.peers.iter().all(|peer| covers_peer(&peer.who))
        && !same_object()
}

/// What [`implies`] says, for as many steps as it takes.
fn is_implied(context: &Context<'_>, narrow: &Selector, wide: &Selector) -> bool {
    let values: usize = narrow.requirements().iter().map(|each| 1 + each.values().len()).sum();
    context.take(wide.requirements().len() * values) && implies(narrow, wide)
}

fn covers_ports(context: &Context<'_>, wide: &Owned<'_>, narrow: &Owned<'_>) -> bool {
    let Some((wide_numbers, wide_names)) = &wide.ports else { return true };
    let Some((numbers, names)) = &narrow.ports else { return false };
    context.take(names.len()) && wide_numbers.covers(numbers) && names.is_subset(wide_names)
}

fn covers_peer(context: &Context<'_>, wide: &PeerMatch, narrow: &PeerMatch) -> bool {
    match (wide, narrow) {
        (PeerMatch::Anyone, _) | (PeerMatch::Cluster, PeerMatch::Cluster | PeerMatch::Pods(_)) => true,
        (PeerMatch::Pods(wide), PeerMatch::Pods(narrow)) => {
            covers_namespaces(context, &wide.namespaces, &narrow.namespaces)
                && is_implied(context, &narrow.pods, &wide.pods)
        }
        (PeerMatch::Addresses { set: wide, .. }, PeerMatch::Addresses { set: narrow, .. }) => {
            covers_addresses(context, wide, narrow)
        }
        _ => false,
    }
}

fn covers_namespaces(context: &Context<'_>, wide: &NamespaceMatch, narrow: &NamespaceMatch) -> bool {
    match (wide, narrow) {
        (NamespaceMatch::Named(wide), NamespaceMatch::Named(narrow)) => wide == narrow,
        (NamespaceMatch::Selected(wide), NamespaceMatch::Selected(narrow)) => {
            is_implied(context, narrow, wide)
        }
        (NamespaceMatch::Selected(wide), NamespaceMatch::Named(_)) => wide.is_empty(),
        (NamespaceMatch::Named(_), NamespaceMatch::Selected(_)) => false,
    }
}

fn covers_addresses(context: &Context<'_>, wide: &AddressSet, narrow: &AddressSet) -> bool {
    let ranges = narrow.ranges();
    // What none of a few covers need not be compared in full.
    ranges.first().is_none_or(|first| wide.covers(first))
        && context.take(ranges.len())
        && wide.is_superset(narrow)
}

#[cfg(test)]
mod tests;

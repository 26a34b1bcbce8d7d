//! Rules that wider ones make superfluous.

use std::collections::BTreeMap;

use super::{Context, Findings, finding, related, rules};
use crate::network::exposure::implies;
use crate::network::policy::{Direction, NamespaceMatch, PeerMatch, Policy, PortMatch, Rule};
use crate::network::port::Ports;

/// Most comparisons of two rules in all namespaces together.
const COMPARISONS_MAX: usize = 500_000;

/// A rule with its policy.
type Owned<'a> = (&'a Policy, &'a Rule);

/// Rules that another of the same namespace and direction covers: its policy selects the same pods or more, its peers and ports
/// are the same or more.
pub(super) fn shadowed(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut groups: BTreeMap<(&str, Direction), Vec<Owned<'_>>> = BTreeMap::new();
    for policy in context.network_policies() {
        for direction in Direction::ALL {
            let rules = policy.section(direction).rules.iter().map(|rule| (policy, rule));
            groups.entry((Context::namespace_of(policy), direction)).or_default().extend(rules);
        }
    }
    let mut left = COMPARISONS_MAX;
    for rules_of in groups.values() {
        for (index, narrow) in rules_of.iter().enumerate() {
            let mut wide = None;
            for (other, candidate) in rules_of.iter().enumerate() {
                if other == index {
                    continue;
                }
                let Some(rest) = left.checked_sub(1) else { return };
                left = rest;
                // Of two that say the same the later one is superfluous.
                if covers(candidate, narrow) && (other < index || !covers(narrow, candidate)) {
                    wide = Some(candidate);
                    break;
                }
            }
            if let Some((policy, rule)) = wide {
                let message = format!("`{}` allows all of this, too", policy.rule_id(&rule.at));
                let found = finding(&rules::SHADOWED_RULE, message, &narrow.0.entry, &narrow.1.at);
                findings.push(related(found, policy.locate(&rule.at), "the wider rule"));
            }
        }
    }
}

fn covers((wide_policy, wide): &Owned<'_>, (narrow_policy, narrow): &Owned<'_>) -> bool {
    // Two manifests of one object are one policy.
    let same_object = wide_policy.entry.object == narrow_policy.entry.object
        && wide_policy.entry.location != narrow_policy.entry.location;
    !same_object
        && implies(&narrow_policy.subject.pods, &wide_policy.subject.pods)
        && covers_ports(wide, narrow)
        && narrow.peers.iter().all(|peer| wide.peers.iter().any(|other| covers_peer(&other.who, &peer.who)))
}

fn covers_ports(wide: &Rule, narrow: &Rule) -> bool {
    let (Some(wide), narrow) = (&wide.ports, &narrow.ports) else { return true };
    let Some(narrow) = narrow else { return false };
    let numbers: Vec<&Ports> = wide
        .iter()
        .filter_map(|(_, port)| match port {
            PortMatch::Numbers(ports) => Some(ports),
            PortMatch::Named(..) => None,
        })
        .collect();
    let numbers = Ports::union_of(numbers);
    narrow.iter().all(|(_, port)| match port {
        PortMatch::Numbers(ports) => numbers.covers(ports),
        PortMatch::Named(..) => wide.iter().any(|(_, other)| other == port),
    })
}

fn covers_peer(wide: &PeerMatch, narrow: &PeerMatch) -> bool {
    match (wide, narrow) {
        (PeerMatch::Anyone, _) => true,
        (PeerMatch::Pods(wide), PeerMatch::Pods(narrow)) => {
            implies(&narrow.pods, &wide.pods)
                && match (&wide.namespaces, &narrow.namespaces) {
                    (NamespaceMatch::Named(wide), NamespaceMatch::Named(narrow)) => wide == narrow,
                    (NamespaceMatch::Selected(wide), NamespaceMatch::Selected(narrow)) => {
                        implies(narrow, wide)
                    }
                    (NamespaceMatch::Selected(wide), NamespaceMatch::Named(_)) => wide.is_empty(),
                    (NamespaceMatch::Named(_), NamespaceMatch::Selected(_)) => false,
                }
        }
        (PeerMatch::Addresses { set: wide, .. }, PeerMatch::Addresses { set: narrow, .. }) => {
            narrow.ranges().iter().all(|range| wide.ranges().iter().any(|other| other.covers(range)))
        }
        _ => false,
    }
}

//! Policies of the cluster's administrator, of which the first rule that fits decides.

use std::collections::BTreeMap;

use lumen_value::pointer;

use super::shadow::{Owned, covers};
use super::{Context, Findings, finding, related, rules, with_severity};
use crate::finding::Severity;
use crate::network::policy::{Direction, PeerMatch, Policy, PolicyKind, PortMatch, Rule, RulePeer, Tier};
use crate::network::workload::NamedPorts;

/// The policies of the tiers in which order counts, in that order.
fn ordered<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a Policy> {
    context.model.policies().iter().filter(|policy| policy.tier != Tier::Namespace)
}

/// Rules that never decide, for one that goes before them is about all that they are about. What goes before for certain is a
/// rule above in the same policy, or one of a policy of the same kind and tier with a lower number.
pub(super) fn shadowed(context: &Context<'_>, findings: &mut Findings<'_>) {
    for direction in Direction::ALL {
        let mut before: Vec<Owned<'_>> = Vec::new();
        for policy in ordered(context) {
            for rule in &policy.section(direction).rules {
                let rule = Owned::of(policy, rule);
                let goes_before = |other: &&Owned<'_>| {
                    let earlier = other.policy;
                    (earlier.kind, earlier.tier) == (policy.kind, policy.tier)
                        && (std::ptr::eq(earlier, policy) || earlier.priority < policy.priority)
                };
                let wide = context
                    .counted(before.iter())
                    .filter(goes_before)
                    .find(|other| covers(context, other, &rule));
                if let Some(wide) = wide {
                    let id = wide.policy.rule_id(&wide.rule.at);
                    let same = wide.rule.action == rule.rule.action;
                    let (message, severity) = if same {
                        (format!("`{id}` goes before, and decides all of this the same way"), Severity::Info)
                    } else {
                        let action = wide.rule.action;
                        (
                            format!(
                                "this rule never decides: `{id}` goes before, and says {action} to all of it"
                            ),
                            Severity::Medium,
                        )
                    };
                    let found = finding(&rules::SHADOWED_RULE, message, &policy.entry, &rule.rule.at);
                    let place = wide.policy.locate(&wide.rule.at);
                    findings.push(related(with_severity(found, severity), place, "the rule that decides"));
                }
                before.push(rule);
            }
        }
    }
}

/// Where a policy stands in the order: kind, tier and priority.
type Place = (PolicyKind, Tier, i64);

/// Policies of one tier and priority that select the same pods and say different things of the same connections. The API leaves
/// it open which of them decides.
pub(super) fn ties(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut groups: BTreeMap<Place, Vec<(&Policy, Vec<u32>)>> = BTreeMap::new();
    // Of those for the baseline in the older version a cluster has one.
    for policy in ordered(context).filter(|policy| policy.kind != PolicyKind::BaselineAdminNetworkPolicy) {
        let group = groups.entry((policy.kind, policy.tier, policy.priority)).or_default();
        group.push((policy, context.classes(policy.set)));
    }
    for group in groups.values() {
        for (index, (policy, classes)) in group.iter().enumerate() {
            let mut others = context.counted(group.iter().take(index));
            let other = others.find(|(other, others)| {
                other.entry.object != policy.entry.object
                    && share(context, classes, others)
                    && Direction::ALL.iter().any(|direction| disagree(context, policy, other, *direction))
            });
            if let Some((other, _)) = other {
                let message = format!(
                    "`{}` has priority {}, too, and says otherwise of the same connections: which of the two decides is not \
                     defined",
                    other.name(),
                    policy.priority
                );
                let at = pointer!["spec", "priority"];
                let found = finding(&rules::PRIORITY_TIE, message, &policy.entry, &at);
                findings.push(related(found, other.locate(&at), "the same priority"));
            }
        }
    }
}

/// Whether two sorted lists of classes have one in common.
fn share(context: &Context<'_>, one: &[u32], other: &[u32]) -> bool {
    let (few, many) = if one.len() < other.len() { (one, other) } else { (other, one) };
    context.counted(few.iter()).any(|class| many.binary_search(class).is_ok())
}

/// Whether two policies have rules of different actions for the same peers and ports.
fn disagree(context: &Context<'_>, one: &Policy, other: &Policy, direction: Direction) -> bool {
    let others = || context.counted(other.section(direction).rules.iter());
    one.section(direction).rules.iter().any(|rule| {
        others().any(|other| {
            rule.action != other.action
                && ports_meet(context, rule, other)
                && peers_meet(context, rule, other)
        })
    })
}

fn ports_meet(context: &Context<'_>, one: &Rule, other: &Rule) -> bool {
    let (Some(ports), Some(others)) = (&one.ports, &other.ports) else { return true };
    let none = NamedPorts::none();
    let is_name = |port: &PortMatch| matches!(port, PortMatch::Named(..));
    context.take(ports.len() + others.len())
        && (!one.ports_at(&none).intersection(&other.ports_at(&none)).is_empty()
            || ports.iter().any(|(_, port)| {
                is_name(port) && context.counted(others.iter()).any(|(_, other)| other == port)
            }))
}

fn peers_meet(context: &Context<'_>, one: &Rule, other: &Rule) -> bool {
    let meets = |peer: &RulePeer, other: &RulePeer| match (&peer.who, &other.who) {
        (PeerMatch::Undecided(..), _) | (_, PeerMatch::Undecided(..)) => false,
        (PeerMatch::Anyone, _)
        | (_, PeerMatch::Anyone)
        | (PeerMatch::Cluster, PeerMatch::Cluster | PeerMatch::Pods(_))
        | (PeerMatch::Pods(_), PeerMatch::Cluster) => true,
        (PeerMatch::Addresses { set, .. }, PeerMatch::Addresses { set: others, .. }) => {
            context.counted(set.ranges().iter()).any(|range| others.overlaps(range))
        }
        (PeerMatch::Pods(_), PeerMatch::Pods(_)) => {
            share(context, &context.classes(peer.set), &context.classes(other.set))
        }
        // Whether a block means pods is not for the policies to say.
        _ => false,
    };
    one.peers.iter().any(|peer| context.counted(other.peers.iter()).any(|other| meets(peer, other)))
}

#[cfg(test)]
mod tests;

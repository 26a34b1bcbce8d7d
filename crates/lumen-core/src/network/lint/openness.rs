//! Rules that allow more than was meant, and policies that allow less.

use super::{Context, Findings, finding, rules, with_severity};
use crate::finding::{Finding, Severity};
use crate::network::address::AddressRange;
use crate::network::class::ClassId;
use crate::network::policy::{Direction, PeerMatch, Policy, Rule, Tier};
use crate::network::port::{PortRanges, Ports, Protocol};
use crate::network::well_known::dns;
use crate::network::workload::NamedPorts;

/// Rules without peers and ports, and rules for every address on all TCP ports.
pub(super) fn open_rules(context: &Context<'_>, findings: &mut Findings<'_>) {
    for policy in context.network_policies() {
        for direction in Direction::ALL {
            for rule in &policy.section(direction).rules {
                let anyone = rule.peers.iter().any(|peer| matches!(peer.who, PeerMatch::Anyone));
                if anyone && rule.ports.is_none() {
                    findings.push(allow_all(context, policy, direction, rule));
                } else if direction == Direction::Egress {
                    findings.extend(everywhere(policy, rule, anyone));
                }
            }
        }
    }
}

fn allow_all(context: &Context<'_>, policy: &Policy, direction: Direction, rule: &Rule) -> Finding {
    let whom = match direction {
        Direction::Ingress => "everything from everyone",
        Direction::Egress => "everything to everyone",
    };
    // Where others isolate the same pods, this undoes what they are for.
    let undone = context.classes(policy.set).into_iter().find_map(|class| {
        let mut others = context.policies_of(ClassId(class), direction);
        others.find(|other| {
            let section = other.section(direction);
            section.isolates && section.rules.is_empty()
        })
    });
    // That pods may send is often meant; that everyone may send to them, seldom.
    let severity = match (direction, undone) {
        (Direction::Ingress, Some(_)) => Severity::Medium,
        (Direction::Ingress, None) | (Direction::Egress, Some(_)) => Severity::Low,
        (Direction::Egress, None) => Severity::Info,
    };
    let message = match undone {
        Some(other) => format!("this rule allows {whom}, and undoes `{}`", other.name()),
        None => format!("this rule allows {whom}"),
    };
    with_severity(finding(&rules::ALLOW_ALL, message, &policy.entry, &rule.at), severity)
}

fn everywhere(policy: &Policy, rule: &Rule, anyone: bool) -> Option<Finding> {
    let everywhere = |peer: &PeerMatch| match peer {
        PeerMatch::Addresses { set, .. } => set.ranges().contains(&AddressRange::IPV4),
        _ => false,
    };
    let peer = rule.peers.iter().find(|peer| everywhere(&peer.who));
    let at = match peer {
        Some(peer) => &peer.at,
        None if anyone => &rule.at,
        None => return None,
    };
    let ports: Ports = rule.ports_at(&NamedPorts::none());
    let all = PortRanges::all();
    (*ports.of(Protocol::Tcp) == all).then(|| {
        let message = "the pods may send to every address on every TCP port".to_owned();
        finding(&rules::EGRESS_EVERYWHERE, message, &policy.entry, at)
    })
}

/// Words in the name of a policy that is meant to isolate.
const ISOLATING_WORDS: [&str; 7] = ["deny", "isolat", "restrict", "block", "only", "lock", "limit"];

/// Policies that allow DNS and nothing else to pods that no other policy isolates; and those that isolate ingress only because
/// they do not say what they are about.
pub(super) fn silent_isolation(context: &Context<'_>, findings: &mut Findings<'_>) {
    for policy in context.network_policies() {
        let name = policy.entry.object.name.to_ascii_lowercase();
        if ISOLATING_WORDS.iter().any(|word| name.contains(word)) {
            continue;
        }
        let spec = policy.entry.value.get("spec");
        let has = |key| {
            spec.and_then(|spec| spec.get(key))
                .and_then(|list| list.as_array())
                .is_some_and(|list| !list.is_empty())
        };
        if !has("policyTypes") && has("egress") && spec.is_some_and(|spec| spec.get("ingress").is_none()) {
            if is_alone(context, policy, Direction::Ingress) {
                let message = "without `policyTypes` this policy, which has rules for egress alone, denies all ingress to \
                               the pods, too"
                    .to_owned();
                findings.push(finding(&rules::SILENT_ISOLATION, message, &policy.entry, &policy.subject_at));
            }
            continue;
        }
        let rules_of = &policy.egress.rules;
        let dns = |rule: &Rule| {
            let ports = rule.ports_at(&NamedPorts::none());
            let is_dns = |protocol: &Protocol| {
                ports.of(*protocol).ranges().iter().all(|range| *range == (dns::PORT, dns::PORT))
            };
            !rule.has_named_ports() && !ports.is_empty() && Protocol::ALL.iter().all(is_dns)
        };
        if !rules_of.is_empty() && rules_of.iter().all(dns) && is_alone(context, policy, Direction::Egress) {
            let message =
                "this policy is the only one for egress of the pods: they may ask DNS and reach nothing else";
            let found =
                finding(&rules::SILENT_ISOLATION, message.to_owned(), &policy.entry, &policy.subject_at);
            findings.push(found);
        }
    }
}

/// Whether a policy isolates pods of which it is the only policy for a direction. Where no pod is known, whether no other
/// policy of its namespace is about the direction.
fn is_alone(context: &Context<'_>, policy: &Policy, direction: Direction) -> bool {
    let is_other = |other: &Policy| {
        !std::ptr::eq(other, policy) && other.tier == Tier::Namespace && other.section(direction).isolates
    };
    let classes = context.classes(policy.set);
    if classes.is_empty() {
        let own = Context::namespace_of(policy);
        let mut others = context.network_policies().filter(|other| Context::namespace_of(other) == own);
        return !others.any(is_other);
    }
    classes.iter().any(|class| !context.policies_of(ClassId(*class), direction).any(is_other))
}

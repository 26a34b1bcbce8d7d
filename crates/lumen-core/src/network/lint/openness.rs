//! Rules that allow more than was meant, and policies that allow less.

use std::collections::{BTreeMap, HashMap};

use super::{Context, Findings, finding, rules, with_severity};
use crate::finding::{Finding, Severity};
use crate::network::address::AddressRange;
use crate::network::class::ClassId;
use crate::network::policy::{Direction, PeerMatch, Policy, Rule, SetId, Tier};
use crate::network::port::{PortRanges, Ports, Protocol};
use crate::network::well_known::dns;
use crate::network::workload::NamedPorts;

/// Rules without peers and ports, and rules for every address on all TCP ports.
pub(super) fn open_rules(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut undoing = Undoing { context, known: HashMap::new() };
    for policy in context.network_policies() {
        for direction in Direction::ALL {
            for rule in context.counted(policy.section(direction).rules.iter()) {
                let anyone = rule.peers.iter().any(|peer| matches!(peer.who, PeerMatch::Anyone));
                if anyone && rule.ports.is_none() {
                    findings.push(allow_all(undoing.undone(policy, direction), policy, direction, rule));
                } else if direction == Direction::Egress {
                    findings.extend(everywhere(policy, rule, anyone));
                }
            }
        }
    }
}

/// Finds the policies that others undo.
struct Undoing<'c, 'a> {
    context: &'c Context<'a>,
    /// For each set of classes the first policy that denies all to one of them.
    known: HashMap<(SetId, Direction), Option<&'a Policy>>,
}

impl<'a> Undoing<'_, 'a> {
    /// A policy that denies everything to some of the pods that another selects.
    fn undone(&mut self, policy: &Policy, direction: Direction) -> Option<&'a Policy> {
        let context = self.context;
        let denies = |other: &&Policy| {
            let section = other.section(direction);
            section.isolates && section.rules.is_empty()
        };
        let of_class = |class| {
            let mut others = context.counted(context.policies_of(ClassId(class), direction));
            others.find(denies)
        };
        *self
            .known
            .entry((policy.set, direction))
            .or_insert_with(|| context.classes(policy.set).into_iter().find_map(of_class))
    }
}

fn allow_all(undone: Option<&Policy>, policy: &Policy, direction: Direction, rule: &Rule) -> Finding {
    let whom = match direction {
        Direction::Ingress => "everything from everyone",
        Direction::Egress => "everything to everyone",
    };
    // Where others isolate the same pods, this undoes what they are for.
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
    let isolating = Isolating::of(context);
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
            if isolating.is_alone(context, policy, Direction::Ingress) {
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
        if !rules_of.is_empty()
            && rules_of.iter().all(dns)
            && isolating.is_alone(context, policy, Direction::Egress)
        {
            let message =
                "this policy is the only one for egress of the pods: they may ask DNS and reach nothing else";
            let found =
                finding(&rules::SILENT_ISOLATION, message.to_owned(), &policy.entry, &policy.subject_at);
            findings.push(found);
        }
    }
}

/// How many policies of namespaces isolate each direction.
struct Isolating<'a> {
    /// For each class, of the policies that select it.
    of_class: Vec<[usize; 2]>,
    /// For each namespace, of the policies in it.
    of_namespace: BTreeMap<&'a str, [usize; 2]>,
}

impl<'a> Isolating<'a> {
    fn of(context: &Context<'a>) -> Self {
        let mut of_namespace: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
        for policy in context.network_policies() {
            let counts = of_namespace.entry(Context::namespace_of(policy)).or_default();
            for (direction, count) in Direction::ALL.into_iter().zip(counts) {
                *count += usize::from(policy.section(direction).isolates);
            }
        }
        let count = |class, direction| {
            let policies = context.counted(context.policies_of(class, direction));
            policies
                .filter(|policy| policy.tier == Tier::Namespace && policy.section(direction).isolates)
                .count()
        };
        let classes = (0..).take(context.members.len()).map(ClassId);
        let of_class = classes.map(|class| Direction::ALL.map(|direction| count(class, direction)));
        Self { of_class: of_class.collect(), of_namespace }
    }

    /// Whether a policy isolates pods of which it is the only policy for a direction. Where no pod is known, whether no other
    /// policy of its namespace is about the direction.
    fn is_alone(&self, context: &Context<'_>, policy: &Policy, direction: Direction) -> bool {
        let own = usize::from(policy.section(direction).isolates);
        let has_others = |counts: &[usize; 2]| {
            let of_direction = Direction::ALL.iter().zip(counts).find(|(each, _)| **each == direction);
            of_direction.is_some_and(|(_, count)| *count > own)
        };
        let classes = context.classes(policy.set);
        if classes.is_empty() {
            return !self.of_namespace.get(Context::namespace_of(policy)).is_some_and(has_others);
        }
        classes.iter().any(|class| !self.of_class.get(*class as usize).is_some_and(has_others))
    }
}

//! [`Decision`]: why a connection is allowed or not, rule by rule.

use std::fmt;

use lumen_value::{Pointer, Value};

use super::address::AddressSet;
use super::policy::{
    Direction, NamespaceMatch, PeerMatch, PodPattern, PolicyId, PortMatch, Rule, RuleAction, RulePeer, Tier,
};
use super::port::{Ports, Protocol};
use super::workload::NamedPorts;
use super::workload::labels::Fit;
use super::{Endpoint, Model};
use crate::finding::Location;
use crate::selector::{Requirement, Selector};

mod verdict;

pub use verdict::Verdict;

/// Most rules that are named as having decided one direction, most near misses, and most undecided peers.
pub const NAMED_MAX: usize = 16;

/// Most peers of rules that are looked at for near misses.
pub const MISSES_EXAMINED_MAX: usize = 4_000;

/// One rule of a policy, or one of its peers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleRef {
    /// The policy.
    pub policy: PolicyId,
    /// The direction.
    pub direction: Direction,
    /// The number of the rule in its section, from zero.
    pub rule: usize,
    /// The number of the peer in the rule, from zero.
    pub peer: usize,
}

/// Why a connection is allowed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is, if what manifests leave open fits nobody: what [`Model::allowed`] says.
    pub allowed: bool,
    /// Whether it is, whatever manifests leave open.
    pub verdict: Verdict,
    /// Whether one end is on the host's network and may be on the node of the other: a pod and its node always reach each
    /// other.
    pub may_share_node: bool,
    /// What the source's policies say.
    pub egress: Side,
    /// What the destination's policies say.
    pub ingress: Side,
}

/// What the policies at one end say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The direction.
    pub direction: Direction,
    /// Whether they let it through, if what manifests leave open fits nobody.
    pub allowed: bool,
    /// Whether they do, whatever manifests leave open.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The policies of the namespace tier that isolate this end: what no rule of theirs allows is denied.
    pub isolated_by: Vec<PolicyId>,
    /// The rules that decided; at most [`NAMED_MAX`]. None where nothing selects this end, or nothing fits.
    pub decided_by: Vec<RuleRef>,
    /// The rules that passed it on to a later tier; at most [`NAMED_MAX`].
    pub passed_by: Vec<RuleRef>,
    /// Where it is denied because no rule fits: the rules that come nearest, the nearest first; at most [`NAMED_MAX`].
    pub near_misses: Vec<NearMiss>,
    /// Peers that might fit, which manifests do not tell; at most [`NAMED_MAX`].
    pub undecided: Vec<RuleRef>,
    /// Policies that may select this end, for they ask for labels whose values manifests do not tell; at most [`NAMED_MAX`].
    pub may_select: Vec<PolicyId>,
}

/// Why one direction is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The end is outside the cluster: policies are not about it.
    Outside,
    /// The end is on the host's network: policies do not select it.
    HostNetwork,
    /// No policy selects it for this direction: everything is let through.
    NotSelected,
    /// A rule of a tier decided.
    Rule(Tier, RuleAction),
    /// It is isolated, and no rule allows this.
    Isolated,
    /// Policies of the administrator's select it, none decides this, and nothing isolates it: it is let through.
    Undecided,
    /// A workload of another model: nothing is known.
    Unknown,
}

/// A rule that would have fit but for some fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The rule and its peer.
    pub rule: RuleRef,
    /// What did not fit, the outermost first.
    pub failed: Vec<Mismatch>,
}

/// One field that did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Which kind of field.
    pub field: Field,
    /// Where it stands in the policy's manifest.
    pub at: Pointer,
    /// What the rule wants, in its own words.
    pub wanted: String,
    /// What the connection has.
    pub found: String,
}

/// Kinds of fields that may not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The port, of the right protocol.
    Port,
    /// The protocol.
    Protocol,
    /// An address that is excepted from a block.
    Except,
    /// A label of the other pod.
    PodLabel,
    /// The other pod's namespace, by name or by label.
    Namespace,
    /// An address that is in no block.
    Address,
    /// The rule means pods and this is none that can be meant, or the reverse.
    Kind,
}

impl Field {
    /// How far away a rule is that misses here: a wrong port is nearer than a wrong namespace.
    const fn distance(self) -> u32 {
        match self {
            Self::Port | Self::Except => 2,
            Self::Protocol => 3,
            Self::PodLabel => 4,
            Self::Namespace => 5,
            Self::Address => 7,
            Self::Kind => 20,
        }
    }
}

/// `wants tier=web, found tier=db`.
impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = match self.field {
            Field::Port => "port",
            Field::Protocol => "protocol",
            Field::Except => "excepted address",
            Field::PodLabel => "pod label",
            Field::Namespace => "namespace",
            Field::Address => "address",
            Field::Kind => "kind of peer",
        };
        write!(out, "{field}: wants {}, found {}", self.wanted, self.found)
    }
}

/// What is asked: the ends, and the port at the destination.
#[derive(Clone, Copy)]
struct Question<'a> {
    peer: Endpoint,
    protocol: Protocol,
    port: u16,
    names: &'a NamedPorts,
}

impl Model {
    /// Why a connection to a port of the destination is allowed or not: for each end the deciding rules, or the rules
    /// that come nearest. It agrees with [`Model::allowed`].
    pub fn why(
        &self,
        source: impl Into<Endpoint>,
        destination: impl Into<Endpoint>,
        protocol: Protocol,
        port: u16,
    ) -> Decision {
        let (source, destination) = (source.into(), destination.into());
        let side = |direction, subject, peer| match self.names_at(destination) {
            Some(names) => self.side(direction, subject, Question { peer, protocol, port, names }),
            None => Side::new(direction, Reason::Unknown, false),
        };
        let egress = side(Direction::Egress, source, destination);
        let ingress = side(Direction::Ingress, destination, source);
        let may_share_node = self.may_share_node(source, destination);
        let verdict = match egress.verdict.and(ingress.verdict) {
            Verdict::Denied if may_share_node => Verdict::Undecided,
            verdict => verdict,
        };
        let allowed = egress.allowed && ingress.allowed;
        Decision { allowed, verdict, may_share_node, egress, ingress }
    }

    /// The id of a rule, such as `shop/api#ingress[0].from[1]`; empty for one of another model.
    pub fn rule_id(&self, reference: &RuleRef) -> String {
        match (self.policy(reference.policy), self.peer(reference)) {
            (Some(policy), Some((_, peer))) => policy.rule_id(&peer.at),
            _ => String::new(),
        }
    }

    /// Where a rule stands; `None` for one of another model.
    pub fn locate(&self, reference: &RuleRef) -> Option<Location> {
        Some(self.policy(reference.policy)?.locate(&self.peer(reference)?.1.at))
    }

    /// A rule and its peer; `None` for one of another model.
    pub fn peer(&self, reference: &RuleRef) -> Option<(&Rule, &RulePeer)> {
        let rule = self.policy(reference.policy)?.section(reference.direction).rules.get(reference.rule)?;
        Some((rule, rule.peers.get(reference.peer)?))
    }

    /// Whether one of two ends is a pod and the other is on the host's network, of which node is not known.
    fn may_share_node(&self, one: Endpoint, other: Endpoint) -> bool {
        let is_host = |end| match end {
            Endpoint::Workload(id) => self.workload(id).map(|workload| workload.host_network),
            Endpoint::Address(_) => None,
        };
        matches!((is_host(one), is_host(other)), (Some(one), Some(other)) if one != other)
    }

    fn side(&self, direction: Direction, subject: Endpoint, asked: Question<'_>) -> Side {
        let workload = match subject {
            Endpoint::Address(_) => return Side::new(direction, Reason::Outside, true),
            Endpoint::Workload(id) => self.workload(id),
        };
        let Some(workload) = workload else {
            return Side::new(direction, Reason::Unknown, false);
        };
        if workload.host_network {
            return Side::new(direction, Reason::HostNetwork, true);
        }
        let policies = self.selecting(workload.class, direction);
        let may_select = self.may_select(workload, direction);
        let mut side = self.decide(direction, policies, asked);
        if !may_select.is_empty() {
            let all: Vec<_> = policies.iter().chain(&may_select).copied().collect();
            let with = self.verdict(&in_order(all), direction, asked);
            if with != side.verdict {
                side.verdict = Verdict::Undecided;
                side.may_select = may_select.into_iter().take(NAMED_MAX).collect();
            }
        }
        side
    }

    /// What some policies say of one end.
    fn decide(&self, direction: Direction, policies: &[PolicyId], asked: Question<'_>) -> Side {
        if policies.is_empty() {
            return Side::new(direction, Reason::NotSelected, true);
        }
        let verdict = self.verdict(policies, direction, asked);
        Side { verdict, ..self.reasons(direction, policies, asked) }
    }

    fn reasons(&self, direction: Direction, policies: &[PolicyId], asked: Question<'_>) -> Side {
        let mut side = Side::new(direction, Reason::Undecided, true);
        side.isolated_by = policies.iter().copied().filter(|id| self.isolates(*id, direction)).collect();
        self.collect_undecided(policies, &mut side, asked);
        // Each tier in turn; the first rule that does not pass decides, in the namespace tier denials first.
        let isolated = !side.isolated_by.is_empty();
        if let Some(action) = self.first(policies, Tier::Admin, &mut side, asked) {
            return side.decided(Tier::Admin, action);
        }
        for action in [RuleAction::Deny, RuleAction::Allow] {
            let fitting = self.fitting(policies, direction, Tier::Namespace, asked);
            let found: Vec<_> = fitting.filter(|(_, each)| *each == action).take(NAMED_MAX).collect();
            if !found.is_empty() && (isolated || action == RuleAction::Deny) {
                side.decided_by = found.into_iter().map(|(reference, _)| reference).collect();
                return side.decided(Tier::Namespace, action);
            }
        }
        if isolated {
            side.near_misses = self.near_misses(policies, direction, asked);
            return Side { reason: Reason::Isolated, allowed: false, ..side };
        }
        match self.first(policies, Tier::Baseline, &mut side, asked) {
            Some(action) => side.decided(Tier::Baseline, action),
            None => side,
        }
    }

    fn isolates(&self, id: PolicyId, direction: Direction) -> bool {
        self.policy(id).is_some_and(|policy| policy.section(direction).isolates)
    }

    /// The first rule of a tier that fits, if it does not pass.
    fn first(
        &self,
        policies: &[PolicyId],
        tier: Tier,
        side: &mut Side,
        asked: Question<'_>,
    ) -> Option<RuleAction> {
        let (reference, action) = self.fitting(policies, side.direction, tier, asked).next()?;
        if action == RuleAction::Pass {
            side.passed_by.push(reference);
            return None;
        }
        side.decided_by.push(reference);
        Some(action)
    }

    /// The rules of a tier that fit, in their order, each with the first of its peers that does and its action.
    fn fitting<'a>(
        &'a self,
        policies: &'a [PolicyId],
        direction: Direction,
        tier: Tier,
        asked: Question<'a>,
    ) -> impl Iterator<Item = (RuleRef, RuleAction)> + 'a {
        self.rules(policies, direction, tier).filter_map(move |(policy, number, rule)| {
            if !rule.ports_at(asked.names).contains(asked.protocol, asked.port) {
                return None;
            }
            let peer = rule.peers.iter().position(|peer| self.fits(peer, asked.peer))?;
            Some((RuleRef { policy, direction, rule: number, peer }, rule.action))
        })
    }

    fn rules<'a>(
        &'a self,
        policies: &'a [PolicyId],
        direction: Direction,
        tier: Tier,
    ) -> impl Iterator<Item = (PolicyId, usize, &'a Rule)> + 'a {
        let of_tier = policies.iter().filter_map(move |id| {
            self.policy(*id).filter(|policy| policy.tier == tier).map(|policy| (*id, policy))
        });
        of_tier.flat_map(move |(id, policy)| {
            policy.section(direction).rules.iter().enumerate().map(move |(number, rule)| (id, number, rule))
        })
    }

    fn collect_undecided(&self, policies: &[PolicyId], side: &mut Side, asked: Question<'_>) {
        let direction = side.direction;
        for tier in [Tier::Admin, Tier::Namespace, Tier::Baseline] {
            for (policy, number, rule) in self.rules(policies, direction, tier) {
                let open = rule.peers.iter().position(|peer| self.fit(peer, asked.peer) == Fit::Open);
                if let Some(peer) =
                    open.filter(|_| rule.ports_at(asked.names).contains(asked.protocol, asked.port))
                {
                    side.undecided.push(RuleRef { policy, direction, rule: number, peer });
                    if side.undecided.len() >= NAMED_MAX {
                        return;
                    }
                }
            }
        }
    }

    /// The rules of the namespace tier that come nearest to allowing it.
    fn near_misses(&self, policies: &[PolicyId], direction: Direction, asked: Question<'_>) -> Vec<NearMiss> {
        let rules = self.rules(policies, direction, Tier::Namespace);
        let allowing = rules.filter(|(_, _, rule)| rule.action == RuleAction::Allow);
        let peers = allowing.flat_map(|(policy, number, rule)| {
            rule.peers
                .iter()
                .enumerate()
                .map(move |(peer, _)| (RuleRef { policy, direction, rule: number, peer }, rule))
        });
        let mut misses: Vec<(u32, NearMiss)> = peers
            .take(MISSES_EXAMINED_MAX)
            .filter_map(|(reference, rule)| {
                let mut failed = self.peer_mismatches(rule.peers.get(reference.peer)?, asked.peer);
                failed.extend(port_mismatch(rule, asked));
                let distance = failed.iter().map(|mismatch| mismatch.field.distance()).sum();
                (!failed.is_empty()).then_some((distance, NearMiss { rule: reference, failed }))
            })
            .collect();
        misses.sort_by_key(|(distance, _)| *distance);
        misses.into_iter().take(NAMED_MAX).map(|(_, miss)| miss).collect()
    }

    fn peer_mismatches(&self, peer: &RulePeer, endpoint: Endpoint) -> Vec<Mismatch> {
        if self.fits(peer, endpoint) {
            return Vec::new();
        }
        let kind = |wanted: String, found: &str| {
            vec![Mismatch { field: Field::Kind, at: peer.at.clone(), wanted, found: found.to_owned() }]
        };
        match (&peer.who, endpoint) {
            (PeerMatch::Anyone, _) => Vec::new(),
            (PeerMatch::Cluster, _) => kind("the cluster".to_owned(), "an address outside"),
            (PeerMatch::Undecided(what, _), _) => {
                kind(what.to_string(), "something that manifests do not tell")
            }
            (PeerMatch::Pods(pattern), Endpoint::Address(_)) => {
                kind(pattern.to_string(), "an address outside")
            }
            (PeerMatch::Addresses { set, except, .. }, Endpoint::Address(address)) => {
                let (field, wanted) = if except.contains(address) {
                    (Field::Except, format!("any but {}", shortened(except)))
                } else {
                    (Field::Address, shortened(set))
                };
                vec![Mismatch { field, at: peer.at.clone(), wanted, found: address.to_string() }]
            }
            (PeerMatch::Addresses { set, .. }, Endpoint::Workload(_)) => kind(shortened(set), "a pod"),
            (PeerMatch::Pods(pattern), Endpoint::Workload(id)) => match self.workload(id) {
                Some(workload) if workload.host_network => {
                    kind(pattern.to_string(), "a pod on the host's network, which no selector means")
                }
                Some(workload) => {
                    let mut failed = self.namespace_mismatch(peer, pattern, &workload.namespace);
                    failed.extend(label_mismatches(
                        &pattern.pods,
                        &workload.labels,
                        Field::PodLabel,
                        &peer.at,
                    ));
                    failed
                }
                None => Vec::new(),
            },
        }
    }

    fn namespace_mismatch(&self, peer: &RulePeer, pattern: &PodPattern, name: &str) -> Vec<Mismatch> {
        match &pattern.namespaces {
            NamespaceMatch::Named(wanted) if **wanted == *name => Vec::new(),
            NamespaceMatch::Named(wanted) => vec![Mismatch {
                field: Field::Namespace,
                at: peer.at.clone(),
                wanted: wanted.to_string(),
                found: name.to_owned(),
            }],
            NamespaceMatch::Selected(selector) => {
                let index = self.namespaces.binary_search_by(|each| (*each.name).cmp(name)).ok();
                let labels =
                    index.and_then(|index| self.namespaces.get(index)).map(|namespace| &namespace.labels);
                label_mismatches(selector, labels.unwrap_or(&Value::Null), Field::Namespace, &peer.at)
            }
        }
    }
}

/// Policies in the order in which they are asked, which is that of their numbers.
fn in_order(mut policies: Vec<PolicyId>) -> Vec<PolicyId> {
    policies.sort_unstable();
    policies
}

/// The requirements that labels do not meet.
fn label_mismatches(selector: &Selector, labels: &Value, field: Field, at: &Pointer) -> Vec<Mismatch> {
    let failed = selector.requirements().iter().filter(|requirement| !requirement.matches(labels));
    let mismatch = |requirement: &Requirement| {
        let key = requirement.key();
        let found = match crate::object::label(labels, key) {
            Some(value) => format!("{key}={value}"),
            None => format!("no label {key}"),
        };
        Mismatch { field, at: at.clone(), wanted: shorten(requirement.to_string()), found }
    };
    failed.take(NAMED_MAX).map(mismatch).collect()
}

fn port_mismatch(rule: &Rule, asked: Question<'_>) -> Option<Mismatch> {
    let ports = rule.ports_at(asked.names);
    if ports.contains(asked.protocol, asked.port) {
        return None;
    }
    let names_it = |port: &PortMatch| match port {
        PortMatch::Numbers(ports) => !ports.of(asked.protocol).is_empty(),
        PortMatch::Named(protocol, _) => protocol.is_none_or(|protocol| protocol == asked.protocol),
    };
    let listed = rule.ports.as_deref().unwrap_or_default();
    let at = listed.iter().find(|(_, port)| names_it(port)).or(listed.first());
    let is_protocol = !listed.iter().any(|(_, port)| names_it(port));
    Some(Mismatch {
        field: if is_protocol { Field::Protocol } else { Field::Port },
        at: at.map_or_else(|| rule.at.clone(), |(at, _)| at.clone()),
        wanted: wanted_ports(listed, &ports),
        found: format!("{} {}", asked.protocol, asked.port),
    })
}

/// The ports that a rule wants; names as they are written, for a name that means nothing here would not be seen.
fn wanted_ports(listed: &[(Pointer, PortMatch)], resolved: &Ports) -> String {
    let names = listed.iter().filter_map(|(_, port)| match port {
        PortMatch::Named(_, name) => Some(format!("port {name}")),
        PortMatch::Numbers(_) => None,
    });
    let mut wanted: Vec<String> = names.take(NAMED_MAX).collect();
    if wanted.is_empty() || !resolved.is_empty() {
        wanted.insert(0, resolved.to_string());
    }
    shorten(wanted.join("; "))
}

/// Longest text of what a rule wants, in bytes.
const WANTED_BYTES_MAX: usize = 200;

fn shorten(mut text: String) -> String {
    if text.len() > WANTED_BYTES_MAX {
        text.truncate(text.floor_char_boundary(WANTED_BYTES_MAX));
        text.push_str("..");
    }
    text
}

fn shortened(set: &AddressSet) -> String {
    let shown: Vec<_> = set.ranges().iter().take(4).map(ToString::to_string).collect();
    let more = if set.ranges().len() > shown.len() { ",.." } else { "" };
    shown.join(",") + more
}

impl Side {
    fn new(direction: Direction, reason: Reason, allowed: bool) -> Self {
        Self {
            direction,
            allowed,
            verdict: Verdict::of(allowed),
            reason,
            isolated_by: Vec::new(),
            decided_by: Vec::new(),
            passed_by: Vec::new(),
            near_misses: Vec::new(),
            undecided: Vec::new(),
            may_select: Vec::new(),
        }
    }

    fn decided(self, tier: Tier, action: RuleAction) -> Self {
        Self { reason: Reason::Rule(tier, action), allowed: action != RuleAction::Deny, ..self }
    }
}

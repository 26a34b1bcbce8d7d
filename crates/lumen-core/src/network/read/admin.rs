//! Reads `AdminNetworkPolicy` and `BaselineAdminNetworkPolicy` (`sigs.k8s.io/network-policy-api/apis/v1alpha1`).

use std::sync::Arc;

use lumen_value::{Pointer, Value, pointer};

use super::{
    Fault, Reading, list, object, peer, port_number, port_range, present, protocol, selector, spec, string,
};
use crate::network::address::{AddressRange, AddressSet};
use crate::network::class::NOBODY;
use crate::network::policy::{
    Direction, MayBe, NamespaceMatch, PeerMatch, PodPattern, Policy, PolicyKind, PortMatch, Rule, RuleAction,
    Section, Tier,
};
use crate::network::port::Ports;
use crate::selector::Selector;
use crate::snapshot::Entry;

/// Greatest priority.
const PRIORITY_MAX: i64 = 1000;

pub(super) fn read(entry: &Arc<Entry>, kind: PolicyKind, reading: &mut Reading) -> Result<Policy, Fault> {
    let (at, spec) = spec(entry)?;
    let tier = if kind == PolicyKind::AdminNetworkPolicy { Tier::Admin } else { Tier::Baseline };
    if tier == Tier::Baseline && &*entry.object.name != "default" {
        let message = "the one BaselineAdminNetworkPolicy of a cluster must be named `default`";
        return Err(Fault::new(&pointer!["metadata", "name"], message));
    }
    let priority = if tier == Tier::Admin { priority(spec, &at)? } else { 0 };
    let actions: &[(&str, RuleAction)] = match tier {
        Tier::Admin => {
            &[("Allow", RuleAction::Allow), ("Deny", RuleAction::Deny), ("Pass", RuleAction::Pass)]
        }
        _ => &[("Allow", RuleAction::Allow), ("Deny", RuleAction::Deny)],
    };
    let mut section = |direction| section(entry, spec, &at, direction, actions, reading);
    Ok(Policy {
        entry: entry.clone(),
        kind,
        tier,
        priority,
        subject: subject(spec, &at)?,
        subject_at: at.child("subject"),
        ingress: section(Direction::Ingress)?,
        egress: section(Direction::Egress)?,
        set: NOBODY,
    })
}

/// The priority, lower first.
pub(super) fn priority(spec: &Value, at: &Pointer) -> Result<i64, Fault> {
    let priority =
        spec.get("priority").and_then(Value::as_i64).filter(|value| (0..=PRIORITY_MAX).contains(value));
    priority.ok_or_else(|| {
        Fault::new(&at.child("priority"), format!("`priority` must be a number from 0 to {PRIORITY_MAX}"))
    })
}

/// The subject: namespaces, or pods in namespaces.
pub(super) fn subject(spec: &Value, at: &Pointer) -> Result<PodPattern, Fault> {
    let at = at.child("subject");
    let subject = spec.get("subject").unwrap_or(&Value::Null);
    object(subject, &at)?;
    match pods(subject, &at)? {
        Some(pattern) => Ok(pattern),
        None => Err(Fault::new(&at, "a subject must have either `namespaces` or `pods`")),
    }
}

/// The pods under `namespaces` or `pods`, of which one may be there.
pub(super) fn pods(holder: &Value, at: &Pointer) -> Result<Option<PodPattern>, Fault> {
    match (present(holder, "namespaces"), present(holder, "pods")) {
        (Some(_), Some(_)) => Err(Fault::new(at, "`namespaces` and `pods` cannot stand together")),
        (None, None) => Ok(None),
        (Some(namespaces), None) => {
            let namespaces = NamespaceMatch::Selected(selector(namespaces, &at.child("namespaces"))?);
            Ok(Some(PodPattern { namespaces, pods: Selector::everything() }))
        }
        (None, Some(pods)) => {
            let at = at.child("pods");
            object(pods, &at)?;
            let part = |key| super::optional_selector(pods, &at, key);
            let namespaces = NamespaceMatch::Selected(part("namespaceSelector")?);
            Ok(Some(PodPattern { namespaces, pods: part("podSelector")? }))
        }
    }
}

/// How the ports of a rule are read: the two versions differ.
type ReadPorts = fn(&Value, &Pointer) -> Result<Option<Vec<(Pointer, PortMatch)>>, Fault>;

fn section(
    entry: &Entry,
    spec: &Value,
    at: &Pointer,
    direction: Direction,
    actions: &[(&str, RuleAction)],
    reading: &mut Reading,
) -> Result<Section, Fault> {
    rules(entry, spec, at, direction, actions, ports, reading)
}

/// The rules of one direction.
pub(super) fn rules(
    entry: &Entry,
    spec: &Value,
    at: &Pointer,
    direction: Direction,
    actions: &[(&str, RuleAction)],
    ports: ReadPorts,
    reading: &mut Reading,
) -> Result<Section, Fault> {
    let peers = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let mut rules = Vec::new();
    for (at, rule) in list(spec, at, direction.as_str())? {
        object(rule, &at)?;
        let action = string(rule, &at, "action")?;
        let Some((_, action)) = actions.iter().find(|(name, _)| *name == action) else {
            let names: Vec<_> = actions.iter().map(|(name, _)| *name).collect();
            return Err(Fault::new(
                &at.child("action"),
                format!("`{action}` is no action: use {}", names.join(", ")),
            ));
        };
        let (mut action, mut read) = (*action, Vec::new());
        let listed = list(rule, &at, peers)?;
        if listed.is_empty() {
            return Err(Fault::new(&at.child(peers), format!("a rule must have peers under `{peers}`")));
        }
        let mut fails_closed = false;
        for (at, value) in listed {
            object(value, &at)?;
            let who = peer_of(value, &at, direction)?;
            if let PeerMatch::Undecided(what, _) = &who {
                reading.undecided(
                    entry,
                    &at,
                    format!("{what} cannot be told from manifests: this peer fits nobody"),
                );
                fails_closed |= &**what == UNKNOWN_PEER;
            }
            read.push(peer(at, who));
        }
        // The API's words: what does not understand a peer must fail closed.
        if fails_closed && action != RuleAction::Allow {
            action = RuleAction::Deny;
            read = vec![peer(at.clone(), PeerMatch::Anyone)];
        }
        let ports = ports(rule, &at)?;
        rules.push(Rule { name: string(rule, &at, "name")?.into(), at, action, peers: read, ports });
    }
    Ok(Section { isolates: false, rules })
}

/// What a peer without a known field is called.
const UNKNOWN_PEER: &str = "a peer with none of the known fields";

fn peer_of(value: &Value, at: &Pointer, direction: Direction) -> Result<PeerMatch, Fault> {
    if let Some(pattern) = pods(value, at)? {
        return Ok(PeerMatch::Pods(pattern));
    }
    if direction == Direction::Egress {
        let networks = list(value, at, "networks")?;
        if !networks.is_empty() {
            let ranges = networks.iter().map(|(at, value)| super::network(value, at));
            return Ok(addresses(ranges.collect::<Result<_, _>>()?));
        }
        if present(value, "nodes").is_some() {
            return Ok(PeerMatch::Undecided("which nodes are meant".into(), MayBe::OutsideOrHost));
        }
        if present(value, "domainNames").is_some() {
            return Ok(PeerMatch::Undecided(
                "which addresses the names of domains have".into(),
                MayBe::Outside,
            ));
        }
    }
    Ok(PeerMatch::Undecided(UNKNOWN_PEER.into(), MayBe::Anyone))
}

fn addresses(ranges: Vec<AddressRange>) -> PeerMatch {
    PeerMatch::Addresses { set: AddressSet::of(ranges), except: AddressSet::default(), external_only: false }
}

fn ports(rule: &Value, at: &Pointer) -> Result<Option<Vec<(Pointer, PortMatch)>>, Fault> {
    let mut ports = Vec::new();
    for (at, value) in list(rule, at, "ports")? {
        object(value, &at)?;
        let port = if let Some(number) = present(value, "portNumber") {
            let at = at.child("portNumber");
            object(number, &at)?;
            let port = port_number(number.get("port").unwrap_or(&Value::Null), &at.child("port"))?;
            PortMatch::Numbers(Ports::one(protocol(number, &at)?, port))
        } else if let Some(range) = present(value, "portRange") {
            let at = at.child("portRange");
            object(range, &at)?;
            let end = |key| port_number(range.get(key).unwrap_or(&Value::Null), &at.child(key));
            let (first, last) = port_range(end("start")?, end("end")?, &at)?;
            PortMatch::Numbers(Ports::range(protocol(range, &at)?, first, last))
        } else {
            let name = string(value, &at, "namedPort")?;
            if name.is_empty() {
                return Err(Fault::new(&at, "a port must be a `portNumber`, a `portRange` or a `namedPort`"));
            }
            PortMatch::Named(None, name.into())
        };
        ports.push((at, port));
    }
    Ok(Some(ports).filter(|ports| !ports.is_empty()))
}

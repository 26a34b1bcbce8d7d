//! Reads `NetworkPolicy` as `networking.k8s.io/v1` means it (`k8s.io/api/networking/v1/types.go`, with the defaults and
//! the validation of `pkg/apis/networking`).

use std::sync::Arc;

use lumen_value::{Pointer, Value};

use super::{
    Fault, block, list, object, optional_selector, peer, port_number, port_range, present, protocol, spec,
    string, wrong_type,
};
use crate::network::class::NOBODY;
use crate::network::policy::{
    Direction, NamespaceMatch, PeerMatch, PodPattern, Policy, PolicyKind, PortMatch, Rule, RuleAction,
    RulePeer, Section, Tier,
};
use crate::network::port::{Ports, Protocol};
use crate::selector::Selector;
use crate::snapshot::Entry;

/// Longest name of a port, in bytes.
const PORT_NAME_BYTES_MAX: usize = 15;

pub(super) fn read(entry: &Arc<Entry>) -> Result<Policy, Fault> {
    let (at, spec) = spec(entry)?;
    let namespace = entry.namespace.clone().unwrap_or_default();
    let pods = optional_selector(spec, &at, "podSelector")?;
    let [ingress, egress] = isolated(spec, &at)?;
    let rules = |direction| section(spec, &at, direction, &namespace);
    Ok(Policy {
        entry: entry.clone(),
        kind: PolicyKind::NetworkPolicy,
        tier: Tier::Namespace,
        priority: 0,
        subject: PodPattern { namespaces: NamespaceMatch::Named(namespace.clone()), pods },
        subject_at: at.child("podSelector"),
        // Rules of a direction that the policy is not about are checked, and mean nothing.
        ingress: Section { isolates: ingress, rules: rules(Direction::Ingress)? }.if_isolating(),
        egress: Section { isolates: egress, rules: rules(Direction::Egress)? }.if_isolating(),
        set: NOBODY,
    })
}

impl Section {
    fn if_isolating(self) -> Self {
        if self.isolates { self } else { Self::default() }
    }
}

/// Which directions a policy is about. Without `policyTypes` those are ingress, and egress if it has rules for it.
fn isolated(spec: &Value, at: &Pointer) -> Result<[bool; 2], Fault> {
    let types = list(spec, at, "policyTypes")?;
    if types.is_empty() {
        return Ok([true, !list(spec, at, "egress")?.is_empty()]);
    }
    let mut isolated = [false, false];
    for (at, value) in types {
        match value.as_str() {
            Some("Ingress") => isolated = [true, isolated[1]],
            Some("Egress") => isolated = [isolated[0], true],
            _ => {
                let message = format!("{value} is no policy type: use `Ingress` or `Egress`");
                return Err(Fault::new(&at, message));
            }
        }
    }
    Ok(isolated)
}

fn section(
    spec: &Value,
    at: &Pointer,
    direction: Direction,
    namespace: &Arc<str>,
) -> Result<Vec<Rule>, Fault> {
    let peers = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let mut rules = Vec::new();
    for (at, rule) in list(spec, at, direction.as_str())? {
        object(rule, &at)?;
        let mut read = Vec::new();
        for (at, value) in list(rule, &at, peers)? {
            read.push(peer_of(value, at, namespace)?);
        }
        if read.is_empty() {
            read.push(peer(at.clone(), PeerMatch::Anyone));
        }
        let ports = ports(rule, &at)?;
        rules.push(Rule { at, name: "".into(), action: RuleAction::Allow, peers: read, ports });
    }
    Ok(rules)
}

fn peer_of(value: &Value, at: Pointer, namespace: &Arc<str>) -> Result<RulePeer, Fault> {
    object(value, &at)?;
    let [pods, namespaces, addresses] =
        ["podSelector", "namespaceSelector", "ipBlock"].map(|key| present(value, key));
    if let Some(addresses) = addresses {
        if pods.is_some() || namespaces.is_some() {
            return Err(Fault::new(&at, "a peer with an `ipBlock` can have no selectors beside it"));
        }
        let who = block(addresses, &at.child("ipBlock"), false)?;
        return Ok(peer(at, who));
    }
    if pods.is_none() && namespaces.is_none() {
        let message = "a peer must have a `podSelector`, a `namespaceSelector` or an `ipBlock`: the API server \
                       refuses one that has none; to mean everyone, leave the list out";
        return Err(Fault::new(&at, message));
    }
    let pods =
        pods.map_or(Ok(Selector::everything()), |value| super::selector(value, &at.child("podSelector")))?;
    let namespaces = match namespaces {
        None => NamespaceMatch::Named(namespace.clone()),
        Some(value) => NamespaceMatch::Selected(super::selector(value, &at.child("namespaceSelector"))?),
    };
    Ok(peer(at, PeerMatch::Pods(PodPattern { namespaces, pods })))
}

fn ports(rule: &Value, at: &Pointer) -> Result<Option<Vec<(Pointer, PortMatch)>>, Fault> {
    let mut ports = Vec::new();
    for (at, value) in list(rule, at, "ports")? {
        object(value, &at)?;
        let port = port(value, &at, protocol(value, &at)?)?;
        ports.push((at, port));
    }
    Ok(Some(ports).filter(|ports| !ports.is_empty()))
}

fn port(value: &Value, at: &Pointer, protocol: Protocol) -> Result<PortMatch, Fault> {
    let end = present(value, "endPort");
    let end_at = at.child("endPort");
    let port_at = at.child("port");
    match present(value, "port") {
        None if end.is_some() => Err(Fault::new(&end_at, "`endPort` needs a `port` to begin with")),
        None => Ok(PortMatch::Numbers(Ports::range(protocol, 1, u16::MAX))),
        Some(Value::String(_)) if end.is_some() => {
            Err(Fault::new(&end_at, "`endPort` needs a `port` that is a number, not a name"))
        }
        Some(Value::String(_)) => {
            let name = string(value, at, "port")?;
            if is_port_name(name) {
                return Ok(PortMatch::Named(Some(protocol), name.into()));
            }
            let message = format!(
                "`{name}` is no name of a port: at most {PORT_NAME_BYTES_MAX} lower-case letters, digits and `-`, with a letter"
            );
            Err(Fault::new(&port_at, message))
        }
        Some(number @ Value::Number(_)) => {
            let first = port_number(number, &port_at)?;
            let last = end.map_or(Ok(first), |end| port_number(end, &end_at))?;
            let (first, last) = port_range(first, last, &end_at)?;
            Ok(PortMatch::Numbers(Ports::range(protocol, first, last)))
        }
        Some(other) => Err(wrong_type(other, "a number or a name", &port_at)),
    }
}

/// Whether a text may be the name of a port (`IsValidPortName`).
fn is_port_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= PORT_NAME_BYTES_MAX
        && name.bytes().all(allowed)
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.contains("--")
        && !name.starts_with('-')
        && !name.ends_with('-')
}

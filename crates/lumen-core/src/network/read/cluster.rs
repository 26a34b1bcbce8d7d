//! Reads `ClusterNetworkPolicy` (`sigs.k8s.io/network-policy-api/apis/v1alpha2`).

use std::sync::Arc;

use lumen_value::{Pointer, Value};

use super::{Fault, Reading, admin, list, object, port_number, port_range, present, spec, string};
use crate::network::class::NOBODY;
use crate::network::policy::{Direction, Policy, PolicyKind, PortMatch, RuleAction, Tier};
use crate::network::port::{Ports, Protocol};
use crate::snapshot::Entry;

const ACTIONS: &[(&str, RuleAction)] =
    &[("Accept", RuleAction::Allow), ("Deny", RuleAction::Deny), ("Pass", RuleAction::Pass)];

pub(super) fn read(entry: &Arc<Entry>, reading: &mut Reading) -> Result<Policy, Fault> {
    let (at, spec) = spec(entry)?;
    let tier = match string(spec, &at, "tier")? {
        "Admin" => Tier::Admin,
        "Baseline" => Tier::Baseline,
        other => {
            return Err(Fault::new(
                &at.child("tier"),
                format!("`{other}` is no tier: use `Admin` or `Baseline`"),
            ));
        }
    };
    let mut section = |direction| admin::rules(entry, spec, &at, direction, ACTIONS, ports, reading);
    Ok(Policy {
        entry: entry.clone(),
        kind: PolicyKind::ClusterNetworkPolicy,
        tier,
        priority: admin::priority(spec, &at)?,
        subject: admin::subject(spec, &at)?,
        subject_at: at.child("subject"),
        ingress: section(Direction::Ingress)?,
        egress: section(Direction::Egress)?,
        set: NOBODY,
    })
}

/// The list `protocols`: each entry is of one protocol, or the name of a port.
fn ports(rule: &Value, at: &Pointer) -> Result<Option<Vec<(Pointer, PortMatch)>>, Fault> {
    let mut ports = Vec::new();
    for (at, value) in list(rule, at, "protocols")? {
        object(value, &at)?;
        let name = string(value, &at, "destinationNamedPort")?;
        let protocol = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)]
            .into_iter()
            .find_map(|(key, protocol)| Some((key, protocol, present(value, key)?)));
        let port = match protocol {
            Some((key, protocol, value)) => PortMatch::Numbers(of_protocol(value, &at.child(key), protocol)?),
            None if !name.is_empty() => PortMatch::Named(None, name.into()),
            None => {
                let message = "an entry must be one of `tcp`, `udp`, `sctp` and `destinationNamedPort`";
                return Err(Fault::new(&at, message));
            }
        };
        ports.push((at, port));
    }
    Ok(Some(ports).filter(|ports| !ports.is_empty()))
}

fn of_protocol(value: &Value, at: &Pointer, protocol: Protocol) -> Result<Ports, Fault> {
    object(value, at)?;
    let Some(port) = present(value, "destinationPort") else {
        return Ok(Ports::range(protocol, 1, u16::MAX));
    };
    let at = at.child("destinationPort");
    object(port, &at)?;
    if let Some(number) = present(port, "number") {
        return Ok(Ports::one(protocol, port_number(number, &at.child("number"))?));
    }
    let at = at.child("range");
    let range = present(port, "range")
        .ok_or_else(|| Fault::new(&at, "a destination port must be a `number` or a `range`"))?;
    object(range, &at)?;
    let end = |key| port_number(range.get(key).unwrap_or(&Value::Null), &at.child(key));
    let (first, last) = port_range(end("start")?, end("end")?, &at)?;
    Ok(Ports::range(protocol, first, last))
}

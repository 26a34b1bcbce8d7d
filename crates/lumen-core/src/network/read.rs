//! Reads the policies of a snapshot.

use lumen_value::{Pointer, Value, pointer};

use super::address::{AddressRange, AddressSet};
use super::class::NOBODY;
use super::policy::{PeerMatch, Policy, PolicyKind, RulePeer};
use super::port::Protocol;
use super::rules;
use crate::finding::{Action, Finding, Outcome};
use crate::object::version_of;
use crate::rule::Rule;
use crate::selector::{FieldNames, Selector};
use crate::snapshot::{Entry, Snapshot};

mod admin;
mod cilium;
mod cluster;
mod network_policy;

/// What is wrong with a policy, and where.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) at: Pointer,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: &Pointer, message: impl Into<String>) -> Self {
        Self { at: at.clone(), message: message.into() }
    }
}

/// What has been read so far, within the bounds.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) policies: Vec<Policy>,
    pub(super) findings: Vec<Finding>,
    /// Whether a rule is about ICMP.
    pub(super) has_icmp: bool,
    peers: usize,
    values: usize,
    addresses: usize,
}

impl Reading {
    /// Adds a policy, unless there is too much in it.
    fn add(&mut self, policy: Policy) {
        let sections = [&policy.ingress, &policy.egress];
        let rules = || sections.iter().flat_map(|section| &section.rules);
        let ports: usize = rules().map(|rule| rule.ports.as_ref().map_or(0, Vec::len)).sum();
        let peers: usize = rules().map(|rule| rule.peers.len() + 1).sum();
        let requirements = policy.patterns().flat_map(|pattern| {
            let namespaces = match &pattern.namespaces {
                super::policy::NamespaceMatch::Selected(selector) => selector.requirements(),
                super::policy::NamespaceMatch::Named(_) => &[],
            };
            pattern.pods.requirements().iter().chain(namespaces)
        });
        let values: usize = requirements.map(|requirement| requirement.values().len() + 1).sum();
        // Along the line of addresses each range may meet each list of ports.
        let ranges = |rule: &super::policy::Rule| -> usize {
            rule.peers
                .iter()
                .map(|peer| match &peer.who {
                    PeerMatch::Addresses { set, .. } => set.ranges().len(),
                    _ => 0,
                })
                .sum()
        };
        let addresses: usize = rules().map(ranges).sum();
        let totals = (self.peers + peers + ports, self.values + values, self.addresses + addresses);
        let beyond = self.policies.len() >= super::POLICIES_MAX
            || totals.0 > super::PEERS_MAX
            || totals.1 > super::SELECTOR_VALUES_MAX
            || totals.2 > super::ADDRESS_RANGES_MAX;
        if beyond {
            self.findings.push(beyond_bounds(&policy.entry));
            return;
        }
        (self.peers, self.values, self.addresses) = totals;
        self.policies.push(policy);
    }

    pub(super) fn fault(&mut self, entry: &Entry, fault: Fault) {
        let mut finding = at(&rules::INVALID_POLICY, fault.message, entry, &fault.at);
        finding.action = Action::Deny;
        self.findings.push(finding);
    }

    /// Says that something in a policy cannot be decided from manifests.
    pub(super) fn undecided(&mut self, entry: &Entry, at_pointer: &Pointer, message: String) {
        let mut finding = at(&rules::UNDECIDED, message, entry, at_pointer);
        finding.outcome = Outcome::Skip;
        self.findings.push(finding);
    }
}

/// The finding about a policy that is not reckoned with because there is too much.
pub(super) fn beyond_bounds(entry: &Entry) -> Finding {
    let message = "there is more in the policies than is analysed: this one is not reckoned with".to_owned();
    at(&rules::BEYOND_BOUNDS, message, entry, &Pointer::ROOT)
}

fn at(rule: &Rule, message: String, entry: &Entry, at: &Pointer) -> Finding {
    let mut finding = rule.finding(message);
    finding.outcome = Outcome::Error;
    finding.object = Some(entry.object.clone());
    finding.location = Some(entry.locate(at));
    finding
}

/// Reads all policies of a snapshot.
pub(super) fn read(snapshot: &Snapshot) -> Reading {
    let mut reading = Reading::default();
    for (kind, group, name) in PolicyKind::ALL {
        for entry in snapshot.of_kind(group, name) {
            let version = version_of(&entry.object.api_version);
            let result = match kind {
                PolicyKind::NetworkPolicy => network_policy::read(entry).map(|policy| vec![policy]),
                PolicyKind::AdminNetworkPolicy | PolicyKind::BaselineAdminNetworkPolicy => {
                    admin::read(entry, kind, &mut reading).map(|policy| vec![policy])
                }
                PolicyKind::ClusterNetworkPolicy => {
                    cluster::read(entry, &mut reading).map(|policy| vec![policy])
                }
                PolicyKind::CiliumNetworkPolicy | PolicyKind::CiliumClusterwideNetworkPolicy => {
                    cilium::read(entry, kind, version, &mut reading)
                }
            };
            match result {
                Ok(policies) => policies.into_iter().for_each(|policy| reading.add(policy)),
                Err(fault) => reading.fault(entry, fault),
            }
        }
    }
    reading
}

/// The elements of a list, each with its place; none where the list is missing.
fn list<'a>(holder: &'a Value, at: &Pointer, key: &str) -> Result<Vec<(Pointer, &'a Value)>, Fault> {
    let at = at.child(key);
    match holder.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            Ok(items.iter().enumerate().map(|(index, item)| (at.child(index), item)).collect())
        }
        Some(other) => Err(wrong_type(other, "a list", &at)),
    }
}

/// A field, if it is there and not null.
fn present<'a>(holder: &'a Value, key: &str) -> Option<&'a Value> {
    holder.get(key).filter(|value| !value.is_null())
}

/// A value that must be an object; null counts as an empty one.
fn object(value: &Value, at: &Pointer) -> Result<(), Fault> {
    match value {
        Value::Object(_) | Value::Null => Ok(()),
        other => Err(wrong_type(other, "an object", at)),
    }
}

/// A text field; empty where it is missing.
fn string<'a>(holder: &'a Value, at: &Pointer, key: &str) -> Result<&'a str, Fault> {
    match holder.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| wrong_type(value, "a string", &at.child(key))),
    }
}

fn wrong_type(found: &Value, wanted: &str, at: &Pointer) -> Fault {
    Fault::new(at, format!("this must be {wanted}, not a value of type {}", found.kind()))
}

/// A selector of labels.
fn selector(value: &Value, at: &Pointer) -> Result<Selector, Fault> {
    Selector::of(value, FieldNames::Exact).map_err(|error| Fault::new(at, error.to_string()))
}

/// A selector that selects everything where it is missing.
fn optional_selector(holder: &Value, at: &Pointer, key: &str) -> Result<Selector, Fault> {
    present(holder, key).map_or(Ok(Selector::everything()), |value| selector(value, &at.child(key)))
}

/// A port's number.
fn port_number(value: &Value, at: &Pointer) -> Result<u16, Fault> {
    let number = value.as_i64().and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0);
    number.ok_or_else(|| Fault::new(at, format!("`{value}` is no port: it must be a number from 1 to 65535")))
}

/// The protocol under `protocol`: TCP where none is named.
fn protocol(holder: &Value, at: &Pointer) -> Result<Protocol, Fault> {
    match string(holder, at, "protocol")? {
        "" => Ok(Protocol::Tcp),
        name => Protocol::of(name).ok_or_else(|| {
            Fault::new(&at.child("protocol"), format!("`{name}` is no protocol: use TCP, UDP or SCTP"))
        }),
    }
}

/// A range of ports with both ends.
fn port_range(first: u16, last: u16, at: &Pointer) -> Result<(u16, u16), Fault> {
    if first <= last {
        return Ok((first, last));
    }
    Err(Fault::new(at, format!("the last port, {last}, is before the first, {first}")))
}

/// A network, such as `10.0.0.0/8`.
fn network(value: &Value, at: &Pointer) -> Result<AddressRange, Fault> {
    let text = value.as_str().ok_or_else(|| wrong_type(value, "a string", at))?;
    AddressRange::of_cidr(text)
        .ok_or_else(|| Fault::new(at, format!("`{text}` is no network: write it as `10.0.0.0/8`")))
}

/// A network without its exceptions, each of which must be a part of it.
fn block(value: &Value, at: &Pointer, external_only: bool) -> Result<PeerMatch, Fault> {
    object(value, at)?;
    let range = network(value.get("cidr").unwrap_or(&Value::Null), &at.child("cidr"))?;
    let mut except = Vec::new();
    for (at, value) in list(value, at, "except")? {
        let hole = network(value, &at)?;
        if !range.covers(&hole) || hole == range {
            return Err(Fault::new(
                &at,
                format!("`{hole}` is not a part of `{range}`, from which it is excepted"),
            ));
        }
        except.push(hole);
    }
    let holes = AddressSet::of(except.clone());
    Ok(PeerMatch::Addresses { set: AddressSet::without(range, except), except: holes, external_only })
}

fn peer(at: Pointer, who: PeerMatch) -> RulePeer {
    RulePeer { at, who, set: NOBODY }
}

/// The way to `spec`, which must be an object.
fn spec(entry: &Entry) -> Result<(Pointer, &Value), Fault> {
    let at = pointer!["spec"];
    let spec = entry.value.get("spec").unwrap_or(&crate::object::NULL);
    object(spec, &at)?;
    Ok((at, spec))
}

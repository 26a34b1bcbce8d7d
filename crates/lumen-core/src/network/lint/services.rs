//! Rules for the port of a Service where that of the pod is needed.

use std::collections::{HashMap, HashSet};

use lumen_value::{Pointer, Value};

use super::{Context, Findings, finding, related, rules};
use crate::finding::{Edit, Finding, Fix, Safety};
use crate::network::WorkloadId;
use crate::network::policy::{Direction, PeerMatch, Policy, PolicyKind, PortMatch, RuleAction};
use crate::network::port::{Ports, Protocol};
use crate::network::route::{Service, ServicePort};

/// The ports of Services that lead to a workload.
type Leading<'a> = HashMap<WorkloadId, Vec<(&'a Service, &'a ServicePort)>>;

/// Rules whose port is that of a Service, and of none of the pods behind it.
pub(super) fn service_ports(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut leading: Leading<'_> = HashMap::new();
    for service in context.model.services() {
        for port in &service.ports {
            for id in context.counted(service.workloads().iter()) {
                leading.entry(*id).or_default().push((service, port));
            }
        }
    }
    if leading.is_empty() {
        return;
    }
    let numbers: HashSet<(Protocol, u16)> =
        leading.values().flatten().map(|(_, port)| (port.protocol, port.port)).collect();
    for policy in context.network_policies() {
        for direction in Direction::ALL {
            for rule in policy.section(direction).rules.iter().filter(|rule| rule.action == RuleAction::Allow)
            {
                let asked = rule.ports.iter().flatten().filter_map(|(at, port)| {
                    let (protocol, number) = single(port).filter(|single| numbers.contains(single))?;
                    Some(Asked { policy, at, protocol, number })
                });
                let mut asked = asked.peekable();
                if asked.peek().is_none() {
                    continue;
                }
                let mut classes = Vec::new();
                match direction {
                    Direction::Ingress => classes = context.classes(policy.set),
                    Direction::Egress => {
                        for peer in &rule.peers {
                            if let PeerMatch::Pods(_) = peer.who {
                                classes.extend(context.classes(peer.set));
                            }
                        }
                    }
                }
                classes.sort_unstable();
                classes.dedup();
                let ends: Vec<WorkloadId> = context.workloads_in(&classes).map(|(id, _)| id).collect();
                findings.extend(asked.filter_map(|asked| asked.finding(context, &ends, &leading)));
            }
        }
    }
}

/// The port, where it is one number.
fn single(port: &PortMatch) -> Option<(Protocol, u16)> {
    let PortMatch::Numbers(ports) = port else { return None };
    Protocol::ALL.into_iter().find_map(|protocol| match ports.of(protocol).ranges() {
        [(first, last)] if first == last => Some((protocol, *first)),
        _ => None,
    })
}

/// A port of a rule.
struct Asked<'a> {
    policy: &'a Policy,
    at: &'a Pointer,
    protocol: Protocol,
    number: u16,
}

impl Asked<'_> {
    fn finding(&self, context: &Context<'_>, ends: &[WorkloadId], leading: &Leading<'_>) -> Option<Finding> {
        let mut slip: Option<(&Service, &ServicePort, Ports)> = None;
        for id in context.counted(ends.iter()) {
            let workload = context.model.workload(*id)?;
            if workload.ports.declared().contains(self.protocol, self.number) {
                return None;
            }
            for (service, port) in context.counted(leading.get(id).map_or(&[][..], Vec::as_slice).iter()) {
                let at_pod = port.at_pod(workload);
                if at_pod.contains(self.protocol, self.number) {
                    return None;
                }
                if port.port == self.number && port.protocol == self.protocol && !at_pod.is_empty() {
                    slip = slip.or(Some((service, port, at_pod)));
                }
            }
        }
        let (service, port, at_pod) = slip?;
        let message = format!(
            "{} {} is the port of the Service `{}/{}`: its pods listen on {at_pod}, and that is what policies see",
            self.protocol, self.number, service.namespace, service.name
        );
        let mut found = finding(&rules::SERVICE_PORT, message, &self.policy.entry, self.at);
        if let ([(number, _)], PolicyKind::NetworkPolicy) =
            (at_pod.of(self.protocol).ranges(), self.policy.kind)
        {
            found.fix = Some(Fix {
                title: format!("Name the port of the pods, {number}"),
                safety: Safety::Unsafe,
                edits: vec![Edit::Set(self.at.child("port"), Value::from(i64::from(*number)))],
            });
        }
        Some(related(found, service.entry.locate(&port.at), "the Service's port"))
    }
}

//! [`Answers`]: why connections are allowed or denied.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lumen_core::network::route::{Service, ServicePort};
use lumen_core::network::well_known::{FAMILIAR_PORTS, internet};
use lumen_core::network::{
    AddressRange, AddressSet, Decision, Direction, Endpoint, Model, Ports, Protocol, Workload, WorkloadId,
};

use super::Network;
use super::actor;
use super::end::{self, End, Ends, Resolved, port};

mod human;
mod json;

pub use lumen_core::network::why::Verdict;

pub use human::human;
pub use json::{WHY_SCHEMA, Why, json};

/// Most connections that one call asks about.
pub const ANSWERS_MAX: usize = 256;

/// A port as it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortAsked {
    /// By number; where no protocol is given, those for which the destination declares it, or TCP.
    Number(u16, Option<Protocol>),
    /// By name.
    Name(String),
}

impl std::str::FromStr for PortAsked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (port, protocol) = match text.split_once('/') {
            Some((port, protocol)) => {
                let known = Protocol::of(&protocol.to_ascii_uppercase());
                let known = known.ok_or_else(|| format!("`{protocol}` is no protocol: use TCP, UDP or SCTP"));
                (port, Some(known?))
            }
            None => (text, None),
        };
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            return match port.parse() {
                Ok(number) if number > 0 => Ok(Self::Number(number, protocol)),
                _ => Err(format!("`{text}` is no port: 1 to 65535")),
            };
        }
        if protocol.is_some() {
            return Err(format!("`{text}`: a named port has its own protocol"));
        }
        Ok(Self::Name(text.into()))
    }
}

/// One connection that is asked about.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who connects.
    pub source: String,
    /// To whom.
    pub destination: String,
    /// With which protocol.
    pub protocol: Protocol,
    /// To which port.
    pub port: u16,
    /// The Service and its port that lead there.
    pub service: Option<String>,
    /// Where an end is many addresses: the one that stands for them.
    pub example: Option<IpAddr>,
    /// The verdict, with its reasons.
    pub decision: Decision,
    /// All ports on which the source reaches the destination.
    pub open: Ports,
}

/// What came of a question.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// The connections: at least one.
    pub answers: Vec<Answer>,
    /// What should be known beside: one sentence each.
    pub notes: Vec<String>,
}

impl Answers {
    /// Whether all are of one verdict.
    pub fn all_are(&self, verdict: Verdict) -> bool {
        self.answers.iter().all(|answer| answer.decision.verdict == verdict)
    }
}

/// Asks why.
///
/// # Errors
///
/// Where an end or the port is not there, or there is too much to ask.
pub fn ask(
    network: &Network,
    source: &End,
    destination: &End,
    port: Option<&PortAsked>,
) -> anyhow::Result<Answers> {
    let ends = Ends::of(network);
    let resolved = |end| ends.resolve(end).map_err(anyhow::Error::msg);
    let (from, to) = (resolved(source)?, resolved(destination)?);
    let names = actor::names(&network.model);
    let mut asking = Asking { model: &network.model, names, port, done: Answers::default() };
    match (&from, &to) {
        (Resolved::Addresses(..), Resolved::Addresses(..)) => {
            anyhow::bail!("both ends are outside the cluster: policies are about pods")
        }
        (Resolved::Addresses(_, set), to) => {
            for (workload, ports) in asking.destinations(to)? {
                for (port, service) in ports {
                    asking.outside(workload, Direction::Ingress, set, Some(port), service.as_deref())?;
                }
            }
        }
        (from, Resolved::Addresses(_, set)) => {
            let asked = match port {
                None => None,
                Some(PortAsked::Number(number, protocol)) => {
                    Some((protocol.unwrap_or(Protocol::Tcp), *number))
                }
                Some(PortAsked::Name(name)) => {
                    anyhow::bail!("`{name}`: what is outside names no ports: give a number")
                }
            };
            for workload in from.workloads() {
                asking.outside(workload, Direction::Egress, set, asked, None)?;
            }
        }
        (from, to) => {
            let sources = from.workloads();
            for (workload, ports) in asking.destinations(to)? {
                for source in &sources {
                    for (port, service) in &ports {
                        asking.inside(*source, workload, *port, service.as_deref())?;
                    }
                }
            }
        }
    }
    if asking.done.answers.is_empty() {
        anyhow::bail!("there is nothing to ask about: an end has no pods");
    }
    Ok(asking.done)
}

/// Whether addresses are reached, and on which port.
type Outcome = (bool, Option<(Protocol, u16)>);

/// A port of a destination, and the Service that leads to it.
type Wanted = ((Protocol, u16), Option<String>);

struct Asking<'a> {
    model: &'a Model,
    names: Vec<String>,
    port: Option<&'a PortAsked>,
    done: Answers,
}

impl Asking<'_> {
    fn name(&self, workload: WorkloadId) -> String {
        self.names.get(workload.index()).cloned().unwrap_or_default()
    }

    fn note(&mut self, text: String) {
        if !self.done.notes.contains(&text) {
            self.done.notes.push(text);
        }
    }

    /// The pods that are meant, each with the ports that are asked about.
    fn destinations(&mut self, to: &Resolved) -> anyhow::Result<Vec<(WorkloadId, Vec<Wanted>)>> {
        let mut found = Vec::new();
        for destination in to.destinations() {
            let id = destination.workload;
            let Some(workload) = self.model.workload(id) else { continue };
            let service = destination.service.and_then(|number| self.model.services().get(number));
            let ports = match service {
                Some(service) => self.through(service, workload)?,
                None => self.of_pod(id, workload)?,
            };
            found.push((id, ports));
        }
        Ok(found)
    }

    /// The pod's ports behind those of a Service.
    fn through(&mut self, service: &Service, workload: &Workload) -> anyhow::Result<Vec<Wanted>> {
        if let Some(PortAsked::Number(number, protocol)) = self.port.filter(|_| service.is_headless) {
            return Ok(self.headless(service, workload, *number, *protocol));
        }
        let is_meant = |port: &&ServicePort| match self.port {
            None => true,
            Some(PortAsked::Number(number, protocol)) => {
                port.port == *number && protocol.is_none_or(|protocol| protocol == port.protocol)
            }
            Some(PortAsked::Name(name)) => *port.name == **name,
        };
        let name = format!("{}/{}", service.namespace, service.name);
        let ports: Vec<&ServicePort> = service.ports.iter().filter(is_meant).collect();
        if ports.is_empty() {
            anyhow::bail!("the Service `{name}` has no such port: it has {}", port::listed(service));
        }
        let mut wanted = Vec::new();
        for port in ports {
            let at_pod = each_port(&port.at_pod(workload));
            if at_pod.is_empty() {
                self.note(format!(
                    "port {} of the Service `{name}` leads nowhere: no port of `{workload}` has the name it wants",
                    port.port
                ));
            }
            let through = format!("{name}:{}", port.port);
            wanted.extend(at_pod.into_iter().map(|port| (port, Some(through.clone()))));
        }
        if let Some(((_, port), Some(service))) = wanted.first() {
            self.note(format!(
                "the Service `{service}` leads to the pods' port {port}: that is the one that policies see"
            ));
        }
        Ok(wanted)
    }

    /// A port of a pod behind a headless Service: the number is that of the pod, for nothing stands between.
    fn headless(
        &mut self,
        service: &Service,
        workload: &Workload,
        number: u16,
        protocol: Option<Protocol>,
    ) -> Vec<Wanted> {
        let name = format!("{}/{}", service.namespace, service.name);
        let asked = protocols_of(workload, number, protocol);
        let elsewhere = |port: &&ServicePort| {
            port.port == number && !each_port(&port.at_pod(workload)).contains(&(port.protocol, number))
        };
        let mapping = service.ports.iter().find(elsewhere).map(|port| port.at_pod(workload));
        let unused = mapping.filter(|ports| !ports.is_empty()).map_or_else(String::new, |ports| {
            format!("; that its port {number} would lead to {ports} is for those who read its endpoints")
        });
        self.note(format!(
            "the Service `{name}` is headless: its name gives the addresses of the pods, and {number} is asked of them{unused}"
        ));
        let through = format!("{name}:{number}");
        asked.into_iter().map(|port| (port, Some(through.clone()))).collect()
    }

    fn of_pod(&mut self, id: WorkloadId, workload: &Workload) -> anyhow::Result<Vec<Wanted>> {
        let declared = workload.ports.declared();
        let ports = match self.port {
            Some(PortAsked::Number(number, protocol)) => protocols_of(workload, *number, *protocol),
            Some(PortAsked::Name(name)) => {
                let found = each_port(&workload.ports.find(None, name));
                if found.is_empty() {
                    anyhow::bail!("`{}` has no port of the name `{name}`", self.name(id));
                }
                found
            }
            None if !declared.is_empty() => each_port(&declared),
            None => {
                let text = "it declares no port and none is given: TCP 80 stands for any".to_owned();
                self.note(format!("`{}`: {text}", self.name(id)));
                vec![(Protocol::Tcp, 80)]
            }
        };
        self.hint_at_service(id, workload, &ports);
        Ok(ports.into_iter().map(|port| (port, None)).collect())
    }

    /// A port that is the Service's and not the pod's is what people often mean.
    fn hint_at_service(&mut self, id: WorkloadId, workload: &Workload, ports: &[(Protocol, u16)]) {
        let Some(service) = end::service_beside(self.model, workload) else { return };
        let declared = workload.ports.declared();
        for (protocol, number) in ports {
            let of_service =
                service.ports.iter().find(|port| port.port == *number && port.protocol == *protocol);
            if let Some(port) = of_service.filter(|_| !declared.contains(*protocol, *number)) {
                let target = port.at_pod(workload);
                let (namespace, service) = (&service.namespace, &service.name);
                self.note(format!(
                    "{number} is the port of the Service, and `{}` declares none such: policies see the pod's \
                     ({target}); ask for `{namespace}/Service/{service}`",
                    self.name(id)
                ));
            }
        }
    }

    fn inside(
        &mut self,
        source: WorkloadId,
        destination: WorkloadId,
        port: (Protocol, u16),
        service: Option<&str>,
    ) -> anyhow::Result<()> {
        if source == destination {
            self.note(format!("two pods of `{}` are meant: a pod always reaches itself", self.name(source)));
        }
        let names = (self.name(source), self.name(destination));
        self.answer(names, (source.into(), destination.into()), port, service, None)
    }

    /// Asks about a workload and addresses, taken together by what comes of them.
    fn outside(
        &mut self,
        workload: WorkloadId,
        direction: Direction,
        set: &AddressSet,
        port: Option<(Protocol, u16)>,
        service: Option<&str>,
    ) -> anyhow::Result<()> {
        let mut groups: BTreeMap<Outcome, Vec<AddressRange>> = BTreeMap::new();
        for (range, ports) in self.model.external(workload, direction)? {
            let (allowed, port) = match port {
                Some((protocol, number)) => (ports.contains(protocol, number), Some((protocol, number))),
                None => (!ports.is_empty(), first_port(&ports)),
            };
            for wanted in set.ranges() {
                let (first, last) = (range.first.max(wanted.first), range.last.min(wanted.last));
                if first <= last && first.is_ipv4() == last.is_ipv4() {
                    groups.entry((allowed, port)).or_default().push(AddressRange { first, last });
                }
            }
        }
        // Verdicts in the order of addresses.
        let mut groups: Vec<_> =
            groups.into_iter().map(|((_, port), ranges)| (AddressSet::of(ranges), port)).collect();
        groups.sort();
        let internet = internet();
        for (part, port) in groups {
            let address = end::first_of(&part);
            let is_many = part.ranges() != [AddressRange::of_address(address)];
            let name = self.name(workload);
            let outside = if part == internet { "internet".into() } else { actor::addresses(&part) };
            let port = port.unwrap_or_else(|| {
                let [familiar @ (protocol, port), ..] = FAMILIAR_PORTS;
                self.note(format!("no port is given, and none is open: {protocol} {port} stands for any"));
                familiar
            });
            let example = is_many.then_some(address);
            let (names, ends): ((String, String), (Endpoint, Endpoint)) = match direction {
                Direction::Ingress => ((outside, name), (address.into(), workload.into())),
                Direction::Egress => ((name, outside), (workload.into(), address.into())),
            };
            self.answer(names, ends, port, service, example)?;
        }
        Ok(())
    }

    fn answer(
        &mut self,
        (source, destination): (String, String),
        (from, to): (Endpoint, Endpoint),
        (protocol, port): (Protocol, u16),
        service: Option<&str>,
        example: Option<IpAddr>,
    ) -> anyhow::Result<()> {
        if self.done.answers.len() >= ANSWERS_MAX {
            anyhow::bail!(
                "there are more than {ANSWERS_MAX} connections to ask about: name a port, or one workload"
            );
        }
        self.done.answers.push(Answer {
            source,
            destination,
            protocol,
            port,
            service: service.map(str::to_owned),
            example,
            decision: self.model.why(from, to, protocol, port),
            open: self.model.allowed(from, to),
        });
        Ok(())
    }
}

/// A number with the protocol that was given; else with those for which a pod declares it, or TCP.
fn protocols_of(workload: &Workload, number: u16, protocol: Option<Protocol>) -> Vec<(Protocol, u16)> {
    let declared = workload.ports.declared();
    let known = Protocol::ALL.into_iter().filter(|each| declared.contains(*each, number));
    let known: Vec<_> = protocol.map_or_else(|| known.collect(), |protocol| vec![protocol]);
    let known = if known.is_empty() { vec![Protocol::Tcp] } else { known };
    known.into_iter().map(|protocol| (protocol, number)).collect()
}

/// Every port of a set, one for each range where ranges are long.
fn each_port(ports: &Ports) -> Vec<(Protocol, u16)> {
    let mut found = BTreeSet::new();
    for protocol in Protocol::ALL {
        for (first, last) in ports.of(protocol).ranges() {
            let single = (*first..=*last).take(ANSWERS_MAX);
            found.extend(single.map(|port| (protocol, port)));
        }
    }
    found.into_iter().collect()
}

/// A port that stands for all of a set: one that people know, or the first.
fn first_port(ports: &Ports) -> Option<(Protocol, u16)> {
    let first = || {
        let of = |protocol| Some((protocol, ports.of(protocol).ranges().first()?.0));
        Protocol::ALL.into_iter().find_map(of)
    };
    FAMILIAR_PORTS.into_iter().find(|(protocol, port)| ports.contains(*protocol, *port)).or_else(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read() {
        let port = |text: &str| text.parse::<PortAsked>();
        assert_eq!(port("80"), Ok(PortAsked::Number(80, None)));
        assert_eq!(port("53/udp"), Ok(PortAsked::Number(53, Some(Protocol::Udp))));
        assert_eq!(port("http"), Ok(PortAsked::Name("http".into())));
        for wrong in ["0", "65536", "80/ICMP", "http/TCP"] {
            assert!(port(wrong).is_err(), "{wrong}");
        }
    }
}

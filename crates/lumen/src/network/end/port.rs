//! [`Port`]: ports as they are written in flows and tests.

use lumen_core::network::route::{Service, ServicePort};
use lumen_core::network::{Model, Ports, Protocol};

use super::Destination;

/// Ports as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// By number.
    Numbers(Ports),
    /// By the name that the destination's containers, or its Service, give.
    Named(Protocol, String),
    /// All of a protocol.
    All(Protocol),
}

impl Port {
    /// Reads one: `80`, `8000-8999`, `53/UDP` or a name; of a protocol where the text names none, which is TCP if that is
    /// none.
    ///
    /// # Errors
    ///
    /// Where it is none of these.
    pub fn parse(text: &str, protocol: Option<Protocol>) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no port: use a number, a range such as `8000-8999`, or a name, with `/UDP` behind it"
            )
        };
        let (port, protocol) = match text.split_once('/') {
            Some((port, name)) => (port, Protocol::of(&name.to_ascii_uppercase()).ok_or_else(wrong)?),
            None => (text, protocol.unwrap_or(Protocol::Tcp)),
        };
        if port.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Ok(Self::Named(protocol, port.to_owned()));
        }
        let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
        let (first, last) = match port.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(port)?, number(port)?),
        };
        if first > last { Err(wrong()) } else { Ok(Self::Numbers(Ports::range(protocol, first, last))) }
    }

    /// The pod's ports that it means at a destination; outside the cluster where that is `None`. Of a Service it means the
    /// Service's ports, and comes to those of the pod behind them; of a headless one, numbers are the pod's.
    ///
    /// # Errors
    ///
    /// Where the destination has no such port.
    pub fn at(&self, destination: Option<&Destination>, model: &Model) -> Result<Ports, String> {
        let Some(destination) = destination else {
            return match self {
                Self::Named(_, name) => {
                    Err(format!("no port is called `{name}`: what is outside names none"))
                }
                Self::Numbers(ports) => Ok(ports.clone()),
                Self::All(protocol) => Ok(Ports::range(*protocol, 1, u16::MAX)),
            };
        };
        if let Some(service) = destination.service.and_then(|number| model.services().get(number)) {
            return self.through(service, destination, model);
        }
        let workload = model.workload(destination.workload);
        match self {
            Self::Numbers(ports) => Ok(ports.clone()),
            Self::All(protocol) => Ok(Ports::range(*protocol, 1, u16::MAX)),
            Self::Named(protocol, name) => {
                let found = workload.map(|workload| workload.ports.find(Some(*protocol), name));
                let called = workload.map(ToString::to_string).unwrap_or_default();
                found
                    .filter(|ports| !ports.is_empty())
                    .ok_or_else(|| format!("no port of `{called}` is called `{name}`"))
            }
        }
    }

    fn through(&self, service: &Service, destination: &Destination, model: &Model) -> Result<Ports, String> {
        let is_meant = |port: &&ServicePort| match self {
            Self::Numbers(ports) => ports.contains(port.protocol, port.port),
            Self::All(protocol) => port.protocol == *protocol,
            Self::Named(protocol, name) => port.protocol == *protocol && *port.name == **name,
        };
        // A headless Service's name gives the pods' addresses: numbers are asked of the pods themselves.
        match self {
            Self::Numbers(ports) if service.is_headless => return Ok(ports.clone()),
            Self::All(protocol) if service.is_headless => return Ok(Ports::range(*protocol, 1, u16::MAX)),
            _ => {}
        }
        let found: Vec<&ServicePort> = service.ports.iter().filter(is_meant).collect();
        if found.is_empty() {
            return Err(format!(
                "the Service `{}/{}` has no such port: it has {}",
                service.namespace,
                service.name,
                listed(service)
            ));
        }
        Ok(at_pod(&found, destination, model))
    }
}

/// The ports of a Service in words.
pub fn listed(service: &Service) -> String {
    let has: Vec<_> = service.ports.iter().map(|port| format!("`{}/{}`", port.port, port.protocol)).collect();
    if has.is_empty() { "no port".into() } else { has.join(", ") }
}

/// All ports of a pod that a destination can mean: of a Service that is not headless those behind its ports, else all.
pub fn whole(destination: Option<&Destination>, model: &Model) -> Ports {
    let service =
        destination.and_then(|destination| Some((destination, model.services().get(destination.service?)?)));
    let service = service.filter(|(_, service)| !service.is_headless);
    service.map_or_else(Ports::all, |(destination, service)| {
        at_pod(&service.ports.iter().collect::<Vec<_>>(), destination, model)
    })
}

fn at_pod(ports: &[&ServicePort], destination: &Destination, model: &Model) -> Ports {
    let workload = model.workload(destination.workload);
    let found: Vec<Ports> =
        workload.into_iter().flat_map(|workload| ports.iter().map(|port| port.at_pod(workload))).collect();
    Ports::union_of(&found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_ranges_and_names() {
        let port = |text| Port::parse(text, None);
        assert_eq!(port("53/UDP"), Ok(Port::Numbers(Ports::one(Protocol::Udp, 53))));
        assert_eq!(port("80-90"), Ok(Port::Numbers(Ports::range(Protocol::Tcp, 80, 90))));
        assert_eq!(port("http"), Ok(Port::Named(Protocol::Tcp, "http".to_owned())));
        for wrong in ["0", "90-80", "65536", "53/ICMP", "", "-"] {
            assert!(port(wrong).is_err(), "{wrong}");
        }
    }
}

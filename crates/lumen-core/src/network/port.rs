//! [`Ports`]: exact sets of destination ports, for each protocol that a policy can name.

use std::fmt;

/// A transport protocol that a policy can name. What policies mean for others, such as ICMP, is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// As Kubernetes writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// The protocol of a name; case matters, as it does to the API server.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.as_str() == name)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// The least and the greatest port.
const PORT_MIN: u16 = 1;
const PORT_MAX: u16 = u16::MAX;

/// A set of port numbers from 1 to 65535, as ranges: sorted, apart from each other, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRanges(Vec<(u16, u16)>);

impl PortRanges {
    /// Every port.
    pub fn all() -> Self {
        Self(vec![(PORT_MIN, PORT_MAX)])
    }

    /// The set of some ranges, given in any order. One whose end is before its start holds nothing.
    pub fn of(mut ranges: Vec<(u16, u16)>) -> Self {
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// The ranges, sorted.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Whether no port is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every port is in it.
    pub fn is_all(&self) -> bool {
        self.0 == [(PORT_MIN, PORT_MAX)]
    }

    /// Whether a port is in it.
    pub fn contains(&self, port: u16) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= port);
        behind.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|(_, last)| port <= *last)
    }

    /// How many ports are in it.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|(first, last)| u32::from(*last) - u32::from(*first) + 1).sum()
    }

    fn union(&self, other: &Self) -> Self {
        Self::of(self.0.iter().chain(&other.0).copied().collect())
    }

    fn intersection(&self, other: &Self) -> Self {
        let (mut mine, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some((first, last)), Some((other_first, other_last))) = (mine.peek(), others.peek()) {
            let (start, end) = (*first.max(other_first), *last.min(other_last));
            if start <= end {
                both.push((start, end));
            }
            if last < other_last {
                mine.next()
            } else {
                others.next()
            };
        }
        Self(both)
    }

    fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut start = u32::from(PORT_MIN);
        for (first, last) in &self.0 {
            if let (Ok(from), Some(to)) = (u16::try_from(start), first.checked_sub(1)) {
                gaps.push((from, to));
            }
            start = u32::from(*last) + 1;
        }
        if let Ok(from) = u16::try_from(start) {
            gaps.push((from, PORT_MAX));
        }
        gaps.retain(|(first, last)| first <= last);
        Self(gaps)
    }
}

/// `80,443,8000-8999`.
impl fmt::Display for PortRanges {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last { write!(out, "{comma}{first}")? } else { write!(out, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

/// Destination ports for each protocol: what one endpoint may send to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    tcp: PortRanges,
    udp: PortRanges,
    sctp: PortRanges,
}

impl Ports {
    /// No port at all.
    pub const fn none() -> Self {
        Self { tcp: PortRanges(Vec::new()), udp: PortRanges(Vec::new()), sctp: PortRanges(Vec::new()) }
    }

    /// Every port of every protocol.
    pub fn all() -> Self {
        Self { tcp: PortRanges::all(), udp: PortRanges::all(), sctp: PortRanges::all() }
    }

    /// The ports from one to another, both included, of one protocol.
    pub fn range(protocol: Protocol, first: u16, last: u16) -> Self {
        let mut ports = Self::none();
        *ports.of_mut(protocol) = PortRanges::of(vec![(first, last)]);
        ports
    }

    /// One port.
    pub fn one(protocol: Protocol, port: u16) -> Self {
        Self::range(protocol, port, port)
    }

    /// The union of many sets of ports, in time that grows with their number and not its square.
    pub fn union_of<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        let [mut tcp, mut udp, mut sctp] = [Vec::new(), Vec::new(), Vec::new()];
        for set in sets {
            tcp.extend(&set.tcp.0);
            udp.extend(&set.udp.0);
            sctp.extend(&set.sctp.0);
        }
        Self { tcp: PortRanges::of(tcp), udp: PortRanges::of(udp), sctp: PortRanges::of(sctp) }
    }

    /// The ports of a protocol.
    pub fn of(&self, protocol: Protocol) -> &PortRanges {
        match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
            Protocol::Sctp => &self.sctp,
        }
    }

    fn of_mut(&mut self, protocol: Protocol) -> &mut PortRanges {
        match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
            Protocol::Sctp => &mut self.sctp,
        }
    }

    /// Whether no port is in it.
    pub fn is_empty(&self) -> bool {
        Protocol::ALL.iter().all(|protocol| self.of(*protocol).is_empty())
    }

    /// Whether every port of every protocol is in it.
    pub fn is_all(&self) -> bool {
        Protocol::ALL.iter().all(|protocol| self.of(*protocol).is_all())
    }

    /// Whether a port is in it.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.of(protocol).contains(port)
    }

    /// The ports in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            tcp: self.tcp.union(&other.tcp),
            udp: self.udp.union(&other.udp),
            sctp: self.sctp.union(&other.sctp),
        }
    }

    /// The ports in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            tcp: self.tcp.intersection(&other.tcp),
            udp: self.udp.intersection(&other.udp),
            sctp: self.sctp.intersection(&other.sctp),
        }
    }

    /// The ports in this and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            tcp: self.tcp.intersection(&other.tcp.complement()),
            udp: self.udp.intersection(&other.udp.complement()),
            sctp: self.sctp.intersection(&other.sctp.complement()),
        }
    }

    /// Whether every port of the other is in this, too.
    pub fn covers(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }
}

/// `TCP 80,443; UDP 53`; `all ports` and `no ports`.
impl fmt::Display for Ports {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return out.write_str("all ports");
        }
        let mut written = false;
        for protocol in Protocol::ALL {
            let ranges = self.of(protocol);
            if !ranges.is_empty() {
                let separator = if written { "; " } else { "" };
                write!(out, "{separator}{protocol} {ranges}")?;
                written = true;
            }
        }
        if written { Ok(()) } else { out.write_str("no ports") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_ports_are_an_algebra() {
        let web = Ports::range(Protocol::Tcp, 80, 90).union(&Ports::one(Protocol::Tcp, 91));
        assert_eq!(web.to_string(), "TCP 80-91");
        assert_eq!(web.difference(&Ports::one(Protocol::Tcp, 85)).to_string(), "TCP 80-84,86-91");
        assert_eq!(Ports::all().difference(&Ports::all()), Ports::none());
        let rest = Ports::all().difference(&web);
        assert!(rest.intersection(&web).is_empty() && rest.union(&web).is_all());
        assert!(rest.contains(Protocol::Tcp, 79) && !rest.contains(Protocol::Tcp, 80));
        assert!(rest.contains(Protocol::Udp, 80) && !rest.contains(Protocol::Udp, 0));
        assert!(Ports::all().covers(&web) && !web.covers(&Ports::all()));
    }
}

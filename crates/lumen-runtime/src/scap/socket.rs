//! Ends of sockets: as captures write them, and as they are printed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{Cursor, Order, until_zero};

/// An address and a port.
pub(super) type End = (IpAddr, u16);

/// Families of sockets.
const UNIX: u8 = 1;
const INET: u8 = 2;
const INET6: u8 = 10;

/// One end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Internet(End),
    Unix(Vec<u8>),
    /// Of a family that is only known by its number.
    Other(u8),
}

/// Both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Source and destination.
    Internet([End; 2]),
    /// The kernel's numbers of both, and the path.
    Unix(u64, u64, Vec<u8>),
    Other(u8),
}

/// The next IPv4 address.
pub(super) fn v4(cursor: &mut Cursor<'_>) -> Option<IpAddr> {
    let bytes: [u8; 4] = cursor.take(4)?.try_into().ok()?;
    Some(IpAddr::V4(Ipv4Addr::from(bytes)))
}

fn v6(cursor: &mut Cursor<'_>) -> Option<IpAddr> {
    let bytes: [u8; 16] = cursor.take(16)?.try_into().ok()?;
    Some(IpAddr::V6(Ipv6Addr::from(bytes)))
}

/// The IPv4 address that an IPv6 address stands for; that of all zeroes does too.
fn inner(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V6(address) if address == Ipv6Addr::UNSPECIFIED => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(address) => address.to_ipv4_mapped().map(IpAddr::V4),
        IpAddr::V4(_) => None,
    }
}

/// Ends in IPv4 where both stand for such addresses.
pub(super) fn mapped(ends: [End; 2]) -> [End; 2] {
    match (inner(ends[0].0), inner(ends[1].0)) {
        (Some(source), Some(destination)) => [(source, ends[0].1), (destination, ends[1].1)],
        _ => ends,
    }
}

/// Reads one end: `PT_SOCKADDR`.
pub(super) fn address(bytes: &[u8], order: Order) -> Option<Address> {
    let mut cursor = Cursor::new(bytes, order);
    Some(match cursor.u8()? {
        UNIX => Address::Unix(until_zero(cursor.rest()).to_vec()),
        INET => Address::Internet((v4(&mut cursor)?, cursor.u16()?)),
        INET6 => {
            let address = v6(&mut cursor)?;
            Address::Internet((inner(address).unwrap_or(address), cursor.u16()?))
        }
        other => Address::Other(other),
    })
}

/// Reads both ends: `PT_SOCKTUPLE`.
pub(super) fn ends(bytes: &[u8], order: Order) -> Option<Ends> {
    let mut cursor = Cursor::new(bytes, order);
    Some(match cursor.u8()? {
        UNIX => {
            let (source, destination) = (cursor.u64()?, cursor.u64()?);
            Ends::Unix(source, destination, until_zero(cursor.rest()).to_vec())
        }
        INET => {
            let source = (v4(&mut cursor)?, cursor.u16()?);
            Ends::Internet([source, (v4(&mut cursor)?, cursor.u16()?)])
        }
        INET6 => {
            let source = (v6(&mut cursor)?, cursor.u16()?);
            Ends::Internet(mapped([source, (v6(&mut cursor)?, cursor.u16()?)]))
        }
        other => Ends::Other(other),
    })
}

/// `127.0.0.1:80`, also for IPv6.
pub(super) fn print(end: End) -> String {
    format!("{}:{}", end.0, end.1)
}

impl Address {
    pub(super) fn print(&self) -> Vec<u8> {
        match self {
            Self::Internet(end) => print(*end).into_bytes(),
            Self::Unix(path) => path.clone(),
            Self::Other(family) => format!("family {family}").into_bytes(),
        }
    }
}

impl Ends {
    pub(super) fn print(&self) -> Vec<u8> {
        match self {
            Self::Internet([source, destination]) => {
                format!("{}->{}", print(*source), print(*destination)).into_bytes()
            }
            Self::Unix(source, destination, path) => {
                let mut text = format!("{source:x}->{destination:x} ").into_bytes();
                text.extend_from_slice(path);
                text
            }
            Self::Other(family) => format!("family {family}").into_bytes(),
        }
    }
}

//! IP addresses and networks.

use std::net::IpAddr;

use super::{GLOBAL, MEMBER, Row, count, operand, utf8};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::Val;

pub(super) const TABLE: &[Row] = &[
    ("cidr", GLOBAL, 1, 1, |machine, operands| {
        let text = utf8(machine, operands, 0)?;
        let (address, length) = network(text).ok_or_else(|| {
            Fault::new(format!("network address parse error during conversion from string: {text:?}"))
        })?;
        Ok(Val::Cidr(address, length))
    }),
    ("containsCIDR", MEMBER, 1, 1, contains_network),
    ("containsIP", MEMBER, 1, 1, contains_address),
    ("family", MEMBER, 0, 0, |_, operands| Ok(Val::Int(if address_of(operands)?.is_ipv4() { 4 } else { 6 }))),
    ("ip", GLOBAL, 1, 1, |machine, operands| {
        let text = utf8(machine, operands, 0)?;
        address(text).map(Val::Ip).map_err(|error| {
            Fault::new(format!("IP Address {text:?} parse error during conversion from string: {error}"))
        })
    }),
    ("ip", MEMBER, 0, 0, |_, operands| Ok(Val::Ip(network_of(operands)?.0))),
    ("ip.isCanonical", GLOBAL, 1, 1, |machine, operands| {
        let text = utf8(machine, operands, 0)?;
        let parsed = address(text).map_err(Fault::new)?;
        Ok(Val::Bool(parsed.to_string() == text))
    }),
    ("isCIDR", GLOBAL, 1, 1, |machine, operands| {
        Ok(Val::Bool(network(utf8(machine, operands, 0)?).is_some()))
    }),
    ("isGlobalUnicast", MEMBER, 0, 0, |_, operands| Ok(Val::Bool(is_global_unicast(address_of(operands)?)))),
    ("isIP", GLOBAL, 1, 1, |machine, operands| Ok(Val::Bool(address(utf8(machine, operands, 0)?).is_ok()))),
    ("isLinkLocalMulticast", MEMBER, 0, 0, |_, operands| {
        Ok(Val::Bool(match address_of(operands)? {
            IpAddr::V4(address) => address.octets().starts_with(&[224, 0, 0]),
            IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
        }))
    }),
    ("isLinkLocalUnicast", MEMBER, 0, 0, |_, operands| Ok(Val::Bool(is_link_local(address_of(operands)?)))),
    ("isLoopback", MEMBER, 0, 0, |_, operands| Ok(Val::Bool(address_of(operands)?.is_loopback()))),
    ("isUnspecified", MEMBER, 0, 0, |_, operands| Ok(Val::Bool(address_of(operands)?.is_unspecified()))),
    ("masked", MEMBER, 0, 0, |_, operands| {
        let (address, length) = network_of(operands)?;
        Ok(Val::Cidr(masked(address, length), length))
    }),
    ("prefixLength", MEMBER, 0, 0, |_, operands| Ok(count(network_of(operands)?.1.into()))),
];

fn address(text: &str) -> Result<IpAddr, String> {
    if text.contains('%') {
        return Err("IP address with zone value is not allowed".to_owned());
    }
    let parsed: IpAddr = text.parse().map_err(|_| format!("ParseAddr({text:?}): unable to parse IP"))?;
    match parsed {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
            Err("IPv4-mapped IPv6 address is not allowed".to_owned())
        }
        parsed => Ok(parsed),
    }
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (base, length) = text.split_once('/')?;
    let base = address(base).ok()?;
    let is_plain =
        length == "0" || (!length.starts_with('0') && length.bytes().all(|byte| byte.is_ascii_digit()));
    let length: u8 = length.parse().ok().filter(|_| is_plain)?;
    (length <= bits(base)).then_some((base, length))
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}

fn address_of(operands: &[Val]) -> Result<IpAddr, Fault> {
    match operand(operands, 0)? {
        Val::Ip(address) => Ok(*address),
        _ => Err(no_overload()),
    }
}

fn network_of(operands: &[Val]) -> Result<(IpAddr, u8), Fault> {
    match operand(operands, 0)? {
        Val::Cidr(address, length) => Ok((*address, *length)),
        _ => Err(no_overload()),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn is_global_unicast(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(is_broadcast
        || address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || is_link_local(address))
}

fn contains_address(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let (base, length) = network_of(operands)?;
    let inner = match operand(operands, 1)? {
        Val::Ip(address) => *address,
        Val::Text(_) => address(utf8(machine, operands, 1)?).map_err(Fault::new)?,
        _ => return Err(no_overload()),
    };
    Ok(Val::Bool(bits(base) == bits(inner) && masked(inner, length) == masked(base, length)))
}

fn contains_network(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let (base, length) = network_of(operands)?;
    let (inner, inner_length) = match operand(operands, 1)? {
        Val::Cidr(address, length) => (*address, *length),
        Val::Text(_) => {
            network(utf8(machine, operands, 1)?).ok_or_else(|| Fault::new("network address parse error"))?
        }
        _ => return Err(no_overload()),
    };
    let is_within = bits(base) == bits(inner) && inner_length >= length;
    Ok(Val::Bool(is_within && masked(inner, length) == masked(base, length)))
}

//! `net.cidr_*`: networks in CIDR notation, read and compared as Go's `net` does.

use std::net::{IpAddr, Ipv6Addr};

use lumen_value::{Set, Str, Value};

use super::operand::{any, string};
use super::{Answer, Context, Entry, Failure};

mod range;

/// The family. `net.lookup_ip_addr` leaves the process and is off.
pub const TABLE: &[Entry] = &[
    ("net.cidr_contains", contains),
    ("net.cidr_contains_matches", contains_matches),
    ("net.cidr_expand", expand),
    ("net.cidr_intersects", intersects),
    ("net.cidr_is_valid", is_valid),
    ("net.cidr_merge", merge),
    ("net.cidr_overlap", contains),
];

/// What an IPv4 address has before its 32 bits where it is written with 128.
const MAPPED: u128 = 0xffff << 32;

/// An address of 128 bits; an IPv4 address is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Address(u128);

impl Address {
    fn parse(text: &[u8]) -> Option<Self> {
        Some(Self(match std::str::from_utf8(text).ok()?.parse().ok()? {
            IpAddr::V4(address) => MAPPED | u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        }))
    }

    /// Whether Go takes it for an IPv4 address, however it was written.
    fn is_v4(self) -> bool {
        self.0 >> 32 == 0xffff
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = Ipv6Addr::from_bits(self.0);
        match address.to_ipv4_mapped() {
            Some(address) => address.fmt(out),
            None => address.fmt(out),
        }
    }
}

/// A network: its first address, and how many bits of its addresses are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    first: Address,
    /// Of 128 bits; 96 more than written where the address was written as IPv4.
    fixed: u32,
    /// It was written with 32 bits.
    is_short: bool,
}

impl Network {
    fn parse(text: &[u8]) -> Option<Self> {
        let at = text.iter().position(|byte| *byte == b'/')?;
        let (address, bits) = text.split_at_checked(at)?;
        let bits = bits.get(1..).filter(|bits| !bits.is_empty() && bits.iter().all(u8::is_ascii_digit))?;
        let is_short = !address.contains(&b':');
        let address = Address::parse(address)?;
        let bits = std::str::from_utf8(bits).ok()?.parse::<u32>().ok()?;
        let fixed = bits.checked_add(if is_short { 96 } else { 0 }).filter(|fixed| *fixed <= 128)?;
        Some(Self { first: Address(address.0 & mask(fixed)), fixed, is_short })
    }

    fn last(self) -> Address {
        Address(self.first.0 | !mask(self.fixed))
    }

    /// As Go's `IPNet.Contains`: an IPv4 address is in an IPv4 network alone.
    fn contains(self, address: Address) -> bool {
        self.first.is_v4() == address.is_v4() && (self.first.0 ^ address.0) & mask(self.fixed) == 0
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits = if self.first.is_v4() { self.fixed.saturating_sub(96) } else { self.fixed };
        write!(out, "{}/{bits}", self.first)
    }
}

/// The first bits, set.
fn mask(bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0)
}

fn invalid<T>(text: &Str) -> Result<T, Failure> {
    Err(Failure::Builtin(format!("invalid CIDR address: {text}")))
}

/// The network at a position; upstream calls every operand the first.
fn network(operands: &[Value], position: usize) -> Result<Network, Failure> {
    let text = text(operands, position)?;
    Network::parse(text.as_bytes()).map_or_else(|| invalid(text), Ok)
}

fn text(operands: &[Value], position: usize) -> Result<&Str, Failure> {
    string(std::slice::from_ref(any(operands, position)?), 1)
}

fn is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let Value::String(text) = any(operands, 1)? else {
        return Ok(Value::from(false));
    };
    super::strings::look(context.budget, text.as_bytes().len())?;
    Ok(Value::from(Network::parse(text.as_bytes()).is_some()))
}

fn intersects(_: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (network(operands, 1)?, network(operands, 2)?);
    Ok(Value::from(first.contains(second.first) || second.contains(first.first)))
}

fn contains(_: &mut Context<'_>, operands: &[Value]) -> Answer {
    let outer = network(operands, 1)?;
    let inner = text(operands, 2)?;
    if let Some(address) = Address::parse(inner.as_bytes()) {
        return Ok(Value::from(outer.contains(address)));
    }
    let Some(inner) = Network::parse(inner.as_bytes()) else {
        let message = format!("not a valid textual representation of an IP address or CIDR: {inner}");
        return Err(Failure::Builtin(message));
    };
    if !outer.first.is_v4() && !inner.first.is_v4() && !outer.is_short && !inner.is_short {
        let is_inside =
            outer.fixed <= inner.fixed && (outer.first.0 ^ inner.first.0) & mask(outer.fixed) == 0;
        return Ok(Value::from(is_inside));
    }
    Ok(Value::from(outer.contains(inner.first) && outer.contains(inner.last())))
}

/// The networks or addresses of a collection, each with what the result calls it.
fn listed(operands: &[Value], position: usize) -> Result<Vec<(Value, Value)>, Failure> {
    let first = |value: &Value| match value {
        Value::String(_) => Ok(value.clone()),
        Value::Array(items) if !items.is_empty() => Ok(items.get(0).cloned().unwrap_or_default()),
        _ => {
            let message = format!("operand {position}: element must be string or non-empty array");
            Err(Failure::Builtin(message))
        }
    };
    match any(operands, position)? {
        text @ Value::String(_) => Ok(vec![(text.clone(), text.clone())]),
        Value::Array(items) => {
            let indices = (0_i64..).map(Value::from);
            items.iter().zip(indices).map(|(item, index)| Ok((first(item)?, index))).collect()
        }
        Value::Set(items) => items.iter().map(|item| Ok((first(item)?, item.clone()))).collect(),
        Value::Object(object) => object.iter().map(|(key, value)| Ok((first(value)?, key.clone()))).collect(),
        _ => Ok(Vec::new()),
    }
}

fn contains_matches(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let outer = listed(operands, 1)?;
    let mut pairs = Vec::new();
    if outer.is_empty() {
        return Ok(Value::Set(Set::default()));
    }
    let inner = listed(operands, 2)?;
    for (network, key) in &outer {
        for (candidate, name) in &inner {
            context.budget.steps(4)?;
            if contains(context, &[network.clone(), candidate.clone()])? == Value::from(true) {
                context.budget.bytes(96)?;
                pairs.push(Value::from(vec![key.clone(), name.clone()]));
            }
        }
    }
    Ok(Value::Set(pairs.into()))
}

/// All addresses of a network. They are paid for before the first is made.
fn expand(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let network = network(operands, 1)?;
    let count = 1_u64.checked_shl(128 - network.fixed).unwrap_or(u64::MAX);
    context.budget.steps(count)?;
    context.budget.bytes(count.saturating_mul(64))?;
    let mut addresses = Vec::new();
    let (mut next, last) = (network.first, network.last());
    while network.contains(next) {
        addresses.push(Value::from(next.to_string()));
        if next == last {
            break;
        }
        next = Address(next.0 + 1);
    }
    Ok(Value::Set(addresses.into()))
}

fn merge(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let items = match any(operands, 1)? {
        Value::Array(items) => items.iter(),
        Value::Set(items) => items.iter(),
        _ => return Err(Failure::Builtin("operand must be an array".to_owned())),
    };
    context.budget.steps(items.len() as u64 * 8)?;
    context.budget.bytes(items.len() as u64 * 96)?;
    let networks: Result<Vec<Network>, Failure> = items.map(element).collect();
    // Upstream compares IPv4 networks that are written with 128 bits wrongly, so that they touch no other.
    let is_mapped = |network: &Network| network.first.is_v4() && !network.is_short;
    let (mapped, networks): (Vec<Network>, Vec<Network>) = networks?.into_iter().partition(is_mapped);
    let mut merged = range::merge(&networks);
    merged.extend(mapped);
    context.budget.bytes(merged.len() as u64 * 96)?;
    Ok(Value::Set(merged.into_iter().map(|network| Value::from(network.to_string())).collect()))
}

/// A network; or an IPv4 address, which stands for the network of its class.
fn element(value: &Value) -> Result<Network, Failure> {
    let Value::String(text) = value else {
        return Err(Failure::Builtin("element must be string".to_owned()));
    };
    let Some(address) = Address::parse(text.as_bytes()) else {
        return Network::parse(text.as_bytes()).map_or_else(|| invalid(text), Ok);
    };
    if !address.is_v4() {
        return Err(Failure::Builtin("IPv6 invalid: needs prefix length".to_owned()));
    }
    let bits = match (address.0 >> 24) & 0xff {
        ..0x80 => 8,
        0x80..0xc0 => 16,
        _ => 24,
    };
    // Upstream keeps the address as it is where the network is merged with no other.
    Ok(Network { first: address, fixed: 96 + bits, is_short: true })
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::super::exercise::{call, within};
    use super::*;

    #[test]
    fn a_large_network_is_refused_before_it_is_expanded() {
        for network in ["10.0.0.0/8", "::/0", "fd00::/64"] {
            let operands = [Value::from(network)];
            let answer = within(Budget::new(1_000_000, 10_000_000), |context| expand(context, &operands));
            assert_eq!(answer, Err(Failure::Budget), "{network}");
        }
        assert_eq!(
            call("net.cidr_expand", &[r#""10.0.0.1/31""#]),
            Ok(r#"["10.0.0.0","10.0.0.1"]"#.to_owned())
        );
    }

    #[test]
    fn networks_are_merged_into_as_few_as_can_be() {
        for (networks, merged) in [
            (r#"["10.0.0.0/25", "10.0.0.128/25"]"#, r#"["10.0.0.0/24"]"#),
            (r#"["10.0.0.0/24", "10.0.1.0/24", "10.0.3.0/24"]"#, r#"["10.0.0.0/23","10.0.3.0/24"]"#),
            (r#"["10.0.0.1", "10.0.0.2"]"#, r#"["10.0.0.0/8"]"#),
            (r#"["fd00::/9", "fd80::/9"]"#, r#"["fd00::/8"]"#),
            (
                r#"["192.168.1.1/32", "192.168.1.2/32", "192.168.1.3/32"]"#,
                r#"["192.168.1.1/32","192.168.1.2/31"]"#,
            ),
            (r#"["10.0.0.5"]"#, r#"["10.0.0.5/8"]"#),
        ] {
            assert_eq!(call("net.cidr_merge", &[networks]), Ok(merged.to_owned()), "{networks}");
        }
    }
}

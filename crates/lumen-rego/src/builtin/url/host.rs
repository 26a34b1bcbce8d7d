//! The authority of a URL: user, host and port.

use std::net::Ipv6Addr;

use super::{Part, cut, unescape};
use crate::term::quoted;

type User = Option<(Vec<u8>, Option<Vec<u8>>)>;

/// Reads what stands between `//` and the path.
pub(super) fn authority(scheme: &[u8], text: &[u8]) -> Result<(User, Vec<u8>), String> {
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else {
        return Ok((None, host(scheme, text)?));
    };
    let (user, rest) = text.split_at_checked(at).unwrap_or_default();
    let host = host(scheme, rest.get(1..).unwrap_or_default())?;
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !user.iter().all(is_allowed) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let (name, password) = cut(user, b':');
    let name = unescape(name, Part::User)?;
    let password = password.map(|password| unescape(password, Part::User)).transpose()?;
    Ok((Some((name, password)), host))
}

fn host(scheme: &[u8], text: &[u8]) -> Result<Vec<u8>, String> {
    match text.iter().rposition(|byte| *byte == b'[') {
        Some(0) => return bracketed(text),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    if let Some(first) = text.iter().position(|byte| *byte == b':') {
        // Colons in a host are wrong, and yet some schemes list several hosts with their ports.
        let is_strict = matches!(scheme, b"http" | b"https");
        let last = text.iter().rposition(|byte| *byte == b':').unwrap_or(first);
        check_port(text.get(if is_strict { first } else { last }..).unwrap_or_default())?;
    }
    unescape(text, Part::Host)
}

/// An IPv6 address in brackets, and a port.
fn bracketed(text: &[u8]) -> Result<Vec<u8>, String> {
    let Some(end) = text.iter().rposition(|byte| *byte == b']') else {
        return Err("missing ']' in host".to_owned());
    };
    let port = text.get(end + 1..).unwrap_or_default();
    check_port(port)?;
    let inside = text.get(1..end).unwrap_or_default();
    let zone = inside.windows(3).position(|window| window == b"%25");
    let address = match zone.and_then(|at| inside.split_at_checked(at)) {
        Some((address, zone)) => {
            let mut address = unescape(address, Part::Host)?;
            address.extend(unescape(zone, Part::Zone)?);
            address
        }
        None => unescape(inside, Part::Host)?,
    };
    check_address(&address)?;
    Ok([b"[", address.as_slice(), b"]", port].concat())
}

fn check_address(text: &[u8]) -> Result<(), String> {
    let (address, zone) = cut(text, b'%');
    let fault = |message: &str| Err(format!("invalid host: ParseAddr({}): {message}", quoted(text)));
    match text.iter().find(|byte| matches!(byte, b'.' | b':' | b'%')) {
        None => return fault("unable to parse IP"),
        Some(b'%') => return fault("missing IPv6 address"),
        Some(b'.') => {
            let is_address =
                std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::Ipv4Addr>().is_ok());
            return if is_address {
                Err("invalid IP-literal".to_owned())
            } else {
                fault("unable to parse IP")
            };
        }
        Some(_) => {}
    }
    if zone == Some(b"") {
        return fault("zone must be a non-empty string");
    }
    match std::str::from_utf8(address) {
        Ok(address) if address.parse::<Ipv6Addr>().is_ok() => Ok(()),
        _ => fault("unable to parse IP"),
    }
}

fn is_port(text: &[u8]) -> bool {
    matches!(text, [] | [b':', ..]) && text.iter().skip(1).all(u8::is_ascii_digit)
}

fn check_port(text: &[u8]) -> Result<(), String> {
    if is_port(text) { Ok(()) } else { Err(format!("invalid port {} after host", quoted(text))) }
}

/// A host without port and brackets, and the port.
pub(super) fn split_port(text: &[u8]) -> (&[u8], &[u8]) {
    let (mut host, mut port): (&[u8], &[u8]) = (text, b"");
    if let Some(at) = text.iter().rposition(|byte| *byte == b':')
        && let Some((before, behind)) = text.split_at_checked(at)
        && is_port(behind)
    {
        (host, port) = (before, behind.get(1..).unwrap_or_default());
    }
    if let Some(inside) = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        host = inside;
    }
    (host, port)
}

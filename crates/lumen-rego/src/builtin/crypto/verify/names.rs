//! The names that a certificate is for, and those that a chain permits.

use std::net::IpAddr;

use super::super::certificate::{Certificate, Constraints, domain_name_valid};

/// Whether a certificate is for a host: a name, or an address as it stands or in brackets.
pub(super) fn is_for(certificate: &Certificate, host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = address.parse::<IpAddr>() {
        let canonical = address.to_canonical();
        return certificate.known.names.ips.iter().any(|bytes| ip_of(bytes) == Some(canonical));
    }
    let wanted = host.to_ascii_lowercase();
    let usual = is_host_name(&wanted, false);
    let parts: Vec<&str> = wanted.strip_suffix('.').unwrap_or(&wanted).split('.').collect();
    certificate.known.names.dns.iter().any(|pattern| {
        let pattern = pattern.to_ascii_lowercase();
        if usual && is_host_name(&pattern, true) {
            let labels: Vec<&str> = pattern.split('.').collect();
            labels.len() == parts.len()
                && labels
                    .iter()
                    .zip(&parts)
                    .enumerate()
                    .all(|(index, (label, part))| (index == 0 && *label == "*") || label == part)
        } else {
            !pattern.is_empty() && pattern != "." && pattern == wanted
        }
    })
}

fn ip_of(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| IpAddr::from(sixteen).to_canonical())
}

fn is_host_name(host: &str, pattern: bool) -> bool {
    let host = if pattern { host } else { host.strip_suffix('.').unwrap_or(host) };
    if host.is_empty() || host == "*" {
        return false;
    }
    host.split('.').enumerate().all(|(index, label)| {
        if pattern && index == 0 && label == "*" {
            return true;
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && !label.starts_with('-') && label.bytes().all(fits)
    })
}

/// An address of a mailbox (RFC 2821).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Mailbox {
    local: Vec<u8>,
    domain: String,
}

impl Mailbox {
    pub(in super::super) fn parse(text: &str) -> Option<Self> {
        let (local, rest) = match text.as_bytes() {
            [b'"', rest @ ..] => quoted(rest)?,
            all => unquoted(all)?,
        };
        let domain = std::str::from_utf8(rest.strip_prefix(b"@")?).ok()?;
        let labels_fit = domain.is_empty()
            || domain
                .split('.')
                .all(|label| !label.is_empty() && label.bytes().all(|byte| (33..=126).contains(&byte)));
        labels_fit.then(|| Self { local, domain: domain.to_owned() })
    }
}

fn quoted(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut local = Vec::new();
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((local, rest)),
            b'\\' => {
                let (escaped, after) = rest.split_first()?;
                if !matches!(escaped, 1..=9 | 11 | 12 | 14..=127) {
                    return None;
                }
                local.push(*escaped);
                rest = after;
            }
            1..=8 | 11 | 12 | 14..=33 | 35..=91 | 93..=127 => local.push(*byte),
            _ => return None,
        }
    }
}

fn unquoted(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut local = Vec::new();
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'\\' {
            let (escaped, after) = after.split_first()?;
            local.push(*escaped);
            rest = after;
        } else if byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(byte) {
            local.push(*byte);
            rest = after;
        } else {
            break;
        }
    }
    let bad_dots = local.first() == Some(&b'.')
        || local.last() == Some(&b'.')
        || local.windows(2).any(|pair| pair == b"..");
    (!local.is_empty() && !bad_dots).then_some((local, rest))
}

/// Whether the names of each certificate are permitted by those above it.
pub(super) fn satisfies_constraints(chain: &[&Certificate]) -> bool {
    chain.iter().enumerate().all(|(index, certificate)| {
        let above: Vec<&Certificate> =
            chain.iter().skip(index + 1).filter(|above| above.has_name_constraints()).copied().collect();
        above.is_empty() || certificate.alternative_names().is_none() || permitted(certificate, &above)
    })
}

fn permitted(certificate: &Certificate, above: &[&Certificate]) -> bool {
    let names = &certificate.known.names;
    let hosts: Option<Vec<String>> = names.uris.iter().map(|uri| uri_host(&uri.host)).collect();
    let mailboxes: Option<Vec<Mailbox>> = names
        .emails
        .iter()
        .map(|email| {
            Mailbox::parse(email).map(|mailbox| Mailbox { domain: mailbox.domain.to_lowercase(), ..mailbox })
        })
        .collect();
    let (Some(hosts), Some(mailboxes)) = (hosts, mailboxes) else { return false };
    above.iter().all(|above| {
        let (permitted, excluded) = (&above.known.permitted, &above.known.excluded);
        let ip = |address: &Vec<u8>| {
            let within = |constraints: &Constraints| {
                constraints.ips.iter().any(|(network, mask)| contains(network, mask, address))
            };
            (permitted.ips.is_empty() || within(permitted)) && !within(excluded)
        };
        let domain = |name: &str, permitted: &[String], excluded: &[String]| {
            domain_name_valid(name, false)
                && (permitted.is_empty() || matches_any(permitted, name, true))
                && !matches_any(excluded, name, false)
        };
        let mailbox = |mailbox: &Mailbox| {
            domain_name_valid(&mailbox.domain, false)
                && (permitted.emails.is_empty() || matches_mailbox(&permitted.emails, mailbox, true))
                && !matches_mailbox(&excluded.emails, mailbox, false)
        };
        names.ips.iter().all(ip)
            && names.dns.iter().all(|name| domain(name, &permitted.dns, &excluded.dns))
            && hosts.iter().all(|host| domain(host, &permitted.uris, &excluded.uris))
            && mailboxes.iter().all(mailbox)
    })
}

fn contains(network: &[u8], mask: &[u8], address: &[u8]) -> bool {
    network.len() == address.len()
        && network.iter().zip(mask).zip(address).all(|((net, mask), byte)| net & mask == byte & mask)
}

/// The host of a URI without its port, if it can be matched: a name, and no address.
fn uri_host(host: &[u8]) -> Option<String> {
    let host = std::str::from_utf8(host).ok()?.to_lowercase();
    if host.is_empty() {
        return None;
    }
    let name = match host.rsplit_once(':') {
        Some((name, _)) if !host.ends_with(']') => name.to_owned(),
        _ => host,
    };
    let bracketed = name.starts_with('[');
    (!bracketed && !name.contains(':') && name.parse::<IpAddr>().is_err()).then_some(name)
}

fn matches_any(constraints: &[String], name: &str, permitted: bool) -> bool {
    let parent = |name: &str| name.find('.').and_then(|at| name.get(at..)).map(str::to_lowercase);
    constraints.iter().any(|constraint| {
        constraint.is_empty()
            || has_suffix(constraint, name)
            // A wildcard could stand for what is excluded.
            || (!permitted && name.starts_with('*') && parent(constraint).is_some() && parent(constraint) == parent(name))
    })
}

/// Whether a name is the constraint's domain or below it; below it only, where the constraint begins with a dot.
fn has_suffix(constraint: &str, name: &str) -> bool {
    let Some(start) = name.len().checked_sub(constraint.len()) else { return false };
    let (before, end) = name.as_bytes().split_at_checked(start).unwrap_or_default();
    end.eq_ignore_ascii_case(constraint.as_bytes())
        && (constraint.starts_with('.') || before.last().is_none_or(|last| *last == b'.'))
}

fn matches_mailbox(constraints: &[String], mailbox: &Mailbox, permitted: bool) -> bool {
    let (exact, domains): (Vec<&String>, Vec<&String>) =
        constraints.iter().partition(|constraint| constraint.contains('@'));
    let exact = exact
        .into_iter()
        .filter_map(|constraint| Mailbox::parse(constraint))
        .any(|parsed| parsed.local == mailbox.local && parsed.domain.to_lowercase() == mailbox.domain);
    let domains: Vec<String> = domains.into_iter().cloned().collect();
    exact || matches_any(&domains, &mailbox.domain, permitted)
}

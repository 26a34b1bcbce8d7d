//! Kubernetes' URLs: absolute ones, or absolute paths.

use super::{GLOBAL, MEMBER, Row, operand, utf8};
use crate::eval::{Fault, no_overload};
use crate::value::{Map, Val};

pub(super) const TABLE: &[Row] = &[
    ("getEscapedPath", MEMBER, 0, 0, |_, operands| Ok(Val::text(&link(operands)?.path))),
    ("getHost", MEMBER, 0, 0, |_, operands| Ok(Val::text(&link(operands)?.host))),
    ("getHostname", MEMBER, 0, 0, |_, operands| Ok(Val::text(link(operands)?.host_and_port().0))),
    ("getPort", MEMBER, 0, 0, |_, operands| Ok(Val::text(link(operands)?.host_and_port().1))),
    ("getQuery", MEMBER, 0, 0, |machine, operands| {
        let link = link(operands)?;
        machine.pay(link.query.len())?;
        Ok(query(&link.query))
    }),
    ("getScheme", MEMBER, 0, 0, |_, operands| Ok(Val::text(&link(operands)?.scheme))),
    ("isURL", GLOBAL, 1, 1, |machine, operands| {
        Ok(Val::Bool(Link::parse(utf8(machine, operands, 0)?).is_some()))
    }),
    ("url", GLOBAL, 1, 1, |machine, operands| {
        let text = utf8(machine, operands, 0)?;
        let wrong = || {
            Fault::new(format!(
                "URL parse error during conversion from string: parse {text:?}: invalid URI for request"
            ))
        };
        Ok(Val::Url(Link::parse(text).ok_or_else(wrong)?.into()))
    }),
];

/// A URL's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    scheme: String,
    host: String,
    path: String,
    query: String,
}

impl Link {
    fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return None;
        }
        if text == "*" {
            let (scheme, host, query) = (String::new(), String::new(), String::new());
            return Some(Self { scheme, host, path: text.to_owned(), query });
        }
        let (rest, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, rest) = if rest.starts_with('/') {
            ("", rest)
        } else {
            let (scheme, rest) = rest.split_once(':')?;
            let fits = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            (fits.then_some(scheme)?, rest)
        };
        let (host, path) = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(end)?;
                (authority.rsplit_once('@').map_or(authority, |(_, host)| host), path)
            }
            None if rest.starts_with('/') => ("", rest),
            // `mailto:a`: nothing of it is a path.
            None => ("", ""),
        };
        let link = Self {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_owned(),
            path: escaped(path)?,
            query: query.to_owned(),
        };
        let (name, port) = link.host_and_port();
        let fits = !name.contains([' ', '<', '>', '"'])
            && has_one_port(&link.host)
            && port.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(link)
    }

    fn host_and_port(&self) -> (&str, &str) {
        if let Some(rest) = self.host.strip_prefix('[') {
            let (name, after) = rest.split_once(']').unwrap_or((rest, ""));
            return (name, after.strip_prefix(':').unwrap_or(after));
        }
        self.host.rsplit_once(':').unwrap_or((&self.host, ""))
    }
}

/// Whether a host is closed where it is opened, and has no more than one port.
fn has_one_port(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').is_some_and(|(_, port)| port.is_empty() || port.starts_with(':')),
        None => host.matches(':').count() <= 1,
    }
}

/// A path with what must be escaped escaped; `None` where an escape is broken.
fn escaped(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'%' => {
                let digits = path.get(at + 1..at + 3)?;
                digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
                out.push('%');
            }
            _ if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*[]".contains(&byte) => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                let digits = [byte >> 4, byte & 15];
                let digits = digits.into_iter().filter_map(|digit| char::from_digit(digit.into(), 16));
                out.extend(digits.map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    Some(out)
}

/// The values of each name, in the order of the names' first places.
fn query(text: &str) -> Val {
    let mut entries: Vec<(String, Vec<Val>)> = Vec::new();
    for part in text.split('&').filter(|part| !part.is_empty() && !part.contains(';')) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (Some(name), Some(value)) = (decoded(name), decoded(value)) else { continue };
        match entries.iter_mut().find(|(seen, _)| *seen == name) {
            Some((_, values)) => values.push(Val::text(&value)),
            None => entries.push((name, vec![Val::text(&value)])),
        }
    }
    let entries = entries.into_iter().map(|(name, values)| (Val::text(&name), Val::list(values)));
    Val::Map(Map::Made(entries.collect()))
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| {
                    char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
                };
                digit(bytes.next())? << 4 | digit(bytes.next())?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

fn link(operands: &[Val]) -> Result<&Link, Fault> {
    match operand(operands, 0)? {
        Val::Url(link) => Ok(link),
        _ => Err(no_overload()),
    }
}

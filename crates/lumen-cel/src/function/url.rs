//! Kubernetes' URLs: absolute ones, or absolute paths.

use std::net::Ipv6Addr;

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
        Ok(Val::Bool(Link::read(utf8(machine, operands, 0)?, Form::Request).is_some()))
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
    /// It as a whole, as Go writes it: by that two are equal.
    whole: String,
}

/// Which of Go's functions reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `url.ParseRequestURI`.
    Request,
    /// `url.Parse`, of what the former took, up to a `#`.
    Reference,
}

impl Link {
    /// What Go's `url.ParseRequestURI` takes, with the parts that its `url.Parse` finds: only the latter knows of what stands behind
    /// a `#` (`apiserver/pkg/cel/library/urls.go`).
    fn parse(text: &str) -> Option<Self> {
        Self::read(text, Form::Request)?;
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut link = Self::read(before, Form::Reference)?;
        let fragment = escaped(fragment)?;
        if !fragment.is_empty() {
            link.whole = format!("{}#{fragment}", link.whole);
        }
        Some(link)
    }

    fn read(text: &str, form: Form) -> Option<Self> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return None;
        }
        if text == "*" {
            let (scheme, host, query) = (String::new(), String::new(), String::new());
            return Some(Self { scheme, host, path: text.to_owned(), query, whole: text.to_owned() });
        }
        let (rest, query) = text.split_once('?').map_or((text, None), |(rest, query)| (rest, Some(query)));
        let (scheme, rest) = if rest.starts_with('/') {
            ("", rest)
        } else {
            let (scheme, rest) = rest.split_once(':')?;
            let fits = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            (fits.then_some(scheme)?, rest)
        };
        let scheme = scheme.to_ascii_lowercase();
        let mut whole = if scheme.is_empty() { String::new() } else { format!("{scheme}:") };
        let has_host = !scheme.is_empty() || (form == Form::Reference && !rest.starts_with("///"));
        let (host, path) = match rest.strip_prefix("//").filter(|_| has_host) {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(end)?;
                let (user, host) =
                    authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
                if user.is_some_and(|user| !is_user(user)) {
                    return None;
                }
                let (user, at) = user.map_or(("", ""), |user| (user, "@"));
                let host = host_of(host, matches!(&*scheme, "http" | "https"))?;
                whole = format!("{whole}//{user}{at}{host}");
                (host, path)
            }
            None if rest.starts_with('/') => (String::new(), rest),
            // `mailto:a`: nothing of it is a path.
            None => {
                whole.push_str(rest);
                (String::new(), "")
            }
        };
        let path = escaped(path)?;
        whole.push_str(&path);
        if let Some(query) = query {
            whole = format!("{whole}?{query}");
        }
        Some(Self { scheme, host, path, query: query.unwrap_or_default().to_owned(), whole })
    }

    fn host_and_port(&self) -> (&str, &str) {
        if let Some(rest) = self.host.strip_prefix('[') {
            let (name, after) = rest.split_once(']').unwrap_or((rest, ""));
            return (name, after.strip_prefix(':').unwrap_or(after));
        }
        self.host.rsplit_once(':').unwrap_or((&self.host, ""))
    }
}

/// Whether a text may stand before the `@`.
fn is_user(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    text.bytes().all(fits) && escaped(text).is_some()
}

/// A host with its port, where both are sound: as Go 1.26 has it, an address of IPv6 alone stands in brackets, and of http a
/// host has no other `:` than that before its port.
fn host_of(text: &str, is_http: bool) -> Option<String> {
    let is_port = |port: &str| {
        port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (name, port) = rest.rsplit_once(']')?;
        let (address, zone) =
            name.split_once("%25").map_or((name, None), |(address, zone)| (address, Some(zone)));
        let is_sound = address.parse::<Ipv6Addr>().is_ok()
            && is_port(port)
            && zone.is_none_or(|zone| !zone.is_empty() && !zone.contains('%'));
        return is_sound.then(|| text.replacen("%25", "%", 1));
    }
    let colon = if is_http { text.find(':') } else { text.rfind(':') };
    if !is_port(text.get(colon.unwrap_or(text.len())..)?) {
        return None;
    }
    unescaped_host(text)
}

/// A host without its escapes: of what is no ASCII alone there may be any.
fn unescaped_host(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => escape(&mut bytes).filter(|byte| !byte.is_ascii())?,
            _ if !byte.is_ascii() || byte.is_ascii_alphanumeric() => byte,
            _ if b"-_.~!$&'()*+,;=:]<>\"".contains(&byte) => byte,
            _ => return None,
        });
    }
    String::from_utf8(out).ok()
}

/// The byte of two digits.
fn escape(bytes: &mut std::str::Bytes<'_>) -> Option<u8> {
    let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit()? << 4 | digit()?)
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
            b'%' => escape(&mut bytes)?,
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

//! URLs as Go's `net/url` reads, joins and writes them. Parts may hold any bytes.

use crate::term::quoted;

mod host;

/// The part of a URL that a text is meant for: each has its own characters that need no escape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Host,
    Zone,
    User,
    Query,
    Fragment,
}

impl Part {
    /// Whether a byte stands for itself in this part.
    fn is_plain(self, byte: u8) -> bool {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => true,
            b'$' | b'&' | b'+' | b'=' | b',' | b';' => self != Self::Query,
            b':' => matches!(self, Self::Fragment | Self::Zone | Self::Host | Self::Path),
            b'!' | b'(' | b')' | b'*' => matches!(self, Self::Fragment | Self::Zone | Self::Host),
            b'"' | b'\'' | b'<' | b'>' | b'[' | b']' => matches!(self, Self::Zone | Self::Host),
            b'/' => matches!(self, Self::Fragment | Self::Path),
            b'?' => self == Self::Fragment,
            b'@' => matches!(self, Self::Fragment | Self::Path),
            _ => false,
        }
    }
}

/// Escapes what may not stand in a part.
pub(super) fn escape(text: &[u8], part: Part) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if part.is_plain(*byte) {
            out.push(*byte);
        } else if *byte == b' ' && part == Part::Query {
            out.push(b'+');
        } else {
            let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

/// Undoes [`escape`]. The error is Go's message.
pub(super) fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'%' => {
                let sequence = [b'%', *behind.first().unwrap_or(&0), *behind.get(1).unwrap_or(&0)];
                let invalid = |len: usize| {
                    let shown =
                        [b"%", behind.get(..len.min(2).min(behind.len())).unwrap_or_default()].concat();
                    Err(format!("invalid URL escape {}", quoted(&shown)))
                };
                let (Some(high), Some(low)) = (hex(sequence[1]), hex(sequence[2])) else {
                    return invalid(2);
                };
                let byte = (high << 4) | low;
                let allowed = match part {
                    // In a host only what is not ASCII is escaped, and the percent sign before a zone.
                    Part::Host => high >= 8 || &sequence == b"%25",
                    Part::Zone => &sequence == b"%25" || byte == b' ' || Part::Host.is_plain(byte),
                    _ => true,
                };
                if !allowed {
                    return invalid(2);
                }
                out.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            b'+' if part == Part::Query => out.push(b' '),
            byte => {
                if matches!(part, Part::Host | Part::Zone) && byte.is_ascii() && !part.is_plain(*byte) {
                    return Err(format!("invalid character {} in host name", quoted(&[*byte])));
                }
                out.push(*byte);
            }
        }
    }
    Ok(out)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A URL, or a reference that is relative to one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    pub(super) opaque: Vec<u8>,
    pub(super) user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    pub(super) host: Vec<u8>,
    /// Without escapes.
    pub(super) path: Vec<u8>,
    /// With them, where they are not those that would be made.
    pub(super) raw_path: Vec<u8>,
    pub(super) raw_query: Vec<u8>,
    pub(super) force_query: bool,
    pub(super) fragment: Vec<u8>,
    pub(super) raw_fragment: Vec<u8>,
    pub(super) omit_host: bool,
}

/// What is before the first such byte, and what is behind it.
pub(super) fn cut(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == at);
    (parts.next().unwrap_or_default(), parts.next())
}

impl Url {
    /// Reads a URL. The error is Go's message.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let (before, fragment) = cut(text, b'#');
        let mut url = Self::parse_without_fragment(before)
            .map_err(|message| format!("parse {}: {message}", quoted(before)))?;
        let fragment = fragment.unwrap_or_default();
        url.fragment = unescape(fragment, Part::Fragment)
            .map_err(|message| format!("parse {}: {message}", quoted(text)))?;
        if escape(&url.fragment, Part::Fragment) != fragment {
            url.raw_fragment = fragment.to_vec();
        }
        Ok(url)
    }

    fn parse_without_fragment(text: &[u8]) -> Result<Self, String> {
        if text.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        if text == b"*" {
            url.path = text.to_vec();
            return Ok(url);
        }
        let (scheme, mut rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (before, query) = cut(rest, b'?');
        url.force_query = query == Some(b"");
        url.raw_query = query.unwrap_or_default().to_vec();
        rest = before;
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(authority) = rest.strip_prefix(b"//")
            && (!url.scheme.is_empty() || !rest.starts_with(b"///"))
        {
            let end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
            let (authority, path) = authority.split_at_checked(end).unwrap_or_default();
            rest = path;
            (url.user, url.host) = host::authority(&url.scheme, authority)?;
        } else if !url.scheme.is_empty() && rest.starts_with(b"/") {
            url.omit_host = true;
        }
        url.set_path(rest)?;
        Ok(url)
    }

    fn set_path(&mut self, raw: &[u8]) -> Result<(), String> {
        self.path = unescape(raw, Part::Path)?;
        self.raw_path = if escape(&self.path, Part::Path) == raw { Vec::new() } else { raw.to_vec() };
        Ok(())
    }

    /// The host without its port and brackets, and the port.
    pub(super) fn host_and_port(&self) -> (&[u8], &[u8]) {
        host::split_port(&self.host)
    }

    pub(super) fn escaped_path(&self) -> Vec<u8> {
        let kept = !self.raw_path.is_empty()
            && is_encoded(&self.raw_path, Part::Path)
            && unescape(&self.raw_path, Part::Path).as_ref() == Ok(&self.path);
        if kept {
            self.raw_path.clone()
        } else if self.path == b"*" {
            self.path.clone()
        } else {
            escape(&self.path, Part::Path)
        }
    }

    fn escaped_fragment(&self) -> Vec<u8> {
        let kept = !self.raw_fragment.is_empty()
            && is_encoded(&self.raw_fragment, Part::Fragment)
            && unescape(&self.raw_fragment, Part::Fragment).as_ref() == Ok(&self.fragment);
        if kept { self.raw_fragment.clone() } else { escape(&self.fragment, Part::Fragment) }
    }

    /// The URL as text.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.push_authority(&mut out);
            let path = self.escaped_path();
            if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
                out.push(b'/');
            }
            if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
                out.extend_from_slice(b"./");
            }
            out.extend_from_slice(&path);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if self.force_query || !self.raw_query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.raw_query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend_from_slice(&self.escaped_fragment());
        }
        out
    }

    fn push_authority(&self, out: &mut Vec<u8>) {
        let has_host = !self.host.is_empty();
        if (self.scheme.is_empty() && !has_host && self.user.is_none())
            || (self.omit_host && !has_host && self.user.is_none())
        {
            return;
        }
        if has_host || !self.path.is_empty() || self.user.is_some() {
            out.extend_from_slice(b"//");
        }
        if let Some((name, password)) = &self.user {
            out.extend(escape(name, Part::User));
            if let Some(password) = password {
                out.push(b':');
                out.extend(escape(password, Part::User));
            }
            out.push(b'@');
        }
        out.extend(escape(&self.host, Part::Host));
    }

    /// What a reference means where this URL is the base.
    pub(super) fn resolve(&self, reference: &Self) -> Self {
        let mut url = reference.clone();
        if reference.scheme.is_empty() {
            url.scheme.clone_from(&self.scheme);
        }
        if !reference.scheme.is_empty() || !reference.host.is_empty() || reference.user.is_some() {
            url.set_escaped_path(&resolve_path(&reference.escaped_path(), b""));
            return url;
        }
        if !reference.opaque.is_empty() {
            url.clear_authority();
            return url;
        }
        if reference.path.is_empty() && !reference.force_query && reference.raw_query.is_empty() {
            url.raw_query.clone_from(&self.raw_query);
            if reference.fragment.is_empty() {
                url.fragment.clone_from(&self.fragment);
                url.raw_fragment.clone_from(&self.raw_fragment);
            }
        }
        if reference.path.is_empty() && !self.opaque.is_empty() {
            url.opaque.clone_from(&self.opaque);
            url.clear_authority();
            return url;
        }
        url.host.clone_from(&self.host);
        url.user.clone_from(&self.user);
        url.set_escaped_path(&resolve_path(&self.escaped_path(), &reference.escaped_path()));
        url
    }

    /// Sets a path that was escaped before, so that undoing it cannot fail.
    fn set_escaped_path(&mut self, raw: &[u8]) {
        if self.set_path(raw).is_err() {
            self.path = raw.to_vec();
            self.raw_path = Vec::new();
        }
    }

    fn clear_authority(&mut self) {
        self.user = None;
        self.host = Vec::new();
        self.path = Vec::new();
    }
}

fn split_scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let end = text.iter().take_while(|byte| is_scheme(byte)).count();
    let (scheme, rest) = text.split_at_checked(end).unwrap_or_default();
    match (scheme, rest) {
        ([], [b':', ..]) => Err("missing protocol scheme".to_owned()),
        ([first, ..], [b':', rest @ ..]) if first.is_ascii_alphabetic() => Ok((scheme, rest)),
        _ => Ok((b"", text)),
    }
}

/// Whether a text may be how a part was written.
fn is_encoded(text: &[u8], part: Part) -> bool {
    let is_allowed = |byte: u8| {
        matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'['
                | b']'
                | b'%'
        )
    };
    text.iter().all(|byte| is_allowed(*byte) || part.is_plain(*byte))
}

/// A path behind a base path, without `.` and `..`.
fn resolve_path(base: &[u8], reference: &[u8]) -> Vec<u8> {
    let full = if reference.is_empty() {
        base.to_vec()
    } else if reference.starts_with(b"/") {
        reference.to_vec()
    } else {
        let end = base.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        [base.get(..end).unwrap_or_default(), reference].concat()
    };
    if full.is_empty() {
        return full;
    }
    let mut out = vec![b'/'];
    let mut first = true;
    let mut last: &[u8] = b"";
    for segment in full.split(|byte| *byte == b'/') {
        last = segment;
        match segment {
            b"." => first = false,
            b".." => {
                let kept = out.iter().skip(1).rposition(|byte| *byte == b'/').map_or(1, |at| at + 1);
                out.truncate(kept);
                first = out.len() == 1;
            }
            _ => {
                if !first {
                    out.push(b'/');
                }
                out.extend_from_slice(segment);
                first = false;
            }
        }
    }
    if matches!(last, b"." | b"..") {
        out.push(b'/');
    }
    if out.get(1) == Some(&b'/') {
        out.remove(0);
    }
    out
}

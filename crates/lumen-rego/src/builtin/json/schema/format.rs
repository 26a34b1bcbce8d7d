//! The formats that upstream checks (`format_checkers.go`). A format that it does not know holds for every text.

use std::net::{IpAddr, Ipv6Addr};

use lumen_value::Str;

use super::super::super::url::Url;
use super::Pattern;

/// Whether a text is of a format.
pub(super) fn is_of(format: &Str, text: &Str) -> bool {
    let bytes = text.as_bytes();
    let text = text.to_text();
    let text = text.as_ref();
    match format.as_str().unwrap_or_default() {
        "date" => is_date(bytes),
        "time" => is_time(bytes, true),
        "date-time" => is_date_time(bytes),
        "hostname" => is_hostname(bytes),
        "email" | "idn-email" => is_email(text),
        "ipv4" => text.contains('.') && text.parse::<IpAddr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "uri" | "iri" => !bytes.contains(&b'\\') && Url::parse(bytes).is_ok_and(|url| !url.scheme.is_empty()),
        "uri-reference" | "iri-reference" => !bytes.contains(&b'\\') && Url::parse(bytes).is_ok(),
        "uri-template" => {
            !bytes.contains(&b'\\') && Url::parse(bytes).is_ok_and(|url| are_braces_closed(&url.path))
        }
        "uuid" => is_uuid(bytes),
        "regex" => text.is_empty() || Pattern::new(text).is_some(),
        "json-pointer" => is_pointer(bytes),
        "relative-json-pointer" => is_relative_pointer(bytes),
        _ => true,
    }
}

/// Digits, at least so many and at most so many; their value, and what is behind them.
fn digits(text: &[u8], least: usize, most: usize) -> Option<(u32, &[u8])> {
    let len = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(len).filter(|_| len >= least)?;
    Some((digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')), rest))
}

fn after(text: &[u8], byte: u8) -> Option<&[u8]> {
    text.split_first().filter(|(first, _)| **first == byte).map(|(_, rest)| rest)
}

/// `2006-01-02`, a day that there is; what is behind it.
fn date(text: &[u8]) -> Option<&[u8]> {
    let (year, rest) = digits(text, 4, 4)?;
    let (month, rest) = digits(after(rest, b'-')?, 2, 2)?;
    let (day, rest) = digits(after(rest, b'-')?, 2, 2)?;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => 0,
    };
    (1..=days).contains(&day).then_some(rest)
}

/// `15:04:05` and a fraction; what is behind it. The hour may have one digit.
fn clock(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = digits(text, 1, 2)?;
    let (minute, rest) = digits(after(rest, b':')?, 2, 2)?;
    let (second, rest) = digits(after(rest, b':')?, 2, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    match rest {
        [b'.' | b',', b'0'..=b'9', ..] => {
            let len = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
            rest.get(1 + len..)
        }
        _ => Some(rest),
    }
}

fn is_zone(text: &[u8]) -> bool {
    let zone = match text {
        b"Z" => return true,
        [b'+' | b'-', rest @ ..] => digits(rest, 2, 2),
        _ => None,
    };
    let zone = zone.and_then(|(hour, rest)| Some((hour, digits(after(rest, b':')?, 2, 2)?)));
    matches!(zone, Some((0..=24, (0..=60, b""))))
}

fn is_date(text: &[u8]) -> bool {
    date(text).is_some_and(<[u8]>::is_empty)
}

fn is_time(text: &[u8], may_have_zone: bool) -> bool {
    clock(text).is_some_and(|rest| rest.is_empty() || (may_have_zone && is_zone(rest)))
}

fn is_date_time(text: &[u8]) -> bool {
    let full = date(text).and_then(|rest| clock(after(rest, b'T')?));
    is_date(text) || is_time(text, true) || full.is_some_and(is_zone)
}

fn is_hostname(text: &[u8]) -> bool {
    text.len() < 256
        && text.split(|byte| *byte == b'.').all(|label| {
            let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
            (1..=63).contains(&label.len())
                && label.iter().all(is_inner)
                && !label.starts_with(b"-")
                && !label.ends_with(b"-")
        })
}

/// Whether each opening brace has a closing one behind it.
fn are_braces_closed(text: &[u8]) -> bool {
    let last_open = text.iter().rposition(|byte| *byte == b'{');
    let last_close = text.iter().rposition(|byte| *byte == b'}');
    match (last_open, last_close) {
        (None, _) => true,
        (Some(open), Some(close)) => open < close,
        (Some(_), None) => false,
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_pointer(text: &[u8]) -> bool {
    let are_escapes =
        || text.split(|byte| *byte == b'~').skip(1).all(|rest| matches!(rest.first(), Some(b'0' | b'1')));
    text.is_empty() || (text.starts_with(b"/") && are_escapes())
}

fn is_relative_pointer(text: &[u8]) -> bool {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (levels, rest) = text.split_at_checked(len).unwrap_or_default();
    !levels.is_empty() && (levels == b"0" || !levels.starts_with(b"0")) && (rest == b"#" || is_pointer(rest))
}

/// An address as `net/mail` reads one: `a@b`, `Name <a@b>`.
fn is_email(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    if let Some(inside) = text.strip_suffix('>') {
        let Some((name, address)) = inside.rsplit_once('<') else {
            return false;
        };
        return is_phrase(name) && is_address(address.trim_matches([' ', '\t']));
    }
    is_address(text)
}

fn is_atom_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || !char.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(char)
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

/// The text behind a string in quotes.
fn behind_quoted(text: &str) -> Option<&str> {
    let mut is_escaped = false;
    for (at, char) in text.strip_prefix('"')?.char_indices() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return text.get(at + 2..),
            '\t' => {}
            _ if char.is_control() => return None,
            _ => {}
        }
    }
    None
}

fn is_phrase(text: &str) -> bool {
    let mut rest = text.trim_matches([' ', '\t']);
    while !rest.is_empty() {
        rest = if rest.starts_with('"') {
            let Some(behind) = behind_quoted(rest) else { return false };
            behind
        } else {
            let end = rest.find(|char| !(is_atom_char(char) || char == '.')).unwrap_or(rest.len());
            let Some(behind) = rest.get(end..).filter(|_| end > 0) else { return false };
            behind
        };
        rest = rest.trim_start_matches([' ', '\t']);
    }
    true
}

fn is_address(text: &str) -> bool {
    let domain = if text.starts_with('"') {
        behind_quoted(text).and_then(|rest| rest.strip_prefix('@'))
    } else {
        text.split_once('@').filter(|(local, _)| is_dot_atom(local)).map(|(_, domain)| domain)
    };
    domain.is_some_and(|domain| match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) => literal.strip_prefix("IPv6:").unwrap_or(literal).parse::<IpAddr>().is_ok(),
        None => is_dot_atom(domain),
    })
}

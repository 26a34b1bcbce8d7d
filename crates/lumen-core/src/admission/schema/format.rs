//! The formats of strings that the API server knows (`k8s.io/kube-openapi/pkg/validation/strfmt`).

use core::net::{Ipv4Addr, Ipv6Addr};

use jiff::civil::Date;

/// Whether a text has a format.
type Format = fn(&str) -> bool;

/// The formats, by their names without dashes.
static FORMATS: &[(&str, Format)] = &[
    ("bsonobjectid", |text| text.len() == 24 && is_hex(text)),
    ("byte", is_base64),
    ("cidr", is_cidr),
    ("creditcard", is_credit_card),
    ("date", is_date),
    ("datetime", is_date_time),
    ("duration", is_duration),
    ("email", is_email),
    ("hexcolor", is_hex_color),
    ("hostname", is_hostname),
    ("ipv4", is_ipv4),
    ("ipv6", |text| text.contains(':') && text.parse::<Ipv6Addr>().is_ok()),
    ("isbn", |text| is_isbn10(text) || is_isbn13(text)),
    ("isbn10", is_isbn10),
    ("isbn13", is_isbn13),
    ("k8slongname", |text| text.len() <= 253 && text.split('.').all(is_name)),
    ("k8sshortname", |text| text.len() <= 63 && is_name(text)),
    ("mac", is_mac),
    ("password", |_| true),
    ("rgbcolor", is_rgb_color),
    ("ssn", is_social_security_number),
    ("uri", is_request_uri),
    ("uuid", |text| is_uuid(text, None, false)),
    ("uuid3", |text| is_uuid(text, Some('3'), false)),
    ("uuid4", |text| is_uuid(text, Some('4'), true)),
    ("uuid5", |text| is_uuid(text, Some('5'), true)),
];

/// Whether it is a format of strings at all.
pub(super) fn is_known(format: &str) -> bool {
    find(format).is_some()
}

/// Whether a text has a format; one that is not known has every text.
pub(super) fn is(format: &str, text: &str) -> bool {
    find(format).is_none_or(|is| is(text))
}

fn find(format: &str) -> Option<Format> {
    let name = format.replace('-', "");
    FORMATS.iter().find(|(known, _)| *known == name).map(|(_, is)| *is)
}

/// Whether upstream takes a number for an integer: one between -2^53 and 2^53 that is whole but for a billionth
/// (`github.com/go-openapi/swag`, `IsFloat64AJSONInteger`).
pub(super) fn is_json_integer(number: f64) -> bool {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    if !number.is_finite() || !(-LIMIT..LIMIT).contains(&number) {
        return false;
    }
    let whole = number.trunc();
    if number >= 0.0 && whole > 0.0 && number.fract() != 0.0 {
        return (number - whole) / (number + whole) < 1e-9;
    }
    number.fract() == 0.0
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(allowed)
}

/// An address in four parts; zeros before a part are tolerated, as upstream does.
fn is_ipv4(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && is_digits(part) && part.trim_start_matches('0').parse().unwrap_or(0) <= 255_u64
    };
    text.split('.').count() == 4 && text.split('.').all(part)
        || text.contains('.') && text.contains(':') && text.parse::<Ipv6Addr>().is_ok()
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let max = if address.contains(':') { 128 } else { 32 };
    let is_address =
        address.parse::<Ipv4Addr>().is_ok() || is_ipv4(address) || address.parse::<Ipv6Addr>().is_ok();
    is_address && is_digits(bits) && bits.len() <= 3 && bits.parse::<u32>().is_ok_and(|bits| bits <= max)
}

fn is_mac(text: &str) -> bool {
    let octets = |separator: char, width: usize, counts: &[usize]| {
        counts.contains(&text.split(separator).count())
            && text.split(separator).all(|part| part.len() == width && is_hex(part))
    };
    octets(':', 2, &[6, 8, 20]) || octets('-', 2, &[6, 8, 20]) || octets('.', 4, &[3, 4, 10])
}

fn is_uuid(text: &str, version: Option<char>, has_variant: bool) -> bool {
    // Each dash may be missing.
    let mut rest = text;
    for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some((part, behind)) = rest.split_at_checked(length) else {
            return false;
        };
        let first = part.chars().next().map(|first| first.to_ascii_lowercase());
        let is_right = match (index, version) {
            (2, Some(version)) => first == Some(version),
            (3, Some(_)) if has_variant => matches!(first, Some('8' | '9' | 'a' | 'b')),
            _ => true,
        };
        if !is_hex(part) || !is_right {
            return false;
        }
        rest = behind;
    }
    rest.is_empty()
}

fn is_date(text: &str) -> bool {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shape && text.parse::<Date>().is_ok()
}

fn is_date_time(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut parts = text.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else {
        return false;
    };
    let (Some(clock), Some(rest)) = (time.get(..8), time.get(8..)) else {
        return false;
    };
    let two = |from: usize, max: &str| {
        clock.get(from..from + 2).is_some_and(|digits| is_digits(digits) && digits <= max)
    };
    let is_clock = two(0, "23")
        && two(3, "59")
        && two(6, "59")
        && clock.get(2..3) == Some(":")
        && clock.get(5..6) == Some(":");
    is_date(date) && is_clock && (is_zone(rest) || has_fraction_and_zone(rest))
}

/// Any one character and digits before the zone; upstream's pattern does not ask for a point.
fn has_fraction_and_zone(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some() && {
        let digits = chars.as_str();
        let zone = digits.trim_start_matches(|char: char| char.is_ascii_digit());
        zone.len() < digits.len() && is_zone(zone)
    }
}

fn is_zone(text: &str) -> bool {
    let is_offset = |offset: &str| {
        offset.len() == 5
            && offset
                .split_once(':')
                .is_some_and(|(hours, minutes)| hours.len() == 2 && is_digits(hours) && is_digits(minutes))
    };
    text == "z" || text.strip_prefix(['+', '-']).is_some_and(is_offset)
}

/// A duration of Go, such as `1h30m`, or a number and a unit in words, such as `22 days`.
fn is_duration(text: &str) -> bool {
    const UNITS: &[&str] = &["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
    const WORDS: &[&str] = &[
        "ns",
        "nano",
        "nanosecond",
        "us",
        "µs",
        "micro",
        "microsecond",
        "ms",
        "milli",
        "millisecond",
        "s",
        "sec",
        "second",
        "m",
        "min",
        "minute",
        "h",
        "hr",
        "hour",
        "d",
        "day",
        "w",
        "wk",
        "week",
    ];
    let number = |text: &str| {
        let length = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
        let (digits, _) = text.split_at_checked(length)?;
        (digits.bytes().any(|byte| byte.is_ascii_digit()) && digits.matches('.').count() <= 1)
            .then_some(length)
    };
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut is_go = !rest.is_empty();
    while is_go && !rest.is_empty() {
        let behind = number(rest).and_then(|length| rest.get(length..));
        let unit = |behind: &&str| {
            let mut units: Vec<_> = UNITS.iter().filter(|unit| behind.starts_with(**unit)).collect();
            units.sort_by_key(|unit| std::cmp::Reverse(unit.len()));
            units.first().map(|unit| unit.len())
        };
        match behind.and_then(|behind| behind.get(unit(&behind)?..)) {
            Some(behind) => rest = behind,
            None => is_go = false,
        }
    }
    let digits = text.len() - text.trim_start_matches(|char: char| char.is_ascii_digit()).len();
    let word = text.get(digits..).unwrap_or_default().trim_start().to_lowercase();
    let word = word.strip_suffix('s').filter(|word| !word.is_empty()).unwrap_or(&word);
    is_go || digits > 0 && (WORDS.contains(&word) || WORDS.contains(&format!("{word}s").as_str()))
}

fn is_email(text: &str) -> bool {
    let address = match (text.rfind('<'), text.strip_suffix('>')) {
        (Some(start), Some(_)) => text.get(start + 1..text.len() - 1).unwrap_or_default(),
        _ => text.trim(),
    };
    let atom = |text: &str| {
        let allowed =
            |char: char| !char.is_whitespace() && !char.is_control() && !"()<>[]:;@\\,\"".contains(char);
        !text.is_empty() && text.split('.').all(|part| !part.is_empty() && part.chars().all(allowed))
    };
    address.rsplit_once('@').is_some_and(|(local, domain)| {
        let is_quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
        (is_quoted || atom(local)) && atom(domain)
    })
}

fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && is_hex(digits)
}

fn is_rgb_color(text: &str) -> bool {
    let inner = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')'));
    inner.is_some_and(|inner| {
        let part = |part: &str| {
            let part = part.trim_matches(' ');
            is_digits(part)
                && (part == "0" || !part.starts_with('0'))
                && part.parse::<u16>().is_ok_and(|part| part < 256)
        };
        inner.split(',').count() == 3 && inner.split(',').all(part)
    })
}

fn is_social_security_number(text: &str) -> bool {
    let mut rest = text;
    for (index, length) in [3, 2, 4].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(['-', ' ']).unwrap_or(rest);
        }
        let Some((part, behind)) = rest.split_at_checked(length) else {
            return false;
        };
        if !is_digits(part) {
            return false;
        }
        rest = behind;
    }
    rest.is_empty()
}

fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| digits.starts_with(prefix));
    let is_issued = match digits.len() {
        13 => starts(&["4"]),
        14 => starts(&["300", "301", "302", "303", "304", "305", "36", "38"]),
        15 => starts(&["34", "37", "2131", "1800"]),
        16 => starts(&["4", "51", "52", "53", "54", "55", "6011", "65", "35"]),
        _ => false,
    };
    is_issued && luhn(&digits)
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte.saturating_sub(b'0'));
            match (at % 2, digit * 2) {
                (0, _) => digit,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn isbn_digits(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace() && *char != '-').collect()
}

fn is_isbn10(text: &str) -> bool {
    let digits = isbn_digits(text);
    let value = |(at, byte): (usize, u8)| match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'X' if at == 9 => Some(10),
        _ => None,
    };
    let values: Option<Vec<u32>> = digits.bytes().enumerate().map(value).collect();
    values.is_some_and(|values| {
        values.len() == 10 && values.iter().zip(1..).map(|(value, at)| value * at).sum::<u32>() % 11 == 0
    })
}

fn is_isbn13(text: &str) -> bool {
    let digits = isbn_digits(text);
    let sum: u32 = digits
        .bytes()
        .zip([1, 3].into_iter().cycle())
        .map(|(byte, factor)| u32::from(byte.saturating_sub(b'0')) * factor)
        .sum();
    digits.len() == 13 && is_digits(&digits) && sum.is_multiple_of(10)
}

/// What a request names: an absolute path, or a URL with its scheme (Go's `url.ParseRequestURI`).
fn is_request_uri(text: &str) -> bool {
    let has_control = text.chars().any(char::is_control);
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let escapes = |text: &str| text.split('%').skip(1).all(|part| part.get(..2).is_some_and(is_hex));
    !has_control && escapes(text) && (text.starts_with('/') || is_scheme)
}

fn is_hostname(text: &str) -> bool {
    let letter = |char: char| {
        char.is_alphanumeric() && (char.is_alphabetic() || char.is_ascii_digit()) || is_symbol(char)
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|char| char == '-' || letter(char))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let parts: Vec<&str> = text.split('.').collect();
    let is_top_level = parts.last().is_some_and(|last| {
        parts.len() == 1 || last.chars().count() >= 2 && last.chars().all(char::is_alphabetic)
    });
    text.len() <= 255 && parts.iter().all(|part| label(part)) && is_top_level
}

/// Roughly the symbols of Unicode: what is beyond ASCII and neither letter, digit, space nor control.
fn is_symbol(char: char) -> bool {
    matches!(char, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
        || !char.is_ascii() && !char.is_alphanumeric() && !char.is_whitespace() && !char.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_has_its_texts_and_no_others() {
        for (format, yes, no) in [
            ("date-time", "2020-01-01T00:00:00Z", "2020-01-01"),
            ("date-time", "2020-01-01t23:59:59.5+01:00", "2020-01-01T24:00:00Z"),
            ("date", "2024-02-29", "2023-02-29"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
            ("uuid4", "123e4567e89b42d3a456426614174000", "123e4567-e89b-12d3-a456-426614174000"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
            ("mac", "00:1b:44:11:3a:b7", "00:1b:44"),
            ("byte", "aGk=", "a"),
            ("email", "a@example.com", "a@"),
            ("hostname", "a-b.example.com", "-a.example"),
            ("isbn", "978-0321751041", "978-0321751042"),
            ("duration", "1h30m", "1x"),
            ("duration", "22 days", "days"),
            ("uri", "https://a/b", "a/b"),
            ("k8s-short-name", "a-b", "A"),
            ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ] {
            assert!(is(format, yes), "{yes} is {format}");
            assert!(!is(format, no), "{no} is no {format}");
        }
        assert!(!is_known("int32") && is("int32", "x"));
    }

    #[test]
    fn an_integer_is_whole_and_fits() {
        assert!(is_json_integer(2.0) && is_json_integer(-3.0) && is_json_integer(0.0));
        assert!(!is_json_integer(1.5) && !is_json_integer(9_007_199_254_740_992.0));
        assert!(is_json_integer(1e9 + 0.5), "as upstream has it");
    }
}

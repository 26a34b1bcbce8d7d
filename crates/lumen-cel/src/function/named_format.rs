//! Formats by name (`apiserver/pkg/cel/library/format.go`): `format.dns1123Label().validate(text)` gives what is wrong, or nothing.

use super::{GLOBAL, MEMBER, Row, operand, utf8};
use crate::eval::{Answer, Machine, no_overload};
use crate::value::Val;

pub(super) const TABLE: &[Row] = &[
    ("format.byte", GLOBAL, 0, 0, |_, _| Ok(Val::Format("byte"))),
    ("format.date", GLOBAL, 0, 0, |_, _| Ok(Val::Format("date"))),
    ("format.datetime", GLOBAL, 0, 0, |_, _| Ok(Val::Format("datetime"))),
    ("format.dns1035Label", GLOBAL, 0, 0, |_, _| Ok(Val::Format("dns1035Label"))),
    ("format.dns1035LabelPrefix", GLOBAL, 0, 0, |_, _| Ok(Val::Format("dns1035LabelPrefix"))),
    ("format.dns1123Label", GLOBAL, 0, 0, |_, _| Ok(Val::Format("dns1123Label"))),
    ("format.dns1123LabelPrefix", GLOBAL, 0, 0, |_, _| Ok(Val::Format("dns1123LabelPrefix"))),
    ("format.dns1123Subdomain", GLOBAL, 0, 0, |_, _| Ok(Val::Format("dns1123Subdomain"))),
    ("format.dns1123SubdomainPrefix", GLOBAL, 0, 0, |_, _| Ok(Val::Format("dns1123SubdomainPrefix"))),
    ("format.labelValue", GLOBAL, 0, 0, |_, _| Ok(Val::Format("labelValue"))),
    ("format.named", GLOBAL, 1, 1, named),
    ("format.qualifiedName", GLOBAL, 0, 0, |_, _| Ok(Val::Format("qualifiedName"))),
    ("format.uri", GLOBAL, 0, 0, |_, _| Ok(Val::Format("uri"))),
    ("format.uuid", GLOBAL, 0, 0, |_, _| Ok(Val::Format("uuid"))),
    ("validate", MEMBER, 1, 1, validate),
];

const NAMES: &[&str] = &[
    "byte",
    "date",
    "datetime",
    "dns1035Label",
    "dns1035LabelPrefix",
    "dns1123Label",
    "dns1123LabelPrefix",
    "dns1123Subdomain",
    "dns1123SubdomainPrefix",
    "labelValue",
    "qualifiedName",
    "uri",
    "uuid",
];

fn named(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let name = utf8(machine, operands, 0)?;
    let found = NAMES.iter().find(|known| **known == name);
    Ok(found.map_or(Val::Optional(None), |known| Val::some(Val::Format(known))))
}

fn validate(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let Val::Format(format) = operand(operands, 0)? else { return Err(no_overload()) };
    let text = utf8(machine, operands, 1)?;
    let errors = errors(format, text);
    if errors.is_empty() {
        return Ok(Val::Optional(None));
    }
    Ok(Val::some(Val::list(errors.iter().map(|error| Val::text(error)).collect())))
}

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const OLD_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

fn too_long(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} characters"))
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Characters of a kind at both ends, and `between` also within.
fn is_framed(text: &str, end: fn(u8) -> bool, between: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let at = |byte: Option<&u8>| byte.is_some_and(|byte| end(*byte));
    at(bytes.first()) && at(bytes.last()) && bytes.iter().all(|byte| end(*byte) || between.contains(byte))
}

fn errors(format: &str, text: &str) -> Vec<String> {
    let wrong = |is_right: bool, message: &str| (!is_right).then(|| message.to_owned());
    let name = |byte: u8| byte.is_ascii_alphanumeric();
    // A prefix of a name may end in a hyphen: what is generated follows.
    let prefix = |text: &str| match text.strip_suffix('-') {
        Some(start) => format!("{start}a"),
        None => text.to_owned(),
    };
    let found = match format {
        "dns1123Label" => vec![too_long(text, 63), wrong(is_framed(text, lower, b"-"), LABEL)],
        "dns1123LabelPrefix" => return errors("dns1123Label", &prefix(text)),
        "dns1123Subdomain" => {
            let fits = text.split('.').all(|label| is_framed(label, lower, b"-"));
            vec![too_long(text, 253), wrong(fits, SUBDOMAIN)]
        }
        "dns1123SubdomainPrefix" => return errors("dns1123Subdomain", &prefix(text)),
        "dns1035Label" => {
            let fits =
                text.starts_with(|char: char| char.is_ascii_lowercase()) && is_framed(text, lower, b"-");
            vec![too_long(text, 63), wrong(fits, OLD_LABEL)]
        }
        "dns1035LabelPrefix" => return errors("dns1035Label", &prefix(text)),
        "labelValue" => {
            vec![too_long(text, 63), wrong(text.is_empty() || is_framed(text, name, b"-_."), VALUE)]
        }
        "qualifiedName" => return qualified_name(text),
        "uri" => {
            let fits = text.contains("://") && !text.contains(|char: char| char.is_control() || char == ' ');
            vec![wrong(fits, "must be a valid URI")]
        }
        "uuid" => vec![wrong(is_uuid(text), "does not match the UUID format")],
        "byte" => vec![wrong(is_base64(text), "invalid base64")],
        "date" => {
            let fits = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
            vec![wrong(fits, "invalid date")]
        }
        _ => vec![wrong(super::time::parse_timestamp(text).is_ok(), "invalid datetime")],
    };
    found.into_iter().flatten().collect()
}

fn qualified_name(text: &str) -> Vec<String> {
    let (prefix, part) = match text.rsplit_once('/') {
        Some((prefix, part)) => (Some(prefix), part),
        None => (None, text),
    };
    let mut found = Vec::new();
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            found.push("prefix part must be non-empty".to_owned());
        } else {
            found.extend(
                errors("dns1123Subdomain", prefix).into_iter().map(|error| format!("prefix part {error}")),
            );
        }
    }
    if part.is_empty() {
        found.push("name part must be non-empty".to_owned());
    } else if part.len() > 63 {
        found.push("name part must be no more than 63 characters".to_owned());
    }
    if !is_framed(part, |byte| byte.is_ascii_alphanumeric(), b"-_.") {
        found.push(QUALIFIED.to_owned());
    }
    found
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

//! What a mapping's key is called once Kubernetes has read it: keys that are no strings become strings.

use granit_parser::Tag;

use super::Style;

use crate::Str;

/// The name of a scalar key; `None` for null, which is no key.
pub(super) fn name(value: &str, style: Style, tag: Option<&Tag>) -> Option<Str> {
    if !matches!(style, Style::Plain | Style::Empty) || tag.is_some() {
        return Some(value.into());
    }
    match value {
        "" | "~" | "null" | "Null" | "NULL" => None,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            Some("true".into())
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Some("false".into())
        }
        _ => Some(integer(value).map_or_else(|| value.into(), |number| number.to_string().into())),
    }
}

/// Whether a key is YAML 1.1's merge key.
pub(super) fn is_merge(value: &str, style: Style, tag: Option<&Tag>) -> bool {
    value == "<<" && style == Style::Plain && tag.is_none_or(|tag| tag.suffix() == "merge")
}

/// An integer in the forms of YAML 1.1 that the reader takes.
fn integer(text: &str) -> Option<i128> {
    if !text.starts_with(|char: char| matches!(char, '+' | '-' | '0'..='9')) {
        return None;
    }
    let bare = text.replace('_', "");
    let (sign, digits) = match bare.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, bare.strip_prefix('+').unwrap_or(&bare)),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let parse =
        |digits: &str, radix: u32| i128::from(u64::from_str_radix(digits, radix).ok()?).checked_mul(sign);
    if let Some(digits) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return parse(digits, 16);
    }
    if let Some(digits) = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0O")) {
        return parse(digits, 8);
    }
    if let Some(digits) = digits.strip_prefix("0b").or_else(|| digits.strip_prefix("0B")) {
        return parse(digits, 2);
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return parse(digits, 8).or_else(|| parse(digits, 10));
    }
    parse(digits, 10)
}

//! Semantic versions. OPA: `v1/topdown/semver.go`, `internal/semver`.

use std::cmp::Ordering;

use lumen_value::{Number, Str, Value};

use super::strings::look;
use super::{Answer, Context, Entry, Failure, operand};

/// The family, by name.
pub const TABLE: &[Entry] = &[("semver.compare", compare), ("semver.is_valid", is_valid)];

/// A version: major, minor, patch, and what stands behind `-`.
struct Version<'a> {
    numbers: [i64; 3],
    pre_release: &'a str,
}

/// Reads a version, with or without a `v` in front.
fn parse(text: &Str) -> Option<Version<'_>> {
    let text = text.as_str()?;
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, metadata) = match text.split_once('+') {
        Some((text, metadata)) => (text, Some(metadata)),
        None => (text, None),
    };
    let (text, pre_release) = match text.split_once('-') {
        Some((text, pre_release)) => (text, Some(pre_release)),
        None => (text, None),
    };
    if !metadata.is_none_or(is_identifiers) || !pre_release.is_none_or(is_identifiers) {
        return None;
    }
    let has_leading_zero =
        |identifier: &str| identifier.len() > 1 && identifier.starts_with('0') && is_decimal(identifier);
    if pre_release.is_some_and(|text| text.split('.').any(has_leading_zero)) {
        return None;
    }
    let mut parts = text.split('.');
    let numbers =
        [parts.next().and_then(numeric)?, parts.next().and_then(numeric)?, parts.next().and_then(numeric)?];
    parts.next().is_none().then_some(Version { numbers, pre_release: pre_release.unwrap_or_default() })
}

fn is_identifiers(text: &str) -> bool {
    let is_one = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split('.').all(is_one)
}

fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn numeric(text: &str) -> Option<i64> {
    let has_leading_zero = text.len() > 1 && text.starts_with('0');
    if has_leading_zero || !is_decimal(text) { None } else { text.parse().ok() }
}

impl Version<'_> {
    fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre_release, other.pre_release) {
            (a, b) if a == b => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => {
                let (mut a, mut b) = (a.split('.'), b.split('.'));
                loop {
                    match (a.next(), b.next()) {
                        (None, None) => return Ordering::Equal,
                        (None, Some(_)) => return Ordering::Less,
                        (Some(_), None) => return Ordering::Greater,
                        (Some(a), Some(b)) => match identifiers(a, b) {
                            Ordering::Equal => {}
                            order => return order,
                        },
                    }
                }
            }
        })
    }
}

/// Numbers are less than words. Numbers too large for 64 bits count as the largest.
fn identifiers(a: &str, b: &str) -> Ordering {
    let number = |text: &str| text.parse().unwrap_or(i64::MAX);
    match (is_decimal(a), is_decimal(b)) {
        (true, true) => number(a).cmp(&number(b)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

fn compare(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (a, b) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    look(context.budget, a.as_bytes().len() + b.as_bytes().len())?;
    let invalid = |position: usize, text: &Str| {
        let mut quoted = Vec::new();
        crate::unicode::quote(text.as_bytes(), false, &mut quoted);
        let quoted = String::from_utf8_lossy(&quoted).into_owned();
        Failure::Builtin(format!("operand {position}: string {quoted} is not a valid SemVer"))
    };
    let first = parse(a).ok_or_else(|| invalid(1, a))?;
    let second = parse(b).ok_or_else(|| invalid(2, b))?;
    Ok(Value::Number(Number::from(first.compare(&second) as i64)))
}

/// What is no string is no version.
fn is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let Value::String(text) = operand::any(operands, 1)? else { return Ok(Value::Bool(false)) };
    look(context.budget, text.as_bytes().len())?;
    Ok(Value::Bool(parse(text).is_some()))
}

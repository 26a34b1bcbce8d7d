//! Semantic versions (semver.org, version 2).

use std::cmp::Ordering;

use super::{GLOBAL, MEMBER, Row, operand, utf8};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::Val;

pub(super) const TABLE: &[Row] = &[
    ("isSemver", GLOBAL, 1, 2, |machine, operands| Ok(Val::Bool(read(machine, operands)?.is_some()))),
    ("major", MEMBER, 0, 0, |_, operands| part(operands, 0)),
    ("minor", MEMBER, 0, 0, |_, operands| part(operands, 1)),
    ("patch", MEMBER, 0, 0, |_, operands| part(operands, 2)),
    ("semver", GLOBAL, 1, 2, |machine, operands| {
        let version = read(machine, operands)?.ok_or_else(|| Fault::new("invalid semantic version"))?;
        Ok(Val::Semver(version.into()))
    }),
];

/// A version.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    numbers: [u64; 3],
    pre: Vec<String>,
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (rest, build) = match text.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (text, None),
        };
        let (core, pre) = match rest.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (rest, None),
        };
        let is_identifier = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_padded = |part: &str| part.len() > 1 && part.starts_with('0') && is_number(part);
        if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
            return None;
        }
        let pre: Vec<String> = pre.map_or_else(Vec::new, |pre| pre.split('.').map(str::to_owned).collect());
        if pre.iter().any(|part| !is_identifier(part) || is_padded(part)) {
            return None;
        }
        let mut parts = core.split('.').map(|part| {
            let fits = !part.is_empty() && is_number(part) && !is_padded(part);
            if fits { part.parse::<u64>().ok() } else { None }
        });
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(Self { numbers, pre })
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let by_numbers = self.numbers.cmp(&other.numbers);
        by_numbers.then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_parts(&self.pre, &other.pre),
        })
    }
}

fn compare_parts(a: &[String], b: &[String]) -> Ordering {
    let number =
        |part: &String| if part.bytes().all(|byte| byte.is_ascii_digit()) { Some(part.len()) } else { None };
    for (a, b) in a.iter().zip(b) {
        let order = match (number(a), number(b)) {
            (Some(a_length), Some(b_length)) => a_length.cmp(&b_length).then_with(|| a.cmp(b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// With a true operand 1, a `v` in front, missing parts and zeros in front are put right first.
fn read(machine: &mut Machine<'_>, operands: &[Val]) -> Result<Option<Version>, Fault> {
    let text = utf8(machine, operands, 0)?;
    match operands.get(1) {
        None | Some(Val::Bool(false)) => Ok(Version::parse(text)),
        Some(Val::Bool(true)) => Ok(normal(text).and_then(|text| Version::parse(&text))),
        Some(_) => Err(no_overload()),
    }
}

/// `None` where a short version has more behind it.
fn normal(text: &str) -> Option<String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let mut parts: Vec<&str> = core
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            trimmed => trimmed,
        })
        .collect();
    if parts.len() < 3 && !rest.is_empty() {
        return None;
    }
    while parts.len() < 3 {
        parts.push("0");
    }
    Some(format!("{}{rest}", parts.join(".")))
}

fn part(operands: &[Val], index: usize) -> Answer {
    let Val::Semver(version) = operand(operands, 0)? else { return Err(no_overload()) };
    let number = version.numbers.get(index).copied().unwrap_or_default();
    i64::try_from(number).map(Val::Int).map_err(|_| Fault::new("integer overflow"))
}

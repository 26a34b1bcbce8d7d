//! Texts: CEL's own, cel-go's strings extension (version 2), and Kubernetes' `find` and `findAll`.

use lumen_value::Str;

use super::{GLOBAL, MEMBER, Row, int_of, list_of, operand, text_of, utf8};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::Val;

pub(super) const TABLE: &[Row] = &[
    ("charAt", MEMBER, 1, 1, char_at),
    ("contains", MEMBER, 1, 1, |machine, operands| {
        let (text, part) = (text_of(machine, operands, 0)?, text_of(machine, operands, 1)?);
        Ok(Val::Bool(find(text.as_bytes(), part.as_bytes()).is_some()))
    }),
    ("endsWith", MEMBER, 1, 1, |machine, operands| {
        let (text, part) = (text_of(machine, operands, 0)?, text_of(machine, operands, 1)?);
        Ok(Val::Bool(text.as_bytes().ends_with(part.as_bytes())))
    }),
    ("find", MEMBER, 1, 1, find_pattern),
    ("findAll", MEMBER, 1, 2, find_all),
    ("format", MEMBER, 1, 1, super::print::format),
    ("indexOf", MEMBER, 1, 2, index_of),
    ("join", MEMBER, 0, 1, join),
    ("lastIndexOf", MEMBER, 1, 2, last_index_of),
    ("lowerAscii", MEMBER, 0, 0, |machine, operands| {
        Ok(Val::text(&utf8(machine, operands, 0)?.to_ascii_lowercase()))
    }),
    ("matches", GLOBAL, 2, 2, matches),
    ("matches", MEMBER, 1, 1, matches),
    ("replace", MEMBER, 2, 3, replace),
    ("split", MEMBER, 1, 2, split),
    ("startsWith", MEMBER, 1, 1, |machine, operands| {
        let (text, part) = (text_of(machine, operands, 0)?, text_of(machine, operands, 1)?);
        Ok(Val::Bool(text.as_bytes().starts_with(part.as_bytes())))
    }),
    ("strings.quote", GLOBAL, 1, 1, quote),
    ("substring", MEMBER, 1, 2, substring),
    ("trim", MEMBER, 0, 0, |machine, operands| Ok(Val::text(utf8(machine, operands, 0)?.trim()))),
    ("upperAscii", MEMBER, 0, 0, |machine, operands| {
        Ok(Val::text(&utf8(machine, operands, 0)?.to_ascii_uppercase()))
    }),
];

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    // Both are UTF-8 nearly always; the search of texts is linear.
    match (std::str::from_utf8(text), std::str::from_utf8(part)) {
        (Ok(text), Ok(part)) => text.find(part),
        _ => None,
    }
}

fn out_of_range(index: i64) -> Fault {
    Fault::new(format!("index out of range: {index}"))
}

/// The byte where the character of an index begins; the end counts as one.
fn byte_of(text: &str, index: i64) -> Result<usize, Fault> {
    let index_ = usize::try_from(index).map_err(|_| out_of_range(index))?;
    let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    places.nth(index_).ok_or_else(|| out_of_range(index))
}

/// The byte where a search begins; `None` behind the end, where nothing is found.
fn place_of(text: &str, index: i64) -> Result<Option<usize>, Fault> {
    if index < 0 { Err(out_of_range(index)) } else { Ok(byte_of(text, index).ok()) }
}

fn characters(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn char_at(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let text = utf8(machine, operands, 0)?;
    let rest = text.get(byte_of(text, int_of(operands, 1)?)?..).unwrap_or_default();
    Ok(Val::text(rest.chars().next().map(String::from).unwrap_or_default().as_str()))
}

/// On texts, and on lists (Kubernetes' library).
fn index_of(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    if let Val::List(list) = operand(operands, 0)? {
        return super::list::index_of(machine, list, operand(operands, 1)?, false);
    }
    let (text, part) = (utf8(machine, operands, 0)?, utf8(machine, operands, 1)?);
    let start = if operands.len() > 2 {
        match place_of(text, int_of(operands, 2)?)? {
            Some(start) => start,
            None => return Ok(Val::Int(-1)),
        }
    } else {
        0
    };
    let (before, rest) = text.split_at_checked(start).unwrap_or(("", text));
    Ok(match rest.find(part) {
        Some(at) => Val::Int(characters(before) + characters(rest.get(..at).unwrap_or_default())),
        None => Val::Int(-1),
    })
}

fn last_index_of(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    if let Val::List(list) = operand(operands, 0)? {
        return super::list::index_of(machine, list, operand(operands, 1)?, true);
    }
    let (text, part) = (utf8(machine, operands, 0)?, utf8(machine, operands, 1)?);
    let last = if operands.len() > 2 {
        match place_of(text, int_of(operands, 2)?)? {
            Some(last) => last,
            None => return Ok(Val::Int(-1)),
        }
    } else {
        text.len()
    };
    let searched = text.get(..(last + part.len()).min(text.len())).unwrap_or(text);
    Ok(match searched.rfind(part) {
        Some(at) => Val::Int(characters(text.get(..at).unwrap_or_default())),
        None => Val::Int(-1),
    })
}

fn join(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let list = list_of(operands, 0)?;
    let separator = if operands.len() > 1 { text_of(machine, operands, 1)?.clone() } else { Str::from("") };
    machine.pay(list.len())?;
    let mut out = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let Val::Text(item) = item else { return Err(no_overload()) };
        machine.pay_bytes(item.as_bytes().len() + separator.as_bytes().len())?;
        if index > 0 {
            out.extend_from_slice(separator.as_bytes());
        }
        out.extend_from_slice(item.as_bytes());
    }
    Ok(Val::Text(Str::from_bytes(&out)))
}

fn limit(operands: &[Val], index: usize) -> Result<Option<usize>, Fault> {
    if operands.len() <= index {
        return Ok(None);
    }
    // What is negative is no limit.
    Ok(usize::try_from(int_of(operands, index)?).ok())
}

fn replace(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let text = utf8(machine, operands, 0)?;
    let (old, new) = (utf8(machine, operands, 1)?, utf8(machine, operands, 2)?);
    let most = limit(operands, 3)?.unwrap_or(usize::MAX);
    let found = text.matches(old).take(most).count();
    machine.pay_bytes(found.saturating_mul(new.len()))?;
    Ok(Val::text(&text.replacen(old, new, most)))
}

fn split(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let (text, separator) = (utf8(machine, operands, 0)?, utf8(machine, operands, 1)?);
    let most = limit(operands, 2)?.unwrap_or(usize::MAX);
    if most == 0 {
        return Ok(Val::list(Vec::new()));
    }
    let parts: Vec<&str> = if separator.is_empty() {
        let mut rest = text;
        let mut parts = Vec::new();
        while parts.len() + 1 < most
            && let Some(char) = rest.chars().next()
            && rest.len() > char.len_utf8()
        {
            let (first, after) = rest.split_at_checked(char.len_utf8()).unwrap_or((rest, ""));
            machine.pay(1)?;
            parts.push(first);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(rest);
        }
        parts
    } else {
        machine.pay(text.matches(separator).count())?;
        text.splitn(most, separator).collect()
    };
    Ok(Val::list(parts.into_iter().map(Val::text).collect()))
}

fn substring(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let text = utf8(machine, operands, 0)?;
    let start = int_of(operands, 1)?;
    let from = byte_of(text, start)?;
    let to = if operands.len() > 2 {
        let end = int_of(operands, 2)?;
        if start > end {
            return Err(Fault::new(format!("invalid substring range. start: {start}, end: {end}")));
        }
        byte_of(text, end)?
    } else {
        text.len()
    };
    Ok(Val::text(text.get(from..to).unwrap_or_default()))
}

fn quote(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    Ok(Val::text(&quoted(utf8(machine, operands, 0)?)))
}

/// A text in quotes, with escapes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        let escape = match char {
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{b}' => "\\v",
            '\\' => "\\\\",
            '"' => "\\\"",
            other => {
                out.push(other);
                continue;
            }
        };
        out.push_str(escape);
    }
    out.push('"');
    out
}

/// Longest regular expression, in bytes.
const PATTERN_BYTES_MAX: usize = 10_000;

/// Most regular expressions that are kept during an evaluation.
const PATTERNS_MAX: usize = 100;

/// The compiled form of a pattern. Compiling costs more than matching.
fn pattern(machine: &mut Machine<'_>, text: &Str) -> Result<regex::Regex, Fault> {
    if let Some(known) = machine.patterns.get(text) {
        return Ok(known.clone());
    }
    let source = text.as_str().filter(|source| source.len() <= PATTERN_BYTES_MAX);
    let source = source.ok_or_else(|| Fault::new("error parsing regexp: expression too large"))?;
    machine.pay(100 + 10 * source.len())?;
    let made = lumen_regex::compile(source, lumen_regex::KEPT_PROGRAM_BYTES_MAX).map_err(Fault::new)?;
    if machine.patterns.len() < PATTERNS_MAX {
        machine.patterns.insert(text.clone(), made.clone());
    }
    Ok(made)
}

/// Pays for matching: the time is that of the text and the pattern together.
fn pay_matching(machine: &mut Machine<'_>, text: &str, pattern: &Str) -> Result<(), Fault> {
    machine.pay(text.len() / 16 * (1 + pattern.as_bytes().len() / 16))
}

fn matches(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let (text, source) = (utf8(machine, operands, 0)?, text_of(machine, operands, 1)?);
    pay_matching(machine, text, source)?;
    Ok(Val::Bool(pattern(machine, source)?.is_match(text)))
}

fn find_pattern(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let (text, source) = (utf8(machine, operands, 0)?, text_of(machine, operands, 1)?);
    pay_matching(machine, text, source)?;
    let found = pattern(machine, source)?;
    Ok(Val::text(found.find(text).map_or("", |found| found.as_str())))
}

fn find_all(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let (text, source) = (utf8(machine, operands, 0)?, text_of(machine, operands, 1)?);
    let most = limit(operands, 2)?.unwrap_or(usize::MAX);
    pay_matching(machine, text, source)?;
    let pattern = pattern(machine, source)?;
    let mut found = Vec::new();
    for hit in pattern.find_iter(text).take(most) {
        machine.pay(1)?;
        found.push(Val::text(hit.as_str()));
    }
    Ok(Val::list(found))
}

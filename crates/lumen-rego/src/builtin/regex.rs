//! Regular expressions: Go's syntax and Go's answers, by the `regex` library. OPA: `v1/topdown/regex.go`.
//!
//! Where the two differ by nature: the library's Unicode is newer than Go's (16 against 15), and a pattern that needs more
//! memory than any may take ends with the budget.

mod intersect;
mod replace;

use std::borrow::Cow;
use std::sync::Arc;

use lumen_value::{Str, Value};

use super::{Answer, Budget, Context, Entry, Failure, operand};
use crate::unicode;
use lumen_regex::{Refusal, Translated, translate};

/// The family, by name.
pub const TABLE: &[Entry] = &[
    ("re_match", is_match),
    ("regex.find_all_string_submatch_n", find_all_submatches),
    ("regex.find_n", find),
    ("regex.globs_match", globs_match),
    ("regex.is_valid", is_valid),
    ("regex.match", is_match),
    ("regex.replace", replace::replace),
    ("regex.split", split),
    ("regex.template_match", template_match),
];

/// A pattern, ready for use.
pub(super) struct Pattern {
    regex: regex::Regex,
    /// The names of the groups, from the first.
    names: Vec<String>,
    size: u64,
}

/// Compiles a pattern that the library reads.
pub(super) fn build(pattern: &str) -> Result<regex::Regex, Failure> {
    lumen_regex::build(pattern).ok_or(Failure::Budget)
}

/// A pattern in Go's syntax for other families, with about how many instructions it takes; nothing where it is none or too large.
pub(super) fn pattern(text: &str) -> Option<(regex::Regex, u64)> {
    let translated = translate(text, None).ok()?;
    Some((build(&translated.pattern).ok()?, translated.size))
}

fn parse(text: &Str) -> Result<Translated, Failure> {
    let haystack = Haystack::of(text);
    translate(&haystack.text, haystack.strays.first().copied()).map_err(|refusal| match refusal {
        Refusal::Syntax(message) => Failure::Builtin(format!("error parsing regexp: {message}")),
        Refusal::Large => Failure::Budget,
    })
}

fn compile(context: &mut Context<'_>, text: &Str) -> Result<Arc<Pattern>, Failure> {
    // The same whether the pattern is known already or not.
    context.budget.steps(1 + u64::try_from(text.as_bytes().len() / 8).unwrap_or(u64::MAX))?;
    context.cache.get("regex", text, || {
        let translated = parse(text)?;
        let regex = build(&translated.pattern)?;
        Ok(Pattern { regex, names: translated.names, size: translated.size })
    })
}

/// Takes the steps of a search through so many bytes.
pub(super) fn charge_search(budget: &mut Budget, size: u64, bytes: usize) -> Result<(), Failure> {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    budget.steps(1 + bytes.saturating_mul(64 + size) / 4_096)
}

/// A text to be searched: as UTF-8, and where in it something else stood.
struct Haystack<'a> {
    bytes: &'a [u8],
    text: Cow<'a, str>,
    /// The places in the text of what stands for one byte each.
    strays: Vec<usize>,
}

impl<'a> Haystack<'a> {
    fn of(text: &'a Str) -> Self {
        let bytes = text.as_bytes();
        let text = text.to_text();
        let mut strays = Vec::new();
        if matches!(text, Cow::Owned(_)) {
            let strayed = unicode::runes(bytes).filter(|rune| rune.char.is_none()).enumerate();
            strays.extend(strayed.map(|(index, rune)| rune.at + 2 * index));
        }
        Self { bytes, text, strays }
    }

    /// The bytes behind a part of the text.
    fn part(&self, start: usize, end: usize) -> &'a [u8] {
        let real = |at: usize| at - 2 * self.strays.partition_point(|stray| *stray < at);
        self.bytes.get(real(start)..real(end)).unwrap_or_default()
    }
}

/// The places of a match and of its groups.
type Groups = Vec<Option<(usize, usize)>>;

/// The matches, at the most `limit`, where it is not negative.
fn matches(
    context: &mut Context<'_>,
    pattern: &Pattern,
    haystack: &Haystack<'_>,
    limit: i64,
    groups: bool,
) -> Result<Vec<Groups>, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let text = haystack.text.as_ref();
    charge_search(context.budget, pattern.size, text.len())?;
    let mut found = Vec::new();
    let mut charge = |end: usize, count: usize| {
        context.budget.values(count)?;
        charge_search(context.budget, pattern.size, (text.len() - end) / 64)
    };
    if groups {
        for captures in pattern.regex.captures_iter(text).take(limit) {
            let count = pattern.names.len() + 1;
            charge(captures.get(0).map_or(0, |group| group.end()), count)?;
            let group = |index| captures.get(index).map(|group| (group.start(), group.end()));
            found.push((0..count).map(group).collect());
        }
    } else {
        for one in pattern.regex.find_iter(text).take(limit) {
            charge(one.end(), 1)?;
            found.push(vec![Some((one.start(), one.end()))]);
        }
    }
    Ok(found)
}

fn is_match(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (pattern, text) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    let pattern = compile(context, pattern)?;
    charge_search(context.budget, pattern.size, text.as_bytes().len())?;
    Ok(Value::Bool(pattern.regex.is_match(&text.to_text())))
}

/// Whether the text is a pattern; what is no string is none.
fn is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let Value::String(text) = operand::any(operands, 1)? else { return Ok(Value::Bool(false)) };
    context.budget.steps(1 + u64::try_from(text.as_bytes().len() / 8).unwrap_or(u64::MAX))?;
    match parse(text) {
        Ok(_) => Ok(Value::Bool(true)),
        Err(Failure::Builtin(_)) => Ok(Value::Bool(false)),
        Err(other) => Err(other),
    }
}

fn value(haystack: &Haystack<'_>, place: Option<(usize, usize)>) -> Value {
    let (start, end) = place.unwrap_or_default();
    Value::String(Str::from_bytes(haystack.part(start, end)))
}

fn find(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (pattern, text) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    let limit = operand::integer(operands, 3)?;
    let pattern = compile(context, pattern)?;
    let haystack = Haystack::of(text);
    let found = matches(context, &pattern, &haystack, limit, false)?;
    context.budget.text(text.as_bytes().len())?;
    let items = found.iter().map(|groups| value(&haystack, groups.first().copied().flatten()));
    Ok(Value::Array(items.collect()))
}

fn find_all_submatches(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (pattern, text) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    let limit = operand::integer(operands, 3)?;
    let pattern = compile(context, pattern)?;
    let haystack = Haystack::of(text);
    let found = matches(context, &pattern, &haystack, limit, true)?;
    let mut items = Vec::with_capacity(found.len());
    for groups in &found {
        let bytes = groups.iter().flatten().map(|(start, end)| end - start).sum();
        context.budget.text(bytes)?;
        items.push(Value::Array(groups.iter().map(|group| value(&haystack, *group)).collect()));
    }
    Ok(Value::Array(items.into()))
}

fn split(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (pattern_text, text) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    let pattern = compile(context, pattern_text)?;
    let haystack = Haystack::of(text);
    if text.is_empty() && !pattern_text.is_empty() {
        return Ok(Value::Array([Value::String("".into())].into_iter().collect()));
    }
    let found = matches(context, &pattern, &haystack, -1, false)?;
    context.budget.text(text.as_bytes().len())?;
    let (mut items, mut start, mut end) = (Vec::new(), 0, 0);
    for (from, to) in found.iter().filter_map(|groups| groups.first().copied().flatten()) {
        end = from;
        if to != 0 {
            items.push(value(&haystack, Some((start, end))));
        }
        start = to;
    }
    if end != haystack.text.len() {
        items.push(value(&haystack, Some((start, haystack.text.len()))));
    }
    Ok(Value::Array(items.into()))
}

fn globs_match(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (left, right) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    intersect::non_empty(&left.to_text(), &right.to_text(), context.budget).map(Value::Bool)
}

/// Text with patterns between delimiters.
fn template_match(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (template, text) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    let (start, end) = (operand::string(operands, 3)?.as_bytes(), operand::string(operands, 4)?.as_bytes());
    let wrong = |which: &str| {
        let message =
            format!("{which} delimiter has to be exactly one character long but is {} long", start.len());
        Failure::Builtin(message)
    };
    let [start_byte] = start else { return Err(wrong("start")) };
    let [end_byte] = end else { return Err(wrong("end")) };
    let pattern = template_pattern(context, template.as_bytes(), *start_byte, *end_byte)?;
    let pattern = compile(context, &pattern)?;
    charge_search(context.budget, pattern.size, text.as_bytes().len())?;
    Ok(Value::Bool(pattern.regex.is_match(&text.to_text())))
}

fn template_pattern(context: &mut Context<'_>, template: &[u8], start: u8, end: u8) -> Result<Str, Failure> {
    context.budget.text(template.len().saturating_mul(4))?;
    let unbalanced = || {
        let mut quoted = Vec::new();
        unicode::quote(template, false, &mut quoted);
        Failure::Builtin(format!("unbalanced braces in {}", String::from_utf8_lossy(&quoted)))
    };
    let (mut level, mut from, mut places) = (0_u64, 0, Vec::new());
    for (at, byte) in template.iter().enumerate() {
        if *byte == start {
            level += 1;
            if level == 1 {
                from = at;
            }
        } else if *byte == end {
            level = level.checked_sub(1).ok_or_else(unbalanced)?;
            if level == 0 {
                places.push((from, at));
            }
        }
    }
    if level != 0 {
        return Err(unbalanced());
    }
    let mut pattern = b"^".to_vec();
    let mut behind = 0;
    for (from, to) in places {
        quote_meta(template.get(behind..from).unwrap_or_default(), &mut pattern);
        let inner = template.get(from + 1..to).unwrap_or_default();
        compile(context, &Str::from_bytes(&[b"^", inner, b"$"].concat()))?;
        pattern.push(b'(');
        pattern.extend_from_slice(inner);
        pattern.push(b')');
        behind = to + 1;
    }
    quote_meta(template.get(behind..).unwrap_or_default(), &mut pattern);
    pattern.push(b'$');
    Ok(Str::from_bytes(&pattern))
}

/// Escapes what has a meaning in a pattern.
fn quote_meta(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
}

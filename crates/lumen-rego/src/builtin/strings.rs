//! Strings. Lengths and indexes count characters; a byte that is no UTF-8 is one. OPA: `v1/topdown/strings.go`.

use lumen_value::{Number, Str, Value};

use super::{Answer, Budget, Context, Entry, Failure, operand};
use crate::{term, unicode};

mod affix;
mod replace;
mod trim;

/// The family, by name.
pub const TABLE: &[Entry] = &[
    ("concat", concat),
    ("contains", |context, operands| test(context, operands, |text, part| find(text, part).is_some())),
    ("endswith", |context, operands| test(context, operands, <[u8]>::ends_with)),
    ("indexof", index_of),
    ("indexof_n", index_of_n),
    ("internal.template_string", template_string),
    ("lower", |context, operands| map(context, operands, unicode::to_lower)),
    ("replace", replace::replace),
    ("split", split),
    ("startswith", |context, operands| test(context, operands, <[u8]>::starts_with)),
    ("strings.any_prefix_match", affix::any_prefix_match),
    ("strings.any_suffix_match", affix::any_suffix_match),
    ("strings.count", count),
    ("strings.replace_n", replace::replace_n),
    ("strings.reverse", reverse),
    ("strings.split_n", split_n),
    ("substring", substring),
    ("trim", trim::trim),
    ("trim_left", trim::trim_left),
    ("trim_prefix", trim::trim_prefix),
    ("trim_right", trim::trim_right),
    ("trim_space", trim::trim_space),
    ("trim_suffix", trim::trim_suffix),
    ("upper", |context, operands| map(context, operands, unicode::to_upper)),
];

/// Bytes that one step of the budget looks through.
const STEP_BYTES: usize = 64;

/// Takes the steps of looking through so many bytes.
pub(crate) fn look(budget: &mut Budget, bytes: usize) -> Result<(), Failure> {
    budget.steps(1 + u64::try_from(bytes / STEP_BYTES).unwrap_or(u64::MAX))
}

/// A string value, its bytes charged.
pub(super) fn string(budget: &mut Budget, bytes: &[u8]) -> Answer {
    budget.text(bytes.len())?;
    Ok(Value::String(Str::from_bytes(bytes)))
}

/// Where a part begins in a text.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

fn number(count: usize) -> Value {
    Value::Number(Number::from(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn test(context: &mut Context<'_>, operands: &[Value], holds: fn(&[u8], &[u8]) -> bool) -> Answer {
    let (text, part) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    look(context.budget, text.as_bytes().len() + part.as_bytes().len())?;
    Ok(Value::Bool(holds(text.as_bytes(), part.as_bytes())))
}

/// The elements of an array or a set, in order.
pub(super) fn elements(value: &Value) -> Option<std::slice::Iter<'_, Value>> {
    match value {
        Value::Array(array) => Some(array.iter()),
        Value::Set(set) => Some(set.iter()),
        _ => None,
    }
}

fn concat(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let separator = operand::string(operands, 1)?.as_bytes();
    let collection = operand::any(operands, 2)?;
    let items = elements(collection).ok_or_else(|| operand::wrong(2, "one of {set, array}", collection))?;
    context.budget.steps(u64::try_from(items.len()).unwrap_or(u64::MAX))?;
    let mut length = separator.len().saturating_mul(items.len().saturating_sub(1));
    let mut parts = Vec::with_capacity(items.len());
    for item in items {
        let Value::String(part) = item else {
            return Err(operand::wrong_element(2, collection, "string", item));
        };
        length = length.saturating_add(part.as_bytes().len());
        parts.push(part.as_bytes());
    }
    context.budget.text(length)?;
    Ok(Value::String(Str::from_bytes(&parts.join(separator))))
}

/// The operands of a search: a text and a part that is not empty, both as characters.
fn search<'a>(
    context: &mut Context<'_>,
    operands: &'a [Value],
) -> Result<(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>), Failure> {
    let (text, part) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    if part.is_empty() {
        return Err(Failure::Builtin("empty search character".to_owned()));
    }
    look(context.budget, text.as_bytes().len() + part.as_bytes().len())?;
    Ok((text.to_text(), part.to_text()))
}

fn index_of(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (text, part) = search(context, operands)?;
    let index = find(text.as_bytes(), part.as_bytes()).and_then(|at| text.as_bytes().get(..at));
    Ok(index.map_or_else(|| Value::Number(Number::from(-1)), |before| number(unicode::rune_count(before))))
}

/// All places, also those that overlap.
fn index_of_n(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (text, part) = search(context, operands)?;
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let finder = memchr::memmem::Finder::new(part);
    let mut items = Vec::new();
    let (mut offset, mut index) = (0, 0);
    let width = unicode::runes(part).next().map_or(1, |rune| rune.bytes.len());
    while let Some(rest) = text.get(offset..) {
        look(context.budget, part.len())?;
        let Some(at) = finder.find(rest) else { break };
        index += unicode::rune_count(rest.get(..at).unwrap_or_default());
        context.budget.values(1)?;
        items.push(number(index));
        offset += at + width;
        index += 1;
    }
    Ok(Value::Array(items.into()))
}

fn substring(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?;
    let (start, length) = (operand::integer(operands, 2)?, operand::integer(operands, 3)?);
    let start = usize::try_from(start).map_err(|_| Failure::Builtin("negative offset".to_owned()))?;
    let bytes = text.as_bytes();
    look(context.budget, bytes.len())?;
    let length = usize::try_from(length).ok();
    if bytes.is_ascii() {
        let end = length.map_or(bytes.len(), |length| start.saturating_add(length).min(bytes.len()));
        return string(context.budget, bytes.get(start..end).unwrap_or_default());
    }
    if start == 0 && length.is_some_and(|length| length >= unicode::rune_count(bytes)) {
        return Ok(Value::String(text.clone()));
    }
    let text = text.to_text();
    let place = |count: usize, text: &str| text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    let (_, rest) = text.split_at(place(start, &text));
    let (part, _) = rest.split_at(length.map_or(rest.len(), |length| place(length, rest)));
    string(context.budget, part.as_bytes())
}

/// Not overlapping; of the empty string, one more than there are characters.
fn count(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (text, part) = (operand::string(operands, 1)?.as_bytes(), operand::string(operands, 2)?.as_bytes());
    look(context.budget, text.len() + part.len())?;
    if part.is_empty() {
        return Ok(number(unicode::rune_count(text) + 1));
    }
    Ok(number(memchr::memmem::find_iter(text, part).count()))
}

/// Maps each character. A byte that is no UTF-8 becomes U+FFFD.
fn map(context: &mut Context<'_>, operands: &[Value], mapped: fn(char) -> char) -> Answer {
    let text = operand::string(operands, 1)?;
    look(context.budget, text.as_bytes().len())?;
    if text.as_bytes().iter().all(|byte| byte.is_ascii() && mapped(char::from(*byte)) == char::from(*byte)) {
        return Ok(Value::String(text.clone()));
    }
    // A character's other case may take half as many bytes again.
    context.budget.text(text.as_bytes().len().saturating_mul(2))?;
    Ok(Value::String(text.to_text().chars().map(mapped).collect::<String>().into()))
}

/// The pieces between separators; with an empty one, the characters.
fn pieces<'a>(text: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    if separator.is_empty() {
        return unicode::runes(text).map(|rune| rune.bytes).collect();
    }
    let mut start = 0;
    let mut pieces = Vec::new();
    for at in memchr::memmem::find_iter(text, separator) {
        pieces.push(text.get(start..at).unwrap_or_default());
        start = at + separator.len();
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}

fn array(context: &mut Context<'_>, pieces: &[&[u8]]) -> Answer {
    context.budget.values(pieces.len())?;
    Ok(Value::Array(pieces.iter().map(|piece| Value::String(Str::from_bytes(piece))).collect()))
}

/// Takes what splitting a text may make, before it is made.
fn charge_pieces(context: &mut Context<'_>, text: &[u8], separator: &[u8]) -> Result<(), Failure> {
    look(context.budget, text.len() + separator.len())?;
    let most = text.len() / separator.len().max(1);
    if most > 10_000 && !separator.is_empty() {
        let count = memchr::memmem::find_iter(text, separator).count();
        return context.budget.values(count);
    }
    context.budget.text(text.len())
}

fn split(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (text, separator) =
        (operand::string(operands, 1)?.as_bytes(), operand::string(operands, 2)?.as_bytes());
    charge_pieces(context, text, separator)?;
    array(context, &pieces(text, separator))
}

/// The first pieces, or with a negative number the last.
fn split_n(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (text, separator) =
        (operand::string(operands, 1)?.as_bytes(), operand::string(operands, 2)?.as_bytes());
    let wanted = operand::integer(operands, 3)?;
    charge_pieces(context, text, separator)?;
    let pieces = pieces(text, separator);
    let count = usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX).min(pieces.len());
    let kept = if wanted < 0 { pieces.get(pieces.len() - count..) } else { pieces.get(..count) };
    array(context, kept.unwrap_or_default())
}

fn reverse(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?.as_bytes();
    look(context.budget, text.len())?;
    context.budget.text(text.len().saturating_mul(2))?;
    let mut reversed = Vec::with_capacity(text.len());
    if text.is_ascii() {
        reversed.extend(text.iter().rev());
    } else {
        let runes: Vec<_> = unicode::runes(text).map(|rune| rune.bytes).collect();
        reversed.extend(runes.into_iter().rev().flatten());
    }
    Ok(Value::String(Str::from_bytes(&reversed)))
}

/// What `$"..{x}.."` becomes: strings as they are, sets of one or no value for what is inserted.
fn template_string(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let mut text = Vec::new();
    for part in operand::array(operands, 1)? {
        context.budget.steps(1)?;
        let inserted = match part {
            Value::Set(set) if set.is_empty() => {
                text.extend_from_slice(b"<undefined>");
                continue;
            }
            Value::Set(set) if set.len() > 1 => {
                return Err(Failure::Halt("template-strings must not produce multiple outputs".to_owned()));
            }
            Value::Set(set) => set.iter().next().unwrap_or(&Value::Null),
            Value::Array(_) | Value::Object(_) => {
                return Err(Failure::Halt(format!("illegal argument type: {}", operand::type_name(part))));
            }
            scalar => scalar,
        };
        match inserted {
            Value::String(part) => {
                context.budget.text(part.as_bytes().len())?;
                text.extend_from_slice(part.as_bytes());
            }
            other => {
                context.budget.tree(other)?;
                let part = term::whole(other);
                context.budget.text(part.len())?;
                text.extend_from_slice(part.as_bytes());
            }
        }
    }
    Ok(Value::String(Str::from_bytes(&text)))
}

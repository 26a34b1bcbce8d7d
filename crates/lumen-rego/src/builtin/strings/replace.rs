//! Replacing parts of a text, as Go's `strings.Replacer` does: from left to right, at each place the first of the
//! patterns that fits, never what was replaced already.

use lumen_value::{Str, Value};

use super::look;
use crate::builtin::{Answer, Budget, Context, Failure, operand};

pub(super) fn replace(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?;
    let (old, new) = (operand::string(operands, 2)?, operand::string(operands, 3)?);
    replaced(context, text, &[(old.as_bytes(), new.as_bytes())])
}

pub(super) fn replace_n(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let patterns = operand::object(operands, 1)?;
    let text = operand::string(operands, 2)?;
    context.budget.values(patterns.len())?;
    let mut pairs = Vec::with_capacity(patterns.len());
    for (key, value) in patterns.iter() {
        let wrong = |part| Failure::Type(format!("operand 1 non-string {part} found in pattern object"));
        let Value::String(key) = key else { return Err(wrong("key")) };
        let Value::String(value) = value else { return Err(wrong("value")) };
        pairs.push((key.as_bytes(), value.as_bytes()));
    }
    replaced(context, text, &pairs)
}

/// The pairs are sorted by what they replace: of two that fit at one place the first is a prefix of the other, so no
/// pattern that has another as its prefix is ever used, and at most one of those left fits.
fn replaced(context: &mut Context<'_>, text: &Str, pairs: &[(&[u8], &[u8])]) -> Answer {
    let mut used: Vec<(&[u8], &[u8])> = Vec::with_capacity(pairs.len());
    let empty = pairs.first().filter(|(old, _)| old.is_empty()).map(|(_, new)| *new);
    for (old, new) in pairs.iter().filter(|(old, _)| !old.is_empty()) {
        if !used.last().is_some_and(|(shorter, _)| old.starts_with(shorter)) {
            used.push((old, new));
        }
    }
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    if let (None, [(old, new)]) = (empty, used.as_slice()) {
        look(context.budget, bytes.len() + old.len())?;
        let mut start = 0;
        for at in memchr::memmem::find_iter(bytes, old) {
            push(context.budget, &mut out, bytes.get(start..at).unwrap_or_default())?;
            push(context.budget, &mut out, new)?;
            start = at + old.len();
        }
        if start == 0 && out.is_empty() && !bytes.starts_with(old) {
            return Ok(Value::String(text.clone()));
        }
        push(context.budget, &mut out, bytes.get(start..).unwrap_or_default())?;
        return Ok(Value::String(Str::from_bytes(&out)));
    }
    context.budget.steps(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    let (mut at, mut start, mut was_empty) = (0, 0, false);
    while let Some(rest) = bytes.get(at..) {
        let found = match empty {
            Some(new) if !was_empty => Some((0, new)),
            _ => fitting(&used, rest),
        };
        was_empty = matches!(found, Some((0, _)));
        let Some((length, new)) = found else {
            at += 1;
            continue;
        };
        push(context.budget, &mut out, bytes.get(start..at).unwrap_or_default())?;
        push(context.budget, &mut out, new)?;
        at += length;
        start = at;
    }
    push(context.budget, &mut out, bytes.get(start..).unwrap_or_default())?;
    Ok(Value::String(Str::from_bytes(&out)))
}

/// The one pattern that the text begins with.
fn fitting<'a>(pairs: &[(&[u8], &'a [u8])], text: &[u8]) -> Option<(usize, &'a [u8])> {
    let behind = pairs.partition_point(|(old, _)| *old <= text);
    let (old, new) = pairs.get(behind.checked_sub(1)?)?;
    text.starts_with(old).then_some((old.len(), *new))
}

fn push(budget: &mut Budget, out: &mut Vec<u8>, part: &[u8]) -> Result<(), Failure> {
    budget.text(part.len())?;
    out.extend_from_slice(part);
    Ok(())
}

//! Taking away from the ends.

use std::collections::BTreeSet;

use lumen_value::{Str, Value};

use super::{look, string};
use crate::builtin::{Answer, Context, operand};
use crate::unicode;

/// Which ends.
#[derive(Clone, Copy)]
struct Ends {
    left: bool,
    right: bool,
}

pub(super) fn trim(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    characters(context, operands, Ends { left: true, right: true })
}

pub(super) fn trim_left(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    characters(context, operands, Ends { left: true, right: false })
}

pub(super) fn trim_right(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    characters(context, operands, Ends { left: false, right: true })
}

pub(super) fn trim_prefix(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (text, prefix) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    look(context.budget, prefix.as_bytes().len())?;
    part(context, text, text.as_bytes().strip_prefix(prefix.as_bytes()))
}

pub(super) fn trim_suffix(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (text, suffix) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    look(context.budget, suffix.as_bytes().len())?;
    part(context, text, text.as_bytes().strip_suffix(suffix.as_bytes()))
}

pub(super) fn trim_space(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?;
    look(context.budget, text.as_bytes().len())?;
    let kept = trimmed(text.as_bytes(), Ends { left: true, right: true }, char::is_whitespace);
    part(context, text, Some(kept))
}

/// What is left of a text; nothing is copied where it is all of it.
fn part(context: &mut Context<'_>, text: &Str, kept: Option<&[u8]>) -> Answer {
    match kept {
        Some(kept) if kept.len() < text.as_bytes().len() => string(context.budget, kept),
        _ => Ok(Value::String(text.clone())),
    }
}

fn characters(context: &mut Context<'_>, operands: &[Value], ends: Ends) -> Answer {
    let (text, cut) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    look(context.budget, text.as_bytes().len())?;
    look(context.budget, cut.as_bytes().len())?;
    context.budget.text(cut.as_bytes().len().saturating_mul(8))?;
    let cut: BTreeSet<char> = unicode::runes(cut.as_bytes()).map(|rune| rune.char()).collect();
    part(context, text, Some(trimmed(text.as_bytes(), ends, |char| cut.contains(&char))))
}

/// The text without the characters at its ends that are to go.
fn trimmed(text: &[u8], ends: Ends, goes: impl Fn(char) -> bool) -> &[u8] {
    let start = if ends.left {
        unicode::runes(text).find(|rune| !goes(rune.char())).map(|rune| rune.at)
    } else {
        Some(0)
    };
    let Some(rest) = start.and_then(|start| text.get(start..)) else { return &[] };
    if !ends.right {
        return rest;
    }
    if let Ok(rest) = std::str::from_utf8(rest) {
        return rest.trim_end_matches(goes).as_bytes();
    }
    let last = unicode::runes(rest).filter(|rune| !goes(rune.char())).last();
    last.and_then(|rune| rest.get(..rune.at + rune.bytes.len())).unwrap_or_default()
}

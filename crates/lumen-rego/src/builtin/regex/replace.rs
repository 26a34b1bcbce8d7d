//! `regex.replace`: each match by a template in which `$1`, `${name}` and `$$` have a meaning, as Go's `Regexp.Expand`
//! reads it.

use lumen_value::{Str, Value};

use super::{Groups, Haystack, Pattern, compile, matches};
use crate::builtin::{Answer, Context, operand};
use crate::unicode;

/// A piece of a template.
enum Piece<'t> {
    Text(&'t [u8]),
    /// What the group with this number matched.
    Group(usize),
}

pub(super) fn replace(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (text, pattern) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    let template = operand::string(operands, 3)?.as_bytes();
    let pattern = compile(context, pattern)?;
    let haystack = Haystack::of(text);
    let needs_groups = template.contains(&b'$');
    let found = matches(context, &pattern, &haystack, -1, needs_groups)?;
    if found.is_empty() {
        return Ok(Value::String(text.clone()));
    }
    context.budget.values(template.len() / 2)?;
    let mut out = Vec::new();
    let mut behind = 0;
    for groups in &found {
        let Some((start, end)) = groups.first().copied().flatten() else { continue };
        let mut push = |part: &[u8]| {
            out.extend_from_slice(part);
            context.budget.text(part.len())
        };
        push(haystack.part(behind, start))?;
        let mut rest = template;
        while let Some(piece) = next(&mut rest, &pattern, groups) {
            context_piece(&piece, &haystack, groups, &mut push)?;
        }
        behind = end;
    }
    let last = haystack.part(behind, haystack.text.len());
    context.budget.text(last.len())?;
    out.extend_from_slice(last);
    Ok(Value::String(Str::from_bytes(&out)))
}

fn context_piece<E>(
    piece: &Piece<'_>,
    haystack: &Haystack<'_>,
    groups: &Groups,
    push: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    match piece {
        Piece::Text(text) => push(text),
        Piece::Group(index) => match groups.get(*index).copied().flatten() {
            Some((start, end)) => push(haystack.part(start, end)),
            None => Ok(()),
        },
    }
}

/// The next piece of a template.
fn next<'t>(rest: &mut &'t [u8], pattern: &Pattern, groups: &Groups) -> Option<Piece<'t>> {
    let (first, behind) = rest.split_first()?;
    if *first != b'$' {
        let end = memchr::memchr(b'$', rest).unwrap_or(rest.len());
        let (text, behind) = rest.split_at_checked(end)?;
        *rest = behind;
        return Some(Piece::Text(text));
    }
    if let Some(b'$') = behind.first() {
        *rest = behind.get(1..).unwrap_or_default();
        return Some(Piece::Text(b"$"));
    }
    let Some((name, behind_name)) = reference(behind) else {
        *rest = behind;
        return Some(Piece::Text(b"$"));
    };
    *rest = behind_name;
    let is_number = name.iter().all(u8::is_ascii_digit) && (name.len() == 1 || name.first() != Some(&b'0'));
    if is_number && name.len() <= 9 {
        let number = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
        return Some(Piece::Group(number.unwrap_or(usize::MAX)));
    }
    let is_it = |(index, candidate): &(usize, &String)| {
        candidate.as_bytes() == name && groups.get(index + 1).copied().flatten().is_some()
    };
    let index = pattern.names.iter().enumerate().find(is_it).map(|(index, _)| index + 1);
    Some(Piece::Group(index.unwrap_or(usize::MAX)))
}

/// The name behind a `$`, in braces or not, and what follows.
fn reference(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (text, in_braces) = match text.strip_prefix(b"{") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let is_name = |char: char| {
        char == '_' || char.is_alphabetic() || (char.is_numeric() && (char.is_ascii() || is_digit(char)))
    };
    let end =
        unicode::runes(text).find(|rune| !rune.char.is_some_and(is_name)).map_or(text.len(), |rune| rune.at);
    let (name, rest) = text.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    if in_braces { rest.strip_prefix(b"}").map(|rest| (name, rest)) } else { Some((name, rest)) }
}

/// Whether a character counts as a digit in some script. (Fractions and the like do not, and their code points lie apart.)
fn is_digit(char: char) -> bool {
    !matches!(char, '\u{b2}'..='\u{be}' | '\u{2070}'..='\u{2189}' | '\u{2460}'..='\u{24ff}' | '\u{2776}'..='\u{2793}')
}

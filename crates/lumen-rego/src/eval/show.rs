//! How expressions and their values are shown to people: on one line, and no longer than is worth reading.

use lumen_value::{Str, Value};

use super::json;
use crate::check::Checked;
use crate::error::Span;

/// A text on one line, each run of white space a space, of at most so many characters.
pub fn line(text: &str, characters_max: usize) -> String {
    // What is left out is not gone through.
    let bytes_max = characters_max.saturating_mul(8);
    let near = text.char_indices().map(|(at, _)| at).find(|at| *at > bytes_max);
    let text = near.and_then(|at| text.get(..at)).unwrap_or(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    cut(&words.join(" "), characters_max)
}

/// No more than the first so many characters of a text, with `..` behind it where that is not all.
pub fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}..", text.get(..at).unwrap_or_default()),
    }
}

/// What a span covers of its module's text, as a [`line()`].
pub fn source(text: &str, span: Span, characters_max: usize) -> String {
    let bytes =
        usize::try_from(span.start).unwrap_or(usize::MAX)..usize::try_from(span.end).unwrap_or(usize::MAX);
    line(text.get(bytes).unwrap_or_default(), characters_max)
}

/// Most parts of a value that is written out.
const PARTS_MAX: u64 = 10_000;

/// A value as Rego writes it, as a [`cut`].
pub fn value(value: &Value, characters_max: usize) -> String {
    if value.parts(PARTS_MAX) < PARTS_MAX {
        return cut(&json::text(value), characters_max);
    }
    match value {
        Value::String(_) => "\"..\"",
        Value::Array(_) => "[..]",
        _ => "{..}",
    }
    .to_owned()
}

/// What stands before the value of a variable of an expression: its name in the text, or the text of the expression for what a
/// call in it gives; `None` for what stands nowhere.
pub fn name<'a>(
    checked: &'a Checked,
    name: &'a Str,
    expression: &'a str,
) -> Option<std::borrow::Cow<'a, str>> {
    let shown = match checked.name_in_text(name) {
        Some(name) => Some(name.to_text()).filter(|name| !name.starts_with('$')),
        None if name.to_text().starts_with("__local") => Some(expression.into()),
        None => Some(name.to_text()),
    };
    shown.filter(|name| !name.is_empty())
}

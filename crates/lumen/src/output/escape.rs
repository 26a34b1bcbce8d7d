//! Foreign text made harmless: what a terminal would obey instead of show is written as its code point.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character is shown as it is. Not so: control characters (ESC and the C1 set are what terminals obey), marks
/// that turn the direction of writing (a text could read otherwise than it is), invisible characters that hide one word
/// in another, and the line and paragraph separators.
pub fn is_shown(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Adds a character that is not shown as it is.
pub(crate) fn push_code(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0' => out.push_str("\\0"),
        _ => {
            // Writing to a string cannot fail.
            _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        }
    }
}

/// The text on one line, with nothing in it that a terminal obeys: `\n`, `\u{1b}`, `\u{202e}` as Rust writes them.
pub fn line(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_shown(character) {
            out.push(character);
        } else {
            push_code(&mut out, character);
        }
    }
    Cow::Owned(out)
}

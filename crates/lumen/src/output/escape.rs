//! Foreign text made harmless: what a terminal would obey instead of show is written as its code point.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde_json::ser::Formatter;

/// Whether a character is shown as it is. Not so: control characters (ESC and the C1 set are what terminals obey), marks
/// that turn the direction of writing (a text could read otherwise than it is), invisible characters that hide one word
/// in another, the line and paragraph separators, and what XML has no way to write.
pub fn is_shown(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
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

/// Text that HTML and XML take for nothing but text, in elements and in quoted attributes.
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// As [`line()`], but line feeds stay, and tabs become spaces: for text of several lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    if text.chars().all(|character| character == '\n' || is_shown(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\t' => out.push_str("    "),
            _ if character == '\n' || is_shown(character) => out.push(character),
            _ => push_code(&mut out, character),
        }
    }
    Cow::Owned(out)
}

/// One visible character that stands for one that is not shown: for source text, whose columns must stay.
pub(crate) fn stand_in(character: char) -> char {
    match character {
        '\t' => '\t',
        '\0'..='\u{1f}' => {
            char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\u{7f}' => '\u{2421}',
        _ if is_shown(character) => character,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// JSON on one line in which every character that is not shown is written as its code: for a reader of JSON the same
/// text, for a terminal harmless.
pub(crate) struct Escaped;

impl Formatter for Escaped {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_json_fragment(out, fragment)
    }
}

/// Writes a part of a JSON string that needs no escapes by the grammar.
pub(crate) fn write_json_fragment<W: ?Sized + io::Write>(out: &mut W, fragment: &str) -> io::Result<()> {
    let mut rest = fragment;
    while let Some((start, character)) = rest.char_indices().find(|&(_, character)| !is_shown(character)) {
        let (shown, tail) = rest.split_at(start);
        out.write_all(shown.as_bytes())?;
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = tail.get(character.len_utf8()..).unwrap_or_default();
    }
    out.write_all(rest.as_bytes())
}

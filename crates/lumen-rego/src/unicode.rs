//! Characters as Go sees them: strings are bytes, and a byte that is not part of UTF-8 is a character of its own.

mod table;

/// One character of a string: its bytes, and what they encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rune<'a> {
    /// Where it begins: bytes from the start.
    pub(crate) at: usize,
    /// Its bytes; one, where they are no UTF-8.
    pub(crate) bytes: &'a [u8],
    /// The character; `None` for a byte that is no UTF-8.
    pub(crate) char: Option<char>,
}

impl Rune<'_> {
    /// The character, U+FFFD in place of a byte that is no UTF-8.
    pub(crate) fn char(&self) -> char {
        self.char.unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

/// The characters of a string.
pub(crate) fn runes(text: &[u8]) -> impl Iterator<Item = Rune<'_>> {
    let mut at = 0;
    text.utf8_chunks().flat_map(move |chunk| {
        let start = at;
        let valid = chunk.valid();
        let invalid = start + valid.len();
        at = invalid + chunk.invalid().len();
        let characters = valid.char_indices().map(move |(index, char)| Rune {
            at: start + index,
            bytes: valid.as_bytes().get(index..index + char.len_utf8()).unwrap_or_default(),
            char: Some(char),
        });
        let stray = chunk.invalid().chunks(1).enumerate();
        characters.chain(stray.map(move |(index, bytes)| Rune { at: invalid + index, bytes, char: None }))
    })
}

/// How many characters a string has.
pub(crate) fn rune_count(text: &[u8]) -> usize {
    if text.is_ascii() { text.len() } else { runes(text).count() }
}

/// The upper case of a character, where that is one character.
pub(crate) fn to_upper(char: char) -> char {
    if char.is_ascii() { char.to_ascii_uppercase() } else { mapped(char, table::UPPER) }
}

/// The lower case of a character, where that is one character.
pub(crate) fn to_lower(char: char) -> char {
    if char.is_ascii() { char.to_ascii_lowercase() } else { mapped(char, table::LOWER) }
}

fn mapped(char: char, table: &[(u32, u32, u32, i32)]) -> char {
    let code = u32::from(char);
    let at = table.partition_point(|(_, last, _, _)| *last < code);
    match table.get(at) {
        Some((first, _, stride, add)) if *first <= code && (code - first) % stride == 0 => {
            code.checked_add_signed(*add).and_then(char::from_u32).unwrap_or(char)
        }
        _ => char,
    }
}

/// Whether Go's `%q` prints a character as it is.
pub(crate) fn is_printable(char: char) -> bool {
    let code = u32::from(char);
    let at = table::PRINTABLE.partition_point(|(_, last)| *last < code);
    table::PRINTABLE.get(at).is_some_and(|(first, _)| *first <= code)
}

/// Writes a string in double quotes as Go's `strconv.Quote` does; with `ascii`, as `QuoteToASCII`.
pub(crate) fn quote(text: &[u8], ascii: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    for rune in runes(text) {
        match rune.char {
            Some(char) => escape(char, '"', ascii, out),
            None => out.extend(rune.bytes.iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes())),
        }
    }
    out.push(b'"');
}

/// Writes a character as it stands between such quotes.
pub(crate) fn escape(char: char, quote: char, ascii: bool, out: &mut Vec<u8>) {
    let escaped = match char {
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        '\\' => "\\\\",
        _ if char == quote => {
            out.push(b'\\');
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
        _ if is_printable(char) && (char.is_ascii() || !ascii) => {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
        _ => {
            let code = u32::from(char);
            let text = match code {
                0..0x20 | 0x7f => format!("\\x{code:02x}"),
                0..0x1_0000 => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            };
            out.extend_from_slice(text.as_bytes());
            return;
        }
    };
    out.extend_from_slice(escaped.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_mapped_one_to_one() {
        for (lower, upper) in [('a', 'A'), ('é', 'É'), ('ÿ', 'Ÿ'), ('ß', 'ß'), ('ᾳ', 'ᾼ'), ('ǆ', 'Ǆ')]
        {
            assert_eq!(to_upper(lower), upper, "{lower}");
        }
        for (upper, lower) in [('İ', 'i'), ('Σ', 'σ'), ('K', 'k'), ('Ω', 'ω'), ('1', '1')] {
            assert_eq!(to_lower(upper), lower, "{upper}");
        }
    }

    #[test]
    fn quotes_as_go_does() {
        let quoted = |text: &[u8], ascii| {
            let mut out = Vec::new();
            quote(text, ascii, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(quoted(b"a\"\\\n\x01\x7f\xff", false), r#""a\"\\\n\x01\x7f\xff""#);
        assert_eq!(quoted("é\u{200b}😀'".as_bytes(), false), "\"é\\u200b😀'\"");
        assert_eq!(quoted("é😀\u{fffd}".as_bytes(), true), "\"\\u00e9\\U0001f600\\ufffd\"");
    }
}

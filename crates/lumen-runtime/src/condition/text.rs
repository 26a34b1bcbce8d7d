//! Quoted texts: what stands between the quotes, and how a text is quoted again (`filter/escaping.cpp`); texts that are cut.

use std::fmt;

/// What something is written as; where that takes more than so many bytes, the error is what it begins with. What is behind
/// that is not made.
pub(crate) fn beginning(shown: impl fmt::Display, bytes_max: usize) -> Result<String, String> {
    let mut text = Beginning { text: String::new(), bytes_max };
    match fmt::Write::write_fmt(&mut text, format_args!("{shown}")) {
        Ok(()) => Ok(text.text),
        Err(fmt::Error) => Err(text.text),
    }
}

struct Beginning {
    text: String,
    bytes_max: usize,
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let left = self.bytes_max.saturating_sub(self.text.len());
        self.text.push_str(more.get(..more.floor_char_boundary(left)).unwrap_or_default());
        if more.len() <= left { Ok(()) } else { Err(fmt::Error) }
    }
}

/// A text as it may stand in a condition; in quotes where it needs them. Bytes that are no text are replaced.
pub fn escape(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut escaped = String::with_capacity(text.len() + 2);
    let mut is_quoted = false;
    for character in text.chars() {
        let replacement = match character {
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\\' => "\\\\",
            '"' => "\\\"",
            ' ' => " ",
            '=' => "=",
            '\'' => "'",
            '\0' => "\0",
            other => {
                escaped.push(other);
                continue;
            }
        };
        is_quoted = true;
        escaped.push_str(replacement);
    }
    if is_quoted { format!("\"{escaped}\"") } else { escaped }
}

/// What a text between quotes says. `quoted` has its quotes, both the same. The error is a sentence for people.
///
/// # Errors
///
/// Where a backslash stands before something that it cannot change.
pub fn unescape(quoted: &[u8]) -> Result<Vec<u8>, String> {
    let Some((quote, rest)) = quoted.split_first() else { return Ok(Vec::new()) };
    let inner = rest.split_last().map_or(rest, |(_, inner)| inner);
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().enumerate();
    while let Some((_, byte)) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        let Some((at, escape)) = bytes.next() else { break };
        text.push(match escape {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            // Rules in the field write `\ ` for a backslash.
            b' ' | b'\\' => b'\\',
            b'/' => b'/',
            b'"' | b'\'' if escape == *quote => escape,
            b'"' => return Err("invalid \\\" escape in '-quoted string".to_owned()),
            b'\'' => return Err("invalid \\' escape in \"-quoted string".to_owned()),
            b'x' => {
                let digits = inner.get(at + 1..at + 3).ok_or("truncated hex char escape sequence")?;
                let byte = std::str::from_utf8(digits)
                    .ok()
                    .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    .ok_or_else(|| {
                        format!("invalid hex char escape sequence: {}", String::from_utf8_lossy(digits))
                    })?;
                bytes.next();
                bytes.next();
                byte
            }
            other => {
                let other = String::from_utf8_lossy(&[other]).into_owned();
                return Err(format!("unsupported string escape sequence: \\{other}"));
            }
        });
    }
    Ok(text)
}

//! [`field`]: the text of one field of a JSON object, found without reading the rest into values.

/// The text of a field of the object that a text is; `None` where there is none. Of a key that stands twice the last counts, as
/// when it is read. Nothing is checked: the text is well-formed, or what is found is not used. Time grows with the text.
pub(super) fn field<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_space();
    scanner.take(b'{')?;
    let mut found = None;
    loop {
        scanner.skip_space();
        if scanner.peek()? != b'"' {
            return found;
        }
        let key = scanner.value()?;
        scanner.skip_space();
        scanner.take(b':')?;
        scanner.skip_space();
        let value = scanner.value()?;
        if key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")) == Some(name.as_bytes()) {
            found = Some(value);
        }
        scanner.skip_space();
        if scanner.peek()? != b',' {
            return found;
        }
        scanner.at += 1;
    }
}

/// A field that is a string without escapes, such as names and uids are.
pub(super) fn word<'t>(text: &'t [u8], name: &str) -> Option<&'t str> {
    let quoted = std::str::from_utf8(field(text, name)?).ok()?;
    let word = quoted.strip_prefix('"')?.strip_suffix('"')?;
    (!word.contains('\\')).then_some(word)
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Scanner<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The text of the value that begins here.
    fn value(&mut self) -> Option<&'t [u8]> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                // A number or a word ends before these.
                b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => break,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                break;
            }
        }
        self.text.get(start..self.at)
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(text: &'t str, name: &str) -> Option<&'t str> {
        field(text.as_bytes(), name).and_then(|text| std::str::from_utf8(text).ok())
    }

    #[test]
    fn a_field_is_found_as_it_is_written() {
        let text = r#" { "a" : 1 , "b":{"c": "}\"", "uid": "inner"}, "uid" : "x-1", "n":-1.5e3, "l": [1, {"z": []} ] , "t":true}"#;
        assert_eq!(found(text, "a"), Some("1"));
        assert_eq!(found(text, "b"), Some(r#"{"c": "}\"", "uid": "inner"}"#));
        assert_eq!(word(text.as_bytes(), "uid"), Some("x-1"));
        assert_eq!(found(text, "n"), Some("-1.5e3"));
        assert_eq!(found(text, "l"), Some(r#"[1, {"z": []} ]"#));
        assert_eq!(found(text, "t"), Some("true"));
        assert_eq!(found(text, "c"), None);
        assert_eq!(found(r#"{"a": 1, "a": 2}"#, "a"), Some("2"));
        assert_eq!(word(br#"{"a": "\u0041"}"#, "a"), None);
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for text in
            ["", "{", "[]", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\\", "nothing", "{,}", "{\"a\" 1}"]
        {
            assert_eq!(found(text, "b"), None, "{text}");
        }
        let deep = "[".repeat(1 << 20);
        assert_eq!(found(&deep, "a"), None);
        assert_eq!(found(&format!("{{\"a\":{deep}"), "a"), None);
    }
}

//! [`fields`]: the texts of some fields of a JSON object, found without reading the rest into values.

/// The texts of some fields of the object that a text is, in one pass; `None` for those that it does not have. Of a key that stands
/// twice the last counts, as when it is read. Nothing is checked: the text is well-formed, or what is found is not used. Time grows
/// with the text.
pub(super) fn fields<'t, const N: usize>(text: &'t [u8], names: [&str; N]) -> [Option<&'t [u8]>; N] {
    let mut found = [None; N];
    if find(text, names, &mut found).is_some() { found } else { [None; N] }
}

/// The text of one field.
pub(super) fn field<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let [found] = fields(text, [name]);
    found
}

/// The word that a text is: a string without escapes, such as names and uids are.
pub(super) fn word(text: &[u8]) -> Option<&str> {
    let quoted = std::str::from_utf8(text).ok()?;
    let word = quoted.strip_prefix('"')?.strip_suffix('"')?;
    (!word.contains('\\')).then_some(word)
}

/// `None` where the text is no object.
fn find<'t, const N: usize>(
    text: &'t [u8],
    names: [&str; N],
    found: &mut [Option<&'t [u8]>; N],
) -> Option<()> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_space();
    scanner.take(b'{')?;
    loop {
        scanner.skip_space();
        if scanner.peek()? != b'"' {
            return Some(());
        }
        let key = scanner.value()?;
        scanner.skip_space();
        scanner.take(b':')?;
        scanner.skip_space();
        let value = scanner.value()?;
        let key = key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\""));
        for (name, found) in names.iter().zip(&mut *found) {
            if key == Some(name.as_bytes()) {
                *found = Some(value);
            }
        }
        scanner.skip_space();
        if scanner.peek()? != b',' {
            return Some(());
        }
        scanner.at += 1;
    }
}

/// One field of a text that may break off: what is there of the field's value and behind it. Of a key that stands twice the first
/// counts.
pub(super) fn begun<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_space();
    scanner.take(b'{')?;
    loop {
        scanner.skip_space();
        let key = scanner.value()?;
        scanner.skip_space();
        scanner.take(b':')?;
        scanner.skip_space();
        if key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")) == Some(name.as_bytes()) {
            return text.get(scanner.at..);
        }
        scanner.value()?;
        scanner.skip_space();
        scanner.take(b',')?;
    }
}

/// [`word`] of a text that may break off.
pub(super) fn begun_word<'t>(text: &'t [u8], name: &str) -> Option<&'t str> {
    let mut scanner = Scanner { text: begun(text, name)?, at: 0 };
    word(scanner.value()?)
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
            let rest = self.text.get(self.at..)?;
            let len = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            self.at += len + 1;
            if rest.get(len) == Some(&b'"') {
                return Some(());
            }
            // What is escaped.
            self.at += 1;
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
        assert_eq!(field(text.as_bytes(), "uid").and_then(word), Some("x-1"));
        assert_eq!(fields(text.as_bytes(), ["t", "x", "a"]), [Some(&b"true"[..]), None, Some(&b"1"[..])]);
        assert_eq!(found(text, "n"), Some("-1.5e3"));
        assert_eq!(found(text, "l"), Some(r#"[1, {"z": []} ]"#));
        assert_eq!(found(text, "t"), Some("true"));
        assert_eq!(found(text, "c"), None);
        assert_eq!(found(r#"{"a": 1, "a": 2}"#, "a"), Some("2"));
        assert_eq!(field(br#"{"a": "\u0041"}"#, "a").and_then(word), None);
    }

    #[test]
    fn a_field_is_found_in_a_text_that_breaks_off() {
        let text = br#"{"kind":"K","request":{"uid":"x-1","kind":{"kind":"Pod"},"namespace":"shop","object":{"spec":"#;
        let request = begun(text, "request").expect("a field");
        assert_eq!(
            (begun_word(request, "uid"), begun_word(request, "namespace")),
            (Some("x-1"), Some("shop"))
        );
        assert_eq!((begun_word(request, "name"), begun_word(text, "uid")), (None, None));
        assert_eq!(begun_word(br#"{"uid":"x"#, "uid"), None);
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

//! The shapes of upstream's sentences.

use std::collections::BTreeSet;

/// Enough for most of upstream's details, so that they are not moved while they grow.
const DETAIL_BYTES: usize = 96;

/// `"a", "b"`; nothing is escaped (`policy/helpers.go`, `joinQuote`).
pub(super) fn join_quoted<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::with_capacity(DETAIL_BYTES);
    push_quoted(&mut out, items);
    out
}

fn push_quoted<'a>(out: &mut String, items: impl IntoIterator<Item = &'a str>) {
    let mut opening = "\"";
    for item in items {
        out.push_str(opening);
        out.push_str(item);
        out.push('"');
        opening = ", \"";
    }
}

/// Sorted by bytes and distinct, as upstream's sets list their items.
pub(super) type Names<'a> = BTreeSet<&'a str>;

/// `container "a"` or `containers "a", "b"`.
pub(super) fn containers(names: &[&str]) -> String {
    let mut out = String::with_capacity(DETAIL_BYTES);
    out.push_str(plural("container ", "containers ", names.len()));
    push_quoted(&mut out, names.iter().copied());
    out
}

/// The singular for one, the plural for none or several.
pub(super) const fn plural(singular: &'static str, plural: &'static str, count: usize) -> &'static str {
    if count == 1 { singular } else { plural }
}

/// `pod and containers "a", "b"`: who set what is forbidden; `None` where nobody did.
pub(super) fn setters(pod: bool, names: &[&str]) -> Option<String> {
    match (pod, names) {
        (false, []) => None,
        (true, []) => Some("pod".into()),
        (false, names) => Some(containers(names)),
        (true, names) => Some(format!("pod and {}", containers(names))),
    }
}

/// The text as Go's `%q` prints it.
pub(crate) fn go_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            _ if is_printable(char) => out.push(char),
            _ => {
                let code = u32::from(char);
                let escape = match code {
                    0..0x20 | 0x7f => format!("\\x{code:02x}"),
                    0x80..0x1_0000 => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                };
                out.push_str(&escape);
            }
        }
    }
    out.push('"');
    out
}

/// Whether Go prints the character as it is: a letter, mark, number, sign or symbol, or the ASCII space.
fn is_printable(char: char) -> bool {
    match char {
        ' '..='~' => true,
        '\0'..='\u{7f}' => false,
        // A string's debug form escapes by the same categories, but for marks at its start.
        _ => {
            let mut buffer = [b'a', 0, 0, 0, 0];
            let len = 1 + char.encode_utf8(buffer.get_mut(1..).unwrap_or_default()).len();
            let text = buffer.get(..len).and_then(|bytes| std::str::from_utf8(bytes).ok());
            text.is_some_and(|text| text.escape_debug().count() == 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        for (text, quoted) in [
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("a\"\\\n\u{7}\u{1}\u{7f}", r#""a\"\\\n\a\x01\x7f""#),
            ("é\u{301}世", "\"é\u{301}世\""),
            ("\u{a0}\u{200b}\u{feff}\u{e000}", r#""\u00a0\u200b\ufeff\ue000""#),
            ("😀\u{e0001}\u{10ffff}", "\"😀\\U000e0001\\U0010ffff\""),
        ] {
            assert_eq!(go_quoted(text), quoted);
        }
    }

    #[test]
    fn setters_are_joined() {
        assert_eq!(setters(false, &[]), None);
        assert_eq!(setters(true, &[]).unwrap(), "pod");
        assert_eq!(setters(true, &["a", "b"]).unwrap(), r#"pod and containers "a", "b""#);
        assert_eq!(setters(false, &["a"]).unwrap(), r#"container "a""#);
    }
}

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    Glob::compile(pattern.as_bytes(), false).unwrap().matches(text.as_bytes())
}

#[test]
fn classes_have_ranges_names_and_protected_letters() {
    for (pattern, text) in [
        ("[a-c]x", "bx"),
        ("[!a-c]", "d"),
        ("[]a]", "]"),
        ("[a\\]]", "]"),
        ("[[:digit:]x]", "7"),
        ("[a-]", "-"),
        ("[abc", "[abc"),
        ("[[:", "[[:"),
        ("[[:x]:]", "[::]"),
        ("*", ""),
        ("a**b", "a/b"),
        ("\\*", "*"),
        ("[\\", "[\\"),
    ] {
        assert_eq!(matches(pattern, text), pattern != "[\\", "{pattern} {text}");
    }
    assert!(!matches("a\\", "a"));
    assert!(!matches("[a-c]", "B"));
    assert!(Glob::compile(b"[A-C]", true).unwrap().matches(b"b"));
    assert!(Glob::compile(b"[[:upper:]]", true).unwrap().matches(b"b"));
}

#[test]
fn a_pattern_that_is_too_long_is_refused() {
    assert!(Glob::compile(&vec![b'['; PATTERN_BYTES_MAX], false).is_ok());
    assert!(Glob::compile(&vec![b'['; PATTERN_BYTES_MAX + 1], false).is_err());
}

#[test]
fn brackets_that_nothing_closes_are_read_in_linear_time() {
    let pattern = format!("[[{}", "[:".repeat(PATTERN_BYTES_MAX / 2 - 1));
    assert!(matches(&pattern, &pattern));
    assert!(!matches(&pattern, "["));
}

//! Splitting an input into its documents, as Kubernetes' `YAMLReader` does (`apimachinery`,
//! `pkg/util/yaml/decoder.go`): by lines, before any YAML is read.
//!
//! So a line that starts with `---` separates documents wherever it stands, inside a block scalar too; `...` and
//! directives mean nothing here; and a separator before any other line stays in the document's text.

use std::ops::Range;

/// How far into an input upstream looks for the `{` that makes it a JSON stream, in bytes.
const JSON_PEEK_BYTES: usize = 4096;

/// A part of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A document's text. It may be white space or comments alone: an empty document.
    Document(Range<usize>),
    /// A separator with something other than a comment behind it. The text before it is lost with it.
    BadSeparator {
        /// The lost text and the separator's line.
        range: Range<usize>,
        /// Where the separator starts.
        at: usize,
    },
}

/// The parts of a YAML stream, in their order.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Parts<'a> {
    /// Splits an input from a byte on.
    pub fn new(input: &'a [u8], from: usize) -> Self {
        Self { input, at: from }
    }

    /// Skips what is left of the document at hand, up to the line behind the next separator.
    pub(crate) fn skip_document(&mut self) {
        while let Some(line) = self.line() {
            if self.text(&line).starts_with(b"---") {
                return;
            }
        }
    }

    /// The next line with its end.
    fn line(&mut self) -> Option<Range<usize>> {
        let rest = self.input.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let line = self.at..self.at + len;
        self.at = line.end;
        Some(line)
    }

    fn text(&self, range: &Range<usize>) -> &'a [u8] {
        self.input.get(range.clone()).unwrap_or_default()
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let mut document: Option<Range<usize>> = None;
        while let Some(line) = self.line() {
            if let Some(rest) = self.text(&line).strip_prefix(b"---") {
                if !is_separator_tail(rest) {
                    let start = document.map_or(line.start, |document| document.start);
                    return Some(Part::BadSeparator { range: start..line.end, at: line.start });
                }
                if document.is_some() {
                    break;
                }
            }
            let start = document.map_or(line.start, |document| document.start);
            document = Some(start..line.end);
        }
        document.map(Part::Document)
    }
}

/// Whether only white space, or a comment, follows a `---`.
fn is_separator_tail(rest: &[u8]) -> bool {
    let text = String::from_utf8_lossy(rest);
    let text = text.trim();
    text.is_empty() || text.starts_with('#')
}

/// Whether upstream reads this input as JSON first: its first character after white space is `{`.
pub fn starts_as_json(input: &[u8]) -> bool {
    let head = input.get(..JSON_PEEK_BYTES).unwrap_or(input);
    let spaces = white_space_len(head);
    head.get(spaces) == Some(&b'{')
}

/// How many bytes of Unicode white space a text starts with.
fn white_space_len(text: &[u8]) -> usize {
    let valid = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.len() - valid.trim_start().len()
}

/// Where YAML begins after JSON ended: behind white space, up to and with the first line's end. `None` where upstream
/// gives up: on what is not UTF-8, and with less than four bytes left to look at.
pub(crate) fn yaml_after_json(input: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let head = input.get(at..at.checked_add(4)?)?;
        let chunk = head.utf8_chunks().next()?;
        let char = chunk.valid().chars().next().filter(|char| *char != char::REPLACEMENT_CHARACTER)?;
        if !char.is_whitespace() {
            return Some(at);
        }
        at += char.len_utf8();
        if char == '\n' {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(input: &str) -> Vec<&str> {
        Parts::new(input.as_bytes(), 0)
            .map(|part| match part {
                Part::Document(range) => input.get(range).unwrap(),
                Part::BadSeparator { .. } => "(bad separator)",
            })
            .collect()
    }

    #[test]
    fn a_separator_before_any_other_line_stays_in_the_document() {
        assert_eq!(documents("---\na: 1\n---\nb: 2\n"), ["---\na: 1\n", "b: 2\n"]);
        assert_eq!(documents("---\n---\n---"), ["---\n", "---"]);
        assert_eq!(documents("a: 1\n---"), ["a: 1\n"]);
        assert!(documents("").is_empty());
    }

    #[test]
    fn a_separator_is_one_inside_a_block_scalar_too_unless_it_is_indented() {
        assert_eq!(documents("a: |\n  x\n---\n  y\n"), ["a: |\n  x\n", "  y\n"]);
        assert_eq!(documents("a: |\n  x\n  ---\n  y"), ["a: |\n  x\n  ---\n  y"]);
    }

    #[test]
    fn lines_may_end_in_crlf_or_with_the_input() {
        assert_eq!(documents("a: 1\r\n---\r\nb: 2"), ["a: 1\r\n", "b: 2"]);
        assert_eq!(documents("a: 1\r---\rb: 2\r"), ["a: 1\r---\rb: 2\r"]);
    }

    #[test]
    fn only_white_space_or_a_comment_may_follow_a_separator() {
        assert_eq!(documents("a\n--- # c\nb\n---\t\u{a0}\nc\n"), ["a\n", "b\n", "c\n"]);
        assert_eq!(documents("a\n---#c\nb\n"), ["a\n", "b\n"]);
        assert_eq!(documents("a\n--- b\nc\n"), ["(bad separator)", "c\n"]);
        assert_eq!(documents("a\n----\nc\n"), ["(bad separator)", "c\n"]);
        let mut parts = Parts::new(b"x\na\n--- b\n", 2);
        assert_eq!(parts.next(), Some(Part::BadSeparator { range: 2..10, at: 4 }));
    }

    #[test]
    fn a_brace_after_white_space_makes_a_json_stream() {
        assert!(starts_as_json(b" \n\t{"));
        assert!(starts_as_json("\u{a0}{}".as_bytes()));
        assert!(!starts_as_json(b"[{}]"));
        assert!(!starts_as_json(b""));
        assert!(!starts_as_json(b"\xff{"));
        let far = [&b" ".repeat(JSON_PEEK_BYTES)[..], b"{}"].concat();
        assert!(!starts_as_json(&far));
    }

    #[test]
    fn yaml_after_json_begins_behind_the_line() {
        assert_eq!(yaml_after_json(b"{} \n---\na: 1\n", 2), Some(4));
        assert_eq!(yaml_after_json(b"{} abcd", 2), Some(3));
        assert_eq!(yaml_after_json(b"{} x\n", 2), None);
        assert_eq!(yaml_after_json(b"{}\xff---\n", 2), None);
    }
}

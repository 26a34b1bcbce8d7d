//! What stands between two tokens of YAML's events: the indicators, anchors and tags that events do not place.

/// A place in a text that moves from token to token.
pub(super) struct Gap<'text> {
    pub(super) text: &'text str,
    /// The byte after the last token that was taken.
    pub(super) at: usize,
}

impl Gap<'_> {
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The next token's first byte, past blanks, line breaks and comments.
    pub(super) fn peek(&self) -> usize {
        let mut at = self.at;
        while let Some(byte) = self.byte(at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'#' => at = self.line_end(at),
                // The end of a document that was empty.
                b'.' if self.text.get(at..).is_some_and(|rest| rest.starts_with("..."))
                    && line_start(self.text, at) == at =>
                {
                    at += 3;
                }
                // A byte order mark before a document.
                0xef if self.text.get(at..).is_some_and(|rest| rest.starts_with('\u{feff}')) => {
                    at += 3;
                }
                _ => break,
            }
        }
        at
    }

    /// Takes an indicator, where it comes next and before `limit`; gives its place.
    pub(super) fn take(&mut self, indicator: u8, limit: usize) -> Option<usize> {
        let at = self.peek();
        if self.byte(at)? != indicator || at >= limit {
            return None;
        }
        self.at = at + 1;
        Some(at)
    }

    /// Takes up to this many anchors and tags; gives the first one's place.
    pub(super) fn take_properties(&mut self, count: usize, flow: bool) -> Option<usize> {
        let mut start = None;
        for _ in 0..count {
            let at = self.peek();
            if !matches!(self.byte(at), Some(b'&' | b'!')) {
                break;
            }
            start = start.or(Some(at));
            self.at = self.property_end(at, flow);
        }
        start
    }

    fn property_end(&self, start: usize, flow: bool) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        if rest.starts_with("!<") {
            return rest.find('>').map_or(self.text.len(), |end| start + end + 1);
        }
        let ends =
            |char: char| char.is_ascii_whitespace() || (flow && matches!(char, ',' | '[' | ']' | '{' | '}'));
        rest.find(ends).map_or(self.text.len(), |end| start + end)
    }

    /// The `|` or `>` that comes next.
    pub(super) fn peek_block_scalar(&mut self) -> Option<usize> {
        self.take_properties(2, false);
        let at = self.peek();
        matches!(self.byte(at), Some(b'|' | b'>')).then_some(at)
    }

    /// The end of the line that a byte is on, before its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        line_end(self.text, at)
    }
}

/// The end of the line that a byte is on, before its line break.
pub(crate) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.find('\n').map_or(text.len(), |end| at + end);
    if text.get(at..end).is_some_and(|line| line.ends_with('\r')) { end - 1 } else { end }
}

/// The start of the line that a byte is on.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().rfind('\n').map_or(0, |end| end + 1)
}

/// The byte after the line that a byte is on, past its line break.
pub(crate) fn next_line(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |end| at + end + 1)
}

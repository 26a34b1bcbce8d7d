//! The scanner: from text to the tokens of YAML 1.1, with the grammar of libyaml as `go.yaml.in/yaml/v2` has it
//! (`scannerc.go`), which is narrower and looser than the specification in many places.
//!
//! What makes YAML hard is that a key is known as one only when its `:` comes. Tokens wait in a queue until no
//! `:` can turn the first of them into a key any more; then a [`TokenKind::Key`] is put in before it.

use std::collections::VecDeque;
use std::ops::Range;

use super::token::{BlockLines, Fault, ScalarStyle, Token, TokenKind};

mod directive;
mod scalar;

/// How far a key without `?` may reach, in characters.
const KEY_CHARS_MAX: usize = 1024;

/// How far upstream looks ahead before a token, and at the start of each line in a scalar.
const LOOK_AHEAD_CHARS: usize = 4;

/// A token that is a key if a `:` follows soon enough.
#[derive(Clone, Copy, Debug, Default)]
struct PossibleKey {
    possible: bool,
    /// Whether the text is wrong if it is none: it stands where only a key may.
    required: bool,
    /// The number of its first token.
    token: usize,
    at: usize,
    line_start: usize,
    /// Its column in characters; known in block context only, where alone it counts.
    column: usize,
}

/// The scanner's state. Positions are offsets of bytes; columns are counted in characters.
pub(super) struct Scanner<'t> {
    text: &'t str,
    /// Where the text starts, behind a byte order mark.
    start: usize,
    /// Whether another one stands there.
    starts_with_mark: bool,
    at: usize,
    /// How far upstream has looked ahead; it reads no more of a text than it needs.
    looked_to: usize,
    line_start: usize,
    /// The column was counted up to here, and was this much there.
    counted: (usize, usize),
    flow_level: usize,
    /// The column of the block collection at hand; none at the root.
    indent: Option<usize>,
    indents: Vec<Option<usize>>,
    key_allowed: bool,
    /// One for the block context, and one for each flow collection that is open.
    possible_keys: Vec<PossibleKey>,
    queue: VecDeque<Token<'t>>,
    /// The number of the queue's first token.
    queue_number: usize,
    depth_max: usize,
    /// The lines of the block scalar that was scanned last. Its token is taken before another one is scanned.
    block_lines: BlockLines,
    /// Whether `\r\r\n` is one line break, for a text whose lines are as its file has them.
    has_raw_lines: bool,
    /// The comments, where they are asked for.
    comments: Option<Vec<Range<usize>>>,
}

impl<'t> Scanner<'t> {
    /// Scans a text from a place on.
    pub(super) fn new(text: &'t str, start: usize, depth_max: usize) -> Self {
        Self {
            text,
            start,
            starts_with_mark: text.get(start..).is_some_and(|text| text.starts_with('\u{feff}')),
            at: start,
            looked_to: start,
            line_start: start,
            counted: (start, 0),
            flow_level: 0,
            indent: None,
            indents: Vec::new(),
            key_allowed: true,
            possible_keys: vec![PossibleKey::default()],
            queue: VecDeque::new(),
            queue_number: 0,
            depth_max,
            block_lines: BlockLines::default(),
            has_raw_lines: false,
            comments: None,
        }
    }

    /// Keeps the comments too, and takes lines as a file has them.
    pub(super) fn with_comments(self) -> Self {
        Self { has_raw_lines: true, comments: Some(Vec::new()), ..self }
    }

    /// The comments that were skipped, in their order: from the `#` to the end of the line.
    pub(super) fn into_comments(self) -> Vec<Range<usize>> {
        self.comments.unwrap_or_default()
    }

    /// The lines of the block scalar whose token was taken last.
    pub(super) fn block_lines(&self) -> BlockLines {
        self.block_lines
    }

    /// How far the text was looked at.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// How far upstream needs the text for what was scanned.
    pub(super) fn looked_to(&self) -> usize {
        self.looked_to.max(self.at + 1)
    }

    /// Notes that upstream makes sure here that there is room for `---` and what follows it.
    fn look_ahead(&mut self) {
        self.looked_to = self.at + LOOK_AHEAD_CHARS;
    }

    /// The next token, left in the queue.
    pub(super) fn peek(&mut self) -> Result<&Token<'t>, Fault> {
        while !self.is_head_settled()? {
            self.fetch()?;
        }
        self.queue.front().ok_or_else(|| Fault::syntax(self.at, "unexpected end of the text"))
    }

    /// Takes the token that was looked at.
    pub(super) fn take(&mut self) -> Option<Token<'t>> {
        let token = self.queue.pop_front()?;
        self.queue_number += 1;
        Some(token)
    }

    /// Whether there is a first token, and nothing can come before it any more.
    fn is_head_settled(&mut self) -> Result<bool, Fault> {
        let Some(head) = self.queue.front() else {
            return Ok(false);
        };
        let Some(level) = head.key_level else {
            return Ok(true);
        };
        let number = self.queue_number;
        match self.possible_keys.get(level) {
            Some(key) if key.possible && key.token == number => Ok(!self.may_be_key(level)?),
            _ => Ok(true),
        }
    }

    /// The byte some way ahead; zero at the end of the text, which holds no other zero.
    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// A part of the text.
    fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn column(&mut self) -> usize {
        let (from, column) = self.counted;
        if self.at > from {
            self.counted = (self.at, column + count_chars(self.slice(from, self.at)));
        }
        self.counted.1
    }

    fn is_line_start(&self) -> bool {
        self.at == self.line_start
    }

    /// The length of the line break some way ahead; zero where there is none.
    fn break_len(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\n' => 1,
            b'\r' | 0xC2 | 0xE2 => break_len(self.text.as_bytes(), self.at + ahead, self.has_raw_lines),
            _ => 0,
        }
    }

    fn is_break(&self, ahead: usize) -> bool {
        self.break_len(ahead) > 0
    }

    fn is_end(&self, ahead: usize) -> bool {
        self.at + ahead >= self.text.len()
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// Whether a space, a tab, a line break or the end is ahead.
    fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    fn is_break_or_end(&self, ahead: usize) -> bool {
        self.is_break(ahead) || self.is_end(ahead)
    }

    /// Moves behind a line break, if one is here; gives what a scalar keeps of it.
    fn read_break(&mut self) -> &'t str {
        let len = self.break_len(0);
        if len == 0 {
            return "";
        }
        let kept = kept_break(self.slice(self.at, self.at + len));
        self.at += len;
        self.start_line();
        kept
    }

    fn start_line(&mut self) {
        self.line_start = self.at;
        self.counted = (self.at, 0);
    }

    fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.at += 1;
        }
    }

    fn skip_comment(&mut self) {
        if self.byte(0) == b'#' {
            let start = self.at;
            while !self.is_break_or_end(0) {
                self.at += 1;
            }
            if let Some(comments) = &mut self.comments {
                comments.push(start..self.at);
            }
        }
    }

    /// Whether `---` or `...` stands here, at a line's start.
    fn is_document_indicator(&self) -> bool {
        self.is_line_start()
            && matches!(self.byte(0), b'-' | b'.')
            && self.byte(1) == self.byte(0)
            && self.byte(2) == self.byte(0)
            && self.is_blank_or_end(3)
    }

    fn push(&mut self, kind: TokenKind<'t>, start: usize) {
        self.queue.push_back(Token { kind, start, end: self.at, key_level: None });
    }

    /// Marks the token last pushed as one that may start a key.
    fn push_possible_key(&mut self, kind: TokenKind<'t>, start: usize, level: Option<usize>) {
        self.queue.push_back(Token { kind, start, end: self.at, key_level: level });
    }

    /// Takes an indicator of some bytes.
    fn push_indicator(&mut self, kind: TokenKind<'t>, len: usize) {
        let start = self.at;
        self.at += len;
        self.push(kind, start);
    }

    /// Scans one more token.
    fn fetch(&mut self) -> Result<(), Fault> {
        self.skip_to_token()?;
        self.look_ahead();
        let column = self.column();
        self.close_blocks(Some(column));
        if self.is_end(0) {
            return self.fetch_stream_end();
        }
        let byte = self.byte(0);
        if self.is_line_start() {
            if byte == b'%' {
                self.leave_block()?;
                return self.scan_directive();
            }
            if self.is_document_indicator() {
                self.leave_block()?;
                let kind = if byte == b'-' { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
                self.push_indicator(kind, 3);
                return Ok(());
            }
        }
        let in_flow = self.flow_level > 0;
        match byte {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.give_up_key()?;
                self.key_allowed = true;
                self.push_indicator(TokenKind::FlowEntry, 1);
                Ok(())
            }
            b'-' if self.is_blank_or_end(1) => self.fetch_block_entry(),
            b'?' if in_flow || self.is_blank_or_end(1) => self.fetch_key(),
            b':' if in_flow || self.is_blank_or_end(1) => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(),
            b'!' => self.fetch_tag(),
            b'|' | b'>' if !in_flow => {
                self.give_up_key()?;
                self.key_allowed = true;
                let style = if byte == b'|' { ScalarStyle::Literal } else { ScalarStyle::Folded };
                self.scan_block_scalar(style)
            }
            b'\'' | b'"' => {
                let level = self.note_possible_key()?;
                self.key_allowed = false;
                let style = if byte == b'"' { ScalarStyle::DoubleQuoted } else { ScalarStyle::SingleQuoted };
                self.scan_quoted_scalar(style, level)
            }
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => Err(self.no_token()),
            _ => {
                let level = self.note_possible_key()?;
                self.key_allowed = false;
                self.scan_plain_scalar(level)
            }
        }
    }

    fn no_token(&self) -> Fault {
        let char = self.slice(self.at, self.text.len()).chars().next().unwrap_or(' ');
        let name = if char == '\t' { "a tab".to_owned() } else { format!("`{char}`") };
        Fault::syntax(self.at, format!("nothing can start with {name} here"))
    }

    /// Skips white space, comments and line breaks. A tab is white space only where no key may start.
    fn skip_to_token(&mut self) -> Result<(), Fault> {
        loop {
            // Upstream skips a byte order mark behind the first one, and then a character of every line.
            if self.starts_with_mark && self.is_line_start() && !self.is_end(0) {
                if self.at > self.start {
                    return Err(Fault::syntax(self.start, "the text starts with two byte order marks"));
                }
                self.at += '\u{feff}'.len_utf8();
            }
            let tabs_allowed = self.flow_level > 0 || !self.key_allowed;
            while self.byte(0) == b' ' || (tabs_allowed && self.byte(0) == b'\t') {
                self.at += 1;
            }
            self.skip_comment();
            if self.read_break().is_empty() {
                return Ok(());
            }
            if self.flow_level == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), Fault> {
        self.start_line();
        self.leave_block()?;
        self.push(TokenKind::StreamEnd, self.at);
        Ok(())
    }

    /// Ends all block collections, as directives, a document's marks and the end of the text do.
    fn leave_block(&mut self) -> Result<(), Fault> {
        self.close_blocks(None);
        self.give_up_key()?;
        self.key_allowed = false;
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'t>) -> Result<(), Fault> {
        let level = self.note_possible_key()?;
        self.possible_keys
            .push(PossibleKey { token: self.queue_number + self.queue.len(), ..PossibleKey::default() });
        self.flow_level += 1;
        if self.flow_level > self.depth_max {
            return Err(Fault::too_deep(self.at, self.depth_max));
        }
        self.key_allowed = true;
        let start = self.at;
        self.at += 1;
        self.push_possible_key(kind, start, level);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'t>) -> Result<(), Fault> {
        self.give_up_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            let inner = self.possible_keys.pop().unwrap_or_default();
            // Where nothing in the collection could be a key, its own number is still noted here, and upstream does
            // not wait any more for what follows it: `{}: a` is the document `{}`.
            let index = inner.token.checked_sub(self.queue_number);
            if let Some(token) = index.and_then(|index| self.queue.get_mut(index)) {
                token.key_level = None;
            }
        }
        self.key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Fault> {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return Err(Fault::syntax(self.at, "an entry of a list cannot stand here"));
            }
            let column = self.column();
            self.open_block(column, None, TokenKind::BlockSequenceStart, self.at)?;
        }
        self.give_up_key()?;
        self.key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Fault> {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return Err(Fault::syntax(self.at, "a key cannot stand here"));
            }
            let column = self.column();
            self.open_block(column, None, TokenKind::BlockMappingStart, self.at)?;
        }
        self.give_up_key()?;
        self.key_allowed = self.flow_level == 0;
        self.push_indicator(TokenKind::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Fault> {
        let level = self.possible_keys.len().saturating_sub(1);
        if self.may_be_key(level)? {
            let key = self.possible_keys.last().copied().unwrap_or_default();
            self.insert(key.token, TokenKind::Key, key.at);
            self.open_block(key.column, Some(key.token), TokenKind::BlockMappingStart, key.at)?;
            self.forget_key(level);
            self.key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.key_allowed {
                    return Err(Fault::syntax(self.at, "a `:` cannot stand here"));
                }
                let column = self.column();
                self.open_block(column, None, TokenKind::BlockMappingStart, self.at)?;
            }
            self.key_allowed = self.flow_level == 0;
        }
        self.push_indicator(TokenKind::Value, 1);
        Ok(())
    }

    /// Puts an empty token before the one with a number; to the end, where that is taken already.
    fn insert(&mut self, number: usize, kind: TokenKind<'t>, at: usize) {
        let len = self.queue.len();
        let index = number.checked_sub(self.queue_number).unwrap_or(len).min(len);
        let token = Token { kind, start: at, end: at, key_level: None };
        self.queue.insert(index, token);
    }

    /// Opens a block collection, where the column is further in than the one at hand. Its token goes before the token
    /// with a number, or to the end.
    fn open_block(
        &mut self,
        column: usize,
        before: Option<usize>,
        kind: TokenKind<'t>,
        at: usize,
    ) -> Result<(), Fault> {
        if self.flow_level > 0 || self.indent.is_some_and(|indent| indent >= column) {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = Some(column);
        if self.indents.len() > self.depth_max {
            return Err(Fault::too_deep(at, self.depth_max));
        }
        let number = before.unwrap_or(self.queue_number + self.queue.len());
        self.insert(number, kind, at);
        Ok(())
    }

    /// Closes the block collections that are further in than a column; with none, all.
    fn close_blocks(&mut self, column: Option<usize>) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(TokenKind::BlockEnd, self.at);
            self.indent = self.indents.pop().flatten();
        }
    }

    /// Notes that the token about to be pushed may be a key; gives the level to mark it with.
    fn note_possible_key(&mut self) -> Result<Option<usize>, Fault> {
        if !self.key_allowed {
            return Ok(None);
        }
        let in_block = self.flow_level == 0;
        let column = if in_block { self.column() } else { 0 };
        self.give_up_key()?;
        let key = PossibleKey {
            possible: true,
            required: in_block && self.indent == Some(column),
            token: self.queue_number + self.queue.len(),
            at: self.at,
            line_start: self.line_start,
            column,
        };
        if let Some(last) = self.possible_keys.last_mut() {
            *last = key;
        }
        Ok(Some(self.possible_keys.len().saturating_sub(1)))
    }

    /// Gives up the key that may have started at this level.
    fn give_up_key(&mut self) -> Result<(), Fault> {
        let level = self.possible_keys.len().saturating_sub(1);
        if let Some(key) = self.possible_keys.get(level)
            && key.possible
            && key.required
        {
            return Err(Self::missing_colon(key.at));
        }
        self.forget_key(level);
        Ok(())
    }

    fn forget_key(&mut self, level: usize) {
        if let Some(key) = self.possible_keys.get_mut(level) {
            key.possible = false;
        }
    }

    fn missing_colon(at: usize) -> Fault {
        Fault::syntax(at, "no `:` follows where only a key can stand")
    }

    /// Whether a `:` here would make a key of the one noted at a level. Forgets it where the line or the bound is over.
    fn may_be_key(&mut self, level: usize) -> Result<bool, Fault> {
        let Some(key) = self.possible_keys.get(level).copied().filter(|key| key.possible) else {
            return Ok(false);
        };
        if key.line_start == self.line_start && !self.is_too_far(key.at) {
            return Ok(true);
        }
        if key.required {
            return Err(Self::missing_colon(key.at));
        }
        self.forget_key(level);
        Ok(false)
    }

    fn is_too_far(&self, from: usize) -> bool {
        let bytes = self.at.saturating_sub(from);
        if bytes <= KEY_CHARS_MAX {
            return false;
        }
        // A character has four bytes at the most.
        bytes > 4 * KEY_CHARS_MAX || count_chars(self.slice(from, self.at)) > KEY_CHARS_MAX
    }
}

/// The length of the line break at a place; zero where there is none. With raw lines, `\r\r\n` is one.
pub(crate) fn break_len(text: &[u8], at: usize, has_raw_lines: bool) -> usize {
    match text.get(at..).unwrap_or_default() {
        [b'\r', b'\r', b'\n', ..] if has_raw_lines => 3,
        // With U+0085, the next line.
        [b'\r', b'\n', ..] | [0xC2, 0x85, ..] => 2,
        [b'\n' | b'\r', ..] => 1,
        // The line and paragraph separators.
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => 3,
        _ => 0,
    }
}

/// What a scalar keeps of a line break: a line feed, but the line and paragraph separators as they are.
pub(crate) fn kept_break(line_break: &str) -> &str {
    if line_break.starts_with(['\u{2028}', '\u{2029}']) { line_break } else { "\n" }
}

fn count_chars(text: &str) -> usize {
    text.bytes().filter(|byte| (byte & 0xC0) != 0x80).count()
}

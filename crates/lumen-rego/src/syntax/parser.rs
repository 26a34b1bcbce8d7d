//! The parser's state: the token it stands at, the way back to an earlier one, terms that were read before, and errors.

use lumen_value::Value;

use super::raw::{Arena, RawNode, TermId};
use super::scan::{Faults, Scanned, Scanner};
use super::token::{Keywords, Token};
use crate::ast::Version;
use crate::depth::{DEPTH_MAX, grow};
use crate::error::{Code, Error, Span};
use crate::hash::HashMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many errors are kept; the parser seldom goes on after one.
const ERRORS_MAX: u32 = 1_000;

/// How many terms that were read are remembered; then all are forgotten. Only the latest of each level of brackets are
/// asked for again.
const REMEMBERED_MAX: usize = 1 << 17;

/// How many bytes of text are read to find hints.
const HINT_BYTES_MAX: usize = 100_000;

/// Terms of no more bytes are read again instead.
const SHORT_BYTES: u32 = 16;

/// A list that grows at its head and that an earlier state sees at its earlier length: the index of its latest entry,
/// counted from 1, and how many it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Chain {
    last: u32,
    len: u32,
}

/// The entries of such lists.
#[derive(Debug)]
struct Links<T>(Vec<(T, Chain)>);

impl<T> Links<T> {
    fn push(&mut self, chain: Chain, entry: T) -> Chain {
        self.0.push((entry, chain));
        Chain { last: u32::try_from(self.0.len()).unwrap_or(u32::MAX), len: chain.len + 1 }
    }

    /// The entries, the latest first.
    fn iter(&self, chain: Chain) -> impl Iterator<Item = &T> {
        let mut next = chain.last;
        std::iter::from_fn(move || {
            let (entry, before) = self.0.get((next as usize).checked_sub(1)?)?;
            next = before.last;
            Some(entry)
        })
    }
}

/// Where the parser stands. A copy is a way back.
#[derive(Clone, Copy, Debug)]
pub(super) struct State<'t> {
    pub(super) scanner: Scanner<'t>,
    pub(super) token: Token,
    /// The token's place.
    pub(super) span: Span,
    /// One past the last byte of the token before, not counting white space.
    pub(super) last_end: u32,
    /// Whether a line ended since.
    pub(super) skipped_newline: bool,
    /// How many wildcards were named.
    pub(super) wildcards: u32,
    /// How many comments were passed.
    pub(super) comments: u32,
    errors: Chain,
    hints: Chain,
}

/// A term that was read, and where the parser stood behind it.
#[derive(Debug)]
struct Remembered<'t> {
    term: Option<TermId>,
    after: State<'t>,
}

/// The parser.
#[derive(Debug)]
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) version: Version,
    pub(super) module: u32,
    pub(super) state: State<'t>,
    pub(super) arena: Arena,
    /// `not` may be followed by a body: `future.keywords.not` was imported.
    pub(super) not_bodies: bool,
    /// The comments' places, where they are asked for.
    pub(super) comments: Option<Vec<Span>>,
    errors: Links<(Span, String)>,
    hints: Links<String>,
    faults: Faults,
    /// How many bytes may still be read to find hints.
    pub(super) hint_bytes_left: usize,
    /// The furthest byte that was read since this was last set.
    pub(super) furthest: u32,
    /// What was read, by place and by the token that was seen there: a keyword may be taken for a name.
    remembered: HashMap<(u32, Token), Remembered<'t>>,
    /// Places of `{` and `(` that were found not to start an operand of `and` or `or`. Upstream looks again each time,
    /// which doubles with each level.
    pub(super) no_operands: BTreeSet<(u32, bool)>,
    depth: usize,
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl<'t> Parser<'t> {
    /// A parser at the first token of a text.
    pub(super) fn new(text: &'t str, version: Version, module: u32, keeps_comments: bool) -> Self {
        let keywords = match version {
            Version::V0 | Version::V0WithV1 => Keywords::NOT,
            Version::V1 => Keywords::NOT.with(Keywords::V1),
        };
        let mut faults = Faults::new();
        let scanner = Scanner::new(text, keywords, &mut faults);
        let state = State {
            scanner,
            token: Token::Illegal,
            span: Span::default(),
            last_end: 0,
            skipped_newline: false,
            wildcards: 0,
            comments: 0,
            errors: Chain::default(),
            hints: Chain::default(),
        };
        let mut parser = Self {
            text,
            version,
            module,
            state,
            arena: Arena::default(),
            not_bodies: false,
            comments: keeps_comments.then(Vec::new),
            errors: Links(Vec::new()),
            hints: Links(Vec::new()),
            faults,
            hint_bytes_left: HINT_BYTES_MAX,
            furthest: 0,
            remembered: HashMap::default(),
            no_operands: BTreeSet::new(),
            depth: 0,
        };
        parser.scan();
        parser
    }

    /// The next token that is no white space.
    pub(super) fn scan(&mut self) {
        self.advance(true, Scanner::scan);
    }

    /// The next token, which may be white space.
    pub(super) fn scan_space(&mut self) {
        self.advance(false, Scanner::scan);
    }

    /// The next part of a template string.
    pub(super) fn scan_template(&mut self, raw: bool) {
        self.advance(false, |scanner, faults| scanner.scan_template(faults, raw));
    }

    fn advance(&mut self, skips_space: bool, mut read: impl FnMut(&mut Scanner<'t>, &mut Faults) -> Scanned) {
        if self.state.token != Token::Whitespace {
            self.state.last_end = self.state.span.end;
            self.state.skipped_newline = false;
        }
        loop {
            let mut faults = std::mem::take(&mut self.faults);
            let scanned = read(&mut self.state.scanner, &mut faults);
            self.state.token = scanned.token;
            self.state.span = Span {
                module: self.module,
                row: scanned.row,
                column: scanned.column,
                start: offset(scanned.start),
                end: offset(scanned.end),
            };
            self.furthest = self.furthest.max(self.state.span.end);
            if !faults.is_empty() {
                for message in faults.drain(..) {
                    self.error(self.state.span, message);
                }
                self.state.token = Token::Illegal;
            }
            self.faults = faults;
            match self.state.token {
                Token::Whitespace => {
                    self.state.skipped_newline |= self.literal() == "\n";
                    if skips_space {
                        continue;
                    }
                    break;
                }
                Token::Comment => self.note_comment(),
                _ => break,
            }
        }
    }

    fn note_comment(&mut self) {
        self.state.comments += 1;
        let span = self.state.span;
        if let Some(comments) = &mut self.comments
            && comments.last().is_none_or(|last| last.start < span.start)
        {
            comments.push(span);
        }
    }

    /// The text of the current token.
    pub(super) fn literal(&self) -> &'t str {
        self.slice(self.state.span.start, self.state.span.end)
    }

    /// A part of the text.
    pub(super) fn slice(&self, start: u32, end: u32) -> &'t str {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The text of a word that stands at the current token; empty where it is no word.
    pub(super) fn word(&self) -> &'t str {
        let literal = self.literal();
        if literal.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            literal
        } else {
            ""
        }
    }

    /// Whether a character beyond ASCII follows the token: upstream then takes a part of it for the end of a word or
    /// number. It is an error in any case; this decides which.
    pub(super) fn has_stray_byte(&self) -> bool {
        self.text.as_bytes().get(self.state.span.end as usize).is_some_and(|byte| !byte.is_ascii())
    }

    /// A span that starts where another does and ends behind the token before this one.
    pub(super) fn extended(&self, start: Span) -> Span {
        Span { end: self.state.last_end.max(start.start), ..start }
    }

    /// Runs `read` one level deeper in brackets; `None`, with an error, where that is too deep.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEPTH_MAX {
            self.too_deep();
            return None;
        }
        self.depth += 1;
        let result = grow(|| read(self));
        self.depth -= 1;
        result
    }

    /// Whether a tree of that height may be; records the error.
    pub(super) fn fits(&mut self, height: usize) -> bool {
        let fits = height <= DEPTH_MAX;
        if !fits {
            self.too_deep();
        }
        fits
    }

    fn too_deep(&mut self) {
        self.error(self.state.span, "max parsing recursion depth exceeded");
    }

    /// Adds a term, where its tree is not too high.
    pub(super) fn add(&mut self, node: RawNode, span: Span) -> Option<TermId> {
        let id = self.arena.add(node, span);
        self.fits(self.arena.height(id)).then_some(id)
    }

    /// Adds a constant at the current token.
    pub(super) fn constant(&mut self, value: Value) -> TermId {
        self.arena.add(RawNode::Value(value), self.state.span)
    }

    /// Forgets the statement before.
    pub(super) fn forget(&mut self) {
        self.arena.clear();
        if !self.remembered.is_empty() {
            self.remembered = HashMap::default();
        }
        self.no_operands.clear();
    }

    /// Forgets what was read, because it would be read otherwise now.
    pub(super) fn swap_memory(&mut self, other: Memory<'t>) -> Memory<'t> {
        Memory(std::mem::replace(&mut self.remembered, other.0))
    }

    /// A term that was read at the current place before: goes behind it.
    #[expect(clippy::option_option, reason = "whether it was read, and whether it is a term")]
    pub(super) fn recall(&mut self) -> Option<Option<TermId>> {
        let remembered = self.remembered.get(&(self.state.span.start, self.state.token))?;
        self.state = remembered.after;
        Some(remembered.term)
    }

    /// Remembers a term that was read at a place.
    pub(super) fn remember(&mut self, at: (u32, Token), term: Option<TermId>) {
        if term.is_some() && self.state.span.start.saturating_sub(at.0) <= SHORT_BYTES {
            return;
        }
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered = HashMap::default();
        }
        self.remembered.insert(at, Remembered { term, after: self.state });
    }

    /// Records an error, with the hints that were given.
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) {
        let mut message = message.into();
        let mut hints: Vec<&str> = self.hints.iter(self.state.hints).map(String::as_str).collect();
        hints.reverse();
        match hints.as_slice() {
            [] => {}
            [one] => message = format!("{message} (hint: {one})"),
            many => message = format!("{message} (hints: {})", many.join(", ")),
        }
        if self.state.errors.len < ERRORS_MAX {
            self.state.errors = self.errors.push(self.state.errors, (span, message));
        }
        self.state.hints = Chain::default();
    }

    /// Records a hint for the next error.
    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.state.hints = self.hints.push(self.state.hints, hint.into());
    }

    /// Whether hints wait for an error.
    pub(super) fn has_hints(&self) -> bool {
        self.state.hints.len > 0
    }

    /// Whether there are errors.
    pub(super) fn has_errors(&self) -> bool {
        self.state.errors.len > 0
    }

    /// Says that the current token may not stand here.
    pub(super) fn illegal(&mut self, note: &str) {
        let span = self.state.span;
        if self.state.token == Token::Illegal {
            self.error(span, "illegal token");
            return;
        }
        let name = self.state.token.name();
        let kind = if self.state.token.is_keyword() { "keyword" } else { "token" };
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        self.error(span, format!("unexpected {name} {kind}{note}"));
    }

    /// The errors, in the order in which they were found.
    pub(super) fn take_errors(&self, file: &Arc<str>) -> Vec<Error> {
        let errors = self.errors.iter(self.state.errors).map(|(span, message)| Error {
            code: Code::Parse,
            span: *span,
            file: file.clone(),
            message: message.clone(),
            hint: None,
        });
        let mut errors: Vec<Error> = errors.collect();
        errors.reverse();
        if let Some(first) = errors.iter_mut().find(|error| error.message.starts_with("unexpected eof")) {
            first.hint = super::unclosed::bracket(self.text)
                .map(|(bracket, row, column)| format!("the `{bracket}` of {row}:{column} is not closed"));
        }
        errors
    }
}

/// The terms that a parser remembers.
#[derive(Debug, Default)]
pub(super) struct Memory<'t>(HashMap<(u32, Token), Remembered<'t>>);

//! The parser: from tokens to events, with the productions of libyaml (`parserc.go` in `go.yaml.in/yaml/v2`). Only
//! the first document of a text is read.

use std::borrow::Cow;

use super::scan::Scanner;
use super::token::{Fault, Token, TokenKind};

/// Most `%TAG` directives of a document; each tag is looked up among them.
const TAG_DIRECTIVES_MAX: usize = 100;

/// What a text says next.
#[derive(Clone, Debug)]
pub(super) enum Event<'t> {
    /// The text holds no document, or the document is over.
    End,
    Alias(&'t str),
    Scalar(Scalar<'t>),
    SequenceStart(Option<&'t str>),
    SequenceEnd,
    MappingStart(Option<&'t str>),
    MappingEnd,
}

/// A scalar as it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Scalar<'t> {
    pub(super) text: Cow<'t, str>,
    /// The whole tag; `None` where there is none.
    pub(super) tag: Option<Box<str>>,
    pub(super) anchor: Option<&'t str>,
    /// Whether the text decides on the type: it is plain without a tag, or its tag is `!`.
    pub(super) implicit: bool,
}

impl Scalar<'_> {
    fn empty() -> Self {
        Self { implicit: true, ..Self::default() }
    }
}

/// What a node may carry before its content.
#[derive(Default)]
struct Properties<'t> {
    anchor: Option<&'t str>,
    tag: Option<Box<str>>,
    start: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    End,
    BlockNode,
    BlockSequenceFirst,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingFirst,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirst,
    FlowSequenceEntry,
    /// In a pair that stands as an entry of a sequence, `[key: value]`.
    PairKey,
    PairValue,
    PairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
}

/// Where a node stands, which decides on what it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Flow,
    Block,
    /// In a block mapping, where a sequence need not be indented.
    BlockOrIndentless,
}

/// The kind of a token, without its content.
macro_rules! is_token {
    ($token:expr, $($kind:ident)|+) => {
        matches!($token.kind, $(TokenKind::$kind { .. })|+)
    };
}

pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    state: State,
    /// Where to go on when the node at hand is over.
    states: Vec<State>,
    /// The prefixes of tag handles.
    prefixes: Vec<(String, String)>,
}

type Parsed<'t> = Result<(Event<'t>, usize), Fault>;

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, depth_max: usize) -> Self {
        Self {
            scanner: Scanner::new(text, depth_max),
            state: State::DocumentStart,
            states: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    /// How far the text is read.
    fn position(&self) -> usize {
        self.scanner.position()
    }

    /// How far upstream needs the text for what was read.
    pub(super) fn looked_to(&self) -> usize {
        self.scanner.looked_to()
    }

    /// The next event and where it starts.
    pub(super) fn next_event(&mut self) -> Parsed<'t> {
        match self.state {
            State::DocumentStart => self.document_start(),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => {
                // What follows the document is not read, but the next token is looked at.
                let at = self.scanner.peek()?.start;
                self.state = State::End;
                Ok((Event::End, at))
            }
            State::End => Ok((Event::End, self.position())),
            State::BlockNode => self.node(Place::Block),
            State::BlockSequenceFirst => {
                self.scanner.take();
                self.block_sequence_entry()
            }
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingFirst => {
                self.scanner.take();
                self.block_mapping_key()
            }
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirst => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::PairKey => self.pair_key(),
            State::PairValue => self.pair_value(),
            State::PairEnd => {
                let at = self.scanner.peek()?.start;
                self.state = State::FlowSequenceEntry;
                Ok((Event::MappingEnd, at))
            }
            State::FlowMappingFirst => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmptyValue => {
                let at = self.scanner.peek()?.start;
                self.empty(State::FlowMappingKey, at)
            }
        }
    }

    fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// Takes the token that was looked at, and looks at the next.
    fn advance(&mut self) -> Result<&Token<'t>, Fault> {
        self.scanner.take();
        self.scanner.peek()
    }

    /// A scalar that is not written at all.
    #[expect(clippy::unnecessary_wraps, reason = "ends each production")]
    fn empty(&mut self, state: State, at: usize) -> Parsed<'t> {
        self.state = state;
        Ok((Event::Scalar(Scalar::empty()), at))
    }

    fn nested(&mut self, then: State, place: Place) -> Parsed<'t> {
        self.states.push(then);
        self.node(place)
    }

    #[expect(clippy::unnecessary_wraps, reason = "ends each production")]
    fn end_collection(&mut self, event: Event<'t>) -> Parsed<'t> {
        let at = self.scanner.take().map_or(self.position(), |token| token.start);
        self.pop_state();
        Ok((event, at))
    }

    fn document_start(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let start = token.start;
        if is_token!(token, StreamEnd) {
            self.state = State::End;
            return Ok((Event::End, start));
        }
        if is_token!(token, Version | TagDirective | DocumentStart) {
            self.directives()?;
            let token = self.scanner.peek()?;
            if !is_token!(token, DocumentStart) {
                return Err(Fault::syntax(token.start, "`---` must follow the directives"));
            }
            self.scanner.take();
            self.state = State::DocumentContent;
        } else {
            self.directives()?;
            self.state = State::BlockNode;
        }
        self.states.push(State::DocumentEnd);
        self.next_event()
    }

    fn document_content(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        if is_token!(token, Version | TagDirective | DocumentStart | DocumentEnd | StreamEnd) {
            let at = token.start;
            self.pop_state();
            return Ok((Event::Scalar(Scalar::empty()), at));
        }
        self.node(Place::Block)
    }

    fn directives(&mut self) -> Result<(), Fault> {
        let mut has_version = false;
        loop {
            let token = self.scanner.peek()?;
            let at = token.start;
            match &token.kind {
                TokenKind::Version(..) if has_version => {
                    return Err(Fault::syntax(at, "`%YAML` stands twice"));
                }
                TokenKind::Version(1, 1) => has_version = true,
                TokenKind::Version(major, minor) => {
                    let message = format!("Kubernetes reads YAML 1.1, not {major}.{minor}");
                    return Err(Fault::syntax(at, message));
                }
                TokenKind::TagDirective(pair) => {
                    let pair = (**pair).clone();
                    if self.prefixes.iter().any(|(handle, _)| *handle == pair.0) {
                        let message = format!("`%TAG {}` stands twice", pair.0);
                        return Err(Fault::syntax(at, message));
                    }
                    if self.prefixes.len() >= TAG_DIRECTIVES_MAX {
                        let message = format!("more than {TAG_DIRECTIVES_MAX} `%TAG` directives");
                        return Err(Fault::syntax(at, message));
                    }
                    self.prefixes.push(pair);
                }
                _ => return Ok(()),
            }
            self.scanner.take();
        }
    }

    /// A tag's whole text.
    fn resolve_tag(&self, handle: &str, suffix: &str, at: usize) -> Result<Box<str>, Fault> {
        if handle.is_empty() {
            return Ok(suffix.into());
        }
        let prefix = match self.prefixes.iter().find(|(known, _)| known == handle) {
            Some((_, prefix)) => prefix.as_str(),
            None if handle == "!" => "!",
            None if handle == "!!" => "tag:yaml.org,2002:",
            None => {
                let message = format!("no `%TAG` directive gives the tag handle `{handle}` a meaning");
                return Err(Fault::syntax(at, message));
            }
        };
        Ok(format!("{prefix}{suffix}").into())
    }

    /// An anchor and a tag, in any order.
    fn properties(&mut self) -> Result<Properties<'t>, Fault> {
        let mut properties = Properties::default();
        let mut has_tag = false;
        loop {
            let token = self.scanner.peek()?;
            match &token.kind {
                TokenKind::Anchor(name) if properties.anchor.is_none() => {
                    properties.start.get_or_insert(token.start);
                    properties.anchor = Some(name);
                }
                TokenKind::Tag(tag) if !has_tag => {
                    let at = token.start;
                    properties.start.get_or_insert(at);
                    let tag = tag.clone();
                    has_tag = true;
                    properties.tag =
                        Some(self.resolve_tag(&tag.0, &tag.1, at)?).filter(|tag| !tag.is_empty());
                }
                _ => return Ok(properties),
            }
            self.scanner.take();
        }
    }

    fn node(&mut self, place: Place) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        if let TokenKind::Alias(name) = token.kind {
            let start = token.start;
            self.scanner.take();
            self.pop_state();
            return Ok((Event::Alias(name), start));
        }
        let properties =
            if is_token!(token, Anchor | Tag) { self.properties()? } else { Properties::default() };
        let token = self.scanner.peek()?;
        let start = properties.start.unwrap_or(token.start);
        let in_block = place != Place::Flow;
        let (state, event) = match &token.kind {
            TokenKind::BlockEntry if place == Place::BlockOrIndentless => {
                (State::IndentlessSequenceEntry, Event::SequenceStart(properties.anchor))
            }
            TokenKind::Scalar { .. } => return self.scalar(properties, start),
            TokenKind::FlowSequenceStart => {
                (State::FlowSequenceFirst, Event::SequenceStart(properties.anchor))
            }
            TokenKind::FlowMappingStart => (State::FlowMappingFirst, Event::MappingStart(properties.anchor)),
            TokenKind::BlockSequenceStart if in_block => {
                (State::BlockSequenceFirst, Event::SequenceStart(properties.anchor))
            }
            TokenKind::BlockMappingStart if in_block => {
                (State::BlockMappingFirst, Event::MappingStart(properties.anchor))
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                self.pop_state();
                let scalar = Scalar {
                    implicit: properties.tag.is_none(),
                    tag: properties.tag,
                    anchor: properties.anchor,
                    text: Cow::Borrowed(""),
                };
                return Ok((Event::Scalar(scalar), start));
            }
            _ => return Err(Fault::syntax(token.start, "a value is missing here")),
        };
        self.state = state;
        Ok((event, start))
    }

    fn scalar(&mut self, properties: Properties<'t>, start: usize) -> Parsed<'t> {
        self.pop_state();
        let Some(TokenKind::Scalar { text, plain }) = self.scanner.take().map(|token| token.kind) else {
            return Err(Fault::syntax(start, "a value is missing here"));
        };
        let scalar = Scalar {
            text,
            implicit: match properties.tag.as_deref() {
                None => plain,
                Some(tag) => tag == "!",
            },
            tag: properties.tag,
            anchor: properties.anchor,
        };
        Ok((Event::Scalar(scalar), start))
    }

    fn block_sequence_entry(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let end = token.end;
        match token.kind {
            TokenKind::BlockEntry => {
                if is_token!(self.advance()?, BlockEntry | BlockEnd) {
                    return self.empty(State::BlockSequenceEntry, end);
                }
                self.nested(State::BlockSequenceEntry, Place::Block)
            }
            TokenKind::BlockEnd => self.end_collection(Event::SequenceEnd),
            _ => Err(Fault::syntax(
                token.start,
                "an entry of the list is missing its `-`, or is indented otherwise than the others",
            )),
        }
    }

    fn indentless_sequence_entry(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if is_token!(token, BlockEntry) {
            if is_token!(self.advance()?, BlockEntry | Key | Value | BlockEnd) {
                return self.empty(State::IndentlessSequenceEntry, end);
            }
            return self.nested(State::IndentlessSequenceEntry, Place::Block);
        }
        self.pop_state();
        Ok((Event::SequenceEnd, start))
    }

    fn block_mapping_key(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let end = token.end;
        match token.kind {
            TokenKind::Key => {
                if is_token!(self.advance()?, Key | Value | BlockEnd) {
                    return self.empty(State::BlockMappingValue, end);
                }
                self.nested(State::BlockMappingValue, Place::BlockOrIndentless)
            }
            TokenKind::BlockEnd => self.end_collection(Event::MappingEnd),
            _ => Err(Fault::syntax(
                token.start,
                "a key is missing here, or is indented otherwise than the others",
            )),
        }
    }

    fn block_mapping_value(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if !is_token!(token, Value) {
            return self.empty(State::BlockMappingKey, start);
        }
        if is_token!(self.advance()?, Key | Value | BlockEnd) {
            return self.empty(State::BlockMappingKey, end);
        }
        self.nested(State::BlockMappingKey, Place::BlockOrIndentless)
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Parsed<'t> {
        if first {
            self.scanner.take();
        }
        let mut token = self.scanner.peek()?;
        if is_token!(token, FlowSequenceEnd) {
            return self.end_collection(Event::SequenceEnd);
        }
        if !first {
            if !is_token!(token, FlowEntry) {
                return Err(Fault::syntax(token.start, "a `,` or `]` is missing here"));
            }
            token = self.advance()?;
        }
        let start = token.start;
        if is_token!(token, Key) {
            self.scanner.take();
            self.state = State::PairKey;
            return Ok((Event::MappingStart(None), start));
        }
        if is_token!(token, FlowSequenceEnd) {
            return self.end_collection(Event::SequenceEnd);
        }
        self.nested(State::FlowSequenceEntry, Place::Flow)
    }

    fn pair_key(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let end = token.end;
        if !is_token!(token, Value | FlowEntry | FlowSequenceEnd) {
            return self.nested(State::PairValue, Place::Flow);
        }
        // Upstream takes the token, whichever it is.
        self.scanner.take();
        self.empty(State::PairValue, end)
    }

    fn pair_value(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let start = token.start;
        if is_token!(token, Value) && !is_token!(self.advance()?, FlowEntry | FlowSequenceEnd) {
            return self.nested(State::PairEnd, Place::Flow);
        }
        self.empty(State::PairEnd, start)
    }

    fn flow_mapping_key(&mut self, first: bool) -> Parsed<'t> {
        if first {
            self.scanner.take();
        }
        let mut token = self.scanner.peek()?;
        if is_token!(token, FlowMappingEnd) {
            return self.end_collection(Event::MappingEnd);
        }
        if !first {
            if !is_token!(token, FlowEntry) {
                return Err(Fault::syntax(token.start, "a `,` or `}` is missing here"));
            }
            token = self.advance()?;
        }
        if is_token!(token, Key) {
            let token = self.advance()?;
            let start = token.start;
            if is_token!(token, Value | FlowEntry | FlowMappingEnd) {
                return self.empty(State::FlowMappingValue, start);
            }
            return self.nested(State::FlowMappingValue, Place::Flow);
        }
        if is_token!(token, FlowMappingEnd) {
            return self.end_collection(Event::MappingEnd);
        }
        self.nested(State::FlowMappingEmptyValue, Place::Flow)
    }

    fn flow_mapping_value(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let start = token.start;
        if is_token!(token, Value) && !is_token!(self.advance()?, FlowEntry | FlowMappingEnd) {
            return self.nested(State::FlowMappingKey, Place::Flow);
        }
        self.empty(State::FlowMappingKey, start)
    }
}

//! The parser: from tokens to events, with the productions of libyaml (`parserc.go` in `go.yaml.in/yaml/v2`). Only
//! the first document of a text is read.

use std::borrow::Cow;
use std::ops::Range;

use super::Schema;
use super::scan::Scanner;
use super::token::{BlockLines, Fault, ScalarStyle, Token, TokenKind};

/// Most `%TAG` directives of a document; each tag is looked up among them.
const TAG_DIRECTIVES_MAX: usize = 100;

/// What a text says next.
#[derive(Clone, Debug)]
pub(crate) enum Event<'t> {
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
pub(crate) struct Scalar<'t> {
    pub(crate) text: Cow<'t, str>,
    /// The whole tag; `None` where there is none.
    pub(super) tag: Option<Box<str>>,
    pub(crate) anchor: Option<&'t str>,
    /// Whether the text decides on the type: it is plain without a tag, or its tag is `!`.
    pub(super) implicit: bool,
    /// What its text may mean.
    pub(super) schema: Schema,
    pub(crate) style: ScalarStyle,
}

/// Where the last event stands, for those who ask. Of the end of a collection only its own token is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The end of the last token before the node.
    pub(crate) lead: usize,
    /// The `-` or `?` before the node.
    pub(crate) indicator: Option<usize>,
    /// Where the first of anchor and tag starts.
    pub(crate) properties: Option<usize>,
    /// The anchor, with its `&`.
    pub(crate) anchor: Option<Range<usize>>,
    /// The token that the event comes of: a whole scalar or alias, the bracket of a flow collection.
    pub(crate) own: Range<usize>,
    /// Whether it is a collection in flow style; its token is empty where it has no brackets.
    pub(crate) flow: bool,
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
enum Context {
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

mod flow;

pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    state: State,
    /// Where to go on when the node at hand is over.
    states: Vec<State>,
    /// The prefixes of tag handles.
    prefixes: Vec<(String, String)>,
    /// The end of the last token that was taken, but for those that stand on nothing.
    taken_to: usize,
    place: Place,
    schema: Schema,
}

type Parsed<'t> = Result<(Event<'t>, usize), Fault>;

impl<'t> Parser<'t> {
    /// Parses a text from a place on.
    pub(super) fn new(text: &'t str, start: usize, depth_max: usize) -> Self {
        Self {
            scanner: Scanner::new(text, start, depth_max),
            state: State::DocumentStart,
            states: Vec::new(),
            prefixes: Vec::new(),
            taken_to: start,
            place: Place::default(),
            schema: Schema::Kubernetes,
        }
    }

    /// Reads scalars and `%YAML` as the schema has it.
    pub(super) fn with_schema(self, schema: Schema) -> Self {
        Self { schema, ..self }
    }

    /// Goes on to the next document of the stream, if there is one.
    pub(super) fn next_document(&mut self) -> Result<bool, Fault> {
        while is_token!(self.scanner.peek()?, DocumentEnd) {
            self.take();
        }
        let token = self.scanner.peek()?;
        if is_token!(token, StreamEnd) {
            return Ok(false);
        }
        if !is_token!(token, Version | TagDirective | DocumentStart) {
            return Err(Fault::syntax(token.start, "`---` must stand before another document"));
        }
        self.prefixes.clear();
        self.state = State::DocumentStart;
        Ok(true)
    }

    /// Keeps the comments too, and takes lines as a file has them.
    pub(super) fn with_comments(self) -> Self {
        Self { scanner: self.scanner.with_comments(), ..self }
    }

    /// The comments before the end of the document, in their order.
    pub(super) fn into_comments(self) -> Vec<Range<usize>> {
        self.scanner.into_comments()
    }

    /// Where the last event stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The lines of the last event's scalar, where it is one in block style.
    pub(super) fn block_lines(&self) -> BlockLines {
        self.scanner.block_lines()
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
        // The `?` of a pair comes before its mapping starts, and belongs to the key.
        let indicator = self.place.indicator.filter(|_| matches!(self.state, State::PairKey));
        self.place = Place { indicator, ..Place::default() };
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
            State::BlockNode => self.node(Context::Block),
            State::BlockSequenceFirst => {
                self.take();
                self.block_sequence_entry()
            }
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingFirst => {
                self.take();
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

    /// Takes the token that was looked at.
    fn take(&mut self) -> Option<Token<'t>> {
        let token = self.scanner.take()?;
        if token.end > token.start {
            self.taken_to = token.end;
            if is_token!(token, BlockEntry | Key) {
                self.place.indicator = Some(token.start);
            }
        }
        Some(token)
    }

    /// Takes the token that was looked at, and looks at the next.
    fn advance(&mut self) -> Result<&Token<'t>, Fault> {
        self.take();
        self.scanner.peek()
    }

    /// A scalar that is not written at all.
    #[expect(clippy::unnecessary_wraps, reason = "ends each production")]
    fn empty(&mut self, state: State, at: usize) -> Parsed<'t> {
        self.state = state;
        self.place.lead = self.taken_to;
        self.place.own = self.taken_to..self.taken_to;
        Ok((Event::Scalar(Scalar::empty()), at))
    }

    fn nested(&mut self, then: State, context: Context) -> Parsed<'t> {
        self.states.push(then);
        self.node(context)
    }

    /// What the indicator at hand introduces: a node, or nothing where a token comes next that can start none.
    /// The indicator ends at the place given.
    #[inline]
    fn introduced(
        &mut self,
        at: usize,
        is_over: impl Fn(&Token<'t>) -> bool,
        then: State,
        context: Context,
    ) -> Parsed<'t> {
        if is_over(self.advance()?) {
            return self.empty(then, at);
        }
        self.nested(then, context)
    }

    #[expect(clippy::unnecessary_wraps, reason = "ends each production")]
    fn end_collection(&mut self, event: Event<'t>) -> Parsed<'t> {
        let end = self.position();
        self.place.own = self.take().map_or(end..end, |token| token.start..token.end);
        self.pop_state();
        Ok((event, self.place.own.start))
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
            self.take();
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
            return self.empty(self.state, at);
        }
        self.node(Context::Block)
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
                TokenKind::Version(1, 2) if self.schema != Schema::Kubernetes => has_version = true,
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
            self.take();
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
                    self.place.anchor = Some(token.start..token.end);
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
                _ => {
                    self.place.properties = properties.start;
                    return Ok(properties);
                }
            }
            self.take();
        }
    }

    fn node(&mut self, context: Context) -> Parsed<'t> {
        self.place.lead = self.taken_to;
        let token = self.scanner.peek()?;
        if let TokenKind::Alias(name) = token.kind {
            self.place.own = token.start..token.end;
            self.take();
            self.pop_state();
            return Ok((Event::Alias(name), self.place.own.start));
        }
        let properties =
            if is_token!(token, Anchor | Tag) { self.properties()? } else { Properties::default() };
        let token = self.scanner.peek()?;
        let start = properties.start.unwrap_or(token.start);
        self.place.own = token.start..token.end;
        self.place.flow = is_token!(token, FlowSequenceStart | FlowMappingStart);
        let in_block = context != Context::Flow;
        let (state, event) = match &token.kind {
            TokenKind::BlockEntry if context == Context::BlockOrIndentless => {
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
                self.place.own = self.taken_to..self.taken_to;
                let scalar = Scalar {
                    implicit: properties.tag.is_none(),
                    tag: properties.tag,
                    anchor: properties.anchor,
                    schema: self.schema,
                    ..Scalar::empty()
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
        let Some(TokenKind::Scalar { text, style }) = self.take().map(|token| token.kind) else {
            return Err(Fault::syntax(start, "a value is missing here"));
        };
        let scalar = Scalar {
            text,
            implicit: match properties.tag.as_deref() {
                None => style == ScalarStyle::Plain,
                Some(tag) => tag == "!",
            },
            tag: properties.tag,
            anchor: properties.anchor,
            schema: self.schema,
            style,
        };
        Ok((Event::Scalar(scalar), start))
    }

    fn block_sequence_entry(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let at = token.end;
        match token.kind {
            TokenKind::BlockEntry => {
                let is_over = |token: &Token<'t>| is_token!(token, BlockEntry | BlockEnd);
                self.introduced(at, is_over, State::BlockSequenceEntry, Context::Block)
            }
            TokenKind::BlockEnd => self.end_collection(Event::SequenceEnd),
            _ => Err(Fault::syntax(
                token.start,
                "an entry of the list is missing its `-`, or is indented otherwise than the others",
            )),
        }
    }

    /// The list ends with the first token that is no `-`, for no token of its own does.
    fn indentless_sequence_entry(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let (start, at) = (token.start, token.end);
        if is_token!(token, BlockEntry) {
            let is_over = |token: &Token<'t>| is_token!(token, BlockEntry | Key | Value | BlockEnd);
            return self.introduced(at, is_over, State::IndentlessSequenceEntry, Context::Block);
        }
        self.pop_state();
        Ok((Event::SequenceEnd, start))
    }

    fn block_mapping_key(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let at = token.end;
        match token.kind {
            TokenKind::Key => self.block_mapping_part(at, State::BlockMappingValue),
            TokenKind::BlockEnd => self.end_collection(Event::MappingEnd),
            _ => Err(Fault::syntax(
                token.start,
                "a key is missing here, or is indented otherwise than the others",
            )),
        }
    }

    fn block_mapping_value(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let (start, at) = (token.start, token.end);
        if is_token!(token, Value) {
            return self.block_mapping_part(at, State::BlockMappingKey);
        }
        self.empty(State::BlockMappingKey, start)
    }

    /// A key or a value, behind its indicator.
    fn block_mapping_part(&mut self, at: usize, then: State) -> Parsed<'t> {
        let is_over = |token: &Token<'t>| is_token!(token, Key | Value | BlockEnd);
        self.introduced(at, is_over, then, Context::BlockOrIndentless)
    }
}

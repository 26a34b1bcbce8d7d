//! Collections in brackets and braces.

use super::{Context, Event, Fault, Parsed, Parser, State, Token, TokenKind};

impl<'t> Parser<'t> {
    pub(super) fn flow_sequence_entry(&mut self, first: bool) -> Parsed<'t> {
        if first {
            self.take();
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
            let lead = self.taken_to;
            self.take();
            self.place.own = start..start;
            self.place.lead = lead;
            self.place.flow = true;
            self.state = State::PairKey;
            return Ok((Event::MappingStart(None), start));
        }
        if is_token!(token, FlowSequenceEnd) {
            return self.end_collection(Event::SequenceEnd);
        }
        self.nested(State::FlowSequenceEntry, Context::Flow)
    }

    pub(super) fn pair_key(&mut self) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let end = token.end;
        if !is_token!(token, Value | FlowEntry | FlowSequenceEnd) {
            return self.nested(State::PairValue, Context::Flow);
        }
        let event = self.empty(State::PairValue, end);
        // Upstream takes the token, whichever it is.
        self.take();
        event
    }

    pub(super) fn pair_value(&mut self) -> Parsed<'t> {
        self.flow_value(|token| is_token!(token, FlowEntry | FlowSequenceEnd), State::PairEnd)
    }

    /// A value in flow style, whose `:` may be missing.
    pub(super) fn flow_value(&mut self, is_over: impl Fn(&Token<'t>) -> bool, then: State) -> Parsed<'t> {
        let token = self.scanner.peek()?;
        let (start, at) = (token.start, token.end);
        if is_token!(token, Value) {
            return self.introduced(at, is_over, then, Context::Flow);
        }
        self.empty(then, start)
    }

    pub(super) fn flow_mapping_key(&mut self, first: bool) -> Parsed<'t> {
        if first {
            self.take();
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
            let at = token.end;
            let is_over = |token: &Token<'t>| is_token!(token, Value | FlowEntry | FlowMappingEnd);
            return self.introduced(at, is_over, State::FlowMappingValue, Context::Flow);
        }
        if is_token!(token, FlowMappingEnd) {
            return self.end_collection(Event::MappingEnd);
        }
        self.nested(State::FlowMappingEmptyValue, Context::Flow)
    }

    pub(super) fn flow_mapping_value(&mut self) -> Parsed<'t> {
        self.flow_value(|token| is_token!(token, FlowEntry | FlowMappingEnd), State::FlowMappingKey)
    }
}

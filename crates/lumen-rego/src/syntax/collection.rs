//! Arrays, sets, objects and comprehensions.

use super::parser::{Parser, State};
use super::raw::{RawNode, TermId};
use super::token::Token;
use crate::error::Span;

impl<'t> Parser<'t> {
    pub(super) fn parse_array(&mut self) -> Option<TermId> {
        let start = self.state.span;
        let node = self.parse_array_node()?;
        self.add(node, Span { end: self.state.span.end, ..start })
    }

    pub(super) fn parse_array_node(&mut self) -> Option<RawNode> {
        self.scan();
        if self.state.token == Token::RightBracket {
            return Some(RawNode::Array(Vec::new()));
        }
        let may_be_comprehension = !self.skip_comma();
        let saved = self.state;
        let head = self.parse_term()?;
        match self.state.token {
            Token::RightBracket => return Some(RawNode::Array(vec![head])),
            Token::Comma => {
                self.scan();
                return self.parse_list(Token::RightBracket, vec![head]).map(RawNode::Array);
            }
            Token::Or if may_be_comprehension => {
                self.scan();
                if let Some(body) = self.parse_query(false, Token::RightBracket) {
                    let body = self.arena.add_body(body);
                    return Some(RawNode::ArrayComprehension(head, body));
                }
                if self.state.token != Token::Comma {
                    return None;
                }
            }
            _ => {}
        }
        self.state = saved;
        self.parse_list(Token::RightBracket, Vec::new()).map(RawNode::Array)
    }

    /// A leading comma, which upstream allows.
    pub(super) fn skip_comma(&mut self) -> bool {
        let found = self.state.token == Token::Comma;
        if found {
            self.scan();
        }
        found
    }

    pub(super) fn parse_set_or_object(&mut self) -> Option<TermId> {
        let start = self.state.span;
        let node = self.parse_braces()?;
        self.add(node, Span { end: self.state.span.end, ..start })
    }

    pub(super) fn parse_braces(&mut self) -> Option<RawNode> {
        self.scan();
        if self.state.token == Token::RightBrace {
            return Some(RawNode::Object(Vec::new()));
        }
        let may_be_comprehension = !self.skip_comma();
        let saved = self.state;
        // One term first: `{a | b}` is a comprehension, not a set with a union in it.
        let head = self.parse_term()?;
        match self.state.token {
            Token::Or if may_be_comprehension => return self.parse_set(saved, head),
            Token::RightBrace | Token::Comma => return self.parse_set(saved, head),
            Token::Colon => return self.parse_object(head, may_be_comprehension),
            _ => {}
        }
        self.state = saved;
        let head = self.parse_infix_in_list()?;
        match self.state.token {
            Token::RightBrace | Token::Comma => self.parse_set(saved, head),
            Token::Colon => self.parse_object(head, may_be_comprehension),
            _ => {
                self.illegal("non-terminated set");
                None
            }
        }
    }

    pub(super) fn parse_set(&mut self, saved: State<'t>, head: TermId) -> Option<RawNode> {
        match self.state.token {
            Token::RightBrace => Some(RawNode::Set(vec![head])),
            Token::Comma => {
                self.scan();
                self.parse_list(Token::RightBrace, vec![head]).map(RawNode::Set)
            }
            _ => {
                self.scan();
                if let Some(body) = self.parse_query(false, Token::RightBrace) {
                    let body = self.arena.add_body(body);
                    return Some(RawNode::SetComprehension(head, body));
                }
                if self.state.token != Token::Comma {
                    return None;
                }
                self.state = saved;
                self.parse_list(Token::RightBrace, Vec::new()).map(RawNode::Set)
            }
        }
    }

    /// An object, from the colon behind its first key on.
    pub(super) fn parse_object(&mut self, key: TermId, may_be_comprehension: bool) -> Option<RawNode> {
        self.scan();
        let saved = self.state;
        let value = self.parse_term()?;
        if may_be_comprehension {
            match self.state.token {
                Token::RightBrace | Token::Comma => return self.parse_object_rest(key, value, true),
                Token::Or => {
                    let node = self.parse_object_rest(key, value, true);
                    if node.is_some() {
                        return node;
                    }
                }
                _ => {}
            }
        }
        self.state = saved;
        let value = self.parse_infix_in_list()?;
        match self.state.token {
            Token::RightBrace | Token::Comma => self.parse_object_rest(key, value, false),
            _ => {
                self.illegal("non-terminated object");
                None
            }
        }
    }

    pub(super) fn parse_object_rest(
        &mut self,
        key: TermId,
        value: TermId,
        may_be_comprehension: bool,
    ) -> Option<RawNode> {
        match self.state.token {
            Token::RightBrace => Some(RawNode::Object(vec![(key, value)])),
            Token::Or if may_be_comprehension => {
                self.scan();
                let body = self.parse_query(false, Token::RightBrace)?;
                let body = self.arena.add_body(body);
                Some(RawNode::ObjectComprehension(key, value, body))
            }
            Token::Or => {
                self.illegal("non-terminated object");
                None
            }
            Token::Comma => {
                self.scan();
                self.parse_pairs(Token::RightBrace, vec![(key, value)]).map(RawNode::Object)
            }
            _ => None,
        }
    }

    pub(super) fn parse_list(&mut self, end: Token, mut terms: Vec<TermId>) -> Option<Vec<TermId>> {
        while self.state.token != end {
            terms.push(self.parse_infix_in_list()?);
            self.end_item(end)?;
        }
        Some(terms)
    }

    pub(super) fn parse_pairs(
        &mut self,
        end: Token,
        mut entries: Vec<(TermId, TermId)>,
    ) -> Option<Vec<(TermId, TermId)>> {
        while self.state.token != end {
            let key = self.parse_infix_in_list()?;
            if self.state.token != Token::Colon {
                self.illegal("expected \":\"");
                return None;
            }
            self.scan();
            entries.push((key, self.parse_infix_in_list()?));
            self.end_item(end)?;
        }
        Some(entries)
    }

    /// A comma or the end of the list.
    pub(super) fn end_item(&mut self, end: Token) -> Option<()> {
        if self.state.token == Token::Comma {
            self.scan();
        } else if self.state.token != end {
            self.illegal(&format!("expected \",\" or \"{}\"", end.name()));
            return None;
        }
        Some(())
    }
}

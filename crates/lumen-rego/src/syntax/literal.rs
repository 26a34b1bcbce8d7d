//! Bodies and the expressions in them.

use super::parser::{Memory, Parser};
use super::raw::{BodyId, RawExpr, RawKind, RawNode, RawWith, TermId};
use super::token::{Keywords, Token};
use crate::ast::Version;
use crate::error::Span;

/// What the keywords that stand between terms allow; an example for hints.
const INFIX_EXAMPLES: [(&str, &str); 3] = [("in", "x in xs"), ("and", "x and y"), ("or", "x or y")];

impl<'t> Parser<'t> {
    /// A body in braces, behind the `{`.
    pub(super) fn parse_body(&mut self) -> Option<Vec<RawExpr>> {
        self.deeper(|parser| parser.parse_query(false, Token::RightBrace))
    }

    /// Expressions up to `end`, which is not taken.
    pub(super) fn parse_query(&mut self, wants_semicolon: bool, end: Token) -> Option<Vec<RawExpr>> {
        if self.state.token == end {
            self.error(self.state.span, "found empty body");
            return None;
        }
        let mut body = Vec::new();
        loop {
            body.push(self.parse_literal()?);
            if self.state.token == Token::Semicolon {
                self.scan();
                continue;
            }
            if self.state.token == end || wants_semicolon {
                return Some(body);
            }
            if !self.state.skipped_newline {
                if !self.has_errors() {
                    self.hint_missing_infix();
                    self.illegal(&format!("expected \\n or ; or {}", end.name()));
                }
                return None;
            }
        }
    }

    /// An expression that is a term.
    pub(super) fn term_expr(&self, term: TermId) -> RawExpr {
        let mut expr = RawExpr::new(RawKind::Term(term), self.arena.height(term));
        expr.span = self.arena.span(term);
        expr
    }

    /// One expression of a body.
    pub(super) fn parse_literal(&mut self) -> Option<RawExpr> {
        let start = self.state.span;
        let mut expr = self.parse_literal_start()?;
        expr.span = self.extended(start);
        if let RawKind::Not { body, explicit: false } = expr.kind {
            for inner in self.arena.body_mut(body) {
                inner.span = expr.span;
            }
        }
        Some(expr)
    }

    fn parse_literal_start(&mut self) -> Option<RawExpr> {
        if let Some(result) = self.parse_logical_start() {
            return result;
        }
        if self.scan_ahead_ref() {
            return self.parse_literal_expr(None);
        }
        let not = self.parse_not();
        if let Some(not) = not
            && self.not_bodies
            && self.state.token == Token::LeftBrace
        {
            let expr = self.parse_not_body(not)?;
            let span = expr.span;
            let body = self.arena.add_body(vec![expr]);
            return self.fold_logical_tail(body, false, span);
        }
        match (self.state.token, not) {
            (Token::Some, Some(_)) => {
                self.illegal("illegal negation of 'some'");
                None
            }
            (Token::Every, Some(_)) => {
                self.illegal("illegal negation of 'every'");
                None
            }
            (Token::Some, None) => self.parse_some(),
            (Token::Every, None) => self.parse_every(),
            (_, not) => self.parse_literal_expr(not),
        }
    }

    /// The place of a `not` that negates; goes behind it.
    pub(super) fn parse_not(&mut self) -> Option<Span> {
        if self.state.token != Token::Not {
            return None;
        }
        let saved = self.state;
        self.scan_space();
        let is_ref = matches!(self.state.token, Token::Dot | Token::LeftBracket);
        self.state = saved;
        if is_ref {
            return None;
        }
        let span = self.state.span;
        self.scan();
        Some(span)
    }

    /// Whether the current token may be part of a reference though it is a keyword.
    pub(super) fn is_allowed_ref_keyword(&self) -> bool {
        let name = self.state.token.name();
        self.of_version().is_keyword(name) || self.state.scanner.keywords.is_keyword(name)
    }

    /// Takes a keyword for a name where a reference starts with it.
    pub(super) fn scan_ahead_ref(&mut self) -> bool {
        if !self.is_allowed_ref_keyword() {
            return false;
        }
        let saved = self.state;
        self.scan_space();
        let is_ref = matches!(self.state.token, Token::Dot | Token::LeftBracket);
        self.state = saved;
        if is_ref {
            self.state.token = Token::Ident;
        }
        is_ref
    }

    /// Takes `and` or `or` for a name where a call starts with it.
    pub(super) fn scan_ahead_logical_call(&mut self) {
        if !self.is_at_logical_operator() {
            return;
        }
        let saved = self.state;
        self.scan_space();
        let is_call = self.state.token == Token::LeftParen;
        self.state = saved;
        if is_call {
            self.state.token = Token::Ident;
        }
    }

    fn parse_literal_expr(&mut self, not: Option<Span>) -> Option<RawExpr> {
        let saved = self.state;
        if let Some(not) = not
            && self.not_bodies
            && self.state.token == Token::LeftParen
            && let Some(group) = self.parse_logical_group(true, "not ")
        {
            let (body, explicit, _) = group?;
            let span = self.extended(not);
            let expr = self.not_expr(body, explicit, span)?;
            let body = self.arena.add_body(vec![expr]);
            return self.fold_logical_tail(body, false, span);
        }
        let expr = self.parse_expr()?;
        let with_span = (self.state.token == Token::With).then_some(self.state.span);
        let mut expr = self.attach_with(expr)?;
        if let RawKind::Term(term) = expr.kind
            && self.version != Version::V1
            && self.arena.var(term).is_some_and(|name| name == "every")
        {
            self.hint_every(saved);
        }
        if let Some(not) = not {
            expr = self.negated(expr, not)?;
        }
        if !self.is_at_logical_operator() {
            return Some(expr);
        }
        let operator = self.state.token.name();
        if let Some(span) = with_span {
            self.error_with_on_operand(span, operator);
            return None;
        }
        if expr.span.row == 0 {
            expr.span = self.extended(saved.span);
        }
        let span = expr.span;
        let text = self.slice(span.start, span.end);
        if not.is_none() && text.starts_with('{') {
            if self.is_empty_object(&expr) {
                self.error(span, "found empty body");
            } else {
                self.error_brace_led_operand(span, text, operator);
            }
            return None;
        }
        let body = self.arena.add_body(vec![expr]);
        let outer = self.parse_logical_or_chain(body, false, span)?;
        self.attach_with(outer)
    }

    /// `not` before an expression: a body of its own where bodies may be negated, and the modifiers are the outer's.
    fn negated(&mut self, mut expr: RawExpr, not: Span) -> Option<RawExpr> {
        if !self.not_bodies {
            expr.negated = true;
            return Some(expr);
        }
        let with = std::mem::take(&mut expr.with);
        let span = self.extended(not);
        let body = self.arena.add_body(vec![expr]);
        let mut outer = self.not_expr(body, false, span)?;
        outer.with = with;
        Some(outer)
    }

    /// An expression that negates a body.
    pub(super) fn not_expr(&mut self, body: BodyId, explicit: bool, span: Span) -> Option<RawExpr> {
        let height = 1 + self.arena.body_height(body);
        let mut expr = RawExpr::new(RawKind::Not { body, explicit }, height);
        expr.span = span;
        self.fits(height).then_some(expr)
    }

    /// A term, or two with `:=` or `=` between.
    pub(super) fn parse_expr(&mut self) -> Option<RawExpr> {
        let left = self.parse_infix()?;
        if matches!(self.state.token, Token::Assign | Token::Unify) {
            let operator = self.operator();
            let right = self.parse_infix()?;
            return Some(self.call_expr(vec![operator, left, right]));
        }
        Some(match self.arena.node(left) {
            RawNode::Call(terms) => self.call_expr(terms.clone()),
            _ => RawExpr::new(RawKind::Term(left), self.arena.height(left)),
        })
    }

    fn call_expr(&self, terms: Vec<TermId>) -> RawExpr {
        let height = self.arena.highest(&terms);
        RawExpr::new(RawKind::Call(terms), height)
    }

    /// `with target as value`, as often as it stands there.
    fn parse_with(&mut self) -> Option<Vec<RawWith>> {
        let mut with = Vec::new();
        while self.state.token == Token::With {
            let start = self.state.span;
            self.scan();
            if self.state.token != Token::Ident {
                self.illegal("expected ident");
                return None;
            }
            let target = self.parse_term()?;
            if !matches!(self.arena.node(target), RawNode::Ref(_) | RawNode::Var(_)) {
                self.illegal("expected with target path");
            }
            if self.state.token != Token::As {
                self.illegal("expected as keyword");
                return None;
            }
            self.scan();
            let value = self.parse_infix()?;
            with.push(RawWith { target, value, span: self.extended(start) });
        }
        Some(with)
    }

    /// Adds the modifiers that follow.
    pub(super) fn attach_with(&mut self, mut expr: RawExpr) -> Option<RawExpr> {
        if self.state.token == Token::With {
            expr.with = self.parse_with()?;
            let terms = expr.with.iter().flat_map(|with| [with.target, with.value]);
            let height = terms.map(|term| self.arena.height(term)).max().unwrap_or_default();
            expr.height = expr.height.max(height);
        }
        Some(expr)
    }

    fn parse_some(&mut self) -> Option<RawExpr> {
        let start = self.state.span;
        let saved = self.state;
        self.scan();
        if let Some(term) = self.parse_infix()
            && let RawNode::Call(call) = self.arena.node(term)
        {
            let call = call.clone();
            if !self.is_membership(&call, "expected `x in xs` or `x, y in xs` expression") {
                return None;
            }
            let mut expr = RawExpr::new(RawKind::Some(vec![term]), self.arena.height(term));
            expr.span = start;
            return self.attach_with(expr);
        }
        self.state = saved;
        if self.version != Version::V1 {
            self.hint_some_in();
        }
        let mut names = Vec::new();
        loop {
            self.scan();
            if self.state.token != Token::Ident {
                self.illegal("expected var");
                return None;
            }
            names.push(self.parse_var());
            self.scan();
            if self.state.token != Token::Comma {
                break;
            }
        }
        let mut expr = RawExpr::new(RawKind::Some(names), 1);
        expr.span = start;
        Some(expr)
    }

    /// Whether a call is `in` with all its operands; says what is wrong.
    fn is_membership(&mut self, call: &[TermId], otherwise: &str) -> bool {
        let operator = call.first().and_then(|operator| self.arena.dotted(*operator));
        let wanted = match operator.as_deref() {
            Some("internal.member_2") => 3,
            Some("internal.member_3") => 4,
            _ => {
                self.illegal(otherwise);
                return false;
            }
        };
        if call.len() != wanted {
            self.illegal("illegal domain");
        }
        call.len() == wanted
    }

    /// `every key, value in domain { body }`.
    fn parse_every(&mut self) -> Option<RawExpr> {
        const WANTED: &str = "expected `x[, y] in xs { ... }` expression";
        let start = self.state.span;
        self.scan();
        let term = self.parse_infix()?;
        let RawNode::Call(call) = self.arena.node(term) else {
            self.illegal(WANTED);
            return None;
        };
        let call = call.clone();
        if !self.is_membership(&call, WANTED) {
            return None;
        }
        let (key, value, domain) = match *call.as_slice() {
            [_, value, domain] => (None, value, domain),
            [_, key, value, domain] => (Some(key), value, domain),
            _ => return None,
        };
        if key.is_some_and(|key| self.arena.var(key).is_none()) {
            self.illegal("expected key to be a variable");
            return None;
        }
        if self.arena.var(value).is_none() {
            self.illegal("expected value to be a variable");
            return None;
        }
        if self.state.token != Token::LeftBrace {
            self.illegal("missing body");
            return None;
        }
        self.scan();
        let body = self.parse_body()?;
        self.scan();
        let body = self.arena.add_body(body);
        let height = 1 + self.arena.body_height(body).max(self.arena.height(domain));
        if !self.fits(height) {
            return None;
        }
        let mut expr = RawExpr::new(RawKind::Every { key, value, domain, body }, height);
        expr.span = start;
        self.attach_with(expr)
    }

    /// Whether something could be read if all keywords were imported; goes back. Within such a reading there is no other,
    /// and all together look at not much more than the text: upstream's have no bound and double with each level.
    fn could_be(&mut self, read: impl FnOnce(&mut Self) -> bool) -> bool {
        if self.hint_bytes_left == 0 {
            return false;
        }
        let bytes_left = std::mem::take(&mut self.hint_bytes_left);
        let saved = self.state;
        let mark = self.arena.mark();
        let memory = self.swap_memory(Memory::default());
        self.state.scanner.keywords = Keywords::ALL;
        self.furthest = saved.span.start;
        let result = read(self);
        let cost = self.furthest.saturating_sub(saved.span.start).max(1);
        self.state = saved;
        self.swap_memory(memory);
        self.arena.truncate(mark);
        self.hint_bytes_left = bytes_left.saturating_sub(cost as usize);
        result
    }

    fn hint_every(&mut self, at: super::parser::State<'t>) {
        let here = self.state;
        self.state = at;
        let is_every = self.could_be(|parser| parser.parse_every().is_some());
        self.state = here;
        if is_every {
            self.hint("`import future.keywords.every` for `every x in xs { ... }` expressions");
        }
    }

    fn hint_some_in(&mut self) {
        let saved = self.state;
        self.scan();
        let is_in = self.could_be(|parser| {
            let term = parser.parse_infix();
            term.is_some_and(|term| parser.is_in(term))
        });
        self.state = saved;
        if is_in {
            self.hint("`import future.keywords.in` for `some x in xs` expressions");
        }
    }

    fn is_in(&self, term: TermId) -> bool {
        let RawNode::Call(call) = self.arena.node(term) else { return false };
        let operator = call.first().and_then(|operator| self.arena.dotted(*operator));
        matches!(operator.as_deref(), Some("internal.member_2" | "internal.member_3"))
    }

    /// Hints at the import that would make `in`, `and` or `or` a keyword where one is missing.
    fn hint_missing_infix(&mut self) {
        if self.has_hints() {
            return;
        }
        let keyword = match self.state.token {
            Token::Ident => self.word(),
            Token::Comma => {
                let saved = self.state;
                self.scan();
                let is_in = self.could_be(|parser| {
                    let term = parser.parse_infix();
                    term.is_some_and(|term| parser.is_in(term))
                });
                self.state = saved;
                if !is_in {
                    return;
                }
                "in"
            }
            _ => return,
        };
        if let Some((_, example)) = INFIX_EXAMPLES.iter().find(|(word, _)| *word == keyword) {
            self.hint(format!("`import future.keywords.{keyword}` for `{example}` expressions"));
        }
    }
}

//! Terms: constants, variables, references, calls, collections, comprehensions and what stands between operators.

use lumen_value::{Str, Value};

use super::literal_text::{Numeral, read_number, template_text, unescape};
use super::parser::Parser;
use super::raw::{RawKind, RawNode, TermId, string};
use super::token::Token;
use crate::depth::KEYS_MAX;
use crate::error::Span;

/// The operators by how tight they bind, the loosest first.
const LEVELS: [&[Token]; 5] = [
    &[Token::Equal, Token::Neq, Token::Lt, Token::Gt, Token::Lte, Token::Gte],
    &[Token::Or],
    &[Token::And],
    &[Token::Add, Token::Sub],
    &[Token::Mul, Token::Quo, Token::Rem],
];

impl Parser<'_> {
    /// A term with operators; `key, value in domain` may be one.
    pub(super) fn parse_infix(&mut self) -> Option<TermId> {
        self.parse_in(true)
    }

    /// A term with operators in a list, where a comma ends it.
    pub(super) fn parse_infix_in_list(&mut self) -> Option<TermId> {
        self.parse_in(false)
    }

    fn parse_in(&mut self, key_value: bool) -> Option<TermId> {
        let start = self.state.span.start;
        let mut left = self.parse_level(0, start)?;
        loop {
            left = if let Some(call) = self.try_key_value_in(key_value, left, start) {
                call
            } else {
                self.scan_ahead_ref();
                if self.state.token != Token::In {
                    return Some(left);
                }
                let operator = self.named_operator("member_2");
                self.scan();
                let right_start = self.state.span.start;
                let Some(right) = self.parse_level(0, right_start) else { return Some(left) };
                self.infix_call(vec![operator, left, right], start)?
            };
            if self.state.token != Token::In {
                return Some(left);
            }
        }
    }

    /// The rest of `key, value in domain` where it follows and may.
    fn try_key_value_in(&mut self, key_value: bool, key: TermId, start: u32) -> Option<TermId> {
        if !key_value || self.state.token != Token::Comma {
            return None;
        }
        let saved = self.state;
        let call = self.parse_key_value_in(key, start);
        if call.is_none() {
            self.state = saved;
        }
        call
    }

    /// `, value in domain`, behind the key.
    fn parse_key_value_in(&mut self, key: TermId, start: u32) -> Option<TermId> {
        self.scan();
        let value_start = self.state.span.start;
        let value = self.parse_level(0, value_start)?;
        if self.state.token != Token::In {
            return None;
        }
        let operator = self.named_operator("member_3");
        self.scan();
        let domain_start = self.state.span.start;
        let domain = self.parse_level(0, domain_start)?;
        self.infix_call(vec![operator, key, value, domain], start)
    }

    /// The reference `internal.NAME` at the current token.
    fn named_operator(&mut self, name: &str) -> TermId {
        let span = self.state.span;
        let parts =
            vec![self.arena.add(RawNode::Var("internal".into()), span), self.arena.add(string(name), span)];
        self.arena.add(RawNode::Ref(parts), span)
    }

    /// The reference to the function of the operator at the current token; goes behind it.
    pub(super) fn operator(&mut self) -> TermId {
        let span = self.state.span;
        let name = self.arena.add(RawNode::Var(self.state.token.name().into()), span);
        let operator = self.arena.add(RawNode::Ref(vec![name]), span);
        self.scan();
        operator
    }

    fn infix_call(&mut self, terms: Vec<TermId>, start: u32) -> Option<TermId> {
        let left = terms.get(1).map_or(self.state.span, |left| self.arena.span(*left));
        let span = Span { start, end: self.state.last_end, ..left };
        self.add(RawNode::Call(terms), span)
    }

    /// Terms joined by operators of a level or tighter ones.
    fn parse_level(&mut self, level: usize, start: u32) -> Option<TermId> {
        let Some(operators) = LEVELS.get(level) else { return self.parse_term() };
        let mut left = self.parse_level(level + 1, start)?;
        while operators.contains(&self.state.token) {
            let operator = self.operator();
            let right_start = self.state.span.start;
            // What is missing was reported; upstream goes on with what there is.
            let Some(right) = self.parse_level(level + 1, right_start) else { return Some(left) };
            left = self.infix_call(vec![operator, left, right], start)?;
        }
        Some(left)
    }

    /// One term.
    pub(super) fn parse_term(&mut self) -> Option<TermId> {
        self.deeper(|parser| {
            if let Some(term) = parser.recall() {
                return term;
            }
            let at = (parser.state.span.start, parser.state.token);
            parser.scan_ahead_logical_call();
            let minus = parser.state.span;
            let negates = parser.state.token == Token::Sub && {
                let saved = parser.state;
                parser.scan();
                let negates = matches!(parser.state.token, Token::Ident | Token::Contains);
                if !negates {
                    parser.state = saved;
                }
                negates
            };
            let term = if negates { Some(parser.parse_var()) } else { parser.parse_term_start() };
            let mut term = term.and_then(|term| parser.finish_term(term));
            if let (true, Some(operand)) = (negates, term) {
                term = parser.negate(minus, operand);
            }
            parser.remember(at, term);
            term
        })
    }

    /// `-x` of a reference: `0 - x`.
    fn negate(&mut self, minus: Span, operand: TermId) -> Option<TermId> {
        let name = self.arena.add(RawNode::Var("minus".into()), minus);
        let operator = self.arena.add(RawNode::Ref(vec![name]), minus);
        let zero = self.arena.add(RawNode::Value(Value::from(0)), minus);
        let span = self.extended(minus);
        self.add(RawNode::Call(vec![operator, zero, operand]), span)
    }

    fn parse_term_start(&mut self) -> Option<TermId> {
        match self.state.token {
            Token::Null => Some(self.constant(Value::Null)),
            Token::True => Some(self.constant(Value::Bool(true))),
            Token::False => Some(self.constant(Value::Bool(false))),
            Token::Sub | Token::Dot | Token::Number => self.parse_number(),
            Token::String => self.parse_string(),
            Token::TemplatePart | Token::TemplateEnd => self.parse_template(false),
            Token::RawTemplatePart | Token::RawTemplateEnd => self.parse_template(true),
            Token::Ident | Token::Contains => Some(self.parse_var()),
            Token::LeftBracket => self.parse_array(),
            Token::LeftBrace => self.parse_set_or_object(),
            Token::LeftParen => self.parse_parenthesized(),
            _ => {
                self.illegal("");
                None
            }
        }
    }

    fn parse_parenthesized(&mut self) -> Option<TermId> {
        let start = self.state.span.start;
        self.scan();
        let term = self.parse_infix()?;
        if self.state.token != Token::RightParen {
            self.error(self.state.span, "non-terminated expression");
            return None;
        }
        let span = Span { start, end: self.state.span.end, ..self.arena.span(term) };
        self.arena.set_span(term, span);
        Some(term)
    }

    /// What follows the first token of a term: nothing, or the rest of a reference or call.
    fn finish_term(&mut self, head: TermId) -> Option<TermId> {
        self.scan_space();
        match self.state.token {
            Token::LeftParen | Token::Dot | Token::LeftBracket => return self.parse_ref(head),
            Token::Whitespace => self.scan(),
            _ => {}
        }
        Some(self.root_as_ref(head))
    }

    /// The same for the head of a rule, where white space may stand before the rest, and operators may not.
    pub(super) fn finish_head(&mut self, head: TermId) -> Option<TermId> {
        self.scan_space();
        match self.state.token {
            Token::Add | Token::Sub | Token::Mul | Token::Quo | Token::Rem | Token::And | Token::Or => {
                self.illegal("");
            }
            Token::Equal | Token::Neq | Token::Gt | Token::Gte | Token::Lt | Token::Lte => self.illegal(""),
            Token::Whitespace => self.scan(),
            _ => {}
        }
        match self.state.token {
            Token::LeftParen | Token::Dot | Token::LeftBracket => return self.parse_ref(head),
            Token::Whitespace => self.scan(),
            _ => {}
        }
        Some(self.root_as_ref(head))
    }

    /// `data` and `input` alone are references.
    fn root_as_ref(&mut self, head: TermId) -> TermId {
        let is_root = self.arena.var(head).is_some_and(|name| name == "data" || name == "input");
        if !is_root {
            return head;
        }
        let span = self.arena.span(head);
        self.arena.add(RawNode::Ref(vec![head]), span)
    }

    /// A variable at the current token; stays there.
    pub(super) fn parse_var(&mut self) -> TermId {
        let word = self.word();
        let node = if word == "_" { self.wildcard() } else { RawNode::Var(word.into()) };
        self.arena.add(node, self.state.span)
    }

    /// The next wildcard.
    pub(super) fn wildcard(&mut self) -> RawNode {
        let name = format!("${}", self.state.wildcards);
        self.state.wildcards += 1;
        RawNode::Var(name.into())
    }

    fn parse_number(&mut self) -> Option<TermId> {
        let start = self.state.span;
        let mut prefix = String::new();
        if self.state.token == Token::Sub {
            prefix.push('-');
            self.scan();
            if !matches!(self.state.token, Token::Number | Token::Dot) {
                self.illegal("expected number");
                return None;
            }
        }
        if self.state.token == Token::Dot {
            prefix.push('.');
            self.scan();
            if self.state.token != Token::Number {
                self.illegal("expected number");
                return None;
            }
        }
        let numeral = match read_number(&prefix, self.literal()) {
            Numeral::Number(_) if self.has_stray_byte() && self.literal() == "0" => Numeral::LeadingZero,
            Numeral::Number(_) if self.has_stray_byte() => Numeral::Invalid,
            numeral => numeral,
        };
        match numeral {
            Numeral::Number(number) => {
                let span = Span { end: self.state.span.end, ..start };
                Some(self.arena.add(RawNode::Value(Value::Number(number)), span))
            }
            Numeral::LeadingZero => {
                self.illegal("expected number without leading zero");
                None
            }
            Numeral::TooBig => {
                self.error(self.state.span, "number too big");
                None
            }
            Numeral::Invalid => {
                self.illegal("invalid float");
                None
            }
        }
    }

    fn parse_string(&mut self) -> Option<TermId> {
        let literal = self.literal();
        let inner = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
        if literal.starts_with('`') || !inner.contains('\\') {
            return Some(self.constant(Value::String(Str::from(inner))));
        }
        let Some(text) = unescape(inner) else {
            self.error(self.state.span, format!("illegal string literal: {literal}"));
            return None;
        };
        Some(self.constant(Value::from(text)))
    }

    fn parse_template(&mut self, multi_line: bool) -> Option<TermId> {
        let start = self.state.span;
        if self.version != crate::ast::Version::V1 {
            self.error(start, "template strings are not supported by current capabilities");
            return None;
        }
        let mut parts = Vec::new();
        // The first part starts behind `$"`, the others behind `}`.
        let mut opening = 2;
        loop {
            let literal = self.literal();
            let text = literal.get(opening..literal.len().saturating_sub(1)).unwrap_or_default();
            let Some(text) = template_text(text, multi_line) else {
                self.error(self.state.span, format!("illegal template-string part: {literal}"));
                return None;
            };
            if !text.is_empty() {
                let term = self.constant(Value::from(text));
                parts.push(self.term_expr(term));
            }
            if matches!(self.state.token, Token::TemplateEnd | Token::RawTemplateEnd) {
                break;
            }
            opening = 0;
            self.scan();
            let Some(mut expr) = self.parse_literal() else {
                self.error(self.state.span, "invalid template-string expression");
                return None;
            };
            if let Some(wrong) = self.wrong_in_template(&expr) {
                self.error(expr.span, format!("unexpected {wrong} in template-string expression"));
                return None;
            }
            if let RawKind::Term(term) = expr.kind
                && matches!(self.arena.node(term), RawNode::Value(_))
            {
                expr = self.term_expr(term);
            }
            parts.push(expr);
            if self.state.token != Token::RightBrace {
                self.error(self.state.span, "expected } to end template string expression");
                return None;
            }
            self.scan_template(multi_line);
        }
        let span = Span { end: self.state.span.end, ..start };
        let parts = self.arena.add_body(parts);
        self.add(RawNode::Template { parts, multi_line }, span)
    }

    fn wrong_in_template(&self, expr: &super::raw::RawExpr) -> Option<&'static str> {
        let is = |name| expr.operator().is_some_and(|operator| self.arena.is_operator(operator, name));
        match &expr.kind {
            _ if expr.negated => Some("negation ('not')"),
            _ if is("eq") => Some("unification ('=')"),
            _ if is("assign") => Some("assignment (':=')"),
            RawKind::Every { .. } => Some("'every'"),
            RawKind::Some(_) => Some("'some'"),
            _ => None,
        }
    }

    /// The rest of a reference or call, from the first `.`, `[` or `(` on.
    fn parse_ref(&mut self, mut head: TermId) -> Option<TermId> {
        let start = self.arena.span(head);
        if let Some(kind) = self.illegal_ref_head(head) {
            self.error(start, format!("illegal ref (head cannot be {kind})"));
        }
        let mut parts = vec![head];
        loop {
            if parts.len() > KEYS_MAX + 1 {
                self.error(self.state.span, format!("a reference has more than {KEYS_MAX} keys"));
                return None;
            }
            match self.state.token {
                Token::Dot => {
                    self.scan_space();
                    if self.state.token != Token::Ident && !self.is_allowed_ref_keyword() {
                        self.illegal("expected identifier");
                        return None;
                    }
                    let stray = if self.has_stray_byte() { "\u{fffd}" } else { "" };
                    let word = format!("{}{stray}", self.word());
                    parts.push(self.constant(Value::from(word)));
                    self.scan_space();
                }
                Token::LeftParen => {
                    head = self.parse_call(std::mem::take(&mut parts), start)?;
                    match self.state.token {
                        Token::Dot | Token::LeftBracket => parts.push(head),
                        Token::Whitespace => {
                            self.scan();
                            return Some(head);
                        }
                        _ => return Some(head),
                    }
                }
                Token::LeftBracket => {
                    self.scan();
                    let key = self.parse_infix()?;
                    if self.state.token != Token::RightBracket {
                        self.illegal("expected [");
                        return None;
                    }
                    parts.push(key);
                    self.scan_space();
                }
                token => {
                    let span = self.extended(start);
                    if token == Token::Whitespace {
                        self.scan();
                    }
                    return self.add(RawNode::Ref(parts), span);
                }
            }
        }
    }

    fn illegal_ref_head(&self, head: TermId) -> Option<&'static str> {
        match self.arena.node(head) {
            RawNode::Value(_) | RawNode::Ref(_) | RawNode::Template { .. } => Some(self.value_name(head)),
            _ => None,
        }
    }

    /// The arguments of a call, from its `(` on.
    fn parse_call(&mut self, operator: Vec<TermId>, start: Span) -> Option<TermId> {
        let is_set = match operator.as_slice() {
            [one] => self.arena.var(*one).is_some_and(|name| name == "set"),
            _ => false,
        };
        let span = Span { end: self.state.span.start, ..start };
        let operator = self.add(RawNode::Ref(operator), span)?;
        self.scan();
        let node = if self.state.token == Token::RightParen {
            if is_set { RawNode::Set(Vec::new()) } else { RawNode::Call(vec![operator]) }
        } else {
            RawNode::Call(self.parse_list(Token::RightParen, vec![operator])?)
        };
        let span = Span { end: self.state.span.end, ..start };
        self.scan_space();
        self.add(node, span)
    }

    /// What kind of thing a term is, as messages name it.
    pub(super) fn value_name(&self, term: TermId) -> &'static str {
        match self.arena.node(term) {
            RawNode::Value(value) => value.kind(),
            RawNode::Var(_) => "var",
            RawNode::Ref(_) => "ref",
            RawNode::Array(_) => "array",
            RawNode::Object(_) => "object",
            RawNode::Set(_) => "set",
            RawNode::ArrayComprehension(..) => "arraycomprehension",
            RawNode::SetComprehension(..) => "setcomprehension",
            RawNode::ObjectComprehension(..) => "objectcomprehension",
            RawNode::Call(_) => "call",
            RawNode::Template { .. } => "templatestring",
        }
    }
}

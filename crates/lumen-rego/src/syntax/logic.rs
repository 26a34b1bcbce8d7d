//! `and`, `or` and `not { .. }`, which are experimental in OPA and have to be imported.

use super::parser::Parser;
use super::raw::{BodyId, RawExpr, RawKind, RawLogic, RawNode, TermId};
use super::token::{Keywords, Token};
use crate::builtin;
use crate::error::Span;

/// A side of `and` or `or`: its body, whether that stands in braces, and its place.
type Operand = (BodyId, bool, Span);

impl Parser<'_> {
    pub(super) fn is_at_logical_operator(&self) -> bool {
        matches!(self.state.token, Token::LogicalAnd | Token::LogicalOr)
    }

    /// Whether `and` or `or` was imported.
    fn is_logical(&self) -> bool {
        self.state.scanner.keywords.has(Keywords::AND.with(Keywords::OR))
    }

    /// An expression that starts with a body in braces or a group in parentheses; `None` where it does not.
    #[expect(clippy::option_option, reason = "whether it is one, and whether it could be read")]
    pub(super) fn parse_logical_start(&mut self) -> Option<Option<RawExpr>> {
        if !self.is_logical() {
            return None;
        }
        match self.state.token {
            Token::LeftBrace => self.parse_brace_start(),
            Token::LeftParen => {
                let group = self.parse_logical_group(false, "")?;
                Some(group.and_then(|(body, explicit, span)| self.fold_logical_tail(body, explicit, span)))
            }
            _ => None,
        }
    }

    #[expect(clippy::option_option, reason = "whether it is one, and whether it could be read")]
    fn parse_brace_start(&mut self) -> Option<Option<RawExpr>> {
        let saved = self.state;
        let start = self.state.span;
        if self.no_operands.contains(&(start.start, false)) {
            return None;
        }
        self.scan();
        if let Some(body) = self.parse_body() {
            self.scan();
            if self.is_at_logical_operator() {
                if self.is_ambiguous_union(&body) {
                    self.error_ambiguous_union(start, &body, "");
                    return Some(None);
                }
                let body = self.arena.add_body(body);
                let outer = self.parse_logical_or_chain(body, true, start);
                return Some(outer.and_then(|outer| self.attach_with(outer)));
            }
        }
        self.state = saved;
        self.no_operands.insert((start.start, false));
        None
    }

    /// The rest of an expression behind an operand that stands alone so far.
    pub(super) fn fold_logical_tail(&mut self, body: BodyId, explicit: bool, span: Span) -> Option<RawExpr> {
        let expr = if self.is_at_logical_operator() {
            self.parse_logical_or_chain(body, explicit, span)?
        } else {
            self.arena.body(body).first()?.clone()
        };
        self.attach_with(expr)
    }

    /// `not { body }`, from its `{` on.
    pub(super) fn parse_not_body(&mut self, not: Span) -> Option<RawExpr> {
        let start = self.state.span;
        let saved = self.state;
        self.scan();
        let is_empty = self.state.token == Token::RightBrace;
        let Some(body) = self.parse_body() else {
            if is_empty {
                return None;
            }
            // The braces may hold a value; then say so, else keep the error of the body.
            let failed = self.state;
            self.state = saved;
            if let Some(term) = self.parse_infix() {
                let operand = self.slice(start.start, self.state.last_end);
                self.hint(format!(
                    "write `not ({operand})` to negate the value, or `not {{{operand}}}` for a body holding it"
                ));
                let kind = self.value_name(self.brace_led(term));
                self.error(
                    start,
                    format!("`{{...}}` in an operand position must contain expression(s), got: {kind}"),
                );
                return None;
            }
            self.state = failed;
            return None;
        };
        self.scan();
        if self.is_ambiguous_union(&body) {
            self.error_ambiguous_union(start, &body, "not ");
            return None;
        }
        let span = self.extended(not);
        let body = self.arena.add_body(body);
        self.not_expr(body, true, span)
    }

    /// The term whose brace comes first in the text of a term.
    fn brace_led(&self, mut term: TermId) -> TermId {
        while let RawNode::Call(call) = self.arena.node(term)
            && let [operator, left, ..] = *call.as_slice()
            && let Some(signature) = self.arena.dotted(operator).and_then(|name| builtin::signature(&name))
            && !signature.infix.is_empty()
            && call.len() == signature.arguments.len() + 1
        {
            term = left;
        }
        term
    }

    /// `or`, and `and` within, behind a first operand.
    pub(super) fn parse_logical_or_chain(
        &mut self,
        body: BodyId,
        explicit: bool,
        span: Span,
    ) -> Option<RawExpr> {
        self.deeper(|parser| {
            let mut left = (body, explicit, span);
            if parser.state.token == Token::LogicalAnd {
                left = parser.parse_logical_and_chain(left)?;
            }
            while parser.state.token == Token::LogicalOr {
                parser.scan();
                let mut right = parser.parse_logical_operand("or")?;
                if parser.state.token == Token::LogicalAnd {
                    right = parser.parse_logical_and_chain(right)?;
                }
                left = parser.join(left, right, "or")?;
            }
            parser.arena.body(left.0).first().cloned()
        })
    }

    fn parse_logical_and_chain(&mut self, mut left: Operand) -> Option<Operand> {
        while self.state.token == Token::LogicalAnd {
            self.scan();
            let right = self.parse_logical_operand("and")?;
            left = self.join(left, right, "and")?;
        }
        Some(left)
    }

    fn join(&mut self, left: Operand, right: Operand, operator: &str) -> Option<Operand> {
        for (body, ..) in [left, right] {
            self.check_void(body, operator);
        }
        let span = self.extended(left.2);
        let logic = RawLogic { left: left.0, right: right.0, explicit_left: left.1, explicit_right: right.1 };
        let height = 1 + self.arena.body_height(left.0).max(self.arena.body_height(right.0));
        if !self.fits(height) {
            return None;
        }
        let kind = if operator == "and" { RawKind::And(logic) } else { RawKind::Or(logic) };
        let mut expr = RawExpr::new(kind, height);
        expr.span = span;
        Some((self.arena.add_body(vec![expr]), false, span))
    }

    /// One operand. `operator` is empty where it is not clear yet that this is one.
    fn parse_logical_operand(&mut self, operator: &str) -> Option<Operand> {
        let start = self.state.span;
        if self.state.token == Token::LeftBrace {
            return self.parse_brace_operand(operator);
        }
        let not = self.parse_not();
        if let Some(not) = not
            && self.not_bodies
            && self.state.token == Token::LeftBrace
        {
            let expr = self.parse_not_body(not)?;
            return Some(self.operand(expr));
        }
        if self.state.token == Token::LeftParen && self.is_logical() && (not.is_none() || self.not_bodies) {
            let prefix = if not.is_some() { "not " } else { "" };
            if let Some(group) = self.parse_logical_group(true, prefix) {
                let (body, explicit, span) = group?;
                let Some(not) = not else { return Some((body, explicit, span)) };
                let span = self.extended(not);
                let expr = self.not_expr(body, explicit, span)?;
                return Some(self.operand(expr));
            }
        }
        let expr_start = if not.is_some() { self.state.span } else { start };
        let mut expr = self.parse_expr()?;
        if expr.span.row == 0 {
            expr.span = self.extended(expr_start);
        }
        if let Some(not) = not {
            if self.not_bodies {
                let span = self.extended(not);
                let body = self.arena.add_body(vec![expr]);
                expr = self.not_expr(body, false, span)?;
            } else {
                expr.negated = true;
            }
        }
        Some(self.operand(expr))
    }

    fn operand(&mut self, expr: RawExpr) -> Operand {
        let span = expr.span;
        (self.arena.add_body(vec![expr]), false, span)
    }

    fn parse_brace_operand(&mut self, operator: &str) -> Option<Operand> {
        let start = self.state.span;
        let saved = self.state;
        self.scan();
        let is_empty = self.state.token == Token::RightBrace;
        let Some(body) = self.parse_body() else {
            if is_empty || operator.is_empty() {
                return None;
            }
            let failed = self.state;
            self.state = saved;
            if self.parse_infix().is_some() {
                let operand = self.slice(start.start, self.state.last_end);
                self.error_brace_led_operand(start, operand, operator);
                return None;
            }
            self.state = failed;
            return None;
        };
        self.scan();
        if self.is_ambiguous_union(&body) {
            self.error_ambiguous_union(start, &body, "");
        }
        Some((self.arena.add_body(body), true, start))
    }

    /// A group of operands in parentheses, from its `(` on; the outer `None`, at the same place as before, where the
    /// parentheses hold a term.
    #[expect(clippy::option_option, reason = "whether it is one, and whether it could be read")]
    pub(super) fn parse_logical_group(&mut self, is_operand: bool, prefix: &str) -> Option<Option<Operand>> {
        let place = (self.state.span.start, is_operand);
        if self.no_operands.contains(&place) {
            return None;
        }
        let mut is_group = true;
        let group = self.deeper(|parser| {
            let group = parser.parse_group(is_operand, prefix);
            is_group = group.is_some();
            group.flatten()
        });
        if !is_group {
            self.no_operands.insert(place);
        }
        is_group.then_some(group)
    }

    #[expect(clippy::option_option, reason = "whether it is one, and whether it could be read")]
    fn parse_group(&mut self, is_operand: bool, prefix: &str) -> Option<Option<Operand>> {
        let saved = self.state;
        let open = self.state.span;
        self.scan();
        if self.state.token == Token::RightParen {
            if is_operand {
                self.error(open, "empty parenthesized group");
                return Some(None);
            }
            self.state = saved;
            return None;
        }
        let Some((body, explicit, span)) = self.parse_logical_operand("") else {
            self.state = saved;
            return None;
        };
        if self.is_at_logical_operator() {
            let expr = self.parse_logical_or_chain(body, explicit, span);
            let expr = expr.and_then(|expr| self.attach_with(expr));
            return Some(expr.and_then(|expr| {
                self.expect_right_paren()?;
                let body = self.arena.add_body(vec![expr]);
                Some((body, false, self.extended(open)))
            }));
        }
        if self.state.token == Token::With && !explicit && self.arena.body(body).len() == 1 {
            let group = self.parse_group_with(is_operand, body, open);
            if group.is_none() {
                self.state = saved;
            }
            return group;
        }
        if explicit {
            let braces = self.slice(span.start, self.state.last_end);
            self.state = saved;
            self.scan();
            let term = self.parse_term();
            self.state = saved;
            if term.is_some() {
                return None;
            }
            self.hint(format!("drop the parens to keep the body: `{prefix}{braces}`"));
            self.error(open, "`(...)` in an operand position cannot contain a body");
            return Some(None);
        }
        let is_logical = match self.arena.body(body) {
            [one] => {
                one.negated || matches!(one.kind, RawKind::And(_) | RawKind::Or(_) | RawKind::Not { .. })
            }
            _ => false,
        };
        if is_logical {
            return Some(self.expect_right_paren().map(|()| (body, false, self.extended(open))));
        }
        self.state = saved;
        None
    }

    /// `(operand with ..)`: the modifiers belong to the operand.
    #[expect(clippy::option_option, reason = "whether it is one, and whether it could be read")]
    fn parse_group_with(&mut self, is_operand: bool, body: BodyId, open: Span) -> Option<Option<Operand>> {
        let with = self.state.span;
        let expr = self.arena.body(body).first().cloned();
        let Some(expr) = expr.and_then(|expr| self.attach_with(expr)) else { return Some(None) };
        if let Some(first) = self.arena.body_mut(body).first_mut() {
            *first = expr;
        }
        if self.is_at_logical_operator() {
            self.error_with_on_operand(with, self.state.token.name());
            return Some(None);
        }
        if self.expect_right_paren().is_none() {
            return Some(None);
        }
        if is_operand || self.is_at_logical_operator() {
            return Some(Some((body, false, self.extended(open))));
        }
        None
    }

    fn expect_right_paren(&mut self) -> Option<()> {
        if self.state.token != Token::RightParen {
            self.error(self.state.span, "expected ) to close parenthesized group");
            return None;
        }
        self.scan();
        Some(())
    }

    /// Whether a body starts with `a | b`, which cannot be told from a comprehension.
    fn is_ambiguous_union(&self, body: &[RawExpr]) -> bool {
        let Some(first) = body.first() else { return false };
        let Some(operator) = first.operator() else { return false };
        let sign = self.arena.span(operator);
        self.arena.is_operator(operator, "or")
            && self.slice(sign.start, sign.end) == "|"
            && (first.span.row == 0
                || !self.slice(first.span.start, first.span.end).trim_start().starts_with('('))
    }

    fn error_ambiguous_union(&mut self, brace: Span, body: &[RawExpr], prefix: &str) {
        let braces = self.slice(brace.start, self.state.last_end);
        let mut union = braces.to_owned();
        if let Some(first) = body.first().filter(|first| first.span.start > brace.start) {
            let before = self.slice(brace.start, first.span.start);
            let text = self.slice(first.span.start, first.span.end);
            let behind = self.slice(first.span.end, self.state.last_end);
            union = format!("{before}({text}){behind}");
        }
        self.hint(format!(
            "write `{prefix}({braces})` for the comprehension, or `{prefix}{union}` for the set union"
        ));
        self.error(
            brace,
            "ambiguous `{ ... | ... }` operand: read as a body holding a set-union expression, not as a comprehension",
        );
    }

    pub(super) fn is_empty_object(&self, expr: &RawExpr) -> bool {
        match expr.kind {
            RawKind::Term(term) if expr.with.is_empty() => {
                matches!(self.arena.node(term), RawNode::Object(entries) if entries.is_empty())
            }
            _ => false,
        }
    }

    pub(super) fn error_brace_led_operand(&mut self, span: Span, operand: &str, operator: &str) {
        self.hint(format!("wrap the operand to keep the value: `({operand}) {operator} ...`"));
        self.error(
            span,
            format!("operand of `{operator}` cannot begin with `{{` unless the braces hold a body"),
        );
    }

    pub(super) fn error_with_on_operand(&mut self, span: Span, operator: &str) {
        self.hint(format!(
            "Wrap the operand in `(...)` or `{{...}}` to scope, or move `with` after the `{operator}` expression to apply it to the whole expression"
        ));
        self.error(span, format!("`with` modifier is not allowed on operand of `{operator}`"));
    }

    /// Refuses an operand that only calls what has no value: it can never fail.
    fn check_void(&mut self, body: BodyId, operator: &str) {
        let mut first = None;
        for expr in self.arena.body(body) {
            let name = expr.operator().filter(|_| !expr.negated).and_then(|name| self.arena.dotted(name));
            let signature = name.as_deref().and_then(builtin::signature);
            let Some(signature) = signature.filter(|signature| signature.result.is_none()) else { return };
            first = first.or(Some((signature.name, expr.span)));
        }
        let Some((name, span)) = first else { return };
        self.hint(format!(
            "`{name}` produces no value and always succeeds, so the operand can never fail; move it out of the operand, or add an expression that can fail"
        ));
        self.error(span, format!("operand of `{operator}` cannot consist only of calls to `{name}`"));
    }
}

//! Rules: heads, bodies, `else`.

use std::collections::BTreeSet;

use lumen_value::Value;

use super::parser::Parser;
use super::raw::{BodyId, RawExpr, RawKind, RawNode, TermId};
use super::token::Token;
use crate::ast::{Body, Expr, ExprKind, Head, Name, Node, Rule, Term, walk};
use crate::error::Span;

/// A rule and what of its text the tree does not say.
#[derive(Debug)]
pub(super) struct ParsedRule {
    pub(super) rule: Rule,
    /// Of the rule itself and of each `else`: whether `if` stands before the body.
    pub(super) has_if: Vec<bool>,
    /// Written with `contains`.
    pub(super) has_contains: bool,
    /// The name that OPA gives a rule whose head it takes for one of the old kinds.
    pub(super) name: Option<Name>,
}

/// A head that is not yet part of the tree.
#[derive(Clone, Debug)]
struct RawHead {
    reference: Vec<TermId>,
    arguments: Option<Vec<TermId>>,
    key: Option<TermId>,
    value: Option<TermId>,
    generated_value: bool,
    assign: bool,
    contains: bool,
    span: Span,
}

/// The one expression `true`.
pub(super) fn true_body(span: Span) -> Body {
    let term = Term { node: Node::Value(Value::Bool(true)), span };
    vec![Expr {
        kind: ExprKind::Term(term),
        negated: false,
        with: Vec::new(),
        generated: true,
        from_assignment: false,
        span,
    }]
}

/// What stands behind the head of a rule.
enum RawBody {
    Given(BodyId),
    /// A rule of `contains` alone.
    None,
}

impl Parser<'_> {
    /// A rule, and those that share its head; `None` with no error recorded where this is no rule.
    pub(super) fn parse_rules(&mut self) -> Option<Vec<ParsedRule>> {
        let start = self.state.span;
        self.scan_ahead_ref();
        let is_default = self.state.token == Token::Default;
        if is_default {
            self.scan();
            self.scan_ahead_ref();
        }
        if self.state.token != Token::Ident {
            if is_default {
                self.error_keyword_as_name(true);
            }
            return None;
        }
        let mut head = self.parse_head(is_default)?;
        if is_default {
            return self.finish_default(&head, start);
        }
        let has_if = self.state.token == Token::If;
        let mut name = None;
        self.settle_head(&mut head, has_if, &mut name)?;
        let body = self.parse_rule_body(&head, has_if)?;
        let RawBody::Given(body) = body else {
            let head = self.head(&head);
            let span = head.span;
            let rule = Rule {
                default: false,
                head,
                body: true_body(start),
                generated_body: true,
                otherwise: Vec::new(),
                span,
            };
            return Some(vec![ParsedRule { rule, has_if: vec![has_if], has_contains: true, name }]);
        };
        let mut has_ifs = vec![has_if];
        let otherwise = self.parse_otherwise(&head, &mut has_ifs)?;
        let span = self.extended(start);
        let chained = self.parse_chained(&head, !otherwise.is_empty())?;
        let has_contains = head.contains;
        let body = self.arena.exprs(body);
        let head = self.head(&head);
        let mut rules = Vec::with_capacity(1 + chained.len());
        let mut others = Vec::with_capacity(chained.len());
        for (span, body, wildcards) in chained {
            let mut head = head.clone();
            for (argument, wildcard) in wildcards {
                if let Some(term) = head.arguments.as_mut().and_then(|terms| terms.get_mut(argument)) {
                    term.node = wildcard;
                }
            }
            walk::set_head_span(&mut head, span);
            let rule =
                Rule { default: false, head, body, generated_body: false, otherwise: Vec::new(), span };
            others.push(ParsedRule { rule, has_if: vec![has_if], has_contains, name: name.clone() });
        }
        let rule = Rule { default: false, head, body, generated_body: false, otherwise, span };
        rules.push(ParsedRule { rule, has_if: has_ifs, has_contains, name });
        rules.extend(others);
        Some(rules)
    }

    /// What OPA makes of `p[x]`: a value under a key where `if` follows, else a member of a set.
    fn settle_head(&mut self, head: &mut RawHead, has_if: bool, name: &mut Option<Name>) -> Option<()> {
        let [first, last] = *head.reference.as_slice() else { return Some(()) };
        if head.contains {
            return Some(());
        }
        let has_arguments = head.arguments.as_ref().is_some_and(|terms| !terms.is_empty());
        if has_if {
            let is_key = !self.is_ground(&[last]) || matches!(self.arena.node(last), RawNode::Ref(_));
            if is_key && !has_arguments {
                head.key = Some(last);
            }
            if head.value.is_none() {
                head.generated_value = true;
                head.value = Some(self.arena.add(RawNode::Value(Value::Bool(true)), head.span));
            } else {
                *name = Some(self.arena.var(first)?.clone());
            }
        } else if !has_arguments {
            *name = Some(self.arena.var(first)?.clone());
            head.key = Some(last);
            if head.value.is_none() {
                head.reference.truncate(1);
            }
        }
        Some(())
    }

    fn parse_rule_body(&mut self, head: &RawHead, has_if: bool) -> Option<RawBody> {
        if has_if {
            self.scan();
            let saved = self.state;
            let has_brace = self.state.token == Token::LeftBrace;
            if let Some(expr) = self.parse_literal() {
                let is_set = match expr.kind {
                    RawKind::Term(term) => matches!(self.arena.node(term), RawNode::Set(_)),
                    _ => false,
                };
                if !(has_brace && is_set) {
                    return Some(RawBody::Given(self.arena.add_body(vec![expr])));
                }
            }
            if !has_brace {
                return None;
            }
            self.state = saved;
        } else if self.state.token != Token::LeftBrace {
            return head.contains.then_some(RawBody::None);
        }
        self.parse_braced_body().map(RawBody::Given)
    }

    /// `{ body }`
    fn parse_braced_body(&mut self) -> Option<BodyId> {
        self.scan();
        let body: Vec<RawExpr> = self.parse_body()?;
        self.scan();
        Some(self.arena.add_body(body))
    }

    fn parse_otherwise(&mut self, head: &RawHead, has_ifs: &mut Vec<bool>) -> Option<Vec<Rule>> {
        let mut otherwise = Vec::new();
        if self.state.token != Token::Else || self.scan_ahead_ref() {
            return Some(otherwise);
        }
        if head.reference.len() > 1 && !self.is_ground(head.reference.get(1..).unwrap_or_default()) {
            self.error(self.state.span, "else keyword cannot be used on rules with variables in head");
            return None;
        }
        if head.key.is_some() {
            self.error(self.state.span, "else keyword cannot be used on multi-value rules");
            return None;
        }
        while self.state.token == Token::Else {
            let (rule, has_if) = self.parse_else(head)?;
            otherwise.push(rule);
            has_ifs.push(has_if);
        }
        Some(otherwise)
    }

    fn parse_else(&mut self, head: &RawHead) -> Option<(Rule, bool)> {
        let start = self.state.span;
        let mut arguments = head.arguments.clone().map(|terms| self.arena.term_list(&terms));
        let wildcards = self.new_wildcards(head);
        for (index, node) in wildcards {
            if let Some(term) = arguments.as_mut().and_then(|terms| terms.get_mut(index)) {
                term.node = node;
            }
        }
        self.scan();
        let (value, assign, head_span) = self.parse_else_value(head.assign, start)?;
        let generated_value = value.is_none();
        let value = match value {
            Some(value) => self.arena.term(value),
            None => Term { node: Node::Value(Value::Bool(true)), span: Span::default() },
        };
        let head = Head {
            reference: self.arena.term_list(&head.reference),
            arguments,
            key: None,
            value: Some(value),
            generated_value,
            assign,
            span: head_span,
        };
        let has_if = self.state.token == Token::If;
        let mut rule = Rule {
            default: false,
            head,
            body: Vec::new(),
            generated_body: false,
            otherwise: Vec::new(),
            span: start,
        };
        self.parse_else_body(&mut rule, has_if)?;
        Some((rule, has_if))
    }

    /// The value of an `else`, where it has one; whether it is assigned; and the place of the head.
    fn parse_else_value(&mut self, assign: bool, start: Span) -> Option<(Option<TermId>, bool, Span)> {
        match self.state.token {
            Token::LeftBrace | Token::If => Some((None, assign, start)),
            Token::Assign | Token::Unify => {
                let assign = self.state.token == Token::Assign;
                self.scan();
                let value = self.parse_infix()?;
                Some((Some(value), assign, self.extended(start)))
            }
            _ => {
                self.illegal("expected else value term or rule body");
                None
            }
        }
    }

    /// The body of an `else`, which begins where its rule does.
    fn parse_else_body(&mut self, rule: &mut Rule, has_if: bool) -> Option<()> {
        if has_if {
            self.scan();
        }
        if self.state.token == Token::LeftBrace {
            let body = self.parse_braced_body()?;
            rule.body = self.arena.exprs(body);
            rule.span = self.extended(rule.span);
        } else if has_if {
            if self.state.token == Token::Eof {
                self.illegal("rule body expected");
                return None;
            }
            let expr = self.parse_literal()?;
            let body = self.arena.add_body(vec![expr]);
            rule.body = self.arena.exprs(body);
            rule.span = self.extended(rule.span);
            // Upstream gives the whole body the place of its `else`.
            walk::set_body_span(&mut rule.body, rule.span);
        } else {
            rule.span = self.extended(rule.span);
            rule.body = true_body(rule.span);
            rule.generated_body = true;
        }
        Some(())
    }

    /// Further bodies of the same head, as v0 has them: place, body, and the names of the wildcards among the arguments.
    #[expect(clippy::type_complexity, reason = "the parts of a rule, used once")]
    fn parse_chained(
        &mut self,
        head: &RawHead,
        has_else: bool,
    ) -> Option<Vec<(Span, Body, Vec<(usize, Node)>)>> {
        let mut chained = Vec::new();
        while self.state.token == Token::LeftBrace {
            if has_else {
                self.error(self.state.span, "expected else keyword");
                return None;
            }
            let start = self.state.span;
            let body = self.parse_braced_body()?;
            let body = self.arena.exprs(body);
            let span = self.extended(start);
            chained.push((span, body, self.new_wildcards(head)));
        }
        Some(chained)
    }

    /// New names for the wildcards among a head's arguments, by index.
    fn new_wildcards(&mut self, head: &RawHead) -> Vec<(usize, Node)> {
        let mut found = Vec::new();
        for (index, term) in head.arguments.iter().flatten().enumerate() {
            if self.arena.var(*term).is_some_and(|name| name.as_bytes().starts_with(b"$"))
                && let RawNode::Var(name) = self.wildcard()
            {
                found.push((index, Node::Var(name)));
            }
        }
        found
    }

    fn head(&self, head: &RawHead) -> Head {
        let value = head.value.map(|value| self.arena.term(value));
        // With a value, the key is the last part of the reference.
        let key = if value.is_some() { None } else { head.key.map(|key| self.arena.term(key)) };
        Head {
            reference: self.arena.term_list(&head.reference),
            arguments: head.arguments.as_ref().map(|terms| self.arena.term_list(terms)),
            key,
            value,
            generated_value: head.generated_value,
            assign: head.assign,
            span: head.span,
        }
    }

    fn parse_head(&mut self, is_default: bool) -> Option<RawHead> {
        let start = self.state.span;
        let var = self.parse_var();
        let Some(term) = self.finish_head(var) else {
            self.illegal("expected rule head name");
            return None;
        };
        let (reference, arguments) = match self.arena.node(term).clone() {
            RawNode::Var(_) => (vec![term], None),
            RawNode::Ref(parts) => (parts, None),
            RawNode::Call(mut parts) => {
                let arguments = parts.split_off(1.min(parts.len()));
                let operator = parts.first().map(|operator| self.arena.node(*operator).clone());
                let Some(RawNode::Ref(reference)) = operator else { return None };
                if reference.first().is_none_or(|first| self.arena.var(*first).is_none()) {
                    let text = super::print::reference(&self.arena.term_list(&reference));
                    self.illegal(&format!("rule head ref {text} invalid"));
                    return None;
                }
                (reference, Some(arguments))
            }
            _ => return None,
        };
        let mut head = RawHead {
            reference,
            arguments,
            key: None,
            value: None,
            generated_value: false,
            assign: false,
            contains: false,
            span: start,
        };
        self.parse_head_value(&mut head, is_default);
        if head.value.is_none()
            && head.key.is_none()
            && !head.contains
            && (head.reference.len() != 2 || head.arguments.as_ref().is_some_and(|terms| !terms.is_empty()))
        {
            head.generated_value = true;
            head.value = Some(self.arena.add(RawNode::Value(Value::Bool(true)), start));
        }
        head.span = self.extended(start);
        Some(head)
    }

    fn parse_head_value(&mut self, head: &mut RawHead, is_default: bool) {
        match self.state.token {
            Token::Contains => {
                head.contains = true;
                if head.arguments.is_some() {
                    let name = self.head_name(head);
                    self.illegal(&format!(
                        "the contains keyword can only be used with multi-value rule definitions (e.g., {name} contains <VALUE> {{ ... }})"
                    ));
                }
                self.scan();
                head.key = self.parse_infix();
                if head.key.is_none() {
                    let name = self.head_name(head);
                    self.illegal(&format!(
                        "expected rule key term (e.g., {name} contains <VALUE> {{ ... }})"
                    ));
                }
            }
            Token::Unify => {
                self.scan();
                head.value = self.parse_infix();
                if head.value.is_none() {
                    let name = self.head_name(head);
                    self.illegal(&format!(
                        "expected rule value term (e.g., {name}[<nil>] = <VALUE> {{ ... }})"
                    ));
                }
            }
            Token::Assign => {
                self.scan();
                head.assign = true;
                head.value = self.parse_infix();
                if head.value.is_none() {
                    let name = self.head_name(head);
                    let has_arguments = head.arguments.as_ref().is_some_and(|terms| !terms.is_empty());
                    let note = if has_arguments {
                        format!("expected function value term (e.g., {name}(...) := <VALUE> {{ ... }})")
                    } else if is_default {
                        format!("expected default rule value term (e.g., default {name} := <VALUE>)")
                    } else {
                        format!("expected rule value term (e.g., {name} := <VALUE> {{ ... }})")
                    };
                    self.illegal(&note);
                }
            }
            _ => {}
        }
    }

    fn head_name(&self, head: &RawHead) -> String {
        super::print::reference(&self.arena.term_list(&head.reference))
    }

    /// Whether terms hold no variable.
    fn is_ground(&self, terms: &[TermId]) -> bool {
        terms.iter().all(|term| walk::is_ground(&self.arena.term(*term)))
    }

    fn finish_default(&mut self, head: &RawHead, start: Span) -> Option<Vec<ParsedRule>> {
        let span = self.extended(start);
        let has_contains = head.contains;
        let head = self.head(head);
        let Some(value) = &head.value else {
            self.error(span, "illegal default rule (must have a value)");
            return None;
        };
        let wrong = walk::not_constant(value);
        for name in &wrong {
            self.error(span, format!("illegal default rule (value cannot contain {name})"));
        }
        if !wrong.is_empty() {
            return None;
        }
        let mut is_valid = true;
        let mut names: BTreeSet<&Name> = BTreeSet::new();
        for argument in head.arguments.iter().flatten() {
            match &argument.node {
                Node::Var(name) if names.contains(name) => {
                    let text = super::print::variable(name);
                    self.error(span, format!("illegal default rule (arguments cannot be repeated {text})"));
                    is_valid = false;
                }
                Node::Var(name) => {
                    names.insert(name);
                }
                _ => {
                    let kind = walk::kind_name(argument);
                    self.error(span, format!("illegal default rule (arguments cannot contain {kind})"));
                    is_valid = false;
                }
            }
        }
        if !is_valid {
            return None;
        }
        let rule = Rule {
            default: true,
            head,
            body: true_body(span),
            generated_body: false,
            otherwise: Vec::new(),
            span,
        };
        Some(vec![ParsedRule { rule, has_if: vec![false], has_contains, name: None }])
    }
}

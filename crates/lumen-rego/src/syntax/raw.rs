//! What the parser makes before it makes the tree: terms in a list, that refer to each other by index. So a term that was
//! read costs nothing to keep until it is clear what it is part of, nothing to give up, and no stack to drop.

use lumen_value::{Str, Value};

use crate::ast::{Body, Every, Expr, ExprKind, Logic, Name, Node, Term, With, order};
use crate::depth::grow;
use crate::error::Span;

/// A term, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TermId(u32);

/// A body, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BodyId(u32);

#[derive(Clone, Debug)]
pub(super) struct RawTerm {
    pub(super) node: RawNode,
    pub(super) span: Span,
    /// How deep the tree below is.
    pub(super) height: usize,
}

#[derive(Clone, Debug)]
pub(super) enum RawNode {
    Value(Value),
    Var(Name),
    Ref(Vec<TermId>),
    Array(Vec<TermId>),
    Object(Vec<(TermId, TermId)>),
    Set(Vec<TermId>),
    ArrayComprehension(TermId, BodyId),
    SetComprehension(TermId, BodyId),
    ObjectComprehension(TermId, TermId, BodyId),
    Call(Vec<TermId>),
    Template { parts: BodyId, multi_line: bool },
}

#[derive(Clone, Debug)]
pub(super) struct RawExpr {
    pub(super) kind: RawKind,
    pub(super) negated: bool,
    pub(super) with: Vec<RawWith>,
    /// Row 0: not placed yet.
    pub(super) span: Span,
    pub(super) height: usize,
}

#[derive(Clone, Debug)]
pub(super) enum RawKind {
    Term(TermId),
    Call(Vec<TermId>),
    Some(Vec<TermId>),
    Every { key: Option<TermId>, value: TermId, domain: TermId, body: BodyId },
    Not { body: BodyId, explicit: bool },
    And(RawLogic),
    Or(RawLogic),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RawLogic {
    pub(super) left: BodyId,
    pub(super) right: BodyId,
    pub(super) explicit_left: bool,
    pub(super) explicit_right: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RawWith {
    pub(super) target: TermId,
    pub(super) value: TermId,
    pub(super) span: Span,
}

impl RawExpr {
    pub(super) fn new(kind: RawKind, height: usize) -> Self {
        Self { kind, negated: false, with: Vec::new(), span: Span::default(), height }
    }

    /// The operator, where this is a call.
    pub(super) fn operator(&self) -> Option<TermId> {
        match &self.kind {
            RawKind::Call(terms) => terms.first().copied(),
            _ => None,
        }
    }
}

/// The terms and bodies of one statement.
#[derive(Debug, Default)]
pub(super) struct Arena {
    terms: Vec<RawTerm>,
    bodies: Vec<Vec<RawExpr>>,
}

/// What an index gives that was never given out.
static NOTHING: RawTerm = RawTerm {
    node: RawNode::Value(Value::Null),
    span: Span { module: 0, row: 0, column: 0, start: 0, end: 0 },
    height: 0,
};

fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Arena {
    pub(super) fn clear(&mut self) {
        self.terms.clear();
        self.bodies.clear();
    }

    /// How much there is.
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.terms.len(), self.bodies.len())
    }

    /// Leaves as much as there was.
    pub(super) fn truncate(&mut self, mark: (usize, usize)) {
        self.terms.truncate(mark.0);
        self.bodies.truncate(mark.1);
    }

    pub(super) fn add(&mut self, node: RawNode, span: Span) -> TermId {
        let height = 1 + self.height_below(&node);
        self.terms.push(RawTerm { node, span, height });
        TermId(index(self.terms.len() - 1))
    }

    pub(super) fn add_body(&mut self, exprs: Vec<RawExpr>) -> BodyId {
        self.bodies.push(exprs);
        BodyId(index(self.bodies.len() - 1))
    }

    pub(super) fn get(&self, id: TermId) -> &RawTerm {
        self.terms.get(id.0 as usize).unwrap_or(&NOTHING)
    }

    pub(super) fn node(&self, id: TermId) -> &RawNode {
        &self.get(id).node
    }

    pub(super) fn span(&self, id: TermId) -> Span {
        self.get(id).span
    }

    pub(super) fn height(&self, id: TermId) -> usize {
        self.get(id).height
    }

    pub(super) fn set_span(&mut self, id: TermId, span: Span) {
        if let Some(term) = self.terms.get_mut(id.0 as usize) {
            term.span = span;
        }
    }

    pub(super) fn body(&self, id: BodyId) -> &[RawExpr] {
        self.bodies.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn body_mut(&mut self, id: BodyId) -> &mut [RawExpr] {
        self.bodies.get_mut(id.0 as usize).map_or(&mut [], Vec::as_mut_slice)
    }

    pub(super) fn body_height(&self, id: BodyId) -> usize {
        self.body(id).iter().map(|expr| expr.height).max().unwrap_or_default()
    }

    /// The highest of some terms.
    pub(super) fn highest(&self, ids: &[TermId]) -> usize {
        ids.iter().map(|id| self.height(*id)).max().unwrap_or_default()
    }

    fn height_below(&self, node: &RawNode) -> usize {
        match node {
            RawNode::Value(_) | RawNode::Var(_) => 0,
            RawNode::Ref(terms) | RawNode::Array(terms) | RawNode::Set(terms) | RawNode::Call(terms) => {
                self.highest(terms)
            }
            RawNode::Object(entries) => {
                let highest = entries.iter().map(|(key, value)| self.height(*key).max(self.height(*value)));
                highest.max().unwrap_or_default()
            }
            RawNode::ArrayComprehension(term, body) | RawNode::SetComprehension(term, body) => {
                self.height(*term).max(self.body_height(*body))
            }
            RawNode::ObjectComprehension(key, value, body) => {
                self.height(*key).max(self.height(*value)).max(self.body_height(*body))
            }
            RawNode::Template { parts, .. } => self.body_height(*parts),
        }
    }

    /// The variable or one-term reference `name`.
    pub(super) fn var(&self, id: TermId) -> Option<&Name> {
        match self.node(id) {
            RawNode::Var(name) => Some(name),
            _ => None,
        }
    }

    /// Whether the operator of a call is the built-in `name`, without dots.
    pub(super) fn is_operator(&self, id: TermId, name: &str) -> bool {
        match self.node(id) {
            RawNode::Ref(terms) => match terms.as_slice() {
                [one] => self.var(*one).is_some_and(|var| var == name),
                _ => false,
            },
            _ => false,
        }
    }

    /// The operator of a call as a dotted name; `None` where it is no such.
    pub(super) fn dotted(&self, id: TermId) -> Option<String> {
        let RawNode::Ref(terms) = self.node(id) else { return None };
        let mut parts = Vec::with_capacity(terms.len());
        for term in terms {
            match self.node(*term) {
                RawNode::Var(name) => parts.push(name.to_text()),
                RawNode::Value(Value::String(text)) => parts.push(text.to_text()),
                _ => return None,
            }
        }
        Some(parts.join("."))
    }

    /// A term as a tree.
    pub(super) fn term(&self, id: TermId) -> Term {
        grow(|| {
            let raw = self.get(id);
            Term { node: self.tree(&raw.node), span: raw.span }
        })
    }

    pub(super) fn term_list(&self, ids: &[TermId]) -> Vec<Term> {
        ids.iter().map(|id| self.term(*id)).collect()
    }

    fn tree(&self, node: &RawNode) -> Node {
        match node {
            RawNode::Value(value) => Node::Value(value.clone()),
            RawNode::Var(name) => Node::Var(name.clone()),
            RawNode::Ref(terms) => Node::Ref(self.term_list(terms)),
            RawNode::Array(terms) => Node::Array(self.term_list(terms)),
            RawNode::Call(terms) => Node::Call(self.term_list(terms)),
            RawNode::Set(terms) => {
                let mut terms = self.term_list(terms);
                order::sort_set(&mut terms);
                Node::Set(terms)
            }
            RawNode::Object(entries) => {
                let mut entries: Vec<_> =
                    entries.iter().map(|(key, value)| (self.term(*key), self.term(*value))).collect();
                order::sort_object(&mut entries);
                Node::Object(entries)
            }
            RawNode::ArrayComprehension(term, body) => {
                Node::ArrayComprehension(Box::new(self.term(*term)), self.exprs(*body))
            }
            RawNode::SetComprehension(term, body) => {
                Node::SetComprehension(Box::new(self.term(*term)), self.exprs(*body))
            }
            RawNode::ObjectComprehension(key, value, body) => {
                let entry = (self.term(*key), self.term(*value));
                Node::ObjectComprehension(Box::new(entry), self.exprs(*body))
            }
            RawNode::Template { parts, multi_line } => {
                Node::Template { parts: self.exprs(*parts), multi_line: *multi_line }
            }
        }
    }

    /// A body as a tree.
    pub(super) fn exprs(&self, id: BodyId) -> Body {
        self.body(id).iter().map(|expr| grow(|| self.expr(expr))).collect()
    }

    fn expr(&self, expr: &RawExpr) -> Expr {
        let kind = match &expr.kind {
            RawKind::Term(term) => ExprKind::Term(self.term(*term)),
            RawKind::Call(terms) => ExprKind::Call(self.term_list(terms)),
            RawKind::Some(terms) => ExprKind::Some(self.term_list(terms)),
            RawKind::Every { key, value, domain, body } => ExprKind::Every(Box::new(Every {
                key: key.map(|key| self.term(key)),
                value: self.term(*value),
                domain: self.term(*domain),
                body: self.exprs(*body),
            })),
            RawKind::Not { body, explicit } => ExprKind::Not { body: self.exprs(*body), explicit: *explicit },
            RawKind::And(logic) => ExprKind::And(Box::new(self.logic(*logic))),
            RawKind::Or(logic) => ExprKind::Or(Box::new(self.logic(*logic))),
        };
        let with = expr.with.iter().map(|with| With {
            target: self.term(with.target),
            value: self.term(with.value),
            span: with.span,
        });
        Expr {
            kind,
            negated: expr.negated,
            with: with.collect(),
            generated: false,
            from_assignment: false,
            span: expr.span,
        }
    }

    fn logic(&self, logic: RawLogic) -> Logic {
        Logic {
            left: self.exprs(logic.left),
            right: self.exprs(logic.right),
            explicit_left: logic.explicit_left,
            explicit_right: logic.explicit_right,
        }
    }
}

/// A constant string.
pub(super) fn string(text: impl Into<Str>) -> RawNode {
    RawNode::Value(Value::String(text.into()))
}

//! Going through a tree. [`parts_of_term`] and [`parts_of_expr`], with their twins that may change what they find, are the
//! one place that knows what a term or an expression consists of; everything else goes through them.

use lumen_value::Value;

use super::{Body, Expr, ExprKind, Head, Node, Rule, Term};
use crate::depth::grow;
use crate::error::Span;

/// A part of a tree.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A term.
    Term(&'a Term),
    /// An expression.
    Expr(&'a Expr),
    /// A body.
    Body(&'a Body),
}

/// A part of a tree that may be changed.
#[derive(Debug)]
pub enum PartMut<'a> {
    /// A term.
    Term(&'a mut Term),
    /// An expression.
    Expr(&'a mut Expr),
    /// A body: expressions may come and go.
    Body(&'a mut Body),
}

macro_rules! parts {
    ($part:ident, $parts_of_term:ident, $parts_of_expr:ident, $parts_of_head:ident, $term_doc:literal,
     $expr_doc:literal, $head_doc:literal $(, $mutable:tt)?) => {
        #[doc = $term_doc]
        #[allow(clippy::needless_for_each, reason = "one text for both kinds of borrow")]
        pub fn $parts_of_term<'a>(term: &'a $($mutable)? Term, each: &mut dyn FnMut($part<'a>)) {
            match & $($mutable)? term.node {
                Node::Value(_) | Node::Var(_) => {}
                Node::Ref(terms) | Node::Array(terms) | Node::Set(terms) | Node::Call(terms) => {
                    terms.into_iter().for_each(|term| each($part::Term(term)));
                }
                Node::Object(entries) => {
                    for (key, value) in entries {
                        each($part::Term(key));
                        each($part::Term(value));
                    }
                }
                Node::ArrayComprehension(term, body) | Node::SetComprehension(term, body) => {
                    each($part::Term(term));
                    each($part::Body(body));
                }
                Node::ObjectComprehension(entry, body) => {
                    let (key, value) = & $($mutable)? **entry;
                    each($part::Term(key));
                    each($part::Term(value));
                    each($part::Body(body));
                }
                Node::Template { parts, .. } => {
                    parts.into_iter().for_each(|part| each($part::Expr(part)));
                }
            }
        }

        #[doc = $expr_doc]
        #[allow(clippy::needless_for_each, reason = "one text for both kinds of borrow")]
        pub fn $parts_of_expr<'a>(expr: &'a $($mutable)? Expr, each: &mut dyn FnMut($part<'a>)) {
            match & $($mutable)? expr.kind {
                ExprKind::Term(term) => each($part::Term(term)),
                ExprKind::Call(terms) | ExprKind::Some(terms) => {
                    terms.into_iter().for_each(|term| each($part::Term(term)));
                }
                ExprKind::Every(every) => {
                    let every = & $($mutable)? **every;
                    (& $($mutable)? every.key).into_iter().for_each(|key| each($part::Term(key)));
                    each($part::Term(& $($mutable)? every.value));
                    each($part::Term(& $($mutable)? every.domain));
                    each($part::Body(& $($mutable)? every.body));
                }
                ExprKind::Not { body, .. } => each($part::Body(body)),
                ExprKind::And(logic) | ExprKind::Or(logic) => {
                    let logic = & $($mutable)? **logic;
                    each($part::Body(& $($mutable)? logic.left));
                    each($part::Body(& $($mutable)? logic.right));
                }
            }
            for with in & $($mutable)? expr.with {
                each($part::Term(& $($mutable)? with.target));
                each($part::Term(& $($mutable)? with.value));
            }
        }

        #[doc = $head_doc]
        pub fn $parts_of_head<'a>(head: &'a $($mutable)? Head, each: &mut dyn FnMut($part<'a>)) {
            (& $($mutable)? head.reference).into_iter().for_each(|term| each($part::Term(term)));
            (& $($mutable)? head.arguments).into_iter().flatten().for_each(|term| each($part::Term(term)));
            (& $($mutable)? head.key).into_iter().for_each(|term| each($part::Term(term)));
            (& $($mutable)? head.value).into_iter().for_each(|term| each($part::Term(term)));
        }
    };
}

parts!(
    Part,
    parts_of_term,
    parts_of_expr,
    parts_of_head,
    "Gives the immediate parts of a term, in the order of the text.",
    "Gives the immediate parts of an expression: those of its kind, then targets and values of its modifiers.",
    "Gives the terms of a head: those of the reference, the arguments, the key, the value."
);
parts!(
    PartMut,
    parts_of_term_mut,
    parts_of_expr_mut,
    parts_of_head_mut,
    "Gives the immediate parts of a term, to change them.",
    "Gives the immediate parts of an expression, to change them.",
    "Gives the terms of a head, to change them.",
    mut
);

/// Visits a part and, where `visit` says so, all that is below it, in the order of the text.
pub fn walk<'a>(part: Part<'a>, visit: &mut dyn FnMut(Part<'a>) -> bool) {
    if let Part::Term(term) = part
        && term.node.is_leaf()
    {
        visit(part);
        return;
    }
    grow(|| {
        if !visit(part) {
            return;
        }
        match part {
            Part::Term(term) => parts_of_term(term, &mut |part| walk(part, visit)),
            Part::Expr(expr) => parts_of_expr(expr, &mut |part| walk(part, visit)),
            Part::Body(body) => body.iter().for_each(|expr| walk(Part::Expr(expr), visit)),
        }
    });
}

/// The same over a rule with all its `else` branches.
pub fn walk_rule<'a>(rule: &'a Rule, visit: &mut dyn FnMut(Part<'a>) -> bool) {
    for rule in std::iter::once(rule).chain(&rule.otherwise) {
        parts_of_head(&rule.head, &mut |part| walk(part, visit));
        walk(Part::Body(&rule.body), visit);
    }
}

/// Visits a part and then, where `visit` says so, all that is below it as `visit` left it.
pub fn walk_mut(mut part: PartMut<'_>, visit: &mut dyn FnMut(&mut PartMut<'_>) -> bool) {
    grow(|| {
        if !visit(&mut part) {
            return;
        }
        match part {
            PartMut::Term(term) => parts_of_term_mut(term, &mut |part| walk_mut(part, visit)),
            PartMut::Expr(expr) => parts_of_expr_mut(expr, &mut |part| walk_mut(part, visit)),
            PartMut::Body(body) => body.iter_mut().for_each(|expr| walk_mut(PartMut::Expr(expr), visit)),
        }
    });
}

/// Changes every term below a part, the innermost first.
pub fn map_terms(part: PartMut<'_>, change: &mut dyn FnMut(&mut Term)) {
    grow(|| match part {
        PartMut::Term(term) => {
            parts_of_term_mut(term, &mut |part| map_terms(part, change));
            change(term);
        }
        PartMut::Expr(expr) => parts_of_expr_mut(expr, &mut |part| map_terms(part, change)),
        PartMut::Body(body) => body.iter_mut().for_each(|expr| map_terms(PartMut::Expr(expr), change)),
    });
}

/// Gives everything in a body one place.
pub fn set_body_span(body: &mut Body, span: Span) {
    walk_mut(PartMut::Body(body), &mut |part| set_span(part, span));
}

/// Gives everything in a head one place.
pub fn set_head_span(head: &mut Head, span: Span) {
    head.span = span;
    parts_of_head_mut(head, &mut |part| walk_mut(part, &mut |part| set_span(part, span)));
}

fn set_span(part: &mut PartMut<'_>, span: Span) -> bool {
    match part {
        PartMut::Term(term) => term.span = span,
        PartMut::Expr(expr) => {
            expr.span = span;
            expr.with.iter_mut().for_each(|with| with.span = span);
        }
        PartMut::Body(_) => {}
    }
    true
}

/// Whether a term holds no variable, as OPA's `IsGround` has it: the first part of a reference does not count, and
/// template strings, comprehensions and calls are judged by their own rules.
pub fn is_ground(term: &Term) -> bool {
    grow(|| match &term.node {
        Node::Value(_) => true,
        Node::Var(_) | Node::Template { .. } => false,
        Node::Ref(terms) => terms.iter().skip(1).all(is_ground),
        Node::Array(terms) | Node::Set(terms) | Node::Call(terms) => terms.iter().all(is_ground),
        Node::Object(entries) => entries.iter().all(|(key, value)| is_ground(key) && is_ground(value)),
        Node::ArrayComprehension(term, body) | Node::SetComprehension(term, body) => {
            is_ground(term) && body.iter().all(is_ground_expr)
        }
        Node::ObjectComprehension(entry, body) => {
            is_ground(&entry.0) && is_ground(&entry.1) && body.iter().all(is_ground_expr)
        }
    })
}

fn is_ground_expr(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Term(term) => is_ground(term),
        ExprKind::Call(terms) => terms.iter().skip(1).all(is_ground),
        ExprKind::Not { body, .. } => body.iter().all(is_ground_expr),
        ExprKind::And(logic) | ExprKind::Or(logic) => {
            logic.left.iter().chain(&logic.right).all(|expr| grow(|| is_ground_expr(expr)))
        }
        ExprKind::Some(_) | ExprKind::Every(_) => false,
    }
}

/// What of a term has to be evaluated, outermost first: `ref`, `var` and `call`. Comprehensions may hold what they like.
pub(crate) fn not_constant(term: &Term) -> Vec<&'static str> {
    let mut found = Vec::new();
    walk(Part::Term(term), &mut |part| match part {
        Part::Term(term) => match term.node {
            Node::ArrayComprehension(..) | Node::SetComprehension(..) | Node::ObjectComprehension(..) => {
                false
            }
            Node::Ref(_) | Node::Var(_) | Node::Call(_) => {
                found.push(kind_name(term));
                false
            }
            _ => true,
        },
        Part::Expr(_) | Part::Body(_) => true,
    });
    found
}

/// What kind of thing a term is, as OPA's messages name it.
pub fn kind_name(term: &Term) -> &'static str {
    match &term.node {
        Node::Value(value) => match value {
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            scalar => scalar.kind(),
        },
        Node::Var(_) => "var",
        Node::Ref(_) => "ref",
        Node::Array(_) => "array",
        Node::Object(_) => "object",
        Node::Set(_) => "set",
        Node::ArrayComprehension(..) => "arraycomprehension",
        Node::SetComprehension(..) => "setcomprehension",
        Node::ObjectComprehension(..) => "objectcomprehension",
        Node::Call(_) => "call",
        Node::Template { .. } => "templatestring",
    }
}

//! `with`: what replaced documents and functions are meanwhile.

use std::rc::Rc;

use lumen_value::Value;
use std::borrow::Cow;

use super::environment::{Frame, Overlay};
use super::rule::{Checker, Flaw};
use super::unify::unifies;
use super::{Type, or};
use crate::ast::{Expr, Node, Term, With};
use crate::check::constant;
use crate::check::dotted;

impl Checker<'_> {
    /// Opens a scope in which the expression's `with` hold; false where they change no type.
    pub(super) fn open_with(&mut self, expr: &Expr) -> bool {
        let mut overlay = Overlay::default();
        let mut replaced = Vec::new();
        for with in &expr.with {
            let Node::Ref(target) = &with.target.node else { continue };
            let of = self.scopes.reference(target);
            let is_function = matches!(of, Some(Type::Function(_)));
            // A function that is replaced is one still.
            overlay.dependents.extend((self.dependents)(target, is_function));
            if !is_function {
                replaced.push((ground(target), self.replacement(with, target, of)));
            }
        }
        let changes = !(overlay.dependents.is_empty() && replaced.is_empty());
        for (path, of) in replaced {
            overlay.replaced.put(&path, of);
        }
        if changes {
            self.scopes.frames.push(Frame { overlay: Some(Rc::new(overlay)), ..Frame::default() });
        }
        changes
    }

    fn replacement(&mut self, with: &With, target: &[Term], of: Option<Type>) -> Type {
        let is_ground = target.iter().skip(1).all(|term| constant(term).is_some());
        if !is_ground || of.is_none() {
            return Type::any();
        }
        match self.type_of(&with.value) {
            Some(value) => or(of, Some(value)).unwrap_or_else(Type::any),
            None => Type::any(),
        }
    }

    /// A function is replaced by a function only where that takes as much.
    pub(super) fn with_functions(&mut self, expr: &Expr) -> Option<Flaw> {
        expr.with.iter().find_map(|with| {
            let target = self.type_of(&with.target)?;
            let value = self.type_of(&with.value)?;
            let mismatch = matches!((&target, &value), (Type::Function(_), Type::Function(_)))
                && !unifies(&target, &value);
            mismatch.then(|| {
                let name = match &with.target.node {
                    Node::Ref(terms) => dotted(terms).unwrap_or_default(),
                    _ => Cow::default(),
                };
                Flaw::new(with.span, format!("{name}: arity mismatch"), false)
            })
        })
    }
}

/// The constant beginning of a reference.
fn ground(terms: &[Term]) -> Vec<Value> {
    let root = terms.iter().take(1).filter_map(|term| match &term.node {
        Node::Var(root) => Some(Value::String(root.clone())),
        _ => None,
    });
    root.chain(terms.iter().skip(1).map_while(constant)).collect()
}

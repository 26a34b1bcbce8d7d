//! References that can refer to nothing: a key that a type does not have, a function that is not called.

use std::rc::Rc;

use lumen_value::Value;

use super::environment::{Elsewhere, Layers, Overlay, below, children, extent, here};
use super::rule::{Checker, Flaw};
use super::unify::unifies;
use super::{Type, is_partial};
use crate::ast::walk::{Part, walk};
use crate::ast::{Expr, ExprKind, Node, Term};
use crate::check::constant;
use crate::hash::HashSet;

impl Checker<'_> {
    /// Checks the references of an expression, those in comprehensions apart; their variables become known.
    pub(super) fn references(&mut self, expr: &Expr) -> Vec<Flaw> {
        let mut found: Vec<&[Term]> = Vec::new();
        // Neither what is called nor what `with` names is looked into.
        let mut skipped: HashSet<*const Term> = HashSet::default();
        walk(Part::Expr(expr), &mut |part| match part {
            Part::Expr(expr) => {
                if let ExprKind::Call(call) = &expr.kind {
                    skipped.extend(call.first().map(std::ptr::from_ref));
                }
                for with in &expr.with {
                    skipped.extend([std::ptr::from_ref(&with.target), std::ptr::from_ref(&with.value)]);
                }
                true
            }
            Part::Term(term) if skipped.contains(&std::ptr::from_ref(term)) => false,
            Part::Term(Term { node: Node::Ref(terms), .. }) => {
                found.push(terms);
                true
            }
            Part::Term(Term {
                node:
                    Node::ArrayComprehension(..) | Node::SetComprehension(..) | Node::ObjectComprehension(..),
                ..
            }) => false,
            _ => true,
        });
        found.into_iter().filter_map(|terms| self.reference(terms)).collect()
    }

    fn reference(&mut self, terms: &[Term]) -> Option<Flaw> {
        if let Some(Type::Function(_)) = self.scopes.reference(terms) {
            return Some(self.names.not_called(terms));
        }
        let root = match terms.first().map(|first| &first.node) {
            Some(Node::Var(root)) => root.clone(),
            _ => return None,
        };
        if root == "data" || root == "input" {
            let start = Value::String(root.clone());
            let overlays: Vec<Rc<Overlay>> = self.scopes.overlays().cloned().collect();
            for overlay in &overlays {
                if let Some(layers) = overlay.below(&start)
                    && let Ok(result) = self.in_tree(&layers, terms, 1, true)
                {
                    return result;
                }
            }
            if root == "data" && !self.scopes.environment.data.below.is_empty() {
                let environment = self.scopes.environment;
                if let Ok(result) = self.in_tree(&vec![&environment.data], terms, 1, false) {
                    return result;
                }
            }
            return self.in_type(Some(Type::any()), terms, 1);
        }
        let known = self.scopes.variable(&root).or_else(|| self.scopes.function(root.as_str()?));
        let of = known.unwrap_or_else(|| {
            // An argument of which nothing is known can be anything, and is from here on.
            self.scopes.put(&root, Type::any());
            Type::any()
        });
        self.in_type(Some(of), terms, 1)
    }

    /// Follows a reference through trees; behind an overlay others come.
    fn in_tree(
        &mut self,
        layers: &Layers<'_>,
        terms: &[Term],
        at: usize,
        is_overlay: bool,
    ) -> Result<Option<Flaw>, Elsewhere> {
        let Some(term) = terms.get(at) else { return Ok(None) };
        if let Some(of) = here(layers)
            && at > 1
        {
            return Ok(self.in_type(Some(of), terms, at));
        }
        if at == 1 || at == 2 {
            let names = matches!(&term.node, Node::Var(_) | Node::Value(Value::String(_)));
            if !names {
                let have = self.type_of(term);
                return Ok(Some(self.names.undefined(terms, is_partial(have.as_ref()))));
            }
        }
        if let Node::Var(name) = &term.node {
            let keys = extent(layers).keys();
            match self.scopes.variable(name) {
                Some(known) => {
                    if !keys.as_ref().is_some_and(|keys| unifies(keys, &known)) {
                        return Ok(Some(self.names.undefined(terms, is_partial(Some(&known)))));
                    }
                }
                None => {
                    if let Some(keys) = keys {
                        self.scopes.put(name, keys);
                    }
                }
            }
            if is_overlay {
                return Err(Elsewhere);
            }
            // What the key is, is not known: whatever stands below may make variables known.
            for child in children(layers).into_values() {
                let ignored = match here(&child) {
                    Some(of) => self.in_type(Some(of), terms, at + 1),
                    None => self.in_tree(&child, terms, at + 1, is_overlay).unwrap_or(None),
                };
                drop(ignored);
            }
            return Ok(None);
        }
        let child = constant(term).and_then(|key| below(layers, &key)).ok_or(Elsewhere)?;
        match here(&child) {
            Some(of) => Ok(self.in_type(Some(of), terms, at + 1)),
            None => self.in_tree(&child, terms, at + 1, is_overlay),
        }
    }

    /// Follows a reference through a type.
    fn in_type(&mut self, of: Option<Type>, terms: &[Term], at: usize) -> Option<Flaw> {
        let mut of = of;
        for term in terms.get(at..)? {
            let Some(current) = of else {
                return Some(self.names.undefined(terms, true));
            };
            if current.is_empty_collection() {
                return self.in_empty(&current, term, terms);
            }
            let Some(keys) = current.keys() else {
                return Some(self.names.undefined(terms, is_partial(Some(&current))));
            };
            match &term.node {
                Node::Var(name) => match self.scopes.variable(name) {
                    Some(known) if !unifies(&known, &keys) => {
                        return Some(self.names.undefined(terms, is_partial(Some(&known))));
                    }
                    Some(_) => {}
                    None => self.scopes.put(name, keys),
                },
                Node::Ref(inner) => {
                    if let Some(known) = self.scopes.reference(inner)
                        && !unifies(&known, &keys)
                    {
                        return Some(self.names.undefined(terms, is_partial(Some(&known))));
                    }
                }
                Node::Array(_) | Node::Object(_) | Node::Set(_) => {
                    if !self.unify(term, &keys, false) {
                        let have = self.type_of(term);
                        return Some(self.names.undefined(terms, is_partial(have.as_ref())));
                    }
                }
                _ => {
                    let Some(child) = constant(term).and_then(|key| current.select(&key)) else {
                        return Some(self.names.undefined(terms, true));
                    };
                    of = Some(child);
                    continue;
                }
            }
            of = current.values();
        }
        None
    }

    fn in_empty(&mut self, of: &Type, term: &Term, terms: &[Term]) -> Option<Flaw> {
        match &term.node {
            Node::Value(_) => Some(self.names.undefined(terms, true)),
            Node::Var(name) => match (self.scopes.variable(name), of.keys()) {
                (None, _) => {
                    self.scopes.put(name, Type::any());
                    None
                }
                (Some(known), Some(keys)) if !unifies(&known, &keys) => {
                    Some(self.names.undefined(terms, is_partial(Some(&known))))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

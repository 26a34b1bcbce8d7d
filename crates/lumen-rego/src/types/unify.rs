//! What terms are, and what becomes known of variables when one term has to equal another (`v1/ast/check.go`).

use std::sync::Arc;

use lumen_value::Value;

use super::environment::Frame;
use super::rule::Checker;
use super::{ArrayType, ObjectType, Type, is_partial, or};
use crate::ast::{Body, Name, Node, Term};
use crate::check::constant;
use crate::depth::grow;

impl Checker<'_> {
    /// What a term is, as far as that is known.
    pub(super) fn type_of(&mut self, term: &Term) -> Option<Type> {
        match &term.node {
            Node::Value(value) => return Some(type_of_value(value)),
            Node::Var(name) if *name == "data" || *name == "input" => {
                return self.scopes.reference(std::slice::from_ref(term));
            }
            Node::Var(name) => return self.scopes.variable(name),
            _ => {}
        }
        grow(|| match &term.node {
            Node::Ref(terms) => self.scopes.reference(terms),
            Node::Array(items) => Some(Type::tuple(items.iter().map(|item| self.type_of(item)).collect())),
            Node::Set(items) => {
                let mut of = None;
                for item in items {
                    of = or(of, self.type_of(item));
                }
                Some(Type::Set(of.map(Arc::new)).bounded())
            }
            Node::Object(entries) => {
                let mut known = Vec::new();
                let mut other = None;
                for (key, value) in entries {
                    match constant(key) {
                        Some(key) => known.push((key, self.type_of(value))),
                        None => other = Some((self.type_of(key), self.type_of(value))),
                    }
                }
                known.sort_by(|a, b| a.0.cmp(&b.0));
                Some(Type::Object(Arc::new(ObjectType { known, other })).bounded())
            }
            Node::ArrayComprehension(..) | Node::SetComprehension(..) | Node::ObjectComprehension(..) => {
                self.comprehension(term)
            }
            Node::Template { .. } => Some(Type::String),
            Node::Value(_) | Node::Var(_) | Node::Call(_) => None,
        })
    }

    /// What a comprehension makes; none where its body has errors. Found once in a scope: nested comprehensions would
    /// else be checked again and again.
    pub(super) fn comprehension(&mut self, term: &Term) -> Option<Type> {
        let address = std::ptr::from_ref(term) as usize;
        if let Some(known) = self.scopes.frames.last().and_then(|frame| frame.comprehensions.get(&address)) {
            return known.clone();
        }
        let found = match &term.node {
            Node::ArrayComprehension(item, body) => self.inside(body, |checker| {
                Type::Array(Arc::new(ArrayType { first: Vec::new(), rest: checker.type_of(item) })).bounded()
            }),
            Node::SetComprehension(item, body) => {
                self.inside(body, |checker| Type::Set(checker.type_of(item).map(Arc::new)).bounded())
            }
            Node::ObjectComprehension(entry, body) => self.inside(body, |checker| {
                let key = checker.type_of(&entry.0);
                Type::dictionary(key, checker.type_of(&entry.1))
            }),
            _ => None,
        };
        if let Some(frame) = self.scopes.frames.last_mut() {
            frame.comprehensions.insert(address, found.clone());
        }
        found
    }

    /// Checks the body of a comprehension in a scope of its own. Errors in it are kept aside: who goes through the
    /// expressions takes them.
    fn inside(&mut self, body: &Body, make: impl FnOnce(&mut Self) -> Type) -> Option<Type> {
        self.scopes.frames.push(Frame::default());
        let errors = self.body(body);
        let made = if errors.is_empty() { Some(make(self)) } else { None };
        self.scopes.frames.pop();
        if !errors.is_empty() {
            self.in_comprehensions = errors;
        }
        made
    }

    /// `a = b`, given what is known of both.
    pub(super) fn unify_terms(&mut self, a: &Term, b: &Term) -> bool {
        let (type_a, type_b) = (self.type_of(a), self.type_of(b));
        grow(|| self.unify_both(a, type_a, b, type_b))
    }

    fn unify_both(&mut self, a: &Term, type_a: Option<Type>, b: &Term, type_b: Option<Type>) -> bool {
        let (partial_a, partial_b) = (is_partial(type_a.as_ref()), is_partial(type_b.as_ref()));
        match (&type_a, &type_b) {
            (_, Some(of_b)) if partial_a && !partial_b => return self.unify(a, of_b, false),
            (Some(of_a), _) if partial_b && !partial_a => return self.unify(b, of_a, false),
            (Some(of_a), Some(of_b)) if !partial_a && !partial_b => return unifies(of_a, of_b),
            _ => {}
        }
        match (&a.node, &b.node) {
            (Node::Array(left), Node::Array(right)) => {
                return left.len() == right.len()
                    && left.iter().zip(right).all(|(left, right)| self.unify_terms(left, right));
            }
            (Node::Object(left), Node::Object(right)) => return self.unify_objects(left, right),
            (Node::Array(_) | Node::Object(_), Node::Var(_)) => return self.unify_structure(a, b),
            (Node::Var(_), Node::Array(_) | Node::Object(_)) => return self.unify_structure(b, a),
            (Node::Array(_) | Node::Object(_), _) => return false,
            (Node::Var(_), Node::Var(_)) => {
                let any = Type::any();
                return self.unify(a, &any, false)
                    && match self.type_of(a) {
                        Some(of) => self.unify(b, &of, false),
                        None => false,
                    };
            }
            (Node::Var(_), Node::Ref(_)) => return self.unify(a, &Type::any(), false),
            (Node::Ref(_), Node::Var(_)) => return self.unify(b, &Type::any(), false),
            _ => {}
        }
        match (&a.node, type_a, &b.node, type_b) {
            (Node::Var(_), None, _, Some(of)) => self.unify(a, &of, false),
            (_, Some(of), Node::Var(_), None) => self.unify(b, &of, false),
            _ => false,
        }
    }

    fn unify_objects(&mut self, left: &[(Term, Term)], right: &[(Term, Term)]) -> bool {
        if left.len() != right.len() {
            return false;
        }
        // Entries of a tree are sorted by key: those of the same keys stand at the same places.
        left.iter().zip(right).all(|((left_key, left_value), (right_key, right_value))| {
            crate::ast::order::compare(left_key, right_key).is_eq()
                && self.unify_terms(left_value, right_value)
        })
    }

    /// A structure of which something is not known, and a variable.
    fn unify_structure(&mut self, structure: &Term, variable: &Term) -> bool {
        self.unify(structure, &Type::any(), false)
            && match self.type_of(structure) {
                Some(of) => self.unify(variable, &of, false),
                None => false,
            }
    }

    /// Whether a term can be of a type; its variables become known. In a union a variable may be what each member makes of it.
    pub(super) fn unify(&mut self, term: &Term, of: &Type, in_union: bool) -> bool {
        grow(|| self.unify_term(term, of, in_union))
    }

    fn unify_term(&mut self, term: &Term, of: &Type, in_union: bool) -> bool {
        match (&term.node, of) {
            (Node::Array(items), Type::Any(any)) if any.is_empty() => {
                for item in items {
                    self.unify(item, of, true);
                }
                true
            }
            (Node::Set(items), Type::Any(any)) if any.is_empty() => {
                for item in items {
                    self.unify(item, of, true);
                }
                true
            }
            (Node::Object(entries), Type::Any(any)) if any.is_empty() => {
                for (key, value) in entries {
                    self.unify(key, of, true);
                    self.unify(value, of, true);
                }
                true
            }
            (Node::Array(_) | Node::Set(_) | Node::Object(_), Type::Any(several)) => {
                let mut fits = false;
                for each in several.iter() {
                    fits |= self.unify(term, each, true);
                }
                fits
            }
            (Node::Array(items), Type::Array(array)) => {
                (items.len() == array.first.len() || array.rest.is_some())
                    && items
                        .iter()
                        .enumerate()
                        .all(|(index, item)| self.unify_part(item, array.at(index), in_union))
            }
            (Node::Object(entries), Type::Object(object)) => {
                (entries.len() == object.known.len()
                    || object.other.as_ref().is_some_and(|other| other.1.is_some()))
                    && entries.iter().all(|(key, value)| {
                        if let Some(key) = constant(key) {
                            return object.select(&key).is_some_and(|of| self.unify(value, &of, in_union));
                        }
                        self.unify(value, &Type::any(), in_union);
                        true
                    })
            }
            (Node::Set(items), Type::Set(inner)) => {
                items.iter().all(|item| self.unify_part(item, inner.as_deref().cloned(), in_union))
            }
            (Node::Array(_) | Node::Object(_) | Node::Set(_), _) => false,
            (Node::Var(name), _) if *name != "data" && *name != "input" => {
                self.unify_variable(name, of, in_union)
            }
            _ => match self.type_of(term) {
                Some(known) => unifies(&known, of),
                None => false,
            },
        }
    }

    fn unify_part(&mut self, term: &Term, of: Option<Type>, in_union: bool) -> bool {
        match (of, &term.node) {
            (Some(of), _) => self.unify(term, &of, in_union),
            // Nothing is known of either: nothing becomes known.
            (None, Node::Var(name)) => self.scopes.variable(name).is_none(),
            (None, _) => false,
        }
    }

    fn unify_variable(&mut self, name: &Name, of: &Type, in_union: bool) -> bool {
        let known = self.scopes.variable(name);
        if in_union {
            if let Some(both) = or(known, Some(of.clone())) {
                self.scopes.put(name, both);
            }
            return true;
        }
        if let Some(known) = known {
            return unifies(&known, of);
        }
        self.scopes.put(name, of.clone());
        true
    }
}

/// The type of a constant in a term: here a set is one.
fn type_of_value(value: &Value) -> Type {
    match value {
        Value::Array(items) => grow(|| Type::tuple(items.iter().map(type_of_value).map(Some).collect())),
        Value::Set(items) => grow(|| {
            Type::Set(items.iter().map(type_of_value).map(Some).fold(None, or).map(Arc::new)).bounded()
        }),
        Value::Object(entries) => grow(|| {
            let known =
                entries.iter().map(|(key, value)| (key.clone(), Some(type_of_value(value)))).collect();
            Type::Object(Arc::new(ObjectType { known, other: None })).bounded()
        }),
        scalar => Type::of(scalar),
    }
}

/// Whether a value can be of both types.
pub(super) fn unifies(a: &Type, b: &Type) -> bool {
    grow(|| match (a, b) {
        (Type::Any(left), Type::Any(right)) => any_unifies(left, b) || any_unifies(right, a),
        (Type::Any(left), _) => any_unifies(left, b),
        (_, Type::Any(right)) => any_unifies(right, a),
        (Type::Null, Type::Null)
        | (Type::Boolean, Type::Boolean)
        | (Type::Number, Type::Number)
        | (Type::String, Type::String) => true,
        (Type::Array(left), Type::Array(right)) => {
            elements_unify(left, right)
                && elements_unify(right, left)
                && match (&left.rest, &right.rest) {
                    (Some(left), Some(right)) => unifies(left, right),
                    _ => true,
                }
        }
        (Type::Object(left), Type::Object(right)) => objects_unify(left, right),
        (Type::Set(left), Type::Set(right)) => match (left, right) {
            (Some(left), Some(right)) => unifies(left, right),
            // The empty set is in every set type.
            _ => true,
        },
        (Type::Function(left), Type::Function(right)) => {
            left.arguments.len() == right.arguments.len()
                && left
                    .arguments
                    .iter()
                    .zip(&right.arguments)
                    .all(|(left, right)| both_unify(left.as_ref(), right.as_ref()))
        }
        _ => false,
    })
}

fn both_unify(a: Option<&Type>, b: Option<&Type>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if unifies(a, b))
}

fn any_unifies(several: &[Type], one: &Type) -> bool {
    !matches!(one, Type::Function(_)) && (several.is_empty() || several.iter().any(|each| unifies(each, one)))
}

fn elements_unify(a: &ArrayType, b: &ArrayType) -> bool {
    a.first.iter().enumerate().all(|(index, of)| both_unify(of.as_ref(), b.at(index).as_ref()))
}

fn objects_unify(a: &ObjectType, b: &ObjectType) -> bool {
    fn value(object: &ObjectType) -> Option<&Type> {
        object.other.as_ref().and_then(|other| other.1.as_ref())
    }
    let open = value(a).is_some() || value(b).is_some();
    let half = |a: &ObjectType, b: &ObjectType| {
        a.known.iter().all(|(key, of)| match b.select(key) {
            None => open,
            Some(other) => of.as_ref().is_some_and(|of| unifies(of, &other)),
        })
    };
    half(a, b)
        && half(b, a)
        && match (value(a), value(b)) {
            (Some(a), Some(b)) => unifies(a, b),
            _ => true,
        }
}

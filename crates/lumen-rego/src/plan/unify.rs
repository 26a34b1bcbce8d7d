//! Terms to values, and `=`.

use lumen_value::Value;

use super::body::{Procedure, is_wildcard};
use super::build::{Planned, index, unplanned};
use super::{Collection, Comparison, Op, Operand, Slot};
use crate::ast::{Node, Term};
use crate::check::is_generated;
use crate::depth::grow;

/// The value of a term that has no variables, references or comprehensions.
pub(super) fn constant(term: &Term) -> Option<Value> {
    grow(|| match &term.node {
        Node::Value(value) => Some(value.clone()),
        Node::Array(terms) => terms.iter().map(constant).collect::<Option<Vec<_>>>().map(Value::from),
        Node::Set(terms) => {
            let items = terms.iter().map(constant).collect::<Option<Vec<_>>>()?;
            Some(Value::Set(items.into()))
        }
        Node::Object(pairs) => {
            let entries = pairs.iter().map(|(key, value)| Some((constant(key)?, constant(value)?)));
            Some(Value::Object(entries.collect::<Option<Vec<_>>>()?.into()))
        }
        _ => None,
    })
}

impl Procedure<'_, '_> {
    /// Whether every variable of a term has a value. Keys of references that have none are what evaluating binds.
    pub(super) fn is_bound(&self, term: &Term) -> bool {
        grow(|| match &term.node {
            Node::Var(name) => self.bound_value(name).is_some(),
            Node::Ref(_) => false,
            Node::Array(terms) | Node::Set(terms) => terms.iter().all(|term| self.is_bound(term)),
            Node::Object(pairs) => {
                pairs.iter().all(|(key, value)| self.is_bound(key) && self.is_bound(value))
            }
            _ => true,
        })
    }

    /// The value of a term. A reference may have several, one after the other.
    pub(super) fn value(&mut self, term: &Term) -> Planned<Operand> {
        if let Some(value) = constant(term) {
            return Ok(self.planner.constant(value));
        }
        if let Node::Var(name) = &term.node {
            if *name == "input" || *name == "data" {
                return self.reference(std::slice::from_ref(term));
            }
            let value = self.bound_value(name);
            if value.is_none() && is_generated(name.as_bytes()) {
                // The checks take such names for their own, wherever a module uses them.
                let (to, builtin) = (self.slot(), self.planner.builtin(&name.to_text()));
                let list = self.values(std::iter::empty())?;
                self.op(Op::Builtin { to, builtin, list });
                return Ok(Operand::slot(to));
            }
            return value.ok_or_else(|| unplanned(term.span, &format!("`{name}` has no value here")));
        }
        if let Node::Ref(terms) = &term.node {
            return self.reference(terms);
        }
        let to = self.slot();
        self.value_into(term, to)?;
        Ok(Operand::slot(to))
    }

    /// Puts the value of a term into a slot.
    fn value_into(&mut self, term: &Term, to: Slot) -> Planned<()> {
        grow(|| match &term.node {
            Node::Array(terms) => {
                let list = self.values(terms.iter())?;
                self.op(Op::MakeArray { to, list });
                Ok(())
            }
            Node::Set(terms) => {
                let list = self.values(terms.iter())?;
                self.op(Op::MakeSet { to, list });
                Ok(())
            }
            Node::Object(pairs) => {
                let list = self.values(pairs.iter().flat_map(|(key, value)| [key, value]))?;
                self.op(Op::MakeObject { to, list });
                Ok(())
            }
            Node::ArrayComprehension(head, body) => {
                self.comprehension(Collection::Array, to, body, |inner| {
                    let value = inner.value(head)?;
                    inner.op(Op::Add { value });
                    Ok(())
                })
            }
            Node::SetComprehension(head, body) => self.comprehension(Collection::Set, to, body, |inner| {
                let value = inner.value(head)?;
                inner.op(Op::Add { value });
                Ok(())
            }),
            Node::ObjectComprehension(head, body) => {
                self.comprehension(Collection::Object, to, body, |inner| {
                    let (key, value) = (inner.value(&head.0)?, inner.value(&head.1)?);
                    let before = inner.span();
                    inner.at(head.0.span);
                    inner.op(Op::AddEntry { key, value });
                    inner.at(before);
                    Ok(())
                })
            }
            Node::Call(_) | Node::Template { .. } => Err(unplanned(term.span, "a call inside a term")),
            Node::Value(_) | Node::Var(_) | Node::Ref(_) => {
                let from = self.value(term)?;
                self.op(Op::Copy { to, from });
                Ok(())
            }
        })
    }

    fn values<'t>(&mut self, terms: impl Iterator<Item = &'t Term>) -> Planned<u32> {
        let mut list = Vec::new();
        for term in terms {
            list.push(self.value(term)?);
        }
        Ok(self.planner.list(list))
    }

    /// Code that puts a result into a slot, and what the result is unified with. An unbound variable gets it at once.
    pub(super) fn give_to(
        &mut self,
        pattern: &Term,
        emit: impl FnOnce(&mut Self, Slot) -> Planned<()>,
    ) -> Planned<()> {
        match &pattern.node {
            Node::Var(name) if self.bound_value(name).is_none() => {
                let to = self.slot();
                emit(self, to)?;
                self.bind_to(name, Operand::slot(to));
                Ok(())
            }
            _ => {
                let to = self.slot();
                emit(self, to)?;
                self.matches(Operand::slot(to), pattern)
            }
        }
    }

    /// `left = right`
    pub(super) fn unify(&mut self, left: &Term, right: &Term) -> Planned<()> {
        let mut pending = vec![(left, right)];
        // Pairs of two variables without values wait until one has got one.
        let mut waiting = Vec::new();
        let mut progress = true;
        while progress {
            progress = false;
            pending.reverse();
            while let Some((left, right)) = pending.pop() {
                if self.unify_one(left, right, &mut pending)? {
                    progress = true;
                } else {
                    waiting.push((left, right));
                }
            }
            std::mem::swap(&mut pending, &mut waiting);
            if pending.is_empty() {
                return Ok(());
            }
        }
        Err(unplanned(left.span, "two variables without values"))
    }

    /// One pair; parts of it that are to be unified next are left in `pending`, the first last. False where it has to wait.
    fn unify_one<'t>(
        &mut self,
        left: &'t Term,
        right: &'t Term,
        pending: &mut Vec<(&'t Term, &'t Term)>,
    ) -> Planned<bool> {
        if is_evaluated(left) {
            self.evaluated(left, right)?;
            return Ok(true);
        }
        if is_evaluated(right) {
            self.evaluated(right, left)?;
            return Ok(true);
        }
        if self.is_bound(left) {
            let value = self.value(left)?;
            self.matches(value, right)?;
            return Ok(true);
        }
        if self.is_bound(right) {
            let value = self.value(right)?;
            self.matches(value, left)?;
            return Ok(true);
        }
        match (&left.node, &right.node) {
            (Node::Array(left), Node::Array(right)) if left.len() == right.len() => {
                pending.extend(left.iter().zip(right).rev());
            }
            (Node::Object(left), Node::Object(right)) => self.objects(left, right, pending),
            // A variable without a value waits until its partner has one. A wildcard takes anything.
            (Node::Var(_), _) | (_, Node::Var(_)) => return Ok(is_nobody(left) || is_nobody(right)),
            _ => {
                self.op(Op::Fail);
            }
        }
        Ok(true)
    }

    /// Two objects that both have parts without values: entries with the same constant key go together.
    fn objects<'t>(
        &mut self,
        left: &'t [(Term, Term)],
        right: &'t [(Term, Term)],
        pending: &mut Vec<(&'t Term, &'t Term)>,
    ) {
        let find = |key: &Term| {
            let key = constant(key)?;
            right
                .iter()
                .find(|(candidate, _)| constant(candidate).as_ref() == Some(&key))
                .map(|(_, value)| value)
        };
        let pairs: Option<Vec<_>> = left.iter().map(|(key, value)| Some((value, find(key)?))).collect();
        match pairs.filter(|pairs| pairs.len() == right.len()) {
            Some(pairs) => pending.extend(pairs.into_iter().rev()),
            None => {
                self.op(Op::Fail);
            }
        }
    }

    /// A reference or comprehension and what its value is unified with.
    fn evaluated(&mut self, term: &Term, pattern: &Term) -> Planned<()> {
        if let Node::Ref(terms) = &term.node {
            let value = self.reference(terms)?;
            return self.matches(value, pattern);
        }
        self.give_to(pattern, |inner, to| inner.value_into(term, to))
    }

    /// A value and what it has to look like.
    pub(super) fn matches(&mut self, value: Operand, pattern: &Term) -> Planned<()> {
        grow(|| match &pattern.node {
            Node::Var(name) => {
                if is_wildcard(name) {
                    return Ok(());
                }
                match self.bound_value(name) {
                    Some(known) => self.equal(value, known),
                    None => self.bind_to(name, value),
                }
                Ok(())
            }
            Node::Array(parts) if !self.is_bound(pattern) => {
                self.op(Op::IsArray { value, len: index(parts.len()) });
                self.elements(value, parts)
            }
            Node::Object(pairs) if !self.is_bound(pattern) => {
                self.op(Op::IsObject { value, len: index(pairs.len()) });
                self.entries(value, pairs)
            }
            _ => {
                let other = self.value(pattern)?;
                self.equal(value, other);
                Ok(())
            }
        })
    }

    fn equal(&mut self, left: Operand, right: Operand) {
        if left != right {
            self.op(Op::Test { comparison: Comparison::Equal, left, right });
        }
    }

    fn elements(&mut self, value: Operand, parts: &[Term]) -> Planned<()> {
        for (part, position) in parts.iter().zip(0_i64..) {
            if matches!(&part.node, Node::Var(name) if is_wildcard(name)) {
                continue;
            }
            let key = self.planner.constant(Value::from(position));
            self.part_of(value, key, part)?;
        }
        Ok(())
    }

    fn entries(&mut self, value: Operand, pairs: &[(Term, Term)]) -> Planned<()> {
        for (key, part) in pairs {
            let key = self.value(key)?;
            self.part_of(value, key, part)?;
        }
        Ok(())
    }

    fn part_of(&mut self, from: Operand, key: Operand, part: &Term) -> Planned<()> {
        self.give_to(part, |inner, to| {
            inner.op(Op::Get { to, from, key });
            Ok(())
        })
    }
}

fn is_nobody(term: &Term) -> bool {
    matches!(&term.node, Node::Var(name) if is_wildcard(name))
}

/// Whether a term has to be evaluated before it can be compared.
fn is_evaluated(term: &Term) -> bool {
    match &term.node {
        Node::Var(name) => *name == "input" || *name == "data",
        Node::Ref(_)
        | Node::ArrayComprehension(..)
        | Node::SetComprehension(..)
        | Node::ObjectComprehension(..) => true,
        _ => false,
    }
}

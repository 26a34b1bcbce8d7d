//! What an operation is where some of what it reads is known.

use lumen_value::Value;

use super::super::{How, Join, List};
use super::needs::of_function;
use super::translate::Under;
use super::{Known, Needs, Op, Operand, Ran, Root, Slot, Specialiser};
use crate::eval::{compares, entry, find, has_number, step};

/// What becomes of an operation.
pub(super) enum Folded {
    /// It always gives this.
    Known(Slot, Value),
    /// It always holds, and gives nothing.
    Holds,
    /// It never holds.
    Fails,
    /// This is done in the new plan.
    Stays(Op, Needs),
}

impl Folded {
    const fn test(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    fn found(to: Slot, value: Option<Value>) -> Self {
        value.map_or(Self::Fails, |value| Self::Known(to, value))
    }
}

impl Specialiser<'_> {
    /// What becomes of an operation. None where it asks for a document that was not copied, or is one that no copy has.
    pub(super) fn fold(&mut self, under: &mut Under, op: Op, place: usize) -> Option<Folded> {
        Some(match op {
            Op::Path { to, root, path } => self.path(under, to, root, path),
            Op::Get { to, from, key } => self.get(under, op, to, from, key),
            Op::Copy { to, from } => match self.value(from) {
                Some(value) => Folded::Known(to, value.clone()),
                None => self.stays(under, op, Needs::NONE),
            },
            Op::Test { comparison, left, right } => match (self.value(left), self.value(right)) {
                (Some(left), Some(right)) => Folded::test(compares(comparison, left, right)),
                _ => self.stays(under, op, Needs::NONE),
            },
            Op::Truthy { value } => {
                self.tested(under, op, value, |value| !matches!(value, Value::Bool(false)))
            }
            Op::IsArray { value, len } => self.tested(under, op, value, |value| {
                value.as_array().is_some_and(|array| array.len() == len as usize)
            }),
            Op::IsObject { value, len } => self.tested(under, op, value, |value| {
                value.as_object().is_some_and(|object| object.len() == len as usize)
            }),
            Op::IsCollection { value } => self.tested(under, op, value, |value| {
                matches!(value, Value::Array(_) | Value::Object(_) | Value::Set(_))
            }),
            Op::MakeArray { to, list } | Op::MakeSet { to, list } | Op::MakeObject { to, list } => {
                self.make(under, op, place, to, list)
            }
            Op::Iterate { from, key, value } => self.iterate(under, op, from, key, value),
            Op::Builtin { to, builtin, list } => self.builtin(under, op, to, builtin, list),
            Op::Call { to, document, list } => self.call(under, op, place, to, document, list)?,
            Op::Document { to, document } | Op::Keyed { to, document, .. } => {
                self.asked(under, op, place, to, document)?
            }
            Op::Select { select } => self.select(under, select),
            Op::Join { join } => self.join(under, op, join),
            Op::MergeBase { .. } => self.stays(under, op, Needs::DATA.or(Needs::FRAME)),
            Op::Begin
            | Op::Result { .. }
            | Op::IfProduced { .. }
            | Op::IfResult { .. }
            | Op::SetResult { .. }
            | Op::Return => self.stays(under, op, Needs::FRAME),
            Op::Walk { .. }
            | Op::Try { .. }
            | Op::Mark { .. }
            | Op::Cut { .. }
            | Op::Jump { .. }
            | Op::Fail
            | Op::Collect { .. }
            | Op::Add { .. }
            | Op::AddEntry { .. }
            | Op::AddHead { .. }
            | Op::Collected { .. } => self.stays(under, op, Needs::NONE),
            // Whose code has these is not copied (`order`).
            Op::With { .. }
            | Op::EndWith
            | Op::TreeStart { .. }
            | Op::TreeStep { .. }
            | Op::TreeIterate { .. }
            | Op::TreeEnd { .. }
            | Op::Solution
            | Op::Observe { .. }
            | Op::Observed { .. } => return None,
        })
    }

    /// The operation in the new plan. A slot that holds what stands above something fixed is read as a whole.
    fn stays(&mut self, under: &mut Under, op: Op, needs: Needs) -> Folded {
        let mut read = Vec::new();
        self.base.reads(&op, &mut |operand: Operand| read.extend(operand.as_constant().err()));
        let mut needs = needs;
        for slot in read {
            if let Some(Known::Above(_, line)) = self.known.get(&slot.0) {
                under.above.insert(*line, true);
                needs = needs.or(Needs::FIXED);
            }
        }
        Folded::Stays(self.translated(op), needs)
    }

    fn tested(
        &mut self,
        under: &mut Under,
        op: Op,
        value: Operand,
        holds: impl Fn(&Value) -> bool,
    ) -> Folded {
        match self.value(value) {
            Some(value) => Folded::test(holds(value)),
            None => self.stays(under, op, Needs::NONE),
        }
    }

    /// What stands in `input` above something fixed, of an operation of the new plan.
    pub(super) fn above(&self, op: Op) -> Option<Vec<Value>> {
        let Op::Path { root: Root::Input, path, .. } = op else { return None };
        let path = self.plan.paths.get(path as usize)?;
        let is_above = |(fixed, _): &(Vec<Value>, Value)| fixed.len() > path.len() && fixed.starts_with(path);
        self.fixed.iter().any(is_above).then(|| path.to_vec())
    }

    /// The whole path from `input` on, where a slot holds what stands above something fixed.
    fn whole(&self, from: Operand, keys: &[Value]) -> Option<Vec<Value>> {
        match self.known.get(&from.as_constant().err()?.0)? {
            Known::Above(above, _) => Some([above, keys].concat()),
            Known::Constant(_) => None,
        }
    }

    fn path(&mut self, under: &mut Under, to: Slot, root: Root, path: u32) -> Folded {
        let keys: Vec<Value> = self.base.paths.get(path as usize).map_or_else(Vec::new, |path| path.to_vec());
        let op = Op::Path { to, root, path };
        match root {
            Root::Input => self.input(to, keys),
            Root::Data | Root::Below => self.stays(under, op, Needs::DATA),
            Root::Operand(from) => {
                if let Some(whole) = self.whole(from, &keys) {
                    return self.input(to, whole);
                }
                match self.value(from) {
                    Some(value) => Folded::found(to, find(value, &keys)),
                    None => self.stays(under, op, Needs::NONE),
                }
            }
        }
    }

    /// What stands at a path of `input`.
    fn input(&mut self, to: Slot, path: Vec<Value>) -> Folded {
        let mut needs = Needs::INPUT;
        for (fixed, value) in self.fixed {
            if let Some(rest) = path.strip_prefix(fixed.as_slice()) {
                if self.folds {
                    return Folded::found(to, find(value, rest));
                }
                needs = Needs::FIXED;
            } else if fixed.starts_with(&path) {
                // Whoever reads the slot needs something.
                needs = Needs::NONE;
            }
        }
        self.plan.paths.push(path.into());
        let path = super::super::build::index(self.plan.paths.len() - 1);
        Folded::Stays(Op::Path { to, root: Root::Input, path }, needs)
    }

    fn get(&mut self, under: &mut Under, op: Op, to: Slot, from: Operand, key: Operand) -> Folded {
        let Some(key) = self.value(key).cloned() else { return self.stays(under, op, Needs::NONE) };
        if let Some(whole) = self.whole(from, std::slice::from_ref(&key)) {
            return self.input(to, whole);
        }
        match self.value(from) {
            Some(from) => Folded::found(to, step(from, &key)),
            None => self.stays(under, op, Needs::NONE),
        }
    }

    /// A collection of known parts.
    fn make(&mut self, under: &mut Under, op: Op, place: usize, to: Slot, list: List) -> Folded {
        if self.folds
            && self.values(list).is_some()
            && let Ran::Gives(value) = self.run(place..place + 1, to)
        {
            return Folded::Known(to, value);
        }
        self.stays(under, op, Needs::NONE)
    }

    /// Going through one entry takes it; through none fails.
    fn iterate(&mut self, under: &mut Under, op: Op, from: Operand, key: Slot, value: Slot) -> Folded {
        let Some(from) = self.value(from) else { return self.stays(under, op, Needs::NONE) };
        let Some((only_key, only)) = entry(from, 0).map(|(key, value)| (key, value.clone())) else {
            return Folded::Fails;
        };
        if entry(from, 1).is_some() {
            return self.stays(under, op, Needs::NONE);
        }
        if key.wanted() {
            let constant = self.constant(only_key);
            self.known.insert(key.0, Known::Constant(constant));
        }
        if value.wanted() {
            let constant = self.constant(only);
            self.known.insert(value.0, Known::Constant(constant));
        }
        Folded::Holds
    }

    fn builtin(&mut self, under: &mut Under, op: Op, to: Slot, builtin: u32, list: List) -> Folded {
        let Some(row) = self.base.builtins.get(builtin as usize).cloned() else {
            return self.stays(under, op, Needs::OUTSIDE);
        };
        let needs = match row.how {
            How::Function(_) => of_function(&row.name),
            How::Comparison(_) | How::Template => Needs::NONE,
            How::Host | How::Print | How::Trace | How::Walk | How::Missing | How::Unbound => Needs::OUTSIDE,
        };
        if &*row.name == "object.get"
            && let Some(folded) = self.object_get(under, op, to, builtin, list)
        {
            return folded;
        }
        if needs == Needs::NONE
            && self.folds
            && to.wanted()
            && let Some(operands) = self.values(list)
        {
            match self.runner.builtin(row.how, &operands) {
                Ran::Gives(value) => return Folded::Known(to, value),
                Ran::Fails => return Folded::Fails,
                Ran::Unknown => {}
            }
        }
        self.stays(under, op, needs)
    }

    /// `object.get(input, "parameters", {})` and the like.
    fn object_get(
        &mut self,
        under: &mut Under,
        op: Op,
        to: Slot,
        builtin: u32,
        list: List,
    ) -> Option<Folded> {
        let operands = self.base.lists.get(list as usize)?.clone();
        let [from, key, default] = *operands else { return None };
        let key = self.value(key)?.clone();
        let keys: Vec<Value> = match &key {
            Value::Array(keys) => keys.iter().cloned().collect(),
            key => vec![key.clone()],
        };
        let whole = self.whole(from, &keys)?;
        let overlaps =
            |(fixed, _): &&(Vec<Value>, Value)| fixed.starts_with(&whole) || whole.starts_with(fixed);
        let Some((fixed, value)) = self.fixed.iter().find(overlaps) else {
            // Something else of `input`: the slot is read, but not what is fixed.
            if let Some(Known::Above(_, line)) = self.known.get(&from.as_constant().err()?.0) {
                under.above.insert(*line, true);
            }
            return Some(Folded::Stays(self.translated(op), Needs::INPUT));
        };
        let rest = whole.strip_prefix(fixed.as_slice()).filter(|_| self.folds)?;
        if rest.is_empty() {
            return Some(Folded::Known(to, value.clone()));
        }
        let default = self.value(default)?.clone();
        let how = self.base.builtins.get(builtin as usize)?.how;
        let around = find(self.runner.input(), whole.get(..whole.len() - keys.len())?)?;
        match self.runner.builtin(how, &[around, key, default]) {
            Ran::Gives(value) => Some(Folded::Known(to, value)),
            Ran::Fails | Ran::Unknown => None,
        }
    }

    fn call(
        &mut self,
        under: &mut Under,
        op: Op,
        place: usize,
        to: Slot,
        document: u32,
        list: List,
    ) -> Option<Folded> {
        let fact = self.facts.get(&document)?;
        let (needs, never) = (fact.needs, fact.never);
        if never && self.folds {
            return Some(Folded::Fails);
        }
        let values = self.values(list);
        if self.folds
            && needs == Needs::NONE
            && to.wanted()
            && values.is_some_and(|values| !values.iter().any(has_number))
        {
            match self.run(place..place + 1, to) {
                Ran::Gives(value) => return Some(Folded::Known(to, value)),
                Ran::Fails => return Some(Folded::Fails),
                Ran::Unknown => {}
            }
        }
        Some(self.stays(under, op, needs))
    }

    /// A join whose value is known, or stands in `input`.
    fn join(&mut self, under: &mut Under, op: Op, join: u32) -> Folded {
        let Some(join) = self.base.joins.get(join as usize) else {
            return self.stays(under, op, Needs::DATA);
        };
        match self.wanted(join) {
            Ran::Gives(_) => return self.stays(under, op, Needs::DATA),
            Ran::Fails => return Folded::Fails,
            Ran::Unknown => {}
        }
        let overlaps = |(fixed, _): &(Vec<Value>, Value)| {
            fixed.starts_with(&join.wanted_path) || join.wanted_path.starts_with(fixed)
        };
        let needs = match join.wanted {
            Root::Operand(_) => Needs::NONE,
            _ if self.fixed.iter().any(overlaps) => Needs::FIXED.or(Needs::INPUT),
            _ => Needs::INPUT,
        };
        self.stays(under, op, Needs::DATA.or(needs))
    }

    /// What a join looks for, where that is known.
    pub(super) fn wanted(&self, join: &Join) -> Ran {
        let found = |value: Option<Value>| value.map_or(Ran::Fails, Ran::Gives);
        if !self.folds {
            return Ran::Unknown;
        }
        let whole = match join.wanted {
            Root::Operand(from) => {
                if let Some(value) = self.value(from) {
                    return found(find(value, &join.wanted_path));
                }
                self.whole(from, &join.wanted_path)
            }
            Root::Input | Root::Data | Root::Below => Some(join.wanted_path.clone()),
        };
        let known = self.fixed.iter().find_map(|(fixed, value)| {
            let rest = whole.as_ref()?.strip_prefix(fixed.as_slice())?;
            Some(found(find(value, rest)))
        });
        known.unwrap_or(Ran::Unknown)
    }

    /// A look-up of rules by what is known is none: the rules' own comparisons decide.
    fn select(&mut self, under: &mut Under, select: u32) -> Folded {
        let subject = self.base.selects.get(select as usize).map(|select| &select.subject);
        let is_known = subject.is_none_or(|subject| {
            subject.argument.is_none()
                && self
                    .fixed
                    .iter()
                    .any(|(fixed, _)| fixed.starts_with(&subject.path) || subject.path.starts_with(fixed))
        });
        let needs = match subject {
            Some(subject) if subject.argument.is_none() => Needs::INPUT.or(Needs::FRAME),
            _ => Needs::FRAME,
        };
        if is_known {
            return self.stays(under, Op::Begin, Needs::FRAME);
        }
        self.stays(under, Op::Select { select }, needs)
    }

    /// A document that somebody asks for.
    fn asked(&mut self, under: &mut Under, op: Op, place: usize, to: Slot, document: u32) -> Option<Folded> {
        let fact = self.facts.get(&document)?;
        let needs = fact.needs;
        if self.folds && fact.never {
            return Some(Folded::Fails);
        }
        if self.folds && needs == Needs::NONE {
            let mut ran = fact.value.clone();
            let is_whole = matches!(op, Op::Document { .. });
            if matches!(ran, Ran::Unknown) && is_whole && to.wanted() {
                ran = self.run(place..place + 1, to);
            }
            if let Some(fact) = self.facts.get_mut(&document) {
                fact.value = ran.clone();
            }
            return Some(match ran {
                Ran::Gives(value) => Folded::Known(to, value),
                Ran::Fails => Folded::Fails,
                Ran::Unknown => self.stays(under, op, needs),
            });
        }
        Some(self.stays(under, op, needs))
    }
}

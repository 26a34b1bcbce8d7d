//! Which rules of a document can hold, by what they compare with constants: `ast/index.go` of OPA.
//!
//! A rule whose body starts by asking that a part of `input` or of an argument is equal to a scalar fails where it is another. So
//! before each rule of a document with several of them, one look-up says which rule is next: the first of those that ask for the
//! value that is there, or ask for none. The comparison still runs; what was left out would have failed at it, without an effect.

use std::collections::{BTreeMap, HashMap, HashSet};

use lumen_value::Value;

use super::build::{Planner, index};
use super::{Comparison, Op, Operand, Place, Plan, Root, Slot};

/// How many rules must ask for the same thing, so that a look-up is less work than they are.
const RULES_MIN: usize = 3;

/// Most operations of a rule that are looked at.
const LENGTH_MAX: usize = 64;

/// What rules compare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The argument; none: `input`.
    pub argument: Option<u32>,
    /// The path below it.
    pub path: Vec<Value>,
}

/// Which rules of a document can hold.
#[derive(Clone, Debug)]
pub struct Select {
    /// What they compare.
    pub subject: Subject,
    /// For each value that a rule asks for, where the rules start that can hold then, in their order.
    pub rules: HashMap<Value, Box<[Place]>>,
    /// Where the rules start that ask for none.
    pub others: Box<[Place]>,
    /// Where the code goes on after the last rule.
    pub end: Place,
}

impl Select {
    /// The rules that can hold with this value.
    pub(crate) fn rules(&self, value: Option<&Value>) -> &[Place] {
        let asked = value.filter(|value| is_scalar(value)).and_then(|value| self.rules.get(value));
        asked.unwrap_or(&self.others)
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
}

impl Planner<'_> {
    /// Whether so many rules may get a look-up.
    pub(super) const fn selects(&self, rules: usize) -> bool {
        self.options.optimisations.rule_index && !self.options.observed && rules >= RULES_MIN
    }

    /// Puts a look-up before each rule, where enough of them ask for one thing. Each starts with [`Op::Begin`].
    pub(super) fn select(&mut self, starts: &[Place], arguments: u32) {
        if !self.selects(starts.len()) {
            return;
        }
        let end = self.here();
        let ends = starts.iter().skip(1).copied().chain([end]);
        let asked: Vec<BTreeMap<Subject, Value>> = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| Asked::of(&self.plan, arguments, *start as usize, end).found)
            .collect();
        let mut counts: BTreeMap<&Subject, usize> = BTreeMap::new();
        for subject in asked.iter().flat_map(BTreeMap::keys) {
            *counts.entry(subject).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        let Some((subject, _)) = most.filter(|(_, count)| *count >= RULES_MIN) else { return };
        let subject = subject.clone();
        let values: HashSet<&Value> = asked.iter().filter_map(|asked| asked.get(&subject)).collect();
        // A rule is in the list of one value, or in all.
        let free = asked.iter().filter(|asked| !asked.contains_key(&subject)).count();
        if values.len().saturating_mul(free) > LISTS_MAX.max(starts.len()) {
            return;
        }
        let others = starts.iter().zip(&asked).filter(|(_, asked)| !asked.contains_key(&subject));
        let others = others.map(|(start, _)| start + 1).collect();
        let mut lists: HashMap<Value, Vec<Place>> =
            values.into_iter().map(|value| (value.clone(), Vec::new())).collect();
        for (start, asked) in starts.iter().zip(&asked) {
            match asked.get(&subject) {
                Some(value) => lists.entry(value.clone()).or_default().push(start + 1),
                None => lists.values_mut().for_each(|list| list.push(start + 1)),
            }
        }
        let rules = lists.into_iter().map(|(value, list)| (value, list.into())).collect();
        self.plan.selects.push(Select { subject, rules, others, end });
        let select = index(self.plan.selects.len() - 1);
        for start in starts {
            if let Some(op) = self.plan.ops.get_mut(*start as usize) {
                *op = Op::Select { select };
            }
        }
    }
}

/// Most places in all lists together.
const LISTS_MAX: usize = 100_000;

/// What one rule asks for.
struct Asked {
    found: BTreeMap<Subject, Value>,
    /// What slots hold.
    slots: HashMap<u32, Subject>,
    arguments: u32,
}

impl Asked {
    /// What the rule between two places asks for before it may do anything else. One with an `else` asks for nothing, since that
    /// may hold.
    fn of(plan: &Plan, arguments: u32, start: usize, end: Place) -> Self {
        let mut asked = Self { found: BTreeMap::new(), slots: HashMap::new(), arguments };
        let Some(Op::Try { target, .. }) = plan.ops.get(start + 1) else { return asked };
        if *target == end {
            for op in plan.ops.iter().take(end as usize).skip(start + 2).take(LENGTH_MAX) {
                if !op.is_silent() {
                    break;
                }
                asked.add(plan, op);
            }
        }
        asked
    }

    fn add(&mut self, plan: &Plan, op: &Op) {
        match *op {
            Op::Test { comparison: Comparison::Equal, left, right } => {
                let constant = |operand: Operand| plan.constants.get(operand.as_constant().ok()? as usize);
                for (subject, value) in [(left, right), (right, left)] {
                    if let (Some(subject), Some(value)) = (self.subject(subject), constant(value))
                        && is_scalar(value)
                    {
                        self.found.entry(subject).or_insert_with(|| value.clone());
                    }
                }
            }
            Op::Path { to, root, path } => {
                let keys = plan.paths.get(path as usize).map_or(&[][..], |path| path);
                let subject = match root {
                    Root::Input => Some(Subject { argument: None, path: keys.to_vec() }),
                    Root::Operand(from) => self.below(from, keys),
                    Root::Data | Root::Below => None,
                };
                self.write(to, subject);
            }
            Op::Get { to, from, key } => {
                let key = key.as_constant().ok().and_then(|key| plan.constants.get(key as usize));
                let subject = key.and_then(|key| self.below(from, std::slice::from_ref(key)));
                self.write(to, subject);
            }
            _ => plan.writes(op, &mut |slot| self.write(slot, None)),
        }
    }

    fn write(&mut self, slot: Slot, subject: Option<Subject>) {
        match subject.filter(|subject| subject.path.len() <= LENGTH_MAX) {
            Some(subject) => self.slots.insert(slot.0, subject),
            None => self.slots.remove(&slot.0),
        };
    }

    fn subject(&self, operand: Operand) -> Option<Subject> {
        let slot = operand.as_constant().err()?.0;
        if slot < self.arguments {
            return Some(Subject { argument: Some(slot), path: Vec::new() });
        }
        self.slots.get(&slot).cloned()
    }

    fn below(&self, from: Operand, keys: &[Value]) -> Option<Subject> {
        let mut subject = self.subject(from)?;
        subject.path.extend_from_slice(keys);
        Some(subject)
    }
}

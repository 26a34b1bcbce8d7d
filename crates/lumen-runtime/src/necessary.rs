//! What a filter in the kernel can ask of an event, so that no event is lost which a rule matches.
//!
//! Of the conditions of all rules a condition is derived for each type of event. It is *necessary*: whatever a rule matches
//! passes; most of what no rule matches does not. It is made of what is at hand when a call ends: paths, names of programs,
//! results, addresses; everything else is taken as if it held. Negation is pushed down to the checks: a check that is
//! negated holds where its field has no value. Where a condition becomes too large it is made wider.
//!
//! An event is one whose `evt.type` is the name of its type.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lumen_value::{Array, Object, Value as Json};

use crate::Event;
use crate::condition::{self, Check, Demand, Expression, Leaves, Macro, Operand, Part, Parts, Right};
use crate::event_types::{self, EventTypes, NAMES};
use crate::field::FieldUse;
use crate::load::Rule;
use crate::test::Test;
use crate::value::Value;

pub use atom::{Atom, Wanted};
pub use choice::{Choice, Text};
pub use clause::Clause;
use clause::Clauses;
use leaf::Leaf;

mod atom;
mod choice;
mod clause;
mod expression;
mod leaf;

#[cfg(test)]
mod tests;

/// Most alternatives for one type of event.
pub const CLAUSES_MAX: usize = 64;

/// Most fields that one alternative asks.
pub const ATOMS_MAX: usize = 16;

/// Most values that one field is compared with, and that it must not be.
pub const VALUES_MAX: usize = 1024;

/// Steps after which what is left is not looked at: it passes.
const STEPS_MAX: usize = 10_000_000;

/// Checks of the type that are told apart; where there are more, every event passes.
const TYPE_CHECKS_MAX: usize = 4096;

/// What has to hold for an event of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: every event passes.
    Always,
    /// One of these; where there are none, no rule looks at such events.
    Any(Arc<[Clause]>),
}

/// What has to hold for an event that a rule matches, by the type of the event.
#[derive(Clone, Debug)]
pub struct Necessary {
    by_type: Vec<Condition>,
    /// Whether any rule is there.
    has_rules: bool,
}

impl Necessary {
    /// Derives the condition of the rules that are switched on.
    pub fn compile<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let rules: Vec<&Rule> = rules.into_iter().filter(|rule| rule.is_enabled).collect();
        let types: Vec<EventTypes> = rules.iter().map(|rule| event_types::of(&rule.condition)).collect();
        let checks = TypeChecks::of(&rules);
        let mut derived: HashMap<(Vec<bool>, Vec<usize>), Condition> = HashMap::new();
        let mut search =
            Search { place: 0, steps: STEPS_MAX, macros: HashMap::new(), leaves: HashMap::new() };
        let mut by_type = Vec::with_capacity(NAMES.len());
        for place in 0..NAMES.len() {
            let of_type: Vec<usize> = types
                .iter()
                .enumerate()
                .filter(|(_, types)| types.contains(place))
                .map(|(rule, _)| rule)
                .collect();
            let Some(answers) = checks.answers(place) else {
                by_type.push(Condition::Always);
                continue;
            };
            let key = (answers, of_type);
            let condition = if let Some(known) = derived.get(&key) {
                known.clone()
            } else {
                search.place = place;
                search.macros.clear();
                let looked_at = key.1.iter().filter_map(|rule| rules.get(*rule));
                let condition = search.rules(looked_at.map(|rule| &rule.condition));
                derived.insert(key, condition.clone());
                condition
            };
            by_type.push(condition);
        }
        Self { by_type, has_rules: !rules.is_empty() }
    }

    /// What has to hold for the type at a place of [`NAMES`].
    pub fn of_type(&self, place: usize) -> Option<&Condition> {
        self.by_type.get(place)
    }

    /// What has to hold, with the types of events for which it is the same, by their places; no types of which no event passes.
    pub fn by_condition(&self) -> Vec<(Vec<usize>, &Condition)> {
        let mut all: Vec<(Vec<usize>, &Condition)> = Vec::new();
        for place in self.types() {
            let Some(condition) = self.by_type.get(place) else { continue };
            match all.iter_mut().find(|(_, known)| *known == condition) {
                Some((places, _)) => places.push(place),
                None => all.push((vec![place], condition)),
            }
        }
        all
    }

    /// The types of which some events pass, by their places.
    pub fn types(&self) -> impl Iterator<Item = usize> {
        let passes = |condition: &Condition| !matches!(condition, Condition::Any(none) if none.is_empty());
        self.by_type
            .iter()
            .enumerate()
            .filter(move |(_, condition)| passes(condition))
            .map(|(place, _)| place)
    }

    /// Whether an event passes: what a filter is to do.
    pub fn holds(&self, event: &impl Event) -> bool {
        match event.event_type().map(|place| self.by_type.get(place)) {
            None => self.has_rules,
            Some(None) => false,
            Some(Some(Condition::Always)) => true,
            Some(Some(Condition::Any(clauses))) => clauses.iter().any(|clause| clause.holds(event)),
        }
    }

    /// As JSON: an object with the names of the types of which some events pass; for each `true` where all do, or a list of
    /// alternatives, each a list of what is asked of fields.
    pub fn to_json(&self) -> Json {
        let mut json = Object::default();
        for place in self.types() {
            let (Some(name), Some(condition)) = (NAMES.get(place), self.by_type.get(place)) else { continue };
            json = json.with(*name, condition.to_json());
        }
        Json::Object(json)
    }
}

impl Condition {
    /// The same in the language of conditions, but for the type of the event; `None` where every event passes. Of a field with
    /// several values one may be above the first number of a range, another below the last.
    pub fn expression(&self) -> Option<Expression> {
        match self {
            Self::Always => None,
            Self::Any(clauses) => Some(expression::of(clauses)),
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Always => Json::Bool(true),
            Self::Any(clauses) => {
                let clause = |clause: &Clause| {
                    let atoms: Array = clause.atoms().map(|(name, atom)| atom.to_json(name)).collect();
                    Json::Array(atoms)
                };
                Json::Array(clauses.iter().map(clause).collect())
            }
        }
    }
}

/// An event of which nothing is known but its type.
struct OfType(usize);

impl Event for OfType {
    fn value(&self, field: &FieldUse) -> Option<Value<'_>> {
        let is_type = field.id.field().name == "evt.type";
        NAMES.get(self.0).filter(|_| is_type).map(|name| Value::text(name))
    }

    fn event_type(&self) -> Option<usize> {
        Some(self.0)
    }
}

/// Whether a check is about the type of the event and values alone.
fn is_about_type(check: &Check) -> bool {
    matches!(&check.left, Operand::Field(field) if field.name == "evt.type" && field.argument.is_none())
        && !matches!(check.right, Right::Operand(_))
}

/// The checks of the type in all rules: types for which they say the same are looked at once.
struct TypeChecks {
    /// Too many where it is `None`.
    tests: Option<Vec<Test>>,
}

impl TypeChecks {
    fn of(rules: &[&Rule]) -> Self {
        let mut texts = BTreeSet::new();
        let mut tests = Vec::new();
        for (leaf, _) in Leaves::of(rules.iter().map(|rule| &rule.condition)) {
            if let condition::Leaf::Check(check) = leaf
                && is_about_type(check)
                && texts.insert(check.to_string())
                && let Ok((test, _)) = Test::compile(check)
            {
                tests.push(test);
            }
            if texts.len() > TYPE_CHECKS_MAX {
                return Self { tests: None };
            }
        }
        Self { tests: Some(tests) }
    }

    fn answers(&self, place: usize) -> Option<Vec<bool>> {
        let tests = self.tests.as_ref()?;
        Some(tests.iter().map(|test| test.holds(&OfType(place))).collect())
    }
}

/// Derives the condition for one type of event.
struct Search {
    place: usize,
    steps: usize,
    macros: HashMap<(*const Macro, bool), Clauses>,
    /// What is known of checks that are not about the type, whatever the type.
    leaves: HashMap<(*const Check, bool), Clauses>,
}

impl Search {
    fn rules<'r>(&mut self, conditions: impl Iterator<Item = &'r Expression>) -> Condition {
        let mut all = Clauses::never();
        for condition in conditions {
            let clauses = self.part(Part::whole(condition));
            self.spend(&all, &clauses);
            all = all.or(clauses);
            if all.is_always() || self.steps == 0 {
                return Condition::Always;
            }
        }
        Condition::Any(all.0.into())
    }

    /// Counts what it takes to look at every pair of alternatives.
    fn spend(&mut self, left: &Clauses, right: &Clauses) {
        self.steps = self.steps.saturating_sub(left.size().saturating_mul(right.0.len().max(1)));
        self.steps = self.steps.saturating_sub(right.size());
    }

    fn part(&mut self, part: Part<'_>) -> Clauses {
        if self.steps == 0 {
            return Clauses::always();
        }
        self.steps -= 1;
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || match part.demand() {
            Demand::All(parts) => self.every(parts),
            Demand::Any(parts) => self.some(parts),
            Demand::Macro(shared, body) => {
                let key = (Arc::as_ptr(shared), body.holds);
                if let Some(known) = self.macros.get(&key) {
                    return known.clone();
                }
                let clauses = self.part(body);
                self.macros.insert(key, clauses.clone());
                clauses
            }
            Demand::Check(check, holds) => self.check(check, !holds),
            Demand::Name => Clauses::always(),
        })
    }

    fn check(&mut self, check: &Check, is_negated: bool) -> Clauses {
        if is_about_type(check) {
            let holds = Test::compile(check).is_ok_and(|(test, _)| test.holds(&OfType(self.place)));
            return if holds == is_negated { Clauses::never() } else { Clauses::always() };
        }
        let leaf = self.leaves.entry((std::ptr::from_ref(check), is_negated));
        let clauses = leaf.or_insert_with(|| match leaf::of(check, is_negated) {
            Leaf::Always => Clauses::always(),
            Leaf::Never => Clauses::never(),
            Leaf::Atom(atom) => Clauses::of(check.left.to_string().into(), Arc::new(atom)),
        });
        clauses.clone()
    }

    fn every(&mut self, parts: Parts<'_>) -> Clauses {
        let mut several = Vec::new();
        for part in parts {
            let clauses = self.part(part);
            if clauses.0.is_empty() {
                return clauses;
            }
            if !clauses.is_always() {
                several.push(clauses);
            }
        }
        // Those with the fewest alternatives first: they are kept whole.
        several.sort_by_key(|clauses| clauses.0.len());
        let mut all = Clauses::always();
        for clauses in several {
            self.spend(&all, &clauses);
            all = all.and(clauses);
            if all.0.is_empty() || self.steps == 0 {
                break;
            }
        }
        all
    }

    fn some(&mut self, parts: Parts<'_>) -> Clauses {
        let mut any = Clauses::never();
        for part in parts {
            let clauses = self.part(part);
            self.spend(&any, &clauses);
            any = any.or(clauses);
            if any.is_always() {
                return Clauses::always();
            }
        }
        any
    }
}

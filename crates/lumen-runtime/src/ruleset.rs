//! Rules, made ready to be asked of events.
//!
//! The conditions of all rules are one graph: a part that stands in several of them, as macros do, is one node, which is
//! asked once an event. Events are told apart by their types first: what a condition says of the type alone is decided
//! when rules are made ready. What is left of the rules for a type is narrowed by guards, each of which looks up the value
//! of one field and knows from it which rules are still possible; only those that all guards leave over are asked.
//!
//! What an event's thread leaves possible of the rules is remembered, and what its call does, for events that tell by what
//! [their threads](super::ThreadKey) and [their calls](super::CallKey) are known: most conditions say something of the
//! process and something of the call alone, and most events are of processes that were seen before, doing what was done
//! before.
//!
//! A [`RuleSet`] never changes, and threads may share one; each has a [`Scratch`] of its own. New rules come into use by
//! putting a new set in the place of the old one, from the next event on: an event that is being looked at keeps its set.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::event_types;
use super::identity::Identity;
use super::load::Rule;
use super::term::Event;
use bits::Bits;
use classes::Classes;
use graph::{Builder, Graph, Known, NodeId, Split};
use guard::{Finder, Guard, Guards};
use remembered::Remembered;
use shortcut::Shortcuts;
use walk::{Memory, Walk};

mod bits;
mod classes;
mod graph;
mod guard;
mod order;
mod plain;
mod remembered;
mod shortcut;
mod view;
mod walk;

#[cfg(test)]
mod tests;

#[doc(hidden)]
pub use plain::Plain;

/// Most nodes that are made to decide beforehand what conditions say of types of events.
const NARROWED_MAX: usize = 1 << 22;

/// Which of the rules that match are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// The first, in the order of the rules.
    #[default]
    First,
    /// All.
    All,
}

/// What is kept from event to event, and is used again. Each thread of the program has its own; it may be used for several
/// rule sets and sources of events in turn.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    memory: Memory,
    remembered: Remembered,
    /// The rules that may match, a bit each.
    candidates: Vec<u64>,
    /// Those that a thread or a call leaves possible, where it was not known.
    row: Vec<u64>,
}

/// Rules, made ready.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// It never changes: its clones are the same.
    identity: Identity,
    program: Program,
    groups: Vec<Group>,
    /// The group of each type of events.
    by_type: Vec<u32>,
    /// How many words have a bit for each rule of the longest group.
    words: usize,
}

/// The conditions of rules, made ready.
#[derive(Clone, Debug, Default)]
struct Program {
    graph: Graph,
    /// The classes of the values of subjects, by their places.
    classes: Vec<Option<Classes>>,
    shortcuts: Shortcuts,
}

/// The rules that can hold for events of some types: the same rules, with the same conditions.
#[derive(Clone, Debug, Default)]
struct Group {
    /// In their order.
    rules: Box<[Grouped]>,
    guards: Guards,
}

/// A rule of a group.
#[derive(Clone, Copy, Debug)]
struct Grouped {
    /// The place of the rule.
    rule: u32,
    /// What is left of its condition.
    condition: NodeId,
    /// The parts of this.
    parts: Split,
}

/// The place of the group for events whose type is not known.
const UNTYPED: u32 = 0;

impl RuleSet {
    /// Makes rules ready; those that are switched off are left out, and keep their places.
    pub fn compile(rules: &[Rule]) -> Self {
        let mut builder = Builder::new();
        let mut untyped = Vec::new();
        let mut of_type: Vec<Vec<(u32, NodeId)>> = vec![Vec::new(); event_types::NAMES.len()];
        for (rule, place) in rules.iter().zip(0..).filter(|(rule, _)| rule.is_enabled) {
            let condition = builder.node(&rule.condition);
            untyped.push((place, condition));
            for event_type in event_types::of(&rule.condition).places() {
                if let Some(rules) = of_type.get_mut(event_type) {
                    rules.push((place, condition));
                }
            }
        }
        let mut groups = vec![untyped];
        let narrows = builder.typed_nodes().saturating_mul(event_types::NAMES.len()) <= NARROWED_MAX;
        let mut alike: HashMap<_, u32, FixedState> = HashMap::default();
        let mut by_type = Vec::new();
        for (event_type, rules) in of_type.into_iter().enumerate() {
            let key = (builder.answers(event_type), rules);
            let next = u32::try_from(groups.len()).unwrap_or_default();
            let group = *alike.entry(key).or_insert_with_key(|(_, rules)| {
                let mut known = Known::default();
                let narrowed = |(place, condition): &(u32, NodeId)| {
                    Some((*place, builder.of_type(*condition, event_type, &mut known)?))
                };
                groups.push(if narrows {
                    rules.iter().filter_map(narrowed).collect()
                } else {
                    rules.clone()
                });
                next
            });
            by_type.push(group);
        }
        let conditions: Vec<NodeId> = groups.iter().flatten().map(|(_, condition)| *condition).collect();
        let mut grouped =
            |(rule, condition): (u32, NodeId)| Grouped { rule, condition, parts: builder.split(condition) };
        let groups = groups.into_iter().map(|rules| rules.into_iter().map(&mut grouped).collect());
        let groups: Vec<Box<[Grouped]>> = groups.collect();
        let (mut finder, classes, shortcuts) = Finder::new(&mut builder.graph, &conditions);
        let words = groups.iter().map(|rules| rules.len().div_ceil(64)).max().unwrap_or_default();
        let groups = groups.into_iter().map(|rules| {
            let conditions: Vec<NodeId> = rules.iter().map(|rule| rule.condition).collect();
            let rests: Vec<NodeId> = rules.iter().map(|rule| rule.parts.behind_thread).collect();
            Group { guards: finder.guards(&mut builder.graph, &conditions, &rests), rules }
        });
        let groups = groups.collect();
        let program = Program { graph: builder.graph, classes, shortcuts };
        Self { identity: Identity::default(), program, groups, by_type, words }
    }

    /// Whether some rule can hold for events of a type, by its place in [`NAMES`](event_types::NAMES).
    pub fn looks_at(&self, event_type: usize) -> bool {
        let group = self.by_type.get(event_type).and_then(|number| self.groups.get(*number as usize));
        group.is_some_and(|group| !group.rules.is_empty())
    }

    /// The rules that match an event, by their places, in their order.
    pub fn matches(&self, event: &impl Event, matching: Matching, scratch: &mut Scratch) -> Vec<usize> {
        let number = match event.event_type() {
            Some(place) => self.by_type.get(place).copied(),
            None => Some(UNTYPED),
        };
        let Some((number, group)) = number.and_then(|at| Some((at, self.groups.get(at as usize)?))) else {
            return Vec::new();
        };
        if group.rules.is_empty() {
            return Vec::new();
        }
        let Scratch { memory, remembered, candidates, row } = scratch;
        let Some(key) = event.thread_key() else {
            let mut walk = Walk::new(&self.program, event, memory);
            let found = group.anew(&mut walk, candidates, matching);
            walk.end();
            return found;
        };
        remembered.begin(&self.identity, key.by, self.words);
        let slot = remembered.thread_slot(key, number);
        candidates.clear();
        let is_known = remembered.thread(slot).is_some_and(|row| {
            candidates.extend(row.iter().take(group.rules.len().div_ceil(64)));
            true
        });
        if !is_known {
            group.all(candidates);
        }
        if is_none(candidates) {
            return Vec::new();
        }
        let call = event.call_key();
        let call = call.and_then(|call| Some((call, remembered.call_slot(call, number)?)));
        let is_call_known = call.is_some_and(|(call, slot)| match remembered.call(slot, call) {
            Some(row) => {
                intersect(candidates, row);
                true
            }
            None => false,
        });
        if is_none(candidates) {
            return Vec::new();
        }
        let mut walk = Walk::new(&self.program, event, memory);
        if !is_known {
            group.left(&mut walk, row, &group.guards.of_thread, |rule| rule.parts.of_thread);
            remembered.remember_thread(slot, row);
            intersect(candidates, row);
        }
        let found = if is_none(candidates) {
            Vec::new()
        } else if is_call_known {
            group.matching(&mut walk, candidates, |rule| rule.parts.rest, matching)
        } else if let Some((call, slot)) = call.filter(|(_, slot)| remembered.was_seen(*slot)) {
            group.left(&mut walk, row, &group.guards.of_call, |rule| rule.parts.of_call);
            remembered.remember_call(slot, call, row);
            intersect(candidates, row);
            group.matching(&mut walk, candidates, |rule| rule.parts.rest, matching)
        } else if narrow(group.guards.at(&group.guards.behind_thread), &mut walk, candidates) {
            group.matching(&mut walk, candidates, |rule| rule.parts.behind_thread, matching)
        } else {
            Vec::new()
        };
        walk.end();
        found
    }
}

impl Group {
    /// All rules as candidates.
    fn all(&self, candidates: &mut Vec<u64>) {
        candidates.clear();
        candidates.extend_from_slice(Bits::all(self.rules.len()).words());
    }

    /// The rules that match an event of which nothing is remembered.
    fn anew<E: Event>(
        &self,
        walk: &mut Walk<'_, E>,
        candidates: &mut Vec<u64>,
        matching: Matching,
    ) -> Vec<usize> {
        self.all(candidates);
        if narrow(self.guards.at(&self.guards.all), walk, candidates) {
            self.matching(walk, candidates, |rule| rule.condition, matching)
        } else {
            Vec::new()
        }
    }

    /// The rules that some guards and a part of each condition leave possible.
    fn left<E: Event>(
        &self,
        walk: &mut Walk<'_, E>,
        candidates: &mut Vec<u64>,
        guards: &[usize],
        part: impl Fn(&Grouped) -> NodeId,
    ) {
        self.all(candidates);
        narrow(self.guards.at(guards), walk, candidates);
        for (word, rules) in candidates.iter_mut().zip(self.rules.chunks(64)) {
            for (bit, rule) in rules.iter().enumerate() {
                if *word >> bit & 1 == 1 && !walk.holds(part(rule)) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// The candidates that match, as far as they are asked for.
    fn matching<E: Event>(
        &self,
        walk: &mut Walk<'_, E>,
        candidates: &[u64],
        condition: impl Fn(&Grouped) -> NodeId,
        matching: Matching,
    ) -> Vec<usize> {
        let candidates = bits::numbers(candidates.iter().copied());
        let mut found = candidates.filter_map(|candidate| {
            let rule = self.rules.get(candidate)?;
            walk.holds(condition(rule)).then_some(rule.rule as usize)
        });
        match matching {
            Matching::First => found.next().into_iter().collect(),
            Matching::All => found.collect(),
        }
    }
}

/// Whether no rule is left.
fn is_none(candidates: &[u64]) -> bool {
    candidates.iter().all(|word| *word == 0)
}

/// Leaves out the rules that are not in a row.
fn intersect(candidates: &mut [u64], row: &[u64]) {
    for (word, row) in candidates.iter_mut().zip(row) {
        *word &= row;
    }
}

/// Leaves out the rules that guards say are impossible; whether any is left.
fn narrow<'g, E: Event>(
    guards: impl Iterator<Item = &'g Guard>,
    walk: &mut Walk<'_, E>,
    candidates: &mut [u64],
) -> bool {
    for guard in guards {
        if guard.concerns(candidates)
            && let Some(class) = walk.class(guard.subject)
            && !guard.narrow(class, candidates)
        {
            return false;
        }
    }
    !is_none(candidates)
}

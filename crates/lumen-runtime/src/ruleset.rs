//! Rules, made ready to be asked of events.
//!
//! The conditions of all rules are one graph: a part that stands in several of them, as macros do, is one node, which is
//! asked once an event. Events are told apart by their types first: what a condition says of the type alone is decided
//! when rules are made ready. What is left of the rules for a type is narrowed by guards, each of which looks up the value
//! of one field and knows from it which rules are still possible; only those that all guards leave over are asked.
//!
//! What an event's thread leaves possible of the rules is remembered, for events that tell [by what their threads are
//! known](super::ThreadKey): most conditions say much of the process, and most events are of processes that were seen before.
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
use graph::{Builder, Graph, Known, NodeId};
use guard::{Finder, Guard, Guards};
use shortcut::Shortcuts;
use threads::Threads;
use walk::{Memory, Walk};

mod bits;
mod classes;
mod graph;
mod guard;
mod order;
mod plain;
mod shortcut;
mod threads;
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
    threads: Threads,
    /// The rules that may match, a bit each.
    candidates: Vec<u64>,
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
    /// The part of this that is about the thread alone, and the rest of it.
    of_thread: NodeId,
    rest: NodeId,
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
        let mut grouped = |(rule, condition): (u32, NodeId)| {
            let (of_thread, rest) = builder.split(condition);
            Grouped { rule, condition, of_thread, rest }
        };
        let groups = groups.into_iter().map(|rules| rules.into_iter().map(&mut grouped).collect());
        let groups: Vec<Box<[Grouped]>> = groups.collect();
        let (mut finder, classes, shortcuts) = Finder::new(&mut builder.graph, &conditions);
        let words = groups.iter().map(|rules| rules.len().div_ceil(64)).max().unwrap_or_default();
        let groups = groups.into_iter().map(|rules| {
            let conditions: Vec<NodeId> = rules.iter().map(|rule| rule.condition).collect();
            let rests: Vec<NodeId> = rules.iter().map(|rule| rule.rest).collect();
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
        let Scratch { memory, threads, candidates } = scratch;
        candidates.clear();
        let Some(key) = event.thread_key() else {
            let mut walk = Walk::new(&self.program, event, memory);
            group.all(candidates);
            let is_any_left = narrow(group.guards.at(&group.guards.all), &mut walk, candidates);
            let found = if is_any_left {
                group.matching(&mut walk, candidates, |rule| rule.condition, matching)
            } else {
                Vec::new()
            };
            walk.end();
            return found;
        };
        let slot = threads.slot(&self.identity, key, number, self.words);
        let row = threads.row(slot).and_then(|row| row.get(..group.rules.len().div_ceil(64)));
        let is_known = row.is_some();
        candidates.extend_from_slice(row.unwrap_or_default());
        if is_known && candidates.iter().all(|word| *word == 0) {
            return Vec::new();
        }
        let mut walk = Walk::new(&self.program, event, memory);
        if !is_known {
            group.of_thread(&mut walk, candidates);
            threads.remember(slot, candidates);
        }
        let is_any_left = narrow(group.guards.at(&group.guards.of_event), &mut walk, candidates);
        let found = if is_any_left {
            group.matching(&mut walk, candidates, |rule| rule.rest, matching)
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
        candidates.extend_from_slice(Bits::all(self.rules.len()).words());
    }

    /// The rules that the event's thread leaves possible.
    fn of_thread<E: Event>(&self, walk: &mut Walk<'_, E>, candidates: &mut Vec<u64>) {
        self.all(candidates);
        narrow(self.guards.at(&self.guards.of_thread), walk, candidates);
        for (word, rules) in candidates.iter_mut().zip(self.rules.chunks(64)) {
            for (bit, rule) in rules.iter().enumerate() {
                if *word >> bit & 1 == 1 && !walk.holds(rule.of_thread) {
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
    candidates.iter().any(|word| *word != 0)
}

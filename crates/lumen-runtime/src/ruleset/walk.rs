//! Asking conditions of one event: values are looked up once, parts are decided once.

use super::Program;
use super::classes::Classes;
use super::graph::{Graph, Node, NodeId};
use crate::term::Event;
use crate::value::Value;

/// What was found for the event at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The event at hand, counted.
    event: u32,
    /// For each node, the event for which it was decided last, twice, and one more where it held.
    decided: Vec<u32>,
    /// For each subject what was found.
    found: Vec<Found>,
    /// Empty: kept for its memory.
    values: Vec<Value<'static>>,
    /// The nodes that wait for their children, and the place of the child behind the one that is asked.
    open: Vec<(NodeId, u32)>,
}

/// What was found of a subject.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// The event for which it was looked up last.
    event: u32,
    /// The place of its value.
    place: u32,
    /// The class of its value, once it was asked for.
    class: Option<u16>,
}

/// No value.
const NONE: u32 = u32::MAX;
/// The last event that is counted before all is forgotten.
const EVENTS_MAX: u32 = u32::MAX / 2 - 1;

impl Memory {
    fn next(&mut self, graph: &Graph) {
        self.event += 1;
        let is_of_graph = self.decided.len() == graph.nodes.len() && self.found.len() == graph.subjects.len();
        if self.event > EVENTS_MAX || !is_of_graph {
            self.decided.clear();
            self.decided.resize(graph.nodes.len(), 0);
            self.found.clear();
            self.found.resize(graph.subjects.len(), Found::default());
            self.event = 1;
        }
    }
}

/// Keeps the memory of values of one event for those of another.
fn emptied<'to>(mut values: Vec<Value<'_>>) -> Vec<Value<'to>> {
    values.clear();
    // Vectors are collected in place where the items are of one size.
    values.into_iter().map(|_| Value::Bool(false)).collect()
}

/// Conditions and the event of which they are asked.
pub(super) struct Walk<'w, E> {
    program: &'w Program,
    event: &'w E,
    values: Vec<Value<'w>>,
    memory: &'w mut Memory,
}

impl<'w, E: Event> Walk<'w, E> {
    pub(super) fn new(program: &'w Program, event: &'w E, memory: &'w mut Memory) -> Self {
        memory.next(&program.graph);
        let values = emptied(std::mem::take(&mut memory.values));
        Self { program, event, values, memory }
    }

    /// Gives memory back.
    pub(super) fn end(self) {
        self.memory.values = emptied(self.values);
    }

    /// Looks a subject up.
    fn find(&mut self, subject: u32) -> Option<&mut Found> {
        let found = self.memory.found.get_mut(subject as usize)?;
        if found.event != self.memory.event {
            let value = self.program.graph.subjects.get(subject as usize)?.value(self.event);
            let place = if value.is_some() { u32::try_from(self.values.len()).ok()? } else { NONE };
            if let Some(value) = value {
                self.values.push(value);
            }
            *found = Found { event: self.memory.event, place, class: None };
        }
        Some(found)
    }

    /// The value of a subject.
    fn value(&mut self, subject: u32) -> Option<&Value<'w>> {
        let place = self.find(subject)?.place;
        self.values.get(place as usize)
    }

    /// The class of a subject's value; `None` where it has no classes.
    pub(super) fn class(&mut self, subject: u32) -> Option<u16> {
        let found = *self.find(subject)?;
        if found.class.is_some() {
            return found.class;
        }
        let classes: &Classes = self.program.classes.get(subject as usize)?.as_ref()?;
        let class = classes.of(self.values.get(found.place as usize));
        if let Some(found) = self.memory.found.get_mut(subject as usize) {
            found.class = Some(class);
        }
        Some(class)
    }

    fn test(&mut self, test: u32) -> bool {
        let program = self.program;
        let event = self.event;
        let Some(asked) = program.graph.tests.get(test as usize) else { return false };
        self.value(asked.subject).is_some_and(|value| asked.test.holds_of(value, event))
    }

    /// Whether a node was decided.
    fn decided(&self, id: NodeId) -> Option<bool> {
        let decided = *self.memory.decided.get(id.place())?;
        (decided / 2 == self.memory.event).then_some(decided % 2 == 1)
    }

    fn decide(&mut self, id: NodeId, holds: bool) {
        if let Some(decided) = self.memory.decided.get_mut(id.place()) {
            *decided = self.memory.event * 2 + u32::from(holds);
        }
    }

    /// Whether a condition holds.
    pub(super) fn holds(&mut self, root: NodeId) -> bool {
        self.memory.open.clear();
        let mut at = root;
        loop {
            let Some(mut holds) = self.go_down(&mut at) else { continue };
            // Up to the next node that has a child to ask.
            loop {
                let Some((parent, next)) = self.memory.open.pop() else { return holds };
                let child = match self.program.graph.nodes.get(parent.place()) {
                    Some(Node::All(children)) if holds => children.get(next as usize),
                    Some(Node::Any(children)) if !holds => children.get(next as usize),
                    Some(Node::Not(_)) => {
                        holds = !holds;
                        None
                    }
                    _ => None,
                };
                if let Some(child) = child {
                    self.memory.open.push((parent, next + 1));
                    at = *child;
                    break;
                }
                self.decide(parent, holds);
            }
        }
    }

    /// Decides a node, or goes to its first child.
    fn go_down(&mut self, at: &mut NodeId) -> Option<bool> {
        let shortcuts = &self.program.shortcuts;
        if let Some(subject) = shortcuts.subject(*at)
            && let Some(class) = self.class(subject)
            && let Some(holds) = shortcuts.holds(*at, class)
        {
            return Some(holds);
        }
        if let Some(holds) = self.decided(*at) {
            return Some(holds);
        }
        let graph = &self.program.graph;
        let child = match graph.nodes.get(at.place()) {
            Some(Node::Test(test)) => {
                let holds = self.test(*test);
                self.decide(*at, holds);
                return Some(holds);
            }
            Some(Node::Not(child)) => child,
            Some(Node::All(children) | Node::Any(children)) => match children.first() {
                Some(child) => child,
                None => return Some(matches!(graph.nodes.get(at.place()), Some(Node::All(_)))),
            },
            None => return Some(false),
        };
        self.memory.open.push((*at, 1));
        *at = *child;
        None
    }
}

//! Rules, made ready to be asked of events.
//!
//! The conditions of all rules are one graph: a part that stands in several of them, as macros do, is one node, which is
//! asked once an event. Of the rules only those are asked that can hold for the type of the event.

use std::collections::HashMap;
use std::sync::Arc;

use super::condition::{Expression, Macro};
use super::event_types;
use super::load::Rule;
use super::term::Event;
use super::test::Test;

/// Which of the rules that match are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// The first, in the order of the rules.
    #[default]
    First,
    /// All.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct NodeId(u32);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Node {
    All(Box<[NodeId]>),
    Any(Box<[NodeId]>),
    Not(NodeId),
    Test(u32),
}

/// Rules, made ready.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    nodes: Vec<Node>,
    tests: Vec<Test>,
    /// The conditions of the rules, by their places.
    conditions: Vec<NodeId>,
    /// The rules that can hold for each type of event, by their places.
    by_type: Vec<Vec<u32>>,
    /// The rules that are asked of an event whose type is not known.
    untyped: Vec<u32>,
}

/// What was found for the event at hand; reused from event to event.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// The event at hand, counted.
    event: u32,
    /// For each node, the event for which it was asked last, and what it was then.
    known: Vec<(u32, bool)>,
}

impl RuleSet {
    /// Makes rules ready; those that are switched off are left out, and keep their places.
    pub fn compile(rules: &[Rule]) -> Self {
        let mut builder = Builder::default();
        let mut by_type = vec![Vec::new(); event_types::NAMES.len()];
        let mut untyped = Vec::new();
        let mut conditions = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            conditions.push(builder.node(&rule.condition));
            let Ok(place) = u32::try_from(place) else { break };
            if !rule.is_enabled {
                continue;
            }
            untyped.push(place);
            for types in event_types::of(&rule.condition).places() {
                if let Some(rules) = by_type.get_mut(types) {
                    rules.push(place);
                }
            }
        }
        Self { nodes: builder.nodes, tests: builder.tests, conditions, by_type, untyped }
    }

    /// The rules that match an event, by their places, in their order.
    pub fn matches(&self, event: &impl Event, matching: Matching, scratch: &mut Scratch) -> Vec<usize> {
        scratch.next(self.nodes.len());
        let rules = match event.event_type() {
            Some(place) => self.by_type.get(place),
            None => Some(&self.untyped),
        };
        let mut matching_rules = Vec::new();
        for rule in rules.into_iter().flatten() {
            let place = *rule as usize;
            if self.conditions.get(place).is_some_and(|node| self.holds(*node, event, scratch)) {
                matching_rules.push(place);
                if matching == Matching::First {
                    break;
                }
            }
        }
        matching_rules
    }

    fn holds(&self, id: NodeId, event: &impl Event, scratch: &mut Scratch) -> bool {
        let place = id.0 as usize;
        if let Some((known, holds)) = scratch.known.get(place)
            && *known == scratch.event
        {
            return *holds;
        }
        let holds = match self.nodes.get(place) {
            Some(Node::All(children)) => children.iter().all(|child| self.holds(*child, event, scratch)),
            Some(Node::Any(children)) => children.iter().any(|child| self.holds(*child, event, scratch)),
            Some(Node::Not(child)) => !self.holds(*child, event, scratch),
            Some(Node::Test(test)) => self.tests.get(*test as usize).is_some_and(|test| test.holds(event)),
            None => false,
        };
        if let Some(cell) = scratch.known.get_mut(place) {
            *cell = (scratch.event, holds);
        }
        holds
    }
}

impl Scratch {
    fn next(&mut self, nodes: usize) {
        self.event = self.event.wrapping_add(1);
        if self.event == 0 || self.known.len() != nodes {
            self.known.clear();
            self.known.resize(nodes, (0, false));
            self.event = 1;
        }
    }
}

/// Makes nodes of conditions, each part once.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    tests: Vec<Test>,
    places: HashMap<Node, NodeId>,
    by_text: HashMap<String, u32>,
    macros: HashMap<*const Macro, NodeId>,
}

impl Builder {
    fn node(&mut self, expression: &Expression) -> NodeId {
        let node = match expression {
            Expression::And(children) => Node::All(self.children(children)),
            Expression::Or(children) => Node::Any(self.children(children)),
            Expression::Not(child) => Node::Not(self.node(child)),
            Expression::Macro(shared) => {
                if let Some(known) = self.macros.get(&Arc::as_ptr(shared)) {
                    return *known;
                }
                let id = self.node(&shared.body);
                self.macros.insert(Arc::as_ptr(shared), id);
                return id;
            }
            // Neither is left in a rule that is sound; nothing holds for it.
            Expression::Name(_) => Node::Any(Box::default()),
            Expression::Check(check) => {
                let text = check.to_string();
                match self.by_text.get(&text) {
                    Some(test) => Node::Test(*test),
                    None => match (Test::compile(check), u32::try_from(self.tests.len())) {
                        (Ok((test, _)), Ok(place)) => {
                            self.tests.push(test);
                            self.by_text.insert(text, place);
                            Node::Test(place)
                        }
                        _ => Node::Any(Box::default()),
                    },
                }
            }
        };
        if let Some(known) = self.places.get(&node) {
            return *known;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node.clone());
        self.places.insert(node, id);
        id
    }

    fn children(&mut self, children: &[Expression]) -> Box<[NodeId]> {
        children.iter().map(|child| self.node(child)).collect()
    }
}

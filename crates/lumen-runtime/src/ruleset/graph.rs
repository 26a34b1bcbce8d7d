//! The conditions of all rules as one graph: a part that stands in several of them is one node, however it came there.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::condition::{Check, Expression, Macro, Operand};
use crate::event_types::{self, EventTypes};
use crate::field::Basis;
use crate::term::Term;
use crate::test::Test;

/// A node by its place in the graph; its children come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

/// What holds for no event, and what for all.
const NEVER: NodeId = NodeId(0);
const ALWAYS: NodeId = NodeId(1);

/// A part of a condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    All(Box<[NodeId]>),
    Any(Box<[NodeId]>),
    Not(NodeId),
    /// A test, by its place.
    Test(u32),
}

impl Node {
    /// The nodes that it is made of.
    pub(super) fn children(&self) -> &[NodeId] {
        match self {
            Self::All(children) | Self::Any(children) => children,
            Self::Not(child) => std::slice::from_ref(child),
            Self::Test(_) => &[],
        }
    }
}

/// A test, and what it looks at, by its place.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) subject: u32,
    pub(super) test: Test,
}

/// Conditions as a graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) tests: Vec<Asked>,
    /// What tests look at: each is looked up once an event.
    pub(super) subjects: Vec<Term>,
}

type Map<Key, Value> = HashMap<Key, Value, FixedState>;

/// Makes nodes of conditions, each part once.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) graph: Graph,
    places: Map<Node, NodeId>,
    subjects: Map<Term, u32>,
    tests: Map<String, NodeId>,
    macros: Map<*const Macro, NodeId>,
    /// The types of events for which a test holds, of those that look at the type alone.
    types: Map<u32, EventTypes>,
    /// Whether such a test is in a node, by its place.
    is_typed: Vec<bool>,
    /// What it follows from whether a node holds, by its place.
    basis: Vec<Option<Basis>>,
    /// What nodes are for one thing alone.
    projected: Map<(NodeId, Basis, bool), NodeId>,
}

/// What a condition follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    /// What has to hold of the thread.
    pub(super) of_thread: NodeId,
    /// What has to hold of the call.
    pub(super) of_call: NodeId,
    /// What is to be asked where the thread is as it has to be: the parts that do not follow from it alone.
    pub(super) behind_thread: NodeId,
    /// What is to be asked where the call is as it has to be, too: the parts that follow from neither alone.
    pub(super) rest: NodeId,
}

/// Most parts that a condition is taken apart into.
const PARTS_MAX: usize = 64;

/// What became of nodes for one type of events.
pub(super) type Known = Map<NodeId, NodeId>;

impl Builder {
    pub(super) fn new() -> Self {
        let mut builder = Self::default();
        builder.intern(Node::Any(Box::default()));
        builder.intern(Node::All(Box::default()));
        builder
    }

    /// The node of a condition. Native recursion: a condition is nested a thousand times at most, macros with it.
    pub(super) fn node(&mut self, expression: &Expression) -> NodeId {
        match expression {
            Expression::And(children) => {
                let children = children.iter().map(|child| self.node(child)).collect();
                self.all(children)
            }
            Expression::Or(children) => {
                let children = children.iter().map(|child| self.node(child)).collect();
                self.any(children)
            }
            Expression::Not(child) => {
                let child = self.node(child);
                self.not(child)
            }
            Expression::Macro(shared) => {
                if let Some(known) = self.macros.get(&Arc::as_ptr(shared)) {
                    return *known;
                }
                let id = self.node(&shared.body);
                self.macros.insert(Arc::as_ptr(shared), id);
                id
            }
            // It is not left in a rule that is sound; nothing holds for it.
            Expression::Name(_) => NEVER,
            Expression::Check(check) => self.check(check),
        }
    }

    fn check(&mut self, check: &Check) -> NodeId {
        let text = check.to_string();
        if let Some(known) = self.tests.get(&text) {
            return *known;
        }
        let id = self.new_check(check).unwrap_or(NEVER);
        self.tests.insert(text, id);
        id
    }

    /// The node of a check that was not met before; `None` where it holds for no event.
    fn new_check(&mut self, check: &Check) -> Option<NodeId> {
        let types = event_types::holding(check);
        if types == Some(EventTypes::NONE) {
            return None;
        }
        let (test, _) = Test::compile(check).ok()?;
        let place = u32::try_from(self.graph.tests.len()).ok()?;
        let count = u32::try_from(self.graph.subjects.len()).ok()?;
        let subject = *self.subjects.entry(test.left().clone()).or_insert(count);
        if subject == count {
            self.graph.subjects.push(test.left().clone());
        }
        self.graph.tests.push(Asked { subject, test });
        // Another field with the type of the event has no value where the event is no call.
        if let (Some(types), Operand::Field(field)) = (types, &check.left)
            && field.name == "evt.type"
        {
            self.types.insert(place, types);
        }
        Some(self.intern(Node::Test(place)))
    }

    fn intern(&mut self, node: Node) -> NodeId {
        if let Some(known) = self.places.get(&node) {
            return *known;
        }
        let id = NodeId(u32::try_from(self.graph.nodes.len()).unwrap_or(u32::MAX));
        let is_typed = match &node {
            Node::All(children) | Node::Any(children) => children.iter().any(|child| self.is_typed(*child)),
            Node::Not(child) => self.is_typed(*child),
            Node::Test(test) => self.types.contains_key(test),
        };
        let basis = match &node {
            Node::Test(test) => self.graph.tests.get(*test as usize).and_then(|asked| asked.test.basis()),
            node => Basis::of_several(node.children().iter().map(|child| self.basis(*child))),
        };
        self.is_typed.push(is_typed);
        self.basis.push(basis);
        self.graph.nodes.push(node.clone());
        self.places.insert(node, id);
        id
    }

    fn is_typed(&self, id: NodeId) -> bool {
        self.is_typed.get(id.place()).copied().unwrap_or_default()
    }

    fn all(&mut self, mut children: Vec<NodeId>) -> NodeId {
        children.retain(|child| *child != ALWAYS);
        match children.as_slice() {
            [] => ALWAYS,
            [only] => *only,
            several if several.contains(&NEVER) => NEVER,
            _ => self.intern(Node::All(children.into())),
        }
    }

    fn any(&mut self, mut children: Vec<NodeId>) -> NodeId {
        children.retain(|child| *child != NEVER);
        match children.as_slice() {
            [] => NEVER,
            [only] => *only,
            several if several.contains(&ALWAYS) => ALWAYS,
            _ => self.intern(Node::Any(children.into())),
        }
    }

    fn not(&mut self, child: NodeId) -> NodeId {
        match (child, self.graph.nodes.get(child.place())) {
            (NEVER, _) => ALWAYS,
            (ALWAYS, _) => NEVER,
            (_, Some(Node::Not(inner))) => *inner,
            _ => self.intern(Node::Not(child)),
        }
    }

    /// How many nodes look at the type of the event.
    pub(super) fn typed_nodes(&self) -> usize {
        self.is_typed.iter().filter(|is_typed| **is_typed).count()
    }

    /// For each test of the type of the event, whether it holds for one.
    pub(super) fn answers(&self, event_type: usize) -> Vec<bool> {
        let tests = (0..self.graph.tests.len()).filter_map(|test| u32::try_from(test).ok());
        tests.filter_map(|test| Some(self.types.get(&test)?.contains(event_type))).collect()
    }

    /// A node as it is for events of one type; `None` where it holds for none of them.
    pub(super) fn of_type(&mut self, id: NodeId, event_type: usize, known: &mut Known) -> Option<NodeId> {
        let narrowed = self.narrowed(id, event_type, known);
        (narrowed != NEVER).then(|| self.flat(narrowed))
    }

    /// A condition with the parts of its parts, where all of them have to hold: so their order is free.
    fn flat(&mut self, id: NodeId) -> NodeId {
        let mut parts = Vec::new();
        let mut open = vec![id];
        while let Some(part) = open.pop() {
            match self.graph.nodes.get(part.place()) {
                Some(Node::All(children)) => open.extend(children.iter().rev()),
                _ if parts.contains(&part) => {}
                _ => parts.push(part),
            }
            if open.len() + parts.len() > PARTS_MAX {
                return id;
            }
        }
        self.all(parts)
    }

    fn basis(&self, id: NodeId) -> Option<Basis> {
        self.basis.get(id.place()).copied().flatten()
    }

    /// What has to hold for a node to hold, as far as it follows from one thing alone: nothing is known of other tests. With
    /// `is_sure`, what is enough for it. Native recursion, as deep as conditions are.
    fn projected(&mut self, id: NodeId, onto: Basis, is_sure: bool) -> NodeId {
        match self.basis(id) {
            None => return id,
            Some(basis) if basis == onto => return id,
            Some(_) => {}
        }
        if let Some(projected) = self.projected.get(&(id, onto, is_sure)) {
            return *projected;
        }
        let projected = match self.graph.nodes.get(id.place()).cloned() {
            Some(Node::Not(child)) => {
                let child = self.projected(child, onto, !is_sure);
                self.not(child)
            }
            Some(Node::All(children)) => {
                let children = children.iter().map(|child| self.projected(*child, onto, is_sure)).collect();
                self.all(children)
            }
            Some(Node::Any(children)) => {
                let children = children.iter().map(|child| self.projected(*child, onto, is_sure)).collect();
                self.any(children)
            }
            Some(Node::Test(_)) | None if is_sure => NEVER,
            Some(Node::Test(_)) | None => ALWAYS,
        };
        self.projected.insert((id, onto, is_sure), projected);
        projected
    }

    /// The parts of a condition by what they follow from.
    pub(super) fn split(&mut self, id: NodeId) -> Split {
        let parts = match self.graph.nodes.get(id.place()) {
            Some(Node::All(children)) => children.to_vec(),
            _ => vec![id],
        };
        let of = |basis: Basis, part: &NodeId| self.basis(*part).unwrap_or(Basis::Thread) == basis;
        let behind: Vec<NodeId> = parts.into_iter().filter(|part| !of(Basis::Thread, part)).collect();
        let rest = behind.iter().copied().filter(|part| !of(Basis::Call, part)).collect();
        Split {
            of_thread: self.projected(id, Basis::Thread, false),
            of_call: self.projected(id, Basis::Call, false),
            behind_thread: self.all(behind),
            rest: self.all(rest),
        }
    }

    fn narrowed(&mut self, id: NodeId, event_type: usize, known: &mut Known) -> NodeId {
        if !self.is_typed(id) {
            return id;
        }
        if let Some(narrowed) = known.get(&id) {
            return *narrowed;
        }
        let narrowed = match self.graph.nodes.get(id.place()).cloned() {
            None => NEVER,
            Some(Node::Test(test)) => {
                let holds = self.types.get(&test).is_some_and(|types| types.contains(event_type));
                if holds { ALWAYS } else { NEVER }
            }
            Some(Node::Not(child)) => {
                let child = self.narrowed(child, event_type, known);
                self.not(child)
            }
            Some(Node::All(children)) => {
                let children =
                    children.iter().map(|child| self.narrowed(*child, event_type, known)).collect();
                self.all(children)
            }
            Some(Node::Any(children)) => {
                let children =
                    children.iter().map(|child| self.narrowed(*child, event_type, known)).collect();
                self.any(children)
            }
        };
        known.insert(id, narrowed);
        narrowed
    }
}

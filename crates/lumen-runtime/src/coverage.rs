//! What tests came to of rules: which conditions were seen to hold and not to hold, and which branches never decided anything.
//!
//! The conditions of rules, and those of macros once for all who name them, are bodies. In a body each question and each
//! macro that it names is followed, and each part of an `or`. What stands behind a part of an `and` that does not hold is not
//! come to; all parts of an `or` are.

use std::collections::HashMap;
use std::sync::Arc;

use super::condition::{ByName, Expression, Macro, Operand, Right, beginning};
use super::event_types::{self, EventTypes};
use super::explain::short;
use super::load::Rule;
use super::term::Event;
use super::test::Test;

/// Most bytes of the text of a part that is more than a question.
const TEXT_BYTES_MAX: usize = 160;

/// Conditions, and what events came to in them.
#[derive(Debug)]
pub struct Watch {
    bodies: Vec<Watched>,
    /// For each rule the types of events that it looks at, and its body.
    rules: Vec<(EventTypes, usize)>,
}

/// The condition of a rule or of a macro.
#[derive(Debug)]
struct Watched {
    body: Body,
    root: Node,
}

/// What was seen of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The name of the rule or the macro.
    pub name: String,
    /// Whether it is a macro.
    pub is_macro: bool,
    /// What was seen of the whole.
    pub whole: Seen,
    /// Its parts, in their order.
    pub items: Vec<Item>,
}

/// A part of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub text: String,
    /// What kind of part it is.
    pub kind: ItemKind,
    /// Whether it is a part of an `or`.
    pub is_branch: bool,
    /// What was seen of it.
    pub seen: Seen,
}

/// What can be seen of a part of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// Nothing: it can never hold, as what is in an empty list.
    Never,
    /// That it holds: a part of an `or` that is more than a question, or a question about the type of the event, which decides
    /// whether the rule is asked at all.
    Branch,
    /// That it holds, and that it does not: a question or the name of a macro.
    Condition,
}

/// What was seen of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It held.
    pub to_hold: bool,
    /// It did not hold.
    pub to_fail: bool,
}

#[derive(Debug)]
struct Node {
    kind: NodeKind,
    item: Option<usize>,
}

#[derive(Debug)]
enum NodeKind {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Body(usize),
    Test(Box<Test>),
    Never,
}

impl Watch {
    /// Conditions of which nothing was seen yet. Rules keep their places; those that are switched off are left out of nothing.
    pub fn new(rules: &[Rule]) -> Self {
        let mut builder = Builder::default();
        let rules = rules.iter().map(|rule| {
            let place = builder.body(&rule.name, false, &rule.condition);
            (event_types::of(&rule.condition), place)
        });
        let rules = rules.collect();
        Self { bodies: builder.bodies, rules }
    }

    /// Notes what an event comes to in the conditions of the rules that look at its type.
    pub fn event(&mut self, event: &impl Event) {
        let rules: Vec<usize> = self
            .rules
            .iter()
            .filter(|(types, _)| event.event_type().is_none_or(|place| types.contains(place)))
            .map(|(_, body)| *body)
            .collect();
        let mut known = vec![None; self.bodies.len()];
        for body in rules {
            self.body(body, event, &mut known);
        }
    }

    fn body(&mut self, place: usize, event: &impl Event, known: &mut [Option<bool>]) -> bool {
        if let Some(Some(holds)) = known.get(place) {
            return *holds;
        }
        // The body is taken out while it is asked: no macro names itself.
        let Some(watched) = self.bodies.get_mut(place) else { return false };
        let root = std::mem::replace(&mut watched.root, Node { kind: NodeKind::Never, item: None });
        let mut items = std::mem::take(&mut watched.body.items);
        let holds = self.node(&root, &mut items, event, known);
        if let Some(watched) = self.bodies.get_mut(place) {
            watched.root = root;
            watched.body.items = items;
            watched.body.whole.note(holds);
        }
        if let Some(known) = known.get_mut(place) {
            *known = Some(holds);
        }
        holds
    }

    fn node(
        &mut self,
        node: &Node,
        items: &mut [Item],
        event: &impl Event,
        known: &mut [Option<bool>],
    ) -> bool {
        let holds = match &node.kind {
            NodeKind::All(children) => children.iter().all(|child| self.node(child, items, event, known)),
            NodeKind::Any(children) => {
                let mut any = false;
                for child in children {
                    any |= self.node(child, items, event, known);
                }
                any
            }
            NodeKind::Not(child) => !self.node(child, items, event, known),
            NodeKind::Body(place) => self.body(*place, event, known),
            NodeKind::Test(test) => test.holds(event),
            NodeKind::Never => false,
        };
        if let Some(item) = node.item.and_then(|place| items.get_mut(place)) {
            item.seen.note(holds);
        }
        holds
    }

    /// What was seen: of the rules in their order, then of the macros that they name.
    pub fn into_bodies(self) -> Vec<Body> {
        let (macros, rules): (Vec<Body>, Vec<Body>) =
            self.bodies.into_iter().map(|watched| watched.body).partition(|body| body.is_macro);
        rules.into_iter().chain(macros).collect()
    }
}

impl Seen {
    fn note(&mut self, holds: bool) {
        self.to_hold |= holds;
        self.to_fail |= !holds;
    }

    fn add(&mut self, other: Self) {
        self.to_hold |= other.to_hold;
        self.to_fail |= other.to_fail;
    }
}

impl Item {
    /// How much of what can be seen of it was seen, of how much.
    pub fn covered(&self) -> (usize, usize) {
        match self.kind {
            ItemKind::Condition => (usize::from(self.seen.to_hold) + usize::from(self.seen.to_fail), 2),
            ItemKind::Branch => (usize::from(self.seen.to_hold), 1),
            ItemKind::Never => (0, 0),
        }
    }

    /// Whether all was seen that can be.
    pub fn is_covered(&self) -> bool {
        !self.is_never_true() && !self.is_never_false()
    }

    /// Whether it should be seen to hold, and never was.
    pub fn is_never_true(&self) -> bool {
        self.kind >= ItemKind::Branch && !self.seen.to_hold
    }

    /// Whether it should be seen to fail, and never was.
    pub fn is_never_false(&self) -> bool {
        self.kind == ItemKind::Condition && !self.seen.to_fail
    }
}

impl Body {
    /// Adds what other tests saw of the condition of the same name, which other rules files may have changed. Of parts that
    /// not both have, those remain of which everything was seen.
    pub fn add(&mut self, other: Self) {
        self.whole.add(other.whole);
        self.items
            .retain(|item| item.is_covered() || other.items.iter().any(|known| known.text == item.text));
        for item in other.items {
            match self.items.iter_mut().find(|known| known.text == item.text) {
                Some(known) => {
                    known.seen.add(item.seen);
                    known.kind = known.kind.max(item.kind);
                }
                None if item.is_covered() => self.items.push(item),
                None => {}
            }
        }
    }

    /// How much of what can be seen of its parts was seen, of how much.
    pub fn covered(&self) -> (usize, usize) {
        self.items
            .iter()
            .map(Item::covered)
            .fold((0, 0), |(seen, all), (item, most)| (seen + item, all + most))
    }
}

/// Makes bodies of conditions.
#[derive(Default)]
struct Builder {
    bodies: Vec<Watched>,
    macros: HashMap<*const Macro, usize>,
}

impl Builder {
    fn body(&mut self, name: &str, is_macro: bool, condition: &Expression) -> usize {
        let mut items = Vec::new();
        let root = self.node(condition, &mut items);
        let body = Body { name: name.to_owned(), is_macro, whole: Seen::default(), items };
        self.bodies.push(Watched { body, root });
        self.bodies.len() - 1
    }

    fn node(&mut self, expression: &Expression, items: &mut Vec<Item>) -> Node {
        let kind = match expression {
            Expression::And(children) => NodeKind::All(self.nodes(children, items)),
            Expression::Or(children) => {
                let children = children.iter().map(|child| {
                    let mut node = self.node(child, items);
                    let item = *node.item.get_or_insert_with(|| {
                        new_item(items, text(child), kind(child).min(ItemKind::Branch))
                    });
                    if let Some(item) = items.get_mut(item) {
                        item.is_branch = true;
                    }
                    node
                });
                NodeKind::Any(children.collect())
            }
            Expression::Not(child) => NodeKind::Not(Box::new(self.node(child, items))),
            Expression::Macro(shared) => {
                let item = Some(new_item(items, shared.name.clone(), kind(expression)));
                return Node { kind: NodeKind::Body(self.shared(shared)), item };
            }
            Expression::Check(check) => {
                let item = Some(new_item(items, short(check), kind(expression)));
                let kind =
                    Test::compile(check).map_or(NodeKind::Never, |(test, _)| NodeKind::Test(Box::new(test)));
                return Node { kind, item };
            }
            Expression::Name(_) => NodeKind::Never,
        };
        Node { kind, item: None }
    }

    fn nodes(&mut self, children: &[Expression], items: &mut Vec<Item>) -> Vec<Node> {
        children.iter().map(|child| self.node(child, items)).collect()
    }

    fn shared(&mut self, shared: &Arc<Macro>) -> usize {
        let key = Arc::as_ptr(shared);
        if let Some(known) = self.macros.get(&key) {
            return *known;
        }
        let place = self.body(&shared.name, true, &shared.body);
        self.macros.insert(key, place);
        place
    }
}

fn new_item(items: &mut Vec<Item>, text: String, kind: ItemKind) -> usize {
    items.push(Item { text, kind, is_branch: false, seen: Seen::default() });
    items.len() - 1
}

/// What can be seen of a part.
fn kind(part: &Expression) -> ItemKind {
    if event_types::of(part) == EventTypes::NONE {
        return ItemKind::Never;
    }
    let Expression::Check(check) = part else { return ItemKind::Condition };
    match (&check.left, &check.right) {
        (Operand::Field(field), _) if matches!(field.name.as_str(), "evt.type" | "syscall.type") => {
            ItemKind::Branch
        }
        (_, Right::List(values)) if values.is_empty() => ItemKind::Never,
        _ => ItemKind::Condition,
    }
}

/// A part as it is written, macros by their names; not too long.
pub(super) fn text(expression: &Expression) -> String {
    beginning(ByName(expression), TEXT_BYTES_MAX).unwrap_or_else(|beginning| beginning + "..")
}

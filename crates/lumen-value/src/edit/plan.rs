//! Edits as one tree: what each place is to hold, and which patches of the text bring that about.

use std::collections::BTreeMap;
use std::ops::Range;

use super::block::Block;
use super::flow::{Flow, JsonLayout};
use super::{Edit, EditError, Patch};
use crate::read::Syntax;
use crate::span::{Children, Index, Node, NodeId, Via, Walk};
use crate::{Object, Pointer, Step, Str, Value};

/// What is to be done at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Set(Value),
    Remove,
}

/// A place that an edit names or leads through.
struct Place {
    parent: Option<usize>,
    step: Option<Step>,
    children: BTreeMap<Step, usize>,
    action: Option<Action>,
    old: Option<Value>,
    /// What it is to hold; `None` where nothing changes, or where it is removed.
    new: Option<Value>,
    /// Whether anything changes here or further in.
    changes: bool,
}

/// The places, parents before children.
pub(super) struct Plan {
    places: Vec<Place>,
    aim: Aim,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// To compare the edited text with what it is to say.
    Compare,
    /// Patches alone. So a small change in a long list takes no copy of the list.
    Patch,
}

/// An entry that a mapping is to have besides those that it has; without a key, an element.
pub(super) struct Addition<'plan> {
    pub(super) key: Option<&'plan Str>,
    pub(super) value: &'plan Value,
}

/// A part of a collection's text: an entry or an element.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    pub(super) removed: bool,
}

impl Plan {
    pub(super) fn new(edits: &[Edit], old: &Value, aim: Aim) -> Result<Self, EditError> {
        let root = Place {
            parent: None,
            step: None,
            children: BTreeMap::new(),
            action: None,
            old: Some(old.clone()),
            new: None,
            changes: false,
        };
        let mut plan = Self { places: vec![root], aim };
        for edit in edits {
            plan.add(edit)?;
        }
        for number in 0..plan.places.len() {
            plan.settle_action(number)?;
        }
        for number in (0..plan.places.len()).rev() {
            plan.settle(number)?;
        }
        Ok(plan)
    }

    /// What the whole document is to say; for [`Aim::Compare`].
    pub(super) fn expected(&self) -> Option<&Value> {
        let root = self.places.first()?;
        root.new.as_ref().or(root.old.as_ref())
    }

    fn add(&mut self, edit: &Edit) -> Result<(), EditError> {
        let (pointer, action) = match edit {
            Edit::Set(pointer, value) => (pointer, Action::Set(value.clone())),
            Edit::Remove(pointer) => (pointer, Action::Remove),
        };
        let mut number = 0;
        for step in pointer.steps() {
            number = self.child(number, step);
        }
        let conflict = || EditError::Conflict { pointer: pointer.clone() };
        let place = self.places.get_mut(number).ok_or_else(conflict)?;
        if place.action.as_ref().is_some_and(|other| *other != action) {
            return Err(conflict());
        }
        place.action = Some(action);
        Ok(())
    }

    fn child(&mut self, number: usize, step: &Step) -> usize {
        let next = self.places.len();
        let Some(place) = self.places.get_mut(number) else {
            return number;
        };
        if let Some(child) = place.children.get(step) {
            return *child;
        }
        place.children.insert(step.clone(), next);
        let old = place.old.as_ref().and_then(|old| old.step(step)).cloned();
        self.places.push(Place {
            parent: Some(number),
            step: Some(step.clone()),
            children: BTreeMap::new(),
            action: None,
            old,
            new: None,
            changes: false,
        });
        next
    }

    /// Finds out whether a place's own action changes anything.
    fn settle_action(&mut self, number: usize) -> Result<(), EditError> {
        let contradicts =
            self.places.get(number).is_some_and(|place| place.action.is_some() && !place.children.is_empty());
        if contradicts {
            return Err(EditError::Conflict { pointer: self.pointer(number) });
        }
        let Some(place) = self.places.get_mut(number) else {
            return Ok(());
        };
        place.changes = match &place.action {
            Some(Action::Set(value)) => place.old.as_ref() != Some(value),
            Some(Action::Remove) => place.old.is_some(),
            None => false,
        };
        if place.parent.is_none() && place.action == Some(Action::Remove) {
            return Err(EditError::NoPlace { pointer: Pointer::ROOT });
        }
        if let (true, Some(Action::Set(value))) = (place.changes, &place.action) {
            place.new = Some(value.clone());
        }
        Ok(())
    }

    /// Finds out what a place is to hold, its children being settled.
    fn settle(&mut self, number: usize) -> Result<(), EditError> {
        let Some(place) = self.places.get(number) else {
            return Ok(());
        };
        let changed: Vec<(&Step, &Place)> = place
            .children
            .iter()
            .filter_map(|(step, child)| Some((step, self.places.get(*child).filter(|child| child.changes)?)))
            .collect();
        let Some((first, _)) = changed.first() else {
            return Ok(());
        };
        // Where all that changes is further in, no patch needs to know the whole.
        let keeps_all =
            changed.iter().all(|(_, child)| child.old.is_some() && child.action != Some(Action::Remove));
        if self.aim == Aim::Patch && keeps_all {
            if let Some(place) = self.places.get_mut(number) {
                place.changes = true;
            }
            return Ok(());
        }
        let new = match (&place.old, first) {
            (Some(Value::Object(_) | Value::Null) | None, Step::Key(_)) => {
                with_fields(place.old.as_ref(), &changed)
            }
            (Some(Value::Array(_) | Value::Null) | None, Step::Index(_)) => {
                with_elements(place.old.as_ref(), &changed)
            }
            _ => None,
        };
        let Some(new) = new else {
            return Err(EditError::NoPlace { pointer: self.pointer(number) });
        };
        if let Some(place) = self.places.get_mut(number) {
            place.changes = true;
            place.new = Some(new);
        }
        Ok(())
    }

    fn pointer(&self, number: usize) -> Pointer {
        let mut steps = Vec::new();
        let mut at = self.places.get(number);
        while let Some(place) = at {
            steps.extend(place.step.clone());
            at = place.parent.and_then(|parent| self.places.get(parent));
        }
        steps.into_iter().rev().collect()
    }

    /// The patches that make the text say what is planned. Inner places come first, so that of patches at one byte the
    /// inner one's text does.
    pub(super) fn patches(&self, index: &Index, syntax: Syntax) -> Result<Vec<Patch>, EditError> {
        let mut patches = Vec::new();
        let block = Block::new(index);
        let flow = Flow { text: index.text(), json: (syntax == Syntax::Json).then(|| JsonLayout::of(index)) };
        for (number, place) in self.places.iter().enumerate().rev() {
            let (true, Some(_)) = (place.changes, &place.old) else {
                continue;
            };
            self.patch(number, place, (index, &block, &flow), &mut patches)?;
        }
        Ok(patches)
    }

    fn patch(
        &self,
        number: usize,
        place: &Place,
        (index, block, flow): (&Index, &Block<'_>, &Flow<'_>),
        patches: &mut Vec<Patch>,
    ) -> Result<(), EditError> {
        let changed =
            || place.children.iter().filter_map(|(step, child)| Some((step, self.places.get(*child)?)));
        let removes = changed().any(|(_, child)| child.changes && child.action == Some(Action::Remove));
        let adds = changed().any(|(_, child)| child.changes && child.old.is_none());
        if place.action.is_none() && !removes && !adds {
            // The places further in do what is to be done.
            return Ok(());
        }
        let pointer = self.pointer(number);
        let walk = index.walk(&pointer);
        guard(index, &pointer, &walk)?;
        let node = index.tree().node(walk.node).ok_or(EditError::NotFaithful)?;
        match place.action {
            // The collection that holds it takes it away.
            Some(Action::Remove) => {
                return guard_inside(index, &pointer, &(index.entry_start(node)..node.end()));
            }
            Some(Action::Set(_)) => guard_inside(index, &pointer, &node.full)?,
            None => {}
        }
        let unprintable = || EditError::Unprintable { pointer: pointer.clone() };
        let new = place.new.as_ref().ok_or(EditError::NotFaithful)?;
        let parts = match &node.children {
            _ if place.action.is_some() => Vec::new(),
            Children::Alias(target) => {
                let anchor = target.and_then(|target| index.tree().node(target)?.anchor);
                return Err(shared(index, &pointer, anchor, &walk));
            }
            children => parts(index, children, |step| {
                changed()
                    .any(|(it, child)| child.action == Some(Action::Remove) && child.changes && it == step)
            }),
        };
        let in_flow =
            flow.json.is_some() || index.tree().parent(walk.node).is_some_and(|parent| !parent.is_block());
        if parts.iter().all(|part| part.removed) {
            let done = if in_flow {
                flow.replace(node, new, patches)
            } else {
                block.replace(walk.node, new, flow, patches)
            };
            return done.ok_or_else(unprintable);
        }
        let mut additions = changed().filter(|(_, child)| child.changes && child.old.is_none()).filter_map(
            |(step, child)| {
                Some(Addition {
                    key: match step {
                        Step::Key(key) => Some(key),
                        Step::Index(_) => None,
                    },
                    value: child.new.as_ref()?,
                })
            },
        );
        if node.is_block() {
            block.remove(node, &parts, patches);
            additions
                .try_for_each(|addition| block.add(node, &parts, &addition, patches))
                .ok_or_else(unprintable)
        } else {
            Flow::remove(&parts, patches);
            additions
                .try_for_each(|addition| flow.add(node, &parts, &addition, patches))
                .ok_or_else(unprintable)
        }
    }
}

fn with_fields(old: Option<&Value>, changed: &[(&Step, &Place)]) -> Option<Value> {
    let mut fields: Vec<(Value, Value)> = Vec::new();
    for (key, value) in old.and_then(Value::as_object).unwrap_or(&Object::default()).iter() {
        let child = changed.binary_search_by(|(step, _)| match step {
            Step::Key(step) => Value::String(step.clone()).cmp(key),
            Step::Index(_) => std::cmp::Ordering::Less,
        });
        match child.ok().and_then(|number| changed.get(number)) {
            None => fields.push((key.clone(), value.clone())),
            Some((_, place)) => fields.extend(place.new.clone().map(|value| (key.clone(), value))),
        }
    }
    for (step, place) in changed {
        let Step::Key(key) = step else { return None };
        if place.old.is_none() {
            fields.push((Value::String(key.clone()), place.new.clone()?));
        }
    }
    Some(Value::Object(fields.into()))
}

fn with_elements(old: Option<&Value>, changed: &[(&Step, &Place)]) -> Option<Value> {
    let mut elements: Vec<Option<Value>> = match old.and_then(Value::as_array) {
        Some(array) => array.iter().cloned().map(Some).collect(),
        None => Vec::new(),
    };
    for (step, place) in changed {
        let Step::Index(index) = step else { return None };
        if *index == elements.len() {
            elements.push(Some(place.new.clone()?));
        } else {
            elements.get_mut(*index)?.clone_from(&place.new);
        }
    }
    Some(Value::Array(elements.into_iter().flatten().collect()))
}

/// The parts of a collection, in the text's order.
fn parts(index: &Index, children: &Children, removed: impl Fn(&Step) -> bool) -> Vec<Part> {
    let tree = index.tree();
    let end = |node: NodeId, start: usize| tree.node(node).map_or(start, Node::end);
    match children {
        Children::Sequence(items) => items
            .iter()
            .enumerate()
            .map(|(number, item)| Part {
                range: item.start..end(item.node, item.start),
                removed: removed(&Step::Index(number)),
            })
            .collect(),
        Children::Mapping(mapping) => mapping
            .entries
            .iter()
            .map(|entry| Part {
                range: entry.start..end(entry.value, entry.key.end).max(entry.key.end),
                removed: !entry.merge && entry.name.clone().is_some_and(|name| removed(&Step::Key(name))),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Refuses an edit at, in or through what is shared.
fn guard(index: &Index, pointer: &Pointer, walk: &Walk) -> Result<(), EditError> {
    if walk.depth < pointer.steps().len() {
        return Err(EditError::NotFaithful);
    }
    if walk.crossed || walk.shared.is_some() {
        return Err(shared(index, pointer, walk.shared, walk));
    }
    Ok(())
}

fn shared(index: &Index, pointer: &Pointer, anchor: Option<usize>, walk: &Walk) -> EditError {
    let anchor = anchor.and_then(|anchor| index.shared(anchor));
    let places = match (&anchor, &walk.via) {
        (Some(shared), _) => {
            std::iter::once(shared.at.clone()).chain(shared.places.iter().cloned()).collect()
        }
        (None, Via::Merge { at, .. } | Via::Alias { at, .. }) => vec![at.clone()],
        (None, Via::Own) => Vec::new(),
    };
    EditError::Shared { pointer: pointer.clone(), anchor: anchor.map(|shared| shared.anchor), places }
}

/// Refuses to take away an anchor whose aliases stay.
fn guard_inside(index: &Index, pointer: &Pointer, range: &Range<usize>) -> Result<(), EditError> {
    let inside = |other: &Range<usize>| range.start <= other.start && other.end <= range.end;
    for (number, anchor) in index.tree().anchors.iter().enumerate() {
        if inside(&anchor.range) && !anchor.aliases.iter().all(inside) {
            let shared = index.shared(number).ok_or(EditError::NotFaithful)?;
            return Err(EditError::Shared {
                pointer: pointer.clone(),
                anchor: Some(shared.anchor),
                places: std::iter::once(shared.at).chain(shared.places).collect(),
            });
        }
    }
    Ok(())
}

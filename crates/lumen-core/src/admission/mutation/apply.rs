//! Goes a mutator's way through an object, and changes what is at its end
//! (gatekeeper `pkg/mutation/mutators/core/mutation_function.go`). The object is not changed: what is on the way is made anew.
//! There is no recursion, for how deep a location goes is up to who wrote it.

use lumen_value::{Object, Value};

use super::condition::Conditions;
use super::location::{Location, Node, Which};
use super::number::Kind;
use super::set::Setter;
use super::{Fuel, MutationFault};

/// A mutator's way, what has to hold on it, and what it does at its end.
pub(super) struct Walk<'a> {
    pub(super) location: &'a Location,
    pub(super) conditions: &'a Conditions,
    pub(super) setter: &'a Setter<'a>,
}

/// A collection on the way whose part is being changed.
enum Frame<'a> {
    Field {
        object: Object,
        name: &'a str,
    },
    List {
        items: Vec<Value>,
        at: usize,
        key: &'a str,
        which: &'a Which,
        depth: usize,
        found: bool,
        mutated: bool,
    },
}

/// What comes next.
enum Next {
    /// The value at a node.
    Down(Value, usize),
    /// What became of a value: `None` where it stays as it is.
    Up(Option<Value>),
}

impl<'a> Walk<'a> {
    /// The object as it is afterwards; `None` where nothing is done.
    pub(super) fn run(&self, object: &Value, fuel: &mut Fuel) -> Result<Option<Value>, MutationFault> {
        let mut frames: Vec<Frame<'a>> = Vec::new();
        let mut next = Next::Down(object.clone(), 0);
        loop {
            fuel.burn(1)?;
            next = match next {
                Next::Down(value, depth) => self.enter(value, depth, &mut frames, fuel)?,
                Next::Up(result) => match frames.pop() {
                    None => return Ok(result),
                    Some(Frame::Field { object, name }) => {
                        fuel.burn_for(object.len())?;
                        Next::Up(result.map(|value| object.with(name, value).into()))
                    }
                    Some(frame) => self.go_on(frame, result, &mut frames, fuel)?,
                },
            };
        }
    }

    fn enter(
        &self,
        value: Value,
        depth: usize,
        frames: &mut Vec<Frame<'a>>,
        fuel: &mut Fuel,
    ) -> Result<Next, MutationFault> {
        let Some(node) = self.location.nodes().get(depth) else {
            return Err(MutationFault::NoLocation);
        };
        let is_last = depth + 1 == self.location.nodes().len();
        match (node, value) {
            (Node::Field(name), Value::Object(object)) => {
                let inner = object.get(name);
                let goes_on = match inner {
                    Some(_) => self.conditions.admit_existing(depth),
                    None => self.conditions.admit_missing(depth),
                };
                if !goes_on {
                    return Ok(Next::Up(None));
                }
                if is_last {
                    return Ok(Next::Up(Some(self.setter.set(&object, name, fuel)?.into())));
                }
                let inner = inner.cloned().unwrap_or_else(|| self.missing(depth));
                frames.push(Frame::Field { object, name });
                Ok(Next::Down(inner, depth + 1))
            }
            (Node::List { key, which }, Value::Array(list)) => {
                fuel.burn_for(list.len())?;
                let items: Vec<Value> = list.iter().cloned().collect();
                if is_last {
                    return self.set_element(items, key, which, depth, fuel);
                }
                if *which == Which::All && !self.conditions.admit_existing(depth) {
                    return Ok(Next::Up(None));
                }
                let frame = Frame::List { items, at: 0, key, which, depth, found: false, mutated: false };
                self.go_on_from(frame, frames, fuel)
            }
            (node, other) => {
                let wanted = if matches!(node, Node::Field(_)) { "an object" } else { "a list" };
                Err(MutationFault::Shape { at: self.shown(depth), wanted, found: other.kind() })
            }
        }
    }

    /// The way to a node, for people.
    fn shown(&self, depth: usize) -> String {
        let nodes = self.location.nodes().iter().take(depth);
        let way: Vec<String> = nodes.map(ToString::to_string).collect();
        if way.is_empty() { "the object".to_owned() } else { way.join(".").replace(".[", "[") }
    }

    /// What stands for a value that is not there, so that the next node has a place.
    fn missing(&self, depth: usize) -> Value {
        match (self.location.nodes().get(depth), self.location.nodes().get(depth + 1)) {
            (_, Some(Node::List { .. })) => Value::from(Vec::new()),
            (Some(Node::List { key, which }), _) => {
                let fields = Object::default();
                match which {
                    Which::All => fields.into(),
                    Which::Text(text) => fields.with(key.as_str(), text.as_str()).into(),
                    Which::Integer(integer) => fields.with(key.as_str(), *integer).into(),
                }
            }
            _ => Object::default().into(),
        }
    }

    /// An element of a list has been gone through.
    fn go_on(
        &self,
        mut frame: Frame<'a>,
        result: Option<Value>,
        frames: &mut Vec<Frame<'a>>,
        fuel: &mut Fuel,
    ) -> Result<Next, MutationFault> {
        if let Frame::List { items, at, mutated, .. } = &mut frame {
            if let (Some(value), Some(item)) = (result, items.get_mut(*at)) {
                *item = value;
                *mutated = true;
            }
            *at += 1;
        }
        self.go_on_from(frame, frames, fuel)
    }

    /// Goes into the next element that is meant. Where there is none at all, one is made.
    fn go_on_from(
        &self,
        mut frame: Frame<'a>,
        frames: &mut Vec<Frame<'a>>,
        fuel: &mut Fuel,
    ) -> Result<Next, MutationFault> {
        let Frame::List { items, at, key, which, depth, found, mutated } = &mut frame else {
            return Ok(Next::Up(None));
        };
        let depth = *depth;
        while let Some(item) = items.get(*at) {
            fuel.burn(1)?;
            if is_meant(item, key, which) {
                if **which != Which::All && !self.conditions.admit_existing(depth) {
                    return Ok(Next::Up(None));
                }
                *found = true;
                let item = item.clone();
                frames.push(frame);
                return Ok(Next::Down(item, depth + 1));
            }
            *at += 1;
        }
        if *found || **which == Which::All {
            return Ok(Next::Up(mutated.then(|| std::mem::take(items).into())));
        }
        if !self.conditions.admit_missing(depth) {
            return Ok(Next::Up(None));
        }
        let made = self.missing(depth);
        *found = true;
        items.push(made.clone());
        frames.push(frame);
        Ok(Next::Down(made, depth + 1))
    }

    /// Replaces the element that the location ends at, or adds it.
    fn set_element(
        &self,
        mut items: Vec<Value>,
        key: &str,
        which: &Which,
        depth: usize,
        fuel: &mut Fuel,
    ) -> Result<Next, MutationFault> {
        let value = self.setter.element(fuel)?;
        let mut place = None;
        for (number, item) in items.iter().enumerate() {
            let Value::Object(fields) = item else {
                return Err(MutationFault::Shape {
                    at: format!("{}[{number}]", self.shown(depth)),
                    wanted: "an object",
                    found: item.kind(),
                });
            };
            if fields.get(key).is_some_and(|value| is_value(value, which)) {
                place = Some(number);
                break;
            }
        }
        match place.and_then(|number| items.get_mut(number)) {
            Some(_) if !self.conditions.admit_existing(depth) => return Ok(Next::Up(None)),
            None if !self.conditions.admit_missing(depth) => return Ok(Next::Up(None)),
            Some(item) => {
                if !super::number::same(item, &value) {
                    *item = value;
                }
            }
            None => items.push(value),
        }
        Ok(Next::Up(Some(items.into())))
    }
}

fn is_meant(item: &Value, key: &str, which: &Which) -> bool {
    *which == Which::All || item.get(key).is_some_and(|value| is_value(value, which))
}

fn is_value(value: &Value, which: &Which) -> bool {
    match (value, which) {
        (Value::String(text), Which::Text(wanted)) => *text == *wanted.as_str(),
        (Value::Number(number), Which::Integer(wanted)) => Kind::of(number) == Kind::Integer(*wanted),
        _ => false,
    }
}

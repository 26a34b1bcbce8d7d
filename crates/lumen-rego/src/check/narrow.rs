//! Variables of references that can only have few constant values: `some root in ["a", "b"]; data[root].p` means two rules,
//! not all of them.

use lumen_value::Value;

use super::state::equality_of;
use crate::ast::{Body, Expr, Name, Node, Ref, Term};
use crate::depth::grow;
use crate::hash::HashMap;

/// Into how many references one is narrowed at most.
const EXPANSION_MAX: usize = 64;

/// A term as a value, where it is constant.
pub(crate) fn constant(term: &Term) -> Option<Value> {
    grow(|| match &term.node {
        Node::Value(value) => Some(value.clone()),
        Node::Array(terms) => {
            Some(Value::Array(terms.iter().map(constant).collect::<Option<Vec<_>>>()?.into()))
        }
        Node::Set(terms) => Some(Value::Set(terms.iter().map(constant).collect::<Option<Vec<_>>>()?.into())),
        Node::Object(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| Some((constant(key)?, constant(value)?)));
            Some(Value::Object(pairs.collect::<Option<Vec<_>>>()?.into()))
        }
        _ => None,
    })
}

/// The members of a constant collection.
pub(super) fn members(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(array) => Some(array.iter().cloned().collect()),
        Value::Set(set) => Some(set.iter().cloned().collect()),
        Value::Object(object) => Some(object.iter().map(|(_, value)| value.clone()).collect()),
        _ => None,
    }
}

/// What stands in a constant collection under a constant key.
fn member(value: &Value, key: &Value) -> Option<Value> {
    match (value, key) {
        (Value::Array(array), Value::Number(index)) => {
            array.get(usize::try_from(index.as_i64()?).ok()?).cloned()
        }
        (Value::Object(object), key) => object.get_value(key).cloned(),
        (Value::Set(set), key) => set.contains(key).then(|| key.clone()),
        _ => None,
    }
}

/// What the variables of one body can be, found when it is first asked for.
#[derive(Default)]
pub(super) struct Narrow {
    known: Option<HashMap<Name, (usize, Vec<Value>)>>,
}

impl Narrow {
    /// The references that one at an expression of the body can mean; itself where nothing is known.
    pub(super) fn expand(&mut self, body: &Body, reference: &Ref, at: usize) -> Vec<Ref> {
        if reference.iter().skip(1).all(|term| matches!(term.node, Node::Value(_))) {
            return vec![reference.clone()];
        }
        let known = self.known.get_or_insert_with(|| bindings(body));
        if known.is_empty() {
            return vec![reference.clone()];
        }
        let mut expanded = vec![reference.clone()];
        for (index, term) in reference.iter().enumerate().skip(1) {
            if matches!(term.node, Node::Value(_)) || constant(term).is_some() {
                continue;
            }
            let Some(values) = values(term, known, at).filter(|values| !values.is_empty()) else { continue };
            if expanded.len() * values.len() > EXPANSION_MAX {
                continue;
            }
            let one = |prefix: &Ref, value: &Value| {
                let mut copy = prefix.clone();
                if let Some(slot) = copy.get_mut(index) {
                    slot.node = Node::Value(value.clone());
                }
                copy
            };
            expanded = expanded
                .iter()
                .flat_map(|prefix| values.iter().map(move |value| one(prefix, value)))
                .collect();
        }
        expanded
    }
}

fn bindings(body: &Body) -> HashMap<Name, (usize, Vec<Value>)> {
    let mut known = HashMap::default();
    for (index, expr) in body.iter().enumerate() {
        if let Some((name, values)) =
            binding(expr, &known, index).filter(|(name, _)| !known.contains_key(name))
        {
            known.insert(name, (index, values));
        }
    }
    known
}

fn binding(expr: &Expr, known: &HashMap<Name, (usize, Vec<Value>)>, at: usize) -> Option<(Name, Vec<Value>)> {
    if expr.negated || !expr.with.is_empty() {
        return None;
    }
    let (left, right) = equality_of(expr)?;
    let one = |variable: &Term, other: &Term| match &variable.node {
        Node::Var(name) => Some((name.clone(), values(other, known, at)?)),
        _ => None,
    };
    one(left, right).or_else(|| one(right, left))
}

fn values(term: &Term, known: &HashMap<Name, (usize, Vec<Value>)>, at: usize) -> Option<Vec<Value>> {
    match &term.node {
        Node::Var(name) => known.get(name).filter(|(index, _)| *index < at).map(|(_, values)| values.clone()),
        Node::Ref(terms) => {
            let (first, keys) = terms.split_first()?;
            let mut found = values(first, known, at)?;
            for key in keys {
                found = match constant(key) {
                    Some(key) => found.iter().filter_map(|value| member(value, &key)).collect(),
                    None => {
                        found.iter().map(members).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()
                    }
                };
                if found.len() > EXPANSION_MAX {
                    return None;
                }
            }
            Some(found)
        }
        _ => constant(term).map(|value| vec![value]),
    }
}

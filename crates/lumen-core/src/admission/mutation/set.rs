//! What mutators do at the end of their way.

use std::collections::BTreeMap;

use lumen_value::{Object, Value};

use super::image::ImageParts;
use super::number::{same, weight};
use super::{Fuel, MutationFault};

/// How a field is set. Values come with their weight.
#[derive(Clone, Debug)]
pub(super) enum Setter<'a> {
    /// To a value.
    Value(&'a Value, u64),
    /// To a text about the object.
    Text(&'a str),
    /// To what somebody else says, which is asked for when all is done.
    External(&'a str),
    /// To a list with these values in it.
    Merge(&'a [Value], u64),
    /// To a list without these values.
    Prune(&'a [Value], u64),
    /// A list is changed in a way that means nothing.
    Neither(&'a str),
    /// To an image with other parts.
    Image(&'a ImageParts),
}

impl Setter<'_> {
    /// The object with the field set.
    pub(super) fn set(&self, object: &Object, name: &str, fuel: &mut Fuel) -> Result<Object, MutationFault> {
        let given = object.get(name);
        let value = match self {
            Self::Value(value, weight) => {
                fuel.burn(*weight)?;
                (*value).clone()
            }
            Self::Text(text) => (*text).into(),
            Self::External(provider) => match given {
                None | Some(Value::String(_) | Value::Set(_)) => unresolved(provider),
                Some(other) => {
                    return Err(MutationFault::NoText { name: name.to_owned(), found: other.kind() });
                }
            },
            Self::Merge(values, weight) => {
                fuel.burn(*weight)?;
                match given {
                    None => Value::from(values.to_vec()),
                    Some(list) => merged(list, values, name, fuel)?,
                }
            }
            Self::Prune(values, weight) => {
                fuel.burn(*weight)?;
                match given {
                    None => return Ok(object.clone()),
                    Some(list) => pruned(list, values, name, fuel)?,
                }
            }
            Self::Neither(word) => return Err(MutationFault::Operation((*word).to_owned())),
            Self::Image(parts) => match given {
                None => parts.apply("").into(),
                Some(Value::String(image)) => parts.apply(&image.to_text()).into(),
                Some(other) => {
                    return Err(MutationFault::NoText { name: name.to_owned(), found: other.kind() });
                }
            },
        };
        if given.is_some_and(|given| same(given, &value)) {
            return Ok(object.clone());
        }
        fuel.burn_for(object.len())?;
        Ok(object.with(name, value))
    }

    /// The element that a list gets.
    pub(super) fn element(&self, fuel: &mut Fuel) -> Result<Value, MutationFault> {
        match self {
            Self::Value(value @ Value::Object(_), weight) => {
                fuel.burn(*weight)?;
                Ok((*value).clone())
            }
            _ => Err(MutationFault::NoElement),
        }
    }
}

/// Stands in an object for what a provider would say. No document holds a value of this type.
fn unresolved(provider: &str) -> Value {
    Value::Set([Value::from(provider)].into_iter().collect())
}

/// The provider that an object waits for, where there is one.
pub(super) fn find_unresolved(object: &Value) -> Option<String> {
    let mut pending = vec![object];
    while let Some(value) = pending.pop() {
        match value {
            Value::Set(providers) => {
                return Some(providers.at(0).and_then(Value::as_str).unwrap_or_default().to_owned());
            }
            Value::Array(items) => pending.extend(items.iter()),
            Value::Object(fields) => pending.extend(fields.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    None
}

fn items_of<'v>(list: &'v Value, name: &str) -> Result<&'v lumen_value::Array, MutationFault> {
    match list {
        Value::Array(items) => Ok(items),
        other => Err(MutationFault::NoList { name: name.to_owned(), found: other.kind() }),
    }
}

/// Values to be looked up. OPA's order takes an integer and a float for equal that Gatekeeper tells apart.
#[derive(Default)]
struct Known<'v>(BTreeMap<&'v Value, Vec<&'v Value>>);

impl<'v> Known<'v> {
    fn holds(&self, value: &Value) -> bool {
        self.0.get(value).is_some_and(|alike| alike.iter().any(|known| same(known, value)))
    }

    fn add(&mut self, value: &'v Value) {
        self.0.entry(value).or_default().push(value);
    }
}

fn merged(list: &Value, values: &[Value], name: &str, fuel: &mut Fuel) -> Result<Value, MutationFault> {
    let given = items_of(list, name)?;
    fuel.burn(weight(list))?;
    let mut known = Known::default();
    for item in given {
        known.add(item);
    }
    let mut added = Vec::new();
    for value in values {
        if !known.holds(value) {
            known.add(value);
            added.push(value);
        }
    }
    if added.is_empty() {
        return Ok(list.clone());
    }
    Ok(given.iter().chain(added).cloned().collect::<Vec<_>>().into())
}

fn pruned(list: &Value, values: &[Value], name: &str, fuel: &mut Fuel) -> Result<Value, MutationFault> {
    let given = items_of(list, name)?;
    fuel.burn(weight(list))?;
    let mut known = Known::default();
    for value in values {
        known.add(value);
    }
    let kept: Vec<Value> = given.iter().filter(|item| !known.holds(item)).cloned().collect();
    Ok(if kept.len() == given.len() { list.clone() } else { kept.into() })
}

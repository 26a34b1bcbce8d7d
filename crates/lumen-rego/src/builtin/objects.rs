//! `object.*`.

use lumen_value::{Array, Object, Set, Value};

use super::arrays::{charge_items, get as get_member};
use super::operand::{any, array, object, type_name, wrong};
use super::{Answer, Context, Entry, Failure};

/// The family.
pub const TABLE: &[Entry] = &[
    ("object.filter", filter),
    ("object.get", get),
    ("object.keys", keys),
    ("object.remove", remove),
    ("object.subset", subset),
    ("object.union", union),
    ("object.union_n", union_n),
];

/// The keys that an array, a set or an object names.
fn named_keys(context: &mut Context<'_>, operands: &[Value]) -> Result<Set, Failure> {
    match any(operands, 2)? {
        Value::Array(items) => {
            charge_items(context, items.len())?;
            context.budget.set(items.iter().cloned().collect())
        }
        Value::Set(set) => Ok(set.clone()),
        Value::Object(object) => {
            charge_items(context, object.len())?;
            Ok(object.iter().map(|(key, _)| key.clone()).collect())
        }
        other => Err(wrong(2, "one of {object, set, array}", other)),
    }
}

fn remove(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let object = object(operands, 1)?;
    let keys = named_keys(context, operands)?;
    charge_items(context, 2 * object.len())?;
    named(context, object, &keys, false)
}

fn filter(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let object = object(operands, 1)?;
    let keys = named_keys(context, operands)?;
    charge_items(context, 2 * object.len().min(keys.len()))?;
    // OPA goes through the smaller of the two and takes its keys.
    if object.len() >= keys.len() {
        return named(context, object, &keys, true);
    }
    context.budget.steps(keys.len() as u64)?;
    let mut kept = Vec::new();
    for key in &keys {
        if let Some(value) = context.budget.field(object, key)? {
            kept.push((key.clone(), value.clone()));
        }
    }
    Ok(Value::Object(kept.into()))
}

/// The entries whose keys are in a set, or are not.
fn named(context: &mut Context<'_>, object: &Object, keys: &Set, wanted: bool) -> Answer {
    context.budget.steps(object.len() as u64)?;
    let mut kept = Vec::new();
    for (key, value) in object.iter() {
        if context.budget.element(keys, key)?.is_some() == wanted {
            kept.push((key.clone(), value.clone()));
        }
    }
    Ok(Value::Object(kept.into()))
}

fn keys(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let object = object(operands, 1)?;
    charge_items(context, object.len())?;
    Ok(Value::Set(object.iter().map(|(key, _)| key.clone()).collect()))
}

/// An array of keys is a path; anything else is one key.
fn get(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let object = object(operands, 1)?;
    let default = any(operands, 3)?;
    let found = match any(operands, 2)? {
        Value::Array(path) => {
            context.budget.steps(path.len() as u64)?;
            let mut found = Some(any(operands, 1)?);
            for key in path {
                let Some(value) = found else { break };
                found = get_member(context, value, key)?;
            }
            found
        }
        key => context.budget.field(object, key)?,
    };
    Ok(found.unwrap_or(default).clone())
}

fn union(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (object(operands, 1)?, object(operands, 2)?);
    if first.is_empty() {
        return Ok(Value::Object(second.clone()));
    }
    if second.is_empty() {
        return Ok(Value::Object(first.clone()));
    }
    merge(context, &[first.clone(), second.clone()], Spelling::First)
}

fn union_n(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let items = array(operands, 1)?;
    context.budget.steps(items.len() as u64)?;
    let objects: Result<Vec<Object>, Failure> = items.iter().map(element).collect();
    merge(context, &objects?, Spelling::Last)
}

fn element(value: &Value) -> Result<Object, Failure> {
    value.as_object().cloned().ok_or_else(|| {
        let got = type_name(value);
        Failure::Type(format!("operand 1 must be array of objects but got array containing {got}"))
    })
}

/// Whose spelling of a key counts where several objects have it (`1`, `1.0`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    First,
    Last,
}

/// An object that is being merged of others.
struct Merging {
    /// The key that it goes under in the one around it.
    key: Value,
    /// Keys, each with its values in the order of the objects; the next is last.
    pending: Vec<(Value, Vec<Value>)>,
    done: Vec<(Value, Value)>,
}

/// Merges objects: of several values of a key the last counts; where the last ones are all objects, they are merged in turn.
fn merge(context: &mut Context<'_>, objects: &[Object], spelling: Spelling) -> Answer {
    let mut stack = vec![start(context, Value::Null, objects, spelling)?];
    loop {
        let Some(merging) = stack.last_mut() else {
            return Err(Failure::Undefined);
        };
        let Some((key, values)) = merging.pending.pop() else {
            let Some(finished) = stack.pop() else {
                return Err(Failure::Undefined);
            };
            let value = Value::Object(finished.done.into());
            match stack.last_mut() {
                Some(outer) => outer.done.push((finished.key, value)),
                None => return Ok(value),
            }
            continue;
        };
        let objects = values.iter().rev().map_while(|value| value.as_object().cloned());
        let mut objects: Vec<Object> = objects.collect();
        match objects.len() {
            0 => merging.done.push((key, values.into_iter().next_back().unwrap_or_default())),
            1 => merging.done.push((key, Value::Object(objects.pop().unwrap_or_default()))),
            _ => {
                objects.reverse();
                stack.push(start(context, key, &objects, spelling)?);
            }
        }
    }
}

fn start(
    context: &mut Context<'_>,
    key: Value,
    objects: &[Object],
    spelling: Spelling,
) -> Result<Merging, Failure> {
    let count = objects.iter().map(Object::len).sum::<usize>();
    charge_items(context, 2 * count)?;
    let mut entries: Vec<(&Value, &Value)> = Vec::with_capacity(count);
    for object in objects {
        entries.extend(object.iter());
    }
    // Stable, so that the values of a key stay in the order of the objects.
    let mut compared = 0;
    entries.sort_by(|(a, _), (b, _)| {
        let (order, parts) = a.compare_counted(b);
        compared += parts;
        order
    });
    context.budget.compared(compared)?;
    let mut pending: Vec<(Value, Vec<Value>)> = Vec::new();
    for (name, value) in entries {
        match pending.last_mut() {
            Some((last, values)) if last == name => {
                values.push(value.clone());
                if spelling == Spelling::Last {
                    *last = name.clone();
                }
            }
            _ => pending.push((name.clone(), vec![value.clone()])),
        }
    }
    pending.reverse();
    Ok(Merging { key, pending, done: Vec::new() })
}

/// Whether the second is in the first: objects by their keys and, where their values differ, by what is in those; sets by their
/// elements; arrays as a run of elements.
fn subset(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let contained = match (any(operands, 1)?, any(operands, 2)?) {
        (Value::Object(large), Value::Object(small)) => object_in(context, large, small)?,
        (Value::Set(large), Value::Set(small)) => set_in(context, large, small)?,
        (Value::Array(large), Value::Array(small)) => array_in(context, large, small)?,
        (Value::Array(large), Value::Set(small)) => {
            context.budget.steps(large.len() as u64)?;
            // As upstream counts: an element that stands twice counts twice, and of nothing nothing is in an empty array.
            let mut missing = i64::try_from(small.len()).unwrap_or(i64::MAX);
            for item in large {
                missing -= i64::from(context.budget.element(small, item)?.is_some());
                if missing == 0 {
                    return Ok(Value::from(true));
                }
            }
            false
        }
        _ => {
            let message = "both arguments object.subset must be of the same type or array and set";
            return Err(Failure::Type(message.to_owned()));
        }
    };
    Ok(Value::from(contained))
}

fn object_in(context: &mut Context<'_>, large: &Object, small: &Object) -> Result<bool, Failure> {
    let mut pending = vec![(large, small)];
    while let Some((large, small)) = pending.pop() {
        context.budget.steps(small.len() as u64)?;
        for (key, wanted) in small.iter() {
            let contained = match (context.budget.field(large, key)?, wanted) {
                (None, _) => false,
                (Some(Value::Object(large)), Value::Object(small)) => {
                    pending.push((large, small));
                    true
                }
                (Some(Value::Set(large)), Value::Set(small)) => set_in(context, large, small)?,
                (Some(Value::Array(large)), Value::Array(small)) => array_in(context, large, small)?,
                (Some(found), wanted) => context.budget.are_equal(found, wanted)?,
            };
            if !contained {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn set_in(context: &mut Context<'_>, large: &Set, small: &Set) -> Result<bool, Failure> {
    context.budget.steps(small.len() as u64)?;
    for item in small {
        if context.budget.element(large, item)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one array is a run of elements in the other. The work is counted: upstream's search, too, takes quadratic time at worst.
fn array_in(context: &mut Context<'_>, large: &Array, small: &Array) -> Result<bool, Failure> {
    if small.is_empty() {
        return Ok(true);
    }
    let Some(last_start) = large.len().checked_sub(small.len()) else {
        return Ok(false);
    };
    for start in 0..=last_start {
        let mut same = true;
        for (found, wanted) in large.iter().skip(start).zip(small) {
            context.budget.steps(1)?;
            same = context.budget.are_equal(found, wanted)?;
            if !same {
                break;
            }
        }
        if same {
            return Ok(true);
        }
    }
    Ok(false)
}

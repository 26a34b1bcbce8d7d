//! Operations on sets. Of two equal elements that are written differently (`1`, `1.0`) the one that OPA keeps is kept.

use lumen_value::{Set, Value};

use super::arrays::charge_items;
use super::operand::{set, wrong};
use super::{Answer, Context, Entry};

/// The family. `minus` is arithmetic's.
pub const TABLE: &[Entry] =
    &[("and", and), ("intersection", intersection), ("or", or), ("set_diff", set_diff), ("union", union)];

/// The elements that both have: those of the smaller set, or of the first.
fn intersect(first: &Set, second: &Set) -> Set {
    let (small, large) = if second.len() < first.len() { (second, first) } else { (first, second) };
    small.iter().filter(|item| large.contains(item)).cloned().collect()
}

/// The elements of the first set that are not in the second.
pub(super) fn difference(first: &Set, second: &Set) -> Set {
    first.iter().filter(|item| !second.contains(item)).cloned().collect()
}

fn and(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (set(operands, 1)?, set(operands, 2)?);
    charge_items(context, first.len().min(second.len()))?;
    Ok(Value::Set(intersect(first, second)))
}

fn or(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (set(operands, 1)?, set(operands, 2)?);
    charge_items(context, first.len() + second.len())?;
    Ok(Value::Set(first.iter().chain(second).cloned().collect()))
}

fn set_diff(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (set(operands, 1)?, set(operands, 2)?);
    charge_items(context, first.len())?;
    Ok(Value::Set(difference(first, second)))
}

fn intersection(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let mut result: Option<Set> = None;
    for item in set(operands, 1)? {
        let Value::Set(inner) = item else {
            return Err(wrong(1, "set", item));
        };
        result = Some(match result {
            None => inner.clone(),
            Some(so_far) => {
                charge_items(context, so_far.len().min(inner.len()))?;
                intersect(&so_far, inner)
            }
        });
    }
    Ok(Value::Set(result.unwrap_or_default()))
}

fn union(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let outer = set(operands, 1)?;
    let mut items = Vec::new();
    for item in outer {
        let Value::Set(inner) = item else {
            return Err(wrong(1, "set", item));
        };
        charge_items(context, inner.len())?;
        items.extend(inner.iter().cloned());
    }
    Ok(Value::Set(Set::from(items)))
}

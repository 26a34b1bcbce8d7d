//! Operations on sets. Of two equal elements that are written differently (`1`, `1.0`) the one that OPA keeps is kept.

use lumen_value::{Set, Value};

use super::arrays::charge_items;
use super::operand::{set, wrong};
use super::{Answer, Budget, Context, Entry, Failure};

/// The family. `minus` is arithmetic's.
pub const TABLE: &[Entry] =
    &[("and", and), ("intersection", intersection), ("or", or), ("set_diff", set_diff), ("union", union)];

/// The elements that both have: those of the smaller set, or of the first.
fn intersect(budget: &mut Budget, first: &Set, second: &Set) -> Result<Set, Failure> {
    let (small, large) = if second.len() < first.len() { (second, first) } else { (first, second) };
    kept(budget, small, large, true)
}

/// The elements of a set that another has, or has not.
fn kept(budget: &mut Budget, set: &Set, other: &Set, wanted: bool) -> Result<Set, Failure> {
    budget.values(set.len())?;
    let mut kept = Vec::new();
    for item in set {
        if budget.element(other, item)?.is_some() == wanted {
            kept.push(item.clone());
        }
    }
    budget.set(kept)
}

/// The elements of the first set that are not in the second.
pub(super) fn difference(budget: &mut Budget, first: &Set, second: &Set) -> Result<Set, Failure> {
    kept(budget, first, second, false)
}

fn and(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (set(operands, 1)?, set(operands, 2)?);
    intersect(context.budget, first, second).map(Value::Set)
}

fn or(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (set(operands, 1)?, set(operands, 2)?);
    charge_items(context, first.len() + second.len())?;
    context.budget.set(first.iter().chain(second).cloned().collect()).map(Value::Set)
}

fn set_diff(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (first, second) = (set(operands, 1)?, set(operands, 2)?);
    difference(context.budget, first, second).map(Value::Set)
}

fn intersection(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let mut result: Option<Set> = None;
    for item in set(operands, 1)? {
        context.budget.steps(1)?;
        let Value::Set(inner) = item else {
            return Err(wrong(1, "set", item));
        };
        result = Some(match result {
            None => inner.clone(),
            Some(so_far) => intersect(context.budget, &so_far, inner)?,
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
        charge_items(context, 1 + inner.len())?;
        items.extend(inner.iter().cloned());
    }
    context.budget.set(items).map(Value::Set)
}

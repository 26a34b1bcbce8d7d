//! Lists and sets: Kubernetes' library, cel-go's lists and sets extensions.

use std::cmp::Ordering;

use super::{GLOBAL, MEMBER, Row, count, int_of, list_of, operand};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::{List, Val};

pub(super) const TABLE: &[Row] = &[
    ("distinct", MEMBER, 0, 0, distinct),
    ("first", MEMBER, 0, 0, |_, operands| {
        Ok(list_of(operands, 0)?.get(0).map_or(Val::Optional(None), Val::some))
    }),
    ("flatten", MEMBER, 0, 1, flatten),
    ("isSorted", MEMBER, 0, 0, is_sorted),
    ("last", MEMBER, 0, 0, |_, operands| {
        let list = list_of(operands, 0)?;
        Ok(list.len().checked_sub(1).and_then(|last| list.get(last)).map_or(Val::Optional(None), Val::some))
    }),
    ("lists.range", GLOBAL, 1, 1, range),
    ("max", MEMBER, 0, 0, |machine, operands| extreme(machine, operands, "max", Ordering::Greater)),
    ("min", MEMBER, 0, 0, |machine, operands| extreme(machine, operands, "min", Ordering::Less)),
    ("reverse", MEMBER, 0, 0, |machine, operands| {
        let list = list_of(operands, 0)?;
        machine.pay(list.len())?;
        let mut items: Vec<Val> = list.iter().collect();
        items.reverse();
        Ok(Val::list(items))
    }),
    ("sets.contains", GLOBAL, 2, 2, |machine, operands| {
        contains_all(machine, list_of(operands, 0)?, list_of(operands, 1)?).map(Val::Bool)
    }),
    ("sets.equivalent", GLOBAL, 2, 2, |machine, operands| {
        let (a, b) = (list_of(operands, 0)?, list_of(operands, 1)?);
        Ok(Val::Bool(contains_all(machine, a, b)? && contains_all(machine, b, a)?))
    }),
    ("sets.intersects", GLOBAL, 2, 2, intersects),
    ("slice", MEMBER, 2, 2, slice),
    ("sort", MEMBER, 0, 0, |machine, operands| {
        let entries = list_of(operands, 0)?.iter().map(|item| (item, Val::Null)).collect();
        let sorted = machine.sorted(entries)?;
        Ok(Val::list(sorted.into_iter().map(|(item, _)| item).collect()))
    }),
    ("sum", MEMBER, 0, 0, sum),
];

pub(super) fn index_of(machine: &mut Machine<'_>, list: &List, item: &Val, is_last: bool) -> Answer {
    let mut found = None;
    for (index, element) in list.iter().enumerate() {
        if machine.equal(&element, item)? {
            found = Some(index);
            if !is_last {
                break;
            }
        }
    }
    Ok(found.map_or(Val::Int(-1), count))
}

fn distinct(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let mut kept: Vec<Val> = Vec::new();
    'items: for item in list_of(operands, 0)?.iter() {
        for seen in &kept {
            if machine.equal(seen, &item)? {
                continue 'items;
            }
        }
        machine.pay(1)?;
        kept.push(item);
    }
    Ok(Val::list(kept))
}

fn flatten(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let depth = if operands.len() > 1 { int_of(operands, 1)? } else { 1 };
    if depth < 0 {
        return Err(Fault::new("level must be non-negative"));
    }
    let mut items: Vec<Val> = list_of(operands, 0)?.iter().collect();
    for _ in 0..depth {
        machine.pay(1)?;
        if !items.iter().any(|item| matches!(item, Val::List(_))) {
            break;
        }
        let mut flat = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Val::List(inner) => {
                    machine.pay(1 + inner.len())?;
                    flat.extend(inner.iter());
                }
                other => flat.push(other),
            }
        }
        items = flat;
    }
    Ok(Val::list(items))
}

fn is_sorted(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let mut before: Option<Val> = None;
    for item in list_of(operands, 0)?.iter() {
        machine.pay(1)?;
        if let Some(before) = &before
            && machine.compare(before, &item)? == Ordering::Greater
        {
            return Ok(Val::Bool(false));
        }
        before = Some(item);
    }
    Ok(Val::Bool(true))
}

fn range(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let end = int_of(operands, 0)?;
    if end < 0 {
        return Err(Fault::new(format!("lists.range: size must be non-negative, got {end}")));
    }
    machine.pay(usize::try_from(end).unwrap_or(0))?;
    Ok(Val::list((0..end).map(Val::Int).collect()))
}

fn extreme(machine: &mut Machine<'_>, operands: &[Val], name: &str, wanted: Ordering) -> Answer {
    let mut best: Option<Val> = None;
    for item in list_of(operands, 0)?.iter() {
        machine.pay(1)?;
        let is_better = match &best {
            None => true,
            Some(best) => machine.compare(&item, best)? == wanted,
        };
        if is_better {
            best = Some(item);
        }
    }
    best.ok_or_else(|| Fault::new(format!("{name} called on empty list")))
}

fn contains_all(machine: &mut Machine<'_>, list: &List, wanted: &List) -> Result<bool, Fault> {
    let list = Val::List(list.clone());
    for item in wanted.iter() {
        if !machine.contains(&item, &list)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn intersects(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let other = operand(operands, 1)?;
    list_of(operands, 1)?;
    for item in list_of(operands, 0)?.iter() {
        if machine.contains(&item, other)? {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}

fn slice(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let list = list_of(operands, 0)?;
    let (start, end) = (int_of(operands, 1)?, int_of(operands, 2)?);
    let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else {
        return Err(Fault::new(format!("cannot slice({start}, {end}), negative indexes not supported")));
    };
    if from > to {
        return Err(Fault::new(format!(
            "cannot slice({start}, {end}), start index must be less than or equal to end index"
        )));
    }
    if to > list.len() {
        return Err(Fault::new(format!("cannot slice({start}, {end}), list is length {}", list.len())));
    }
    machine.pay(to - from)?;
    Ok(Val::list((from..to).filter_map(|index| list.get(index)).collect()))
}

fn sum(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let mut total = None;
    for item in list_of(operands, 0)?.iter() {
        machine.pay(1)?;
        total = Some(match (total, item) {
            (None, item @ (Val::Int(_) | Val::Uint(_) | Val::Double(_) | Val::Duration(_))) => item,
            (Some(Val::Int(a)), Val::Int(b)) => {
                Val::Int(a.checked_add(b).ok_or_else(|| Fault::new("integer overflow"))?)
            }
            (Some(Val::Uint(a)), Val::Uint(b)) => {
                Val::Uint(a.checked_add(b).ok_or_else(|| Fault::new("unsigned integer overflow"))?)
            }
            (Some(Val::Double(a)), Val::Double(b)) => Val::Double(a + b),
            (Some(Val::Duration(a)), Val::Duration(b)) => {
                Val::Duration(a.checked_add(b).ok_or_else(|| Fault::new("integer overflow"))?)
            }
            _ => return Err(no_overload()),
        });
    }
    Ok(total.unwrap_or(Val::Int(0)))
}

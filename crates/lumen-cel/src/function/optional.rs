//! Optional values.

use std::sync::Arc;

use super::{GLOBAL, MEMBER, Row, list_of, operand};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::Val;

pub(super) const TABLE: &[Row] = &[
    ("hasValue", MEMBER, 0, 0, |_, operands| inner(operands).map(|value| Val::Bool(value.is_some()))),
    ("optional.none", GLOBAL, 0, 0, |_, _| Ok(Val::Optional(None))),
    ("optional.of", GLOBAL, 1, 1, |_, operands| Ok(Val::some(operand(operands, 0)?.clone()))),
    ("optional.ofNonZeroValue", GLOBAL, 1, 1, |_, operands| {
        let value = operand(operands, 0)?;
        Ok(if value.is_zero() { Val::Optional(None) } else { Val::some(value.clone()) })
    }),
    ("optional.unwrap", GLOBAL, 1, 1, unwrapped),
    ("or", MEMBER, 1, 1, |_, operands| match (inner(operands)?, operand(operands, 1)?) {
        (Some(_), _) => operand(operands, 0).cloned(),
        (None, other @ Val::Optional(_)) => Ok(other.clone()),
        _ => Err(no_overload()),
    }),
    ("orValue", MEMBER, 1, 1, |_, operands| match inner(operands)? {
        Some(value) => Ok((**value).clone()),
        None => operand(operands, 1).cloned(),
    }),
    ("unwrapOpt", MEMBER, 0, 0, unwrapped),
    ("value", MEMBER, 0, 0, |_, operands| match inner(operands)? {
        Some(value) => Ok((**value).clone()),
        None => Err(Fault::new("optional.none() dereference")),
    }),
];

/// The values that there are.
fn unwrapped(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    let list = list_of(operands, 0)?;
    machine.pay(list.len())?;
    let mut found = Vec::new();
    for item in list.iter() {
        match item {
            Val::Optional(Some(value)) => found.push((*value).clone()),
            Val::Optional(None) => {}
            _ => return Err(no_overload()),
        }
    }
    Ok(Val::list(found))
}

fn inner(operands: &[Val]) -> Result<Option<&Arc<Val>>, Fault> {
    match operand(operands, 0)? {
        Val::Optional(inner) => Ok(inner.as_ref()),
        _ => Err(no_overload()),
    }
}

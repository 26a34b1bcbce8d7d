//! Comparison of any two values, in OPA's order of all values. OPA: `v1/topdown/comparison.go`.

use std::cmp::Ordering;

use lumen_value::Value;

use super::{Answer, Context, Entry, operand};

/// The family, by name.
pub const TABLE: &[Entry] = &[
    ("equal", |context, operands| compare(context, operands, Ordering::is_eq)),
    ("gt", |context, operands| compare(context, operands, Ordering::is_gt)),
    ("gte", |context, operands| compare(context, operands, Ordering::is_ge)),
    ("lt", |context, operands| compare(context, operands, Ordering::is_lt)),
    ("lte", |context, operands| compare(context, operands, Ordering::is_le)),
    ("neq", |context, operands| compare(context, operands, Ordering::is_ne)),
];

fn compare(context: &mut Context<'_>, operands: &[Value], holds: fn(Ordering) -> bool) -> Answer {
    context.budget.steps(1)?;
    let (order, parts) = operand::any(operands, 1)?.compare_counted(operand::any(operands, 2)?);
    context.budget.compared(parts)?;
    Ok(Value::Bool(holds(order)))
}

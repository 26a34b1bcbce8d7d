//! Comparisons.

use std::cmp::Ordering;

use lumen_value::Value;

use crate::plan::Comparison;

/// Whether a comparison holds.
pub(crate) fn compares(comparison: Comparison, left: &Value, right: &Value) -> bool {
    holds(comparison, left.cmp(right))
}

/// Whether a comparison holds of two values in this order.
pub(super) fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterEqual => order.is_ge(),
    }
}

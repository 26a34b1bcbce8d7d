//! Checks a condition against the fields: whether each is there, and can be compared so.

use std::collections::HashSet;
use std::sync::Arc;

use super::condition::{Check, Expression, Macro};
use super::field;
use super::load::Code;
use super::test::Test;

/// Why a condition is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The byte of the condition that is to blame, lists filled in; `None` where it stands in a macro.
    pub at: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// Something in a condition that may not be meant so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What kind of thing.
    pub code: Code,
    /// What.
    pub message: String,
}

/// Whether a message says that a field, or a type of events, is not there: what `skip-if-unknown-filter` skips a rule for.
pub(super) fn is_unknown(message: &str) -> bool {
    ["nonexistent field", "invalid formatting token", "unknown event type", "unknown filter:"]
        .into_iter()
        .any(|part| message.contains(part))
}

/// Checks a condition, macros with it.
///
/// # Errors
///
/// Where a field is not there, or cannot be compared so.
pub fn check(condition: &Expression) -> Result<Vec<Warning>, Refusal> {
    let mut warnings = Vec::new();
    let mut is_deprecated = false;
    let mut seen = HashSet::new();
    part(condition, false, &mut seen, &mut |check, is_in_macro| {
        let (_, found) = Test::compile(check)
            .map_err(|(at, message)| Refusal { at: (!is_in_macro).then_some(at), message })?;
        warnings.extend(found);
        if let super::condition::Operand::Field(name) = &check.left
            && field::find(&name.name).is_some_and(|id| id.field().name == "evt.dir")
        {
            is_deprecated = true;
        }
        Ok(())
    })?;
    if is_deprecated {
        let message = "evt.dir is deprecated: there are no events of the start of a call any more".to_owned();
        warnings.push(Warning { code: Code::DeprecatedItem, message });
    }
    Ok(warnings)
}

fn part(
    expression: &Expression,
    is_in_macro: bool,
    seen: &mut HashSet<*const Macro>,
    each: &mut impl FnMut(&Check, bool) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    match expression {
        Expression::And(children) | Expression::Or(children) => {
            children.iter().try_for_each(|child| part(child, is_in_macro, seen, each))
        }
        Expression::Not(child) => part(child, is_in_macro, seen, each),
        // A macro says the same wherever it stands.
        Expression::Macro(shared) if !seen.insert(Arc::as_ptr(shared)) => Ok(()),
        Expression::Macro(shared) => part(&shared.body, true, seen, each),
        Expression::Name(name) => Err(Refusal {
            at: Some(name.at),
            message: format!("filter error: unexpected identifier '{}'", name.name),
        }),
        Expression::Check(check) => each(check, is_in_macro),
    }
}

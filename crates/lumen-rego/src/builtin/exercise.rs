//! What the tests of built-ins share: a call by name, on values written as JSON.

use lumen_value::Value;
use lumen_value::read::Limits;

use super::{Budget, Context, Failure, cache, function};

/// The value that a JSON text is.
pub(super) fn value(json: &str) -> Value {
    match lumen_value::json::parse(json.as_bytes(), &Limits::default()) {
        Ok(parsed) => parsed.value,
        Err(error) => panic!("{error}: {json}"),
    }
}

/// Runs something within a large budget.
pub(super) fn with_context<T>(
    run: impl FnOnce(&mut Context<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    within(Budget::new(100_000_000, 1_000_000_000), run)
}

/// Runs something within a budget.
pub(super) fn within<T>(
    mut budget: Budget,
    run: impl FnOnce(&mut Context<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut random = || 0;
    let mut cache = cache::Cache::default();
    let span = crate::error::Span::default();
    run(&mut Context { budget: &mut budget, time_ns: 0, random: &mut random, cache: &mut cache, span })
}

/// Calls a built-in on operands; gives the result as JSON, or the message.
pub(super) fn call(name: &str, operands: &[&str]) -> Result<String, String> {
    let operands: Vec<Value> = operands.iter().map(|operand| value(operand)).collect();
    call_values(name, &operands).map(|value| value.to_json())
}

/// The same with values.
pub(super) fn call_values(name: &str, operands: &[Value]) -> Result<Value, String> {
    let Some(function) = function(name) else { panic!("no built-in {name}") };
    with_context(|context| function(context, operands)).map_err(|failure| match failure {
        Failure::Type(message) | Failure::Builtin(message) | Failure::Halt(message) => message,
        other => format!("{other:?}"),
    })
}

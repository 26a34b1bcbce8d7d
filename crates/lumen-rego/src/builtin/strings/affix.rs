//! Whether any of some strings begins, or ends, with any of others.

use lumen_value::Value;

use super::elements;
use crate::builtin::{Answer, Context, Failure, operand};

pub(super) fn any_prefix_match(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    any_match(context, operands, <[u8]>::to_vec)
}

pub(super) fn any_suffix_match(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    any_match(context, operands, |text| text.iter().rev().copied().collect())
}

/// The texts and the prefixes, made comparable, and sorted: what shares a prefix then stands right behind it.
fn any_match(context: &mut Context<'_>, operands: &[Value], made: fn(&[u8]) -> Vec<u8>) -> Answer {
    let mut texts = strings(context, operands, 1, made)?;
    let prefixes = strings(context, operands, 2, made)?;
    texts.sort_unstable();
    let begins_any = |prefix: &Vec<u8>| {
        let at = texts.partition_point(|text| text < prefix);
        texts.get(at).is_some_and(|text| text.starts_with(prefix))
    };
    Ok(Value::Bool(prefixes.iter().any(begins_any)))
}

fn strings(
    context: &mut Context<'_>,
    operands: &[Value],
    position: usize,
    made: fn(&[u8]) -> Vec<u8>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let value = operand::any(operands, position)?;
    if let Value::String(text) = value {
        context.budget.text(text.as_bytes().len())?;
        return Ok(vec![made(text.as_bytes())]);
    }
    let items =
        elements(value).ok_or_else(|| operand::wrong(position, "one of {string, set, array}", value))?;
    context.budget.values(items.len())?;
    let mut strings = Vec::with_capacity(items.len());
    for item in items {
        let Value::String(text) = item else {
            return Err(operand::wrong_element(position, value, "string", item));
        };
        context.budget.text(text.as_bytes().len())?;
        strings.push(made(text.as_bytes()));
    }
    Ok(strings)
}

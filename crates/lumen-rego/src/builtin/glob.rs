//! Globs as `gobwas/glob` reads them: `*` stops at delimiters and `**` does not, `?` is no delimiter, `[a-c]`, `[!abc]`,
//! `{a,b*}`. OPA: `v1/topdown/glob.go`.

mod lexer;

use lumen_value::{Str, Value};

use super::strings::look;
use super::{Answer, Context, Entry, Failure, operand, regex};
use crate::unicode;

/// The family, by name.
pub const TABLE: &[Entry] = &[("glob.match", glob_match), ("glob.quote_meta", quote_meta)];

fn glob_match(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let pattern = operand::string(operands, 1)?;
    let delimiters = match operand::any(operands, 2)? {
        Value::Null => String::new(),
        list @ Value::Array(items) => {
            let mut delimiters = String::new();
            context.budget.values(items.len())?;
            for item in items {
                let Value::String(text) = item else {
                    return Err(operand::wrong_element(2, list, "string", item));
                };
                let mut runes = unicode::runes(text.as_bytes());
                let (Some(rune), None) = (runes.next(), runes.next()) else {
                    return Err(operand::wrong_element(2, list, "rune", item));
                };
                delimiters.push(rune.char());
            }
            if items.is_empty() { ".".to_owned() } else { delimiters }
        }
        other => return Err(operand::wrong(2, "one of {array, null}", other)),
    };
    let text = operand::string(operands, 3)?;
    look(context.budget, pattern.as_bytes().len().saturating_mul(8))?;
    let key = [pattern.as_bytes(), b"\0", delimiters.as_bytes()].concat();
    let regex = context.cache.get("glob", &Str::from_bytes(&key), || {
        let translated = lexer::translate(pattern.as_bytes(), &delimiters)?;
        regex::build(&translated)
    })?;
    let size = u64::try_from(pattern.as_bytes().len()).unwrap_or(u64::MAX);
    let bytes = u64::try_from(text.as_bytes().len()).unwrap_or(u64::MAX);
    context.budget.steps(1 + bytes.saturating_mul(64 + size) / 4_096)?;
    Ok(Value::Bool(regex.is_match(&text.to_text())))
}

/// The text with a backslash before each character that has a meaning in a glob.
fn quote_meta(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?.as_bytes();
    context.budget.text(text.len().saturating_mul(2))?;
    let mut quoted = Vec::with_capacity(text.len());
    for byte in text {
        if br"*?\[]{}".contains(byte) {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    Ok(Value::String(Str::from_bytes(&quoted)))
}

/// What is wrong with a glob, as the library says it.
fn syntax_error(offset: usize, why: &str) -> Failure {
    Failure::Builtin(format!("glob: syntax error at {offset}: {why}"))
}

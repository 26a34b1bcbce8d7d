//! `strings.render_template`: Go's `text/template`, without methods and without functions of one's own.
//! OPA: `v1/topdown/template.go`. Numbers are strings there (`json.Number`), so `{{if .n}}` holds for 0.
//!
//! Left out: complex numbers; the words of errors during the rendering are not Go's in every case.

mod function;
mod parse;
mod run;

use lumen_value::{Str, Value};

use super::{Answer, Context, Entry, Failure, json, operand};

/// The family, by name.
pub const TABLE: &[Entry] = &[("strings.render_template", render)];

/// How deep actions, parentheses and templates may nest.
const DEPTH_MAX: usize = 100;

fn render(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?;
    operand::object(operands, 2)?;
    context.budget.tree(operand::any(operands, 2)?)?;
    context.budget.text(text.as_bytes().len().saturating_mul(8))?;
    // OPA reads the variables' text as JSON: what is written otherwise, as a set is, is an error.
    let variables = crate::term::whole(operand::any(operands, 2)?);
    let variables = json::read_whole(context, variables.as_bytes())?.map_err(Failure::Builtin)?;
    let source = text.to_text();
    let templates =
        parse::parse(&source).map_err(|error| Failure::Builtin(format!("template: template:{error}")))?;
    let rendered = run::run(&templates, &variables, context.budget)?;
    let rendered = String::from_utf8_lossy(&rendered).replace("<no value>", "<undefined>");
    context.budget.text(rendered.len())?;
    Ok(Value::String(Str::from(rendered)))
}

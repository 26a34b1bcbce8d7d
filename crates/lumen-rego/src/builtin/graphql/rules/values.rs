//! Rules on values: of the right type, variables that are known and fit.

use super::super::super::Failure;
use super::super::suggest::{plain_list, similar};
use super::super::tree::{Definition, DefinitionKind, Type, Value, ValueKind};
use super::super::walk::Walker;
use super::{Judged, repeated, suggestion};
use crate::depth;
use crate::term::quoted;

/// A value as messages show it.
fn shown(value: &Value) -> String {
    depth::grow(|| match value.kind {
        ValueKind::Variable => format!("${}", value.raw),
        ValueKind::String | ValueKind::Block => quoted(value.raw.as_bytes()),
        ValueKind::List => {
            let items: Vec<String> = value.children.iter().map(|child| shown(&child.value)).collect();
            format!("[{}]", items.join(","))
        }
        ValueKind::Object => {
            let fields = value.children.iter().map(|child| format!("{}:{}", child.name, shown(&child.value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        _ => value.raw.clone(),
    })
}

pub(super) fn judge(walker: &mut Walker<'_, '_>, value: &Value) -> Judged {
    let variable = walker.operation.zip(value.variable.get());
    let variable = variable.and_then(|(operation, index)| operation.variables.get(index));
    // NoUndefinedVariables
    if let (Some(operation), ValueKind::Variable, None) = (walker.operation, value.kind, variable) {
        let message = match operation.name.as_str() {
            "" => format!("Variable \"${}\" is not defined.", value.raw),
            name => format!("Variable \"${}\" is not defined by operation \"{name}\".", value.raw),
        };
        walker.fail(value.at, message)?;
    }
    // UniqueInputFieldNames
    if value.kind == ValueKind::Object {
        for (field, count) in repeated(&value.children, |child| &child.name) {
            if count > 1 {
                let message = format!("There can be only one input field named \"{}\".", field.name);
                walker.fail(field.at, message)?;
            }
        }
    }
    let definition = value.definition.borrow().clone();
    let expected = value.expected.borrow().clone();
    // ValuesOfCorrectType
    if let (Some(definition), Some(expected)) = (&definition, &expected) {
        judge_type(walker, value, definition, expected)?;
    }
    // VariablesInAllowedPosition
    if let (Some(variable), Some(expected)) = (variable, &expected) {
        let has_default = variable.default.as_ref().is_some_and(|default| default.kind != ValueKind::Null);
        let mut allowed = Type::clone(expected);
        if has_default || value.has_default.get() {
            allowed.non_null = false;
        }
        if !variable.of.is_compatible(&allowed) {
            let message = format!(
                "Variable \"${}\" of type \"{}\" used in position expecting type \"{expected}\".",
                value.raw, variable.of
            );
            walker.fail(value.at, message)?;
        }
    }
    if let Some(definition) = definition.filter(|definition| definition.has_directive("oneOf")) {
        judge_one_of_variables(walker, value, &definition)?;
    }
    Ok(())
}

fn judge_one_of_variables(walker: &mut Walker<'_, '_>, value: &Value, definition: &Definition) -> Judged {
    if value.kind != ValueKind::Object {
        return Ok(());
    }
    for child in &value.children {
        let variable = walker.operation.zip(child.value.variable.get());
        let Some(variable) = variable.and_then(|(operation, index)| operation.variables.get(index)) else {
            continue;
        };
        if child.value.kind == ValueKind::Variable && !variable.of.non_null {
            let message = format!(
                "Variable \"${}\" is of type \"{}\" but must be non-nullable to be used for OneOf Input Object \"{}\".",
                child.value.raw, variable.of, definition.name
            );
            walker.fail(variable.at, message)?;
        }
    }
    Ok(())
}

/// Whether Go cannot read the value's numbers.
fn is_out_of_range(walker: &mut Walker<'_, '_>, value: &Value) -> Result<bool, Failure> {
    walker.context.budget.steps(1)?;
    match value.kind {
        ValueKind::Int => Ok(value.raw.parse::<i64>().is_err()),
        ValueKind::Float => Ok(!value.raw.parse::<f64>().is_ok_and(f64::is_finite)),
        ValueKind::List | ValueKind::Object => depth::grow(|| {
            for child in &value.children {
                if is_out_of_range(walker, &child.value)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }),
        ValueKind::Variable => {
            let variable = walker.operation.zip(value.variable.get());
            let default =
                variable.and_then(|(operation, index)| operation.variables.get(index)?.default.as_ref());
            match default {
                Some(default) if default.kind != ValueKind::Variable => is_out_of_range(walker, default),
                _ => Ok(false),
            }
        }
        _ => Ok(false),
    }
}

fn judge_type(
    walker: &mut Walker<'_, '_>,
    value: &Value,
    definition: &Definition,
    expected: &Type,
) -> Judged {
    let is_one_of = |names: &[&str]| names.contains(&definition.name.as_str());
    if value.kind == ValueKind::Null && expected.non_null {
        let message = format!("Expected value of type \"{expected}\", found {}.", shown(value));
        walker.fail(value.at, message)?;
    }
    let is_custom = !is_one_of(&["Int", "Float", "String", "Boolean", "ID"]);
    if definition.kind == DefinitionKind::Scalar && is_custom {
        return Ok(());
    }
    if is_out_of_range(walker, value)? {
        unexpected(walker, value, definition, expected, "")?;
    }
    let fits = match value.kind {
        ValueKind::Null | ValueKind::Variable => true,
        ValueKind::List => expected.item.is_some(),
        ValueKind::Int => is_one_of(&["Int", "Float", "ID"]),
        ValueKind::Float => is_one_of(&["Float"]),
        ValueKind::Boolean => is_one_of(&["Boolean"]),
        ValueKind::String | ValueKind::Block => {
            if definition.kind == DefinitionKind::Enum {
                let message =
                    format!("Enum \"{expected}\" cannot represent non-enum value: {}.", shown(value));
                return not_in_enum(walker, value, definition, message);
            }
            is_one_of(&["String", "ID"])
        }
        ValueKind::Enum => {
            if definition.kind == DefinitionKind::Enum {
                walker.context.budget.steps(definition.values.len() as u64)?;
                if definition.values.iter().any(|known| known.name == value.raw) {
                    return Ok(());
                }
                let message = format!("Value \"{}\" does not exist in \"{expected}\" enum.", value.raw);
                return not_in_enum(walker, value, definition, message);
            }
            let names = definition.values.iter().map(|known| known.name.as_str());
            let names = similar(walker.context, &value.raw, names)?;
            let meant = match names.as_slice() {
                [] => String::new(),
                names => format!(" Did you mean the enum value {}?", plain_list(names)),
            };
            return unexpected(walker, value, definition, expected, &meant);
        }
        ValueKind::Object => return judge_object(walker, value, definition),
    };
    if fits { Ok(()) } else { unexpected(walker, value, definition, expected, "") }
}

fn not_in_enum(
    walker: &mut Walker<'_, '_>,
    value: &Value,
    definition: &Definition,
    message: String,
) -> Judged {
    let names = definition.values.iter().map(|known| known.name.as_str());
    let names = similar(walker.context, &value.raw, names)?;
    walker.fail(value.at, message + &suggestion("Did you mean the enum value", &names))
}

fn unexpected(
    walker: &mut Walker<'_, '_>,
    value: &Value,
    definition: &Definition,
    expected: &Type,
    meant: &str,
) -> Judged {
    let text = shown(value);
    let message = match expected.to_string().as_str() {
        "Int" | "Int!" => {
            let digits = value.raw.strip_prefix(['-', '+']).unwrap_or(&value.raw);
            let is_int = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if is_int && value.raw.parse::<i32>().is_err() {
                format!("Int cannot represent non 32-bit signed integer value: {text}")
            } else {
                format!("Int cannot represent non-integer value: {text}")
            }
        }
        "String" | "String!" | "[String]" => format!("String cannot represent a non string value: {text}"),
        "Boolean" | "Boolean!" => format!("Boolean cannot represent a non boolean value: {text}"),
        "Float" | "Float!" => format!("Float cannot represent non numeric value: {text}"),
        "ID" | "ID!" => format!("ID cannot represent a non-string and non-integer value: {text}"),
        _ if definition.kind == DefinitionKind::Enum => {
            format!("Enum \"{expected}\" cannot represent non-enum value: {text}.")
        }
        _ => format!("Expected value of type \"{expected}\", found {text}."),
    };
    walker.fail(value.at, message + meant)
}

fn judge_object(walker: &mut Walker<'_, '_>, value: &Value, definition: &Definition) -> Judged {
    let name = &definition.name;
    for field in definition.fields.iter().filter(|field| field.of.non_null && field.default.is_none()) {
        walker.context.budget.steps(value.children.len() as u64 / 4 + 1)?;
        if !value.children.iter().any(|child| child.name == field.name) {
            let message = format!(
                "Field \"{name}.{}\" of required type \"{}\" was not provided.",
                field.name, field.of
            );
            walker.fail(value.at, message)?;
        }
    }
    for _ in definition.directives.iter().filter(|directive| directive.name == "oneOf") {
        match value.children.as_slice() {
            [only] if only.value.kind == ValueKind::Null => {
                let first = definition.fields.first().map_or("", |field| field.name.as_str());
                walker.fail(only.value.at, format!("Field \"{name}.{first}\" must be non-null."))?;
            }
            [_] => {}
            _ => {
                let message = format!("OneOf Input Object \"{name}\" must specify exactly one key.");
                walker.fail(value.at, message)?;
            }
        }
    }
    for child in &value.children {
        walker.context.budget.steps(definition.fields.len() as u64 / 4 + 1)?;
        if definition.field(&child.name).is_none() {
            let names = definition.fields.iter().map(|field| field.name.as_str());
            let names = similar(walker.context, &child.name, names)?;
            let message = format!("Field \"{}\" is not defined by type \"{name}\".", child.name);
            walker.fail(child.at, message + &suggestion("Did you mean", &names))?;
        }
    }
    Ok(())
}

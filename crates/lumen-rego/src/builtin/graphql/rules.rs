//! The rules that a query must keep. On everything that the walk comes to, the rules are asked in the order of their names, as
//! upstream asks them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::Failure;
use super::suggest::{quoted_list, similar};
use super::tree::{
    Argument, Definition, DefinitionKind, Directive, Field, Fragment, Inline, Operation, Position, Selection,
    Spread, Value, Variable, argument,
};
use super::walk::{Placed, Walker};
use crate::term::quoted;

mod fragments;
mod overlap;
mod values;

type Judged = Result<(), Failure>;

/// What rules remember from one thing to the next.
#[derive(Default)]
pub(super) struct Memory<'a> {
    misplaced: HashSet<(String, Option<Position>)>,
    fragments: fragments::Memory<'a>,
    overlap: overlap::Memory<'a>,
    operation_names: HashSet<&'a str>,
}

pub(super) fn on_variable(walker: &mut Walker<'_, '_>, variable: &Variable) -> Judged {
    let name = variable.of.name();
    if walker.schema.get(name).is_none() {
        walker.fail(variable.at, format!("Unknown type \"{name}\"."))?;
    }
    Ok(())
}

pub(super) fn on_operation<'a>(walker: &mut Walker<'a, '_>, operation: &'a Operation) -> Judged {
    // KnownRootType
    let kind = &operation.kind;
    if walker.schema.root(kind).is_none() {
        walker.fail(operation.at, format!("Schema does not support operation type \"{kind}\""))?;
    }
    // LoneAnonymousOperation
    if operation.name.is_empty() && walker.query.operations.len() > 1 {
        let message = "This anonymous operation must be the only defined operation.";
        walker.fail(operation.at, message.to_owned())?;
    }
    // NoUnusedVariables
    for variable in operation.variables.iter().filter(|variable| !variable.used.get()) {
        let name = &variable.name;
        let message = match operation.name.as_str() {
            "" => format!("Variable \"${name}\" is never used."),
            operation => format!("Variable \"${name}\" is never used in operation \"{operation}\"."),
        };
        walker.fail(variable.at, message)?;
    }
    // OverlappingFieldsCanBeMerged
    overlap::judge(walker, &operation.selections)?;
    // SingleFieldSubscriptions
    if kind == "subscription" && walker.schema.root(kind).is_some() {
        judge_subscription(walker, operation)?;
    }
    // UniqueOperationNames
    if !walker.memory.operation_names.insert(&operation.name) {
        let message = format!("There can be only one operation named \"{}\".", operation.name);
        walker.fail(operation.at, message)?;
    }
    // UniqueVariableNames
    for (variable, count) in repeated(&operation.variables, |variable| &variable.name) {
        if count == 2 {
            let message = format!("There can be only one variable named \"${}\".", variable.name);
            walker.fail(variable.at, message)?;
        }
    }
    // VariablesAreInputTypes
    for variable in &operation.variables {
        let is_wrong = variable.definition.borrow().as_ref().is_some_and(|definition| !definition.is_input());
        if is_wrong {
            let message =
                format!("Variable \"${}\" cannot be non-input type \"{}\".", variable.name, variable.of);
            walker.fail(variable.at, message)?;
        }
    }
    Ok(())
}

/// Things, and how often their name stood so far.
fn repeated<T>(things: &[T], name: impl Fn(&T) -> &str) -> Vec<(&T, usize)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let counted = things.iter().map(|thing| {
        let count = counts.entry(name(thing).to_owned()).or_default();
        *count += 1;
        (thing, *count)
    });
    counted.collect()
}

fn judge_subscription(walker: &mut Walker<'_, '_>, operation: &Operation) -> Judged {
    let mut fields: Vec<&Field> = Vec::new();
    let mut names = HashSet::new();
    let mut seen = HashSet::new();
    let mut pending = vec![operation.selections.iter()];
    while let Some(selections) = pending.last_mut() {
        walker.context.budget.steps(1)?;
        match selections.next() {
            None => {
                pending.pop();
            }
            Some(Selection::Field(field)) => {
                if names.insert(&field.name) {
                    fields.push(field);
                }
            }
            Some(Selection::Inline(inline)) => pending.push(inline.selections.iter()),
            Some(Selection::Spread(spread)) => {
                let fragment = spread.fragment.get().and_then(|index| walker.query.fragments.get(index));
                match fragment {
                    // Upstream leaves the selections there.
                    None => {
                        pending.pop();
                    }
                    Some(fragment) if seen.insert(&fragment.name) => pending.push(fragment.selections.iter()),
                    Some(_) => {}
                }
            }
        }
    }
    let name = match operation.name.as_str() {
        "" => "Anonymous Subscription".to_owned(),
        name => format!("Subscription {}", quoted(name.as_bytes())),
    };
    if let Some(second) = fields.get(1) {
        walker.fail(second.at, format!("{name} must select only one top level field."))?;
    }
    for field in fields.iter().filter(|field| field.name.starts_with("__")) {
        walker.fail(field.at, format!("{name} must not select an introspection top level field."))?;
    }
    Ok(())
}

pub(super) fn on_field<'a>(walker: &mut Walker<'a, '_>, field: &'a Field) -> Judged {
    let parent = field.parent.borrow().clone();
    let definition = field.definition.borrow().clone();
    let name = &field.name;
    // FieldsOnCorrectType
    if let (Some(parent), None) = (&parent, &definition) {
        judge_unknown_field(walker, field, parent)?;
    }
    // KnownArgumentNames
    if let (Some(parent), Some(definition)) = (&parent, &definition) {
        for given in &field.arguments {
            if argument(&definition.arguments, &given.name).is_none() {
                let message =
                    format!("Unknown argument \"{}\" on field \"{}.{name}\".", given.name, parent.name);
                let names = definition.arguments.iter().map(|argument| argument.name.as_str());
                let names = similar(walker.context, &given.name, names)?;
                walker.fail(field.at, message + &suggestion("Did you mean", &names))?;
            }
        }
    }
    // MaxIntrospectionDepth
    if matches!(name.as_str(), "__schema" | "__type") && fragments::is_too_deep(walker, field)? {
        walker.fail(field.at, "Maximum introspection depth exceeded".to_owned())?;
    }
    // OverlappingFieldsCanBeMerged
    if walker.operation.is_some() {
        overlap::judge(walker, &field.selections)?;
    }
    if let Some(definition) = &definition {
        // ProvidedRequiredArguments
        for needed in
            definition.arguments.iter().filter(|needed| needed.of.non_null && needed.default.is_none())
        {
            if !field.arguments.iter().any(|given| given.name == needed.name) {
                let message = format!(
                    "Field \"{name}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                    needed.name, needed.of
                );
                walker.fail(field.at, message)?;
            }
        }
        // ScalarLeafs
        if let Some(of) = walker.schema.get(definition.of.name()).cloned() {
            if of.is_leaf() && !field.selections.is_empty() {
                let message = format!(
                    "Field \"{name}\" must not have a selection since type \"{}\" has no subfields.",
                    of.name
                );
                walker.fail(field.at, message)?;
            }
            if !of.is_leaf() && field.selections.is_empty() {
                let message = format!(
                    "Field \"{name}\" of type \"{}\" must have a selection of subfields. Did you mean \"{name} {{ ... }}\"?",
                    definition.of
                );
                walker.fail(field.at, message)?;
            }
        }
    }
    judge_unique_arguments(walker, &field.arguments)
}

fn suggestion(prefix: &str, names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" {prefix} {}?", quoted_list(names)) }
}

fn judge_unknown_field(walker: &mut Walker<'_, '_>, field: &Field, parent: &Arc<Definition>) -> Judged {
    let mut message = format!("Cannot query field \"{}\" on type \"{}\".", field.name, parent.name);
    match suggested_types(walker, parent, &field.name)? {
        Some(types) => {
            message.push_str(" Did you mean to use an inline fragment on ");
            message.push_str(&quoted_list(&types));
            message.push('?');
        }
        None if matches!(parent.kind, DefinitionKind::Object | DefinitionKind::Interface) => {
            let names = parent.fields.iter().map(|field| field.name.as_str());
            let names = similar(walker.context, &field.name, names)?;
            message += &suggestion("Did you mean", &names);
        }
        None => {}
    }
    walker.fail(field.at, message)
}

/// The types that a value of an abstract type may have and that know the field, and their interfaces that do.
fn suggested_types(
    walker: &mut Walker<'_, '_>,
    parent: &Definition,
    name: &str,
) -> Result<Option<Vec<String>>, Failure> {
    if !parent.is_abstract() {
        return Ok(None);
    }
    let mut objects: Vec<String> = Vec::new();
    let mut interfaces: Vec<String> = Vec::new();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for possible in walker.schema.possible(&parent.name) {
        walker.context.budget.steps(possible.fields.len() as u64 + 1)?;
        if possible.field(name).is_none() {
            continue;
        }
        objects.push(possible.name.clone());
        for interface in &possible.interfaces {
            if walker.schema.get(interface).is_some_and(|definition| definition.field(name).is_some()) {
                let count = counts.entry(interface.clone()).or_default();
                if *count == 0 {
                    interfaces.push(interface.clone());
                }
                *count += 1;
            }
        }
    }
    interfaces.extend(objects);
    if interfaces.is_empty() {
        return Ok(None);
    }
    interfaces.sort_by(|first, second| {
        let count = |name: &String| counts.get(name).copied().unwrap_or_default();
        count(second).cmp(&count(first)).then_with(|| first.cmp(second))
    });
    Ok(Some(interfaces))
}

fn judge_unique_arguments(walker: &mut Walker<'_, '_>, arguments: &[Argument]) -> Judged {
    for (argument, count) in repeated(arguments, |argument| &argument.name) {
        if count == 2 {
            let message = format!("There can be only one argument named \"{}\".", argument.name);
            walker.fail(argument.at, message)?;
        }
    }
    Ok(())
}

pub(super) fn on_directive(walker: &mut Walker<'_, '_>, placed: &Placed<'_>) -> Judged {
    let Placed { directive, definition, location } = placed;
    let name = &directive.name;
    let Some(definition) = definition else {
        walker.fail(directive.at, format!("Unknown directive \"@{name}\"."))?;
        return judge_unique_arguments(walker, &directive.arguments);
    };
    // KnownArgumentNames
    for given in &directive.arguments {
        if argument(&definition.arguments, &given.name).is_none() {
            let message = format!("Unknown argument \"{}\" on directive \"@{name}\".", given.name);
            let names = definition.arguments.iter().map(|argument| argument.name.as_str());
            let names = similar(walker.context, &given.name, names)?;
            walker.fail(directive.at, message + &suggestion("Did you mean", &names))?;
        }
    }
    // KnownDirectives
    let is_placed = definition.locations.iter().any(|known| known == location);
    if !is_placed && walker.memory.misplaced.insert((name.clone(), directive.at)) {
        walker.fail(directive.at, format!("Directive \"@{name}\" may not be used on {location}."))?;
    }
    // ProvidedRequiredArguments
    for needed in definition.arguments.iter().filter(|needed| needed.of.non_null && needed.default.is_none())
    {
        if !directive.arguments.iter().any(|given| given.name == needed.name) {
            let message = format!(
                "Directive \"@{name}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                needed.name, needed.of
            );
            walker.fail(directive.at, message)?;
        }
    }
    judge_unique_arguments(walker, &directive.arguments)
}

pub(super) fn on_directives(walker: &mut Walker<'_, '_>, directives: &[Directive]) -> Judged {
    for (directive, count) in repeated(directives, |directive| &directive.name) {
        let definition = walker.schema.directives.get(&directive.name);
        if count > 1 && definition.is_none_or(|definition| !definition.is_repeatable) {
            let name = &directive.name;
            let message = format!("The directive \"@{name}\" can only be used once at this location.");
            walker.fail(directive.at, message)?;
        }
    }
    Ok(())
}

pub(super) fn on_inline<'a>(walker: &mut Walker<'a, '_>, inline: &'a Inline) -> Judged {
    // FragmentsOnCompositeTypes, KnownTypeNames
    let condition = &inline.condition;
    match walker.schema.get(condition) {
        Some(of) if !of.is_composite() => {
            let message = format!("Fragment cannot condition on non composite type \"{condition}\".");
            walker.fail(inline.at, message)?;
        }
        None if !condition.is_empty() => {
            walker.fail(inline.at, format!("Unknown type \"{condition}\"."))?;
        }
        _ => {}
    }
    // OverlappingFieldsCanBeMerged
    overlap::judge(walker, &inline.selections)?;
    // PossibleFragmentSpreads
    let parent = inline.parent.borrow().clone();
    if let Some(parent) = parent.filter(|parent| !fragments::is_possible(walker, parent, condition)) {
        let message = format!(
            "Fragment cannot be spread here as objects of type \"{}\" can never be of type \"{condition}\".",
            parent.name
        );
        walker.fail(inline.at, message)?;
    }
    Ok(())
}

pub(super) fn on_spread<'a>(walker: &mut Walker<'a, '_>, spread: &'a Spread) -> Judged {
    let name = &spread.name;
    let fragment = spread.fragment.get().and_then(|index| walker.query.fragments.get(index));
    // KnownFragmentNames
    if fragment.is_none() {
        walker.fail(spread.at, format!("Unknown fragment \"{name}\"."))?;
    }
    // NoUnusedFragments
    walker.memory.fragments.note_spread(name);
    // PossibleFragmentSpreads
    if let (Some(fragment), Some(parent)) = (fragment, spread.parent.borrow().clone())
        && !fragments::is_possible(walker, &parent, &fragment.condition)
    {
        let message = format!(
            "Fragment \"{name}\" cannot be spread here as objects of type \"{}\" can never be of type \"{}\".",
            parent.name, fragment.condition
        );
        walker.fail(spread.at, message)?;
    }
    Ok(())
}

pub(super) fn on_fragment<'a>(
    walker: &mut Walker<'a, '_>,
    fragment: &'a Fragment,
    definition: Option<&Arc<Definition>>,
) -> Judged {
    let (name, condition) = (&fragment.name, &fragment.condition);
    match definition {
        // FragmentsOnCompositeTypes
        Some(definition) if !condition.is_empty() && !definition.is_composite() => {
            let message =
                format!("Fragment \"{name}\" cannot condition on non composite type \"{condition}\".");
            walker.fail(fragment.at, message)?;
        }
        // KnownTypeNames
        None => {
            let names = walker.schema.types.keys().map(String::as_str);
            let names = similar(walker.context, condition, names)?;
            let message = format!("Unknown type \"{condition}\".") + &suggestion("Did you mean", &names);
            walker.fail(fragment.at, message)?;
        }
        Some(_) => {}
    }
    // NoFragmentCycles
    fragments::judge_cycles(walker, fragment)?;
    // NoUnusedFragments
    if !walker.memory.fragments.is_used(name) {
        walker.fail(fragment.at, format!("Fragment \"{name}\" is never used."))?;
    }
    // OverlappingFieldsCanBeMerged
    overlap::judge(walker, &fragment.selections)?;
    // UniqueFragmentNames
    if !walker.memory.fragments.is_new(name) {
        walker.fail(fragment.at, format!("There can be only one fragment named \"{name}\"."))?;
    }
    Ok(())
}

pub(super) fn on_value(walker: &mut Walker<'_, '_>, value: &Value) -> Judged {
    values::judge(walker, value)
}

//! Fields that come together under one name must be the same (`overlapping_fields_can_be_merged.go`). The letters are upstream's.

use std::collections::{HashMap, HashSet};

use super::super::super::Failure;
use super::super::schema::Schema;
use super::super::tree::{
    Argument, DefinitionKind, Field, Position, Selection, Spread, Type, Value, ValueKind,
};
use super::super::walk::Walker;
use super::Judged;
use crate::depth;

#[derive(Default)]
pub(super) struct Memory<'a> {
    /// Pairs of fragments that were compared, and whether as such that can never meet.
    pairs: HashMap<(&'a str, &'a str), bool>,
    /// Fragments that the fields at hand were compared with.
    compared: HashSet<&'a str>,
}

/// Why fields cannot come together.
struct Conflict {
    name: String,
    reason: Reason,
    at: Option<Position>,
}

enum Reason {
    Said(String),
    /// Fields in them cannot.
    Within(Vec<Conflict>),
}

impl Conflict {
    fn reason(&self) -> String {
        match &self.reason {
            Reason::Said(reason) => reason.clone(),
            Reason::Within(conflicts) => {
                let parts = conflicts.iter().map(|conflict| {
                    let reason = depth::grow(|| conflict.reason());
                    format!("subfields \"{}\" conflict because {reason}", conflict.name)
                });
                parts.collect::<Vec<_>>().join(" and ")
            }
        }
    }
}

/// Fields by the name that they come under, in the order of the text.
#[derive(Default, PartialEq)]
struct Fields<'a> {
    names: Vec<&'a str>,
    by_name: HashMap<&'a str, Vec<Same<'a>>>,
}

/// A field; equal to itself alone.
#[derive(Clone, Copy)]
struct Same<'a>(&'a Field);

impl PartialEq for Same<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

fn response_name(field: &Field) -> &str {
    if field.alias.is_empty() { &field.name } else { &field.alias }
}

/// The fields of selections, and the fragments that are spread in them.
fn collect<'a>(
    walker: &mut Walker<'a, '_>,
    selections: &'a [Selection],
) -> Result<(Fields<'a>, Vec<&'a Spread>), Failure> {
    let mut fields = Fields::default();
    let mut spreads = Vec::new();
    let mut pending = vec![selections.iter()];
    while let Some(selections) = pending.last_mut() {
        walker.context.budget.steps(1)?;
        match selections.next() {
            None => {
                pending.pop();
            }
            Some(Selection::Field(field)) => {
                let name = response_name(field);
                let named = fields.by_name.entry(name).or_default();
                if named.is_empty() {
                    fields.names.push(name);
                }
                named.push(Same(field));
            }
            Some(Selection::Inline(inline)) => pending.push(inline.selections.iter()),
            Some(Selection::Spread(spread)) => spreads.push(spread),
        }
    }
    Ok((fields, spreads))
}

/// Judges selections.
pub(super) fn judge<'a>(walker: &mut Walker<'a, '_>, selections: &'a [Selection]) -> Judged {
    if selections.is_empty() {
        return Ok(());
    }
    let (fields, spreads) = collect(walker, selections)?;
    let mut conflicts = Vec::new();
    // A
    for name in &fields.names {
        let named = fields.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        for (index, first) in named.iter().enumerate() {
            for second in named.iter().skip(index + 1) {
                conflicts.extend(compare(walker, false, first.0, second.0)?);
            }
        }
    }
    walker.memory.overlap.compared.clear();
    for (index, first) in spreads.iter().enumerate() {
        // B
        fields_and_fragment(walker, &mut conflicts, false, &fields, first)?;
        // C
        for second in spreads.iter().skip(index + 1) {
            fragments(walker, &mut conflicts, false, first, second)?;
        }
    }
    for conflict in conflicts {
        let message = format!(
            "Fields \"{}\" conflict because {}. Use different aliases on the fields to fetch both if this was intentional.",
            conflict.name,
            conflict.reason()
        );
        walker.fail(conflict.at, message)?;
    }
    Ok(())
}

fn selections_of<'a>(walker: &Walker<'a, '_>, spread: &Spread) -> Option<&'a [Selection]> {
    let fragment = walker.query.fragments.get(spread.fragment.get()?)?;
    Some(&fragment.selections)
}

fn fields_and_fragment<'a>(
    walker: &mut Walker<'a, '_>,
    conflicts: &mut Vec<Conflict>,
    are_exclusive: bool,
    fields: &Fields<'a>,
    spread: &'a Spread,
) -> Judged {
    walker.context.budget.steps(1)?;
    if !walker.memory.overlap.compared.insert(&spread.name) {
        return Ok(());
    }
    let Some(selections) = selections_of(walker, spread) else {
        return Ok(());
    };
    let (others, spreads) = collect(walker, selections)?;
    if *fields == others {
        return Ok(());
    }
    // D
    between(walker, conflicts, are_exclusive, fields, &others)?;
    // E
    for inner in spreads.into_iter().filter(|inner| inner.name != spread.name) {
        depth::grow(|| fields_and_fragment(walker, conflicts, are_exclusive, fields, inner))?;
    }
    Ok(())
}

fn fragments<'a>(
    walker: &mut Walker<'a, '_>,
    conflicts: &mut Vec<Conflict>,
    are_exclusive: bool,
    first: &'a Spread,
    second: &'a Spread,
) -> Judged {
    walker.context.budget.steps(1)?;
    if first.name == second.name {
        return Ok(());
    }
    let pair = (first.name.as_str(), second.name.as_str());
    // Compared as such that may meet, they are compared for both.
    if walker.memory.overlap.pairs.get(&pair).is_some_and(|known| are_exclusive || !known) {
        return Ok(());
    }
    walker.memory.overlap.pairs.insert(pair, are_exclusive);
    walker.memory.overlap.pairs.insert((pair.1, pair.0), are_exclusive);
    let (Some(left), Some(right)) = (selections_of(walker, first), selections_of(walker, second)) else {
        return Ok(());
    };
    let (left, left_spreads) = collect(walker, left)?;
    let (right, right_spreads) = collect(walker, right)?;
    // F
    between(walker, conflicts, are_exclusive, &left, &right)?;
    // G
    for inner in right_spreads {
        depth::grow(|| fragments(walker, conflicts, are_exclusive, first, inner))?;
    }
    for inner in left_spreads {
        depth::grow(|| fragments(walker, conflicts, are_exclusive, inner, second))?;
    }
    Ok(())
}

fn between<'a>(
    walker: &mut Walker<'a, '_>,
    conflicts: &mut Vec<Conflict>,
    are_exclusive: bool,
    left: &Fields<'a>,
    right: &Fields<'a>,
) -> Judged {
    for name in &left.names {
        let (Some(firsts), Some(seconds)) = (left.by_name.get(name), right.by_name.get(name)) else {
            continue;
        };
        for first in firsts {
            for second in seconds {
                conflicts.extend(compare(walker, are_exclusive, first.0, second.0)?);
            }
        }
    }
    Ok(())
}

/// Compares two fields that come under one name.
fn compare<'a>(
    walker: &mut Walker<'a, '_>,
    are_parents_exclusive: bool,
    first: &'a Field,
    second: &'a Field,
) -> Result<Option<Conflict>, Failure> {
    walker.context.budget.steps(4)?;
    let (Some(left), Some(right)) = (first.parent.borrow().clone(), second.parent.borrow().clone()) else {
        return Ok(None);
    };
    let definitions = (first.definition.borrow().clone(), second.definition.borrow().clone());
    let is_object = |kind| kind == DefinitionKind::Object;
    let are_exclusive = are_parents_exclusive
        || (left.name != right.name
            && is_object(left.kind)
            && is_object(right.kind)
            && definitions.0.is_some()
            && definitions.1.is_some());
    let conflict = |reason| Some(Conflict { name: response_name(first).to_owned(), reason, at: second.at });
    let said = |reason: String| Ok(conflict(Reason::Said(reason)));
    if !are_exclusive {
        if first.name != second.name {
            return said(format!("\"{}\" and \"{}\" are different fields", first.name, second.name));
        }
        if !are_same_arguments(walker, &first.arguments, &second.arguments)? {
            return said("they have differing arguments".to_owned());
        }
    }
    if let (Some(left), Some(right)) = &definitions
        && do_types_conflict(walker.schema, &left.of, &right.of)
    {
        return said(format!("they return conflicting types \"{}\" and \"{}\"", left.of, right.of));
    }
    let inner = depth::grow(|| sub_selections(walker, are_exclusive, &first.selections, &second.selections))?;
    Ok(if inner.is_empty() { None } else { conflict(Reason::Within(inner)) })
}

fn sub_selections<'a>(
    walker: &mut Walker<'a, '_>,
    are_exclusive: bool,
    first: &'a [Selection],
    second: &'a [Selection],
) -> Result<Vec<Conflict>, Failure> {
    let mut conflicts = Vec::new();
    let (left, left_spreads) = collect(walker, first)?;
    let (right, right_spreads) = collect(walker, second)?;
    // H
    between(walker, &mut conflicts, are_exclusive, &left, &right)?;
    // I
    for spread in &right_spreads {
        walker.memory.overlap.compared.clear();
        fields_and_fragment(walker, &mut conflicts, are_exclusive, &left, spread)?;
    }
    for spread in &left_spreads {
        walker.memory.overlap.compared.clear();
        fields_and_fragment(walker, &mut conflicts, are_exclusive, &right, spread)?;
    }
    // J
    for first in &left_spreads {
        for second in &right_spreads {
            fragments(walker, &mut conflicts, are_exclusive, first, second)?;
        }
    }
    Ok(conflicts)
}

fn are_same_arguments(
    walker: &mut Walker<'_, '_>,
    first: &[Argument],
    second: &[Argument],
) -> Result<bool, Failure> {
    if first.len() != second.len() {
        return Ok(false);
    }
    for given in first {
        let mut is_matched = false;
        for other in second.iter().filter(|other| other.name == given.name) {
            is_matched |= are_same_values(walker, &given.value, &other.value)?;
        }
        walker.context.budget.steps(second.len() as u64 / 4 + 1)?;
        if !is_matched {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_same_values(walker: &mut Walker<'_, '_>, first: &Value, second: &Value) -> Result<bool, Failure> {
    walker.context.budget.steps(1 + first.children.len() as u64)?;
    if first.kind != second.kind || first.raw != second.raw || first.children.len() != second.children.len() {
        return Ok(false);
    }
    let (mut left, mut right): (Vec<_>, Vec<_>) =
        (first.children.iter().collect(), second.children.iter().collect());
    if first.kind == ValueKind::Object {
        left.sort_by(|a, b| a.name.cmp(&b.name));
        right.sort_by(|a, b| a.name.cmp(&b.name));
    }
    for (left, right) in left.into_iter().zip(right) {
        let is_same =
            left.name == right.name && depth::grow(|| are_same_values(walker, &left.value, &right.value))?;
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn do_types_conflict(schema: &Schema, first: &Type, second: &Type) -> bool {
    let (mut left, mut right) = (first, second);
    loop {
        match (&left.item, &right.item) {
            (Some(first), Some(second)) => (left, right) = (first, second),
            (None, None) => break,
            _ => return true,
        }
    }
    if left.non_null != right.non_null {
        return true;
    }
    match (schema.get(&left.named), schema.get(&right.named)) {
        (Some(left), Some(right)) => left.is_leaf() && right.is_leaf() && left.name != right.name,
        _ => false,
    }
}

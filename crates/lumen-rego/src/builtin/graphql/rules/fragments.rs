//! Rules on fragments: cycles, use, types, and how deep a query asks about the schema itself.

use std::collections::{HashMap, HashSet};

use super::super::super::Failure;
use super::super::tree::{Definition, DefinitionKind, Field, Fragment, Selection, Spread};
use super::super::walk::Walker;
use crate::depth;

/// Most lists of types within each other.
const LISTS_MAX: usize = 3;

#[derive(Default)]
pub(super) struct Memory<'a> {
    /// Those that were looked at for cycles.
    visited: HashSet<&'a str>,
    used: HashSet<&'a str>,
    seen: HashSet<&'a str>,
    /// All operations were walked through.
    in_definitions: bool,
}

impl<'a> Memory<'a> {
    pub(super) fn note_spread(&mut self, name: &'a str) {
        if !self.in_definitions {
            self.used.insert(name);
        }
    }

    pub(super) fn is_used(&mut self, name: &str) -> bool {
        self.in_definitions = true;
        self.used.contains(name)
    }

    pub(super) fn is_new(&mut self, name: &'a str) -> bool {
        self.seen.insert(name)
    }
}

/// Whether a fragment's type and the type that it stands in have something in common, as far as both are known.
pub(super) fn is_possible(walker: &Walker<'_, '_>, parent: &Definition, condition: &str) -> bool {
    let schema = walker.schema;
    let Some(of) = schema.get(condition).filter(|of| of.is_composite()) else {
        return true;
    };
    let wanted: HashSet<&str> = match parent.kind {
        DefinitionKind::Object => HashSet::from([parent.name.as_str()]),
        DefinitionKind::Interface | DefinitionKind::Union => {
            schema.possible(&parent.name).map(|possible| possible.name.as_str()).collect()
        }
        _ => return true,
    };
    schema.possible(&of.name).any(|possible| wanted.contains(possible.name.as_str()))
}

/// Whether a question about the schema goes through too many lists of types.
pub(super) fn is_too_deep(walker: &mut Walker<'_, '_>, field: &Field) -> Result<bool, Failure> {
    let mut visited = HashSet::new();
    is_field_too_deep(walker, field, &mut visited, 0)
}

fn is_field_too_deep(
    walker: &mut Walker<'_, '_>,
    field: &Field,
    visited: &mut HashSet<usize>,
    lists: usize,
) -> Result<bool, Failure> {
    let is_list = matches!(field.name.as_str(), "fields" | "interfaces" | "possibleTypes" | "inputFields");
    let lists = lists + usize::from(is_list);
    if is_list && lists >= LISTS_MAX {
        return Ok(true);
    }
    are_too_deep(walker, &field.selections, visited, lists)
}

fn are_too_deep(
    walker: &mut Walker<'_, '_>,
    selections: &[Selection],
    visited: &mut HashSet<usize>,
    lists: usize,
) -> Result<bool, Failure> {
    depth::grow(|| {
        for selection in selections {
            walker.context.budget.steps(1)?;
            let is_too_deep = match selection {
                Selection::Field(field) => is_field_too_deep(walker, field, visited, lists)?,
                Selection::Inline(inline) => are_too_deep(walker, &inline.selections, visited, lists)?,
                Selection::Spread(spread) => {
                    let query = walker.query;
                    let index = spread.fragment.get();
                    match index.zip(index.and_then(|index| query.fragments.get(index))) {
                        Some((index, fragment)) if visited.insert(index) => {
                            let found = are_too_deep(walker, &fragment.selections, visited, lists)?;
                            visited.remove(&index);
                            found
                        }
                        _ => false,
                    }
                }
            };
            if is_too_deep {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

/// The spreads in selections, in the order in which upstream comes to them.
fn spreads<'a>(walker: &mut Walker<'a, '_>, selections: &'a [Selection]) -> Result<Vec<&'a Spread>, Failure> {
    let mut found = Vec::new();
    let mut pending = vec![selections];
    while let Some(selections) = pending.pop() {
        walker.context.budget.steps(selections.len() as u64 + 1)?;
        for selection in selections {
            match selection {
                Selection::Spread(spread) => found.push(spread),
                Selection::Field(field) => pending.push(&field.selections),
                Selection::Inline(inline) => pending.push(&inline.selections),
            }
        }
    }
    Ok(found)
}

/// The way through fragments from the one at hand.
#[derive(Default)]
struct Way<'a> {
    spreads: Vec<&'a Spread>,
    /// Where a fragment's spreads begin on it.
    places: HashMap<&'a str, usize>,
}

pub(super) fn judge_cycles<'a>(walker: &mut Walker<'a, '_>, fragment: &'a Fragment) -> Result<(), Failure> {
    follow(walker, fragment, &mut Way::default())
}

fn follow<'a>(walker: &mut Walker<'a, '_>, fragment: &'a Fragment, way: &mut Way<'a>) -> Result<(), Failure> {
    if !walker.memory.fragments.visited.insert(&fragment.name) {
        return Ok(());
    }
    let found = spreads(walker, &fragment.selections)?;
    if found.is_empty() {
        return Ok(());
    }
    way.places.insert(&fragment.name, way.spreads.len());
    for spread in found {
        let place = way.places.get(spread.name.as_str()).copied();
        if let Some(from) = place {
            let cycle = way.spreads.get(from..).unwrap_or_default();
            let names: Vec<String> = cycle.iter().map(|spread| format!("\"{}\"", spread.name)).collect();
            let via = if names.is_empty() { String::new() } else { format!(" via {}", names.join(", ")) };
            let message = format!("Cannot spread fragment \"{}\" within itself{via}.", spread.name);
            walker.fail(spread.at, message)?;
        } else if let Some(next) = walker.fragment(&spread.name) {
            way.spreads.push(spread);
            depth::grow(|| follow(walker, next, way))?;
            way.spreads.pop();
        }
    }
    way.places.remove(fragment.name.as_str());
    Ok(())
}

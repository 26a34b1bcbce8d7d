//! Variables that are declared and never used.

use super::super::resolve;
use super::super::state::error;
use super::super::vars::{self, ALL, VarSet};
use super::scope::{Locals, Seen};
use crate::ast::{Body, Name, Term};
use crate::error::{Code, Span};
use crate::hash::HashMap;

/// Where the variables of a body are declared: what messages point at.
pub(super) struct Before {
    first: Span,
    declared: HashMap<Name, Span>,
}

/// Notes where the variables of a body are declared, before that is rewritten.
pub(super) fn before(body: &Body) -> Before {
    let mut declared = HashMap::default();
    for expr in body {
        for name in resolve::declared_in(expr) {
            declared.entry(name).or_insert(expr.span);
        }
    }
    Before { first: body.first().map(|expr| expr.span).unwrap_or_default(), declared }
}

/// Finds variables of the innermost scope that `body` and `used` do not use.
pub(super) fn check(locals: &mut Locals, used: &VarSet, before: &Before, body: &Body, strict: bool) {
    if strict && locals.unused.is_empty() {
        let found = assigned(locals, used, body, before);
        locals.unused.extend(found);
    }
    if locals.unused.is_empty() {
        let found = declared(locals, used, body, before);
        locals.unused.extend(found);
    }
}

fn assigned(locals: &Locals, used: &VarSet, body: &Body, before: &Before) -> Vec<crate::error::Error> {
    let mut unused: Vec<(&Name, &Name)> = Vec::new();
    for (name, entry) in locals.of_kind(Seen::Assigned) {
        if !vars::is_wildcard(name)
            && entry.count <= 1
            && !used.contains(&entry.fresh)
            && !used.contains(name)
        {
            unused.push((name, &entry.fresh));
        }
    }
    if unused.is_empty() {
        return Vec::new();
    }
    let mut places: HashMap<Name, Span> = HashMap::default();
    for expr in body {
        let mut names = VarSet::new();
        vars::in_expr(expr, ALL, &mut names);
        for name in names {
            places.entry(name).or_insert(expr.span);
        }
    }
    let place = |fresh: &Name| places.get(fresh).copied().unwrap_or(before.first);
    unused
        .iter()
        .map(|(name, fresh)| {
            error(Code::Compile, place(fresh), format!("assigned var {} unused", vars::shown(name)))
        })
        .collect()
}

fn declared(locals: &Locals, used: &VarSet, body: &Body, before: &Before) -> Vec<crate::error::Error> {
    let candidates = locals.of_kind(Seen::Declared);
    if candidates.is_empty() {
        return Vec::new();
    }
    let mut open: HashMap<&Name, &Name> = candidates
        .iter()
        .map(|(name, entry)| (&entry.fresh, *name))
        .filter(|(_, name)| !vars::is_generated(name))
        .collect();
    for name in used {
        open.remove(locals.declared(name).unwrap_or(name));
        open.remove(name);
    }
    let mut seen = vars::Each(|name: &Name, _: Option<&Term>| {
        open.remove(name);
    });
    vars::in_body(body, ALL, &mut seen);
    candidates
        .into_iter()
        .filter(|(_, entry)| open.contains_key(&entry.fresh))
        .map(|(name, _)| {
            let span = before.declared.get(name).copied().unwrap_or(before.first);
            error(Code::Compile, span, format!("declared var {} unused", vars::shown(name)))
        })
        .collect()
}

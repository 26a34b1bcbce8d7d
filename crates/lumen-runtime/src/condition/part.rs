//! Ways through a condition: with negation pushed down to its checks, and to each check once.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Check, Expression, Macro, Name};

/// A part of a condition, as it is or negated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'e> {
    pub(crate) expression: &'e Expression,
    /// Whether it is to hold, or not to.
    pub(crate) holds: bool,
}

/// What must be so for a part to be so: no `not` is left, and an `and` that is negated is a choice.
pub(crate) enum Demand<'e> {
    /// All of these.
    All(Parts<'e>),
    /// One of these.
    Any(Parts<'e>),
    /// What a macro says.
    Macro(&'e Arc<Macro>, Part<'e>),
    /// A check that holds, or does not.
    Check(&'e Check, bool),
    /// The name of a macro that was not filled in: nothing is known of it.
    Name,
}

/// The children of a part.
#[derive(Clone, Debug)]
pub(crate) struct Parts<'e> {
    children: std::slice::Iter<'e, Expression>,
    holds: bool,
}

impl<'e> Iterator for Parts<'e> {
    type Item = Part<'e>;

    fn next(&mut self) -> Option<Part<'e>> {
        let expression = self.children.next()?;
        Some(Part { expression, holds: self.holds })
    }
}

impl<'e> Part<'e> {
    /// A condition that is to hold.
    pub(crate) fn whole(expression: &'e Expression) -> Self {
        Self { expression, holds: true }
    }

    /// What it comes to.
    pub(crate) fn demand(self) -> Demand<'e> {
        let Self { mut expression, mut holds } = self;
        let of = |children: &'e [Expression], holds| Parts { children: children.iter(), holds };
        loop {
            return match expression {
                Expression::Not(child) => {
                    (expression, holds) = (child, !holds);
                    continue;
                }
                Expression::And(children) if holds => Demand::All(of(children, holds)),
                Expression::Or(children) if !holds => Demand::All(of(children, holds)),
                Expression::And(children) | Expression::Or(children) => Demand::Any(of(children, holds)),
                Expression::Macro(shared) => Demand::Macro(shared, Self { expression: &shared.body, holds }),
                Expression::Check(check) => Demand::Check(check, holds),
                Expression::Name(_) => Demand::Name,
            };
        }
    }
}

/// What a condition ends in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leaf<'e> {
    Check(&'e Check),
    /// The name of a macro that was not filled in.
    Name(&'e Name),
}

/// The leaves of conditions, as they stand there, and the innermost macro in which each stands. A macro is looked at once: it
/// says the same wherever it stands.
#[derive(Debug)]
pub(crate) struct Leaves<'e> {
    /// What is left, the next last.
    pending: Vec<(&'e Expression, Option<&'e Macro>)>,
    seen: HashSet<*const Macro>,
}

impl<'e> Leaves<'e> {
    pub(crate) fn of(conditions: impl IntoIterator<Item = &'e Expression>) -> Self {
        let mut pending: Vec<_> = conditions.into_iter().map(|condition| (condition, None)).collect();
        pending.reverse();
        Self { pending, seen: HashSet::new() }
    }
}

impl<'e> Iterator for Leaves<'e> {
    type Item = (Leaf<'e>, Option<&'e Macro>);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((expression, inside)) = self.pending.pop() {
            match expression {
                Expression::And(children) | Expression::Or(children) => {
                    self.pending.extend(children.iter().rev().map(|child| (child, inside)));
                }
                Expression::Not(child) => self.pending.push((child, inside)),
                Expression::Macro(shared) => {
                    if self.seen.insert(Arc::as_ptr(shared)) {
                        self.pending.push((&shared.body, Some(shared)));
                    }
                }
                Expression::Check(check) => return Some((Leaf::Check(check), inside)),
                Expression::Name(name) => return Some((Leaf::Name(name), inside)),
            }
        }
        None
    }
}

//! What a kernel can ask, in the language of conditions: for people, and to be held against what it is derived from.

use std::collections::BTreeSet;

use super::atom::{Atom, Wanted, others};
use super::choice::{Choice, Text};
use super::clause::Clause;
use crate::condition::{Check, Expression, FieldName, Operand, Right};
use crate::field::Kind;
use crate::number::Network;
use crate::operator::{Comparison, Modifier, Operator};

/// The longest range of numbers that are named one by one.
const SINGLES_MAX: i128 = 4;

/// Alternatives as a condition, what all of them ask first; none of them is a condition that nothing meets, written as an `or` of
/// nothing.
pub(super) fn of(clauses: &[Clause]) -> Expression {
    let Some((first, others)) = clauses.split_first() else { return either(Vec::new()) };
    let is_shared =
        |name: &str, atom: &Atom| others.iter().all(|other| other.atoms().any(|asked| asked == (name, atom)));
    let mut parts = Vec::new();
    for (name, atom) in first.atoms().filter(|(name, atom)| is_shared(name, atom)) {
        parts.extend(Asked { name, atom }.parts());
    }
    if !others.is_empty() {
        let own = |clause: &Clause| {
            let own = clause.atoms().filter(|(name, atom)| {
                !first.atoms().any(|asked| asked == (*name, *atom)) || !is_shared(name, atom)
            });
            all(own.flat_map(|(name, atom)| Asked { name, atom }.parts()).collect())
        };
        parts.push(either(clauses.iter().map(own).collect()));
    }
    all(parts)
}

fn all(mut parts: Vec<Expression>) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => Expression::And(parts.into_iter().chain(last).collect()),
    }
}

fn either(mut parts: Vec<Expression>) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => Expression::Or(parts.into_iter().chain(last).collect()),
    }
}

fn not(part: Expression) -> Expression {
    Expression::Not(Box::new(part))
}

/// What is asked of a field, with its name.
struct Asked<'a> {
    name: &'a str,
    atom: &'a Atom,
}

impl Asked<'_> {
    /// What has to hold, all of it. Nothing that is asked of a field holds where it has no value.
    fn parts(&self) -> Vec<Expression> {
        let (included, excluded) = self.wanted();
        let passes_absent = self.atom.passes_absent;
        let first = match included {
            None => (!passes_absent).then(|| self.exists()),
            Some(mut some) => {
                if passes_absent {
                    some.push(not(self.exists()));
                }
                Some(either(some))
            }
        };
        first.into_iter().chain(excluded.into_iter().map(not)).collect()
    }

    /// What is wanted, one of it; everything where it is `None`; and what is not.
    fn wanted(&self) -> (Option<Vec<Expression>>, Vec<Expression>) {
        match &self.atom.wanted {
            Wanted::Any | Wanted::Truth([true, true]) => (None, Vec::new()),
            Wanted::Nothing | Wanted::Truth([false, false]) => (Some(Vec::new()), Vec::new()),
            Wanted::Numbers(ranges) if *ranges == [(i128::MIN, i128::MAX)] => (None, Vec::new()),
            // Of two values the one is all but the other, and what is absent.
            Wanted::Truth([_, is_true]) if self.atom.passes_absent => (None, vec![self.is(!is_true)]),
            Wanted::Truth([_, is_true]) => (Some(vec![self.is(*is_true)]), Vec::new()),
            Wanted::Texts(choice) => self.choice(choice, Self::texts),
            Wanted::Networks(choice) => self.choice(choice, Self::networks),
            Wanted::Numbers(ranges) => match (ranges.first(), ranges.last()) {
                // Of several values one may be wanted beside one that is not.
                (Some((i128::MIN, _)), Some((_, i128::MAX))) if !self.atom.is_multiple => {
                    (None, self.ranges(&others(ranges)))
                }
                _ => (Some(self.ranges(ranges)), Vec::new()),
            },
        }
    }

    fn choice<P>(
        &self,
        choice: &Choice<P>,
        write: impl Fn(&Self, &BTreeSet<P>) -> Vec<Expression>,
    ) -> (Option<Vec<Expression>>, Vec<Expression>) {
        (choice.included.as_ref().map(|parts| write(self, parts)), write(self, &choice.excluded))
    }

    fn texts(&self, texts: &BTreeSet<Text>) -> Vec<Expression> {
        let mut by_operator: Vec<(Operator, Vec<Vec<u8>>)> = Vec::new();
        for text in texts {
            let (operator, bytes) = match text {
                Text::Exact(bytes) => (Operator::Equal, bytes),
                Text::Prefix(bytes) => (Operator::StartsWith, bytes),
                Text::Suffix(bytes) => (Operator::EndsWith, bytes),
                Text::Contains(bytes) => (Operator::Contains, bytes),
                Text::Below(bytes) => (Operator::PathMatch, bytes),
            };
            match by_operator.iter_mut().find(|(known, _)| *known == operator) {
                Some((_, values)) => values.push(bytes.clone()),
                None => by_operator.push((operator, vec![bytes.clone()])),
            }
        }
        by_operator.into_iter().filter_map(|(operator, values)| self.one_of(operator, values)).collect()
    }

    fn networks(&self, networks: &BTreeSet<Network>) -> Vec<Expression> {
        let text = |network: &Network| match self.atom.field.kind() {
            Some(Kind::Address) => network.address().to_string().into_bytes(),
            _ => format!("{}/{}", network.address(), network.bits()).into_bytes(),
        };
        self.one_of(Operator::Equal, networks.iter().map(text).collect()).into_iter().collect()
    }

    /// Numbers of which one is of a range: single ones, then the others.
    fn ranges(&self, ranges: &[(i128, i128)]) -> Vec<Expression> {
        let text = |number: i128| number.to_string().into_bytes();
        let is_short = |(first, last): &&(i128, i128)| last.saturating_sub(*first) < SINGLES_MAX;
        let singles = ranges.iter().filter(is_short).flat_map(|(first, last)| *first..=*last);
        let mut parts: Vec<Expression> =
            self.one_of(Operator::Equal, singles.map(text).collect()).into_iter().collect();
        // A field without a sign cannot be compared with what it never is.
        let can_be = |(_, last): &&(i128, i128)| self.has_sign() || *last >= 0;
        for (first, last) in ranges.iter().filter(|range| !is_short(range)).filter(can_be) {
            let bounds = [
                (*first != i128::MIN).then(|| self.compare(Operator::GreaterOrEqual, text(*first))),
                (*last != i128::MAX).then(|| self.compare(Operator::LessOrEqual, text(*last))),
            ];
            parts.push(all(bounds.into_iter().flatten().collect()));
        }
        parts
    }

    fn has_sign(&self) -> bool {
        matches!(self.atom.field.kind(), Some(Kind::Int16 | Kind::Int32 | Kind::Int64))
    }

    fn is(&self, value: bool) -> Expression {
        self.compare(Operator::Equal, value.to_string().into_bytes())
    }

    fn exists(&self) -> Expression {
        self.check(Operator::Exists, None, Right::None)
    }

    fn compare(&self, operator: Operator, value: Vec<u8>) -> Expression {
        self.check(operator, None, Right::Value(value))
    }

    /// That one of some values fits; nothing where there are none.
    fn one_of(&self, operator: Operator, mut values: Vec<Vec<u8>>) -> Option<Expression> {
        if values.len() == 1 && operator != Operator::PathMatch {
            return values.pop().map(|value| self.compare(operator, value));
        }
        let (operator, modifier) = match operator {
            Operator::PathMatch => (operator, None),
            // Of a field with several values all would have to be in a list.
            Operator::Equal if !self.atom.is_multiple => (Operator::In, None),
            _ => (operator, Some(Modifier::AnyOf)),
        };
        (!values.is_empty()).then(|| self.check(operator, modifier, Right::List(values)))
    }

    fn check(&self, operator: Operator, modifier: Option<Modifier>, right: Right) -> Expression {
        let left = Operand::Field(FieldName { name: self.name.to_owned(), argument: None, at: 0 });
        Expression::Check(Check { left, comparison: Comparison { operator, modifier }, right, at: 0 })
    }
}

//! Questions, and what follows from their answers for other questions about the same field.

use std::collections::HashMap;

use crate::condition::{Check, Operand, Right};
use crate::explain::{fields, short};
use crate::field::{self, FieldUse, Kind};
use crate::number;
use crate::operator::Operator;
use crate::term::Event;
use crate::test::Test;
use crate::value::Value;

/// Most values of a list that are tried in another question.
const CANDIDATES_MAX: usize = 512;

/// A question, and whether its answer is yes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal<'e> {
    pub(super) check: &'e Check,
    pub(super) holds: bool,
}

/// What is known of questions, and how much may still be asked.
pub(super) struct Literals<'e> {
    known: HashMap<*const Check, Option<Known<'e>>>,
    steps: usize,
}

/// A question about one field.
struct Known<'e> {
    field: FieldUse,
    test: Test,
    /// The values of the field for which the answer is yes, where these are known.
    values: Option<Vec<Value<'static>>>,
    /// What the text begins with, where that is asked.
    beginning: Option<&'e [u8]>,
}

/// An event of which one field is known.
struct One<'v> {
    field: &'v FieldUse,
    value: &'v Value<'static>,
}

impl Event for One<'_> {
    fn value(&self, field: &FieldUse) -> Option<Value<'_>> {
        (field == self.field).then(|| self.value.clone())
    }

    fn event_type(&self) -> Option<usize> {
        None
    }
}

/// Whether a question asks for a value of an empty list.
pub(super) fn is_empty(check: &Check) -> bool {
    matches!(&check.right, Right::List(values) if values.is_empty())
}

impl<'e> Literals<'e> {
    pub(super) fn new(steps: usize) -> Self {
        Self { known: HashMap::new(), steps }
    }

    /// Takes steps; false where none are left.
    pub(super) fn spend(&mut self, steps: usize) -> bool {
        Self::take(&mut self.steps, steps)
    }

    fn take(left: &mut usize, steps: usize) -> bool {
        *left = left.saturating_sub(steps);
        *left > 0
    }

    /// Why an answer cannot be given together with any of others.
    pub(super) fn contradiction<'l>(
        &mut self,
        literal: &Literal<'e>,
        others: impl Iterator<Item = &'l Literal<'e>>,
    ) -> Option<String>
    where
        'e: 'l,
    {
        if literal.holds && is_empty(literal.check) {
            return Some(format!("the list of `{}` is empty", short(literal.check)));
        }
        let opposite = Literal { check: literal.check, holds: !literal.holds };
        for other in others {
            if self.implies(other, &opposite)
                || self.implies(literal, &Literal { check: other.check, holds: !other.holds })
            {
                let said = |literal: &Literal<'e>| {
                    format!("`{}{}`", if literal.holds { "" } else { "not " }, short(literal.check))
                };
                return Some(format!("{} and {} exclude each other", said(other), said(literal)));
            }
        }
        None
    }

    /// Whether one answer decides another so.
    pub(super) fn implies(&mut self, fact: &Literal<'e>, wanted: &Literal<'e>) -> bool {
        if !self.spend(1) {
            return false;
        }
        if fact.holds == wanted.holds && is_same(fact.check, wanted.check) {
            return true;
        }
        match (fact.holds, wanted.holds) {
            (true, _) => self.decides(fact.check, wanted.check, wanted.holds),
            // What fails wherever the other holds: the other way round.
            (false, false) => self.decides(wanted.check, fact.check, true),
            (false, true) => false,
        }
    }

    /// Whether a question that is answered with yes decides another.
    fn decides(&mut self, fact: &'e Check, wanted: &'e Check, holds: bool) -> bool {
        self.learn(fact);
        self.learn(wanted);
        let (Some(Some(fact)), Some(Some(wanted))) =
            (self.known.get(&std::ptr::from_ref(fact)), self.known.get(&std::ptr::from_ref(wanted)))
        else {
            return false;
        };
        if fact.field != wanted.field {
            return false;
        }
        if let Some(values) = &fact.values {
            if !Self::take(&mut self.steps, values.len()) {
                return false;
            }
            let decided = |value| wanted.test.holds(&One { field: &fact.field, value }) == holds;
            return !values.is_empty() && values.iter().all(decided);
        }
        match (fact.beginning, wanted.beginning, holds) {
            (Some(long), Some(short), true) => long.starts_with(short),
            (Some(one), Some(other), false) => !one.starts_with(other) && !other.starts_with(one),
            _ => false,
        }
    }

    fn learn(&mut self, check: &'e Check) {
        self.known.entry(std::ptr::from_ref(check)).or_insert_with(|| Known::of(check));
    }
}

impl<'e> Known<'e> {
    /// A question about one field that has one value; none of another question.
    fn of(check: &'e Check) -> Option<Self> {
        let mut operands = Vec::new();
        fields(&check.left, &mut operands);
        let [Operand::Field(name)] = operands.as_slice() else { return None };
        let field = field::resolve(name).ok()?;
        // Two questions about several values may be answered by different ones.
        if field.id.field().is_list() || field.is_several() || matches!(check.right, Right::Operand(_)) {
            return None;
        }
        let (test, _) = Test::compile(check).ok()?;
        let is_plain = matches!(check.left, Operand::Field(_));
        let values = values(check, field.id.field().kind).filter(|_| is_plain);
        let beginning = match (&check.right, check.comparison.operator) {
            (Right::Value(value), Operator::StartsWith) if is_plain => Some(value.as_slice()),
            _ => None,
        };
        Some(Self { field, test, values, beginning })
    }
}

/// The values for which a question is answered with yes, where there are not too many.
fn values(check: &Check, kind: Kind) -> Option<Vec<Value<'static>>> {
    let is_equality =
        matches!(check.comparison.operator, Operator::Equal | Operator::DoubleEqual | Operator::In);
    if !is_equality || check.comparison.modifier.is_some() {
        return None;
    }
    let written = match &check.right {
        Right::Value(value) => std::slice::from_ref(value),
        Right::List(values) => values.as_slice(),
        Right::None | Right::Operand(_) => return None,
    };
    if written.len() > CANDIDATES_MAX {
        return None;
    }
    let typed = |text: &Vec<u8>| {
        Some(match kind {
            Kind::Text => Value::Bytes(text.clone().into()),
            Kind::Bool => Value::Bool(text == b"true"),
            Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
                let number = number::parse(text, kind).ok()?;
                match i64::try_from(number) {
                    Ok(number) => Value::Signed(number),
                    Err(_) => Value::Unsigned(u64::try_from(number).ok()?),
                }
            }
            _ => return None,
        })
    };
    written.iter().map(typed).collect()
}

/// Whether two questions are the same, wherever they stand.
fn is_same(one: &Check, other: &Check) -> bool {
    std::ptr::eq(one, other)
        || one.comparison == other.comparison
            && one.right == other.right
            && one.left.to_string() == other.left.to_string()
}

//! Why a condition holds for an event, or does not: its parts, each with what came of it and the values that it looked at.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::condition::{Argument, Check, Expression, Macro, Operand, Right, beginning, escape};
use super::field;
use super::output::print;
use super::term::{Event, Term};
use super::test::Test;

mod told;

pub use told::Told;

/// Most values of a list that are shown.
const VALUES_SHOWN: usize = 6;

/// Most bytes of a value that are shown.
const VALUE_BYTES_SHOWN: usize = 200;

/// What came of a condition, or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Whether it holds.
    pub holds: bool,
    /// What it is.
    pub part: Part,
    nearness: u32,
}

/// What a part of a condition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of these must hold.
    All(Vec<Why>),
    /// One of these must hold.
    Any(Vec<Why>),
    /// This must not hold.
    Not(Box<Why>),
    /// A macro. What came of it is shared by all who name it.
    Macro(Arc<WhyMacro>),
    /// A question about the event.
    Check(WhyCheck),
}

/// What came of a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyMacro {
    /// Its name.
    pub name: String,
    /// What came of what it stands for.
    pub body: Why,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyCheck {
    /// The question, as a condition writes it; long lists are cut.
    pub text: String,
    /// The fields that it looks at, and what they are as they are printed; `None` for no value.
    pub values: Vec<(String, Option<String>)>,
}

impl Why {
    /// What came of a part.
    fn new(holds: bool, part: Part) -> Self {
        let of = |children: &[Self]| {
            let (mut most, mut sum) = (0, 0_u64);
            for child in children {
                most = most.max(child.nearness);
                sum += u64::from(child.nearness);
            }
            (most, u32::try_from(sum / (children.len() as u64).max(1)).unwrap_or(WHOLE))
        };
        let nearness = match &part {
            _ if holds => WHOLE,
            Part::All(children) => of(children).1,
            Part::Any(children) => of(children).0,
            Part::Macro(named) => named.body.nearness,
            Part::Not(_) | Part::Check(_) => 0,
        };
        Self { holds, part, nearness }
    }

    /// How much of it holds, of 1000: what came nearest to holding has the most.
    pub fn nearness(&self) -> u32 {
        self.nearness
    }
}

/// The nearness of what holds.
const WHOLE: u32 = 1000;

/// Says why a condition holds for an event, or does not. It asks every part, also those that decide nothing.
pub fn explain(condition: &Expression, event: &impl Event) -> Why {
    Explanation { event, macros: HashMap::new() }.part(condition)
}

struct Explanation<'e, E> {
    event: &'e E,
    macros: HashMap<*const Macro, Arc<WhyMacro>>,
}

impl<E: Event> Explanation<'_, E> {
    fn part(&mut self, expression: &Expression) -> Why {
        match expression {
            Expression::And(children) => {
                let children = self.all(children);
                Why::new(children.iter().all(|child| child.holds), Part::All(children))
            }
            Expression::Or(children) => {
                let children = self.all(children);
                Why::new(children.iter().any(|child| child.holds), Part::Any(children))
            }
            Expression::Not(child) => {
                let child = self.part(child);
                Why::new(!child.holds, Part::Not(Box::new(child)))
            }
            Expression::Macro(shared) => {
                let key = Arc::as_ptr(shared);
                let known = if let Some(known) = self.macros.get(&key) {
                    known.clone()
                } else {
                    let known =
                        Arc::new(WhyMacro { name: shared.name.clone(), body: self.part(&shared.body) });
                    self.macros.insert(key, known.clone());
                    known
                };
                Why::new(known.body.holds, Part::Macro(known))
            }
            // None is left in a rule that is sound; nothing holds for it.
            Expression::Name(name) => {
                let check = WhyCheck { text: name.name.clone(), values: Vec::new() };
                Why::new(false, Part::Check(check))
            }
            Expression::Check(check) => {
                let holds = Test::compile(check).is_ok_and(|(test, _)| test.holds(self.event));
                let check = WhyCheck { text: short(check), values: self.values(check) };
                Why::new(holds, Part::Check(check))
            }
        }
    }

    fn all(&mut self, children: &[Expression]) -> Vec<Why> {
        children.iter().map(|child| self.part(child)).collect()
    }

    /// The fields of a check, each once, with what they are.
    fn values(&self, check: &Check) -> Vec<(String, Option<String>)> {
        let mut operands = Vec::new();
        fields(&check.left, &mut operands);
        if let Right::Operand(operand) = &check.right {
            fields(operand, &mut operands);
        }
        let mut values: Vec<(String, Option<String>)> = Vec::new();
        for operand in operands {
            let name = operand.to_string();
            let Ok((term, kind)) = Term::compile(operand) else { continue };
            if values.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let format = match &term {
                Term::Field(used) => self.event.number_format(used),
                _ => field::NumberFormat::Decimal,
            };
            let value = term.value(self.event).map(|value| cut(&print(&value, kind.kind, format)));
            values.push((name, value));
        }
        values
    }
}

/// The fields that an operand is made of.
pub(super) fn fields<'o>(operand: &'o Operand, found: &mut Vec<&'o Operand>) {
    match operand {
        Operand::Field(_) => found.push(operand),
        Operand::Call(call) => {
            for argument in &call.arguments {
                if let Argument::Operand(inner) = argument {
                    fields(inner, found);
                }
            }
        }
    }
}

/// A check as a condition writes it, long lists and texts cut.
pub fn short(check: &Check) -> String {
    let head = format!("{} {}", check.left, check.comparison);
    match &check.right {
        Right::None => head,
        Right::Value(value) => format!("{head} {}", cut(&escape(value))),
        Right::Operand(operand) => format!("{head} {operand}"),
        Right::List(values) => {
            let mut shown: Vec<String> =
                values.iter().take(VALUES_SHOWN).map(|value| cut(&escape(value))).collect();
            if values.len() > VALUES_SHOWN {
                shown.push(format!(".. {} more", values.len() - VALUES_SHOWN));
            }
            format!("{head} ({})", shown.join(", "))
        }
    }
}

/// A text, not too long.
fn cut(text: &str) -> String {
    beginning(text, VALUE_BYTES_SHOWN).unwrap_or_else(|beginning| beginning + "..")
}

/// The question, and what the fields are.
impl fmt::Display for WhyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (place, (name, value)) in self.values.iter().enumerate() {
            f.write_str(if place == 0 { "   <- " } else { ", " })?;
            match value {
                Some(value) if value.is_empty() => write!(f, "{name} is empty")?,
                Some(value) => write!(f, "{name} is {value}")?,
                None => write!(f, "{name} has no value")?,
            }
        }
        Ok(())
    }
}

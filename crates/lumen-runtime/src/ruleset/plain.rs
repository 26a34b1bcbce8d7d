//! Rules asked one after the other, each part of a condition as it is written: the meaning that a [`RuleSet`] must keep,
//! for tests and benchmarks.
//!
//! [`RuleSet`]: super::RuleSet

use std::collections::HashMap;
use std::sync::Arc;

use super::Matching;
use crate::condition::{Expression, Macro};
use crate::load::Rule;
use crate::term::Event;
use crate::test::Test;

/// Rules, asked one after the other.
#[derive(Clone, Debug, Default)]
pub struct Plain {
    /// The conditions of the rules, by their places; none of those that are switched off.
    rules: Vec<Option<Part>>,
}

/// A part of a condition.
#[derive(Clone, Debug)]
enum Part {
    All(Vec<Part>),
    Any(Vec<Part>),
    Not(Box<Part>),
    Shared(Arc<Part>),
    Test(Box<Test>),
    Never,
}

type Macros = HashMap<*const Macro, Arc<Part>>;

impl Plain {
    /// Makes rules ready; those that are switched off are left out, and keep their places.
    pub fn compile(rules: &[Rule]) -> Self {
        let mut macros = Macros::new();
        let rules = rules.iter().map(|rule| rule.is_enabled.then(|| part(&rule.condition, &mut macros)));
        Self { rules: rules.collect() }
    }

    /// The rules that match an event, by their places, in their order. The time it takes is not bounded where macros stand
    /// in macros: do not ask it of rules that are not trusted.
    pub fn matches(&self, event: &impl Event, matching: Matching) -> Vec<usize> {
        let holds = |rule: &Option<Part>| rule.as_ref().is_some_and(|part| part.holds(event));
        let found = self.rules.iter().enumerate().filter(|(_, rule)| holds(rule)).map(|(place, _)| place);
        found.take(if matching == Matching::First { 1 } else { usize::MAX }).collect()
    }
}

impl Part {
    fn holds(&self, event: &impl Event) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(event)),
            Self::Not(part) => !part.holds(event),
            Self::Shared(part) => part.holds(event),
            Self::Test(test) => test.holds(event),
            Self::Never => false,
        }
    }
}

fn part(expression: &Expression, macros: &mut Macros) -> Part {
    match expression {
        Expression::And(children) => Part::All(children.iter().map(|child| part(child, macros)).collect()),
        Expression::Or(children) => Part::Any(children.iter().map(|child| part(child, macros)).collect()),
        Expression::Not(child) => Part::Not(Box::new(part(child, macros))),
        Expression::Macro(shared) => {
            if let Some(known) = macros.get(&Arc::as_ptr(shared)) {
                return Part::Shared(Arc::clone(known));
            }
            let body = Arc::new(part(&shared.body, macros));
            macros.insert(Arc::as_ptr(shared), Arc::clone(&body));
            Part::Shared(body)
        }
        Expression::Name(_) => Part::Never,
        Expression::Check(check) => match Test::compile(check) {
            Ok((test, _)) => Part::Test(Box::new(test)),
            Err(_) => Part::Never,
        },
    }
}

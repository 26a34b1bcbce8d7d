//! What can be said of rules without any event: conditions that can never hold, parts of an `or` that change nothing, rules that
//! an earlier one always takes the alert from. Only what is proven is told; what is not told may still be so.

use std::collections::HashSet;
use std::sync::Arc;

use super::condition::{Demand, Expression, Macro, Part, Parts};
use super::coverage;
use super::event_types::{self, EventTypes};
use super::explain::short;
use super::load::Rule;
use literal::{Literal, Literals};

mod literal;

#[cfg(test)]
mod tests;

/// Most steps that are spent on all rules together; what is left then is not looked at.
pub const STEPS_MAX: usize = 5_000_000;

/// Most facts of a conjunction that are looked at.
const FACTS_MAX: usize = 1000;

/// Most parts of an `or` that are compared with each other.
const ALTERNATIVES_MAX: usize = 64;

/// Something that is odd about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, by its place.
    pub rule: usize,
    /// The macro of the rule in which it is, where it is odd there by itself.
    pub in_macro: Option<String>,
    /// What is odd.
    pub oddity: Oddity,
}

/// What is odd about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// It looks at no type of events: it never matches.
    NoEvents,
    /// The condition can never hold.
    Never {
        /// Why.
        because: String,
    },
    /// It never matches as long as a list is empty: someone is to fill it.
    Empty {
        /// The question that asks for a value of the list.
        question: String,
    },
    /// A part of an `or` can never hold.
    DeadBranch {
        /// The part.
        branch: String,
        /// Why.
        because: String,
    },
    /// A part of an `or` says nothing that another does not say.
    Redundant {
        /// The part.
        branch: String,
        /// The other, which holds wherever it does.
        within: String,
    },
    /// Where one alert is given for an event, it never gives one: an earlier rule matches whatever it matches.
    Shadowed {
        /// The earlier rule, by its place.
        by: usize,
    },
}

/// Looks at all rules that are switched on.
pub fn analyse(rules: &[Rule]) -> Vec<Finding> {
    let mut analysis =
        Analysis { literals: Literals::new(STEPS_MAX), findings: Vec::new(), seen: HashSet::new() };
    for (place, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.is_enabled) {
        analysis.rule(place, &rule.condition);
    }
    analysis.shadowed(rules);
    analysis.findings.sort_by_key(|finding| finding.rule);
    analysis.findings
}

/// What all must be so for a condition to hold.
#[derive(Clone, Default)]
struct Conjunction<'e> {
    literals: Vec<Literal<'e>>,
    /// Macros that are named, and whether they hold.
    macros: Vec<(*const Macro, bool)>,
    /// Parts of which one must be so, with whether they stand in a macro.
    choices: Vec<(Parts<'e>, bool)>,
}

struct Analysis<'e> {
    literals: Literals<'e>,
    findings: Vec<Finding>,
    /// Macros that were looked at by themselves.
    seen: HashSet<*const Macro>,
}

impl<'e> Analysis<'e> {
    fn rule(&mut self, place: usize, condition: &'e Expression) {
        if event_types::of(condition) == EventTypes::NONE {
            return self.find(place, None, Oddity::NoEvents);
        }
        self.macros(place, condition);
        let mut found = Vec::new();
        let part = Part::whole(condition);
        let mut all = Conjunction::default();
        collect(part, false, &mut all);
        if let Some(empty) =
            all.literals.iter().find(|literal| literal.holds && literal::is_empty(literal.check))
        {
            let question = short(empty.check);
            return self.find(place, None, Oddity::Empty { question });
        }
        match self.dead(part, &Conjunction::default(), Some(&mut found)) {
            Some(because) => {
                let waiting = self.waiting(&all);
                let oddity = waiting.map_or(Oddity::Never { because }, |question| Oddity::Empty { question });
                self.find(place, None, oddity);
            }
            None => found.into_iter().for_each(|oddity| self.find(place, None, oddity)),
        }
    }

    /// The question for a value of an empty list, where that is all that could hold of what is chosen from.
    fn waiting(&mut self, all: &Conjunction<'e>) -> Option<String> {
        all.choices.iter().find_map(|(choice, _)| {
            let question = choice.clone().find_map(|part| match part.expression {
                Expression::Check(check) if part.holds && literal::is_empty(check) => Some(short(check)),
                _ => None,
            })?;
            let is_dead = |part: Part<'e>| is_constant(part) || self.dead(part, all, None).is_some();
            choice.clone().all(is_dead).then_some(question)
        })
    }

    fn find(&mut self, rule: usize, in_macro: Option<&str>, oddity: Oddity) {
        self.findings.push(Finding { rule, in_macro: in_macro.map(str::to_owned), oddity });
    }

    /// Looks at the macros of a condition, each once and by itself: that a branch is dead under one rule is what macros are for.
    fn macros(&mut self, place: usize, expression: &'e Expression) {
        match expression {
            Expression::And(children) | Expression::Or(children) => {
                for child in children {
                    self.macros(place, child);
                }
            }
            Expression::Not(child) => self.macros(place, child),
            Expression::Macro(shared) if self.seen.insert(Arc::as_ptr(shared)) => {
                self.macros(place, &shared.body);
                let mut found = Vec::new();
                let part = Part::whole(&shared.body);
                // A macro that never holds is made to be replaced.
                if self.dead(part, &Conjunction::default(), Some(&mut found)).is_none() {
                    for oddity in found {
                        self.find(place, Some(&shared.name), oddity);
                    }
                }
            }
            Expression::Macro(_) | Expression::Check(_) | Expression::Name(_) => {}
        }
    }

    /// Why a part can never hold under what must be so around it. Notes what is odd below it, where that is wanted.
    fn dead(
        &mut self,
        part: Part<'e>,
        around: &Conjunction<'e>,
        mut found: Option<&mut Vec<Oddity>>,
    ) -> Option<String> {
        if !self.literals.spend(1 + around.literals.len() + around.macros.len()) {
            return None;
        }
        let mut own = Conjunction::default();
        collect(part, false, &mut own);
        for (number, literal) in own.literals.iter().enumerate() {
            let before = around.literals.iter().chain(own.literals.iter().take(number));
            if let Some(because) = self.literals.contradiction(literal, before) {
                return Some(because);
            }
        }
        let mut all = around.clone();
        all.literals.extend_from_slice(&own.literals);
        for (choice, is_in_macro) in &own.choices {
            let alternatives: Vec<Part<'e>> = choice.clone().collect();
            let mut reasons = Vec::new();
            for alternative in &alternatives {
                let inner = found.as_deref_mut().filter(|_| !is_in_macro);
                if let Some(because) = self.dead(*alternative, &all, inner) {
                    reasons.push((*alternative, because));
                }
            }
            if reasons.len() == alternatives.len() {
                return reasons.into_iter().next().map(|(_, because)| because);
            }
            if let Some(found) = found.as_deref_mut().filter(|_| !is_in_macro) {
                let dead = reasons.into_iter().filter(|(part, _)| !is_constant(*part));
                found.extend(dead.map(|(part, because)| Oddity::DeadBranch { branch: text(part), because }));
                self.redundant(&alternatives, found);
            }
        }
        None
    }

    /// Alternatives that imply another: the other says all that they do.
    fn redundant(&mut self, alternatives: &[Part<'e>], found: &mut Vec<Oddity>) {
        if alternatives.len() > ALTERNATIVES_MAX {
            return;
        }
        let collected = alternatives.iter().map(|part| {
            let mut all = Conjunction::default();
            collect(*part, false, &mut all);
            all
        });
        let collected: Vec<Conjunction<'e>> = collected.collect();
        for (place, (one, facts)) in alternatives.iter().zip(&collected).enumerate() {
            for (number, (other, other_facts)) in alternatives.iter().zip(&collected).enumerate() {
                if number == place || is_constant(*one) || is_constant(*other) {
                    continue;
                }
                // Of two that say the same, the second is told.
                let is_implied = implied(&mut self.literals, facts, *other, true);
                if is_implied && (number < place || !implied(&mut self.literals, other_facts, *one, true)) {
                    found.push(Oddity::Redundant { branch: text(*one), within: text(*other) });
                    break;
                }
            }
        }
    }

    /// Rules that an earlier one of the same source takes every alert from.
    fn shadowed(&mut self, rules: &'e [Rule]) {
        let enabled = rules.iter().enumerate().filter(|(_, rule)| rule.is_enabled);
        let all: Vec<(usize, &'e Rule, EventTypes)> =
            enabled.map(|(place, rule)| (place, rule, event_types::of(&rule.condition))).collect();
        for (number, (place, rule, types)) in all.iter().enumerate() {
            let mut facts = Conjunction::default();
            collect(Part::whole(&rule.condition), false, &mut facts);
            let earlier = all.iter().take(number).find(|(_, earlier, earlier_types)| {
                earlier.source == rule.source
                    && types.names().next().is_some()
                    && types.is_within(earlier_types)
                    && implied(&mut self.literals, &facts, Part::whole(&earlier.condition), true)
            });
            if let Some((by, ..)) = earlier {
                self.findings.push(Finding {
                    rule: *place,
                    in_macro: None,
                    oddity: Oddity::Shadowed { by: *by },
                });
            }
        }
    }
}

/// Takes a part apart: what all must be so for it to hold.
fn collect<'e>(part: Part<'e>, is_in_macro: bool, all: &mut Conjunction<'e>) {
    // What is left out is a fact less: less is proven, and nothing wrong.
    if all.literals.len() + all.macros.len() + all.choices.len() > FACTS_MAX {
        return;
    }
    match part.demand() {
        Demand::All(parts) => parts.for_each(|part| collect(part, is_in_macro, all)),
        Demand::Any(parts) => all.choices.push((parts, is_in_macro)),
        Demand::Macro(shared, body) => {
            let named = (Arc::as_ptr(shared), body.holds);
            if !all.macros.contains(&named) {
                all.macros.push(named);
                collect(body, true, all);
            }
        }
        Demand::Check(check, holds) => all.literals.push(Literal { check, holds }),
        Demand::Name => {}
    }
}

/// Whether a part holds wherever all of a conjunction do. `splits` where each alternative of what is chosen from may be tried.
fn implied<'e>(literals: &mut Literals<'e>, facts: &Conjunction<'e>, part: Part<'e>, splits: bool) -> bool {
    if !literals.spend(1) {
        return false;
    }
    match part.demand() {
        Demand::All(mut parts) => parts.all(|part| implied(literals, facts, part, splits)),
        Demand::Any(mut parts) => {
            parts.any(|part| implied(literals, facts, part, false)) || splits && split(literals, facts, part)
        }
        Demand::Macro(shared, body) => {
            facts.macros.contains(&(Arc::as_ptr(shared), body.holds))
                || implied(literals, facts, body, splits)
        }
        Demand::Check(check, holds) => {
            let wanted = Literal { check, holds };
            facts.literals.iter().any(|fact| literals.implies(fact, &wanted))
                || splits && split(literals, facts, part)
        }
        Demand::Name => false,
    }
}

/// Whether a part holds under each alternative of something that is chosen from.
fn split<'e>(literals: &mut Literals<'e>, facts: &Conjunction<'e>, part: Part<'e>) -> bool {
    facts.choices.iter().any(|(choice, _)| {
        choice.clone().all(|alternative| {
            if !literals.spend(facts.literals.len() + facts.macros.len()) {
                return false;
            }
            let mut all = facts.clone();
            all.choices.clear();
            collect(alternative, false, &mut all);
            implied(literals, &all, part, false)
        })
    })
}

/// Whether a part can never hold by itself: it stands for what a user may put there.
fn is_constant(part: Part<'_>) -> bool {
    part.holds
        && (event_types::of(part.expression) == EventTypes::NONE
            || matches!(part.expression, Expression::Check(check) if literal::is_empty(check)))
}

/// A part as it is written.
fn text(part: Part<'_>) -> String {
    let text = coverage::text(part.expression);
    if part.holds { text } else { format!("not {text}") }
}

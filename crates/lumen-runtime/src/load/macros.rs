//! Puts macros in the place of their names (`filter_macro_resolver.cpp`), as the order of the items allows it: a macro
//! sees those that were named before it was changed last, a rule sees all.

use std::collections::HashMap;
use std::sync::Arc;

use super::collect::{MacroItem, Named};
use super::problem::{Code, Fault, Spot};
use super::suggest::Among;
use crate::condition::{Expression, Macro, NESTING_MAX, Name};

/// A macro whose condition was read.
pub(super) struct Read {
    pub(super) name: String,
    /// As it was read, and filled in once its turn came; `None` where it is not sound.
    condition: Option<Expression>,
    filled: Option<Arc<Macro>>,
    index: usize,
    visibility: usize,
    pub(super) is_used: bool,
}

/// All macros, in their order.
#[derive(Default)]
pub(super) struct Macros {
    macros: Vec<Read>,
    places: HashMap<String, usize>,
}

/// Why a name cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unresolved {
    pub(super) message: String,
    /// The byte of the condition at which the name stands.
    pub(super) at: usize,
    /// The name that no macro has that can be seen, and what can be seen.
    absent: Option<(String, usize)>,
}

impl Unresolved {
    fn new(message: String, at: usize) -> Self {
        Self { message, at, absent: None }
    }

    /// What is wrong at a place.
    pub(super) fn fault(self, spot: &Spot) -> Fault {
        let fault = spot.fault(Code::Validate, self.message);
        match self.absent {
            Some((name, visibility)) => fault.absent(&name, Among::Macros { visibility }),
            None => fault,
        }
    }
}

impl Macros {
    /// Takes the macros with the conditions that were read of them.
    pub(super) fn new(items: &Named<MacroItem>, conditions: Vec<Option<Expression>>) -> Self {
        let mut macros = Self::default();
        for (item, condition) in items.iter().zip(conditions) {
            macros.places.insert(item.name.clone(), macros.macros.len());
            macros.macros.push(Read {
                name: item.name.clone(),
                condition,
                filled: None,
                index: item.order.index,
                visibility: item.order.visibility,
                is_used: false,
            });
        }
        macros
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Read> {
        self.macros.iter()
    }

    /// Fills macros into each other; what is wrong with the one at each place.
    pub(super) fn resolve(&mut self) -> Vec<(usize, Unresolved)> {
        let mut faults = Vec::new();
        for place in 0..self.macros.len() {
            let Some(read) = self.macros.get(place) else { break };
            let (name, visibility) = (read.name.clone(), read.visibility);
            let Some(condition) = read.condition.clone() else { continue };
            let mut filling = Filling::new(self, visibility);
            let filled = filling.fill(condition);
            let used = filling.used;
            self.mark(&used);
            let Some(read) = self.macros.get_mut(place) else { break };
            match filled {
                Ok(body) => {
                    let depth = body.depth();
                    read.filled = Some(Arc::new(Macro { name, body, depth }));
                }
                Err(fault) => {
                    read.condition = None;
                    faults.push((place, fault));
                }
            }
        }
        faults
    }

    /// Fills macros into the condition of a rule.
    pub(super) fn fill(&mut self, condition: Expression) -> Result<Expression, Unresolved> {
        let mut filling = Filling::new(self, usize::MAX);
        let filled = filling.fill(condition);
        let used = filling.used;
        self.mark(&used);
        filled
    }

    fn mark(&mut self, used: &[usize]) {
        for place in used {
            if let Some(read) = self.macros.get_mut(*place) {
                read.is_used = true;
            }
        }
    }
}

/// Fills macros into one condition.
struct Filling<'m> {
    macros: &'m Macros,
    visibility: usize,
    /// The macros in which we are, outermost first.
    path: Vec<usize>,
    /// What those that were not filled in themselves yet turned out to be.
    filled: HashMap<usize, Arc<Macro>>,
    used: Vec<usize>,
}

impl<'m> Filling<'m> {
    fn new(macros: &'m Macros, visibility: usize) -> Self {
        Self { macros, visibility, path: Vec::new(), filled: HashMap::new(), used: Vec::new() }
    }

    fn fill(&mut self, expression: Expression) -> Result<Expression, Unresolved> {
        let filled = self.part(expression)?;
        if filled.depth() > NESTING_MAX {
            let message = format!("the condition is nested deeper than {NESTING_MAX} with its macros");
            return Err(Unresolved::new(message, 0));
        }
        Ok(filled)
    }

    fn part(&mut self, expression: Expression) -> Result<Expression, Unresolved> {
        Ok(match expression {
            Expression::And(children) => Expression::And(self.parts(children)?),
            Expression::Or(children) => Expression::Or(self.parts(children)?),
            Expression::Not(child) => Expression::Not(Box::new(self.part(*child)?)),
            Expression::Name(name) => Expression::Macro(self.named(&name)?),
            whole @ (Expression::Macro(_) | Expression::Check(_)) => whole,
        })
    }

    fn parts(&mut self, children: Vec<Expression>) -> Result<Vec<Expression>, Unresolved> {
        children.into_iter().map(|child| self.part(child)).collect()
    }

    fn named(&mut self, name: &Name) -> Result<Arc<Macro>, Unresolved> {
        let undefined = || Unresolved {
            message: format!("Undefined macro '{}' used in filter.", name.name),
            at: name.at,
            absent: Some((name.name.clone(), self.visibility)),
        };
        let place = *self.macros.places.get(&name.name).ok_or_else(undefined)?;
        let read = self.macros.macros.get(place).filter(|read| read.index < self.visibility);
        let read = read.ok_or_else(undefined)?;
        if self.path.contains(&place) {
            let message = format!("reference loop in macro '{}'", name.name);
            return Err(Unresolved::new(message, name.at));
        }
        self.used.push(place);
        if let Some(filled) = read.filled.as_ref().or_else(|| self.filled.get(&place)) {
            return Ok(Arc::clone(filled));
        }
        let condition = read.condition.clone().ok_or_else(undefined)?;
        if self.path.len() >= PATH_MAX {
            let message = format!("more than {PATH_MAX} macros stand in each other");
            return Err(Unresolved::new(message, name.at));
        }
        self.path.push(place);
        // Places in a macro's condition mean nothing in this one.
        let body = self.fill(condition).map_err(|fault| Unresolved { at: name.at, ..fault })?;
        self.path.pop();
        let depth = body.depth();
        let filled = Arc::new(Macro { name: name.name.clone(), body, depth });
        self.filled.insert(place, Arc::clone(&filled));
        Ok(filled)
    }
}

/// Most macros that are filled in within each other before their own turn.
const PATH_MAX: usize = 100;

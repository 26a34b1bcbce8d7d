//! [`Mutators`]: Gatekeeper's `Assign`, `AssignMetadata`, `ModifySet` and `AssignImage`, which change objects before they are
//! judged (gatekeeper `pkg/mutation`).
//!
//! They are applied in the order of their kinds and names, again and again until nothing changes. One that contradicts another about
//! how objects look is set aside.

use std::collections::BTreeSet;
use std::sync::Arc;

use lumen_value::{Pointer, Value, pointer};

use super::fault::Fault;
use super::matching::{MatchError, Subject};
use super::rules;
use crate::finding::Finding;
use crate::object::{text, version_of};
use crate::snapshot::Entry;

mod apply;
mod condition;
mod conflict;
mod image;
mod location;
mod mutator;
mod number;
mod set;

use mutator::Mutator;

/// The API group of mutators.
pub const GROUP: &str = "mutations.gatekeeper.sh";

/// The kinds of mutators.
const KINDS: [&str; 4] = ["Assign", "AssignImage", "AssignMetadata", "ModifySet"];

/// Most mutators of one set: which of them are in conflict is looked for among all pairs.
const MUTATORS_MAX: usize = 1_000;

/// Most work on one object. A part that is looked at, or made, is one.
const FUEL: u64 = 10_000_000;

/// The mutators of a policy set. Immutable; may be shared by threads.
#[derive(Clone, Debug, Default)]
pub struct Mutators {
    /// In the order in which they are applied.
    mutators: Vec<Mutator>,
    /// Those in conflict with others, by number.
    set_aside: BTreeSet<usize>,
}

/// Why an object cannot be mutated. As upstream, the request fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MutationError {
    /// A mutator fails.
    #[error("{mutator}: {fault}")]
    Mutator {
        /// Its kind and name.
        mutator: String,
        /// Why.
        fault: MutationFault,
    },
    /// Each round changes it again.
    #[error("the mutators do not come to an end: each round changes the object again")]
    NotConverging,
    /// A value is to come from a provider.
    #[error("the provider `{0}` of external data is not available offline")]
    ExternalData(String),
}

/// Why a mutator cannot be applied to an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MutationFault {
    /// It cannot be said whether the mutator is about the object.
    #[error("cannot tell whether it matches: {0}")]
    Match(#[from] MatchError),
    /// Something on the way is not what the location says.
    #[error("`{at}` must be {wanted}, not a value of type {found}")]
    Shape {
        /// Where.
        at: String,
        /// What the location says.
        wanted: &'static str,
        /// The type that it has.
        found: &'static str,
    },
    /// What is to be changed as a list is none.
    #[error("`{name}` must be a list, not a value of type {found}")]
    NoList {
        /// The field.
        name: String,
        /// The type that it has.
        found: &'static str,
    },
    /// What is to be changed as a text is none.
    #[error("`{name}` must be a string, not a value of type {found}")]
    NoText {
        /// The field.
        name: String,
        /// The type that it has.
        found: &'static str,
    },
    /// A list is to be changed in a way that means nothing.
    #[error("`operation` must be `merge` or `prune`, not `{0}`")]
    Operation(String),
    /// The location is empty.
    #[error("`location` is empty")]
    NoLocation,
    /// What is to be an element is none.
    #[error("only an object can be an element of a list that a key tells apart")]
    NoElement,
    /// It is too much work.
    #[error("mutating the object takes more than {FUEL} steps")]
    TooMuch,
}

/// The work that may still be done on an object.
struct Fuel(u64);

impl Fuel {
    fn burn(&mut self, amount: u64) -> Result<(), MutationFault> {
        self.0 = self.0.checked_sub(amount).ok_or(MutationFault::TooMuch)?;
        Ok(())
    }

    fn burn_for(&mut self, parts: usize) -> Result<(), MutationFault> {
        self.burn(u64::try_from(parts).unwrap_or(u64::MAX))
    }
}

/// Whether an object is a mutator.
pub fn is_mutator(entry: &Entry) -> bool {
    entry.object.group() == GROUP && KINDS.contains(&&*entry.object.kind)
}

/// Whether an object is one of Gatekeeper's own, which is never mutated.
pub fn is_own(entry: &Entry) -> bool {
    super::storing::GROUPS.contains(&entry.object.group())
}

/// What is wrong with one mutator as the API server would be given it, where it cannot be used.
pub(super) fn faults(entry: &Arc<Entry>) -> Vec<Fault> {
    let compiled = Mutator::compile(&mutator::served(entry)).and_then(|mutator| mutator.check_served());
    compiled.err().unwrap_or_default()
}

impl Mutators {
    /// Compiles the mutators among some objects, as they are given, and says what is wrong with those that cannot be used.
    /// Of several of one kind and name the last that is sound counts.
    pub fn compile<'e>(entries: impl IntoIterator<Item = &'e Arc<Entry>>) -> (Self, Vec<Finding>) {
        Self::compile_each(entries.into_iter().filter(|entry| is_mutator(entry)).cloned(), |_| Ok(()))
    }

    /// The same, of manifests that the API server fills in and checks first.
    pub(super) fn compile_served<'e>(
        entries: impl IntoIterator<Item = &'e Arc<Entry>>,
    ) -> (Self, Vec<Finding>) {
        let entries = entries.into_iter().filter(|entry| is_mutator(entry)).map(mutator::served);
        Self::compile_each(entries, Mutator::check_served)
    }

    fn compile_each(
        entries: impl Iterator<Item = Arc<Entry>>,
        check: impl Fn(&Mutator) -> Result<(), Vec<Fault>>,
    ) -> (Self, Vec<Finding>) {
        let mut mutators: Vec<Mutator> = Vec::new();
        let mut findings = Vec::new();
        for entry in entries {
            let compiled = Mutator::compile(&entry).and_then(|mutator| check(&mutator).map(|()| mutator));
            let added = compiled.and_then(|mutator| add(&mut mutators, mutator));
            let faults = added.err().into_iter().flatten();
            findings.extend(faults.map(|fault| fault.finding(&rules::INVALID_MUTATOR, &entry)));
        }
        let partners = conflict::find(&mutators);
        let mut set_aside = BTreeSet::new();
        for (number, (mutator, partner)) in mutators.iter().zip(partners).enumerate() {
            let Some(partner) = partner.and_then(|partner| mutators.get(partner)) else {
                continue;
            };
            set_aside.insert(number);
            let object = &partner.entry.object;
            let message = format!(
                "its location contradicts that of {} `{}`, `{}`, so neither is applied",
                object.kind, object.name, partner.location
            );
            let fault = Fault::new(pointer!["spec", "location"], message).taken();
            findings.push(fault.finding(&rules::CONFLICTING_MUTATOR, &mutator.entry));
        }
        (Self { mutators, set_aside }, findings)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.mutators.is_empty()
    }

    /// The manifests of those that are used, in the order in which they are applied.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let used = self.mutators.iter().enumerate().filter(|(number, _)| !self.set_aside.contains(number));
        used.map(|(_, mutator)| &mutator.entry)
    }

    /// An object as it is when all mutators have been applied, and whether that is another than before.
    ///
    /// The operation is `CREATE`, `UPDATE` or another word of a request; where it is empty, as in `gator` and for what an
    /// expansion makes, only mutators for all operations are applied.
    pub fn mutate(&self, subject: &Subject<'_>, operation: &str) -> Result<(Value, bool), MutationError> {
        let mut object = subject.object.clone();
        let mut fuel = Fuel(FUEL);
        let (mut is_mutated, mut waits, mut has_values) = (false, false, false);
        // One round more than there are mutators, of which the last finds nothing to do.
        for _ in 0..=self.mutators.len() {
            let before = object.clone();
            for (number, mutator) in self.mutators.iter().enumerate() {
                if self.set_aside.contains(&number) {
                    continue;
                }
                let subject = Subject { object: &object, ..*subject };
                let failed =
                    |fault| MutationError::Mutator { mutator: mutator.entry.object.to_string(), fault };
                let mutated = mutator.mutate(&subject, operation, &mut fuel).map_err(failed)?;
                if let Some(mutated) = mutated {
                    object = mutated;
                    waits |= mutator.is_external();
                    has_values |= mutator.assigns_values();
                }
            }
            if number::same(&before, &object) {
                return finish(object, is_mutated, waits, has_values);
            }
            is_mutated = true;
        }
        if self.mutators.is_empty() { Ok((object, false)) } else { Err(MutationError::NotConverging) }
    }
}

/// Nothing changes any more.
fn finish(
    object: Value,
    is_mutated: bool,
    waits: bool,
    has_values: bool,
) -> Result<(Value, bool), MutationError> {
    if !is_mutated {
        return Ok((object, false));
    }
    if waits && let Some(provider) = set::find_unresolved(&object) {
        return Err(MutationError::ExternalData(provider));
    }
    let printed = if has_values { number::map(&object, number::to_printed) } else { None };
    Ok((printed.unwrap_or(object), true))
}

/// Adds a mutator in its place, or puts it in that of the one of its name.
fn add(mutators: &mut Vec<Mutator>, mutator: Mutator) -> Result<(), Vec<Fault>> {
    match mutators.binary_search_by(|other| other.id().cmp(&mutator.id())) {
        Ok(number) => {
            if let Some(earlier) = mutators.get_mut(number) {
                *earlier = mutator;
            }
        }
        Err(_) if mutators.len() >= MUTATORS_MAX => {
            let message = format!("there are more than {MUTATORS_MAX} mutators: this one is not used");
            return Err(vec![Fault::new(Pointer::ROOT, message)]);
        }
        Err(number) => mutators.insert(number, mutator),
    }
    Ok(())
}

/// Group, version and kind; all empty where `apiVersion` is none.
fn group_version_kind(object: &Value) -> [&str; 3] {
    let (group, kind) = super::matching::group_and_kind(object);
    let version = version_of(text(object, "apiVersion"));
    [group, if version.contains('/') { "" } else { version }, kind]
}

#[cfg(test)]
mod tests;

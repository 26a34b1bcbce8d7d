//! Which variables are declared where.

use crate::ast::Name;
use crate::error::Error;
use crate::hash::HashMap;

/// How a variable first occurred in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Seen {
    /// As an argument.
    Argument,
    /// Without a declaration.
    Used,
    /// On the left of `:=`.
    Assigned,
    /// After `some` or `every`.
    Declared,
}

/// A variable in a scope.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// What it is called now.
    pub fresh: Name,
    /// How it first occurred.
    pub seen: Seen,
    /// How often it occurred, here and in scopes within.
    pub count: usize,
}

/// Scopes within each other, the outermost first.
#[derive(Clone)]
pub(in crate::check) struct Locals {
    scopes: Vec<HashMap<Name, Entry>>,
    /// In which scopes a variable has an entry.
    places: HashMap<Name, Vec<usize>>,
    /// All names that were given, and what each stands for in the text.
    pub rewritten: Vec<(Name, Name)>,
    /// What is declared or assigned and never used.
    pub unused: Vec<Error>,
}

impl Locals {
    pub(super) fn new() -> Self {
        Self {
            scopes: vec![HashMap::default()],
            places: HashMap::default(),
            rewritten: Vec::new(),
            unused: Vec::new(),
        }
    }

    pub(super) fn push(&mut self) {
        self.scopes.push(HashMap::default());
    }

    pub(super) fn pop(&mut self) {
        for name in self.scopes.pop().unwrap_or_default().into_keys() {
            if let Some(places) = self.places.get_mut(&name) {
                places.pop();
                if places.is_empty() {
                    self.places.remove(&name);
                }
            }
        }
    }

    pub(super) fn insert(&mut self, name: &Name, fresh: &Name, seen: Seen) {
        let top = self.scopes.len() - 1;
        let Some(scope) = self.scopes.last_mut() else { return };
        if scope.insert(name.clone(), Entry { fresh: fresh.clone(), seen, count: 1 }).is_none() {
            self.places.entry(name.clone()).or_default().push(top);
        }
        if name != fresh {
            self.rewritten.push((fresh.clone(), name.clone()));
        }
    }

    fn entry(&self, name: &Name) -> Option<&Entry> {
        let place = *self.places.get(name)?.last()?;
        self.scopes.get(place)?.get(name)
    }

    /// What a variable is called now.
    pub(super) fn declared(&self, name: &Name) -> Option<&Name> {
        self.entry(name).map(|entry| &entry.fresh)
    }

    /// How a variable first occurred, in any scope.
    pub(super) fn seen(&self, name: &Name) -> Option<Seen> {
        self.entry(name).map(|entry| entry.seen)
    }

    /// How a variable first occurred in the innermost scope.
    pub(super) fn seen_here(&self, name: &Name) -> Option<Seen> {
        self.scopes.last()?.get(name).map(|entry| entry.seen)
    }

    /// What a variable of the innermost scope is called now.
    pub(super) fn here(&self, name: &Name) -> Option<&Name> {
        self.scopes.last()?.get(name).map(|entry| &entry.fresh)
    }

    /// Counts an occurrence.
    pub(super) fn see(&mut self, name: &Name) {
        let Some(place) = self.places.get(name).and_then(|places| places.last()) else { return };
        if let Some(entry) = self.scopes.get_mut(*place).and_then(|scope| scope.get_mut(name)) {
            entry.count += 1;
        }
    }

    /// How often a variable occurred.
    pub(super) fn count(&self, name: &Name) -> usize {
        self.entry(name).map_or(0, |entry| entry.count)
    }

    /// Variables of the innermost scope that first occurred in this way, sorted by what they are called now.
    pub(super) fn of_kind(&self, seen: Seen) -> Vec<(&Name, &Entry)> {
        let mut found: Vec<_> =
            self.scopes.last().into_iter().flatten().filter(|(_, entry)| entry.seen == seen).collect();
        found.sort_by(|(_, one), (_, other)| one.fresh.cmp(&other.fresh));
        found
    }
}

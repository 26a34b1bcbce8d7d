//! Conditions as alternatives, each of which asks several things at once; within bounds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::atom::Atom;
use super::{ATOMS_MAX, CLAUSES_MAX};
use crate::Event;

/// One alternative: what is asked of each field, by the names of the fields as conditions write them. It asks nothing where
/// there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clause {
    pub(super) atoms: BTreeMap<Arc<str>, Arc<Atom>>,
}

impl Clause {
    /// What is asked of each field.
    pub fn atoms(&self) -> impl Iterator<Item = (&str, &Atom)> {
        self.atoms.iter().map(|(name, atom)| (name.as_ref(), atom.as_ref()))
    }

    /// Whether an event passes.
    pub fn holds(&self, event: &impl Event) -> bool {
        self.atoms.values().all(|atom| atom.holds(event))
    }

    /// Both; `None` where no event passes both. What is asked of a field in many clauses is put together once.
    fn and(&self, other: &Self, known_pairs: &mut Pairs) -> Option<Self> {
        let mut atoms = self.atoms.clone();
        for (name, atom) in &other.atoms {
            let both = match atoms.get(name) {
                Some(known) if known == atom => continue,
                Some(known) => {
                    let pair = (Arc::as_ptr(known), Arc::as_ptr(atom));
                    Arc::clone(known_pairs.entry(pair).or_insert_with(|| Arc::new(known.and(atom))))
                }
                None => Arc::clone(atom),
            };
            if both.is_never() {
                return None;
            }
            atoms.insert(Arc::clone(name), both);
        }
        // What is not asked lets more events pass.
        while atoms.len() > ATOMS_MAX {
            let costliest = atoms.iter().max_by_key(|(_, atom)| atom.len()).map(|(name, _)| Arc::clone(name));
            atoms.remove(&costliest?);
        }
        Some(Self { atoms })
    }

    /// What both ask at least.
    fn or(&self, other: &Self) -> Self {
        let shared = self.atoms.iter().filter_map(|(name, atom)| {
            let known = other.atoms.get(name)?;
            let either = if known == atom { Arc::clone(atom) } else { Arc::new(known.or(atom)) };
            (!either.is_always()).then(|| (Arc::clone(name), either))
        });
        Self { atoms: shared.collect() }
    }

    /// One clause that says exactly what both say, where they differ in one field alone.
    fn join(&self, other: &Self) -> Option<Self> {
        if !self.atoms.keys().eq(other.atoms.keys()) {
            return None;
        }
        let mut differing =
            self.atoms.iter().zip(other.atoms.values()).filter(|((_, this), that)| this != that);
        let ((name, this), that) = differing.next()?;
        if differing.next().is_some() || !this.joins_exactly(that) {
            return None;
        }
        let mut atoms = self.atoms.clone();
        let either = this.or(that);
        if either.is_always() {
            atoms.remove(name);
        } else {
            atoms.insert(Arc::clone(name), Arc::new(either));
        }
        Some(Self { atoms })
    }

    /// Whether every event that passes the other passes this, as far as that is seen at once.
    fn covers(&self, other: &Self) -> bool {
        self.atoms.iter().all(|(name, atom)| {
            other.atoms.get(name).is_some_and(|other| Arc::ptr_eq(atom, other) || atom.covers(other))
        })
    }

    /// How much it has in common with another: fields, and what is asked of them.
    fn likeness(&self, other: &Self) -> (usize, usize) {
        let shared = self.atoms.iter().filter_map(|(name, atom)| Some((atom, other.atoms.get(name)?)));
        shared.fold((0, 0), |(fields, same), (this, that)| (fields + 1, same + usize::from(this == that)))
    }

    fn size(&self) -> usize {
        self.atoms.values().map(|atom| atom.len().max(1)).sum::<usize>() + 1
    }
}

/// What is asked of a field by two, put together.
type Pairs = HashMap<(*const Atom, *const Atom), Arc<Atom>>;

/// Alternatives: none, of which no event passes, to as many as are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Clauses(pub(super) Vec<Clause>);

impl Clauses {
    pub(super) fn never() -> Self {
        Self(Vec::new())
    }

    pub(super) fn always() -> Self {
        Self(vec![Clause::default()])
    }

    pub(super) fn of(name: Arc<str>, atom: Arc<Atom>) -> Self {
        Self(vec![Clause { atoms: BTreeMap::from([(name, atom)]) }])
    }

    pub(super) fn is_always(&self) -> bool {
        self.0.iter().any(|clause| clause.atoms.is_empty())
    }

    /// What it costs to look at it once.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(Clause::size).sum::<usize>() + 1
    }

    /// Adds another alternative.
    fn add(&mut self, clause: Clause) {
        let mut clause = clause;
        loop {
            if self.0.iter().any(|known| known.covers(&clause)) {
                return;
            }
            let joined = self.0.iter().enumerate().find_map(|(at, known)| Some((at, known.join(&clause)?)));
            let Some((at, joined)) = joined else { break };
            self.0.swap_remove(at);
            clause = joined;
        }
        self.0.retain(|known| !clause.covers(known));
        self.0.push(clause);
        self.shrink(CLAUSES_MAX);
    }

    /// Makes one of those that have most in common, until there are few enough.
    fn shrink(&mut self, most: usize) {
        while self.0.len() > most {
            let Some(last) = self.0.pop() else { return };
            let nearest = self.0.iter().enumerate().max_by_key(|(_, known)| known.likeness(&last));
            let Some((at, nearest)) = nearest else { return };
            let merged = nearest.or(&last);
            self.0.swap_remove(at);
            self.0.retain(|known| !merged.covers(known));
            self.0.push(merged);
        }
    }

    /// One of both.
    pub(super) fn or(mut self, other: Self) -> Self {
        for clause in other.0 {
            self.add(clause);
        }
        self
    }

    /// Both; of the other only what fits.
    pub(super) fn and(self, mut other: Self) -> Self {
        other.shrink((CLAUSES_MAX / self.0.len().max(1)).max(1));
        if other.is_always() {
            return self;
        }
        let mut both = Self::never();
        let mut pairs = Pairs::new();
        for left in &self.0 {
            for right in &other.0 {
                if let Some(clause) = left.and(right, &mut pairs) {
                    both.add(clause);
                }
            }
        }
        both
    }
}

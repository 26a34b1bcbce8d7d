//! Documents that are evaluated once for several programs.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::machine::{Machine, Stop};
use super::memo::{Kept, has_number};

/// What documents with a number of [`Commons`](crate::plan::Commons) gave: evaluations of whatever program that are given it one
/// after the other take it from here. They must all have the same time and base documents, and an `input` that differs in nothing
/// but what their programs were specialised for.
///
/// Whoever takes a value pays for it from its budget what its evaluation took. So no evaluation fails or holds because another
/// was before it.
#[derive(Debug, Default)]
pub struct Shared {
    found: HashMap<u32, Found>,
}

/// What a document gave, and what it took.
#[derive(Debug)]
struct Found {
    kept: Kept,
    /// Steps and bytes, without those of the documents below.
    cost: (u64, u64),
    /// The numbers of other documents that it asked for.
    below: BTreeSet<u32>,
}

/// What a machine has taken from others.
#[derive(Default)]
pub(super) struct Account {
    /// Documents that were paid for.
    paid: HashSet<u32>,
    /// Steps and bytes that went to documents below the one that is evaluated.
    below: (u64, u64),
    /// Those documents.
    asked: BTreeSet<u32>,
    /// Whether numbers were arguments or keys of something that is kept.
    numbers: bool,
}

/// How a machine stood when it started on a document that others may take.
pub(super) struct Start {
    number: u32,
    left: (u64, u64),
    below: (u64, u64),
    asked: BTreeSet<u32>,
}

impl Machine<'_, '_> {
    /// The number of a document of others, where it may be taken or given here.
    pub(super) fn common(&self, document: u32) -> Option<u32> {
        if self.shared.is_none() || self.context != 0 {
            return None;
        }
        self.plan.documents.get(document as usize)?.common
    }

    /// What somebody else found, for its price.
    pub(super) fn take_common(&mut self, number: u32) -> Result<Option<Kept>, Stop> {
        let Some(found) = self.shared.as_ref().and_then(|shared| shared.found.get(&number)) else {
            return Ok(None);
        };
        let kept = found.kept.clone();
        let mut pending = vec![number];
        while let Some(number) = pending.pop() {
            if !self.account.paid.insert(number) {
                continue;
            }
            let found = self.shared.as_ref().and_then(|shared| shared.found.get(&number));
            let Some(found) = found else { continue };
            pending.extend(&found.below);
            let cost = found.cost;
            self.steps(cost.0)?;
            self.bytes(cost.1)?;
            self.account.below = sum(self.account.below, cost);
        }
        self.asked(number);
        Ok(Some(kept))
    }

    /// Notes that the document under evaluation asks for another.
    pub(super) fn asked(&mut self, number: u32) {
        self.account.asked.insert(number);
    }

    /// Starts on a document that others may take.
    pub(super) fn start_common(&mut self, number: u32) -> Start {
        let start = Start {
            number,
            left: self.budget.left(),
            below: std::mem::take(&mut self.account.below),
            asked: std::mem::take(&mut self.account.asked),
        };
        self.account.paid.insert(number);
        start
    }

    /// Notes whether the arguments or keys of what is about to be kept have numbers. `1` and `1.0` are the same argument, and the
    /// second gets the first's answer: what was found after such a call may depend on it, and who takes it without having made the
    /// call would answer the next one otherwise. So nothing that was found from then on is given to others, or computed ahead.
    pub(super) fn note_numbers(&mut self) -> bool {
        let numbers = self.arguments.iter().any(has_number);
        self.account.numbers |= numbers;
        numbers
    }

    /// Whether what was found may depend on calls with numbers, or later calls on those.
    pub(super) const fn kept_numbers(&self) -> bool {
        self.account.numbers
    }

    /// Ends it: others may take it from now on.
    pub(super) fn end_common(&mut self, start: Start, kept: &Kept) {
        let left = self.budget.left();
        let all = (start.left.0.saturating_sub(left.0), start.left.1.saturating_sub(left.1));
        let below = self.account.below;
        let cost = (all.0.saturating_sub(below.0), all.1.saturating_sub(below.1));
        let asked = std::mem::replace(&mut self.account.asked, start.asked);
        if !self.account.numbers
            && let Some(shared) = self.shared.as_mut()
        {
            let found = Found { kept: kept.clone(), cost, below: asked };
            shared.found.insert(start.number, found);
        }
        self.account.below = sum(start.below, all);
        self.asked(start.number);
    }
}

fn sum(left: (u64, u64), right: (u64, u64)) -> (u64, u64) {
    (left.0.saturating_add(right.0), left.1.saturating_add(right.1))
}

//! [`Difference`]: connections that one set of manifests has and another has not.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::network::{
    AddressRange, AddressSet, ClassId, Direction, Model, Ports, Reachability, WorkloadId,
};

use super::actor::{Actor, Party, names};
use super::{HINT_LESS, Network, TooMuch};

mod json;
mod table;

pub use json::{DIFF_SCHEMA, Diff, json};
pub use table::{csv, markdown, text};

/// Most pairs of classes of workloads that are compared.
pub const PAIRS_MAX: usize = 25_000_000;

/// Most changes that are told.
pub const CHANGES_MAX: usize = 200_000;

/// What changed between two ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Who connects.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// The ports that are open now and were not.
    pub won: Ports,
    /// The ports that were open and are not now.
    pub lost: Ports,
}

/// Whether a workload is there before, after, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Both.
    Stays,
    /// It is new.
    Comes,
    /// It is gone.
    Goes,
}

/// What changed from one set of manifests to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The workloads of both, sorted by name. Members are left out: the two models number theirs differently.
    pub actors: Vec<Actor>,
    /// For each whether it stays.
    pub presence: Vec<Presence>,
    /// The changes, sorted by their ends.
    pub changes: Vec<Change>,
    /// What the answers rest on, before and after.
    pub assumptions: Vec<String>,
}

impl Difference {
    /// Whether the same is reached.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Compares two networks.
    ///
    /// # Errors
    ///
    /// Where there are more pairs or changes than [`PAIRS_MAX`] and [`CHANGES_MAX`].
    pub fn of(before: &Network, after: &Network) -> anyhow::Result<Self> {
        let sides = [Side::of(&before.model)?, Side::of(&after.model)?];
        let all: BTreeSet<&String> = sides.iter().flat_map(|side| side.ids.keys()).collect();
        let all: Vec<&String> = all.into_iter().collect();
        let mut difference = Self::default();
        for name in &all {
            let [was, is] = sides.each_ref().map(|side| side.ids.get(*name).copied());
            difference.presence.push(match (was, is) {
                (None, _) => Presence::Comes,
                (_, None) => Presence::Goes,
                _ => Presence::Stays,
            });
            let [old, new] = &sides;
            let of = is.map(|id| (new, id)).or(was.map(|id| (old, id)));
            let workload = of.and_then(|(side, id)| side.model.workload(id));
            difference.actors.push(Actor {
                name: (*name).clone(),
                namespace: workload.map(|workload| workload.namespace.clone()).unwrap_or_default(),
                kind: workload.map(|workload| workload.kind.clone()).unwrap_or_default(),
                members: Vec::new(),
            });
        }
        difference.pairs(&all, &sides)?;
        difference.outside(&all, &sides)?;
        difference.changes.sort();
        let assumptions: BTreeSet<String> =
            before.assumptions().into_iter().chain(after.assumptions()).collect();
        difference.assumptions = assumptions.into_iter().collect();
        Ok(difference)
    }

    fn add(&mut self, from: Party, to: Party, was: &Ports, is: &Ports) -> Result<(), TooMuch> {
        if was == is {
            return Ok(());
        }
        if self.changes.len() >= CHANGES_MAX {
            return Err(TooMuch { what: "changes", max: CHANGES_MAX, hint: HINT_LESS });
        }
        self.changes.push(Change { from, to, won: is.difference(was), lost: was.difference(is) });
        Ok(())
    }

    /// Workloads of the same classes on both sides have the same in common: these are compared once.
    fn pairs(&mut self, all: &[&String], sides: &[Side<'_>; 2]) -> anyhow::Result<()> {
        let mut alike: BTreeMap<Classes, Vec<usize>> = BTreeMap::new();
        for (index, name) in all.iter().enumerate() {
            alike.entry(sides.each_ref().map(|side| side.class(name))).or_default().push(index);
        }
        if alike.len().saturating_mul(alike.len()) > PAIRS_MAX {
            let what = "pairs of classes of workloads to compare";
            return Err(TooMuch { what, max: PAIRS_MAX, hint: HINT_LESS }.into());
        }
        for (source, sources) in &alike {
            for (destination, destinations) in &alike {
                let [old, new] = sides;
                let ([from_old, from_new], [to_old, to_new]) = (source, destination);
                let (was, is) = (old.ports(*from_old, *to_old), new.ports(*from_new, *to_new));
                if was == is {
                    continue;
                }
                for from in sources {
                    for to in destinations.iter().filter(|to| *to != from) {
                        self.add(Party::Actor(*from), Party::Actor(*to), &was, &is)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn outside(&mut self, all: &[&String], sides: &[Side<'_>; 2]) -> anyhow::Result<()> {
        for (index, name) in all.iter().enumerate() {
            for direction in Direction::ALL {
                let [old, new] = sides;
                let (was, is) = (old.outside(name, direction)?, new.outside(name, direction)?);
                if was == is {
                    continue;
                }
                let mut changed: BTreeMap<(Ports, Ports), Vec<AddressRange>> = BTreeMap::new();
                for (range, was, is) in overlaid(&was, &is) {
                    let (won, lost) = (is.difference(was), was.difference(is));
                    if !(won.is_empty() && lost.is_empty()) {
                        changed.entry((won, lost)).or_default().push(range);
                    }
                }
                for ((won, lost), ranges) in changed {
                    let (outside, actor) = (Party::Outside(AddressSet::of(ranges)), Party::Actor(index));
                    match direction {
                        Direction::Ingress => self.add(outside, actor, &lost, &won)?,
                        Direction::Egress => self.add(actor, outside, &lost, &won)?,
                    }
                }
            }
        }
        Ok(())
    }
}

/// The classes of a workload before and after; none where it is not there.
type Classes = [Option<ClassId>; 2];

/// One of the two.
struct Side<'a> {
    model: &'a Model,
    ids: BTreeMap<String, WorkloadId>,
    reachability: Reachability,
}

impl<'a> Side<'a> {
    fn of(model: &'a Model) -> anyhow::Result<Self> {
        let ids = names(model).into_iter().zip(model.iter().map(|(id, _)| id)).collect();
        Ok(Self { model, ids, reachability: model.reachability()? })
    }

    fn class(&self, name: &str) -> Option<ClassId> {
        self.model.workload(*self.ids.get(name)?).map(lumen_core::network::Workload::class)
    }

    /// The ports from one class to another; none where one of them is not there.
    fn ports(&self, from: Option<ClassId>, to: Option<ClassId>) -> Ports {
        let ends = from.zip(to);
        ends.map_or_else(Ports::none, |(from, to)| self.reachability.ports(from, to))
    }

    /// What a workload and addresses have in common; nothing where it is not there.
    fn outside(&self, name: &str, direction: Direction) -> anyhow::Result<Vec<(AddressRange, Ports)>> {
        Ok(match self.ids.get(name) {
            Some(id) => self.model.external(*id, direction)?,
            None => vec![(AddressRange::IPV4, Ports::none()), (AddressRange::IPV6, Ports::none())],
        })
    }
}

/// Two coverings of all addresses laid over each other. Both are sorted and leave nothing out.
fn overlaid<'a>(
    one: &'a [(AddressRange, Ports)],
    other: &'a [(AddressRange, Ports)],
) -> Vec<(AddressRange, &'a Ports, &'a Ports)> {
    let (mut ones, mut others) = (one.iter().peekable(), other.iter().peekable());
    let mut parts = Vec::with_capacity(one.len() + other.len());
    while let (Some((left, was)), Some((right, is))) = (ones.peek(), others.peek()) {
        let (first, last) = (left.first.max(right.first), left.last.min(right.last));
        if first <= last {
            parts.push((AddressRange { first, last }, was, is));
        }
        if left.last <= right.last {
            ones.next();
        } else {
            others.next();
        }
    }
    parts
}

#[cfg(test)]
mod tests;

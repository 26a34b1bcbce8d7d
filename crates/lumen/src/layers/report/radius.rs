//! The blast radius in a report: what whoever takes a workload over has, and whom they reach.

use std::collections::BTreeSet;

use lumen_core::posture::layers::Row;
use lumen_core::posture::radius::{HeldKind, Holdings, Radius};

use super::sections::{heading, named, text};
use super::{Block, Cell, Table, Tone, plain, toned};
use crate::check::prepare::Lines;
use crate::layers::{HELD_KINDS, Posture, doubt, how_many, name_of, title};

/// What whoever takes a workload over has and reaches.
pub(super) fn section(posture: &Posture<'_>, lines: &Lines<'_>) -> Vec<Block> {
    let rows = posture.rows.iter().zip(&posture.holdings).zip(&posture.radii);
    let row = |((row, holdings), radius): ((&Row, &Holdings), &Radius)| {
        vec![
            plain(title(row)),
            reached(posture, radius),
            plain(things(holdings)),
            powers(holdings, lines),
            match holdings.host.as_slice() {
                [] => toned("none", Tone::Good),
                host => toned(named(host.iter().map(|access| &access.what)), Tone::Bad),
            },
        ]
    };
    vec![
        heading("Blast radius"),
        text(
            "What whoever takes a workload over has and reaches: other workloads by the network policies, as far as something \
             enforces them; what is mounted or in the environment; what the service account's token allows; ways to the node.",
        ),
        Block::Table(Table {
            head: vec!["Workload", "Reaches", "Holds", "Its token lets it", "Ways to the node"],
            rows: rows.map(row).collect(),
        }),
    ]
}

fn reached(posture: &Posture<'_>, radius: &Radius) -> Cell {
    let Some(hops) = &radius.hops else {
        return toned("cannot be told", Tone::Unknown);
    };
    let doubt = doubt(posture, radius);
    if hops.is_empty() {
        return match doubt {
            None => toned("no other workload", Tone::Good),
            Some(doubt) => toned(format!("none for certain ({doubt})"), Tone::Unknown),
        };
    }
    let hop = |(number, hop): (usize, &Vec<usize>)| {
        let names = named(hop.iter().map(|number| name_of(posture, *number)));
        format!("by hop {}: {names}", number + 1)
    };
    let hops = hops.iter().enumerate().map(hop).collect::<Vec<_>>().join("; ");
    match doubt {
        None => plain(format!("{}: {hops}", how_many(radius))),
        Some(doubt) => toned(format!("{} ({doubt}): {hops}", how_many(radius)), Tone::Unknown),
    }
}

fn things(holdings: &Holdings) -> String {
    let of_kind = |(kind, word): &(HeldKind, &str)| {
        let names: BTreeSet<&str> = holdings.of_kind(*kind).map(|held| &*held.name).collect();
        (!names.is_empty()).then(|| format!("{word} {}", named(names)))
    };
    let parts: Vec<String> = HELD_KINDS.iter().filter_map(of_kind).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}

fn powers(holdings: &Holdings, lines: &Lines<'_>) -> Cell {
    if !holdings.accounts.iter().any(|account| account.token.is_there()) {
        return toned("no token is in the pod", Tone::Good);
    }
    let power = |held: &lumen_core::posture::power::HeldPower| {
        let at =
            held.binding.origin.location().map_or_else(String::new, |at| format!(", {}", lines.shown(at)));
        format!("{} (`{}`, {}{at})", held.power.title, held.right, held.binding)
    };
    match holdings.powers.as_slice() {
        [] => plain("nothing that matters here"),
        powers => toned(named(powers.iter().map(power)), Tone::Unknown),
    }
}

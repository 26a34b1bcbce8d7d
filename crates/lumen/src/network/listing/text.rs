//! A listing for people.

use std::io;

use super::{Listing, Party, RoutePath};
use crate::output::counted;
use crate::output::escape::line;

/// Most workloads that are named in one line; JSON names all.
const NAMES_MAX: usize = 40;

/// Widest column, in characters; a longer text pushes its line to the right.
const WIDTH_MAX: usize = 60;

/// Writes a listing as a table, with what stands out below it.
///
/// # Errors
///
/// Where writing fails.
pub fn text(listing: &Listing, names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    let name = |party: &Party| line(&party.name(&listing.actors)).into_owned();
    let rows: Vec<[String; 3]> = listing
        .connections
        .iter()
        .map(|each| [name(&each.from), name(&each.to), each.ports.to_string()])
        .collect();
    if !rows.is_empty() {
        let head = ["FROM".to_owned(), "TO".to_owned(), "PORTS".to_owned()];
        let width = |column: usize| {
            let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).filter(|width| *width <= WIDTH_MAX).max().unwrap_or(0)
        };
        let (from_width, to_width) = (width(0), width(1));
        for [from, to, ports] in [&head].into_iter().chain(&rows) {
            writeln!(out, "{from:from_width$}  {to:to_width$}  {ports}")?;
        }
        writeln!(out)?;
    }
    routes(listing, out)?;
    folded(listing, names, out)?;
    let named = |indices: &[usize]| {
        let asked: Vec<&usize> = indices
            .iter()
            .filter(|index| listing.focus.is_empty() || listing.focus.contains(index))
            .collect();
        let names = asked.iter().take(NAMES_MAX).filter_map(|index| listing.actors.get(**index));
        let mut names: Vec<_> = names.map(|actor| line(&actor.to_string()).into_owned()).collect();
        match asked.len().saturating_sub(NAMES_MAX) {
            0 => {}
            more => names.push(format!("and {more} more")),
        }
        names.join(", ")
    };
    for (direction, open) in ["ingress", "egress"].into_iter().zip(&listing.open) {
        let names = named(open);
        if !names.is_empty() {
            writeln!(out, "no policy isolates the {direction} of {names}")?;
        }
    }
    let names = named(&listing.on_host);
    if !names.is_empty() {
        writeln!(out, "on the host's network, which policies do not select: {names}")?;
    }
    let connections = counted(listing.connections.len(), "connection");
    if !listing.focus.is_empty() {
        return writeln!(out, "{connections} in focus");
    }
    let workloads: usize = listing.actors.iter().map(|actor| actor.members.len()).sum();
    writeln!(out, "{}, {connections}", counted(workloads, "workload"))
}

fn routes(listing: &Listing, out: &mut dyn io::Write) -> io::Result<()> {
    if listing.routes.is_empty() {
        return Ok(());
    }
    writeln!(out, "routes from outside:")?;
    for route in &listing.routes {
        let RoutePath { host, service, through, to, offered, allowed } = route;
        let host = if host.is_empty() { "every host" } else { host };
        let to = Party::Actor(*to).name(&listing.actors);
        let through = through.name(&listing.actors);
        let denied = offered.difference(allowed);
        let verdict = if denied.is_empty() {
            format!("{through} reaches it on {allowed}")
        } else if allowed.is_empty() {
            format!("DENIED: {through} does not reach it on {denied}")
        } else {
            format!("{through} reaches it on {allowed}; DENIED on {denied}")
        };
        writeln!(out, "  {} by Service {} to {}: {}", line(host), line(service), line(&to), line(&verdict))?;
    }
    writeln!(out)
}

fn folded(listing: &Listing, names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    let folded: Vec<_> = listing.actors.iter().filter(|actor| actor.more() > 0).collect();
    if folded.is_empty() {
        return Ok(());
    }
    writeln!(out, "workloads that no policy tells apart stand in one line:")?;
    for actor in folded {
        let members: Vec<_> =
            actor.members.iter().filter_map(|id| names.get(id.index())).map(|name| line(name)).collect();
        writeln!(out, "  {} is {}", line(&actor.to_string()), members.join(", "))?;
    }
    writeln!(out)
}

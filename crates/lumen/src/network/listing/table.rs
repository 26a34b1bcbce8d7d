//! A listing as a table for programs and for pages.

use std::io;

use lumen_core::network::Ports;

use super::{Listing, Party};
use crate::network::{csv_field, markdown_cell, markdown_members};
use crate::output::counted;

/// Writes a line for each connection: `source,destination,ports`.
///
/// # Errors
///
/// Where writing fails.
pub fn csv(listing: &Listing, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "source,destination,ports")?;
    for each in &listing.connections {
        let name = |party: &Party| csv_field(&party.name(&listing.actors));
        writeln!(out, "{},{},{}", name(&each.from), name(&each.to), csv_field(&each.ports.to_string()))?;
    }
    Ok(())
}

/// Writes a Markdown table, and one of the routes.
///
/// # Errors
///
/// Where writing fails.
pub fn markdown(listing: &Listing, names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    let name = |party: &Party| markdown_cell(&party.name(&listing.actors));
    writeln!(out, "### Who reaches whom\n")?;
    if listing.connections.is_empty() {
        writeln!(out, "Nobody reaches anybody.")?;
    } else {
        writeln!(out, "| from | to | ports |\n|---|---|---|")?;
    }
    for each in &listing.connections {
        writeln!(out, "| {} | {} | {} |", name(&each.from), name(&each.to), each.ports)?;
    }
    if !listing.routes.is_empty() {
        writeln!(out, "\n| route | Service | to | through | allowed | denied |\n|---|---|---|---|---|---|")?;
    }
    for route in &listing.routes {
        let denied = route.offered.difference(&route.allowed);
        let cell = |ports: &Ports| if ports.is_empty() { String::new() } else { ports.to_string() };
        let host = if route.host.is_empty() { "every host" } else { &route.host };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            markdown_cell(host),
            markdown_cell(&route.service),
            name(&Party::Actor(route.to)),
            name(&route.through),
            cell(&route.allowed),
            cell(&denied)
        )?;
    }
    markdown_members(&listing.actors, names, out)?;
    writeln!(out, "\n{}", counted(listing.connections.len(), "connection"))
}

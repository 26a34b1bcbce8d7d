//! `lumen net list`, `lumen net matrix` and `lumen net graph`.

use std::collections::BTreeSet;

use anyhow::{Error, Result};
use lumen_core::network::WorkloadId;

use super::{Loaded, say, write};
use crate::cli::net::{ConnectionsFormat, GraphFormat, MatrixFormat, NetGraph, NetList, NetMatrix};
use crate::command::Context;
use crate::exit::Exit;
use crate::graph;
use crate::network::listing::{Choice, Listing};
use crate::network::{Network, actor, listing, matrix, picture};

pub(super) fn list(arguments: &NetList, context: &Context) -> Result<Exit> {
    let mut network = Loaded::open(&arguments.paths, &arguments.files, context)?.network(Vec::new());
    let exit = say(&mut network, context);
    let choice = Choice {
        focus: focus(&network, &arguments.focus)?,
        exposure: arguments.exposure,
        fold: arguments.fold,
    };
    let is_drawn = |output: &crate::cli::net::NetOutput<ConnectionsFormat>| {
        matches!(output.format, ConnectionsFormat::Graph(_))
    };
    let is_drawn = arguments.outputs.iter().any(is_drawn);
    if is_drawn {
        picture::check_size(&network, &choice)?;
    }
    let found = Listing::of(&network, &choice)?;
    let names = actor::names(&network.model);
    let drawn = if is_drawn { Some(picture::of_listing(&network, &found, &names)?) } else { None };
    write(&arguments.outputs, ConnectionsFormat::Text, |format, _, out| match (format, &drawn) {
        (ConnectionsFormat::Text, _) => listing::text(&found, &names, out),
        (ConnectionsFormat::Json, _) => listing::json(&found, &names, out),
        (ConnectionsFormat::Csv, _) => listing::csv(&found, out),
        (ConnectionsFormat::Markdown, _) => listing::markdown(&found, &names, out),
        (ConnectionsFormat::Graph(format), Some(drawn)) => draw(format, drawn, out),
        (ConnectionsFormat::Graph(_), None) => Ok(()),
    })?;
    Ok(exit)
}

pub(super) fn graph(arguments: &NetGraph, context: &Context) -> Result<Exit> {
    let mut network = Loaded::open(&arguments.paths, &arguments.files, context)?.network(Vec::new());
    let exit = say(&mut network, context);
    let choice = Choice {
        focus: focus(&network, &arguments.focus)?,
        exposure: arguments.exposure,
        fold: arguments.fold,
    };
    picture::check_size(&network, &choice)?;
    let found = Listing::of(&network, &choice)?;
    let drawn = picture::of_listing(&network, &found, &actor::names(&network.model))?;
    write(&arguments.outputs, GraphFormat::Svg, |format, _, out| draw(format, &drawn, out))?;
    Ok(exit)
}

pub(super) fn matrix(arguments: &NetMatrix, context: &Context) -> Result<Exit> {
    let mut network = Loaded::open(&arguments.paths, &arguments.files, context)?.network(Vec::new());
    let exit = say(&mut network, context);
    let focus = focus(&network, &arguments.focus)?;
    let found = matrix::Matrix::of(&network, &focus, arguments.fold)?;
    let names = actor::names(&network.model);
    write(&arguments.outputs, MatrixFormat::Text, |format, _, out| match format {
        MatrixFormat::Text => matrix::text(&found, &names, out),
        MatrixFormat::Csv => matrix::csv(&found, out),
        MatrixFormat::Json => matrix::json(&found, &names, out),
        MatrixFormat::Markdown => matrix::markdown(&found, &names, out),
    })?;
    Ok(exit)
}

/// Writes a graph in one of its formats.
pub(super) fn draw(
    format: GraphFormat,
    drawn: &graph::Graph,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    match format {
        GraphFormat::Svg => graph::svg::write(drawn, out),
        GraphFormat::Dot => graph::dot::write(drawn, out),
        GraphFormat::Mermaid => graph::mermaid::write(drawn, out),
    }
}

fn focus(network: &Network, names: &[String]) -> Result<BTreeSet<WorkloadId>> {
    let mut focus = BTreeSet::new();
    for name in names {
        focus.extend(network.named(name).map_err(Error::msg)?);
    }
    Ok(focus)
}

//! [`Matrix`]: all workloads against all.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use lumen_core::network::{Direction, Model, Ports, WorkloadId};
use schemars::JsonSchema;
use serde::Serialize;

use super::actor::{Actor, actors};
use super::shape::{PortRange, WorkloadShape, port_ranges, workloads};
use super::{HINT_FOLD, Network, TooMuch, csv_field, markdown_cell, markdown_members};
use crate::output::escape::line;
use crate::output::write_json;

/// Most workloads of one matrix.
pub const ACTORS_MAX: usize = 2_000;

/// The name and version of the shape.
pub const MATRIX_SCHEMA: &str = "lumen.net.matrix/v1";

/// The row and the column of all that is outside the cluster.
const WORLD: &str = "world";

/// Which ports each reaches of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The workloads, sorted.
    pub actors: Vec<Actor>,
    /// The sets of ports that occur: the empty one first, all ports last, the others sorted.
    pub ports: Vec<Ports>,
    /// A row for each source: the workloads, then the world; a cell for each destination in the same order: the number
    /// of a set of ports. A workload with itself: its pods among each other. The world: at least one address of it.
    pub rows: Vec<Vec<usize>>,
    /// What the answers rest on.
    pub assumptions: Vec<String>,
}

impl Matrix {
    /// Makes the matrix of some workloads, or of all where there are none.
    ///
    /// # Errors
    ///
    /// Where there are more than [`ACTORS_MAX`], or the policies are more than can be worked through.
    pub fn of(network: &Network, focus: &BTreeSet<WorkloadId>, fold: bool) -> anyhow::Result<Self> {
        let model = &network.model;
        let in_focus =
            |actor: &Actor| focus.is_empty() || actor.members.iter().any(|member| focus.contains(member));
        let actors: Vec<Actor> = actors(model, fold).into_iter().filter(in_focus).collect();
        if actors.len() > ACTORS_MAX {
            return Err(TooMuch { what: "workloads", max: ACTORS_MAX, hint: HINT_FOLD }.into());
        }
        let reachability = model.reachability()?;
        let class = |actor: &Actor| {
            let workload = actor.first().and_then(|first| model.workload(first));
            workload.map(lumen_core::network::Workload::class)
        };
        let classes: Vec<_> = actors.iter().filter_map(class).collect();
        let mut cells: Vec<Vec<Ports>> = Vec::with_capacity(actors.len() + 1);
        for (source, actor) in classes.iter().zip(&actors) {
            let mut row: Vec<Ports> =
                classes.iter().map(|destination| reachability.ports(*source, *destination)).collect();
            row.push(outside(model, actor, Direction::Egress)?);
            cells.push(row);
        }
        let mut world = Vec::with_capacity(actors.len() + 1);
        for actor in &actors {
            world.push(outside(model, actor, Direction::Ingress)?);
        }
        world.push(Ports::none());
        cells.push(world);
        let mut sets: BTreeSet<Ports> = cells.iter().flatten().cloned().collect();
        sets.remove(&Ports::none());
        // All ports last, so that letters begin with `a`.
        let all = sets.take(&Ports::all());
        let ports: Vec<Ports> = std::iter::once(Ports::none()).chain(sets).chain(all).collect();
        let numbers: BTreeMap<&Ports, usize> = ports.iter().zip(0..).collect();
        let number = |ports: &Ports| numbers.get(ports).copied().unwrap_or_default();
        let rows = cells.iter().map(|row| row.iter().map(number).collect()).collect();
        Ok(Self { actors, ports, rows, assumptions: network.assumptions() })
    }

    fn names(&self) -> Vec<String> {
        let actors = self.actors.iter().map(ToString::to_string);
        actors.chain([WORLD.to_owned()]).collect()
    }
}

/// The ports that are open to or from at least one address outside.
fn outside(model: &Model, actor: &Actor, direction: Direction) -> anyhow::Result<Ports> {
    let Some(first) = actor.first() else { return Ok(Ports::none()) };
    let ranges = model.external(first, direction)?;
    Ok(Ports::union_of(ranges.iter().map(|(_, ports)| ports)))
}

/// The sign of a set of ports: `.` for none, `*` for all, else a letter, or letters.
fn sign(matrix: &Matrix, number: usize) -> String {
    match matrix.ports.get(number) {
        None => String::new(),
        Some(ports) if ports.is_empty() => ".".into(),
        Some(ports) if ports.is_all() => "*".into(),
        Some(_) => letters(number.saturating_sub(1)),
    }
}

fn letters(mut number: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'a' + u8::try_from(number % 26).unwrap_or_default()));
        number /= 26;
        if number == 0 {
            break;
        }
        number -= 1;
    }
    letters.iter().rev().collect()
}

/// Writes the matrix with a sign a cell, and what the signs mean.
///
/// # Errors
///
/// Where writing fails.
pub fn text(matrix: &Matrix, names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    let called = matrix.names();
    let numbers: Vec<String> = (1..=called.len()).map(|number| number.to_string()).collect();
    let signs: Vec<Vec<String>> =
        matrix.rows.iter().map(|row| row.iter().map(|number| sign(matrix, *number)).collect()).collect();
    let width = signs.iter().flatten().chain(&numbers).map(String::len).max().unwrap_or(1);
    let number_width = numbers.last().map_or(1, String::len);
    let name_width = called.iter().map(|name| line(name).chars().count()).max().unwrap_or(0);
    let cells = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().map(|cell| format!("{cell:>width$}")).collect();
        padded.join(" ")
    };
    writeln!(
        out,
        "{:name_width$} {:number_width$} {}",
        "from, to ->",
        "",
        cells(&numbers),
        name_width = name_width.max(11)
    )?;
    for ((name, number), row) in called.iter().zip(&numbers).zip(&signs) {
        let name = line(name);
        writeln!(
            out,
            "{name:name_width$} {number:>number_width$} {}",
            cells(row),
            name_width = name_width.max(11)
        )?;
    }
    writeln!(out)?;
    for (number, ports) in matrix.ports.iter().enumerate() {
        if matrix.rows.iter().flatten().any(|cell| *cell == number) {
            writeln!(out, "{:>width$}  {ports}", sign(matrix, number))?;
        }
    }
    writeln!(
        out,
        "{WORLD} is at least one address outside; a workload and itself are its pods among each other"
    )?;
    for actor in matrix.actors.iter().filter(|actor| actor.more() > 0) {
        let members: Vec<_> =
            actor.members.iter().filter_map(|id| names.get(id.index())).map(|name| line(name)).collect();
        writeln!(out, "{} is {}", line(&actor.to_string()), members.join(", "))?;
    }
    Ok(())
}

/// Writes the ports of each pair, a source a line.
///
/// # Errors
///
/// Where writing fails.
pub fn csv(matrix: &Matrix, out: &mut dyn io::Write) -> io::Result<()> {
    let called: Vec<String> = matrix.names().iter().map(|name| csv_field(name)).collect();
    writeln!(out, "source,{}", called.join(","))?;
    for (name, row) in called.iter().zip(&matrix.rows) {
        let cells: Vec<_> = row
            .iter()
            .filter_map(|number| matrix.ports.get(*number))
            .map(|ports| if ports.is_empty() { String::new() } else { csv_field(&ports.to_string()) })
            .collect();
        writeln!(out, "{name},{}", cells.join(","))?;
    }
    Ok(())
}

/// Writes a Markdown table with the ports in its cells.
///
/// # Errors
///
/// Where writing fails.
pub fn markdown(matrix: &Matrix, names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    let called: Vec<String> = matrix.names().iter().map(|name| markdown_cell(name)).collect();
    writeln!(out, "| from \\ to | {} |", called.join(" | "))?;
    writeln!(out, "|---|{}", "---|".repeat(called.len()))?;
    for (name, row) in called.iter().zip(&matrix.rows) {
        let cells: Vec<_> = row
            .iter()
            .filter_map(|number| matrix.ports.get(*number))
            .map(|ports| if ports.is_empty() { String::new() } else { ports.to_string() })
            .collect();
        writeln!(out, "| {name} | {} |", cells.join(" | "))?;
    }
    markdown_members(&matrix.actors, names, out)
}

/// All workloads against all.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.net.matrix/v1", deny_unknown_fields)]
pub struct Shape<'a> {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = MATRIX_SCHEMA))]
    schema: &'static str,
    /// The workloads, sorted by namespace, kind and name. Behind them the last row and the last column are the world:
    /// at least one address outside the cluster.
    workloads: Vec<WorkloadShape>,
    /// The sets of ports that occur; the first is the empty one.
    ports: Vec<Vec<PortRange>>,
    /// For each source its cells, one a destination: numbers in `ports`, from zero.
    rows: &'a [Vec<usize>],
    /// What the answers rest on that manifests do not tell, one sentence each.
    assumptions: &'a [String],
}

/// Writes the matrix as one JSON document. `names` are those of all workloads of the model.
///
/// # Errors
///
/// Where writing fails.
pub fn json(matrix: &Matrix, names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    let shape = Shape {
        schema: MATRIX_SCHEMA,
        workloads: workloads(&matrix.actors, names),
        ports: matrix.ports.iter().map(port_ranges).collect(),
        rows: &matrix.rows,
        assumptions: &matrix.assumptions,
    };
    write_json(&shape, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_behind_z() {
        let found: Vec<_> = [0, 25, 26, 51, 52, 701, 702].into_iter().map(letters).collect();
        assert_eq!(found, ["a", "z", "aa", "az", "ba", "zz", "aaa"]);
    }
}

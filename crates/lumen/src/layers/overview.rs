//! Many workloads at a glance: what each layer does in sum, and which workloads are alike.

use std::collections::BTreeMap;

use lumen_core::finding::Layer;
use lumen_core::posture::attack::Effect;
use lumen_core::posture::layers::{Row, Standing, State};

/// What one layer does about all steps of an attack on one workload, in numbers of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSum {
    /// How many it has a say in.
    pub says: usize,
    /// How many it stops.
    pub stops: usize,
    /// How many it limits.
    pub limits: usize,
    /// How many it detects.
    pub detects: usize,
    /// How many it warns of.
    pub warns: usize,
    /// Of how many it cannot be said.
    pub unknown: usize,
    /// The weakest of what it rests on.
    pub standing: Standing,
}

impl LayerSum {
    /// The sum over a workload's steps.
    pub fn of(row: &Row, layer: Layer) -> Self {
        let mut sum = Self {
            says: 0,
            stops: 0,
            limits: 0,
            detects: 0,
            warns: 0,
            unknown: 0,
            standing: Standing::Holds,
        };
        for cell in row.steps.iter().filter_map(|step| step.cell(layer)).filter(|cell| cell.has_say) {
            sum.says += 1;
            let counted = match (cell.state, cell.effect) {
                (State::Enforced, Effect::Stops) => &mut sum.stops,
                (State::Enforced, Effect::Limits) => &mut sum.limits,
                (State::Enforced, Effect::Detects) => &mut sum.detects,
                (State::Warned, _) => &mut sum.warns,
                (State::Unknown, _) => &mut sum.unknown,
                (State::NotCovered, _) => continue,
            };
            *counted += 1;
            if cell.state == State::Enforced {
                sum.standing = sum.standing.max(cell.standing());
            }
        }
        sum
    }

    /// Whether it does anything.
    pub fn is_something(&self) -> bool {
        self.stops + self.limits + self.detects > 0
    }

    /// `stops 2, limits 1, unknown 1`; `not covered` where it does nothing, `-` where it has no say.
    pub fn words(&self) -> String {
        let parts = [
            ("stops", self.stops),
            ("limits", self.limits),
            ("detects", self.detects),
            ("warns", self.warns),
            ("unknown", self.unknown),
        ];
        let parts = parts.iter().filter(|(_, count)| *count > 0);
        let parts: Vec<String> = parts.map(|(word, count)| format!("{word} {count}")).collect();
        match (parts.is_empty(), self.says) {
            (true, 0) => "-".to_owned(),
            (true, _) => "not covered".to_owned(),
            (false, _) => parts.join(", "),
        }
    }

    /// What it rests on, where that is not shown: `if enforced`, `while it answers`.
    pub fn condition(&self) -> Option<&'static str> {
        match self.standing {
            Standing::Holds => None,
            Standing::Weak => Some("while it answers"),
            Standing::Open | Standing::Broken => Some("if enforced"),
        }
    }
}

/// The workloads whose tables read alike, each group in the order of the rows; no group is empty.
pub fn alike(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for row in rows {
        let cells = row.steps.iter().flat_map(|step| &step.cells);
        let words = cells.map(lumen_core::posture::layers::Cell::words).collect();
        let at = *known.entry(words).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

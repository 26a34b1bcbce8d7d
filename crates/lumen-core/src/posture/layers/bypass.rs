//! What is left when layers are bypassed, and where one layer alone stands.

use std::collections::BTreeSet;

use super::{Row, StepRow};
use crate::finding::Layer;
use crate::posture::attack::{BREAK_OUT, Effect, Step};

/// What is left of the defence against one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The step.
    pub step: &'static str,
    /// The layers that stop it.
    pub stops: Vec<Layer>,
    /// The layers that limit it.
    pub limits: Vec<Layer>,
    /// The layers that detect it.
    pub detects: Vec<Layer>,
}

fn left(row: &StepRow, bypassed: &BTreeSet<Layer>) -> Left {
    let those = |effect: Effect| row.layers_that(effect).filter(|layer| !bypassed.contains(layer)).collect();
    Left {
        step: row.step.name,
        stops: those(Effect::Stops),
        limits: those(Effect::Limits),
        detects: those(Effect::Detects),
    }
}

/// What is left against each step when some layers are bypassed.
pub fn without(row: &Row, bypassed: &BTreeSet<Layer>) -> Vec<Left> {
    row.steps.iter().map(|step| left(step, bypassed)).collect()
}

/// The first step that is stopped when some layers are bypassed, and the first layer that stops it.
pub fn first_stop(row: &Row, bypassed: &BTreeSet<Layer>) -> Option<(&'static Step, Layer)> {
    row.steps.iter().find_map(|step| {
        let layer = step.layers_that(Effect::Stops).find(|layer| !bypassed.contains(layer))?;
        Some((step.step, layer))
    })
}

/// Whether the network stops or limits something, and nothing the way to the node: then it holds only for whoever stays in
/// the pod.
pub fn network_is_round(row: &Row, bypassed: &BTreeSet<Layer>) -> bool {
    let left = without(row, bypassed);
    let can_break_out = left.iter().any(|left| left.step == BREAK_OUT && left.stops.is_empty());
    let holds = |layers: &[Layer]| layers.contains(&Layer::Network);
    can_break_out && left.iter().any(|left| holds(&left.stops) || holds(&left.limits))
}

/// The steps that one layer alone stops or limits: whoever gets past it does them. Each with that layer.
pub fn single_points(row: &Row) -> Vec<(&'static Step, Layer)> {
    let held = |step: &StepRow| -> BTreeSet<Layer> {
        step.layers_that(Effect::Stops).chain(step.layers_that(Effect::Limits)).collect()
    };
    row.steps
        .iter()
        .filter_map(|step| {
            let held = held(step);
            let only = held.first().copied().filter(|_| held.len() == 1)?;
            Some((step.step, only))
        })
        .collect()
}

/// The steps that no layer stops or limits.
pub fn open_steps(row: &Row) -> Vec<&'static Step> {
    let is_open = |step: &&StepRow| {
        !step.cells.iter().any(|cell| cell.has_effect(Effect::Stops) || cell.has_effect(Effect::Limits))
    };
    row.steps.iter().filter(is_open).map(|step| step.step).collect()
}

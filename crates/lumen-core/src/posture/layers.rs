//! What each layer does about each step of an attack on, or from, a workload: [`layers`].
//!
//! A cell says what the layer's actual configuration does, what shows that, and what it rests on. What rests on something
//! that files cannot show reads "stops, if enforced"; what is not known is never covered.

use std::sync::Arc;

use super::attack::{self, Answer, Effect, Evidence, LAYERS, STEPS, Step};
use super::radius::WorkloadNumber;
use super::rbac::Rbac;
use crate::finding::{Finding, Layer, Location};
use crate::object::pod::PodView;
use crate::object::{ObjectRef, Workload};
use crate::review::Policies;
use crate::snapshot::{Entry, Snapshot};

pub mod assumption;
pub mod bypass;
pub mod network;
mod own;
mod refusal;
mod sensor;
mod signature;
mod surroundings;

pub use assumption::{Assumption, Standing};
pub use network::{Access, Egress, NetworkView};
pub use own::Own;

use surroundings::Surroundings;

/// What the rows are made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The objects.
    pub snapshot: &'a Snapshot,
    /// Gatekeeper's policies, and the configuration of Pod Security.
    pub policies: &'a Policies,
    /// What the network model says; `None` where it was not asked.
    pub network: Option<&'a NetworkView>,
    /// The rules that nodes evaluate.
    pub runtime: &'a [RuntimeRule],
}

/// A rule that is evaluated on the nodes, as far as the attack model is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeRule {
    /// Its name.
    pub name: Arc<str>,
    /// The techniques of MITRE ATT&CK that it is about, such as `T1611`.
    pub techniques: Vec<Arc<str>>,
    /// Where it stands.
    pub location: Option<Location>,
}

/// What is known of a layer's answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Its configuration does what [`Cell::effect`] says, as far as [`Cell::rests_on`] holds.
    Enforced,
    /// It says so to whoever applies the workload, or writes it down, and lets it pass.
    Warned,
    /// Nothing in its configuration is about the step.
    NotCovered,
    /// It cannot be said.
    Unknown,
}

impl State {
    /// The word for it: `enforced`, `warned`, `not covered`, `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Warned => "warned",
            Self::NotCovered => "not covered",
            Self::Unknown => "unknown",
        }
    }
}

/// Something that shows what a layer does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proof {
    /// What it is, such as `K8sBlockLatestTag/block-latest-tag`.
    pub what: String,
    /// What it says about the step.
    pub says: String,
    /// Where it stands, where it is among the inputs.
    pub location: Option<Location>,
}

/// What became of one way to do a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayResult {
    /// The way.
    pub title: &'static str,
    /// What the layer does about it.
    pub state: State,
    /// How whoever deploys the workload gets past a refusal; `None` where nothing is known that does.
    pub avoided_by: Option<String>,
}

/// What one layer does about one step.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The layer.
    pub layer: Layer,
    /// What is known.
    pub state: State,
    /// What it does, where the state is [`State::Enforced`].
    pub effect: Effect,
    /// What shows it.
    pub evidence: Vec<Proof>,
    /// What it rests on beside the evidence.
    pub rests_on: Vec<Assumption>,
    /// The step's ways one by one, where the layer was asked about them.
    pub ways: Vec<WayResult>,
    /// Why this does it, or why it does nothing.
    pub why: String,
    /// Whether the layer has a say in the step at all.
    pub has_say: bool,
}

impl Cell {
    fn without_say(layer: Layer, why: &str) -> Self {
        Self { has_say: false, ..Self::with(layer, State::NotCovered, Effect::Detects, why) }
    }

    fn with(layer: Layer, state: State, effect: Effect, why: impl Into<String>) -> Self {
        Self {
            layer,
            state,
            effect,
            evidence: Vec::new(),
            rests_on: Vec::new(),
            ways: Vec::new(),
            why: why.into(),
            has_say: true,
        }
    }

    /// The weakest of what it rests on; [`Standing::Holds`] where it rests on nothing.
    pub fn standing(&self) -> Standing {
        self.rests_on.iter().map(|assumption| assumption.standing).max().unwrap_or(Standing::Holds)
    }

    /// Whether it has an effect, at least if what it rests on holds.
    pub fn has_effect(&self, effect: Effect) -> bool {
        self.state == State::Enforced && self.effect == effect
    }

    /// What to read in a table: `stops`, `stops, if enforced`, `limits`, `warns`, `unknown`, `not covered`, `-`.
    pub fn words(&self) -> String {
        match self.state {
            State::Enforced => {
                let condition = match self.standing() {
                    Standing::Holds => "",
                    Standing::Weak => ", while it answers",
                    Standing::Open | Standing::Broken => ", if enforced",
                };
                format!("{}{condition}", self.effect.as_str())
            }
            State::Warned => "warns".to_owned(),
            State::Unknown => "unknown".to_owned(),
            State::NotCovered if self.has_say => "not covered".to_owned(),
            State::NotCovered => "-".to_owned(),
        }
    }
}

/// What all layers do about one step.
#[derive(Clone, Debug)]
pub struct StepRow {
    /// The step.
    pub step: &'static Step,
    /// Whether the workload as it is does the step, or leaves it open, by itself.
    pub own: Own,
    /// The cells, in the order of [`LAYERS`].
    pub cells: Vec<Cell>,
}

impl StepRow {
    /// The cell of a layer.
    pub fn cell(&self, layer: Layer) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.layer == layer)
    }

    /// The layers that have an effect on it.
    pub fn layers_that(&self, effect: Effect) -> impl Iterator<Item = Layer> {
        self.cells.iter().filter(move |cell| cell.has_effect(effect)).map(|cell| cell.layer)
    }
}

/// A workload over all layers.
#[derive(Clone, Debug)]
pub struct Row {
    /// The workload.
    pub number: WorkloadNumber,
    /// What it is.
    pub object: Arc<ObjectRef>,
    /// The namespace that it lands in.
    pub namespace: Arc<str>,
    /// Where it stands.
    pub location: Location,
    /// Why admission and Pod Security refuse it, or its pods, as it is: empty where they do not.
    pub refused: Vec<Finding>,
    /// The steps, in the order of [`STEPS`].
    pub steps: Vec<StepRow>,
}

impl Row {
    /// The row of a step.
    pub fn step(&self, name: &str) -> Option<&StepRow> {
        self.steps.iter().find(|row| row.step.name == name)
    }

    /// Whether a layer refuses the workload as it is.
    pub fn is_refused_by(&self, layer: Layer) -> bool {
        self.refused.iter().any(|finding| finding.rule.layer == layer)
    }
}

/// A workload in its surroundings.
struct Subject<'a> {
    inputs: &'a Inputs<'a>,
    around: &'a Surroundings<'a>,
    number: WorkloadNumber,
    entry: &'a Arc<Entry>,
    workload: Workload<'a>,
    namespace: &'a Arc<str>,
}

impl<'a> Subject<'a> {
    /// The pod that is looked at: of several templates the first.
    fn pod(&self) -> Option<&PodView<'a>> {
        self.workload.pod()
    }
}

/// All workloads of a snapshot, ready to be looked at over the layers.
#[derive(Debug)]
pub struct Layers<'a> {
    inputs: &'a Inputs<'a>,
    around: Surroundings<'a>,
}

/// A row for each workload, in the order of the snapshot.
pub fn layers(inputs: &Inputs<'_>) -> Vec<Row> {
    let layers = Layers::of(inputs, &Rbac::of(inputs.snapshot));
    (0..inputs.snapshot.entries().len()).filter_map(|number| layers.row(number)).collect()
}

impl<'a> Layers<'a> {
    /// Looks up what all workloads have in common.
    pub fn of(inputs: &'a Inputs<'a>, rbac: &Rbac) -> Self {
        Self { inputs, around: Surroundings::of(inputs.snapshot, rbac) }
    }

    /// The row of one workload, by the number of its entry; `None` where that is none. Of a kind with several templates the
    /// first is looked at.
    pub fn row(&self, number: WorkloadNumber) -> Option<Row> {
        row_in(number, self.inputs, &self.around)
    }
}

fn row_in(number: WorkloadNumber, inputs: &Inputs<'_>, around: &Surroundings<'_>) -> Option<Row> {
    let entry = inputs.snapshot.entries().get(number)?;
    let workload = entry.workload()?;
    let namespace = entry.namespace.as_ref().unwrap_or(&inputs.policies.default_namespace);
    let subject = Subject { inputs, around, number, entry, workload, namespace };
    let mut judge = refusal::Judge::of(&subject)?;
    let mut steps: Vec<StepRow> = STEPS
        .iter()
        .map(|step| {
            let cells = LAYERS.iter().zip(&step.answers);
            let cells =
                cells.map(|(layer, answer)| cell(&subject, &mut judge, step, *layer, answer)).collect();
            StepRow { step, own: own::own(&subject, step), cells }
        })
        .collect();
    tell_of_break_out(&mut steps);
    Some(Row {
        number,
        object: entry.object.clone(),
        namespace: namespace.clone(),
        location: entry.location.clone(),
        refused: judge.refused_as_it_is(),
        steps,
    })
}

/// Where nothing stops the way to the node, what the network does rests on nobody taking it.
fn tell_of_break_out(steps: &mut [StepRow]) {
    let mut break_out = steps.iter().filter(|row| row.step.name == attack::BREAK_OUT);
    if break_out.any(|row| row.layers_that(Effect::Stops).next().is_some()) {
        return;
    }
    let cells = steps.iter_mut().flat_map(|row| &mut row.cells);
    for cell in cells.filter(|cell| cell.layer == Layer::Network && cell.state == State::Enforced) {
        cell.rests_on.push(Assumption::open(
            "Whoever takes the workload over stays in the pod: no layer stops the way to the node, where policies do not hold",
        ));
    }
}

fn cell(
    subject: &Subject<'_>,
    judge: &mut refusal::Judge<'_>,
    step: &'static Step,
    layer: Layer,
    answer: &Answer,
) -> Cell {
    match answer.evidence {
        Evidence::Nothing => Cell::without_say(layer, answer.why),
        Evidence::Refusal => judge.cell(step, layer, answer),
        Evidence::NoInternet | Evidence::NoApiServer | Evidence::NoPeers => network::cell(subject, answer),
        Evidence::Rule => rule_cell(subject.inputs.runtime, &subject.around.sensors, step, answer),
        Evidence::Signature => signature::cell(subject, answer),
    }
}

fn rule_cell(rules: &[RuntimeRule], sensors: &[Proof], step: &Step, answer: &Answer) -> Cell {
    let is_about = |rule: &&RuntimeRule| {
        rule.techniques.iter().any(|technique| step.techniques.iter().any(|(id, _)| *id == &**technique))
    };
    let evidence: Vec<Proof> = rules
        .iter()
        .filter(is_about)
        .map(|rule| Proof {
            what: rule.name.to_string(),
            says: "watches for it".to_owned(),
            location: rule.location.clone(),
        })
        .collect();
    if evidence.is_empty() && !sensors.is_empty() {
        let why = "What watches the nodes is among the inputs, and its rules are not read here";
        let cell = Cell::with(Layer::Runtime, State::Unknown, answer.effect, why);
        return Cell { evidence: sensors.to_vec(), ..cell };
    }
    if evidence.is_empty() {
        let why = "Nothing among the inputs watches for it";
        return Cell::with(Layer::Runtime, State::NotCovered, answer.effect, why);
    }
    let rests_on = vec![Assumption::open(
        "Something evaluates the rules on every node, and somebody reads what it says",
    )];
    Cell { evidence, rests_on, ..Cell::with(Layer::Runtime, State::Enforced, answer.effect, answer.why) }
}

#[cfg(test)]
mod tests;

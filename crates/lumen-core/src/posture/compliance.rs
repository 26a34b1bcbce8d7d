//! Compliance views: what the controls of known frameworks come to, by the evidence of the layers. The words are ours; who
//! is audited reads the framework's own.
//!
//! A control is met, not met, or not checkable from here, and says by what. Where a control asks for more than manifests
//! can show, what they do show is told, and what is left to others with it.

use super::layers::{Proof, Row, RuntimeRule};
use super::radius::Holdings;
use super::rbac::Rbac;
use crate::review::Policies;
use crate::snapshot::Snapshot;

pub mod controls;
mod measure;

pub use controls::{CONTROLS, Control, Framework, Measure};

/// What controls are measured by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The objects.
    pub snapshot: &'a Snapshot,
    /// Policies and configuration.
    pub policies: &'a Policies,
    /// Who may do what.
    pub rbac: &'a Rbac,
    /// The workloads over the layers.
    pub rows: &'a [Row],
    /// What whoever takes them over has, one for each row.
    pub holdings: &'a [Holdings],
    /// The rules that nodes evaluate.
    pub runtime: &'a [RuntimeRule],
}

/// Whether a control is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Everything that can be seen meets it.
    Met,
    /// Something does not.
    NotMet,
    /// The inputs cannot show it.
    NotCheckable,
}

impl Verdict {
    /// The word for it: `met`, `not met`, `not checkable`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::NotCheckable => "not checkable",
        }
    }
}

/// What a met control rests on. Ordered: what is worst last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// Nothing but what the inputs show.
    #[default]
    Nothing,
    /// Something answers that need not.
    Answered,
    /// Something enforces it that the inputs do not show.
    Enforced,
    /// What is not among the inputs meets it, too.
    Shown,
}

/// What became of one control.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// The control.
    pub control: &'static Control,
    /// Whether it is met.
    pub verdict: Verdict,
    /// What a met control rests on; the reason says it in full.
    pub condition: Condition,
    /// What shows it, in a sentence; what a met control still rests on.
    pub reason: String,
    /// What does not meet it, at most [`PROOFS_MAX`].
    pub evidence: Vec<Proof>,
    /// How many do not meet it.
    pub count: usize,
}

impl Assessment {
    /// Whether a met control rests on something that the inputs do not show.
    pub fn is_conditional(&self) -> bool {
        self.verdict == Verdict::Met && self.condition != Condition::Nothing
    }

    /// What to read in a table: `met`, `met, while it answers`, `met, if enforced`, `met, as far as the inputs show`,
    /// `not met`, `not checkable`.
    pub fn words(&self) -> &'static str {
        match (self.verdict, self.condition) {
            (Verdict::Met, Condition::Answered) => "met, while it answers",
            (Verdict::Met, Condition::Enforced) => "met, if enforced",
            (Verdict::Met, Condition::Shown) => "met, as far as the inputs show",
            (verdict, _) => verdict.as_str(),
        }
    }
}

/// Most proofs that one assessment keeps.
pub const PROOFS_MAX: usize = 100;

/// Every control of the table, in its order.
pub fn assess(evidence: &Evidence<'_>) -> Vec<Assessment> {
    let workloads = measure::Workloads::of(evidence);
    CONTROLS.iter().map(|control| measure::assess(control, evidence, &workloads)).collect()
}

#[cfg(test)]
mod tests;

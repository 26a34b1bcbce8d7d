//! `lumen layers`: what each layer does about each step of an attack, and what is left without it. No I/O.

use std::collections::BTreeSet;

use anyhow::bail;
use lumen_core::finding::{Finding, Layer};
use lumen_core::posture::attack::{LAYERS, STEPS, Step};
use lumen_core::posture::compliance::{self, Assessment, Evidence};
use lumen_core::posture::layers::bypass::Left;
use lumen_core::posture::layers::{Inputs, Layers, NetworkView, Row};
use lumen_core::posture::rbac::Rbac;
use lumen_core::posture::switches::{SwitchHolders, switches};
use lumen_core::posture::{self, radius};
use lumen_core::snapshot::Entry;

use crate::check::prepare::Prepared;
use crate::parallel;

pub mod human;
pub mod json;
pub mod overview;
pub mod protection;
pub mod report;

use protection::Protection;

/// All that `lumen layers` has to say.
pub struct Posture<'a> {
    /// What was read.
    pub prepared: &'a Prepared,
    /// The workloads that were asked for.
    pub rows: Vec<Row>,
    /// What an attacker has in each of them.
    pub holdings: Vec<radius::Holdings>,
    /// How far the network lets an attacker go from each of them.
    pub radii: Vec<radius::Radius>,
    /// Who can switch a layer off, or go round it.
    pub switches: Vec<SwitchHolders>,
    /// What is weak about the layers together.
    pub findings: Vec<Finding>,
    /// The controls, where they were asked for.
    pub compliance: Vec<Assessment>,
    /// What the policy that is asked about keeps from whom.
    pub protection: Option<Protection>,
    /// The layers that are taken for bypassed.
    pub bypassed: BTreeSet<Layer>,
    /// Whether every workload was asked for, and with them who can go past the layers.
    pub is_whole: bool,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// A workload: `namespace/name`, `name`, or `namespace/Kind/name`; all where there is none.
    pub workload: Option<String>,
    /// The layers that are taken for bypassed.
    pub bypassed: BTreeSet<Layer>,
    /// A policy of the network, whose absence is looked at.
    pub without_policy: Option<String>,
    /// Whether controls are assessed.
    pub compliance: bool,
}

/// Looks at workloads over the layers.
pub fn posture<'a>(prepared: &'a Prepared, asked: &Asked) -> anyhow::Result<Posture<'a>> {
    let network = NetworkView::of(&prepared.snapshot);
    let inputs = Inputs {
        snapshot: &prepared.snapshot,
        policies: &prepared.policies,
        network: Some(&network),
        runtime: &[],
    };
    let layers = Layers::of(&inputs);
    let entries = prepared.snapshot.entries().iter().enumerate();
    let is_asked = |entry: &Entry| {
        entry.workload().is_some() && asked.workload.as_deref().is_none_or(|name| is_called(entry, name))
    };
    let numbers: Vec<usize> =
        entries.filter(|(_, entry)| is_asked(entry)).map(|(number, _)| number).collect();
    if let Some(name) = asked.workload.as_deref().filter(|_| numbers.is_empty()) {
        bail!("no workload is called `{name}`");
    }
    let protection = asked.without_policy.as_deref().map(|policy| {
        let only = asked.workload.is_some().then_some(numbers.as_slice());
        protection::protection(&prepared.snapshot, &network, policy, only)
    });
    let protection = protection.transpose()?;
    let rbac = Rbac::of(&prepared.snapshot);
    let reach = network.reach();
    let paths = radius::Paths::of(&reach);
    let look = |number: &usize| {
        let entry = prepared.snapshot.entries().get(*number)?;
        let holdings = radius::holdings(entry, &prepared.snapshot, &rbac);
        Some((layers.row(*number)?, (holdings, paths.radius(*number))))
    };
    let looked: Vec<_> = parallel::map(&numbers, look).into_iter().flatten().flatten().collect();
    if looked.len() < numbers.len() {
        bail!("looking at a workload failed, which is a bug in lumen: please report it");
    }
    let (rows, (holdings, radii)): (Vec<Row>, (Vec<_>, Vec<_>)) = looked.into_iter().unzip();
    let switches = switches(&prepared.snapshot, &rbac);
    let mut findings = posture::findings(&inputs, &rows, &rbac, &switches);
    if asked.workload.is_some() {
        // Who can switch layers off is asked about the cluster.
        let of_rows: BTreeSet<_> = rows.iter().map(|row| &row.object).collect();
        findings.retain(|finding| finding.object.as_ref().is_some_and(|object| of_rows.contains(object)));
    }
    let evidence = Evidence {
        snapshot: &prepared.snapshot,
        policies: &prepared.policies,
        rbac: &rbac,
        rows: &rows,
        runtime: &[],
    };
    let compliance = if asked.compliance { compliance::assess(&evidence) } else { Vec::new() };
    Ok(Posture {
        prepared,
        rows,
        holdings,
        radii,
        switches,
        findings,
        compliance,
        protection,
        bypassed: asked.bypassed.clone(),
        is_whole: asked.workload.is_none(),
    })
}

/// Whether a workload is meant: by its name, with its namespace before it, or with its kind between them.
fn is_called(entry: &Entry, asked: &str) -> bool {
    let (name, kind) = (&*entry.object.name, &*entry.object.kind);
    let namespace = entry.namespace.as_deref().unwrap_or_default();
    asked == name
        || asked == format!("{namespace}/{name}")
        || asked == format!("{namespace}/{kind}/{name}")
        || asked == format!("{kind}/{name}")
}

/// The layer of a word, such as `admission` or `pod-security`.
pub fn layer_of(word: &str) -> anyhow::Result<Layer> {
    match LAYERS.iter().find(|layer| layer.as_str() == word) {
        Some(layer) => Ok(*layer),
        None => bail!("`{word}` is no layer: use one of {}", LAYERS.map(Layer::as_str).join(", ")),
    }
}

/// The step of a name, or of words that its name or title alone holds.
pub fn step_of(words: &str) -> anyhow::Result<&'static Step> {
    let exact = STEPS.iter().find(|step| step.name == words || step.title == words);
    let holding: Vec<&Step> =
        STEPS.iter().filter(|step| step.name.contains(words) || step.title.contains(words)).collect();
    match (exact, holding.as_slice()) {
        (Some(step), _) => Ok(step),
        (None, [step]) => Ok(step),
        _ => {
            let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
            bail!("`{words}` is no step: use one of {}", names.join(", "))
        }
    }
}

/// The name of a workload for people: `shop/api`.
fn title(row: &Row) -> String {
    format!("{}/{}", row.namespace, row.object.name)
}

/// The sets of layers that are taken for bypassed, one after the other: what is asked for alone, or each layer in turn.
fn bypasses(posture: &Posture<'_>) -> Vec<BTreeSet<Layer>> {
    if posture.bypassed.is_empty() {
        LAYERS.iter().map(|layer| BTreeSet::from([*layer])).collect()
    } else {
        vec![posture.bypassed.clone()]
    }
}

/// The titles of the steps that were stopped or limited before, and are not any more.
fn lost(before: &[Left], after: &[Left]) -> Vec<&'static str> {
    let is_held = |left: &Left| !left.stops.is_empty() || !left.limits.is_empty();
    let both = before.iter().zip(after).filter(|(before, after)| is_held(before) && !is_held(after));
    let step = |name: &str| STEPS.iter().find(|step| step.name == name).map(|step| step.title);
    both.filter_map(|(before, _)| step(before.step)).collect()
}

/// The name of a workload by its number, for people: `shop/api`.
fn name_of(posture: &Posture<'_>, number: radius::WorkloadNumber) -> String {
    posture.prepared.snapshot.entries().get(number).map_or_else(String::new, |entry| {
        format!("{}/{}", entry.namespace.as_deref().unwrap_or_default(), entry.object.name)
    })
}

/// Names with commas between them.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The layers' names with commas between them.
fn layers_listed<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> String {
    listed(layers.into_iter().map(|layer| layer.as_str()))
}

//! `lumen layers`: what each layer does about each step of an attack, and what is left without it. No I/O.

use std::collections::BTreeSet;

use anyhow::bail;
use lumen_core::finding::{Finding, Layer};
use lumen_core::posture::attack::{LAYERS, STEPS, Step};
use lumen_core::posture::compliance::{self, Assessment, Evidence};
use lumen_core::posture::layers::bypass::Left;
use lumen_core::posture::layers::{Inputs, Layers, NetworkView, Row};
use lumen_core::posture::radius::HeldKind;
use lumen_core::posture::rbac::Rbac;
use lumen_core::posture::switches::{SwitchHolders, switches};
use lumen_core::posture::{self, radius};
use lumen_core::snapshot::Entry;
use lumen_value::nearest::{did_you_mean, nearest};

use crate::check::prepare::Prepared;
use crate::output::counted;
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
    /// What is weak about the layers together, without what is silenced.
    pub findings: Vec<Finding>,
    /// How many findings are silenced.
    pub silenced: usize,
    /// The controls, where they were asked for.
    pub compliance: Vec<Assessment>,
    /// What the policy that is asked about keeps from whom.
    pub protection: Option<Protection>,
    /// The layers that are taken for bypassed.
    pub bypassed: BTreeSet<Layer>,
    /// Whether every workload was asked for, and with them who can go past the layers.
    pub is_whole: bool,
}

impl Posture<'_> {
    /// How many findings are silenced, in a few words; `None` where none is.
    fn silenced_said(&self) -> Option<String> {
        let verb = if self.silenced == 1 { "is" } else { "are" };
        let said = || {
            format!("{} {verb} silenced by exemptions among the inputs", counted(self.silenced, "finding"))
        };
        (self.silenced > 0).then(said)
    }
}

/// The kinds of things that a workload holds, in the order in which they are told, and the words for several.
const HELD_KINDS: &[(HeldKind, &str)] = &[
    (HeldKind::Secret, "Secrets"),
    (HeldKind::ConfigMap, "ConfigMaps"),
    (HeldKind::Claim, "claims"),
    (HeldKind::HostPath, "host paths"),
    (HeldKind::Csi, "CSI volumes"),
    (HeldKind::Share, "network shares"),
];

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
    let rbac = Rbac::of(&prepared.snapshot);
    let layers = Layers::of(&inputs, &rbac);
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
    let mut findings = posture::findings(&rows, &holdings, &switches);
    if asked.workload.is_some() {
        // Who can switch layers off is asked about the cluster.
        let of_rows: BTreeSet<_> = rows.iter().map(|row| &row.object).collect();
        findings.retain(|finding| finding.object.as_ref().is_some_and(|object| of_rows.contains(object)));
    }
    let (findings, silenced) = prepared.exempted(findings);
    let evidence = Evidence {
        snapshot: &prepared.snapshot,
        policies: &prepared.policies,
        rbac: &rbac,
        rows: &rows,
        holdings: &holdings,
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
        silenced,
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

/// The step that is called so: by its name or title, else by how one of them begins, else by a part of one. What could be
/// several steps is none.
pub fn step_of(words: &str) -> anyhow::Result<&'static Step> {
    let matches: [fn(&str, &str) -> bool; 3] = [
        |text, words| text == words,
        |text, words| text.starts_with(words),
        |text, words| text.contains(words),
    ];
    let names = |steps: &[&Step]| listed(steps.iter().map(|step| step.name));
    for is_match in matches {
        let found = STEPS.iter().filter(|step| is_match(step.name, words) || is_match(step.title, words));
        match found.collect::<Vec<_>>().as_slice() {
            [] => {}
            [step] => return Ok(step),
            several => bail!("`{words}` could be several steps: {}", names(several)),
        }
    }
    let all: Vec<&Step> = STEPS.iter().collect();
    match nearest(words, all.iter().map(|step| step.name)).as_slice() {
        [] => bail!("`{words}` is no step: use one of {}", names(&all)),
        near => bail!("`{words}` is no step{} There are {}", did_you_mean(near), names(&all)),
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

/// How many workloads are within a radius: `3 workloads`, `at least 3 workloads`.
fn how_many(radius: &radius::Radius) -> String {
    let least = if radius.doubt.is_some() { "at least " } else { "" };
    format!("{least}{}", counted(radius.count(), "workload"))
}

/// Why there could be more: `what shop/api reaches is not fully known: ..`.
fn doubt(posture: &Posture<'_>, radius: &radius::Radius) -> Option<String> {
    let doubt = radius.doubt.as_ref()?;
    let reason = &doubt.reason;
    Some(format!("what {} reaches is not fully known: {reason}", name_of(posture, doubt.at)))
}

/// Names with commas between them.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The layers' names with commas between them.
fn layers_listed<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> String {
    listed(layers.into_iter().map(|layer| layer.as_str()))
}

#[cfg(test)]
mod tests {
    use super::step_of;

    #[test]
    fn a_step_is_named_by_what_is_its_alone() {
        let named = |words: &str| step_of(words).map(|step| step.name).map_err(|error| error.to_string());
        for words in ["break-out", "break out to the node", "break", "to the node"] {
            assert_eq!(named(words).as_deref(), Ok("break-out"), "{words}");
        }
        let several = "`reach` could be several steps: reach-peer, reach-api-server";
        assert_eq!(named("reach"), Err(several.to_owned()));
        let near = named("brake-out").expect_err("none is called so");
        assert!(near.starts_with("`brake-out` is no step, did you mean `break-out`?"), "{near}");
        let none = named("qqq").expect_err("none is called so");
        assert!(none.starts_with("`qqq` is no step: use one of run-own-image, "), "{none}");
    }
}

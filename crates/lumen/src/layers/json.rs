//! `lumen layers` as one JSON document, schema `lumen.layers/v1`.

use std::collections::BTreeSet;
use std::io;

use lumen_core::finding::{self, Layer, Location};
use lumen_core::posture::layers::bypass::{first_stop, open_steps, single_points, without};
use lumen_core::posture::layers::{self, Own, Row, StepRow};
use lumen_core::posture::power::Extent;
use lumen_core::posture::protection::Gain;
use lumen_core::posture::radius::{self, HeldBy, Radius};
use lumen_core::posture::switches::{SwitchEffect, SwitchHolders};

use super::protection::Protection;
use super::{Posture, bypasses, doubt, name_of};
use crate::check::prepare::Lines;
use crate::output::write_json;

mod shape;

use shape::{
    Account, Bypass, Cell, Control, Finding, Held, Holder, Holdings, HostAccess, Left, Names, Object, Place,
    Policy, Power, Proof, Reaches, ReachesMore, RestsOn, StepAndLayer, StepCells, Switch, Technique, Way,
    WithoutPolicy, Workload,
};
pub use shape::{Document, LAYERS_SCHEMA};

/// Writes the document.
///
/// # Errors
///
/// Where writing fails.
pub fn write(posture: &Posture<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    write_json(&document(posture), out)
}

fn document<'a>(posture: &'a Posture<'_>) -> Document<'a> {
    let lines = posture.prepared.lines();
    let rows = posture.rows.iter().zip(&posture.holdings).zip(&posture.radii);
    let control = |each: &'a lumen_core::posture::compliance::Assessment| Control {
        framework: each.control.framework.as_str(),
        control: each.control.id,
        title: each.control.title,
        verdict: each.verdict.as_str(),
        if_enforced: each.is_conditional(),
        reason: &each.reason,
        count: each.count,
        evidence: proofs(&each.evidence, &lines),
    };
    Document {
        schema: LAYERS_SCHEMA,
        workloads: rows
            .map(|((row, holdings), radius)| workload(posture, row, holdings, radius, &lines))
            .collect(),
        switches: posture.switches.iter().map(|each| switch(each, &lines)).collect(),
        without_policy: posture.protection.as_ref().map(|found| without_policy(posture, found, &lines)),
        findings: posture.findings.iter().map(|each| finding(each, &lines)).collect(),
        silenced: posture.silenced,
        compliance: posture.compliance.iter().map(control).collect(),
    }
}

fn place(location: &Location, lines: &Lines<'_>) -> Place {
    Place { file: location.source.to_string(), line: lines.line(location) }
}

fn place_of(location: Option<&Location>, lines: &Lines<'_>) -> Option<Place> {
    location.map(|location| place(location, lines))
}

fn proofs<'a>(proofs: &'a [layers::Proof], lines: &Lines<'_>) -> Vec<Proof<'a>> {
    let proof = |proof: &'a layers::Proof| Proof {
        what: &proof.what,
        says: &proof.says,
        source: place_of(proof.location.as_ref(), lines),
    };
    proofs.iter().map(proof).collect()
}

fn names(layers: &[Layer]) -> Vec<&'static str> {
    layers.iter().map(|layer| layer.as_str()).collect()
}

fn workload<'a>(
    posture: &'a Posture<'_>,
    row: &'a Row,
    holdings: &'a radius::Holdings,
    radius: &Radius,
    lines: &Lines<'_>,
) -> Workload<'a> {
    let single = single_points(row);
    Workload {
        object: Object {
            api_version: &row.object.api_version,
            kind: &row.object.kind,
            namespace: &row.namespace,
            name: &row.object.name,
        },
        source: place(&row.location, lines),
        refused: row.refused.iter().map(|each| finding(each, lines)).collect(),
        steps: row.steps.iter().map(|each| step(each, lines)).collect(),
        bypassed: bypasses(posture).iter().map(|each| bypass(row, each)).collect(),
        one_layer: single
            .iter()
            .map(|(step, layer)| StepAndLayer { step: step.name, layer: layer.as_str() })
            .collect(),
        no_layer: open_steps(row).iter().map(|step| step.name).collect(),
        holdings: held(holdings, lines),
        reaches: radius.hops.as_ref().map(|hops| Reaches {
            count: radius.count(),
            at_least: radius.doubt.is_some(),
            doubt: doubt(posture, radius),
            hops: hops.iter().map(|hop| first_names(posture, hop)).collect(),
        }),
    }
}

/// Most workloads that are named in one list of many: every workload may have one of all others.
const NAMES_MAX: usize = 64;

fn first_names(posture: &Posture<'_>, numbers: &[usize]) -> Names {
    let first = numbers.get(..NAMES_MAX).unwrap_or(numbers);
    Names { count: numbers.len(), first: names_of(posture, first) }
}

fn names_of(posture: &Posture<'_>, numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|number| name_of(posture, *number)).collect()
}

fn step<'a>(row: &'a StepRow, lines: &Lines<'_>) -> StepCells<'a> {
    let technique = |(id, name): &(&'static str, &'static str)| Technique { id, name };
    let (manifest, because) = match &row.own {
        Own::Open(what) => ("open", Some(what.as_str())),
        Own::Closed(what) => ("closed", Some(what.as_str())),
        Own::Unknown => ("unknown", None),
    };
    StepCells {
        step: row.step.name,
        title: row.step.title,
        techniques: row.step.techniques.iter().map(technique).collect(),
        manifest,
        manifest_because: because,
        layers: row.cells.iter().map(|each| cell(each, lines)).collect(),
    }
}

fn cell<'a>(cell: &'a layers::Cell, lines: &Lines<'_>) -> Cell<'a> {
    let rests_on = |each: &'a layers::Assumption| RestsOn {
        text: &each.text,
        standing: each.standing.as_str(),
        source: place_of(each.location.as_ref(), lines),
    };
    Cell {
        layer: cell.layer.as_str(),
        has_say: cell.has_say,
        state: cell.state.as_str(),
        effect: cell.effect.as_str(),
        words: cell.words(),
        why: &cell.why,
        evidence: proofs(&cell.evidence, lines),
        rests_on: cell.rests_on.iter().map(rests_on).collect(),
        ways: cell.ways.iter().map(way).collect(),
    }
}

fn way(way: &layers::WayResult) -> Way<'_> {
    Way { title: way.title, state: way.state.as_str(), avoided_by: way.avoided_by.as_deref() }
}

fn bypass(row: &Row, bypassed: &BTreeSet<Layer>) -> Bypass {
    let left = |left: &lumen_core::posture::layers::bypass::Left| Left {
        step: left.step,
        stops: names(&left.stops),
        limits: names(&left.limits),
        detects: names(&left.detects),
    };
    Bypass {
        layers: bypassed.iter().map(|layer| layer.as_str()).collect(),
        first_stop: first_stop(row, bypassed)
            .map(|(step, layer)| StepAndLayer { step: step.name, layer: layer.as_str() }),
        left: without(row, bypassed).iter().map(left).collect(),
    }
}

fn held<'a>(holdings: &'a radius::Holdings, lines: &Lines<'_>) -> Holdings<'a> {
    let thing = |held: &'a radius::Held| Held {
        kind: held.kind.to_string(),
        name: &held.name,
        by: match held.by {
            HeldBy::Volume => "volume",
            HeldBy::ReadOnlyVolume => "read-only volume",
            HeldBy::Environment => "environment",
        },
        source: place(&held.location, lines),
    };
    let account = |account: &'a lumen_core::posture::rbac::Account| Account {
        namespace: &account.namespace,
        name: &account.name,
        token: account.token.is_there(),
        because: account.token.to_string(),
    };
    let power = |held: &'a lumen_core::posture::power::HeldPower| Power {
        power: held.power.name,
        title: held.power.title,
        namespace: match &held.extent {
            Extent::Cluster => None,
            Extent::Namespace(name) => Some(name),
        },
        right: &held.right,
        names: held.names.iter().map(|name| &**name).collect(),
        binding: held.binding.to_string(),
        source: place_of(held.binding.origin.location(), lines),
    };
    let host = |access: &'a radius::HostAccess| HostAccess {
        what: &access.what,
        source: place(&access.location, lines),
    };
    Holdings {
        things: holdings.held.iter().map(thing).collect(),
        host: holdings.host.iter().map(host).collect(),
        accounts: holdings.accounts.iter().map(account).collect(),
        powers: holdings.powers.iter().map(power).collect(),
    }
}

fn switch<'a>(each: &'a SwitchHolders, lines: &Lines<'_>) -> Switch<'a> {
    let holder = |holder: &'a lumen_core::posture::ask::Holder| Holder {
        subject: holder.grant.subject.to_string(),
        binding: holder.grant.binding.to_string(),
        can: holder.can.iter().map(String::as_str).collect(),
        names: holder.grant.names.iter().map(|name| &**name).collect(),
        default: holder.grant.is_default(),
        source: place_of(holder.grant.binding.origin.location(), lines),
    };
    Switch {
        switch: each.switch.name,
        title: each.switch.title,
        effect: match each.switch.effect {
            SwitchEffect::Off => "off",
            SwitchEffect::Round => "round",
        },
        layers: names(each.switch.layers),
        why: each.switch.why,
        holders: each.holders.iter().map(holder).collect(),
    }
}

fn without_policy<'a>(posture: &Posture<'_>, found: &'a Protection, lines: &Lines<'_>) -> WithoutPolicy<'a> {
    let policy = |entry: &'a std::sync::Arc<lumen_core::snapshot::Entry>| Policy {
        kind: &entry.object.kind,
        namespace: entry.namespace.as_deref(),
        name: &entry.object.name,
        source: place(&entry.location, lines),
    };
    let change = |change: &Option<lumen_core::posture::protection::Change>| {
        change.as_ref().map(|change| [change.with.to_string(), change.without.to_string()])
    };
    let gain = |gain: &Gain| ReachesMore {
        from: name_of(posture, gain.start),
        direct: first_names(posture, &gain.direct),
        over_hops: gain.over_hops.as_ref().map(|numbers| first_names(posture, numbers)),
        internet: change(&gain.internet),
        api_server: change(&gain.api_server),
    };
    WithoutPolicy {
        policies: found.policies.iter().map(policy).collect(),
        protects: names_of(posture, &found.protected),
        certain: found.is_certain,
        reaches_more: found.gains.iter().map(gain).collect(),
    }
}

fn finding<'a>(finding: &'a finding::Finding, lines: &Lines<'_>) -> Finding<'a> {
    Finding {
        rule: finding.rule.to_string(),
        outcome: finding.outcome.as_str(),
        action: finding.action.as_str(),
        severity: finding.severity.as_str(),
        message: &finding.message,
        object: finding.object.as_ref().map(ToString::to_string),
        source: place_of(finding.location.as_ref(), lines),
    }
}

//! What is weak about the layers together, as findings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attack;
use super::layers::bypass::{open_steps, single_points};
use super::layers::{Cell, Row, Standing, State};
use super::radius::Holdings;
use super::rbac::{Binding, Origin, Subject};
use super::rules;
use super::switches::{SwitchEffect, SwitchHolders};
use crate::finding::{Finding, Layer, Location, Related, Severity};
use crate::object::ObjectRef;

/// Most things that one message names; it says how many more there are.
const NAMED_MAX: usize = 4;

/// What is weak about the layers together: about each workload, about webhooks, about who holds which rights.
/// `holdings` are those of the rows, one each.
pub fn findings(rows: &[Row], holdings: &[Holdings], switches: &[SwitchHolders]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = rows.iter().flat_map(of_row).collect();
    findings.extend(of_webhooks(rows));
    findings.extend(rows.iter().zip(holdings).filter_map(|(row, held)| of_token(row, held)));
    findings.extend(of_switches(switches));
    findings
}

fn about(row: &Row, finding: Finding) -> Finding {
    Finding { object: Some(row.object.clone()), location: Some(row.location.clone()), ..finding }
}

/// Where one layer alone stands, and where none does.
fn of_row(row: &Row) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut single: BTreeMap<Layer, Vec<String>> = BTreeMap::new();
    for (step, layer) in single_points(row) {
        single.entry(layer).or_default().push(format!("`{}`", step.title));
    }
    for (layer, steps) in single {
        let message = format!("only {layer} stops or limits {}", listed(&steps));
        findings.push(about(row, rules::ONE_LAYER.finding(message)));
    }
    // What a layer might stop or limit is not told as open.
    let might_hold = |cell: &Cell| cell.state == State::Unknown && cell.effect != attack::Effect::Detects;
    let is_known = |name: &str| row.step(name).is_some_and(|step| !step.cells.iter().any(might_hold));
    let open: Vec<String> = open_steps(row)
        .into_iter()
        .filter(|step| is_known(step.name))
        .map(|step| format!("`{}`", step.title))
        .collect();
    if !open.is_empty() {
        let message = format!("no layer stops or limits {}", listed(&open));
        findings.push(about(row, rules::NO_LAYER.finding(message)));
    }
    findings
}

/// What webhooks leave out or let pass, one finding a place.
fn of_webhooks(rows: &[Row]) -> Vec<Finding> {
    let mut seen: BTreeSet<(&Location, &str)> = BTreeSet::new();
    let mut findings = Vec::new();
    let cells = rows.iter().flat_map(|row| row.steps.iter().flat_map(|step| &step.cells));
    for assumption in cells.flat_map(|cell| &cell.rests_on) {
        let rule = match assumption.standing {
            Standing::Broken => &rules::NOT_ASKED,
            Standing::Weak => &rules::FAILS_OPEN,
            Standing::Holds | Standing::Open => continue,
        };
        let Some(location) = &assumption.location else {
            continue;
        };
        // A webhook that fails open does so for every namespace.
        let key = if assumption.standing == Standing::Weak { "" } else { assumption.text.as_str() };
        if seen.insert((location, key)) {
            let message = lower_first(&assumption.text);
            findings.push(Finding { location: Some(location.clone()), ..rule.finding(message) });
        }
    }
    findings
}

/// What the token in a workload gives whoever takes it over.
fn of_token(row: &Row, held: &Holdings) -> Option<Finding> {
    let account = held.accounts.iter().find(|account| account.token.is_there())?;
    let strong: Vec<_> = held.powers.iter().filter(|held| held.power.severity >= Severity::High).collect();
    let severity = strong.iter().map(|held| held.power.severity).max()?;
    let titles: Vec<String> = strong.iter().map(|held| held.power.title.to_owned()).collect();
    let message = format!("the token of {account} lets it {}", listed(&unique(titles)));
    let mut related: Vec<Related> = Vec::new();
    for held in &strong {
        let Some(location) = held.binding.origin.location() else {
            continue;
        };
        if !related.iter().any(|known| known.location == *location) {
            let label = format!("{} gives `{}`", held.binding, held.right);
            related.push(Related { location: location.clone(), label, is_step: false });
        }
    }
    Some(Finding { severity, related, ..about(row, rules::POWERFUL_TOKEN.finding(message)) })
}

/// Subject, and the namespace and name of the binding.
type HolderKey<'a> = (&'a Subject, Option<&'a Arc<str>>, &'a Arc<str>);

/// Who can go past the layers, one finding for each subject of each binding among the inputs.
fn of_switches(switches: &[SwitchHolders]) -> Vec<Finding> {
    let mut held: BTreeMap<HolderKey<'_>, (&Binding, Vec<&SwitchHolders>)> = BTreeMap::new();
    for each in switches {
        for holder in each.holders.iter().filter(|holder| !holder.grant.is_default()) {
            let binding = &*holder.grant.binding;
            let key = (&holder.grant.subject, binding.namespace.as_ref(), &binding.name);
            held.entry(key).or_insert_with(|| (binding, Vec::new())).1.push(each);
        }
    }
    held.into_iter()
        .map(|((subject, ..), (binding, switches))| {
            let titles: Vec<String> = switches.iter().map(|each| each.switch.title.to_owned()).collect();
            let message = format!("{subject} can {}: {binding}", listed(&titles));
            let is_off = switches.iter().any(|each| each.switch.effect == SwitchEffect::Off);
            let is_everywhere = binding.namespace.is_none();
            let severity = match (is_off, is_everywhere) {
                (true, true) => Severity::High,
                (true, false) | (false, true) => Severity::Medium,
                (false, false) => Severity::Low,
            };
            let location = binding.origin.location().cloned();
            let kind = if is_everywhere { "ClusterRoleBinding" } else { "RoleBinding" };
            let object = ObjectRef {
                api_version: "rbac.authorization.k8s.io/v1".into(),
                kind: kind.into(),
                namespace: binding.namespace.clone(),
                name: binding.name.clone(),
            };
            let object = matches!(binding.origin, Origin::Manifest(_)).then(|| Arc::new(object));
            Finding { severity, object, location, ..rules::CAN_GO_PAST.finding(message) }
        })
        .collect()
}

fn unique(mut texts: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    texts
}

/// `a, b and 3 more`.
fn listed(texts: &[String]) -> String {
    let named = texts.get(..NAMED_MAX.min(texts.len())).unwrap_or_default();
    match texts.len() - named.len() {
        0 => match named.split_last() {
            Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
            _ => named.concat(),
        },
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

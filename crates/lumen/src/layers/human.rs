//! `lumen layers` for people.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use lumen_core::finding::{Finding, Layer, Location};
use lumen_core::posture::attack::{LAYERS, STEPS, Step};
use lumen_core::posture::compliance::Assessment;
use lumen_core::posture::layers::bypass::{first_stop, network_is_round, open_steps, single_points, without};
use lumen_core::posture::layers::{Cell, Own, Row};
use lumen_core::posture::radius::{Holdings, Radius};
use lumen_core::posture::rbac::Rbac;
use lumen_core::posture::switches::SwitchEffect;

use super::overview::{LayerSum, alike};
use super::protection::{self, Protection};
use super::{HELD_KINDS, Posture, bypasses, doubt, how_many, layers_listed, listed, lost, name_of, title};
use crate::check::prepare::Lines;
use crate::output::escape::line as escaped;
use crate::output::{Style, counted};

/// Most lines of one kind about one thing; how many more there are is said.
const LINES_MAX: usize = 8;

/// Most workloads that have a line of their own at a glance.
const GLANCE_MAX: usize = 50;

/// One workload in full, or several at a glance with who can go past the layers.
pub fn write(posture: &Posture<'_>, style: &Style) -> String {
    let lines = posture.prepared.lines();
    let mut text = String::new();
    if let ([row], [holdings], [radius]) =
        (posture.rows.as_slice(), posture.holdings.as_slice(), posture.radii.as_slice())
    {
        text.push_str(&workload(posture, row, holdings, &lines, style.width));
        text.push_str(&reached(posture, radius));
    } else {
        text.push_str(&glance(posture, style.width));
        for group in alike(&posture.rows) {
            text.push_str(&of_group(&group, posture, &lines, style.width));
        }
    }
    if let Some(found) = &posture.protection {
        text.push_str(&without_policy(posture, found, &lines));
    }
    if posture.is_whole {
        text.push_str(&holders(posture, &lines));
    }
    text.push_str(&findings(&posture.findings, &lines));
    if let Some(said) = posture.silenced_said() {
        text.push_str(&format!("\n{said}\n"));
    }
    text.push_str(&compliance(&posture.compliance));
    text
}

/// A line a workload, a column a layer; of many workloads a line for all that are alike.
fn glance(posture: &Posture<'_>, width: usize) -> String {
    let groups: Vec<Vec<&Row>> = if posture.rows.len() > GLANCE_MAX {
        alike(&posture.rows)
    } else {
        posture.rows.iter().map(|row| vec![row]).collect()
    };
    let head = |first: &str| {
        let layers = LAYERS.iter().map(|layer| layer.as_str().to_owned());
        std::iter::once(first.to_owned()).chain(layers).collect::<Vec<_>>()
    };
    let table = |cell: &dyn Fn(&LayerSum) -> String| {
        let row = |group: &Vec<&Row>| -> Option<Vec<String>> {
            let row = group.first()?;
            let name = match group.len().saturating_sub(1) {
                0 => title(row),
                more => format!("{} and {more} alike", title(row)),
            };
            let sums = LAYERS.iter().map(|layer| cell(&LayerSum::of(row, *layer)));
            Some(std::iter::once(escaped(&name).into_owned()).chain(sums).collect())
        };
        std::iter::once(head("workload")).chain(groups.iter().filter_map(row)).collect::<Vec<Vec<String>>>()
    };
    let mut lines = table(&LayerSum::words);
    let mut legend = "";
    if width_of(&lines) > width {
        lines = table(&|sum| {
            let words = sum.words();
            ["stops", "limits", "detects", "unknown"]
                .iter()
                .zip(["S", "L", "D", "?"])
                .fold(words, |words, (long, short)| words.replace(&format!("{long} "), short))
                .replace(',', "")
                .replace("not covered", "no")
        });
        legend = ", S stops, L limits, D detects, ? cannot be told";
    }
    let is_conditional =
        |row: &Row| LAYERS.iter().map(|layer| LayerSum::of(row, *layer)).any(|sum| sum.condition().is_some());
    let rests = if posture.rows.iter().any(is_conditional) {
        "\nsome of it rests on what files do not show: the tables below and `lumen layers WORKLOAD` say what"
    } else {
        ""
    };
    format!(
        "steps of an attack, of {}, that each layer answers{legend}\n\n{}{rests}\n\n",
        STEPS.len(),
        aligned(&lines)
    )
}

fn of_group(group: &[&Row], posture: &Posture<'_>, lines: &Lines<'_>, width: usize) -> String {
    let Some(first) = group.first() else {
        return String::new();
    };
    let head = if group.len() == 1 {
        head(first, lines)
    } else {
        let names: Vec<String> =
            group.iter().take(LINES_MAX).map(|row| escaped(&title(row)).into_owned()).collect();
        let more = group.len().saturating_sub(LINES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}\n", names.join(", "))
    };
    format!("{head}{}\n", table(first, &posture.bypassed, width))
}

fn without_policy(posture: &Posture<'_>, found: &Protection, lines: &Lines<'_>) -> String {
    let mut text = format!("{}\n", escaped(&protection::head(found, lines)));
    let said: Vec<String> = found
        .gains
        .iter()
        .map(|gain| {
            let more = protection::more(posture, gain, LINES_MAX).join("; ");
            format!("  from {}: {}", escaped(&name_of(posture, gain.start)), escaped(&more))
        })
        .collect();
    for line in shortened(said) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The findings by rule, the most severe first. What is said of several workloads alike is said once.
fn findings(findings: &[Finding], lines: &Lines<'_>) -> String {
    let mut by_rule: BTreeMap<_, BTreeMap<&str, Vec<&Finding>>> = BTreeMap::new();
    for finding in findings {
        let of_rule = by_rule.entry((Reverse(finding.severity), &finding.rule)).or_default();
        of_rule.entry(&finding.message).or_default().push(finding);
    }
    let mut text = String::new();
    for ((Reverse(severity), rule), of_rule) in by_rule {
        let count = of_rule.values().map(Vec::len).sum();
        text.push_str(&format!("\n{severity} {rule}: {}\n", counted(count, "finding")));
        let mut said: Vec<(usize, String)> = of_rule
            .iter()
            .map(|(message, alike)| {
                let place = match alike.as_slice() {
                    [only] => only.location.as_ref().map(|location| lines.shown(location)),
                    several => Some(counted(several.len(), "workload")),
                };
                let place = place.map_or_else(String::new, |place| format!("{}: ", escaped(&place)));
                (alike.len(), format!("  {place}{}", escaped(message)))
            })
            .collect();
        said.sort_by(|a, b| (Reverse(a.0), &a.1).cmp(&(Reverse(b.0), &b.1)));
        for line in shortened(said.into_iter().map(|(_, line)| line).collect()) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn head(row: &Row, lines: &Lines<'_>) -> String {
    let place = lines.shown(&row.location);
    format!("{} ({}, {})\n", escaped(&title(row)), escaped(&row.object.kind), escaped(&place))
}

/// A place behind some words: `, deploy.yaml:9`, or nothing.
fn behind(location: Option<&Location>, lines: &Lines<'_>) -> String {
    location.map_or_else(String::new, |location| format!(", {}", escaped(&lines.shown(location))))
}

fn workload(
    posture: &Posture<'_>,
    row: &Row,
    holdings: &Holdings,
    lines: &Lines<'_>,
    width: usize,
) -> String {
    let mut text = head(row, lines);
    for layer in [Layer::Admission, Layer::PodSecurity] {
        let refused = row.refused.iter().filter(|finding| finding.rule.layer == layer);
        let mut said: Vec<String> =
            refused.map(|finding| format!("  {}: {}", finding.action, escaped(&finding.message))).collect();
        if !said.is_empty() {
            shorten(&mut said);
            text.push_str(&format!("{layer} refuses it as it is\n{}\n", said.join("\n")));
        }
    }
    text.push('\n');
    text.push_str(&table(row, &posture.bypassed, width));
    text.push('\n');
    for bypassed in bypasses(posture) {
        text.push_str(&bypass(row, &bypassed, lines));
    }
    let single: Vec<String> =
        single_points(row).iter().map(|(step, layer)| format!("  `{}`: {layer}", step.title)).collect();
    if !single.is_empty() {
        text.push_str(&format!("one layer alone stops or limits\n{}\n", single.join("\n")));
    }
    let open: Vec<String> = open_steps(row).iter().map(|step| format!("`{}`", step.title)).collect();
    if !open.is_empty() {
        text.push_str(&format!("no layer is known to stop or limit\n  {}\n", open.join(", ")));
    }
    text.push_str(&rests_on(row, lines));
    text.push_str(&has(holdings, lines));
    text
}

/// The steps over the layers. What a layer does that is taken for bypassed is in parentheses. Where the words are too wide,
/// steps are told by their names, and conditions by marks.
fn table(row: &Row, bypassed: &BTreeSet<Layer>, width: usize) -> String {
    let table = |step_of: &dyn Fn(&Step) -> String, words_of: &dyn Fn(&Cell) -> String| {
        let head = std::iter::once("step").chain(LAYERS.iter().map(|layer| layer.as_str()));
        let mut lines: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
        for step in &row.steps {
            let cells = step.cells.iter().map(|cell| {
                let words = words_of(cell);
                if bypassed.contains(&cell.layer) && cell.has_say { format!("({words})") } else { words }
            });
            lines.push(std::iter::once(step_of(step.step)).chain(cells).collect());
        }
        lines
    };
    let lines = table(&|step| step.title.to_owned(), &Cell::words);
    if width_of(&lines) <= width {
        return aligned(&lines);
    }
    let marked = |cell: &Cell| cell.words().replace(", if enforced", "*").replace(", while it answers", "~");
    let mut lines = table(&|step| step.title.to_owned(), &marked);
    let mut marks = Vec::new();
    if width_of(&lines) > width {
        lines = table(&|step| step.name.to_owned(), &|cell| marked(cell).replace("not covered", "no"));
        marks.push("no: not covered");
    }
    let has = |mark: char| {
        lines.iter().flatten().any(|cell| cell.ends_with([mark]) || cell.ends_with(&format!("{mark})")))
    };
    marks.extend(has('*').then_some("*: if enforced"));
    marks.extend(has('~').then_some("~: while it answers"));
    let marks = if marks.is_empty() { String::new() } else { format!("{}\n", marks.join(", ")) };
    format!("{}{marks}", aligned(&lines))
}

/// How wide the lines are when they are aligned.
fn width_of(lines: &[Vec<String>]) -> usize {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    (0..columns).map(width).sum::<usize>() + 2 * columns.saturating_sub(1)
}

fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn bypass(row: &Row, bypassed: &BTreeSet<Layer>, lines: &Lines<'_>) -> String {
    let before = without(row, &BTreeSet::new());
    let after = without(row, bypassed);
    // What does nothing here is not missed.
    if before == after {
        return String::new();
    }
    let stop = match first_stop(row, bypassed) {
        None => "nothing stops it".to_owned(),
        Some((step, layer)) => {
            let cell = row.step(step.name).and_then(|step| step.cell(layer));
            let by = cell.and_then(|cell| cell.evidence.first()).map_or_else(String::new, |proof| {
                format!(" ({}{})", escaped(&proof.what), behind(proof.location.as_ref(), lines))
            });
            format!("stopped at `{}` by {layer}{by}", step.title)
        }
    };
    let lost = lost(&before, &after);
    let lost = if lost.is_empty() { String::new() } else { format!("; then open: {}", listed(lost)) };
    let round = if network_is_round(row, bypassed) {
        "; the network then holds only for whoever stays in the pod"
    } else {
        ""
    };
    let verb = if bypassed.len() == 1 { "is" } else { "are" };
    format!("if {} {verb} bypassed: {stop}{lost}{round}\n", layers_listed(bypassed))
}

fn rests_on(row: &Row, lines: &Lines<'_>) -> String {
    let mut seen = BTreeSet::new();
    let mut said = Vec::new();
    for cell in row.steps.iter().flat_map(|step| &step.cells) {
        for assumption in &cell.rests_on {
            if seen.insert(assumption) {
                said.push(format!(
                    "  {}, {}{}: {}",
                    cell.layer,
                    assumption.standing.as_str(),
                    behind(assumption.location.as_ref(), lines),
                    escaped(&assumption.text),
                ));
            }
        }
    }
    if said.is_empty() { String::new() } else { format!("this rests on\n{}\n", said.join("\n")) }
}

/// What whoever takes the workload over has.
fn has(holdings: &Holdings, lines: &Lines<'_>) -> String {
    let mut said = Vec::new();
    for (kind, name) in HELD_KINDS {
        let names: BTreeSet<&str> = holdings.of_kind(*kind).map(|held| &*held.name).collect();
        if !names.is_empty() {
            said.push(format!("  {name}: {}", escaped(&listed(names))));
        }
    }
    said.extend(holdings.host.iter().map(|access| format!("  node: {}", escaped(&access.what))));
    for account in &holdings.accounts {
        said.push(format!("  {}: {}", escaped(&account.to_string()), account.token));
    }
    for held in &holdings.powers {
        let place = behind(held.binding.origin.location(), lines);
        let binding = held.binding.to_string();
        said.push(format!(
            "  it can {} (`{}`, {}{place})",
            held.power.title,
            escaped(&held.right),
            escaped(&binding)
        ));
    }
    format!("whoever takes it over has\n{}\n", said.join("\n"))
}

/// Whom the network lets an attacker reach from there, hop by hop.
fn reached(posture: &Posture<'_>, radius: &Radius) -> String {
    let Some(hops) = &radius.hops else {
        return "whom it reaches is not known\n".to_owned();
    };
    let doubt = doubt(posture, radius).map(|doubt| format!(" ({})", escaped(&doubt))).unwrap_or_default();
    if hops.is_empty() {
        let none =
            if doubt.is_empty() { "it reaches no other workload" } else { "it reaches none for certain" };
        return format!("{none}{doubt}\n");
    }
    let mut text = format!("it reaches {}{doubt}\n", how_many(radius));
    for (number, hop) in hops.iter().enumerate() {
        let named = hop.iter().take(LINES_MAX).map(|number| escaped(&name_of(posture, *number)).into_owned());
        let named: Vec<String> = named.collect();
        let more = hop.len().saturating_sub(LINES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push_str(&format!("  by hop {}: {}{more}\n", number + 1, named.join(", ")));
    }
    text
}

/// Why the cells of a layer and a step say what they say.
pub fn why(posture: &Posture<'_>, layer: Layer, step: &Step) -> String {
    let lines = posture.prepared.lines();
    let mut text = String::new();
    for row in &posture.rows {
        let Some((step_row, cell)) = row.step(step.name).and_then(|step| Some((step, step.cell(layer)?)))
        else {
            continue;
        };
        text.push_str(&head(row, &lines));
        text.push_str(&format!("{layer}, `{}`: {}\n", step.title, cell.words()));
        text.push_str(&format!("  why: {}\n", escaped(&cell.why)));
        let techniques: Vec<String> =
            step.techniques.iter().map(|(id, name)| format!("{id} {name}")).collect();
        text.push_str(&format!("  technique: {}\n  gain: {}\n", techniques.join(", "), step.gain));
        match &step_row.own {
            Own::Open(what) => {
                text.push_str(&format!("  the manifest leaves it open: {}\n", escaped(what)));
            }
            Own::Closed(what) => {
                text.push_str(&format!("  the manifest does not do it: {}\n", escaped(what)));
            }
            Own::Unknown => {}
        }
        text.push_str(&details(cell, &lines));
    }
    text
}

fn details(cell: &Cell, lines: &Lines<'_>) -> String {
    let mut text = String::new();
    for way in &cell.ways {
        let how =
            way.avoided_by.as_deref().map_or_else(String::new, |how| format!(", avoided {}", escaped(how)));
        text.push_str(&format!("  {}: {}{how}\n", way.title, way.state.as_str()));
    }
    for proof in &cell.evidence {
        let place = behind(proof.location.as_ref(), lines);
        text.push_str(&format!("  by {}{place}: {}\n", escaped(&proof.what), escaped(&proof.says)));
    }
    for assumption in &cell.rests_on {
        let place = behind(assumption.location.as_ref(), lines);
        let standing = assumption.standing.as_str();
        text.push_str(&format!("  rests on, {standing}{place}: {}\n", escaped(&assumption.text)));
    }
    text
}

/// Who can switch a layer off or go round it, but those who can in every cluster.
fn holders(posture: &Posture<'_>, lines: &Lines<'_>) -> String {
    if !Rbac::is_given(&posture.prepared.snapshot) {
        return "no role and no binding is among the inputs: who can switch a layer off is not known\n"
            .to_owned();
    }
    let mut text = String::new();
    for each in &posture.switches {
        let own = each.holders.iter().filter(|holder| !holder.grant.is_default());
        let mut said: Vec<String> = own
            .map(|holder| {
                let binding = &holder.grant.binding;
                format!(
                    "  {} ({}{}): {}",
                    escaped(&holder.grant.subject.to_string()),
                    escaped(&binding.to_string()),
                    behind(binding.origin.location(), lines),
                    escaped(&listed(holder.can.iter().map(String::as_str)))
                )
            })
            .collect();
        if said.is_empty() {
            continue;
        }
        shorten(&mut said);
        let what = match each.switch.effect {
            SwitchEffect::Off => "switches off",
            SwitchEffect::Round => "goes round",
        };
        let layers = layers_listed(each.switch.layers);
        text.push_str(&format!("who can {} ({what} {layers})\n{}\n", each.switch.title, said.join("\n")));
    }
    if text.is_empty() {
        text.push_str("by the roles and bindings that were given, nobody but who can in every cluster can switch a layer off or go round it\n");
    }
    text
}

fn compliance(assessments: &[Assessment]) -> String {
    let mut text = String::new();
    for of_framework in assessments.chunk_by(|a, b| a.control.framework == b.control.framework) {
        let Some(first) = of_framework.first() else {
            continue;
        };
        text.push_str(&format!("\n{}\n", first.control.framework.as_str()));
        let line = |each: &Assessment| {
            let cells = [each.control.id, each.words(), each.control.title, &each.reason];
            cells.iter().map(|cell| escaped(cell).into_owned()).collect()
        };
        let lines: Vec<Vec<String>> = of_framework.iter().map(line).collect();
        text.push_str(&aligned(&lines));
    }
    text
}

fn shortened(mut lines: Vec<String>) -> Vec<String> {
    shorten(&mut lines);
    lines
}

fn shorten(lines: &mut Vec<String>) {
    let more = lines.len().saturating_sub(LINES_MAX);
    if more > 0 {
        lines.truncate(LINES_MAX);
        lines.push(format!("  and {more} more"));
    }
}

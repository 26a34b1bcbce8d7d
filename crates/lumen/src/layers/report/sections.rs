//! What a report says, section by section: first what it rests on, then the layers, then what is weak, then the controls.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::finding::{Finding, Layer, Location, Severity};
use lumen_core::posture::attack::{LAYERS, STEPS};
use lumen_core::posture::compliance::{Assessment, Verdict};
use lumen_core::posture::layers::bypass::{first_stop, open_steps, single_points, without};
use lumen_core::posture::layers::{self, Assumption, Row, Standing, State};
use lumen_core::posture::rbac::Rbac;
use lumen_core::posture::switches::SwitchEffect;

use super::{Block, Cell, Report, Table, Tone, plain, radius, toned};
use crate::check::prepare::Lines;
use crate::layers::overview::{LayerSum, alike};
use crate::layers::protection;
use crate::layers::{Posture, bypasses, layers_listed, lost, name_of, title};

/// Most names that one cell or line lists; how many more there are is said.
const NAMES_MAX: usize = 12;

/// Most places that the evidence of one control names.
const PLACES_MAX: usize = 5;

/// The report.
pub fn write(posture: &Posture<'_>) -> Report {
    let lines = posture.prepared.lines();
    let mut blocks = summary(posture);
    blocks.extend(assumptions(&posture.rows, &lines));
    blocks.extend(matrix(&posture.rows));
    blocks.extend(bypassed(posture, &lines));
    blocks.extend(weak_points(&posture.rows));
    blocks.extend(findings(&posture.findings, &lines));
    if let Some(said) = posture.silenced_said() {
        blocks.push(text(format!("{said}.")));
    }
    if posture.is_whole {
        blocks.extend(holders(posture, &lines));
    }
    blocks.extend(radius::section(posture, &lines));
    blocks.extend(protection(posture, &lines));
    blocks.extend(details(&posture.rows, &lines));
    blocks.extend(controls(&posture.compliance, &lines));
    blocks.extend(how_to_read());
    Report { title: "Defence in depth, layer by layer".to_owned(), blocks }
}

pub(super) fn heading(text: &str) -> Block {
    Block::Heading(text.to_owned())
}

pub(super) fn text(text: impl Into<String>) -> Block {
    Block::Text(crate::output::escape::line(&text.into()).into_owned())
}

/// `a, b and 3 more`.
pub(super) fn named<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<T> = names.into_iter().collect();
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(NAMES_MAX);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

fn place(location: Option<&Location>, lines: &Lines<'_>) -> Cell {
    location
        .map_or_else(|| toned("not among the inputs", Tone::Quiet), |location| plain(lines.shown(location)))
}

fn summary(posture: &Posture<'_>) -> Vec<Block> {
    let count = |severity: Severity| posture.findings.iter().filter(|each| each.severity == severity).count();
    let of_verdict = |verdict| posture.compliance.iter().filter(|each| each.verdict == verdict).count();
    let held = posture.compliance.iter().filter(|each| each.verdict == Verdict::Met);
    let conditional = held.clone().filter(|each| each.is_conditional()).count();
    let mut figures = vec![
        (posture.rows.len().to_string(), "workloads looked at".to_owned()),
        (count(Severity::High).to_string(), "findings of high severity".to_owned()),
        (count(Severity::Medium).to_string(), "findings of medium severity".to_owned()),
    ];
    if !posture.compliance.is_empty() {
        figures.push((
            held.count().to_string(),
            format!("controls met, {conditional} of them only if what files do not show is so"),
        ));
        figures.push((of_verdict(Verdict::NotMet).to_string(), "controls not met".to_owned()));
        figures.push((
            of_verdict(Verdict::NotCheckable).to_string(),
            "controls that manifests cannot show".to_owned(),
        ));
    }
    vec![
        text(
            "For every workload: what each layer of defence does about each step of an attack, as the manifests configure it; \
             what that rests on; and what is left where a layer is bypassed. It is computed from files: nothing here was \
             tried on a cluster, and what is not known is never counted as defence.",
        ),
        Block::Figures(figures),
    ]
}

fn standing_cell(standing: Standing) -> Cell {
    match standing {
        Standing::Holds => toned("shown by the inputs", Tone::Good),
        Standing::Weak => toned("weak: only while it answers", Tone::Unknown),
        Standing::Open => toned("open: the inputs do not show it", Tone::Conditional),
        Standing::Broken => toned("broken: the inputs show it is not so", Tone::Bad),
    }
}

/// What the answers rest on, with how many workloads each is about.
fn assumptions(rows: &[Row], lines: &Lines<'_>) -> Vec<Block> {
    let mut found: BTreeMap<(&Assumption, Layer), BTreeSet<usize>> = BTreeMap::new();
    for row in rows {
        for cell in row.steps.iter().flat_map(|step| &step.cells) {
            for assumption in &cell.rests_on {
                found.entry((assumption, cell.layer)).or_default().insert(row.number);
            }
        }
    }
    let mut blocks = vec![heading("What this rests on")];
    if found.is_empty() {
        blocks.push(text("No layer does anything that rests on something else."));
        return blocks;
    }
    blocks.push(text(
        "Whoever relies on this report has to see to these first. Where one does not hold, the answers of that layer do not \
         hold either, for the workloads counted.",
    ));
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|((assumption, layer), _)| {
        (std::cmp::Reverse(assumption.standing), layer_order(*layer))
    });
    let row = |((assumption, layer), workloads): &((&Assumption, Layer), BTreeSet<usize>)| {
        vec![
            plain(layer.as_str()),
            plain(&assumption.text),
            standing_cell(assumption.standing),
            plain(format!("{} of {}", workloads.len(), rows.len())),
            place(assumption.location.as_ref(), lines),
        ]
    };
    blocks.push(Block::Table(Table {
        head: vec!["Layer", "What has to be so", "State", "Workloads", "Where"],
        rows: found.iter().map(row).collect(),
    }));
    blocks
}

fn layer_order(layer: Layer) -> usize {
    LAYERS.iter().position(|each| *each == layer).unwrap_or(LAYERS.len())
}

fn sum_cell(sum: &LayerSum) -> Cell {
    let words = match sum.condition().filter(|_| sum.is_something()) {
        Some(condition) => format!("{}; {condition}", sum.words()),
        None => sum.words(),
    };
    let tone = match (sum.is_something(), sum.unknown > 0, sum.says, sum.standing) {
        (true, _, _, Standing::Holds) => Tone::Good,
        (true, ..) => Tone::Conditional,
        (false, true, ..) => Tone::Unknown,
        (false, false, 0, _) => Tone::Quiet,
        (false, false, ..) => Tone::Bad,
    };
    toned(words, tone)
}

/// The heads of columns for the layers, behind others.
fn with_layers(first: &[&'static str]) -> Vec<&'static str> {
    first.iter().copied().chain(LAYERS.iter().map(|layer| layer.as_str())).collect()
}

fn matrix(rows: &[Row]) -> Vec<Block> {
    let line = |row: &Row| {
        let sums = LAYERS.iter().map(|layer| sum_cell(&LayerSum::of(row, *layer)));
        [plain(title(row)), plain(&*row.object.kind)].into_iter().chain(sums).collect()
    };
    vec![
        heading("Workloads and layers"),
        text(format!(
            "The layers stand in the order in which an attacker meets them. A cell counts, of the {} steps of an attack, those \
             that the layer stops, limits or detects, and those that cannot be told.",
            STEPS.len()
        )),
        Block::Table(Table {
            head: with_layers(&["Workload", "Kind"]),
            rows: rows.iter().map(line).collect(),
        }),
    ]
}

/// What is left when a layer is bypassed, once for all workloads that are alike.
fn bypassed(posture: &Posture<'_>, lines: &Lines<'_>) -> Vec<Block> {
    let mut rows = Vec::new();
    for group in alike(&posture.rows) {
        let Some(row) = group.first() else {
            continue;
        };
        let before = without(row, &BTreeSet::new());
        for off in bypasses(posture) {
            let after = without(row, &off);
            // What does nothing here is not missed.
            if before == after {
                continue;
            }
            let stop = match first_stop(row, &off) {
                None => [toned("nothing stops it", Tone::Bad), toned("-", Tone::Quiet)],
                Some((step, layer)) => {
                    let cell = row.step(step.name).and_then(|step| step.cell(layer));
                    let proof =
                        cell.and_then(|cell| cell.evidence.first()).map_or_else(String::new, |proof| {
                            let at = proof.location.as_ref().map(|at| format!(", {}", lines.shown(at)));
                            format!(" ({}{})", proof.what, at.unwrap_or_default())
                        });
                    let tone = match cell.map(layers::Cell::standing) {
                        Some(Standing::Holds) => Tone::Good,
                        _ => Tone::Conditional,
                    };
                    [toned(step.title, tone), plain(format!("{layer}{proof}"))]
                }
            };
            let lost = lost(&before, &after);
            let lost = if lost.is_empty() {
                toned("nothing", Tone::Quiet)
            } else {
                toned(lost.join(", "), Tone::Bad)
            };
            let names = plain(named(group.iter().map(|row| title(row))));
            rows.push([names, plain(layers_listed(&off))].into_iter().chain(stop).chain([lost]).collect());
        }
    }
    let mut blocks = vec![
        heading("What is left when a layer is bypassed"),
        text(
            "The attacker takes the steps one after the other. Told is the first step that another layer still stops, and what \
             then no layer is known to stop or limit. A layer that does nothing for a workload is not listed; the evidence is that of the first workload named.",
        ),
    ];
    if rows.is_empty() {
        blocks.push(text("No layer does anything that would be missed."));
    } else {
        let head = vec!["Workloads", "Bypassed", "First stopped at", "By", "Then open"];
        blocks.push(Block::Table(Table { head, rows }));
    }
    blocks
}

/// Where one layer stands alone, and where none stands.
fn weak_points(rows: &[Row]) -> Vec<Block> {
    let mut single: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    let mut open: BTreeMap<usize, Vec<(String, bool)>> = BTreeMap::new();
    let step_order = |name: &str| STEPS.iter().position(|step| step.name == name).unwrap_or(STEPS.len());
    for row in rows {
        for (step, layer) in single_points(row) {
            single.entry((step_order(step.name), layer_order(layer))).or_default().push(title(row));
        }
        for step in open_steps(row) {
            let cells = row.step(step.name).map(|step| step.cells.as_slice()).unwrap_or_default();
            let is_unknown = cells.iter().any(|cell| cell.state == State::Unknown);
            open.entry(step_order(step.name)).or_default().push((title(row), is_unknown));
        }
    }
    let step_title = |at: usize| STEPS.get(at).map_or("", |step| step.title);
    let mut blocks = vec![heading("Single points of failure")];
    if single.is_empty() {
        blocks.push(text("No step is stopped or limited by one layer alone."));
    } else {
        blocks.push(text("One layer alone stops or limits these: whoever gets past it does them."));
        let row = |((step, layer), workloads): (&(usize, usize), &Vec<String>)| {
            vec![
                plain(step_title(*step)),
                toned(LAYERS.get(*layer).map_or("", |layer| layer.as_str()), Tone::Unknown),
                plain(workloads.len().to_string()),
                plain(named(workloads)),
            ]
        };
        blocks.push(Block::Table(Table {
            head: vec!["Step of an attack", "Only layer", "Count", "Workloads"],
            rows: single.iter().map(row).collect(),
        }));
    }
    blocks.push(Block::Heading2("What no layer is known to stop or limit".to_owned()));
    if open.is_empty() {
        blocks.push(text("Some layer answers every step, for every workload."));
        return blocks;
    }
    let mut lines = Vec::new();
    for (step, workloads) in &open {
        for (is_unknown, state) in
            [(false, toned("open", Tone::Bad)), (true, toned("cannot be told", Tone::Unknown))]
        {
            let those = workloads.iter().filter(|(_, of)| *of == is_unknown);
            let names: Vec<&str> = those.map(|(name, _)| name.as_str()).collect();
            if !names.is_empty() {
                let count = plain(names.len().to_string());
                lines.push(vec![plain(step_title(*step)), state, count, plain(named(names))]);
            }
        }
    }
    blocks.push(Block::Table(Table {
        head: vec!["Step of an attack", "State", "Count", "Workloads"],
        rows: lines,
    }));
    blocks
}

fn severity_cell(severity: Severity) -> Cell {
    let tone = match severity {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium => Tone::Unknown,
        Severity::Low | Severity::Info => Tone::Plain,
    };
    toned(severity.as_str(), tone)
}

fn findings(findings: &[Finding], lines: &Lines<'_>) -> Vec<Block> {
    // What stands under single points of failure and behind it is told there, folded.
    let is_told = |finding: &&Finding| !matches!(&*finding.rule.name, "one-layer" | "no-layer");
    let mut told: Vec<&Finding> = findings.iter().filter(is_told).collect();
    told.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut blocks = vec![heading("Other findings")];
    if told.is_empty() {
        blocks.push(text(
            "There are none: no webhook leaves out what constraints are about, and no token gives much.",
        ));
        return blocks;
    }
    let row = |finding: &&Finding| {
        let rule = plain(format!("`{}`", finding.rule));
        let at = place(finding.location.as_ref(), lines);
        vec![severity_cell(finding.severity), plain(&finding.message), at, rule]
    };
    blocks.push(Block::Table(Table {
        head: vec!["Severity", "What was found", "Where", "Rule"],
        rows: told.iter().map(row).collect(),
    }));
    blocks
}

/// Who can switch a layer off or go round it, but those who can in every cluster.
fn holders(posture: &Posture<'_>, lines: &Lines<'_>) -> Vec<Block> {
    let mut rows = Vec::new();
    for each in &posture.switches {
        let effect = match each.switch.effect {
            SwitchEffect::Off => toned("switches off", Tone::Bad),
            SwitchEffect::Round => toned("goes round", Tone::Unknown),
        };
        for holder in each.holders.iter().filter(|holder| !holder.grant.is_default()) {
            let binding = &holder.grant.binding;
            rows.push(vec![
                plain(holder.grant.subject.to_string()),
                plain(each.switch.title),
                effect.clone(),
                plain(layers_listed(each.switch.layers)),
                plain(named(&holder.can)),
                plain(binding.to_string()),
                place(binding.origin.location(), lines),
            ]);
        }
    }
    let mut blocks = vec![
        heading("Who can switch layers off"),
        text(
            "Roles and bindings among the inputs, evaluated as the API server does it. Those who can in every cluster, such as \
             `system:masters` and the control plane's own accounts, are left out.",
        ),
    ];
    if !Rbac::is_given(&posture.prepared.snapshot) {
        blocks.push(text("No role and no binding is among the inputs: who else can is not known."));
    } else if rows.is_empty() {
        blocks.push(text("Nobody else can, as far as the inputs show."));
    } else {
        rows.sort_by(|a, b| a.first().map(|cell| &cell.text).cmp(&b.first().map(|cell| &cell.text)));
        blocks.push(Block::Table(Table {
            head: vec!["Who", "Can", "Effect", "Layers", "By the right to", "Binding", "Where"],
            rows,
        }));
    }
    blocks
}

fn protection(posture: &Posture<'_>, lines: &Lines<'_>) -> Vec<Block> {
    let Some(found) = &posture.protection else {
        return Vec::new();
    };
    let rows = found.gains.iter().map(|gain| {
        let more = protection::more(posture, gain, NAMES_MAX);
        vec![plain(name_of(posture, gain.start)), plain(more.join("; "))]
    });
    let rows: Vec<_> = rows.collect();
    let mut blocks = vec![heading("Without one policy"), text(protection::head(found, lines))];
    if !rows.is_empty() {
        blocks.push(Block::Table(Table { head: vec!["Whoever is in", "Reaches more"], rows }));
    }
    blocks
}

fn layer_cell(cell: &layers::Cell) -> Cell {
    let tone = match (cell.state, cell.standing()) {
        (State::Enforced, Standing::Holds) => Tone::Good,
        (State::Enforced, _) => Tone::Conditional,
        (State::Warned | State::Unknown, _) => Tone::Unknown,
        (State::NotCovered, _) if cell.has_say => Tone::Bad,
        (State::NotCovered, _) => Tone::Quiet,
    };
    toned(cell.words(), tone)
}

/// The steps over the layers, once for all workloads that are alike.
fn details(rows: &[Row], lines: &Lines<'_>) -> Vec<Block> {
    let mut blocks = vec![
        heading("Steps and layers"),
        text(
            "Workloads for which every cell reads alike share a table. `lumen layers WORKLOAD --why LAYER STEP` tells the evidence.",
        ),
    ];
    for group in alike(rows) {
        let Some(first) = group.first() else {
            continue;
        };
        blocks.push(Block::Heading2(
            crate::output::escape::line(&named(group.iter().map(|row| title(row)))).into_owned(),
        ));
        if let [only] = group.as_slice() {
            blocks.push(text(format!("{}, {}", only.object.kind, lines.shown(&only.location))));
        }
        let line = |step: &layers::StepRow| {
            std::iter::once(plain(step.step.title)).chain(step.cells.iter().map(layer_cell)).collect()
        };
        blocks.push(Block::Table(Table {
            head: with_layers(&["Step of an attack"]),
            rows: first.steps.iter().map(line).collect(),
        }));
    }
    blocks
}

fn controls(assessments: &[Assessment], lines: &Lines<'_>) -> Vec<Block> {
    if assessments.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![
        heading("Controls"),
        text(
            "Controls in our words, measured by the same evidence. It is evidence for an audit, and none itself: a control that \
             manifests cannot show reads `not checkable`, and one that is met may still ask for more than is shown here.",
        ),
    ];
    for of_framework in assessments.chunk_by(|a, b| a.control.framework == b.control.framework) {
        let Some(first) = of_framework.first() else {
            continue;
        };
        blocks.push(Block::Heading2(first.control.framework.as_str().to_owned()));
        let row = |each: &Assessment| {
            let tone = match each.verdict {
                Verdict::Met if each.is_conditional() => Tone::Conditional,
                Verdict::Met => Tone::Good,
                Verdict::NotMet => Tone::Bad,
                Verdict::NotCheckable => Tone::Unknown,
            };
            vec![
                plain(each.control.id),
                plain(each.control.title),
                toned(each.words(), tone),
                plain(&each.reason),
                evidence(each, lines),
            ]
        };
        blocks.push(Block::Table(Table {
            head: vec!["Control", "Demands", "State", "Why", "Evidence"],
            rows: of_framework.iter().map(row).collect(),
        }));
    }
    blocks
}

fn evidence(each: &Assessment, lines: &Lines<'_>) -> Cell {
    let shown = each.evidence.iter().take(PLACES_MAX).map(|proof| match &proof.location {
        Some(location) => format!("{} ({})", proof.what, lines.shown(location)),
        None => proof.what.clone(),
    });
    let mut shown: Vec<String> = shown.collect();
    let more = each.count.max(each.evidence.len()).saturating_sub(shown.len());
    if more > 0 && !shown.is_empty() {
        shown.push(format!("{more} more"));
    }
    plain(shown.join("; "))
}

fn how_to_read() -> Vec<Block> {
    const WORDS: &[(&str, Tone, &str)] = &[
        (
            "stops, limits, detects",
            Tone::Good,
            "The configuration does that, and the inputs show what it rests on",
        ),
        (
            "stops, if enforced",
            Tone::Conditional,
            "It does, if something holds that files do not show: see what this rests on",
        ),
        ("stops, while it answers", Tone::Conditional, "It rests on a webhook with `failurePolicy: Ignore`"),
        ("warns", Tone::Unknown, "It is said, or written down, and let pass"),
        (
            "not covered",
            Tone::Bad,
            "The layer could have a say, and nothing in its configuration is about the step",
        ),
        ("unknown", Tone::Unknown, "It cannot be said; it counts as no defence"),
        ("-", Tone::Quiet, "The layer has no say in the step"),
    ];
    let word = |(word, tone, meaning): &(&str, Tone, &str)| vec![toned(word, *tone), plain(meaning)];
    let step = |step: &lumen_core::posture::attack::Step| {
        let techniques: Vec<String> =
            step.techniques.iter().map(|(id, name)| format!("{id} {name}")).collect();
        vec![plain(step.title), plain(step.gain), plain(techniques.join(", "))]
    };
    vec![
        heading("How to read this"),
        Block::Table(Table { head: vec!["Words", "Meaning"], rows: WORDS.iter().map(word).collect() }),
        Block::Heading2("The steps of an attack, and MITRE ATT&CK".to_owned()),
        Block::Table(Table {
            head: vec!["Step", "What is gained", "Techniques"],
            rows: STEPS.iter().map(step).collect(),
        }),
        text(format!("Made by lumen {}. The same inputs give the same report.", env!("CARGO_PKG_VERSION"))),
    ]
}

//! SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>), with what GitHub's code scanning
//! asks for beyond it: `security-severity`, tags, and fingerprints that survive a shift of lines.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use lumen_core::finding::{Layer, Location, Outcome, Place, RuleId, Severity};
use lumen_core::rule::Rule;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::explain::{remedy_as_markdown, sentence};
use crate::output::rules::Rules;
use crate::output::text::Text;
use crate::output::{Level, fix_title, json as json_format};
use crate::report::{Region, Report, Reported};
use fingerprint::Fingerprints;

mod fingerprint;
mod uri;

/// Where the schema is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    json_format::write_value(&Log::of(report), out)
}

/// The whole file. Its results, unlike the rest, are many: each is made when it is written.
#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    invocations: Value,
    column_kind: &'static str,
    results: Results<'a>,
}

struct Results<'a> {
    report: &'a Report,
    indices: BTreeMap<&'a RuleId, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fingerprints = Fingerprints::default();
        let findings = self.report.findings.iter();
        serializer.collect_seq(
            findings.map(|reported| result(reported, self.report, &self.indices, &mut fingerprints)),
        )
    }
}

impl<'a> Log<'a> {
    fn of(report: &'a Report) -> Self {
        let catalog = Rules::of(report);
        let ids: BTreeSet<_> = report.findings.iter().map(|reported| &reported.finding.rule).collect();
        let rules: Vec<_> =
            ids.iter().map(|id| descriptor(id, catalog.get(id), catalog.remedy(id))).collect();
        let readable = !report.findings.iter().any(|reported| reported.finding.is_unread());
        let run = Run {
            tool: json!({
                "driver": {
                    "name": "lumen",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "informationUri": env!("CARGO_PKG_REPOSITORY"),
                    "rules": rules,
                },
            }),
            invocations: json!([{ "executionSuccessful": readable }]),
            column_kind: "unicodeCodePoints",
            results: Results { report, indices: ids.into_iter().zip(0..).collect() },
        };
        Self { schema: SCHEMA, version: "2.1.0", runs: [run] }
    }
}

/// What a rule is; of one that is not in the catalog (a constraint) its name is known, and how to mend what it finds where it
/// says so.
fn descriptor(id: &RuleId, rule: Option<&Rule>, remedy: Option<&str>) -> Value {
    let mut descriptor = Map::new();
    descriptor.insert("id".into(), id.to_string().into());
    let tags = match id.layer {
        Layer::Input => json!(["input"]),
        layer => json!(["security", layer.as_str()]),
    };
    let Some(rule) = rule else {
        if let Some(remedy) = remedy {
            descriptor.insert("help".into(), json!({ "text": escaped(&sentence(remedy)) }));
        }
        descriptor.insert("properties".into(), json!({ "tags": tags }));
        return descriptor.into();
    };
    descriptor.insert("shortDescription".into(), json!({ "text": escaped(&sentence(rule.summary)) }));
    descriptor.insert("fullDescription".into(), json!({ "text": escaped(&sentence(rule.rationale)) }));
    descriptor.insert("help".into(), help(rule));
    if let Some(reference) = rule.references.first() {
        descriptor.insert("helpUri".into(), (*reference).into());
    }
    let level = match rule.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    };
    descriptor.insert("defaultConfiguration".into(), json!({ "level": level }));
    let mut properties = Map::new();
    properties.insert("tags".into(), tags);
    if id.layer != Layer::Input {
        properties.insert("security-severity".into(), security_severity(rule.severity).into());
    }
    descriptor.insert("properties".into(), properties.into());
    descriptor.into()
}

/// What is shown beside a result: why, how to mend it, where it is specified.
fn help(rule: &Rule) -> Value {
    let references = |before: &str, after: &str| -> String {
        let each = rule.references.iter();
        let lines: Vec<_> = each.map(|reference| format!("{before}{reference}{after}")).collect();
        lines.join("\n")
    };
    let text = format!("{}\n\n{}\n\n{}", sentence(rule.rationale), sentence(rule.remedy), references("", ""));
    let markdown = format!(
        "{}\n\n**Remedy**\n\n{}\n\n`lumen explain {}`\n\n{}",
        sentence(rule.rationale),
        remedy_as_markdown(rule),
        rule.id(),
        references("- <", ">")
    );
    json!({ "text": escaped(text.trim_end()), "markdown": markdown.trim_end() })
}

/// The middle of the band that GitHub gives the same word (CVSS).
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
        Severity::Info => "0.0",
    }
}

fn result(
    reported: &Reported,
    report: &Report,
    indices: &BTreeMap<&RuleId, usize>,
    fingerprints: &mut Fingerprints,
) -> Value {
    let finding = &reported.finding;
    let mut result = Map::new();
    result.insert("ruleId".into(), finding.rule.to_string().into());
    if let Some(&index) = indices.get(&finding.rule) {
        result.insert("ruleIndex".into(), index.into());
    }
    let (kind, level) = match (finding.outcome, Level::of(finding)) {
        (Outcome::Pass, _) => ("pass", "none"),
        (Outcome::Skip, _) => ("notApplicable", "none"),
        (_, Level::Error) => ("fail", "error"),
        (_, Level::Warning) => ("fail", "warning"),
        (_, Level::Info) => ("fail", "note"),
    };
    result.insert("kind".into(), kind.into());
    result.insert("level".into(), level.into());
    result.insert("message".into(), json!({ "text": escaped(&finding.message) }));
    result.insert("locations".into(), Value::Array(vec![location(reported)]));
    let related: Vec<_> = reported
        .places()
        .zip(1..)
        .map(|((related, region), id)| {
            json!({
                "id": id,
                "physicalLocation": physical_location(&related.location, region),
                "message": { "text": escaped(&related.label) },
            })
        })
        .collect();
    if !related.is_empty() {
        result.insert("relatedLocations".into(), related.into());
    }
    if let Some(fix) = fix(reported, report) {
        result.insert("fixes".into(), json!([fix]));
    }
    result.insert("partialFingerprints".into(), json!({ "lumenFinding/v1": fingerprints.of(finding) }));
    result.insert("properties".into(), properties(reported));
    result.into()
}

/// The fix as changes of the text, where it can be made.
fn fix(reported: &Reported, report: &Report) -> Option<Value> {
    let (fix, location) = (reported.finding.fix.as_ref()?, reported.finding.location.as_ref()?);
    let text = Text::of(report, reported)?;
    let replacements: Option<Vec<_>> = reported
        .changes
        .iter()
        .map(|change| {
            let (start_line, start_column) = text.position(change.bytes.start)?;
            let (end_line, end_column) = text.position(change.bytes.end)?;
            Some(json!({
                "deletedRegion": {
                    "startLine": start_line,
                    "startColumn": start_column,
                    "endLine": end_line,
                    "endColumn": end_column,
                },
                "insertedContent": { "text": change.text },
            }))
        })
        .collect();
    let replacements = replacements.filter(|replacements| !replacements.is_empty())?;
    Some(json!({
        "description": { "text": escaped(&fix_title(fix)) },
        "artifactChanges": [{
            "artifactLocation": uri::artifact(&location.source),
            "replacements": replacements,
        }],
    }))
}

fn properties(reported: &Reported) -> Value {
    let finding = &reported.finding;
    let mut properties = Map::new();
    if let Some(live) = &reported.live {
        let managers: Vec<&str> = live.owners.managers.iter().map(|manager| &*manager.name).collect();
        properties.insert("managers".into(), json!(managers));
        if let Some(drift) = live.drift {
            properties.insert("drift".into(), drift.as_str().into());
        }
    }
    properties.insert("action".into(), finding.action.as_str().into());
    properties.insert("severity".into(), finding.severity.as_str().into());
    properties.insert("outcome".into(), finding.outcome.as_str().into());
    if let Some(text) = &finding.upstream_message {
        properties.insert("upstreamMessage".into(), (**text).into());
    }
    if let Some(policy) = &finding.policy {
        properties.insert("policy".into(), format!("{} {}", policy.object, policy.rule).into());
    }
    properties.into()
}

/// Where it stands: in the text, in the cluster's objects, or both.
fn location(reported: &Reported) -> Value {
    let finding = &reported.finding;
    let mut location = Map::new();
    if let Some(place) = reported.in_text() {
        location.insert("physicalLocation".into(), physical_location(place, reported.region.as_ref()));
    }
    if let Some(object) = &finding.object {
        let mut logical = Map::new();
        logical.insert("fullyQualifiedName".into(), object.to_string().into());
        logical.insert("name".into(), (*object.name).into());
        logical.insert("kind".into(), "resource".into());
        if let Some(Place::Field { pointer, .. } | Place::Inside { pointer, .. }) =
            finding.location.as_ref().map(|place| &place.place)
        {
            logical.insert("properties".into(), json!({ "path": pointer.to_string() }));
        }
        location.insert("logicalLocations".into(), json!([logical]));
    }
    location.into()
}

fn physical_location(place: &Location, region: Option<&Region>) -> Value {
    let mut location = Map::new();
    location.insert("artifactLocation".into(), uri::artifact(&place.source));
    if let Some(region) = region {
        location.insert(
            "region".into(),
            json!({
                "startLine": region.line,
                "startColumn": region.column,
                "endLine": region.end_line,
                "endColumn": region.end_column,
            }),
        );
    }
    location.into()
}

/// A plain text message: braces are doubled, for they may enclose placeholders (section 3.11.5), and what would be read
/// as an embedded link (3.11.6) is pulled apart: names in manifests make no links.
fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

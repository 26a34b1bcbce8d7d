//! Kubernetes objects for `kubectl apply`: `OpenReports`' `Report` and `ClusterReport`
//! (<https://github.com/openreports/reports-api>), or `PolicyReport` and `ClusterPolicyReport` of the older group.
//!
//! A report a namespace; what stands in no namespace, or in none that a cluster could have, goes to the cluster's report.
//! No timestamps: the same findings give the same objects. The cluster's report is always there, so that there is
//! something to apply. Reports of namespaces that have no more findings are for `kubectl apply --prune` with the label
//! `app.kubernetes.io/managed-by=lumen`.

use std::collections::BTreeMap;
use std::io;

use lumen_core::finding::{Finding, Outcome, Place};
use lumen_core::selector::label::{NAME_BYTES_MAX, is_dns_label};
use serde_json::{Map, Value, json};

use crate::output::{ReportApi, Style, yaml};
use crate::report::{Report, Reported};

/// Most bytes of results in one object, as JSON. `kubectl apply` keeps a copy in an annotation, and annotations are
/// bounded to 256 KiB.
const RESULTS_BYTES_MAX: usize = 100 << 10;
/// Most characters of a message.
const MESSAGE_CHARACTERS_MAX: usize = 2_000;

pub(super) fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut namespaces: BTreeMap<Option<&str>, Vec<&Reported>> = BTreeMap::from([(None, Vec::new())]);
    for reported in &report.findings {
        let object = reported.finding.object.as_ref();
        let namespace = object.and_then(|object| object.namespace.as_deref());
        let namespace = namespace.filter(|name| name.len() <= NAME_BYTES_MAX && is_dns_label(name));
        namespaces.entry(namespace).or_default().push(reported);
    }
    // Neither takes the place of the other's.
    let name = if report.scanned.is_some() { "lumen-scan" } else { "lumen-check" };
    for (namespace, findings) in namespaces {
        for (number, results) in parts(&findings).into_iter().enumerate() {
            writeln!(out, "---")?;
            let name = match number {
                0 => name.to_owned(),
                more => format!("{name}-{}", more + 1),
            };
            yaml::write(&object(namespace, &name, results, style.report_api), out)?;
        }
    }
    Ok(())
}

/// The results, in as many parts as the bound asks for.
fn parts(findings: &[&Reported]) -> Vec<Vec<Value>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut bytes: usize = 0;
    for reported in findings {
        let result = result(reported);
        let length = result.to_string().len();
        if bytes.saturating_add(length) > RESULTS_BYTES_MAX && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes = bytes.saturating_add(length);
        part.push(result);
    }
    parts.push(part);
    parts
}

fn object(namespace: Option<&str>, name: &str, results: Vec<Value>, api: ReportApi) -> Value {
    let (api_version, kind) = match (api, namespace) {
        (ReportApi::OpenReports, Some(_)) => ("openreports.io/v1alpha1", "Report"),
        (ReportApi::OpenReports, None) => ("openreports.io/v1alpha1", "ClusterReport"),
        (ReportApi::WgPolicy, Some(_)) => ("wgpolicyk8s.io/v1alpha2", "PolicyReport"),
        (ReportApi::WgPolicy, None) => ("wgpolicyk8s.io/v1alpha2", "ClusterPolicyReport"),
    };
    let mut metadata = Map::new();
    metadata.insert("name".into(), name.into());
    if let Some(namespace) = namespace {
        metadata.insert("namespace".into(), namespace.into());
    }
    metadata.insert("labels".into(), json!({ "app.kubernetes.io/managed-by": "lumen" }));
    let summary: Map<String, Value> = Outcome::ALL
        .iter()
        .map(|outcome| {
            let count = results
                .iter()
                .filter(|result| result.get("result") == Some(&Value::from(outcome.as_str())))
                .count();
            (outcome.as_str().to_owned(), count.into())
        })
        .collect();
    let mut object = Map::new();
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    object.insert("metadata".into(), metadata.into());
    // The older API knows a source only for each result.
    if api == ReportApi::OpenReports {
        object.insert("source".into(), "lumen".into());
    }
    object.insert("summary".into(), summary.into());
    object.insert("results".into(), results.into());
    object.into()
}

fn result(reported: &Reported) -> Value {
    let finding = &reported.finding;
    let mut result = Map::new();
    result.insert("source".into(), "lumen".into());
    result.insert("policy".into(), policy(finding).into());
    result.insert("rule".into(), finding.rule.to_string().into());
    result.insert("category".into(), finding.rule.layer.as_str().into());
    result.insert("severity".into(), finding.severity.as_str().into());
    result.insert("result".into(), finding.outcome.as_str().into());
    // The API counts as `warn` what is not scored.
    result.insert("scored".into(), (finding.outcome != Outcome::Warn).into());
    result.insert("message".into(), bounded(&finding.message).into());
    if let Some(object) = &finding.object {
        let mut reference = Map::new();
        reference.insert("apiVersion".into(), (*object.api_version).into());
        reference.insert("kind".into(), (*object.kind).into());
        if let Some(namespace) = &object.namespace {
            reference.insert("namespace".into(), (**namespace).into());
        }
        reference.insert("name".into(), (*object.name).into());
        result.insert("resources".into(), json!([reference]));
    }
    result.insert("properties".into(), properties(reported));
    result.into()
}

/// The policy that decided, or the rule's layer where the rule stands by itself.
fn policy(finding: &Finding) -> String {
    match &finding.policy {
        Some(policy) => bounded(&policy.object.to_string()),
        None => finding.rule.layer.as_str().into(),
    }
}

/// What the API has no field for: texts all.
fn properties(reported: &Reported) -> Value {
    let finding = &reported.finding;
    let mut properties = Map::new();
    properties.insert("action".into(), finding.action.as_str().into());
    if let Some(policy) = &finding.policy {
        properties.insert("policyRule".into(), bounded(&policy.rule).into());
    }
    if let Some(location) = reported.in_text() {
        properties.insert("file".into(), bounded(&location.source).into());
    }
    if let Some(live) = &reported.live {
        properties.insert("path".into(), bounded(&live.at.to_string()).into());
        let names: Vec<&str> = live.owners.managers.iter().map(|manager| &*manager.name).collect();
        if !names.is_empty() {
            properties.insert("managers".into(), bounded(&names.join(", ")).into());
        }
        if let Some(drift) = live.drift {
            properties.insert("drift".into(), drift.as_str().into());
        }
    } else if let Some(location) = &finding.location
        && let Place::Field { pointer, .. } | Place::Inside { pointer, .. } = &location.place
    {
        properties.insert("path".into(), bounded(&pointer.to_string()).into());
    }
    if let Some(region) = &reported.region {
        properties.insert("line".into(), region.line.to_string().into());
        properties.insert("column".into(), region.column.to_string().into());
    }
    if let Some(text) = &finding.upstream_message {
        properties.insert("upstreamMessage".into(), bounded(text).into());
    }
    properties.into()
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into(),
    }
}

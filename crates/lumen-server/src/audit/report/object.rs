//! The objects of both APIs: what stands in a report.
//!
//! `results` say which object (`resources`) violates which constraint (`policy`, as kind and name; `rule`, as Lumen's other outputs
//! have it), how bad that is (`severity`), and since when it is found (`timestamp`). `result` is `fail`, or `warn` for a constraint
//! that warns, which the API calls not `scored`, or `error` where it could not be evaluated. There is no `scope`: a report is about
//! many objects.

use std::collections::BTreeMap;

use lumen_core::finding::{Layer, Outcome};
use lumen_core::object::{field, text};
use lumen_core::selector::label::is_dns_subdomain;
use lumen_value::{Object, Value};
use sha2::{Digest as _, Sha256};

use super::collected::{OfNamespace, Policy, Violation};
use super::shard::{Placed, RESULTS_MAX, sharded};
use crate::api::Resource;
use crate::names;

/// The label that tells the audit's reports from others of Lumen's.
pub(super) const COMPONENT_LABEL: &str = "app.kubernetes.io/component";
/// The value of [`COMPONENT_LABEL`].
pub(super) const COMPONENT: &str = "audit";
/// Which kind a report is about: plural and group.
pub(super) const AUDITED_ANNOTATION: &str = "lumensec.io/audited";
/// The digest of all that a report says but the times.
pub(super) const CONTENT_ANNOTATION: &str = "lumensec.io/content";

/// Most bytes of the name of a kind in a report's own name.
const KEY_BYTES_MAX: usize = 150;

/// An API of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dialect {
    /// `openreports.io/v1alpha1`.
    OpenReports,
    /// `wgpolicyk8s.io/v1alpha2`.
    WgPolicy,
}

impl Dialect {
    /// Both; the one that goes first, first.
    pub(super) const ALL: [Self; 2] = [Self::OpenReports, Self::WgPolicy];

    /// Its word in metrics.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::OpenReports => "openreports",
            Self::WgPolicy => "wgpolicy",
        }
    }

    /// Its group and version.
    pub(super) const fn group_version(self) -> (&'static str, &'static str) {
        match self {
            Self::OpenReports => ("openreports.io", "v1alpha1"),
            Self::WgPolicy => ("wgpolicyk8s.io", "v1alpha2"),
        }
    }

    /// The kind of reports in a namespace, or of the cluster's.
    pub(super) const fn kind(self, is_namespaced: bool) -> &'static str {
        match (self, is_namespaced) {
            (Self::OpenReports, true) => "Report",
            (Self::OpenReports, false) => "ClusterReport",
            (Self::WgPolicy, true) => "PolicyReport",
            (Self::WgPolicy, false) => "ClusterPolicyReport",
        }
    }
}

/// What all reports about one kind have in common.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) dialect: Dialect,
    /// The kind that they are about.
    pub(super) audited: Resource,
    /// The `uid` of the Namespace with which they go, and its name.
    pub(super) owner: Option<(String, String)>,
}

/// A report as it is to be, but for the times.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) name: String,
    /// The digest of what it says.
    pub(super) content: String,
    object: Value,
    results: Vec<Value>,
}

/// What a kind is called in annotations: `pods`, `deployments.apps`.
pub(in crate::audit) fn key(audited: &Resource) -> String {
    if audited.group.is_empty() {
        audited.plural.to_string()
    } else {
        format!("{}.{}", audited.plural, audited.group)
    }
}

impl About {
    /// The reports about what was found in a namespace (empty for none), by name.
    pub(super) fn reports(&self, namespace: &str, found: &OfNamespace) -> BTreeMap<String, Report> {
        let listed = found.violations().map(|(violation, number)| {
            placed(self.result(violation, namespace), digest(&identity(violation), number))
        });
        let left_out = found.left_out().map(|(policy, outcome, count)| {
            placed(left_out(policy, outcome, count), digest(&[&policy.name, outcome.as_str()], 0))
        });
        let mut reports = BTreeMap::new();
        for (part, results) in [("", listed.collect()), ("-more", left_out.collect::<Vec<_>>())] {
            for shard in sharded(results) {
                let bits = if shard.bits.is_empty() { String::new() } else { format!("-{}", shard.bits) };
                let name = format!("lumen{part}{bits}.{}", self.name());
                reports.insert(name.clone(), self.report(name, namespace, shard.results));
            }
        }
        reports
    }

    /// The kind's name in names of reports.
    fn name(&self) -> String {
        let key = key(&self.audited);
        if key.len() <= KEY_BYTES_MAX && is_dns_subdomain(&key) {
            key
        } else {
            format!("kind-{:016x}", digest(&[&key], 0))
        }
    }

    fn result(&self, violation: &Violation, namespace: &str) -> Value {
        let mut resource = Object::default()
            .with("apiVersion", self.audited.api_version())
            .with("kind", &*self.audited.kind)
            .with("name", violation.name.as_str());
        if !namespace.is_empty() {
            resource = resource.with("namespace", namespace);
        }
        if !violation.uid.is_empty() {
            resource = resource.with("uid", violation.uid.as_str());
        }
        let resources: Vec<Value> = vec![resource.into()];
        let result = result(&violation.policy, violation.outcome, &violation.message);
        result.with("resources", resources).into()
    }

    fn report(&self, name: String, namespace: &str, results: Vec<Value>) -> Report {
        let (group, version) = self.dialect.group_version();
        let mut object = Object::default()
            .with("apiVersion", format!("{group}/{version}"))
            .with("kind", self.dialect.kind(!namespace.is_empty()))
            .with("summary", summary(&results));
        if self.dialect == Dialect::OpenReports {
            let filter: Vec<Value> = [Outcome::Fail, Outcome::Warn, Outcome::Error]
                .iter()
                .map(|outcome| outcome.as_str().into())
                .collect();
            let limits = Object::default()
                .with("maxResults", i64::try_from(RESULTS_MAX).unwrap_or(i64::MAX))
                .with("statusFilter", filter);
            let configuration: Value = [("limits", limits.into())].into();
            object = object.with("source", "lumen").with("configuration", configuration);
        }
        let mut metadata = Object::default().with("name", name.as_str()).with("labels", labels());
        if !namespace.is_empty() {
            metadata = metadata.with("namespace", namespace);
        }
        if let Some((name, uid)) = &self.owner {
            let owner: Value = [
                ("apiVersion", "v1".into()),
                ("kind", "Namespace".into()),
                ("name", name.as_str().into()),
                ("uid", uid.as_str().into()),
            ]
            .into();
            metadata = metadata.with("ownerReferences", vec![owner]);
        }
        let annotations = |content: &str| -> Value {
            let key = key(&self.audited);
            [(AUDITED_ANNOTATION, key.into()), (CONTENT_ANNOTATION, content.into())].into()
        };
        let object = object.with("metadata", metadata.with("annotations", annotations("")));
        let whole: Value = object.with("results", results.clone()).into();
        let content = Sha256::digest(whole.to_json().as_bytes());
        let content = content.iter().take(16).fold(0, |digest, byte| (digest << 8) | u128::from(*byte));
        let content = format!("{content:032x}");
        let object = object.with("metadata", metadata.with("annotations", annotations(&content)));
        Report { name, content, object: object.into(), results }
    }
}

/// The labels by which the audit's reports are known.
fn labels() -> Value {
    [(names::MANAGED_BY_LABEL, names::MANAGED_BY.into()), (COMPONENT_LABEL, COMPONENT.into())].into()
}

/// The audit's reports, as a label selector.
pub(super) fn selector() -> String {
    format!("{}={},{COMPONENT_LABEL}={COMPONENT}", names::MANAGED_BY_LABEL, names::MANAGED_BY)
}

fn result(policy: &Policy, outcome: Outcome, message: &str) -> Object {
    let properties: Value = [("action", policy.action.as_str().into())].into();
    let mut result = Object::default()
        .with("source", "lumen")
        .with("policy", policy.name.as_str())
        .with("rule", policy.rule.as_str())
        .with("category", Layer::Admission.as_str())
        .with("result", outcome.as_str())
        .with("scored", outcome != Outcome::Warn)
        .with("message", message)
        .with("properties", properties);
    if !policy.severity.is_empty() {
        result = result.with("severity", policy.severity);
    }
    result
}

/// A result that stands for violations that are only counted.
fn left_out(policy: &Policy, outcome: Outcome, count: u64) -> Value {
    let message = if count == 1 {
        "one more violation is not listed".to_owned()
    } else {
        format!("{count} more violations are not listed")
    };
    let properties: Value =
        [("action", policy.action.as_str().into()), (LEFT_OUT, count.to_string().into())].into();
    result(policy, outcome, &message).with("properties", properties).into()
}

/// The property that says how many violations a result stands for.
const LEFT_OUT: &str = "leftOut";

/// How many violations there are of each outcome.
fn summary(results: &[Value]) -> Value {
    let mut counts: BTreeMap<&str, u64> = Outcome::ALL.iter().map(|outcome| (outcome.as_str(), 0)).collect();
    for result in results {
        let left_out = text(field(result, &["properties"]), LEFT_OUT).parse().unwrap_or(1);
        if let Some(count) = counts.get_mut(text(result, "result")) {
            *count = count.saturating_add(left_out);
        }
    }
    let counts: Vec<(Value, Value)> = counts
        .into_iter()
        .map(|(word, count)| (word.into(), i64::try_from(count).unwrap_or(i64::MAX).into()))
        .collect();
    Value::Object(counts.into())
}

impl Report {
    /// The object, with the times at which its results were first found: those that are known, and now.
    pub(super) fn object(&self, since: &BTreeMap<u64, i64>, now: i64) -> Value {
        let results: Vec<Value> = self
            .results
            .iter()
            .map(|result| {
                let seconds = since.get(&told(result)).copied().unwrap_or(now);
                let timestamp: Value = [("seconds", seconds.into()), ("nanos", 0_i64.into())].into();
                let fields = result.as_object().cloned().unwrap_or_default();
                fields.with("timestamp", timestamp).into()
            })
            .collect();
        self.object.as_object().cloned().unwrap_or_default().with("results", results).into()
    }

    /// How many violations it counts.
    #[cfg(test)]
    pub(super) fn results(&self) -> &[Value] {
        &self.results
    }
}

/// When the results of a report were first found.
pub(super) fn since(report: &Value) -> impl Iterator<Item = (u64, i64)> {
    let results = report.get("results").and_then(Value::as_array);
    results.into_iter().flat_map(|results| results.iter()).filter_map(|result| {
        let seconds = field(result, &["timestamp", "seconds"]).as_i64()?;
        Some((told(result), seconds))
    })
}

/// By what a result is known again.
fn told(result: &Value) -> u64 {
    let resources = result.get("resources").and_then(Value::as_array);
    let resource = resources.and_then(|resources| resources.iter().next()).unwrap_or(&Value::Null);
    let parts = [
        text(resource, "name"),
        text(resource, "uid"),
        text(result, "policy"),
        text(result, "result"),
        text(result, "message"),
    ];
    digest(&parts, 0)
}

fn identity(violation: &Violation) -> [&str; 4] {
    [&violation.name, &violation.policy.name, violation.outcome.as_str(), &violation.message]
}

fn placed(result: Value, digest: u64) -> Placed {
    Placed { digest, bytes: result.to_json().len(), result }
}

/// A digest of texts and a number that nobody can choose texts for: where results go does not change from version to version.
fn digest(parts: &[&str], number: usize) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes());
    hash.finalize().iter().take(8).fold(0, |digest, byte| (digest << 8) | u64::from(*byte))
}

//! One JSON document, schema `lumen.report/v1`, and the shapes that it shares with [`jsonl`](super::jsonl). What is
//! absent is left out.

use std::io;

use lumen_core::finding::{self, Action, Layer, Location, Outcome, Place, Safety, Severity};
use lumen_core::managed::FieldManager;
use lumen_core::object::ObjectRef;
use lumen_value::Pointer;
use lumen_value::edit;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::output::escape::Escaped;
use crate::output::rules::Rules;
use crate::report::{self, Drift, Region, Reported};

/// The value of `schema` in a report.
pub(super) const REPORT_SCHEMA: &str = "lumen.report/v1";
/// The value of `schema` in a finding.
pub(super) const FINDING_SCHEMA: &str = "lumen.finding/v1";

/// What one call of lumen found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.report/v1", deny_unknown_fields)]
pub(super) struct Report<'a> {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = REPORT_SCHEMA))]
    schema: &'static str,
    /// The findings, sorted by file, place and rule.
    #[schemars(with = "Vec<Finding<'a>>")]
    findings: Findings<'a>,
    /// What was done, in numbers.
    summary: Summary,
    /// What was looked at, where that is a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Scanned")]
    scanned: Option<Scanned>,
}

/// What a scan of a cluster looked at.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Scanned {
    /// How many kinds of objects were read.
    kinds: usize,
    /// How much could not be read: each is a finding of `input/unread-kind`.
    unread: usize,
}

/// The findings, each made when it is written: together they take more room than the report.
#[derive(Debug)]
struct Findings<'a>(&'a report::Report);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rules = Rules::of(self.0);
        serializer.collect_seq(self.0.findings.iter().map(|each| Finding::of(each, &rules)))
    }
}

/// One thing that a layer of defence says about the inputs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.finding/v1", deny_unknown_fields)]
pub(super) struct Finding<'a> {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = FINDING_SCHEMA))]
    schema: &'static str,
    /// The rule: `layer/name`. It never changes once released.
    rule: String,
    /// The layer of defence; `posture` for the layers together, `input` for what could not be read.
    #[schemars(extend("enum" = words(Layer::ALL, Layer::as_str)))]
    layer: &'static str,
    /// What the rule concluded. What is unknown is never `pass`.
    #[schemars(extend("enum" = words(Outcome::ALL, Outcome::as_str)))]
    outcome: &'static str,
    /// What enforcement would do: `deny` (the object is rejected), `deny-pods` (the object, a controller, is admitted and
    /// its pods are rejected), `warn`, `dryrun` (it is recorded), `none` (advice).
    #[schemars(extend("enum" = words(Action::ALL, Action::as_str)))]
    action: &'static str,
    /// How bad it is, whatever enforcement does.
    #[schemars(extend("enum" = words(Severity::ALL, Severity::as_str)))]
    severity: &'static str,
    /// One sentence for people.
    message: &'a str,
    /// The exact text that the API server would print, where it prints one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'a str")]
    upstream_message: Option<&'a str>,
    /// The object it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Object<'a>")]
    object: Option<Object<'a>>,
    /// Where it stands. Of an object in a cluster: the manifest that describes it, where one is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Source<'a>")]
    source: Option<Source<'a>>,
    /// The place in the object as it is in the cluster, where it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Live<'a>")]
    live: Option<Live<'a>>,
    /// Other places that explain it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Related<'a>>,
    /// The policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Policy<'a>")]
    policy: Option<Policy<'a>>,
    /// A mechanical change that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Fix<'a>")]
    fix: Option<Fix<'a>>,
    /// How to mend it, where the policy says so; that of a built-in rule is in `lumen explain RULE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'a str")]
    remedy: Option<&'a str>,
    /// Where the rule is specified: URLs.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    references: &'a [&'a str],
}

/// A Kubernetes object.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Object<'a> {
    /// Group and version.
    api_version: &'a str,
    /// Kind.
    kind: &'a str,
    /// Namespace, where the manifest names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'a str")]
    namespace: Option<&'a str>,
    /// Name; the prefix and a `*` for an object with `generateName` alone.
    name: &'a str,
}

/// A place in an input. Lines and columns count from 1, columns in characters; the end is behind the last character.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Source<'a> {
    /// The input: a path as it was given or found, or `<stdin>`.
    file: &'a str,
    /// First line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    line: Option<usize>,
    /// First column.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    column: Option<usize>,
    /// Last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    end_line: Option<usize>,
    /// The column behind the last character.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    end_column: Option<usize>,
    /// JSON pointer (RFC 6901) into the document. A field that is missing may be meant: then the lines are those of the
    /// deepest value on the way to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    path: Option<String>,
}

/// A place in an object of a cluster.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Live<'a> {
    /// JSON pointer (RFC 6901) into the object. A field that is missing may be meant.
    path: String,
    /// Who manages the field, by `metadata.managedFields`; where it is missing or nobody does, who manages the nearest one
    /// above it that somebody manages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    managers: Vec<Manager<'a>>,
    /// The field that they manage, where it is not this one but one above it: a JSON pointer, empty for the whole object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    managed_path: Option<String>,
    /// What the manifests say of the field, where there are manifests: `same`, `differs`, `live-only` (the manifest does not
    /// say it), `not-in-source` (no manifest describes the object).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'a str", extend("enum" = words(Drift::ALL, Drift::as_str)))]
    drift: Option<&'static str>,
}

/// Who manages a field.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Manager<'a> {
    /// Its name, such as `kubectl-client-side-apply`.
    name: &'a str,
    /// `Apply` or `Update`.
    operation: &'a str,
    /// The subresource that it writes, such as `status`.
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'a str,
}

/// A place that explains a finding.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Related<'a> {
    /// The place.
    source: Source<'a>,
    /// What is to be seen there.
    label: &'a str,
}

/// A policy: the object that holds it, and the rule in it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Policy<'a> {
    /// Group and version of the object that holds the policy.
    api_version: &'a str,
    /// Its kind.
    kind: &'a str,
    /// Its namespace, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'a str")]
    namespace: Option<&'a str>,
    /// Its name.
    name: &'a str,
    /// The rule in it, such as `enforce=restricted:latest`.
    rule: &'a str,
}

/// A mechanical change that mends a finding.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Fix<'a> {
    /// What it does.
    title: &'a str,
    /// `safe`: hardly any program notices. `unsafe`: it takes something away that the program may need.
    #[schemars(extend("enum" = ["safe", "unsafe"]))]
    safety: &'static str,
    /// The changes of the finding's document: all are made, or none.
    edits: Vec<Edit>,
}

/// A change of a document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
#[schemars(deny_unknown_fields)]
enum Edit {
    /// Makes the field hold the value; fields on the way that are missing are made.
    Set {
        /// JSON pointer to the field.
        path: String,
        /// The value.
        value: serde_json::Value,
    },
    /// Takes the field, or the element, away.
    Remove {
        /// JSON pointer to the field.
        path: String,
    },
}

/// What was done, in numbers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Summary {
    /// Inputs read.
    files: usize,
    /// Documents in them.
    documents: usize,
    /// Kubernetes objects among those.
    objects: usize,
    /// Workloads among those.
    workloads: usize,
    /// Inputs or documents that are no manifests and were left alone.
    skipped: usize,
    /// Findings silenced by an exemption, or known from the baseline.
    silenced: usize,
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|&each| word(each)).collect()
}

impl<'a> Report<'a> {
    fn of(report: &'a report::Report) -> Self {
        let scanned = report.scanned.map(|report::Scanned { kinds, unread, .. }| Scanned { kinds, unread });
        Self {
            schema: REPORT_SCHEMA,
            findings: Findings(report),
            summary: Summary::of(report.summary),
            scanned,
        }
    }
}

impl<'a> Finding<'a> {
    pub(super) fn of(reported: &'a Reported, rules: &Rules<'a>) -> Self {
        let finding = &reported.finding;
        let source = |(location, region)| Source::of(location, region);
        Self {
            schema: FINDING_SCHEMA,
            rule: finding.rule.to_string(),
            layer: finding.rule.layer.as_str(),
            outcome: finding.outcome.as_str(),
            action: finding.action.as_str(),
            severity: finding.severity.as_str(),
            message: &finding.message,
            upstream_message: finding.upstream_message.as_deref(),
            object: finding.object.as_deref().map(Object::of),
            source: reported.in_text().map(|location| source((location, reported.region.as_ref()))),
            live: reported.live.as_ref().map(Live::of),
            related: reported
                .places()
                .map(|(related, region)| Related {
                    source: source((&related.location, region)),
                    label: &related.label,
                })
                .collect(),
            policy: finding.policy.as_ref().map(|policy| Policy {
                api_version: &policy.object.api_version,
                kind: &policy.object.kind,
                namespace: policy.object.namespace.as_deref(),
                name: &policy.object.name,
                rule: &policy.rule,
            }),
            fix: finding.fix.as_ref().map(Fix::of),
            remedy: rules.remedy(&finding.rule),
            references: rules.get(&finding.rule).map_or(&[], |rule| rule.references),
        }
    }
}

impl<'a> Object<'a> {
    fn of(object: &'a ObjectRef) -> Self {
        Self {
            api_version: &object.api_version,
            kind: &object.kind,
            namespace: object.namespace.as_deref(),
            name: &object.name,
        }
    }
}

impl<'a> Source<'a> {
    fn of(location: &'a Location, region: Option<&Region>) -> Self {
        Self {
            file: &location.source,
            line: region.map(|region| region.line),
            column: region.map(|region| region.column),
            end_line: region.map(|region| region.end_line),
            end_column: region.map(|region| region.end_column),
            path: match &location.place {
                Place::Field { pointer, .. } | Place::Inside { pointer, .. } => Some(pointer.to_string()),
                Place::Whole | Place::Byte(_) => None,
            },
        }
    }
}

impl<'a> Live<'a> {
    fn of(live: &'a report::Live) -> Self {
        let steps = live.at.steps();
        let above = steps.iter().take(steps.len().saturating_sub(live.owners.above)).cloned();
        let managed: Pointer = above.collect();
        let is_above = live.owners.above > 0 && !live.owners.managers.is_empty();
        Self {
            path: live.at.to_string(),
            managers: live.owners.managers.iter().map(Manager::of).collect(),
            managed_path: is_above.then(|| managed.to_string()),
            drift: live.drift.map(Drift::as_str),
        }
    }
}

impl<'a> Manager<'a> {
    fn of(manager: &'a FieldManager) -> Self {
        Self { name: &manager.name, operation: &manager.operation, subresource: &manager.subresource }
    }
}

impl<'a> Fix<'a> {
    fn of(fix: &'a finding::Fix) -> Self {
        Self {
            title: &fix.title,
            safety: match fix.safety {
                Safety::Safe => "safe",
                Safety::Unsafe => "unsafe",
            },
            edits: fix.edits.iter().map(Edit::of).collect(),
        }
    }
}

impl Edit {
    fn of(edit: &edit::Edit) -> Self {
        match edit {
            edit::Edit::Set(pointer, value) => {
                let text = value.to_string();
                Self::Set {
                    path: pointer.to_string(),
                    // What JSON readers refuse (numbers without bound) is passed on as its text.
                    value: serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)),
                }
            }
            edit::Edit::Remove(pointer) => Self::Remove { path: pointer.to_string() },
        }
    }
}

impl Summary {
    fn of(summary: report::Summary) -> Self {
        let report::Summary { files, documents, objects, workloads, skipped, silenced } = summary;
        Self { files, documents, objects, workloads, skipped, silenced }
    }
}

/// Writes the report on one line.
pub(super) fn write(report: &report::Report, out: &mut dyn io::Write) -> io::Result<()> {
    write_value(&Report::of(report), out)
}

/// Writes a value as one line of JSON.
pub(crate) fn write_value(value: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Escaped);
    value.serialize(&mut serializer)?;
    writeln!(out)
}

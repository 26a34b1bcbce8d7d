//! How a [`Snapshot`] is made of documents.

use std::cmp::Ordering;
use std::sync::Arc;

use lumen_value::{Object, Pointer, Value, pointer};

use super::{Entry, NAMESPACE_VARIANTS_MAX, NamespaceVariant, Options, Skipped, Snapshot, SourceDocument};
use crate::finding::{Action, Finding, Location, Outcome, Place, Related, Severity};
use crate::input::{self, rules};
use crate::object::classify::{Classified, classify};
use crate::object::identity::{current_group, effective_namespace};
use crate::object::kinds::Kinds;
use crate::object::shape::{Mistake, mistakes};
use crate::object::{Identity, NAMESPACE_NAME_LABEL, ObjectRef, Workload, WorkloadKind, labels, text};

/// Deepest nesting of lists in lists. Upstream's tools write none at all.
const LIST_DEPTH_MAX: usize = 8;

/// One manifest, and where it stands.
struct Manifest {
    value: Value,
    location: Location,
}

pub(super) fn build(mut documents: Vec<SourceDocument>, options: &Options) -> (Snapshot, Vec<Finding>) {
    documents.sort_by(order);
    // The same document given twice is one.
    documents.dedup_by(|a, b| order(a, b) == Ordering::Equal);
    let mut snapshot = Snapshot { options: options.clone(), ..Snapshot::default() };
    let mut findings = Vec::new();
    let mut manifests = Vec::new();
    for document in documents {
        sort_out(document, &mut snapshot, &mut manifests, &mut findings);
    }
    manifests.sort_by(|a, b| a.location.cmp(&b.location));
    let mut kinds = Kinds::default();
    for manifest in &manifests {
        kinds.learn(&manifest.value);
    }
    for manifest in manifests {
        let entry = Arc::new(entry(manifest, &kinds, options, &mut findings));
        findings.extend(record_namespace(&mut snapshot, &entry));
        record(&mut snapshot, entry);
    }
    snapshot.kinds = kinds;
    findings.extend(duplicates(&snapshot));
    findings.sort_by(|a, b| (&a.location, &a.rule, &a.message).cmp(&(&b.location, &b.rule, &b.message)));
    (snapshot, findings)
}

/// By where a document stands; by what it says only where two stand in one place.
fn order(a: &SourceDocument, b: &SourceDocument) -> Ordering {
    (&a.source, a.index).cmp(&(&b.source, b.index)).then_with(|| a.value.cmp(&b.value))
}

/// Takes a document apart: its manifests, what it is instead, or what is wrong with it.
fn sort_out(
    document: SourceDocument,
    snapshot: &mut Snapshot,
    manifests: &mut Vec<Manifest>,
    findings: &mut Vec<Finding>,
) {
    let locate = |pointer| Location {
        source: document.source.clone(),
        place: Place::Field { document: document.index, pointer },
    };
    // Lists in lists are taken from a stack of our own, the first item on top, so that all keep their order.
    let mut pending = vec![(document.value, Pointer::ROOT, 0)];
    while let Some((value, at, depth)) = pending.pop() {
        let location = locate(at.clone());
        match classify(&document.source, &value) {
            Classified::Manifest => manifests.push(Manifest { value, location }),
            Classified::List if depth >= LIST_DEPTH_MAX => {
                let message =
                    format!("lists nest deeper than {LIST_DEPTH_MAX}: what is in this one is not judged");
                findings.push(input::finding(&rules::MALFORMED_OBJECT, message, Some(location)));
            }
            Classified::List => match items(&value, &at) {
                Ok(items) => pending.extend(items.into_iter().rev().map(|(item, at)| (item, at, depth + 1))),
                Err(message) => {
                    findings.push(malformed(message, location, None, Action::Deny));
                }
            },
            Classified::Malformed { at: further, message } => {
                let location = locate(at.join(&further));
                findings.push(malformed(message, location, None, Action::Deny));
            }
            Classified::Empty if depth == 0 => snapshot.documents_empty += 1,
            Classified::NotManifest(what) if depth == 0 => snapshot.skipped.push(Skipped { location, what }),
            Classified::Empty | Classified::NotManifest(_) => {
                let message = format!(
                    "an item of a list must be an object with an `apiVersion` and a `kind`, not {}",
                    described(&value)
                );
                findings.push(malformed(message, location, None, Action::Deny));
            }
        }
    }
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "one without them",
        other => other.kind(),
    }
}

/// The items of a list, each with its place. An item of a typed list may leave out what the list says.
fn items(list: &Value, at: &Pointer) -> Result<Vec<(Value, Pointer)>, String> {
    let items = match list.get("items") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => {
            return Err(format!("`items` must be a list, not a value of type {}", other.kind()));
        }
    };
    let item_kind = text(list, "kind").strip_suffix("List").unwrap_or_default();
    let at = at.join(&pointer!["items"]);
    let typed = |item: &Value| match item {
        Value::Object(fields) if !item_kind.is_empty() => Value::Object(with_default(
            &with_default(fields, "kind", item_kind),
            "apiVersion",
            text(list, "apiVersion"),
        )),
        other => other.clone(),
    };
    Ok(items.iter().enumerate().map(|(index, item)| (typed(item), at.child(index))).collect())
}

fn with_default(fields: &Object, key: &str, default: &str) -> Object {
    match fields.get(key) {
        None | Some(Value::Null) => fields.with(key, default),
        Some(_) => fields.clone(),
    }
}

/// The entry of a manifest; what is malformed in it is added to the findings.
fn entry(manifest: Manifest, kinds: &Kinds, options: &Options, findings: &mut Vec<Finding>) -> Entry {
    let Manifest { value, location } = manifest;
    let object = Arc::new(ObjectRef::of(&value));
    let is_workload = Workload::of(&value).is_some();
    let namespace = effective_namespace(&object, is_workload, kinds, &options.default_namespace);
    let mistakes = mistakes(&value);
    let entry = Entry {
        identity: Identity::of(&object, namespace.clone()),
        object,
        namespace,
        value,
        location,
        malformed: !mistakes.is_empty(),
    };
    if entry.malformed {
        let workload = entry.workload();
        for mistake in mistakes {
            let action = refusal(workload.as_ref(), &mistake);
            let location = entry.locate(&mistake.at);
            findings.push(malformed(mistake.message, location, Some(entry.object.clone()), action));
        }
    }
    entry
}

/// Who refuses a mistake: the API server the object; in the pod template of a custom kind, whose schema is not known,
/// at the latest the pods that are made of it.
fn refusal(workload: Option<&Workload<'_>>, mistake: &Mistake) -> Action {
    let custom = workload.filter(|workload| workload.kind == WorkloadKind::Custom);
    let in_template =
        custom.is_some_and(|workload| workload.pods.iter().any(|pod| mistake.at.is_within(&pod.at)));
    if in_template { Action::DenyPods } else { Action::Deny }
}

fn malformed(message: String, location: Location, object: Option<Arc<ObjectRef>>, action: Action) -> Finding {
    Finding { action, object, ..input::finding(&rules::MALFORMED_OBJECT, message, Some(location)) }
}

/// Puts an entry where it can be looked up.
fn record(snapshot: &mut Snapshot, entry: Arc<Entry>) {
    if let Some(identity) = &entry.identity {
        snapshot.by_identity.entry(identity.clone()).or_default().push(entry.clone());
    }
    let group = current_group(entry.object.group(), &entry.object.kind);
    let of_group = snapshot.by_kind.entry(group.into()).or_default();
    of_group.entry(entry.object.kind.clone()).or_default().push(entry.clone());
    snapshot.entries.push(entry);
}

/// Keeps the labels of a Namespace; a finding where it has more different ones than are kept.
fn record_namespace(snapshot: &mut Snapshot, entry: &Arc<Entry>) -> Option<Finding> {
    let identity = entry.identity.as_ref().filter(|_| entry.is_namespace())?;
    let labels = namespace_labels(&entry.value, &identity.name);
    let variants = snapshot.namespaces.entry(identity.name.clone()).or_default();
    if variants.iter().any(|known| known.labels == labels) {
        return None;
    }
    if variants.len() < NAMESPACE_VARIANTS_MAX {
        variants.push(NamespaceVariant { labels, entry: entry.clone() });
        return None;
    }
    let message = format!(
        "`{identity}` is described with more than {NAMESPACE_VARIANTS_MAX} different sets of labels: these are not judged"
    );
    Some(Finding {
        severity: Severity::High,
        outcome: Outcome::Error,
        object: Some(entry.object.clone()),
        ..input::finding(&rules::DUPLICATE_OBJECT, message, Some(entry.location.clone()))
    })
}

fn namespace_labels(manifest: &Value, name: &str) -> Value {
    let given = labels(manifest).as_object().cloned().unwrap_or_default();
    Value::Object(given.with(NAMESPACE_NAME_LABEL, name))
}

/// A finding for every manifest but the first of an object. Where all say the same, nothing is lost by it.
fn duplicates(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (identity, entries) in snapshot.duplicates() {
        let Some((first, others)) = entries.split_first() else {
            continue;
        };
        for entry in others {
            let same = entry.value == first.value;
            let difference = if same { "the same" } else { "another" };
            let message = format!(
                "`{identity}` is described more than once: {difference} manifest of it stands in `{}`",
                first.location.source
            );
            findings.push(Finding {
                severity: if same { Severity::Info } else { Severity::Low },
                object: Some(entry.object.clone()),
                related: vec![Related {
                    location: first.location.clone(),
                    label: "first described here".to_owned(),
                    is_step: false,
                }],
                ..input::finding(&rules::DUPLICATE_OBJECT, message, Some(entry.location.clone()))
            });
        }
    }
    findings
}

//! [`Policy`]: a template, a constraint or another object that goes into the policy set; and the [`Builder`] of the set.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lumen_core::admission::constraint::GROUP as CONSTRAINTS;
use lumen_core::admission::{Compiled, PolicyOptions, PolicySet, is_constraint, is_template};
use lumen_core::finding::{Action, Finding, Location, Outcome, Place as FindingPlace};
use lumen_core::object::{Identity, ObjectRef};
use lumen_core::snapshot::Entry;
use lumen_value::{Pointer, Value};

use super::text;

/// An object that goes into the policy set, and what the API server says beside it.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// What decides: the object without its status, and without what changes with every write.
    pub(super) entry: Arc<Entry>,
    /// Which object of its name it is.
    pub(super) uid: String,
    /// Which state of it.
    pub(super) generation: i64,
    /// The state with the status.
    pub(super) resource_version: String,
    /// What the pods say of it; null where none does.
    pub(super) by_pod: Value,
    /// Whether its status says that it was created.
    pub(super) is_created: bool,
    /// Whether it is being deleted.
    pub(super) is_going: bool,
    /// Whether its status was found to say what it should.
    pub(super) is_settled: bool,
}

impl Policy {
    /// What an object is now. What decides stays the very same entry where it says the same.
    pub(super) fn of(object: &Value, before: Option<&Self>) -> Self {
        let metadata = object.get("metadata").unwrap_or(&Value::Null);
        let status = object.get("status").unwrap_or(&Value::Null);
        let decides = without_status(object);
        let entry = match before {
            Some(before) if before.entry.value == decides => before.entry.clone(),
            _ => Arc::new(entry_of(decides)),
        };
        Self {
            entry,
            uid: text(metadata, "uid").to_owned(),
            generation: metadata.get("generation").and_then(Value::as_i64).unwrap_or_default(),
            resource_version: text(metadata, "resourceVersion").to_owned(),
            by_pod: status.get("byPod").cloned().unwrap_or_default(),
            is_created: status.get("created").and_then(Value::as_bool).unwrap_or_default(),
            is_going: metadata.get("deletionTimestamp").is_some_and(|time| !time.is_null()),
            is_settled: false,
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.entry.object.name
    }

    pub(super) fn key(&self) -> Key {
        (self.entry.object.kind.clone(), self.name().clone())
    }
}

/// Kind and name.
pub(super) type Key = (Arc<str>, Arc<str>);

fn without_status(object: &Value) -> Value {
    let Some(fields) = object.as_object() else { return object.clone() };
    let mut fields = fields.without("status");
    if let Some(Value::Object(metadata)) = fields.get("metadata") {
        let metadata = metadata.without("managedFields").without("resourceVersion");
        fields = fields.with("metadata", metadata);
    }
    fields.into()
}

/// The entry of an object of the API server. Its place is told by what the object is called there.
pub(super) fn entry_of(value: Value) -> Entry {
    let object = Arc::new(ObjectRef::of(&value));
    let namespace = object.namespace.clone();
    let place = FindingPlace::Field { document: 0, pointer: Pointer::ROOT };
    Entry {
        identity: Identity::of(&object, namespace.clone()),
        location: Location { source: object.to_string().into(), place },
        object,
        namespace,
        value,
        malformed: false,
    }
}

/// The entry of a policy: the object without its status, and without what changes with every write.
pub(super) fn decisive_entry(object: &Value) -> Entry {
    entry_of(without_status(object))
}

/// What is wrong with a policy, as its status says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PolicyError {
    /// A word for programs: upstream's (`pkg/controller/constrainttemplate/constants.go`), and empty for constraints.
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Where in its text.
    pub(super) location: String,
}

/// The names and documents could not be used.
pub(super) const CREATE_ERROR: &str = "create_error";
/// The code could not be used.
const INGEST_ERROR: &str = "ingest_error";
/// The kind that it needs to be synced is not.
pub(super) const SYNC_ERROR: &str = "sync_error";

impl PolicyError {
    fn of(finding: &Finding) -> Self {
        let message = finding.upstream_message.as_deref().unwrap_or(&finding.message);
        let is_template = finding.object.as_ref().is_some_and(|object| &*object.kind == "ConstraintTemplate");
        // What the webhook lets through is code that does not compile.
        let (code, message) = match (is_template, finding.action) {
            (true, Action::None) => (INGEST_ERROR, format!("Could not ingest Rego: {message}")),
            (true, _) => (CREATE_ERROR, message.to_owned()),
            // Of constraints upstream gives no code (`pkg/controller/constraint/constraint_controller.go`).
            (false, _) if finding.outcome == Outcome::Error => {
                ("", format!("could not cache constraint: {message}"))
            }
            (false, _) => ("", format!("could not validate enforcement actions: {message}")),
        };
        let location = match finding.location.as_ref().map(|location| &location.place) {
            Some(FindingPlace::Inside { pointer, row, column, .. }) => format!("{pointer}:{row}:{column}"),
            Some(FindingPlace::Field { pointer, .. }) => pointer.to_string(),
            _ => String::new(),
        };
        Self { code, message, location }
    }
}

/// A policy set, and what came of the policies.
#[derive(Debug)]
pub(super) struct Built {
    /// `None` where building it failed in a way that must not happen.
    pub(super) set: Option<Arc<PolicySet>>,
    /// What is wrong with policies, by kind and name.
    pub(super) errors: BTreeMap<Key, Vec<PolicyError>>,
    pub(super) took: Duration,
    /// The templates that were compiled for it: whether each could be used, and how long it took.
    pub(super) ingested: Vec<(bool, Duration)>,
}

/// Builds policy sets, each with what the one before leaves.
#[derive(Debug, Default)]
pub(super) struct Builder {
    compiled: Compiled,
    /// The last state of each template that could be used.
    sound: BTreeMap<Arc<str>, Arc<Entry>>,
}

impl Builder {
    /// Builds the set of some policies. As upstream, a template that can no longer be used stays in use as it was
    /// (frameworks/constraint `pkg/client/client.go`, `AddTemplate`).
    pub(super) fn build(&mut self, entries: Vec<Arc<Entry>>) -> Built {
        let began = Instant::now();
        let options = PolicyOptions::default();
        let mut errors: BTreeMap<Key, Vec<PolicyError>> = BTreeMap::new();
        let mut note = |finding: &Finding| {
            let Some(object) = &finding.object else { return };
            // What is wrong with a template that is used all the same is for its author alone.
            let is_told = match finding.outcome {
                Outcome::Error => true,
                Outcome::Fail => object.group() == CONSTRAINTS,
                _ => false,
            };
            if !is_told {
                return;
            }
            let key = (object.kind.clone(), object.name.clone());
            errors.entry(key).or_default().push(PolicyError::of(finding));
        };
        let mut sound: BTreeMap<Arc<str>, Arc<Entry>> = BTreeMap::new();
        let mut ingested = Vec::new();
        let mut used: Vec<Arc<Entry>> = Vec::with_capacity(entries.len());
        for entry in entries {
            if !is_template(&entry) {
                used.push(entry);
                continue;
            }
            let name = entry.object.name.clone();
            let (is_known, compiling) = (self.compiled.knows_template(&entry), Instant::now());
            let faults = self.compiled.faults_of_template(&entry, options);
            if !is_known {
                ingested.push((faults.is_empty(), compiling.elapsed()));
            }
            if faults.is_empty() {
                sound.insert(name, entry.clone());
                used.push(entry);
                continue;
            }
            faults.iter().for_each(&mut note);
            if let Some(before) = self.sound.get(&name) {
                sound.insert(name, before.clone());
                used.push(before.clone());
            }
        }
        self.sound = sound;
        let (set, findings) = PolicySet::recompile(&used, options, &mut self.compiled);
        findings.iter().for_each(&mut note);
        Built { set: Some(Arc::new(set)), errors, took: began.elapsed(), ingested }
    }
}

/// Whether a key is that of a constraint or a template: those whose status this program writes.
pub(super) fn has_status(entry: &Entry) -> bool {
    is_template(entry) || is_constraint(entry)
}

impl Built {
    /// What is told where building failed.
    pub(super) fn failed() -> Self {
        Self { set: None, errors: BTreeMap::new(), took: Duration::from_secs(1), ingested: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use lumen_value::read::{Limits, read};

    use super::*;

    fn entries(text: &str) -> Vec<Arc<Entry>> {
        let documents = read(text.as_bytes(), &Limits::default()).documents.into_iter();
        documents.map(|document| Arc::new(entry_of(document.value))).collect()
    }

    fn template(body: &str) -> Arc<Entry> {
        let text = format!(
            "{{apiVersion: templates.gatekeeper.sh/v1, kind: ConstraintTemplate, metadata: {{name: k}}, spec: {{crd: {{spec: {{names: {{kind: K}}}}}}, targets: [{{target: admission.k8s.gatekeeper.sh, rego: 'package k\n\nviolation[{{\"msg\": \"m\"}}] {{ {body} }}'}}]}}}}"
        );
        entries(&text).remove(0)
    }

    fn constraint(spec: &str) -> Arc<Entry> {
        let text = format!(
            "{{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: K, metadata: {{name: c}}, spec: {spec}}}"
        );
        entries(&text).remove(0)
    }

    fn told(built: &Built) -> Vec<(&str, String)> {
        let errors = built.errors.values().flatten();
        errors.map(|error| (error.code, error.message.chars().take(40).collect())).collect()
    }

    #[test]
    fn a_template_that_breaks_stays_in_use_as_it_was() {
        let mut builder = Builder::default();
        let constraint = constraint("{}");
        let used = |built: &Built| built.set.as_ref().map(|set| set.constraints().len());
        let built = builder.build(vec![template("true"), constraint.clone()]);
        assert_eq!((used(&built), told(&built)), (Some(1), vec![]));
        let built = builder.build(vec![template("nonsense("), constraint.clone()]);
        assert_eq!(used(&built), Some(1));
        assert!(
            told(&built)[0].0 == INGEST_ERROR && told(&built)[0].1.starts_with("Could not ingest Rego: ")
        );
        // Deleted, and broken from the start: there is nothing to stay in use.
        builder.build(vec![constraint.clone()]);
        let built = builder.build(vec![template("nonsense("), constraint]);
        assert_eq!(used(&built), Some(0));
        assert_eq!(told(&built).len(), 2);
    }

    #[test]
    fn a_constraint_says_what_is_wrong_with_it() {
        let mut builder = Builder::default();
        let built = builder.build(vec![template("true"), constraint("{enforcementAction: shout}")]);
        let (code, message) = &told(&built)[0];
        assert_eq!((*code, message.as_str()), ("", "could not validate enforcement actions: "));
        let built = builder.build(vec![template("true"), constraint("{unknown: 1}")]);
        assert!(told(&built)[0].1.starts_with("could not cache constraint: "), "{:?}", told(&built));
    }
}

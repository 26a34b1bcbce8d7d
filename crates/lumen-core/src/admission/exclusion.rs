//! [`Exclusions`]: the namespaces that Gatekeeper leaves alone, as its `Config` says
//! (gatekeeper `pkg/controller/config/process`).

use lumen_value::{Value, pointer};

use super::decode::{Cursor, TypeError};
use super::fault::Fault;
use super::matching::{Glob, group_and_kind};
use crate::object::{field, label, labels, text};
use crate::snapshot::Entry;

/// The API group of Gatekeeper's configuration.
pub const GROUP: &str = "config.gatekeeper.sh";

/// The one name that a `Config` may have.
const NAME: &str = "config";

/// The label of a Namespace about whose objects the API server does not ask Gatekeeper.
pub const IGNORE_LABEL: &str = "admission.gatekeeper.sh/ignore";

/// A part of Gatekeeper that namespaces can be excluded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// The webhook that judges.
    Webhook,
    /// The webhook that mutates.
    Mutation,
    /// What makes `data.inventory` of the cluster's objects.
    Sync,
    /// The audit.
    Audit,
}

impl Process {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Mutation => "mutation-webhook",
            Self::Sync => "sync",
            Self::Audit => "audit",
        }
    }
}

/// What the `Config`s of a policy set exclude. Which of several will be in the cluster is not known: what they do not all exclude is
/// not excluded.
#[derive(Clone, Debug, Default)]
pub struct Exclusions(Vec<Vec<MatchEntry>>);

/// Some namespaces, and what they are excluded from.
#[derive(Clone, Debug)]
struct MatchEntry {
    processes: Vec<String>,
    namespaces: Vec<Glob>,
}

impl MatchEntry {
    fn excludes(&self, name: &str, process: Process) -> bool {
        self.processes.iter().any(|word| word == "*" || word == process.as_str())
            && self.namespaces.iter().any(|glob| glob.matches(name))
    }
}

/// Whether an object is Gatekeeper's configuration.
pub fn is_config(entry: &Entry) -> bool {
    entry.object.group() == GROUP && &*entry.object.kind == "Config"
}

/// Whether a Namespace has the label that keeps Gatekeeper out.
pub fn is_ignored(namespace: &Value) -> bool {
    label(labels(namespace), IGNORE_LABEL).is_some()
}

impl Exclusions {
    /// Adds a `Config`; what is wrong with it, where it is not heeded.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), Vec<Fault>> {
        if &*entry.object.name != NAME {
            let message = "Gatekeeper heeds no `Config` of another name than `config`";
            let upstream = Some("config resource must have name 'config'".to_owned());
            return Err(vec![Fault { upstream, ..Fault::new(pointer!["metadata", "name"], message) }]);
        }
        let spec = Cursor::exact(&entry.value).inner("spec")?;
        let read = |each: &Cursor<'_>| {
            Ok(MatchEntry {
                processes: each.texts("processes")?,
                namespaces: each.texts("excludedNamespaces")?.iter().map(|glob| Glob::new(glob)).collect(),
            })
        };
        self.0.push(spec.list("match")?.iter().map(read).collect::<Result<_, TypeError>>()?);
        Ok(())
    }

    /// Whether what is in a namespace is left alone.
    pub fn excludes_namespace(&self, name: &str, process: Process) -> bool {
        !self.0.is_empty()
            && self.0.iter().all(|config| config.iter().any(|entry| entry.excludes(name, process)))
    }

    /// Whether the object of a request is left alone: a Namespace by its own name, others by the one that they are in.
    pub fn excludes(&self, request: &Value, process: Process) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let object = match text(request, "operation") {
            "DELETE" => field(request, &["oldObject"]),
            _ => field(request, &["object"]),
        };
        let name = match group_and_kind(object) {
            ("", "Namespace") => text(field(object, &["metadata"]), "name"),
            _ => text(request, "namespace"),
        };
        self.excludes_namespace(name, process)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lumen_value::Pointer;
    use lumen_value::read::{Limits, read};

    use super::*;
    use crate::finding::{Location, Place};
    use crate::object::ObjectRef;

    fn value(text: &str) -> Value {
        let reading = read(text.as_bytes(), &Limits::default());
        reading.documents.into_iter().next().map(|document| document.value).unwrap_or_default()
    }

    fn config(name: &str, entries: &str) -> Entry {
        let value = value(&format!(
            "{{apiVersion: config.gatekeeper.sh/v1alpha1, kind: Config, metadata: {{name: {name}}}, spec: {{match: {entries}}}}}"
        ));
        let place = Place::Field { document: 0, pointer: Pointer::ROOT };
        Entry {
            object: Arc::new(ObjectRef::of(&value)),
            identity: None,
            namespace: None,
            value,
            location: Location { source: "config.yaml".into(), place },
            malformed: false,
        }
    }

    #[test]
    fn namespaces_are_excluded_by_name_and_process() {
        let mut exclusions = Exclusions::default();
        let entry = config(
            "config",
            "[{processes: [webhook], excludedNamespaces: ['kube-*']}, {processes: ['*'], excludedNamespaces: [shop]}]",
        );
        exclusions.add(&entry).expect("sound");
        let pod = |namespace: &str| {
            value(&format!("{{namespace: {namespace}, object: {{apiVersion: v1, kind: Pod}}}}"))
        };
        assert!(exclusions.excludes(&pod("kube-system"), Process::Webhook));
        assert!(!exclusions.excludes(&pod("kube-system"), Process::Mutation));
        assert!(exclusions.excludes(&pod("shop"), Process::Mutation));
        assert!(!exclusions.excludes(&pod("shop2"), Process::Webhook));
        let namespace = "{object: {apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}}";
        assert!(exclusions.excludes(&value(namespace), Process::Webhook));
        let deleted =
            "{operation: DELETE, namespace: shop, object: null, oldObject: {apiVersion: v1, kind: Pod}}";
        assert!(exclusions.excludes(&value(deleted), Process::Webhook));
        // Another overlay does not exclude it.
        exclusions.add(&config("config", "[]")).expect("sound");
        assert!(!exclusions.excludes(&pod("shop"), Process::Webhook));
    }

    #[test]
    fn what_is_not_heeded_is_told() {
        let mut exclusions = Exclusions::default();
        assert!(exclusions.add(&config("mine", "[]")).is_err());
        assert!(exclusions.add(&config("config", "[{processes: webhook}]")).is_err());
        assert!(!exclusions.excludes(&Value::Null, Process::Webhook));
    }
}

//! [`state_of`]: a state from manifests, for a webhook without a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::admission::PolicySet;
use lumen_core::exemption::{Exemption, read};
use lumen_core::finding::Place;
use lumen_core::object::{NAMESPACE_NAME_LABEL, SYSTEM_NAMESPACES};
use lumen_core::snapshot::Snapshot;
use lumen_value::{Pointer, Value};

use crate::state::State;

/// What manifests say: policies, what they see of other objects, Namespaces and Exemptions. An Exemption that cannot be read is not
/// honoured.
pub fn state_of(policies: Arc<PolicySet>, snapshot: &Snapshot) -> State {
    let mut namespaces: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for name in std::iter::once("default").chain(SYSTEM_NAMESPACES) {
        namespaces.insert(name.into(), named(name, &Value::Null));
    }
    for entry in snapshot.entries().iter().filter(|entry| entry.is_namespace()) {
        let name = &entry.object.name;
        namespaces.insert(name.clone(), named(name, &entry.value));
    }
    let exemptions: Vec<Exemption> = snapshot
        .entries()
        .iter()
        .filter(|entry| read::is_exemption(&entry.value))
        .filter_map(|entry| {
            let (document, at) = match &entry.location.place {
                Place::Field { document, pointer } | Place::Inside { document, pointer, .. } => {
                    (*document, pointer.clone())
                }
                Place::Whole | Place::Byte(_) => (0, Pointer::ROOT),
            };
            read::object(&entry.value, &entry.location.source, document, &at).ok()
        })
        .collect();
    State {
        policies,
        inventory: snapshot.inventory().clone(),
        namespaces: Arc::new(namespaces),
        exemptions: exemptions.into(),
        is_complete: true,
        ..State::default()
    }
}

/// A Namespace with the label that the API server sets.
fn named(name: &str, manifest: &Value) -> Value {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let metadata = object(manifest.get("metadata")).with("name", name);
    let labels = object(metadata.get("labels")).with(NAMESPACE_NAME_LABEL, name);
    object(Some(manifest))
        .with("apiVersion", "v1")
        .with("kind", "Namespace")
        .with("metadata", metadata.with("labels", labels))
        .into()
}

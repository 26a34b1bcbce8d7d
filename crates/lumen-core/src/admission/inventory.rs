//! [`Inventory`]: what policies see of the other objects, as `data.inventory` (gatekeeper `pkg/target/target.go`,
//! `processUnstructured`).

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_rego::eval::Data;
use lumen_value::{Object, Str, Value};

use crate::object::{field, text, version_of};
use crate::request::with_namespace;
use crate::snapshot::{Entry, Snapshot};

/// The objects by where they are: `cluster[groupVersion][kind][name]` and `namespace[namespace][groupVersion][kind][name]`.
/// They are shared with the snapshot, not copied.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    data: Data,
}

type Names = BTreeMap<Str, Value>;
type Kinds = BTreeMap<Str, Names>;
type Versions = BTreeMap<Str, Kinds>;

impl Inventory {
    /// The objects of a snapshot, where they land. One with a generated name is not there yet.
    pub fn of(snapshot: &Snapshot) -> Self {
        let landed = |entry: &Arc<Entry>| {
            let namespace = entry.namespace.as_deref();
            (namespace.map(Str::from), with_namespace(&entry.value, namespace))
        };
        let named = |entry: &&Arc<Entry>| entry.identity.is_some();
        Self::collect(snapshot.entries().iter().filter(named).map(landed))
    }

    /// Manifests as they are written: one without a namespace is in none, and one without a name has an empty one.
    pub fn of_manifests<'a>(manifests: impl IntoIterator<Item = &'a Value>) -> Self {
        let written = |manifest: &Value| {
            let namespace = text(field(manifest, &["metadata"]), "namespace");
            (!namespace.is_empty()).then(|| Str::from(namespace))
        };
        Self::collect(manifests.into_iter().map(|manifest| (written(manifest), manifest.clone())))
    }

    fn collect(objects: impl Iterator<Item = (Option<Str>, Value)>) -> Self {
        let mut cluster = Versions::new();
        let mut namespaces: BTreeMap<Str, Versions> = BTreeMap::new();
        for (namespace, manifest) in objects {
            let (api_version, kind) = (text(&manifest, "apiVersion"), text(&manifest, "kind"));
            let name = text(field(&manifest, &["metadata"]), "name");
            if kind.is_empty() || version_of(api_version).is_empty() {
                continue;
            }
            let versions = match namespace {
                None => &mut cluster,
                Some(namespace) => namespaces.entry(namespace).or_default(),
            };
            let kinds = versions.entry(api_version.into()).or_default();
            let name = Str::from(name);
            kinds.entry(kind.into()).or_default().insert(name, manifest);
        }
        let mut inventory = Vec::new();
        if !cluster.is_empty() {
            inventory.push((Value::from("cluster"), of_versions(cluster)));
        }
        if !namespaces.is_empty() {
            inventory.push((Value::from("namespace"), object(namespaces, of_versions)));
        }
        Self { data: Data::new([("inventory", Object::from(inventory).into())].into()) }
    }

    /// The document `data` that policies read.
    pub const fn data(&self) -> &Data {
        &self.data
    }
}

fn of_versions(versions: Versions) -> Value {
    object(versions, |kinds| object(kinds, |names| object(names, |manifest| manifest)))
}

fn object<T>(entries: BTreeMap<Str, T>, value: impl Fn(T) -> Value) -> Value {
    let entries = entries.into_iter().map(|(key, entry)| (Value::String(key), value(entry)));
    Value::Object(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Options, SourceDocument};

    #[test]
    fn objects_are_found_by_where_they_are() {
        let manifest = |kind: &str, metadata: Value| -> Value {
            [("apiVersion", "v1".into()), ("kind", kind.into()), ("metadata", metadata)].into()
        };
        let pod = manifest("Pod", [("name", "p".into())].into());
        let namespace = manifest("Namespace", [("name", "shop".into())].into());
        let documents =
            [pod.clone(), namespace].map(|value| SourceDocument { source: "a".into(), index: 0, value });
        let (snapshot, _) = Snapshot::build(documents, &Options::default());
        let landed = Inventory::of(&snapshot).data().root().to_json();
        assert!(landed.starts_with(r#"{"inventory":{"cluster":{"v1":{"Namespace":{"shop":"#), "{landed}");
        assert!(landed.contains(r#""namespace":{"default":{"v1":{"Pod":{"p":"#), "{landed}");
        let written = Inventory::of_manifests([&pod]).data().root().to_json();
        assert!(written.starts_with(r#"{"inventory":{"cluster":{"v1":{"Pod":{"p":"#), "{written}");
        assert_eq!(Inventory::of_manifests([]).data().root().to_json(), r#"{"inventory":{}}"#);
    }
}

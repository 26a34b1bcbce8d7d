//! Kubernetes objects: who they are ([`ObjectRef`], [`Identity`]) and what of them the layers look at ([`Workload`],
//! [`PodView`](pod::PodView)).

use std::fmt;
use std::sync::Arc;

use lumen_value::{Array, Value};

pub mod classify;
pub mod identity;
pub mod kinds;
pub mod kustomize;
pub mod pod;
pub mod shape;
pub mod workload;

pub use identity::Identity;
pub use workload::{Workload, WorkloadKind};

/// The label by which every namespace carries its name: the API server sets it (`NamespaceDefaultLabelName`).
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The namespace of the cluster's own components.
pub const KUBE_SYSTEM: &str = "kube-system";

/// Namespaces that every cluster has from its beginning, less `default`; most of what runs there is in nobody's manifests.
pub const SYSTEM_NAMESPACES: [&str; 3] = [KUBE_SYSTEM, "kube-public", "kube-node-lease"];

/// Stands for every field that is missing: Kubernetes reads a missing field and a null alike.
pub(crate) static NULL: Value = Value::Null;

/// What names an object for people: kind, namespace and name, as its manifest gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Group and version, such as `apps/v1`.
    pub api_version: Arc<str>,
    /// Kind, such as `Deployment`.
    pub kind: Arc<str>,
    /// Namespace; `None` where the manifest names none, be it a cluster-scoped object or one that lands in the
    /// default namespace.
    pub namespace: Option<Arc<str>>,
    /// Name; for an object with `generateName` alone, that prefix with a `*` behind it. Empty where there is neither.
    pub name: Arc<str>,
}

impl ObjectRef {
    /// What a manifest calls its object. Fields that are missing or of the wrong type count as empty.
    pub fn of(manifest: &Value) -> Self {
        let metadata = field(manifest, &["metadata"]);
        let name = match (text(metadata, "name"), text(metadata, "generateName")) {
            ("", "") => "".into(),
            ("", prefix) => format!("{prefix}*").into(),
            (name, _) => name.into(),
        };
        let namespace = Some(text(metadata, "namespace")).filter(|namespace| !namespace.is_empty());
        Self {
            api_version: text(manifest, "apiVersion").into(),
            kind: text(manifest, "kind").into(),
            namespace: namespace.map(Into::into),
            name,
        }
    }

    /// The API group: `apps` of `apps/v1`, and empty for the core group.
    pub fn group(&self) -> &str {
        group_of(&self.api_version)
    }
}

/// `namespace/Kind/name`, or `Kind/name` without a namespace.
impl fmt::Display for ObjectRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(out, "{namespace}/")?;
        }
        write!(out, "{}/{}", self.kind, self.name)
    }
}

/// The API group of an `apiVersion`; empty for the core group.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The version of an `apiVersion`: `v1` of `apps/v1`.
pub fn version_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or(api_version, |(_, version)| version)
}

/// The labels of a manifest: `metadata.labels`, null where there are none.
pub fn labels(manifest: &Value) -> &Value {
    field(manifest, &["metadata", "labels"])
}

/// The annotations of a manifest: `metadata.annotations`, null where there are none.
pub fn annotations(manifest: &Value) -> &Value {
    field(manifest, &["metadata", "annotations"])
}

/// The value of one label or annotation, where the key is there. A null counts as the empty string, as Kubernetes
/// decodes it; a value of any other type counts as missing, for the API server refuses the object.
pub fn label<'a>(labels: &'a Value, key: &str) -> Option<&'a str> {
    match labels.get(key)? {
        Value::Null => Some(""),
        value => value.as_str(),
    }
}

/// The value some keys further down; null where the way ends early.
pub fn field<'a>(value: &'a Value, keys: &[&str]) -> &'a Value {
    keys.iter().try_fold(value, |value, key| value.get(key)).unwrap_or(&NULL)
}

/// The text under a key; empty where it is missing or no string.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What is listed under a key; nothing where it is missing or no list.
pub fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flat_map(Array::iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(metadata: Value) -> String {
        let manifest = [("apiVersion", "v1".into()), ("kind", "Pod".into()), ("metadata", metadata)];
        ObjectRef::of(&manifest.into()).to_string()
    }

    #[test]
    fn an_object_is_named_as_its_manifest_names_it() {
        assert_eq!(named([("name", "a".into()), ("namespace", "b".into())].into()), "b/Pod/a");
        assert_eq!(named([("generateName", "a-".into())].into()), "Pod/a-*");
        assert_eq!(named([("generateName", "a-".into()), ("name", "x".into())].into()), "Pod/x");
        assert_eq!(named([("name", 1.into()), ("namespace", "".into())].into()), "Pod/");
        assert_eq!(named(Value::Null), "Pod/");
    }

    #[test]
    fn a_null_label_is_empty_and_a_number_is_none() {
        let labels: Value = [("a", Value::Null), ("b", 1.into()), ("c", "d".into())].into();
        assert_eq!(label(&labels, "a"), Some(""));
        assert_eq!(label(&labels, "b"), None);
        assert_eq!(label(&labels, "c"), Some("d"));
        assert_eq!(label(&labels, "e"), None);
    }
}

//! Kubernetes objects: who they are ([`ObjectRef`]) and what of them the layers look at.

use std::fmt;
use std::sync::Arc;

pub mod pod;

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

/// `namespace/Kind/name`, or `Kind/name` without a namespace.
impl fmt::Display for ObjectRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(out, "{namespace}/")?;
        }
        write!(out, "{}/{}", self.kind, self.name)
    }
}

//! [`Identity`]: when two manifests are about one object.

use std::fmt;
use std::sync::Arc;

use super::ObjectRef;
use super::kinds::{Kinds, Scope};

/// What one object of a cluster is known by. Two manifests are about the same object exactly where these are equal:
///
/// - The version does not matter: `apps/v1beta1` and `apps/v1` are two ways to see one object. So are the groups
///   that a kind has moved between, such as `extensions` and `apps`.
/// - In a namespaced kind an absent or empty namespace is the caller's default namespace.
/// - In a cluster-scoped kind a namespace is not part of it, even where the manifest gives one.
/// - A kind that nobody defines is taken for namespaced where its manifest names a namespace or carries the template of
///   a pod, for pods are; and else for cluster-scoped.
/// - An object with `generateName` alone has none: the server makes another object each time. Neither has one without
///   a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// API group; the newest that the kind has had, and empty for the core group.
    pub group: Arc<str>,
    /// Kind.
    pub kind: Arc<str>,
    /// Namespace; `None` for what is cluster-scoped.
    pub namespace: Option<Arc<str>>,
    /// Name.
    pub name: Arc<str>,
}

/// Kinds that were moved to another group: the old group, the kind, the new group.
static MOVED: &[(&str, &str, &str)] = &[
    ("", "Event", "events.k8s.io"),
    ("extensions", "DaemonSet", "apps"),
    ("extensions", "Deployment", "apps"),
    ("extensions", "Ingress", "networking.k8s.io"),
    ("extensions", "NetworkPolicy", "networking.k8s.io"),
    ("extensions", "PodSecurityPolicy", "policy"),
    ("extensions", "ReplicaSet", "apps"),
];

impl Identity {
    /// What the object of a manifest is known by, given where it lives ([`effective_namespace`]); `None` where it has
    /// no name of its own.
    pub fn of(object: &ObjectRef, namespace: Option<Arc<str>>) -> Option<Self> {
        if object.name.is_empty() || object.name.ends_with('*') {
            return None;
        }
        Some(Self {
            group: current_group(object.group(), &object.kind).into(),
            kind: object.kind.clone(),
            namespace,
            name: object.name.clone(),
        })
    }
}

/// `namespace/Kind/name`, with the group behind a dot where it is not the core group: `shop/Deployment.apps/web`.
impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(out, "{namespace}/")?;
        }
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(out, "{}{dot}{}/{}", self.kind, self.group, self.name)
    }
}

/// The group that a kind is in today.
pub fn current_group<'a>(group: &'a str, kind: &str) -> &'a str {
    let moved = MOVED.iter().find(|(old, moved, _)| *old == group && *moved == kind);
    moved.map_or(group, |(_, _, new)| new)
}

/// The namespace that an object lands in; `None` for what is cluster-scoped. See [`Identity`] for the rules.
pub fn effective_namespace(
    object: &ObjectRef,
    is_workload: bool,
    kinds: &Kinds,
    default: &Arc<str>,
) -> Option<Arc<str>> {
    match kinds.scope(object.group(), &object.kind) {
        Some(Scope::Cluster) => None,
        None if !is_workload => object.namespace.clone(),
        Some(Scope::Namespaced) | None => Some(object.namespace.as_ref().unwrap_or(default).clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Option<Identity> {
        let object = ObjectRef {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        };
        let namespace = effective_namespace(&object, false, &Kinds::default(), &"default".into());
        Identity::of(&object, namespace)
    }

    #[test]
    fn versions_and_moved_groups_are_one_object() {
        let today = identity("apps/v1", "Deployment", None, "web");
        assert!(today.is_some());
        for api_version in ["apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"] {
            assert_eq!(identity(api_version, "Deployment", Some("default"), "web"), today);
        }
        assert_ne!(identity("example.com/v1", "Deployment", Some("default"), "web"), today);
        assert_ne!(identity("apps/v1", "Deployment", Some("shop"), "web"), today);
    }

    #[test]
    fn a_cluster_scoped_object_has_no_namespace() {
        let role = identity("rbac.authorization.k8s.io/v1", "ClusterRole", Some("x"), "a");
        assert_eq!(role, identity("rbac.authorization.k8s.io/v1", "ClusterRole", None, "a"));
        assert_eq!(role.expect("it has a name").namespace, None);
    }

    #[test]
    fn what_is_generated_is_never_the_same() {
        assert_eq!(identity("v1", "Pod", None, "web-*"), None);
        assert_eq!(identity("v1", "Pod", None, ""), None);
    }

    #[test]
    fn an_identity_shows_its_group() {
        let shown =
            |api_version, kind| identity(api_version, kind, Some("n"), "a").expect("named").to_string();
        assert_eq!(shown("apps/v1", "Deployment"), "n/Deployment.apps/a");
        assert_eq!(shown("v1", "Pod"), "n/Pod/a");
    }
}

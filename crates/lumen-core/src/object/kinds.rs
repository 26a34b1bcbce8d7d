//! Which kinds there are: their plural resource, and whether their objects live in a namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::Value;

use super::{field, group_of, text};

mod table;

/// Where the objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In the cluster as a whole.
    Cluster,
    /// Each in a namespace.
    Namespaced,
}

/// What is known of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The resource's name in URLs and in admission requests, such as `networkpolicies`.
    pub plural: Arc<str>,
    /// Where its objects live; `None` where nobody says.
    pub scope: Option<Scope>,
}

/// The resources whose objects live in the cluster as a whole.
#[derive(Clone, Debug, Default)]
pub struct ClusterResources {
    by_group: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl ClusterResources {
    /// Whether a resource, by its API group (empty for the core group) and its plural, is known to be one of them.
    pub fn has(&self, group: &str, plural: &str) -> bool {
        group == table::CONSTRAINTS
            || self.by_group.get(group).is_some_and(|of_group| of_group.contains(plural))
    }
}

/// The kinds that are known: the built-in table, and what the `CustomResourceDefinition`s among the inputs add.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    /// By group, then kind: the definitions among the inputs.
    defined: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Resource>>,
}

impl Kinds {
    /// Learns the kind that a manifest defines, where it is a `CustomResourceDefinition`. A definition beats the
    /// table; of several for one kind a namespaced one counts, for those are judged more closely.
    pub fn learn(&mut self, manifest: &Value) {
        let is_definition = text(manifest, "kind") == "CustomResourceDefinition"
            && group_of(text(manifest, "apiVersion")) == "apiextensions.k8s.io";
        if !is_definition {
            return;
        }
        let spec = field(manifest, &["spec"]);
        let names = field(spec, &["names"]);
        let (group, kind) = (text(spec, "group"), text(names, "kind"));
        let scope = match text(spec, "scope") {
            "Cluster" => Scope::Cluster,
            // The default of `v1beta1`.
            "Namespaced" | "" => Scope::Namespaced,
            _ => return,
        };
        if group.is_empty() || kind.is_empty() {
            return;
        }
        let plural = match text(names, "plural") {
            "" => guess_plural(kind),
            plural => plural.into(),
        };
        let resource = Resource { plural: plural.into(), scope: Some(scope) };
        let of_group = self.defined.entry(group.into()).or_default();
        let known = of_group.entry(kind.into()).or_insert_with(|| resource.clone());
        if (resource.scope, &resource.plural) > (known.scope, &known.plural) {
            *known = resource;
        }
    }

    /// What is known of a kind; for one that nobody defines, the plural that Kubernetes would guess and no scope.
    pub fn resource(&self, group: &str, kind: &str) -> Resource {
        if let Some(defined) = self.defined(group, kind) {
            return defined.clone();
        }
        if let Some((plural, scope)) = table::find(group, kind) {
            return Resource { plural: plural.into(), scope: Some(scope) };
        }
        Resource { plural: guess_plural(kind).into(), scope: None }
    }

    /// Where the objects of a kind live; `None` where nobody says.
    pub fn scope(&self, group: &str, kind: &str) -> Option<Scope> {
        match self.defined(group, kind) {
            Some(defined) => defined.scope,
            None => table::find(group, kind).map(|(_, scope)| scope),
        }
    }

    /// The resources whose objects live in the cluster as a whole, to be looked up by group and plural.
    pub fn cluster_resources(&self) -> ClusterResources {
        let mut by_group: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        for (group, plural) in table::cluster_resources() {
            by_group.entry(group.into()).or_default().insert(plural.into());
        }
        // A namespaced definition comes last, for it counts where several give one plural.
        for wanted in [Scope::Cluster, Scope::Namespaced] {
            for (group, kinds) in &self.defined {
                for resource in kinds.values().filter(|resource| resource.scope == Some(wanted)) {
                    let of_group = by_group.entry(group.clone()).or_default();
                    if wanted == Scope::Cluster {
                        of_group.insert(resource.plural.clone());
                    } else {
                        of_group.remove(&resource.plural);
                    }
                }
            }
        }
        ClusterResources { by_group }
    }

    fn defined(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.defined.get(group)?.get(kind)
    }
}

/// The plural that Kubernetes' tools guess for a kind that they do not know
/// (`k8s.io/apimachinery/pkg/api/meta/restmapper.go`, `UnsafeGuessKindToResource`).
fn guess_plural(kind: &str) -> String {
    let singular = kind.to_lowercase();
    if singular.is_empty() || singular.ends_with("endpoints") {
        return singular;
    }
    if let Some(stem) = singular.strip_suffix('y') {
        return format!("{stem}ies");
    }
    let ending = if singular.ends_with('s') { "es" } else { "s" };
    singular + ending
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(scope: &str, plural: &str) -> Value {
        let names: Value = [("kind", "Widget".into()), ("plural", plural.into())].into();
        let spec = [("group", "example.com".into()), ("scope", scope.into()), ("names", names)];
        [
            ("apiVersion", "apiextensions.k8s.io/v1".into()),
            ("kind", "CustomResourceDefinition".into()),
            ("spec", spec.into()),
        ]
        .into()
    }

    #[test]
    fn a_definition_among_the_inputs_says_where_a_kind_lives() {
        let mut kinds = Kinds::default();
        assert_eq!(kinds.resource("example.com", "Widget").scope, None);
        assert_eq!(&*kinds.resource("example.com", "Widget").plural, "widgets");
        kinds.learn(&definition("Cluster", "wodgets"));
        assert_eq!(kinds.scope("example.com", "Widget"), Some(Scope::Cluster));
        assert_eq!(&*kinds.resource("example.com", "Widget").plural, "wodgets");
        kinds.learn(&definition("Namespaced", "widgets"));
        assert_eq!(kinds.scope("example.com", "Widget"), Some(Scope::Namespaced));
        assert_eq!(kinds.scope("", "Pod"), Some(Scope::Namespaced));
    }

    #[test]
    fn cluster_resources_are_found_by_their_plural() {
        let mut kinds = Kinds::default();
        let known = kinds.cluster_resources();
        assert!(known.has("", "nodes") && known.has("rbac.authorization.k8s.io", "clusterroles"));
        assert!(known.has("constraints.gatekeeper.sh", "k8sanything"));
        assert!(
            !known.has("", "pods") && !known.has("apps", "nodes") && !known.has("example.com", "widgets")
        );
        kinds.learn(&definition("Cluster", "widgets"));
        assert!(kinds.cluster_resources().has("example.com", "widgets"));
        kinds.learn(&definition("Namespaced", "widgets"));
        assert!(!kinds.cluster_resources().has("example.com", "widgets"));
    }

    #[test]
    fn plurals_are_guessed_as_kubernetes_guesses_them() {
        for (kind, plural) in [
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("Pod", "pods"),
            ("Endpoints", "endpoints"),
            ("", ""),
        ] {
            assert_eq!(guess_plural(kind), plural);
        }
    }
}

//! Which kinds there are ([`Definition`]), and what each is to the server ([`Role`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_core::object::{items, text};
use lumen_value::Value;

use crate::api::discovery::group_version;
use crate::api::{Discovery, Resource};
use crate::names;

/// What the objects of a kind are to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Template,
    Constraint,
    Mutator,
    Expansion,
    Config,
    SyncSet,
    Exemption,
    LumenConfig,
}

/// Group and kind, what its objects are, and the versions that are read, the best first.
type Known = (&'static str, &'static str, Role, &'static [&'static str]);

/// The kinds that the server reads. `*` is every kind of the group.
const KNOWN: [Known; 11] = [
    ("templates.gatekeeper.sh", "ConstraintTemplate", Role::Template, &["v1", "v1beta1"]),
    ("constraints.gatekeeper.sh", "*", Role::Constraint, &["v1beta1"]),
    ("mutations.gatekeeper.sh", "Assign", Role::Mutator, MUTATORS),
    ("mutations.gatekeeper.sh", "AssignMetadata", Role::Mutator, MUTATORS),
    ("mutations.gatekeeper.sh", "ModifySet", Role::Mutator, MUTATORS),
    ("mutations.gatekeeper.sh", "AssignImage", Role::Mutator, MUTATORS),
    ("expansion.gatekeeper.sh", "ExpansionTemplate", Role::Expansion, &["v1beta1", "v1alpha1"]),
    ("config.gatekeeper.sh", "Config", Role::Config, &["v1alpha1"]),
    ("syncset.gatekeeper.sh", "SyncSet", Role::SyncSet, &["v1alpha1"]),
    (names::GROUP, "Exemption", Role::Exemption, &[names::VERSION]),
    (names::GROUP, "LumenConfig", Role::LumenConfig, &[names::VERSION]),
];

const MUTATORS: &[&str] = &["v1", "v1beta1", "v1alpha1"];

impl Role {
    /// Whether the server is not ready without it: what is denied would not be known.
    pub(super) const fn is_essential(self) -> bool {
        matches!(self, Self::Template | Self::Constraint | Self::Config)
    }

    /// Whether its objects go into the policy set.
    pub(super) const fn is_policy(self) -> bool {
        matches!(self, Self::Template | Self::Constraint | Self::Mutator | Self::Expansion | Self::Config)
    }
}

/// Group, version and kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gvk {
    pub(super) group: Arc<str>,
    pub(super) version: Arc<str>,
    pub(super) kind: Arc<str>,
}

impl Gvk {
    /// What an entry of a `SyncSet` or a `Config` names; `None` where it names no kind.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let (group, version, kind) = (text(value, "group"), text(value, "version"), text(value, "kind"));
        let is_whole = !version.is_empty() && !kind.is_empty();
        is_whole.then(|| Self { group: group.into(), version: version.into(), kind: kind.into() })
    }

    pub(super) fn api_version(&self) -> String {
        group_version(&self.group, &self.version)
    }
}

/// `Ingress.v1.networking.k8s.io`, `Pod.v1`
impl std::fmt::Display for Gvk {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(out, "{}.{}{dot}{}", self.kind, self.version, self.group)
    }
}

/// What a `CustomResourceDefinition` defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) group: Arc<str>,
    pub(super) kind: Arc<str>,
    plural: Arc<str>,
    is_namespaced: bool,
    /// The versions that are served.
    versions: BTreeSet<Arc<str>>,
    is_established: bool,
}

impl Definition {
    pub(super) fn of(object: &Value) -> Self {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let names = spec.get("names").unwrap_or(&Value::Null);
        let versions = items(spec, "versions").filter(|version| is_true(version, "served"));
        let conditions = object.get("status").map(|status| items(status, "conditions"));
        let is_established = conditions
            .into_iter()
            .flatten()
            .any(|condition| text(condition, "type") == "Established" && text(condition, "status") == "True");
        Self {
            group: text(spec, "group").into(),
            kind: text(names, "kind").into(),
            plural: text(names, "plural").into(),
            is_namespaced: text(spec, "scope") == "Namespaced",
            versions: versions.map(|version| text(version, "name").into()).collect(),
            is_established,
        }
    }

    /// The resource in each version that is to be served, whether it is yet or not.
    pub(super) fn resources(&self) -> impl Iterator<Item = Resource> {
        let versions = self.versions.iter();
        versions
            .map(|version| Resource::new(&self.group, version, &self.kind, &self.plural, self.is_namespaced))
    }

    /// The resource of one version, where it is served.
    fn resource(&self, version: &str) -> Option<Resource> {
        (self.is_established && self.versions.contains(version))
            .then(|| Resource::new(&self.group, version, &self.kind, &self.plural, self.is_namespaced))
    }

    /// What its objects are to the server, and how they are read; `None` for kinds that are none of its business, and for those
    /// that are not served yet.
    pub(super) fn role(&self) -> Option<(Role, Resource)> {
        let known = KNOWN
            .iter()
            .find(|(group, kind, ..)| *group == &*self.group && (*kind == "*" || *kind == &*self.kind));
        let (_, _, role, versions) = known?;
        versions.iter().find_map(|version| Some((*role, self.resource(version)?)))
    }
}

/// The resources that the server reads, of those that an API server serves, in the order of [`KNOWN`].
pub(super) fn known(discovery: &Discovery) -> Vec<(Role, Resource)> {
    let mut found: Vec<(Role, Resource)> = Vec::new();
    for (group, kind, role, versions) in &KNOWN {
        for version in *versions {
            let served = discovery.served.iter().map(|served| (&served.resource, served.can("list")));
            for (resource, _) in served.filter(|(resource, can_list)| {
                *can_list && &*resource.group == *group && &*resource.version == *version
            }) {
                let is_new = || {
                    !found
                        .iter()
                        .any(|(_, other)| other.group == resource.group && other.kind == resource.kind)
                };
                if (*kind == "*" || *kind == &*resource.kind) && is_new() {
                    found.push((*role, resource.clone()));
                }
            }
        }
    }
    found
}

/// The definitions, by their names.
pub(super) type Definitions = BTreeMap<Arc<str>, Definition>;

/// How the objects of a kind are read; `None` where nobody serves it.
pub(super) fn resolve(
    gvk: &Gvk,
    definitions: &Definitions,
    discovery: Option<&Discovery>,
) -> Option<Resource> {
    let of_group = definitions.values().filter(|definition| definition.group == gvk.group);
    let defined = of_group
        .filter(|definition| definition.kind == gvk.kind)
        .find_map(|definition| definition.resource(&gvk.version));
    defined.or_else(|| {
        let served = discovery?.find(&gvk.group, &gvk.version, &gvk.kind)?;
        (served.can("list") && served.can("watch")).then(|| served.resource.clone())
    })
}

fn is_true(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use lumen_value::read::Limits;

    use super::*;

    fn definition(group: &str, kind: &str, established: &str) -> Definition {
        let text = format!(
            r#"{{"spec":{{"group":"{group}","scope":"Cluster","names":{{"kind":"{kind}","plural":"x"}},"versions":[{{"name":"v1beta1","served":true}},{{"name":"v1","served":false}}]}},"status":{{"conditions":[{{"type":"Established","status":"{established}"}}]}}}}"#
        );
        let value = lumen_value::json::parse(text.as_bytes(), &Limits::default()).expect("JSON").value;
        Definition::of(&value)
    }

    #[test]
    fn a_definition_says_what_its_objects_are() {
        let role =
            |definition: Definition| definition.role().map(|(role, resource)| (role, resource.api_version()));
        let template = definition("templates.gatekeeper.sh", "ConstraintTemplate", "True");
        assert_eq!(role(template), Some((Role::Template, "templates.gatekeeper.sh/v1beta1".into())));
        let constraint = definition("constraints.gatekeeper.sh", "K8sX", "True");
        assert_eq!(role(constraint), Some((Role::Constraint, "constraints.gatekeeper.sh/v1beta1".into())));
        assert_eq!(role(definition("constraints.gatekeeper.sh", "K8sX", "False")), None);
        assert_eq!(role(definition("example.com", "Config", "True")), None);
    }

    #[test]
    fn a_kind_is_found_by_its_definition_or_by_discovery() {
        let gvk = Gvk { group: "example.com".into(), version: "v1beta1".into(), kind: "Widget".into() };
        let definitions = [("x".into(), definition("example.com", "Widget", "True"))].into();
        assert!(resolve(&gvk, &definitions, None).is_some());
        assert!(resolve(&Gvk { version: "v1".into(), ..gvk.clone() }, &definitions, None).is_none());
        assert!(resolve(&gvk, &Definitions::new(), Some(&Discovery::default())).is_none());
        assert_eq!(gvk.to_string(), "Widget.v1beta1.example.com");
    }
}

//! [`Discovery`]: which kinds an API server knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::Method;
use lumen_core::object::{items, text};
use lumen_value::Value;

use super::{Api, ApiError, JSON};

/// A resource: a kind as one version of its group serves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Its group; empty for the core group.
    pub group: Arc<str>,
    /// Its version, such as `v1`.
    pub version: Arc<str>,
    /// Its kind, such as `Pod`.
    pub kind: Arc<str>,
    /// What paths call it, such as `pods`.
    pub plural: Arc<str>,
    /// Whether its objects are in namespaces.
    pub is_namespaced: bool,
}

impl Resource {
    /// A resource that is known beforehand.
    pub fn new(group: &str, version: &str, kind: &str, plural: &str, is_namespaced: bool) -> Self {
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            is_namespaced,
        }
    }

    /// `apps/v1`, and `v1` in the core group.
    pub fn api_version(&self) -> String {
        group_version(&self.group, &self.version)
    }
}

/// A resource, and what can be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The resource.
    pub resource: Resource,
    /// The verbs, such as `list`.
    pub verbs: BTreeSet<String>,
    /// Whether its version is the one that the server prefers in its group.
    pub is_preferred: bool,
}

impl Served {
    /// Whether a verb is offered.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.contains(verb)
    }
}

/// Which kinds an API server knows, in its own order, without subresources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// The resources.
    pub served: Vec<Served>,
    /// Groups with versions whose kinds could not be found out (`metrics.k8s.io/v1beta1`), each with the reason: the server
    /// behind them does not answer.
    pub failed: BTreeMap<String, String>,
}

impl Discovery {
    /// The resource of a kind in one version of its group.
    pub fn find(&self, group: &str, version: &str, kind: &str) -> Option<&Served> {
        self.served.iter().find(|served| {
            let resource = &served.resource;
            &*resource.group == group && &*resource.version == version && &*resource.kind == kind
        })
    }

    /// The resource of a kind in the version that the server prefers, or the first that has the kind.
    pub fn preferred(&self, group: &str, kind: &str) -> Option<&Served> {
        let of_kind = |served: &&Served| &*served.resource.group == group && &*served.resource.kind == kind;
        let preferred = self.served.iter().find(|served| of_kind(served) && served.is_preferred);
        preferred.or_else(|| self.served.iter().find(of_kind))
    }

    /// Each kind once: in the version that the server prefers, or the first that has the kind.
    pub fn kinds(&self) -> impl Iterator<Item = &Served> {
        self.served.iter().filter(|served| {
            let first = self.preferred(&served.resource.group, &served.resource.kind);
            first.is_some_and(|first| std::ptr::eq(first, *served))
        })
    }
}

/// Most groups and versions that are asked about one by one.
const GROUP_VERSIONS_MAX: usize = 2_000;

/// Aggregated discovery (KEP-3352): one answer for all groups. A server that does not know it answers the older way.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

pub(super) async fn discover(api: &Api) -> Result<Discovery, ApiError> {
    let mut discovery = Discovery::default();
    for root in ["/api", "/apis"] {
        let answer = api.ask_for(Method::GET, root.to_owned(), AGGREGATED, None).await?;
        match text(&answer, "kind") {
            "APIGroupDiscoveryList" => discovery.add_aggregated(&answer),
            "APIVersions" => {
                for version in items(&answer, "versions").filter_map(Value::as_str) {
                    discovery.ask(api, "", version, true).await?;
                }
            }
            _ => {
                for (group, version, is_preferred) in group_versions(&answer) {
                    discovery.ask(api, &group, &version, is_preferred).await?;
                }
            }
        }
    }
    Ok(discovery)
}

fn group_versions(answer: &Value) -> Vec<(String, String, bool)> {
    let mut all = Vec::new();
    for group in items(answer, "groups") {
        let preferred = group.get("preferredVersion").map_or("", |version| text(version, "version"));
        for version in items(group, "versions") {
            let version = text(version, "version");
            all.push((text(group, "name").to_owned(), version.to_owned(), version == preferred));
        }
    }
    all.truncate(GROUP_VERSIONS_MAX);
    all
}

impl Discovery {
    fn add_aggregated(&mut self, answer: &Value) {
        for group in items(answer, "items") {
            let name = group.get("metadata").map_or("", |metadata| text(metadata, "name"));
            for (number, version) in items(group, "versions").enumerate() {
                let word = text(version, "version");
                if text(version, "freshness") == "Stale" {
                    let reason = "the server behind it does not answer".to_owned();
                    self.failed.insert(group_version(name, word), reason);
                }
                for resource in items(version, "resources") {
                    let kind = resource.get("responseKind").map_or("", |kind| text(kind, "kind"));
                    // Other groups' kinds stand for subresources, such as `scale`.
                    self.add(
                        Resource::new(
                            name,
                            word,
                            kind,
                            text(resource, "resource"),
                            text(resource, "scope") == "Namespaced",
                        ),
                        resource,
                        number == 0,
                    );
                }
            }
        }
    }

    /// Asks about one version of a group, the older way. One that does not answer is noted.
    async fn ask(
        &mut self,
        api: &Api,
        group: &str,
        version: &str,
        is_preferred: bool,
    ) -> Result<(), ApiError> {
        let name = group_version(group, version);
        let path = if group.is_empty() { format!("/api/{name}") } else { format!("/apis/{name}") };
        match api.ask_for(Method::GET, path, JSON, None).await {
            Ok(answer) => {
                for resource in items(&answer, "resources") {
                    let is_namespaced =
                        resource.get("namespaced").and_then(Value::as_bool).unwrap_or_default();
                    let (kind, plural) = (text(resource, "kind"), text(resource, "name"));
                    let found = Resource::new(group, version, kind, plural, is_namespaced);
                    self.add(found, resource, is_preferred);
                }
                Ok(())
            }
            // A server that cannot be reached says nothing about its kinds; one of its neighbours' is only missing.
            Err(error @ (ApiError::Timeout | ApiError::Forbidden(_) | ApiError::Unauthorized(_))) => {
                Err(error)
            }
            Err(error) => {
                self.failed.insert(name, error.to_string());
                Ok(())
            }
        }
    }

    fn add(&mut self, resource: Resource, given: &Value, is_preferred: bool) {
        if resource.kind.is_empty() || resource.plural.is_empty() || resource.plural.contains('/') {
            return;
        }
        let verbs = items(given, "verbs").filter_map(Value::as_str).map(str::to_owned).collect();
        self.served.push(Served { resource, verbs, is_preferred });
    }
}

/// An `apiVersion`: `apps/v1`, and `v1` in the core group.
pub(crate) fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

#[cfg(test)]
mod tests {
    use lumen_value::read::Limits;

    use super::*;

    #[test]
    fn aggregated_discovery_is_read() {
        let answer = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apps"},"versions":[
            {"version":"v1","freshness":"Current","resources":[{"resource":"deployments","responseKind":{"group":"apps","version":"v1","kind":"Deployment"},
              "scope":"Namespaced","verbs":["get","list"],"subresources":[{"subresource":"scale"}]}]},
            {"version":"v1beta1","freshness":"Stale","resources":[{"resource":"deployments","responseKind":{"kind":"Deployment"},"scope":"Namespaced","verbs":[]}]}]}]}"#;
        let answer = lumen_value::json::parse(answer.as_bytes(), &Limits::default()).expect("JSON").value;
        let mut discovery = Discovery::default();
        discovery.add_aggregated(&answer);
        let found = discovery.find("apps", "v1", "Deployment").expect("it is served");
        assert!(found.can("list") && !found.can("watch") && found.resource.is_namespaced);
        assert_eq!(discovery.preferred("apps", "Deployment"), Some(found));
        assert_eq!(discovery.kinds().count(), 1);
        assert!(discovery.failed.contains_key("apps/v1beta1"));
    }
}

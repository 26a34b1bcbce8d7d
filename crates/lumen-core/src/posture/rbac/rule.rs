//! [`PolicyRule`] and the requests that it allows (`pkg/apis/rbac/v1/evaluation_helpers.go`).

use std::sync::Arc;

use lumen_value::Value;

/// One rule of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyRule {
    /// Verbs; `*` is every verb.
    pub verbs: Vec<Arc<str>>,
    /// API groups, empty for the core group; `*` is every group.
    pub api_groups: Vec<Arc<str>>,
    /// Resources as `pods`, `pods/exec`, `*/scale` or `*`, which is every resource with every subresource.
    pub resources: Vec<Arc<str>>,
    /// Names of the objects; an empty list means any.
    pub resource_names: Vec<Arc<str>>,
    /// Paths that are no resources; one may end with `*`.
    pub non_resource_urls: Vec<Arc<str>>,
}

/// What is asked of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// An object, or objects, of a resource.
    Resource {
        /// API group; empty for the core group.
        group: &'a str,
        /// Plural name.
        resource: &'a str,
        /// Subresource; empty for none.
        subresource: &'a str,
        /// The object's name; empty where the request names none. A list or watch has a name where its field selector
        /// gives one; the creation of an object by POST, and a deletecollection, have none.
        name: &'a str,
        /// Namespace; empty for what is cluster-scoped, and for a list over all namespaces.
        namespace: &'a str,
    },
    /// A path such as `/metrics`.
    Url(&'a str),
}

impl<'a> Target<'a> {
    /// The namespace whose bindings count; empty where those of the cluster alone do.
    pub const fn namespace(&self) -> &'a str {
        match *self {
            Self::Resource { namespace, .. } => namespace,
            Self::Url(_) => "",
        }
    }
}

/// A request to the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Verb, such as `get`.
    pub verb: &'a str,
    /// What it is about.
    pub target: Target<'a>,
}

impl PolicyRule {
    /// Reads a rule; what has a wrong type counts as missing, for the API server refuses the role.
    pub fn decode(value: &Value) -> Self {
        let words = |key: &str| {
            let list = value.get(key).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
        };
        Self {
            verbs: words("verbs"),
            api_groups: words("apiGroups"),
            resources: words("resources"),
            resource_names: words("resourceNames"),
            non_resource_urls: words("nonResourceURLs"),
        }
    }

    /// Whether it allows a request, wherever its binding holds.
    pub fn allows(&self, request: &Request<'_>) -> bool {
        self.has_verb(request.verb)
            && match request.target {
                Target::Url(path) => self.has_url(path),
                Target::Resource { group, resource, subresource, name, .. } => {
                    self.has_resource(group, resource, subresource) && self.has_name(name)
                }
            }
    }

    /// Whether it has a verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        has(&self.verbs, verb)
    }

    /// Whether it is about a resource, of whatever name.
    pub fn has_resource(&self, group: &str, resource: &str, subresource: &str) -> bool {
        has(&self.api_groups, group) && self.resources.iter().any(|each| is_of(each, resource, subresource))
    }

    fn has_name(&self, name: &str) -> bool {
        self.resource_names.is_empty() || self.resource_names.iter().any(|each| &**each == name)
    }

    fn has_url(&self, path: &str) -> bool {
        self.non_resource_urls.iter().any(|each| {
            let each = &**each;
            // Every star at the end is taken off, not the last one alone.
            each == path || (each.ends_with('*') && path.starts_with(each.trim_end_matches('*')))
        })
    }

    /// Whether its names can be asked for with a verb. An object that is yet to be made by POST has no name to the API
    /// server, and neither has a whole collection that is deleted. A list or watch has one where its field selector says
    /// so, and what is made by `apply` has one, which takes `patch` or `update` beside `create`.
    pub fn names_count(&self, verb: &str, subresource: &str) -> bool {
        match verb {
            "create" => !subresource.is_empty() || self.has_verb("patch") || self.has_verb("update"),
            "deletecollection" => false,
            _ => true,
        }
    }
}

/// Whether a list has a word, or the star.
fn has(list: &[Arc<str>], word: &str) -> bool {
    list.iter().any(|each| &**each == "*" || &**each == word)
}

/// Whether a rule's resource means a resource with a subresource.
fn is_of(rule: &str, resource: &str, subresource: &str) -> bool {
    if rule == "*" {
        return true;
    }
    match rule.split_once('/') {
        None => subresource.is_empty() && rule == resource,
        Some((of, sub)) => !subresource.is_empty() && sub == subresource && (of == "*" || of == resource),
    }
}

//! Paths of the API: [`At`], one object, and [`Selection`], some of a resource.

use std::fmt::Write;

use super::{ApiError, Resource};

/// Where an object is.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    resource: &'a Resource,
    namespace: Option<&'a str>,
    name: &'a str,
    subresource: &'a str,
}

/// Which objects of a resource are meant. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// A label selector, such as `app=web`; empty for none.
    pub labels: String,
    /// A field selector, such as `metadata.name=config`; empty for none.
    pub fields: String,
}

impl Resource {
    /// An object of this kind. The namespace does not count where the kind is cluster-scoped.
    pub const fn at<'a>(&'a self, namespace: Option<&'a str>, name: &'a str) -> At<'a> {
        At { resource: self, namespace, name, subresource: "" }
    }

    /// The path of all objects, in a namespace or in all.
    pub(super) fn path(&self, namespace: Option<&str>) -> Result<String, ApiError> {
        let mut path = self.root();
        if let Some(namespace) = namespace.filter(|_| self.is_namespaced) {
            if namespace.is_empty() {
                return Err(ApiError::Request("the namespace has no name".to_owned()));
            }
            path.push_str("/namespaces/");
            path.push_str(&escaped(namespace));
        }
        path.push('/');
        path.push_str(&escaped(&self.plural));
        Ok(path)
    }

    fn root(&self) -> String {
        let version = escaped(&self.version);
        if self.group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{}/{version}", escaped(&self.group))
        }
    }
}

impl<'a> At<'a> {
    /// Its status, as a subresource.
    #[must_use]
    pub const fn status(self) -> Self {
        Self { subresource: "status", ..self }
    }

    /// Another subresource.
    #[must_use]
    pub const fn subresource(self, subresource: &'a str) -> Self {
        Self { subresource, ..self }
    }

    pub(super) fn path(&self) -> Result<String, ApiError> {
        if self.name.is_empty() {
            return Err(ApiError::Request(format!("an object of `{}` has no name", self.resource.plural)));
        }
        if self.resource.is_namespaced && self.namespace.is_none() {
            return Err(ApiError::Request(format!("`{}` are in a namespace: name it", self.resource.plural)));
        }
        let mut path = self.resource.path(self.namespace)?;
        path.push('/');
        path.push_str(&escaped(self.name));
        if !self.subresource.is_empty() {
            path.push('/');
            path.push_str(&escaped(self.subresource));
        }
        Ok(path)
    }
}

impl Selection {
    /// All objects of a namespace.
    pub fn in_namespace(namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..Self::default() }
    }

    /// The one object of a name.
    pub fn of_name(name: &str) -> Self {
        Self { fields: format!("metadata.name={name}"), ..Self::default() }
    }

    /// The path with a query, less what a page or a watch adds.
    pub(super) fn path(&self, resource: &Resource) -> Result<String, ApiError> {
        let mut path = resource.path(self.namespace.as_deref())?;
        let mut separator = '?';
        for (key, value) in [("labelSelector", &self.labels), ("fieldSelector", &self.fields)] {
            if !value.is_empty() {
                path.push(separator);
                path.push_str(key);
                path.push('=');
                path.push_str(&escaped(value));
                separator = '&';
            }
        }
        path.push(separator);
        Ok(path)
    }
}

/// A segment of a path, or a value of a query: every byte that could mean something else is `%XX` (RFC 3986, unreserved).
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _is_written = write!(out, "%{byte:02X}");
        }
    }
    // Whole segments that a server would take for steps.
    match out.as_str() {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(at: At<'_>) -> String {
        at.path().expect("a path")
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let pods = Resource::new("", "v1", "Pod", "pods", true);
        assert_eq!(path(pods.at(Some("shop"), "web").status()), "/api/v1/namespaces/shop/pods/web/status");
        assert!(pods.at(None, "web").path().is_err());
        assert!(pods.at(Some("shop"), "").path().is_err());
        let roles = Resource::new("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false);
        let name = "system:a/../b";
        assert_eq!(
            path(roles.at(None, name)),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%2F..%2Fb"
        );
        assert!(path(roles.at(None, "..")).ends_with("/%2E%2E"));
    }

    #[test]
    fn a_selection_is_a_query() {
        let pods = Resource::new("", "v1", "Pod", "pods", true);
        let selection = Selection { labels: "a=b,c".into(), ..Selection::in_namespace("x") };
        let path = selection.path(&pods).expect("a path");
        assert_eq!(path, "/api/v1/namespaces/x/pods?labelSelector=a%3Db%2Cc&");
        assert_eq!(Selection::default().path(&pods).expect("a path"), "/api/v1/pods?");
    }
}

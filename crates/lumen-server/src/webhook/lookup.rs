//! [`Lookup`]: what the state does not have, and is asked for when a request needs it.

use std::pin::Pin;

use lumen_value::Value;

use crate::api::{Api, ApiError, Resource, Selection};

/// An answer to come.
pub type Looking<'a, T> = Pin<Box<dyn Future<Output = Option<T>> + Send + 'a>>;

/// Whom is asked about what a watch has not brought yet, or never does.
pub trait Lookup: Send + Sync {
    /// A Namespace: one that was made just now, and with it what comes first into it. `None` where there is none, or nobody says.
    fn namespace<'a>(&'a self, name: &'a str) -> Looking<'a, Value>;

    /// The pods of a Namespace; `None` where nobody says.
    fn pods<'a>(&'a self, namespace: &'a str) -> Looking<'a, Vec<Value>>;
}

/// Most pods of a Namespace that are read: upstream looks at 3000 of them.
const PODS_READ_MAX: usize = 6_000;

impl Lookup for Api {
    fn namespace<'a>(&'a self, name: &'a str) -> Looking<'a, Value> {
        Box::pin(async move {
            let resource = Resource::new("", "v1", "Namespace", "namespaces", false);
            match self.get(&resource.at(None, name)).await {
                Ok(namespace) => Some(namespace),
                Err(ApiError::NotFound(_)) => None,
                Err(error) => {
                    tracing::warn!(%error, namespace = name, "cannot read a Namespace that a request is about");
                    None
                }
            }
        })
    }

    fn pods<'a>(&'a self, namespace: &'a str) -> Looking<'a, Vec<Value>> {
        Box::pin(async move {
            let resource = Resource::new("", "v1", "Pod", "pods", true);
            let selection = Selection { namespace: Some(namespace.to_owned()), ..Selection::default() };
            let mut list = self.list(&resource, &selection);
            let mut pods: Vec<Value> = Vec::new();
            loop {
                match list.next().await {
                    Ok(Some(page)) => {
                        if page.is_first {
                            pods.clear();
                        }
                        pods.extend(page.items);
                        if pods.len() >= PODS_READ_MAX {
                            return Some(pods);
                        }
                    }
                    Ok(None) => return Some(pods),
                    Err(error) => {
                        tracing::warn!(%error, namespace, "cannot list the pods of a Namespace that changes");
                        return None;
                    }
                }
            }
        })
    }
}

//! [`Lookup`]: what the state does not have, and is asked for when a request needs it.

use std::pin::Pin;
use std::time::Duration;

use lumen_value::Value;

use crate::api::{Api, ApiError, Resource, Selection, Tries, without_managed_fields};

/// An answer to come.
pub type Looking<'a, T> = Pin<Box<dyn Future<Output = Option<T>> + Send + 'a>>;

/// Whom is asked about what a watch has not brought yet, or never does.
pub trait Lookup: Send + Sync {
    /// A Namespace: one that was made just now, and with it what comes first into it. `None` where there is none, or nobody says.
    fn namespace<'a>(&'a self, name: &'a str) -> Looking<'a, Value>;

    /// The pods of a Namespace; `None` where nobody says.
    fn pods<'a>(&'a self, namespace: &'a str) -> Looking<'a, Vec<Value>>;
}

/// How often a Namespace is asked for where the API server fails for a moment, and the longest pause in between.
const TRIES_MAX: u32 = 4;
const PAUSE_MAX: Duration = Duration::from_millis(400);

/// Most pods of a Namespace that are read: upstream looks at 3000 of them.
const PODS_READ_MAX: usize = 6_000;

/// What is judged of a pod: there may be thousands of them in memory.
fn judged_part(pod: &Value) -> Value {
    match without_managed_fields(pod) {
        Value::Object(fields) => fields.without("status").into(),
        other => other,
    }
}

impl Lookup for Api {
    fn namespace<'a>(&'a self, name: &'a str) -> Looking<'a, Value> {
        Box::pin(async move {
            let resource = Resource::namespaces();
            // The request's own deadline ends it, too.
            let mut tries = Tries::of(TRIES_MAX, PAUSE_MAX);
            loop {
                let error = match self.get(&resource.at(None, name)).await {
                    Ok(namespace) => return Some(namespace),
                    Err(ApiError::NotFound(_)) => return None,
                    Err(error) => error,
                };
                if let Err(error) = tries.after(error).await {
                    tracing::warn!(%error, namespace = name, "cannot read a Namespace that a request is about");
                    return None;
                }
            }
        })
    }

    fn pods<'a>(&'a self, namespace: &'a str) -> Looking<'a, Vec<Value>> {
        Box::pin(async move {
            let resource = Resource::pods();
            let selection = Selection { namespace: Some(namespace.to_owned()), ..Selection::default() };
            let mut list = self.list(&resource, &selection);
            let mut pods: Vec<Value> = Vec::new();
            loop {
                match list.next().await {
                    Ok(Some(page)) => {
                        if page.is_first {
                            pods.clear();
                        }
                        pods.extend(page.items.iter().map(judged_part));
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

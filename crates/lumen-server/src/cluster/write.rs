//! [`Writes`]: what is to be written to the API server, each thing once, the newest of it, a few at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lumen_value::Value;
use tokio::sync::Notify;

use super::definition::corrected;
use super::status::{Alive, Of, is_created, merged};
use super::text;
use crate::api::{Api, ApiError, Backoff, Patch, Resource};

/// How many requests are under way at once.
const AT_ONCE: usize = 4;

/// Longest wait after a write that failed: others wait behind it.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// How often one write is tried before another takes its place in the queue.
const TRIES_MAX: u32 = 4;

/// What a write is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// The definition of a template's constraints, by the template's name.
    Definition(Arc<str>),
    /// The status of an object: of a template or a constraint, by kind and name.
    Status(Of, Arc<str>, Arc<str>),
}

/// What is to be written.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// A definition is to say this.
    Definition(Value),
    /// This pod's entry is to be in a status.
    Status(Box<StatusWrite>),
}

/// An entry for the status of an object, and what is known of the object.
#[derive(Clone, Debug)]
pub(super) struct StatusWrite {
    pub(super) resource: Resource,
    pub(super) name: Arc<str>,
    pub(super) uid: String,
    pub(super) entry: Value,
    pub(super) alive: Alive,
    pub(super) by_pod: Value,
    pub(super) resource_version: String,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Writes {
    waiting: Mutex<BTreeMap<About, Write>>,
    notify: Notify,
}

/// What came of the definition of a template's constraints.
#[derive(Clone, Debug)]
pub(super) struct Defined {
    pub(super) template: Arc<str>,
    pub(super) result: Result<(), ApiError>,
}

impl Writes {
    /// Queues a write; another about the same that is still waiting is dropped.
    pub(super) fn add(&self, about: About, write: Write) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(about, write);
        self.notify.notify_one();
    }

    /// Queues it where no newer is waiting.
    fn add_again(&self, about: About, write: Write) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).entry(about).or_insert(write);
        self.notify.notify_one();
    }

    fn pop(&self) -> Option<(About, Write)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_first()
    }

    async fn next(&self) -> (About, Write) {
        loop {
            if let Some(next) = self.pop() {
                // Others may be waiting for one signal.
                self.notify.notify_one();
                return next;
            }
            self.notify.notified().await;
        }
    }
}

/// Writes what is queued, for ever. What came of definitions is told.
pub(super) async fn run<F>(api: Api, writes: Arc<Writes>, tell: impl Fn(Defined) -> F + Clone)
where
    F: Future<Output = ()>,
{
    let worker = || async {
        let mut backoff = Backoff::default();
        loop {
            let (about, write) = writes.next().await;
            let result = perform(&api, &write).await;
            match (&about, result) {
                (About::Definition(template), Ok(())) => {
                    backoff.reset();
                    tell(Defined { template: template.clone(), result: Ok(()) }).await;
                }
                (_, Ok(())) => backoff.reset(),
                (_, Err(error)) if error.is_transient() => {
                    let wait = error.wait().unwrap_or_default().max(backoff.next_within(WAIT_MAX));
                    tracing::debug!(?about, %error, "cannot be written now, and is tried again");
                    writes.add_again(about, write);
                    tokio::time::sleep(wait).await;
                }
                (About::Definition(template), result @ Err(_)) => {
                    tell(Defined { template: template.clone(), result }).await;
                }
                // What is gone needs no status.
                (_, Err(ApiError::NotFound(_))) => {}
                (_, Err(error)) => tracing::warn!(?about, %error, "the status cannot be written"),
            }
        }
    };
    let workers: [_; AT_ONCE] = std::array::from_fn(|_| worker());
    let [first, second, third, fourth] = workers;
    tokio::join!(first, second, third, fourth);
}

async fn perform(api: &Api, write: &Write) -> Result<(), ApiError> {
    match write {
        Write::Definition(wanted) => define(api, wanted).await,
        Write::Status(write) => report(api, write).await,
    }
}

async fn define(api: &Api, wanted: &Value) -> Result<(), ApiError> {
    let resource = Resource::definitions();
    let name = wanted.get("metadata").map_or("", |metadata| text(metadata, "name"));
    let mut last = ApiError::Timeout;
    for _ in 0..TRIES_MAX {
        let result = match api.get(&resource.at(None, name)).await {
            Ok(current) => {
                let metadata = current.get("metadata").unwrap_or(&Value::Null);
                if metadata.get("deletionTimestamp").is_some_and(|time| !time.is_null()) {
                    return Err(ApiError::Conflict(format!("the definition {name} is being deleted")));
                }
                match corrected(&current, wanted) {
                    None => return Ok(()),
                    Some(changed) => api.replace(&resource.at(None, name), &changed).await,
                }
            }
            Err(ApiError::NotFound(_)) => api.create(&resource, None, wanted).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(_) => return Ok(()),
            // Another replica was faster.
            Err(error @ (ApiError::Conflict(_) | ApiError::AlreadyExists(_))) => {
                last = ApiError::Conflict(error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

async fn report(api: &Api, write: &StatusWrite) -> Result<(), ApiError> {
    let name = &*write.name;
    let at = write.resource.at(None, name);
    let (mut by_pod, mut version) = (write.by_pod.clone(), write.resource_version.clone());
    let entry = &write.entry;
    let mut last = ApiError::Timeout;
    for _ in 0..TRIES_MAX {
        let wanted = merged(&by_pod, entry, &write.alive);
        let mut status: Vec<(Value, Value)> = vec![("byPod".into(), wanted.clone())];
        if &*write.resource.kind == "ConstraintTemplate" {
            status.push(("created".into(), is_created(&wanted).into()));
        }
        let change: Value = [
            ("metadata", [("resourceVersion", version.as_str().into())].into()),
            ("status", Value::Object(status.into())),
        ]
        .into();
        match api.patch(&at.status(), Patch::Merge, &change).await {
            Ok(_) => return Ok(()),
            Err(error @ ApiError::Conflict(_)) => last = error,
            Err(error) => return Err(error),
        }
        // Somebody else wrote it meanwhile: what is there now?
        let current = api.get(&at).await?;
        let metadata = current.get("metadata").unwrap_or(&Value::Null);
        if text(metadata, "uid") != write.uid {
            return Err(ApiError::NotFound(format!("{name} is another object now")));
        }
        text(metadata, "resourceVersion").clone_into(&mut version);
        by_pod = current.get("status").and_then(|status| status.get("byPod")).cloned().unwrap_or_default();
        if merged(&by_pod, entry, &write.alive) == by_pod {
            return Ok(());
        }
    }
    Err(last)
}

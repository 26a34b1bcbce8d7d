//! [`Api`]: talking to the API server, every object a [`Value`] that is read of the very bytes that the server sent.
//!
//! Numbers keep their text that way, and a kind needs no Rust type. Whatever comes from the server is bounded: the bytes of an
//! answer, those of a line of a watch, and the depth of what stands in it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{ACCEPT, CONTENT_TYPE, DATE};
use axum::http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use lumen_value::Value;
use lumen_value::read::Limits;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

mod clock;
mod configuration;
pub mod discovery;
mod error;
mod known;
mod list;
mod path;
mod reach;
mod reflect;
mod sharing;
mod tries;
mod watch;

pub use configuration::{ConfigurationError, configuration};
pub use discovery::{Discovery, Resource};
pub use error::ApiError;
pub use list::{List, Page};
pub use path::{At, Selection};
pub use reflect::{Backoff, Event, Reflector};
pub use tries::{Tries, tried};
pub use watch::{Watch, WatchEvent};

use crate::names::FIELD_MANAGER;
use clock::Clock;
use error::of_status;
use reach::chain;

/// Bounds on what is taken from the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Largest answer, in bytes. A page of a list that is larger is asked for again with fewer objects.
    pub answer_bytes_max: usize,
    /// Longest line of a watch, in bytes: one event. The API server keeps objects of 1.5 MiB at most, of which JSON may make six times
    /// as much: it escapes `<`, `>` and `&`.
    pub line_bytes_max: usize,
    /// Deepest nesting of collections. The API server's own bound is the same.
    pub depth_max: usize,
    /// How long an answer may take.
    pub answer_time_max: Duration,
    /// How long a watch may be silent: an API server sends a bookmark every minute.
    pub silence_max: Duration,
    /// Most objects in a page of a list.
    pub page_objects: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            answer_bytes_max: 32 << 20,
            line_bytes_max: 16 << 20,
            depth_max: 10_000,
            answer_time_max: Duration::from_mins(1),
            silence_max: Duration::from_mins(3),
            page_objects: 500,
        }
    }
}

/// The API server. Cheap to clone: clones share their connections.
#[derive(Clone)]
pub struct Api {
    client: kube::Client,
    bounds: Bounds,
    /// Where it is, for errors; empty where that is not known.
    url: Arc<str>,
    /// Told by whoever reaches the server again, to all who wait for that.
    recovered: Arc<Notify>,
    clock: Clock,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Api").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// How an object is changed in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// A JSON merge patch (RFC 7386). With a `resourceVersion` in it, another's change is a [`ApiError::Conflict`].
    Merge,
    /// A JSON patch (RFC 6902).
    Json,
}

/// What is done to a field that another manager owns, where an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It is taken over.
    Forced,
    /// The request fails with [`ApiError::Conflict`].
    Respected,
}

impl Api {
    /// Through a client, within the default bounds.
    pub fn new(client: kube::Client) -> Self {
        Self {
            client,
            bounds: Bounds::default(),
            url: Arc::default(),
            recovered: Arc::default(),
            clock: Clock::default(),
        }
    }

    /// As a configuration has it, within the default bounds. Nothing is repeated unseen, as `kube` would for minutes: who asks knows how
    /// long he may wait ([`Tries`]).
    pub fn of(mut config: kube::Config) -> Result<Self, kube::Error> {
        config.default_retry = false;
        let url = config.cluster_url.to_string().into();
        Ok(Self { url, ..Self::new(kube::Client::try_from(config)?) })
    }

    /// Within other bounds.
    #[must_use]
    pub fn bounded(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// The bounds.
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The time by the server's own clock, in seconds since 1970; `None` before it has answered at all.
    pub fn time(&self) -> Option<i64> {
        self.clock.now()
    }

    /// One object.
    pub async fn get(&self, at: &At<'_>) -> Result<Value, ApiError> {
        self.ask(Method::GET, at.path()?, None).await
    }

    /// What answers at a path such as `/version`, as JSON.
    pub async fn get_path(&self, path: &str) -> Result<Value, ApiError> {
        self.ask(Method::GET, path.to_owned(), None).await
    }

    /// Makes an object; [`ApiError::AlreadyExists`] where there is one of its name. The object as the server keeps it.
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        object: &Value,
    ) -> Result<Value, ApiError> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}", resource.path(namespace)?);
        self.ask(Method::POST, path, Some((JSON, object))).await
    }

    /// Puts an object in the place of another; [`ApiError::Conflict`] where it has a `resourceVersion` that is not the newest.
    pub async fn replace(&self, at: &At<'_>, object: &Value) -> Result<Value, ApiError> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}", at.path()?);
        self.ask(Method::PUT, path, Some((JSON, object))).await
    }

    /// Applies an object (server-side apply): of its fields this program is the manager, and those that it left out since the
    /// last time go.
    pub async fn apply(&self, at: &At<'_>, object: &Value, ownership: Ownership) -> Result<Value, ApiError> {
        self.apply_as(at, object, ownership, FIELD_MANAGER).await
    }

    /// The same as another manager.
    pub async fn apply_as(
        &self,
        at: &At<'_>,
        object: &Value,
        ownership: Ownership,
        manager: &str,
    ) -> Result<Value, ApiError> {
        let force = if ownership == Ownership::Forced { "&force=true" } else { "" };
        let path = format!("{}?fieldManager={}{force}", at.path()?, path::escaped(manager));
        self.ask(Method::PATCH, path, Some(("application/apply-patch+yaml", object))).await
    }

    /// Asks whether an object could be applied, and changes nothing.
    pub async fn try_apply(&self, at: &At<'_>, object: &Value) -> Result<Value, ApiError> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}&force=true&dryRun=All", at.path()?);
        self.ask(Method::PATCH, path, Some(("application/apply-patch+yaml", object))).await
    }

    /// Changes an object in part.
    pub async fn patch(&self, at: &At<'_>, patch: Patch, change: &Value) -> Result<Value, ApiError> {
        let kind = match patch {
            Patch::Merge => "application/merge-patch+json",
            Patch::Json => "application/json-patch+json",
        };
        let path = format!("{}?fieldManager={FIELD_MANAGER}", at.path()?);
        self.ask(Method::PATCH, path, Some((kind, change))).await
    }

    /// Removes an object, in the background; [`ApiError::NotFound`] where there is none. The precondition is the object's
    /// `uid`, where one is given: another object of its name stays ([`ApiError::Conflict`]).
    pub async fn delete(&self, at: &At<'_>, uid: Option<&str>) -> Result<Value, ApiError> {
        let mut options = vec![
            (Value::from("apiVersion"), Value::from("v1")),
            (Value::from("kind"), Value::from("DeleteOptions")),
            (Value::from("propagationPolicy"), Value::from("Background")),
        ];
        if let Some(uid) = uid {
            options.push(("preconditions".into(), [("uid", uid.into())].into()));
        }
        let options = Value::Object(options.into());
        self.ask(Method::DELETE, at.path()?, Some((JSON, &options))).await
    }

    /// The objects of a resource, page by page.
    pub fn list<'a>(&'a self, resource: &'a Resource, selection: &'a Selection) -> List<'a> {
        List::new(self, resource, selection)
    }

    /// The same of the objects' metadata alone: far fewer bytes.
    pub fn list_metadata<'a>(&'a self, resource: &'a Resource, selection: &'a Selection) -> List<'a> {
        List::new(self, resource, selection).of_metadata()
    }

    /// All objects of a resource. What does not fit into memory is to be read page by page: [`Api::list`].
    pub async fn list_all(&self, resource: &Resource, selection: &Selection) -> Result<Vec<Value>, ApiError> {
        let mut list = self.list(resource, selection);
        let mut items = Vec::new();
        while let Some(page) = list.next().await? {
            if page.is_first {
                // The list began anew.
                items.clear();
            }
            items.extend(page.items);
        }
        Ok(items)
    }

    /// What happens to the objects of a resource from a `resourceVersion` on.
    pub async fn watch(
        &self,
        resource: &Resource,
        selection: &Selection,
        resource_version: &str,
    ) -> Result<Watch, ApiError> {
        Watch::open(self, resource, selection, resource_version).await
    }

    /// Which kinds the server knows.
    pub async fn discover(&self) -> Result<Discovery, ApiError> {
        discovery::discover(self).await
    }

    /// Asks, and reads the answer whole.
    async fn ask(
        &self,
        method: Method,
        path: String,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, ApiError> {
        self.ask_for(method, path, JSON, body).await
    }

    async fn ask_for(
        &self,
        method: Method,
        path: String,
        accept: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, ApiError> {
        let deadline = Instant::now() + self.bounds.answer_time_max;
        let response = timeout_at(deadline, self.send(method, path, accept, body));
        let response = response.await.map_err(|_| ApiError::Timeout)??;
        let (status, wait) = (response.status(), error::retry_after(response.headers()));
        let bytes = timeout_at(deadline, self.whole(response.into_body()));
        let bytes = bytes.await.map_err(|_| ApiError::Timeout)??;
        let value = self.value(&bytes);
        if status.is_success() {
            return value;
        }
        let error = of_status(status.as_u16(), value.ok().as_ref(), &bytes).asked_to_wait(wait);
        Err(error.of_server(&self.url))
    }

    /// Sends a request; the answer's body is still to be read.
    async fn send(
        &self,
        method: Method,
        path: String,
        accept: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Response<Body>, ApiError> {
        let mut request = Request::builder().method(method).uri(path).header(ACCEPT, accept);
        let mut bytes = Vec::new();
        if let Some((kind, value)) = body {
            request = request.header(CONTENT_TYPE, kind);
            bytes = value.to_json().into_bytes();
        }
        let request =
            request.body(Body::from(bytes)).map_err(|error| ApiError::Request(error.to_string()))?;
        let response = self.client.send(request).await;
        let response = response.map_err(|error| ApiError::Unavailable(reach::failure(&self.url, &error)))?;
        self.clock.heard(response.headers().get(DATE));
        Ok(response)
    }

    async fn whole(&self, mut body: Body) -> Result<Vec<u8>, ApiError> {
        let mut bytes: Vec<u8> = Vec::new();
        while let Some(data) = data(&mut body).await? {
            if bytes.len().saturating_add(data.len()) > self.bounds.answer_bytes_max {
                return Err(ApiError::TooLarge(self.bounds.answer_bytes_max));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    fn value(&self, bytes: &[u8]) -> Result<Value, ApiError> {
        let limits = Limits { depth_max: self.bounds.depth_max, ..Limits::default() };
        let parsed = lumen_value::json::parse(bytes, &limits);
        parsed.map(|parsed| parsed.value).map_err(|error| ApiError::Malformed(error.to_string()))
    }
}

const JSON: &str = "application/json";

/// The next piece of a body; `None` at its end.
async fn data(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(ApiError::Unavailable(chain(&error))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// An object without `metadata.managedFields`, which no policy of the library looks at and which make up much of an object.
pub fn without_managed_fields(object: &Value) -> Value {
    let has = object.get("metadata").and_then(|metadata| metadata.get("managedFields")).is_some();
    match (object, object.get("metadata")) {
        (Value::Object(fields), Some(Value::Object(metadata))) if has => {
            fields.with("metadata", metadata.without("managedFields")).into()
        }
        _ => object.clone(),
    }
}

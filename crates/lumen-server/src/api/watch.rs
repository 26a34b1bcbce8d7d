//! [`Watch`]: what happens to the objects of a resource, event by event.

use axum::http::Method;
use kube::client::Body;
use lumen_value::Value;
use tokio::time::timeout;

use super::error::{of_status, retry_after};
use super::path::escaped;
use super::reflect::random;
use super::{Api, ApiError, JSON, Resource, Selection, data};

/// One event of a watch.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// An object is new, or is another now.
    Applied(Value),
    /// An object is gone; this is how it was last.
    Deleted(Value),
    /// Nothing happened up to a `resourceVersion`.
    Bookmark(String),
}

/// An open watch.
#[derive(Debug)]
pub struct Watch {
    api: Api,
    body: Body,
    /// What came and was not read yet; it begins with `read` bytes that were.
    buffer: Vec<u8>,
    read: usize,
    /// Up to where no end of a line was found.
    searched: usize,
}

/// How long a server is asked to keep a watch open, in seconds: at least so long, and at most twice. Reflectors of client-go ask for
/// the same.
const SECONDS: f64 = 300.0;

impl Watch {
    pub(super) async fn open(
        api: &Api,
        resource: &Resource,
        selection: &Selection,
        resource_version: &str,
    ) -> Result<Self, ApiError> {
        let query = format!(
            "watch=true&allowWatchBookmarks=true&timeoutSeconds={:.0}&resourceVersion={}",
            SECONDS * (1.0 + random()),
            escaped(resource_version)
        );
        let path = selection.path(resource)? + &query;
        let limit = api.bounds().answer_time_max;
        let response = timeout(limit, api.send(Method::GET, path, JSON, None));
        let response = response.await.map_err(|_| ApiError::Timeout)??;
        let (status, wait) = (response.status(), retry_after(response.headers()));
        let body = response.into_body();
        if !status.is_success() {
            let bytes = timeout(limit, api.whole(body)).await.map_err(|_| ApiError::Timeout)??;
            let error = of_status(status.as_u16(), api.value(&bytes).ok().as_ref(), &bytes);
            return Err(error.asked_to_wait(wait));
        }
        Ok(Self { api: api.clone(), body, buffer: Vec::new(), read: 0, searched: 0 })
    }

    /// The next event; `None` where the server ended the watch. After that, and after an error, another is to be opened: at
    /// the `resourceVersion` of the last event, but after [`ApiError::Gone`] with a new list.
    pub async fn next(&mut self) -> Result<Option<WatchEvent>, ApiError> {
        loop {
            if let Some(line) = self.line() {
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let event = self.api.value(&line)?;
                if let Some(event) = read(&event)? {
                    return Ok(Some(event));
                }
                continue;
            }
            let most = self.api.bounds().line_bytes_max;
            if self.buffer.len().saturating_sub(self.read) > most {
                return Err(ApiError::TooLarge(most));
            }
            let silence = self.api.bounds().silence_max;
            match timeout(silence, data(&mut self.body)).await {
                Err(_) => return Err(ApiError::Timeout),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(bytes))) => {
                    self.buffer.drain(..self.read);
                    self.searched -= self.read;
                    self.read = 0;
                    self.buffer.extend_from_slice(&bytes);
                }
            }
        }
    }

    /// The next whole line.
    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let end = self.searched + length;
        let line = self.buffer.get(self.read..end).unwrap_or_default().to_vec();
        self.read = end + 1;
        self.searched = self.read;
        Some(line)
    }
}

/// What a line says; `None` for an event of a type that is not known.
fn read(event: &Value) -> Result<Option<WatchEvent>, ApiError> {
    let object = event.get("object").cloned().unwrap_or_default();
    match event.get("type").and_then(Value::as_str) {
        Some("ADDED" | "MODIFIED") => Ok(Some(WatchEvent::Applied(object))),
        Some("DELETED") => Ok(Some(WatchEvent::Deleted(object))),
        Some("BOOKMARK") => Ok(Some(WatchEvent::Bookmark(resource_version(&object).to_owned()))),
        Some("ERROR") => {
            let code = object.get("code").and_then(Value::as_i64);
            let code = code.and_then(|code| u16::try_from(code).ok()).unwrap_or_default();
            Err(of_status(code, Some(&object), b""))
        }
        Some(_) => Ok(None),
        None => Err(ApiError::Malformed("an event of a watch has no type".to_owned())),
    }
}

/// An object's `metadata.resourceVersion`.
pub(super) fn resource_version(object: &Value) -> &str {
    let metadata = object.get("metadata").and_then(|metadata| metadata.get("resourceVersion"));
    metadata.and_then(Value::as_str).unwrap_or_default()
}

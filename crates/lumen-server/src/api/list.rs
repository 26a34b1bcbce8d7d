//! [`List`]: the objects of a resource, page by page.

use axum::http::Method;
use lumen_value::{Object, Value};

use super::path::escaped;
use super::{Api, ApiError, JSON, Resource, Selection, Tries};

/// Some objects of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The objects, each with `apiVersion` and `kind`.
    pub items: Vec<Value>,
    /// Whether it is the first page. After other pages that means: the list took too long, those before count no more.
    pub is_first: bool,
    /// From where a watch goes on, once all pages were read.
    pub resource_version: String,
}

/// The objects of a resource, page by page, all as they were at one time. Where that time is too long ago for the server to go
/// on (410), the list begins anew: [`Page::is_first`].
#[derive(Debug)]
pub struct List<'a> {
    api: &'a Api,
    resource: &'a Resource,
    selection: &'a Selection,
    accept: &'static str,
    objects: u32,
    place: Place,
    /// How often it may still begin anew.
    again: u32,
}

#[derive(Debug)]
enum Place {
    Start,
    Behind(String),
    End,
}

/// Objects without what is in them, where the server knows how to leave that out.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// How often a list begins anew before it is given up: each time the server forgot it between two pages.
const AGAIN_MAX: u32 = 5;

impl<'a> List<'a> {
    pub(super) fn new(api: &'a Api, resource: &'a Resource, selection: &'a Selection) -> Self {
        let objects = api.bounds().page_objects.max(1);
        Self { api, resource, selection, accept: JSON, objects, place: Place::Start, again: AGAIN_MAX }
    }

    /// The same of `apiVersion`, `kind` and `metadata` alone.
    pub(super) fn of_metadata(self) -> Self {
        Self { accept: METADATA, ..self }
    }

    /// The next page; `None` behind the last. After an error the same page may be asked for again.
    pub async fn next(&mut self) -> Result<Option<Page>, ApiError> {
        loop {
            let place = match &self.place {
                Place::End => return Ok(None),
                Place::Start => String::new(),
                Place::Behind(token) => format!("&continue={}", escaped(token)),
            };
            let path = format!("{}limit={}{place}", self.selection.path(self.resource)?, self.objects);
            match self.api.ask_for(Method::GET, path, self.accept, None).await {
                Ok(answer) => return self.page(&answer).map(Some),
                // Fewer of them fit.
                Err(ApiError::TooLarge(_)) if self.objects > 1 => self.objects = (self.objects / 8).max(1),
                Err(ApiError::Gone(_)) if !place.is_empty() && self.again > 0 => {
                    self.again -= 1;
                    self.place = Place::Start;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The same, asked for again where that may help.
    pub async fn next_tried(&mut self) -> Result<Option<Page>, ApiError> {
        let mut tries = Tries::default();
        loop {
            match self.next().await {
                Ok(page) => return Ok(page),
                Err(error) => tries.after(error).await?,
            }
        }
    }

    fn page(&mut self, answer: &Value) -> Result<Page, ApiError> {
        let text = |name: &str| {
            let metadata = answer.get("metadata").and_then(|metadata| metadata.get(name));
            metadata.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let items = match answer.get("items") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.iter().map(|item| self.named(item)).collect(),
            Some(_) => return Err(ApiError::Malformed("`items` of a list is no array".to_owned())),
        };
        let is_first = matches!(self.place, Place::Start);
        let token = text("continue");
        self.place = if token.is_empty() { Place::End } else { Place::Behind(token) };
        Ok(Page { items, is_first, resource_version: text("resourceVersion") })
    }

    /// An item with the `apiVersion` and `kind` that lists of built-in kinds leave out.
    fn named(&self, item: &Value) -> Value {
        match item {
            Value::Object(fields) if fields.get("kind").is_none() => {
                let named: Vec<(Value, Value)> = [
                    ("apiVersion".into(), self.resource.api_version().into()),
                    ("kind".into(), (&*self.resource.kind).into()),
                ]
                .into_iter()
                .chain(fields.iter().map(|(key, value)| (key.clone(), value.clone())))
                .collect();
                Value::Object(Object::from(named))
            }
            other => other.clone(),
        }
    }
}

//! What the tests of the network share: manifests to a snapshot.
#![allow(dead_code, reason = "shared by tests of which each uses a part")]

use lumen_core::snapshot::{Options, Snapshot, SourceDocument};
use lumen_value::{Number, Value};
use serde_json::Value as Json;

/// A snapshot of manifests, in one file.
pub(crate) fn snapshot(documents: &[Json]) -> Snapshot {
    let documents = documents.iter().enumerate().map(|(index, document)| SourceDocument {
        source: "test.yaml".into(),
        index,
        value: value(document),
    });
    Snapshot::build(documents, &Options::default()).0
}

/// A value of JSON.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => Number::parse(&number.to_string()).map_or(Value::Null, Value::Number),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::from(items.iter().map(value).collect::<Vec<_>>()),
        Json::Object(entries) => {
            Value::Object(entries.iter().map(|(key, entry)| (key.as_str().into(), value(entry))).collect())
        }
    }
}

/// A snapshot of files, each a path and its text.
pub(crate) fn snapshot_of_texts<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Snapshot {
    let mut documents = Vec::new();
    for (path, text) in files {
        let reading = lumen_value::read::read(text.as_bytes(), &lumen_value::read::Limits::default());
        documents.extend(reading.documents.into_iter().map(|document| SourceDocument {
            source: path.into(),
            index: document.index,
            value: document.value,
        }));
    }
    Snapshot::build(documents, &Options::default()).0
}

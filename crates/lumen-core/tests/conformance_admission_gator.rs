//! Templates and constraints against what `gator test` says of them.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::sync::Arc;

use harness::Case;
use lumen_core::admission::matching::Source;
use lumen_core::admission::{Explanation, GATOR, Inventory, PolicySet, Review, Verdict};
use lumen_core::finding::{Location, Outcome, Place};
use lumen_core::object::ObjectRef;
use lumen_core::request::bare_request;
use lumen_core::snapshot::Entry;
use lumen_value::read::{Limits, read};
use lumen_value::{Pointer, Value};
use serde_json::{Value as Json, json};

#[test]
fn conformance_admission_gator() {
    harness::run("admission", "gator", |case| {
        let outcome = test(case);
        match (outcome, case.has("error")) {
            (Err(_), true) => Ok(()),
            (Err(error), false) => Err(format!("refused: {error}")),
            (Ok(_), true) => Err(format!("accepted in place of {}", case.json["error"])),
            (Ok((results, exit)), false) => {
                let mut expected = case.json["results"].as_array().cloned().unwrap_or_default();
                let results = loosened(results, &mut expected);
                if sorted(&results) != sorted(&expected) {
                    return Err(format!("{} in place of {}", Json::from(results), Json::from(expected)));
                }
                if exit != case.json["exit"].as_i64().unwrap_or_default() {
                    return Err(format!("exit {exit} in place of {}", case.json["exit"]));
                }
                Ok(())
            }
        }
    });
}

/// Texts of errors are for information.
fn loosened(results: Vec<(Json, bool)>, expected: &mut [Json]) -> Vec<Json> {
    results
        .into_iter()
        .map(|(mut result, is_error)| {
            if is_error {
                let same = |other: &&mut Json| {
                    other["constraint"] == result["constraint"] && other["object"] == result["object"]
                };
                if let Some(other) = expected.iter_mut().find(same) {
                    other["msg"] = "(an error)".into();
                    result["msg"] = "(an error)".into();
                }
            }
            result
        })
        .collect()
}

fn sorted(results: &[Json]) -> Vec<String> {
    let mut texts: Vec<String> = results.iter().map(|result| value_of(result).to_json()).collect();
    texts.sort();
    texts
}

fn value_of(json: &Json) -> Value {
    lumen_value::json::parse(json.to_string().as_bytes(), &Limits::default()).expect("JSON").value
}

fn test(case: &Case) -> Result<(Vec<(Json, bool)>, i64), String> {
    let entries = entries(case)?;
    let (set, findings) = PolicySet::compile(&entries);
    if let Some(finding) = findings.iter().find(|finding| finding.outcome == Outcome::Error) {
        return Err(format!("{}: {}", finding.rule, finding.message));
    }
    let inventory = Inventory::of_manifests(entries.iter().map(|entry| &entry.value));
    let mut results = Vec::new();
    let mut exit = 0;
    for entry in &entries {
        let namespace = namespace(entry, &entries);
        let request = bare_request(entry);
        let review = Review {
            request: &request,
            namespace: namespace.as_ref(),
            namespace_object: None,
            source: Source::Original,
            time_ns: 0,
            point: GATOR,
            explanation: Explanation::None,
        };
        let mut verdicts = set.review(&review, &inventory);
        let mutated =
            set.mutated_generator(&entry.value, namespace.as_ref()).map_err(|error| error.to_string())?;
        let made = set.review_made(&mutated, &review, &inventory);
        verdicts.extend(made.map_err(|error| error.to_string())?);
        for verdict in verdicts {
            let enforcement = &verdict.enforcement;
            let denies = enforcement.action == "deny" || enforcement.scoped.iter().any(|each| each == "deny");
            exit = exit.max(i64::from(denies));
            results.push((result(&verdict, entry), verdict.is_error));
        }
    }
    Ok((results, exit))
}

fn result(verdict: &Verdict, entry: &Entry) -> Json {
    let object = &entry.object;
    let mut result = json!({
        "constraint": { "kind": &*verdict.constraint.object.kind, "name": &*verdict.constraint.object.name },
        "enforcementAction": verdict.enforcement.action,
        "msg": verdict.message,
        "object": {
            "apiVersion": &*object.api_version,
            "kind": &*object.kind,
            "name": &*object.name,
            "namespace": object.namespace.as_deref().unwrap_or_default(),
        },
    });
    if !verdict.enforcement.scoped.is_empty() {
        result["scopedEnforcementActions"] = verdict.enforcement.scoped.clone().into();
    }
    if verdict.details.as_object().is_none_or(|details| !details.is_empty()) && !verdict.details.is_null() {
        result["details"] = serde_json::from_str(&verdict.details.to_json()).expect("JSON");
    }
    result
}

/// The documents as gator reads them: a list is one object.
fn entries(case: &Case) -> Result<Vec<Arc<Entry>>, String> {
    let mut entries = Vec::new();
    for doc in case.json["docs"].as_array().into_iter().flatten() {
        let text = doc.as_str().expect("a text");
        let reading = read(text.as_bytes(), &Limits::default());
        if let Some(error) = reading.errors.first() {
            return Err(format!("reading: {error:?}"));
        }
        for document in reading.documents {
            let value = document.value;
            if value.is_null() {
                continue;
            }
            let object = ObjectRef::of(&value);
            if object.kind.is_empty() || object.api_version.is_empty() {
                return Err("an object without a kind or a version".to_owned());
            }
            let place = Place::Field { document: entries.len(), pointer: Pointer::ROOT };
            entries.push(Arc::new(Entry {
                object: Arc::new(object),
                identity: None,
                namespace: None,
                value,
                location: Location { source: "docs".into(), place },
                malformed: false,
            }));
        }
    }
    Ok(entries)
}

/// The Namespace that an object is matched with: an empty one where it is in none.
fn namespace(entry: &Entry, entries: &[Arc<Entry>]) -> Option<Value> {
    let metadata = |name: &str| -> Value { [("metadata", [("name", Value::from(name))].into())].into() };
    let Some(name) = &entry.object.namespace else {
        return Some(metadata(""));
    };
    let found = entries.iter().find(|entry| entry.is_namespace() && entry.object.name == *name);
    match found {
        Some(found) => Some(found.value.clone()),
        None => (&**name == "default").then(|| metadata("default")),
    }
}

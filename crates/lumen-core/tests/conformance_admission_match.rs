//! The `match` of constraints against facts computed with Gatekeeper.
#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use lumen_core::admission::matching::{Match, Source, Subject, check_selectors};
use lumen_value::{Number, Value};
use serde_json::Value as Json;

#[test]
fn conformance_admission_match() {
    harness::run("admission", "match", |case| {
        let object = value(&case.json["object"]);
        let old = value(&case.json["oldObject"]);
        let namespace = Some(value(&case.json["namespace"])).filter(|namespace| !namespace.is_null());
        let namespace = namespace.as_ref();
        let source = match case.text("source") {
            Some("All") => Source::All,
            Some("Original") => Source::Original,
            Some("Generated") => Source::Generated,
            _ => Source::Unknown,
        };
        let decoded = Match::decode(&value(&case.json["match"])).map_err(|error| error.to_string());
        if !object.is_null() {
            let found = decoded.clone().and_then(|matching| {
                matching
                    .matches(&Subject { object: &object, namespace, source })
                    .map_err(|error| error.to_string())
            });
            same("match", &found, &case.json)?;
        }
        let review = &case.json["review"];
        let deletes = case.text("operation") == Some("DELETE");
        let found = match (&decoded, deletes) {
            (Err(error), _) => Err(error.clone()),
            (Ok(_), true) if old.is_null() => Err("nothing to delete".to_owned()),
            (Ok(matching), _) => {
                let object = if deletes { &old } else { &object };
                matching.matches_any([object, &old], namespace, source).map_err(|error| error.to_string())
            }
        };
        same("review", &found, review)?;
        let spec = Value::from([("match", value(&case.json["match"]))]);
        let refused = check_selectors(&Value::from([("spec", spec)]));
        if refused.is_err() != review.get("constraint_error").is_some() {
            return Err(format!("constraint: {refused:?} in place of {}", review["constraint_error"]));
        }
        Ok(())
    });
}

fn same(what: &str, found: &Result<bool, String>, expected: &Json) -> Result<(), String> {
    let holds = match found {
        Ok(found) => expected.get("matches").and_then(Json::as_bool) == Some(*found),
        Err(_) => expected.get("error").is_some(),
    };
    if holds {
        return Ok(());
    }
    Err(format!("{what}: {found:?} in place of {} {}", expected["matches"], expected["error"]))
}

fn value(json: &Json) -> Value {
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

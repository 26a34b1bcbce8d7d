//! Kubernetes' reading of YAML, against what Go's libraries made of the same texts.

use harness::{Case, run};
use lumen_value::read::{Limits, ReadErrorKind, Reading, Syntax, read};
use lumen_value::yaml;
use serde_json::Value as Json;

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

/// The value of a text alone: `YAMLToJSON`, and whether `YAMLToJSONStrict` agrees.
fn check_text(case: &Case) -> Result<(), String> {
    let input = case.bytes("yaml").ok_or("the case has no input")?;
    let parsed = yaml::parse(&input, &Limits::default());
    match (parsed, case.text("json")) {
        (Err(error), Some(json)) => Err(format!("{json} expected, got the error {error}")),
        (Err(_), None) => Ok(()),
        (Ok(parsed), None) => Err(format!(
            "an error expected ({}), got {}",
            case.text("error").unwrap_or_default(),
            parsed.value
        )),
        (Ok(parsed), Some(json)) => {
            let found = parsed.value.to_json();
            // Bytes under `!!binary` that are no UTF-8 are U+FFFD to whoever reads the JSON, and so they are here.
            if found != json.replace("\\ufffd", "\u{fffd}") {
                return Err(format!("{json} expected, got {found}"));
            }
            match (parsed.duplicates.is_empty(), case.text("strict_error")) {
                (true, Some(strict)) => Err(format!("a duplicate key expected: {strict}")),
                (false, None) => Err(format!("no duplicate key expected, got {:?}", parsed.duplicates)),
                _ => Ok(()),
            }
        }
    }
}

/// The documents of a stream up to the first that is lost: where upstream stops.
fn check_documents(case: &Case) -> Result<(), String> {
    check_text(case)?;
    let input = case.bytes("yaml").ok_or("the case has no input")?;
    let reading = read(&input, &Limits::default());
    let lost = first_lost(&reading);
    let found: Vec<String> = reading
        .documents
        .iter()
        .filter(|document| document.index < lost)
        .map(|document| match document.syntax {
            Syntax::Yaml => document.value.to_json(),
            // Upstream keeps its text as it is.
            Syntax::Json | Syntax::Toml => {
                let text = input.get(document.range.clone()).unwrap_or_default();
                String::from_utf8_lossy(text).into_owned()
            }
        })
        .collect();
    let expected: Vec<&str> = match case.json.get("documents").and_then(Json::as_array) {
        Some(documents) => documents.iter().filter_map(Json::as_str).collect(),
        None => return Ok(()),
    };
    if found != expected {
        return Err(format!("{expected:?} expected, got {found:?}"));
    }
    match (case.text("documents_error"), lost) {
        (Some(error), usize::MAX) => Err(format!("an error expected: {error}")),
        (None, lost) if lost != usize::MAX => Err(format!("no error expected, got {:?}", reading.errors)),
        _ => Ok(()),
    }
}

/// The number of the first document that could not be read.
fn first_lost(reading: &Reading) -> usize {
    let lost = reading.errors.iter().filter(|error| error.kind != ReadErrorKind::DuplicateKey);
    lost.map(|error| error.document).min().unwrap_or(usize::MAX)
}

#[test]
fn conformance_yaml_scalars() {
    run("yaml", "scalars", check_text);
}

#[test]
fn conformance_yaml_documents() {
    run("yaml", "documents", check_documents);
}

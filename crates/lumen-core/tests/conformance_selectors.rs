//! Label selectors and quantities against facts computed with `k8s.io/apimachinery`.
#![expect(clippy::panic, clippy::expect_used, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::cmp::Ordering;

use harness::Case;
use lumen_core::quantity::{Format, Quantity};
use lumen_core::selector::{FieldNames, Selector};
use lumen_value::{Number, Value};
use serde_json::Value as Json;

#[test]
fn conformance_selectors_selectors() {
    harness::run("selectors", "selectors", selector);
}

#[test]
fn conformance_selectors_quantities() {
    harness::run("selectors", "quantities", |case| match case.text("kind") {
        Some("compare") => compare(case),
        _ => quantity(case),
    });
}

fn selector(case: &Case) -> Result<(), String> {
    let given = field(case, "selector");
    let selector = match case.text("kind") {
        Some("string") => Selector::parse(given.as_str().expect("a text")),
        // The oracle decodes with `encoding/json`.
        _ => Selector::of(&value(given), FieldNames::AnyCase),
    };
    let Some(selector) = refusal(case, selector)? else {
        return Ok(());
    };
    let labels = value(field(case, "labels"));
    same("matches", &Json::from(selector.matches(&labels)), field(case, "matches"))?;
    same("empty", &Json::from(selector.is_empty()), field(case, "empty"))?;
    same("canonical", &Json::from(selector.to_string()), field(case, "canonical"))
}

fn quantity(case: &Case) -> Result<(), String> {
    let parsed = match (case.text("input"), case.text("json")) {
        (Some(text), _) => Quantity::parse(text).map_err(|error| error.to_string()),
        (None, Some(json)) => of_json(json),
        (None, None) => return Err("neither `input` nor `json`".to_owned()),
    };
    let Some(quantity) = refusal(case, parsed)? else {
        return Ok(());
    };
    same("canonical", &Json::from(quantity.to_string()), field(case, "canonical"))?;
    let sign = match quantity.sign() {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    same("sign", &Json::from(sign), field(case, "sign"))?;
    let exact = Number::parse(case.text("dec").expect("a decimal number"));
    if exact.as_ref() != Some(&quantity.number()) {
        return Err(format!("dec: {} in place of {exact:?}", quantity.number()));
    }
    let format = match quantity.format() {
        Format::DecimalExponent => "DecimalExponent",
        Format::BinarySi => "BinarySI",
        Format::DecimalSi => "DecimalSI",
    };
    // Null has no format upstream.
    if !field(case, "format").as_str().is_some_and(str::is_empty) {
        same("format", &Json::from(format), field(case, "format"))?;
    }
    // Marked: the oracle rounds in the wrong direction there.
    if case.has("oracle_bug") {
        return Ok(());
    }
    for (name, found) in [("value", quantity.value()), ("milli", quantity.milli_value())] {
        let expected = case.json.get(name).cloned().unwrap_or(Json::Null);
        same(name, &Json::from(found), &expected)?;
    }
    Ok(())
}

/// The quantity that a JSON text holds.
fn of_json(json: &str) -> Result<Quantity, String> {
    let decoded: Json = serde_json::from_str(json).or_else(|error| {
        // A number that `f64` does not hold is sound JSON.
        Number::parse(json).map(|_| Json::from(0)).ok_or_else(|| error.to_string())
    })?;
    // The number's own text counts.
    let value = match decoded {
        Json::Number(_) => Number::parse(json.trim()).map_or(Value::Null, Value::Number),
        other => value(&other),
    };
    Quantity::of(&value).map_err(|error| error.to_string())
}

fn compare(case: &Case) -> Result<(), String> {
    let parse = |name| Quantity::parse(case.text(name).expect("a text")).map_err(|error| error.to_string());
    let both = parse("a").and_then(|a| Ok((a, parse("b")?)));
    let Some((a, b)) = refusal(case, both)? else {
        return Ok(());
    };
    let order = match a.cmp(&b) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    same("cmp", &Json::from(order), field(case, "cmp"))?;
    let shown =
        |result: Result<Quantity, _>| {
            Json::from(result.map_or_else(
                |error: lumen_core::quantity::TooFarApart| error.to_string(),
                |sum| sum.to_string(),
            ))
        };
    same("sum", &shown(a.add(&b)), field(case, "sum"))?;
    same("difference", &shown(a.subtract(&b)), field(case, "difference"))
}

/// What was made of the input; `None` where it is refused, as it must be.
fn refusal<T, E: ToString>(case: &Case, result: Result<T, E>) -> Result<Option<T>, String> {
    match (result, case.has("error")) {
        (Ok(result), false) => Ok(Some(result)),
        (Err(_), true) => Ok(None),
        (Ok(_), true) => Err(format!("accepted in place of {}", field(case, "error"))),
        (Err(error), false) => Err(format!("refused: {}", error.to_string())),
    }
}

fn field<'a>(case: &'a Case, name: &str) -> &'a Json {
    case.json.get(name).unwrap_or_else(|| panic!("{} has a field `{name}`", case.name))
}

fn same(name: &str, found: &Json, expected: &Json) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{name}: {found} in place of {expected}")) }
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

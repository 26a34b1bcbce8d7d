//! What the parser reads and refuses, against what the reference engine says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::cell::Cell;
use std::sync::Arc;

use harness::Case;
use lumen_rego::ast::{Module, Version};
use lumen_rego::error::Errors;
use lumen_rego::syntax::{ParseOptions, parse_body, parse_module, parse_term};
use serde_json::Value as Json;

/// Levels from which any answer is right that is clean.
const LEVELS_MANY: u64 = 10_000;

fn version(case: &Case) -> Version {
    if case.text("rego_version") == Some("v0") { Version::V0 } else { Version::V1 }
}

fn list<'a>(case: &'a Case, field: &str) -> &'a [Json] {
    case.json.get(field).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The texts of a case's modules, and whether they nest so deep that there is no right answer.
fn texts(case: &Case) -> (Vec<String>, bool) {
    let mut texts: Vec<String> =
        list(case, "modules").iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let mut is_deep = false;
    for parts in list(case, "module_parts") {
        let mut text = String::new();
        for part in parts.as_array().unwrap() {
            let count = part[1].as_u64().unwrap();
            is_deep |= count >= LEVELS_MANY;
            text.push_str(&part[0].as_str().unwrap().repeat(usize::try_from(count).unwrap()));
        }
        texts.push(text);
    }
    (texts, is_deep)
}

fn parse(case: &Case, texts: &[String]) -> Result<Vec<Module>, Errors> {
    let annotations = case.json.get("annotations").and_then(Json::as_bool).unwrap_or_default();
    let (mut modules, mut errors) = (Vec::new(), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        let file = Arc::from(format!("test-{index}.rego"));
        let options = ParseOptions {
            version: version(case),
            module: u32::try_from(index).unwrap(),
            annotations,
            ..ParseOptions::default()
        };
        match parse_module(&file, text, &options) {
            Ok(module) => modules.push(module),
            Err(Errors(more)) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok(modules) } else { Err(Errors(errors)) }
}

#[test]
fn the_parser_refuses_what_opa_refuses() {
    let (columns, messages, all, total) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |cell: &Cell<u32>, holds: bool| cell.set(cell.get() + u32::from(holds));
    harness::run_as("parse", "rego", "compile", |case| {
        let (texts, is_deep) = texts(case);
        let outcome = parse(case, &texts);
        if is_deep {
            return Ok(());
        }
        let wanted = list(case, "errors");
        if case.text("stage") != Some("parse") {
            return outcome.map(drop).map_err(|errors| format!("is refused: {errors}"));
        }
        let Err(Errors(errors)) = outcome else { return Err(format!("is not refused: {}", wanted[0])) };
        let same = |index: usize, field: &str| {
            let (wanted, got) = (wanted.get(index), errors.get(index));
            let (Some(wanted), Some(got)) = (wanted, got) else { return false };
            match field {
                "row" => wanted["row"] == got.span.row,
                "col" => wanted["col"] == got.span.column,
                "code" => wanted["code"] == got.code.as_str(),
                _ => wanted["message"] == got.message.as_str(),
            }
        };
        count(&total, true);
        count(&columns, same(0, "col"));
        count(&messages, same(0, "message"));
        let is_same = |index| ["row", "col", "code", "message"].iter().all(|field| same(index, field));
        let all_same = errors.len() == wanted.len() && (0..wanted.len()).all(is_same);
        count(&all, all_same);
        if !all_same {
            println!("{}: wanted {wanted:?}\n  got {errors:?}", case.name);
        }
        if same(0, "code") && same(0, "row") { Ok(()) } else { Err(format!("{errors:?}, not {}", wanted[0])) }
    });
    let (columns, messages, all) = (columns.get(), messages.get(), all.get());
    println!("of {} errors, same column {columns}, same message {messages}, all the same {all}", total.get());
}

#[test]
fn the_parser_reads_what_opa_evaluates() {
    for file in ["cases", "eval"] {
        harness::run_as("parse", "rego", file, |case| {
            let (texts, _) = texts(case);
            let wanted = case.json.get("error").filter(|error| error["stage"] == "parse");
            match (parse(case, &texts), wanted) {
                (Ok(_), None) => {}
                (Ok(_), Some(wanted)) => return Err(format!("is not refused: {wanted}")),
                (Err(errors), None) => return Err(format!("is refused: {errors}")),
                (Err(Errors(errors)), Some(wanted)) if errors[0].span.row == wanted["row"] => {}
                (Err(errors), Some(wanted)) => return Err(format!("{errors}, not {wanted}")),
            }
            let file = Arc::from("");
            let options = ParseOptions::default();
            if let Some(query) = case.text("query") {
                parse_body(&file, query, &options).map_err(|errors| format!("{query}: {errors}"))?;
            }
            if let Some(term) = case.text("input_term") {
                parse_term(&file, term, &options).map_err(|errors| format!("{term}: {errors}"))?;
            }
            Ok(())
        });
    }
}

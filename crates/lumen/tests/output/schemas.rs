//! Every output is valid for its readers: lumen's own schemas, SARIF's, `JUnit`'s and those of the report APIs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use lumen::output::{Format, ReportApi, Style, schema};
use lumen::report::Report;
use lumen::test::report::{Case, Coverage, Ending, Odd, Position, Report as TestReport, Suite};
use serde_json::Value;

use crate::fixture::{empty_report, report, report_with_passes, written};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn reports() -> [Report; 3] {
    [report(), report_with_passes(), empty_report()]
}

fn foreign_schema(name: &str) -> Value {
    let path = root().join("tests/schemas").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn own_schema(name: &str) -> Value {
    let (_, schema) = schema::schemas().into_iter().find(|(each, _)| *each == name).unwrap();
    schema.to_value()
}

#[track_caller]
fn assert_valid(schema: &Value, value: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn the_committed_schemas_are_current() {
    for (name, schema) in schema::schemas() {
        let path = root().join("schemas").join(format!("{}.json", name.replace('/', ".")));
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if env::var_os("LUMEN_WRITE_SCHEMAS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{} is out of date: run the test with LUMEN_WRITE_SCHEMAS=1 to write it",
            path.display()
        );
    }
}

#[test]
fn json_is_valid() {
    let schema = own_schema("lumen.report/v1");
    for report in reports() {
        let text = written(Format::Json, &report, &Style::default());
        assert_valid(&schema, &serde_json::from_str(&text).unwrap());
    }
}

#[test]
fn jsonl_is_valid() {
    let schema = own_schema("lumen.finding/v1");
    for report in reports() {
        for line in written(Format::Jsonl, &report, &Style::default()).lines() {
            assert_valid(&schema, &serde_json::from_str(line).unwrap());
        }
    }
}

#[test]
fn an_unknown_field_is_not_valid() {
    let schema = own_schema("lumen.report/v1");
    let text = written(Format::Json, &report(), &Style::default());
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["findings"][0]["colour"] = "red".into();
    assert!(!jsonschema::is_valid(&schema, &value));
}

#[test]
fn sarif_is_valid() {
    let mut schema = foreign_schema("sarif-2.1.0.json");
    // As published, the pattern holds a stray bracket, which this validator's regular expressions refuse.
    for holder in ["run", "toolComponent"] {
        let pattern = &mut schema["definitions"][holder]["properties"]["language"]["pattern"];
        assert_eq!(*pattern, "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
        *pattern = "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}\\]?$".into();
    }
    for report in reports() {
        let text = written(Format::Sarif, &report, &Style::default());
        assert_valid(&schema, &serde_json::from_str(&text).unwrap());
    }
}

#[test]
fn report_objects_are_valid() {
    for report_api in ReportApi::ALL.iter().copied() {
        for report in reports() {
            let style = Style { report_api, ..Style::default() };
            let text = written(Format::Report, &report, &style);
            for object in documents(&text) {
                let (group, version) = object["apiVersion"].as_str().unwrap().split_once('/').unwrap();
                let kind = object["kind"].as_str().unwrap().to_lowercase();
                assert_valid(&foreign_schema(&format!("{group}.{kind}.{version}.json")), &object);
                assert_eq!(object["metadata"].get("namespace").is_some(), !kind.starts_with("cluster"));
            }
        }
    }
}

#[test]
fn junit_is_valid() {
    for report in &reports() {
        assert_valid_junit(&written(Format::Junit, report, &Style::default()));
    }
}

/// A suite with a case of each ending.
fn suite_of_all_endings() -> Suite {
    let case = |ending| Case {
        test: "owner".to_owned(),
        name: "missing <b>".to_owned(),
        message: "2 violations, wanted none\nviolation: a & b".to_owned(),
        at: Some(Position { line: 12, column: 5 }),
        ..Case::ended(ending)
    };
    let cases = [Ending::Pass, Ending::Skip, Ending::Fail, Ending::Error].map(case).to_vec();
    Suite { file: "suite.yaml".into(), cases, remarks: vec!["it is skipped".to_owned()] }
}

#[test]
fn json_of_tests_is_valid() {
    let schema = own_schema("lumen.test/v1");
    let mut suite = suite_of_all_endings();
    suite.cases.push(Case { printed: vec!["seen".to_owned()], ..Case::ended(Ending::Fail) });
    let mut coverage = Coverage::default();
    coverage.add(&"policy.rego".into(), [(3, true), (4, false)]);
    let odd = |in_macro: Option<&str>, place| Odd {
        rule: "Shell".to_owned(),
        in_macro: in_macro.map(str::to_owned),
        kind: "never",
        message: "it never matches".to_owned(),
        place,
    };
    let odd = vec![odd(Some("shells"), Some(("rules.yaml".into(), 3))), odd(None, None)];
    for (coverage, findings) in [(None, None), (Some(coverage), Some(odd))] {
        let report = TestReport { suites: vec![suite.clone()], coverage, findings };
        let mut value: Value = serde_json::from_str(&lumen::test::output::json(&report).unwrap()).unwrap();
        assert_valid(&schema, &value);
        value["suites"][0]["cases"][0]["colour"] = "red".into();
        assert!(!jsonschema::is_valid(&schema, &value));
    }
    let empty: Value =
        serde_json::from_str(&lumen::test::output::json(&TestReport::default()).unwrap()).unwrap();
    assert_valid(&schema, &empty);
}

#[test]
fn junit_of_tests_is_valid_and_has_its_messages_line_by_line() {
    let suite = suite_of_all_endings();
    let text =
        lumen::test::output::junit(&TestReport { suites: vec![suite], ..TestReport::default() }).unwrap();
    assert!(!text.contains("\\n"), "{text}");
    assert!(text.contains("message=\"2 violations, wanted none\""), "{text}");
    assert!(text.contains("suite.yaml:12:5: 2 violations, wanted none\nviolation: a &amp; b"), "{text}");
    assert_valid_junit(&text);
}

fn assert_valid_junit(text: &str) {
    let schema = root().join("tests/schemas/junit-10.xsd");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("junit.xml");
    fs::write(&file, text).unwrap();
    let xmllint = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .args([&schema, &file])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = xmllint else {
        let reason = "xmllint is not installed (Debian: libxml2-utils)";
        assert!(env::var_os("CI").is_none(), "{reason}");
        println!("skipped: {reason}");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Reads the YAML that the format writes: block mappings and sequences of scalars that are plain words, JSON numbers or
/// JSON strings (with `\U` beside). No more of YAML than that may be written.
fn documents(text: &str) -> Vec<Value> {
    text.split("---\n")
        .filter(|document| !document.is_empty())
        .map(|document| {
            let lines: Vec<(usize, &str)> = document
                .lines()
                .map(|line| (line.len() - line.trim_start().len(), line.trim_start()))
                .collect();
            let mut lines = lines.as_slice();
            let value = block(&mut lines);
            assert!(lines.is_empty(), "{lines:?}");
            value
        })
        .collect()
}

fn block(lines: &mut &[(usize, &str)]) -> Value {
    let (indent, first) = lines[0];
    if first.starts_with("- ") {
        let mut items = Vec::new();
        while let Some(&(column, line)) = lines.first()
            && column == indent
            && line.starts_with("- ")
        {
            // The item's lines stand two columns further; its first line does so behind the dash.
            let length = lines[1..].iter().take_while(|(column, _)| *column > indent).count();
            let mut item = vec![(indent + 2, line.split_at(2).1)];
            item.extend(&lines[1..=length]);
            *lines = &lines[length + 1..];
            let mut item = item.as_slice();
            items.push(block(&mut item));
            assert!(item.is_empty(), "{item:?}");
        }
        return items.into();
    }
    let mut entries = serde_json::Map::new();
    while let Some(&(column, line)) = lines.first()
        && column == indent
        && !line.starts_with("- ")
    {
        let (key, value) = if line.starts_with('"') {
            let end = line.find("\":").unwrap() + 1;
            let (key, rest) = line.split_at(end);
            (key, rest.split_at(1).1)
        } else {
            line.split_once(':').unwrap()
        };
        *lines = &lines[1..];
        let value = match value.trim_start() {
            "" => block(lines),
            scalar => self::scalar(scalar),
        };
        entries.insert(scalar(key).as_str().unwrap().to_owned(), value);
    }
    entries.into()
}

fn scalar(text: &str) -> Value {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && !["true", "false", "null"].contains(&text) {
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "-./_".contains(c)), "{text}");
        return text.into();
    }
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

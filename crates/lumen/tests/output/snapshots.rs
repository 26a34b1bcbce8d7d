//! What each format looks like.

use insta::assert_snapshot;
use lumen::output::escape::is_shown;
use lumen::output::{Format, ReportApi, Style};

use crate::fixture::{empty_report, report, report_with_passes, written};

#[test]
fn human() {
    assert_snapshot!(written(Format::Human, &report(), &Style::default()));
}

#[test]
fn human_in_colour() {
    let style = Style { color: true, ..Style::default() };
    // Escapes made visible: a snapshot is read by people.
    assert_snapshot!(written(Format::Human, &report(), &style).replace('\x1b', "␛"));
}

#[test]
fn human_on_a_narrow_terminal() {
    let style = Style { width: 40, ..Style::default() };
    assert_snapshot!(written(Format::Human, &report(), &style));
}

#[test]
fn human_with_passes() {
    assert_snapshot!(written(Format::Human, &report_with_passes(), &Style::default()));
}

#[test]
fn human_without_findings() {
    assert_snapshot!(written(Format::Human, &empty_report(), &Style::default()));
}

#[test]
fn concise() {
    assert_snapshot!(written(Format::Concise, &report(), &Style::default()));
}

#[test]
fn concise_with_passes() {
    assert_snapshot!(written(Format::Concise, &report_with_passes(), &Style::default()));
}

/// JSON laid out, so that changes can be seen; the format itself is one line.
fn laid_out(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

#[test]
fn json() {
    let text = written(Format::Json, &report(), &Style::default());
    assert_eq!(text.lines().count(), 1);
    assert_snapshot!(laid_out(&text).replace(|c| c != '\n' && !is_shown(c), "␛"));
}

#[test]
fn jsonl() {
    assert_snapshot!(written(Format::Jsonl, &report(), &Style::default()));
}

#[test]
fn sarif() {
    let text = written(Format::Sarif, &report(), &Style::default());
    assert_snapshot!(laid_out(&text).replace(|c| c != '\n' && !is_shown(c), "␛"));
}

#[test]
fn junit() {
    assert_snapshot!(written(Format::Junit, &report(), &Style::default()));
}

#[test]
fn github() {
    assert_snapshot!(written(Format::Github, &report(), &Style::default()));
}

#[test]
fn markdown() {
    assert_snapshot!(written(Format::Markdown, &report(), &Style::default()));
}

#[test]
fn markdown_without_findings() {
    assert_snapshot!(written(Format::Markdown, &empty_report(), &Style::default()));
}

#[test]
fn open_reports() {
    assert_snapshot!(written(Format::Report, &report(), &Style::default()));
}

#[test]
fn policy_reports() {
    let style = Style { report_api: ReportApi::WgPolicy, ..Style::default() };
    assert_snapshot!(written(Format::Report, &report_with_passes(), &style));
}

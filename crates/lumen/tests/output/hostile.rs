//! What foreign files hold reaches no terminal as it is, and no region makes a format fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lumen::output::{Format, Style, escape};
use lumen::report::{Change, Report, Reported};
use lumen_core::finding::{Action, Finding, Fix, Related, Safety, Severity};
use lumen_value::pointer;
use proptest::prelude::*;

use crate::fixture::{field, finding, object, region_at, report, written};

#[test]
fn no_format_passes_a_control_character_on() {
    for &format in Format::ALL {
        let text = written(format, &report(), &Style::default());
        let passed: Vec<_> =
            text.chars().filter(|&character| character != '\n' && !escape::is_shown(character)).collect();
        assert!(passed.is_empty(), "{format}: {passed:?}");
    }
}

#[test]
fn a_finding_stays_on_its_line() {
    for format in [Format::Concise, Format::Jsonl, Format::Github] {
        let text = written(format, &report(), &Style::default());
        assert_eq!(text.lines().count(), report().findings.len(), "{format}");
    }
}

#[test]
fn json_gives_the_text_back() {
    let text = written(Format::Json, &report(), &Style::default());
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (index, reported) in report().findings.iter().enumerate() {
        assert_eq!(value["findings"][index]["message"], reported.finding.message.as_str());
    }
}

fn pointing(text: &[u8], bytes: std::ops::Range<usize>, missing: usize) -> Report {
    let mut region = region_at(text, bytes);
    region.missing = missing;
    Report {
        findings: vec![Reported {
            finding: Finding {
                location: Some(field("a.yaml", pointer!["spec", "containers", 0])),
                ..finding("pod-security/privileged", Action::Deny, Severity::High, "message")
            },
            region: Some(region),
            related: Vec::new(),
            changes: Vec::new(),
            live: None,
        }],
        sources: [(Arc::from("a.yaml"), Arc::from(text))].into_iter().collect(),
        ..Report::default()
    }
}

proptest! {
    #[test]
    fn any_region_of_any_text_is_shown(
        text in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[ a-c\r\n\t\u{1b}é語\u{200d}👩🏽‍💻]{0,100}".prop_map(String::into_bytes),
            "(\r|\n|a| ){0,40}".prop_map(String::into_bytes),
            "[ab\n]{900,3000}".prop_map(String::into_bytes),
        ],
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        missing in 0..5_usize,
        replacement in "[a\r\n\t\u{1b}é]{0,10}",
        color in any::<bool>(),
        width in 0..200_usize,
    ) {
        let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
        let mut report = pointing(&text, from.min(to)..from.max(to), missing);
        let safety = Safety::Safe;
        let reported = &mut report.findings[0];
        reported.finding.fix = Some(Fix { title: "\u{1b}".into(), safety, edits: Vec::new() });
        reported.changes = vec![Change { bytes: from.min(to)..from.max(to), text: replacement }];
        reported.finding.related = vec![Related { location: field("a.yaml", pointer![]), label: "\u{9b}".into(), is_step: false }];
        reported.related = vec![Some(region_at(&text, from..from))];
        for &format in Format::ALL {
            let written = written(format, &report, &Style { color, width, ..Style::default() });
            let passed = written.chars().find(|&c| c != '\n' && !(color && c == '\x1b') && !escape::is_shown(c));
            prop_assert!(passed.is_none(), "{}: {:?}", format, passed);
        }
    }
}

#[test]
fn a_line_that_is_too_long_is_cited() {
    let mut text = b"{\"a\":\"".to_vec();
    text.extend(std::iter::repeat_n(b'x', 100_000));
    text.extend(b"\",\"privileged\":true}");
    let end = text.len();
    let report = pointing(&text, end - 5..end - 1, 0);
    let human = written(Format::Human, &report, &Style::default());
    assert!(human.contains("a.yaml:1:100022"), "{human}");
    assert!(human.contains("\"privileged\":true} …`"), "{human}");
    assert!(human.len() < 1_000);
}

/// Generous bounds, for a debug build on a busy machine: they catch what grows with the square.
#[test]
fn five_thousand_findings_are_written_quickly() {
    let text: Vec<u8> = "    - name: a\n      privileged: true\n".repeat(5_000).into_bytes();
    let one = "    - name: a\n      privileged: true\n".len();
    let mut report = pointing(&text, 0..1, 0);
    report.findings = (0..5_000)
        .map(|index| {
            let start = index * one + 20;
            let mut region = region_at(&text[..one], 20..36);
            region.bytes = start..start + 16;
            region.line += index * 2;
            region.end_line = region.line;
            Reported {
                finding: Finding {
                    object: Some(object("v1", "Pod", Some("shop"), &format!("pod-{}", index / 10)).into()),
                    location: Some(field("a.yaml", pointer!["spec", "containers", index])),
                    ..finding(
                        "pod-security/privileged",
                        Action::Deny,
                        Severity::High,
                        "container `a` runs privileged",
                    )
                },
                region: Some(region),
                related: Vec::new(),
                changes: Vec::new(),
                live: None,
            }
        })
        .collect();
    for &format in Format::ALL {
        let start = Instant::now();
        let written = written(format, &report, &Style::default());
        let elapsed = start.elapsed();
        println!("{format}: {elapsed:?}, {} bytes", written.len());
        assert!(elapsed < Duration::from_mins(4), "{format}: {elapsed:?}");
    }
}

#[test]
fn fingerprints_stay_when_lines_shift_and_differ_within_a_report() {
    let prints = |report: &Report| -> Vec<String> {
        let text = written(Format::Sarif, report, &Style::default());
        let log: serde_json::Value = serde_json::from_str(&text).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let print = |result: &serde_json::Value| result["partialFingerprints"].to_string();
        results.iter().map(print).collect()
    };
    let before = report();
    let mut after = report();
    for reported in &mut after.findings {
        reported.finding.message.push_str(", in other words");
        if let Some(region) = &mut reported.region {
            region.line += 3;
            region.end_line += 3;
        }
    }
    assert_eq!(prints(&before), prints(&after));
    after.findings.extend(report().findings);
    let distinct: std::collections::BTreeSet<_> = prints(&after).into_iter().collect();
    assert_eq!(distinct.len(), after.findings.len());
}

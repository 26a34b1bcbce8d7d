//! `lumen explain`.

use insta::assert_snapshot;
use lumen::explain;
use lumen::output::Style;

use crate::fixture::RULES;

#[test]
fn a_rule() {
    let rule = explain::find(RULES, "pod-security/privileged").unwrap();
    assert_snapshot!(explain::rule(rule, &Style::default()));
}

#[test]
fn a_rule_in_colour() {
    let style = Style {
        color: true,
        width: 60,
        ..Style::default()
    };
    let rule = explain::find(RULES, "host-namespaces").unwrap();
    assert_snapshot!(explain::rule(rule, &style).replace('\x1b', "␛"));
}

#[test]
fn a_rule_on_inputs() {
    let rule = explain::find(RULES, "input/syntax").unwrap();
    assert_snapshot!(explain::rule(rule, &Style::default()));
}

#[test]
fn all_rules() {
    assert_snapshot!(explain::list(RULES, &Style::default()));
}

#[test]
fn a_unique_suffix_names_a_rule() {
    assert_eq!(explain::find(RULES, "privileged").unwrap().name, "privileged");
    assert!(explain::find(RULES, "vileged").is_none());
    assert!(explain::find(RULES, "").is_none());
}

#[test]
fn a_misspelt_rule_has_suggestions() {
    assert_eq!(
        explain::suggestions(RULES, "pod-security/priviledged")[0],
        "pod-security/privileged"
    );
    assert_eq!(
        explain::suggestions(RULES, "run-as-nonroot")[0],
        "pod-security/run-as-non-root"
    );
    assert!(explain::suggestions(RULES, "zzz").is_empty());
}

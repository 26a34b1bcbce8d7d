//! `lumen explain`.

use insta::assert_snapshot;
use lumen::explain;
use lumen::output::Style;
use lumen_core::rule::Rule;

use crate::fixture::RULES;

fn named(id: &str) -> &'static Rule {
    RULES.iter().find(|rule| rule.id().to_string() == id).unwrap()
}

#[test]
fn a_rule() {
    let rule = named("pod-security/privileged");
    assert_snapshot!(explain::rule(rule, &Style::default()));
}

#[test]
fn a_rule_in_colour() {
    let style = Style { color: true, width: 60, ..Style::default() };
    let rule = named("pod-security/host-namespaces");
    assert_snapshot!(explain::rule(rule, &style).replace('\x1b', "␛"));
}

#[test]
fn a_rule_on_inputs() {
    let rule = named("input/syntax");
    assert_snapshot!(explain::rule(rule, &Style::default()));
}

#[test]
fn all_rules() {
    assert_snapshot!(explain::list(RULES, [], &Style::default()));
}

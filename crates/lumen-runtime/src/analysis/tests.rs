use super::{Finding, Oddity, analyse};
use crate::load::{File, load};

/// What is odd about rules with these conditions, in words.
fn odd(macros: &str, conditions: &[&str]) -> Vec<String> {
    let rules = conditions.iter().enumerate().map(|(number, condition)| {
        format!("- rule: r{number}\n  desc: d\n  condition: {condition}\n  output: x\n  priority: INFO\n")
    });
    let text = format!("{macros}\n{}", rules.collect::<String>());
    let loaded = load(&[File { text: &text }]);
    assert!(loaded.is_sound(), "{:?}", loaded.problems);
    analyse(&loaded.rules).iter().map(said).collect()
}

fn said(finding: &Finding) -> String {
    let what = match &finding.oddity {
        Oddity::NoEvents => "no events".to_owned(),
        Oddity::Never { because } => format!("never: {because}"),
        Oddity::Empty { question } => format!("empty: {question}"),
        Oddity::DeadBranch { branch, because } => format!("dead {branch}: {because}"),
        Oddity::Redundant { branch, within } => format!("{branch} is within {within}"),
        Oddity::Shadowed { by } => format!("shadowed by r{by}"),
    };
    let place = finding.in_macro.as_deref().unwrap_or("");
    format!("r{}{place} {what}", finding.rule)
}

#[test]
fn conditions_that_exclude_each_other_never_hold() {
    assert_eq!(odd("", &["evt.type = open and evt.type = close"]), ["r0 no events"]);
    assert_eq!(
        odd("", &["evt.type = open and fd.name = /a and fd.name startswith /b"]),
        ["r0 never: `fd.name = /a` and `fd.name startswith /b` exclude each other"]
    );
    assert_eq!(
        odd("", &["evt.type = open and proc.name in (a, b) and not proc.name in (a, b, c)"]),
        ["r0 never: `proc.name in (a, b)` and `not proc.name in (a, b, c)` exclude each other"]
    );
    assert_eq!(
        odd("", &["evt.type = open and fd.name startswith /etc and fd.name startswith /var"]),
        ["r0 never: `fd.name startswith /etc` and `fd.name startswith /var` exclude each other"]
    );
    assert_eq!(
        odd("", &["evt.type = open and user.uid = 0 and user.uid > 5"]),
        ["r0 never: `user.uid = 0` and `user.uid > 5` exclude each other"]
    );
}

#[test]
fn what_may_hold_is_not_told() {
    for condition in [
        "evt.type = open and fd.name startswith /etc and fd.name startswith /etc/ssl",
        "evt.type = connect and fd.ip = 10.0.0.1 and fd.ip = 10.0.0.2",
        "evt.type = open and proc.aname = a and proc.aname = b",
        "evt.type = open and not fd.name = /a and not fd.name = /b",
        "evt.type = open and proc.name in (a, b) and not proc.name in (a)",
        "evt.type = open and (fd.name = /a or proc.name = b)",
        "evt.type = open and tolower(proc.name) = a and proc.name = A",
    ] {
        assert_eq!(odd("", &[condition]), [""; 0], "{condition}");
    }
}

#[test]
fn branches_are_dead_where_what_is_around_them_excludes_them() {
    assert_eq!(
        odd("", &["evt.type = open and proc.name = a and (fd.name = /x or proc.name = b or fd.name = /y)"]),
        ["r0 dead proc.name = b: `proc.name = a` and `proc.name = b` exclude each other"]
    );
    let macros = "- macro: m\n  condition: (proc.name = b or proc.name = a)";
    assert_eq!(
        odd(macros, &["evt.type = open and proc.name = a and m"]),
        [""; 0],
        "macros are made for several rules"
    );
    let macros = "- macro: m\n  condition: (proc.name = a and (fd.name = /x or proc.name in (b, c)))";
    assert_eq!(
        odd(macros, &["evt.type = open and m"]),
        ["r0m dead proc.name in (b, c): `proc.name = a` and `proc.name in (b, c)` exclude each other"]
    );
}

#[test]
fn branches_that_another_holds_are_told_once() {
    assert_eq!(
        odd("", &["evt.type = open and (fd.name startswith /etc/ or fd.name = /etc/shadow)"]),
        ["r0 fd.name = /etc/shadow is within fd.name startswith /etc/"]
    );
    assert_eq!(
        odd("", &["evt.type = open and (proc.name = a or fd.name = /x or proc.name = a)"]),
        ["r0 proc.name = a is within proc.name = a"]
    );
    assert_eq!(
        odd("", &["evt.type = open and ((proc.name = a and fd.num = 3) or proc.name in (a, b))"]),
        ["r0 (proc.name = a and fd.num = 3) is within proc.name in (a, b)"]
    );
}

#[test]
fn placeholders_are_not_odd() {
    let macros = "- macro: local\n  condition: (evt.num < 0)\n- list: allowed\n  items: []";
    assert_eq!(odd(macros, &["evt.type = open and not local and not proc.name in (allowed)"]), [""; 0]);
    assert_eq!(
        odd(macros, &["evt.type = open and (local or proc.name in (allowed) or proc.name = x)"]),
        [""; 0]
    );
    assert_eq!(
        odd(macros, &["evt.type = open and proc.name in (allowed)"]),
        ["r0 empty: proc.name in ()"],
        "it waits for someone to fill the list"
    );
    assert_eq!(
        odd(
            "- macro: local\n  condition: (evt.num < 0)\n- macro: other\n  condition: (evt.num < 0)\n- list: allowed\n  items: []",
            &["evt.type = open and (proc.name in (allowed) or local) and not other"]
        ),
        ["r0 empty: proc.name in ()"]
    );
}

#[test]
fn one_of_several_values_may_be_each_that_is_asked_for() {
    for field in ["fd.ip", "proc.aname", "proc.aenv"] {
        let (one, other) = if field == "fd.ip" { ("1.1.1.1", "1.1.1.2") } else { ("a", "b") };
        let condition = format!("evt.type = open and {field} = {one} and {field} = {other}");
        assert_eq!(odd("", &[&condition]), [""; 0]);
    }
}

#[test]
fn a_rule_is_shadowed_by_an_earlier_one_that_it_implies() {
    let macros = "- macro: opened\n  condition: (evt.type in (open, openat) and fd.num >= 0)";
    assert_eq!(
        odd(
            macros,
            &["opened and fd.name startswith /etc", "opened and fd.name = /etc/shadow and not proc.name = x"]
        ),
        ["r1 shadowed by r0"]
    );
    assert_eq!(
        odd(macros, &["opened and fd.name = /etc/shadow", "opened and fd.name startswith /etc"]),
        [""; 0]
    );
    assert_eq!(
        odd(macros, &["evt.type in (open, openat)", "opened and (proc.name = a or proc.name = b)"]),
        ["r1 shadowed by r0"]
    );
    assert_eq!(
        odd(
            "",
            &[
                "evt.type = open and proc.name in (a, b, c)",
                "evt.type = open and (proc.name = a or proc.name = b)"
            ]
        ),
        ["r1 shadowed by r0"]
    );
    assert_eq!(
        odd("", &["evt.type = open and not proc.name = x", "evt.type = open and not proc.name in (x, y)"]),
        ["r1 shadowed by r0"]
    );
    assert_eq!(
        odd("", &["evt.type = open and not proc.name in (x, y)", "evt.type = open and not proc.name = x"]),
        [""; 0]
    );
}

//! Rules files that are made to break something: each is read to an end, what is too much is told, and the good rule that
//! stands among it loads.

use std::fmt::Write as _;

use lumen_runtime::load::{FILE_BYTES_MAX, File, Loaded, load};
use lumen_runtime::necessary::Necessary;
use lumen_runtime::ruleset::RuleSet;

fn rule(name: &str, condition: &str) -> String {
    format!(
        "- rule: {name}\n  desc: d\n  condition: {condition:?}\n  output: \"%proc.name\"\n  priority: INFO\n  warn_evttypes: false\n"
    )
}

/// Loads a text with a good rule behind it, and makes what loads ready.
fn loaded(text: &str) -> Loaded {
    let text = format!("{text}{}", rule("good", "evt.type=open and proc.name=cat"));
    assert!(text.len() <= FILE_BYTES_MAX, "{} bytes", text.len());
    let loaded = load(&[File { text: &text }]);
    assert!(
        loaded.rules.iter().any(|rule| rule.name == "good"),
        "{:?}",
        loaded.problems.iter().take(3).collect::<Vec<_>>()
    );
    RuleSet::compile(&loaded.rules);
    Necessary::compile(&loaded.rules);
    loaded
}

fn has(loaded: &Loaded, name: &str) -> bool {
    loaded.rules.iter().any(|rule| rule.name == name)
}

#[test]
fn deep_conditions_are_refused() {
    let levels = 100_000;
    for (open, close) in [("(", ")"), ("not (", ")"), ("(evt.type=open and ", ")"), ("tolower(", ")")] {
        let condition = format!("{}proc.name{}", open.repeat(levels), close.repeat(levels));
        let loaded = loaded(&rule("deep", &format!("{condition} = a")));
        assert!(!has(&loaded, "deep"), "{open}");
    }
    assert!(has(&loaded(&rule("long", &format!("{}proc.name=a", "not ".repeat(levels)))), "long"));
    let wide = vec!["proc.name=a"; levels].join(" and ");
    assert!(has(&loaded(&rule("wide", &wide)), "wide"));
}

#[test]
fn long_lists_are_bounded() {
    let items: Vec<String> = (0..1_000_000).map(|number| format!("n{number:07}")).collect();
    let mut text = format!("- list: long\n  items: [{}]\n", items.join(", "));
    text += &rule("once", "evt.type=open and proc.name in (long)");
    let mut twenty = String::new();
    for name in ["a", "b"] {
        twenty += &rule(name, &vec!["proc.name in (long)"; 20].join(" or "));
    }
    let loaded = loaded(&(text + &twenty));
    assert!(!has(&loaded, "a"), "lists filled in make it too long");
}

#[test]
fn long_chains_of_macros_are_bounded() {
    let mut text = "- macro: m0\n  condition: proc.name=a\n".to_owned();
    for number in 1..90_000 {
        writeln!(text, "- macro: m{number}\n  condition: m{} or fd.num={number}", number - 1)
            .expect("a string takes it");
    }
    text += &rule("shallow", "evt.type=open and m10");
    text += &rule("deep", "evt.type=open and m89999");
    let loaded = loaded(&text);
    assert!(has(&loaded, "shallow"));
    assert!(!has(&loaded, "deep"), "it is nested too deep");
}

#[test]
fn lists_of_lists_do_not_explode() {
    let mut text = "- list: l0\n  items: [a, b]\n".to_owned();
    for number in 1..200 {
        writeln!(text, "- list: l{number}\n  items: [{}]", vec![format!("l{}", number - 1); 40].join(", "))
            .expect("a string takes it");
    }
    loaded(&(text + &rule("r", "proc.name in (l199)")));
}

#[test]
fn exceptions_with_many_values_are_bounded() {
    let mut text = rule("many", "evt.type=open");
    text += "  exceptions:\n  - name: e\n    fields: [proc.name, fd.name]\n    comps: [=, startswith]\n    values:\n";
    for number in 0..30_000 {
        writeln!(text, "    - [p{number}, /f{number}]").expect("a string takes it");
    }
    assert!(has(&loaded(&text), "many"));
    let mut text = rule("appended", "evt.type=open");
    for number in 0..2_000 {
        writeln!(
            text,
            "- rule: appended\n  condition: and proc.name!=p{number}\n  override: {{condition: append}}"
        )
        .expect("a string takes it");
    }
    loaded(&text);
}

#[test]
fn regular_expressions_that_explode_are_refused() {
    let mut text = String::new();
    for (number, pattern) in ["(((a{90}){90}){90}){90}", "((a*)*)*b", "(.*.*.*.*)*x", "[[:alpha:]]{1000}{2}"]
        .into_iter()
        .enumerate()
    {
        text += &rule(&format!("r{number}"), &format!("proc.name regex '{pattern}'"));
    }
    for number in 0..300 {
        text += &rule(&format!("m{number}"), &format!("proc.name regex '(.{{1000}}|{number}.{{1000}})'"));
    }
    let loaded = loaded(&text);
    assert!(!has(&loaded, "r0"));
    assert!(has(&loaded, "r1") && has(&loaded, "m0"));
    assert!(!has(&loaded, "m299"), "all of them together take too much");
}

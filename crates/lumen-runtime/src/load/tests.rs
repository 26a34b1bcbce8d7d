use std::fmt::Write as _;
use std::ops::Range;

use super::{Code, File, Loaded, Version, event_types, load};

fn loaded(text: &str) -> Loaded {
    load(&[File { text }])
}

fn part<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone()).expect("a range of the text")
}

fn rule(condition: &str) -> String {
    format!("- rule: r\n  desc: d\n  condition: {condition}\n  output: \"%proc.name\"\n  priority: INFO\n")
}

#[test]
fn a_problem_is_told_where_it_stands() {
    let text = rule("evt.type=openat and proc.nosuch=cat");
    let loaded = loaded(&text);
    let problem = &loaded.problems[0];
    assert_eq!(problem.code, Code::CompileCondition);
    assert_eq!(part(&text, &problem.range), "proc.nosuch=cat");
}

#[test]
fn a_place_behind_a_list_is_found() {
    let text = format!("- list: l\n  items: [a, bb, ccc]\n{}", rule("proc.name in (l) and evt.type === x"));
    let loaded = loaded(&text);
    let problem = &loaded.problems[0];
    assert_eq!(problem.code, Code::CompileCondition, "{problem:?}");
    let found = part(&text, &problem.range);
    assert!(found.starts_with("= x"), "{found:?}");
}

#[test]
fn a_bad_rule_stops_no_other() {
    let good = rule("evt.type=openat").replace("rule: r", "rule: good");
    let loaded = loaded(&format!("{}{good}- hello\n", rule("and and")));
    let names: Vec<&str> = loaded.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["good"]);
    assert_eq!(loaded.problems.iter().filter(|problem| problem.code.is_error()).count(), 2);
}

#[test]
fn macros_that_double_take_neither_time_nor_memory() {
    let mut text = "- macro: m0\n  condition: proc.name=cat\n".to_owned();
    for level in 1..60 {
        writeln!(text, "- macro: m{level}\n  condition: m{0} and m{0}", level - 1)
            .expect("a string takes it");
    }
    text += &rule("evt.type=openat and m59");
    let loaded = loaded(&text);
    assert!(loaded.is_sound(), "{:?}", loaded.problems);
    assert_eq!(loaded.rules.len(), 1);
}

#[test]
fn the_first_of_a_key_that_stands_twice_counts() {
    let text = "- rule: r\n  desc: d\n  condition: evt.type=open\n  output: x\n  priority: INFO\n  priority: ERROR\n";
    let loaded = loaded(text);
    assert_eq!(loaded.rules.first().map(|rule| rule.priority.as_str()), Some("Informational"));
    let told: Vec<&str> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(told, ["the key `/0/priority` stands twice; the first counts"]);
}

#[test]
fn what_stands_before_the_edge_of_the_first_item_is_told() {
    let loaded = loaded("  - list: a\n    items: [x]\n- list: b\n  items: [y]\n");
    let told: Vec<&str> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(told, ["`---` must stand before another document"]);
}

#[test]
fn what_stands_behind_a_version_is_not_looked_at() {
    assert_eq!(Version::parse("0.50.0 or so"), Some(Version { major: 0, minor: 50, patch: 0 }));
    assert_eq!(Version::parse("0.50.0-rc1"), Some(Version { major: 0, minor: 50, patch: 0 }));
    assert_eq!(Version::parse("0.50"), None);
    assert_eq!(Version::parse("0.50.x"), None);
}

/// The codes of what is told of a rule, but for what it costs.
fn told(condition: &str, output: &str) -> Vec<Code> {
    let text = rule(condition).replace("%proc.name", output);
    let problems = loaded(&text).problems;
    problems.iter().map(|problem| problem.code).filter(|code| *code != Code::NoEventType).collect()
}

#[test]
fn numbers_are_decimal_and_nothing_else() {
    for number in ["5", "-5", "+5", "' 5'", "010", "4294967296", "99999999999999999999"] {
        assert_eq!(told(&format!("proc.pid={number}"), "x"), [], "{number}");
    }
    for number in ["0x10", "1.5", "5a", "'5 '", "1e3", "-", "''"] {
        assert_eq!(told(&format!("proc.pid={number}"), "x"), [Code::CompileCondition], "{number}");
    }
}

#[test]
fn arguments_of_events_are_known_by_name() {
    for condition in ["evt.arg.flags=x", "evt.arg[0]=x", "evt.rawarg.flags=5", "evt.rawarg.path=x"] {
        assert_eq!(told(condition, "x"), [], "{condition}");
    }
    for condition in [
        "evt.arg.nosuch=x",
        "evt.arg.flagss=x",
        "evt.arg[flags]=x",
        "evt.rawarg[0]=5",
        "evt.rawarg.flags=x",
        "evt.rawarg.flags contains 5",
        "evt.rawarg.addr > 0",
    ] {
        assert_eq!(told(condition, "x"), [Code::CompileCondition], "{condition}");
    }
    assert_eq!(told("evt.rawarg.addr exists", "%evt.arg.resx"), []);
    assert_eq!(told("evt.type=open", "%evt.arg.nosuch"), [Code::CompileOutput]);
}

#[test]
fn fields_that_need_the_start_of_a_call_are_told() {
    for (condition, output, times) in [
        ("evt.latency > 1", "x", 1),
        ("tolower(evt.dir) = <", "x", 1),
        ("evt.dir = < and evt.latency.s > 3", "x", 2),
        ("evt.type=open", "%evt.latency.human", 2),
        ("evt.type=open", "evt.dir is its direction", 1),
        ("proc.name=val(evt.dir)", "x", 0),
    ] {
        assert_eq!(told(condition, output), vec![Code::DeprecatedItem; times], "{condition} {output}");
    }
}

#[test]
fn both_calls_that_accept_are_looked_at() {
    let types = |condition: &str| {
        let loaded = loaded(&rule(condition));
        event_types::of(&loaded.rules[0].condition).names().collect::<Vec<_>>()
    };
    assert_eq!(types("evt.type=accept"), ["accept", "accept4"]);
    assert_eq!(types("not evt.type!=accept4"), ["accept", "accept4"]);
    assert_eq!(types("evt.type=accept and not evt.type=accept4"), ["accept"]);
    assert!(types("evt.type!=accept").contains(&"accept4"));
}

#[test]
fn values_of_the_wrong_kind_are_refused_as_the_reference_refuses_them() {
    for (condition, message) in [
        ("tolower(evt.type) in (open, http)", "unknown event type http"),
        ("fd.cport != '9999999999999999999'", "stoi"),
        (
            "proc.vmswap = val(proc.ppid.ts)",
            "the fields to both sides of the operator are of different types",
        ),
    ] {
        let loaded = loaded(&rule(condition));
        assert_eq!(loaded.problems.first().map(|problem| problem.message.as_str()), Some(message));
    }
    assert!(loaded(&rule("evt.type contains ''")).is_sound());
}

#[test]
fn regular_expressions_share_their_memory() {
    let mut text = String::new();
    for number in 0..200 {
        let condition = format!("proc.name regex '[[:alpha:]]{{1000}}{number}(x{{1000}}|.{{1000}})'");
        text += &rule(&condition).replace("rule: r", &format!("rule: r{number}"));
    }
    text += &rule("proc.name=cat");
    let loaded = loaded(&text);
    assert!(loaded.rules.iter().any(|rule| rule.name == "r0"), "{:?}", loaded.problems.first());
    assert!(loaded.rules.iter().any(|rule| rule.name == "r"));
    assert!(loaded.rules.len() < 200);
    assert!(loaded.problems.iter().any(|problem| problem.message.contains("bytes")));
}

#[test]
fn a_condition_that_never_holds_looks_at_all_types() {
    let loaded = loaded(&rule("evt.num=0"));
    assert_eq!(loaded.problems.first().map(|problem| problem.code), Some(Code::NoEventType));
}

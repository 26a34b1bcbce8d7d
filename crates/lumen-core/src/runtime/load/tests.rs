use std::fmt::Write as _;
use std::ops::Range;

use super::{Code, File, Loaded, load};

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

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
fn what_is_no_call_is_looked_at_where_a_call_is_negated() {
    let count = |condition: &str| event_types::of(&loaded(&rule(condition)).rules[0].condition).count();
    for condition in ["not syscall.type exists", "not syscall.type=open", "not syscall.type!=open"] {
        assert_eq!(count(condition), event_types::NAMES.len(), "{condition}");
    }
    assert_eq!(count("syscall.type=open"), 1);
    assert_eq!(count("not evt.type!=open"), 1);
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

/// The problems of files that are errors: the file, what stands where they are told, the item and the macro.
fn errors<'t>(texts: &[&'t str]) -> Vec<(usize, &'t str, String, Option<String>)> {
    let files: Vec<File<'_>> = texts.iter().map(|text| File { text }).collect();
    let problems = load(&files).problems.into_iter().filter(|problem| problem.code.is_error());
    let told = problems.map(|problem| {
        let found = part(texts[problem.file], &problem.range).lines().next().unwrap_or_default();
        (problem.file, found, problem.item.unwrap_or_default(), problem.in_macro)
    });
    told.collect()
}

#[test]
fn a_slip_in_a_macro_is_told_in_the_macro_for_each_rule() {
    let other = rule("evt.type=open and outer").replace("rule: r", "rule: other");
    let first = format!(
        "- list: l\n  items: [a, b]\n- macro: inner\n  condition: proc.name=x\n- macro: outer\n  condition: fd.num=1 or inner\n{}{other}",
        rule("evt.type=open and inner")
    );
    let slip = "- macro: inner\n  condition: fd.name in (l) and proc.nme = x\n";
    let expected = ["r", "other"].map(|item| (1, "proc.nme = x", item.to_owned(), Some("inner".to_owned())));
    assert_eq!(errors(&[&first, slip]), expected);
    let append = "- macro: inner\n  condition: and proc.nme = x\n  override:\n    condition: append\n";
    assert_eq!(errors(&[&first, append]), expected);
}

#[test]
fn what_is_appended_is_told_where_it_stands() {
    let first = rule("evt.type=open");
    let of = |range: &'static str| vec![(1, range, "r".to_owned(), None)];
    let append = "- rule: r\n  output: and %proc.cmdline of %proc.nme\n  override:\n    output: append\n";
    assert_eq!(errors(&[&first, append]), of("%proc.nme"));
    let append = "- rule: r\n  condition: and proc.nme=x\n  override:\n    condition: append\n";
    assert_eq!(errors(&[&first, append]), of("proc.nme=x"));
    let replace = "- rule: r\n  output: \"  of %proc.nme\"\n  override:\n    output: replace\n";
    assert_eq!(errors(&[&first, replace]), of("%proc.nme\""));
}

#[test]
fn a_macro_that_there_is_not_is_told_at_its_name() {
    let text = rule("evt.type=open and open_reed and fd.num=1");
    assert_eq!(errors(&[&text]), [(0, "open_reed and fd.num=1", "r".to_owned(), None)]);
    let text = "- macro: m\n  condition: proc.name=x and nosuch\n";
    assert_eq!(errors(&[text]), [(0, "nosuch", "m".to_owned(), None)]);
}

#[test]
fn what_may_have_been_meant_is_told_beside_the_message() {
    let base = format!(
        "- list: shells\n  items: [sh]\n- macro: open_read\n  condition: evt.type=open and proc.name in (shells)\n{}",
        rule("open_read").replace("rule: r", "rule: Shadow read")
    );
    let broken = "- macro: broken\n  condition: proc.name =\n";
    let later = "- macro: early\n  condition: late\n- macro: late\n  condition: fd.num=1\n";
    for (text, hint) in [
        (
            "- rule: Shadow raed\n  enabled: false\n  override: {enabled: replace}\n",
            "did you mean `Shadow read`?",
        ),
        ("- rule: Shadow raed\n  tags: [x]\n  override: {tags: append}\n", "did you mean `Shadow read`?"),
        ("- rule: Shadow raed\n  enabled: false\n", "did you mean `Shadow read`?"),
        ("- list: shels\n  items: [x]\n  override: {items: append}\n", "did you mean `shells`?"),
        (
            "- macro: open_reed\n  condition: x\n  override: {condition: append}\n",
            "did you mean `open_read`?",
        ),
        (&rule("open_reed"), "did you mean `open_read`?"),
        (&rule("evt.type=opennat"), "did you mean `openat` or `openat2`?"),
        (&format!("{}  source: syscal\n", rule("evt.type=open")), "did you mean `syscall`?"),
        (&format!("{}  tag: [x]\n", rule("evt.type=open")), "did you mean `tags`?"),
        (
            &format!("{}  exceptions: [{{name: e, fields: [proc.nme]}}]\n", rule("evt.type=open")),
            "did you mean `proc.name` or `proc.aname` or `proc.pname`?",
        ),
        (
            &format!("{broken}{}", rule("broken")),
            "there is a macro `broken`, but it is left out for what is wrong with it",
        ),
        (later, "the macro `late` is not named before this one: macros see those before them alone"),
        (&rule("nothing_like_it"), ""),
    ] {
        let problems = load(&[File { text: &base }, File { text }]).problems;
        let hints: Vec<_> = problems.iter().filter_map(|problem| problem.hint.as_deref()).collect();
        let expected: &[&str] = if hint.is_empty() { &[] } else { &[hint] };
        assert_eq!(hints, expected, "{text}{problems:?}");
        assert!(problems.iter().all(|problem| !problem.message.contains("did you mean `open")));
    }
}

#[test]
fn names_that_nothing_has_take_no_time() {
    let mut text = String::new();
    for number in 0..2_000 {
        writeln!(text, "- macro: {}{number}\n  condition: {}{number}", "m".repeat(120), "n".repeat(120))
            .expect("a string takes it");
    }
    let problems = loaded(&text).problems;
    assert!(problems.iter().filter(|problem| problem.code == Code::Validate).count() == 2_000);
}

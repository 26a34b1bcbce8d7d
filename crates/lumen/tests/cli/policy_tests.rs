//! `lumen test`.

use crate::support::Folder;

const TEMPLATE: &str = "\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: owner}
spec:
  crd: {spec: {names: {kind: Owner}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package owner

      violation[{\"msg\": msg}] {
        not input.review.object.metadata.labels.owner
        msg := \"owner is missing\"
      }

      violation[{\"msg\": msg}] {
        input.review.object.metadata.labels.owner == \"nobody\"
        msg := \"nobody is no owner\"
      }
";
const CONSTRAINT: &str = "\
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Owner
metadata: {name: owner}
spec:
  match:
    kinds: [{apiGroups: [''], kinds: [Pod]}]
";
const OWNED: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {owner: me}}\n";
const BARE: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\n";
const HEAD: &str = "\
apiVersion: test.gatekeeper.sh/v1alpha1
kind: Suite
tests:
- name: owner
  template: template.yaml
  constraint: constraint.yaml
";
const CASES: &str = "  cases:
  - name: owned
    object: owned.yaml
    assertions:
    - violations: no
  - name: bare
    object: bare.yaml
    assertions:
    - violations: 1
      message: owner is missing
";

fn folder(suite: &str) -> Folder {
    Folder::new(&[
        ("template.yaml", TEMPLATE),
        ("constraint.yaml", CONSTRAINT),
        ("owned.yaml", OWNED),
        ("bare.yaml", BARE),
        ("suite.yaml", suite),
    ])
}

/// What `lumen test` says of a suite, and its exit code.
fn ran(suite: &str, options: &str) -> (i32, String) {
    let outcome = folder(suite).run(&format!("test {options}"));
    (outcome.code, outcome.stdout + &outcome.stderr)
}

#[test]
fn a_sound_suite_passes_strictly() {
    let (code, text) = ran(&format!("{HEAD}{CASES}"), "--strict");
    assert_eq!((code, text.as_str()), (0, "ok    suite.yaml  2/2\n2 passed in 1 file\n"));
}

#[test]
fn what_tests_nothing_is_told_and_fails_strictly() {
    let owned = "  cases: [{name: c, object: owned.yaml, assertions: [{violations: no}]}]\n";
    let skipped = CASES.replace("  - name: bare\n", "  - name: bare\n    skip: true\n");
    let unmatched =
        "  cases: [{name: c, object: constraint.yaml, assertions: [{violations: yes}, {violations: no}]}]\n";
    let suites = [
        (format!("{HEAD}{owned}"), "cannot fail while the policy finds nothing"),
        (format!("{HEAD}{skipped}"), "case `bare` is skipped"),
        (format!("{HEAD}  skip: true\n{CASES}"), "test `owner` is skipped"),
        (format!("{HEAD}  cases: []\n"), "test `owner` has no cases"),
        (format!("{HEAD}{unmatched}"), "the constraint matches the object of no case"),
        ("apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests: []\n".to_owned(), "it has no tests"),
        (format!("skip: true\n{HEAD}{CASES}"), "it is skipped as a whole"),
    ];
    for (suite, remark) in suites {
        let (lax, text) = ran(&suite, "");
        assert!(text.contains(remark), "{remark}: {text}");
        let (strict, _) = ran(&suite, "--strict");
        let fails = text.contains("FAIL");
        assert_eq!((lax, strict), (i32::from(fails), 1), "{text}");
    }
    let invalid = format!("{HEAD}  invalid: true\n{CASES}");
    let (code, text) = ran(&invalid, "--strict");
    assert!(code == 1 && text.contains("its cases are never run, for `invalid` is set"), "{text}");
}

#[test]
fn a_failing_assertion_is_shown_at_its_place() {
    let (code, text) = ran(&format!("{HEAD}{}", CASES.replace("violations: no", "violations: 3")), "");
    assert_eq!(code, 1);
    assert!(
        text.contains("  fail  owner / owned  suite.yaml:11:7\n        0 violations, wanted exactly 3"),
        "{text}"
    );
}

#[test]
fn a_broken_case_takes_no_other_down_and_names_may_be_anything() {
    let cases = CASES.replace("violations: no", "violations: maybe").replace("name: bare", "name: no");
    let (code, text) = ran(&format!("{HEAD}{cases}"), "-a");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("  error owner / owned  suite.yaml:11:7\n"), "{text}");
    assert!(text.contains("tests[0].cases[0].assertions[0].violations: `yes`, `no` or a number"), "{text}");
    assert!(text.contains("  pass  owner / no\n"), "{text}");
    let (code, text) = ran(&format!("{HEAD}  case: []\n"), "");
    assert!(
        code == 2 && text.contains("suite.yaml:7:3\n        tests[0].case: there is no such field"),
        "{text}"
    );
    let (code, text) = ran(&format!("{HEAD}  cases: [\n"), "");
    assert!(code == 2 && text.contains("  error (the file)  suite.yaml:8:1\n"), "{text}");
}

#[test]
fn a_filter_chooses_as_gator_does_and_says_where_it_chooses_nothing() {
    let suite = format!("{HEAD}{CASES}");
    for (filter, sums) in [
        ("bare", "1 passed, 1 skipped"),
        ("owner", "2 passed"),
        ("^owner$//owned", "1 passed, 1 skipped"),
        ("//^b", "1 passed, 1 skipped"),
        ("owner//", "2 passed"),
    ] {
        let (code, text) = ran(&suite, &format!("--run {filter}"));
        assert!(code == 0 && text.contains(sums), "{filter}: {text}");
    }
    for (filter, said) in [
        ("nosuch", "no test and no case is called like `nosuch`: nothing was run"),
        ("a//b//c", "there may be one `//` between test and case"),
        ("(", "--run"),
    ] {
        let (code, text) = ran(&suite, &format!("--run {filter}"));
        assert!(code == 2 && text.contains(said), "{filter}: {text}");
    }
}

#[test]
fn coverage_counts_the_rego_of_templates_at_their_lines() {
    let (code, text) = ran(&format!("{HEAD}{CASES}"), "--coverage");
    assert_eq!(code, 0);
    // Head and last line of the second rule: no case has an owner `nobody`.
    assert!(text.contains(" 66 %  template.yaml\n"), "{text}");
    assert!(text.contains("  not covered: template.yaml:16\n"), "{text}");
    assert!(text.contains("  not covered: template.yaml:18\n"), "{text}");
}

#[test]
fn a_failing_rule_says_which_expression_does_not_hold_and_what_it_saw() {
    let module = "\
package a

allow if {
	input.x == 1
	input.y > 3
}

wanted := {\"b\"}

test_call if {
	allow with input as {\"x\": 1, \"y\": 2}
}

test_local if {
	found := {\"a\", \"c\"}
	count(found) == 2
	count(found - wanted) == 1
}

test_not if not allow with input as {\"x\": 1, \"y\": 4}

test_false := 1 == 2
";
    let outcome = Folder::new(&[("a_test.rego", module)]).run("test");
    assert_eq!(outcome.code, 1);
    for said in [
        "  fail  data.a.test_call  a_test.rego:10:1\n        it is undefined\n        a_test.rego:11:2 does not hold: allow with input as",
        "data.a.allow is undefined\n            a_test.rego:5:2 does not hold: input.y > 3\n              input.y = 2\n",
        "a_test.rego:17:2 does not hold: count(found - wanted) == 1\n",
        "found = [\"a\",\"c\"]\n",
        "count(found - wanted) = 2\n",
        "does not hold: not allow with input as",
        "data.a.allow = true\n",
        "  fail  data.a.test_false  a_test.rego:22:1\n        it is false\n",
    ] {
        assert!(outcome.stdout.contains(said), "{said}\n---\n{}", outcome.stdout);
    }
}

#[test]
fn what_never_ends_is_not_read() {
    let endless = CASES.replace("object: owned.yaml", "object: /dev/zero");
    let (code, text) = ran(&format!("{HEAD}{endless}"), "");
    assert!(code == 2 && text.contains("`/dev/zero` is no file"), "{code}: {text}");
}

#[test]
fn each_rule_of_a_name_has_to_be_true() {
    let module = "\
package a

test_twice if true

test_twice if false

test_number := 7

test_set contains 1

group.test_inner if true

test_cases[name] if {
	some name in [\"x\"]
}
";
    let outcome = Folder::new(&[("a_test.rego", module)]).run("test -a");
    assert_eq!(outcome.code, 2);
    for said in [
        "  pass  data.a.test_twice\n",
        "  fail  data.a.test_twice#01  a_test.rego:5:1\n        it is undefined\n",
        "  fail  data.a.test_number  a_test.rego:7:1\n        it is a value of type number, not `true`\n",
        "  fail  data.a.test_set  a_test.rego:9:1\n        it is a value of type set, not `true`\n",
        "  pass  data.a.group.test_inner\n",
        "  error data.a.test_cases  a_test.rego:13:1\n        the cases of a rule such as `test_a[name]`",
        "2 passed, 3 failed, 1 could not be run in 1 file",
    ] {
        assert!(outcome.stdout.contains(said), "{said}\n---\n{}", outcome.stdout);
    }
}

#[test]
fn a_file_of_another_kind_is_an_error() {
    let run = |template: &str, constraint: &str, options: &str| {
        let suite = format!(
            "{}{CASES}",
            HEAD.replace("template.yaml", template).replace("constraint.yaml", constraint)
        );
        let both = format!("{CONSTRAINT}---\n{TEMPLATE}");
        let files = [
            ("template.yaml", TEMPLATE),
            ("constraint.yaml", CONSTRAINT),
            ("both.yaml", &both),
            ("owned.yaml", OWNED),
            ("bare.yaml", BARE),
            ("suite.yaml", &suite),
        ];
        let outcome = Folder::new(&files).run(&format!("test {options}"));
        (outcome.code, outcome.stdout)
    };
    for (template, constraint, said) in [
        (
            "constraint.yaml",
            "constraint.yaml",
            "suite.yaml:5:3\n        `constraint.yaml`: a ConstraintTemplate was expected, not Owner of constraints.gatekeeper.sh/v1beta1",
        ),
        (
            "template.yaml",
            "template.yaml",
            "suite.yaml:6:3\n        `template.yaml`: a constraint was expected, not ConstraintTemplate of templates.gatekeeper.sh/v1",
        ),
        ("both.yaml", "constraint.yaml", "`both.yaml`: a ConstraintTemplate was expected, not Owner"),
    ] {
        let (code, text) = run(template, constraint, "");
        assert!(code == 2 && text.contains(said), "{code}: {said}\n---\n{text}");
    }
    // gator reads the first document of a file.
    let (code, text) = run("template.yaml", "both.yaml", "");
    let said = "test `owner`: `both.yaml` has 2 documents, and the first alone is its constraint";
    assert!(code == 0 && text.contains(said), "{code}: {text}");
    assert_eq!(run("template.yaml", "both.yaml", "--strict").0, 1);
}

#[test]
fn tests_are_told_the_time() {
    let timed = TEMPLATE.replace(
        "input.review.object.metadata.labels.owner == \"nobody\"",
        "time.now_ns() > time.parse_rfc3339_ns(\"2020-01-01T00:00:00Z\")",
    );
    let folder = Folder::new(&[
        ("template.yaml", &timed),
        ("constraint.yaml", CONSTRAINT),
        ("owned.yaml", OWNED),
        (
            "suite.yaml",
            &format!("{HEAD}  cases: [{{name: a, object: owned.yaml, assertions: [{{violations: yes}}]}}]\n"),
        ),
        (
            "now_test.rego",
            "package t\n\ntest_now if time.now_ns() > time.parse_rfc3339_ns(\"2020-01-01T00:00:00Z\")\n",
        ),
    ]);
    folder.run("test .").expect(0);
    let early = folder.run("test --now 2019-01-01T00:00:00Z -o json .");
    early.expect(1);
    assert_eq!(early.stdout.matches("\"outcome\": \"fail\"").count(), 2, "{}", early.stdout);
}

#[test]
fn what_is_nearly_a_test_is_told_and_fails_strictly() {
    let folder = Folder::new(&[
        ("suit.yaml", "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suit\ntests: []\n"),
        ("reach.yaml", "apiVersion: example.com/v1\nkind: ReachabilityTest\n"),
    ]);
    folder
        .run("test .")
        .expect(2)
        .expect_line(&["line 2: `kind: Suit`", "was not run"])
        .expect_line(&["ReachabilityTest"]);
    folder.write("a_test.rego", "package a\n\ntest_a if true\n");
    folder.run("test .").expect(0);
    folder.run("test --strict .").expect(1);
}

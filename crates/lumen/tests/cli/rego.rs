//! `lumen rego`, and the modules that `lumen test` runs.

use crate::support::{Folder, Outcome};

/// Runs `lumen rego eval` with a query that may have spaces.
fn eval(folder: &Folder, arguments: &str, query: &str) -> Outcome {
    let mut command = folder.command(&format!("rego eval {arguments}"));
    crate::support::run(command.arg(query), b"")
}

const RULES: &str = "package shop\n\nlimit := 2\n\nopen if input.hour < limit\n";

#[test]
fn a_rule_in_the_place_of_a_base_document_is_an_error() {
    let folder =
        Folder::new(&[("rules.rego", RULES), ("data.json", "{\"shop\": {\"limit\": 3, \"name\": \"x\"}}")]);
    for line in ["rego eval -d data.json -d rules.rego data.shop", "rego eval -d . data.shop"] {
        folder.run(line).expect(2).expect_note("conflicting rule for data path shop/limit found");
    }
    folder
        .run("rego check .")
        .expect(1)
        .expect_line(&["rules.rego:3", "conflicting rule for data path shop/limit"]);
    folder
        .write("rules_test.rego", "package shop_test\n\ntest_open if data.shop.open with input.hour as 1\n");
    folder.run("test .").expect(2).expect_line(&["conflicting rule for data path shop/limit"]);
    // Beside each other they are one document.
    folder.write("data.json", "{\"shop\": {\"name\": \"x\"}}");
    folder.run("rego eval -d . data.shop.name").expect(0).expect_line(&["\"x\""]);
    folder.run("test .").expect(0);
}

#[test]
fn base_documents_that_contradict_each_other_are_an_error() {
    let folder = Folder::new(&[
        ("a.json", "{\"a\": {\"b\": 1}}"),
        ("b.json", "{\"a\": {\"b\": 1, \"c\": 2}}"),
        ("c.json", "[]"),
    ]);
    folder
        .run("rego eval -d a.json -d b.json data.a")
        .expect(2)
        .expect_note("there is a base document at `data.a.b` already");
    folder.run("rego eval -d c.json data").expect(2).expect_note("has to be an object");
    folder.write("b.json", "{\"a\": {\"c\": 2}}");
    folder.run("rego eval -d a.json -d b.json data.a").expect(0).expect_line(&["{\"b\":1,\"c\":2}"]);
}

#[test]
fn what_is_printed_is_json() {
    let folder = Folder::new(&[]);
    for (query, line) in [
        ("to_number(\"+1\")", "1"),
        ("[to_number(\"007\"), to_number(\"1_000\"), to_number(\".5\")]", "[7,1000,0.5]"),
        ("{to_number(\"+1\"): {2}}", "{\"1\":[2]}"),
        ("x := to_number(\"0x1p-2\"); y := 1e5", "{\"x\":0.25,\"y\":1e5}"),
    ] {
        eval(&folder, "", query).expect(0).expect_line(&[line]);
    }
    let outcome = eval(&folder, "--strict-builtin-errors", "json.marshal([to_number(\"+1\")])");
    outcome.expect(2).expect_note("json.marshal: json: invalid number literal \"+1\"");
}

#[test]
fn tests_may_put_something_in_the_place_of_the_network() {
    let rules = "package hook\n\nallow if http.send({\"method\": \"get\", \"url\": \"https://x\"}).status_code == 200\n";
    let tests = "package hook_test\n\nok(_) := {\"status_code\": 200}\n\n\
                 test_mocked if data.hook.allow with http.send as ok\n\n\
                 test_constant if data.hook.allow with http.send as {\"status_code\": 200}\n";
    let folder = Folder::new(&[("hook.rego", rules), ("hook_test.rego", tests)]);
    folder.run("test .").expect(0);
    folder.write("hook_test.rego", format!("{tests}\ntest_open if data.hook.allow\n"));
    folder
        .run("test .")
        .expect(2)
        .expect_line(&["http.send: a test does not leave the process", "with http.send as"]);
    // Outside of tests it is off.
    folder.run("rego check hook.rego").expect(1).expect_line(&["undefined function http.send"]);
}

#[test]
fn needs_and_plans_are_told() {
    let folder = Folder::new(&[(
        "rules.rego",
        "package shop\n\nopen if {\n\tcount(input.doors) > data.limits.doors\n\tinput.kind in {\"a\", \"b\"}\n}\n",
    )]);
    let outcome = folder.run("rego deps rules.rego");
    outcome.expect(0).expect_line(&["built-in", "count"]).expect_line(&["data", "data.limits.doors"]);
    outcome.expect_line(&["input", "input.doors"]).expect_line(&["input", "input.kind"]);
    folder.write(
        "rules.rego",
        "package shop\n\nopen if f(input.a) == data.limits.doors\n\nf(x) := x\n\nall_ := data.shop.inner\n",
    );
    folder.write(
        "inner.rego",
        "package shop.inner\n\nx := input.b.c\n\ny := open_ if open_ := data.shop.open\n",
    );
    let outcome = folder.run("rego deps .");
    let wanted = "data      data.limits.doors\ninput     input.a\ninput     input.b.c\n\
                  rule      data.shop.f\nrule      data.shop.inner.x\nrule      data.shop.inner.y\nrule      data.shop.open\n";
    assert_eq!(outcome.expect(0).stdout, wanted);
    folder.run("rego explain-plan rules.rego").expect(0).expect_line(&["data.shop.open"]);
}

const BROKEN_TEMPLATE: &str = "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata: {name: k8sbroken}\n\
spec:\n  crd: {spec: {names: {kind: K8sBroken}}}\n  targets:\n  - target: admission.k8s.gatekeeper.sh\n    rego: |\n      \
package broken\n      violation[{\"msg\": msg}] {\n        msg := foo\n      }\n";

#[test]
fn check_looks_into_templates_and_refuses_to_check_nothing() {
    let folder = Folder::new(&[("template.yaml", BROKEN_TEMPLATE), ("none/readme.txt", "")]);
    let line = ["template.yaml:11:9: rego_unsafe_var_error: var foo is unsafe"];
    folder.run("rego check template.yaml").expect(1).expect_line(&line);
    folder.run("rego check none").expect(2).expect_note("there is no Rego in `none`");
    folder.write("template.yaml", BROKEN_TEMPLATE.replace("foo", "\"foo\""));
    folder.run("rego check template.yaml").expect(0);
}

#[test]
fn errors_have_columns_lines_and_the_bracket_that_is_open() {
    let folder = Folder::new(&[
        ("open.rego", "package a\n\nallow if {\n  input.x == 1\n\n"),
        ("unsafe.rego", "package a\n\nallow if input.x == foo\n"),
        ("value.rego", "package a\n\nf[1] = { true }\nf[2] = :\n"),
        ("broken.yaml", "a: 1\nb: [1\n"),
    ]);
    folder
        .run("rego check open.rego")
        .expect(1)
        .expect_line(&["open.rego:6:1: rego_parse_error: unexpected eof token"])
        .expect_line(&["the `{` of 3:10 is not closed"]);
    folder
        .run("rego check unsafe.rego")
        .expect(1)
        .expect_line(&["unsafe.rego:3:10: rego_unsafe_var_error: var foo is unsafe"])
        .expect_line(&["3 | allow if input.x == foo"])
        .expect_line(&["  |          ^"]);
    let outcome = folder.run("rego check value.rego");
    assert!(!outcome.stdout.contains("<nil>"), "{}", outcome.stdout);
    folder.run("rego eval -i broken.yaml input").expect(2).expect_note("broken.yaml:");
}

#[test]
fn what_is_said_of_a_query_is_about_what_was_written() {
    let folder = Folder::new(&[]);
    eval(&folder, "", "1/0").expect(0).expect_note("1:1: eval_builtin_error: div: divide by zero");
    eval(&folder, "--strict-builtin-errors", "1/0").expect(2).expect_note("1:1: eval_builtin_error");
    let outcome = eval(&folder, "--explain", "1+1");
    outcome.expect(0).expect_note("query: 1+1 holds with 1+1 = 2");
    assert!(!outcome.stderr.contains("lumen_value_of_query"), "{}", outcome.stderr);
}

//! Evaluation under budgets, watched, cancelled, and with a host.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use lumen_rego::builtin::{Answer, Budget, Failure};
use lumen_rego::error::{Code, Span};
use lumen_rego::eval::{Coverage, Data, EvalError, Host, InputPaths, Inputs, Observer, Outcome, Scratch};
use lumen_rego::program::{CompileOptions, Program, Source};
use lumen_value::Value;
use lumen_value::json::parse;
use lumen_value::read::Limits;

const BUDGET: Budget = Budget::new(1_000_000, 100_000_000);

fn json(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).unwrap().value
}

fn compile(text: &str, options: &CompileOptions) -> Program {
    let source =
        Source { file: "t.rego".into(), text: text.to_owned(), version: lumen_rego::ast::Version::V1 };
    Program::compile(&[source], options).unwrap_or_else(|errors| panic!("{errors}"))
}

fn program(text: &str) -> Program {
    compile(text, &CompileOptions::default())
}

fn ask(program: &Program, query: &str, inputs: Inputs<'_>) -> Result<Outcome, EvalError> {
    let query = program.query(query).unwrap_or_else(|errors| panic!("{errors}"));
    program.evaluate(&query, inputs, &mut Scratch::default())
}

fn code(result: Result<Outcome, EvalError>) -> (Code, String) {
    match result {
        Err(EvalError::Failed(error)) => (error.code, error.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Looks at a million combinations.
const SLOW: &str = "package t\n\nslow if {\n\tsome a in numbers.range(1, 1000)\n\tsome b in numbers.range(1, 1000)\n\ta + b == 0\n}\n";

#[test]
fn a_budget_that_is_used_up_names_rule_and_place() {
    let data = Data::default();
    let (code, text) =
        code(ask(&program(SLOW), "data.t.slow", Inputs::new(&data, Budget::new(50_000, 1 << 30))));
    assert_eq!(code, Code::EvalBudget);
    assert!(text.starts_with("t.rego:") && text.contains("data.t.slow"), "{text}");
}

#[test]
fn memory_is_bounded() {
    let text = "package t\n\nall := [x | some a in numbers.range(1, 1000); some b in numbers.range(1, 1000); x := [a, b]]\n";
    let data = Data::default();
    let (code, _) =
        code(ask(&program(text), "x = data.t.all", Inputs::new(&data, Budget::new(u64::MAX, 1_000_000))));
    assert_eq!(code, Code::EvalBudget);
}

#[test]
fn the_cost_is_the_same_each_time() {
    let data = Data::default();
    let program =
        program("package t\n\np contains x if {\n\tsome x in numbers.range(1, 50)\n\tx % 2 == 0\n}\n");
    let query = program.query("x = data.t.p").unwrap();
    let mut scratch = Scratch::default();
    let mut run = || program.evaluate(&query, Inputs::new(&data, BUDGET), &mut scratch).unwrap();
    let first = run();
    assert_eq!(first, run());
    assert!(matches!(first.value(), Some(Value::Set(set)) if set.len() == 25));
    assert!(first.left.0 < 1_000_000);
}

#[test]
fn a_caller_can_end_an_evaluation() {
    let data = Data::default();
    let flag = AtomicBool::new(true);
    let mut inputs = Inputs::new(&data, Budget::new(u64::MAX, u64::MAX));
    inputs.cancel = Some(&flag);
    assert_eq!(code(ask(&program(SLOW), "data.t.slow", inputs)).0, Code::EvalCancel);
}

struct Answers(BTreeMap<Value, Value>);

impl Host for Answers {
    fn call(&mut self, _name: &str, operands: &[Value]) -> Answer {
        self.0.get(&operands[0]).cloned().ok_or(Failure::Pending)
    }
}

#[test]
fn what_the_host_does_not_know_yet_is_named_and_asked_again() {
    let mut options = CompileOptions::default();
    options.capabilities.host.insert("external_data".to_owned(), 1);
    let program = compile("package t\n\np contains external_data(k) if some k in [\"a\", \"b\"]\n", &options);
    let data = Data::default();
    let mut host = Answers(BTreeMap::new());
    let mut inputs = Inputs::new(&data, BUDGET);
    inputs.host = Some(&mut host);
    let Err(EvalError::Pending(needs)) = ask(&program, "x = data.t.p", inputs) else {
        panic!("answers are missing")
    };
    assert_eq!(needs.iter().map(|need| need.operands[0].to_json()).collect::<Vec<_>>(), ["\"a\"", "\"b\""]);
    host.0.extend(needs.into_iter().map(|need| (need.operands[0].clone(), Value::from(1))));
    let mut inputs = Inputs::new(&data, BUDGET);
    inputs.host = Some(&mut host);
    assert_eq!(ask(&program, "x = data.t.p", inputs).unwrap().value().unwrap().to_json(), "[1]");
}

/// Which parts of the input a rule reads.
struct Reads {
    paths: InputPaths,
    found: Vec<String>,
    printed: Vec<String>,
}

impl Observer for Reads {
    fn read(&mut self, _span: Span, from: &Value, key: &Value) {
        self.found.extend(self.paths.part(from, key).map(|pointer| pointer.to_string()));
    }

    fn print(&mut self, _span: Span, text: &str) {
        self.printed.push(text.to_owned());
    }
}

#[test]
fn an_observer_sees_what_is_read_and_printed() {
    let text = "package t\n\ncontainers contains c if some c in input.spec.containers\n\nbad contains c.name if {\n\tsome c in containers\n\tprint(\"at\", c.name, input.none)\n\tc.image == \"x\"\n}\n";
    let options = CompileOptions { observed: true, keeps_print: true, ..CompileOptions::default() };
    let input =
        json(r#"{"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}}"#);
    let mut observer = Reads { paths: InputPaths::new(&input), found: Vec::new(), printed: Vec::new() };
    let data = Data::default();
    let mut inputs = Inputs::new(&data, BUDGET);
    inputs.input = Some(input);
    inputs.observer = Some(&mut observer);
    let outcome = ask(&compile(text, &options), "x = data.t.bad", inputs).unwrap();
    assert_eq!(outcome.value().unwrap().to_json(), r#"["a"]"#);
    assert!(observer.found.contains(&"/spec/containers/1/image".to_owned()), "{:?}", observer.found);
    assert_eq!(observer.printed, ["at a <undefined>", "at b <undefined>"]);
}

#[test]
fn coverage_knows_which_rows_were_evaluated() {
    let text = "package t\n\np if {\n\tinput.a\n\tinput.b\n}\n\nq if {\n\tinput.c\n}\n";
    let program = compile(text, &CompileOptions { observed: true, ..CompileOptions::default() });
    let mut coverage = Coverage::default();
    let data = Data::default();
    let mut inputs = Inputs::new(&data, BUDGET);
    inputs.input = Some(json(r#"{"a": 1}"#));
    inputs.observer = Some(&mut coverage);
    ask(&program, "data.t.p", inputs).unwrap();
    let rows = coverage.rows(program.plan());
    let rows: Vec<(u32, bool)> = rows[&0].iter().map(|(row, covered)| (*row, *covered)).collect();
    assert_eq!(rows, [(3, false), (4, true), (5, true), (8, false), (9, false)]);
}

#[test]
fn an_entry_is_a_path() {
    let program = program("package a.b\n\np := {\"q\": input.x}\n");
    let data = Data::new(json(r#"{"a": {"base": 1}}"#));
    let mut scratch = Scratch::default();
    let mut value = |path: &[&str]| {
        let mut inputs = Inputs::new(&data, BUDGET);
        inputs.input = Some(json(r#"{"x": 2}"#));
        let outcome = program.evaluate(&program.entry(path).unwrap(), inputs, &mut scratch).unwrap();
        outcome.value().map(Value::to_json)
    };
    assert_eq!(value(&["a", "b", "p", "q"]).as_deref(), Some("2"));
    assert_eq!(value(&["a"]).as_deref(), Some(r#"{"b":{"p":{"q":2}},"base":1}"#));
    assert_eq!(value(&["nothing", "here"]), None);
}

/// Calls nest on a stack of the machine's own.
#[test]
fn long_chains_of_rules_need_no_native_stack() {
    let mut text = "package t\n\np0 := 1\n".to_owned();
    for index in 1..3_000 {
        text += &format!("p{index} := p{} + 1\n", index - 1);
    }
    let program = program(&text);
    let ask = move || {
        let data = Data::default();
        ask(&program, "x = data.t.p2999", Inputs::new(&data, BUDGET)).unwrap().value().unwrap().to_json()
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(ask).unwrap();
    assert_eq!(thread.join().unwrap(), "3000");
}

#[test]
fn what_with_replaces_is_forgotten_behind_it() {
    let text = "package t\n\np := input.x\n\nr := [a, b, c] if {\n\ta := p\n\tb := p with input.x as 2\n\tc := p\n}\n";
    let data = Data::default();
    let mut inputs = Inputs::new(&data, BUDGET);
    inputs.input = Some(json(r#"{"x": 1}"#));
    assert_eq!(ask(&program(text), "x = data.t.r", inputs).unwrap().value().unwrap().to_json(), "[1,2,1]");
}

/// As OPA: the path that is replaced has the replacement, a path above it both.
#[test]
fn above_what_with_replaces_base_documents_are_merged() {
    let text = "package t\n\nr := [a, b, c] if {\n\ta := data.a with data.a.b as {\"x\": 1}\n\tb := data.a.b with data.a.b as {\"x\": 1}\n\tc := data.a[\"b\"]\n}\n";
    let data = Data::new(json(r#"{"a": {"b": {"y": 2}}}"#));
    let outcome = ask(&program(text), "x = data.t.r", Inputs::new(&data, BUDGET)).unwrap();
    assert_eq!(outcome.value().unwrap().to_json(), r#"[{"b":{"x":1,"y":2}},{"x":1},{"y":2}]"#);
}

#[test]
fn what_is_no_json_is_not_written_as_json() {
    let data = Data::default();
    for (call, message) in [
        (r#"json.marshal({"a": n})"#, r#"json.marshal: json: invalid number literal "+1""#),
        (r#"json.marshal_with_options(n, {"pretty": true})"#, r#"json: invalid number literal "+1""#),
        (
            "yaml.marshal([n])",
            r#"yaml.marshal: error marshaling into JSON: json: invalid number literal "+1""#,
        ),
        (
            r#"io.jwt.encode_sign({"alg": "HS256"}, {"a": n}, {"kty": "oct", "k": "AAAA"})"#,
            r#"failed to marshal JWT payload: json: invalid number literal "+1""#,
        ),
        (r#"json.match_schema({"a": n}, {})"#, r#"json.match_schema: json: invalid number literal "+1""#),
        (
            r#"strings.render_template("{{.a}}", {"a": n})"#,
            "invalid character '+' looking for beginning of value",
        ),
        (r#"strings.render_template("{{.a}}", {"a": {1, n}})"#, "looking for beginning of object key string"),
    ] {
        let program = program(&format!("package t\n\nn := to_number(\"+1\")\n\nx := {call}\n"));
        let mut inputs = Inputs::new(&data, BUDGET);
        inputs.strict_builtin_errors = true;
        let (_, found) = code(ask(&program, "y = data.t.x", inputs));
        assert!(found.contains(message), "{call}: {found}");
    }
    let program = program(
        "package t\n\nn := to_number(\"+1\")\n\nx := [json.verify_schema({\"minimum\": n}), graphql.schema_is_valid({\"a\": n}), n]\n",
    );
    let outcome = ask(&program, "y = data.t.x", Inputs::new(&data, BUDGET)).unwrap();
    let wanted = r#"[[false,"jsonschema: json: invalid number literal \"+1\""],false,1]"#;
    assert_eq!(outcome.value().unwrap().to_json(), wanted);
}

#[test]
fn only_a_path_of_strings_can_be_replaced() {
    let data = Data::new(json(r#"{"foo": {"x": [1, 2], "y": {"z": 1}}}"#));
    let program = program("package t\n\np := input\n\nq := data.foo\n");
    let ask_with = |query: &str| {
        let mut inputs = Inputs::new(&data, BUDGET);
        inputs.input = Some(json(r#"{"a": [1, 2], "b": {"c": 1}}"#));
        ask(&program, query, inputs)
    };
    for target in [
        "input[0]",
        "input.a[0]",
        "input[true]",
        "input[[1]]",
        "input.new[1].x",
        "data.foo[0]",
        "data.foo.x[0]",
    ] {
        for query in [format!("x := data.t.p with {target} as 3"), format!("not data.t.p with {target} as 3")]
        {
            let (code, message) = code(ask_with(&query));
            assert_eq!(code, Code::EvalConflict, "{query}");
            assert!(message.contains("bad document path"), "{message}");
        }
    }
    for (query, value) in [
        ("x := data.t.p with input.a as 3 with input.a.b as 4", r#"{"a":{"b":4},"b":{"c":1}}"#),
        ("x := data.t.p with input.a.b as 4 with input.a as 3", r#"{"a":3,"b":{"c":1}}"#),
        ("x := data.t.p with input as 3 with input.a as 4", r#"{"a":4}"#),
        ("x := data.t.q with data.foo.y as 3 with data.foo.y.z as 4", r#"{"x":[1,2],"y":{"z":4}}"#),
        ("x := data.t.q with data.foo.y as 3 with data.foo as 4", "4"),
    ] {
        assert_eq!(ask_with(query).unwrap().value().unwrap().to_json(), value, "{query}");
    }
    let long = format!("x := 1 with input{} as 3", ".a".repeat(250));
    assert_eq!(ask_with(&long).unwrap().value(), Some(&Value::from(1)));
}

#[test]
fn members_that_do_not_come_apart_are_found() {
    let program = program(
        "package t\n\np contains {x} if {\n\t[x, _] = [input.a, 1]\n}\n\nq contains {x: x} if {\n\tx := input.a\n}\n\n\
         r[{x}][y] := 1 if {\n\t[x, y] = [input.a, input.b]\n}\n\ns contains {max(input.c)}\n",
    );
    let data = Data::default();
    for (query, holds) in [
        ("data.t.p[{1}]", true),
        ("data.t.p[{2}]", false),
        ("data.t.p == {{1}}", true),
        ("data.t.q[{1: 1}]", true),
        ("data.t.q[{1: 2}]", false),
        ("data.t.r[{1}][2] == 1", true),
        ("data.t.r[{2}][2]", false),
        ("data.t.r[{1}] == {2: 1}", true),
        ("data.t.s[{4}]", true),
        ("{4} in data.t.s", true),
    ] {
        let mut inputs = Inputs::new(&data, BUDGET);
        inputs.input = Some(json(r#"{"a": 1, "b": 2, "c": [3, 4]}"#));
        let outcome = ask(&program, query, inputs).unwrap();
        assert_eq!(!outcome.solutions.is_empty(), holds, "{query}");
    }
}

#[test]
fn templates_have_the_types_of_go() {
    let data = Data::default();
    for (template, values, wanted) in [
        (
            "{{.a.b.c}} {{.z.y}} {{if .z.y}}1{{else}}2{{end}}{{range .z.y}}1{{end}}",
            r#"{"a": {}}"#,
            "<undefined> <undefined> 2",
        ),
        (
            "{{printf `%s %d %T %5.1f` .a .a .a .a}}",
            r#"{"a": 1.5}"#,
            "1.5 %!d(json.Number=1.5) json.Number %!f(json.Number=    1)",
        ),
        (
            "{{printf `%v %d %T %#v` .a .a .a .a}}",
            r#"{"a": [1, null, {"k": true}]}"#,
            "[1 <nil> map[k:true]] [%!d(json.Number=1) <nil> map[%!d(string=k):%!d(bool=true)]] []interface {} \
             []interface {}{\"1\", interface {}(nil), map[string]interface {}{\"k\":true}}",
        ),
        (
            "{{printf `%w %t %s %T` .a .b .z .z}}",
            r#"{"a": {"b": 1}, "b": true}"#,
            "%!w(map[string]interface {}=map[b:1]) true %!s(<nil>) <nil>",
        ),
        (
            "{{printf `%T %s %T %d` 1 1 (index .a 0) (index .b 0)}}",
            r#"{"a": "x", "b": 7}"#,
            "int %!s(int=1) uint8 55",
        ),
        (
            "{{printf `%d` 1 nil .a}} {{html .z}}",
            r#"{"a": 1}"#,
            "1%!(EXTRA <nil>, json.Number=1) &lt;no value&gt;",
        ),
    ] {
        let template = lumen_value::Value::from(template).to_json();
        let program = program(&format!("package t\n\nx := strings.render_template({template}, {values})\n"));
        let outcome = ask(&program, "y = data.t.x", Inputs::new(&data, BUDGET)).unwrap();
        assert_eq!(outcome.value().and_then(lumen_value::Value::as_str), Some(wanted), "{template}");
    }
}

#[test]
fn a_variable_of_a_name_of_the_checks_fails_where_it_has_no_value() {
    let data = Data::default();
    let program = program("package t\n\np = __local0__ if __local1__ = 1\n\nq = 1\n");
    let outcome = ask(&program, "y = data.t.q", Inputs::new(&data, BUDGET)).unwrap();
    assert_eq!(outcome.value().unwrap().to_json(), "1");
    let (_, found) = code(ask(&program, "y = data.t.p", Inputs::new(&data, BUDGET)));
    assert!(found.contains("var requires evaluation"), "{found}");
}

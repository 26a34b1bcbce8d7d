//! Joins over base documents answer with an index what they answer without.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use lumen_rego::ast::Version;
use lumen_rego::builtin::Budget;
use lumen_rego::eval::{Data, Inputs, Outcome, Scratch};
use lumen_rego::plan::Optimisations;
use lumen_rego::program::{CompileOptions, Program, Source};
use lumen_value::Value;
use lumen_value::json::parse;
use lumen_value::read::Limits;
use proptest::prelude::*;

const BUDGET: Budget = Budget::new(10_000_000, 100_000_000);

/// Bodies for `found contains result if {..}`, and whether an index serves them.
const BODIES: &[(&str, bool)] = &[
    (
        "host := input.hosts[_]; other := data.all.by[ns][v].Ingress[name]; other.rules[_].host == host; result := [ns, v, name, host]",
        true,
    ),
    (
        "host := input.hosts[i]; other := data.all.by[ns][_].Ingress[name]; startswith(name, \"a\"); other.rules[j].host == host; result := [i, j, ns, name, other]",
        true,
    ),
    (
        "host := input.hosts[_]; data.all.by[ns][v][kind][name].rules[at].host == host; result := [ns, v, kind, name, at]",
        true,
    ),
    (
        "host := input.hosts[_]; host == data.all.by[ns][_][_][name].rules[_].host; result := [ns, name, host]",
        true,
    ),
    (
        "some ns, name; other := data.all.by[ns].v1.Ingress[name]; other.rules[_].host == \"b\"; result := [ns, name]",
        true,
    ),
    (
        "some ns, name; other := data.all.by[ns].v1.Ingress[name]; other.rules.x.host == 1; result := [ns, name]",
        true,
    ),
    (
        "rule := input.rule; other := data.all.by[ns]; count(other) > 0; x := other[_].Ingress[name]; rule == x.rules[_]; result := [ns, name]",
        true,
    ),
    (
        "host := input.hosts[_]; other := data.all.by[_][_].Ingress[_]; other.rules[_].host == host; other.rules[_].host != host; result := other",
        true,
    ),
    (
        "some ns; rules := input.rules; x := data.all.by[ns][_].Ingress[_].rules; x == rules; result := [ns, x]",
        true,
    ),
    (
        "host := input.hosts[_]; other := data.all.by[ns][_].Ingress[_]; not ns == \"m\"; other.rules[_].host == host; result := [ns, host]",
        false,
    ),
    ("other := data.all.by[ns][_].Ingress[_]; other.rules[_].host == ns; result := ns", false),
    (
        "other := data.all.by[ns][_].Ingress[_]; other.rules[i].host == other.rules[j].host; result := [ns, i, j]",
        false,
    ),
    (
        "host := input.hosts[_]; by := [name | data.all.by[_][_].Ingress[name].rules[_].host == host]; result := [host, by]",
        true,
    ),
    ("host := input.hosts[_]; not taken(host); result := host", true),
    (
        "result := [x | x := taken(input.hosts[_]) with data.all.by as {\"n\": {\"v1\": {\"Ingress\": {\"c\": {\"rules\": [{\"host\": \"b\"}]}}}}}]",
        true,
    ),
    (
        "data.all.by[ns][_].Ingress[name].rules[_].host == input.hosts[0] with input.hosts as [\"c\"]; result := [ns, name]",
        true,
    ),
    ("data.all.by[ns][_].Ingress[name].rules[_].host == input.rule.host; result := [ns, name]", true),
    (
        "other := data.all.by[ns][_].Ingress[name]; rule := input.rule; rule.host == other.rules[_].host; result := [ns, name]",
        true,
    ),
    (
        "ns := input.hosts[_]; other := data.all.by[ns][_].Ingress[name]; other.rules[_].host == input.rule.host; result := [ns, name]",
        true,
    ),
    (
        "ns := [\"m\", \"n\", \"z\"][_]; name := [\"a1\", \"b\"][_]; other := data.all.by[ns][v].Ingress[name]; other.rules[i].host == input.hosts[_]; result := [ns, v, name, i]",
        false,
    ),
    (
        "ns := [\"m\", \"n\", 0, 1.0][_]; name := [\"a1\", \"b\", 0, 1][_]; host := input.hosts[_]; other := data.all.by[ns][v].Ingress[name]; other.rules[i].host == host; result := [ns, v, name, i]",
        true,
    ),
    (
        "name := input.hosts[_]; host := input.hosts[_]; other := data.all.by.m[v][name][_]; other.rules[i].host == host; result := [v, name, i]",
        true,
    ),
    (
        "name := [0, 1.0, 1, \"x\"][_]; host := input.hosts[_]; data.all.by[ns].v1.Ingress[n].rules[name].host == host; result := [ns, n, name]",
        true,
    ),
];

fn program(body: &str, with_index: bool) -> Program {
    let text = format!(
        "package p\n\nfound contains result if {{ {body} }}\n\ntaken(host) := true if {{ data.all.by[_][_].Ingress[_].rules[_].host == host }}\n"
    );
    let optimisations = Optimisations { inverted_indexes: with_index, ..Optimisations::default() };
    let options = CompileOptions { optimisations, ..CompileOptions::default() };
    let source = Source { file: "p.rego".into(), text, version: Version::V1 };
    Program::compile(&[source], &options).map_err(|errors| errors.to_string()).expect(body)
}

fn answer(program: &Program, data: &Data, input: &Value) -> Outcome {
    // As a list, so that the order counts as well.
    let query = program.query("x = data.p.found; data.all.by[ns][_].Ingress[name].rules[_].host == \"a\"");
    let mut inputs = Inputs::new(data, BUDGET);
    inputs.input = Some(input.clone());
    let outcome = program.evaluate(&query.expect("a query"), inputs, &mut Scratch::default());
    Outcome { left: (0, 0), ..outcome.expect("an answer") }
}

fn json(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).expect("JSON").value
}

fn object(
    keys: &'static [&'static str],
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    prop::collection::btree_map(prop::sample::select(keys), value, 0..4).prop_map(|entries| {
        let entries: Vec<String> = entries.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        format!("{{{}}}", entries.join(", "))
    })
}

const HOSTS: &[&str] = &["\"a\"", "\"a\"", "\"b\"", "\"c\"", "1", "1.0", "false", "null", "[1]", "{}"];

fn host() -> impl Strategy<Value = String> {
    prop::sample::select(HOSTS).prop_map(str::to_owned)
}

fn rules() -> impl Strategy<Value = String> {
    let rule = || host().prop_map(|host| format!("{{\"host\": {host}}}"));
    let list = prop::collection::vec(rule(), 0..4).prop_map(|rules| format!("[{}]", rules.join(", ")));
    prop_oneof![4 => list, 1 => object(&["x", "y"], rule()), 1 => host()]
}

fn documents() -> impl Strategy<Value = String> {
    let manifest = rules().prop_map(|rules| format!("{{\"rules\": {rules}}}"));
    let names = object(&["a1", "a2", "b", "c"], manifest);
    let kinds = object(&["Ingress", "Service"], names);
    let versions = prop_oneof![6 => object(&["v1", "v2"], kinds), 1 => host()];
    object(&["m", "n", "o"], versions)
}

proptest! {
    #[test]
    fn an_index_changes_no_answer(
        documents in documents(),
        hosts in prop::collection::vec(host(), 0..4),
        rules in rules(),
        host in host(),
    ) {
        let data = Data::new(json(&format!("{{\"all\": {{\"by\": {documents}}}}}")));
        let input = json(&format!(
            "{{\"hosts\": [{}], \"rules\": {rules}, \"rule\": {{\"host\": {host}}}}}", hosts.join(", ")
        ));
        for (body, _) in BODIES {
            let plain = answer(&program(body, false), &data, &input);
            let program = program(body, true);
            prop_assert_eq!(&answer(&program, &data, &input), &plain, "{}", body);
            // With the index that is there now.
            prop_assert_eq!(&answer(&program, &data, &input), &plain, "{}", body);
        }
    }
}

#[test]
fn an_index_serves_what_compares_with_something_known() {
    for (body, served) in BODIES {
        // One is that of `taken`.
        let indexes = program(body, true).plan().to_string().matches("index of").count();
        assert_eq!(indexes > 1 || body.contains("taken"), *served, "{body}");
        assert_eq!(program(body, false).plan().joins.len(), 0);
    }
}

#[test]
fn a_look_up_takes_steps_for_what_it_finds_alone() {
    let manifests: Vec<String> =
        (0..2_000).map(|at| format!("\"i{at}\": {{\"rules\": [{{\"host\": \"h{at}\"}}]}}")).collect();
    let data = Data::new(json(&format!(
        "{{\"all\": {{\"by\": {{\"n\": {{\"v1\": {{\"Ingress\": {{{}}}}}}}}}}}}}",
        manifests.join(", ")
    )));
    let (body, _) = BODIES[0];
    let spent = |with_index: bool| {
        let program = program(body, with_index);
        let entry = program.entry(&["p", "found"]).expect("an entry");
        let mut inputs = Inputs::new(&data, BUDGET);
        inputs.input = Some(json("{\"hosts\": [\"h77\", \"none\"]}"));
        let outcome = program.evaluate(&entry, inputs, &mut Scratch::default()).expect("an answer");
        assert_eq!(outcome.value().expect("a set").to_json(), r#"[["n","v1","i77","h77"]]"#);
        10_000_000 - outcome.left.0
    };
    assert!(spent(true) < 100, "{}", spent(true));
    assert!(spent(false) > 4_000, "{}", spent(false));
}

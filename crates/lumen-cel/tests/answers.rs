//! What expressions give, or that they are refused: `tests/corpus/cel/answers.jsonl`, recorded from Gatekeeper 3.23.1.

use std::path::Path;

use lumen_cel::{Bindings, Budget, Policy, Source, Validation, Variable};
use lumen_value::Value;
use lumen_value::read::{self, Limits};

fn read(text: &str) -> Value {
    read::read(text.as_bytes(), &Limits::default()).documents.remove(0).value
}

/// The expression as a variable, which is first shown, and then used.
fn source(expression: &str) -> Source {
    let show = Validation {
        expression: "false".to_owned(),
        message: Some("MSG".to_owned()),
        message_expression: Some("'%s|%s'.format([type(variables.x),variables.x])".to_owned()),
        reason: None,
    };
    let used = Validation { expression: "[variables.x].exists(q, true)".to_owned(), ..Validation::default() };
    let variable = Variable { name: "x".to_owned(), expression: expression.to_owned() };
    Source { validations: vec![show, used], variables: vec![variable], ..Source::default() }
}

#[test]
fn expressions_give_what_they_give_in_gatekeeper() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a crate lies in crates/NAME");
    let corpus = root.join("tests/corpus/cel");
    let object = read(&std::fs::read_to_string(corpus.join("object.json")).expect("the object"));
    let lines = std::fs::read_to_string(corpus.join("answers.jsonl")).expect("the answers");
    let bindings = Bindings {
        object: &object,
        old_object: &Value::Null,
        request: &Value::Null,
        namespace_object: &Value::Null,
        params: &Value::Null,
        parameters: &Value::Null,
    };
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let case = read(line);
        let expression = case.get("expression").and_then(Value::as_str).expect("an expression");
        let policy = Policy::load(&source(expression)).0;
        let found = policy.evaluate(&bindings, &Budget::default()).expect("within the budget");
        let fails = found.iter().any(|violation| violation.error);
        if fails != case.get("fails").is_some() {
            wrong.push(format!("{expression}: fails: {fails}"));
        }
        let shown = found.first().map(|violation| violation.message.as_str());
        let gives = case.get("gives").and_then(Value::as_str);
        if gives.is_some() && shown != gives {
            wrong.push(format!("{expression}: {shown:?}, not {gives:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

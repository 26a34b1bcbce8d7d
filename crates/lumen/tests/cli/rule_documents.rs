//! What `lumen rules` writes for programs is as the published schemas say.

use serde_json::{Value, json};

use crate::support::{Folder, Outcome, run};

const RULES: &str = "\
- macro: opened
  condition: (evt.type in (open, openat) and fd.num >= 0)
- rule: Secret read
  desc: d
  condition: opened and not proc.name = cat and (fd.name = /etc/shadow or fd.name startswith /root)
  output: read %fd.name %proc.aname[2]
  priority: WARNING
  tags: [host]
- {rule: Misspelt, desc: d, condition: evt.type=open and fd.nmae=x, output: o, priority: INFO}
- {list: unused, items: [a]}
- {rule: Attack tool started, enabled: false, override: {enabled: replace}}
";

/// The documents of an output, one a line.
fn documents(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[track_caller]
fn assert_valid(folder: &Folder, name: &str, documents: &[Value]) {
    let schema: Value = serde_json::from_str(&folder.run(&format!("schema {name}")).stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(!documents.is_empty());
    let needed: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for document in documents {
        let errors: Vec<String> = validator.iter_errors(document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{document}");
        let fields = document.as_object().expect("an object");
        let mut odd = fields.clone();
        odd.insert("colour".to_owned(), "red".into());
        assert!(!validator.is_valid(&odd.into()));
        for name in &needed {
            let mut odd = fields.clone();
            assert!(odd.remove(*name).is_some());
            assert!(!validator.is_valid(&odd.into()), "{name}");
        }
    }
}

#[test]
fn rules_are_as_their_schema_says() {
    let folder = Folder::new(&[("rules.yaml", RULES)]);
    let defaults = documents(folder.run("rules list -o json").expect(0));
    assert!(defaults.len() > 100);
    assert_valid(&folder, "rule", &defaults);
    folder.write("event.yaml", "{evt.type: openat, fd.name: /root/.bashrc}\n---\n{evt.type: close}\n");
    let words = ["Secret read", "rules.yaml", "--event", "event.yaml", "-o", "json"];
    let explained = documents(run(folder.command("rules explain").args(words), b"").expect(0));
    assert_valid(&folder, "rule", &explained);
    let rule = &explained[0];
    assert_eq!((&rule["file"], &rule["line"]), (&json!("rules.yaml"), &json!(3)));
    assert_eq!(rule["fields"], json!(["fd.name", "proc.aname[2]"]));
    let asked = "(fd.name = /etc/shadow or fd.name startswith /root)";
    assert_eq!(
        rule["kernel"],
        json!([{"events": ["open", "openat"], "condition": format!("({asked} and fd.num >= 0 and not proc.name = cat)")}])
    );
    let answers = &rule["answers"];
    assert_eq!(answers[0]["why"]["all"][0]["macro"], "opened");
    assert_eq!(answers[0]["why"]["all"][1]["not"]["check"], "proc.name = cat");
    assert_eq!(answers[0]["why"]["all"][2]["any"][0]["values"], json!({"fd.name": "/root/.bashrc"}));
    assert_eq!((&answers[1]["type"], &answers[1]["matches"]), (&json!("close"), &json!(false)));
    // Without events there are no answers.
    let words = ["Secret read", "rules.yaml", "-o", "json"];
    let explained = documents(run(folder.command("rules explain").args(words), b"").expect(0));
    assert_valid(&folder, "rule", &explained);
    assert_eq!(explained[0].get("answers"), None);
}

#[test]
fn problems_of_rules_are_as_their_schema_says() {
    let folder = Folder::new(&[("rules.yaml", RULES), ("broken.yaml", "- {a: [}\n")]);
    let problems = documents(folder.run("rules check -o json rules.yaml broken.yaml").expect(1));
    assert_valid(&folder, "rules-problem", &problems);
    let told: Vec<_> = problems
        .iter()
        .map(|problem| {
            ["file", "severity", "code", "item"].map(|key| problem[key].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        told,
        [
            ["rules.yaml", "error", "LOAD_ERR_VALIDATE", "Attack tool started"],
            ["broken.yaml", "error", "LOAD_ERR_YAML_PARSE", ""],
            ["rules.yaml", "error", "LOAD_ERR_COMPILE_CONDITION", "Misspelt"],
            ["rules.yaml", "warning", "LOAD_UNUSED_LIST", "unused"],
        ]
    );
    let hints: Vec<_> = problems.iter().filter_map(|problem| problem["hint"].as_str()).collect();
    assert_eq!(hints, ["`Attack tool started` is a default rule: add `--rule-set default`"]);
}

#[test]
fn fields_are_as_their_schema_says() {
    let folder = Folder::new(&[]);
    let fields = documents(folder.run("rules fields -o json").expect(0));
    assert_valid(&folder, "field", &fields);
    let field = |name: &str| fields.iter().find(|field| field["name"] == name).expect("a field");
    let ancestor = field("proc.aname");
    assert_eq!(ancestor["argument"], "number");
    assert_eq!(ancestor["argumentRequired"], false);
    assert_eq!(field("evt.arg")["argumentRequired"], true);
    assert_eq!(field("evt.num").get("argument"), None);
    assert_eq!(field("fd.num")["type"], "number");
}

//! The examples say what they are there to say.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The findings of `lumen check` on files of a folder, and the exit status.
fn check(folder: &Path, files: &[&str]) -> (Vec<Value>, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_lumen"))
        .args(["check", "-o", "jsonl"])
        .args(files)
        .current_dir(folder)
        .output()
        .expect("lumen runs");
    let lines = String::from_utf8(output.stdout).expect("text");
    let findings = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (findings, output.status.code())
}

/// The texts of one field of each.
fn field<'a>(findings: &'a [Value], name: &str) -> Vec<&'a str> {
    findings.iter().filter_map(|finding| finding.get(name)?.as_str()).collect()
}

#[test]
fn every_attack_gets_the_findings_it_must() {
    let folder = examples().join("attacks");
    let expected = std::fs::read_to_string(folder.join("expected.jsonl")).expect("the expectations");
    let mut files = Vec::new();
    for line in expected.lines() {
        let scenario: Value = serde_json::from_str(line).expect("JSON");
        let file = scenario["file"].as_str().expect("a file");
        files.push(file.to_owned());
        let (found, _) = check(&folder, &["namespaces.yaml", file]);
        let found: Vec<Value> = found.into_iter().filter(|finding| finding["action"] != "none").collect();

        let wanted = scenario["findings"].as_array().expect("findings");
        let mut pairs: Vec<_> = field(&found, "rule").into_iter().zip(field(&found, "action")).collect();
        pairs.sort_unstable();
        let wanted: Vec<_> = field(wanted, "rule").into_iter().zip(field(wanted, "action")).collect();
        assert_eq!(pairs, wanted, "{file}");

        // Of a controller the server says that it `would violate`, of the pods that it `violates`: the rest is one text.
        let rest = |text: &str| text.split_once("PodSecurity").map(|(_, rest)| rest.to_owned());
        let upstream = scenario["upstream"].as_str().and_then(rest);
        for said in field(&found, "upstreamMessage") {
            assert_eq!(rest(said), upstream, "{file}");
        }
        assert_eq!(upstream.is_some(), !found.is_empty(), "{file}");
    }
    let is_scenario = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "yaml");
    let not_scenarios = ["namespaces.yaml", "network-policies.yaml", "gatekeeper-policies.yaml"];
    for entry in std::fs::read_dir(&folder).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let known = files.contains(&name) || not_scenarios.contains(&name.as_str());
        assert!(known || !is_scenario(&name), "nothing is expected of {name}");
    }
}

#[test]
fn the_documents_own_templates_give_its_messages_word_for_word() {
    let folder = examples().join("attacks");
    let expected = std::fs::read_to_string(folder.join("expected.jsonl")).expect("the expectations");
    for line in expected.lines() {
        let scenario: Value = serde_json::from_str(line).expect("JSON");
        let file = scenario["file"].as_str().expect("a file");
        let arguments = ["namespaces.yaml", file, "--policy", "gatekeeper-policies.yaml"];
        let (mut found, _) = check(&folder, &arguments);
        found.retain(|finding| finding["layer"] == "admission" && finding["source"]["file"] == file);
        let mut said: Vec<_> = field(&found, "rule").into_iter().zip(field(&found, "message")).collect();
        said.sort_unstable();
        let wanted = scenario["admission"].as_array().expect("findings");
        let wanted: Vec<_> = field(wanted, "rule").into_iter().zip(field(wanted, "message")).collect();
        assert_eq!(said, wanted, "{file}");
        for finding in &found {
            assert_eq!(finding["action"], "deny", "{file}");
            let name = finding["rule"].as_str().and_then(|rule| rule.rsplit('/').next()).expect("a name");
            let upstream = format!("[{name}] {}", finding["message"].as_str().expect("a message"));
            assert_eq!(finding["upstreamMessage"], upstream.as_str(), "{file}");
            let is_about_a_container = finding["message"].as_str().is_some_and(|text| text.contains('<'));
            let path = finding["source"]["path"].as_str().unwrap_or_default();
            assert_eq!(path.contains("/containers/0"), is_about_a_container, "{file}: {path}");
        }
    }
}

#[test]
fn the_shop_is_clean() {
    let (findings, code) = check(&examples().join("shop"), &["."]);
    assert_eq!(code, Some(0));
    // The one thing to say is what the node's exporter needs.
    assert_eq!(field(&findings, "rule"), ["pod-security/namespace-level"]);
}

//! `lumen check` says what a real API server says: same verdict, same text, for every workload of the examples and of
//! the corpus.
//!
//! The server's answers are in `tests/corpus/podsecurity/apiserver-1.34.4.jsonl`; `cargo xtask e2e` asks a server again
//! and compares, so that the two halves together compare lumen with the server.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so and stops")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const RECORD: &str = "tests/corpus/podsecurity/apiserver-1.34.4.jsonl";

/// The files where lumen deviates, each with its reason.
const DEVIATIONS: &str = "tests/known-deviations/podsecurity-apiserver-1.34.4.txt";

/// The version of the server that gave the answers.
const VERSION: &str = "v1.34";

/// The kinds that the record has an answer for, wherever they are.
const WORKLOADS: [&str; 9] = [
    "Pod",
    "ReplicationController",
    "PodTemplate",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
];

#[test]
fn says_what_the_api_server_says() {
    let answers = answers();
    let deviations = deviations();
    let mut faults = Vec::new();
    for (folder, answers) in by_folder(&answers) {
        let findings = findings(&folder);
        for (answer, next) in answers.iter().zip(next_lines(&answers)) {
            let of_document: Vec<&Finding> = findings
                .iter()
                .filter(|finding| finding.file == answer.file && (answer.line..next).contains(&finding.line))
                .collect();
            match (compare(answer, &of_document), deviations.contains(&answer.file)) {
                (Ok(()), false) | (Err(_), true) => {}
                (Ok(()), true) => {
                    faults.push(format!("{}: no longer deviates, remove it from {DEVIATIONS}", answer.file));
                }
                (Err(fault), false) => faults.push(format!("{}:{}: {fault}", answer.file, answer.line)),
            }
        }
        for finding in &findings {
            let workload = WORKLOADS.contains(&finding.kind.as_str());
            let recorded =
                answers.iter().any(|answer| answer.file == finding.file && answer.kind == finding.kind);
            if workload && !recorded {
                faults.push(format!(
                    "{}:{}: no answer is recorded: run `cargo xtask e2e --record`",
                    finding.file, finding.line
                ));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {} answers differ:\n{}",
        faults.len(),
        answers.len(),
        faults.join("\n")
    );
    println!("pod security: {} answers of a real API server agree", answers.len());
}

/// What the server said of a document.
#[derive(Debug)]
struct Answer {
    file: String,
    /// The line that the document begins at.
    line: u64,
    kind: String,
    admitted: bool,
    message: String,
    warnings: Vec<String>,
    /// The reason for which the pods of a controller are refused; empty where they are not.
    pods: String,
}

/// A finding of lumen, as far as it is compared.
#[derive(Debug)]
struct Finding {
    file: String,
    line: u64,
    layer: String,
    outcome: String,
    action: String,
    kind: String,
    upstream: Option<String>,
}

fn compare(answer: &Answer, findings: &[&Finding]) -> Result<(), String> {
    let refused = answer.message.contains(" violates PodSecurity ");
    if !(answer.admitted || refused) {
        return compare_other_refusal(answer, findings);
    }
    let warning = answer.warnings.iter().find(|warning| warning.starts_with("would violate PodSecurity "));
    // The one thing that happens, the worst of those that do, and the server's words for it.
    let expected = if refused {
        Some(("deny", &answer.message))
    } else if answer.pods.starts_with("violates PodSecurity ") {
        Some(("deny-pods", &answer.pods))
    } else {
        warning.map(|warning| ("warn", warning))
    };
    let texts = texts(findings);
    match expected {
        Some((action, text)) => expect(&texts, action, text),
        None => match texts.first() {
            Some((action, text)) => {
                Err(format!("the server says nothing, lumen says `{action}` with `{text}`"))
            }
            None => Ok(()),
        },
    }
}

/// What the layer says that is enforced: each action with the server's text.
fn texts(findings: &[&Finding]) -> BTreeSet<(String, String)> {
    findings
        .iter()
        .filter(|finding| finding.layer == "pod-security")
        .filter(|finding| ["deny", "deny-pods", "warn"].contains(&finding.action.as_str()))
        .map(|finding| (finding.action.clone(), finding.upstream.clone().unwrap_or_default()))
        .collect()
}

/// There are findings with the action, and all that have it carry the server's text. Where something is denied, the
/// warnings of other levels may stand beside it.
fn expect(texts: &BTreeSet<(String, String)>, action: &str, expected: &str) -> Result<(), String> {
    let mut said = false;
    for (other, text) in texts {
        if other == action {
            said = true;
            if !same(text, expected) {
                return Err(format!("the server says\n    {expected}\n  lumen says\n    {text}"));
            }
        } else if other != "warn" {
            return Err(format!("action `{other}` where `{action}` is due"));
        }
    }
    if said { Ok(()) } else { Err(format!("the server says `{expected}`, lumen nothing")) }
}

/// The same text, but for the name of a pod that the server makes up: there lumen gives what comes behind it.
fn same(ours: &str, recorded: &str) -> bool {
    ours == recorded
        || recorded.split_once("<random>\" is forbidden: ").is_some_and(|(_, reason)| ours == reason)
}

/// The server refused for another reason than Pod Security. Where it could not even decode the object, or the labels
/// of a namespace are wrong, lumen must not be silent; and it must never call such an object good.
fn compare_other_refusal(answer: &Answer, findings: &[&Finding]) -> Result<(), String> {
    let decoding = answer.message.contains(" cannot be handled as ");
    let labels = answer.kind == "Namespace" && answer.message.contains(" is invalid: ");
    let silent =
        !findings.iter().any(|finding| ["fail", "warn", "error"].contains(&finding.outcome.as_str()));
    if (decoding || labels) && silent {
        return Err(format!("the server says `{}`, lumen nothing", answer.message));
    }
    Ok(())
}

fn answers() -> Vec<Answer> {
    let path = root().join(RECORD);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let answers: Vec<Answer> = text
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).expect("the record is JSON lines");
            Answer {
                file: word(&value, "/file"),
                line: value["line"].as_u64().expect("a line"),
                kind: word(&value, "/kind"),
                admitted: value["admitted"].as_bool().expect("a verdict"),
                message: word(&value, "/message"),
                warnings: value["warnings"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|warning| warning.as_str().expect("a text").to_owned())
                    .collect(),
                pods: word(&value, "/pods"),
            }
        })
        .collect();
    assert!(answers.len() > 100, "the record is there in full");
    answers
}

fn deviations() -> BTreeSet<String> {
    let path = root().join(DEVIATIONS);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    text.lines()
        .filter(|line| !(line.is_empty() || line.starts_with('#')))
        .map(|line| {
            let (file, reason) = line.split_once(": ").expect("a deviation has a reason");
            assert!(!reason.trim().is_empty(), "{file} has a reason");
            file.to_owned()
        })
        .collect()
}

/// The answers by the folder that lumen is called on: what stands in it is one cluster.
fn by_folder(answers: &[Answer]) -> BTreeMap<String, Vec<&Answer>> {
    let mut folders: BTreeMap<String, Vec<&Answer>> = BTreeMap::new();
    for answer in answers {
        let depth = if answer.file.starts_with("examples/") { 2 } else { 4 };
        let folder: Vec<_> = answer.file.split('/').take(depth).collect();
        folders.entry(folder.join("/")).or_default().push(answer);
    }
    folders
}

/// For each answer the line at which the next document of its file that has an answer begins. A document between the
/// two has none, since Pod Security does not look at its kind.
fn next_lines(answers: &[&Answer]) -> Vec<u64> {
    answers
        .iter()
        .map(|answer| {
            answers
                .iter()
                .filter(|other| other.file == answer.file && other.line > answer.line)
                .map(|other| other.line)
                .min()
                .unwrap_or(u64::MAX)
        })
        .collect()
}

fn findings(folder: &str) -> Vec<Finding> {
    let output = Command::new(env!("CARGO_BIN_EXE_lumen"))
        .current_dir(root())
        .args(["check", "--output", "jsonl", "--kubernetes-version", VERSION, folder])
        .output()
        .expect("lumen starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0..=2)), "lumen ended with {}: {errors}", output.status);
    let text = String::from_utf8(output.stdout).expect("lumen writes UTF-8");
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).expect("lumen writes JSON lines");
            Finding {
                file: word(&value, "/source/file"),
                line: value.pointer("/source/line").and_then(Value::as_u64).unwrap_or(1),
                layer: word(&value, "/layer"),
                outcome: word(&value, "/outcome"),
                action: word(&value, "/action"),
                kind: word(&value, "/object/kind"),
                upstream: value.get("upstreamMessage").and_then(Value::as_str).map(str::to_owned),
            }
        })
        .collect()
}

fn word(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

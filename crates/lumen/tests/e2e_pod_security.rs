//! `lumen check` says what a real API server says: same verdict, same text, for every workload of the examples and of
//! the corpus.
//!
//! The server's answers are in `tests/corpus/podsecurity/apiserver-1.34.4.jsonl`; `cargo xtask e2e` asks a server again
//! and compares, so that the two halves together compare lumen with the server.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says so and stops"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const RECORD: &str = "tests/corpus/podsecurity/apiserver-1.34.4.jsonl";

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

/// The namespace whose own label keeps the server silent about controllers whose pods it refuses.
const SILENT: &str = "e2e-warn-privileged";

#[test]
fn says_what_the_api_server_says() {
    let answers = answers();
    let mut faults = Vec::new();
    for (folder, answers) in by_folder(&answers) {
        let findings = findings(&folder);
        for (answer, next) in answers.iter().zip(next_lines(&answers)) {
            let of_document: Vec<&Finding> = findings
                .iter()
                .filter(|finding| finding.file == answer.file && (answer.line..next).contains(&finding.line))
                .collect();
            if let Err(fault) = compare(answer, &of_document) {
                faults.push(format!("{}:{}: {fault}", answer.file, answer.line));
            }
        }
        let known: BTreeSet<_> = answers
            .iter()
            .map(|answer| (&answer.file, &answer.name))
            .collect();
        for finding in &findings {
            if WORKLOADS.contains(&finding.kind.as_str()) && !known.contains(&(&finding.file, &finding.name))
            {
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
    println!(
        "pod security: {} answers of a real API server agree",
        answers.len()
    );
}

/// What the server said of a document.
#[derive(Debug)]
struct Answer {
    file: String,
    /// The line that the document begins at.
    line: u64,
    kind: String,
    namespace: String,
    name: String,
    admitted: bool,
    message: String,
    warnings: Vec<String>,
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
    name: String,
    upstream: Option<String>,
}

fn compare(answer: &Answer, findings: &[&Finding]) -> Result<(), String> {
    let refused = answer.message.contains(" violates PodSecurity ");
    let warned: Vec<&String> = answer
        .warnings
        .iter()
        .filter(|warning| warning.starts_with("would violate PodSecurity "))
        .collect();
    if !(answer.admitted || refused) {
        return compare_other_refusal(answer, findings);
    }
    let texts = texts(findings);
    if refused {
        expect(&texts, &["deny"], &answer.message)?;
    } else if let [warning] = warned.as_slice() {
        // The texts of what happens to a controller's pods are those of its warning.
        expect(&texts, &["deny-pods", "warn"], warning)?;
    } else if answer.namespace == SILENT {
        if !texts.keys().any(|(action, _)| action == "deny-pods") {
            return Err("its pods are refused, and lumen does not say so".into());
        }
    } else if let Some((action, text)) = texts.keys().next() {
        return Err(format!(
            "the server says nothing, lumen says `{action}` with `{text}`"
        ));
    }
    Ok(())
}

/// What the layer says that comes with a text of the server's: each action with its text, and how often.
fn texts(findings: &[&Finding]) -> BTreeMap<(String, String), usize> {
    let mut texts = BTreeMap::new();
    for finding in findings {
        let enforced = ["deny", "deny-pods", "warn"].contains(&finding.action.as_str());
        if finding.layer == "pod-security" && enforced {
            let text = finding.upstream.clone().unwrap_or_default();
            *texts.entry((finding.action.clone(), text)).or_insert(0) += 1;
        }
    }
    texts
}

/// All findings carry one text, the server's, and one of the actions.
fn expect(texts: &BTreeMap<(String, String), usize>, actions: &[&str], expected: &str) -> Result<(), String> {
    if texts.is_empty() {
        return Err(format!("the server says `{expected}`, lumen nothing"));
    }
    for (action, text) in texts.keys() {
        if !actions.contains(&action.as_str()) {
            return Err(format!(
                "action `{action}` where `{}` is due",
                actions.join("` or `")
            ));
        }
        if !same(text, expected) {
            return Err(format!(
                "the server says\n    {expected}\n  lumen says\n    {text}"
            ));
        }
    }
    Ok(())
}

/// The same text. What the server makes up for a name cannot be foretold; and for a controller, both the text of the
/// warning and that of its pods' refusal are the server's: they are the same from the policy on.
fn same(ours: &str, recorded: &str) -> bool {
    let policy = |text: &str| {
        text.split_once("PodSecurity \"")
            .map(|(_, policy)| policy.to_owned())
    };
    let recorded = recorded.replace("<random>", "");
    let pods_of_controller = ours.starts_with("pods ") && recorded.starts_with("would violate");
    ours.replace("<random>", "") == recorded
        || (pods_of_controller && policy(ours).is_some() && policy(ours) == policy(&recorded))
}

/// The server refused for another reason than Pod Security. Where it could not even decode the object, or the labels
/// of a namespace are wrong, lumen must not be silent; and it must never call such an object good.
fn compare_other_refusal(answer: &Answer, findings: &[&Finding]) -> Result<(), String> {
    let decoding = answer.message.contains(" cannot be handled as ");
    let labels = answer.kind == "Namespace" && answer.message.contains(" is invalid: ");
    let silent = !findings
        .iter()
        .any(|finding| ["fail", "warn", "error"].contains(&finding.outcome.as_str()));
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
                namespace: word(&value, "/namespace"),
                name: word(&value, "/name"),
                admitted: value["admitted"].as_bool().expect("a verdict"),
                message: word(&value, "/message"),
                warnings: value["warnings"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|warning| warning.as_str().expect("a text").to_owned())
                    .collect(),
            }
        })
        .collect();
    assert!(answers.len() > 100, "the record is there in full");
    answers
}

/// The answers by the folder that lumen is called on: what stands in it is one cluster.
fn by_folder(answers: &[Answer]) -> BTreeMap<String, Vec<&Answer>> {
    let mut folders: BTreeMap<String, Vec<&Answer>> = BTreeMap::new();
    for answer in answers {
        let depth = if answer.file.starts_with("examples/") {
            2
        } else {
            4
        };
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
        .args([
            "check",
            "--output",
            "jsonl",
            "--kubernetes-version",
            VERSION,
            folder,
        ])
        .output()
        .expect("lumen starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(0..=2)),
        "lumen ended with {}: {errors}",
        output.status
    );
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
                name: word(&value, "/object/name"),
                upstream: value
                    .get("upstreamMessage")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            }
        })
        .collect()
}

fn word(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

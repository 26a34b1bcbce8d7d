//! `e2e`: what a real API server says of the examples and of the corpus, against what is recorded.
//!
//! The recorded answers are what `cargo test` holds lumen to, without a cluster; this task keeps the record true. Each
//! document is sent as it stands, to be created with `dryRun=All`: once as the server reads by default, and once with
//! `fieldValidation=Strict`, which is what kubectl asks for.

mod manifest;
pub(crate) mod server;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::cluster::ApiServer;
use crate::workspace::{root, target};
use manifest::Manifest;
use server::{Answer, Requests};

/// Pods and controllers for every check, and for what stands between them and a verdict.
const CORPUS: &str = "tests/corpus/podsecurity/e2e";

/// The examples: an installation in each folder.
const EXAMPLES: &str = "examples";

/// The record, one answer a line.
const RECORD: &str = "tests/corpus/podsecurity/apiserver-1.34.4.jsonl";

/// The kinds that Pod Security looks at: the word for them in a request's path, and where they hold their pods' template.
const KINDS: [(&str, &str, Option<&str>); 9] = [
    ("Pod", "pods", None),
    ("ReplicationController", "replicationcontrollers", Some("/spec/template")),
    ("PodTemplate", "podtemplates", Some("/template")),
    ("Deployment", "deployments", Some("/spec/template")),
    ("ReplicaSet", "replicasets", Some("/spec/template")),
    ("StatefulSet", "statefulsets", Some("/spec/template")),
    ("DaemonSet", "daemonsets", Some("/spec/template")),
    ("Job", "jobs", Some("/spec/template")),
    ("CronJob", "cronjobs", Some("/spec/jobTemplate/spec/template")),
];

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Write the answers down instead of comparing them
    #[arg(long)]
    record: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.record {
        return check().map(|_| ());
    }
    let lines = answers()?;
    let mut text = String::new();
    for line in &lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    let record = record_path();
    std::fs::write(&record, text).with_context(|| format!("cannot write `{}`", record.display()))?;
    println!("{} answers written to {RECORD}", lines.len());
    Ok(())
}

/// Compares the server's answers with those recorded; how many there are.
pub(crate) fn check() -> Result<usize> {
    let lines = answers()?;
    compare(&lines)?;
    Ok(lines.len())
}

/// Starts a server and asks about every document.
fn answers() -> Result<Vec<Value>> {
    let server = ApiServer::start(target().join("e2e-apiserver"))?;
    let requests = Requests::to(&server)?;
    let mut lines = Vec::new();
    for folder in folders()? {
        let manifests = manifest::of_folder(&folder)?;
        prepare(&requests, &manifests, &mut lines)?;
        for manifest in &manifests {
            if let Some((_, plural, template)) = KINDS.iter().find(|(kind, ..)| *kind == manifest.kind) {
                lines.push(ask(&requests, manifest, plural, *template)?);
            }
        }
    }
    Ok(lines)
}

/// The folders whose documents are sent, each an installation of its own: its namespaces hold for its other documents.
fn folders() -> Result<Vec<String>> {
    let mut folders = vec![CORPUS.to_owned()];
    let examples = root().join(EXAMPLES);
    if examples.is_dir() {
        for entry in
            std::fs::read_dir(&examples).with_context(|| format!("cannot read `{}`", examples.display()))?
        {
            let entry = entry?;
            if entry.path().is_dir() {
                folders.push(format!("{EXAMPLES}/{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    folders.sort();
    Ok(folders)
}

fn record_path() -> PathBuf {
    root().join(RECORD)
}

/// Makes the namespaces, recording what the server says of them, and in each the service accounts that pods need.
fn prepare(server: &Requests, manifests: &[Manifest], lines: &mut Vec<Value>) -> Result<()> {
    let namespaces = "/api/v1/namespaces";
    let mut known = BTreeSet::new();
    let mut made = BTreeSet::new();
    for manifest in manifests.iter().filter(|each| each.kind == "Namespace") {
        let name = manifest.name.as_str();
        known.insert(name);
        let mut answer = server.create(namespaces, manifest.media_type, &manifest.text)?;
        if answer.message.as_deref() == Some(&format!("namespaces \"{name}\" already exists")) {
            // Another folder has made it, or the server has had it from its start.
            let path = format!("{namespaces}/{name}");
            answer = server.replace(&path, manifest.media_type, &manifest.text)?;
        }
        if answer.admitted {
            made.insert(name);
        }
        lines.push(line(manifest, &answer, None));
    }
    for manifest in manifests.iter().filter(|each| each.kind != "Namespace") {
        let name = manifest.namespace.as_str();
        if known.insert(name) {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            server.create(namespaces, "application/json", &object.to_string())?;
            made.insert(name);
        }
    }
    for namespace in made {
        let path = format!("{namespaces}/{namespace}/serviceaccounts");
        let named = manifests
            .iter()
            .filter(|each| each.kind == "ServiceAccount" && each.namespace == namespace)
            .map(|each| each.name.as_str());
        for name in named.chain(["default"]) {
            let object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
            server.create(&path, "application/json", &object.to_string())?;
        }
    }
    Ok(())
}

fn ask(server: &Requests, manifest: &Manifest, plural: &str, template: Option<&str>) -> Result<Value> {
    let group = if manifest.api_version == "v1" {
        "/api/v1".to_owned()
    } else {
        format!("/apis/{}", manifest.api_version)
    };
    let path = format!("{group}/namespaces/{}/{plural}?dryRun=All&fieldValidation=", manifest.namespace);
    let request = |validation: &str| -> Result<Answer> {
        let mut answer =
            server.create(&format!("{path}{validation}"), manifest.media_type, &manifest.text)?;
        if !manifest.generate_name.is_empty() {
            answer.message = answer.message.map(|message| without_random(&message, &manifest.generate_name));
        }
        Ok(answer)
    };
    let answer = request("Warn")?;
    let strict = request("Strict")?;
    let strict = (strict.admitted != answer.admitted || strict.message != answer.message)
        .then_some(strict.message)
        .flatten();
    let mut line = line(manifest, &answer, strict.as_deref());
    let template = template.zip(answer.object.as_ref()).and_then(|(pointer, object)| object.pointer(pointer));
    if let (Some(template), Some(object), Some(fields)) = (template, &answer.object, line.as_object_mut()) {
        let pod = pod_of(template, object);
        fields.extend(ask_pods(server, &manifest.namespace, &pod)?);
    }
    Ok(line)
}

/// The pod that a controller makes of its template, as the server keeps that. A stateful set adds its claims.
fn pod_of(template: &Value, controller: &Value) -> Value {
    let mut metadata = template.get("metadata").cloned().unwrap_or_else(|| json!({}));
    if let Some(fields) = metadata.as_object_mut() {
        fields.insert("name".into(), "pod".into());
    }
    let mut spec = template.get("spec").cloned().unwrap_or_else(|| json!({}));
    let claims = controller.pointer("/spec/volumeClaimTemplates");
    for claim in claims.and_then(Value::as_array).into_iter().flatten() {
        let name = claim.pointer("/metadata/name");
        let volume = json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
        if let Some(fields) = spec.as_object_mut() {
            let volumes = fields.entry("volumes").or_insert_with(|| json!([]));
            if let Some(volumes) = volumes.as_array_mut() {
                volumes.retain(|other| other.get("name") != name);
                volumes.push(volume);
            }
        }
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// Sends a controller's pod; gives the field `pods`, with what the server says where it refuses.
fn ask_pods(server: &Requests, namespace: &str, pod: &Value) -> Result<Option<(String, Value)>> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let answer = server.create(&path, "application/json", &pod.to_string())?;
    // The pod's name is made up: what comes behind it is the answer.
    let reason = |message: String| match message.split_once("pods \"pod\" is forbidden: ") {
        Some((_, reason)) => reason.to_owned(),
        None => message,
    };
    Ok(answer.message.map(|message| ("pods".to_owned(), reason(message).into())))
}

/// The message with `<random>` for what the server adds to `generateName`: five letters or digits.
fn without_random(message: &str, prefix: &str) -> String {
    let Some((before, after)) = message.split_once(&format!("\"{prefix}")) else {
        return message.into();
    };
    let rest: String = after.chars().skip(5).collect();
    format!("{before}\"{prefix}<random>{rest}")
}

/// A line of the record. `strict` is what strict reading is told, where that is something else.
fn line(manifest: &Manifest, answer: &Answer, strict: Option<&str>) -> Value {
    let mut line = json!({
        "file": manifest.file,
        "document": manifest.document,
        "line": manifest.line,
        "kind": manifest.kind,
        "namespace": if manifest.kind == "Namespace" { "" } else { &manifest.namespace },
        "name": manifest.name,
        "admitted": answer.admitted,
    });
    if let Some(fields) = line.as_object_mut() {
        if let Some(message) = &answer.message {
            fields.insert("message".into(), message.as_str().into());
        }
        if !answer.warnings.is_empty() {
            fields.insert("warnings".into(), answer.warnings.clone().into());
        }
        if let Some(strict) = strict {
            fields.insert("strict".into(), strict.into());
        }
    }
    line
}

/// Every answer must be as it is recorded, and nothing recorded may be left over.
fn compare(lines: &[Value]) -> Result<()> {
    let record = record_path();
    let text =
        std::fs::read_to_string(&record).with_context(|| format!("cannot read `{}`", record.display()))?;
    let recorded: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .with_context(|| format!("`{RECORD}` is no JSON lines"))?;
    let mut differences = 0;
    for line in lines.iter().filter(|line| !recorded.contains(line)) {
        println!("answered, not recorded: {line}");
        differences += 1;
    }
    for line in recorded.iter().filter(|line| !lines.contains(line)) {
        println!("recorded, not answered: {line}");
        differences += 1;
    }
    if differences > 0 {
        bail!(
            "{differences} differences from `{RECORD}`; if the server is right, run `cargo xtask e2e --record`"
        );
    }
    println!("the API server's {} answers are those recorded", lines.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::without_random;

    #[test]
    fn made_up_names_are_cut() {
        let message = "pods \"web-x7k2p\" is forbidden: violates";
        assert_eq!(without_random(message, "web-"), "pods \"web-<random>\" is forbidden: violates");
        assert_eq!(without_random(message, "other-"), message);
    }
}

//! Pod Security as the API server itself has it, against ours, request for request: random pods and controllers, word for word.
//!
//! Namespaces come in pairs with the same labels. In the one the API server's own Pod Security judges; in the other, which it exempts,
//! the webhook does, asked by that very API server. So both see a request as it is: decoded, defaulted and named. A check is asked
//! about the manifest as it was sent. Nothing is kept: every request is a dry run.
//!
//! Where the programs of a cluster are missing, it is skipped. `LUMEN_REAL_PODS` says how many requests, `LUMEN_REAL_SEED` which.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code, that says what was compared"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::Request;
use kube::client::Body;
use lumen_core::finding::{Action, Finding, Layer};
use lumen_core::review::{Policies, review};
use lumen_core::snapshot::{Options, Snapshot, SourceDocument};
use lumen_server::api::{Api, Resource};
use lumen_server::listen::Bounds;
use lumen_server::state::State;
use lumen_server::webhook::Settings;
use lumen_value::Value;
use lumen_value::read::Limits;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value as Json, json};

#[path = "serving/endpoint.rs"]
mod endpoint;
#[path = "real_cluster/harness.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod harness;
#[path = "real_pod_security/pods.rs"]
mod pods;

use endpoint::Endpoint;
use harness::{ApiServer, apply, yaml};
use pods::{Sent, labels, sent};

/// How many pairs of namespaces.
const PAIRS: usize = 16;

const WEBHOOK: &str = "validation.lumensec.io";

/// What an API server says to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    code: u16,
    message: String,
    reason: String,
    warnings: BTreeSet<String>,
    audit_id: String,
}

/// Who asks it.
struct Client(kube::Client);

impl Client {
    async fn send(&self, method: &str, path: &str, body: &Json) -> (Said, Json) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string().into_bytes()))
            .expect("a request");
        let response = self.0.send(request).await.expect("an answer");
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let warnings = response.headers().get_all("warning").into_iter();
        let warnings = warnings.map(|value| warning(value.to_str().expect("ASCII"))).collect();
        let mut said = Said {
            code: response.status().as_u16(),
            warnings,
            audit_id: header("audit-id").unwrap_or_default().to_owned(),
            ..Said::default()
        };
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        let answer: Json = serde_json::from_slice(&bytes).unwrap_or_default();
        if said.code >= 400 {
            answer["message"].as_str().unwrap_or_default().clone_into(&mut said.message);
            answer["reason"].as_str().unwrap_or_default().clone_into(&mut said.reason);
        }
        (said, answer)
    }
}

/// The text of `299 - "text"`.
fn warning(header: &str) -> String {
    let quoted = header.strip_prefix("299 - \"").and_then(|rest| rest.strip_suffix('"')).expect("a warning");
    let mut text = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        text.push(if letter == '\\' { letters.next().expect("a letter") } else { letter });
    }
    text
}

/// A random name as everybody has it.
fn named(mut said: Said, name: &str, generated: bool) -> Said {
    if generated && let Some(at) = said.message.find(&format!("\"{name}")) {
        let rest = said.message.split_off(at + name.len() + 1);
        let rest = rest.split_once('"').map_or("", |(_, rest)| rest).to_owned();
        said.message.push('"');
        said.message.push_str(&rest);
    }
    said
}

#[test]
fn the_api_server_and_the_webhook_and_a_check_say_the_same() {
    // Making random requests goes deep.
    let thread = std::thread::Builder::new().stack_size(256 << 20);
    let comparing =
        thread.spawn(|| tokio::runtime::Runtime::new().expect("a runtime").block_on(compare_all()));
    comparing.expect("a thread").join().expect("no panic");
}

async fn compare_all() {
    let names: Vec<String> = (0..PAIRS).map(|number| format!("webhook-{number}")).collect();
    let folder = std::env::temp_dir().join(format!("lumen-pod-security-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let configuration = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": "PodSecurity", "configuration": {
            "apiVersion": "pod-security.admission.config.k8s.io/v1",
            "kind": "PodSecurityConfiguration",
            "exemptions": {"namespaces": names},
        }}],
    });
    let audit = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
        {"level": "Metadata", "namespaces": [], "verbs": ["create", "update"], "resources": [{"group": ""}, {"group": "apps"}, {"group": "batch"}]},
    ]});
    let (admission, policy) = (folder.join("admission.json"), folder.join("audit.json"));
    std::fs::write(&admission, configuration.to_string()).expect("is written");
    std::fs::write(&policy, audit.to_string()).expect("is written");
    let variables = vec![("ADMISSION_CONFIG", admission.into()), ("AUDIT_POLICY", policy.into())];
    let Some(server) = ApiServer::start_with_variables("pod-security", variables) else { return };
    let api = server.api().await;
    let client = Client(server.client(None).await);
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (count, seed) = (number("LUMEN_REAL_PODS", 200), number("LUMEN_REAL_SEED", 7));
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() });
    let namespaces = make_namespaces(&api, &client, &mut runner).await;
    let version = api.get_path("/version").await.expect("a version");
    let minor = harness::text(&version, &["minor"]).parse().expect("a number");
    let state = State {
        namespaces: Arc::new(
            namespaces.iter().map(|(name, object)| (name.as_str().into(), value(object))).collect(),
        ),
        kubernetes_minor: Some(minor),
        ..State::default()
    };
    let served = Endpoint::start(state, Settings::default(), Bounds::default()).await;
    register(&api, &served).await;
    let mut compared = Compared::default();
    let mut pending = Vec::new();
    let mut differences = Vec::new();
    for _ in 0..count {
        let sent = sent(PAIRS).new_tree(&mut runner).expect("a request").current();
        let (mut own, mut ours) = (Said::default(), Said::default());
        for (part, said) in [("own", &mut own), ("webhook", &mut ours)] {
            let path = sent.path(&format!("{part}-{}", sent.pair));
            let body = match &sent.update {
                None => sent.object.clone(),
                Some(change) => {
                    let (_, mut object) =
                        client.send("GET", &path.replace("/ephemeralcontainers", ""), &Json::Null).await;
                    change.apply(&mut object);
                    object
                }
            };
            let method = if sent.update.is_some() { "PUT" } else { "POST" };
            let answer = client.send(method, &format!("{path}?dryRun=All"), &body).await.0;
            *said = named(answer, "made-", sent.is_named_by_server());
        }
        compared.count(&own);
        if let Err(difference) = compare(&own, &ours) {
            differences.push(format!("{difference}\n  {}", sent.object));
        }
        if sent.update.is_none() && [201, 403].contains(&own.code) {
            let namespace = &namespaces[&format!("own-{}", sent.pair)];
            if let Err(difference) = compare_check(&sent, namespace, minor, &own) {
                differences.push(format!("a check: {difference}\n  {}\n  {namespace}", sent.object));
            }
        }
        pending.push((own.audit_id, ours.audit_id, sent.object));
    }
    compare_audit_log(&server, pending, &mut compared, &mut differences);
    println!("{compared:?}");
    served.stop().await;
    drop(server);
    // A folder that stays does no harm.
    let _is_removed = std::fs::remove_dir_all(&folder);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    let is_telling =
        compared.denied * 10 > count && compared.warned * 20 > count && compared.allowed * 20 > count;
    assert!(is_telling, "the requests are of too few sorts: {compared:?}");
}

/// What was compared.
#[derive(Debug, Default)]
struct Compared {
    allowed: u64,
    denied: u64,
    warned: u64,
    /// Refused before anybody judges: they are no pods.
    invalid: u64,
    annotated: u64,
}

impl Compared {
    fn count(&mut self, said: &Said) {
        match said.code {
            200 | 201 => self.allowed += 1,
            403 => self.denied += 1,
            _ => self.invalid += 1,
        }
        self.warned += u64::from(!said.warnings.is_empty());
    }
}

fn compare(own: &Said, ours: &Said) -> Result<(), String> {
    let prefix = format!("admission webhook \"{WEBHOOK}\" denied the request: ");
    let mut ours = ours.clone();
    ours.message = ours.message.strip_prefix(&prefix).unwrap_or(&ours.message).to_owned();
    ours.audit_id.clone_from(&own.audit_id);
    if *own == ours {
        Ok(())
    } else {
        Err(format!("the API server says\n  {own:?}\nthe webhook\n  {ours:?}"))
    }
}

/// What a check says of the manifest as it was sent.
fn compare_check(sent: &Sent, namespace: &Json, minor: u64, own: &Said) -> Result<(), String> {
    let mut object = sent.object.clone();
    object["metadata"]["namespace"] = namespace["metadata"]["name"].clone();
    let document = |index, json: &Json| SourceDocument { source: "sent".into(), index, value: value(json) };
    let (snapshot, _) = Snapshot::build([document(0, namespace), document(1, &object)], &Options::default());
    let entry = snapshot.entries().iter().find(|entry| !entry.is_namespace()).expect("an object");
    let findings = review(entry, &snapshot, &Policies { cluster_minor: minor, ..Policies::default() });
    let texts = |action: Action| -> BTreeSet<String> {
        let of = |finding: &&Finding| finding.rule.layer == Layer::PodSecurity && finding.action == action;
        findings
            .iter()
            .filter(of)
            .map(|each| each.upstream_message.as_deref().unwrap_or_default().to_owned())
            .collect()
    };
    let differs = |what: &str, check: &BTreeSet<String>| {
        Err(format!("{what}: the API server says\n  {own:?}\nthe check\n  {check:?}"))
    };
    let denied = texts(Action::Deny);
    if own.code == 403 {
        let is_same =
            |text: &String| own.message == *text || own.message.ends_with(&format!("is forbidden: {text}"));
        return if denied.len() == 1 && denied.iter().all(is_same) {
            Ok(())
        } else {
            differs("denied", &denied)
        };
    }
    if !denied.is_empty() {
        return differs("denied", &denied);
    }
    let of_pod_security = |text: &&String| text.starts_with("would violate PodSecurity");
    let warned: BTreeSet<String> = own.warnings.iter().filter(of_pod_security).cloned().collect();
    let said = texts(Action::Warn);
    // What the pods of a controller are refused for is not said again as a warning. Long warnings are cut by the API server.
    let is_covered = said.is_empty() && !texts(Action::DenyPods).is_empty();
    let is_cut = warned.iter().any(|text| text.chars().count() >= 256);
    if is_covered || said == warned || (is_cut && !said.is_empty()) {
        Ok(())
    } else {
        differs("warned", &said)
    }
}

/// The annotations of the audit log, by who judged.
fn compare_audit_log(
    server: &ApiServer,
    pending: Vec<(String, String, Json)>,
    compared: &mut Compared,
    differences: &mut Vec<String>,
) {
    let log = std::fs::read_to_string(server.log("audit.jsonl")).expect("an audit log");
    let mut annotations: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in log.lines() {
        let event: Json = serde_json::from_str(line).expect("JSON");
        let all = event["annotations"].as_object().into_iter().flatten();
        let of_layer = all.filter_map(|(key, value)| {
            let (by, key) = key.split_once('/')?;
            let is_of_layer = by == WEBHOOK || by == "pod-security.kubernetes.io";
            (is_of_layer && key != "exempt")
                .then(|| (key.to_owned(), value.as_str().unwrap_or_default().to_owned()))
        });
        annotations.insert(event["auditID"].as_str().unwrap_or_default().to_owned(), of_layer.collect());
    }
    for (own, ours, object) in pending {
        let (Some(own), Some(ours)) = (annotations.get(&own), annotations.get(&ours)) else {
            differences.push(format!("it is not in the audit log: {object}"));
            continue;
        };
        compared.annotated += u64::from(!own.is_empty());
        if own != ours {
            differences.push(format!(
                "annotations: the API server says\n  {own:?}\nthe webhook\n  {ours:?}\n  {object}"
            ));
        }
    }
}

fn value(json: &Json) -> Value {
    lumen_value::json::parse(json.to_string().as_bytes(), &Limits::default()).expect("JSON").value
}

/// Makes the namespaces, and in each a pod that can be updated; then they get their labels.
async fn make_namespaces(api: &Api, client: &Client, runner: &mut TestRunner) -> BTreeMap<String, Json> {
    let resource = Resource::namespaces();
    let accounts = Resource::new("", "v1", "ServiceAccount", "serviceaccounts", true);
    let mut made = BTreeMap::new();
    for pair in 0..PAIRS {
        let labels = labels().new_tree(runner).expect("labels").current();
        for part in ["own", "webhook"] {
            let name = format!("{part}-{pair}");
            apply(
                api,
                &resource,
                &yaml(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}")),
            )
            .await;
            let account = format!(
                "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: default, namespace: {name}}}}}"
            );
            apply(api, &accounts, &yaml(&account)).await;
            let path = format!("/api/v1/namespaces/{name}/pods");
            let (said, _) = client.send("POST", &path, &pods::to_update()).await;
            assert_eq!(said.code, 201, "{}", said.message);
            let mut all = labels.clone();
            all["judged-by"] = part.into();
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": all}});
            apply(api, &resource, &value(&object)).await;
            made.insert(name, object);
        }
    }
    made
}

async fn register(api: &Api, served: &Endpoint) {
    let configurations = Resource::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        false,
    );
    let object = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "lumen"},
        "webhooks": [{
            "name": WEBHOOK,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "namespaceSelector": {"matchLabels": {"judged-by": "webhook"}},
            "clientConfig": {"url": format!("https://localhost:{}/v1/admit", served.address.port()), "caBundle": served.ca_bundle()},
            "rules": [{
                "apiGroups": ["", "apps", "batch"],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["pods", "pods/ephemeralcontainers", "pods/resize", "podtemplates", "replicationcontrollers",
                    "deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs"],
            }],
        }],
    });
    apply(api, &configurations, &value(&object)).await;
    // An API server heeds it a moment later.
    let probe = Resource::pods();
    for _ in 0..600 {
        let pod = value(
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": "webhook-0"},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}),
        );
        // Whatever comes of it, it is asked about.
        let _answer = api.try_apply(&probe.at(Some("webhook-0"), "probe"), &pod).await;
        if served.get("/metrics").await.1.contains("gatekeeper_validation_request_count_total{") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the webhook is not asked");
}

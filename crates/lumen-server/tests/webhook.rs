//! What the webhook answers over its socket: to requests of all kinds, to too many, and to whoever means it harm.
#![expect(clippy::expect_used, reason = "test code")]

#[path = "serving/endpoint.rs"]
mod endpoint;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use endpoint::{Endpoint, certificate, pod, post, review};
use hyper::StatusCode;
use lumen_core::admission::PolicySet;
use lumen_core::snapshot::{Options, Snapshot, SourceDocument};
use lumen_server::listen::Bounds;
use lumen_server::state::State;
use lumen_server::webhook::{Looking, Lookup, OnOverload, Settings};
use lumen_value::Value;
use lumen_value::read::{Limits, read};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

const MANIFESTS: &str = concat!(
    include_str!("../../../tests/corpus/admission/named.yaml"),
    "---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Named
metadata: {name: noted}
spec: {enforcementAction: dryrun, parameters: {name: b}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: strict, labels: {pod-security.kubernetes.io/enforce: baseline}}
"
);

fn state() -> State {
    let documents = read(MANIFESTS.as_bytes(), &Limits::default()).documents.into_iter();
    let documents = documents.map(|document| SourceDocument {
        source: "manifests.yaml".into(),
        index: document.index,
        value: document.value,
    });
    let (snapshot, _) = Snapshot::build(documents, &Options::default());
    let (policies, findings) = PolicySet::compile(snapshot.entries());
    assert!(findings.is_empty(), "{findings:?}");
    lumen_server::files::state_of(Arc::new(policies), &snapshot)
}

async fn endpoint() -> Endpoint {
    Endpoint::start(state(), Settings::default(), Bounds::default()).await
}

/// Knows one Namespace more, once it is let.
struct Held(Arc<Semaphore>);

impl Lookup for Held {
    fn namespace<'a>(&'a self, name: &'a str) -> Looking<'a, Value> {
        Box::pin(async move {
            self.0.acquire().await.expect("it is never closed").forget();
            let metadata: Value = [("name", name.into())].into();
            (name == "new").then(|| {
                [("apiVersion", "v1".into()), ("kind", "Namespace".into()), ("metadata", metadata)].into()
            })
        })
    }

    fn pods<'a>(&'a self, namespace: &'a str) -> Looking<'a, Vec<Value>> {
        let text = pod("old", namespace, "");
        let request = lumen_value::json::parse(text.as_bytes(), &Limits::default()).expect("JSON").value;
        Box::pin(async move { Some(vec![request.get("object").cloned().expect("a pod")]) })
    }
}

#[tokio::test]
async fn both_layers_answer_and_what_must_not_be_held_up_goes_on() {
    let served = endpoint().await;
    let client = served.http2().await;
    let denied = client.review(&pod("a", "strict", "")).await;
    assert_eq!((&denied["allowed"], &denied["status"]["code"]), (&false.into(), &403.into()));
    let message = denied["status"]["message"].as_str().expect("a message");
    assert!(
        message.starts_with("[denied] a is taken\npods \"a\" is forbidden: violates PodSecurity"),
        "{message}"
    );
    assert_eq!(denied["auditAnnotations"]["enforce-policy"], "baseline:latest");
    let noted = client.review(&pod("b", "shop", r#","dryRun":true"#)).await;
    assert_eq!(noted["allowed"], true);
    let spared = client.review(&pod("a", "kube-system", "")).await;
    assert_eq!(spared["allowed"], true);
    assert_eq!(spared["auditAnnotations"]["overruled"], "[denied] a is taken");
    let glass = pod("a", "shop", "").replace("system:authenticated", "lumen:break-glass");
    let glass = client.review(&glass).await;
    assert_eq!(glass["allowed"], true);
    assert_eq!(glass["auditAnnotations"]["let-through"], "the user is in the group lumen:break-glass");
    let (_, metrics) = served.get("/metrics").await;
    for line in [
        r#"lumen_webhook_let_through_total{reason="break-glass"} 1"#,
        r#"lumen_webhook_let_through_total{reason="namespace"} 1"#,
        r#"lumen_webhook_violations_total{constraint_kind="Named",constraint_name="noted",enforcement_action="dryrun"} 1"#,
        r#"gatekeeper_validation_request_count_total{admission_status="deny",admission_dryrun="false"} 1"#,
        r#"gatekeeper_validation_request_count_total{admission_status="allow",admission_dryrun="true"} 1"#,
        "lumen_webhook_in_flight 0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn in_shadow_everything_is_allowed_and_counted() {
    let settings = Settings { is_shadow: true, ..Settings::default() };
    let served = Endpoint::start(state(), settings, Bounds::default()).await;
    let answer = served.http2().await.review(&pod("a", "strict", "")).await;
    assert_eq!((&answer["allowed"], &answer["warnings"]), (&true.into(), &serde_json::Value::Null));
    let (_, metrics) = served.get("/metrics").await;
    assert!(metrics.contains(r#"lumen_webhook_let_through_total{reason="shadow"} 1"#), "{metrics}");
    served.stop().await;
}

/// A request that raises the level of a Namespace.
fn raised() -> String {
    let namespace = |level: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"shop","labels":{{"pod-security.kubernetes.io/enforce":"{level}"}}}}}}"#
        )
    };
    format!(
        r#"{{"uid":"u","kind":{{"group":"","version":"v1","kind":"Namespace"}},"resource":{{"group":"","version":"v1","resource":"namespaces"}},
        "name":"shop","namespace":"shop","operation":"UPDATE","object":{},"oldObject":{}}}"#,
        namespace("baseline"),
        namespace("privileged")
    )
}

#[tokio::test]
async fn a_namespace_that_was_made_just_now_is_looked_up() {
    let lookup = Arc::new(Held(Arc::new(Semaphore::new(9))));
    let served = Endpoint::start_with(state(), Settings::default(), Bounds::default(), Some(lookup)).await;
    let client = served.http2().await;
    assert_eq!(client.review(&pod("x", "new", "")).await["allowed"], true);
    let missing = client.review(&pod("x", "gone", "")).await;
    assert_eq!(missing["status"]["code"], 500);
    let raised = client.review(&raised()).await;
    assert_eq!(raised["allowed"], true);
    assert_eq!(raised["warnings"][1], "old: privileged", "{raised}");
    drop(client);
    served.stop().await;
}

/// Keeps whoever asks for pods waiting, and counts them.
struct Counted(Arc<std::sync::atomic::AtomicUsize>);

impl Lookup for Counted {
    fn namespace<'a>(&'a self, _: &'a str) -> Looking<'a, Value> {
        Box::pin(async { None })
    }

    fn pods<'a>(&'a self, _: &'a str) -> Looking<'a, Vec<Value>> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_pods_of_a_namespace_are_in_memory_once_at_a_time() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let lookup = Arc::new(Counted(asked.clone()));
    let served = Endpoint::start_with(state(), Settings::default(), Bounds::default(), Some(lookup)).await;
    let client = served.http2().await;
    let (first, request) = (client.clone(), raised());
    let first = tokio::spawn(async move { first.review(&request).await });
    while asked.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let others = client.review(&raised()).await;
    assert_eq!((&others["allowed"], &others["warnings"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    // Who waits for them is answered without them, in time.
    assert_eq!(first.await.expect("no panic")["allowed"], true);
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn too_many_requests_are_answered_at_once_as_is_configured() {
    for on_overload in [OnOverload::Error, OnOverload::Allow, OnOverload::Deny] {
        let gate = Arc::new(Semaphore::new(0));
        let settings =
            Settings { threads: NonZeroUsize::MIN, waiting_max: 0, on_overload, ..Settings::default() };
        let lookup = Arc::new(Held(gate.clone()));
        let served = Endpoint::start_with(state(), settings, Bounds::default(), Some(lookup)).await;
        let client = served.http2().await;
        // It has the one place for as long as the gate is shut.
        let (first, held) = (client.clone(), pod("x", "new", ""));
        let first = tokio::spawn(async move { first.review(&held).await });
        while served.metrics.in_flight.get() == 0 {
            tokio::task::yield_now().await;
        }
        let (status, text) = client.post(review(&pod("y", "shop", ""))).await.expect("an answer");
        let is_as_configured = match on_overload {
            OnOverload::Error => status == StatusCode::SERVICE_UNAVAILABLE,
            OnOverload::Allow => text.contains(r#""allowed":true"#) && text.contains(r#""uid":"u-y""#),
            OnOverload::Deny => text.contains(r#""allowed":false"#) && text.contains("503"),
        };
        assert!(is_as_configured, "{on_overload:?}: {status} {text}");
        let (_, spared) = client.post(review(&pod("y", "kube-system", ""))).await.expect("an answer");
        assert!(spared.contains(r#""allowed":true"#), "{spared}");
        gate.add_permits(1);
        assert_eq!(first.await.expect("no panic")["allowed"], true);
        assert_eq!(client.review(&pod("y", "shop", "")).await["allowed"], true);
        drop(client);
        served.stop().await;
    }
}

#[tokio::test]
async fn heavy_requests_keep_no_light_one_out() {
    let gate = Arc::new(Semaphore::new(0));
    let settings = Settings { threads: NonZeroUsize::MIN, waiting_max: 3, ..Settings::default() };
    let lookup = Arc::new(Held(gate.clone()));
    let served = Endpoint::start_with(state(), settings, Bounds::default(), Some(lookup)).await;
    let client = served.http2().await;
    let heavy = pod("x", "new", &format!(r#","x":"{}""#, "y".repeat(300 << 10)));
    let held: Vec<_> = (1..=2)
        .map(|_| {
            let (client, heavy) = (client.clone(), heavy.clone());
            tokio::spawn(async move { client.review(&heavy).await })
        })
        .collect();
    while served.metrics.in_flight.get() < 2 {
        tokio::task::yield_now().await;
    }
    // Half of the four places is theirs.
    let (status, _) = client.post(review(&heavy)).await.expect("an answer");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(client.review(&pod("y", "shop", "")).await["allowed"], true);
    gate.add_permits(2);
    for held in held {
        assert_eq!(held.await.expect("no panic")["allowed"], true);
    }
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn an_answer_that_would_come_too_late_is_not_waited_for() {
    let lookup = Arc::new(Held(Arc::new(Semaphore::new(0))));
    let served = Endpoint::start_with(state(), Settings::default(), Bounds::default(), Some(lookup)).await;
    let client = served.http2().await;
    let request = post("/v1/admit?timeout=1s", "application/json", review(&pod("x", "new", "")));
    let (status, text) = client.send(request).await.expect("an answer");
    assert_eq!((status, text.contains("in time")), (StatusCode::SERVICE_UNAVAILABLE, true));
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn bodies_are_bounded_and_have_to_be_reviews() {
    let served = endpoint().await;
    let client = served.http2().await;
    let large = pod("c", "shop", &format!(r#","x":"{}""#, "y".repeat(3 << 20)));
    assert_eq!(client.review(&large).await["allowed"], true);
    let cases: [(String, StatusCode); 5] = [
        (" ".repeat((8 << 20) + 1), StatusCode::PAYLOAD_TOO_LARGE),
        (String::new(), StatusCode::BAD_REQUEST),
        ("{}".to_owned(), StatusCode::BAD_REQUEST),
        (review("null"), StatusCode::BAD_REQUEST),
        (review(&pod("e", "shop", "")).replace("admission.k8s.io/v1", "v1"), StatusCode::BAD_REQUEST),
    ];
    for (body, expected) in cases {
        let begins: String = body.chars().take(40).collect();
        // Who is told that a body is too long may find that nobody reads the rest of it.
        if let Ok((status, _)) = served.http2().await.post(body).await {
            assert_eq!(status, expected, "{begins}");
        } else {
            assert_eq!(expected, StatusCode::PAYLOAD_TOO_LARGE, "{begins}");
        }
    }
    for kind in ["text/plain", "application/yaml", ""] {
        let (status, _) =
            client.send(post("/v1/admit", kind, review(&pod("f", "shop", "")))).await.expect("an answer");
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    assert_eq!(served.get("/v1/admit").await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(served.get("/nowhere").await.0, StatusCode::NOT_FOUND);
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn what_cannot_be_judged_whatever_is_tried_is_denied() {
    let served = endpoint().await;
    let deep = format!("{}{}", "[".repeat(2 << 20), "]".repeat(2 << 20));
    let deep = |namespace| pod("d", namespace, &format!(r#","x":{deep}"#));
    let long = |namespace| pod("d", namespace, &format!(r#","x":"{}""#, "y".repeat(9 << 20)));
    // An error would let them by where `failurePolicy` is `Ignore`.
    for (request, code) in [(deep("shop"), 400), (long("shop"), 413)] {
        let answer = served.http2().await.review(&request).await;
        assert_eq!(
            (&answer["allowed"], &answer["status"]["code"]),
            (&false.into(), &code.into()),
            "{answer}"
        );
        assert_eq!(answer["uid"], "u-d");
    }
    for request in [deep("kube-system"), long("kube-system")] {
        assert_eq!(served.http2().await.review(&request).await["allowed"], true);
    }
    served.stop().await;
}

#[tokio::test]
async fn another_groups_namespaces_are_not_taken_for_namespaces() {
    let served = endpoint().await;
    let client = served.http2().await;
    let namespace = |group: &str| {
        format!(
            r#"{{"uid":"u","kind":{{"group":"{group}","version":"v1","kind":"Namespace"}},"resource":{{"group":"{group}","version":"v1","resource":"namespaces"}},
            "name":"kube-system","namespace":"shop","operation":"CREATE","object":{{"apiVersion":"{group}/v1","kind":"Namespace","metadata":{{"name":"a"}}}}}}"#
        )
    };
    assert_eq!(client.review(&namespace("")).await["allowed"], true);
    assert_eq!(client.review(&namespace("servicebus.example.com")).await["allowed"], false);
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn who_sends_slowly_is_cut_off() {
    let bounds = Bounds { head: Duration::from_millis(200), ..Bounds::default() };
    let settings = Settings { deadline: Duration::from_millis(300), ..Settings::default() };
    let served = Endpoint::start(state(), settings, bounds).await;
    let mut silent = served.tcp().await;
    let mut garbage = served.tcp().await;
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("is sent");
    let mut head = served.tls("http/1.1").await;
    head.write_all(b"POST /v1/admit HTTP/1.1\r\nhost: ").await.expect("is sent");
    let mut body = served.tls("http/1.1").await;
    let text = "POST /v1/admit HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{";
    body.write_all(text.as_bytes()).await.expect("is sent");
    let mut read = Vec::new();
    // What matters is that each of them ends, in whatever way.
    drop(silent.read_to_end(&mut read).await);
    drop(garbage.read_to_end(&mut read).await);
    drop(head.read_to_end(&mut read).await);
    read.clear();
    drop(body.read_to_end(&mut read).await);
    assert!(String::from_utf8_lossy(&read).starts_with("HTTP/1.1 408"), "{}", String::from_utf8_lossy(&read));
    assert_eq!(served.http2().await.review(&pod("x", "shop", "")).await["allowed"], true);
    served.stop().await;
}

#[tokio::test]
async fn connections_that_nobody_uses_keep_nobody_out() {
    let bounds = Bounds { connections_max: 500, ..Bounds::default() };
    let served = Endpoint::start(state(), Settings::default(), bounds).await;
    let client = served.http2().await;
    assert_eq!(client.review(&pod("x", "shop", "")).await["allowed"], true);
    let mut idle = Vec::new();
    for _ in 0..2_000 {
        idle.push(served.tcp().await);
    }
    let another = served.http2().await;
    assert_eq!(another.review(&pod("x", "shop", "")).await["allowed"], true);
    // Who brought requests is not the first to go.
    assert_eq!(client.review(&pod("x", "shop", "")).await["allowed"], true);
    drop((idle, client, another));
    served.stop().await;
}

#[tokio::test]
async fn many_streams_and_clients_that_go_away_leave_nothing_behind() {
    let served = endpoint().await;
    let client = served.http2().await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let client = client.clone();
        all.spawn(async move { client.post(review(&pod(&format!("p{number}"), "shop", ""))).await });
    }
    let answers = all.join_all().await;
    assert!(answers.iter().all(|answer| {
        answer
            .as_ref()
            .is_ok_and(|(status, _)| [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(status))
    }));
    for _ in 0..50 {
        let gone = served.http2().await;
        let request = tokio::spawn(async move { gone.post(review(&pod("x", "shop", ""))).await });
        tokio::task::yield_now().await;
        request.abort();
    }
    assert_eq!(client.review(&pod("x", "shop", "")).await["allowed"], true);
    while served.metrics.in_flight.get() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn a_client_is_told_before_a_connection_of_http1_ends() {
    let head = Duration::from_millis(100);
    let served = Endpoint::start(state(), Settings::default(), Bounds { head, ..Bounds::default() }).await;
    let mut client = served.http1().await;
    let mut ask = async || {
        let request = post("/v1/admit", "application/json", review(&pod("x", "shop", "")));
        client.ready().await.expect("the connection is there");
        client.send_request(request).await.expect("an answer").headers().get("connection").cloned()
    };
    assert_eq!(ask().await, None);
    // Idle for longer than a head may take: the client alone knows when it needs the connection no more.
    tokio::time::sleep(head * 5).await;
    assert_eq!(ask().await, None);
    served.server.retire();
    assert_eq!(ask().await.expect("a header"), "close");
    served.stop().await;
}

#[tokio::test]
async fn what_is_open_is_answered_when_the_server_stops() {
    let gate = Arc::new(Semaphore::new(0));
    let lookup = Arc::new(Held(gate.clone()));
    let served = Endpoint::start_with(state(), Settings::default(), Bounds::default(), Some(lookup)).await;
    let client = served.http2().await;
    let (first, held) = (client.clone(), pod("x", "new", ""));
    let first = tokio::spawn(async move { first.review(&held).await });
    while served.metrics.in_flight.get() == 0 {
        tokio::task::yield_now().await;
    }
    let stopping = tokio::spawn(served.stop());
    tokio::task::yield_now().await;
    gate.add_permits(1);
    assert_eq!(first.await.expect("no panic")["allowed"], true);
    drop(client);
    stopping.await.expect("no panic");
}

#[tokio::test]
async fn another_certificate_is_shown_from_the_next_handshake_on() {
    let served = endpoint().await;
    let client = served.http2().await;
    let (certificate, key, _) = certificate();
    assert!(served.identity.replace(certificate.as_bytes(), b"no key").is_err());
    drop(served.http2().await);
    served.identity.replace(certificate.as_bytes(), key.as_bytes()).expect("a pair");
    assert!(served.try_tls("h2").await.is_err(), "the client does not trust the other one");
    assert_eq!(client.review(&pod("x", "shop", "")).await["allowed"], true);
    drop(client);
    served.stop().await;
}

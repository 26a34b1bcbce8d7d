//! The metrics, held to Prometheus' own rules by `promtool` and scraped by a real Prometheus. Where these are not installed, it is
//! skipped.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "test code")]

#[path = "serving/endpoint.rs"]
mod endpoint;
#[path = "../../../tests/e2e/programs.rs"]
mod programs;

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use endpoint::{Endpoint, certificate, pod};
use lumen_server::audit::metrics::AuditMetrics;
use lumen_server::cluster::metrics::ClusterMetrics;
use lumen_server::listen::{Bounds, serve};
use lumen_server::metrics::Metrics;
use lumen_server::metrics::certificate::Expiry;
use lumen_server::state::{Current, State};
use lumen_server::tls::Identity;
use lumen_server::webhook::{Server, Settings};
use lumen_value::Value;
use prometheus_client::registry::Registry;
use serde_json::Value as Json;
use tokio::net::TcpListener;

/// Whether a program is there; the reason on the screen where not.
fn is_there(program: &str) -> bool {
    let is_there =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if is_there.is_err() {
        println!("skipped: there is no `{program}`: install the Debian package `prometheus`");
    }
    is_there.is_ok()
}

/// What promtool has to say against metrics.
fn promtool(metrics: &str) -> String {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool");
    child.stdin.take().expect("its input").write_all(metrics.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("promtool");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() || !said.is_empty());
    said
}

/// A server of which all is counted that can be, and its address.
async fn counted(stop: tokio::sync::oneshot::Receiver<()>) -> std::net::SocketAddr {
    let mut registry = Registry::default();
    let metrics = Metrics::registered(&mut registry);
    let (_cluster, _audit) =
        (ClusterMetrics::registered(&mut registry), AuditMetrics::registered(&mut registry));
    let (chain, key, _) = certificate();
    let identity = Identity::of_pem(chain.as_bytes(), key.as_bytes()).expect("a certificate");
    registry.register_collector(Box::new(Expiry(Arc::new(identity))));
    metrics.answered("deny", false, Duration::from_millis(2));
    metrics.answered("allow", true, Duration::from_secs(20));
    metrics.violated("K8sRequiredLabels", "must-have-owner", "deny");
    metrics.let_through("break-glass");
    metrics.refused("overload");
    metrics.in_flight.inc();
    let current = Arc::new(Current::default());
    let server = Server::new(current, Settings::default(), metrics.clone(), registry, None);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let stopping = async { assert!(stop.await.is_ok(), "it is stopped") };
        serve(listener, None, server.health(), Bounds::default(), metrics, stopping).await
    });
    address
}

/// What a program on this machine answers.
async fn get(address: std::net::SocketAddr, path: &str, accept: &str) -> Option<String> {
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    // Prometheus is not ready at once.
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

#[tokio::test]
async fn promtool_has_nothing_against_the_metrics() {
    if !is_there("promtool") {
        return;
    }
    let (stop, stopping) = tokio::sync::oneshot::channel();
    let address = counted(stopping).await;
    let text = get(address, "/metrics", "text/plain").await.expect("metrics");
    assert_eq!(promtool(&text), "", "{text}");
    // And it would have found something.
    assert!(promtool("a_b_total 1\n").contains("no help text"));
    for name in [
        "gatekeeper_validation_request_count_total{admission_status=\"deny\",admission_dryrun=\"false\"} 1",
        "gatekeeper_validation_request_duration_seconds_bucket{le=\"0.002\",admission_status=\"deny\"} 1",
        "gatekeeper_validation_request_duration_seconds_count{admission_status=\"allow\"} 1",
        "gatekeeper_audit_duration_seconds_count 0",
        "lumen_certificate_expiry_timestamp_seconds ",
        "lumen_build_info{version=",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
    stop.send(()).expect("it runs");
}

/// What Pod Security and the constraints count, of requests as they come.
#[tokio::test]
async fn requests_are_counted_by_upstreams_names() {
    let namespace = |name: &str, level: &str| {
        let labels: Value = [("pod-security.kubernetes.io/enforce", level.into())].into();
        let metadata: Value = [("name", name.into()), ("labels", labels)].into();
        (name.into(), [("kind", "Namespace".into()), ("metadata", metadata)].into())
    };
    let state = State {
        namespaces: Arc::new([namespace("strict", "baseline"), namespace("shop", "privileged")].into()),
        kubernetes_minor: Some(34),
        ..State::default()
    };
    let served = Endpoint::start(state, Settings::default(), Bounds::default()).await;
    let client = served.http2().await;
    for namespace in ["strict", "shop", "shop"] {
        client.review(&pod("a", namespace, "")).await;
    }
    let unknown =
        pod("a", "nowhere", "").replace("\"operation\"", "\"subResource\":\"hand-made\",\"operation\"");
    client.review(&unknown).await;
    let metrics = served.get("/metrics").await.1;
    for line in [
        r#"pod_security_evaluations_total{decision="deny",policy_level="baseline",policy_version="latest",mode="enforce",request_operation="create",resource="pod",subresource=""} 1"#,
        r#"pod_security_evaluations_total{decision="allow",policy_level="privileged",policy_version="latest",mode="enforce",request_operation="create",resource="pod",subresource=""} 2"#,
        r#"pod_security_errors_total{fatal="true",request_operation="create",resource="pod",subresource="other"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    if is_there("promtool") {
        assert_eq!(promtool(&metrics), "", "{metrics}");
    }
    drop(client);
    served.stop().await;
}

/// Prometheus, until it is dropped.
struct Prometheus(Child, std::path::PathBuf);

impl Drop for Prometheus {
    fn drop(&mut self) {
        // One that has ended by itself does no harm, nor does a folder that stays.
        let _is_killed = self.0.kill();
        let _status = self.0.wait();
        let _is_removed = std::fs::remove_dir_all(&self.1);
    }
}

#[tokio::test]
async fn a_real_prometheus_scrapes_them() {
    if !is_there("prometheus") {
        return;
    }
    if programs::is_bounded() {
        println!("skipped: Prometheus needs an address space without a bound (`ulimit -v`)");
        return;
    }
    let (stop, stopping) = tokio::sync::oneshot::channel();
    let address = counted(stopping).await;
    let folder = std::env::temp_dir().join(format!("lumen-prometheus-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let configuration = format!(
        "scrape_configs: [{{job_name: lumen, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{{targets: ['{address}']}}]}}]"
    );
    std::fs::write(folder.join("prometheus.yml"), configuration).expect("is written");
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let log = std::fs::File::create(folder.join("log")).expect("a log");
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={port}"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("Prometheus starts");
    let running = Prometheus(child, folder);
    let asked = |query: &'static str| async move {
        let path = format!("/api/v1/query?query={query}");
        let answer: Json = serde_json::from_str(&get(port, &path, "application/json").await?).ok()?;
        let value = answer.pointer("/data/result/0/value/1")?.as_str()?.to_owned();
        Some(value)
    };
    let began = Instant::now();
    for (query, expected) in [
        ("up%7Bjob%3D%22lumen%22%7D", "1"),
        ("gatekeeper_validation_request_count_total%7Badmission_status%3D%22deny%22%7D", "1"),
        ("gatekeeper_validation_request_duration_seconds_count%7Badmission_status%3D%22allow%22%7D", "1"),
        ("lumen_webhook_refused_total", "1"),
        ("count(lumen_build_info)", "1"),
    ] {
        loop {
            let value = asked(query).await;
            if value.as_deref() == Some(expected) {
                break;
            }
            if began.elapsed() > Duration::from_mins(1) {
                let log = std::fs::read_to_string(running.1.join("log")).unwrap_or_default();
                panic!("{query} is {value:?}: {log}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    drop(running);
    stop.send(()).expect("it runs");
}

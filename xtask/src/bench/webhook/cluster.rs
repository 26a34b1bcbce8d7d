//! `bench cluster`: the server on a real API server: its memory with 10,000 synced objects, how soon a constraint is enforced, and
//! the audit of very many objects.
//!
//! The objects are put into etcd as JSON, past the API server, which reads them as it reads any other: through it they would take
//! longer than all the rest.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::{Value, json};

use super::apply;
use super::load::{Load, Pace};
use super::process::{Running, pinned};
use super::work::{self, INGRESSES, Policy, write};
use super::{CORES, OPEN, certificate, free_port, heading, megabytes};
use crate::cluster::ApiServer;
use crate::workspace::{build_static, command, target};

/// Most operations of one transaction that etcd takes.
const TRANSACTION_MAX: usize = 128;

/// How long an audit may take.
const AUDIT_MAX: Duration = Duration::from_mins(20);

/// How often a constraint is applied.
const CONSTRAINTS: usize = 9;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Measure this binary instead of building the one of the image
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Objects that are audited
    #[arg(long, default_value_t = 100_000)]
    objects: usize,
    /// Reviews with the synced objects
    #[arg(long, default_value_t = 10_000)]
    requests: u64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let library = super::library()?;
    let lumen = match &options.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => build_static()?,
    };
    let folder = target().join("bench-cluster");
    std::fs::create_dir_all(&folder)?;
    let load = Load::build(&certificate(&folder)?, CORES[1])?;
    let policies = work::library(&library)?;
    let bench = Bench { lumen, load, folder };
    bench.synced(&work::unique_host(&policies), options.requests)?;
    bench.audit(&policies, options.objects)
}

struct Bench {
    lumen: PathBuf,
    load: Load,
    folder: PathBuf,
}

/// A server that is part of a cluster.
struct Server {
    running: Running,
    address: String,
    log: PathBuf,
}

impl Bench {
    /// Memory with synced objects, the review of one of them, and how soon constraints are enforced.
    fn synced(&self, policies: &[Policy], requests: u64) -> Result<()> {
        let api = self.api_server("synced")?;
        let etcd = Etcd::of(&api)?;
        etcd.fill((0..INGRESSES).map(stored_ingress))?;
        self.define(&api, policies)?;
        api.apply(&self.folder.join("sync.yaml"), SYNC_SET)?;
        let server = self.server(&api, "synced", CORES[0], 0)?;
        let memory = server.running.resident()?;
        println!(
            "\n{INGRESSES} synced Ingresses: ready with {:.1} MB, {:.1} at most",
            megabytes(memory.now_kib),
            megabytes(memory.most_kib)
        );
        let bodies = self.folder.join("ingress-reviews.jsonl");
        work::write_ingress_reviews(&bodies)?;
        let row = super::Row {
            name: "lumen, 10,000 synced",
            server: &server.running,
            address: &server.address,
            bodies: &bodies,
        };
        heading();
        for (pace, requests) in
            [(Pace::Closed(1), 1), (Pace::Closed(1), requests), (Pace::Closed(OPEN), requests)]
        {
            let run = self.load.send(row.server, row.address, row.bodies, pace, requests, false)?;
            row.print(pace, false, &run)?;
        }
        let mut took =
            (0..CONSTRAINTS).map(|_| self.enforced(&api, &server, policies)).collect::<Result<Vec<_>>>()?;
        took.sort_by(f64::total_cmp);
        let (least, median, most) = (took.first(), took.get(CONSTRAINTS / 2), took.last());
        println!(
            "from the API server's answer about a constraint to its first denial: {least:.1?} {median:.1?} {most:.1?} ms (least, median, most)"
        );
        Ok(())
    }

    /// Milliseconds from the API server's answer to the first denial.
    fn enforced(&self, api: &ApiServer, server: &Server, policies: &[Policy]) -> Result<f64> {
        let constraint = &policies.first().context("there is no policy")?.constraint;
        let file = self.folder.join("constraint.yaml");
        write(&file, constraint)?;
        api.kubectl(&["delete", "--wait", "--filename", &file.display().to_string()])?;
        // The one denied: its host is taken.
        let bodies = self.folder.join("denied.jsonl");
        let text = std::fs::read_to_string(self.folder.join("ingress-reviews.jsonl"))?;
        write(&bodies, text.lines().nth(1).context("there is no request")?)?;
        let asking = self.load.until(&server.address, &bodies, false)?.wait_with_output()?;
        if !asking.status.success() {
            bail!("the constraint that was deleted is enforced");
        }
        let asking = self.load.until(&server.address, &bodies, true)?;
        std::thread::sleep(Duration::from_millis(300));
        api.apply(&file, constraint)?;
        let answered = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let output = asking.wait_with_output()?;
        let at: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().context("nothing was denied")?;
        Ok((at - answered) * 1e3)
    }

    /// One audit of many objects on two cores.
    fn audit(&self, policies: &[Policy], count: usize) -> Result<()> {
        let api = self.api_server("audit")?;
        let etcd = Etcd::of(&api)?;
        let began = Instant::now();
        etcd.fill((0..NAMESPACES).map(|number| (format!("namespaces/team-{number}"), namespace(number))))?;
        etcd.fill((0..count).map(object))?;
        println!("\n{count} objects put into etcd in {:.1} s", began.elapsed().as_secs_f64());
        self.define(&api, policies)?;
        let both = CORES.join(",");
        let server = self.server(&api, "audit", &both, 36_000)?;
        let before = server.running.cpu()?;
        let began = Instant::now();
        let line = loop {
            let text = std::fs::read_to_string(&server.log)?;
            if let Some(line) = text.lines().find(|line| line.contains("\"audit_finished\"")) {
                break line.to_owned();
            }
            if began.elapsed() > AUDIT_MAX {
                bail!("the audit did not end: see `{}`", server.log.display());
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        let told: Value = serde_json::from_str(&line).context("the log is no JSON")?;
        let of = |name: &str| told.get(name).cloned().unwrap_or_default();
        let cpu = server.running.cpu()?.saturating_sub(before);
        let memory = server.running.resident()?;
        println!(
            "audit of {} objects, {} policies, two cores: {}, {:.1} s of CPU time, {:.1} MB at most, {:.1} after it",
            of("objects"),
            policies.len(),
            of("duration"),
            cpu.as_secs_f64(),
            megabytes(memory.most_kib),
            megabytes(memory.now_kib),
        );
        Ok(())
    }

    fn api_server(&self, name: &str) -> Result<ApiServer> {
        ApiServer::start(self.folder.join(name).join("api-server"))
    }

    /// Defines Lumen's kinds, then applies the policies.
    fn define(&self, api: &ApiServer, policies: &[Policy]) -> Result<()> {
        let output = command(&self.lumen).arg("install").output().context("cannot start `lumen`")?;
        if !output.status.success() {
            bail!("`lumen install` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let text = String::from_utf8(output.stdout)?;
        apply::definitions(api, &self.folder, &text)?;
        // It defines the kinds of the constraints.
        let server = self.server(api, "definer", &CORES.join(","), 0)?;
        apply::policies(api, &self.folder, policies)?;
        drop(server);
        Ok(())
    }

    fn server(&self, api: &ApiServer, name: &str, cores: &str, audit_interval: u32) -> Result<Server> {
        let (https, http) = (free_port()?, free_port()?);
        let log = self.folder.join(format!("lumen-{name}.log"));
        let mut lumen = pinned(&self.lumen, cores);
        lumen
            .args([
                "server",
                "--https",
                &format!("127.0.0.1:{https}"),
                "--http",
                &format!("127.0.0.1:{http}"),
            ])
            .args(["--audit-interval", &audit_interval.to_string()])
            .arg("--tls-cert")
            .arg(self.folder.join("tls.crt"))
            .arg("--tls-key")
            .arg(self.folder.join("tls.key"))
            .env("KUBECONFIG", api.kubeconfig());
        let mut running = Running::start(&mut lumen, &log)?;
        running.await_ready(&format!("http://127.0.0.1:{http}/readyz"))?;
        Ok(Server { running, address: format!("localhost:{https}/v1/admit"), log })
    }
}

const SYNC_SET: &str = r#"{"apiVersion": "syncset.gatekeeper.sh/v1alpha1", "kind": "SyncSet", "metadata": {"name": "ingresses"},
    "spec": {"gvks": [{"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"}]}}"#;

/// The store of an API server.
pub(super) struct Etcd {
    /// `http://HOST:PORT` of its gateway for JSON.
    url: String,
}

impl Etcd {
    pub(super) fn of(api: &ApiServer) -> Result<Self> {
        Ok(Self { url: format!("http://127.0.0.1:{}", api.setting("port_etcd")?) })
    }

    /// Puts objects, each with its key behind `/registry/`.
    pub(super) fn fill(&self, objects: impl Iterator<Item = (String, Value)>) -> Result<()> {
        let mut puts = Vec::new();
        for (key, object) in objects {
            let put = json!({"key": STANDARD.encode(format!("/registry/{key}")), "value": STANDARD.encode(object.to_string())});
            puts.push(json!({"requestPut": put}));
            if puts.len() == TRANSACTION_MAX {
                self.put(&std::mem::take(&mut puts))?;
            }
        }
        if puts.is_empty() { Ok(()) } else { self.put(&puts) }
    }

    fn put(&self, puts: &[Value]) -> Result<()> {
        use std::io::Write as _;
        let mut curl = command("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "60", "--output", "/dev/null"])
            .args(["--data-binary", "@-", &format!("{}/v3/kv/txn", self.url)])
            .stdin(std::process::Stdio::piped());
        let mut curl = curl.spawn().context("cannot start `curl`")?;
        let mut input = curl.stdin.take().context("`curl` reads nothing")?;
        input.write_all(json!({"success": puts}).to_string().as_bytes())?;
        drop(input);
        if curl.wait()?.success() { Ok(()) } else { bail!("etcd did not take the objects") }
    }
}

/// An Ingress as it is stored, with its key.
pub(super) fn stored_ingress(number: usize) -> (String, Value) {
    (format!("ingress/default/app-{number}"), with_managed_fields(work::ingress(number), number))
}

/// Namespaces that the objects are in.
const NAMESPACES: usize = 50;

fn namespace(number: usize) -> Value {
    let metadata = metadata("team", number, &format!("team-{number}"), None);
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"}})
}

/// One of the objects with its key: small ones of several kinds, most of them Pods.
fn object(number: usize) -> (String, Value) {
    let namespace = format!("team-{}", number % NAMESPACES);
    let (key, name, mut object) = match number % 10 {
        0..6 => (
            "pods",
            format!("pod-{number}"),
            json!({"apiVersion": "v1", "kind": "Pod", "spec": pod_spec(number), "status": {"phase": "Running"}}),
        ),
        6 => (
            "deployments",
            format!("app-{number}"),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec(number)}}}),
        ),
        7 => (
            "services/specs",
            format!("svc-{number}"),
            json!({"apiVersion": "v1", "kind": "Service", "spec": {
            "clusterIP": "None", "clusterIPs": ["None"], "type": "ClusterIP", "selector": {"app": format!("app-{number}")},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]}}),
        ),
        8 => (
            "ingress",
            format!("app-{number}"),
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": work::ingress(number).get("spec")}),
        ),
        _ => (
            "configmaps",
            format!("settings-{number}"),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"settings.yaml": "log: json\nlisten: :8080\n"}}),
        ),
    };
    set(&mut object, "metadata", metadata("app", number, &name, Some(&namespace)));
    (format!("{key}/{namespace}/{name}"), with_managed_fields(object, number))
}

fn metadata(prefix: &str, number: usize, name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = json!({
        "name": name,
        "uid": format!("6f2f7c04-0d6c-4ad1-9d5e-{number:012}"),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app": format!("{prefix}-{number}"), "app.kubernetes.io/managed-by": "argocd", "team": "shop"},
    });
    if let Some(namespace) = namespace {
        set(&mut metadata, "namespace", namespace.into());
    }
    metadata
}

/// Sets a field of an object.
fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// A pod that breaks a few policies in one of ten.
fn pod_spec(number: usize) -> Value {
    let security = if number.is_multiple_of(100) {
        json!({"privileged": true})
    } else {
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}})
    };
    json!({
        "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30, "schedulerName": "default-scheduler",
        "automountServiceAccountToken": false, "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000},
        "containers": [{"name": "web", "image": format!("openpolicyagent/web@sha256:{}", "0123456789abcdef".repeat(4)),
            "imagePullPolicy": "IfNotPresent", "ports": [{"containerPort": 8080, "protocol": "TCP"}],
            "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "securityContext": security}],
    })
}

/// An object with what the API server notes of who set which field.
fn with_managed_fields(mut object: Value, number: usize) -> Value {
    let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}, "f:app.kubernetes.io/managed-by": {}, "f:team": {}}},
        "f:spec": {"f:ingressClassName": {}, "f:rules": {}, "f:tls": {}, "f:replicas": {}, "f:selector": {}, "f:template": {"f:spec": {"f:containers": {}}}}});
    let entry = |manager: &str| {
        json!({"manager": manager, "operation": "Apply", "apiVersion": object.get("apiVersion"), "fieldsType": "FieldsV1",
        "time": format!("2026-01-01T00:00:{:02}Z", number % 60), "fieldsV1": fields})
    };
    let entries = vec![entry("argocd-controller"), entry("kubectl-client-side-apply")].into();
    if let Some(metadata) = object.pointer_mut("/metadata") {
        set(metadata, "managedFields", entries);
    }
    object
}

//! A real API server with its controllers, `kubectl`, and `lumen server` beside them.

use std::io::Write;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long something may take until it holds.
const PATIENCE: Duration = Duration::from_secs(90);

/// etcd, API server and controllers, until it is dropped.
pub(crate) struct Cluster {
    run: PathBuf,
    cache: PathBuf,
    /// Where the API server finds what runs here: it takes no loopback addresses.
    address: IpAddr,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) is_well: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            is_well: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Cluster {
    /// Starts it; `None`, and the reason on the screen, where that cannot be.
    pub(crate) fn start() -> Option<Self> {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let cache =
            std::env::var_os("LUMEN_TEST_CACHE").map_or(home.join(".cache/lumen-test"), PathBuf::from);
        for program in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"] {
            let program = cache.join("bin").join(program);
            if !program.is_file() {
                println!("skipped: there is no `{}`: run `cargo xtask cluster build`", program.display());
                return None;
            }
        }
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let is_bounded = |line: &str| line.starts_with("Max address space") && !line.contains("unlimited");
        if limits.lines().any(is_bounded) {
            println!("skipped: etcd needs an address space without a bound (`ulimit -v`)");
            return None;
        }
        let Some(address) = own_address() else {
            println!(
                "skipped: this machine has no address but the loopback one, and a Service takes no such"
            );
            return None;
        };
        let run = std::env::temp_dir().join(format!("lumen-server-e2e-{}", std::process::id()));
        let cluster = Self { run, cache, address };
        cluster.up();
        Some(cluster)
    }

    fn up(&self) {
        let status = Command::new(script("up.sh")).args([&self.cache, &self.run]).status();
        assert!(status.expect("up.sh").success(), "the API server does not start");
    }

    /// Ends the API server at once, and starts it again.
    pub(crate) fn restart(&self) {
        let text = std::fs::read_to_string(self.run.join("pid/kube-apiserver")).expect("a process");
        let id = text.split_whitespace().next().expect("a number").to_owned();
        assert!(Command::new("kill").args(["-KILL", &id]).status().expect("kill").success());
        until("the API server is gone", || !Path::new("/proc").join(&id).join("exe").exists());
        self.up();
    }

    fn kubeconfig(&self) -> PathBuf {
        self.run.join("kubeconfig")
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Said {
        self.kubectl_reading("", arguments)
    }

    /// The same with something to read at `-f -`.
    pub(crate) fn kubectl_reading(&self, input: &str, arguments: &[&str]) -> Said {
        let mut command = Command::new(self.cache.join("bin/kubectl"));
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(arguments);
        // What it remembers of kinds is its own affair, and not that of the user's home.
        command.arg("--cache-dir").arg(self.run.join("kubectl"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl");
        let written = child.stdin.take().expect("its input").write_all(input.as_bytes());
        let said: Said = child.wait_with_output().expect("kubectl").into();
        assert!(written.is_ok() || !said.is_well, "kubectl does not read: {said:?}");
        said
    }

    /// The same, and it must be well.
    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        let said = self.kubectl(arguments);
        assert!(said.is_well, "kubectl {}: {}", arguments.join(" "), said.err);
        said.out
    }

    /// Applies a manifest, again and again where its kind was defined a moment ago.
    pub(crate) fn apply(&self, manifest: &str) {
        let mut last = String::new();
        until(&format!("it is applied: {manifest}"), || {
            let said = self.kubectl_reading(manifest, &["apply", "-f", "-"]);
            last = said.err;
            said.is_well
        });
    }

    /// An object, or a list of them, as the API server has it; `null` where it has none.
    pub(crate) fn get(&self, arguments: &[&str]) -> Value {
        let said = self.kubectl(&[&["get", "-o", "json"], arguments].concat());
        serde_json::from_str(&said.out).unwrap_or_default()
    }

    /// `lumen`, as an administrator of this cluster runs it.
    pub(crate) fn lumen(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lumen"));
        command.args(arguments).env("KUBECONFIG", self.kubeconfig()).env("NO_COLOR", "1");
        command.output().expect("lumen").into()
    }

    /// Starts a replica as its `ServiceAccount`, with that one's rights alone, and lets the Service send to it.
    pub(crate) fn replica(&self, name: &str) -> Replica {
        let token = self.must(&["-n", "lumen-system", "create", "token", "lumen-server", "--duration=1h"]);
        let file = std::fs::read_to_string(self.kubeconfig()).expect("a kubeconfig");
        let clusters = file.lines().find(|line| line.starts_with("clusters:")).expect("its cluster");
        let kubeconfig = self.run.join(format!("{name}.kubeconfig"));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: default\n{clusters}\n\
             contexts: [{{name: default, context: {{cluster: default, user: server}}}}]\n\
             users: [{{name: server, user: {{token: \"{}\"}}}}]\n",
            token.trim()
        );
        std::fs::write(&kubeconfig, text).expect("a kubeconfig");
        let (https, http) = (free_port(), free_port());
        let log = std::fs::File::create(self.run.join(format!("{name}.log"))).expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_lumen"))
            .args(["server", "--audit-interval=2"])
            .args(["--https", &format!("{}:{https}", self.address), "--http", &format!("127.0.0.1:{http}")])
            .env("KUBECONFIG", &kubeconfig)
            .env("POD_NAME", name)
            .env("POD_NAMESPACE", "lumen-system")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("lumen server");
        let replica = Replica { child, endpoint: format!("lumen-webhook-{name}") };
        until("the replica is ready", || {
            let url = format!("http://127.0.0.1:{http}/readyz");
            Command::new("curl").args(["-sf", &url]).output().is_ok_and(|output| output.status.success())
        });
        let kind = if self.address.is_ipv4() { "IPv4" } else { "IPv6" };
        self.apply(&format!(
            "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: {}, namespace: lumen-system, \
             labels: {{kubernetes.io/service-name: lumen-webhook}}}}, addressType: {kind}, \
             ports: [{{name: https, port: {https}, protocol: TCP}}], \
             endpoints: [{{addresses: ['{}'], conditions: {{ready: true}}}}]}}",
            replica.endpoint, self.address
        ));
        replica
    }

    /// Ends a replica as a node does: nothing new is sent to it, and it is told so. How it ended.
    pub(crate) fn stop(&self, mut replica: Replica) -> ExitStatus {
        let id = replica.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        self.must(&["-n", "lumen-system", "delete", "endpointslice", &replica.endpoint]);
        replica.child.wait().expect("its end")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let status = Command::new(script("down.sh")).arg(&self.run).status();
        if status.is_ok_and(|status| status.success()) && !std::thread::panicking() {
            // A folder that stays does no harm.
            let _is_removed = std::fs::remove_dir_all(&self.run);
        }
    }
}

/// A `lumen server`, until it is dropped.
pub(crate) struct Replica {
    child: Child,
    endpoint: String,
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have ended.
        let _is_killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/cluster").join(name)
}

/// The address from which this machine would send; nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

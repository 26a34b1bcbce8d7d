//! A real API server with its controllers, `kubectl`, and `lumen server` beside them.
#![allow(dead_code, clippy::print_stdout, reason = "shared by tests of which each uses a part")]

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::kubectl::{Kubectl, cache, has_ended, is_bounded, missing_programs, script, until};

/// etcd, API server and controllers, until it is dropped.
pub(crate) struct Cluster {
    run: PathBuf,
    kubectl: Kubectl,
    /// Where the API server finds what runs here: it takes no loopback addresses.
    address: IpAddr,
    /// What `up.sh` is told by its environment.
    settings: Vec<(&'static str, PathBuf)>,
}

/// How a replica is started, where it is not as a Deployment starts it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// What it takes for the API server.
    pub(crate) server: Option<String>,
    /// Seconds between two audits; 2 where nothing is said.
    pub(crate) audit_interval: Option<u32>,
    /// Whether the Service does not send to it.
    pub(crate) is_aside: bool,
    /// Further variables of its environment.
    pub(crate) environment: Vec<(&'static str, PathBuf)>,
}

impl Cluster {
    /// Starts it; `None`, and the reason on the screen, where that cannot be.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(|_| Vec::new())
    }

    /// The same with settings for `up.sh`, which may be about the folder that it runs in.
    pub(crate) fn start_with(settings: impl FnOnce(&Path) -> Vec<(&'static str, PathBuf)>) -> Option<Self> {
        if let Some(missing) = missing_programs(&[
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubectl",
        ]) {
            println!("skipped: {missing}");
            return None;
        }
        if is_bounded() {
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
        std::fs::create_dir_all(&run).expect("a folder");
        let settings = settings(&run);
        let cluster = Self { kubectl: Kubectl::new(&run), run, address, settings };
        cluster.up();
        Some(cluster)
    }

    fn up(&self) {
        let mut command = Command::new(script("up.sh"));
        command.args([&cache(), &self.run]).envs(self.settings.iter().map(|(name, value)| (name, value)));
        let status = command.status();
        assert!(status.expect("up.sh").success(), "the API server does not start");
    }

    /// Ends the API server at once, and starts it again.
    pub(crate) fn restart(&self) {
        let id = self.process("kube-apiserver");
        signal("KILL", id);
        until("the API server is gone", || has_ended(&id.to_string()));
        self.up();
    }

    /// The number of the process of `etcd`, `kube-apiserver` and so on.
    pub(crate) fn process(&self, name: &str) -> u32 {
        let text = std::fs::read_to_string(self.run.join("pid").join(name)).expect("a process");
        text.split_whitespace().next().and_then(|id| id.parse().ok()).expect("a number")
    }

    /// The folder that it runs in.
    pub(crate) fn folder(&self) -> &Path {
        &self.run
    }

    /// A number of its settings, such as `port_etcd`.
    pub(crate) fn setting(&self, name: &str) -> u16 {
        let text = std::fs::read_to_string(self.run.join("settings")).expect("settings");
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok()).expect("a setting")
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.run.join("kubeconfig")
    }

    /// Where a replica answers.
    pub(crate) fn address_of(&self, replica: &Replica) -> SocketAddr {
        SocketAddr::new(self.address, replica.https)
    }

    /// Starts a replica as its `ServiceAccount`, with that one's rights alone, and lets the Service send to it.
    pub(crate) fn replica(&self, name: &str) -> Replica {
        self.replica_with(name, &Wish::default())
    }

    /// The same, as is wished.
    pub(crate) fn replica_with(&self, name: &str, wish: &Wish) -> Replica {
        let replica = self.launch(name, wish);
        until("the replica is ready", || replica.is_ready());
        if !wish.is_aside {
            self.route(&replica);
        }
        replica
    }

    /// Starts a replica and waits for nothing; the Service does not send to it.
    pub(crate) fn launch(&self, name: &str, wish: &Wish) -> Replica {
        let token = self.must(&["-n", "lumen-system", "create", "token", "lumen-server", "--duration=1h"]);
        let file = std::fs::read_to_string(self.kubeconfig()).expect("a kubeconfig");
        let given = file.lines().find(|line| line.starts_with("clusters:")).expect("its cluster");
        let clusters = wish.server.as_ref().map_or_else(
            || given.to_owned(),
            |server| format!("clusters: [{{name: default, cluster: {{server: \"{server}\"}}}}]"),
        );
        let kubeconfig = self.run.join(format!("{name}.kubeconfig"));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: default\n{clusters}\n\
             contexts: [{{name: default, context: {{cluster: default, user: server}}}}]\n\
             users: [{{name: server, user: {{token: \"{}\"}}}}]\n",
            token.trim()
        );
        std::fs::write(&kubeconfig, text).expect("a kubeconfig");
        let (https, http) = (free_port(), free_port());
        let log_file = self.run.join(format!("{name}.log"));
        let log = std::fs::File::options().create(true).append(true).open(&log_file).expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_lumen"))
            .args(["server", &format!("--audit-interval={}", wish.audit_interval.unwrap_or(2))])
            .args(["--https", &format!("{}:{https}", self.address), "--http", &format!("127.0.0.1:{http}")])
            .env("KUBECONFIG", &kubeconfig)
            .env("POD_NAME", name)
            .env("POD_NAMESPACE", "lumen-system")
            .envs(wish.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("lumen server");
        Replica {
            child,
            name: name.to_owned(),
            endpoint: format!("lumen-webhook-{name}"),
            https,
            http,
            log: log_file,
        }
    }

    /// Starts a server of the files in a folder: `policies`, `certificate.pem` and `key.pem`. No cluster is asked.
    pub(crate) fn of_files(&self, folder: &Path) -> Replica {
        let (https, http) = (free_port(), free_port());
        let log_file = folder.join("log");
        let log = std::fs::File::create(&log_file).expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_lumen"))
            .args(["server", "--tls-cert=certificate.pem", "--tls-key=key.pem", "--policies=policies"])
            .args(["--https", &format!("{}:{https}", self.address), "--http", &format!("127.0.0.1:{http}")])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("lumen server");
        Replica { child, name: "files".to_owned(), endpoint: String::new(), https, http, log: log_file }
    }

    /// Lets the Service send to a replica.
    pub(crate) fn route(&self, replica: &Replica) {
        let kind = if self.address.is_ipv4() { "IPv4" } else { "IPv6" };
        self.apply(&format!(
            "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: {}, namespace: lumen-system, \
             labels: {{kubernetes.io/service-name: lumen-webhook}}}}, addressType: {kind}, \
             ports: [{{name: https, port: {}, protocol: TCP}}], \
             endpoints: [{{addresses: ['{}'], conditions: {{ready: true}}}}]}}",
            replica.endpoint, replica.https, self.address
        ));
    }

    /// Lets the Service send to a replica no more.
    pub(crate) fn unroute(&self, replica: &Replica) {
        self.must(&[
            "-n",
            "lumen-system",
            "delete",
            "endpointslice",
            "--ignore-not-found",
            &replica.endpoint,
        ]);
    }

    /// Ends a replica as a node does: nothing new is sent to it, and it is told so. How it ended.
    pub(crate) fn stop(&self, mut replica: Replica) -> ExitStatus {
        signal("TERM", replica.child.id());
        self.unroute(&replica);
        replica.child.wait().expect("its end")
    }
}

impl Deref for Cluster {
    type Target = Kubectl;

    fn deref(&self) -> &Kubectl {
        &self.kubectl
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
    pub(crate) name: String,
    endpoint: String,
    pub(crate) https: u16,
    http: u16,
    log: PathBuf,
}

impl Replica {
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.says("/readyz").is_some()
    }

    /// The sum of a metric over its labels; 0 where it is not told.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.says("/metrics").unwrap_or_default();
        let of_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        text.lines().filter(of_it).filter_map(value).sum()
    }

    fn says(&self, path: &str) -> Option<String> {
        let url = format!("http://127.0.0.1:{}{path}", self.http);
        let output = Command::new("curl").args(["-sf", "--max-time", "5", &url]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What it logged, without what cannot be read.
    pub(crate) fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Kibibytes that it has in memory: now, and at most so far.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let path = Path::new("/proc").join(self.child.id().to_string()).join("status");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Ends it at once, as a kernel without memory does. Nobody else is told.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("its end");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have ended.
        let _is_killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(status.expect("kill").success(), "SIG{name} to {process}");
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

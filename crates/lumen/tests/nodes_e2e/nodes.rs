//! A cluster with two nodes, and what is done to it.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::kubectl::{Kubectl, cache, has_ended, is_bounded, missing_programs, script, until};

/// The archive with Lumen's image; `cargo xtask test` makes it.
const IMAGE: &str = "LUMEN_E2E_IMAGE";
/// The network namespace of such a cluster. There is one, and so one cluster at a time.
const NETWORK: &str = "/run/netns/kubelab";
/// What is said where it is the machine that cannot run nodes.
const IMPOSSIBLE: &str = "skipped on this machine: ";
/// What a node needs of the machine.
const PROGRAMS: [&str; 8] = ["containerd", "runc", "ip", "iptables", "nsenter", "unshare", "curl", "openssl"];

/// The cluster, until it is dropped.
pub(crate) struct Nodes {
    pub(crate) kubectl: Kubectl,
    run: PathBuf,
    /// Held for as long as the cluster runs.
    _turn: File,
}

impl Nodes {
    /// Starts it; `None`, and the reason on the screen, where that cannot be.
    pub(crate) fn start() -> Option<Self> {
        let image = match prerequisites() {
            Ok(image) => image,
            Err(reason) => {
                println!("{reason}");
                return None;
            }
        };
        let turn = File::create(std::env::temp_dir().join("lumen-nodes-e2e.lock")).expect("a file");
        turn.lock().expect("a turn");
        if Path::new(NETWORK).exists() {
            println!(
                "skipped: a cluster with nodes runs already, or did: `ip netns del kubelab` once none runs"
            );
            return None;
        }
        let run = std::env::temp_dir().join(format!("lumen-nodes-e2e-{}", std::process::id()));
        std::fs::create_dir_all(run.join("images")).expect("a folder");
        std::fs::copy(&image, run.join("images/lumen.tar")).expect("the image");
        let nodes = Self { kubectl: Kubectl::new(&run), run, _turn: turn };
        if !nodes.is_up() {
            println!("{IMPOSSIBLE}a cluster with nodes does not start; {} tells why", nodes.run.display());
            return None;
        }
        Some(nodes)
    }

    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// Starts what does not run. Leaders are elected, as in real clusters: a webhook that blocks Leases would show.
    pub(crate) fn up(&self) {
        assert!(self.is_up(), "the cluster does not start");
    }

    fn is_up(&self) -> bool {
        let mut up = Command::new(script("up.sh"));
        up.args([&cache(), &self.run]).arg("2").env("LEADER_ELECT", "true");
        up.status().expect("up.sh").success()
    }

    /// Stops everything.
    pub(crate) fn down(&self) {
        let status = Command::new(script("down.sh")).arg(&self.run).status();
        assert!(status.expect("down.sh").success(), "the cluster does not stop");
    }

    /// Where the API server is, seen from the cluster's network.
    pub(crate) fn address(&self) -> String {
        let settings = std::fs::read_to_string(self.run.join("settings")).expect("settings");
        let port = settings.lines().find_map(|line| line.strip_prefix("port_api=")).expect("a port");
        format!("https://127.0.0.1:{port}")
    }

    /// Ends a node at once: all its processes, and its network.
    pub(crate) fn lose(&self, node: &str) {
        // First the network: of a machine that loses its power nobody hears that its connections have ended.
        let cut = self.kubectl.command(Path::new("ip")).args(["link", "del", node]).status();
        assert!(cut.expect("ip").success(), "the node has no network");
        let text = std::fs::read_to_string(self.run.join("pid").join(node)).expect("a process");
        let id = text.split_whitespace().next().expect("a number");
        let children =
            std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("its children");
        kill(children.split_whitespace().next().expect("the first process of the node"));
        until("the node has ended", || has_ended(id));
    }

    /// Lumen's pods that are there, but for those that are about to go.
    pub(crate) fn pods(&self) -> Vec<Value> {
        let list = self.kubectl.get(&["-n", "lumen-system", "pods", "-l", "app.kubernetes.io/name=lumen"]);
        let pods = list["items"].as_array().cloned().unwrap_or_default();
        pods.into_iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect()
    }

    /// How many of Lumen's pods are ready, by what the Service sends to.
    pub(crate) fn endpoints(&self) -> usize {
        let of_service = "kubernetes.io/service-name=lumen-webhook";
        let slices = self.kubectl.get(&["-n", "lumen-system", "endpointslices", "-l", of_service]);
        let endpoints = slices["items"].as_array().into_iter().flatten();
        let endpoints =
            endpoints.flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default());
        endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true).count()
    }

    /// All that is in the API server, as `KIND NAMESPACE NAME`, but for what comes and goes by itself.
    pub(crate) fn objects(&self) -> BTreeSet<String> {
        let kinds = self.kubectl.must(&["api-resources", "--verbs=list", "-o", "name"]);
        let is_kept = |kind: &&str| !kind.starts_with("events") && !kind.starts_with("leases");
        let kinds: Vec<_> = kinds.lines().filter(is_kept).collect();
        let columns = "custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name";
        let list = self.kubectl.must(&["get", &kinds.join(","), "-A", "--no-headers", "-o", columns]);
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        list.lines().map(words).collect()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs =
                ["-n", "lumen-system", "logs", "deploy/lumen-server", "--all-pods", "--prefix", "--tail=50"];
            println!("{}", self.kubectl.kubectl(&logs).out);
        }
        let status = Command::new(script("down.sh")).arg(&self.run).status();
        if status.is_ok_and(|status| status.success()) && !std::thread::panicking() {
            // A folder that stays does no harm.
            let _is_removed = std::fs::remove_dir_all(&self.run);
        }
    }
}

/// What is missing; the archive with the image where nothing is.
fn prerequisites() -> Result<PathBuf, String> {
    let user = Command::new("id").arg("-u").output();
    if !user.is_ok_and(|output| output.stdout.trim_ascii() == b"0") {
        return Err(format!("{IMPOSSIBLE}nodes need root"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if let Some(missing) = PROGRAMS.iter().find(|name| !is_there(name)) {
        return Err(format!("{IMPOSSIBLE}`{missing}` is not installed, which nodes need"));
    }
    if !Path::new("/usr/lib/cni/bridge").is_file() {
        return Err(format!("{IMPOSSIBLE}`containernetworking-plugins` are not installed, which nodes need"));
    }
    let control = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];
    let node = ["kubelet", "kube-proxy", "coredns", "../images/base.tar"];
    if let Some(missing) = missing_programs(&[&control[..], &node[..]].concat()) {
        return Err(format!("{IMPOSSIBLE}{missing}"));
    }
    if is_bounded() {
        return Err("skipped: etcd needs an address space without a bound (`ulimit -v`)".to_owned());
    }
    let image = std::env::var_os(IMAGE).map(PathBuf::from).filter(|path| path.is_file());
    image.ok_or_else(|| {
        format!("skipped: {IMAGE} names no archive with an image: run `cargo xtask test tests`")
    })
}

/// Ends the server of a pod at once, as the kernel does when memory is short.
pub(crate) fn kill_server(pod: &Value) {
    let id = pod["metadata"]["uid"].as_str().expect("an id");
    let is_of_pod = |process: &Path| {
        let read = |name: &str| std::fs::read_to_string(process.join(name)).unwrap_or_default();
        read("cgroup").contains(id) && read("cmdline").starts_with("/lumen\0")
    };
    let processes = std::fs::read_dir("/proc").expect("/proc");
    let process = processes.flatten().map(|entry| entry.path()).find(|path| is_of_pod(path));
    let process = process.expect("the process of the pod");
    kill(process.file_name().and_then(|name| name.to_str()).expect("a number"));
}

fn kill(id: &str) {
    assert!(Command::new("kill").args(["-KILL", id]).status().expect("kill").success());
}

//! `cluster`: a real Kubernetes for tests, by the scripts in `tests/e2e/cluster/`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::workspace::{command, on_path, root, run as run_command, target};

/// The programs that the API server alone needs.
const API_SERVER: [&str; 2] = ["etcd", "kube-apiserver"];

/// The programs of a control plane, and `kubectl`: what tests of the server need.
const CONTROL_PLANE: [&str; 5] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];

/// What nodes need besides: programs, and the archive with the images of pods.
const NODES: [&str; 3] = ["kubelet", "kube-proxy", "coredns"];
const IMAGES: &str = "images/base.tar";

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Build Kubernetes from its Go modules; minutes when nothing is there, no time when all is
    Build {
        /// Programs, of etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, kubelet, kube-proxy,
        /// coredns, images; all if none is named
        programs: Vec<String>,
    },
    /// Start it, or resume it
    Up {
        /// Nodes; with any it needs root
        #[arg(default_value_t = 0)]
        nodes: u8,
    },
    /// Stop it; its state stays
    Down,
    /// Run a command with `KUBECONFIG` set, where the cluster can be reached
    Enter {
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let state = root().join(".lumen-test").join("cluster");
    match &options.action {
        Action::Build { programs } => build(programs),
        Action::Up { nodes } => {
            run_command(command(script("up.sh")).arg(cache()).arg(&state).arg(nodes.to_string()))?;
            println!("KUBECONFIG={}", state.join("kubeconfig").display());
            Ok(())
        }
        Action::Down => run_command(command(script("down.sh")).arg(&state)),
        Action::Enter { command: line } => run_command(command(script("enter.sh")).arg(&state).args(line)),
    }
}

/// Where the built programs are kept: outside the checkout, so that every checkout finds them.
pub(crate) fn cache() -> PathBuf {
    if let Some(set) = std::env::var_os("LUMEN_TEST_CACHE") {
        return root().join(set);
    }
    match std::env::var_os("HOME") {
        Some(home) => Path::new(&home).join(".cache").join("lumen-test"),
        None => target().join("lumen-test"),
    }
}

/// An API server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct ApiServer {
    state: PathBuf,
}

impl ApiServer {
    /// Starts etcd and kube-apiserver, new and empty; builds them first where they are not built.
    pub(crate) fn start(state: PathBuf) -> Result<Self> {
        build(&API_SERVER)?;
        if state.exists() {
            run_command(command(script("down.sh")).arg(&state))?;
            std::fs::remove_dir_all(&state)
                .with_context(|| format!("cannot remove `{}`", state.display()))?;
        }
        let server = Self { state };
        run_command(
            command(script("up.sh")).arg(cache()).arg(&server.state).env("API_SERVER_ALONE", "true"),
        )?;
        Ok(server)
    }

    /// A file of the cluster's keys and certificates.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.state.join("pki").join(name)
    }

    /// The kubeconfig of an administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.state.join("kubeconfig")
    }

    /// Runs kubectl as the administrator; what it says is not shown.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        let mut kubectl = command(cache().join("bin").join("kubectl"));
        kubectl.arg("--kubeconfig").arg(self.kubeconfig()).args(arguments);
        run_command(kubectl.stdout(std::process::Stdio::null()))
    }

    /// Writes manifests to a file, and applies it.
    pub(crate) fn apply(&self, file: &Path, manifests: &str) -> Result<()> {
        std::fs::write(file, manifests).with_context(|| format!("cannot write `{}`", file.display()))?;
        let file = file.display().to_string();
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "--filename", &file])
    }

    /// `https://HOST:PORT` of the server.
    pub(crate) fn address(&self) -> Result<String> {
        Ok(format!("https://127.0.0.1:{}", self.setting("port_api")?))
    }

    /// One of the settings that the cluster was started with.
    pub(crate) fn setting(&self, name: &str) -> Result<String> {
        let settings = self.state.join("settings");
        let text = std::fs::read_to_string(&settings)
            .with_context(|| format!("cannot read `{}`", settings.display()))?;
        let setting = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        setting.map(str::to_owned).with_context(|| format!("the cluster's settings have no {name}"))
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        if let Err(error) = run_command(command(script("down.sh")).arg(&self.state)) {
            eprintln!("the test's API server may still run: {error:#}");
        }
    }
}

/// Whether the API server needs no building.
pub(crate) fn is_built() -> bool {
    are_built(&API_SERVER)
}

fn are_built(programs: &[&str]) -> bool {
    let folder = cache().join("bin");
    programs.iter().all(|program| folder.join(program).is_file())
}

/// Builds a control plane where it is not built and Go is there. Tests that need it find out by themselves whether it is.
pub(crate) fn provide() -> Result<()> {
    if are_built(&CONTROL_PLANE) || go().is_none() { Ok(()) } else { build(&CONTROL_PLANE) }
}

/// Builds what a cluster with nodes needs, where it is not built; whether it is there now.
pub(crate) fn provide_nodes() -> Result<bool> {
    let is_there = || are_built(&CONTROL_PLANE) && are_built(&NODES) && cache().join(IMAGES).is_file();
    if !is_there() && go().is_some() {
        build(&CONTROL_PLANE)?;
        build(&NODES)?;
        build(&["images"])?;
    }
    Ok(is_there())
}

/// Where Go is: on the PATH, or where its archive is unpacked by custom.
pub(crate) fn go() -> Option<PathBuf> {
    on_path("go").or_else(|| Some(PathBuf::from("/usr/local/go/bin/go")).filter(|go| go.is_file()))
}

fn build(programs: &[impl AsRef<std::ffi::OsStr>]) -> Result<()> {
    let mut build = command(script("build.sh"));
    build.arg(cache()).args(programs);
    if let Some(folder) = go().as_deref().and_then(Path::parent) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain([folder.to_path_buf()]);
        build.env("PATH", std::env::join_paths(folders)?);
    }
    run_command(&mut build)
}

fn script(name: &str) -> PathBuf {
    root().join("tests").join("e2e").join("cluster").join(name)
}

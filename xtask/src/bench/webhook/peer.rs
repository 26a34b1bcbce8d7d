//! [`Manager`]: Gatekeeper's manager on a real API server, with the same policies.
//!
//! `GATEKEEPER` names the binary, `GATEKEEPER_DEPLOY` the file `deploy/gatekeeper.yaml` of its release, of which the definitions are
//! used.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apply;
use super::cluster::{Etcd, stored_ingress};
use super::process::{Running, pinned};
use super::work::{INGRESSES, Policy};
use crate::cluster::ApiServer;

/// Where the peer is.
#[derive(Debug)]
pub(super) struct Peer {
    manager: PathBuf,
    deploy: PathBuf,
}

/// A manager that runs.
pub(super) struct Manager {
    pub(super) running: Running,
    /// `HOST:PORT/PATH` of its webhook.
    pub(super) address: String,
    // It goes before the API server that it asks.
    server: ApiServer,
}

impl Peer {
    /// The peer, where the environment names it.
    pub(super) fn find() -> Result<Option<Self>> {
        let Some(manager) = std::env::var_os("GATEKEEPER").map(PathBuf::from) else { return Ok(None) };
        let deploy = std::env::var_os("GATEKEEPER_DEPLOY").map(PathBuf::from);
        let deploy = deploy.context("`GATEKEEPER` is set, and `GATEKEEPER_DEPLOY` is not")?;
        Ok(Some(Self { manager, deploy }))
    }

    /// Starts an API server with the policies and, where asked for, the Ingresses, and the manager once all of that is there.
    pub(super) fn start(
        &self,
        folder: &Path,
        certificates: &Path,
        policies: &[Policy],
        with_ingresses: bool,
        core: &str,
    ) -> Result<Manager> {
        let server = ApiServer::start(folder.join("api-server"))?;
        let text = std::fs::read_to_string(&self.deploy)
            .with_context(|| format!("cannot read `{}`", self.deploy.display()))?;
        apply::definitions(&server, folder, &text)?;
        let (port, health) = (super::free_port()?, super::free_port()?);
        let start = || -> Result<Running> {
            let mut manager = pinned(&self.manager, core);
            manager
                .arg(format!("--kubeconfig={}", server.kubeconfig().display()))
                .args(["--debug-use-fake-pod", "--disable-cert-rotation", "--operation=webhook"])
                .args([
                    "--operation=status",
                    "--operation=generate",
                    "--prometheus-port=0",
                    "--default-create-vap-for-templates=false",
                ])
                .arg(format!("--cert-dir={}", certificates.display()))
                .arg(format!("--port={port}"))
                .arg(format!("--health-addr=127.0.0.1:{health}"))
                .env("POD_NAME", "bench")
                .env("POD_NAMESPACE", "gatekeeper-system");
            let mut running = Running::start(&mut manager, &folder.join("gatekeeper.log"))?;
            running.await_ready(&format!("http://127.0.0.1:{health}/readyz"))?;
            Ok(running)
        };
        let first = start()?;
        apply::policies(&server, folder, policies)?;
        if with_ingresses {
            create_ingresses(&server, folder)?;
        }
        // Anew, as after an upgrade: ready once it has read all of that.
        drop(first);
        let running = start()?;
        Ok(Manager { running, address: format!("localhost:{port}/v1/admit"), server })
    }
}

impl Manager {
    /// Ends it and its API server.
    pub(super) fn end(self) {
        drop(self.running);
        drop(self.server);
    }
}

fn create_ingresses(server: &ApiServer, folder: &Path) -> Result<()> {
    let config = r#"{"apiVersion": "config.gatekeeper.sh/v1alpha1", "kind": "Config",
        "metadata": {"name": "config", "namespace": "gatekeeper-system"},
        "spec": {"sync": {"syncOnly": [{"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"}]}}}"#;
    server.apply(&folder.join("config.yaml"), config)?;
    Etcd::of(server)?.fill((0..INGRESSES).map(stored_ingress))
}

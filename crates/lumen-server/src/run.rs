//! [`run`]: the whole server, from its options to its end.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::api::{self, Api};
use crate::audit::{self, metrics::AuditMetrics};
use crate::certificate::{self, Keeper};
use crate::cluster::{self, metrics::ClusterMetrics};
use crate::events::Events;
use crate::listen::{Bounds, serve};
use crate::log;
use crate::metrics::Metrics;
use crate::metrics::certificate::Expiry;
use crate::registration;
use crate::state::{Current, State};
use crate::tls::{Identity, TlsError, server_config};
use crate::webhook::{Lookup, Server, Settings};

/// How often the files of the certificate are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// How long what runs beside the answers may take to end.
const END_MAX: Duration = Duration::from_secs(3);

/// Where what is judged by comes from.
#[derive(Debug)]
pub enum Source {
    /// From manifests: it never changes. No cluster is asked.
    Fixed(Box<State>, Files),
    /// From the API server.
    Cluster(Box<Cluster>),
}

/// How the server is part of a cluster.
#[derive(Debug)]
pub struct Cluster {
    /// How the cluster is read.
    pub reading: cluster::Settings,
    /// Where the certificate is.
    pub certificate: Certificate,
    /// How the webhook configuration is kept.
    pub registration: registration::Settings,
    /// How the audit is done.
    pub audit: audit::Settings,
}

/// Where the certificate that is shown is.
#[derive(Debug)]
pub enum Certificate {
    /// In files.
    Files(Files),
    /// In a Secret.
    Secret(certificate::Settings),
}

/// The files of a certificate. Both are read again whenever one of them changes.
#[derive(Clone, Debug)]
pub struct Files {
    /// The chain of certificates, PEM, the server's own first.
    pub certificate: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// How the server runs.
#[derive(Debug)]
pub struct Options {
    /// Where the webhook answers.
    pub https: SocketAddr,
    /// Where health and metrics answer.
    pub http: SocketAddr,
    /// What is judged by.
    pub source: Source,
    /// How the webhook answers.
    pub webhook: Settings,
    /// The bounds of connections.
    pub bounds: Bounds,
    /// How long it goes on answering after it is told to stop: until then nobody sends it requests any more.
    pub grace: Duration,
    /// What is logged, as `RUST_LOG`.
    pub log: String,
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file cannot be read.
    #[error("cannot read `{}`", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The certificate and key are no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A port cannot be listened at.
    #[error("cannot listen at {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// It is not known which API server is meant.
    #[error(transparent)]
    Configuration(#[from] api::ConfigurationError),
    /// The way to the API server is not known.
    #[error("cannot find the API server: {0}")]
    Cluster(#[from] kube::Error),
    /// Threads, signals or the log cannot be had.
    #[error("cannot start")]
    Start(#[source] io::Error),
}

/// Runs until SIGTERM or SIGINT. Then it is not ready at once, goes on answering for [`Options::grace`], takes no more connections
/// and lets open requests end.
pub fn run(options: Options) -> Result<(), RunError> {
    // kube asks for the provider of the process. Another one that is there already does as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(RunError::Start)?;
    let mut registry = Registry::default();
    let metrics = Metrics::registered(&mut registry);
    let lines = log::start(&options.log, metrics.log_lines_dropped.clone()).map_err(RunError::Start)?;
    let result = runtime.block_on(served(options, registry, metrics));
    runtime.shutdown_timeout(Duration::from_secs(1));
    lines.flush();
    result
}

async fn served(mut options: Options, mut registry: Registry, metrics: Metrics) -> Result<(), RunError> {
    let mut signals = Signals::new().map_err(RunError::Start)?;
    // A port that is taken is told before anything else is done.
    let https = listener(options.https).await?;
    let http = listener(options.http).await?;
    let (stop, stopping) = watch::channel(false);
    let current = Arc::new(Current::default());
    // Dropped at the end, and with it all that still runs.
    let mut tasks = JoinSet::new();
    let (identity, lookup) = match options.source {
        Source::Fixed(state, files) => {
            tracing::info!(
                templates = state.policies.templates().len(),
                constraints = state.policies.constraints().len(),
                "everything is read"
            );
            current.publish(*state);
            (shown(files, &mut tasks)?, None)
        }
        Source::Cluster(cluster) => {
            let api = Api::of(api::configuration(None, None, "set `KUBECONFIG`").await?)?;
            let mut cluster = *cluster;
            let (events, writer) =
                Events::new(api.clone(), &cluster.audit.namespace, &cluster.audit.pod, &mut registry);
            tasks.spawn(writer.run(said(stopping.clone())));
            options.webhook.events = Some(events.clone());
            cluster.audit.teller = Some(events);
            let starting = part_of(cluster, &api, &current, &mut registry, &stopping, &mut tasks);
            let identity = tokio::select! {
                identity = starting => identity?,
                () = signals.next() => return Ok(()),
            };
            (identity, Some(Arc::new(api) as Arc<dyn Lookup>))
        }
    };
    registry.register_collector(Box::new(Expiry(identity.clone())));
    let tls = TlsAcceptor::from(Arc::new(server_config(identity)?));
    let server = Server::new(current, options.webhook, metrics.clone(), registry, lookup);
    let webhook =
        serve(https, Some(tls), server.webhook(), options.bounds, metrics.clone(), said(stopping.clone()));
    let health = serve(http, None, server.health(), options.bounds, metrics, said(stopping));
    let ending = async {
        signals.next().await;
        server.retire();
        tracing::info!(grace = ?options.grace, "the server is about to stop");
        // Whoever asks twice does not want to wait.
        tokio::select! {
            () = tokio::time::sleep(options.grace) => {}
            () = signals.next() => {}
        }
        stop.send_replace(true);
    };
    tracing::info!(https = %options.https, http = %options.http, "the server answers");
    let ((), webhook, health) = tokio::join!(ending, webhook, health);
    // What is told to stop gives back what it holds, such as a Lease.
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(END_MAX, ended).await.is_err() {
        tracing::debug!("some tasks were still at work when the server ended");
    }
    for (address, result) in [(options.https, webhook), (options.http, health)] {
        result.map_err(|error| RunError::Listen(address, error))?;
    }
    Ok(())
}

/// Starts what makes the server part of its cluster: reading it, the certificate, the webhook configuration and the audit.
async fn part_of(
    cluster: Cluster,
    api: &Api,
    current: &Arc<Current>,
    registry: &mut Registry,
    stopping: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<Arc<Identity>, RunError> {
    let stop = || said(stopping.clone());
    let told = ClusterMetrics::registered(registry);
    tasks.spawn(cluster::run(api.clone(), cluster.reading, current.clone(), told, stop()));
    let leads = Arc::new(AtomicBool::new(false));
    let counted = AuditMetrics::registered(registry);
    tasks.spawn(audit::run(api.clone(), cluster.audit, current.clone(), counted, leads.clone(), stop()));
    let leads = move || leads.load(Ordering::Relaxed);
    tasks.spawn(registration::run(api.clone(), cluster.registration, current.clone(), leads, stop()));
    match cluster.certificate {
        Certificate::Files(files) => shown(files, tasks),
        Certificate::Secret(settings) => {
            let keeper = Keeper::new(api.clone(), settings, || Timestamp::now().as_second());
            let identity = Arc::new(keeper.first().await);
            let (shown, stop) = (identity.clone(), stop());
            tasks.spawn(async move { keeper.run(&shown, stop).await });
            Ok(identity)
        }
    }
}

/// The certificate of files, which is kept the newest.
fn shown(files: Files, tasks: &mut JoinSet<()>) -> Result<Arc<Identity>, RunError> {
    let (certificate, key) = (read(&files.certificate)?, read(&files.key)?);
    let identity = Arc::new(Identity::of_pem(&certificate, &key)?);
    tasks.spawn(reload(identity.clone(), files, (certificate, key)));
    Ok(identity)
}

async fn listener(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| RunError::Listen(address, error))
}

fn read(path: &Path) -> Result<Vec<u8>, RunError> {
    std::fs::read(path).map_err(|error| RunError::File(path.to_owned(), error))
}

/// Done when it is said.
async fn said(mut word: watch::Receiver<bool>) {
    if word.wait_for(|said| *said).await.is_err() {
        tracing::debug!("nobody is left to say it");
    }
}

/// What tells a program to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Shows the certificate of the files, both together, whenever they change. What is wrong with them leaves the one before in use.
async fn reload(identity: Arc<Identity>, files: Files, mut shown: (Vec<u8>, Vec<u8>)) {
    loop {
        tokio::time::sleep(LOOK).await;
        let (Ok(new), Ok(new_key)) = (read(&files.certificate), read(&files.key)) else {
            tracing::warn!(file = %files.certificate.display(), "the certificate or its key cannot be read");
            continue;
        };
        if (&new, &new_key) == (&shown.0, &shown.1) {
            continue;
        }
        match identity.replace(&new, &new_key) {
            Ok(()) => {
                tracing::info!("another certificate is shown");
                shown = (new, new_key);
            }
            // The one file may have been written before the other.
            Err(error) => tracing::warn!(%error, "the certificate that is to be shown cannot be"),
        }
    }
}

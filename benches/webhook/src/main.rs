//! `load-webhook`: sends AdmissionReviews over HTTPS as an API server does, and says as JSON what came of them.
//!
//! At a `--rate` a request is sent when its time has come, whether those before are answered or not, and what it took is counted
//! from then on: a server that falls behind cannot hide it. `--closed N` keeps N requests open.

mod connection;
mod counts;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Parser;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use connection::{Connections, Protocol, Server};
use counts::Counts;

/// Sends AdmissionReviews over HTTPS as an API server does
#[derive(Debug, Parser)]
struct Options {
    /// `HOST:PORT/PATH` of the webhook
    target: String,
    /// Its certificate, PEM
    #[arg(long)]
    certificate: PathBuf,
    /// The bodies, one a line, sent one after the other and then again
    #[arg(long)]
    bodies: PathBuf,
    /// Requests a second
    #[arg(long, conflicts_with = "closed", required_unless_present_any = ["closed", "until"])]
    rate: Option<f64>,
    /// Requests that are open at a time
    #[arg(long)]
    closed: Option<usize>,
    /// How many are sent
    #[arg(long, default_value_t = 0)]
    requests: u64,
    /// One after the other until the answer is of this kind; prints when it was, in seconds since 1970
    #[arg(long, conflicts_with_all = ["rate", "closed"])]
    until: Option<Kind>,
    /// Speak HTTP/1.1
    #[arg(long)]
    http1: bool,
    /// Seconds after which an answer is not waited for any more, as `timeoutSeconds` of the webhook
    #[arg(long, default_value_t = 3)]
    timeout: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Allowed,
    Denied,
}

/// How long an answer of a kind is waited for.
const UNTIL_MAX: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let options = Options::parse();
    let (address, path) = options.target.split_once('/').context("the target has no path")?;
    let text = std::fs::read_to_string(&options.bodies)
        .with_context(|| format!("cannot read `{}`", options.bodies.display()))?;
    let bodies: Vec<Bytes> = text.lines().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect();
    if bodies.is_empty() {
        bail!("there are no bodies");
    }
    let server = Server {
        address: address.to_owned(),
        path: format!("/{path}?timeout={}s", options.timeout),
        protocol: if options.http1 { Protocol::Http1 } else { Protocol::Http2 },
        certificate: std::fs::read(&options.certificate)
            .with_context(|| format!("cannot read `{}`", options.certificate.display()))?,
    };
    let load = Arc::new(Load {
        connections: Connections::to(server)?,
        bodies,
        timeout: Duration::from_secs(options.timeout),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(kind) = options.until {
        let at = runtime.block_on(until(&load, kind))?;
        print(&format!("{:.6}", at.duration_since(UNIX_EPOCH)?.as_secs_f64()));
        return Ok(());
    }
    let counts = runtime.block_on(async {
        // The handshake is no part of what is measured.
        drop(load.ask(0).await);
        let began = Instant::now();
        let counts = match (options.rate, options.closed) {
            (Some(rate), _) => open(&load, rate, options.requests).await?,
            (None, closed) => shut(&load, closed.unwrap_or(1), options.requests).await,
        };
        anyhow::Ok(counts.told(began.elapsed(), load.connections.opened()))
    })?;
    print(&counts.to_string());
    Ok(())
}
fn print(text: &str) {
    println!("{text}");
}

struct Load {
    connections: Connections,
    bodies: Vec<Bytes>,
    timeout: Duration,
}

impl Load {
    async fn ask(&self, number: u64) -> Result<connection::Answer> {
        let count = u64::try_from(self.bodies.len())?;
        let body = self.bodies.get(usize::try_from(number % count)?).cloned().unwrap_or_default();
        match tokio::time::timeout(self.timeout, self.connections.ask(body)).await {
            Ok(answer) => answer,
            Err(_) => bail!("no answer in time"),
        }
    }
}

/// So many a second, whatever comes back. A thread of its own keeps the time: a timer of the runtime has milliseconds.
async fn open(load: &Arc<Load>, rate: f64, requests: u64) -> Result<Counts> {
    let (due, mut dues) = mpsc::unbounded_channel();
    let began = Instant::now();
    let clock = std::thread::spawn(move || {
        for number in 0..requests {
            let at = began + Duration::from_secs_f64(number as f64 / rate);
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if due.send((number, at)).is_err() {
                return;
            }
        }
    });
    let mut counts = Counts::default();
    let mut asked = JoinSet::new();
    let mut is_done = false;
    while !is_done || !asked.is_empty() {
        tokio::select! {
            due = dues.recv(), if !is_done => match due {
                Some((number, at)) => {
                    let load = load.clone();
                    asked.spawn(async move { (load.ask(number).await, at.elapsed()) });
                }
                None => is_done = true,
            },
            Some(answer) = asked.join_next() => {
                let (answer, took) = answer?;
                counts.add(answer, took);
            }
        }
    }
    if clock.join().is_err() {
        bail!("the clock stopped");
    }
    Ok(counts)
}

/// When the first answer of a kind came.
async fn until(load: &Load, kind: Kind) -> Result<SystemTime> {
    let began = Instant::now();
    while began.elapsed() < UNTIL_MAX {
        let answer = load.ask(0).await?;
        let is_allowed = counts::is_allowed(&answer.body);
        if answer.status.is_success() && is_allowed == (kind == Kind::Allowed) {
            return Ok(SystemTime::now());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bail!("no answer was of that kind");
}

/// So many at a time.
async fn shut(load: &Arc<Load>, at_a_time: usize, requests: u64) -> Counts {
    let next = Arc::new(AtomicU64::new(0));
    let mut askers = JoinSet::new();
    let (told, mut answers) = mpsc::unbounded_channel();
    for _ in 0..at_a_time {
        let (load, next, told) = (load.clone(), next.clone(), told.clone());
        askers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let began = Instant::now();
                if number >= requests || told.send((load.ask(number).await, began.elapsed())).is_err() {
                    return;
                }
            }
        });
    }
    drop(told);
    let mut counts = Counts::default();
    while let Some((answer, took)) = answers.recv().await {
        counts.add(answer, took);
    }
    counts
}

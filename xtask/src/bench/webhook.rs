//! `bench webhook`: the server over real HTTPS, and Gatekeeper's manager beside it in the same run where it is named.
//!
//! The server has one core and the load another. What counts is the CPU time that a review takes: it says the same on a machine that
//! does other work meanwhile, and times of the clock do not.
//!
//! `LUMEN_LIBRARY_DIR` names a checkout of gatekeeper-library, whose 49 policies are those that are measured.

mod apply;
pub(super) mod cluster;
mod load;
mod peer;
mod process;
mod work;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace::{build_static, command, run as run_command, target};
use load::{Load, Pace, Run};
use peer::Peer;
use process::{Running, pinned};
use work::Policy;

/// The core of the server, and that of the load.
const CORES: [&str; 2] = ["0", "1"];

/// Requests that are open at a time where a server is to be kept busy.
const OPEN: u32 = 32;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Measure this binary instead of building the one of the image
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Requests of each run
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..))]
    requests: u64,
    /// Also send this many requests to one server, and tell its memory on the way
    #[arg(long, value_name = "N")]
    long: Option<u64>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let library = library()?;
    let lumen = match &options.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => build_static()?,
    };
    let folder = target().join("bench-webhook");
    std::fs::create_dir_all(&folder)?;
    let certificate = certificate(&folder)?;
    let [core, other] = CORES;
    let load = Load::build(&certificate, other)?;
    let (pods, ingresses) = (folder.join("pods.jsonl"), folder.join("ingress-reviews.jsonl"));
    let size = work::write_pods(&pods)?;
    work::write_ingress_reviews(&ingresses)?;
    let policies = work::library(&library)?;
    println!("\n{} policies of gatekeeper-library; Pods of {size} bytes", policies.len());
    let bench = Bench { folder, load, pods, ingresses, requests: options.requests };
    heading();
    let ours = bench.ours(&lumen, &policies, options.long, core)?;
    match Peer::find()? {
        None => println!("Gatekeeper's manager: not named by `GATEKEEPER`"),
        Some(peer) => ratios(&ours, &bench.theirs(&peer, &policies, core)?),
    }
    Ok(())
}

/// Where gatekeeper-library is.
fn library() -> Result<PathBuf> {
    let library = std::env::var_os("LUMEN_LIBRARY_DIR").map(PathBuf::from);
    library.context("`LUMEN_LIBRARY_DIR` names no checkout of gatekeeper-library")
}

struct Bench {
    folder: PathBuf,
    load: Load,
    pods: PathBuf,
    ingresses: PathBuf,
    requests: u64,
}

/// CPU time of a review, by what was judged.
type Figures = Vec<(&'static str, f64)>;

impl Bench {
    fn ours(&self, lumen: &Path, policies: &[Policy], long: Option<u64>, core: &str) -> Result<Figures> {
        let mut figures = Figures::new();
        let server = self.lumen(lumen, policies, false, core)?;
        let all = Row { name: "lumen, library", server: &server.0, address: &server.1, bodies: &self.pods };
        let closed = self.measure(&all, Pace::Closed(OPEN), self.requests, false)?;
        figures.push(("library", closed.cpu_milliseconds()));
        self.measure(&all, Pace::Closed(OPEN), self.requests, true)?;
        self.measure(&all, Pace::Rate(500), self.requests, false)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate in thousands")]
        let beyond = (closed.a_second("judged") * 3.0).max(500.0) as u32;
        self.measure(&all, Pace::Rate(beyond), self.requests * 3, false)?;
        if let Some(most) = long {
            let mut sent = 0;
            for until in [most / 100, most / 10, most] {
                self.measure(&all, Pace::Closed(OPEN), until - sent, false)?;
                sent = until;
            }
        }
        drop(server);
        let server = self.lumen(lumen, &work::simple(policies), false, core)?;
        let simple =
            Row { name: "lumen, 10 simple", server: &server.0, address: &server.1, bodies: &self.pods };
        let run = self.measure(&simple, Pace::Closed(OPEN), self.requests, false)?;
        figures.push(("10 simple", run.cpu_milliseconds()));
        drop(server);
        let server = self.lumen(lumen, &work::unique_host(policies), true, core)?;
        let hosts = Row {
            name: "lumen, 10,000 Ingresses",
            server: &server.0,
            address: &server.1,
            bodies: &self.ingresses,
        };
        // The first makes the index.
        self.measure(&hosts, Pace::Closed(1), 1, false)?;
        let run = self.measure(&hosts, Pace::Closed(1), self.requests, false)?;
        figures.push(("10,000 Ingresses", run.cpu_milliseconds()));
        Ok(figures)
    }

    fn theirs(&self, peer: &Peer, policies: &[Policy], core: &str) -> Result<Figures> {
        let mut figures = Figures::new();
        // It takes tens of milliseconds a review: fewer do.
        let few = self.requests / 20;
        let start = |policies: &[Policy], with_ingresses| {
            peer.start(&self.folder, &self.folder, policies, with_ingresses, core)
        };
        let manager = start(policies, false)?;
        let all = Row {
            name: "gatekeeper, library",
            server: &manager.running,
            address: &manager.address,
            bodies: &self.pods,
        };
        let run = self.measure(&all, Pace::Closed(OPEN), few, false)?;
        figures.push(("library", run.cpu_milliseconds()));
        for (rate, seconds) in [(20, 20), (50, 20), (500, 10)] {
            self.measure(&all, Pace::Rate(rate), u64::from(rate) * seconds, false)?;
        }
        manager.end();
        let manager = start(&work::simple(policies), false)?;
        let simple = Row {
            name: "gatekeeper, 10 simple",
            server: &manager.running,
            address: &manager.address,
            bodies: &self.pods,
        };
        let run = self.measure(&simple, Pace::Closed(OPEN), few, false)?;
        figures.push(("10 simple", run.cpu_milliseconds()));
        manager.end();
        let manager = start(&work::unique_host(policies), true)?;
        let hosts = Row {
            name: "gatekeeper, 10,000 Ingresses",
            server: &manager.running,
            address: &manager.address,
            bodies: &self.ingresses,
        };
        let run = self.measure(&hosts, Pace::Closed(1), few / 5, false)?;
        figures.push(("10,000 Ingresses", run.cpu_milliseconds()));
        manager.end();
        Ok(figures)
    }

    /// A server of files, ready, and its address.
    fn lumen(
        &self,
        lumen: &Path,
        policies: &[Policy],
        with_ingresses: bool,
        core: &str,
    ) -> Result<(Running, String)> {
        let files = self.folder.join("policies");
        work::write_policies(&files, policies)?;
        if with_ingresses {
            work::write_ingresses(&files)?;
        }
        let (https, http) = (free_port()?, free_port()?);
        let mut server = pinned(lumen, core);
        server
            .args([
                "server",
                "--https",
                &format!("127.0.0.1:{https}"),
                "--http",
                &format!("127.0.0.1:{http}"),
            ])
            .arg("--tls-cert")
            .arg(self.folder.join("tls.crt"))
            .arg("--tls-key")
            .arg(self.folder.join("tls.key"))
            .arg("--policies")
            .arg(&files);
        let mut running = Running::start(&mut server, &self.folder.join("lumen.log"))?;
        running.await_ready(&format!("http://127.0.0.1:{http}/readyz"))?;
        Ok((running, format!("localhost:{https}/v1/admit")))
    }

    fn measure(&self, row: &Row<'_>, pace: Pace, requests: u64, http1: bool) -> Result<Run> {
        let run = self.load.send(row.server, row.address, row.bodies, pace, requests, http1)?;
        row.print(pace, http1, &run)?;
        Ok(run)
    }
}

/// What is measured: a server, and what it is asked.
struct Row<'a> {
    name: &'static str,
    server: &'a Running,
    address: &'a str,
    bodies: &'a Path,
}

fn heading() {
    println!(
        "{:<29} {:>5} {:>9} {:>8} {:>8} {:>6} {:>8} {:>7} {:>7} {:>7} {:>8} {:>6} {:>6}",
        "",
        "HTTP",
        "offered",
        "judged/s",
        "refused",
        "failed",
        "CPU ms",
        "p50 ms",
        "p99",
        "p99.9",
        "ref. p99",
        "MB",
        "peak"
    );
}

impl Row<'_> {
    fn print(&self, pace: Pace, http1: bool, run: &Run) -> Result<()> {
        let memory = self.server.resident()?;
        let offered = match pace {
            Pace::Rate(rate) => format!("{rate}/s"),
            Pace::Closed(open) => format!("{open} open"),
        };
        println!(
            "{:<29} {:>5} {offered:>9} {:>8.0} {:>8} {:>6} {:>8.3} {:>7.2} {:>7.2} {:>7.2} {:>8.2} {:>6.1} {:>6.1}",
            self.name,
            if http1 { "1.1" } else { "2" },
            run.a_second("judged"),
            run.count("refused"),
            run.count("failed"),
            run.cpu_milliseconds(),
            run.milliseconds("judged_us", "p50"),
            run.milliseconds("judged_us", "p99"),
            run.milliseconds("judged_us", "p999"),
            run.milliseconds("refused_us", "p99"),
            megabytes(memory.now_kib),
            megabytes(memory.most_kib),
        );
        println!("{:<29} {} allowed, {} denied", "", run.count("allowed"), run.count("denied"));
        if run.count("failed") > 0 {
            println!("{:<29} failed: {}", "", run.causes());
        }
        Ok(())
    }
}

fn megabytes(kib: u64) -> f64 {
    super::megabytes(kib * 1024)
}

fn ratios(ours: &Figures, theirs: &Figures) {
    for ((name, ours), (_, theirs)) in ours.iter().zip(theirs) {
        println!("{name}: gatekeeper takes {:.1} times the CPU time of lumen a review", theirs / ours);
    }
}

/// A port that nobody listens at.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// A certificate for `localhost` with its key, under the names that both servers look for.
fn certificate(folder: &Path) -> Result<PathBuf> {
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    let mut openssl = command("openssl");
    openssl
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(std::process::Stdio::null());
    run_command(&mut openssl)?;
    if !certificate.is_file() {
        bail!("`openssl` made no certificate");
    }
    Ok(certificate)
}

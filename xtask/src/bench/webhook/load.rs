//! `benches/webhook`, the program that sends requests, and what it says came of them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::process::{Running, pinned};
use crate::workspace::{cargo, root, run, target};

/// What sends requests, from a core of its own.
#[derive(Debug)]
pub(super) struct Load {
    program: PathBuf,
    certificate: PathBuf,
    core: String,
}

/// How requests are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// So many a second, whatever comes back.
    Rate(u32),
    /// So many at a time.
    Closed(u32),
}

/// What came of a run.
#[derive(Debug)]
pub(super) struct Run {
    /// What the load says.
    told: Value,
    /// What the server took meanwhile.
    pub(super) cpu: Duration,
}

impl Load {
    /// Builds it, as a program of its own that nothing of the workspace depends on.
    pub(super) fn build(certificate: &Path, core: &str) -> Result<Self> {
        let manifest = root().join("benches/webhook/Cargo.toml");
        run(cargo()
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(&manifest)
            .env("CARGO_TARGET_DIR", target()))?;
        let program = target().join("release").join(format!("load-webhook{}", std::env::consts::EXE_SUFFIX));
        Ok(Self { program, certificate: certificate.into(), core: core.to_owned() })
    }

    /// Sends so many of the bodies to `HOST:PORT/PATH`.
    pub(super) fn send(
        &self,
        server: &Running,
        address: &str,
        bodies: &Path,
        pace: Pace,
        requests: u64,
        http1: bool,
    ) -> Result<Run> {
        let mut load = self.command(address, bodies);
        match pace {
            Pace::Rate(rate) => load.args(["--rate", &rate.to_string()]),
            Pace::Closed(open) => load.args(["--closed", &open.to_string()]),
        };
        load.args(["--requests", &requests.to_string()]);
        if http1 {
            load.arg("--http1");
        }
        let before = server.cpu()?;
        let output = load.output().context("cannot start the load")?;
        let cpu = server.cpu()?.saturating_sub(before);
        if !output.status.success() {
            bail!("the load failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let told = serde_json::from_slice(&output.stdout).context("the load says no JSON")?;
        Ok(Run { told, cpu })
    }

    /// Asks again and again until the answer is a denial, or is none; then prints when that was, in seconds since 1970.
    pub(super) fn until(&self, address: &str, bodies: &Path, is_denied: bool) -> Result<Child> {
        let mut load = self.command(address, bodies);
        load.args(["--until", if is_denied { "denied" } else { "allowed" }]);
        load.stdout(Stdio::piped()).spawn().context("cannot start the load")
    }

    fn command(&self, address: &str, bodies: &Path) -> Command {
        let mut load = pinned(&self.program, &self.core);
        load.arg(address).arg("--certificate").arg(&self.certificate).arg("--bodies").arg(bodies);
        load
    }
}

impl Run {
    pub(super) fn count(&self, name: &str) -> u64 {
        self.told.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// Why requests failed, where some did.
    pub(super) fn causes(&self) -> String {
        self.told.get("failed_by_cause").map(Value::to_string).unwrap_or_default()
    }

    /// A share of the times of what was judged, or refused: `p50`, `p90`, `p99`, `p999`, `max`.
    pub(super) fn milliseconds(&self, of: &str, share: &str) -> f64 {
        let micros = self.told.get(of).and_then(|times| times.get(share)?.as_f64());
        micros.unwrap_or_default() / 1e3
    }

    #[expect(clippy::cast_precision_loss, reason = "for people: three digits are shown")]
    pub(super) fn a_second(&self, name: &str) -> f64 {
        let seconds = self.told.get("seconds").and_then(Value::as_f64).unwrap_or(f64::NAN);
        self.count(name) as f64 / seconds
    }

    /// Milliseconds on cores for each answer, whatever it is.
    #[expect(clippy::cast_precision_loss, reason = "for people: three digits are shown")]
    pub(super) fn cpu_milliseconds(&self) -> f64 {
        let answers = self.count("judged") + self.count("refused") + self.count("failed");
        self.cpu.as_secs_f64() * 1e3 / answers as f64
    }
}

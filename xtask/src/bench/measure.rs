//! Running a program many times: how long it takes, and how much memory at most.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::workspace::{command, typed};

/// A program with its arguments.
#[derive(Clone, Debug)]
pub(super) struct Call {
    program: std::path::PathBuf,
    arguments: Vec<String>,
}

/// What the runs of a call came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// The median time from start to end.
    pub(super) median: Duration,
    /// The least time.
    pub(super) least: Duration,
    /// The most memory that was resident at a time, in KiB; `None` where the system does not tell.
    pub(super) resident_kib_max: Option<u64>,
    /// How the last run ended.
    pub(super) status: ExitStatus,
}

impl Call {
    pub(super) fn new(program: &Path, arguments: &[&str]) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        }
    }

    /// The call as one would type it.
    pub(super) fn typed(&self) -> String {
        typed(&self.command())
    }

    /// Runs it once unmeasured, for its files to be in the page cache, then as often as asked, and once more for its memory.
    pub(super) fn measure(&self, runs: usize) -> Result<Measured> {
        let mut status = self.run()?;
        let mut times = Vec::with_capacity(runs);
        for _ in 0..runs {
            let start = Instant::now();
            status = self.run()?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(Measured {
            median: times.get(runs / 2).copied().unwrap_or_default(),
            least: times.first().copied().unwrap_or_default(),
            resident_kib_max: self.resident()?,
            status,
        })
    }

    /// Runs it once.
    pub(super) fn once(&self) -> Result<ExitStatus> {
        self.run()
    }

    fn command(&self) -> Command {
        let mut command = command(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn run(&self) -> Result<ExitStatus> {
        self.command().status().with_context(|| format!("cannot start `{}`", self.typed()))
    }

    /// The kernel's high-water mark, read again and again until the process ends.
    fn resident(&self) -> Result<Option<u64>> {
        let mut child = self.command().spawn().with_context(|| format!("cannot start `{}`", self.typed()))?;
        let status = format!("/proc/{}/status", child.id());
        let mut most = None;
        while child.try_wait()?.is_none() {
            most = most.max(high_water(&status));
            std::thread::sleep(Duration::from_micros(300));
        }
        Ok(most)
    }
}

fn high_water(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

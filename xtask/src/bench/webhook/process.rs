//! [`Running`]: a program that runs on one core, and what the kernel says of it.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace::{command, typed};

/// What a tick of `/proc/PID/stat` is: Linux gives every program a hundredth of a second.
const TICK: Duration = Duration::from_millis(10);

/// How long a server may take until it is ready.
const START_MAX: Duration = Duration::from_mins(3);

/// A program, kept to some cores.
pub(super) fn pinned(program: impl AsRef<OsStr>, cores: &str) -> Command {
    let mut pinned = command("taskset");
    pinned.args(["--cpu-list", cores]).arg(program);
    pinned
}

/// A program that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
}

/// Memory of a program that is resident, in KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resident {
    pub(super) now_kib: u64,
    pub(super) most_kib: u64,
}

impl Running {
    /// Starts it; what it says goes to a file.
    pub(super) fn start(program: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
        let child = program
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start `{}`", typed(program)))?;
        Ok(Self { child })
    }

    /// Waits until a path of its answers with 200.
    pub(super) fn await_ready(&mut self, url: &str) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < START_MAX {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended: {status}");
            }
            let asked = command("curl")
                .args(["--silent", "--fail", "--max-time", "5", "--output", "/dev/null", url])
                .status()
                .context("cannot start `curl`")?;
            if asked.success() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server did not become ready: {url}");
    }

    /// The time that it has had on cores since it began.
    pub(super) fn cpu(&self) -> Result<Duration> {
        let text = self.proc("stat")?;
        // The second field is the name in brackets, and may hold anything.
        let (_, fields) = text.rsplit_once(')').context("the kernel's `stat` has no name")?;
        let ticks: u32 =
            fields.split_whitespace().skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum();
        Ok(TICK * ticks)
    }

    pub(super) fn resident(&self) -> Result<Resident> {
        let text = self.proc("status")?;
        let line = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let of = |name| line(name).with_context(|| format!("the kernel does not tell {name}"));
        Ok(Resident { now_kib: of("VmRSS:")?, most_kib: of("VmHWM:")? })
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        std::fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

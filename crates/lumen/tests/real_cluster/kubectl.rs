//! `kubectl` and `lumen`, as an administrator of a test's cluster runs them.
#![allow(dead_code, reason = "shared by tests of which each uses a part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

#[path = "../../../../tests/e2e/programs.rs"]
mod programs;

pub(crate) use programs::{cache, has_ended, is_bounded, missing_programs, script};

/// How long something may take until it holds.
const PATIENCE: Duration = Duration::from_mins(3);

/// The way to a cluster that `up.sh` started.
pub(crate) struct Kubectl {
    run: PathBuf,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) is_well: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            is_well: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Kubectl {
    /// Of the cluster whose state is in a folder.
    pub(crate) fn new(run: &Path) -> Self {
        Self { run: run.to_owned() }
    }

    /// A program, started where the cluster can be reached, with `KUBECONFIG` set.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(script("enter.sh"));
        command.arg(&self.run).arg(program);
        command
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Said {
        self.kubectl_reading("", arguments)
    }

    /// The same with something to read at `-f -`.
    pub(crate) fn kubectl_reading(&self, input: &str, arguments: &[&str]) -> Said {
        let mut command = self.command(&cache().join("bin/kubectl"));
        command.args(arguments);
        // What it remembers of kinds is its own affair, and not that of the user's home.
        command.arg("--cache-dir").arg(self.run.join("kubectl"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl");
        let written = child.stdin.take().expect("its input").write_all(input.as_bytes());
        let said: Said = child.wait_with_output().expect("kubectl").into();
        assert!(written.is_ok() || !said.is_well, "kubectl does not read: {said:?}");
        said
    }

    /// The same, and it must be well.
    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        let said = self.kubectl(arguments);
        assert!(said.is_well, "kubectl {}: {}", arguments.join(" "), said.err);
        said.out
    }

    /// The same with something to read at `-f -`, and it must be well.
    pub(crate) fn must_reading(&self, input: &str, arguments: &[&str]) {
        let said = self.kubectl_reading(input, arguments);
        assert!(said.is_well, "kubectl {}: {}", arguments.join(" "), said.err);
    }

    /// Applies a manifest, again and again where its kind was defined a moment ago.
    pub(crate) fn apply(&self, manifest: &str) {
        let mut last = String::new();
        until(&format!("it is applied: {manifest}"), || {
            let said = self.kubectl_reading(manifest, &["apply", "-f", "-"]);
            last = said.err;
            said.is_well
        });
    }

    /// An object, or a list of them, as the API server has it; `null` where it has none.
    pub(crate) fn get(&self, arguments: &[&str]) -> Value {
        let said = self.kubectl(&[&["get", "-o", "json"], arguments].concat());
        serde_json::from_str(&said.out).unwrap_or_default()
    }

    /// `lumen`, as an administrator of this cluster runs it.
    pub(crate) fn lumen(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_lumen")));
        command.args(arguments).env("NO_COLOR", "1");
        command.output().expect("lumen").into()
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

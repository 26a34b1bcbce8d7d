//! A folder with files, and what the program says about them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// Longest that a call may take, the largest bad input included, in a build without optimisation on a busy machine.
const TIME_MAX: Duration = Duration::from_mins(4);

/// A pod that breaks `baseline`: advice of high severity where no label demands anything.
pub(crate) const PRIVILEGED: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: agent
spec:
  containers:
  - name: agent
    image: registry.internal/agent:1
    securityContext:
      privileged: true
";

/// A pod that meets `restricted`.
pub(crate) const HARDENED: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  securityContext:
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault
  containers:
  - name: web
    image: registry.internal/web:1
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
";

/// A namespace that demands `restricted` of `default`.
pub(crate) const ENFORCING: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: default
  labels:
    pod-security.kubernetes.io/enforce: restricted
";

/// A folder of files that is gone afterwards.
pub(crate) struct Folder(TempDir);

/// What one call came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::Builder::new().prefix("lumen-test-").tempdir().expect("a folder"));
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        std::fs::write(path, text).expect("is written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("is read")
    }

    /// Runs the program in the folder, with the words of a line as its arguments.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        self.run_with(line, &[], b"")
    }

    pub(crate) fn run_with(&self, line: &str, environment: &[(&str, &str)], stdin: &[u8]) -> Outcome {
        run(self.command(line).envs(environment.iter().copied()), stdin)
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lumen"));
        command.current_dir(self.0.path()).args(line.split_whitespace());
        clean(&mut command);
        command
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }
}

/// Takes what would change the result out of a command's environment.
pub(crate) fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("LUMEN_") || ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"].contains(&&*name_text)
        {
            command.env_remove(&name);
        }
    }
}

/// Runs a command to its end. One that takes too long is killed, and the test fails.
pub(crate) fn run(command: &mut Command, stdin: &[u8]) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("it is piped");
    let text = stdin.to_vec();
    let writer = std::thread::spawn(move || _ = pipe.write_all(&text));
    let id = child.id();
    let (sender, receiver) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if receiver.recv_timeout(TIME_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            _ = Command::new("kill").args(["-9", &id.to_string()]).status();
        }
    });
    let output = child.wait_with_output().expect("it ends");
    drop(sender);
    _ = watchdog.join();
    _ = writer.join();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Outcome {
    /// Whether standard output has a line with all of these.
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        self.stdout.lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn expect_line(&self, words: &[&str]) -> &Self {
        assert!(self.says(words), "no line with {words:?} in {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn expect_note(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "no `{text}` in {self:#?}");
        self
    }
}

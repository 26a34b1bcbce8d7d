//! `--watch`: checks again whenever something changes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

use crate::console::{self, Console};
use crate::exit::Exit;

/// How long it must be quiet before the next check: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// How often files are looked at where the system does not tell of changes.
const POLL: Duration = Duration::from_secs(1);

/// Longest that changes which follow each other put a check off.
const UNREST_MAX: Duration = Duration::from_secs(2);
/// Clears the screen and what was scrolled off it.
const CLEAR: &[u8] = b"\x1b[2J\x1b[3J\x1b[H";

/// Checks, and checks again after each change, until the process is interrupted. Errors are said and do not end it.
/// The files that the check itself writes are given, too: a change of them is none.
pub fn run(
    paths: &[OsString],
    written: &[PathBuf],
    console: Console,
    check: impl Fn() -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    // One change that waits is as good as many.
    let (sender, receiver) = mpsc::sync_channel(1);
    // Started before the first check, so that nothing is missed in between.
    let tell = Tell { sender, written: written.iter().map(|path| place(path)).collect() };
    let _watcher = start(paths, console, &tell)?;
    loop {
        if console.is_watched() {
            console::print(CLEAR)?;
        }
        match check() {
            Ok(_) => {}
            Err(error) => console.error(format!("{error:#}")),
        }
        console.note("watching for changes; end with Ctrl-C");
        if wait(&receiver).is_none() {
            return Ok(Exit::Failed);
        }
    }
}

/// The system's own watcher, or one that looks every second where there is none (network file systems, or too many
/// folders).
fn start(paths: &[OsString], console: Console, tell: &Tell) -> anyhow::Result<Box<dyn Watcher>> {
    let native = RecommendedWatcher::new(tell.clone(), Config::default())
        .and_then(|mut watcher| watch(&mut watcher, paths).map(|()| watcher));
    match native {
        Ok(watcher) => Ok(Box::new(watcher)),
        Err(error) => {
            console.note(format!("the system does not tell of changes ({error}): looking every second"));
            let config = Config::default().with_poll_interval(POLL).with_compare_contents(true);
            let mut watcher = PollWatcher::new(tell.clone(), config)?;
            watch(&mut watcher, paths).context("cannot watch")?;
            Ok(Box::new(watcher))
        }
    }
}

fn watch(watcher: &mut dyn Watcher, paths: &[OsString]) -> notify::Result<()> {
    for path in paths.iter().map(Path::new) {
        if path.is_dir() {
            watcher.watch(path, RecursiveMode::Recursive)?;
            continue;
        }
        // Editors put a new file in the old one's place, so it is the folder that tells of it.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(())
}

/// Tells the loop of changes.
#[derive(Clone)]
struct Tell {
    sender: mpsc::SyncSender<()>,
    written: Vec<PathBuf>,
}

impl notify::EventHandler for Tell {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        let is_own = |path: &PathBuf| self.written.contains(&place(path));
        let changed = event.is_ok_and(|event| {
            // Reading is no change: it is what the check itself does.
            !matches!(event.kind, EventKind::Access(_))
                && (event.paths.is_empty() || !event.paths.iter().all(is_own))
        });
        if changed {
            // It is full where a change waits already. Nobody listens any more only once the program ends.
            _ = self.sender.try_send(());
        }
    }
}

/// One name for a file, whatever way leads to its folder.
fn place(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), file.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => file.to_path_buf(),
    }
}

/// Waits for a change and for the quiet after it, though not for ever: a log beside the manifests may never be quiet.
/// `None` where no change can come any more.
fn wait(receiver: &Receiver<()>) -> Option<()> {
    receiver.recv().ok()?;
    let end = Instant::now() + UNREST_MAX;
    while Instant::now() < end {
        match receiver.recv_timeout(QUIET) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    Some(())
}

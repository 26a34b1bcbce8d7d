//! Manifests of a revision, read by the `git` program: nothing is checked out, nothing is written, and nothing is fetched. A
//! repository may come from anywhere: what its settings would run is not run.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::source::{self, Input, MANIFESTS};

/// Most bytes of the list of a revision's files.
const LIST_BYTES_MAX: u64 = 64 << 20;
/// Most bytes that are kept of what `git` says on its error output.
const SAID_BYTES_MAX: u64 = 64 << 10;
/// Longest line that `git cat-file` puts before an object.
const HEAD_BYTES_MAX: u64 = 256;

/// The two revisions of `A..B`.
pub(super) fn range(text: &str) -> Result<(String, String)> {
    if text.contains("...") {
        bail!("`{text}` has three dots: write `REV..REV`, such as `main..HEAD`");
    }
    let parts = text.split_once("..").filter(|(old, new)| !old.is_empty() && !new.is_empty());
    let (old, new) = parts.ok_or_else(|| anyhow!("`{text}` is no `REV..REV`, such as `main..HEAD`"))?;
    for revision in [old, new] {
        if revision.starts_with(['-', '.']) || revision.contains("..") {
            bail!("`{revision}` is no revision");
        }
    }
    Ok((old.into(), new.into()))
}

/// A file of a revision.
struct File {
    path: String,
    object: String,
    size: u64,
}

/// The manifests of a revision below some paths of the current folder, or all below it.
pub(super) fn read(revision: &str, paths: &[OsString], options: &source::Options) -> Result<Vec<Input>> {
    let (files, charts) = list(revision, paths, options).with_context(|| format!("revision `{revision}`"))?;
    let mut git = git(&["cat-file", "--batch"], Stdio::piped())?;
    let mut pipe = git.child.stdin.take().context("`git` takes no input")?;
    let asked: String = files.iter().map(|file| file.object.clone() + "\n").collect();
    // What is asked and what is answered would wait for each other, were both done by one.
    let asking = thread::spawn(move || pipe.write_all(asked.as_bytes()));
    let mut answers = BufReader::new(git.child.stdout.take().context("`git` gives no output")?);
    let mut inputs = Vec::with_capacity(files.len());
    for file in &files {
        let bytes = answer(&mut answers, file).with_context(|| format!("`{revision}:{}`", file.path))?;
        let in_chart = charts.iter().any(|chart| file.path.starts_with(chart));
        inputs.push(Input { in_chart, ..Input::new(format!("{revision}:{}", file.path), bytes) });
    }
    drop(answers);
    // Why writing failed, if it did, is what the end of the program says.
    drop(asking.join());
    git.finish()?;
    Ok(inputs)
}

/// The manifests of a revision, and the folders in it that hold templates of Helm charts.
fn list(
    revision: &str,
    paths: &[OsString],
    options: &source::Options,
) -> Result<(Vec<File>, BTreeSet<String>)> {
    let mut arguments: Vec<OsString> =
        ["ls-tree", "-r", "-z", "--long", revision, "--"].into_iter().map(OsString::from).collect();
    arguments.extend(paths.iter().cloned());
    let mut git = git(&arguments, Stdio::null())?;
    let mut bytes = Vec::new();
    if let Some(stdout) = git.child.stdout.take() {
        stdout.take(LIST_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > LIST_BYTES_MAX {
        bail!("the list of its files has more than {LIST_BYTES_MAX} bytes");
    }
    git.finish()?;
    let (mut files, mut charts, mut total) = (Vec::new(), BTreeSet::new(), 0_u64);
    for entry in bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        // `mode type object size<TAB>path`
        let Some((about, path)) = entry.split_once('\t') else { continue };
        let about: Vec<&str> = about.split_ascii_whitespace().collect();
        let [mode, "blob", object, size] = about.as_slice() else { continue };
        let ending = path.rsplit_once('.').map(|(_, ending)| ending);
        if !mode.starts_with("100") || !ending.is_some_and(|ending| MANIFESTS.contains(&ending)) {
            continue;
        }
        if let Some(folder) = path.strip_suffix("Chart.yaml") {
            charts.insert(format!("{folder}templates/"));
        }
        let size: u64 = size.parse().unwrap_or(u64::MAX);
        total = total.saturating_add(size);
        let is_beyond = size > options.file_bytes_max || total > options.total_bytes_max;
        if is_beyond || files.len() >= options.files_max {
            bail!(
                "`{path}` goes beyond the bounds on inputs: `--filename` names less, `lumen.yaml` raises them"
            );
        }
        files.push(File { path: path.to_owned(), object: (*object).to_owned(), size });
    }
    Ok((files, charts))
}

/// One answer of `git cat-file --batch`: `object type size`, the bytes, a line feed.
fn answer(answers: &mut impl BufRead, file: &File) -> Result<Vec<u8>> {
    let mut head = String::new();
    answers.by_ref().take(HEAD_BYTES_MAX).read_line(&mut head)?;
    if head.trim_end() != format!("{} blob {}", file.object, file.size) {
        bail!("`git` does not give it");
    }
    let mut bytes = Vec::new();
    answers.by_ref().take(file.size).read_to_end(&mut bytes)?;
    let mut end = [0];
    answers.read_exact(&mut end)?;
    if bytes.len() as u64 != file.size || end != *b"\n" {
        bail!("`git` does not give all of it");
    }
    Ok(bytes)
}

/// Settings of a repository that name a program to run, put out of use, for what a repository says is foreign text. The guarantee
/// is in the commands that are run here, which read objects and ask for none of these but the last, and for that only where an
/// object is missing; the others are an extra, should a later `git` ask for them.
const OVERRIDDEN: [&str; 6] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.askPass=true",
    "core.alternateRefsCommand=true",
    "core.sshCommand=false",
];

/// A running `git`.
struct Git {
    child: Child,
    said: JoinHandle<Vec<u8>>,
}

/// Starts `git`. The settings of the system and of the user count, for they say which repositories are trusted
/// (`safe.directory`); those of the repository must not run anything.
fn git(arguments: &[impl AsRef<OsStr>], stdin: Stdio) -> Result<Git> {
    let mut command = Command::new("git");
    command.args(["--no-pager", "--no-optional-locks"]);
    for setting in OVERRIDDEN {
        command.args(["-c", setting]);
    }
    let mut child = command
        .args(arguments)
        // A clone that is not whole would ask its origin for what it lacks, by a program that the repository names. Not every
        // version knows the first; the second leaves no way to any origin.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start `git`, which reads revisions")?;
    let mut pipe = child.stderr.take().context("`git` has no error output")?;
    // Whoever does not read what it says may wait for it for ever.
    let said = thread::spawn(move || {
        let mut said = Vec::new();
        let read = pipe.by_ref().take(SAID_BYTES_MAX).read_to_end(&mut said);
        drop(read.and_then(|_| io::copy(&mut pipe, &mut io::sink())));
        said
    });
    Ok(Git { child, said })
}

impl Git {
    /// Waits for its end, and says what it says if it failed.
    fn finish(mut self) -> Result<()> {
        // Who is read no further than this shall not wait to be.
        drop((self.child.stdin.take(), self.child.stdout.take()));
        let status = self.child.wait()?;
        let said = self.said.join().unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&said);
        bail!("`git` says: {}", said.lines().next().unwrap_or("nothing"));
    }
}

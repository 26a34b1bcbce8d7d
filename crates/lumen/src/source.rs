//! Where inputs come from: files, folders, standard input. Everything is bounded, nothing waits for a writer that never comes,
//! and what cannot be read is a [`Problem`] that stops nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::parallel;

pub(crate) use open::{plain, unreadable};

mod open;
mod walk;

/// The name of standard input.
pub const STDIN: &str = "<stdin>";
/// Default of [`Options::total_bytes_max`].
pub const TOTAL_BYTES_MAX: u64 = 1 << 30;
/// Default of [`Options::files_max`].
pub const FILES_MAX: usize = 200_000;

/// What manifests' files end in.
pub const MANIFESTS: &[&str] = &["yaml", "yml", "json"];
/// What files of any documents end in that Conftest's policies are asked about.
pub const DOCUMENTS: &[&str] = &["yaml", "yml", "json", "toml"];
/// What files of policies and of their tests end in.
pub const POLICIES: &[&str] = &["yaml", "yml", "json", "rego"];

/// What to read, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What the files in folders end in that are read. Files that are named on the command line may be called anything.
    pub extensions: &'static [&'static str],
    /// Patterns as in `.gitignore` of what is left out of folders.
    pub exclude: Vec<String>,
    /// Whether `.gitignore` and `.ignore` count for nothing, and what is hidden is read.
    pub no_ignore: bool,
    /// Largest file, in bytes.
    pub file_bytes_max: u64,
    /// Most bytes of all files together.
    pub total_bytes_max: u64,
    /// Most files.
    pub files_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            extensions: MANIFESTS,
            exclude: Vec::new(),
            no_ignore: false,
            file_bytes_max: lumen_value::read::INPUT_BYTES_MAX as u64,
            total_bytes_max: TOTAL_BYTES_MAX,
            files_max: FILES_MAX,
        }
    }
}

/// The text of one input.
#[derive(Clone, Debug)]
pub struct Input {
    /// What it is called: a path as it was given, or [`STDIN`].
    pub name: Arc<str>,
    /// Its text.
    pub bytes: Arc<[u8]>,
    /// Whether it stands below the `templates` folder of a Helm chart.
    pub in_chart: bool,
}

impl Input {
    /// An input that no chart holds.
    pub fn new(name: impl Into<Arc<str>>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), in_chart: false }
    }
}

/// Why something was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The system refuses, or it is not there.
    Unreadable,
    /// Links lead round in a circle.
    Circle,
    /// A link in a folder leads out of all that is checked.
    Outside,
    /// A FIFO, a device, a socket: reading it could take for ever.
    NotAFile,
    /// Larger than [`Options::file_bytes_max`], or beyond [`Options::total_bytes_max`] together with those before it.
    TooLarge,
    /// Beyond [`Options::files_max`].
    TooMany,
}

/// Something that was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// What it is called.
    pub name: Arc<str>,
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// One sentence for people, without a final period.
    pub message: String,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// The inputs, in the order of their names.
    pub inputs: Vec<Input>,
    /// What was not read.
    pub problems: Vec<Problem>,
    /// The paths of inputs by their names, which show what is no UTF-8 as U+FFFD.
    pub paths: BTreeMap<Arc<str>, PathBuf>,
}

/// A path that is none: wrong usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GivenError {
    /// A URL.
    #[error(
        "`{0}` is a URL and lumen reads no URLs: nothing here reaches for the network; download it first"
    )]
    Url(String),
    /// No text at all.
    #[error("an empty PATH names nothing: use `.` for the current folder")]
    Empty,
}

/// A file that is about to be read.
struct Candidate {
    name: Arc<str>,
    origin: open::Origin,
    bytes: u64,
}

/// Reads everything that the paths name.
pub fn gather(given: &[OsString], options: &Options) -> Result<Gathered, GivenError> {
    let mut found = Found::default();
    let roots = walk::Roots::of(given);
    for path in given {
        check_given(path)?;
        if path == "-" {
            found.add(STDIN.to_owned(), open::Origin::Stdin, 0);
        } else {
            walk::collect(Path::new(path), &roots, options, &mut found);
        }
    }
    let Found { mut candidates, mut problems, .. } = found;
    candidates.sort_by(|a, b| a.name.cmp(&b.name));
    bound(&mut candidates, &mut problems, options);

    let mut charts = walk::Charts::default();
    let in_chart: Vec<bool> = candidates.iter().map(|candidate| charts.hold(&candidate.origin)).collect();
    let mut gathered = Gathered::default();
    let texts = parallel::map(&candidates, |candidate| open::read(candidate, options.file_bytes_max));
    for ((candidate, text), in_chart) in candidates.into_iter().zip(texts).zip(in_chart) {
        match text {
            Some(Ok(bytes)) => gathered.inputs.push(Input { name: candidate.name.clone(), bytes, in_chart }),
            Some(Err(problem)) => problems.push(problem),
            None => problems.push(Problem {
                name: candidate.name.clone(),
                kind: ProblemKind::Unreadable,
                message: "reading it failed, which is a bug in lumen".into(),
            }),
        }
        if let open::Origin::Path(path) = candidate.origin {
            gathered.paths.insert(candidate.name, path);
        }
    }
    problems.sort();
    problems.dedup();
    gathered.problems = problems;
    Ok(gathered)
}

fn check_given(given: &OsString) -> Result<(), GivenError> {
    let text = given.to_string_lossy();
    if text.is_empty() {
        return Err(GivenError::Empty);
    }
    let Some((scheme, _)) = text.split_once("://") else {
        return Ok(());
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    if is_scheme && !Path::new(given).exists() {
        return Err(GivenError::Url(text.into_owned()));
    }
    Ok(())
}

/// Drops what lies beyond the bounds, with one problem for all of it.
fn bound(candidates: &mut Vec<Candidate>, problems: &mut Vec<Problem>, options: &Options) {
    let mut total: u64 = 0;
    let within = candidates
        .iter()
        .take(options.files_max)
        .take_while(|candidate| {
            // A file beyond its own bound is not read, so it does not count.
            if candidate.bytes <= options.file_bytes_max {
                total = total.saturating_add(candidate.bytes);
            }
            total <= options.total_bytes_max
        })
        .count();
    let Some(first) = candidates.get(within) else {
        return;
    };
    let (kind, what, flag) = if within >= options.files_max {
        (ProblemKind::TooMany, format!("there are more files than {}", options.files_max), "max-files")
    } else {
        let what = format!("all files together have more bytes than {}", options.total_bytes_max);
        (ProblemKind::TooLarge, what, "max-total-size")
    };
    problems.push(Problem {
        name: first.name.clone(),
        kind,
        message: format!("{what}: this one and those behind it are not read; raise `--{flag}`"),
    });
    candidates.truncate(within);
}

/// What the paths led to so far.
#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    problems: Vec<Problem>,
    /// The names that are taken, and the number of the last input that looks so.
    names: BTreeMap<Arc<str>, u32>,
    identities: BTreeSet<open::Identity>,
}

impl Found {
    /// Adds an input under a name that is its own: two paths that differ only in what is no UTF-8 look the same.
    fn add(&mut self, name: String, origin: open::Origin, bytes: u64) {
        if let Some(identity) = origin.identity()
            && !self.identities.insert(identity)
        {
            return;
        }
        let shown: Arc<str> = name.into();
        let mut name = shown.clone();
        if let Some(mut number) = self.names.get(&shown).copied() {
            while self.names.contains_key(&name) {
                number += 1;
                name = format!("{shown} ({number})").into();
            }
            self.names.insert(shown, number);
        }
        self.names.insert(name.clone(), 1);
        self.candidates.push(Candidate { name, origin, bytes });
    }

    fn problem(&mut self, name: &Path, kind: ProblemKind, message: impl fmt::Display) {
        self.problems.push(Problem { name: shown(name).into(), kind, message: message.to_string() });
    }
}

/// What a path is called: as it was given, without any `./` in front.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let mut bare = text.as_ref();
    while let Some(rest) = bare.strip_prefix("./").map(|rest| rest.trim_start_matches('/')) {
        if rest.is_empty() {
            break;
        }
        bare = rest;
    }
    bare.to_owned()
}

/// Reads all of a stream, but no more than the bound; `None` where there is more.
pub(crate) fn read_bounded(
    stream: impl Read,
    expected: u64,
    bytes_max: u64,
) -> io::Result<Option<Arc<[u8]>>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected.min(bytes_max)).unwrap_or(0));
    stream.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then(|| bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_refused_with_the_reason() {
        let gather = |text: &str| gather(&[text.into()], &Options::default());
        let error = gather("https://example.com/pod.yaml").expect_err("a URL");
        assert!(error.to_string().contains("nothing here reaches for the network"), "{error}");
        assert!(matches!(gather(""), Err(GivenError::Empty)));
        let missing = gather("no/such/file.yaml").expect("no wrong usage");
        assert_eq!(missing.problems.len(), 1);
        assert_eq!(missing.problems[0].kind, ProblemKind::Unreadable);
    }

    #[test]
    fn bounds_cut_off_and_say_so() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a", "b", "c", "d"] {
            std::fs::write(folder.path().join(format!("{name}.yaml")), "k: v\n").expect("is written");
        }
        let read = |options: Options| gather(&[folder.path().into()], &options).expect("no wrong usage");
        let two = read(Options { files_max: 2, ..Options::default() });
        assert_eq!((two.inputs.len(), two.problems.len()), (2, 1));
        assert!(
            two.problems[0].message.contains("this one and those behind it"),
            "{}",
            two.problems[0].message
        );
        let three = read(Options { total_bytes_max: 15, ..Options::default() });
        assert_eq!((three.inputs.len(), three.problems.len()), (3, 1));
        let none = read(Options { file_bytes_max: 4, ..Options::default() });
        assert_eq!((none.inputs.len(), none.problems.len()), (0, 4));
        let three = read(Options { exclude: vec!["b.*".into()], ..Options::default() });
        assert_eq!((three.inputs.len(), three.problems.len()), (3, 0));
    }
}

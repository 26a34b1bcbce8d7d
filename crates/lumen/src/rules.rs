//! The rules of the runtime layer, as files: those that come with Lumen, those of paths, and what is wrong with them, where.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use lumen_core::finding::Severity;
use lumen_runtime::load::{self, File, Loaded, Priority, Problem, Rule};
use lumen_runtime::rule_test::KIND;
use lumen_value::Value;
use lumen_value::read::{Limits, read};
use lumen_value::span::LineIndex;

use crate::output::escape::{line, lines};
use crate::source;
use documents::ProblemDocument;

pub mod documents;

/// The folder `rules/`, sorted: path in it, and text. The default rules are what stands at its top; their tests stand below it.
pub static BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// What files of rules end in, as the reference takes them from folders.
const EXTENSIONS: &[&str] = &["yaml", "yml"];

/// Files of rules, in the order in which they are loaded: later ones change earlier ones.
#[derive(Clone, Debug, Default)]
pub struct RulesFiles(Vec<RulesFile>);

/// A file of rules.
#[derive(Clone, Debug)]
struct RulesFile {
    name: Arc<str>,
    text: Arc<str>,
}

impl RulesFiles {
    /// The default rules.
    pub fn built_in() -> Self {
        let is_rules = |path: &str| {
            !path.contains('/') && Path::new(path).extension().is_some_and(|ending| ending == "yaml")
        };
        let files = BUILT_IN.iter().filter(|(path, _)| is_rules(path));
        Self(
            files
                .map(|(path, text)| RulesFile {
                    name: format!("builtin:{path}").into(),
                    text: (*text).into(),
                })
                .collect(),
        )
    }

    /// The default rules where no path is given, else those of the paths alone.
    ///
    /// # Errors
    ///
    /// As [`Self::add`], and where there is no rules file.
    pub fn of(paths: &[OsString]) -> Result<Self> {
        if paths.is_empty() {
            return Ok(Self::built_in());
        }
        let mut files = Self::default();
        files.add(paths)?;
        if files.is_empty() {
            let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.to_string_lossy())).collect();
            bail!("there are no rules files in {}", paths.join(", "));
        }
        Ok(files)
    }

    /// Adds the files of paths, in the order of the paths; of a folder, the files that lie in it, in the order of their names,
    /// but tests of rules.
    ///
    /// # Errors
    ///
    /// Where something cannot be read, or is no UTF-8.
    pub fn add(&mut self, paths: &[OsString]) -> Result<()> {
        self.add_those(paths, |is_named, text| is_named || !is_test(text))
    }

    /// As [`Self::add`], but without tests that are named, too.
    ///
    /// # Errors
    ///
    /// As of [`Self::add`].
    pub fn add_without_tests(&mut self, paths: &[OsString]) -> Result<()> {
        self.add_those(paths, |_, text| !is_test(text))
    }

    /// Adds those that are wanted, by whether they are named themselves, and their texts.
    fn add_those(&mut self, paths: &[OsString], is_wanted: impl Fn(bool, &str) -> bool) -> Result<()> {
        let options = source::Options { extensions: EXTENSIONS, ..source::Options::default() };
        for path in paths {
            let is_folder = Path::new(path).is_dir();
            let gathered = source::gather(std::slice::from_ref(path), &options)?;
            if let Some(problem) = gathered.problems.first() {
                bail!("{}: {}", problem.name, problem.message);
            }
            let is_inside = |name: &Arc<str>| {
                gathered.paths.get(name).and_then(|file| file.parent()) == Some(Path::new(path))
            };
            for input in gathered.inputs {
                if is_folder && !is_inside(&input.name) {
                    continue;
                }
                let text = std::str::from_utf8(&input.bytes);
                let text = text.with_context(|| format!("`{}` is no UTF-8", input.name))?;
                if is_wanted(!is_folder, text) {
                    self.0.push(RulesFile { name: input.name, text: text.into() });
                }
            }
        }
        Ok(())
    }

    /// These, and others behind them.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// What would mend problems of them, by the places of the problems: some are none with the default rules beneath, others are
    /// slips in a name.
    pub fn hints(&self, loaded: &Loaded) -> BTreeMap<usize, String> {
        if loaded.problems.is_empty() {
            return BTreeMap::new();
        }
        let beneath = Self::built_in();
        let defaults = beneath.load();
        let defaults: HashSet<&str> = defaults.rules.iter().map(|rule| rule.name.as_str()).collect();
        let count = beneath.0.len();
        let left = beneath.and(self.clone()).load();
        let key = |problem: &Problem, file| {
            (file, problem.range.start, problem.range.end, problem.code, problem.item.clone())
        };
        let left: HashSet<_> = left
            .problems
            .iter()
            .filter_map(|problem| Some(key(problem, problem.file.checked_sub(count)?)))
            .collect();
        let gone = loaded.problems.iter().enumerate();
        let gone = gone.filter(|(_, problem)| !left.contains(&key(problem, problem.file)));
        let hint = |problem: &Problem| {
            let default = problem.item.as_deref().filter(|item| defaults.contains(item));
            default.map_or(format!("it needs the default rules: {ADD_DEFAULTS}"), is_default)
        };
        let meant = loaded.problems.iter().enumerate();
        let meant = meant.filter_map(|(place, problem)| Some((place, problem.hint.clone()?)));
        meant.chain(gone.map(|(place, problem)| (place, hint(problem)))).collect()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Loads them, one after the other.
    pub fn load(&self) -> Loaded {
        let files: Vec<File<'_>> = self.0.iter().map(|file| File { text: &file.text }).collect();
        load::load(&files)
    }

    /// Where things stand in them. Each file is looked through once, so whoever asks more than once keeps this.
    pub fn places(&self) -> Places<'_> {
        Places(self.0.iter().map(|file| (file, OnceCell::new())).collect())
    }
}

/// How the default rules are had beneath others.
const ADD_DEFAULTS: &str = "add `--rule-set default`";

/// What is said of a default rule that is not loaded.
pub fn is_default(name: &str) -> String {
    format!("`{name}` is a default rule: {ADD_DEFAULTS}")
}

/// Most problems of rules that are told beside something else.
pub const PROBLEMS_MAX: usize = 20;

/// Longest line that is shown with a problem.
const SHOWN_BYTES_MAX: usize = 1024;

/// Where things stand in files of rules.
#[derive(Debug)]
pub struct Places<'f>(Vec<(&'f RulesFile, OnceCell<LineIndex<'f>>)>);

impl<'f> Places<'f> {
    fn index(&self, file: usize) -> Option<(&'f RulesFile, &LineIndex<'f>)> {
        let (file, index) = self.0.get(file)?;
        Some((file, index.get_or_init(|| LineIndex::new(file.text.as_bytes()))))
    }

    /// The name of the file at a place, and the line on which a byte of it stands, from one.
    pub fn line(&self, file: usize, byte: usize) -> Option<(Arc<str>, usize)> {
        let (file, index) = self.index(file)?;
        let (row, _) = index.position(byte);
        Some((file.name.clone(), row))
    }

    /// Problems on a line each: the first [`PROBLEMS_MAX`], and how many more there are.
    pub fn told<'p>(&self, problems: impl IntoIterator<Item = &'p Problem>) -> Vec<String> {
        let mut problems = problems.into_iter();
        let mut told: Vec<String> =
            problems.by_ref().take(PROBLEMS_MAX).map(|problem| self.concise(problem)).collect();
        let more = problems.count();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        told
    }

    /// What is wrong, for people: the problem, the line at which it stands, and what would mend it, where that is known.
    pub fn human(&self, problem: &Problem, hint: Option<&str>) -> String {
        let (name, row, column, text) = self.place(problem);
        let word = if problem.code.is_error() { "error" } else { "warning" };
        let about = about(problem);
        let hint = hint.map_or(String::new(), |hint| format!("help: {}\n", line(hint)));
        let gutter = " ".repeat(row.to_string().len());
        // Many problems of a long line would show it as often.
        let (text, pad) = if text.len() > SHOWN_BYTES_MAX {
            ("..", String::new())
        } else {
            (text, " ".repeat(column.saturating_sub(1)))
        };
        format!(
            "{word}[{}]: {}{}\n{gutter}--> {}:{row}:{column}\n{gutter} |\n{row} | {}\n{gutter} | {pad}^\n{hint}\n",
            problem.code,
            line(&about),
            lines(&problem.message),
            line(name),
            line(text),
        )
    }

    /// What is wrong, on one line: `rules.yaml:3:14: message`.
    pub fn concise(&self, problem: &Problem) -> String {
        let (name, row, column, _) = self.place(problem);
        let about = about(problem);
        let hint = problem.hint.as_ref().map_or(String::new(), |hint| format!(": {hint}"));
        format!("{name}:{row}:{column}: {about}{} [{}]{hint}", problem.message, problem.code)
    }

    /// What is wrong, for programs.
    pub fn document<'p>(&'p self, problem: &'p Problem, hint: Option<&'p str>) -> ProblemDocument<'p> {
        let (name, row, column, _) = self.place(problem);
        ProblemDocument::new(problem, name, (row, column), hint)
    }

    /// The name of a problem's file, and the line, the column and the text of the line at which it stands.
    fn place(&self, problem: &Problem) -> (&str, usize, usize, &str) {
        let Some((file, index)) = self.index(problem.file) else { return ("", 0, 0, "") };
        let (row, column) = index.position(problem.range.start);
        let shown = index.line(row).and_then(|range| file.text.get(range)).unwrap_or_default();
        (&file.name, row, column, shown.trim_end())
    }
}

/// What a problem is about, before a sentence about it.
fn about(problem: &Problem) -> String {
    match (&problem.in_macro, &problem.item) {
        (Some(name), Some(rule)) => format!("in macro `{name}`, used by rule `{rule}`: "),
        (_, Some(item)) => format!("`{item}`: "),
        (_, None) => String::new(),
    }
}

/// Whether a text is a test of rules, which may lie beside them: a document in it is of that kind, or, where it cannot be read,
/// says so in a line.
fn is_test(text: &str) -> bool {
    // Most files never say the word, and those that do are read once more.
    if memchr::memmem::find(text.as_bytes(), KIND.as_bytes()).is_none() {
        return false;
    }
    let reading = read(text.as_bytes(), &Limits::default());
    reading.documents.iter().any(|document| document.value.get("kind").and_then(Value::as_str) == Some(KIND))
        || !reading.errors.is_empty() && text.lines().any(says_test)
}

/// Whether a line reads `kind: RuleTest` at the top of a document, in quotes or not, with a comment or without.
fn says_test(line: &str) -> bool {
    let is = |part: &str, word: &str| {
        let part = part.trim_end();
        let quoted = |quote: char| part.strip_prefix(quote).and_then(|part| part.strip_suffix(quote));
        part == word || quoted('"') == Some(word) || quoted('\'') == Some(word)
    };
    let Some((key, rest)) = line.split_once(':') else { return false };
    let value = rest.split_once(" #").map_or(rest, |(value, _)| value);
    is(key, "kind") && value.starts_with([' ', '\t']) && is(value.trim_start(), KIND)
}

/// The rule of a name, whatever the case of its letters, and its place; one of exactly that name before others.
pub fn find<'r>(rules: &'r [Rule], name: &str) -> Option<(usize, &'r Rule)> {
    let each = || rules.iter().enumerate();
    let found = each().find(|(_, rule)| rule.name == name);
    found.or_else(|| each().find(|(_, rule)| rule.name.eq_ignore_ascii_case(name)))
}

/// How bad a rule's priority is, in the words of findings.
pub fn severity(priority: Priority) -> Severity {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => Severity::Critical,
        Priority::Error => Severity::High,
        Priority::Warning => Severity::Medium,
        Priority::Notice => Severity::Low,
        Priority::Informational | Priority::Debug => Severity::Info,
    }
}

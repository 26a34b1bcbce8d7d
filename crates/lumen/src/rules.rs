//! The rules of the runtime layer, as files: those that come with Lumen, those of paths, and what is wrong with them, where.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use lumen_core::finding::Severity;
use lumen_runtime::load::{self, File, Loaded, Priority, Problem};
use lumen_value::span::LineIndex;
use lumen_value::{Object, Value};

use crate::output::escape::{line, lines};
use crate::source;

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
                if !is_folder || !is_test(text) {
                    self.0.push(RulesFile { name: input.name, text: text.into() });
                }
            }
        }
        Ok(())
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

    /// What is wrong, for people: the problem, and the line at which it stands.
    pub fn human(&self, problem: &Problem) -> String {
        let (name, row, column, text) = self.place(problem);
        let word = if problem.code.is_error() { "error" } else { "warning" };
        let about = problem.item.as_ref().map_or(String::new(), |item| format!("`{}`: ", line(item)));
        let gutter = " ".repeat(row.to_string().len());
        // Many problems of a long line would show it as often.
        let (text, pad) = if text.len() > SHOWN_BYTES_MAX {
            ("..", String::new())
        } else {
            (text, " ".repeat(column.saturating_sub(1)))
        };
        format!(
            "{word}[{}]: {about}{}\n{gutter}--> {}:{row}:{column}\n{gutter} |\n{row} | {}\n{gutter} | {pad}^\n\n",
            problem.code,
            lines(&problem.message),
            line(name),
            line(text),
        )
    }

    /// What is wrong, on one line: `rules.yaml:3:14: message`.
    pub fn concise(&self, problem: &Problem) -> String {
        let (name, row, column, _) = self.place(problem);
        let about = problem.item.as_ref().map_or(String::new(), |item| format!("`{item}`: "));
        format!("{name}:{row}:{column}: {about}{} [{}]", problem.message, problem.code)
    }

    /// What is wrong, for programs.
    pub fn json(&self, problem: &Problem) -> Value {
        let (name, row, column, _) = self.place(problem);
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let mut object = Object::default()
            .with("schema", "lumen.rules-problem/v1")
            .with("code", problem.code.as_str())
            .with("severity", if problem.code.is_error() { "error" } else { "warning" })
            .with("message", problem.message.as_str())
            .with("file", name)
            .with("line", number(row))
            .with("column", number(column));
        if let Some(item) = &problem.item {
            object = object.with("item", item.as_str());
        }
        Value::Object(object)
    }

    /// The name of a problem's file, and the line, the column and the text of the line at which it stands.
    fn place(&self, problem: &Problem) -> (&str, usize, usize, &str) {
        let Some((file, index)) = self.index(problem.file) else { return ("", 0, 0, "") };
        let (row, column) = index.position(problem.range.start);
        let shown = index.line(row).and_then(|range| file.text.get(range)).unwrap_or_default();
        (&file.name, row, column, shown.trim_end())
    }
}

/// Whether a text is a test of rules, which may lie beside them.
fn is_test(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == "kind: RuleTest")
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

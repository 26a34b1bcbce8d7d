//! What became of tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_runtime::coverage::Body;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// As it should.
    Pass,
    /// It was left out, by the file or by `--run`.
    Skip,
    /// Not as it should.
    Fail,
    /// It could not be run.
    Error,
}

impl Ending {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }
}

/// A place in a suite's file: line and column from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The test that it belongs to; empty where the file has no such level.
    pub test: String,
    /// Its name; empty for what befell the test as a whole.
    pub name: String,
    /// How it ended.
    pub ending: Ending,
    /// Why, where it did not pass.
    pub message: String,
    /// What the policy printed meanwhile.
    pub printed: Vec<String>,
    /// Where in the suite's file it stands: what is wrong, where that has a place of its own.
    pub at: Option<Position>,
}

impl Case {
    /// A case that ended so, without a name yet.
    pub fn ended(ending: Ending) -> Self {
        Self {
            test: String::new(),
            name: String::new(),
            ending,
            message: String::new(),
            printed: Vec::new(),
            at: None,
        }
    }
}

/// A suite: one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// The file.
    pub file: Arc<str>,
    /// Its cases in the order of the file.
    pub cases: Vec<Case>,
    /// What is odd about it: tests that cannot fail, cases that nobody runs.
    pub remarks: Vec<String>,
}

/// Which lines were evaluated, by file: lines with rules or expressions, and whether a test came to any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    lines: BTreeMap<Arc<str>, BTreeMap<u32, bool>>,
    rules: Vec<RuleSeen>,
}

/// What tests saw of the condition of a rule of the runtime layer, or of a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSeen {
    /// Its condition.
    pub body: Body,
    /// The file and the line of a rule; none for a macro.
    pub place: Option<(Arc<str>, usize)>,
}

impl RuleSeen {
    /// Whether it is a rule that no test made match.
    pub fn never_fires(&self) -> bool {
        !self.body.is_macro && !self.body.whole.to_hold
    }
}

impl Coverage {
    /// Adds lines of a file. What one test came to is covered, whatever others did.
    pub fn add(&mut self, file: &Arc<str>, lines: impl IntoIterator<Item = (u32, bool)>) {
        let known = self.lines.entry(file.clone()).or_default();
        for (line, covered) in lines {
            *known.entry(line).or_default() |= covered;
        }
    }

    /// Adds what other tests came to.
    pub fn merge(&mut self, other: Self) {
        for (file, lines) in other.lines {
            self.add(&file, lines);
        }
        for seen in other.rules {
            self.add_rule(seen);
        }
    }

    /// Adds what was seen of a rule or a macro.
    pub fn add_rule(&mut self, seen: RuleSeen) {
        let is_it = |known: &&mut RuleSeen| {
            known.place == seen.place
                && known.body.is_macro == seen.body.is_macro
                && known.body.name == seen.body.name
        };
        match self.rules.iter_mut().find(is_it) {
            Some(known) => known.body.add(seen.body),
            None => self.rules.push(seen),
        }
    }

    /// Rules and macros.
    pub fn rules(&self) -> &[RuleSeen] {
        &self.rules
    }

    /// The files, sorted.
    pub fn files(&self) -> impl Iterator<Item = Covered<'_>> {
        self.lines.iter().map(|(file, lines)| {
            let of =
                |wanted| lines.iter().filter(move |(_, is)| **is == wanted).map(|(line, _)| *line).collect();
            Covered { file, covered: of(true), missed: of(false) }
        })
    }
}

/// Which lines of a file were evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered<'a> {
    /// The file.
    pub file: &'a Arc<str>,
    /// Lines that were evaluated: sorted.
    pub covered: Vec<u32>,
    /// Lines that no test came to: sorted.
    pub missed: Vec<u32>,
}

impl Covered<'_> {
    /// Covered of all, in per cent, rounded down; 100 where there is nothing to cover.
    pub fn percent(&self) -> usize {
        let all = self.covered.len() + self.missed.len();
        (self.covered.len() * 100).checked_div(all).unwrap_or(100)
    }
}

/// What tests came to: of one document, or of the modules below a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// The suites.
    pub suites: Vec<Suite>,
    /// What was covered, where that was asked for.
    pub coverage: Coverage,
}

impl Ran {
    /// What could not be run at all.
    pub fn broken(file: &Arc<str>, name: &str, message: String, at: Option<Position>) -> Self {
        let case = Case { name: name.to_owned(), message, at, ..Case::ended(Ending::Error) };
        let suite = Suite { file: file.clone(), cases: vec![case], remarks: Vec::new() };
        Self { suites: vec![suite], coverage: Coverage::default() }
    }
}

/// All suites, sorted by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The suites.
    pub suites: Vec<Suite>,
    /// What was covered, where that was asked for.
    pub coverage: Option<Coverage>,
    /// What of rules can never be, or changes nothing, where that was asked for.
    pub findings: Option<Vec<Odd>>,
}

/// Something of a rule of the runtime layer that can never be, or that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// The rule's name.
    pub rule: String,
    /// The macro of the rule in which it is, where it is so there by itself.
    pub in_macro: Option<String>,
    /// What it is, in a word.
    pub kind: &'static str,
    /// The same, in a sentence.
    pub message: String,
    /// The file and the line of the rule.
    pub place: Option<(Arc<str>, usize)>,
}

impl Report {
    /// Adds what some tests came to.
    pub fn add(&mut self, ran: Ran) {
        self.suites.extend(ran.suites);
        if let Some(coverage) = &mut self.coverage {
            coverage.merge(ran.coverage);
        }
    }

    /// How many cases ended in a way.
    pub fn count(&self, ending: Ending) -> usize {
        self.cases().filter(|case| case.ending == ending).count()
    }

    /// All cases.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.suites.iter().flat_map(|suite| &suite.cases)
    }

    /// How many remarks there are.
    pub fn remarks(&self) -> usize {
        self.suites.iter().map(|suite| suite.remarks.len()).sum()
    }
}

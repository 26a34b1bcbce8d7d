//! What became of tests.

use std::sync::Arc;

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

/// Which lines of a module were evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The module.
    pub file: Arc<str>,
    /// Rows that were evaluated, and rows that were not: sorted.
    pub covered: Vec<u32>,
    /// Rows with rules or expressions that no test came to.
    pub missed: Vec<u32>,
}

impl Coverage {
    /// Covered of all, in per cent, 100 where there is nothing to cover.
    pub fn percent(&self) -> usize {
        let all = self.covered.len() + self.missed.len();
        (self.covered.len() * 100).checked_div(all).unwrap_or(100)
    }
}

/// All suites, sorted by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The suites.
    pub suites: Vec<Suite>,
    /// What was covered, where that was asked for; sorted by file.
    pub coverage: Option<Vec<Coverage>>,
}

impl Report {
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

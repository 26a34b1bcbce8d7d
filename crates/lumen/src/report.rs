//! What one call reports: findings with the places that their locations turned out to be.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use lumen_core::catalog::Rule;
use lumen_core::finding::Finding;

/// Everything an output format needs; the formats add nothing and look nothing up.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The findings, sorted: by file, place, rule.
    pub findings: Vec<Reported>,
    /// The texts of the inputs that findings point into, by the name they have in a location.
    pub sources: BTreeMap<Arc<str>, Arc<[u8]>>,
    /// The built-in rules that findings may name, for formats that describe their rules.
    pub rules: &'static [Rule],
    /// The sums.
    pub summary: Summary,
}

/// A finding and where it stands in the text.
#[derive(Clone, Debug)]
pub struct Reported {
    /// The finding.
    pub finding: Finding,
    /// The region of its location; `None` where the input as a whole is meant or there is none.
    pub region: Option<Region>,
    /// The regions of [`Finding::related`], one for one.
    pub related: Vec<Option<Region>>,
}

/// A stretch of an input's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The bytes.
    pub bytes: Range<usize>,
    /// First line, from 1.
    pub line: usize,
    /// First column, in characters, from 1.
    pub column: usize,
    /// Last line, from 1.
    pub end_line: usize,
    /// The column behind the last character, from 1.
    pub end_column: usize,
}

/// What was done, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Inputs read.
    pub files: usize,
    /// Documents in them, empty ones left out.
    pub documents: usize,
    /// Kubernetes objects among those.
    pub objects: usize,
    /// Workloads among those.
    pub workloads: usize,
    /// Inputs or documents that are no manifests and were left alone.
    pub skipped: usize,
    /// Findings silenced by an exemption, or known from the baseline.
    pub silenced: usize,
}

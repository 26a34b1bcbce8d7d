//! What one call reports: findings with the places that their locations turned out to be.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use lumen_core::finding::{Finding, Location, Related, RuleId};
use lumen_core::managed::Owners;
use lumen_core::rule::Rule;
use lumen_value::Pointer;
use lumen_value::edit::Edited;

/// Everything an output format needs; the formats add nothing and look nothing up.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The findings, sorted: by file, place, rule.
    pub findings: Vec<Reported>,
    /// The names of all inputs that were read, sorted, those without findings among them.
    pub inputs: Vec<Arc<str>>,
    /// The texts of the inputs that findings point into, by the name they have in a location.
    pub sources: BTreeMap<Arc<str>, Arc<[u8]>>,
    /// The built-in rules that findings may name, for formats that describe their rules.
    pub rules: Vec<&'static Rule>,
    /// How to mend violations of constraints that say so.
    pub remedies: BTreeMap<RuleId, String>,
    /// The sums.
    pub summary: Summary,
    /// What was looked at, where that is a cluster and not files.
    pub scanned: Option<Scanned>,
}

/// What a scan looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// How many kinds of objects were read.
    pub kinds: usize,
    /// How much could not be read.
    pub unread: usize,
    /// Whether templates or constraints are among what could not be read.
    pub is_without_policies: bool,
}

impl Scanned {
    /// Whether no kind of objects could be read.
    pub const fn is_blind(self) -> bool {
        self.kinds == 0 && self.unread > 0
    }
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
    /// What [`Finding::fix`] changes in the text, in the order of the text and without overlap; empty where there is
    /// no fix, or where it cannot be made as the document is written.
    pub changes: Vec<Change>,
    /// What is known of the object in the cluster, where it is one: then the location is one of a text only where that text
    /// describes the object, and else names the object.
    pub live: Option<Live>,
}

/// A finding's place in an object of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// The way to the field from the object's root.
    pub at: Pointer,
    /// Who manages the field.
    pub owners: Owners,
    /// What the manifests say of it, where there are manifests.
    pub drift: Option<Drift>,
}

/// What the manifests say of a field of an object in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// The same.
    Same,
    /// Something else.
    Differs,
    /// Nothing: it is in the cluster alone.
    LiveOnly,
    /// Nothing: the object itself is in no manifest.
    NotInSource,
}

impl Drift {
    /// Every one.
    pub const ALL: &[Self] = &[Self::Same, Self::Differs, Self::LiveOnly, Self::NotInSource];

    /// The word for it in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::LiveOnly => "live-only",
            Self::NotInSource => "not-in-source",
        }
    }
}

impl Reported {
    /// The location where it is one of a text, and not the name of an object in a cluster.
    pub fn in_text(&self) -> Option<&Location> {
        let is_of_text = self.live.is_none() || self.region.is_some();
        self.finding.location.as_ref().filter(|_| is_of_text)
    }

    /// The places that explain the finding, with their regions.
    pub fn places(&self) -> impl Iterator<Item = (&Related, Option<&Region>)> {
        let regions = self.related.iter().map(Option::as_ref).chain(iter::repeat(None));
        self.finding.related.iter().zip(regions)
    }
}

/// A change of an input's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The bytes that are taken away.
    pub bytes: Range<usize>,
    /// What comes in their place.
    pub text: String,
}

impl Change {
    /// The changes that the edits of a document come to, where its text begins at an offset in its input.
    pub fn of(edited: &Edited, offset: usize) -> Vec<Self> {
        let changed = edited.changed.iter();
        changed
            .map(|change| Self {
                bytes: change.before.start + offset..change.before.end + offset,
                text: edited.text.get(change.after.clone()).unwrap_or_default().into(),
            })
            .collect()
    }
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
    /// How many of the pointer's last steps lead to nothing: 0 where the field that is meant stands here, else this
    /// is the deepest value on the way to it.
    pub missing: usize,
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

//! [`Check`]: one rule of the standards, its history and what it finds.

use std::borrow::Cow;

use lumen_value::{Pointer, Value};

use super::level::{Level, LevelVersion, NEWEST_MINOR};
use super::pod::{Container, Pod};
use crate::finding::{Edit, Fix, Safety};
use crate::rule::Rule;

pub(super) mod app_armor;
pub(super) mod capabilities;
pub(super) mod host_access;
pub(super) mod host_probes;
pub(super) mod privileges;
pub(super) mod proc_mount;
pub(super) mod run_as;
pub(super) mod seccomp;
pub(super) mod selinux;
pub(super) mod sysctls;
pub(super) mod volumes;

/// One check of the standards.
#[derive(Debug)]
pub struct Check {
    /// Upstream's name of it, such as `capabilities_baseline`.
    pub id: &'static str,
    /// What is said about it to people; its name is the rule's id.
    pub rule: Rule,
    /// The least strict level that demands it.
    pub level: Level,
    /// The minor version of Kubernetes that first demanded it, and those in which its meaning changed.
    pub since: &'static [u64],
    /// The baseline check that this stricter one is judged in place of.
    pub overrides: Option<&'static str>,
    /// The minor version since which `restricted` has a stricter check in this one's place.
    pub overridden_since: Option<u64>,
    /// Judges a pod by the check's edition of a minor version.
    pub(super) judge: fn(&Pod<'_>, u64) -> Option<Refusal>,
    /// Names each field that is to blame, where `judge` refuses.
    pub(super) explain: fn(&Pod<'_>, u64, &mut Vec<Violation>),
}

impl Check {
    /// Whether a level of an edition demands it, in a cluster of the newest known version. An overridden check is not
    /// demanded beside its override.
    pub fn is_demanded_by(&self, wanted: LevelVersion) -> bool {
        self.is_demanded_at(wanted.level, wanted.version.effective_minor(NEWEST_MINOR))
    }

    /// Whether a level demands it in the edition of a minor version.
    pub fn is_demanded_at(&self, level: Level, minor: u64) -> bool {
        let by = |since: Option<&u64>| since.is_some_and(|since| *since <= minor);
        level >= self.level
            && by(self.since.first())
            && !(level == Level::Restricted && by(self.overridden_since.as_ref()))
    }
}

/// Upstream's words for what a check refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(reason: &'static str, detail: String) -> Self {
        Self { reason, detail }
    }
}

/// What a check says against a pod.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// The check.
    pub check: &'static Check,
    /// Upstream's reason, such as `privileged`.
    pub reason: Cow<'static, str>,
    /// Upstream's detail, such as `container "web" must not set securityContext.privileged=true`.
    pub detail: String,
}

/// One field that a check finds wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, from the value that holds the pod's `metadata` and `spec`. Where the field is wrong for being
    /// missing, this is where it should be.
    pub pointer: Pointer,
    /// The container it is about, or `None` for the pod as a whole.
    pub container: Option<String>,
    /// What is wrong: one sentence without a final period.
    pub message: String,
    /// How to mend it, with pointers like the field's. All fixes of a pod can be made together.
    pub fix: Option<Fix>,
}

impl Violation {
    pub(super) fn of_pod(pointer: Pointer, message: impl Into<String>) -> Self {
        Self { pointer, container: None, message: message.into(), fix: None }
    }

    pub(super) fn of_container(container: &Container<'_>, pointer: Pointer, what: impl AsRef<str>) -> Self {
        Self {
            pointer,
            container: Some(container.name.into()),
            message: format!("{} {}", container.title(), what.as_ref()),
            fix: None,
        }
    }

    pub(super) fn with_fix(mut self, fix: impl Into<Option<Fix>>) -> Self {
        self.fix = fix.into();
        self
    }
}

/// A fix that hardly any program notices.
pub(super) fn safe(title: impl Into<String>, edits: Vec<Edit>) -> Fix {
    Fix { title: title.into(), safety: Safety::Safe, edits }
}

/// A fix that takes something away.
pub(super) fn risky(title: impl Into<String>, edits: Vec<Edit>) -> Fix {
    Fix { title: title.into(), safety: Safety::Unsafe, edits }
}

pub(super) fn set(pointer: Pointer, value: impl Into<Value>) -> Edit {
    Edit::Set(pointer, value.into())
}

/// Where Kubernetes explains the standards.
pub(super) const DOCS: &str = "https://kubernetes.io/docs/concepts/security/pod-security-standards/";

//! Layer 2: the Pod Security Standards, every check, level and version.
//!
//! Ported by meaning from kubernetes/pod-security-admission (`policy/`, `api/`, `admission/`) as of 1.37: verdicts
//! and the texts that the API server prints are the same, byte for byte. What is ours is where each violation
//! stands, what it says to people, and how it is mended.
//!
//! [`Pod::read`] looks a pod up once; [`Pod::evaluate`] judges it, at no cost but time where nothing is wrong;
//! [`Pod::violations`] names the fields to blame, for what was found wrong.

use std::borrow::Cow;

use crate::defaults::Seen;
use crate::object::pod::PodView;

pub mod admission;
pub mod advise;
mod check;
pub mod configuration;
mod field_error;
mod level;
mod pod;
pub mod policy;
pub mod review;
pub mod rules;
pub(crate) mod text;

pub use admission::Admission;
pub use advise::{Advice, advise};
pub use check::{Check, CheckResult, Violation};
pub use configuration::Configuration;
pub use field_error::FieldError;
pub use level::{LEVEL_EXPECTED, Level, LevelVersion, NEWEST_MINOR, VERSION_EXPECTED, Version};
pub use pod::Pod;
pub use policy::{Policy, Resolved};
pub use review::{review, review_namespace};
pub use rules::rules;

use check::{
    app_armor, capabilities, host_access, host_probes, privileges, proc_mount, run_as, seccomp, selinux,
    sysctls, volumes,
};

/// Every check, in the order in which upstream evaluates them: baseline first, then restricted, each sorted by the
/// bytes of its id.
pub static CHECKS: &[Check] = &[
    app_armor::APP_ARMOR_PROFILE,
    capabilities::CAPABILITIES_BASELINE,
    host_access::HOST_NAMESPACES,
    volumes::HOST_PATH_VOLUMES,
    host_access::HOST_PORTS,
    host_probes::HOST_PROBES_AND_HOST_LIFECYCLE,
    privileges::PRIVILEGED,
    proc_mount::PROC_MOUNT,
    selinux::SELINUX_OPTIONS,
    seccomp::SECCOMP_PROFILE_BASELINE,
    sysctls::SYSCTLS,
    host_access::WINDOWS_HOST_PROCESS,
    privileges::ALLOW_PRIVILEGE_ESCALATION,
    capabilities::CAPABILITIES_RESTRICTED,
    proc_mount::PROC_MOUNT_RESTRICTED,
    volumes::RESTRICTED_VOLUMES,
    run_as::RUN_AS_NON_ROOT,
    run_as::RUN_AS_USER,
    seccomp::SECCOMP_PROFILE_RESTRICTED,
];

/// What a level of an edition says about a pod.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The level and edition.
    pub wanted: LevelVersion,
    /// The checks that refuse the pod, in upstream's order; those that let it pass are not listed.
    pub refusals: Vec<CheckResult>,
}

impl Evaluation {
    /// Whether the pod meets the level.
    pub fn is_allowed(&self) -> bool {
        self.refusals.is_empty()
    }

    /// Upstream's reasons alone: `privileged, hostPath volumes`.
    pub fn forbidden_reason(&self) -> String {
        let reasons: Vec<&str> = self.refusals.iter().map(|refusal| refusal.reason.as_ref()).collect();
        reasons.join(", ")
    }

    /// Upstream's reasons with their details: `host namespaces (hostPID=true), privileged (container "a" ..)`.
    pub fn forbidden_detail(&self) -> String {
        let mut out = String::new();
        for refusal in &self.refusals {
            if !out.is_empty() {
                out.push_str(", ");
            }
            out.push_str(&refusal.reason);
            if !refusal.detail.is_empty() {
                out.push_str(" (");
                out.push_str(&refusal.detail);
                out.push(')');
            }
        }
        out
    }

    /// What the API server answers: `violates PodSecurity "restricted:latest": ..`.
    pub fn violates(&self) -> String {
        format!("violates PodSecurity \"{}\": {}", self.wanted, self.forbidden_detail())
    }

    /// What the API server warns of and records: `would violate PodSecurity "restricted:latest": ..`.
    pub fn would_violate(&self) -> String {
        format!("would violate PodSecurity \"{}\": {}", self.wanted, self.forbidden_detail())
    }
}

impl Pod<'_> {
    /// Judges the pod by a level of an edition.
    pub fn evaluate(&self, wanted: LevelVersion) -> Evaluation {
        let mut refusals = Vec::new();
        if wanted.level > Level::Privileged {
            let minor = wanted.version.effective_minor(self.cluster_minor);
            for check in CHECKS.iter().filter(|check| check.is_demanded_at(wanted.level, minor)) {
                if let Some(refusal) = (check.judge)(self, minor) {
                    if refusals.is_empty() {
                        refusals.reserve(CHECKS.len());
                    }
                    refusals.push(CheckResult {
                        check,
                        reason: Cow::Borrowed(refusal.reason),
                        detail: refusal.detail,
                    });
                }
            }
        }
        Evaluation { wanted, refusals }
    }

    /// The fields that a check's edition finds wrong.
    pub fn violations(&self, check: &Check, version: Version) -> Vec<Violation> {
        let mut violations = Vec::new();
        (check.explain)(self, version.effective_minor(self.cluster_minor), &mut violations);
        violations
    }
}

/// Judges a pod by a level of an edition, as the API server sees it.
pub fn evaluate(pod: &PodView<'_>, wanted: LevelVersion) -> Evaluation {
    Pod::read(pod, Seen::Pod).evaluate(wanted)
}

#[cfg(test)]
mod tests;

//! `procMount` and `procMount_restricted`.

use super::{Check, DOCS, Refusal, Violation, risky};
use crate::finding::{Edit, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Container, Pod};
use crate::podsecurity::text::{Names, containers, join_quoted};
use crate::rule::Rule;

pub(in crate::podsecurity) const PROC_MOUNT: Check = Check {
    id: "procMount",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "proc-mount",
        summary: "no container sees /proc unmasked, but in a user namespace of its own",
        rationale: "The masks hide kernel memory, keys and switches of the node that stand in /proc",
        remedy: "Remove `securityContext.procMount`",
        severity: Severity::High,
        references: &[DOCS],
    },
    level: Level::Baseline,
    since: &[0, 35],
    overrides: None,
    overridden_since: Some(35),
    judge: judge_baseline,
    explain: explain_baseline,
};

pub(in crate::podsecurity) const PROC_MOUNT_RESTRICTED: Check = Check {
    id: "procMount_restricted",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "proc-mount-restricted",
        summary: "no container sees /proc unmasked",
        rationale: "The masks hide kernel memory, keys and switches of the node that stand in /proc; a user namespace \
            alone is not enough for a hardened workload",
        remedy: "Remove `securityContext.procMount`",
        severity: Severity::Medium,
        references: &[DOCS],
    },
    level: Level::Restricted,
    since: &[35],
    overrides: Some("procMount"),
    overridden_since: None,
    judge: judge_restricted,
    explain: explain_restricted,
};

fn forbidden<'a>(container: &Container<'a>) -> Option<&'a str> {
    container.security.proc_mount.filter(|mount| *mount != "Default")
}

fn judge_restricted(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    let mut mounts = Names::new();
    let names = pod.names_where(|container| {
        let mount = forbidden(container);
        mounts.extend(mount);
        mount.is_some()
    });
    if names.is_empty() {
        return None;
    }
    let (containers, mounts) = (containers(&names), join_quoted(mounts));
    let detail = containers + " must not set securityContext.procMount to " + &mounts;
    Some(Refusal::new("procMount", detail))
}

fn explain_restricted(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    for container in &pod.containers {
        if let Some(mount) = forbidden(container) {
            let at = container.security_pointer("procMount");
            let fix = risky("mount /proc with its masks", vec![Edit::Remove(at.clone())]);
            let what = format!("mounts /proc as `{mount}`");
            out.push(Violation::of_container(container, at, what).with_fix(fix));
        }
    }
}

fn judge_baseline(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    if pod.is_spared_in_user_namespace(minor) { None } else { judge_restricted(pod, minor) }
}

fn explain_baseline(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    if !pod.is_spared_in_user_namespace(minor) {
        explain_restricted(pod, minor, out);
    }
}

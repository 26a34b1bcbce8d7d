//! `sysctls`.

use lumen_value::pointer;

use super::{Check, DOCS, Refusal, Violation, risky};
use crate::finding::{Edit, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Pod, text};
use crate::rule::Rule;

pub(in crate::podsecurity) const SYSCTLS: Check = Check {
    id: "sysctls",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "sysctls",
        summary: "no pod sets kernel parameters beyond those that are its own",
        rationale: "A parameter that is not kept apart for each pod changes the node and every pod on it",
        remedy: "Remove the parameter from `securityContext.sysctls`, or set it on the node",
        severity: Severity::High,
        references: &[DOCS, "https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/"],
    },
    level: Level::Baseline,
    since: &[0, 27, 29, 32, 37],
    overrides: None,
    overridden_since: None,
    judge,
    explain,
};

/// The parameters that may be set, and the minor version since which.
const SAFE: &[(u64, &str)] = &[
    (0, "kernel.shm_rmid_forced"),
    (0, "net.ipv4.ip_local_port_range"),
    (0, "net.ipv4.tcp_syncookies"),
    (0, "net.ipv4.ping_group_range"),
    (0, "net.ipv4.ip_unprivileged_port_start"),
    (27, "net.ipv4.ip_local_reserved_ports"),
    (29, "net.ipv4.tcp_keepalive_time"),
    (29, "net.ipv4.tcp_fin_timeout"),
    (29, "net.ipv4.tcp_keepalive_intvl"),
    (29, "net.ipv4.tcp_keepalive_probes"),
    (32, "net.ipv4.tcp_rmem"),
    (32, "net.ipv4.tcp_wmem"),
    (37, "net.ipv4.tcp_slow_start_after_idle"),
    (37, "net.ipv4.tcp_notsent_lowat"),
];

/// The parameters that are forbidden, with their places in the list.
fn forbidden<'a>(pod: &Pod<'a>, minor: u64) -> impl Iterator<Item = (usize, &'a str)> {
    let names = pod.sysctls.into_iter().flatten().map(|sysctl| text(sysctl.get("name")));
    names
        .enumerate()
        .filter(move |(_, name)| !SAFE.iter().any(|(since, safe)| *since <= minor && safe == name))
}

fn judge(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    let names: Vec<&str> = forbidden(pod, minor).map(|(_, name)| name).collect();
    if names.is_empty() {
        return None;
    }
    Some(Refusal::new("forbidden sysctls", names.join(", ")))
}

fn explain(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    for (index, name) in forbidden(pod, minor) {
        let at = pointer!["spec", "securityContext", "sysctls", index];
        let fix = risky(format!("do not set `{name}`"), vec![Edit::Remove(at.clone())]);
        let message = format!("pod sets the kernel parameter `{name}`");
        out.push(Violation::of_pod(at.child("name"), message).with_fix(fix));
    }
}

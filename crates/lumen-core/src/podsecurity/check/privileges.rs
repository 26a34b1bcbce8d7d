//! `privileged` and `allowPrivilegeEscalation`.

use super::{Check, DOCS, Refusal, Violation, risky, safe, set};
use crate::finding::{Edit, Fix, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Container, Pod};
use crate::podsecurity::text::containers;
use crate::rule::Rule;

pub(in crate::podsecurity) const PRIVILEGED: Check = Check {
    id: "privileged",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "privileged",
        summary: "no container runs privileged",
        rationale: "A privileged container has every capability, every device and no filter of system calls: it is root \
            on its node, one mount away from the node's files",
        remedy: "Remove `securityContext.privileged`, and add the one capability or device that is needed",
        severity: Severity::High,
        references: &[DOCS],
    },
    level: Level::Baseline,
    since: &[0],
    overrides: None,
    overridden_since: None,
    judge: judge_privileged,
    explain: explain_privileged,
};

pub(in crate::podsecurity) const ALLOW_PRIVILEGE_ESCALATION: Check = Check {
    id: "allowPrivilegeEscalation",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "allow-privilege-escalation",
        summary: "no process in a container can gain more privileges than its parent",
        rationale: "Without `no_new_privs` a program with the setuid bit or file capabilities makes root of an attacker \
            who holds an ordinary user",
        remedy: "Set `securityContext.allowPrivilegeEscalation: false` in every container",
        severity: Severity::Medium,
        references: &[DOCS, "https://docs.kernel.org/userspace-api/no_new_privs.html"],
    },
    level: Level::Restricted,
    since: &[8, 25],
    overrides: None,
    overridden_since: None,
    judge: judge_escalation,
    explain: explain_escalation,
};

fn is_privileged(container: &Container<'_>) -> bool {
    container.security.privileged == Some(true)
}

fn judge_privileged(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    let names = pod.names_where(is_privileged);
    if names.is_empty() {
        return None;
    }
    let detail = containers(&names) + " must not set securityContext.privileged=true";
    Some(Refusal::new("privileged", detail))
}

fn explain_privileged(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    for container in pod.containers.iter().filter(|container| is_privileged(container)) {
        let at = container.security_pointer("privileged");
        let fix = risky("drop the privilege", vec![set(at.clone(), false)]);
        out.push(Violation::of_container(container, at, "runs privileged").with_fix(fix));
    }
}

fn may_escalate(container: &Container<'_>) -> bool {
    container.security.allow_privilege_escalation != Some(false)
}

fn judge_escalation(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    if pod.is_spared_for_windows(minor) {
        return None;
    }
    let names = pod.names_where(may_escalate);
    if names.is_empty() {
        return None;
    }
    let detail = containers(&names) + " must set securityContext.allowPrivilegeEscalation=false";
    Some(Refusal::new("allowPrivilegeEscalation != false", detail))
}

fn explain_escalation(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    if pod.is_spared_for_windows(minor) {
        return;
    }
    for container in pod.containers.iter().filter(|container| may_escalate(container)) {
        let what = match container.security.allow_privilege_escalation {
            Some(_) => "lets its processes gain privileges",
            None => "does not forbid its processes to gain privileges",
        };
        let at = container.security_pointer("allowPrivilegeEscalation");
        out.push(Violation::of_container(container, at, what).with_fix(forbid_escalation(pod, container)));
    }
}

/// The API server refuses `false` beside `privileged: true` and beside the capability `CAP_SYS_ADMIN`, so those go
/// with it.
fn forbid_escalation(pod: &Pod<'_>, container: &Container<'_>) -> Option<Fix> {
    if pod.windows {
        return None;
    }
    let mut edits = vec![set(container.security_pointer("allowPrivilegeEscalation"), false)];
    if is_privileged(container) {
        edits.push(set(container.security_pointer("privileged"), false));
    }
    for (index, _) in container.added().filter(|(_, name)| *name == "CAP_SYS_ADMIN") {
        let at = container.security_pointer("capabilities").child("add").child(index);
        edits.push(Edit::Remove(at));
    }
    let is_asked_for = container.security.allow_privilege_escalation == Some(true);
    let fix = if edits.len() == 1 && !is_asked_for { safe } else { risky };
    Some(fix("forbid privilege escalation", edits))
}

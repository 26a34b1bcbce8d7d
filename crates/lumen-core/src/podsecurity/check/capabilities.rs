//! `capabilities_baseline` and `capabilities_restricted`.

use super::{Check, DOCS, Refusal, Violation, risky, safe, set};
use crate::finding::{Edit, Fix, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Container, Pod, text};
use crate::podsecurity::text::{Names, containers, join_quoted};
use crate::rule::Rule;

use lumen_value::Value;

pub(in crate::podsecurity) const CAPABILITIES_BASELINE: Check = Check {
    id: "capabilities_baseline",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "capabilities-baseline",
        summary: "no container adds capabilities beyond the runtime's default set",
        rationale: "Capabilities such as SYS_ADMIN, SYS_PTRACE, SYS_MODULE or NET_ADMIN are each a way to the node; \
            NET_RAW lets a pod forge packets on its network",
        remedy: "Remove the capability from `securityContext.capabilities.add`",
        severity: Severity::High,
        references: &[DOCS, "https://man7.org/linux/man-pages/man7/capabilities.7.html"],
    },
    level: Level::Baseline,
    since: &[0],
    overrides: None,
    overridden_since: Some(22),
    judge: judge_baseline,
    explain: explain_baseline,
};

pub(in crate::podsecurity) const CAPABILITIES_RESTRICTED: Check = Check {
    id: "capabilities_restricted",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "capabilities-restricted",
        summary: "every container drops all capabilities and adds none but NET_BIND_SERVICE",
        rationale: "The default set still lets root in a container change owners of files, bind low ports, make device \
            nodes and forge packets; few programs need any of it",
        remedy: "Set `securityContext.capabilities.drop: [\"ALL\"]` in every container, and add only \
            `NET_BIND_SERVICE` where a port below 1024 is served",
        severity: Severity::Medium,
        references: &[DOCS, "https://man7.org/linux/man-pages/man7/capabilities.7.html"],
    },
    level: Level::Restricted,
    since: &[22, 25],
    overrides: Some("capabilities_baseline"),
    overridden_since: None,
    judge: judge_restricted,
    explain: explain_restricted,
};

/// The capabilities that `baseline` lets a container add.
const DEFAULT_SET: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

fn is_beyond_default(capability: &str) -> bool {
    !DEFAULT_SET.contains(&capability)
}

fn is_beyond_restricted(capability: &str) -> bool {
    capability != "NET_BIND_SERVICE"
}

/// The names of the containers that add a capability that is forbidden, and all such capabilities.
fn adding<'a>(pod: &Pod<'a>, is_forbidden: fn(&str) -> bool) -> (Vec<&'a str>, Names<'a>) {
    let mut capabilities = Names::new();
    let names = pod.names_where(|container| {
        let mut forbidden =
            container.added().map(|(_, name)| name).filter(|name| is_forbidden(name)).peekable();
        let is_bad = forbidden.peek().is_some();
        capabilities.extend(forbidden);
        is_bad
    });
    (names, capabilities)
}

fn must_not_include(names: &[&str], capabilities: Names<'_>) -> String {
    let (containers, capabilities) = (containers(names), join_quoted(capabilities));
    containers + " must not include " + &capabilities + " in securityContext.capabilities.add"
}

fn judge_baseline(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    let (names, capabilities) = adding(pod, is_beyond_default);
    if names.is_empty() {
        return None;
    }
    Some(Refusal::new("non-default capabilities", must_not_include(&names, capabilities)))
}

fn explain_baseline(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    for container in &pod.containers {
        explain_added(container, is_beyond_default, out);
    }
}

fn drops_all(container: &Container<'_>) -> bool {
    let mut dropped = container.security.dropped.into_iter().flatten();
    dropped.any(|value| text(Some(value)) == "ALL")
}

fn judge_restricted(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    if pod.is_spared_for_windows(minor) {
        return None;
    }
    let missing = pod.names_where(|container| !drops_all(container));
    let (names, capabilities) = adding(pod, is_beyond_restricted);
    let mut details = Vec::new();
    if !missing.is_empty() {
        details
            .push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", containers(&missing)));
    }
    if !names.is_empty() {
        details.push(must_not_include(&names, capabilities));
    }
    if details.is_empty() {
        return None;
    }
    Some(Refusal::new("unrestricted capabilities", details.join("; ")))
}

fn explain_restricted(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    if pod.is_spared_for_windows(minor) {
        return;
    }
    for container in &pod.containers {
        if !drops_all(container) {
            let at = container.security_pointer("capabilities").child("drop");
            out.push(
                Violation::of_container(container, at, "does not drop all capabilities")
                    .with_fix(drop_all(pod, container)),
            );
        }
        explain_added(container, is_beyond_restricted, out);
    }
}

fn explain_added(container: &Container<'_>, is_forbidden: fn(&str) -> bool, out: &mut Vec<Violation>) {
    for (index, name) in container.added().filter(|(_, name)| is_forbidden(name)) {
        let at = container.security_pointer("capabilities").child("add").child(index);
        let fix = risky(format!("do not add `{name}`"), vec![Edit::Remove(at.clone())]);
        out.push(
            Violation::of_container(container, at, format!("adds the capability `{name}`")).with_fix(fix),
        );
    }
}

/// Nearly no program that does not run as root has capabilities to lose.
fn drop_all(pod: &Pod<'_>, container: &Container<'_>) -> Option<Fix> {
    if pod.windows {
        return None;
    }
    let at = container.security_pointer("capabilities").child("drop");
    let edits = vec![set(at, Value::from(vec![Value::from("ALL")]))];
    let adds_nothing = container.added().next().is_none();
    let privileged = container.security.privileged == Some(true);
    let fix = if pod.is_non_root(container) && adds_nothing && !privileged { safe } else { risky };
    Some(fix("drop all capabilities", edits))
}

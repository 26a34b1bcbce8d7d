//! `runAsNonRoot` and `runAsUser`.

use lumen_value::pointer;

use super::{Check, DOCS, Refusal, Violation, risky, safe, set};
use crate::finding::{Edit, Fix, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Container, Pod, SecurityContext};
use crate::podsecurity::text::{containers, setters};
use crate::rule::Rule;

pub(in crate::podsecurity) const RUN_AS_NON_ROOT: Check = Check {
    id: "runAsNonRoot",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "run-as-non-root",
        summary: "every container must run as another user than root",
        rationale: "Root in a container is root on the node once a bug lets it out, and owns what the container mounts",
        remedy: "Set `runAsNonRoot: true` in the pod's `securityContext`, with an image whose `USER` is a number, or \
            with `runAsUser`",
        severity: Severity::Medium,
        references: &[DOCS],
    },
    level: Level::Restricted,
    since: &[0, 35],
    overrides: None,
    overridden_since: None,
    judge: judge_non_root,
    explain: explain_non_root,
};

pub(in crate::podsecurity) const RUN_AS_USER: Check = Check {
    id: "runAsUser",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "run-as-user",
        summary: "no container asks to run as user 0",
        rationale: "Root in a container is root on the node once a bug lets it out, and owns what the container mounts",
        remedy: "Remove `runAsUser: 0`, or name another user",
        severity: Severity::Medium,
        references: &[DOCS],
    },
    level: Level::Restricted,
    since: &[23, 35],
    overrides: None,
    overridden_since: None,
    judge: judge_user,
    explain: explain_user,
};

fn says_root(container: &Container<'_>) -> bool {
    container.security.run_as_non_root == Some(false)
}

/// Says nothing, and neither does the pod.
fn is_silent(pod: &Pod<'_>, container: &Container<'_>) -> bool {
    container.security.run_as_non_root.is_none() && pod.security.run_as_non_root != Some(true)
}

fn judge_non_root(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    if pod.is_spared_in_user_namespace(minor) {
        return None;
    }
    let names = pod.names_where(says_root);
    let detail = if let Some(setters) = setters(pod.security.run_as_non_root == Some(false), &names) {
        setters + " must not set securityContext.runAsNonRoot=false"
    } else {
        let silent = pod.names_where(|container| is_silent(pod, container));
        if silent.is_empty() {
            return None;
        }
        format!("pod or {} must set securityContext.runAsNonRoot=true", containers(&silent))
    };
    Some(Refusal::new("runAsNonRoot != true", detail))
}

fn explain_non_root(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    if pod.is_spared_in_user_namespace(minor) {
        return;
    }
    let title = "demand another user than root";
    let of_pod = pointer!["spec", "securityContext", "runAsNonRoot"];
    if pod.security.run_as_non_root == Some(false) {
        let fix = risky(title, vec![set(of_pod.clone(), true)]);
        out.push(Violation::of_pod(of_pod.clone(), "pod may run as root").with_fix(fix));
    }
    for container in pod.containers.iter().filter(|container| says_root(container)) {
        let at = container.security_pointer("runAsNonRoot");
        let fix = risky(title, vec![set(at.clone(), true)]);
        out.push(Violation::of_container(container, at, "may run as root").with_fix(fix));
    }
    if pod.security.run_as_non_root.is_some() {
        // The pod's own field is to blame, and mended above.
        return;
    }
    let silent = || pod.containers.iter().filter(|container| is_silent(pod, container));
    let all_have_users = silent().all(|container| pod.user_of(container).is_some_and(|user| user != 0));
    for container in silent() {
        let fix = if all_have_users { safe } else { risky };
        let fix: Fix = fix(title, vec![set(of_pod.clone(), true)]);
        let at = container.security_pointer("runAsNonRoot");
        out.push(Violation::of_container(container, at, "does not forbid to run as root").with_fix(fix));
    }
}

fn is_root(security: &SecurityContext<'_>) -> bool {
    security.run_as_user == Some(0)
}

fn judge_user(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    if pod.is_spared_in_user_namespace(minor) {
        return None;
    }
    let names = pod.names_where(|container| is_root(&container.security));
    let setters = setters(is_root(&pod.security), &names)?;
    Some(Refusal::new("runAsUser=0", setters + " must not set runAsUser=0"))
}

fn explain_user(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    if pod.is_spared_in_user_namespace(minor) {
        return;
    }
    let title = "do not ask for root";
    if is_root(&pod.security) {
        let at = pointer!["spec", "securityContext", "runAsUser"];
        let fix = risky(title, vec![Edit::Remove(at.clone())]);
        out.push(Violation::of_pod(at, "pod asks to run as root").with_fix(fix));
    }
    for container in pod.containers.iter().filter(|container| is_root(&container.security)) {
        let at = container.security_pointer("runAsUser");
        let fix = risky(title, vec![Edit::Remove(at.clone())]);
        out.push(Violation::of_container(container, at, "asks to run as root").with_fix(fix));
    }
}

//! `seccompProfile_baseline` and `seccompProfile_restricted`.

use std::collections::BTreeSet;

use lumen_value::{Pointer, pointer};

use super::{Check, DOCS, Refusal, Violation, risky, safe, set};
use crate::finding::{Edit, Fix, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Container, Pod, Profile};
use crate::podsecurity::text::{Names, containers, go_quoted, join_quoted, plural, setters};
use crate::rule::Rule;

pub(in crate::podsecurity) const SECCOMP_PROFILE_BASELINE: Check = Check {
    id: "seccompProfile_baseline",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "seccomp-profile-baseline",
        summary: "no container switches the filter of system calls off",
        rationale: "Unfiltered system calls open all of the kernel to an attacker; most ways out of a container start \
            at a call that the runtime's profile blocks",
        remedy: "Remove `seccompProfile`, or set its `type` to `RuntimeDefault` or `Localhost`",
        severity: Severity::High,
        references: &[DOCS, "https://kubernetes.io/docs/tutorials/security/seccomp/"],
    },
    level: Level::Baseline,
    since: &[0, 19],
    overrides: None,
    overridden_since: Some(19),
    judge: judge_baseline,
    explain: explain_baseline,
};

pub(in crate::podsecurity) const SECCOMP_PROFILE_RESTRICTED: Check = Check {
    id: "seccompProfile_restricted",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "seccomp-profile-restricted",
        summary: "every container has a filter of system calls",
        rationale: "Kubernetes filters no system calls unless it is told to; most ways out of a container start at a \
            call that the runtime's profile blocks",
        remedy: "Set `seccompProfile: {type: RuntimeDefault}` in the pod's `securityContext`",
        severity: Severity::Medium,
        references: &[DOCS, "https://kubernetes.io/docs/tutorials/security/seccomp/"],
    },
    level: Level::Restricted,
    since: &[19, 25],
    overrides: Some("seccompProfile_baseline"),
    overridden_since: None,
    judge: judge_restricted,
    explain: explain_restricted,
};

const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_ANNOTATION_PREFIX: &str = "container.seccomp.security.alpha.kubernetes.io/";

fn is_forbidden(profile: &Profile<'_>) -> bool {
    !matches!(profile.kind, "RuntimeDefault" | "Localhost")
}

fn is_forbidden_annotation(value: &str) -> bool {
    !(value == "runtime/default" || value == "docker/default" || value.starts_with("localhost/"))
}

/// The annotations, key and value, that take the place of the fields before 1.19.
fn forbidden_annotations<'a>(pod: &Pod<'a>) -> BTreeSet<(String, &'a str)> {
    let mut found = BTreeSet::new();
    if pod.annotations.is_none() {
        return found;
    }
    let mut look = |key: String| {
        if let Some(value) = pod.annotation(&key).filter(|value| is_forbidden_annotation(value)) {
            found.insert((key, value));
        }
    };
    look(POD_ANNOTATION.into());
    for container in &pod.containers {
        look(format!("{CONTAINER_ANNOTATION_PREFIX}{}", container.name));
    }
    found
}

/// Who sets a profile that is forbidden, in upstream's words, and which profiles.
fn refuse_explicit(pod: &Pod<'_>) -> Option<Refusal> {
    let mut kinds = Names::new();
    let of_pod = pod.security.seccomp.filter(is_forbidden);
    kinds.extend(of_pod.map(|profile| profile.kind));
    let names = pod.names_where(|container| {
        let profile = container.security.seccomp.filter(is_forbidden);
        kinds.extend(profile.map(|profile| profile.kind));
        profile.is_some()
    });
    let setters = setters(of_pod.is_some(), &names)?;
    let kinds = join_quoted(kinds);
    let detail = setters + " must not set securityContext.seccompProfile.type to " + &kinds;
    Some(Refusal::new("seccompProfile", detail))
}

fn explain_explicit(pod: &Pod<'_>, out: &mut Vec<Violation>) {
    if let Some(profile) = pod.security.seccomp.filter(is_forbidden) {
        let at = pointer!["spec", "securityContext", "seccompProfile"];
        let message = format!("pod sets the seccomp profile type `{}`", profile.kind);
        out.push(Violation::of_pod(at.child("type"), message).with_fix(runtime_default(pod, &at, &profile)));
    }
    for container in &pod.containers {
        if let Some(profile) = container.security.seccomp.filter(is_forbidden) {
            let at = container.security_pointer("seccompProfile");
            let what = format!("sets the seccomp profile type `{}`", profile.kind);
            let fix = runtime_default(pod, &at, &profile);
            out.push(Violation::of_container(container, at.child("type"), what).with_fix(fix));
        }
    }
}

/// In place of a profile that was chosen.
fn runtime_default(pod: &Pod<'_>, at: &Pointer, profile: &Profile<'_>) -> Option<Fix> {
    if pod.windows {
        return None;
    }
    let mut edits = vec![set(at.child("type"), "RuntimeDefault")];
    if profile.localhost {
        edits.push(Edit::Remove(at.child("localhostProfile")));
    }
    Some(risky("use the runtime's seccomp profile", edits))
}

fn judge_baseline(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    if minor >= 19 {
        return refuse_explicit(pod);
    }
    let annotations = forbidden_annotations(pod);
    if annotations.is_empty() {
        return None;
    }
    let mut list: Vec<String> =
        annotations.iter().map(|(key, value)| format!("{key}={}", go_quoted(value))).collect();
    list.sort();
    let noun = plural("annotation", "annotations", list.len());
    Some(Refusal::new("seccompProfile", format!("forbidden {noun} {}", list.join(", "))))
}

fn explain_baseline(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    if minor >= 19 {
        return explain_explicit(pod, out);
    }
    for (key, value) in forbidden_annotations(pod) {
        let at = pointer!["metadata", "annotations", key.as_str()];
        let fix = risky("remove the annotation", vec![Edit::Remove(at.clone())]);
        let message = format!("annotation `{key}` sets the seccomp profile `{value}`");
        out.push(Violation::of_pod(at, message).with_fix(fix));
    }
}

/// Sets no profile, and neither does the pod set one that holds for it.
fn is_silent(pod: &Pod<'_>, container: &Container<'_>) -> bool {
    container.security.seccomp.is_none() && pod.security.seccomp.is_none_or(|profile| is_forbidden(&profile))
}

fn judge_restricted(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    if pod.is_spared_for_windows(minor) {
        return None;
    }
    if let Some(refusal) = refuse_explicit(pod) {
        return Some(refusal);
    }
    let silent = pod.names_where(|container| is_silent(pod, container));
    if silent.is_empty() {
        return None;
    }
    let detail = format!(
        "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
        containers(&silent)
    );
    Some(Refusal::new("seccompProfile", detail))
}

fn explain_restricted(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    if pod.is_spared_for_windows(minor) {
        return;
    }
    explain_explicit(pod, out);
    if pod.security.seccomp.is_some() {
        // The pod's own field is to blame, and mended above.
        return;
    }
    for container in pod.containers.iter().filter(|container| is_silent(pod, container)) {
        let at = container.security_pointer("seccompProfile");
        let edit = set(pointer!["spec", "securityContext", "seccompProfile", "type"], "RuntimeDefault");
        let fix =
            (!pod.windows).then(|| safe("use the runtime's seccomp profile in the whole pod", vec![edit]));
        out.push(Violation::of_container(container, at, "has no seccomp profile").with_fix(fix));
    }
}

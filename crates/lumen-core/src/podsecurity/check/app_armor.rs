//! `appArmorProfile`.

use lumen_value::{Pointer, pointer};

use super::{Check, DOCS, Refusal, Violation, risky, set};
use crate::defaults::APP_ARMOR_ANNOTATION_PREFIX;
use crate::finding::{Edit, Fix, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Container, Pod, Profile};
use crate::podsecurity::text::{Names, containers, go_quoted, join_quoted, plural};
use crate::rule::Rule;

pub(in crate::podsecurity) const APP_ARMOR_PROFILE: Check = Check {
    id: "appArmorProfile",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "app-armor-profile",
        summary: "no container takes off the runtime's AppArmor profile",
        rationale: "The default profile blocks mounts, raw access to /proc and /sys and tracing of other processes; \
            without it a bug in the program or the kernel is easier to turn into a way out of the container",
        remedy: "Remove `appArmorProfile`, or set its `type` to `RuntimeDefault` or `Localhost`",
        severity: Severity::High,
        references: &[DOCS, "https://kubernetes.io/docs/tutorials/security/apparmor/"],
    },
    level: Level::Baseline,
    since: &[0],
    overrides: None,
    overridden_since: None,
    judge,
    explain,
};

fn is_forbidden(profile: &Profile<'_>) -> bool {
    !matches!(profile.kind, "RuntimeDefault" | "Localhost")
}

fn is_forbidden_annotation(key: &str, value: &str) -> bool {
    key.starts_with(APP_ARMOR_ANNOTATION_PREFIX)
        && !(value.is_empty() || value == "runtime/default" || value.starts_with("localhost/"))
}

fn judge(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    let mut setters = Vec::new();
    let mut kinds = Names::new();
    if let Some(profile) = pod.security.app_armor.filter(is_forbidden) {
        setters.push("pod".to_owned());
        kinds.insert(profile.kind);
    }
    let names = pod.names_where(|container| {
        let profile = container.security.app_armor.filter(is_forbidden);
        kinds.extend(profile.map(|profile| profile.kind));
        profile.is_some()
    });
    if !names.is_empty() {
        setters.push(containers(&names));
    }
    let mut annotations: Vec<String> = Vec::new();
    for (key, value) in pod.annotations().filter(|(key, value)| is_forbidden_annotation(key, value)) {
        annotations.push(format!("{key}={}", go_quoted(value)));
    }
    if !annotations.is_empty() {
        annotations.sort();
        setters.push(plural("annotation", "annotations", annotations.len()).into());
    }
    if setters.is_empty() {
        return None;
    }
    let count = kinds.len() + annotations.len();
    let values = join_quoted(kinds.into_iter().chain(annotations.iter().map(String::as_str)));
    Some(Refusal::new(
        plural("forbidden AppArmor profile", "forbidden AppArmor profiles", count),
        format!("{} must not set AppArmor profile type to {values}", setters.join(" and ")),
    ))
}

fn explain(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    if let Some(profile) = pod.security.app_armor.filter(is_forbidden) {
        let at = pointer!["spec", "securityContext", "appArmorProfile"];
        out.push(
            Violation::of_pod(
                at.child("type"),
                format!("pod sets the AppArmor profile type `{}`", profile.kind),
            )
            .with_fix(runtime_default(&at, &profile)),
        );
    }
    for container in &pod.containers {
        // What an annotation says is shown where it says so.
        let own = container.security.app_armor.filter(|profile| !profile.from_annotation);
        if let Some(profile) = own.filter(is_forbidden) {
            out.push(explain_container(container, &profile));
        }
    }
    for (key, value) in pod.annotations().filter(|(key, value)| is_forbidden_annotation(key, value)) {
        let at = pointer!["metadata", "annotations", key];
        let message = format!("annotation `{key}` sets the AppArmor profile `{value}`");
        out.push(
            Violation::of_pod(at.clone(), message)
                .with_fix(risky("remove the annotation", vec![Edit::Remove(at)])),
        );
    }
}

fn explain_container(container: &Container<'_>, profile: &Profile<'_>) -> Violation {
    let at = container.security_pointer("appArmorProfile");
    let what = format!("sets the AppArmor profile type `{}`", profile.kind);
    Violation::of_container(container, at.child("type"), what).with_fix(runtime_default(&at, profile))
}

fn runtime_default(at: &Pointer, profile: &Profile<'_>) -> Fix {
    let mut edits = vec![set(at.child("type"), "RuntimeDefault")];
    if profile.localhost {
        edits.push(Edit::Remove(at.child("localhostProfile")));
    }
    risky("use the runtime's AppArmor profile", edits)
}

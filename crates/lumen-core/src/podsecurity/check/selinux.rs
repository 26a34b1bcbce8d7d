//! `seLinuxOptions`.

use lumen_value::{Pointer, Value, pointer};

use super::{Check, DOCS, Refusal, Violation, risky};
use crate::finding::{Edit, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Pod, text};
use crate::podsecurity::text::{Names, join_quoted, plural, setters};
use crate::rule::Rule;

pub(in crate::podsecurity) const SELINUX_OPTIONS: Check = Check {
    id: "seLinuxOptions",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "selinux-options",
        summary: "no container chooses an SELinux user or role, or a type outside the containers' own",
        rationale: "Types such as `spc_t` are not confined: with them SELinux no longer stands between a container and \
            its node",
        remedy: "Remove `user` and `role`, and remove `type` or set it to `container_t`, `container_init_t`, \
            `container_kvm_t` or, since 1.31, `container_engine_t`",
        severity: Severity::High,
        references: &[DOCS],
    },
    level: Level::Baseline,
    since: &[0, 31],
    overrides: None,
    overridden_since: None,
    judge,
    explain,
};

/// The types that may be chosen, and the minor version since which.
const TYPES: &[(u64, &str)] = &[
    (0, ""),
    (0, "container_t"),
    (0, "container_init_t"),
    (0, "container_kvm_t"),
    (31, "container_engine_t"),
];

/// The fields of `SELinux` options that are forbidden, with their values.
fn forbidden(options: Option<&Value>, minor: u64) -> impl Iterator<Item = (&'static str, &str)> {
    ["type", "user", "role"].into_iter().filter_map(move |field| {
        let value = text(options?.get(field));
        let is_allowed = if field == "type" {
            TYPES.iter().any(|(since, name)| *since <= minor && *name == value)
        } else {
            value.is_empty()
        };
        (!is_allowed).then_some((field, value))
    })
}

fn judge(pod: &Pod<'_>, minor: u64) -> Option<Refusal> {
    let mut types = Names::new();
    let (mut user, mut role) = (false, false);
    let mut is_bad = |options| {
        let mut is_bad = false;
        for (field, value) in forbidden(options, minor) {
            is_bad = true;
            match field {
                "type" => _ = types.insert(value),
                "user" => user = true,
                _ => role = true,
            }
        }
        is_bad
    };
    let of_pod = is_bad(pod.security.selinux);
    let names = pod.names_where(|container| is_bad(container.security.selinux));
    let setters = setters(of_pod, &names)?;
    let mut data = Vec::new();
    if !types.is_empty() {
        let noun = plural("type", "types", types.len());
        data.push(format!("{noun} {}", join_quoted(types)));
    }
    if user {
        data.push("user may not be set".into());
    }
    if role {
        data.push("role may not be set".into());
    }
    let detail = format!("{setters} set forbidden securityContext.seLinuxOptions: {}", data.join("; "));
    Some(Refusal::new("seLinuxOptions", detail))
}

fn explain(pod: &Pod<'_>, minor: u64, out: &mut Vec<Violation>) {
    let fix = |at: &Pointer, field| {
        risky(format!("do not choose an SELinux {field}"), vec![Edit::Remove(at.clone())])
    };
    for (field, value) in forbidden(pod.security.selinux, minor) {
        let at = pointer!["spec", "securityContext", "seLinuxOptions", field];
        let fix = fix(&at, field);
        out.push(Violation::of_pod(at, format!("pod chooses the SELinux {field} `{value}`")).with_fix(fix));
    }
    for container in &pod.containers {
        for (field, value) in forbidden(container.security.selinux, minor) {
            let at = container.security_pointer("seLinuxOptions").child(field);
            let fix = fix(&at, field);
            let what = format!("chooses the SELinux {field} `{value}`");
            out.push(Violation::of_container(container, at, what).with_fix(fix));
        }
    }
}

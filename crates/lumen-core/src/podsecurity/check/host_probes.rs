//! `hostProbesAndHostLifecycle`.

use super::{Check, DOCS, Refusal, Violation, risky};
use crate::finding::{Edit, Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Container, Pod, text};
use crate::podsecurity::text::{Names, join_quoted, plural};
use crate::rule::Rule;

use lumen_value::{Pointer, Value, pointer};

pub(in crate::podsecurity) const HOST_PROBES_AND_HOST_LIFECYCLE: Check = Check {
    id: "hostProbesAndHostLifecycle",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "host-probes-and-host-lifecycle",
        summary: "no probe or lifecycle hook names a host of its own",
        rationale: "The kubelet makes these requests from the node's network, so a pod can have it call what the pod \
            itself cannot reach, such as services on the node's localhost, and learn whether they answer",
        remedy: "Remove `host` from `httpGet` and `tcpSocket`: without it the pod's own address is meant",
        severity: Severity::High,
        references: &[DOCS],
    },
    level: Level::Baseline,
    since: &[34],
    overrides: None,
    overridden_since: None,
    judge,
    explain,
};

const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
const HOOKS: [&str; 2] = ["postStart", "preStop"];
const ACTIONS: [&str; 2] = ["httpGet", "tcpSocket"];

/// Runs `found` on every host that a probe or hook of the container names: hook or probe, action, host.
fn each_host<'a>(
    container: &Container<'a>,
    mut found: impl FnMut(&'static str, bool, &'static str, &'a str),
) {
    let mut look = |name, is_hook, handler: &'a Value| {
        for action in ACTIONS {
            let host = text(handler.get(action).and_then(|action| action.get("host")));
            if !host.is_empty() {
                found(name, is_hook, action, host);
            }
        }
    };
    for (name, probe) in PROBES.into_iter().zip(container.probes) {
        if let Some(probe) = probe {
            look(name, false, probe);
        }
    }
    if let Some(lifecycle) = container.lifecycle {
        for name in HOOKS {
            if let Some(hook) = lifecycle.get(name) {
                look(name, true, hook);
            }
        }
    }
}

fn judge(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    let (mut names, mut hosts) = (Names::new(), Names::new());
    for container in &pod.containers {
        each_host(container, |_, _, _, host| {
            names.insert(container.name);
            hosts.insert(host);
        });
    }
    if names.is_empty() {
        return None;
    }
    let detail = format!(
        "{} {} {} {} {}",
        plural("container", "containers", names.len()),
        join_quoted(names.iter().copied()),
        plural("uses", "use", names.len()),
        plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.len()),
        join_quoted(hosts),
    );
    Some(Refusal::new("probe or lifecycle host", detail))
}

fn explain(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    for container in &pod.containers {
        each_host(container, |name, is_hook, action, host| {
            let field: Pointer = if is_hook {
                pointer!["lifecycle", name, action, "host"]
            } else {
                pointer![name, action, "host"]
            };
            let at = container.pointer().join(&field);
            let what = format!("has its node call the host `{host}` in `{name}`");
            let fix = risky("call the pod itself", vec![Edit::Remove(at.clone())]);
            out.push(Violation::of_container(container, at, what).with_fix(fix));
        });
    }
}

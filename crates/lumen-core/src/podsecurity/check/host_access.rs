//! `hostNamespaces`, `hostPorts` and `windowsHostProcess`: what a pod shares with its node.

use lumen_value::pointer;

use super::{Check, DOCS, Refusal, Violation, risky};
use crate::defaults;
use crate::finding::{Edit, Layer, Severity};
use crate::object::pod::ContainerKind;
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Container, Pod};
use crate::podsecurity::text::{containers, plural, setters};
use crate::rule::Rule;

use std::collections::BTreeSet;

pub(in crate::podsecurity) const HOST_NAMESPACES: Check = Check {
    id: "hostNamespaces",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "host-namespaces",
        summary: "no pod shares its node's network, processes or IPC",
        rationale: "On the node's network a pod reaches what listens on localhost, sees all traffic and is beyond \
            network policies; among the node's processes it reads their environment and memory",
        remedy: "Remove `hostNetwork`, `hostPID` and `hostIPC`",
        severity: Severity::High,
        references: &[DOCS],
    },
    level: Level::Baseline,
    since: &[0],
    overrides: None,
    overridden_since: None,
    judge: judge_namespaces,
    explain: explain_namespaces,
};

pub(in crate::podsecurity) const HOST_PORTS: Check = Check {
    id: "hostPorts",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "host-ports",
        summary: "no container takes a port of its node",
        rationale: "A port of the node is reached from outside the cluster, past Services and, with many network \
            plugins, past network policies; it can also take the place of a daemon of the node",
        remedy: "Remove `hostPort` and serve the port through a Service",
        severity: Severity::High,
        references: &[DOCS],
    },
    level: Level::Baseline,
    since: &[0],
    overrides: None,
    overridden_since: None,
    judge: judge_ports,
    explain: explain_ports,
};

pub(in crate::podsecurity) const WINDOWS_HOST_PROCESS: Check = Check {
    id: "windowsHostProcess",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "windows-host-process",
        summary: "no container is a process of its Windows node",
        rationale: "A HostProcess container runs on the node itself, with the rights of the user it names, up to SYSTEM",
        remedy: "Remove `securityContext.windowsOptions.hostProcess`",
        severity: Severity::High,
        references: &[DOCS],
    },
    level: Level::Baseline,
    since: &[0],
    overrides: None,
    overridden_since: None,
    judge: judge_host_process,
    explain: explain_host_process,
};

/// The fields of the spec that share a namespace with the node, and what for.
fn shared<'p>(pod: &'p Pod<'_>) -> impl Iterator<Item = (&'static str, &'static str)> + 'p {
    [
        (pod.host_network, "hostNetwork", "network"),
        (pod.host_pid, "hostPID", "process namespace"),
        (pod.host_ipc, "hostIPC", "IPC namespace"),
    ]
    .into_iter()
    .filter(|(shared, ..)| *shared)
    .map(|(_, field, what)| (field, what))
}

fn judge_namespaces(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    if !(pod.host_network || pod.host_pid || pod.host_ipc) {
        return None;
    }
    let fields: Vec<String> = shared(pod).map(|(field, _)| format!("{field}=true")).collect();
    Some(Refusal::new("host namespaces", fields.join(", ")))
}

fn explain_namespaces(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    for (field, what) in shared(pod) {
        let at = pointer!["spec", field];
        let fix = risky(format!("do not share the node's {what}"), vec![Edit::Remove(at.clone())]);
        out.push(Violation::of_pod(at, format!("pod shares the {what} of its node")).with_fix(fix));
    }
}

/// The ports of the node that a container takes, with their places in its list.
fn node_ports<'p>(pod: &'p Pod<'_>, container: &'p Container<'_>) -> impl Iterator<Item = (usize, i64)> + 'p {
    let on_host_network = pod.host_network && container.kind != ContainerKind::Ephemeral;
    let ports = container.ports.into_iter().flatten().enumerate();
    ports
        .map(move |(index, port)| (index, defaults::host_port(port, on_host_network, pod.seen)))
        .filter(|(_, port)| *port != 0)
}

fn judge_ports(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    // Sorted as texts, as upstream lists them.
    let mut ports: BTreeSet<String> = BTreeSet::new();
    let names = pod.names_where(|container| {
        let mut taken = node_ports(pod, container).map(|(_, port)| port.to_string()).peekable();
        let is_bad = taken.peek().is_some();
        ports.extend(taken);
        is_bad
    });
    if names.is_empty() {
        return None;
    }
    let list: Vec<String> = ports.into_iter().collect();
    let detail = format!(
        "{} {} {} {}",
        containers(&names),
        plural("uses", "use", names.len()),
        plural("hostPort", "hostPorts", list.len()),
        list.join(", ")
    );
    Some(Refusal::new("hostPort", detail))
}

fn explain_ports(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    for container in &pod.containers {
        let on_host_network = pod.host_network && container.kind != ContainerKind::Ephemeral;
        for (index, port) in node_ports(pod, container) {
            let port_at = container.pointer().child("ports").child(index);
            let at = port_at.child("hostPort");
            let is_written = container
                .ports
                .and_then(|ports| ports.get(index))
                .is_some_and(|port| defaults::host_port(port, false, pod.seen) != 0);
            let mut edits = Vec::new();
            if is_written {
                edits.push(Edit::Remove(at.clone()));
            }
            if on_host_network {
                // On the node's network the port would be back at once.
                edits.push(Edit::Remove(pointer!["spec", "hostNetwork"]));
            }
            let (at, what, title) = if is_written {
                (at, format!("takes port {port} of its node"), "do not take a port of the node")
            } else {
                // Nobody wrote a `hostPort`, and none is to be added: the port itself is the place.
                let what = format!("takes port {port} of its node, because the pod is on the node's network");
                (port_at.child("containerPort"), what, "do not share the node's network")
            };
            out.push(Violation::of_container(container, at, what).with_fix(risky(title, edits)));
        }
    }
}

fn judge_host_process(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    let names = pod.names_where(|container| container.security.host_process);
    let setters = setters(pod.security.host_process, &names)?;
    let detail = setters + " must not set securityContext.windowsOptions.hostProcess=true";
    Some(Refusal::new("hostProcess", detail))
}

fn explain_host_process(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    let fix = |at: &lumen_value::Pointer| risky("run in a container", vec![Edit::Remove(at.clone())]);
    if pod.security.host_process {
        let at = pointer!["spec", "securityContext", "windowsOptions", "hostProcess"];
        let fix = fix(&at);
        out.push(Violation::of_pod(at, "pod runs as processes of its Windows node").with_fix(fix));
    }
    for container in pod.containers.iter().filter(|container| container.security.host_process) {
        let at = container.security_pointer("windowsOptions").child("hostProcess");
        let fix = fix(&at);
        out.push(
            Violation::of_container(container, at, "runs as a process of its Windows node").with_fix(fix),
        );
    }
}

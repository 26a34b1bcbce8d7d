//! [`Own`]: whether a workload, as its manifest has it, does a step or leaves it open.

use lumen_value::Value;

use super::{Access, Subject};
use crate::defaults::Seen;
use crate::object::field;
use crate::object::pod::{ContainerKind, PodView};
use crate::podsecurity::{Level, LevelVersion, Pod};
use crate::posture::attack::Step;
use crate::posture::radius;
use crate::posture::rbac::Account;

/// What a workload's own manifest says about a step. It binds nobody who can change the manifest: that is what layers are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// It does the step, or leaves it open to whoever takes it over: what, in a few words.
    Open(String),
    /// It does not: what keeps it.
    Closed(String),
    /// The manifest does not show it.
    Unknown,
}

/// What the workload's manifest says about a step.
pub(super) fn own(subject: &Subject<'_>, step: &Step) -> Own {
    let Some(pod) = subject.pod() else {
        return Own::Unknown;
    };
    let egress = subject.inputs.network.and_then(|view| view.egress.get(&subject.number));
    match step.name {
        "become-root" => root(pod),
        "break-out" => break_out(subject, pod),
        "use-token" => token(subject, pod),
        "persist" => persist(pod),
        "mine" => mine(pod),
        "exfiltrate" => egress.map_or(Own::Unknown, |egress| of_access(&egress.internet)),
        "reach-api-server" => egress.map_or(Own::Unknown, |egress| of_access(&egress.api_server)),
        _ => Own::Unknown,
    }
}

fn of_access(access: &Access) -> Own {
    match access {
        Access::Open => Own::Open("the network lets it".to_owned()),
        Access::Partly(what) => Own::Open(format!("the network lets it reach {what}")),
        Access::Closed => Own::Closed("the network does not let it".to_owned()),
        Access::Unknown(_) => Own::Unknown,
    }
}

fn root(pod: &PodView<'_>) -> Own {
    const CHECKS: &[&str] = &["runAsNonRoot", "runAsUser", "allowPrivilegeEscalation"];
    let read = Pod::read(pod, Seen::Pod);
    let refusals = read.evaluate(LevelVersion::latest(Level::Restricted)).refusals;
    let told: Vec<&str> = refusals
        .iter()
        .filter(|refusal| CHECKS.contains(&refusal.check.id))
        .map(|refusal| &*refusal.reason)
        .collect();
    if told.is_empty() {
        Own::Closed("it runs as another user and cannot gain privileges".to_owned())
    } else {
        Own::Open(told.join(", "))
    }
}

fn break_out(subject: &Subject<'_>, pod: &PodView<'_>) -> Own {
    let ways = radius::host_access(subject.entry, pod);
    match ways.first() {
        None => Own::Closed("it has no way to the node".to_owned()),
        Some(first) => Own::Open(first.what.clone()),
    }
}

fn token(subject: &Subject<'_>, pod: &PodView<'_>) -> Own {
    let account = Account::of(subject.inputs.snapshot, subject.entry, pod, subject.namespace);
    if account.token.is_there() {
        Own::Open(format!("{account}: {}", account.token))
    } else {
        Own::Closed(format!("{account}: {}", account.token))
    }
}

fn persist(pod: &PodView<'_>) -> Own {
    let is_read_only =
        |security: &Value| security.get("readOnlyRootFilesystem").and_then(Value::as_bool) == Some(true);
    named(
        pod,
        |container| is_read_only(field(container, &["securityContext"])),
        "writes to its root file system",
    )
}

fn mine(pod: &PodView<'_>) -> Own {
    let is_limited = |container: &Value| !field(container, &["resources", "limits", "cpu"]).is_null();
    named(pod, is_limited, "may use every processor of its node")
}

/// Whether every regular or init container is as it should be; the first that is not.
fn named(pod: &PodView<'_>, is_right: impl Fn(&Value) -> bool, wrong: &str) -> Own {
    let mut containers = pod.containers().filter(|container| container.kind != ContainerKind::Ephemeral);
    match containers.find(|container| !is_right(container.value)) {
        Some(container) => Own::Open(format!("{} `{}` {wrong}", container.kind, container.name())),
        None => Own::Closed("every container is kept from it".to_owned()),
    }
}

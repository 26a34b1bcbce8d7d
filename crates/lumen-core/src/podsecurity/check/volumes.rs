//! `hostPathVolumes` and `restrictedVolumes`.

use lumen_value::{Value, pointer};

use super::{Check, DOCS, Refusal, Violation};
use crate::defaults;
use crate::finding::{Layer, Severity};
use crate::podsecurity::level::Level;
use crate::podsecurity::pod::{Pod, text};
use crate::podsecurity::text::{Names, join_quoted, plural};
use crate::rule::Rule;

pub(in crate::podsecurity) const HOST_PATH_VOLUMES: Check = Check {
    id: "hostPathVolumes",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "host-path-volumes",
        summary: "no pod mounts files of its node",
        rationale: "Whoever writes to the node's files, or reads its keys and the sockets of its runtime, owns the node \
            and every pod on it",
        remedy: "Mount a ConfigMap, a Secret, an emptyDir or a claim in its place",
        severity: Severity::High,
        references: &[DOCS, "https://kubernetes.io/docs/concepts/storage/volumes/#hostpath"],
    },
    level: Level::Baseline,
    since: &[0],
    overrides: None,
    overridden_since: Some(0),
    judge: judge_host_path,
    explain: explain_host_path,
};

pub(in crate::podsecurity) const RESTRICTED_VOLUMES: Check = Check {
    id: "restrictedVolumes",
    rule: Rule {
        layer: Layer::PodSecurity,
        name: "restricted-volumes",
        summary: "every volume is of a kind that pods may use without trust in their author",
        rationale: "Other kinds reach the node's files, or storage that the pod's author names, past the cluster's \
            storage classes and claims",
        remedy: "Use `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `image`, `persistentVolumeClaim`, \
            `projected` or `secret`",
        severity: Severity::Medium,
        references: &[DOCS],
    },
    level: Level::Restricted,
    since: &[0],
    overrides: Some("hostPathVolumes"),
    overridden_since: None,
    judge: judge_restricted,
    explain: explain_restricted,
};

/// The kinds that may be used. One of them beside others is enough, as upstream has it.
const ALLOWED: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The other kinds, in the order in which upstream looks for them.
const FORBIDDEN: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

fn has(volume: &Value, source: &str) -> bool {
    volume.get(source).is_some_and(|source| source.as_object().is_some())
}

/// The kind of a volume that `restricted` forbids.
fn forbidden_source(volume: &Value) -> Option<&'static str> {
    if ALLOWED.iter().any(|source| has(volume, source)) || defaults::is_empty_dir_by_default(volume) {
        return None;
    }
    // A volume that is no `emptyDir` by default has one of the sources, so the last word is never said.
    let found = FORBIDDEN.iter().copied().find(|source| has(volume, source));
    Some(found.unwrap_or("unknown"))
}

/// The volumes for which `look` has an answer: place in the list, name, answer. Those that claims replace are left out.
fn volumes_with<'a, T>(
    pod: &'a Pod<'a>,
    mut look: impl FnMut(&'a Value) -> Option<T>,
) -> impl Iterator<Item = (usize, &'a str, T)> {
    let volumes = pod.volumes.into_iter().flatten().enumerate();
    volumes.filter_map(move |(index, volume)| {
        let name = text(volume.get("name"));
        if pod.is_claimed(name) { None } else { Some((index, name, look(volume)?)) }
    })
}

fn host_path(volume: &Value) -> Option<&str> {
    has(volume, "hostPath").then(|| text(volume.get("hostPath").and_then(|source| source.get("path"))))
}

fn judge_host_path(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    let names: Vec<&str> = volumes_with(pod, host_path).map(|(_, name, _)| name).collect();
    if names.is_empty() {
        return None;
    }
    let noun = plural("volume", "volumes", names.len());
    Some(Refusal::new("hostPath volumes", format!("{noun} {}", join_quoted(names))))
}

fn explain_host_path(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    for (index, name, path) in volumes_with(pod, host_path) {
        let message = format!("volume `{name}` mounts `{path}` of the node");
        out.push(Violation::of_pod(pointer!["spec", "volumes", index, "hostPath"], message));
    }
}

fn judge_restricted(pod: &Pod<'_>, _minor: u64) -> Option<Refusal> {
    let mut names = Vec::new();
    let mut sources = Names::new();
    for (_, name, source) in volumes_with(pod, forbidden_source) {
        names.push(name);
        sources.insert(source);
    }
    if names.is_empty() {
        return None;
    }
    let detail = format!(
        "{} {} {} {} {}",
        plural("volume", "volumes", names.len()),
        join_quoted(names.iter().copied()),
        plural("uses", "use", names.len()),
        plural("restricted volume type", "restricted volume types", sources.len()),
        join_quoted(sources),
    );
    Some(Refusal::new("restricted volume types", detail))
}

fn explain_restricted(pod: &Pod<'_>, _minor: u64, out: &mut Vec<Violation>) {
    for (index, name, source) in volumes_with(pod, forbidden_source) {
        let message = format!("volume `{name}` is of the kind `{source}`");
        out.push(Violation::of_pod(pointer!["spec", "volumes", index, source], message));
    }
}

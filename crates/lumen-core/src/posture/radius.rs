//! Blast radius: what an attacker has who has taken a workload over, and how far the network lets them go from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use lumen_value::{Pointer, Value, pointer};

use super::power::{HeldPower, powers};
use super::rbac::{Account, Rbac};
use crate::finding::Location;
use crate::object::pod::{Container, PodView};
use crate::object::{field, text};
use crate::podsecurity::Level;
use crate::podsecurity::{self, LevelVersion};
use crate::snapshot::{Entry, Snapshot};

/// A workload: the number of its entry in [`Snapshot::entries`].
pub type WorkloadNumber = usize;

/// Which workloads can open a connection to which, as the network model says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// For each workload those whose pods it reaches on any port, sorted. Of a workload that is missing nothing is known.
    pub peers: BTreeMap<WorkloadNumber, Vec<WorkloadNumber>>,
    /// The workloads that could reach more than that, each with why.
    pub doubts: BTreeMap<WorkloadNumber, Arc<str>>,
}

/// What kind of thing a workload holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeldKind {
    /// A Secret.
    Secret,
    /// A `ConfigMap`.
    ConfigMap,
    /// A `PersistentVolumeClaim`.
    Claim,
    /// A directory or file of the node.
    HostPath,
    /// A volume of a CSI driver.
    Csi,
    /// A share on the network, such as NFS.
    Share,
}

/// `Secret`, `ConfigMap`, `PersistentVolumeClaim`, `host path`, ..
impl fmt::Display for HeldKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Claim => "PersistentVolumeClaim",
            Self::HostPath => "host path",
            Self::Csi => "CSI volume",
            Self::Share => "network share",
        })
    }
}

/// How it comes into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeldBy {
    /// By a volume that can be written to.
    Volume,
    /// By a volume that every container mounts to read.
    ReadOnlyVolume,
    /// By the environment.
    Environment,
}

/// A thing that a workload holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// What kind of thing.
    pub kind: HeldKind,
    /// Its name; the path of a host path, the driver of a CSI volume.
    pub name: Arc<str>,
    /// How it comes in.
    pub by: HeldBy,
    /// The field that says so.
    pub location: Location,
}

/// A way from a container to its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAccess {
    /// The check of Pod Security `baseline` that refuses it, such as `hostNamespaces`.
    pub check: &'static str,
    /// What it is: upstream's reason and detail.
    pub what: String,
    /// The first field to blame.
    pub location: Location,
}

/// What an attacker has in a workload itself.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// Secrets, `ConfigMaps` and volumes, sorted.
    pub held: Vec<Held>,
    /// Ways to the node.
    pub host: Vec<HostAccess>,
    /// The service accounts whose tokens are in the pods, and the accounts of those without; one a template.
    pub accounts: Vec<Account>,
    /// What the rights of the mounted tokens come to.
    pub powers: Vec<HeldPower>,
}

impl Holdings {
    /// The things of a kind.
    pub fn of_kind(&self, kind: HeldKind) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(move |held| held.kind == kind)
    }
}

/// How far an attacker gets from one workload.
#[derive(Clone, Debug)]
pub struct Radius {
    /// Where they start.
    pub start: WorkloadNumber,
    /// The workloads that are reached first by one, two, .. hops, each sorted; `None` where the network is not known.
    pub hops: Option<Vec<Vec<WorkloadNumber>>>,
    /// Why there could be more; `None` where there cannot, or nothing is known at all.
    pub doubt: Option<Doubt>,
}

/// Why a radius could be wider than it is known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The workload within it, the first and nearest, that could reach more.
    pub at: WorkloadNumber,
    /// Why it could.
    pub reason: Arc<str>,
}

impl Radius {
    /// How many workloads there are within it but the first; at least so many where there is a [`Doubt`].
    pub fn count(&self) -> usize {
        self.hops.iter().flatten().map(Vec::len).sum()
    }

    /// Every workload within it but the first, sorted.
    pub fn reached(&self) -> BTreeSet<WorkloadNumber> {
        self.hops.iter().flatten().flatten().copied().collect()
    }
}

/// What is in one radius and not in another: what was gained or lost by a change of policies.
pub fn gained(before: &Radius, after: &Radius) -> Vec<WorkloadNumber> {
    after.reached().difference(&before.reached()).copied().collect()
}

/// How far the network lets an attacker go from a workload. Where nothing is known of what the workload reaches, nothing is
/// said.
pub fn radius(start: WorkloadNumber, reach: &Reach) -> Radius {
    Paths::of(reach).radius(start)
}

/// [`Reach`] ready to be asked about many workloads.
#[derive(Clone, Debug)]
pub struct Paths<'a> {
    reach: &'a Reach,
    /// Every workload that is named, sorted.
    all: Vec<WorkloadNumber>,
}

impl<'a> Paths<'a> {
    /// Looks up which workloads there are.
    pub fn of(reach: &'a Reach) -> Self {
        let mut is_named: Vec<bool> = Vec::new();
        let known = reach.peers.keys().chain(reach.peers.values().flatten());
        for number in known.chain(reach.doubts.keys()) {
            if *number >= is_named.len() {
                is_named.resize(*number + 1, false);
            }
            if let Some(is_named) = is_named.get_mut(*number) {
                *is_named = true;
            }
        }
        let named = is_named.iter().enumerate().filter(|(_, is_named)| **is_named);
        Self { reach, all: named.map(|(number, _)| number).collect() }
    }

    /// As [`radius()`].
    pub fn radius(&self, start: WorkloadNumber) -> Radius {
        if !self.reach.peers.contains_key(&start) {
            return Radius { start, hops: None, doubt: None };
        }
        let mut unseen: Vec<WorkloadNumber> =
            self.all.iter().copied().filter(|number| *number != start).collect();
        let mut hops = Vec::new();
        let mut edge = vec![start];
        loop {
            let next = self.next(&edge, &unseen);
            if next.is_empty() {
                // Where everybody is reached already, nobody could be reached in addition.
                let doubt = if unseen.is_empty() { None } else { self.doubt(start, &hops) };
                return Radius { start, hops: Some(hops), doubt };
            }
            unseen.retain(|number| next.binary_search(number).is_err());
            edge.clone_from(&next);
            hops.push(next);
        }
    }

    /// The first of those within a radius that could reach more.
    fn doubt(&self, start: WorkloadNumber, hops: &[Vec<WorkloadNumber>]) -> Option<Doubt> {
        std::iter::once(&start).chain(hops.iter().flatten()).find_map(|at| {
            let reason = match self.reach.doubts.get(at) {
                Some(reason) => reason.clone(),
                None if self.reach.peers.contains_key(at) => return None,
                None => "The network was not looked at".into(),
            };
            Some(Doubt { at: *at, reason })
        })
    }

    /// Which of those that are not seen yet are reached from the edge, sorted. The shorter of the two lists is gone through:
    /// where everybody reaches everybody, nobody is left to be looked for after one step.
    fn next(&self, edge: &[WorkloadNumber], unseen: &[WorkloadNumber]) -> Vec<WorkloadNumber> {
        let mut is_next = vec![false; unseen.len()];
        let mut mark = |at: usize| {
            if let Some(is_next) = is_next.get_mut(at) {
                *is_next = true;
            }
        };
        for peers in edge.iter().filter_map(|number| self.reach.peers.get(number)) {
            if peers.len() < unseen.len() {
                peers.iter().filter_map(|peer| unseen.binary_search(peer).ok()).for_each(&mut mark);
            } else {
                let reached =
                    unseen.iter().enumerate().filter(|(_, number)| peers.binary_search(number).is_ok());
                reached.for_each(|(at, _)| mark(at));
            }
        }
        unseen.iter().zip(is_next).filter(|(_, is_next)| *is_next).map(|(number, _)| *number).collect()
    }
}

/// What an attacker has who runs code in the containers of a workload; nothing where the object is none.
pub fn holdings(entry: &Entry, snapshot: &Snapshot, rbac: &Rbac) -> Holdings {
    let mut holdings = Holdings::default();
    let (Some(workload), Some(namespace)) = (entry.workload(), &entry.namespace) else {
        return holdings;
    };
    let mut held = BTreeSet::new();
    for pod in &workload.pods {
        held.extend(held_in(entry, pod));
        holdings.host.extend(host_access(entry, pod));
        let account = Account::of(snapshot, entry, pod, namespace);
        if account.token.is_there() && !holdings.accounts.contains(&account) {
            holdings.powers.extend(powers(&rbac.rights(&account.user()).own()));
        }
        holdings.accounts.push(account);
    }
    holdings.held = held.into_iter().collect();
    holdings
}

/// Secrets, `ConfigMaps` and volumes of a workload, sorted.
pub(super) fn held_by(entry: &Entry) -> BTreeSet<Held> {
    let pods = entry.workload().into_iter().flat_map(|workload| workload.pods);
    pods.flat_map(|pod| held_in(entry, &pod)).collect()
}

/// The [`holdings`] of the workloads of some numbers, one each.
#[cfg(test)]
pub(super) fn holdings_of(
    numbers: impl Iterator<Item = WorkloadNumber>,
    snapshot: &Snapshot,
    rbac: &Rbac,
) -> Vec<Holdings> {
    let entries = numbers.filter_map(|number| snapshot.entries().get(number));
    entries.map(|entry| holdings(entry, snapshot, rbac)).collect()
}

fn held_in(entry: &Entry, pod: &PodView<'_>) -> Vec<Held> {
    let at = |way: &Pointer| entry.locate(&pod.locate(way));
    let mut held = Vec::new();
    let mut mounts: BTreeMap<&str, HeldBy> = BTreeMap::new();
    for container in pod.containers() {
        held.extend(in_environment(&container, at));
        for list in ["volumeMounts", "volumeDevices"] {
            for mount in container.field(list).as_array().into_iter().flatten() {
                let is_read = mount.get("readOnly").and_then(Value::as_bool) == Some(true);
                let by = if is_read { HeldBy::ReadOnlyVolume } else { HeldBy::Volume };
                // `Volume` is the least: one container that may write is enough.
                let known = mounts.entry(text(mount, "name")).or_insert(by);
                *known = by.min(*known);
            }
        }
    }
    let volumes = pod.spec.get("volumes").and_then(Value::as_array);
    for (number, volume) in volumes.into_iter().flatten().enumerate() {
        let Some(by) = mounts.get(text(volume, "name")) else {
            continue;
        };
        let way = pointer!["spec", "volumes", number];
        held.extend(in_volume(volume, &way).into_iter().map(|(kind, name, way)| Held {
            kind,
            name: name.into(),
            by: *by,
            location: at(&way),
        }));
    }
    for (number, claim) in pod.claims.as_array().into_iter().flatten().enumerate() {
        let name = text(field(claim, &["metadata"]), "name");
        if let Some(by) = mounts.get(name) {
            let location = entry.locate(&pointer!["spec", "volumeClaimTemplates", number]);
            held.push(Held { kind: HeldKind::Claim, name: name.into(), by: *by, location });
        }
    }
    held
}

fn in_environment(container: &Container<'_>, at: impl Fn(&Pointer) -> Location) -> Vec<Held> {
    /// The list, the keys on the way to the name, and what is named.
    const SOURCES: &[(&str, &[&str], HeldKind)] = &[
        ("env", &["valueFrom", "secretKeyRef"], HeldKind::Secret),
        ("env", &["valueFrom", "configMapKeyRef"], HeldKind::ConfigMap),
        ("envFrom", &["secretRef"], HeldKind::Secret),
        ("envFrom", &["configMapRef"], HeldKind::ConfigMap),
    ];
    let mut held = Vec::new();
    for (list, keys, kind) in SOURCES {
        for (number, entry) in container.field(list).as_array().into_iter().flatten().enumerate() {
            let name = text(field(entry, keys), "name");
            if !name.is_empty() {
                let way = container.pointer().join(&pointer![*list, number]);
                let by = HeldBy::Environment;
                held.push(Held { kind: *kind, name: name.into(), by, location: at(&way) });
            }
        }
    }
    held
}

/// What a volume brings: kind, name, and the way to it.
fn in_volume<'a>(volume: &'a Value, way: &Pointer) -> Vec<(HeldKind, &'a str, Pointer)> {
    /// The source, the key of the name in it, and what is named.
    const SOURCES: &[(&str, &str, HeldKind)] = &[
        ("secret", "secretName", HeldKind::Secret),
        ("configMap", "name", HeldKind::ConfigMap),
        ("persistentVolumeClaim", "claimName", HeldKind::Claim),
        ("hostPath", "path", HeldKind::HostPath),
        ("csi", "driver", HeldKind::Csi),
        ("nfs", "server", HeldKind::Share),
        ("cephfs", "path", HeldKind::Share),
        ("iscsi", "targetPortal", HeldKind::Share),
        ("azureFile", "shareName", HeldKind::Share),
    ];
    let mut found = Vec::new();
    for (source, key, kind) in SOURCES {
        let named = field(volume, &[source]);
        if named.as_object().is_some() {
            found.push((*kind, text(named, key), way.join(&pointer![*source])));
        }
    }
    if field(volume, &["ephemeral"]).as_object().is_some() {
        found.push((HeldKind::Claim, text(volume, "name"), way.join(&pointer!["ephemeral"])));
    }
    let sources = field(volume, &["projected", "sources"]).as_array();
    for (number, source) in sources.into_iter().flatten().enumerate() {
        for (key, kind) in [("secret", HeldKind::Secret), ("configMap", HeldKind::ConfigMap)] {
            let named = field(source, &[key]);
            if named.as_object().is_some() {
                let way = way.join(&pointer!["projected", "sources", number, key]);
                found.push((kind, text(named, "name"), way));
            }
        }
    }
    found
}

/// The checks of Pod Security that are about the node itself.
const HOST_CHECKS: &[&str] = &[
    "capabilities_baseline",
    "hostNamespaces",
    "hostPathVolumes",
    "privileged",
    "procMount",
    "sysctls",
    "windowsHostProcess",
];

pub(super) fn host_access(entry: &Entry, pod: &PodView<'_>) -> Vec<HostAccess> {
    let wanted = LevelVersion::latest(Level::Baseline);
    let read = podsecurity::Pod::read(pod, crate::defaults::Seen::Pod);
    let refusals = read.evaluate(wanted).refusals;
    let about_host = refusals.into_iter().filter(|refusal| HOST_CHECKS.contains(&refusal.check.id));
    about_host
        .map(|refusal| {
            let violations = read.violations(refusal.check, wanted.version);
            let way = violations.first().map_or(Pointer::ROOT, |violation| violation.pointer.clone());
            let what = if refusal.detail.is_empty() {
                refusal.reason.to_string()
            } else {
                format!("{}: {}", refusal.reason, refusal.detail)
            };
            HostAccess { check: refusal.check.id, what, location: entry.locate(&pod.locate(&way)) }
        })
        .collect()
}

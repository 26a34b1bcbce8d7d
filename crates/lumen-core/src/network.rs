//! Layer 3: who can reach whom, and which line of which policy decides.
//!
//! [`Model::build`] reads the workloads, namespaces and policies of a snapshot once. The model is immutable and exact:
//! ports are sets of intervals, addresses are split at the boundaries of every network, pods are compressed into
//! classes that no policy tells apart. Normative are the Kubernetes documentation, the types of `networking.k8s.io/v1`
//! and network-policy-api for the tiers of the cluster's administrator.
//!
//! - [`Model::allowed`]: the ports on which one endpoint may reach another.
//! - [`Model::reachability`]: all pairs, by class.
//! - [`Model::external`]: a workload and the addresses outside, in ranges.
//! - [`Model::exposure`]: a workload and pods that no manifest describes.
//! - [`Model::why`]: which rules decide, or which would have but for one field.
//! - [`lint()`]: what is odd about the policies, and about what they leave out.
//! - [`suggest`]: the smallest policies for some flows, and what they would cut off.
//! - [`Model::services`], [`Model::routes`]: how workloads are reached by name, and from an ingress controller.
//!
//! What holds in every cluster and is not repeated in answers: replies are let through; the node of a pod reaches it;
//! a pod reaches itself. What manifests do not tell is never taken for granted: see [`Model::assumptions`], and
//! findings of the rule `network/undecided-peer`.

use std::net::IpAddr;
use std::sync::Arc;

use lumen_value::Value;

use crate::finding::Finding;
use crate::snapshot::{NamespaceLabels, Snapshot};

pub mod address;
pub mod class;
mod evaluate;
pub mod exposure;
pub mod external;
pub mod lint;
pub mod policy;
pub mod port;
pub mod reach;
mod read;
pub mod route;
pub mod rules;
pub mod suggest;
pub mod well_known;
pub mod why;
pub mod workload;

pub use address::{AddressRange, AddressSet};
pub use class::{ClassId, Namespace};
pub use exposure::Exposure;
pub use external::Beyond;
pub use lint::lint;
pub use policy::{
    Direction, PeerMatch, PodPattern, Policy, PolicyId, PolicyKind, Rule, RuleAction, RulePeer, Tier,
};
pub use port::{PortRanges, Ports, Protocol};
pub use reach::Reachability;
pub use why::{Decision, Side};
pub use workload::{Workload, WorkloadId};

use class::{Class, ClassSet};

/// Most policies that are reckoned with.
pub const POLICIES_MAX: usize = 100_000;

/// Most rules, peers and entries for ports in all policies together.
pub const PEERS_MAX: usize = 1_000_000;

/// Most requirements and values in all selectors together.
pub const SELECTOR_VALUES_MAX: usize = 2_000_000;

/// Most ranges of addresses in all policies together, exceptions cut out.
pub const ADDRESS_RANGES_MAX: usize = 1_000_000;

/// Most members of all resolved sets of pods together.
pub const SET_MEMBERS_MAX: usize = 1 << 26;

/// Whether an `ipBlock` means pods, too, whose address is in it. Kubernetes leaves that to the network plugin: the
/// documentation says that blocks should be of addresses outside the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressScope {
    /// Pods whose address is known are meant as well, as Calico and kube-router do it.
    #[default]
    PodsToo,
    /// Only what is outside the cluster, as Cilium does it.
    ExternalOnly,
}

/// What the building of a model depends on beside the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Whether an `ipBlock` means pods.
    pub address_scope: AddressScope,
    /// Which of the possible labels is taken for namespaces whose manifests disagree: the number of the variant, from
    /// zero; beyond their number the last. [`Model::variants`] says how many there are.
    pub namespace_variant: usize,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Any pod of a workload.
    Workload(WorkloadId),
    /// An address outside the cluster.
    Address(IpAddr),
}

impl From<WorkloadId> for Endpoint {
    fn from(workload: WorkloadId) -> Self {
        Self::Workload(workload)
    }
}

impl From<IpAddr> for Endpoint {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

/// Something that the manifests leave open, and that the answers rest on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assumption {
    /// A namespace is not among the inputs: it is taken to have no labels but its name.
    NamespaceUnknown(Arc<str>),
    /// The manifests of a namespace disagree about its labels: one of them is taken.
    NamespaceAmbiguous(Arc<str>),
    /// A policy that selects pods has an `ipBlock` of addresses that pods may have, and the addresses of some pods are not
    /// known: they are taken to be outside of it.
    AddressesUnknown {
        /// The first such policy.
        policy: Arc<str>,
        /// How many more there are.
        more: usize,
    },
    /// Policies that a network plugin enforces and that the model does not read: what it says is what the others say.
    NotRead {
        /// Who makes the plugin.
        maker: &'static str,
        /// How many there are.
        policies: usize,
    },
    /// Gateway API routes name Services of other namespaces without a `ReferenceGrant` there: they lead nowhere.
    RouteNotGranted {
        /// The Service of the first such route, `namespace/name`.
        service: Arc<str>,
        /// How many more there are.
        more: usize,
    },
    /// Policies have rules for ICMP: the model says nothing of it, neither that it is let through nor that it is not.
    IcmpNotJudged,
}

/// Workloads, namespaces and policies, compiled to be asked.
#[derive(Clone, Debug)]
pub struct Model {
    options: Options,
    namespaces: Vec<Namespace>,
    workloads: Vec<Workload>,
    policies: Vec<Policy>,
    classes: Vec<Class>,
    sets: Vec<ClassSet>,
    /// For each class the policies that select it, in the order in which they are asked.
    ingress: Vec<Vec<PolicyId>>,
    egress: Vec<Vec<PolicyId>>,
    assumptions: Vec<Assumption>,
    variants: usize,
    services: Vec<route::Service>,
    routes: Vec<route::Route>,
}

impl Model {
    /// Builds a model of a snapshot, and says what is wrong with the policies: those are left out, and the rest goes on.
    pub fn build(snapshot: &Snapshot, options: &Options) -> (Self, Vec<Finding>) {
        let mut pods = workload::collect(snapshot);
        let reading = read::read(snapshot);
        let (mut policies, mut findings, has_icmp) = (reading.policies, reading.findings, reading.has_icmp);
        // The order in which they are asked: by tier, by priority, and by name where order means nothing.
        policies.sort_by_cached_key(|policy| {
            (
                policy.tier,
                policy.priority,
                policy.name(),
                policy.kind,
                policy.entry.location.clone(),
                policy.subject_at.clone(),
            )
        });
        let (namespaces, assumptions, variants) = namespaces(snapshot, &pods, options);
        let (classes, beyond) = class::classify(&mut pods, &namespaces, &mut policies, options.address_scope);
        let workloads = workload::merge(pods);
        let mut model = Self {
            options: *options,
            namespaces,
            workloads,
            ingress: vec![Vec::new(); classes.classes.len()],
            egress: vec![Vec::new(); classes.classes.len()],
            classes: classes.classes,
            sets: classes.sets,
            policies,
            assumptions,
            variants,
            services: Vec::new(),
            routes: Vec::new(),
        };
        let beyond = beyond.into_iter().chain(model.select());
        let beyond: std::collections::BTreeSet<_> = beyond.collect();
        let left_out = beyond.iter().filter_map(|index| model.policies.get(*index));
        findings.extend(left_out.map(|policy| read::beyond_bounds(&policy.entry)));
        (model.services, model.routes) = route::collect(snapshot, &model);
        model.assumptions.extend(model.addresses_unknown());
        model.assumptions.extend(route::not_granted(&model.routes));
        model.assumptions.extend(not_read(snapshot));
        model.assumptions.extend(has_icmp.then_some(Assumption::IcmpNotJudged));
        findings.sort_by(|a, b| (&a.location, &a.rule, &a.message).cmp(&(&b.location, &b.rule, &b.message)));
        (model, findings)
    }

    /// Notes for each class which policies select it; returns those beyond the bound.
    fn select(&mut self) -> Vec<usize> {
        let mut members = 0;
        let mut beyond = Vec::new();
        for (number, policy) in self.policies.iter().enumerate() {
            let classes = evaluate::classes_of(&self.sets, &self.classes, policy.set);
            members += classes.len();
            if members > SET_MEMBERS_MAX {
                beyond.push(number);
                continue;
            }
            let id = PolicyId(u32::try_from(number).unwrap_or(u32::MAX));
            for (section, lists) in [(&policy.ingress, &mut self.ingress), (&policy.egress, &mut self.egress)]
            {
                if section.isolates || !section.rules.is_empty() {
                    for class in &classes {
                        if let Some(list) = lists.get_mut(*class as usize) {
                            list.push(id);
                        }
                    }
                }
            }
        }
        beyond
    }

    /// What is assumed of pods without an address where blocks of addresses may mean pods.
    fn addresses_unknown(&self) -> Option<Assumption> {
        let lacks = |workload: &Workload| !workload.host_network && workload.addresses.is_empty();
        if self.options.address_scope == AddressScope::ExternalOnly || !self.workloads.iter().any(lacks) {
            return None;
        }
        let may_mean_pods = |peer: &RulePeer| match &peer.who {
            PeerMatch::Addresses { set, external_only, .. } => {
                !external_only && well_known::may_be_of_pods(set)
            }
            _ => false,
        };
        let mut used = vec![false; self.policies.len()];
        for id in self.ingress.iter().chain(&self.egress).flatten() {
            if let Some(is_used) = used.get_mut(id.index()) {
                *is_used = true;
            }
        }
        let in_play = self.policies.iter().zip(used).filter(|(_, is_used)| *is_used);
        let has_block =
            |section: &policy::Section| section.rules.iter().any(|rule| rule.peers.iter().any(may_mean_pods));
        let mut found = in_play
            .map(|(policy, _)| policy)
            .filter(|policy| has_block(&policy.ingress) || has_block(&policy.egress));
        let policy: Arc<str> = found.next()?.name().into();
        Some(Assumption::AddressesUnknown { policy, more: found.count() })
    }

    /// The same workloads as if some policies were not there. The policies keep their numbers, and select nobody.
    #[must_use]
    pub fn without(&self, is_left_out: impl Fn(&Policy) -> bool) -> Self {
        let left_out: Vec<bool> = self.policies.iter().map(is_left_out).collect();
        let mut model = self.clone();
        for list in model.ingress.iter_mut().chain(&mut model.egress) {
            list.retain(|id| !left_out.get(id.index()).is_some_and(|is_out| *is_out));
        }
        model
    }

    /// The options that it was built with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The workloads, sorted by namespace, kind and name.
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// The numbers of the workloads, each with what it stands for.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (WorkloadId, &Workload)> {
        let numbered = |(index, workload)| (WorkloadId(u32::try_from(index).unwrap_or(u32::MAX)), workload);
        self.workloads.iter().enumerate().map(numbered)
    }

    /// A workload by its number; `None` for one of another model.
    pub fn workload(&self, id: WorkloadId) -> Option<&Workload> {
        self.workloads.get(id.index())
    }

    /// The workloads of a name in a namespace, of any kind: several where kinds share a name, or where pods of one owner
    /// differ.
    pub fn named(&self, namespace: &str, name: &str) -> impl Iterator<Item = (WorkloadId, &Workload)> {
        let start = self.workloads.partition_point(|workload| &*workload.namespace < namespace);
        self.iter()
            .skip(start)
            .take_while(move |(_, workload)| &*workload.namespace == namespace)
            .filter(move |(_, workload)| &*workload.name == name)
    }

    /// The namespaces that have workloads or manifests, sorted.
    pub fn namespaces(&self) -> &[Namespace] {
        &self.namespaces
    }

    /// The policies that are reckoned with, in the order in which they are asked.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// A policy by its number; `None` for one of another model.
    pub fn policy(&self, id: PolicyId) -> Option<&Policy> {
        self.policies.get(id.index())
    }

    /// The policies that say something of one direction of a workload, in the order in which they are asked. None for
    /// pods on the host's network.
    pub fn policies_of(&self, workload: WorkloadId, direction: Direction) -> &[PolicyId] {
        let class = self.workload(workload).map(|workload| workload.class);
        class.map_or(&[], |class| self.selecting(class, direction))
    }

    fn selecting(&self, class: ClassId, direction: Direction) -> &[PolicyId] {
        let lists = match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        };
        lists.get(class.index()).map_or(&[], Vec::as_slice)
    }

    /// Whether a policy of the namespace tier isolates a direction of a workload.
    pub fn is_isolated(&self, workload: WorkloadId, direction: Direction) -> bool {
        let policies = self.policies_of(workload, direction).iter();
        policies.filter_map(|id| self.policy(*id)).any(|policy| policy.section(direction).isolates)
    }

    /// What the manifests leave open about namespaces that have workloads and about addresses of pods, and what the model does
    /// not read.
    pub fn assumptions(&self) -> &[Assumption] {
        &self.assumptions
    }

    /// How many variants of labels the namespaces have at most: 1 where no manifests disagree.
    pub fn variants(&self) -> usize {
        self.variants
    }

    /// The Services.
    pub fn services(&self) -> &[route::Service] {
        &self.services
    }

    /// The routes by which an ingress controller or a gateway passes traffic on to Services.
    pub fn routes(&self) -> &[route::Route] {
        &self.routes
    }
}

/// The policies of a snapshot that are not read, by who makes the plugin that enforces them.
fn not_read(snapshot: &Snapshot) -> Vec<Assumption> {
    let mut makers: std::collections::BTreeMap<&'static str, usize> = std::collections::BTreeMap::new();
    for (group, kind, maker) in well_known::POLICIES_NOT_READ {
        *makers.entry(maker).or_default() += snapshot.of_kind(group, kind).len();
    }
    let some = makers.into_iter().filter(|(_, policies)| *policies > 0);
    some.map(|(maker, policies)| Assumption::NotRead { maker, policies }).collect()
}

/// The namespaces of a snapshot and of its pods, what is assumed of them, and how many variants there are.
fn namespaces(
    snapshot: &Snapshot,
    pods: &[Workload],
    options: &Options,
) -> (Vec<Namespace>, Vec<Assumption>, usize) {
    let named: std::collections::BTreeSet<&Arc<str>> =
        snapshot.namespaces().chain(pods.iter().map(|pod| &pod.namespace)).collect();
    let (mut namespaces, mut assumptions, mut variants) = (Vec::new(), Vec::new(), 1);
    for name in named {
        let known = snapshot.namespace_labels(name);
        let labels = match known.variants() {
            [] => well_known::bare_namespace(name),
            several => {
                variants = variants.max(several.len());
                let variant = several.get(options.namespace_variant).or(several.last());
                variant.map_or(Value::Null, |variant| variant.labels.clone())
            }
        };
        let certain = match known {
            NamespaceLabels::Known(_) => true,
            NamespaceLabels::Ambiguous(_) => {
                assumptions.push(Assumption::NamespaceAmbiguous(name.clone()));
                false
            }
            NamespaceLabels::Unknown => {
                assumptions.push(Assumption::NamespaceUnknown(name.clone()));
                false
            }
        };
        namespaces.push(Namespace { name: name.clone(), labels, certain });
    }
    (namespaces, assumptions, variants)
}

#[cfg(test)]
mod tests;

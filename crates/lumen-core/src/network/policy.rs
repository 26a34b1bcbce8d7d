//! What a policy says, whatever its kind: [`Policy`], [`Rule`], [`RulePeer`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use lumen_value::{Pointer, Step};

use super::address::AddressSet;
use super::port::{Ports, Protocol};
use super::workload::NamedPorts;
use crate::finding::Location;
use crate::selector::Selector;
use crate::snapshot::Entry;

/// A direction, as seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// What the pod receives.
    Ingress,
    /// What the pod sends.
    Egress,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];

    /// `ingress` or `egress`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// The kinds of policies that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// `networking.k8s.io` `NetworkPolicy`.
    NetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1` `AdminNetworkPolicy`.
    AdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1` `BaselineAdminNetworkPolicy`.
    BaselineAdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha2` `ClusterNetworkPolicy`.
    ClusterNetworkPolicy,
    /// `cilium.io` `CiliumNetworkPolicy`.
    CiliumNetworkPolicy,
    /// `cilium.io` `CiliumClusterwideNetworkPolicy`.
    CiliumClusterwideNetworkPolicy,
}

impl PolicyKind {
    /// Every one, each with its API group and kind.
    pub const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::NetworkPolicy, "networking.k8s.io", "NetworkPolicy"),
        (Self::NetworkPolicy, "extensions", "NetworkPolicy"),
        (Self::AdminNetworkPolicy, "policy.networking.k8s.io", "AdminNetworkPolicy"),
        (Self::BaselineAdminNetworkPolicy, "policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
        (Self::ClusterNetworkPolicy, "policy.networking.k8s.io", "ClusterNetworkPolicy"),
        (Self::CiliumNetworkPolicy, "cilium.io", "CiliumNetworkPolicy"),
        (Self::CiliumClusterwideNetworkPolicy, "cilium.io", "CiliumClusterwideNetworkPolicy"),
    ];
}

/// The order in which policies are asked. A direction that one tier decides is not asked about in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The cluster's administrator, first: rules in order, the first that fits decides.
    Admin,
    /// The owners of namespaces: what any rule allows, once a pod is isolated. Cilium's denials go before.
    Namespace,
    /// The cluster's administrator, last: for pods that nothing isolates.
    Baseline,
}

impl fmt::Display for Tier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Admin => "admin",
            Self::Namespace => "namespace",
            Self::Baseline => "baseline",
        })
    }
}

/// What a rule does with the traffic that it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleAction {
    /// Lets it through: `Allow`, `Accept`, and every rule of a `NetworkPolicy`.
    Allow,
    /// Drops it.
    Deny,
    /// Leaves it to the next tier.
    Pass,
}

impl fmt::Display for RuleAction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Pass => "pass",
        })
    }
}

/// The number of a policy in [`Model::policies`](super::Model::policies).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(pub(super) u32);

impl PolicyId {
    /// The number, from zero.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of pods that the model has resolved, by number.
pub(super) type SetId = u32;

/// Which namespaces are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamespaceMatch {
    /// The one of this name.
    Named(Arc<str>),
    /// Those with such labels; the empty selector means every one.
    Selected(Selector),
}

/// Which pods are meant: those with such labels in such namespaces. Pods on the host's network are never meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodPattern {
    /// The namespaces.
    pub namespaces: NamespaceMatch,
    /// The pods in them.
    pub pods: Selector,
}

impl PodPattern {
    /// Every pod of every namespace.
    pub fn everything() -> Self {
        Self { namespaces: NamespaceMatch::Selected(Selector::everything()), pods: Selector::everything() }
    }

    /// Whether every pod is meant.
    pub fn is_everything(&self) -> bool {
        self.pods.is_empty() && matches!(&self.namespaces, NamespaceMatch::Selected(all) if all.is_empty())
    }
}

/// `pods tier=web in namespaces team=a`.
impl fmt::Display for PodPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pods.is_empty() {
            out.write_str("all pods")?;
        } else {
            write!(out, "pods {}", self.pods)?;
        }
        match &self.namespaces {
            NamespaceMatch::Named(name) => write!(out, " in namespace {name}"),
            NamespaceMatch::Selected(all) if all.is_empty() => out.write_str(" in all namespaces"),
            NamespaceMatch::Selected(selector) => write!(out, " in namespaces {selector}"),
        }
    }
}

/// Whom a peer of a rule means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerMatch {
    /// Everyone: pods, hosts, addresses.
    Anyone,
    /// Pods by label.
    Pods(PodPattern),
    /// Addresses, as an `ipBlock` gives them. Whether those of pods count is for the options to say.
    Addresses {
        /// The addresses, without the exceptions.
        set: AddressSet,
        /// The exceptions that lie in the block.
        except: AddressSet,
        /// Whether pods never count, whatever the options say, as in Cilium.
        external_only: bool,
    },
    /// Everyone in the cluster, hosts among them, and no address outside.
    Cluster,
    /// Something that manifests do not tell, such as a DNS name or a node, and who it may be: it fits nobody here.
    Undecided(Arc<str>, MayBe),
}

/// Who something may be that manifests do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MayBe {
    /// Addresses outside the cluster alone.
    Outside,
    /// Those, and what has the address of a node.
    OutsideOrHost,
    /// Pods, too.
    Anyone,
}

/// One peer of a rule.
#[derive(Clone, Debug)]
pub struct RulePeer {
    /// Where it stands in the policy's manifest.
    pub at: Pointer,
    /// Whom it means.
    pub who: PeerMatch,
    /// The pods that it means.
    pub(super) set: SetId,
}

/// Ports that a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortMatch {
    /// Numbers.
    Numbers(Ports),
    /// The ports of the destination that have a name, of one protocol or of any.
    Named(Option<Protocol>, Arc<str>),
}

/// One rule of a policy.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it stands in the policy's manifest.
    pub at: Pointer,
    /// What it is called, in the kinds whose rules have names; empty elsewhere.
    pub name: Arc<str>,
    /// What it does.
    pub action: RuleAction,
    /// The peers of which one must fit. Where the rule names none and means everyone, that is one peer, at the rule.
    pub peers: Vec<RulePeer>,
    /// The ports of which one must fit, each with its place; `None` where the rule names none and means all.
    pub ports: Option<Vec<(Pointer, PortMatch)>>,
}

impl Rule {
    /// The ports that it means, given the names that the destination's ports have. Addresses name none.
    pub fn ports_at(&self, destination: &NamedPorts) -> Ports {
        let Some(ports) = &self.ports else {
            return Ports::all();
        };
        let resolved: Vec<_> = ports
            .iter()
            .map(|(_, port)| match port {
                PortMatch::Numbers(ports) => ports.clone(),
                PortMatch::Named(protocol, name) => destination.find(*protocol, name),
            })
            .collect();
        Ports::union_of(&resolved)
    }

    /// Whether what it means depends on the destination's names of ports.
    pub fn has_named_ports(&self) -> bool {
        self.ports.iter().flatten().any(|(_, port)| matches!(port, PortMatch::Named(..)))
    }
}

/// What a policy says of one direction.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Whether the pods that are selected are isolated: what no rule allows is denied.
    pub isolates: bool,
    /// The rules, in their order.
    pub rules: Vec<Rule>,
}

/// One policy, read.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its manifest.
    pub entry: Arc<Entry>,
    /// Its kind.
    pub kind: PolicyKind,
    /// Its tier.
    pub tier: Tier,
    /// Its place in the tier: lower goes first. Zero where order means nothing.
    pub priority: i64,
    /// The pods that it is about.
    pub subject: PodPattern,
    /// Where its subject stands in its manifest.
    pub subject_at: Pointer,
    /// What it says of ingress.
    pub ingress: Section,
    /// What it says of egress.
    pub egress: Section,
    /// The pods of the subject.
    pub(super) set: SetId,
}

impl Policy {
    /// What it says of a direction.
    pub fn section(&self, direction: Direction) -> &Section {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// `namespace/name`, or the name alone of one that belongs to the cluster.
    pub fn name(&self) -> String {
        match &self.entry.namespace {
            Some(namespace) => format!("{namespace}/{}", self.entry.object.name),
            None => self.entry.object.name.to_string(),
        }
    }

    /// The id of one of its rules, or of a peer of it: `namespace/name#ingress[0].from[1]`. The part behind the `#` is
    /// the way to it in the manifest; `spec` is left out.
    pub fn rule_id(&self, at: &Pointer) -> String {
        let steps = at.steps();
        let steps = match steps.split_first() {
            Some((Step::Key(first), rest)) if *first == *"spec" => rest,
            _ => steps,
        };
        format!("{}#{}", self.name(), lumen_value::pointer::dotted(steps))
    }

    /// Where something in it stands.
    pub fn locate(&self, at: &Pointer) -> Location {
        self.entry.locate(at)
    }

    /// All its patterns of pods: the subject's and the peers'.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &PodPattern> {
        let peers = Direction::ALL.iter().flat_map(|direction| &self.section(*direction).rules);
        let peers = peers.flat_map(|rule| &rule.peers).filter_map(|peer| match &peer.who {
            PeerMatch::Pods(pattern) => Some(pattern),
            _ => None,
        });
        std::iter::once(&self.subject).chain(peers)
    }

    /// The names of ports that its rules use.
    pub(super) fn port_names(&self, names: &mut BTreeSet<Arc<str>>) {
        let rules = Direction::ALL.iter().flat_map(|direction| &self.section(*direction).rules);
        for (_, port) in rules.filter_map(|rule| rule.ports.as_ref()).flatten() {
            if let PortMatch::Named(_, name) = port {
                names.insert(name.clone());
            }
        }
    }
}

//! What manifests leave open of where a workload can connect to: [`Doubt`].

use std::collections::BTreeMap;

use crate::network::policy::{MayBe, NamespaceMatch, PortMatch};
use crate::network::well_known::dns;
use crate::network::workload::NamedPorts;
use crate::network::{
    AddressScope, ClassId, Direction, Model, PeerMatch, Policy, Protocol, Rule, RuleAction, Workload,
    WorkloadId,
};

/// Why it is not certain that a place is closed; `None` where it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// The internet.
    pub(super) internet: Option<String>,
    /// The API server.
    pub(super) api_server: Option<String>,
    /// Other workloads.
    pub(super) peers: Option<String>,
    /// The policy that lets it ask the cluster's DNS.
    pub(super) dns: Option<String>,
}

/// Most pairs of a workload and a kind of others that are worked through; beyond it there is a doubt.
const PAIRS_MAX: usize = 200_000;

/// What is looked up once of all workloads of a model: of each class two, which stand for the others.
pub(super) struct Known {
    /// Those that have no address in a status.
    without_address: Vec<WorkloadId>,
    /// Those on the host's network.
    on_host: Vec<WorkloadId>,
    all: Vec<WorkloadId>,
    pairs: usize,
}

impl Known {
    pub(super) fn of(model: &Model) -> Self {
        let two_of_each = |is_meant: fn(&Workload) -> bool| {
            let mut of_class: BTreeMap<ClassId, Vec<WorkloadId>> = BTreeMap::new();
            for (id, workload) in model.iter().filter(|(_, workload)| is_meant(workload)) {
                let ids = of_class.entry(workload.class()).or_default();
                if ids.len() < 2 {
                    ids.push(id);
                }
            }
            of_class.into_values().flatten().collect()
        };
        Self {
            without_address: two_of_each(|workload| workload.addresses.is_empty()),
            on_host: two_of_each(|workload| workload.host_network),
            all: two_of_each(|_| true),
            pairs: 0,
        }
    }

    /// Whether one of some others would let a workload in to whom it is not let out, as far as is known.
    fn some_let_in(pairs: &mut usize, others: &[WorkloadId], model: &Model, id: WorkloadId) -> bool {
        others.iter().filter(|other| **other != id).any(|other| {
            *pairs += 1;
            *pairs > PAIRS_MAX
                || (model.direction(Direction::Egress, id, *other).is_empty()
                    && !model.direction(Direction::Ingress, id, *other).is_empty())
        })
    }

    /// Those that do not let a workload in which is let out to them: one of each class or two, as far as the bound goes.
    pub(super) fn deciding(&mut self, model: &Model, id: WorkloadId) -> Vec<WorkloadId> {
        let pairs = &mut self.pairs;
        let others = self.all.iter().filter(|other| **other != id).take_while(|_| {
            *pairs += 1;
            *pairs <= PAIRS_MAX
        });
        let is_it = |other: &&WorkloadId| {
            !model.direction(Direction::Egress, id, **other).is_empty()
                && model.direction(Direction::Ingress, id, **other).is_empty()
        };
        others.filter(is_it).copied().collect()
    }

    /// What is not certain of where a workload can connect to.
    pub(super) fn doubt(&mut self, model: &Model, id: WorkloadId) -> Doubt {
        let mut doubt = Doubt::default();
        let Some(workload) = model.workload(id) else {
            return doubt;
        };
        if workload.host_network {
            let reason = "It is on the host's network, and the node of a pod always reaches it";
            doubt.peers = Some(reason.to_owned());
        }
        let is_of_pods = model.options().address_scope == AddressScope::PodsToo;
        let policies = model.policies_of(id, Direction::Egress).iter().filter_map(|id| model.policy(*id));
        let rules = policies.flat_map(|policy| {
            policy.section(Direction::Egress).rules.iter().map(move |rule| (policy, rule))
        });
        for (policy, rule) in rules.filter(|(_, rule)| rule.action != RuleAction::Deny) {
            doubt.add_undecided(policy, rule);
            if may_be_dns(rule) {
                add(&mut doubt.dns, || name(policy));
            }
            let has_block = || {
                rule.peers.iter().any(|peer| match &peer.who {
                    PeerMatch::Addresses { set, external_only, .. } => {
                        !(set.ranges().is_empty() || *external_only)
                    }
                    _ => false,
                })
            };
            if is_of_pods
                && doubt.peers.is_none()
                && has_block()
                && Self::some_let_in(&mut self.pairs, &self.without_address, model, id)
            {
                add(&mut doubt.peers, || {
                    format!(
                        "{} allows a block of addresses, and the addresses of other workloads are not known",
                        name(policy)
                    )
                });
            }
            if doubt.peers.is_none()
                && has_block()
                && Self::some_let_in(&mut self.pairs, &self.on_host, model, id)
            {
                add(&mut doubt.peers, || {
                    format!(
                        "{} allows a block of addresses, and other workloads have those of their nodes",
                        name(policy)
                    )
                });
            }
        }
        doubt
    }
}

impl Doubt {
    /// Where a rule that lets something through means whom or what manifests do not tell.
    fn add_undecided(&mut self, policy: &Policy, rule: &Rule) {
        for peer in &rule.peers {
            match &peer.who {
                PeerMatch::Undecided(what, who) => {
                    let reason = || format!("{} allows {what}, which manifests do not tell", name(policy));
                    add(&mut self.internet, reason);
                    add(&mut self.api_server, reason);
                    if *who == MayBe::Anyone {
                        add(&mut self.peers, reason);
                    }
                }
                PeerMatch::Anyone | PeerMatch::Addresses { .. } => {
                    let mut ports = rule.ports.iter().flatten();
                    let named = ports.find_map(|(_, port)| match port {
                        PortMatch::Named(_, port) => Some(port),
                        PortMatch::Numbers(_) => None,
                    });
                    if let Some(port) = named {
                        let reason = || {
                            format!(
                                "{} allows the port `{port}`, which no address gives a number",
                                name(policy)
                            )
                        };
                        add(&mut self.internet, reason);
                        add(&mut self.api_server, reason);
                    }
                }
                // The whole cluster is more than its pods where Cilium says it.
                PeerMatch::Cluster => add(&mut self.api_server, || {
                    format!("{} allows the whole cluster, and the API server may be in it", name(policy))
                }),
                PeerMatch::Pods(_) => {}
            }
        }
    }
}

fn add(reason: &mut Option<String>, new: impl FnOnce() -> String) {
    if reason.is_none() {
        *reason = Some(new());
    }
}

/// Whether a rule may let through to the cluster's DNS: on its port, to pods in its namespace.
fn may_be_dns(rule: &Rule) -> bool {
    let ports = rule.ports_at(&NamedPorts::default());
    let has_port = rule.has_named_ports()
        || [Protocol::Udp, Protocol::Tcp].iter().any(|protocol| ports.contains(*protocol, dns::PORT));
    has_port
        && rule.peers.iter().any(|peer| match &peer.who {
            PeerMatch::Anyone | PeerMatch::Cluster => true,
            PeerMatch::Pods(pattern) => match &pattern.namespaces {
                NamespaceMatch::Named(name) => &**name == dns::NAMESPACE,
                NamespaceMatch::Selected(_) => true,
            },
            PeerMatch::Addresses { .. } | PeerMatch::Undecided(..) => false,
        })
}

fn name(policy: &Policy) -> String {
    format!("{}/{}", policy.entry.object.kind, policy.name())
}

//! What the policies that select a pod let through, for one peer.

use super::class::{Class, ClassId, ClassSet};
use super::policy::{Direction, PeerMatch, Policy, PolicyId, RuleAction, RulePeer, SetId, Tier};
use super::port::Ports;
use super::workload::NamedPorts;
use super::{Endpoint, Model, WorkloadId};

/// Addresses name no ports.
pub(super) static NO_NAMES: NamedPorts = NamedPorts::none();

/// The classes in a set.
pub(super) fn classes_of(sets: &[ClassSet], classes: &[Class], set: SetId) -> Vec<u32> {
    match sets.get(set as usize) {
        Some(ClassSet::These(members)) => members.to_vec(),
        Some(ClassSet::Selectable) => {
            let selectable = (0..).zip(classes).filter(|(_, class)| !class.host_network);
            selectable.map(|(number, _)| number).collect()
        }
        None => Vec::new(),
    }
}

/// What rules let through that all fit, in the order in which they are asked. `isolated` says whether a policy of the
/// namespace tier isolates the pod.
pub(super) fn weigh(isolated: bool, rules: impl Iterator<Item = (Tier, RuleAction, Ports)>) -> Ports {
    let (mut open, mut allowed, mut passed) = (Ports::all(), Ports::none(), Ports::none());
    let (mut denied, mut granted, mut baseline) = (Vec::new(), Vec::new(), Vec::new());
    for (tier, action, ports) in rules {
        match (tier, action) {
            (Tier::Admin, action) => {
                let decided = ports.intersection(&open);
                open = open.difference(&decided);
                match action {
                    RuleAction::Allow => allowed = allowed.union(&decided),
                    RuleAction::Pass => passed = passed.union(&decided),
                    RuleAction::Deny => {}
                }
            }
            (Tier::Namespace, RuleAction::Deny) => denied.push(ports),
            (Tier::Namespace, _) => granted.push(ports),
            (Tier::Baseline, action) => baseline.push((action, ports)),
        }
    }
    open = open.union(&passed).difference(&Ports::union_of(&denied));
    if isolated {
        return allowed.union(&open.intersection(&Ports::union_of(&granted)));
    }
    for (action, ports) in baseline {
        let decided = ports.intersection(&open);
        open = open.difference(&decided);
        // Behind the last tier everything is let through, and so is what is passed on.
        if action != RuleAction::Deny {
            allowed = allowed.union(&decided);
        }
    }
    allowed.union(&open)
}

/// Whether a policy of the namespace tier isolates the pod.
pub(super) fn is_isolated<'a>(mut policies: impl Iterator<Item = &'a Policy>, direction: Direction) -> bool {
    policies.any(|policy| policy.section(direction).isolates)
}

/// What policies let through in one direction. They stand in the order in which they are asked; `fits` says whether a
/// peer of a rule means the other end.
pub(super) fn evaluate<'a>(
    policies: impl Iterator<Item = &'a Policy> + Clone,
    direction: Direction,
    fits: impl Fn(&RulePeer) -> bool,
    destination: &NamedPorts,
) -> Ports {
    let isolated = is_isolated(policies.clone(), direction);
    let rules = policies
        .flat_map(|policy| policy.section(direction).rules.iter().map(move |rule| (policy.tier, rule)));
    let fitting = rules.filter(|(_, rule)| rule.peers.iter().any(&fits));
    weigh(isolated, fitting.map(|(tier, rule)| (tier, rule.action, rule.ports_at(destination))))
}

impl Model {
    /// The ports on which one endpoint may reach another: what the policies of the source let out and those of the
    /// destination let in. Two pods of one workload are meant where both are the same; a pod reaches itself on all
    /// ports, whatever the policies say. Nothing for a workload of another model.
    pub fn allowed(&self, source: impl Into<Endpoint>, destination: impl Into<Endpoint>) -> Ports {
        let (source, destination) = (source.into(), destination.into());
        let egress = self.direction(Direction::Egress, source, destination);
        if egress.is_empty() {
            egress
        } else {
            egress.intersection(&self.direction(Direction::Ingress, source, destination))
        }
    }

    /// The part of [`Model::allowed`] that one direction decides: the source's egress, or the destination's ingress.
    pub fn direction(
        &self,
        direction: Direction,
        source: impl Into<Endpoint>,
        destination: impl Into<Endpoint>,
    ) -> Ports {
        let (source, destination) = (source.into(), destination.into());
        let (subject, peer) = match direction {
            Direction::Ingress => (destination, source),
            Direction::Egress => (source, destination),
        };
        let Some(names) = self.names_at(destination) else {
            return Ports::none();
        };
        match subject {
            Endpoint::Address(_) => Ports::all(),
            Endpoint::Workload(id) => {
                let Some(subject) = self.workload(id) else {
                    return Ports::none();
                };
                let policies = self.resolve(self.selecting(subject.class, direction));
                evaluate(policies, direction, |rule_peer| self.fits(rule_peer, peer), names)
            }
        }
    }

    pub(super) fn resolve<'a>(&'a self, ids: &'a [PolicyId]) -> impl Iterator<Item = &'a Policy> + Clone {
        ids.iter().filter_map(|id| self.policy(*id))
    }

    /// The named ports of a destination; `None` for a workload of another model.
    pub(super) fn names_at(&self, destination: Endpoint) -> Option<&NamedPorts> {
        match destination {
            Endpoint::Address(_) => Some(&NO_NAMES),
            Endpoint::Workload(id) => self.workload(id).map(|workload| &*workload.ports),
        }
    }

    pub(super) fn class_of(&self, workload: WorkloadId) -> Option<(ClassId, &Class)> {
        let class = self.workload(workload)?.class;
        Some((class, self.classes.get(class.index())?))
    }

    /// Whether a peer of a rule means an endpoint.
    pub(super) fn fits(&self, peer: &RulePeer, endpoint: Endpoint) -> bool {
        match endpoint {
            Endpoint::Workload(id) => {
                self.class_of(id).is_some_and(|(number, class)| self.fits_class(peer, number, class))
            }
            Endpoint::Address(address) => match &peer.who {
                PeerMatch::Anyone => true,
                PeerMatch::Addresses { set, .. } => set.contains(address),
                PeerMatch::Pods(_) | PeerMatch::Cluster | PeerMatch::Undecided(..) => false,
            },
        }
    }

    pub(super) fn fits_class(&self, peer: &RulePeer, number: ClassId, class: &Class) -> bool {
        if matches!(peer.who, PeerMatch::Anyone | PeerMatch::Cluster) {
            return true;
        }
        match self.sets.get(peer.set as usize) {
            Some(ClassSet::Selectable) => !class.host_network,
            Some(ClassSet::These(members)) => members.binary_search(&number.0).is_ok(),
            None => false,
        }
    }
}

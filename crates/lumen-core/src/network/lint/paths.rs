//! Rules that allow at one end what the other end denies.

use std::borrow::Cow;

use super::{Context, Findings, called, finding, related, rules, weight_of};
use crate::finding::Finding;
use crate::network::class::ClassId;
use crate::network::policy::{Direction, PeerMatch, Policy, Rule, RulePeer};
use crate::network::port::Ports;
use crate::network::workload::NamedPorts;
use crate::network::{Reachability, Workload, WorkloadId};

/// Peers of which no pod is reached, because the other end lets nothing of it through.
pub(super) fn one_sided(context: &Context<'_>, findings: &mut Findings<'_>) {
    // Nothing can be said where there are no policies; where there are too many pairs, that must be.
    let Some(reach) = &context.reach else {
        if context.has_policies {
            context.give_up();
        }
        return;
    };
    for policy in context.network_policies() {
        let subjects = context.classes(policy.set);
        for direction in Direction::ALL {
            for rule in &policy.section(direction).rules {
                let fixed = (!rule.has_named_ports()).then(|| rule.ports_at(&NamedPorts::none()));
                for peer in &rule.peers {
                    // A rule for all pods is for those, too, that are not among the inputs.
                    if let PeerMatch::Pods(pattern) = &peer.who
                        && !pattern.is_everything()
                    {
                        let side =
                            Side { context, reach, policy, direction, rule, fixed: fixed.as_ref(), peer };
                        findings.extend(side.dead(&subjects));
                    }
                }
            }
        }
    }
}

/// One peer of a rule.
struct Side<'a> {
    context: &'a Context<'a>,
    reach: &'a Reachability,
    policy: &'a Policy,
    direction: Direction,
    rule: &'a Rule,
    /// The rule's ports, where they are the same everywhere.
    fixed: Option<&'a Ports>,
    peer: &'a RulePeer,
}

impl Side<'_> {
    /// The finding, if no pair of a subject and a peer is connected on any of the rule's ports.
    fn dead(&self, subjects: &[u32]) -> Option<Finding> {
        let peers = self.context.classes(self.peer.set);
        let mut example = None;
        for subject in subjects {
            for other in &peers {
                if !self.context.take(1) {
                    return None;
                }
                let (source, destination) = match self.direction {
                    Direction::Ingress => (*other, *subject),
                    Direction::Egress => (*subject, *other),
                };
                let (Some((from, _)), Some((to, end))) = (self.first(source), self.first(destination)) else {
                    continue;
                };
                // One workload, which need not speak to itself.
                if from == to && self.context.members.get(source as usize).is_some_and(|all| all.len() == 1) {
                    continue;
                }
                let ports = self.ports_at(end)?;
                let reached = self.reach.ports(ClassId(source), ClassId(destination));
                if ports.is_empty() || !reached.intersection(&ports).is_empty() {
                    return None;
                }
                example = example.or_else(|| Some((from, to, ports.into_owned())));
            }
        }
        let (from, to, ports) = example?;
        let model = self.context.model;
        let (source, destination) = (model.workload(from)?, model.workload(to)?);
        let message = match self.direction {
            Direction::Egress => format!(
                "egress is allowed here, but `{}` lets in nothing of `{}` on {ports}: the ingress rule is missing",
                called(destination),
                called(source)
            ),
            Direction::Ingress => format!(
                "ingress is allowed here, but `{}` may not send to `{}` on {ports}: the egress rule is missing",
                called(source),
                called(destination)
            ),
        };
        let found = finding(&rules::ONE_SIDED_ALLOW, message, &self.policy.entry, &self.peer.at);
        let (closed, direction) = match self.direction {
            Direction::Egress => (destination, Direction::Ingress),
            Direction::Ingress => (source, Direction::Egress),
        };
        Some(self.context.policies_of(closed.class, direction).take(super::NAMES_MAX).fold(
            found,
            |found, other| {
                let label = format!("`{}` selects `{}`", other.name(), called(closed));
                related(found, other.locate(&other.subject_at), label)
            },
        ))
    }

    /// The rule's ports at a destination; `None` where no steps are left.
    fn ports_at(&self, end: &Workload) -> Option<Cow<'_, Ports>> {
        if let Some(fixed) = self.fixed {
            return Some(Cow::Borrowed(fixed));
        }
        self.context.take(weight_of(self.rule)).then(|| Cow::Owned(self.rule.ports_at(&end.ports)))
    }

    /// A workload that stands for a class.
    fn first(&self, class: u32) -> Option<(WorkloadId, &Workload)> {
        let id = *self.context.members.get(class as usize)?.first()?;
        Some((id, self.context.model.workload(id)?))
    }
}

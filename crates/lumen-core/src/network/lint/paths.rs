//! Rules that allow at one end what the other end denies.

use super::{Context, Findings, called, finding, related, rules};
use crate::finding::Finding;
use crate::network::class::ClassId;
use crate::network::policy::{Direction, PeerMatch, Policy, Rule, RulePeer};
use crate::network::{Workload, WorkloadId};

/// Most pairs of classes that are looked at in all rules together.
const PAIRS_MAX: usize = 2_000_000;

/// Peers of which no pod is reached, because the other end lets nothing of it through.
pub(super) fn one_sided(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut left = PAIRS_MAX;
    for policy in context.network_policies() {
        let subjects = context.classes(policy.set);
        for direction in Direction::ALL {
            for rule in &policy.section(direction).rules {
                for peer in &rule.peers {
                    // A rule for all pods is for those, too, that are not among the inputs.
                    if let PeerMatch::Pods(pattern) = &peer.who
                        && !pattern.is_everything()
                    {
                        let side = Side { context, policy, direction, rule, peer };
                        findings.extend(side.dead(&subjects, &mut left));
                    }
                }
            }
        }
    }
}

/// One peer of a rule.
struct Side<'a> {
    context: &'a Context<'a>,
    policy: &'a Policy,
    direction: Direction,
    rule: &'a Rule,
    peer: &'a RulePeer,
}

impl Side<'_> {
    /// The finding, if no pair of a subject and a peer is connected on any of the rule's ports.
    fn dead(&self, subjects: &[u32], left: &mut usize) -> Option<Finding> {
        let reach = self.context.reach.as_ref()?;
        let peers = self.context.classes(self.peer.set);
        let mut example = None;
        for subject in subjects {
            for other in &peers {
                *left = left.checked_sub(1)?;
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
                let ports = self.rule.ports_at(&end.ports);
                let reached = reach.ports(ClassId(source), ClassId(destination));
                if ports.is_empty() || !reached.intersection(&ports).is_empty() {
                    return None;
                }
                example = example.or(Some((from, to, ports)));
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

    /// A workload that stands for a class.
    fn first(&self, class: u32) -> Option<(WorkloadId, &Workload)> {
        let id = *self.context.members.get(class as usize)?.first()?;
        Some((id, self.context.model.workload(id)?))
    }
}

//! [`Verdict`]: whether what manifests leave open could change an answer.

use super::{Direction, Endpoint, Model, PeerMatch, PolicyId, Question, Rule, RuleAction, RulePeer, Tier};
use crate::network::AddressScope;
use crate::network::policy::{MayBe, NamespaceMatch, PodPattern, Policy};
use crate::network::workload::Workload;
use crate::network::workload::labels::{Fit, fit};

/// Whether a connection is allowed, as far as manifests can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is, whatever manifests leave open.
    Allowed,
    /// It is not, whatever manifests leave open.
    Denied,
    /// It hangs on what manifests leave open.
    Undecided,
}

impl Verdict {
    /// Both directions together: one that denies is enough.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Denied, _) | (_, Self::Denied) => Self::Denied,
            (Self::Undecided, _) | (_, Self::Undecided) => Self::Undecided,
            (Self::Allowed, Self::Allowed) => Self::Allowed,
        }
    }

    pub(super) const fn of(allowed: bool) -> Self {
        if allowed { Self::Allowed } else { Self::Denied }
    }
}

/// What a tier may come to.
#[derive(Clone, Copy, Debug, Default)]
struct Outcomes {
    allow: bool,
    deny: bool,
    pass: bool,
}

impl Outcomes {
    fn add(&mut self, action: RuleAction) {
        match action {
            RuleAction::Allow => self.allow = true,
            RuleAction::Deny => self.deny = true,
            RuleAction::Pass => self.pass = true,
        }
    }

    /// The first rule that fits decides; behind the last one it is passed on.
    fn of_first(rules: impl Iterator<Item = (RuleAction, Fit)>) -> Self {
        let mut outcomes = Self::default();
        for (action, fit) in rules.filter(|(_, fit)| *fit != Fit::No) {
            outcomes.add(action);
            if fit == Fit::Yes {
                return outcomes;
            }
        }
        outcomes.add(RuleAction::Pass);
        outcomes
    }

    /// A denial goes before all; then a rule that allows; then what isolates denies.
    fn of_namespace(isolated: bool, rules: impl Iterator<Item = (RuleAction, Fit)>) -> Self {
        let (mut deny, mut allow) = (Fit::No, Fit::No);
        for (action, fit) in rules {
            let best = if action == RuleAction::Deny { &mut deny } else { &mut allow };
            *best = (*best).max(fit);
        }
        let mut outcomes = Self { deny: deny != Fit::No, ..Self::default() };
        match (deny, isolated, allow) {
            (Fit::Yes, _, _) => {}
            (_, false, _) => outcomes.pass = true,
            (_, true, Fit::No) => outcomes.deny = true,
            (_, true, Fit::Yes) => outcomes.allow = true,
            (_, true, Fit::Open) => (outcomes.allow, outcomes.deny) = (true, true),
        }
        outcomes
    }
}

impl Model {
    /// What some policies may come to at one end: allowed, denied, or either.
    pub(super) fn verdict(
        &self,
        policies: &[PolicyId],
        direction: Direction,
        asked: Question<'_>,
    ) -> Verdict {
        let rules = |tier| {
            self.rules(policies, direction, tier)
                .map(|(_, _, rule)| (rule.action, self.fit_of_rule(rule, asked)))
        };
        let mut all = Outcomes::of_first(rules(Tier::Admin));
        if std::mem::take(&mut all.pass) {
            let isolated = policies.iter().any(|id| self.isolates(*id, direction));
            let of_namespaces = Outcomes::of_namespace(isolated, rules(Tier::Namespace));
            all.allow |= of_namespaces.allow;
            all.deny |= of_namespaces.deny;
            if of_namespaces.pass {
                let baseline = Outcomes::of_first(rules(Tier::Baseline));
                all.allow |= baseline.allow || baseline.pass;
                all.deny |= baseline.deny;
            }
        }
        match (all.allow, all.deny) {
            (true, true) => Verdict::Undecided,
            (allow, _) => Verdict::of(allow),
        }
    }

    /// The policies that may select a workload, for they ask for labels of which the value is not known.
    pub(super) fn may_select(&self, workload: &Workload, direction: Direction) -> Vec<PolicyId> {
        let is_open = |policy: &Policy| {
            let section = policy.section(direction);
            (section.isolates || !section.rules.is_empty())
                && self.fit_of_pattern(&policy.subject, workload) == Fit::Open
        };
        let all = (0..).map(PolicyId).zip(&self.policies);
        all.filter(|(_, policy)| is_open(policy)).map(|(id, _)| id).collect()
    }

    fn fit_of_rule(&self, rule: &Rule, asked: Question<'_>) -> Fit {
        if !rule.ports_at(asked.names).contains(asked.protocol, asked.port) {
            return Fit::No;
        }
        rule.peers.iter().map(|peer| self.fit(peer, asked.peer)).max().unwrap_or(Fit::No)
    }

    /// Whether a peer of a rule means an endpoint, for sure or perhaps.
    pub(super) fn fit(&self, peer: &RulePeer, endpoint: Endpoint) -> Fit {
        let workload = match endpoint {
            Endpoint::Workload(id) => self.workload(id),
            Endpoint::Address(_) => None,
        };
        let fits = self.fits(peer, endpoint);
        match (&peer.who, workload) {
            (PeerMatch::Undecided(_, who), workload) => {
                let least = match workload {
                    None => MayBe::Outside,
                    Some(workload) if workload.host_network => MayBe::OutsideOrHost,
                    Some(_) => MayBe::Anyone,
                };
                if *who >= least { Fit::Open } else { Fit::No }
            }
            (PeerMatch::Pods(pattern), Some(workload)) => match self.fit_of_pattern(pattern, workload) {
                Fit::Open => Fit::Open,
                _ => Fit::of(fits),
            },
            (PeerMatch::Addresses { set, external_only: false, .. }, Some(workload))
                if !fits && workload.addresses.is_empty() && !set.ranges().is_empty() =>
            {
                let counts = workload.host_network || self.options.address_scope == AddressScope::PodsToo;
                if counts { Fit::Open } else { Fit::No }
            }
            _ => Fit::of(fits),
        }
    }

    fn fit_of_pattern(&self, pattern: &PodPattern, workload: &Workload) -> Fit {
        let labels = || fit(&pattern.pods, &workload.labels);
        if workload.host_network || labels() != Fit::Open {
            return Fit::No;
        }
        let is_meant = match &pattern.namespaces {
            NamespaceMatch::Named(name) => *name == workload.namespace,
            NamespaceMatch::Selected(selector) => {
                let index = self.namespaces.binary_search_by(|each| each.name.cmp(&workload.namespace));
                let namespace = index.ok().and_then(|index| self.namespaces.get(index));
                namespace.is_some_and(|namespace| selector.matches(&namespace.labels))
            }
        };
        if is_meant { Fit::Open } else { Fit::No }
    }
}

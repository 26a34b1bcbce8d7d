//! [`NetworkView`] of the network model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::doubt::Known;
use super::round::{self, Round};
use super::{Access, Egress, NetworkView, SomePorts};
use crate::finding::{Finding, Location};
use crate::network::well_known::{self, POLICIES_NOT_READ};
use crate::network::{self, AddressRange, Direction, Model, Ports, WorkloadId};
use crate::posture::layers::{Assumption, Proof};
use crate::posture::radius::WorkloadNumber;
use crate::snapshot::{Entry, Snapshot};

/// Most policies that are kept as evidence about one workload.
pub const EVIDENCE_MAX: usize = 16;

/// Most pairs of workloads that are kept; beyond it nothing is said of peers.
pub const PAIRS_MAX: usize = 20_000_000;

impl NetworkView {
    /// What the network model says of the workloads of a snapshot. Where manifests of a namespace give different labels,
    /// every variant is looked at, and the one that lets a workload go further counts.
    pub fn of(snapshot: &Snapshot) -> Self {
        view(snapshot, |_| false)
    }

    /// The same as if a policy were not there, with the manifests that are left out. The policy is called `namespace/name`,
    /// `name` where it belongs to the cluster, or with its kind before the name. `None` where there is none.
    pub fn without(snapshot: &Snapshot, called: &str) -> Option<(Self, Vec<Arc<Entry>>)> {
        let (model, _) = Model::build(snapshot, &network::Options::default());
        let named = model.policies().iter().filter(|policy| is_called(policy, called));
        let mut entries: Vec<Arc<Entry>> = named.map(|policy| policy.entry.clone()).collect();
        entries.sort_by(|a, b| a.location.cmp(&b.location));
        entries.dedup_by(|a, b| a.location == b.location);
        (!entries.is_empty()).then(|| (view(snapshot, |policy| is_called(policy, called)), entries))
    }
}

fn is_called(policy: &network::Policy, called: &str) -> bool {
    let object = &policy.entry.object;
    policy.name() == called
        || match &policy.entry.namespace {
            Some(namespace) => called == format!("{namespace}/{}/{}", object.kind, object.name),
            None => called == format!("{}/{}", object.kind, object.name),
        }
}

fn view(snapshot: &Snapshot, is_left_out: impl Fn(&network::Policy) -> bool) -> NetworkView {
    let mut view: Option<NetworkView> = None;
    let mut variant = 0;
    loop {
        let options = network::Options { namespace_variant: variant, ..network::Options::default() };
        let (model, findings) = Model::build(snapshot, &options);
        let rests_on: Vec<Assumption> = model
            .assumptions()
            .iter()
            .map(assumption)
            .chain(findings.iter().take(EVIDENCE_MAX).map(not_read_whole))
            .collect();
        let found = of_model(&model.without(&is_left_out), &rests_on, snapshot);
        view = Some(match view {
            None => found,
            Some(before) => weaker(before, found),
        });
        variant += 1;
        if variant >= model.variants() {
            break;
        }
    }
    let mut view = view.unwrap_or_default();
    if POLICIES_NOT_READ.iter().any(|(group, kind, _)| !snapshot.of_kind(group, kind).is_empty()) {
        let reason = "Policies of another kind are among the inputs, and are not evaluated here";
        for egress in view.egress.values_mut() {
            egress.internet = Access::Unknown(reason.to_owned());
            egress.api_server = Access::Unknown(reason.to_owned());
            egress.peers_unknown = Some(reason.to_owned());
        }
    }
    round::add_ways(&mut view.egress);
    view
}

fn of_model(model: &Model, rests_on: &[Assumption], snapshot: &Snapshot) -> NetworkView {
    let numbers: BTreeMap<&Location, WorkloadNumber> =
        snapshot.entries().iter().enumerate().map(|(number, entry)| (&entry.location, number)).collect();
    let number_of: BTreeMap<WorkloadId, WorkloadNumber> = model
        .iter()
        .filter_map(|(id, workload)| Some((id, *numbers.get(&workload.entry.location)?)))
        .collect();
    let peers = peers(model, &number_of);
    let mut known = Known::of(model);
    let on_host = round::on_host(model, &number_of);
    let mut view = NetworkView::default();
    let others = number_of.values().collect::<BTreeSet<_>>().len().saturating_sub(1);
    for (id, number) in &number_of {
        let (internet, api_server) = outside(model, *id);
        let doubt = known.doubt(model, *id);
        let (own, peers_unknown) = match &peers {
            Ok(peers) => (peers.get(number).cloned().unwrap_or_default(), None),
            Err(reason) => (Peers::default(), Some(reason.clone())),
        };
        let found = Egress {
            internet: doubted(internet, doubt.internet),
            api_server: doubted(api_server, doubt.api_server),
            peers: own.numbers,
            peers_on_some_ports: own.on_some_ports,
            peers_unknown,
            peers_doubt: doubt.peers,
            dns: doubt.dns.as_deref().map(dns_does_not_forward),
            others,
            evidence: evidence(model, *id, Direction::Egress),
            ingress_of_peers: ingress_of_peers(model, &known.deciding(model, *id)),
            round: Round {
                is_called: round::is_called_from_outside(model, *id),
                on_host: on_host.iter().copied().find(|other| other != number),
                ..Round::default()
            },
            rests_on: rests_on.to_vec(),
        };
        match view.egress.remove(number) {
            None => view.egress.insert(*number, found),
            // Several templates of one object.
            Some(before) => view.egress.insert(*number, wider(before, found)),
        };
    }
    view
}

/// The workloads that one reaches.
#[derive(Clone, Debug, Default)]
struct Peers {
    /// Sorted.
    numbers: Vec<WorkloadNumber>,
    on_some_ports: Option<SomePorts>,
}

const OVERLAP: &str = "The policies overlap in more ways than are worked through";

/// The workloads that each reaches on any port; beyond the bounds why that is not known.
fn peers(
    model: &Model,
    number_of: &BTreeMap<WorkloadId, WorkloadNumber>,
) -> Result<BTreeMap<WorkloadNumber, Peers>, String> {
    let reachability = model.reachability().map_err(|_| OVERLAP.to_owned())?;
    // What one template of an object does not reach another may.
    let (mut seen, mut of_several) = (BTreeSet::new(), BTreeSet::new());
    of_several.extend(number_of.values().filter(|number| !seen.insert(**number)).copied());
    let mut pairs = 0_usize;
    let mut peers: BTreeMap<WorkloadNumber, Peers> = BTreeMap::new();
    reachability.for_each(|source, destination, ports| {
        let (sources, destinations) = (reachability.members(source), reachability.members(destination));
        pairs = pairs.saturating_add(sources.len().saturating_mul(destinations.len()));
        if pairs > PAIRS_MAX {
            return;
        }
        let destinations: Vec<_> = destinations.iter().filter_map(|id| number_of.get(id).copied()).collect();
        for source in sources.iter().filter_map(|id| number_of.get(id).copied()) {
            let others = destinations.iter().copied().filter(|destination| *destination != source);
            let own = peers.entry(source).or_default();
            own.numbers.extend(others.clone());
            if own.on_some_ports.is_none() && !ports.is_all() && !of_several.contains(&source) {
                let peer = others.into_iter().find(|number| !of_several.contains(number));
                own.on_some_ports = peer.map(|peer| SomePorts { peer, ports: shown(ports).into() });
            }
        }
    });
    if pairs > PAIRS_MAX {
        return Err(format!(
            "More than {PAIRS_MAX} pairs of workloads reach each other, which are not gone through one by one"
        ));
    }
    for own in peers.values_mut() {
        own.numbers.sort_unstable();
        own.numbers.dedup();
    }
    Ok(peers)
}

/// Ports in a few words.
fn shown(ports: &Ports) -> String {
    let text = ports.to_string();
    if text.len() > PORTS_LENGTH_MAX { "some ports".to_owned() } else { text }
}

/// Most bytes of ports that are written out.
const PORTS_LENGTH_MAX: usize = 64;

/// What a workload reaches outside of the cluster: the internet, and the API server.
fn outside(model: &Model, id: WorkloadId) -> (Access, Access) {
    let Ok(ranges) = model.external(id, Direction::Egress) else {
        let unknown = Access::Unknown(OVERLAP.to_owned());
        return (unknown.clone(), unknown);
    };
    (internet(&ranges), api_server(&ranges))
}

fn internet(ranges: &[(AddressRange, Ports)]) -> Access {
    let internet = well_known::internet();
    let (mut some, mut closed) = (Vec::new(), false);
    for (range, ports) in ranges {
        let public = internet.within(range);
        if public.ranges().is_empty() {
            continue;
        }
        if ports.is_empty() {
            // Most clusters have no addresses of the newer family.
            closed |= range.first.is_ipv4();
        } else {
            closed |= !ports.is_all();
            some.extend(public.ranges().first().map(|range| (range.first, ports)));
        }
    }
    match (some.first(), closed) {
        (None, _) => Access::Closed,
        (Some(_), false) => Access::Open,
        (Some((address, ports)), true) => {
            Access::Partly(format!("some ports or addresses outside, such as {address} on {}", shown(ports)))
        }
    }
}

/// Nobody says where the API server is, nor on which port: while anything outside is open, it could be there.
fn api_server(ranges: &[(AddressRange, Ports)]) -> Access {
    let mut of_family = ranges.iter().filter(|(range, _)| range.first.is_ipv4());
    let open = ranges.iter().find(|(_, ports)| !ports.is_empty());
    match (open, of_family.all(|(_, ports)| ports.is_all())) {
        (None, _) => Access::Closed,
        (Some(_), true) => Access::Open,
        (Some((range, _)), false) => Access::Unknown(format!(
            "Policies let it reach some addresses or ports, such as {}; whether the API server is there is not known",
            range.first
        )),
    }
}

/// What is not open for certain is not known where there is a doubt.
fn doubted(access: Access, doubt: Option<String>) -> Access {
    match (access, doubt) {
        (Access::Open, _) => Access::Open,
        (_, Some(reason)) => Access::Unknown(reason),
        (access, None) => access,
    }
}

/// What the policies about one direction of a workload say.
fn evidence(model: &Model, id: WorkloadId, direction: Direction) -> Vec<Proof> {
    let ids = model.policies_of(id, direction).iter();
    proofs(ids.filter_map(|id| model.policy(*id)).collect(), direction)
}

/// What the policies of those say that do not let a workload in.
fn ingress_of_peers(model: &Model, peers: &[WorkloadId]) -> Vec<Proof> {
    let ids: BTreeSet<_> = peers.iter().flat_map(|id| model.policies_of(*id, Direction::Ingress)).collect();
    proofs(ids.into_iter().filter_map(|id| model.policy(*id)).collect(), Direction::Ingress)
}

fn proofs(mut policies: Vec<&network::Policy>, direction: Direction) -> Vec<Proof> {
    let way = match direction {
        Direction::Ingress => "comes in",
        Direction::Egress => "goes out",
    };
    let proof = |policy: &network::Policy| {
        let section = policy.section(direction);
        let says = match (section.isolates, section.rules.len(), direction) {
            (true, 0, Direction::Egress) => "denies what no other policy allows".to_owned(),
            (true, 0, Direction::Ingress) => "lets nobody in whom no other policy lets in".to_owned(),
            (_, 1, _) => format!("has a rule about what {way}"),
            (_, rules, _) => format!("has {rules} rules about what {way}"),
        };
        let what = format!("{}/{}", policy.entry.object.kind, policy.name());
        Proof { what, says, location: Some(policy.entry.location.clone()) }
    };
    // What denies by default says the most.
    policies.sort_by_key(|policy| policy.section(direction).rules.len());
    policies.into_iter().take(EVIDENCE_MAX).map(proof).collect()
}

fn assumption(assumption: &network::Assumption) -> Assumption {
    let name = |name: &Arc<str>| name.to_string();
    Assumption::open(match assumption {
        network::Assumption::NamespaceUnknown(of) => {
            format!(
                "The namespace {}, which is not among the inputs, has no labels that a policy asks for",
                name(of)
            )
        }
        network::Assumption::NamespaceAmbiguous(of) => {
            format!("One of the manifests of the namespace {} says which labels it has", name(of))
        }
        network::Assumption::AddressesUnknown { .. } => {
            "The addresses of pods, which no manifest gives, are in no block of addresses of a policy but all of IPv4"
                .to_owned()
        }
        network::Assumption::NotRead { maker, .. } => {
            format!("The policies of {maker}, which are not read, let nothing through and keep nothing off")
        }
        network::Assumption::RouteNotGranted { .. } => {
            "Routes that name Services of other namespaces without a ReferenceGrant lead nowhere".to_owned()
        }
        network::Assumption::IcmpNotJudged => {
            "Nothing comes of ICMP: what policies mean for it is not judged".to_owned()
        }
    })
}

/// What a name that is asked for carries out of the cluster where its DNS asks others.
fn dns_does_not_forward(policy: &str) -> Assumption {
    Assumption::open(format!(
        "The cluster's DNS, which {policy} lets it ask, does not forward what it is asked"
    ))
}

/// What the model says of a policy that it cannot read, or of a part of one that manifests do not decide.
fn not_read_whole(finding: &Finding) -> Assumption {
    let text = format!("A policy that is not read whole changes nothing: {}", finding.message);
    Assumption { location: finding.location.clone(), ..Assumption::open(text) }
}

/// Where one can go or the other.
fn wider(a: Egress, b: Egress) -> Egress {
    let access = |a: Access, b: Access| match (a, b) {
        (a, b) if a == b => a,
        (Access::Open, _) | (_, Access::Open) => Access::Open,
        (Access::Unknown(reason), _) | (_, Access::Unknown(reason)) => Access::Unknown(reason),
        (Access::Partly(what), _) | (_, Access::Partly(what)) => Access::Partly(what),
        (Access::Closed, Access::Closed) => Access::Closed,
    };
    Egress {
        internet: access(a.internet, b.internet),
        api_server: access(a.api_server, b.api_server),
        peers_on_some_ports: match (a.peers.is_empty(), b.peers.is_empty()) {
            (true, _) => b.peers_on_some_ports,
            (_, true) => a.peers_on_some_ports,
            // Only where neither reaches a peer on every port that the other does not.
            (false, false) => a.peers_on_some_ports.and(b.peers_on_some_ports),
        },
        peers: merged(a.peers, b.peers),
        peers_unknown: a.peers_unknown.or(b.peers_unknown),
        peers_doubt: a.peers_doubt.or(b.peers_doubt),
        dns: a.dns.or(b.dns),
        round: Round {
            is_called: a.round.is_called || b.round.is_called,
            on_host: a.round.on_host.or(b.round.on_host),
            ..a.round
        },
        ..a
    }
}

fn merged(mut a: Vec<WorkloadNumber>, b: Vec<WorkloadNumber>) -> Vec<WorkloadNumber> {
    a.extend(b);
    a.sort_unstable();
    a.dedup();
    a
}

/// What an attacker can do under one variant of labels or under the other.
fn weaker(mut before: NetworkView, after: NetworkView) -> NetworkView {
    for (number, b) in after.egress {
        let both = match before.egress.remove(&number) {
            Some(a) => wider(a, b),
            None => b,
        };
        before.egress.insert(number, both);
    }
    before
}

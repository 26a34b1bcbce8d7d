//! What the network model says of a workload, as the attack model wants it, and the cells that it makes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Assumption, Cell, Proof, State, Subject};
use crate::finding::Layer;
use crate::posture::attack::{Answer, Effect, Evidence};
use crate::posture::radius::{Reach, WorkloadNumber};

mod doubt;
pub mod model;
pub mod round;

use round::{Round, Way};

/// What the network model says of all workloads.
#[derive(Clone, Debug, Default)]
pub struct NetworkView {
    /// By workload.
    pub egress: BTreeMap<WorkloadNumber, Egress>,
}

/// Where a workload's pods can open connections to.
#[derive(Clone, Debug)]
pub struct Egress {
    /// Addresses outside of the cluster.
    pub internet: Access,
    /// The API server.
    pub api_server: Access,
    /// The workloads that it reaches on any port, itself not among them; sorted.
    pub peers: Vec<WorkloadNumber>,
    /// That it reaches some of them on some ports alone, with one as an example; `None` where it reaches all on every port.
    pub peers_on_some_ports: Option<SomePorts>,
    /// Why it is not certain which they are; `None` where it is.
    pub peers_unknown: Option<String>,
    /// Why it could reach more of them than is known; `None` where it cannot.
    pub peers_doubt: Option<String>,
    /// That the cluster's DNS does not forward, where it can be asked.
    pub dns: Option<Assumption>,
    /// How many other workloads there are.
    pub others: usize,
    /// The policies that decide it, at most [`model::EVIDENCE_MAX`].
    pub evidence: Vec<Proof>,
    /// The policies of other workloads that do not let it in, at most [`model::EVIDENCE_MAX`].
    pub ingress_of_peers: Vec<Proof>,
    /// How it gets round them.
    pub round: Round,
    /// What the manifests leave open.
    pub rests_on: Vec<Assumption>,
}

/// A peer that is reached on some ports alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SomePorts {
    /// The peer.
    pub peer: WorkloadNumber,
    /// The ports, in a few words.
    pub ports: Arc<str>,
}

/// Whether a place can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// On every port, by every address.
    Open,
    /// On some ports or addresses: which, in a few words.
    Partly(String),
    /// Not at all.
    Closed,
    /// It cannot be said, for the reason given.
    Unknown(String),
}

/// `open`, `some ports or addresses outside, such as ..`, `closed`, `unknown`.
impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Open => "open",
            Self::Partly(what) => what,
            Self::Closed => "closed",
            Self::Unknown(_) => "unknown",
        })
    }
}

impl NetworkView {
    /// The table of who reaches whom, as far as it is known, with why there could be more.
    pub fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        for (number, egress) in &self.egress {
            if egress.peers_unknown.is_none() {
                reach.peers.insert(*number, egress.peers.clone());
            }
            if let Some(reason) = egress.peers_unknown.as_ref().or(egress.peers_doubt.as_ref()) {
                reach.doubts.insert(*number, reason.as_str().into());
            }
        }
        reach
    }
}

/// The cell of layer 3.
pub(super) fn cell(subject: &Subject<'_>, answer: &Answer) -> Cell {
    let with = |state, effect, why: String| Cell::with(Layer::Network, state, effect, why);
    let egress = subject.inputs.network.and_then(|view| view.egress.get(&subject.number));
    let Some(egress) = egress else {
        return with(State::Unknown, answer.effect, "The network was not looked at".to_owned());
    };
    let access = match answer.evidence {
        Evidence::NoApiServer => egress.api_server.clone(),
        Evidence::NoPeers => peers(egress, subject),
        _ => egress.internet.clone(),
    };
    let cell = match access {
        Access::Unknown(reason) => return with(State::Unknown, answer.effect, reason),
        Access::Open => {
            let cell =
                with(State::NotCovered, answer.effect, "Policies let it, or none is about it".to_owned());
            return Cell { evidence: egress.evidence.clone(), ..cell };
        }
        Access::Partly(what) => {
            with(State::Enforced, Effect::Limits, format!("Policies let it reach {what}"))
        }
        Access::Closed => match way_round(answer, egress) {
            Some(way) => with(State::Enforced, Effect::Limits, told(way, answer, subject)),
            None => with(State::Enforced, answer.effect, answer.why.to_owned()),
        },
    };
    let enforced = subject.around.policies_are_enforced.clone();
    let dns = egress.dns.iter().filter(|_| answer.evidence == Evidence::NoInternet);
    let rests_on = std::iter::once(&enforced).chain(dns).chain(&egress.rests_on).cloned();
    let rests_on = rests_on.chain(open_ways(subject, answer, egress)).collect();
    let mut evidence = egress.evidence.clone();
    if answer.evidence == Evidence::NoPeers {
        let more = egress.ingress_of_peers.iter().filter(|proof| !egress.evidence.contains(proof));
        evidence.extend(more.cloned());
        evidence.truncate(model::EVIDENCE_MAX);
    }
    Cell { evidence, rests_on, ..cell }
}

fn way_round(answer: &Answer, egress: &Egress) -> Option<Way> {
    match answer.evidence {
        Evidence::NoInternet => egress.round.internet,
        Evidence::NoApiServer => egress.round.api_server,
        _ => None,
    }
}

/// The place that the answer is about.
fn place(answer: &Answer) -> &'static str {
    match answer.evidence {
        Evidence::NoApiServer => "the API server",
        Evidence::NoPeers => "other workloads",
        _ => "addresses outside",
    }
}

fn told(way: Way, answer: &Answer, subject: &Subject<'_>) -> String {
    let (peer, place) = (name(way.peer, subject), place(answer));
    let open = |number: WorkloadNumber| {
        let egress = subject.inputs.network.and_then(|view| view.egress.get(&number));
        egress.is_some_and(|egress| {
            let access =
                if answer.evidence == Evidence::NoApiServer { &egress.api_server } else { &egress.internet };
            !matches!(access, Access::Unknown(_))
        })
    };
    match (way.is_last, open(way.peer)) {
        (true, true) => {
            format!("Not directly: it reaches {peer}, which policies let reach {place}")
        }
        (true, false) => {
            format!("Not directly: it reaches {peer}, and it is not known whether that one reaches {place}")
        }
        (false, _) => {
            format!("Not directly: it reaches {peer}, from where others on the way to {place} are reached")
        }
    }
}

/// What policies never stop, and what has to be so for that not to matter.
fn open_ways(subject: &Subject<'_>, answer: &Answer, egress: &Egress) -> Vec<Assumption> {
    let mut open = Vec::new();
    let on_host = egress.round.on_host.map(|number| name(number, subject));
    match answer.evidence {
        Evidence::NoApiServer => open.push(Assumption::open(
            "The API server is not on the workload's node, to which policies let everything through, or the plugin filters that",
        )),
        Evidence::NoPeers => open.extend(on_host.map(|name| {
            Assumption::open(format!(
                "{name}, which is on the host's network, is not on the workload's node, to which policies let everything \
                 through, or the plugin filters that"
            ))
        })),
        _ => {
            open.extend(on_host.map(|name| {
                Assumption::open(format!(
                    "Nothing passes data on that is on the workload's node, such as {name}, which is on the host's network"
                ))
            }));
            if egress.round.is_called {
                open.push(Assumption::open(
                    "Nobody who may connect to the workload carries data out in the answers, which policies let through",
                ));
            }
        }
    }
    let indirect = answer.evidence != Evidence::NoPeers;
    let reason = egress.peers_unknown.as_ref().or(egress.peers_doubt.as_ref()).filter(|_| indirect);
    open.extend(reason.map(|reason| {
        let place = place(answer);
        Assumption::open(format!(
            "No workload that it may reach beside those that are known reaches {place} ({reason})"
        ))
    }));
    open
}

/// `shop/Deployment/api`.
fn name(number: WorkloadNumber, subject: &Subject<'_>) -> String {
    let entry = subject.inputs.snapshot.entries().get(number);
    entry.map_or_else(String::new, |entry| format!("`{}`", entry.object))
}

fn peers(egress: &Egress, subject: &Subject<'_>) -> Access {
    if let Some(reason) = &egress.peers_unknown {
        return Access::Unknown(reason.clone());
    }
    match (egress.peers.len(), &egress.peers_doubt) {
        (0, _) if egress.others == 0 => Access::Unknown("No other workload is among the inputs".to_owned()),
        (reached, _) if reached >= egress.others && egress.peers_on_some_ports.is_none() => Access::Open,
        (_, Some(reason)) => Access::Unknown(reason.clone()),
        (0, None) => Access::Closed,
        (reached, None) => {
            let narrow = egress.peers_on_some_ports.as_ref().map(|narrow| {
                let peer = subject.inputs.snapshot.entries().get(narrow.peer);
                let name = peer.map_or_else(String::new, |entry| {
                    format!("{}/{}", entry.namespace.as_deref().unwrap_or_default(), entry.object.name)
                });
                format!(", not all on every port: {name} on {}", narrow.ports)
            });
            let narrow = narrow.unwrap_or_default();
            Access::Partly(format!("{reached} of {} other workloads{narrow}", egress.others))
        }
    }
}

//! [`Listing`]: who reaches whom, and on which ports.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use lumen_core::network::route::PATHS_MAX;
use lumen_core::network::{AddressRange, AddressSet, Direction, Exposure, Model, Ports, WorkloadId};

use super::actor::{Actor, Party, actors, pattern};
use super::end::controllers;
use super::{HINT_FOLD, Network, TooMuch};

mod json;
mod table;
mod text;

pub use json::{LIST_SCHEMA, List, json};
pub use table::{csv, markdown};
pub use text::text;

/// Most connections of one listing.
pub const CONNECTIONS_MAX: usize = 1_000_000;

/// What of a network is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Only what goes to or from these workloads; everything where there are none.
    pub focus: BTreeSet<WorkloadId>,
    /// What goes to and from pods that no manifest describes, too.
    pub exposure: bool,
    /// Whether what is alike is one.
    pub fold: bool,
}

/// One connection: it is allowed on these ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// Who connects.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// On which ports of the destination; never none.
    pub ports: Ports,
}

/// A way from an ingress controller by a route to a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutePath {
    /// The host or match, as written; empty for all.
    pub host: String,
    /// The Service: `namespace/name`.
    pub service: String,
    /// The controller.
    pub through: Party,
    /// The workload behind the Service.
    pub to: usize,
    /// The ports that the route leads to.
    pub offered: Ports,
    /// Those of them that the controller may reach.
    pub allowed: Ports,
}

/// Who reaches whom. Pods of one workload among themselves are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The workloads, sorted by namespace, kind and name.
    pub actors: Vec<Actor>,
    /// The connections, sorted by their ends.
    pub connections: Vec<Connection>,
    /// The routes, sorted.
    pub routes: Vec<RoutePath>,
    /// The actors that no policy isolates: for ingress, and for egress.
    pub open: [Vec<usize>; 2],
    /// The actors on the host's network, which policies do not select.
    pub on_host: Vec<usize>,
    /// What the answers rest on.
    pub assumptions: Vec<String>,
    /// The actors that were asked for; none where all were.
    pub focus: BTreeSet<usize>,
}

impl Listing {
    /// Lists a network.
    ///
    /// # Errors
    ///
    /// Where there are more connections than [`CONNECTIONS_MAX`], or the policies are more than can be worked through.
    pub fn of(network: &Network, choice: &Choice) -> anyhow::Result<Self> {
        let model = &network.model;
        let mut builder = Builder::new(model, choice);
        builder.pairs()?;
        builder.outside()?;
        if choice.exposure {
            builder.unknown_pods()?;
        }
        builder.routes()?;
        let Builder { mut listing, shown, .. } = builder;
        listing.connections.sort();
        listing.connections.dedup();
        listing.routes.sort();
        listing.routes.dedup();
        let mut named: BTreeSet<usize> =
            shown.iter().enumerate().filter(|(_, shown)| **shown).map(|(index, _)| index).collect();
        named.extend(listing.connections.iter().flat_map(|each| [&each.from, &each.to]).filter_map(
            |party| match party {
                Party::Actor(index) => Some(*index),
                _ => None,
            },
        ));
        for index in named {
            let Some(workload) = listing.actors.get(index).and_then(Actor::first) else { continue };
            if model.workload(workload).is_some_and(|workload| workload.host_network) {
                listing.on_host.push(index);
                continue;
            }
            for (direction, open) in Direction::ALL.into_iter().zip(&mut listing.open) {
                if !model.is_isolated(workload, direction) {
                    open.push(index);
                }
            }
        }
        listing.assumptions = network.assumptions();
        if !choice.focus.is_empty() {
            let asked = shown.iter().enumerate().filter(|(_, shown)| **shown);
            listing.focus = asked.map(|(index, _)| index).collect();
        }
        Ok(listing)
    }
}

struct Builder<'a> {
    model: &'a Model,
    listing: Listing,
    /// For each actor whether it is in focus.
    shown: Vec<bool>,
}

impl<'a> Builder<'a> {
    fn new(model: &'a Model, choice: &'a Choice) -> Self {
        let actors = actors(model, choice.fold);
        let in_focus = |actor: &Actor| {
            choice.focus.is_empty() || actor.members.iter().any(|member| choice.focus.contains(member))
        };
        let shown = actors.iter().map(in_focus).collect();
        Self { model, listing: Listing { actors, ..Listing::default() }, shown }
    }

    fn is_shown(&self, actor: usize) -> bool {
        self.shown.get(actor).copied().unwrap_or_default()
    }

    fn add(&mut self, from: Party, to: Party, ports: Ports) -> Result<(), TooMuch> {
        if ports.is_empty() {
            return Ok(());
        }
        if self.listing.connections.len() >= CONNECTIONS_MAX {
            return Err(TooMuch { what: "connections", max: CONNECTIONS_MAX, hint: HINT_FOLD });
        }
        self.listing.connections.push(Connection { from, to, ports });
        Ok(())
    }

    /// The actors with their workloads.
    fn each(&self) -> Vec<(usize, WorkloadId)> {
        let numbered = self.listing.actors.iter().enumerate();
        numbered
            .filter(|(index, _)| self.is_shown(*index))
            .filter_map(|(index, actor)| Some((index, actor.first()?)))
            .collect()
    }

    fn pairs(&mut self) -> anyhow::Result<()> {
        let reachability = self.model.reachability()?;
        let mut by_class: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, actor) in self.listing.actors.iter().enumerate() {
            let workload = actor.first().and_then(|first| self.model.workload(first));
            if let Some(workload) = workload {
                by_class.entry(workload.class().index()).or_default().push(index);
            }
        }
        let mut beyond = None;
        reachability.for_each(|source, destination, ports| {
            let of = |class: usize| by_class.get(&class).map_or(&[][..], Vec::as_slice);
            for &from in of(source.index()) {
                for &to in of(destination.index()) {
                    let among_itself = from == to
                        && self.listing.actors.get(from).is_none_or(|actor| actor.members.len() < 2);
                    if beyond.is_some() || among_itself || !(self.is_shown(from) || self.is_shown(to)) {
                        continue;
                    }
                    beyond = self.add(Party::Actor(from), Party::Actor(to), ports.clone()).err();
                }
            }
        });
        beyond.map_or(Ok(()), |beyond| Err(beyond.into()))
    }

    fn outside(&mut self) -> anyhow::Result<()> {
        let mut known: HashMap<(usize, Direction), Vec<(AddressSet, Ports)>> = HashMap::new();
        for (index, workload) in self.each() {
            let class = self.model.workload(workload).map(|workload| workload.class().index());
            for direction in Direction::ALL {
                let key = (class.unwrap_or_default(), direction);
                let found = match known.entry(key) {
                    Entry::Occupied(found) => found.get().clone(),
                    Entry::Vacant(place) => {
                        place.insert(layered(&self.model.external(workload, direction)?)).clone()
                    }
                };
                for (set, ports) in found {
                    let (outside, actor) = (Party::Outside(set), Party::Actor(index));
                    match direction {
                        Direction::Ingress => self.add(outside, actor, ports)?,
                        Direction::Egress => self.add(actor, outside, ports)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn unknown_pods(&mut self) -> anyhow::Result<()> {
        for (index, workload) in self.each() {
            for direction in Direction::ALL {
                for Exposure { pods, ports } in self.model.exposure(workload, direction)? {
                    let (pods, actor) = (Party::Pods(pattern(&pods)), Party::Actor(index));
                    match direction {
                        Direction::Ingress => self.add(pods, actor, ports)?,
                        Direction::Egress => self.add(actor, pods, ports)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn routes(&mut self) -> Result<(), TooMuch> {
        let mut places: BTreeMap<WorkloadId, usize> = BTreeMap::new();
        for (index, actor) in self.listing.actors.iter().enumerate() {
            places.extend(actor.members.iter().map(|member| (*member, index)));
        }
        let found = controllers(self.model);
        let through: Vec<Option<WorkloadId>> =
            if found.is_empty() { vec![None] } else { found.into_iter().map(Some).collect() };
        let mut unknown: BTreeMap<usize, Ports> = BTreeMap::new();
        let too_much = || TooMuch { what: "ways by routes", max: PATHS_MAX, hint: HINT_FOLD };
        for controller in through {
            for path in self.model.ingress_paths(controller).map_err(|_| too_much())? {
                let Some(&to) = places.get(&path.workload) else { continue };
                let party = controller.and_then(|id| places.get(&id)).map(|at| Party::Actor(*at));
                let through = party.unwrap_or(Party::Controller);
                let in_focus = matches!(&through, Party::Actor(at) if self.is_shown(*at));
                let Some(route) =
                    self.model.routes().get(path.route).filter(|_| in_focus || self.is_shown(to))
                else {
                    continue;
                };
                if self.listing.routes.len() >= PATHS_MAX {
                    return Err(too_much());
                }
                if through == Party::Controller {
                    let ports = unknown.entry(to).or_default();
                    *ports = ports.union(&path.allowed);
                }
                self.listing.routes.push(RoutePath {
                    host: route.host.to_string(),
                    service: format!("{}/{}", route.namespace, route.service),
                    through,
                    to,
                    offered: path.offered,
                    allowed: path.allowed,
                });
            }
        }
        let reached = unknown.into_iter().filter(|(_, ports)| !ports.is_empty());
        self.listing.connections.extend(reached.map(|(to, ports)| Connection {
            from: Party::Controller,
            to: Party::Actor(to),
            ports,
        }));
        Ok(())
    }
}

/// Ranges of addresses, taken together: first the ports that are the same for every address, then what single ranges
/// have beyond these.
pub fn layered(ranges: &[(AddressRange, Ports)]) -> Vec<(AddressSet, Ports)> {
    let mut everywhere = Ports::all();
    for (_, ports) in ranges {
        everywhere = everywhere.intersection(ports);
    }
    if ranges.is_empty() {
        everywhere = Ports::none();
    }
    let mut rest: BTreeMap<Ports, Vec<AddressRange>> = BTreeMap::new();
    for (range, ports) in ranges {
        let beyond = ports.difference(&everywhere);
        if !beyond.is_empty() {
            rest.entry(beyond).or_default().push(*range);
        }
    }
    let all = (!everywhere.is_empty()).then(|| (AddressSet::all(), everywhere));
    all.into_iter().chain(rest.into_iter().map(|(ports, ranges)| (AddressSet::of(ranges), ports))).collect()
}

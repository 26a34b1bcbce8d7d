//! Listings and differences as a [`Graph`].
//!
//! What many have in common is drawn once, and the picture says so: where all workloads of a namespace reach one place
//! on the same ports, an edge leads there from a node that stands for them all.

use std::collections::{BTreeMap, BTreeSet};

use super::actor::{Actor, Party, actors};
use super::difference::{Difference, Presence};
use super::listing::{Choice, Listing};
use super::{HINT_FOLD, Network, TooMuch};
use crate::graph::{EDGES_MAX, Edge, Graph, Group, Lane, Mark, NODES_MAX, Node};
use crate::output::counted;

/// Most ranges of addresses that a label names.
const RANGES_SHOWN_MAX: usize = 2;

/// A connection to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    label: String,
    mark: Mark,
    from: Corner,
    to: Corner,
}

/// Where a connection starts or ends, in a picture: outside nodes for what comes and what goes are two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Corner {
    Before(Party),
    /// An actor, by its number.
    Actor(usize),
    /// All actors of a group.
    All(usize),
    After(Party),
}

/// Says before anything is worked out that a listing would have too many nodes.
///
/// # Errors
///
/// Where everyone is shown, and they are more than can be drawn.
pub fn check_size(network: &Network, choice: &Choice) -> Result<(), TooMuch> {
    // With a focus only those are drawn who are connected with it, and they are not known yet.
    if choice.focus.is_empty() && actors(&network.model, choice.fold).len() > NODES_MAX {
        return Err(TooMuch { what: "nodes to draw", max: NODES_MAX, hint: HINT_FOLD });
    }
    Ok(())
}

/// Draws a listing. `names` are those of all workloads of the model.
///
/// # Errors
///
/// Where it would have more nodes or edges than can be drawn.
pub fn of_listing(network: &Network, listing: &Listing, names: &[String]) -> Result<Graph, TooMuch> {
    let lines = listing.connections.iter().map(|each| Line {
        label: each.ports.to_string(),
        mark: if each.ports.is_all() { Mark::Open } else { Mark::Plain },
        from: corner(&each.from, true),
        to: corner(&each.to, false),
    });
    let mut drawer = Drawer::new(&listing.actors, lines.collect());
    drawer.bundle();
    let detail = |number: usize, actor: &Actor| {
        let mut words = vec![actor.kind.to_string()];
        if listing.on_host.contains(&number) {
            words.push("host network".into());
        } else {
            let [ingress, egress] = &listing.open;
            match (ingress.contains(&number), egress.contains(&number)) {
                (true, true) => words.push("not isolated".into()),
                (true, false) => words.push("ingress open".into()),
                (false, true) => words.push("egress open".into()),
                (false, false) => {}
            }
        }
        let mark =
            if listing.open.iter().any(|open| open.contains(&number)) { Mark::Open } else { Mark::Plain };
        (words.join(", "), mark)
    };
    // Without a focus everyone is shown, also those who reach nobody.
    let mut graph = drawer.draw(listing.focus.is_empty(), detail)?;
    graph.title = "Who reaches whom".into();
    let workloads: usize = listing.actors.iter().map(|actor| actor.members.len()).sum();
    graph.description = format!(
        "{} of {} and {} that network policies let through, as lumen reads the manifests. From left to right: what comes \
         from outside, the namespaces with their workloads, what goes outside.",
        counted(listing.connections.len(), "connection"),
        counted(workloads, "workload"),
        match network.model.policies().len() {
            1 => "1 policy".into(),
            count => format!("{count} policies"),
        },
    );
    for actor in listing.actors.iter().filter(|actor| actor.more() > 0) {
        let members: Vec<_> =
            actor.members.iter().filter_map(|id| names.get(id.index()).map(String::as_str)).collect();
        graph.notes.push(crate::graph::cut(&format!("{actor} is {}", members.join(", ")), 160));
    }
    for route in listing.routes.iter().filter(|route| route.allowed.is_empty()) {
        let (through, to) =
            (route.through.name(&listing.actors), Party::Actor(route.to).name(&listing.actors));
        graph.notes.push(format!(
            "denied: {through} does not reach {to}, to which a route for {} leads",
            route.host
        ));
    }
    Ok(graph)
}

/// Draws what changed, and nothing else.
///
/// # Errors
///
/// Where it would have more nodes or edges than can be drawn.
pub fn of_difference(difference: &Difference) -> Result<Graph, TooMuch> {
    let mut lines = Vec::new();
    for change in &difference.changes {
        for (sign, mark, ports) in [("+", Mark::Won, &change.won), ("\u{2212}", Mark::Lost, &change.lost)] {
            if !ports.is_empty() {
                lines.push(Line {
                    label: format!("{sign} {ports}"),
                    mark,
                    from: corner(&change.from, true),
                    to: corner(&change.to, false),
                });
            }
        }
    }
    let mut drawer = Drawer::new(&difference.actors, lines);
    drawer.bundle();
    let mut graph = drawer.draw(false, |number, actor| match difference.presence.get(number) {
        Some(Presence::Comes) => (format!("{}, new", actor.kind), Mark::Won),
        Some(Presence::Goes) => (format!("{}, gone", actor.kind), Mark::Lost),
        _ => (actor.kind.to_string(), Mark::Plain),
    })?;
    graph.title = "What is reached now and was not, and the reverse".into();
    graph.description = format!(
        "{} between workloads, as network policies let them through. Solid with a plus: it is reached now. Dashed with a \
         minus: it is reached no more.",
        counted(difference.changes.len(), "change")
    );
    graph.notes.push("+ solid: reached now   \u{2212} dashed: reached no more".into());
    Ok(graph)
}

fn corner(party: &Party, is_source: bool) -> Corner {
    match (party, is_source) {
        (Party::Actor(index), _) => Corner::Actor(*index),
        (party, true) => Corner::Before(party.clone()),
        (party, false) => Corner::After(party.clone()),
    }
}

struct Drawer<'a> {
    actors: &'a [Actor],
    lines: BTreeSet<Line>,
    /// The namespaces, sorted, with their actors.
    groups: Vec<(String, Vec<usize>)>,
    group_of: Vec<usize>,
    details: Vec<String>,
}

impl<'a> Drawer<'a> {
    fn new(actors: &'a [Actor], lines: Vec<Line>) -> Self {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, actor) in actors.iter().enumerate() {
            groups.entry(&actor.namespace).or_default().push(index);
        }
        let mut group_of = vec![0; actors.len()];
        for (number, members) in groups.values().enumerate() {
            for member in members {
                if let Some(place) = group_of.get_mut(*member) {
                    *place = number;
                }
            }
        }
        let groups: Vec<_> = groups.into_iter().map(|(name, members)| (name.to_owned(), members)).collect();
        let details = vec![String::new(); groups.len()];
        let lines = lines.into_iter().filter(|line| line.from != line.to).collect();
        Self { actors, lines, groups, group_of, details }
    }

    /// Draws once what all of a namespace have in common.
    fn bundle(&mut self) {
        self.cliques();
        for of_source in [true, false] {
            // Lines that differ in one end alone, and that end in one group.
            let mut alike: BTreeMap<(String, Mark, Corner, usize), Vec<usize>> = BTreeMap::new();
            for line in &self.lines {
                let (end, other) = if of_source { (&line.from, &line.to) } else { (&line.to, &line.from) };
                if let Corner::Actor(actor) = end {
                    let group = self.group_of.get(*actor).copied().unwrap_or_default();
                    let key = (line.label.clone(), line.mark, other.clone(), group);
                    alike.entry(key).or_default().push(*actor);
                }
            }
            for ((label, mark, other, group), actors) in alike {
                let members = self.groups.get(group).map_or(0, |(_, members)| members.len());
                let within = match &other {
                    Corner::Actor(other) => self.group_of.get(*other) == Some(&group),
                    Corner::All(other) => *other == group,
                    _ => false,
                };
                if within || members < 2 || actors.len() < members {
                    continue;
                }
                let line = |end: Corner| {
                    let (label, other) = (label.clone(), other.clone());
                    let (from, to) = if of_source { (end, other) } else { (other, end) };
                    Line { label, mark, from, to }
                };
                for actor in actors {
                    self.lines.remove(&line(Corner::Actor(actor)));
                }
                self.lines.insert(line(Corner::All(group)));
            }
        }
    }

    /// Says of a namespace in which each reaches each that it is so, in place of all the lines.
    fn cliques(&mut self) {
        let mut within: BTreeMap<(usize, String, Mark), Vec<Line>> = BTreeMap::new();
        for line in &self.lines {
            if let (Corner::Actor(from), Corner::Actor(to)) = (&line.from, &line.to) {
                let groups = (self.group_of.get(*from), self.group_of.get(*to));
                if let (Some(group), Some(other)) = groups
                    && group == other
                {
                    within.entry((*group, line.label.clone(), line.mark)).or_default().push(line.clone());
                }
            }
        }
        for ((group, label, _), lines) in within {
            let members = self.groups.get(group).map_or(0, |(_, members)| members.len());
            if members < 2 || lines.len() < members * (members - 1) {
                continue;
            }
            for line in lines {
                self.lines.remove(&line);
            }
            if let Some(detail) = self.details.get_mut(group) {
                let separator = if detail.is_empty() { "" } else { "; " };
                *detail = format!("{detail}{separator}each reaches each: {label}");
            }
        }
    }

    fn draw(
        self,
        everyone: bool,
        describe: impl Fn(usize, &Actor) -> (String, Mark),
    ) -> Result<Graph, TooMuch> {
        let corners = self.corners(everyone);
        if corners.len() > NODES_MAX {
            return Err(TooMuch { what: "nodes to draw", max: NODES_MAX, hint: HINT_FOLD });
        }
        if self.lines.len() > EDGES_MAX {
            return Err(TooMuch { what: "edges to draw", max: EDGES_MAX, hint: HINT_FOLD });
        }
        let used: BTreeSet<usize> = corners
            .iter()
            .filter_map(|corner| match corner {
                Corner::Actor(actor) => self.group_of.get(*actor).copied(),
                Corner::All(group) => Some(*group),
                _ => None,
            })
            .collect();
        let places: BTreeMap<usize, usize> = used.iter().copied().zip(0..).collect();
        let mut graph = Graph::default();
        for group in &used {
            let name = self.groups.get(*group).map(|(name, _)| name.clone()).unwrap_or_default();
            let detail = self.details.get(*group).cloned().unwrap_or_default();
            graph.groups.push(Group { name, detail });
        }
        let mut numbers: BTreeMap<Corner, usize> = BTreeMap::new();
        for corner in corners {
            let node = self.node(&corner, &places, &describe);
            numbers.insert(corner, graph.nodes.len());
            graph.nodes.push(node);
        }
        graph.edges = self.edges(&graph.nodes, &numbers);
        Ok(graph)
    }

    /// Everything that is seen.
    fn corners(&self, everyone: bool) -> BTreeSet<Corner> {
        let mut corners: BTreeSet<Corner> =
            self.lines.iter().flat_map(|line| [line.from.clone(), line.to.clone()]).collect();
        if everyone {
            corners.extend((0..self.actors.len()).map(Corner::Actor));
        }
        // Where something is told of a group as a whole, its members must be seen.
        let told = self.details.iter().enumerate().filter(|(_, detail)| !detail.is_empty());
        let told = told.map(|(group, _)| group);
        let bundled = corners.iter().filter_map(|corner| match corner {
            Corner::All(group) => Some(*group),
            _ => None,
        });
        let shown: BTreeSet<usize> = told.chain(bundled).collect();
        for group in shown {
            let members = self.groups.get(group).map(|(_, members)| members.clone());
            corners.extend(members.into_iter().flatten().map(Corner::Actor));
        }
        corners
    }

    fn edges(&self, nodes: &[Node], numbers: &BTreeMap<Corner, usize>) -> Vec<Edge> {
        let mut edges = Vec::with_capacity(self.lines.len());
        let title = |number: usize| nodes.get(number).map(|node| node.title.as_str()).unwrap_or_default();
        for line in &self.lines {
            let (Some(&from), Some(&to)) = (numbers.get(&line.from), numbers.get(&line.to)) else {
                continue;
            };
            // What goes both ways is one edge with two heads.
            let back = Line { from: line.to.clone(), to: line.from.clone(), ..line.clone() };
            let both = self.lines.contains(&back);
            if both && line.from > line.to {
                continue;
            }
            let joint = if both { "and" } else { "to" };
            let title = format!("{} {joint} {}: {}", title(from), title(to), line.label);
            edges.push(Edge { from, to, label: line.label.clone(), title, mark: line.mark, both });
        }
        edges.sort();
        edges
    }

    fn node(
        &self,
        corner: &Corner,
        places: &BTreeMap<usize, usize>,
        describe: &impl Fn(usize, &Actor) -> (String, Mark),
    ) -> Node {
        let group = |group: usize| Lane::Group(places.get(&group).copied().unwrap_or_default());
        match corner {
            Corner::Before(party) | Corner::After(party) => {
                let lane = if matches!(corner, Corner::Before(_)) { Lane::Before } else { Lane::After };
                let (label, detail) = outside(party);
                Node { lane, label, detail, title: party.name(self.actors), mark: Mark::Plain }
            }
            Corner::Actor(index) => {
                let of = self.group_of.get(*index).copied().unwrap_or_default();
                let Some(actor) = self.actors.get(*index) else {
                    return Node {
                        lane: group(of),
                        label: String::new(),
                        detail: String::new(),
                        title: String::new(),
                        mark: Mark::Plain,
                    };
                };
                let name = actor.to_string();
                let own = format!("{}/", actor.namespace);
                let label = name.strip_prefix(&own).unwrap_or(&name);
                // The kind stands below anyway.
                let label = label.replace(&format!("[{}]", actor.kind), "");
                let (detail, mark) = describe(*index, actor);
                Node { lane: group(of), label, detail, title: name, mark }
            }
            Corner::All(of) => {
                let (name, members) = self.groups.get(*of).map_or(("", 0), |(name, all)| (name, all.len()));
                Node {
                    lane: group(*of),
                    label: format!("all {members} workloads"),
                    detail: String::new(),
                    title: format!("all workloads of {name}"),
                    mark: Mark::All,
                }
            }
        }
    }
}

/// What is written in a node outside.
fn outside(party: &Party) -> (String, String) {
    match party {
        Party::Outside(set) => {
            let name = super::actor::addresses(set);
            if name == "world" {
                return (name, "any address".into());
            }
            if let Some((all, except)) = name.split_once(" except ").filter(|_| !name.contains(',')) {
                return (all.to_owned(), format!("except {except}"));
            }
            let ranges: Vec<_> = set.ranges().iter().map(super::actor::range).collect();
            let shown: Vec<_> = ranges.iter().take(RANGES_SHOWN_MAX).cloned().collect();
            let more = ranges.len().saturating_sub(shown.len());
            let detail = if more == 0 { "addresses".into() } else { format!("and {more} more ranges") };
            (shown.join(", "), detail)
        }
        Party::Controller => ("ingress-controller".into(), "not among the inputs".into()),
        Party::Pods(pattern) => {
            let words = [" in namespace", " in all namespaces"];
            let place = words.iter().filter_map(|words| pattern.rfind(words)).max();
            match place.and_then(|place| pattern.split_at_checked(place)) {
                Some((pods, place)) => (pods.to_owned(), place.trim_start().to_owned()),
                None => (pattern.clone(), String::new()),
            }
        }
        Party::Actor(_) => (String::new(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use lumen_core::network::{Ports, Protocol};

    use super::*;

    #[test]
    fn what_all_have_in_common_is_drawn_once() {
        let actor = |name: &str, namespace: &str| Actor {
            name: format!("{namespace}/{name}"),
            namespace: namespace.into(),
            kind: "Deployment".into(),
            members: Vec::new(),
        };
        let actors = [actor("a", "x"), actor("b", "x"), actor("c", "y")];
        let ports = Ports::one(Protocol::Tcp, 80).to_string();
        let line = |from: usize, to: usize| Line {
            label: ports.clone(),
            mark: Mark::Plain,
            from: Corner::Actor(from),
            to: Corner::Actor(to),
        };
        let mut drawer = Drawer::new(&actors, vec![line(0, 2), line(1, 2), line(0, 1), line(1, 0)]);
        drawer.bundle();
        let graph = drawer.draw(true, |_, actor| (actor.kind.to_string(), Mark::Plain)).expect("small");
        assert_eq!(graph.edges.len(), 1);
        assert_eq!(graph.nodes.iter().filter(|node| node.mark == Mark::All).count(), 1);
        assert_eq!(
            graph.groups.first().map(|group| group.detail.as_str()),
            Some("each reaches each: TCP 80")
        );
    }
}

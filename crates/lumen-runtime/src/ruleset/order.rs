//! The order in which the parts of a condition are asked: those first that probably decide it, and are cheap. It changes
//! nothing that is found, for asking an event changes nothing.

use super::graph::{Graph, Node, NodeId};

/// A guess.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    /// How probable it is that the node holds.
    chance: f32,
    /// What it costs to ask, in values that are looked up.
    cost: f32,
}

/// What it costs to ask about a value that was looked up.
const KNOWN: f32 = 0.1;

/// Puts the children of all nodes in order. `chances` is how probable it is that the nodes hold that depend on one subject
/// alone, by their places.
pub(super) fn sort(graph: &mut Graph, chances: &[Option<f32>]) -> Vec<Guess> {
    let mut guesses: Vec<Guess> = Vec::with_capacity(graph.nodes.len());
    for (node, known) in graph.nodes.iter_mut().zip(chances) {
        let of = |child: &NodeId| guesses.get(child.place()).copied().unwrap_or(Guess::UNKNOWN);
        let guess = match node {
            Node::Test(_) => Guess::UNKNOWN,
            Node::Not(child) => of(child).negated(),
            Node::All(children) => {
                sort_by(children, |child| of(child).price());
                Guess::of_all(children.iter().map(of))
            }
            Node::Any(children) => {
                sort_by(children, |child| of(child).negated().price());
                Guess::of_all(children.iter().map(|child| of(child).negated())).negated()
            }
        };
        guesses.push(known.map_or(guess, |chance| Guess { chance, cost: 1.0 }));
    }
    guesses
}

/// Puts the parts of conditions in order once more: what is known already costs nearly nothing.
pub(super) fn sort_behind(
    graph: &mut Graph,
    conditions: &[NodeId],
    guesses: &[Guess],
    is_known: impl Fn(NodeId) -> bool,
) {
    for condition in conditions {
        if let Some(Node::All(children)) = graph.nodes.get_mut(condition.place()) {
            sort_by(children, |child| {
                let guess = guesses.get(child.place()).copied().unwrap_or(Guess::UNKNOWN);
                if is_known(*child) { Guess { cost: KNOWN, ..guess }.price() } else { guess.price() }
            });
        }
    }
}

fn sort_by(children: &mut [NodeId], price: impl Fn(&NodeId) -> f32) {
    children.sort_by(|left, right| price(left).total_cmp(&price(right)));
}

impl Guess {
    const UNKNOWN: Self = Self { chance: 0.5, cost: 1.0 };

    /// What it costs to learn that it does not hold.
    fn price(self) -> f32 {
        self.cost / (1.001 - self.chance)
    }

    fn negated(self) -> Self {
        Self { chance: 1.0 - self.chance, ..self }
    }

    /// Of parts that are asked until one does not hold.
    fn of_all(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self { chance: 1.0, cost: 0.0 }, |all, part| Self {
            chance: all.chance * part.chance,
            cost: all.cost + all.chance * part.cost,
        })
    }
}

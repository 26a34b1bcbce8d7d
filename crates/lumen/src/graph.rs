//! A directed graph of groups in three lanes, and how it is drawn: [`svg`] with a [`layout`] of our own, [`dot`],
//! [`mermaid`]. Nothing here knows what the nodes mean; the same graph gives the same bytes.

pub mod dot;
pub mod layout;
pub mod mermaid;
pub mod svg;

/// Most nodes that are drawn.
pub const NODES_MAX: usize = 400;

/// Most edges that are drawn.
pub const EDGES_MAX: usize = 2_000;

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// On the left: what only sends.
    Before,
    /// In a group, by its number.
    Group(usize),
    /// On the right: what only receives.
    After,
}

/// How a node or an edge is set apart. Each mark is also told in words, by a label or a detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Not at all.
    #[default]
    Plain,
    /// Open to everyone, or on every port.
    Open,
    /// It stands for a whole group.
    All,
    /// It is new.
    Won,
    /// It is gone.
    Lost,
}

impl Mark {
    /// The word for it, which is also the name of its class in SVG.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Open => "open",
            Self::All => "all",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// A group of nodes, drawn as a box.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What is said of it beside; empty for nothing.
    pub detail: String,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub lane: Lane,
    /// What is written in it.
    pub label: String,
    /// What is written below that in small letters; empty for nothing.
    pub detail: String,
    /// What it is in full, for who asks.
    pub title: String,
    /// How it is set apart.
    pub mark: Mark,
}

/// An edge from one node to another, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Where it starts.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What is written at it.
    pub label: String,
    /// What it is in full, for who asks.
    pub title: String,
    /// How it is set apart.
    pub mark: Mark,
    /// Whether it leads back as well.
    pub both: bool,
}

/// A graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, in sentences.
    pub description: String,
    /// The groups.
    pub groups: Vec<Group>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The edges; none from a node to itself.
    pub edges: Vec<Edge>,
    /// What is written below the picture, one line each.
    pub notes: Vec<String>,
}

/// A text cut to a number of characters.
pub(crate) fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some(_) => text.chars().take(characters_max.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

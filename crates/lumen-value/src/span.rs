//! Where in a document's text each value stands.
//!
//! Verdicts name values by JSON pointers. Only a document that something is reported of is read again, here, for the
//! bytes of its values, its comments and its styles. Depth costs no native stack, and time grows with the text.
//!
//! Offsets are bytes from the start of the text that was read, which is one document's.

use std::ops::Range;

use crate::Pointer;
use crate::read::{ReadError, Syntax};

mod comments;
mod json;
mod lines;
mod scalar;
#[cfg(test)]
mod tests;
mod toml;
mod tree;
mod yaml;

pub use comments::{Comment, Placement};
pub use lines::LineIndex;
pub use scalar::ScalarMap;

pub(crate) use lines::{line_end, line_start, next_line};
pub(crate) use tree::{Children, Node, NodeId, Tree};

/// The values of one document and where they stand in its text.
#[derive(Clone, Debug)]
pub struct Index {
    /// The text, with a line break at its end where YAML's reader adds one.
    text: String,
    /// How many bytes were given.
    length: usize,
    syntax: Syntax,
    tree: Tree,
    root: NodeId,
    comments: Vec<Comment>,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Not at all: the null that stands for a value that was left out.
    Empty,
    /// Without quotes; in JSON: numbers, `true`, `false` and `null`.
    Plain,
    /// In `'`.
    SingleQuoted,
    /// In `"`.
    DoubleQuoted,
    /// As lines after `|`.
    Literal,
    /// As lines after `>`.
    Folded,
    /// By indentation, with keys.
    BlockMapping,
    /// By indentation, with dashes.
    BlockSequence,
    /// In `{}`; the braces may be left out where a sequence in `[]` holds one pair.
    FlowMapping,
    /// In `[]`.
    FlowSequence,
    /// As an alias, `*name`.
    Alias,
}

/// How a value came to its place: written there, or named there and written elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// It is written there.
    Own,
    /// Through an alias.
    Alias {
        /// The alias.
        at: Range<usize>,
        /// The value that it names.
        anchored: Range<usize>,
    },
    /// Through a merge key.
    Merge {
        /// The merge key and its value.
        at: Range<usize>,
        /// The mapping whose entries it stands for.
        merged: Range<usize>,
    },
}

/// An anchor whose value stands in several places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Its name, without the `&`.
    pub anchor: String,
    /// The anchor, `&` included.
    pub at: Range<usize>,
    /// The aliases that name it, in their order.
    pub places: Vec<Range<usize>>,
}

/// Where a pointer leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Whether there is such a value; else this is the innermost one on the way to it.
    pub exact: bool,
    /// How many of the pointer's steps lead to this value.
    pub depth: usize,
    /// The key, where the value is in a mapping; with its quotes.
    pub key: Option<Range<usize>>,
    /// The value. A scalar with its quotes, a block scalar from its indicator to the end of its last line of content, a
    /// collection to the end of its last child; without anchor and tag. Empty where nothing is written.
    pub value: Range<usize>,
    /// From the start of the key to the end of the value; in a sequence or at the root, the value.
    pub entry: Range<usize>,
    /// How the value is written.
    pub style: Style,
    /// The outermost alias or merge key on the way, if any. A pointer that ends at an alias is at the alias.
    pub via: Via,
    /// The innermost anchor, with aliases, that the value is or stands in.
    pub shared: Option<Shared>,
}

/// The way to a node.
pub(crate) struct Walk {
    pub(crate) node: NodeId,
    /// How many steps could be taken.
    pub(crate) depth: usize,
    entry: Option<(NodeId, usize)>,
    pub(crate) via: Via,
    /// Whether a step led through an alias or a merge key.
    pub(crate) crossed: bool,
    /// The innermost anchor with aliases that the node has or stands in.
    pub(crate) shared: Option<usize>,
}

impl Index {
    /// Reads the text of one document. Of YAML that holds more than one the first is read.
    pub fn read(text: &str, syntax: Syntax) -> Result<Self, ReadError> {
        let mut owned = text.to_owned();
        let (tree, root, comments) = match syntax {
            Syntax::Yaml => {
                // As the reader does, so that the last line of a block scalar ends.
                if !owned.is_empty() && !owned.ends_with('\n') {
                    owned.push('\n');
                }
                let yaml::Read { tree, root, mut comments } = yaml::read(&owned, text.len())?;
                comments::assign(text, &tree, &mut comments);
                (tree, root, comments)
            }
            Syntax::Json => {
                let (tree, root) = json::read(text)?;
                (tree, root, Vec::new())
            }
            Syntax::Toml => {
                let (tree, root) = toml::read(text)?;
                (tree, root, Vec::new())
            }
        };
        Ok(Self { text: owned, length: text.len(), syntax, tree, root, comments })
    }

    /// Where a pointer leads, as Kubernetes reads the document: of a key that stands twice the last counts, and merge
    /// keys act where they stand.
    pub fn locate(&self, pointer: &Pointer) -> Located {
        let walk = self.walk(pointer);
        let node = self.tree.node(walk.node);
        let value = node.map(|node| node.range.clone()).unwrap_or_default();
        let entry = walk.entry.and_then(|entry| self.tree.entry(entry));
        Located {
            exact: walk.depth == pointer.steps().len(),
            depth: walk.depth,
            key: entry.map(|entry| entry.key.clone()),
            entry: entry.map_or(value.start, |entry| entry.key.start)..value.end,
            value,
            style: node.map_or(Style::Empty, |node| node.style),
            via: walk.via,
            shared: walk.shared.and_then(|anchor| self.shared(anchor)),
        }
    }

    /// The comments, in their order. JSON has none, and those of TOML are not looked for.
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// The node that a comment belongs to: one on its own line to the next node below it, where that is not further
    /// left; one at the end of a line to the innermost block entry or element that starts on the line.
    pub fn owner(&self, comment: &Comment) -> Option<Pointer> {
        let mut steps = Vec::new();
        let mut id = comment.owner?;
        while let Some((parent, _)) = self.tree.node(id)?.parent {
            steps.push(self.tree.step(id)?);
            id = parent;
        }
        steps.reverse();
        (id == self.root).then(|| steps.into_iter().collect())
    }

    /// The map from a scalar's value to its text; `None` where the pointer leads to no scalar. Through an alias, the
    /// map leads to the scalar that it names. TOML has no maps.
    pub fn scalar_map(&self, pointer: &Pointer) -> Option<ScalarMap> {
        let walk = self.walk(pointer);
        if walk.depth < pointer.steps().len() || self.syntax == Syntax::Toml {
            return None;
        }
        let node = self.tree.node(self.tree.resolved(walk.node)?)?;
        match node.children {
            Children::Scalar(block) => {
                let map = scalar::map(&self.text, &node.range, node.style, block, self.syntax)?;
                Some(map.within(self.length))
            }
            _ => None,
        }
    }

    /// Follows a pointer as far as it leads.
    pub(crate) fn walk(&self, pointer: &Pointer) -> Walk {
        let mut walk =
            Walk { node: self.root, depth: 0, entry: None, via: Via::Own, crossed: false, shared: None };
        self.enter(&mut walk);
        for step in pointer.steps() {
            let Some(target) = self.tree.resolved(walk.node) else {
                break;
            };
            let Some(child) = self.tree.child(target, step) else {
                break;
            };
            let alias = target != walk.node;
            if alias {
                walk.shared = self.anchor_with_aliases(target);
            }
            if let Via::Merge { .. } = &child.via {
                walk.shared = child.entry.and_then(|(mapping, _)| self.anchor_with_aliases(mapping));
            }
            if walk.via == Via::Own {
                walk.via = if alias { self.alias_at(walk.node, target) } else { child.via };
            }
            walk.crossed |= walk.via != Via::Own;
            walk.node = child.node;
            walk.entry = child.entry;
            walk.depth += 1;
            self.enter(&mut walk);
        }
        if walk.via == Via::Own
            && let Some(target) = self.tree.resolved(walk.node).filter(|target| *target != walk.node)
        {
            walk.via = self.alias_at(walk.node, target);
        }
        walk
    }

    fn enter(&self, walk: &mut Walk) {
        walk.shared = self.anchor_with_aliases(walk.node).or(walk.shared);
    }

    fn alias_at(&self, alias: NodeId, target: NodeId) -> Via {
        let range = |id| self.tree.node(id).map(|node| node.range.clone()).unwrap_or_default();
        Via::Alias { at: range(alias), anchored: range(target) }
    }

    fn anchor_with_aliases(&self, id: NodeId) -> Option<usize> {
        let anchor = self.tree.node(id)?.anchor?;
        let has_aliases = self.tree.anchors.get(anchor).is_some_and(|anchor| !anchor.aliases.is_empty());
        has_aliases.then_some(anchor)
    }

    pub(crate) fn shared(&self, anchor: usize) -> Option<Shared> {
        self.tree.anchors.get(anchor).map(|anchor| Shared {
            anchor: anchor.name.clone(),
            at: anchor.range.clone(),
            places: anchor.aliases.clone(),
        })
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) fn text(&self) -> &str {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// Where the entry starts that holds a node, its key's anchor or tag included; without a key, the node's own start.
    pub(crate) fn entry_start(&self, node: &Node) -> usize {
        let entry = node.parent.and_then(|at| self.tree.entry(at));
        entry.map_or(node.full.start, |entry| entry.start)
    }
}

//! Choice points: where the machine goes back to.

use lumen_value::Value;

use super::join::JoinState;
use super::tree::TreeState;
use super::walk::WalkState;
use crate::plan::{Place, Slot};

/// A place to go back to, and how the machine stood there.
pub(super) struct Choice {
    pub(super) resume: Resume,
    /// The operation that is next.
    pub(super) place: Place,
    /// The context in force.
    pub(super) context: u32,
    /// How many contexts there were.
    pub(super) contexts: usize,
    /// How many collections were being made.
    pub(super) collectors: usize,
}

/// What happens when a choice point is taken.
pub(super) enum Resume {
    /// The evaluation ends.
    Stop,
    /// It goes on at the place.
    Jump,
    /// The next entry of a collection is taken.
    Iterate { from: Value, next: usize, key: Slot, value: Slot },
    /// The next value of a walk is taken.
    Walk(Box<WalkState>),
    /// The next entry that an index names is taken.
    Join(Box<JoinState>),
    /// The next key of rules and base documents is taken.
    Tree(Box<TreeState>),
    /// An observer is told that an expression has no more solutions.
    Note { expression: u32 },
}

//! Which operation it is, and the like, as a byte. No two have the same; the numbers mean nothing outside one run.

use super::super::{Kind, Op, Root};
use crate::plan::{Collection, Comparison};

/// Which operation.
pub(super) const fn tag(op: &Op) -> u8 {
    match op {
        Op::Copy { .. } => 0,
        Op::Test { .. } => 1,
        Op::Truthy { .. } => 2,
        Op::Path { .. } => 3,
        Op::Get { .. } => 4,
        Op::Iterate { .. } => 5,
        Op::IsArray { .. } => 6,
        Op::IsObject { .. } => 7,
        Op::IsCollection { .. } => 8,
        Op::MakeArray { .. } => 9,
        Op::MakeSet { .. } => 10,
        Op::MakeObject { .. } => 11,
        Op::Builtin { .. } => 12,
        Op::Join { .. } => 13,
        Op::Walk { .. } => 14,
        Op::Call { .. } => 15,
        Op::Document { .. } => 16,
        Op::Keyed { .. } => 17,
        Op::Try { .. } => 18,
        Op::Mark { .. } => 19,
        Op::Cut { .. } => 20,
        Op::Jump { .. } => 21,
        Op::Fail => 22,
        Op::Collect { .. } => 23,
        Op::Add { .. } => 24,
        Op::AddEntry { .. } => 25,
        Op::AddHead { .. } => 26,
        Op::Collected { .. } => 27,
        Op::With { .. } => 28,
        Op::EndWith => 29,
        Op::Result { .. } => 30,
        Op::IfProduced { .. } => 31,
        Op::Begin => 32,
        Op::Select { .. } => 33,
        Op::IfResult { .. } => 34,
        Op::Return => 35,
        Op::SetResult { .. } => 36,
        Op::MergeBase { .. } => 37,
        Op::TreeStart { .. } => 38,
        Op::TreeStep { .. } => 39,
        Op::TreeIterate { .. } => 40,
        Op::TreeEnd { .. } => 41,
        Op::Solution => 42,
        Op::Observe { .. } => 43,
        Op::Observed { .. } => 44,
    }
}

/// Which comparison.
pub(super) const fn of_comparison(comparison: Comparison) -> u8 {
    match comparison {
        Comparison::Equal => 0,
        Comparison::NotEqual => 1,
        Comparison::Less => 2,
        Comparison::LessEqual => 3,
        Comparison::Greater => 4,
        Comparison::GreaterEqual => 5,
    }
}

/// Which collection.
pub(super) const fn of_collection(collection: Collection) -> u8 {
    match collection {
        Collection::Array => 0,
        Collection::Set => 1,
        Collection::Object => 2,
        Collection::Partial => 3,
    }
}

/// Where a path starts, but for the operand.
pub(super) const fn of_root(root: Root) -> u8 {
    match root {
        Root::Input => 0,
        Root::Data => 1,
        Root::Below => 2,
        Root::Operand(_) => 3,
    }
}

/// Which kind of document.
pub(super) const fn of_kind(kind: Kind) -> u8 {
    match kind {
        Kind::Complete => 0,
        Kind::Function => 1,
        Kind::Partial => 2,
        Kind::Package => 3,
    }
}

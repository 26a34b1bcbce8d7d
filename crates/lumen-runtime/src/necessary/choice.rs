//! Values that are wanted, and values that are not.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::VALUES_MAX;
use crate::number::Network;
use crate::paths::{self, PARTS_MAX};
use crate::value::Value;

/// Something that a value can be of.
pub trait Part: Clone + Ord {
    /// Whether a value is of it; `None` where it is of another type.
    fn holds(&self, value: &Value<'_>) -> Option<bool>;

    /// The value that alone is of it, where there is one.
    fn only(&self) -> Option<Value<'_>>;

    /// Whether one value alone is of it.
    fn is_exact(&self) -> bool;
}

/// What a text is to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Text {
    /// This.
    Exact(Vec<u8>),
    /// It begins so.
    Prefix(Vec<u8>),
    /// It ends so.
    Suffix(Vec<u8>),
    /// It holds this somewhere.
    Contains(Vec<u8>),
    /// This path or one below it, where empty parts of paths count for nothing.
    Below(Vec<u8>),
}

impl Part for Text {
    fn holds(&self, value: &Value<'_>) -> Option<bool> {
        let text = value.as_bytes()?;
        Some(match self {
            Self::Exact(own) => own == text,
            Self::Prefix(own) => text.starts_with(own),
            Self::Suffix(own) => text.ends_with(own),
            Self::Contains(own) => own.is_empty() || text.windows(own.len()).any(|part| part == own),
            Self::Below(own) => {
                let mut parts = paths::parts(text).take(PARTS_MAX);
                paths::parts(own).take(PARTS_MAX).all(|part| parts.next() == Some(part))
            }
        })
    }

    fn only(&self) -> Option<Value<'_>> {
        match self {
            Self::Exact(own) => Some(Value::Bytes(own.as_slice().into())),
            _ => None,
        }
    }

    fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }
}

impl Part for Network {
    fn holds(&self, value: &Value<'_>) -> Option<bool> {
        match value {
            Value::Address(address) => Some(Network::holds(self, *address)),
            _ => None,
        }
    }

    fn only(&self) -> Option<Value<'_>> {
        self.is_exact().then(|| Value::Address(self.address()))
    }

    fn is_exact(&self) -> bool {
        self.bits() == if matches!(self.address(), IpAddr::V4(_)) { 32 } else { 128 }
    }
}

/// Values of which one is wanted, where any are named, and values that are not wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Choice<P> {
    /// What is wanted; everything where it is `None`.
    pub included: Option<BTreeSet<P>>,
    /// What is not.
    pub excluded: BTreeSet<P>,
}

/// Whether all that is of a part is of one of several, as far as that is seen at once.
fn is_of<P: Part>(part: &P, several: &BTreeSet<P>) -> bool {
    several.contains(part)
        || part.only().is_some_and(|value| {
            several.iter().any(|other| !other.is_exact() && other.holds(&value) == Some(true))
        })
}

impl<P: Part> Choice<P> {
    /// These.
    pub(super) fn of(parts: impl IntoIterator<Item = P>) -> Self {
        let included: BTreeSet<P> = parts.into_iter().collect();
        let is_bounded = included.len() <= VALUES_MAX;
        Self { included: is_bounded.then_some(included), excluded: BTreeSet::new() }
    }

    /// Everything else.
    pub(super) fn except(parts: impl IntoIterator<Item = P>) -> Self {
        Self { included: None, excluded: parts.into_iter().take(VALUES_MAX).collect() }
    }

    pub(super) fn is_everything(&self) -> bool {
        self.included.is_none() && self.excluded.is_empty()
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.included.as_ref().is_some_and(BTreeSet::is_empty)
    }

    pub(super) fn len(&self) -> usize {
        self.included.as_ref().map_or(0, BTreeSet::len) + self.excluded.len()
    }

    /// Whether one of several values is wanted, and none is not; `None` where one is of another type.
    pub(super) fn holds_for(&self, values: &[Value<'_>]) -> Option<bool> {
        let mut is_included = self.included.is_none();
        for part in self.included.iter().flatten() {
            for value in values {
                is_included |= part.holds(value)?;
            }
        }
        let mut is_excluded = false;
        for part in &self.excluded {
            for value in values {
                is_excluded |= part.holds(value)?;
            }
        }
        Some(is_included && !is_excluded)
    }

    /// What is of both; `is_multiple` where a field has several values, of which different ones may be of each.
    pub(super) fn and(&self, other: &Self, is_multiple: bool) -> Self {
        let are_exact = |parts: &BTreeSet<P>| parts.iter().all(P::is_exact);
        let among = |these: &BTreeSet<P>, those: &BTreeSet<P>| -> BTreeSet<P> {
            these.iter().filter(|part| is_of(*part, those)).cloned().collect()
        };
        let included = match (&self.included, &other.included) {
            (None, only) | (only, None) => only.clone(),
            (Some(these), Some(those)) if !is_multiple && are_exact(these) => Some(among(these, those)),
            (Some(these), Some(those)) if !is_multiple && are_exact(those) => Some(among(those, these)),
            (Some(these), Some(those)) => {
                Some(if these.len() <= those.len() { these } else { those }.clone())
            }
        };
        let excluded: BTreeSet<P> = self.excluded.union(&other.excluded).take(VALUES_MAX).cloned().collect();
        let included = included.map(|mut parts| {
            parts.retain(|part| !part.is_exact() || !is_of(part, &excluded));
            parts
        });
        Self { included, excluded }
    }

    /// What is of one of both, or more.
    pub(super) fn or(&self, other: &Self) -> Self {
        let included = match (&self.included, &other.included) {
            (Some(these), Some(those)) => {
                let all: BTreeSet<P> = these.union(those).cloned().collect();
                (all.len() <= VALUES_MAX).then_some(all)
            }
            _ => None,
        };
        let wants = |choice: &Self, part: &P| {
            choice.included.as_ref().is_none_or(|parts| is_of(part, parts)) && !is_of(part, &choice.excluded)
        };
        let is_of_neither = |part: &&P| {
            if part.is_exact() {
                !wants(self, part) && !wants(other, part)
            } else {
                self.excluded.contains(*part) && other.excluded.contains(*part)
            }
        };
        let all = self.excluded.union(&other.excluded);
        Self { included, excluded: all.filter(is_of_neither).cloned().collect() }
    }

    /// Whether everything of another is of this, as far as that is seen at once.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let covers_included = match (&self.included, &other.included) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(those)) => those.iter().all(|part| is_of(part, own)),
        };
        covers_included
            && self.excluded.iter().all(|part| {
                other.excluded.contains(part)
                    || other.included.as_ref().is_some_and(|those| {
                        those
                            .iter()
                            .all(|known| known.only().is_some_and(|value| part.holds(&value) == Some(false)))
                    })
            })
    }

    /// Whether [`Choice::or`] says nothing more than both.
    pub(super) fn joins_exactly(&self, other: &Self) -> bool {
        let is_plain = |choice: &Self| choice.included.is_some() && choice.excluded.is_empty();
        is_plain(self) && is_plain(other) && self.len() + other.len() <= VALUES_MAX
    }
}

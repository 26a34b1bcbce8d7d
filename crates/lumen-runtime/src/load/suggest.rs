//! What may have been meant by names that nothing has. The messages are the reference's, so this stands beside them.

use lumen_value::nearest::{nearest, one_of};

use super::collect::Collector;
use crate::{event_types, field};

/// Most names that those which nothing has are compared with, in all files: each comparison takes time.
const COMPARISONS_MAX: usize = 50_000;

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Absent {
    pub(super) name: String,
    pub(super) among: Among,
}

/// What has names of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    Rules,
    Lists,
    /// The macros that were named first before this: what a macro, or a rule, sees.
    Macros {
        visibility: usize,
    },
    Fields,
    EventTypes,
    /// These.
    Words(&'static [&'static str]),
}

/// Finds out what may have been meant.
pub(super) struct Suggestions<'c> {
    collector: &'c Collector,
    left: usize,
}

impl<'c> Suggestions<'c> {
    pub(super) fn new(collector: &'c Collector) -> Self {
        Self { collector, left: COMPARISONS_MAX }
    }

    /// What may have been meant, in a sentence; `None` where there is nothing like it.
    pub(super) fn of(&mut self, absent: &Absent) -> Option<String> {
        let name = absent.name.as_str();
        let Collector { rules, lists, macros, .. } = self.collector;
        match absent.among {
            Among::Rules => self.among(name, rules.iter().map(|rule| rule.name.as_str())),
            Among::Lists => self.among(name, lists.iter().map(|list| list.name.as_str())),
            Among::Macros { visibility } => match macros.get(name) {
                Some(item) if item.order.index < visibility => {
                    Some(format!("there is a macro `{name}`, but it is left out for what is wrong with it"))
                }
                Some(_) => Some(format!(
                    "the macro `{name}` is not named before this one: macros see those before them alone"
                )),
                None => {
                    let seen = macros.iter().filter(|item| item.order.index < visibility);
                    self.among(name, seen.map(|item| item.name.as_str()))
                }
            },
            Among::Fields => self.among(name, field::all().map(|field| field.name)),
            Among::EventTypes => self.among(name, event_types::NAMES),
            Among::Words(words) => self.among(name, words.iter().copied()),
        }
    }

    fn among<'n>(&mut self, name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
        let left = &mut self.left;
        let near = nearest(
            name,
            names.into_iter().map_while(|other| {
                *left = left.checked_sub(1)?;
                Some(other)
            }),
        );
        (!near.is_empty()).then(|| format!("did you mean {}?", one_of(&near)))
    }
}

//! [`Objects`]: the objects of one resource as a [`Reflector`](crate::api::Reflector) tells of them.

use std::collections::{BTreeMap, BTreeSet};

use lumen_value::Value;

use super::{Place, place_of};
use crate::api::Event;

/// The objects of one resource, and what is kept of each.
#[derive(Debug)]
pub(super) struct Objects<T> {
    kept: BTreeMap<Place, T>,
    /// Those that were not told again since they come anew.
    missing: Option<BTreeSet<Place>>,
    /// Whether all were told once.
    pub(super) is_synced: bool,
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), missing: None, is_synced: false }
    }
}

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing that is worth a look yet: nothing changed, or the objects still come anew.
    None,
    /// Objects are others, or all have been told.
    Changed,
}

impl<T> Objects<T> {
    /// Heeds an event. `make` gives what is kept of an object, given what was kept of it before; `None` of it where nothing
    /// changed.
    pub(super) fn heed(&mut self, event: Event, make: impl FnOnce(Value, Option<&T>) -> Option<T>) -> Effect {
        match event {
            Event::Restarted => {
                self.missing = Some(self.kept.keys().cloned().collect());
                Effect::None
            }
            Event::Applied(object) => {
                let place = place_of(&object);
                if let Some(missing) = &mut self.missing {
                    missing.remove(&place);
                }
                let Some(made) = make(object, self.kept.get(&place)) else { return Effect::None };
                self.kept.insert(place, made);
                self.effect()
            }
            Event::Deleted(object) => match self.kept.remove(&place_of(&object)) {
                Some(_) => self.effect(),
                None => Effect::None,
            },
            Event::Synced => {
                for place in self.missing.take().unwrap_or_default() {
                    self.kept.remove(&place);
                }
                self.is_synced = true;
                Effect::Changed
            }
            Event::Failed(_) => Effect::None,
        }
    }

    /// While the objects come anew, what is known of them is not whole.
    fn effect(&self) -> Effect {
        if self.missing.is_some() { Effect::None } else { Effect::Changed }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Place, &T)> {
        self.kept.iter()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.kept.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Place, &mut T)> {
        self.kept.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, content: i64) -> Value {
        [("metadata", [("name", name.into())].into()), ("content", content.into())].into()
    }

    fn names(objects: &Objects<Value>) -> Vec<String> {
        let shown = |((_, name), object): (&Place, &Value)| {
            format!(
                "{}={}",
                name.as_str().unwrap_or_default(),
                object.get("content").map(Value::to_json).unwrap_or_default()
            )
        };
        objects.iter().map(shown).collect()
    }

    #[test]
    fn what_is_not_told_again_is_gone() {
        let mut objects = Objects::default();
        let mut tell = |event| {
            let effect = objects.heed(event, |object, before| (before != Some(&object)).then_some(object));
            (effect, names(&objects))
        };
        assert_eq!(tell(Event::Restarted).0, Effect::None);
        assert_eq!(tell(Event::Applied(object("a", 1))).0, Effect::None);
        assert_eq!(tell(Event::Applied(object("b", 1))).0, Effect::None);
        assert_eq!(tell(Event::Synced), (Effect::Changed, vec!["a=1".into(), "b=1".into()]));
        assert_eq!(tell(Event::Applied(object("a", 1))).0, Effect::None);
        assert_eq!(tell(Event::Applied(object("a", 2))).0, Effect::Changed);
        tell(Event::Restarted);
        assert_eq!(tell(Event::Applied(object("b", 1))).1, ["a=2", "b=1"]);
        assert_eq!(tell(Event::Synced), (Effect::Changed, vec!["b=1".into()]));
        assert_eq!(tell(Event::Deleted(object("x", 1))).0, Effect::None);
        assert_eq!(tell(Event::Deleted(object("b", 1))), (Effect::Changed, vec![]));
    }
}

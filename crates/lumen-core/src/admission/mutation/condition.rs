//! [`Conditions`]: what must be there, or must not be, for a mutator to do anything (gatekeeper
//! `pkg/mutation/path/tester`).

use std::collections::BTreeMap;

use super::location::Location;

/// What has to hold for the nodes of a location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions(BTreeMap<usize, Condition>);

/// What has to hold for one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It is there.
    MustExist,
    /// It is not there.
    MustNotExist,
    /// A word that means nothing: it never holds.
    Other(String),
}

impl Condition {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "MustExist" => Self::MustExist,
            "MustNotExist" => Self::MustNotExist,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// Why conditions cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConditionError {
    /// It is about something else.
    #[error("`{0}` is not the beginning of `location`")]
    Elsewhere(Location),
    /// Two of them contradict each other.
    #[error("`{0}` is to be there and not to be there")]
    Contradiction(Location),
    /// What is forbidden is demanded further down, or stands before what is demanded.
    #[error("something must exist that stands behind something that must not")]
    Order,
}

impl Conditions {
    /// Those of a location; an error tells the number of the test that is wrong.
    pub(super) fn new(
        location: &Location,
        tests: &[(Location, Condition)],
    ) -> Result<Self, (usize, ConditionError)> {
        if let Some(number) = tests.iter().position(|(path, _)| !path.starts(location)) {
            let path = tests.get(number).map(|(path, _)| path.clone()).unwrap_or_default();
            return Err((number, ConditionError::Elsewhere(path)));
        }
        // The empty path is about no node; yet two of them may contradict each other.
        let mut by_length: BTreeMap<usize, Condition> = BTreeMap::new();
        for (path, condition) in tests {
            by_length.insert(path.nodes().len(), condition.clone());
        }
        for (number, (path, condition)) in tests.iter().enumerate() {
            if by_length.get(&path.nodes().len()).is_some_and(|last| last != condition) {
                return Err((number, ConditionError::Contradiction(path.clone())));
            }
        }
        // As upstream, this is about the order in which they are written.
        let forbidden = tests.iter().position(|(_, condition)| *condition == Condition::MustNotExist);
        let demanded = tests.iter().rposition(|(_, condition)| *condition == Condition::MustExist);
        if let (Some(forbidden), Some(demanded)) = (forbidden, demanded)
            && demanded > forbidden
        {
            return Err((demanded, ConditionError::Order));
        }
        let by_depth =
            by_length.into_iter().filter_map(|(length, each)| Some((length.checked_sub(1)?, each)));
        Ok(Self(by_depth.collect()))
    }

    /// Whether the mutator goes on where the node is there.
    pub(super) fn admit_existing(&self, depth: usize) -> bool {
        self.0.get(&depth).is_none_or(|condition| *condition == Condition::MustExist)
    }

    /// Whether the mutator goes on where the node is missing.
    pub(super) fn admit_missing(&self, depth: usize) -> bool {
        self.0.get(&depth).is_none_or(|condition| *condition == Condition::MustNotExist)
    }
}

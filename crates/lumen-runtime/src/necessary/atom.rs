//! What is asked of one field.

use lumen_value::{Array, Number, Object, Value as Json};

use super::choice::{Choice, Part, Text};
use crate::Event;
use crate::field::FieldUse;
use crate::number::Network;
use crate::value::Value;

/// Most ranges of numbers that one field is asked for.
pub(super) const RANGES_MAX: usize = 256;

/// What is asked of one field of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Atom {
    /// The field.
    pub field: FieldUse,
    /// Whether an event passes in which the field has no value.
    pub passes_absent: bool,
    /// The values with which it passes.
    pub wanted: Wanted,
    /// Whether the field has several values at once: both ends of a connection.
    pub is_multiple: bool,
}

/// The values that are wanted of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Any.
    Any,
    /// None.
    Nothing,
    /// Texts.
    Texts(Choice<Text>),
    /// Numbers of these ranges, first and last with them, in their order.
    Numbers(Vec<(i128, i128)>),
    /// Whether `false` is wanted, and whether `true` is.
    Truth([bool; 2]),
    /// Addresses of these networks.
    Networks(Choice<Network>),
}

impl Wanted {
    fn is_everything(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Nothing => false,
            Self::Texts(choice) => choice.is_everything(),
            Self::Networks(choice) => choice.is_everything(),
            Self::Numbers(ranges) => *ranges == [(i128::MIN, i128::MAX)],
            Self::Truth(wanted) => *wanted == [true, true],
        }
    }

    fn is_nothing(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Nothing => true,
            Self::Texts(choice) => choice.is_nothing(),
            Self::Networks(choice) => choice.is_nothing(),
            Self::Numbers(ranges) => ranges.is_empty(),
            Self::Truth(wanted) => *wanted == [false, false],
        }
    }

    /// How many values there are.
    fn len(&self) -> usize {
        match self {
            Self::Texts(choice) => choice.len(),
            Self::Networks(choice) => choice.len(),
            Self::Numbers(ranges) => ranges.len(),
            Self::Any | Self::Nothing | Self::Truth(_) => 1,
        }
    }

    fn and(&self, other: &Self, is_multiple: bool) -> Self {
        match (self, other) {
            (Self::Any, only) | (only, Self::Any) => only.clone(),
            (Self::Texts(this), Self::Texts(that)) => Self::Texts(this.and(that, is_multiple)),
            (Self::Networks(this), Self::Networks(that)) => Self::Networks(this.and(that, is_multiple)),
            (Self::Numbers(this), Self::Numbers(that)) if !is_multiple => Self::Numbers(both(this, that)),
            (Self::Numbers(_), Self::Numbers(_)) => self.clone(),
            (Self::Truth(this), Self::Truth(that)) => Self::Truth([this[0] && that[0], this[1] && that[1]]),
            _ => Self::Nothing,
        }
    }

    fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Nothing, only) | (only, Self::Nothing) => only.clone(),
            (Self::Texts(this), Self::Texts(that)) => Self::Texts(this.or(that)),
            (Self::Networks(this), Self::Networks(that)) => Self::Networks(this.or(that)),
            (Self::Numbers(this), Self::Numbers(that)) => {
                Self::Numbers(bounded(joined(this.iter().chain(that).copied().collect())))
            }
            (Self::Truth(this), Self::Truth(that)) => Self::Truth([this[0] || that[0], this[1] || that[1]]),
            _ => Self::Any,
        }
    }

    /// Whether one of the values is wanted; `None` where one is of another type.
    fn holds(&self, values: &[Value<'_>]) -> Option<bool> {
        match self {
            Self::Any => Some(true),
            Self::Nothing => Some(false),
            Self::Texts(choice) => choice.holds_for(values),
            Self::Networks(choice) => choice.holds_for(values),
            Self::Numbers(ranges) => any(values, |value| {
                let number = match value {
                    Value::Signed(number) => i128::from(*number),
                    Value::Unsigned(number) => i128::from(*number),
                    _ => return None,
                };
                Some(ranges.iter().any(|(first, last)| (*first..=*last).contains(&number)))
            }),
            Self::Truth(wanted) => any(values, |value| match value {
                Value::Bool(value) => Some(if *value { wanted[1] } else { wanted[0] }),
                _ => None,
            }),
        }
    }
}

fn any(values: &[Value<'_>], is_wanted: impl Fn(&Value<'_>) -> Option<bool>) -> Option<bool> {
    values.iter().try_fold(false, |found, value| Some(found | is_wanted(value)?))
}

impl Atom {
    /// Whether an event passes: what a filter is to do.
    pub fn holds(&self, event: &impl Event) -> bool {
        match event.value(&self.field) {
            None => self.passes_absent,
            Some(Value::List(values)) if values.is_empty() => self.passes_absent,
            // What is of another type is as good as absent.
            Some(Value::List(values)) => self.wanted.holds(&values).unwrap_or(self.passes_absent),
            Some(value) => self.wanted.holds(std::slice::from_ref(&value)).unwrap_or(self.passes_absent),
        }
    }

    pub(super) fn is_always(&self) -> bool {
        self.passes_absent && self.wanted.is_everything()
    }

    pub(super) fn is_never(&self) -> bool {
        !self.passes_absent && self.wanted.is_nothing()
    }

    /// How many values it names.
    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// Both, of one field.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            field: self.field.clone(),
            passes_absent: self.passes_absent && other.passes_absent,
            wanted: self.wanted.and(&other.wanted, self.is_multiple),
            is_multiple: self.is_multiple,
        }
    }

    /// One of both, of one field, or more.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            field: self.field.clone(),
            passes_absent: self.passes_absent || other.passes_absent,
            wanted: self.wanted.or(&other.wanted),
            is_multiple: self.is_multiple,
        }
    }

    /// Whether every event that passes another, of the same field, passes this, as far as that is seen at once.
    pub(super) fn covers(&self, other: &Self) -> bool {
        (self.passes_absent || !other.passes_absent)
            && match (&self.wanted, &other.wanted) {
                (Wanted::Any, _) | (_, Wanted::Nothing) => !self.is_multiple || self == other,
                (Wanted::Texts(this), Wanted::Texts(that)) => this.covers(that),
                (Wanted::Networks(this), Wanted::Networks(that)) if !self.is_multiple => this.covers(that),
                (Wanted::Numbers(this), Wanted::Numbers(that)) if !self.is_multiple => {
                    that.iter().all(|(first, last)| this.iter().any(|own| own.0 <= *first && *last <= own.1))
                }
                (Wanted::Truth(this), Wanted::Truth(that)) => (this[0] || !that[0]) && (this[1] || !that[1]),
                _ => self == other,
            }
    }

    /// Whether [`Atom::or`] says nothing more than both.
    pub(super) fn joins_exactly(&self, other: &Self) -> bool {
        self.passes_absent == other.passes_absent
            && match (&self.wanted, &other.wanted) {
                (Wanted::Texts(this), Wanted::Texts(that)) => this.joins_exactly(that),
                (Wanted::Networks(this), Wanted::Networks(that)) => this.joins_exactly(that),
                (Wanted::Numbers(this), Wanted::Numbers(that)) => this.len() + that.len() <= RANGES_MAX,
                (Wanted::Truth(_), Wanted::Truth(_)) => true,
                _ => false,
            }
    }

    /// As JSON: the field, and the values that are wanted and those that are not.
    pub(super) fn to_json(&self, name: &str) -> Json {
        let mut json = Object::default().with("field", name);
        json = match &self.wanted {
            Wanted::Any => json,
            Wanted::Nothing => json.with("exists", Json::Bool(false)),
            Wanted::Texts(choice) => choice_json(json, choice, text_json),
            Wanted::Networks(choice) => choice_json(json, choice, |network| {
                ("networks", format!("{}/{}", network.address(), network.bits()).as_str().into())
            }),
            Wanted::Numbers(ranges) => {
                let ranges: Array = ranges.iter().map(|range| range_json(*range)).collect();
                json.with("ranges", Json::Array(ranges))
            }
            Wanted::Truth(wanted) => json.with("is", Json::Bool(wanted[1])),
        };
        Json::Object(json.with("passes_absent", Json::Bool(self.passes_absent)))
    }
}

fn text_json(text: &Text) -> (&'static str, Json) {
    let (key, bytes) = match text {
        Text::Exact(bytes) => ("equals", bytes),
        Text::Prefix(bytes) => ("starts_with", bytes),
        Text::Suffix(bytes) => ("ends_with", bytes),
        Text::Contains(bytes) => ("contains", bytes),
        Text::Below(bytes) => ("below", bytes),
    };
    (key, String::from_utf8_lossy(bytes).as_ref().into())
}

/// Adds the parts of a choice, by what they are.
fn choice_json<P: Part>(
    mut json: Object,
    choice: &Choice<P>,
    part_json: impl Fn(&P) -> (&'static str, Json),
) -> Object {
    let grouped = |parts: &std::collections::BTreeSet<P>| {
        let mut groups: Vec<(&'static str, Vec<Json>)> = Vec::new();
        for part in parts {
            let (key, value) = part_json(part);
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, values)) => values.push(value),
                None => groups.push((key, vec![value])),
            }
        }
        groups
    };
    for (key, values) in choice.included.iter().flat_map(grouped) {
        json = json.with(key, Json::Array(values.into_iter().collect()));
    }
    if choice.excluded.is_empty() {
        return json;
    }
    let mut excluded = Object::default();
    for (key, values) in grouped(&choice.excluded) {
        excluded = excluded.with(key, Json::Array(values.into_iter().collect()));
    }
    json.with("not", Json::Object(excluded))
}

/// First and last; null for an end that there is none of.
fn range_json((first, last): (i128, i128)) -> Json {
    let bound = |number: i128, open: i128| {
        if number == open {
            return Json::Null;
        }
        Number::parse(&number.to_string()).map_or(Json::Null, Json::Number)
    };
    Json::Array([bound(first, i128::MIN), bound(last, i128::MAX)].into_iter().collect())
}

/// The numbers of both.
fn both(these: &[(i128, i128)], those: &[(i128, i128)]) -> Vec<(i128, i128)> {
    let pairs = these.iter().flat_map(|this| those.iter().map(move |that| (this, that)));
    let shared = pairs.map(|(this, that)| (this.0.max(that.0), this.1.min(that.1)));
    bounded(joined(shared.filter(|(first, last)| first <= last).collect()))
}

/// Ranges in their order, those that touch as one.
pub(super) fn joined(mut ranges: Vec<(i128, i128)>) -> Vec<(i128, i128)> {
    ranges.sort_unstable();
    let mut joined: Vec<(i128, i128)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// Ranges in their order, or all between the first and the last where there are too many.
pub(super) fn bounded(ranges: Vec<(i128, i128)>) -> Vec<(i128, i128)> {
    match (ranges.first(), ranges.last()) {
        (Some(first), Some(last)) if ranges.len() > RANGES_MAX => vec![(first.0, last.1)],
        _ => ranges,
    }
}

/// The numbers that are of none of some ranges, which are in their order.
pub(super) fn others(ranges: &[(i128, i128)]) -> Vec<(i128, i128)> {
    let mut others = Vec::new();
    let mut next = Some(i128::MIN);
    for (first, last) in ranges {
        if let Some(start) = next
            && start < *first
        {
            others.push((start, first - 1));
        }
        next = last.checked_add(1);
    }
    others.extend(next.map(|start| (start, i128::MAX)));
    others
}

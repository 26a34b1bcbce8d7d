//! [`Selector`]: which labels an object must have, as `k8s.io/apimachinery/pkg/labels` means it.

use std::fmt;

use lumen_value::{Pointer, Value};

use crate::object::label as label_of;

mod decode;
pub mod label;
mod parse;
pub(crate) mod validation;

pub use decode::FieldNames;
pub(crate) use decode::fold as go_fold;

/// A selector of objects by their labels: all of its requirements must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector(
    /// Sorted by key; of one key in the order they were written. `None` selects nothing.
    Option<Vec<Requirement>>,
);

/// One demand on one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    key: String,
    operator: Operator,
    /// Sorted; one that is given twice stands twice.
    values: Vec<String>,
}

/// How a label and the values of a requirement must stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `key=value`: the label is there and has the value.
    Equals,
    /// `key==value`: the same, printed as it was written.
    DoubleEquals,
    /// `key!=value`: the label is missing or has another value.
    NotEquals,
    /// `key in (a,b)`: the label is there and has one of the values.
    In,
    /// `key notin (a,b)`: the label is missing or has none of the values.
    NotIn,
    /// `key`: the label is there.
    Exists,
    /// `!key`: the label is missing.
    DoesNotExist,
    /// `key>1`: the label is an integer and greater.
    GreaterThan,
    /// `key<1`: the label is an integer and less.
    LessThan,
}

/// Why a selector is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A field has the wrong type.
    #[error("`{at}` must be {wanted}, not a value of type {found}")]
    Type {
        /// Where it stands in the selector.
        at: Pointer,
        /// What it must be.
        wanted: &'static str,
        /// The type that it has.
        found: &'static str,
    },
    /// An operator of `matchExpressions` is none of the four; their case matters.
    #[error("`{0}` is not a valid label selector operator: use In, NotIn, Exists or DoesNotExist")]
    Operator(String),
    /// A key is no label's key.
    #[error("`{key}` is no label key: {reason}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: label::LabelError,
    },
    /// A value is no label's value, and so can never be met.
    #[error("`{value}`, demanded of `{key}`, is no label value: {reason}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        reason: label::LabelError,
    },
    /// `In` and `NotIn` need values.
    #[error("`{key}` needs at least one value to be compared with")]
    NoValues {
        /// The key.
        key: String,
    },
    /// `Exists` and `DoesNotExist` take no values.
    #[error("`{key}` must have no values: they mean nothing where only its presence counts")]
    Values {
        /// The key.
        key: String,
    },
    /// `>` and `<` compare integers.
    #[error("`{value}`, compared with `{key}`, is no integer of 64 bits")]
    Integer {
        /// The key.
        key: String,
        /// What stands in place of the integer.
        value: String,
    },
    /// The text breaks the grammar.
    #[error("found `{found}` where {wanted} was expected")]
    Syntax {
        /// What stands there; empty at the end of the text.
        found: String,
        /// What could stand there.
        wanted: &'static str,
    },
}

impl Selector {
    /// Selects everything.
    pub const fn everything() -> Self {
        Self(Some(Vec::new()))
    }

    /// Selects nothing.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// The selector of a `LabelSelector`, as `LabelSelectorAsSelector` makes it: null selects nothing, an empty one
    /// everything.
    pub fn of(label_selector: &Value, names: FieldNames) -> Result<Self, SelectorError> {
        decode::decode(label_selector, names)
    }

    /// The selector of a map of labels, such as that of a Service. Null and an empty map select everything; what a kind
    /// means by an empty one is up to the kind.
    pub fn of_labels(labels: &Value) -> Result<Self, SelectorError> {
        let requirements = decode::labels(labels, &Pointer::ROOT)?;
        Ok(Self::of_requirements(requirements))
    }

    /// The selector that a text stands for, such as `app=web,tier in (a,b),!legacy`: what `kubectl -l` takes.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Ok(Self::of_requirements(parse::parse(text)?))
    }

    fn of_requirements(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Self(Some(requirements))
    }

    /// Whether an object with these labels is selected. Null stands for no labels.
    pub fn matches(&self, labels: &Value) -> bool {
        let requirements = self.0.as_deref();
        requirements.is_some_and(|requirements| requirements.iter().all(|each| each.matches(labels)))
    }

    /// Whether everything is selected, whatever its labels.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether nothing is selected, whatever its labels. Requirements that contradict each other are not looked for.
    pub fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// The requirements, sorted by key; none where nothing is selected ([`Selector::is_nothing`]), or everything.
    pub fn requirements(&self) -> &[Requirement] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Requirement {
    /// A requirement, if it is sound.
    fn new(key: &str, operator: Operator, mut values: Vec<String>) -> Result<Self, SelectorError> {
        label::check_key(key).map_err(|reason| SelectorError::Key { key: key.to_owned(), reason })?;
        let key = key.to_owned();
        match operator {
            Operator::In | Operator::NotIn if values.is_empty() => {
                return Err(SelectorError::NoValues { key });
            }
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                return Err(SelectorError::Values { key });
            }
            Operator::GreaterThan | Operator::LessThan => {
                if let Some(value) = values.iter().find(|value| value.parse::<i64>().is_err()) {
                    let value = value.clone();
                    return Err(SelectorError::Integer { key, value });
                }
            }
            _ => {}
        }
        for value in &values {
            label::check_value(value).map_err(|reason| SelectorError::Value {
                key: key.clone(),
                value: value.clone(),
                reason,
            })?;
        }
        values.sort_unstable();
        Ok(Self { key, operator, values })
    }

    /// The label's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How label and values must stand to each other.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The values, sorted; none for an operator that only asks for presence, one for those that compare.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether labels meet it.
    pub fn matches(&self, labels: &Value) -> bool {
        let label = label_of(labels, &self.key);
        let is_listed = |label: &str| self.values.binary_search_by(|value| value.as_str().cmp(label)).is_ok();
        match self.operator {
            Operator::Equals | Operator::DoubleEquals | Operator::In => label.is_some_and(is_listed),
            Operator::NotEquals | Operator::NotIn => !label.is_some_and(is_listed),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => self.compare(label).is_some_and(|(label, value)| label > value),
            Operator::LessThan => self.compare(label).is_some_and(|(label, value)| label < value),
        }
    }

    /// The label and the value as integers, where both are.
    fn compare(&self, label: Option<&str>) -> Option<(i64, i64)> {
        Some((label?.parse().ok()?, self.values.first()?.parse().ok()?))
    }
}

/// The canonical text: it reads back as the same selector. Selecting nothing has no text of its own: it is empty, as
/// selecting everything is.
impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::Equals => write!(out, "{key}={values}"),
            Operator::DoubleEquals => write!(out, "{key}=={values}"),
            Operator::NotEquals => write!(out, "{key}!={values}"),
            Operator::In => write!(out, "{key} in ({values})"),
            Operator::NotIn => write!(out, "{key} notin ({values})"),
            Operator::Exists => out.write_str(key),
            Operator::DoesNotExist => write!(out, "!{key}"),
            Operator::GreaterThan => write!(out, "{key}>{values}"),
            Operator::LessThan => write!(out, "{key}<{values}"),
        }
    }
}

#[cfg(test)]
mod tests;

//! [`Pointer`]: the way from a document's root to one of its values (RFC 6901, JSON Pointer).

use std::fmt;

use crate::Str;

/// One step of a [`Pointer`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into an array: the element's index, from zero.
    Index(usize),
    /// Into an object: the key.
    Key(Str),
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.into())
    }
}

impl From<Str> for Step {
    fn from(key: Str) -> Self {
        Self::Key(key)
    }
}

/// The way from a document's root to a value in it. Ordered so that an array's elements stand in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(Vec<Step>);

impl Pointer {
    /// The root itself.
    pub const ROOT: Self = Self(Vec::new());

    /// The steps, from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The value one step further.
    #[must_use]
    pub fn child(&self, step: impl Into<Step>) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step.into());
        Self(steps)
    }

    /// The value several steps further.
    #[must_use]
    pub fn join(&self, further: &Self) -> Self {
        Self(self.0.iter().chain(&further.0).cloned().collect())
    }

    /// The value that holds this one, or `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    /// Whether this value is `outer` or stands inside it.
    pub fn is_within(&self, outer: &Self) -> bool {
        self.0.starts_with(&outer.0)
    }
}

impl FromIterator<Step> for Pointer {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

/// `/spec/containers/0/image`; `~` and `/` inside a key are written `~0` and `~1`.
impl fmt::Display for Pointer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Index(index) => write!(out, "/{index}")?,
                Step::Key(key) => write!(out, "/{}", key.to_text().replace('~', "~0").replace('/', "~1"))?,
            }
        }
        Ok(())
    }
}

/// Steps as people write them: `spec.containers[0].image`.
pub fn dotted(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Index(index) => path.extend(["[", &index.to_string(), "]"]),
            Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&key.to_text());
            }
        }
    }
    path
}

/// Makes a [`Pointer`] of steps: `pointer!["spec", "containers", 0]`.
#[macro_export]
macro_rules! pointer {
    ($($step:expr),* $(,)?) => {
        <$crate::Pointer as ::std::iter::FromIterator<$crate::Step>>::from_iter([$($crate::Step::from($step)),*])
    };
}

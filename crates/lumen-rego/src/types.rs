//! Types, as OPA's checker knows them (`v1/types/types.go`): what a value can be. `None` where nothing is known yet; [`Type::any`] where
//! it can be anything.

mod body;
mod environment;
mod print;
mod reference;
mod rule;
mod shape;
mod unify;
mod with;

use std::cmp::Ordering;
use std::sync::Arc;

use lumen_value::Value;

pub(crate) use environment::{Environment, TypeTree};
pub(crate) use rule::Names;
pub use shape::Shape;

use crate::depth::grow;

/// A union of more types than this is anything: a module cannot make types grow without bound.
const UNION_MAX: usize = 256;

/// A type of more parts, or one that nests deeper, is anything.
const PARTS_MAX: usize = 4_096;
const DEPTH_MAX: usize = 64;

/// What a value can be.
#[derive(Clone, Debug)]
pub enum Type {
    /// `null`
    Null,
    /// `true` and `false`
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array(Arc<ArrayType>),
    /// An object.
    Object(Arc<ObjectType>),
    /// A set of what; none for the empty set.
    Set(Option<Arc<Type>>),
    /// One of several, sorted; of none: anything at all.
    Any(Arc<[Type]>),
    /// A function.
    Function(Arc<FunctionType>),
}

/// What an array can be.
#[derive(Clone, Debug, Default)]
pub struct ArrayType {
    /// Its first elements.
    pub first: Vec<Option<Type>>,
    /// What further elements are; none: there are none.
    pub rest: Option<Type>,
}

/// What an object can be.
#[derive(Clone, Debug, Default)]
pub struct ObjectType {
    /// Known keys, sorted.
    pub known: Vec<(Value, Option<Type>)>,
    /// What other keys and values are; none: there are none.
    pub other: Option<(Option<Type>, Option<Type>)>,
}

/// What a function takes and gives.
#[derive(Clone, Debug)]
pub struct FunctionType {
    /// Its arguments.
    pub arguments: Vec<Option<Type>>,
    /// Further arguments of a function that takes any number.
    pub variadic: Option<Type>,
    /// Its result; none where it has none, or none that is known.
    pub result: Option<Type>,
}

impl Type {
    /// Anything.
    pub fn any() -> Self {
        Self::Any(Arc::default())
    }

    /// Whether this is anything at all.
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any(of) if of.is_empty())
    }

    /// An object without known keys.
    pub(crate) fn dictionary(key: Option<Self>, value: Option<Self>) -> Self {
        Self::Object(Arc::new(ObjectType { known: Vec::new(), other: Some((key, value)) })).bounded()
    }

    /// The type of a constant, as far as references into types know it: a set is an array to them, as in JSON.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(items) => grow(|| Self::tuple(items.iter().map(Self::of).map(Some).collect())),
            Value::Set(items) => grow(|| Self::tuple(items.iter().map(Self::of).map(Some).collect())),
            Value::Object(entries) => grow(|| {
                let known = entries.iter().map(|(key, value)| (key.clone(), Some(Self::of(value)))).collect();
                Self::Object(Arc::new(ObjectType { known, other: None })).bounded()
            }),
        }
    }

    pub(crate) fn tuple(first: Vec<Option<Self>>) -> Self {
        Self::Array(Arc::new(ArrayType { first, rest: None })).bounded()
    }

    /// The type, or anything at all where it is deeper or has more parts than is of use to anybody: `b := [a, a]`, `c := [b, b]`, ..
    /// make types that cannot be gone through.
    pub(crate) fn bounded(self) -> Self {
        let mut pending = vec![(&self, 0)];
        let mut parts = 0;
        while let Some((of, depth)) = pending.pop() {
            parts += 1;
            if parts > PARTS_MAX || depth > DEPTH_MAX {
                return Self::any();
            }
            let below = depth + 1;
            match of {
                Self::Array(array) => {
                    let all = array.first.iter().chain([&array.rest]);
                    pending.extend(all.flatten().map(|part| (part, below)));
                }
                Self::Object(object) => {
                    let other = object.other.iter().flat_map(|(key, value)| [key, value]);
                    let all = object.known.iter().map(|(_, value)| value).chain(other);
                    pending.extend(all.flatten().map(|part| (part, below)));
                }
                Self::Set(of) => pending.extend(of.as_deref().map(|part| (part, below))),
                Self::Any(of) => pending.extend(of.iter().map(|part| (part, below))),
                Self::Null | Self::Boolean | Self::Number | Self::String | Self::Function(_) => {}
            }
        }
        self
    }

    /// Whether the collection can hold nothing.
    pub(crate) fn is_empty_collection(&self) -> bool {
        match self {
            Self::Array(array) => array.first.is_empty() && array.rest.is_none(),
            Self::Object(object) => object.known.is_empty() && object.other.is_none(),
            Self::Set(of) => of.is_none(),
            _ => false,
        }
    }

    /// What keys of the collection are; none where it is no collection, or has none.
    pub(crate) fn keys(&self) -> Option<Self> {
        match self {
            Self::Array(_) => Some(Self::Number),
            Self::Object(object) => {
                let known = object.known.iter().fold(None, |keys, (key, _)| or(keys, Some(Self::of(key))));
                match &object.other {
                    Some((key, _)) => or(known, key.clone()),
                    None => known,
                }
            }
            Self::Set(of) => of.as_deref().cloned(),
            Self::Any(of) if of.is_empty() => Some(self.clone()),
            Self::Any(of) => of.iter().fold(None, |keys, each| or(each.keys(), keys)),
            _ => None,
        }
    }

    /// What elements or values of the collection are; none where it is no collection, or has none.
    pub(crate) fn values(&self) -> Option<Self> {
        match self {
            Self::Array(array) => or(array.first.iter().cloned().fold(None, or), array.rest.clone()),
            Self::Object(object) => {
                let known = object.known.iter().fold(None, |values, (_, value)| or(values, value.clone()));
                match &object.other {
                    Some((_, value)) => or(known, value.clone()),
                    None => known,
                }
            }
            Self::Set(of) => of.as_deref().cloned(),
            Self::Any(of) if of.is_empty() => Some(self.clone()),
            Self::Any(of) => of.iter().fold(None, |values, each| or(each.values(), values)),
            _ => None,
        }
    }

    /// What stands under a constant key; none where nothing can.
    pub(crate) fn select(&self, key: &Value) -> Option<Self> {
        match self {
            Self::Array(array) => {
                let Value::Number(number) = key else { return None };
                array.at(number.to_string().parse().ok()?)
            }
            Self::Object(object) => object.select(key),
            Self::Set(of) => {
                let wanted = Self::of(key);
                match of.as_deref()? {
                    Self::Any(several) => contains(several, &wanted).then_some(wanted),
                    one => (compare(Some(one), Some(&wanted)) == Ordering::Equal).then_some(wanted),
                }
            }
            Self::Any(of) if of.is_empty() => Some(self.clone()),
            Self::Any(of) => of.iter().fold(None, |found, each| or(each.select(key), found)),
            _ => None,
        }
    }
}

impl ArrayType {
    /// The element at an index.
    pub(crate) fn at(&self, index: usize) -> Option<Type> {
        match self.first.get(index) {
            Some(known) => known.clone(),
            None => self.rest.clone(),
        }
    }
}

impl ObjectType {
    /// The value under a key.
    pub(crate) fn select(&self, key: &Value) -> Option<Type> {
        if let Ok(at) = self.known.binary_search_by(|(known, _)| known.cmp(key)) {
            return self.known.get(at)?.1.clone();
        }
        let (keys, value) = self.other.as_ref()?;
        let of = Type::of(key);
        let fits = match keys {
            Some(Type::Any(several)) => contains(several, &of),
            Some(one) => compare(Some(one), Some(&of)) == Ordering::Equal,
            None => false,
        };
        if fits { value.clone() } else { None }
    }
}

/// Whether a union has a type, to the letter. Functions are never in one.
fn contains(several: &[Type], one: &Type) -> bool {
    let found = || several.binary_search_by(|each| compare(Some(each), Some(one))).is_ok();
    !matches!(one, Type::Function(_)) && (several.is_empty() || found())
}

/// Whether a part of the type is not known.
pub(crate) fn is_partial(of: Option<&Type>) -> bool {
    let Some(of) = of else { return true };
    if matches!(of, Type::Null | Type::Boolean | Type::Number | Type::String | Type::Any(_)) {
        return false;
    }
    grow(|| match of {
        Type::Null | Type::Boolean | Type::Number | Type::String | Type::Any(_) => false,
        Type::Array(array) => {
            array.first.iter().any(|each| is_partial(each.as_ref()))
                || array.rest.as_ref().is_some_and(|rest| is_partial(Some(rest)))
        }
        Type::Object(object) => {
            object.known.iter().any(|(_, value)| is_partial(value.as_ref()))
                || object
                    .other
                    .as_ref()
                    .is_some_and(|(key, value)| is_partial(key.as_ref()) || is_partial(value.as_ref()))
        }
        Type::Set(of) => is_partial(of.as_deref()),
        Type::Function(function) => {
            function.arguments.iter().any(|each| is_partial(each.as_ref()))
                || is_partial(function.result.as_ref())
        }
    })
}

/// One or the other.
pub(crate) fn or(a: Option<Type>, b: Option<Type>) -> Option<Type> {
    let (a, b) = match (a, b) {
        (None, other) | (other, None) => return other,
        (Some(a), Some(b)) => (a, b),
    };
    match (&a, &b) {
        (Type::Function(left), Type::Function(right)) => left.or(right),
        (Type::Function(_), _) | (_, Type::Function(_)) => None,
        (Type::Any(left), Type::Any(right)) => Some(union(left, right)),
        (Type::Any(left), one) => Some(union(left, std::slice::from_ref(one))),
        (one, Type::Any(right)) => Some(union(right, std::slice::from_ref(one))),
        (left, right) => match compare(Some(left), Some(right)) {
            Ordering::Equal => Some(a),
            Ordering::Less => Some(Type::Any(Arc::from([a, b]))),
            Ordering::Greater => Some(Type::Any(Arc::from([b, a]))),
        },
    }
}

fn union(left: &Arc<[Type]>, right: &[Type]) -> Type {
    if left.is_empty() || right.is_empty() {
        return Type::any();
    }
    if let [one] = right
        && contains(left, one)
    {
        return Type::Any(left.clone());
    }
    let mut all: Vec<Type> = left.iter().chain(right).cloned().collect();
    all.sort_by(|a, b| compare(Some(a), Some(b)));
    all.dedup_by(|a, b| compare(Some(a), Some(b)) == Ordering::Equal);
    if all.len() > UNION_MAX { Type::any() } else { Type::Any(all.into()) }
}

impl FunctionType {
    /// A function that takes what either takes; none where they take different numbers of arguments.
    fn or(&self, other: &Self) -> Option<Type> {
        if self.arguments.len() != other.arguments.len()
            || self.variadic.is_some() != other.variadic.is_some()
        {
            return None;
        }
        let pairs = self.arguments.iter().zip(&other.arguments);
        Some(Type::Function(Arc::new(Self {
            arguments: pairs.map(|(a, b)| or(a.clone(), b.clone())).collect(),
            variadic: or(self.variadic.clone(), other.variadic.clone()),
            result: or(self.result.clone(), other.result.clone()),
        })))
    }
}

/// The order of types in a union: by kind, then by parts.
pub(crate) fn compare(a: Option<&Type>, b: Option<&Type>) -> Ordering {
    let rank = |of: Option<&Type>| match of {
        None => 0,
        Some(Type::Null) => 1,
        Some(Type::Boolean) => 2,
        Some(Type::Number) => 3,
        Some(Type::String) => 4,
        Some(Type::Array(_)) => 5,
        Some(Type::Object(_)) => 6,
        Some(Type::Set(_)) => 7,
        Some(Type::Any(_)) => 8,
        Some(Type::Function(_)) => 9,
    };
    let by_kind = rank(a).cmp(&rank(b));
    if by_kind != Ordering::Equal {
        return by_kind;
    }
    match (a, b) {
        (Some(Type::Array(a)), Some(Type::Array(b))) => {
            if Arc::ptr_eq(a, b) {
                return Ordering::Equal;
            }
            grow(|| {
                compare(a.rest.as_ref(), b.rest.as_ref()).then_with(|| {
                    a.first
                        .iter()
                        .zip(&b.first)
                        .map(|(a, b)| compare(a.as_ref(), b.as_ref()))
                        .find(|order| order.is_ne())
                        .unwrap_or_else(|| a.first.len().cmp(&b.first.len()))
                })
            })
        }
        (Some(Type::Object(a)), Some(Type::Object(b))) => {
            if Arc::ptr_eq(a, b) {
                return Ordering::Equal;
            }
            grow(|| compare_objects(a, b))
        }
        (Some(Type::Set(a)), Some(Type::Set(b))) => grow(|| compare(a.as_deref(), b.as_deref())),
        (Some(Type::Any(a)), Some(Type::Any(b))) => grow(|| {
            a.iter()
                .zip(b.iter())
                .map(|(a, b)| compare(Some(a), Some(b)))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| a.len().cmp(&b.len()))
        }),
        (Some(Type::Function(a)), Some(Type::Function(b))) => {
            let arguments =
                a.arguments.iter().zip(&b.arguments).map(|(a, b)| compare(a.as_ref(), b.as_ref()));
            a.arguments
                .len()
                .cmp(&b.arguments.len())
                .then(arguments.fold(Ordering::Equal, Ordering::then))
                .then_with(|| compare(a.result.as_ref(), b.result.as_ref()))
                .then_with(|| compare(a.variadic.as_ref(), b.variadic.as_ref()))
        }
        _ => Ordering::Equal,
    }
}

fn compare_objects(a: &ObjectType, b: &ObjectType) -> Ordering {
    let other = match (&a.other, &b.other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some((a_key, a_value)), Some((b_key, b_value))) => {
            compare(a_key.as_ref(), b_key.as_ref()).then_with(|| compare(a_value.as_ref(), b_value.as_ref()))
        }
    };
    let known = || {
        let pairs = a.known.iter().zip(&b.known);
        pairs
            .map(|((a_key, a_value), (b_key, b_value))| {
                a_key.cmp(b_key).then_with(|| compare(a_value.as_ref(), b_value.as_ref()))
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| a.known.len().cmp(&b.known.len()))
    };
    other.then_with(known)
}

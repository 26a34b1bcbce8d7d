//! What expressions compute: the values of documents as they are, and those that CEL adds.

use std::sync::Arc;

use lumen_value::{Array, Object, Str, Value};

use crate::eval::Fault;

/// A value. A clone is cheap.
#[derive(Clone, Debug)]
pub(crate) enum Val {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Str),
    Bytes(Arc<[u8]>),
    List(List),
    Map(Map),
    /// Nanoseconds.
    Duration(i64),
    Timestamp(Moment),
    Type(&'static str),
    Optional(Option<Arc<Val>>),
    Quantity(Arc<crate::function::quantity::Quantity>),
    Ip(std::net::IpAddr),
    Cidr(std::net::IpAddr, u8),
    Url(Arc<crate::function::url::Link>),
    Semver(Arc<crate::function::semver::Version>),
    /// A named format of strings.
    Format(&'static str),
}

/// A timestamp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
    /// Minutes by which it is shown east of UTC, as it was written. They make no difference to anything else.
    pub(crate) offset: i16,
}

impl Moment {
    /// Seconds of the first and the last that there may be: of the years 1 and 9999.
    pub(crate) const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

    /// Whether it is Go's zero of a time, the first that there may be.
    pub(crate) const fn is_zero(self) -> bool {
        self.seconds == *Self::SECONDS.start() && self.nanos == 0
    }

    /// What cel-go says where there is no such moment.
    pub(crate) fn overflow() -> Fault {
        Fault::new("timestamp overflow")
    }

    pub(crate) const fn nanoseconds(self) -> i128 {
        self.seconds as i128 * 1_000_000_000 + self.nanos as i128
    }
}

/// A list, of a document or made.
#[derive(Clone)]
pub(crate) enum List {
    Data(Array),
    Made(Arc<[Val]>),
}

/// A map, of a document or made.
#[derive(Clone)]
pub(crate) enum Map {
    Data(Object),
    Made(Arc<[(Val, Val)]>),
}

impl std::fmt::Debug for List {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(array) => Value::Array(array.clone()).fmt(out),
            Self::Made(items) => items.fmt(out),
        }
    }
}

impl std::fmt::Debug for Map {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(object) => Value::Object(object.clone()).fmt(out),
            Self::Made(entries) => entries.fmt(out),
        }
    }
}

impl From<&Value> for Val {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => {
                let text = number.to_string();
                // As Kubernetes reads JSON: what is written as an integer and fits is one.
                match number.as_i64() {
                    Some(int) if !text.contains(['.', 'e', 'E']) => Self::Int(int),
                    _ => Self::Double(number.as_f64()),
                }
            }
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(array) => Self::List(List::Data(array.clone())),
            Value::Set(set) => Self::List(List::Data(set.iter().cloned().collect())),
            Value::Object(object) => Self::Map(Map::Data(object.clone())),
        }
    }
}

impl Val {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(Str::from(text))
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(List::Made(items.into()))
    }

    pub(crate) fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The name of the value's type, as `type()` gives it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(..) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Ip(_) => "net.IP",
            Self::Cidr(..) => "net.CIDR",
            Self::Url(_) => "kubernetes.URL",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
        }
    }

    /// Whether the value is the one that its type has without being given one.
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Int(value) => *value == 0,
            Self::Uint(value) => *value == 0,
            Self::Double(value) => *value == 0.0,
            Self::Text(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::List(list) => list.len() == 0,
            Self::Map(map) => map.len() == 0,
            Self::Duration(ns) => *ns == 0,
            Self::Timestamp(at) => at.is_zero(),
            Self::Optional(inner) => inner.is_none(),
            _ => false,
        }
    }
}

impl List {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Data(array) => array.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Val> {
        match self {
            Self::Data(array) => array.get(index).map(Val::from),
            Self::Made(items) => items.get(index).cloned(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Val> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl Map {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Data(object) => object.len(),
            Self::Made(entries) => entries.len(),
        }
    }

    /// The value under a text.
    pub(crate) fn field(&self, name: &Str) -> Option<Val> {
        match self {
            Self::Data(object) => object.get_key(name).map(Val::from),
            Self::Made(entries) => entries
                .iter()
                .find(|(key, _)| matches!(key, Val::Text(key) if key == name))
                .map(|(_, value)| value.clone()),
        }
    }

    /// The value under any key.
    pub(crate) fn get(&self, key: &Val) -> Option<Val> {
        match (self, key) {
            (_, Val::Text(name)) => self.field(name),
            (Self::Data(_), _) => None,
            (Self::Made(entries), key) => {
                entries.iter().find(|(candidate, _)| same_key(candidate, key)).map(|(_, value)| value.clone())
            }
        }
    }

    pub(crate) fn entries(&self) -> Vec<(Val, Val)> {
        match self {
            Self::Data(object) => {
                object.iter().map(|(key, value)| (Val::from(key), Val::from(value))).collect()
            }
            Self::Made(entries) => entries.to_vec(),
        }
    }
}

/// Whether two keys are the same. Keys are booleans, integers and strings.
pub(crate) fn same_key(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Text(a), Val::Text(b)) => a == b,
        _ => order_of_numbers(a, b) == Some(std::cmp::Ordering::Equal),
    }
}

/// How two numbers of any type compare; `None` where one is not a number, or not comparable.
pub(crate) fn order_of_numbers(a: &Val, b: &Val) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Val::Int(a), Val::Int(b)) => Some(a.cmp(b)),
        (Val::Uint(a), Val::Uint(b)) => Some(a.cmp(b)),
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(b),
        (Val::Int(a), Val::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Val::Uint(a), Val::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Val::Int(a), Val::Double(b)) => int_and_double(i128::from(*a), *b),
        (Val::Uint(a), Val::Double(b)) => int_and_double(i128::from(*a), *b),
        (Val::Double(a), Val::Int(b)) => int_and_double(i128::from(*b), *a).map(std::cmp::Ordering::reverse),
        (Val::Double(a), Val::Uint(b)) => int_and_double(i128::from(*b), *a).map(std::cmp::Ordering::reverse),
        _ => None,
    }
}

fn int_and_double(int: i128, double: f64) -> Option<std::cmp::Ordering> {
    use std::cmp::Ordering;
    if double.is_nan() {
        return None;
    }
    // Beyond any 64 bits.
    if double >= 1e20 {
        return Some(Ordering::Less);
    }
    if double <= -1e20 {
        return Some(Ordering::Greater);
    }
    let floor = double.floor();
    #[expect(clippy::cast_possible_truncation, reason = "less than 1e20, and whole")]
    let whole = floor as i128;
    Some(int.cmp(&whole).then(if double > floor { Ordering::Less } else { Ordering::Equal }))
}

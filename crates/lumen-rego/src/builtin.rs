//! The built-in functions: one table of signatures ([`mod@signature`]), one file of functions a family.
//!
//! A function gets its operands as values, takes from the budget before it makes anything large, and never panics. Its errors
//! are worded as OPA words them; the evaluator puts the function's name in front.

pub mod aggregates;
pub mod arithmetic;
pub mod arrays;
pub mod bits;
pub mod comparison;
pub mod crypto;
pub mod encoding;
pub mod glob;
pub mod graph;
pub mod graphql;
pub mod json;
pub mod module;
pub mod net;
pub mod numbers;
pub mod objects;
pub mod operand;
pub mod provider;
pub mod regex;
pub mod semver;
pub mod sets;
pub mod signature;
pub mod sprintf;
pub mod strings;
pub mod table;
pub mod template;
pub mod time;
pub mod token;
pub mod types;
pub mod units;
pub mod uri;
mod url;
pub mod uuid;
pub mod yaml;

#[cfg(test)]
mod exercise;

use std::collections::BTreeSet;

use lumen_value::{Object, Set, Value};

use crate::types::Shape;

/// What is known of a built-in without calling it. The table is OPA 1.22's.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Dotted name.
    pub name: &'static str,
    /// How it is written between operands, if it can be.
    pub infix: &'static str,
    /// Names and types of the operands.
    pub arguments: &'static [(&'static str, Shape)],
    /// The type of any further operands.
    pub variadic: Option<Shape>,
    /// Name and type of the result; `None` for `print`, which has none.
    pub result: Option<(&'static str, Shape)>,
    /// It has as many results as it likes, each a solution: `walk`.
    pub relation: bool,
    /// Asked twice it may answer differently.
    pub nondeterministic: bool,
    /// Refused in v1 modules and in strict mode.
    pub deprecated: bool,
    /// OPA's families, for the documentation.
    pub categories: &'static [&'static str],
}

/// Why a call gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is none, and that is no error.
    Undefined,
    /// An operand has the wrong type: `operand 1 must be number but got string`.
    Type(String),
    /// The operands are of the right type and yet not right.
    Builtin(String),
    /// An error even where built-in errors are not strict.
    Halt(String),
    /// The budget does not suffice.
    Budget,
    /// The answer has to be fetched; what the host needs to know is recorded. Only host functions say this.
    Pending,
}

impl Failure {
    /// A built-in's error with what it is said of before it.
    pub(crate) fn said_of(self, what: &str) -> Self {
        match self {
            Self::Builtin(message) => Self::Builtin(format!("{what}: {message}")),
            other => other,
        }
    }
}

/// What a call gives.
pub type Answer = Result<Value, Failure>;

/// A function on values.
pub type Function = fn(&mut Context<'_>, &[Value]) -> Answer;

/// One row of a family's table.
pub type Entry = (&'static str, Function);

/// What a function may know and use beside its operands. Everything from outside is in here.
pub struct Context<'a> {
    /// What it may still spend.
    pub budget: &'a mut Budget,
    /// Nanoseconds since 1970 for `time.now_ns`; constant during an evaluation.
    pub time_ns: i64,
    /// Where random numbers come from: 64 bits a call. Seeded by the caller.
    pub random: &'a mut dyn FnMut() -> u64,
    /// Things made of constants (regular expressions, globs, schemas) that are worth keeping between calls.
    pub cache: &'a mut cache::Cache,
    /// The text and place of the call, for built-ins that report themselves.
    pub span: crate::error::Span,
}

/// What an evaluation may spend: steps, and bytes of the values it makes. Deterministic.
#[derive(Clone, Debug)]
pub struct Budget {
    steps: u64,
    bytes: u64,
}

/// So many parts of values are compared for a step.
pub(crate) const PARTS_FREE: u64 = 16;

/// What one value takes in a collection, without what hangs on it.
const VALUE_BYTES: u64 = 24;

impl Budget {
    /// A budget.
    pub const fn new(steps: u64, bytes: u64) -> Self {
        Self { steps, bytes }
    }

    /// Takes `count` steps: about one for each value that a built-in looks at.
    pub fn steps(&mut self, count: u64) -> Result<(), Failure> {
        take(&mut self.steps, count)
    }

    /// Takes `count` bytes, before they are allocated.
    pub fn bytes(&mut self, count: u64) -> Result<(), Failure> {
        take(&mut self.bytes, count)
    }

    /// Takes a step and the bytes of a value for each of so many values, before they are collected.
    pub fn values(&mut self, count: usize) -> Result<(), Failure> {
        let count = u64::try_from(count).map_err(|_| Failure::Budget)?;
        self.steps(count)?;
        self.bytes(count.saturating_mul(VALUE_BYTES))
    }

    /// Takes the bytes of a text, before it is made.
    pub fn text(&mut self, bytes: usize) -> Result<(), Failure> {
        self.bytes(u64::try_from(bytes).map_err(|_| Failure::Budget)?)
    }

    /// Takes the bytes that a value would need if none of its parts were shared, before it is written as text. A few shared parts
    /// make a tree that no memory holds.
    pub fn tree(&mut self, value: &Value) -> Result<(), Failure> {
        let mut pending = vec![value];
        while let Some(value) = pending.pop() {
            self.bytes(VALUE_BYTES)?;
            match value {
                Value::String(text) => self.text(text.as_bytes().len())?,
                Value::Array(items) => pending.extend(items.iter()),
                Value::Set(items) => pending.extend(items.iter()),
                Value::Object(entries) => {
                    pending.extend(entries.iter().flat_map(|(key, value)| [key, value]));
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        Ok(())
    }

    /// Takes what comparing so many parts of values cost.
    pub fn compared(&mut self, parts: u64) -> Result<(), Failure> {
        self.steps(parts / PARTS_FREE)
    }

    /// Whether two values are equal, the comparison paid for.
    pub fn are_equal(&mut self, first: &Value, second: &Value) -> Result<bool, Failure> {
        let (order, parts) = first.compare_counted(second);
        self.compared(parts)?;
        Ok(order.is_eq())
    }

    /// The set of values in any order, its comparisons paid for.
    pub fn set(&mut self, items: Vec<Value>) -> Result<Set, Failure> {
        let (set, parts) = Set::counted(items);
        self.compared(parts)?;
        Ok(set)
    }

    /// The element of a set that is equal to a value, the search paid for.
    pub fn element<'v>(&mut self, set: &'v Set, value: &Value) -> Result<Option<&'v Value>, Failure> {
        let (found, parts) = set.get_counted(value);
        self.compared(parts)?;
        Ok(found)
    }

    /// The value that an object has under a key, the search paid for.
    pub fn field<'v>(&mut self, object: &'v Object, key: &Value) -> Result<Option<&'v Value>, Failure> {
        let (found, parts) = object.get_value_counted(key);
        self.compared(parts)?;
        Ok(found)
    }

    /// What is left: steps, bytes.
    pub const fn left(&self) -> (u64, u64) {
        (self.steps, self.bytes)
    }
}

/// What did not suffice is left empty, so that it can be told which it was.
fn take(left: &mut u64, count: u64) -> Result<(), Failure> {
    let rest = left.checked_sub(count);
    *left = rest.unwrap_or_default();
    rest.map(|_| ()).ok_or(Failure::Budget)
}

/// Which built-ins a module may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// What of the [`OUTSIDE`] is allowed, by name.
    pub allowed: BTreeSet<&'static str>,
    /// What else is refused, by name.
    pub refused: BTreeSet<String>,
    /// Functions that the host gives: name and number of operands.
    pub host: std::collections::BTreeMap<String, usize>,
}

/// What leaves the process: off unless asked for by name.
pub const OUTSIDE: &[&str] = &["http.send", "net.lookup_ip_addr", "opa.runtime"];

/// The signature of a built-in.
pub fn signature(name: &str) -> Option<&'static Signature> {
    let at = signature::SIGNATURES.binary_search_by(|row| row.name.cmp(name)).ok()?;
    signature::SIGNATURES.get(at)
}

/// The families' tables. Each is sorted by name.
pub const FAMILIES: &[&[Entry]] = &[
    aggregates::TABLE,
    arithmetic::TABLE,
    arrays::TABLE,
    bits::TABLE,
    comparison::TABLE,
    crypto::TABLE,
    encoding::TABLE,
    glob::TABLE,
    graph::TABLE,
    graphql::TABLE,
    json::TABLE,
    module::TABLE,
    net::TABLE,
    numbers::TABLE,
    objects::TABLE,
    provider::TABLE,
    regex::TABLE,
    semver::TABLE,
    sets::TABLE,
    sprintf::TABLE,
    strings::TABLE,
    template::TABLE,
    time::TABLE,
    token::TABLE,
    types::TABLE,
    units::TABLE,
    uri::TABLE,
    uuid::TABLE,
    yaml::TABLE,
];

/// The function behind a name; `None` for those that the evaluator does itself (`eq`, `print`, `walk`, ..) and for those that are off.
pub fn function(name: &str) -> Option<Function> {
    FAMILIES.iter().find_map(|family| {
        let at = family.binary_search_by(|(row, _)| (*row).cmp(name)).ok()?;
        family.get(at).map(|(_, function)| *function)
    })
}

pub mod cache {
    //! What is made of constants and kept.

    use std::any::Any;
    use std::collections::HashMap;
    use std::sync::Arc;

    use lumen_value::Str;

    /// Bounded; what does not fit is made again. Cheap to make; shared by the evaluations of one caller.
    #[derive(Default)]
    pub struct Cache {
        entries: HashMap<(&'static str, Str), Arc<dyn Any + Send + Sync>>,
    }

    /// How many things are kept.
    const ENTRIES_MAX: usize = 1_000;

    impl Cache {
        /// What `make` makes of `text`, or made of it before. `family` keeps different makers apart.
        pub fn get<T: Send + Sync + 'static, E>(
            &mut self,
            family: &'static str,
            text: &Str,
            make: impl FnOnce() -> Result<T, E>,
        ) -> Result<Arc<T>, E> {
            let key = (family, text.clone());
            if let Some(found) = self.entries.get(&key).cloned().and_then(|any| any.downcast::<T>().ok()) {
                return Ok(found);
            }
            let made = Arc::new(make()?);
            if self.entries.len() < ENTRIES_MAX {
                self.entries.insert(key, made.clone());
            }
            Ok(made)
        }
    }
}

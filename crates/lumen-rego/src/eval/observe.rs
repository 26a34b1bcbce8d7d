//! Observers: which lines of the modules were evaluated, and which part of `input` a value is.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use lumen_value::{Pointer, Step, Value};

use super::{Moment, Observer};
use crate::error::Span;
use crate::plan::{Expression, Operand, Plan};

/// Which rows of which modules were evaluated: those of expressions that were looked at, and of heads whose bodies held, as
/// `opa test --coverage` counts them.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    covered: BTreeSet<(u32, u32)>,
}

impl Observer for Coverage {
    fn expression(
        &mut self,
        expression: &Expression,
        moment: Moment,
        _read: &dyn Fn(Operand) -> Option<Value>,
    ) {
        if moment == Moment::Start || (expression.head && moment == Moment::Holds) {
            self.covered.insert((expression.span.module, expression.span.row));
        }
    }
}

impl Coverage {
    /// Adds what another evaluation covered.
    pub fn merge(&mut self, other: &Self) {
        self.covered.extend(&other.covered);
    }

    /// The rows of each module that can be covered, and whether they were.
    pub fn rows(&self, plan: &Plan) -> BTreeMap<u32, BTreeMap<u32, bool>> {
        let mut rows: BTreeMap<u32, BTreeMap<u32, bool>> = BTreeMap::new();
        for expression in &plan.expressions {
            let Span { module, row, .. } = expression.span;
            rows.entry(module).or_default().insert(row, self.covered.contains(&(module, row)));
        }
        rows
    }
}

/// Where the collections of a document stand: values are shared, so the same collection is found again wherever rules carried it.
#[derive(Clone, Debug, Default)]
pub struct InputPaths {
    /// By kind and place in memory: the collection that it is in, and under which key; none for one that stands at several
    /// places, as an alias of YAML makes it.
    found: HashMap<Identity, Option<Standing>>,
    /// Keeps the places in memory taken.
    root: Value,
}

/// The collection that a value is in, and under which key; none for the document itself.
type Standing = (Option<Identity>, Option<Step>);

/// Place in memory and kind.
type Identity = (usize, &'static str);

/// What a collection is found by. Empty ones may be shared by all.
fn identity(value: &Value) -> Option<Identity> {
    let empty = match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => true,
    };
    if empty { None } else { Some((value.address()?, value.kind())) }
}

impl InputPaths {
    /// Notes all collections of a document.
    pub fn new(root: &Value) -> Self {
        let mut paths = Self { found: HashMap::new(), root: root.clone() };
        let mut pending = vec![(None, None, root)];
        while let Some((above, step, value)) = pending.pop() {
            let Some(here) = identity(value) else { continue };
            match paths.found.entry(here) {
                Entry::Vacant(entry) => entry.insert(Some((above, step))),
                Entry::Occupied(mut entry) => {
                    entry.insert(None);
                    continue;
                }
            };
            match value {
                Value::Array(items) => {
                    let items = items.iter().enumerate();
                    pending.extend(items.map(|(at, item)| (Some(here), Some(Step::Index(at)), item)));
                }
                Value::Object(entries) => {
                    let fields = entries.fields();
                    pending
                        .extend(fields.map(|(key, value)| (Some(here), Some(Step::Key(key.clone())), value)));
                }
                _ => {}
            }
        }
        paths
    }

    /// The document.
    pub const fn root(&self) -> &Value {
        &self.root
    }

    /// Whether a collection is a part of the document.
    pub fn contains(&self, collection: &Value) -> bool {
        identity(collection).is_some_and(|identity| self.found.contains_key(&identity))
    }

    /// Where a collection stands; none where it is not a part of the document, or may be one of several.
    pub fn pointer(&self, collection: &Value) -> Option<Pointer> {
        let mut steps = Vec::new();
        let mut at = identity(collection)?;
        loop {
            let (above, step) = self.found.get(&at)?.as_ref()?;
            steps.extend(step.clone());
            match above {
                Some(above) => at = *above,
                None => break,
            }
        }
        Some(steps.into_iter().rev().collect())
    }

    /// Where a part of a collection stands.
    pub fn part(&self, from: &Value, key: &Value) -> Option<Pointer> {
        let step = match key {
            Value::String(key) => Step::Key(key.clone()),
            key => Step::Index(usize::try_from(key.as_i64()?).ok()?),
        };
        let pointer = self.pointer(from)?;
        Some(pointer.steps().iter().cloned().chain([step]).collect())
    }
}

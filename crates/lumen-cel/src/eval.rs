//! Evaluation: a walk over the tree that pays for each node. What fails is an error that `&&`, `||`, `all` and `exists` may
//! absorb, as in cel-go.

mod fold;
mod operator;

use lumen_value::{Object, Str};

use crate::function;
use crate::policy::Bindings;
use crate::syntax::{Kind, Node, Root, Step};
use crate::value::{Map, Val, same_key};

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// CEL's error.
    Error(String),
    /// The budget is used up.
    Budget,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Error(message.into())
    }
}

/// The result of a step.
pub(crate) type Answer = Result<Val, Fault>;

/// What cel-go says where no function takes operands of these types.
pub(crate) fn no_overload() -> Fault {
    Fault::new("no such overload")
}

/// A variable of the policy: its name, and its expression or why there is none.
pub(crate) type Variable = (String, Result<Node, String>);

/// One evaluation of a policy's expressions.
pub(crate) struct Machine<'a> {
    bindings: Bindings<'a>,
    variables: &'a [Variable],
    /// What the variables gave, where they were asked.
    known: Vec<Option<Result<Val, String>>>,
    /// The macros' variables.
    locals: Vec<Val>,
    steps: u64,
    /// Compiled regular expressions, by their text.
    pub(crate) patterns: std::collections::BTreeMap<Str, regex::Regex>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(bindings: &Bindings<'a>, variables: &'a [Variable], steps: u64) -> Self {
        Self {
            bindings: *bindings,
            variables,
            known: vec![None; variables.len()],
            locals: Vec::new(),
            steps,
            patterns: std::collections::BTreeMap::new(),
        }
    }

    /// Pays for so many steps.
    pub(crate) fn pay(&mut self, steps: usize) -> Result<(), Fault> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.steps = self.steps.checked_sub(steps).ok_or(Fault::Budget)?;
        Ok(())
    }

    /// Pays for looking at so many bytes, or for making them.
    pub(crate) fn pay_bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        self.pay(bytes / 16)
    }

    /// Evaluates an expression from the root.
    pub(crate) fn run(&mut self, node: &Node) -> Answer {
        self.locals.clear();
        self.eval(node)
    }

    /// The parser bounded how deep a tree is; the stack grows where the thread has too little.
    pub(crate) fn eval(&mut self, node: &Node) -> Answer {
        self.pay(1)?;
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.eval_kind(&node.kind))
    }

    fn eval_kind(&mut self, kind: &Kind) -> Answer {
        match kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Root(root) => self.root(*root),
            Kind::Chain(first, rest) => {
                let mut value = self.eval(first)?;
                for (operator, operand) in rest {
                    let operand = self.eval(operand)?;
                    value = self.operate(*operator, &value, &operand)?;
                }
                Ok(value)
            }
            Kind::And(nodes) => self.logic(nodes, false),
            Kind::Or(nodes) => self.logic(nodes, true),
            Kind::Not(node) => match self.eval(node)? {
                Val::Bool(value) => Ok(Val::Bool(!value)),
                _ => Err(no_overload()),
            },
            Kind::Negate(node) => match self.eval(node)? {
                Val::Int(value) => {
                    value.checked_neg().map(Val::Int).ok_or_else(|| Fault::new("integer overflow"))
                }
                Val::Double(value) => Ok(Val::Double(-value)),
                Val::Duration(ns) => {
                    ns.checked_neg().map(Val::Duration).ok_or_else(|| Fault::new("integer overflow"))
                }
                _ => Err(Fault::new("no such overload: -_")),
            },
            Kind::Choose(cases, otherwise) => {
                for (condition, value) in cases {
                    match self.eval(condition)? {
                        Val::Bool(true) => return self.eval(value),
                        Val::Bool(false) => {}
                        _ => return Err(no_overload()),
                    }
                }
                self.eval(otherwise)
            }
            Kind::Path(base, steps) => {
                let mut value = self.eval(base)?;
                for step in steps {
                    self.pay(1)?;
                    value = self.step(value, step)?;
                }
                Ok(value)
            }
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Call(function, operands) => {
                let mut values = Vec::with_capacity(operands.len());
                for operand in operands {
                    values.push(self.eval(operand)?);
                }
                function::call(self, *function, &values)
            }
            Kind::Has(base, name) => {
                let value = self.eval(base)?;
                has(&value, name).map(Val::Bool)
            }
        }
    }

    fn root(&mut self, root: Root) -> Answer {
        Ok(match root {
            Root::Object => Val::from(self.bindings.object),
            Root::OldObject => Val::from(self.bindings.old_object),
            Root::Request => Val::from(self.bindings.request),
            Root::NamespaceObject => Val::from(self.bindings.namespace_object),
            Root::Params => Val::from(self.bindings.params),
            Root::Variables => Val::Map(Map::Data(Object::default())),
            Root::Variable(index) => return self.variable(index),
            Root::Local(index) => self.locals.get(index).cloned().ok_or_else(no_overload)?,
        })
    }

    /// A variable's value, computed when it is first asked for. A variable only names those before it.
    fn variable(&mut self, index: usize) -> Answer {
        // Those that Gatekeeper gives stand before the policy's own.
        match index {
            0 => {
                let is_deletion =
                    self.bindings.request.get("operation").is_some_and(|operation| *operation == *"DELETE");
                let use_old = is_deletion && self.bindings.object.is_null();
                return Ok(Val::from(if use_old { self.bindings.old_object } else { self.bindings.object }));
            }
            1 => return Ok(Val::from(self.bindings.parameters)),
            _ => {}
        }
        let variables = self.variables;
        let Some((name, expression)) = variables.get(index) else { return Err(no_overload()) };
        if let Some(Some(known)) = self.known.get(index) {
            return known.clone().map_err(Fault::Error);
        }
        let result = match expression {
            Err(error) => Err(format!("composited variable \"{name}\" fails to compile: {error}")),
            Ok(node) => {
                let locals = std::mem::take(&mut self.locals);
                let result = self.eval(node);
                self.locals = locals;
                match result {
                    Ok(value) => Ok(value),
                    Err(Fault::Budget) => return Err(Fault::Budget),
                    Err(Fault::Error(error)) => {
                        Err(format!("composited variable \"{name}\" fails to evaluate: {error}"))
                    }
                }
            }
        };
        if let Some(slot) = self.known.get_mut(index) {
            *slot = Some(result.clone());
        }
        result.map_err(Fault::Error)
    }

    /// `&&` and `||`: one operand that decides is enough, whatever fails beside it.
    fn logic(&mut self, nodes: &[Node], decisive: bool) -> Answer {
        let mut failed = None;
        for node in nodes {
            match self.eval(node) {
                Ok(Val::Bool(value)) if value == decisive => return Ok(Val::Bool(decisive)),
                Ok(Val::Bool(_)) => {}
                Ok(_) => failed = failed.or(Some(no_overload())),
                Err(Fault::Budget) => return Err(Fault::Budget),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(Val::Bool(!decisive)), Err)
    }

    fn step(&mut self, value: Val, step: &Step) -> Answer {
        match step {
            Step::Select { name, optional } => select(value, name, *optional),
            Step::Index { key, optional } => {
                let key = self.eval(key)?;
                self.index(value, &key, *optional)
            }
            Step::Call { function, operands } => {
                let mut values = Vec::with_capacity(operands.len() + 1);
                values.push(value);
                for operand in operands {
                    values.push(self.eval(operand)?);
                }
                function::call(self, *function, &values)
            }
            Step::Macro(folded) => self.fold(&value, folded),
        }
    }

    fn index(&mut self, value: Val, key: &Val, optional: bool) -> Answer {
        if let Val::Optional(inner) = value {
            return match inner {
                None => Ok(Val::Optional(None)),
                Some(inner) => self.index((*inner).clone(), key, true),
            };
        }
        let found = match &value {
            Val::Map(map) => {
                self.pay(if matches!(map, Map::Made(_)) { map.len() } else { 1 })?;
                map.get(key).ok_or_else(|| Fault::new(format!("no such key: {}", shown_key(key))))
            }
            Val::List(list) => {
                let index = match key {
                    Val::Int(index) => Some(*index),
                    Val::Uint(index) => i64::try_from(*index).ok(),
                    #[expect(clippy::cast_possible_truncation, reason = "only whole numbers are taken")]
                    Val::Double(index) if index.fract() == 0.0 && index.abs() < 1e15 => Some(*index as i64),
                    _ => {
                        return Err(Fault::new(format!(
                            "unsupported index type '{}' in list",
                            key.type_name()
                        )));
                    }
                };
                let element =
                    index.and_then(|index| usize::try_from(index).ok()).and_then(|index| list.get(index));
                element.ok_or_else(|| Fault::new(format!("index out of bounds: {}", shown_key(key))))
            }
            _ => Err(Fault::new(format!("no such key: {}", shown_key(key)))),
        };
        match (found, optional) {
            (Ok(value), true) => Ok(Val::some(value)),
            (Err(Fault::Error(_)), true) => Ok(Val::Optional(None)),
            (found, _) => found,
        }
    }

    fn list(&mut self, items: &[(bool, Node)]) -> Answer {
        let mut values = Vec::with_capacity(items.len());
        for (optional, item) in items {
            match (self.eval(item)?, optional) {
                (Val::Optional(None), true) => {}
                (Val::Optional(Some(value)), true) => values.push((*value).clone()),
                (_, true) => return Err(no_overload()),
                (value, false) => values.push(value),
            }
        }
        Ok(Val::list(values))
    }

    fn map(&mut self, entries: &[(bool, Node, Node)]) -> Answer {
        let mut made: Vec<(Val, Val)> = Vec::with_capacity(entries.len());
        for (optional, key, value) in entries {
            let (key, value) = (self.eval(key)?, self.eval(value)?);
            let value = match (value, optional) {
                (Val::Optional(None), true) => continue,
                (Val::Optional(Some(value)), true) => (*value).clone(),
                (_, true) => return Err(no_overload()),
                (value, false) => value,
            };
            // Of entries with one key the last counts.
            self.pay(made.len() / 4)?;
            match made.iter_mut().find(|(seen, _)| same_key(seen, &key)) {
                Some((_, slot)) => *slot = value,
                None => made.push((key, value)),
            }
        }
        Ok(Val::Map(Map::Made(made.into())))
    }

    /// Adds an entry; keys are not repeated.
    pub(crate) fn insert(&mut self, made: &mut Vec<(Val, Val)>, key: Val, value: Val) -> Result<(), Fault> {
        if !matches!(key, Val::Bool(_) | Val::Int(_) | Val::Uint(_) | Val::Text(_)) {
            return Err(Fault::new(format!("unsupported key type: {}", key.type_name())));
        }
        self.pay(made.len() / 4)?;
        if made.iter().any(|(seen, _)| same_key(seen, &key)) {
            return Err(Fault::new(format!("insert failed: key {} already exists", shown_key(&key))));
        }
        made.push((key, value));
        Ok(())
    }
}

/// A key in a message.
fn shown_key(key: &Val) -> String {
    match key {
        Val::Text(text) => text.to_text().into_owned(),
        Val::Int(value) => value.to_string(),
        Val::Uint(value) => value.to_string(),
        Val::Double(value) => value.to_string(),
        Val::Bool(value) => value.to_string(),
        other => other.type_name().to_owned(),
    }
}

/// A list has no fields to ask for; what is neither a list nor a map has none.
fn has(value: &Val, name: &Str) -> Result<bool, Fault> {
    match value {
        Val::Map(map) => Ok(map.field(name).is_some()),
        Val::Optional(Some(inner)) => has(inner, name),
        Val::List(_) => Err(not_an_index(&Val::Text(name.clone()))),
        _ => Ok(false),
    }
}

fn not_an_index(key: &Val) -> Fault {
    Fault::new(format!("unsupported index type '{}' in list", key.type_name()))
}

fn select(value: Val, name: &Str, optional: bool) -> Answer {
    match value {
        Val::Map(map) => match (map.field(name), optional) {
            (Some(found), true) => Ok(Val::some(found)),
            (Some(found), false) => Ok(found),
            (None, true) => Ok(Val::Optional(None)),
            (None, false) => Err(Fault::new(format!("no such key: {name}"))),
        },
        Val::Optional(None) => Ok(Val::Optional(None)),
        Val::Optional(Some(inner)) => select((*inner).clone(), name, true),
        Val::List(_) => Err(not_an_index(&Val::Text(name.clone()))),
        _ if optional => Ok(Val::Optional(None)),
        _ => Err(Fault::new(format!("no such key: {name}"))),
    }
}

//! Types that are plain without running anything: what can only fail is refused when it is compiled, as cel-go refuses it.
//! Less is known here than there; what is not known is `dyn`, and passes.

use crate::function;
use crate::parse::Fault;
use crate::syntax::{Fold, Kind, Node, Operator, Root, Step};
use crate::value::Val;

/// What an expression gives, as far as it is plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    List,
    Map,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Dyn => "dyn",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::List => "list(dyn)",
            Self::Map => "map(dyn, dyn)",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// The one type of both, if they may have one.
    fn joined(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => Some(Self::Dyn),
            (a, b) => (a == b).then_some(a),
        }
    }
}

/// Functions whose result has one type.
const RESULTS: &[(&str, Type)] = &[
    ("bool", Type::Bool),
    ("bytes", Type::Bytes),
    ("charAt", Type::Text),
    ("contains", Type::Bool),
    ("double", Type::Double),
    ("endsWith", Type::Bool),
    ("find", Type::Text),
    ("format", Type::Text),
    ("int", Type::Int),
    ("isSorted", Type::Bool),
    ("join", Type::Text),
    ("lowerAscii", Type::Text),
    ("matches", Type::Bool),
    ("replace", Type::Text),
    ("size", Type::Int),
    ("split", Type::List),
    ("startsWith", Type::Bool),
    ("string", Type::Text),
    ("substring", Type::Text),
    ("trim", Type::Text),
    ("uint", Type::Uint),
    ("upperAscii", Type::Text),
];

fn result(function: usize) -> Type {
    let name = function::name(function);
    RESULTS.iter().find(|(known, _)| *known == name).map_or(Type::Dyn, |(_, result)| *result)
}

/// The type of an expression, or why it can only fail. `variables` are the types of those before it.
pub(crate) fn check(node: &Node, variables: &[Type]) -> Result<Type, Fault> {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, || check_kind(node, variables))
}

fn no_overload<T>(at: usize, name: &str, types: &[Type]) -> Result<T, Fault> {
    let types: Vec<&str> = types.iter().map(|of| of.name()).collect();
    let message = format!("found no matching overload for '{name}' applied to '({})'", types.join(", "));
    Err(Fault { at, message })
}

fn check_kind(node: &Node, variables: &[Type]) -> Result<Type, Fault> {
    let at = node.at;
    let check_all = |nodes: &[Node]| nodes.iter().try_for_each(|node| check(node, variables).map(drop));
    Ok(match &node.kind {
        Kind::Literal(value) => of_value(value),
        Kind::Root(Root::Variable(index)) => variables.get(*index).copied().unwrap_or(Type::Dyn),
        Kind::Root(_) => Type::Dyn,
        Kind::Chain(first, rest) => {
            let mut left = check(first, variables)?;
            for (operator, operand) in rest {
                left = operated(at, *operator, left, check(operand, variables)?)?;
            }
            left
        }
        Kind::And(nodes) | Kind::Or(nodes) => {
            for operand in nodes {
                let found = check(operand, variables)?;
                if !matches!(found, Type::Bool | Type::Dyn) {
                    let message = format!("expected type 'bool' but found '{}'", found.name());
                    return Err(Fault { at: operand.at, message });
                }
            }
            Type::Bool
        }
        Kind::Not(operand) => match check(operand, variables)? {
            Type::Bool | Type::Dyn => Type::Bool,
            other => return no_overload(at, "!_", &[other]),
        },
        Kind::Negate(operand) => match check(operand, variables)? {
            known @ (Type::Int | Type::Double | Type::Dyn) => known,
            other => return no_overload(at, "-_", &[other]),
        },
        Kind::Choose(cases, otherwise) => {
            let mut chosen = check(otherwise, variables)?;
            for (condition, value) in cases.iter().rev() {
                let (condition, value) = (check(condition, variables)?, check(value, variables)?);
                let joined = value.joined(chosen).filter(|_| matches!(condition, Type::Bool | Type::Dyn));
                let Some(joined) = joined else {
                    return no_overload(at, "_?_:_", &[condition, value, chosen]);
                };
                chosen = joined;
            }
            chosen
        }
        Kind::Path(base, steps) => {
            check(base, variables)?;
            let mut last = Type::Dyn;
            for step in steps {
                last = stepped(step, variables)?;
            }
            last
        }
        Kind::List(items) => {
            // The elements have one type.
            let mut before = Type::Dyn;
            for (optional, item) in items {
                let found = check(item, variables)?;
                if !optional && before.joined(found).is_none() {
                    let message = format!("expected type '{}' but found '{}'", before.name(), found.name());
                    return Err(Fault { at: item.at, message });
                }
                if found != Type::Dyn && !optional {
                    before = found;
                }
            }
            Type::List
        }
        Kind::Map(entries) => {
            for (_, key, value) in entries {
                check(key, variables)?;
                check(value, variables)?;
            }
            Type::Map
        }
        Kind::Call(function, operands) => {
            check_all(operands)?;
            result(*function)
        }
        Kind::Has(base, _) => {
            check(base, variables)?;
            Type::Bool
        }
    })
}

/// What a step gives, whatever it is done with.
fn stepped(step: &Step, variables: &[Type]) -> Result<Type, Fault> {
    Ok(match step {
        Step::Select { .. } => Type::Dyn,
        Step::Index { key, .. } => {
            check(key, variables)?;
            Type::Dyn
        }
        Step::Call { function, operands } => {
            operands.iter().try_for_each(|operand| check(operand, variables).map(drop))?;
            result(*function)
        }
        Step::Macro(folded) => {
            if let Some(filter) = &folded.filter {
                check(filter, variables)?;
            }
            check(&folded.body, variables)?;
            match folded.fold {
                Fold::All | Fold::Exists | Fold::ExistsOne => Type::Bool,
                Fold::Filter | Fold::Map | Fold::SortBy => Type::List,
                Fold::MapValues | Fold::MapEntries => Type::Map,
                Fold::OptionalMap | Fold::OptionalFlatMap => Type::Dyn,
            }
        }
    })
}

fn of_value(value: &Val) -> Type {
    match value {
        Val::Bool(_) => Type::Bool,
        Val::Int(_) => Type::Int,
        Val::Uint(_) => Type::Uint,
        Val::Double(_) => Type::Double,
        Val::Text(_) => Type::Text,
        Val::Bytes(_) => Type::Bytes,
        _ => Type::Dyn,
    }
}

fn operated(at: usize, operator: Operator, a: Type, b: Type) -> Result<Type, Fault> {
    let name = operator.name();
    let is_open = a == Type::Dyn || b == Type::Dyn;
    match operator {
        Operator::Equal | Operator::NotEqual => match a.joined(b) {
            Some(_) => Ok(Type::Bool),
            None => no_overload(at, name, &[a, b]),
        },
        Operator::In => match b {
            Type::List | Type::Map | Type::Dyn => Ok(Type::Bool),
            _ => no_overload(at, name, &[a, b]),
        },
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            let fits = |of: Type| !matches!(of, Type::List | Type::Map);
            let same = is_open || a == b || (a.is_number() && b.is_number());
            if fits(a) && fits(b) && same { Ok(Type::Bool) } else { no_overload(at, name, &[a, b]) }
        }
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
            let fits = |of: Type| match operator {
                _ if of == Type::Dyn => true,
                Operator::Add => of.is_number() || matches!(of, Type::Text | Type::Bytes | Type::List),
                Operator::Remainder => matches!(of, Type::Int | Type::Uint),
                _ => of.is_number(),
            };
            match a.joined(b) {
                Some(joined) if fits(a) && fits(b) => Ok(joined),
                _ => no_overload(at, name, &[a, b]),
            }
        }
    }
}

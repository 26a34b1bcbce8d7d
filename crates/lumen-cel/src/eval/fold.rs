//! Macros over lists and maps.

use std::cmp::Ordering;

use super::{Answer, Fault, Machine, no_overload};
use crate::syntax::{Fold, Macro};
use crate::value::{Map, Val};

impl Machine<'_> {
    pub(super) fn fold(&mut self, range: &Val, folded: &Macro) -> Answer {
        let depth = self.locals.len();
        let result = match folded.fold {
            Fold::OptionalMap | Fold::OptionalFlatMap => self.fold_optional(range, folded),
            _ => self.fold_range(range, folded),
        };
        self.locals.truncate(depth);
        result
    }

    fn fold_optional(&mut self, range: &Val, folded: &Macro) -> Answer {
        let Val::Optional(inner) = range else { return Err(no_overload()) };
        let Some(inner) = inner else { return Ok(Val::Optional(None)) };
        self.locals.push((**inner).clone());
        let value = self.eval(&folded.body)?;
        match (folded.fold, value) {
            (Fold::OptionalMap, value) => Ok(Val::some(value)),
            (_, value @ Val::Optional(_)) => Ok(value),
            _ => Err(no_overload()),
        }
    }

    /// What the variables are, element by element.
    fn rounds(range: &Val, variables: usize) -> Result<Vec<[Val; 2]>, Fault> {
        let index = |index: usize| Val::Int(i64::try_from(index).unwrap_or(i64::MAX));
        match range {
            Val::List(list) if variables == 2 => {
                Ok(list.iter().enumerate().map(|(at, item)| [index(at), item]).collect())
            }
            Val::List(list) => Ok(list.iter().map(|item| [item, Val::Null]).collect()),
            Val::Map(map) => Ok(map.entries().into_iter().map(|(key, value)| [key, value]).collect()),
            _ => Err(no_overload()),
        }
    }

    fn fold_range(&mut self, range: &Val, folded: &Macro) -> Answer {
        let length = match range {
            Val::List(list) => list.len(),
            Val::Map(map) => map.len(),
            other => {
                return Err(Fault::new(format!("got '{}', expected iterable type", go_name(other))));
            }
        };
        // Paid before the elements are taken out.
        self.pay(length)?;
        let depth = self.locals.len();
        let mut state = State::new(folded.fold);
        for [first, second] in Self::rounds(range, folded.variables)? {
            self.locals.truncate(depth);
            self.locals.push(first.clone());
            if folded.variables == 2 {
                self.locals.push(second);
            }
            if let Some(filter) = &folded.filter {
                match self.eval(filter)? {
                    Val::Bool(true) => {}
                    Val::Bool(false) => continue,
                    _ => return Err(no_overload()),
                }
            }
            let value = self.eval(&folded.body);
            if matches!(value, Err(Fault::Budget)) {
                return value;
            }
            if state.take(self, first, value)? {
                break;
            }
        }
        state.finish(self)
    }
}

/// cel-go's name of a value's type.
fn go_name(value: &Val) -> &'static str {
    match value {
        Val::Null => "types.Null",
        Val::Bool(_) => "types.Bool",
        Val::Int(_) => "types.Int",
        Val::Uint(_) => "types.Uint",
        Val::Double(_) => "types.Double",
        Val::Text(_) => "types.String",
        Val::Bytes(_) => "types.Bytes",
        Val::Duration(_) => "types.Duration",
        Val::Timestamp(..) => "types.Timestamp",
        Val::Optional(_) => "*types.Optional",
        other => other.type_name(),
    }
}

/// What the rounds gave so far.
struct State {
    fold: Fold,
    failed: Option<Fault>,
    count: usize,
    is_decided: bool,
    items: Vec<Val>,
    entries: Vec<(Val, Val)>,
}

impl State {
    fn new(fold: Fold) -> Self {
        Self { fold, failed: None, count: 0, is_decided: false, items: Vec::new(), entries: Vec::new() }
    }

    /// Takes the body's value of one round; whether no more are needed.
    fn take(&mut self, machine: &mut Machine<'_>, variable: Val, value: Answer) -> Result<bool, Fault> {
        match self.fold {
            Fold::All | Fold::Exists => {
                let decisive = self.fold == Fold::Exists;
                match value {
                    Ok(Val::Bool(value)) => self.is_decided = value == decisive,
                    Ok(_) => self.failed = self.failed.take().or(Some(no_overload())),
                    Err(error) => self.failed = self.failed.take().or(Some(error)),
                }
                return Ok(self.is_decided);
            }
            Fold::ExistsOne => match value? {
                Val::Bool(value) => self.count += usize::from(value),
                _ => return Err(no_overload()),
            },
            Fold::Filter => match value? {
                Val::Bool(true) => self.items.push(variable),
                Val::Bool(false) => {}
                _ => return Err(no_overload()),
            },
            Fold::Map => self.items.push(value?),
            Fold::MapValues => self.entries.push((variable, value?)),
            Fold::MapEntries => match value? {
                Val::Map(map) => {
                    for (key, value) in map.entries() {
                        machine.insert(&mut self.entries, key, value)?;
                    }
                }
                _ => return Err(no_overload()),
            },
            Fold::SortBy => self.entries.push((value?, variable)),
            Fold::OptionalMap | Fold::OptionalFlatMap => return Err(no_overload()),
        }
        Ok(false)
    }

    fn finish(self, machine: &mut Machine<'_>) -> Answer {
        match self.fold {
            Fold::All | Fold::Exists => {
                let decisive = self.fold == Fold::Exists;
                match self.failed {
                    _ if self.is_decided => Ok(Val::Bool(decisive)),
                    Some(error) => Err(error),
                    None => Ok(Val::Bool(!decisive)),
                }
            }
            Fold::ExistsOne => Ok(Val::Bool(self.count == 1)),
            Fold::MapValues | Fold::MapEntries => Ok(Val::Map(Map::Made(self.entries.into()))),
            Fold::SortBy => {
                let sorted = machine.sorted(self.entries)?;
                Ok(Val::list(sorted.into_iter().map(|(_, value)| value).collect()))
            }
            _ => Ok(Val::list(self.items)),
        }
    }
}

impl Machine<'_> {
    /// Entries, sorted by keys of one kind; entries of equal keys stay in their order.
    pub(crate) fn sorted(&mut self, mut entries: Vec<(Val, Val)>) -> Result<Vec<(Val, Val)>, Fault> {
        let mut failed = None;
        let rounds = usize::try_from(entries.len().checked_ilog2().unwrap_or(0) + 1).unwrap_or(64);
        self.pay(entries.len().saturating_mul(rounds))?;
        entries.sort_by(|(a, _), (b, _)| match (&failed, self.compare(a, b)) {
            (None, Ok(order)) => order,
            (None, Err(error)) => {
                failed = Some(error);
                Ordering::Equal
            }
            (Some(_), _) => Ordering::Equal,
        });
        failed.map_or(Ok(entries), Err)
    }
}

//! Types, and which fits which (`checker/types.go` of cel-go).

use std::sync::Arc;

/// Most nodes of a type; a larger one is `dyn`. Types of types of variables could otherwise double with each.
const SIZE_MAX: usize = 200;

/// Most comparisons of types for one expression; what is beyond passes, and is found when it runs.
const WORK_MAX: usize = 2_000_000;

/// What an expression gives, as far as that is known before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    /// A type of Kubernetes, or an object of one, by its name.
    Named(&'static str),
    /// A type that is not decided yet.
    Variable(usize),
    Of(Constructor, Arc<Parameters>),
}

/// What takes types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constructor {
    List,
    Map,
    Optional,
    Type,
}

/// What a constructor took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    size: usize,
    pub(crate) types: Vec<Type>,
}

impl Type {
    pub(crate) fn of(constructor: Constructor, types: Vec<Self>) -> Self {
        let size = 1 + types.iter().map(Self::size).sum::<usize>();
        if size > SIZE_MAX {
            return Self::Dyn;
        }
        Self::Of(constructor, Arc::new(Parameters { size, types }))
    }

    pub(crate) fn list(element: Self) -> Self {
        Self::of(Constructor::List, vec![element])
    }

    pub(crate) fn map(key: Self, value: Self) -> Self {
        Self::of(Constructor::Map, vec![key, value])
    }

    pub(crate) fn optional(inner: Self) -> Self {
        Self::of(Constructor::Optional, vec![inner])
    }

    fn size(&self) -> usize {
        match self {
            Self::Of(_, parameters) => parameters.size,
            _ => 1,
        }
    }

    /// What the constructor took, where it is the one that is asked for.
    pub(crate) fn parameters(&self, wanted: Constructor) -> Option<&[Self]> {
        match self {
            Self::Of(constructor, parameters) if *constructor == wanted => Some(&parameters.types),
            _ => None,
        }
    }

    /// The type as the messages of cel-go's checker name it.
    pub(crate) fn shown(&self) -> String {
        self.written(["null", "duration", "timestamp"])
    }

    /// The type by its declared name.
    pub(crate) fn declared(&self) -> String {
        self.written(["null_type", "google.protobuf.Duration", "google.protobuf.Timestamp"])
    }

    fn written(&self, [null, duration, timestamp]: [&str; 3]) -> String {
        let name = match self {
            Self::Dyn | Self::Variable(_) => "dyn",
            Self::Null => null,
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Duration => duration,
            Self::Timestamp => timestamp,
            Self::Named(name) => name,
            Self::Of(Constructor::List, _) => "list",
            Self::Of(Constructor::Map, _) => "map",
            Self::Of(Constructor::Optional, _) => "optional_type",
            Self::Of(Constructor::Type, _) => "type",
        };
        match self {
            Self::Of(_, parameters) if !parameters.types.is_empty() => {
                let names = [null, duration, timestamp];
                let types: Vec<String> = parameters.types.iter().map(|of| of.written(names)).collect();
                format!("{name}({})", types.join(", "))
            }
            _ => name.to_owned(),
        }
    }
}

/// What the variables of types turned out to be.
#[derive(Debug, Default)]
pub(super) struct Known {
    bound: Vec<Option<Type>>,
    /// What was bound before, to take it back.
    trail: Vec<(usize, Option<Type>)>,
    work: usize,
}

impl Known {
    pub(super) fn fresh(&mut self) -> Type {
        self.bound.push(None);
        Type::Variable(self.bound.len() - 1)
    }

    fn find(&self, variable: usize) -> Option<&Type> {
        self.bound.get(variable).and_then(Option::as_ref)
    }

    fn bind(&mut self, variable: usize, to: Type) {
        if let Some(slot) = self.bound.get_mut(variable) {
            self.trail.push((variable, slot.replace(to)));
        }
    }

    /// Whether there was more to compare than is compared: then what is found may be less than there is to know.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.work > WORK_MAX
    }

    /// Whether more work is allowed.
    fn works(&mut self) -> bool {
        self.work += 1;
        self.work <= WORK_MAX
    }

    /// Whether all types fit, pair by pair; what was learned is kept only then.
    pub(super) fn fits_all(&mut self, given: &[Type], wanted: &[Type]) -> bool {
        let mark = self.trail.len();
        let fits = given.len() == wanted.len()
            && given.iter().zip(wanted).all(|(given, wanted)| self.fits_inner(given, wanted));
        if !fits {
            while self.trail.len() > mark {
                let Some((variable, before)) = self.trail.pop() else { break };
                if let Some(slot) = self.bound.get_mut(variable) {
                    *slot = before;
                }
            }
        }
        fits
    }

    /// Whether one type fits another.
    pub(super) fn fits(&mut self, given: &Type, wanted: &Type) -> bool {
        self.fits_all(std::slice::from_ref(given), std::slice::from_ref(wanted))
    }

    fn fits_inner(&mut self, given: &Type, wanted: &Type) -> bool {
        if !self.works() {
            return true;
        }
        if let Type::Variable(variable) = wanted {
            match self.substitution(given, *variable) {
                (true, _) => return true,
                (false, true) => return false,
                (false, false) => {}
            }
        }
        match (given, wanted) {
            (Type::Variable(variable), _) => self.substitution(wanted, *variable).0,
            (Type::Dyn, _)
            | (_, Type::Dyn)
            | (Type::Of(Constructor::Type, _), Type::Of(Constructor::Type, _)) => true,
            (Type::Null, other) | (other, Type::Null) => matches!(
                other,
                Type::Null
                    | Type::Duration
                    | Type::Timestamp
                    | Type::Named(_)
                    | Type::Of(Constructor::Optional, _)
            ),
            (Type::Of(a, given), Type::Of(b, wanted)) => {
                a == b
                    && given.types.len() == wanted.types.len()
                    && given
                        .types
                        .iter()
                        .zip(&wanted.types)
                        .all(|(given, wanted)| self.fits_inner(given, wanted))
            }
            (given, wanted) => given == wanted,
        }
    }

    /// Whether a type may stand for a variable, and whether something stood for it before.
    fn substitution(&mut self, by: &Type, variable: usize) -> (bool, bool) {
        if *by == Type::Variable(variable) {
            return (true, true);
        }
        let Some(before) = self.find(variable).cloned() else {
            if self.occurs(variable, by) {
                return (false, false);
            }
            self.bind(variable, by.clone());
            return (true, false);
        };
        if *by == before {
            return (true, true);
        }
        if !self.fits_inner(by, &before) {
            return (false, true);
        }
        let general = most_general(by, &before);
        if !self.occurs(variable, &general) {
            self.bind(variable, general);
        }
        (true, true)
    }

    /// Whether a variable is part of a type.
    fn occurs(&mut self, variable: usize, within: &Type) -> bool {
        if !self.works() {
            return false;
        }
        match within {
            Type::Variable(other) if *other == variable => true,
            Type::Variable(other) => match self.find(*other).cloned() {
                Some(known) => self.occurs(variable, &known),
                None => false,
            },
            Type::Of(_, parameters) => parameters.types.iter().any(|part| self.occurs(variable, part)),
            _ => false,
        }
    }

    /// A type with all that is known put in.
    pub(super) fn resolved(&mut self, of: &Type) -> Type {
        if !self.works() {
            return Type::Dyn;
        }
        match of {
            Type::Variable(variable) => match self.find(*variable).cloned() {
                Some(known) => self.resolved(&known),
                None => of.clone(),
            },
            Type::Of(constructor, parameters) => {
                let types = parameters.types.iter().map(|part| self.resolved(part)).collect();
                Type::of(*constructor, types)
            }
            _ => of.clone(),
        }
    }

    /// The type of elements of two types, `dyn` where they have none in common.
    pub(super) fn joined(&mut self, before: &Type, found: &Type) -> Type {
        if self.fits(before, found) { most_general(before, found) } else { Type::Dyn }
    }
}

/// A type without variables: those that are open are `dyn`.
pub(super) fn closed(of: &Type) -> Type {
    match of {
        Type::Variable(_) => Type::Dyn,
        Type::Of(constructor, parameters) => {
            Type::of(*constructor, parameters.types.iter().map(closed).collect())
        }
        _ => of.clone(),
    }
}

/// The more general of two types that fit.
fn most_general(a: &Type, b: &Type) -> Type {
    if is_as_general(a, b) { a.clone() } else { b.clone() }
}

fn is_as_general(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Variable(_), _) => true,
        (_, Type::Dyn | Type::Variable(_)) => false,
        (Type::Of(a, first), Type::Of(b, second)) => {
            let is_type = *a == Constructor::Type;
            a == b && (is_type || first.types.iter().zip(&second.types).all(|(a, b)| is_as_general(a, b)))
        }
        _ => a == b,
    }
}

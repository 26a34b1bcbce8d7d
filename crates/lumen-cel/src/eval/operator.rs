//! Operators.

use std::cmp::Ordering;

use lumen_value::Str;

use super::{Answer, Fault, Machine, no_overload};
use crate::syntax::Operator;
use crate::value::{List, Map, Moment, Val, order_of_numbers};

/// What cel-go says where an integer does not fit.
fn overflow() -> Fault {
    Fault::new("integer overflow")
}

fn unsigned_overflow() -> Fault {
    Fault::new("unsigned integer overflow")
}

/// A moment so many nanoseconds later, shown as far east of UTC.
fn later(at: Moment, ns: i128) -> Answer {
    let total = at.nanoseconds() + ns;
    let seconds = i64::try_from(total.div_euclid(1_000_000_000)).map_err(|_| Moment::overflow())?;
    let nanos = u32::try_from(total.rem_euclid(1_000_000_000)).map_err(|_| Moment::overflow())?;
    if Moment::SECONDS.contains(&seconds) {
        Ok(Val::Timestamp(Moment { seconds, nanos, offset: at.offset }))
    } else {
        Err(Moment::overflow())
    }
}

impl Machine<'_> {
    pub(super) fn operate(&mut self, operator: Operator, a: &Val, b: &Val) -> Answer {
        self.pay(1)?;
        if !can(operator, a) {
            return Err(Fault::new(format!("no such overload: {}", operator.name())));
        }
        match operator {
            Operator::Equal if is_incomparable(a, b) => Err(no_overload()),
            Operator::Equal => self.equal(a, b).map(Val::Bool),
            Operator::NotEqual => self.equal(a, b).map(|equal| Val::Bool(!equal)),
            Operator::In => self.contains(a, b).map(Val::Bool),
            Operator::Add => self.add(a, b),
            Operator::Subtract => subtract(a, b),
            Operator::Multiply => multiply(a, b),
            Operator::Divide => divide(a, b),
            Operator::Remainder => remainder(a, b),
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                if is_nan(a) || is_nan(b) {
                    let numbers = is_number(a) && is_number(b);
                    return if numbers { Ok(Val::Bool(false)) } else { Err(no_overload()) };
                }
                let order = self.compare(a, b)?;
                Ok(Val::Bool(match operator {
                    Operator::Less => order == Ordering::Less,
                    Operator::LessOrEqual => order != Ordering::Greater,
                    Operator::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }))
            }
        }
    }

    /// How two values of one kind compare.
    pub(crate) fn compare(&mut self, a: &Val, b: &Val) -> Result<Ordering, Fault> {
        if let Some(order) = order_of_numbers(a, b) {
            return Ok(order);
        }
        match (a, b) {
            (Val::Text(a), Val::Text(b)) => {
                self.pay_bytes(a.as_bytes().len().min(b.as_bytes().len()))?;
                Ok(a.as_bytes().cmp(b.as_bytes()))
            }
            (Val::Bytes(a), Val::Bytes(b)) => {
                self.pay_bytes(a.len().min(b.len()))?;
                Ok(a.cmp(b))
            }
            (Val::Bool(a), Val::Bool(b)) => Ok(a.cmp(b)),
            (Val::Duration(a), Val::Duration(b)) => Ok(a.cmp(b)),
            (Val::Timestamp(a), Val::Timestamp(b)) => Ok(a.nanoseconds().cmp(&b.nanoseconds())),
            _ => Err(no_overload()),
        }
    }

    /// Whether two values are equal; values of different kinds are not, and that is no error. Documents may nest: the stack grows.
    pub(crate) fn equal(&mut self, a: &Val, b: &Val) -> Result<bool, Fault> {
        self.pay(1)?;
        if is_number(a) && is_number(b) {
            return Ok(order_of_numbers(a, b) == Some(Ordering::Equal));
        }
        match (a, b) {
            (Val::Null, Val::Null) => Ok(true),
            (Val::List(a), Val::List(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
                    for (a, b) in a.iter().zip(b.iter()) {
                        if !is_incomparable(&a, &b) && !self.equal(&a, &b)? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                })
            }
            (Val::Map(a), Val::Map(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
                    for (key, value) in a.entries() {
                        self.pay(if matches!(b, Map::Made(_)) { b.len() } else { 1 })?;
                        let Some(other) = b.get(&key) else { return Ok(false) };
                        if !is_incomparable(&value, &other) && !self.equal(&value, &other)? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                })
            }
            (Val::Type(a), Val::Type(b)) | (Val::Format(a), Val::Format(b)) => Ok(a == b),
            (Val::Optional(a), Val::Optional(b)) => match (a, b) {
                (None, None) => Ok(true),
                (Some(a), Some(b)) => self.equal(a, b),
                _ => Ok(false),
            },
            (Val::Quantity(a), Val::Quantity(b)) => Ok(a.compare(b) == Ordering::Equal),
            (Val::Ip(a), Val::Ip(b)) => Ok(a == b),
            (Val::Cidr(a, an), Val::Cidr(b, bn)) => Ok(a == b && an == bn),
            (Val::Url(a), Val::Url(b)) => Ok(a == b),
            (Val::Semver(a), Val::Semver(b)) => Ok(a == b),
            _ => match self.compare(a, b) {
                Ok(order) => Ok(order == Ordering::Equal),
                Err(Fault::Budget) => Err(Fault::Budget),
                Err(Fault::Error(_)) => Ok(false),
            },
        }
    }

    /// Whether a list has an element, or a map a key.
    pub(crate) fn contains(&mut self, item: &Val, within: &Val) -> Result<bool, Fault> {
        match within {
            Val::List(list) => {
                for element in list.iter() {
                    if self.equal(item, &element)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Val::Map(map) => {
                self.pay(if matches!(map, Map::Made(_)) { map.len() } else { 1 })?;
                Ok(map.get(item).is_some())
            }
            _ => Err(no_overload()),
        }
    }

    fn add(&mut self, a: &Val, b: &Val) -> Answer {
        match (a, b) {
            (Val::Int(a), Val::Int(b)) => a.checked_add(*b).map(Val::Int).ok_or_else(overflow),
            (Val::Uint(a), Val::Uint(b)) => a.checked_add(*b).map(Val::Uint).ok_or_else(unsigned_overflow),
            (Val::Double(a), Val::Double(b)) => Ok(Val::Double(a + b)),
            (Val::Text(a), Val::Text(b)) => {
                let (a, b) = (a.as_bytes(), b.as_bytes());
                self.pay_bytes(a.len() + b.len())?;
                Ok(Val::Text(Str::from_bytes(&[a, b].concat())))
            }
            (Val::Bytes(a), Val::Bytes(b)) => {
                self.pay_bytes(a.len() + b.len())?;
                Ok(Val::Bytes([&**a, &**b].concat().into()))
            }
            (Val::List(a), Val::List(b)) => {
                if b.len() == 0 {
                    return Ok(Val::List(a.clone()));
                }
                self.pay(a.len() + b.len())?;
                Ok(Val::List(List::Made(a.iter().chain(b.iter()).collect())))
            }
            (Val::Duration(a), Val::Duration(b)) => a.checked_add(*b).map(Val::Duration).ok_or_else(overflow),
            (Val::Timestamp(at), Val::Duration(ns)) | (Val::Duration(ns), Val::Timestamp(at)) => {
                later(*at, i128::from(*ns))
            }
            _ => Err(no_overload()),
        }
    }
}

/// Whether a value of a type of Kubernetes stands before one of another type: to ask whether they are equal is an error, which
/// in lists and maps makes no difference (`apiserver/pkg/cel/quantity.go`, cel-go `types/list.go`).
fn is_incomparable(a: &Val, b: &Val) -> bool {
    let is_of_kubernetes = matches!(
        a,
        Val::Quantity(_) | Val::Ip(_) | Val::Cidr(..) | Val::Url(_) | Val::Semver(_) | Val::Format(_)
    );
    is_of_kubernetes && !matches!(b, Val::Null) && a.type_name() != b.type_name()
}

/// Whether an operator is known for what stands on its left. (What stands on its right may still not fit.)
fn can(operator: Operator, left: &Val) -> bool {
    let is_time = matches!(left, Val::Duration(_) | Val::Timestamp(..));
    match operator {
        Operator::Equal | Operator::NotEqual | Operator::In => true,
        Operator::Add => {
            is_number(left) || is_time || matches!(left, Val::Text(_) | Val::Bytes(_) | Val::List(_))
        }
        Operator::Subtract => is_number(left) || is_time,
        Operator::Multiply | Operator::Divide => is_number(left),
        Operator::Remainder => matches!(left, Val::Int(_) | Val::Uint(_)),
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            is_number(left) || is_time || matches!(left, Val::Bool(_) | Val::Text(_) | Val::Bytes(_))
        }
    }
}

pub(crate) fn is_number(value: &Val) -> bool {
    matches!(value, Val::Int(_) | Val::Uint(_) | Val::Double(_))
}

fn is_nan(value: &Val) -> bool {
    matches!(value, Val::Double(value) if value.is_nan())
}

fn subtract(a: &Val, b: &Val) -> Answer {
    match (a, b) {
        (Val::Int(a), Val::Int(b)) => a.checked_sub(*b).map(Val::Int).ok_or_else(overflow),
        (Val::Uint(a), Val::Uint(b)) => a.checked_sub(*b).map(Val::Uint).ok_or_else(unsigned_overflow),
        (Val::Double(a), Val::Double(b)) => Ok(Val::Double(a - b)),
        (Val::Duration(a), Val::Duration(b)) => a.checked_sub(*b).map(Val::Duration).ok_or_else(overflow),
        (Val::Timestamp(at), Val::Duration(ns)) => later(*at, -i128::from(*ns)),
        (Val::Timestamp(a), Val::Timestamp(b)) => {
            i64::try_from(a.nanoseconds() - b.nanoseconds()).map(Val::Duration).map_err(|_| overflow())
        }
        _ => Err(no_overload()),
    }
}

fn multiply(a: &Val, b: &Val) -> Answer {
    match (a, b) {
        (Val::Int(a), Val::Int(b)) => a.checked_mul(*b).map(Val::Int).ok_or_else(overflow),
        (Val::Uint(a), Val::Uint(b)) => a.checked_mul(*b).map(Val::Uint).ok_or_else(unsigned_overflow),
        (Val::Double(a), Val::Double(b)) => Ok(Val::Double(a * b)),
        _ => Err(no_overload()),
    }
}

fn divide(a: &Val, b: &Val) -> Answer {
    match (a, b) {
        (Val::Int(_), Val::Int(0)) | (Val::Uint(_), Val::Uint(0)) => Err(Fault::new("division by zero")),
        (Val::Int(a), Val::Int(b)) => a.checked_div(*b).map(Val::Int).ok_or_else(overflow),
        (Val::Uint(a), Val::Uint(b)) => a.checked_div(*b).map(Val::Uint).ok_or_else(unsigned_overflow),
        (Val::Double(a), Val::Double(b)) => Ok(Val::Double(a / b)),
        _ => Err(no_overload()),
    }
}

fn remainder(a: &Val, b: &Val) -> Answer {
    match (a, b) {
        (Val::Int(_), Val::Int(0)) | (Val::Uint(_), Val::Uint(0)) => Err(Fault::new("modulus by zero")),
        (Val::Int(a), Val::Int(b)) => a.checked_rem(*b).map(Val::Int).ok_or_else(overflow),
        (Val::Uint(a), Val::Uint(b)) => a.checked_rem(*b).map(Val::Uint).ok_or_else(unsigned_overflow),
        _ => Err(no_overload()),
    }
}

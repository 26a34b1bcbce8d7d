//! The functions: CEL's own, cel-go's extensions and Kubernetes' libraries, as the API server offers them to admission
//! policies (`apiserver/pkg/cel/environment/base.go`). `authorizer` is not offered: there is nothing to ask.

mod convert;
mod list;
mod named_format;
mod net;
mod optional;
mod print;
pub(crate) mod quantity;
pub(crate) mod semver;
mod text;
mod time;
pub(crate) mod url;

use lumen_value::Str;

pub(crate) use print::clauses;

use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::{List, Val};

/// A function on values; what a member is called on comes first.
type Body = fn(&mut Machine<'_>, &[Val]) -> Answer;

/// A row: name, whether it is called on something, the fewest and the most operands (what it is called on not counted).
type Row = (&'static str, bool, usize, usize, Body);

const MEMBER: bool = true;
const GLOBAL: bool = false;

const TABLES: &[&[Row]] = &[
    GENERAL,
    convert::TABLE,
    text::TABLE,
    list::TABLE,
    time::TABLE,
    optional::TABLE,
    quantity::TABLE,
    net::TABLE,
    url::TABLE,
    semver::TABLE,
    named_format::TABLE,
];

const GENERAL: &[Row] = &[("size", GLOBAL, 1, 1, size), ("size", MEMBER, 0, 0, size)];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The place of a function, and how many operands it takes.
pub(crate) fn find(name: &str, is_member: bool) -> Option<(usize, std::ops::RangeInclusive<usize>)> {
    let found = rows().enumerate().find(|(_, row)| row.0 == name && row.1 == is_member);
    found.map(|(index, row)| (index, row.2..=row.3))
}

/// The name of the function at a place.
pub(crate) fn name(function: usize) -> &'static str {
    rows().nth(function).map_or("", |row| row.0)
}

/// Calls the function at a place.
pub(crate) fn call(machine: &mut Machine<'_>, function: usize, operands: &[Val]) -> Answer {
    let mut left = function;
    for table in TABLES {
        if let Some(row) = table.get(left) {
            return (row.4)(machine, operands);
        }
        left -= table.len().min(left);
    }
    Err(no_overload())
}

fn operand(operands: &[Val], index: usize) -> Result<&Val, Fault> {
    operands.get(index).ok_or_else(no_overload)
}

/// A text, paid for.
fn text_of<'a>(machine: &mut Machine<'_>, operands: &'a [Val], index: usize) -> Result<&'a Str, Fault> {
    match operand(operands, index)? {
        Val::Text(text) => {
            machine.pay_bytes(text.as_bytes().len())?;
            Ok(text)
        }
        _ => Err(no_overload()),
    }
}

/// A text in UTF-8, paid for. Texts that are not cannot come from documents.
fn utf8<'a>(machine: &mut Machine<'_>, operands: &'a [Val], index: usize) -> Result<&'a str, Fault> {
    text_of(machine, operands, index)?.as_str().ok_or_else(|| Fault::new("invalid UTF-8"))
}

fn int_of(operands: &[Val], index: usize) -> Result<i64, Fault> {
    match operand(operands, index)? {
        Val::Int(value) => Ok(*value),
        _ => Err(no_overload()),
    }
}

fn list_of(operands: &[Val], index: usize) -> Result<&List, Fault> {
    match operand(operands, index)? {
        Val::List(list) => Ok(list),
        _ => Err(no_overload()),
    }
}

fn count(value: usize) -> Val {
    Val::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn size(machine: &mut Machine<'_>, operands: &[Val]) -> Answer {
    Ok(count(match operand(operands, 0)? {
        Val::Text(text) => {
            machine.pay_bytes(text.as_bytes().len())?;
            text.to_text().chars().count()
        }
        Val::Bytes(bytes) => bytes.len(),
        Val::List(list) => list.len(),
        Val::Map(map) => map.len(),
        _ => return Err(Fault::new("no such overload: size")),
    }))
}

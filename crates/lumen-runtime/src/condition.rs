//! The conditions of rules: what they are made of, how they are read and written.
//!
//! The grammar is that of `libsinsp` (`userspace/libsinsp/filter/parser.cpp` of falcosecurity/libs), its peculiarities
//! with it: keywords need no blank before a bracket, `not` may be repeated, a backslash before a closing quote always
//! keeps the text open.

use std::fmt;
use std::sync::Arc;

use super::operator::{Comparison, Function};

mod lex;
mod parse;
mod part;
mod text;

#[cfg(test)]
mod tests;

pub use parse::{parse, parse_operand};
pub(crate) use part::{Demand, Leaf, Leaves, Part, Parts};
pub(crate) use text::beginning;
pub use text::{escape, unescape};

/// The nesting that a condition may have, counted as the reference counts it: up to five for a bracket.
pub const NESTING_MAX: u32 = 1000;

/// The bytes that a condition may have, lists filled in.
pub const CONDITION_BYTES_MAX: usize = 8 << 20;

/// A condition, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// All hold.
    And(Vec<Expression>),
    /// One holds.
    Or(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// The name of a macro that was not filled in.
    Name(Name),
    /// What a macro says, shared by all who name it.
    Macro(Arc<Macro>),
    /// A question about an event.
    Check(Check),
}

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// The byte of the condition at which it starts.
    pub at: usize,
}

/// A macro with its own macros filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Macro {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub body: Expression,
    /// How deep the body is nested, the macros in it with it.
    pub depth: u32,
}

/// A question about one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What is compared.
    pub left: Operand,
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub right: Right,
    /// The byte of the condition at which it starts.
    pub at: usize,
}

/// What has a value in an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A field.
    Field(FieldName),
    /// A function of fields.
    Call(Call),
}

/// A field as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldName {
    /// Its name, with dots.
    pub name: String,
    /// What stands in brackets behind it.
    pub argument: Option<String>,
    /// The byte of the condition at which it starts.
    pub at: usize,
}

/// A function of fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which.
    pub function: Function,
    /// Of what.
    pub arguments: Vec<Argument>,
    /// What stands in brackets behind it.
    pub index: Option<String>,
    /// The byte of the condition at which it starts.
    pub at: usize,
}

/// What a function is applied to.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// The value of a field, or of another function.
    Operand(Operand),
    /// A text or a number, as it is written.
    Value(Vec<u8>),
    /// Several.
    List(Vec<Argument>),
}

/// What stands to the right of an operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Right {
    /// Nothing.
    None,
    /// A text or a number, as it is written; or, behind an operator for lists, the name of a list that there is not.
    Value(Vec<u8>),
    /// Several.
    List(Vec<Vec<u8>>),
    /// The value of another field.
    Operand(Operand),
}

impl Expression {
    /// How deep it is nested, macros with it.
    pub fn depth(&self) -> u32 {
        match self {
            Self::And(children) | Self::Or(children) => {
                children.iter().map(Self::depth).max().unwrap_or_default().saturating_add(1)
            }
            Self::Not(child) => child.depth().saturating_add(1),
            Self::Macro(shared) => shared.depth.saturating_add(1),
            Self::Name(_) | Self::Check(_) => 1,
        }
    }
}

/// As the reference prints it, macros written out.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(children) => between(f, children, " and "),
            Self::Or(children) => between(f, children, " or "),
            Self::Not(child) => write!(f, "not {child}"),
            Self::Name(name) => f.write_str(&name.name),
            Self::Macro(shared) => shared.body.fmt(f),
            Self::Check(check) => check.fmt(f),
        }
    }
}

/// Longest text of [`written_out`], in bytes, but for the mark of its end.
pub const WRITTEN_OUT_BYTES_MAX: usize = 64 << 10;

/// A condition as the reference prints it, macros written out: at most [`WRITTEN_OUT_BYTES_MAX`] of it, then ` ..`. Macros that
/// name each other twice would double it with each.
pub fn written_out(condition: &Expression) -> String {
    beginning(condition, WRITTEN_OUT_BYTES_MAX).unwrap_or_else(|beginning| beginning + " ..")
}

/// A condition as it is written: macros stand by their names, and long lists are cut.
#[derive(Clone, Copy, Debug)]
pub struct ByName<'c>(pub &'c Expression);

impl fmt::Display for ByName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expression::And(children) => between(f, children.iter().map(ByName), " and "),
            Expression::Or(children) => between(f, children.iter().map(ByName), " or "),
            Expression::Not(child) => write!(f, "not {}", ByName(child)),
            Expression::Name(name) => f.write_str(&name.name),
            Expression::Macro(shared) => f.write_str(&shared.name),
            Expression::Check(check) => f.write_str(&super::explain::short(check)),
        }
    }
}

/// Several in brackets with something between them.
fn between<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    separator: &str,
) -> fmt::Result {
    f.write_str("(")?;
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    f.write_str(")")
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.comparison)?;
        match &self.right {
            Right::None => Ok(()),
            Right::Value(value) => write!(f, " {}", escape(value)),
            Right::List(values) => {
                f.write_str(" ")?;
                let values: Vec<String> = values.iter().map(|value| escape(value)).collect();
                between(f, &values, ", ")
            }
            Right::Operand(operand) => write!(f, " {operand}"),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        index(f, self.argument.as_deref())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.as_str())?;
        between(f, &self.arguments, ",")?;
        index(f, self.index.as_deref())
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operand(operand) => operand.fmt(f),
            Self::Value(value) => f.write_str(&escape(value)),
            Self::List(items) => between(f, items, ","),
        }
    }
}

/// What stands in brackets behind a name.
fn index(f: &mut fmt::Formatter<'_>, index: Option<&str>) -> fmt::Result {
    match index {
        Some("") => f.write_str("[\"\"]"),
        Some(index) => write!(f, "[{}]", escape(index.as_bytes())),
        None => Ok(()),
    }
}

/// Why a condition cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// The byte of the condition at which reading ended.
    pub at: usize,
    /// What is wrong, in the reference's words.
    pub message: String,
}

//! The shapes that the table of built-ins is written in, and the types that they stand for.

use std::sync::Arc;

use lumen_value::Value;

use super::{ArrayType, FunctionType, ObjectType, Type, or};
use crate::builtin::Signature;

/// The type of a built-in's operand or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Anything.
    Any,
    /// `null`
    Null,
    /// `true` and `false`
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array: its first elements, and what the rest are; `None`: there is no rest.
    Array(&'static [Shape], Option<&'static Shape>),
    /// An object: its known keys, and what other keys and values are; `None`: there are no others.
    Object(&'static [(&'static str, Shape)], Option<&'static (Shape, Shape)>),
    /// A set of what.
    Set(&'static Shape),
    /// One of several.
    Union(&'static [Shape]),
}

impl Shape {
    /// The type that it stands for.
    pub(crate) fn to_type(self) -> Type {
        match self {
            Self::Any => Type::any(),
            Self::Null => Type::Null,
            Self::Boolean => Type::Boolean,
            Self::Number => Type::Number,
            Self::String => Type::String,
            Self::Array(first, rest) => Type::Array(Arc::new(ArrayType {
                first: first.iter().map(|each| Some(each.to_type())).collect(),
                rest: rest.map(|rest| rest.to_type()),
            })),
            Self::Object(known, other) => {
                let mut known: Vec<_> =
                    known.iter().map(|(key, value)| (Value::from(*key), Some(value.to_type()))).collect();
                known.sort_by(|a, b| a.0.cmp(&b.0));
                let other = other.map(|(key, value)| (Some(key.to_type()), Some(value.to_type())));
                Type::Object(Arc::new(ObjectType { known, other }))
            }
            Self::Set(of) => Type::Set(Some(Arc::new(of.to_type()))),
            Self::Union(of) => {
                let types = of.iter().map(|each| Some(each.to_type()));
                types.fold(None, or).unwrap_or_else(Type::any)
            }
        }
    }
}

impl Signature {
    /// The function's type.
    pub(crate) fn to_type(self) -> Type {
        Type::Function(Arc::new(FunctionType {
            arguments: self.arguments.iter().map(|(_, shape)| Some(shape.to_type())).collect(),
            variadic: self.variadic.map(Shape::to_type),
            result: self.result.map(|(_, shape)| shape.to_type()),
        }))
    }
}

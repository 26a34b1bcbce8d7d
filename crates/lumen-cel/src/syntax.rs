//! What an expression is, once parsed: chains and paths are flat, so that only brackets nest, and those are bounded.

use std::sync::Arc;

use lumen_value::Str;

use crate::value::Val;

/// A node with the byte where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

/// Operators between operands of one precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Operator {
    /// The operator's name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Add => "_+_",
            Self::Subtract => "_-_",
            Self::Multiply => "_*_",
            Self::Divide => "_/_",
            Self::Remainder => "_%_",
            Self::Equal => "_==_",
            Self::NotEqual => "_!=_",
            Self::Less => "_<_",
            Self::LessOrEqual => "_<=_",
            Self::Greater => "_>_",
            Self::GreaterOrEqual => "_>=_",
            Self::In => "@in",
        }
    }
}

/// What a name at the root of an expression stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Object,
    OldObject,
    Request,
    NamespaceObject,
    /// `params`, for the variables alone.
    Params,
    Variables,
    /// `variables.name`, by its place in the list.
    Variable(usize),
    /// A variable of a macro, by its place on the stack.
    Local(usize),
}

/// An expression.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Val),
    Root(Root),
    /// `first (operator operand)*`, from the left.
    Chain(Box<Node>, Vec<(Operator, Node)>),
    /// All must hold.
    And(Vec<Node>),
    /// One must hold.
    Or(Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    /// `(condition ? value :)* otherwise`
    Choose(Vec<(Node, Node)>, Box<Node>),
    /// An expression, and what is done with it step by step.
    Path(Box<Node>, Vec<Step>),
    /// Elements; a marked one is left out where it is an optional without value.
    List(Vec<(bool, Node)>),
    /// Entries; likewise.
    Map(Vec<(bool, Node, Node)>),
    /// A function that is not called on something.
    Call(Function, Vec<Node>),
    /// `has(path)`: whether the last selection of the path finds something.
    Has(Box<Node>, Str),
}

/// A step of a path.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// `.name`, or `.?name`
    Select { name: Str, optional: bool },
    /// `[key]`, or `[?key]`
    Index { key: Node, optional: bool },
    /// `.function(operands)`
    Call { function: Function, operands: Vec<Node> },
    /// A macro over the elements.
    Macro(Arc<Macro>),
}

/// Which macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    All,
    Exists,
    ExistsOne,
    Filter,
    /// `map`, and `transformList` over two variables.
    Map,
    /// `transformMap`
    MapValues,
    /// `transformMapEntry`
    MapEntries,
    OptionalMap,
    OptionalFlatMap,
    SortBy,
}

/// `range.fold(variables, [filter,] body)`
#[derive(Clone, Debug)]
pub(crate) struct Macro {
    pub(crate) fold: Fold,
    /// One variable for the element, or two: index or key, and value.
    pub(crate) variables: usize,
    pub(crate) filter: Option<Node>,
    pub(crate) body: Node,
}

/// A function by its place in the table.
pub(crate) type Function = usize;

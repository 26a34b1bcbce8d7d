//! Canonical tree to plan: a linear program for a machine with slots and explicit backtracking.
//!
//! After the checks every occurrence of a variable is statically either the one that binds it or one that reads it. So there is
//! no unification at run time: `=` becomes a copy, a comparison, or a handful of operations that take a value apart. A variable
//! is a slot of the frame of its rule; since it is written before every read on every path, nothing has to be undone when the
//! machine goes back.
//!
//! **Going on and going back.** An operation succeeds, and the next one runs; or it fails, and the machine takes the latest
//! choice point. Choice points are left by operations that have several results ([`Op::Iterate`], [`Op::Walk`], [`Op::TreeIterate`])
//! and by [`Op::Try`], which only says where to go on. `not`, comprehensions, `every`, `or` and the bodies of rules are a `Try`,
//! code, and a [`Op::Cut`] or [`Op::Fail`]. A plan never recurses natively: [`Op::Document`] and its kin push a frame, and
//! [`Op::Return`] takes it away; a call has one result or none.
//!
//! **Documents.** All rules at one path of [`Tree`](crate::check::tree::Tree) are one [`Document`]: code that starts at `entry`.
//! A partial document has more entries: `keyed[n - 1]` starts with the first `n` keys given in the slots `0..n`, and makes only
//! what is under them. A path without rules of its own but with rules below has a document as well, of kind
//! [`Kind::Package`], which merges what rules give with the base documents.
//!
//! Follows `v1/topdown/eval.go` of OPA in what is evaluated and in which order, with these differences: all bodies of a complete
//! rule are evaluated before its value is used (OPA goes on with the first, and looks for conflicts later); a body whose value is
//! constant is left at its first solution; a partial document reached through a key that is not constant is evaluated whole.
//! Each can only be told by which of two errors is reported.

use std::sync::Arc;

use lumen_value::{Str, Value};

use crate::builtin::Function;
use crate::error::Span;

mod body;
mod build;
mod document;
mod explain;
mod flow;
mod join;
mod reference;
mod replaced;
mod select;
mod specialise;
mod tree;
mod unify;

pub use join::{Join, Pattern, Steps};

pub use select::{Select, Subject};
pub use specialise::Commons;

pub(crate) use build::{compile, compile_query, compile_reference};
pub(crate) use specialise::{Special, Wanted, specialise};

/// Which slot of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub u32);

impl Slot {
    /// No slot: the value is not wanted.
    pub const NONE: Self = Self(u32::MAX);

    /// Whether the value is wanted.
    pub const fn wanted(self) -> bool {
        self.0 != u32::MAX
    }
}

/// What an operation reads: a slot of the frame, or a constant of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand(u32);

const CONSTANT: u32 = 1 << 31;

impl Operand {
    pub(crate) const fn slot(slot: Slot) -> Self {
        Self(slot.0)
    }

    pub(crate) const fn constant(index: u32) -> Self {
        Self(index | CONSTANT)
    }

    /// The index of the constant; `Err` with the slot where this is one.
    pub const fn as_constant(self) -> Result<u32, Slot> {
        if self.0 & CONSTANT == 0 { Err(Slot(self.0)) } else { Ok(self.0 & !CONSTANT) }
    }
}

/// Where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `input`
    Input,
    /// The base documents of `data`, as a value.
    Data,
    /// The base documents of `data`, to be looked into.
    Below,
    /// A slot or constant.
    Operand(Operand),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

/// Place in [`Plan::ops`].
pub type Place = u32;

/// A list of operands: an index into [`Plan::lists`].
pub type List = u32;

/// A number that the frame keeps: how many choice points there were.
pub type Mark = u32;

/// One operation. Where it says "fails", the machine goes back to the latest choice point.
#[expect(missing_docs, reason = "the doc of an operation names its parts; `to` is where the value goes")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// Copies.
    Copy { to: Slot, from: Operand },
    /// Fails where the comparison does not hold.
    Test { comparison: Comparison, left: Operand, right: Operand },
    /// Fails where the value is `false`.
    Truthy { value: Operand },
    /// What stands at a constant path, an index into [`Plan::paths`]; fails where nothing does.
    Path { to: Slot, root: Root, path: u32 },
    /// The value under a key or index, the element of a set; fails where there is none.
    Get { to: Slot, from: Operand, key: Operand },
    /// Every entry in turn, as key and value. Fails where there is none.
    Iterate { from: Operand, key: Slot, value: Slot },
    /// Fails where the value is no array of this length.
    IsArray { value: Operand, len: u32 },
    /// Fails where the value is no object of this length.
    IsObject { value: Operand, len: u32 },
    /// Fails where the value can not be gone through.
    IsCollection { value: Operand },
    /// An array of a list.
    MakeArray { to: Slot, list: List },
    /// A set of a list.
    MakeSet { to: Slot, list: List },
    /// An object of a list of keys and values by turns.
    MakeObject { to: Slot, list: List },
    /// A built-in, an index into [`Plan::builtins`]. Fails where it gives nothing.
    Builtin { to: Slot, builtin: u32, list: List },
    /// The entries of base documents where a comparison further on can hold: an index into [`Plan::joins`].
    Join { join: u32 },
    /// Every path and value below a value, the relation `walk`.
    Walk { from: Operand, path: Slot, value: Slot },
    /// A function, an index into [`Plan::documents`]. Fails where it gives nothing.
    Call { to: Slot, document: u32, list: List },
    /// A document without arguments. Fails where it is undefined.
    Document { to: Slot, document: u32 },
    /// What of a partial document stands under keys.
    Keyed { to: Slot, document: u32, list: List },
    /// Leaves a choice point that goes on at a place, and marks where it stands.
    Try { mark: Mark, target: Place },
    /// Marks how many choice points there are.
    Mark { mark: Mark },
    /// Takes away all choice points down to a mark.
    Cut { mark: Mark },
    /// Goes on elsewhere.
    Jump { target: Place },
    /// Fails.
    Fail,
    /// Starts to collect.
    Collect { collection: Collection },
    /// Adds an element to what is collected.
    Add { value: Operand },
    /// Adds an entry to what is collected.
    AddEntry { key: Operand, value: Operand },
    /// Adds to a partial document: an index into [`Plan::heads`].
    AddHead { head: u32 },
    /// Ends to collect.
    Collected { to: Slot },
    /// Replaces documents and functions: an index into [`Plan::withs`].
    With { with: u32 },
    /// Takes the latest replacement back.
    EndWith,
    /// A body of a complete rule or function has a value: an index into [`Plan::heads`]. `next` is where the rules after this one
    /// are, for when values contradict each other and all of them have to be found.
    Result { head: u32, value: Operand, next: Place },
    /// Goes on elsewhere where a branch of the rule has given a value.
    IfProduced { target: Place },
    /// A rule with its `else` branches starts: none of them has given a value yet.
    Begin,
    /// The same, and goes to the next rule that can hold: an index into [`Plan::selects`].
    Select { select: u32 },
    /// Goes on elsewhere where the document has a value.
    IfResult { target: Place },
    /// Ends a document's code: with the value it has, or undefined.
    Return,
    /// Makes the value in a slot the document's.
    SetResult { value: Operand },
    /// Merges what was collected with the base document at the document's path, and makes it the document's value.
    MergeBase { value: Operand },
    /// Starts to walk rules and base documents at once, from a node: an index into [`Plan::nodes`], whose path is constant.
    TreeStart { to: Slot, node: u32 },
    /// One step of such a walk.
    TreeStep { to: Slot, from: Slot, key: Operand },
    /// A step to every key in turn.
    TreeIterate { to: Slot, from: Slot, key: Slot },
    /// Ends such a walk with the value there.
    TreeEnd { to: Slot, from: Slot },
    /// A query has a solution.
    Solution,
    /// Tells the observer that an expression starts: an index into [`Plan::expressions`].
    Observe { expression: u32 },
    /// Tells the observer that it holds.
    Observed { expression: u32 },
}

/// What is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// An array comprehension.
    Array,
    /// A set comprehension, or a partial set.
    Set,
    /// An object comprehension.
    Object,
    /// A partial object, perhaps with sets and objects below.
    Partial,
}

/// What kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One value.
    Complete,
    /// A function.
    Function,
    /// A set, or an object made key by key.
    Partial,
    /// No rules at this path, but below.
    Package,
}

/// Rules at one path.
#[derive(Clone, Debug)]
pub struct Document {
    /// The path below `data`.
    pub path: Vec<Value>,
    /// The path as text: `data.a.b`.
    pub name: Arc<str>,
    /// The kind.
    pub kind: Kind,
    /// Where its code starts.
    pub entry: Place,
    /// Where the code starts that makes only what is under so many keys.
    pub keyed: Vec<Place>,
    /// How many slots its frame has.
    pub slots: u32,
    /// How many marks its frame has.
    pub marks: u32,
    /// How many of the slots are arguments.
    pub arguments: u32,
    /// Whether results are worth keeping.
    pub memo: bool,
    /// Its number among the documents of all programs that do the same ([`Commons`]), where it has one.
    pub common: Option<u32>,
    /// The first rule.
    pub span: Span,
}

/// The head of a rule, for what it adds or gives.
#[derive(Clone, Debug)]
pub struct Head {
    /// The keys below the document, of a partial rule.
    pub keys: Vec<Operand>,
    /// The value; the element of a set.
    pub value: Operand,
    /// Whether the value is an element of a set.
    pub element: bool,
    /// Whether all rules of the document give this one value: the first that holds decides.
    pub decides: bool,
    /// Whether the value is constant: a second solution says nothing new.
    pub constant: bool,
    /// The rule.
    pub span: Span,
    /// The head of the rule.
    pub head_span: Span,
}

/// What is replaced by what.
#[derive(Clone, Debug, PartialEq)]
pub enum Replacement {
    /// A part of `input`: its path, and the value.
    Input(Vec<Value>, Operand),
    /// A part of `data`, rules as well: its path, and the value.
    Data(Vec<Value>, Operand),
    /// A function, by a value or a function.
    Function(Callee, By),
    /// A part of a document whose path is not of strings: an error when it comes to it.
    Invalid,
}

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// An index into [`Plan::builtins`].
    Builtin(u32),
    /// An index into [`Plan::documents`].
    Document(u32),
}

/// What stands for a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A value, whatever the arguments.
    Value(Operand),
    /// Another function.
    Callee(Callee),
}

/// A built-in that the plan calls.
#[derive(Clone, Debug)]
pub struct BuiltinPlan {
    /// Its name.
    pub name: Arc<str>,
    /// How it is done.
    pub how: How,
}

/// How a built-in is done.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// By a function on values.
    Function(Function),
    /// By a comparison.
    Comparison(Comparison),
    /// By the host.
    Host,
    /// `print`
    Print,
    /// `trace`
    Trace,
    /// `internal.template_string`
    Template,
    /// `walk` where a function stands for another; else it is an operation.
    Walk,
    /// Nothing does it here.
    Missing,
    /// Not a built-in but a variable without a value, of a name that the checks take for one of their own: it fails.
    Unbound,
}

/// A node of the tree of rules, for walks whose keys are not constant.
#[derive(Clone, Debug, Default)]
pub struct TreeNode {
    /// Its path below `data`.
    pub path: Vec<Value>,
    /// What stands below, sorted by key.
    pub children: Vec<(Value, u32)>,
    /// Its document. A node without rules has its package document.
    pub document: Option<u32>,
    /// Whether rules stand here, so that no walk goes further.
    pub rules: bool,
    /// `data.system`: left out of whole documents.
    pub hidden: bool,
}

/// An expression of a text, or a rule's head, for observers.
#[derive(Clone, Debug)]
pub struct Expression {
    /// Where.
    pub span: Span,
    /// Whether it is a rule's head, which holds when the body does.
    pub head: bool,
    /// Variables that it reads or binds, by the names of the text.
    pub variables: Vec<(Str, Operand)>,
    /// Those of them that have a value before it is evaluated.
    pub given: Vec<Operand>,
    /// Whether it is a `not`: then what fails in it makes it hold.
    pub negated: bool,
    /// What a head adds to a set.
    pub adds: Option<Operand>,
}

/// A program for the machine. Immutable.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The operations.
    pub ops: Vec<Op>,
    /// For each operation, where in the text it comes from.
    pub spans: Vec<Span>,
    /// Constants.
    pub constants: Vec<Value>,
    /// Constant paths.
    pub paths: Vec<Box<[Value]>>,
    /// Lists of operands.
    pub lists: Vec<Box<[Operand]>>,
    /// Documents.
    pub documents: Vec<Document>,
    /// Heads.
    pub heads: Vec<Head>,
    /// Joins.
    pub joins: Vec<Join>,
    /// Which rules can hold.
    pub selects: Vec<Select>,
    /// `with` modifiers of an expression.
    pub withs: Vec<Vec<Replacement>>,
    /// Built-ins.
    pub builtins: Vec<BuiltinPlan>,
    /// The tree of rules; the root is the first.
    pub nodes: Vec<TreeNode>,
    /// Expressions that observers are told of.
    pub expressions: Vec<Expression>,
    /// Names of the modules' files, for messages.
    pub files: Vec<Arc<str>>,
}

/// Code that answers something: a query, or the value at a path.
#[derive(Clone, Debug)]
pub struct Code {
    /// The plan that holds it.
    pub plan: Arc<Plan>,
    /// Where it starts.
    pub entry: Place,
    /// How many slots its frame has.
    pub slots: u32,
    /// How many marks its frame has.
    pub marks: u32,
    /// What a solution is made of.
    pub variables: Vec<(Str, Operand)>,
}

/// What is done to make evaluation faster. Each can be switched off: the answers stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Optimisations {
    /// Documents and costly functions are evaluated once a context. Without it a program may take exponential time.
    pub memo: bool,
    /// Rules that ask for another value of `input` or an argument than is there are not entered.
    pub rule_index: bool,
    /// Joins over base documents become look-ups.
    pub inverted_indexes: bool,
    /// What depends on constants alone is evaluated when they are known
    /// ([`Program::specialise`](crate::program::Program::specialise)).
    pub partial_evaluation: bool,
    /// Documents that do the same on the same input are evaluated once for all programs that ask for them
    /// ([`Shared`](crate::eval::Shared)).
    pub shared_documents: bool,
    /// Constant paths are walked by one operation.
    pub input_paths: bool,
}

impl Default for Optimisations {
    fn default() -> Self {
        Self {
            memo: true,
            rule_index: true,
            inverted_indexes: true,
            partial_evaluation: true,
            shared_documents: true,
            input_paths: true,
        }
    }
}

impl Optimisations {
    /// Nothing is done.
    pub const NONE: Self = Self {
        memo: false,
        rule_index: false,
        inverted_indexes: false,
        partial_evaluation: false,
        shared_documents: false,
        input_paths: false,
    };
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanOptions {
    /// Whether observers are told of expressions.
    pub observed: bool,
    /// What is done to make evaluation faster.
    pub optimisations: Optimisations,
}

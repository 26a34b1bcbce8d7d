//! The tree of a module. The same types hold what was parsed and, after [`crate::check`], its canonical form.
//!
//! **Canonical form** (OPA's, after its compiler's stages):
//! - References start at `data`, `input`, a local variable or a built-in's name. What else would be looked into is bound to a
//!   variable first.
//! - Every declared variable is renamed so that it is unique in its module set (`__local0__`, ..; in queries `__localq0__`).
//!   Variables that are not declared keep their names and belong to the innermost body that binds them.
//! - Calls are nowhere inside terms: each stands as an expression of its own, made up ([`Expr::generated`]), with one operand
//!   more, the variable that its result is unified with.
//! - Operands of calls hold no references and no comprehensions, not even deep inside: those are bound to variables by made-up
//!   `eq` expressions before. Only as a whole side of `eq`, or alone as an expression, may a reference or comprehension stand;
//!   keys of references are constants and variables.
//! - Keys, values and arguments of heads are variables, constants, or collections of these; so are the terms that
//!   comprehensions collect. Keys of a head's reference are scalars or variables.
//! - `:=` is `eq` with [`Expr::from_assignment`]; `==` is `eq` in modules, and stays `equal` in queries, which show its value.
//! - `some x in xs` is `eq` of `x` and `xs[key]`; [`ExprKind::Some`] is gone. The domain of `every` is a variable, its key is
//!   always there.
//! - Templates are calls of `internal.template_string`. `print` calls are gone, or calls of `internal.print` with an array of
//!   sets, each empty where the operand has no value.
//! - Values of `with` are variables or constants, or the names of functions; made-up expressions that came out of one with
//!   `with` carry it as well.
//! - Bodies are ordered so that every variable is bound before it is used, also by what is negated and by closures.

pub mod order;
pub mod walk;

use std::sync::Arc;

use lumen_value::{Str, Value};

use crate::depth::grow;
use crate::error::Span;

/// A variable or a part of a dotted name.
pub type Name = Str;

/// Which language a text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Version {
    /// Before OPA 1.0: no `if` and `contains` unless imported.
    V0,
    /// OPA 1.0 and later.
    #[default]
    V1,
    /// Either: the module imports `rego.v1` into a v0 text. Checked as v1.
    V0WithV1,
}

/// A module.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its name, for messages.
    pub file: Arc<str>,
    /// The language it was read as.
    pub version: Version,
    /// `package`: a reference that starts at `data`.
    pub package: Ref,
    /// Where `package` stands.
    pub package_span: Span,
    /// `import` lines.
    pub imports: Vec<Import>,
    /// Rules in the order of the text.
    pub rules: Vec<Rule>,
    /// `# METADATA` blocks, where they were asked for.
    pub annotations: Vec<Annotation>,
}

/// `import data.lib as name`.
#[derive(Clone, Debug)]
pub struct Import {
    /// What.
    pub path: Term,
    /// Its name here.
    pub alias: Option<Name>,
    /// Where.
    pub span: Span,
}

/// A block of metadata before a rule or package.
#[derive(Clone, Debug)]
pub struct Annotation {
    /// `rule`, `document`, `package` or `subpackages`.
    pub scope: Name,
    /// The whole block as a value, the way `rego.metadata.rule()` gives it.
    pub value: Value,
    /// The rule it stands before, as an index into the module's rules; none for a package.
    pub rule: Option<usize>,
    /// Where.
    pub span: Span,
}

/// One rule: a head, a body, and what follows after `else`. A v0 rule with several bodies is several rules.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `default name := value`.
    pub default: bool,
    /// What it defines.
    pub head: Head,
    /// When. A rule without a body has the one expression `true`.
    pub body: Body,
    /// Whether the body was made up.
    pub generated_body: bool,
    /// The `else` branches in order: each with head (same name and arguments, own value) and body.
    pub otherwise: Vec<Rule>,
    /// Where.
    pub span: Span,
}

/// What kind of document rules of one name make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// One value; with arguments a function.
    Complete,
    /// A set: `name contains x`.
    PartialSet,
}

/// The head of a rule.
#[derive(Clone, Debug)]
pub struct Head {
    /// The name with what follows it: `p`, `p.q`, `p[x].r`. The first term is a variable.
    pub reference: Ref,
    /// The arguments of a function; `None` for a rule that is none. `f()` has `Some` of nothing.
    pub arguments: Option<Vec<Term>>,
    /// The member of a partial set.
    pub key: Option<Term>,
    /// The value; made up as `true` where the text gives none.
    pub value: Option<Term>,
    /// Whether the value was made up.
    pub generated_value: bool,
    /// Written with `:=`.
    pub assign: bool,
    /// Where.
    pub span: Span,
}

impl Head {
    /// A head without a value is a set's.
    pub const fn kind(&self) -> RuleKind {
        if self.value.is_some() { RuleKind::Complete } else { RuleKind::PartialSet }
    }
}

/// Expressions that all have to hold.
pub type Body = Vec<Expr>;

/// A reference: the first term is a variable, or any term that can be looked into; the others are keys.
pub type Ref = Vec<Term>;

/// A term and its place.
#[derive(Debug)]
pub struct Term {
    /// What.
    pub node: Node,
    /// Where.
    pub span: Span,
}

impl Clone for Term {
    fn clone(&self) -> Self {
        match &self.node {
            Node::Value(value) => Self { node: Node::Value(value.clone()), span: self.span },
            Node::Var(name) => Self { node: Node::Var(name.clone()), span: self.span },
            node => grow(|| Self { node: node.clone(), span: self.span }),
        }
    }
}

/// What a term is.
#[derive(Clone, Debug)]
pub enum Node {
    /// `null`, a boolean, a number or a string. Collections that are all constant may stand here as well, but only after
    /// the checks.
    Value(Value),
    /// A variable; wildcards are `$0`, `$1`, .. as in OPA.
    Var(Name),
    /// `a.b[c]`, of two terms or more; `data` and `input` alone are one term long.
    Ref(Ref),
    /// `[a, b]`
    Array(Vec<Term>),
    /// `{a: b}`
    Object(Vec<(Term, Term)>),
    /// `{a, b}`
    Set(Vec<Term>),
    /// `[term | body]`
    ArrayComprehension(Box<Term>, Body),
    /// `{term | body}`
    SetComprehension(Box<Term>, Body),
    /// `{key: value | body}`
    ObjectComprehension(Box<(Term, Term)>, Body),
    /// `f(a, b)`: the operator (a reference), then the arguments.
    Call(Vec<Term>),
    /// `$"text {term}"`. A part is a constant string or an expression.
    Template {
        /// The parts.
        parts: Vec<Expr>,
        /// Written with backticks.
        multi_line: bool,
    },
}

impl Node {
    /// Whether there are no terms inside it: what goes through trees needs no stack for it.
    pub(crate) const fn is_leaf(&self) -> bool {
        matches!(self, Self::Value(_) | Self::Var(_))
    }
}

/// One expression of a body.
#[derive(Debug)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// `not`.
    pub negated: bool,
    /// `with` modifiers.
    pub with: Vec<With>,
    /// Made up by the checker.
    pub generated: bool,
    /// Was `:=` before it became `=`.
    pub from_assignment: bool,
    /// Where.
    pub span: Span,
}

impl Clone for Expr {
    fn clone(&self) -> Self {
        grow(|| Self {
            kind: self.kind.clone(),
            negated: self.negated,
            with: self.with.clone(),
            generated: self.generated,
            from_assignment: self.from_assignment,
            span: self.span,
        })
    }
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A term that has to be neither undefined nor false.
    Term(Term),
    /// A call; operators are calls of `plus`, `eq`, `assign`, .. The operator (a reference), then the arguments, then
    /// perhaps one more that the result is unified with.
    Call(Vec<Term>),
    /// `some x, y`, or `some k, v in xs` as one call of `internal.member_2` or `_3`.
    Some(Vec<Term>),
    /// `every k, v in xs { .. }`
    Every(Box<Every>),
    /// `not { .. }` (experimental in OPA).
    Not {
        /// The body.
        body: Body,
        /// Whether it stands in braces in the text.
        explicit: bool,
    },
    /// `a and b` (experimental in OPA).
    And(Box<Logic>),
    /// `a or b` (experimental in OPA).
    Or(Box<Logic>),
}

/// Both sides of `and` or `or`.
#[derive(Clone, Debug)]
pub struct Logic {
    /// Left.
    pub left: Body,
    /// Right.
    pub right: Body,
    /// Left stands in braces.
    pub explicit_left: bool,
    /// Right stands in braces.
    pub explicit_right: bool,
}

/// `every key, value in domain { body }`
#[derive(Clone, Debug)]
pub struct Every {
    /// The key's variable.
    pub key: Option<Term>,
    /// The value's variable.
    pub value: Term,
    /// What is gone through.
    pub domain: Term,
    /// What has to hold.
    pub body: Body,
}

/// `with target as value`.
#[derive(Clone, Debug)]
pub struct With {
    /// A reference below `input` or `data`, or a built-in's or function's name.
    pub target: Term,
    /// What it is meanwhile.
    pub value: Term,
    /// Where.
    pub span: Span,
}

//! What the parts of the planner share: the plan so far, and what is known of documents and built-ins.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use lumen_value::{Str, Value};

use super::body::Procedure;
use super::join::find_joins;
use super::{
    BuiltinPlan, Callee, Code, Comparison, Document, How, Kind, List, Op, Operand, Place, Plan, PlanOptions,
    TreeNode,
};
use crate::ast::{Name, Node, Term};
use crate::builtin::{OUTSIDE, function, signature};
use crate::check::dotted;
use crate::check::tree::NodeId;
use crate::check::{Checked, Query, is_generated};
use crate::error::{Code as ErrorCode, Error, Span};
use crate::hash::HashMap;

/// What a plan cannot express. The checks leave nothing of the kind; it is an error and not a panic all the same.
pub(super) type Planned<T> = Result<T, Error>;

/// An error of the planner.
pub(super) fn unplanned(span: Span, message: &str) -> Error {
    Error {
        code: ErrorCode::Compile,
        span,
        file: Arc::from(""),
        message: format!("this cannot be planned: {message}"),
        hint: None,
    }
}

/// Makes a plan.
pub(super) struct Planner<'c> {
    pub(super) plan: Plan,
    pub(super) checked: &'c Checked,
    pub(super) options: PlanOptions,
    /// Constant strings by their text. Other constants are not merged: `1` and `1.0` are equal and print differently.
    strings: HashMap<Str, u32>,
    builtins: HashMap<Arc<str>, u32>,
    /// Built-ins that a `with` replaces.
    pub(super) replaced: BTreeSet<String>,
}

/// What is called `path` in messages: `data.a.b["c d"]`.
pub(super) fn path_text(path: &[Value]) -> String {
    let mut text = "data".to_owned();
    for key in path {
        let identifier = key.as_str().filter(|key| is_identifier(key));
        // Writing to a string cannot fail.
        let _written = match identifier {
            Some(key) => write!(text, ".{key}"),
            None => write!(text, "[{}]", crate::term::text(key)),
        };
    }
    text
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// The plan of checked modules.
pub(crate) fn compile(checked: &Checked, options: PlanOptions) -> Planned<Plan> {
    let mut planner = Planner::new(checked, options);
    planner.tree();
    planner.documents()?;
    planner.joins(0);
    Ok(planner.plan)
}

/// A plan that answers a query beside all that the modules' plan does.
pub(crate) fn compile_query(
    checked: &Checked,
    plan: &Plan,
    query: &Query,
    options: PlanOptions,
) -> Planned<Code> {
    let mut planner = Planner::extending(checked, plan, options);
    if planner.replaces_more(&query.body) {
        planner = Planner::new(checked, options);
        planner.replaces_more(&query.body);
        planner.tree();
        planner.documents()?;
    }
    let entry = planner.here();
    let mut procedure = Procedure::new(&mut planner, 0);
    procedure.body(&query.body)?;
    let mut variables = Vec::new();
    for (shown, name) in &query.variables {
        if let Some(value) = procedure.bound_value(name) {
            variables.push((shown.clone(), value));
        }
    }
    procedure.op(Op::Solution);
    procedure.op(Op::Fail);
    let (slots, marks) = procedure.size();
    planner.joins(0);
    Ok(Code { plan: Arc::new(planner.plan), entry, slots, marks, variables })
}

/// A plan that answers what stands at a path; the one variable of its solution is called `result`.
pub(crate) fn compile_reference(
    checked: &Checked,
    plan: &Plan,
    path: &[Value],
    options: PlanOptions,
) -> Planned<Code> {
    let mut planner = Planner::extending(checked, plan, options);
    let entry = planner.here();
    let mut procedure = Procedure::new(&mut planner, 0);
    let span = Span::default();
    let mut terms = vec![Term { node: Node::Var(Name::from("data")), span }];
    terms.extend(path.iter().map(|key| Term { node: Node::Value(key.clone()), span }));
    let value = procedure.value(&Term { node: Node::Ref(terms), span })?;
    procedure.op(Op::Solution);
    procedure.op(Op::Fail);
    let (slots, marks) = procedure.size();
    let variables = vec![(Str::from("result"), value)];
    Ok(Code { plan: Arc::new(planner.plan), entry, slots, marks, variables })
}

impl<'c> Planner<'c> {
    fn new(checked: &'c Checked, options: PlanOptions) -> Self {
        let files = checked.modules.iter().map(|module| module.file.clone()).collect();
        let plan = Plan { files, ..Plan::default() };
        Self {
            plan,
            checked,
            options,
            strings: HashMap::default(),
            builtins: HashMap::default(),
            replaced: BTreeSet::new(),
        }
    }

    fn extending(checked: &'c Checked, plan: &Plan, options: PlanOptions) -> Self {
        let builtins =
            plan.builtins.iter().zip(0..).map(|(builtin, index)| (builtin.name.clone(), index)).collect();
        Self {
            plan: plan.clone(),
            checked,
            options,
            strings: HashMap::default(),
            builtins,
            replaced: BTreeSet::new(),
        }
    }

    /// Puts joins in the place of scans, from a place on. Observers want to see the scan.
    fn joins(&mut self, from: Place) {
        if self.options.optimisations.inverted_indexes && !self.options.observed {
            find_joins(&mut self.plan, from);
        }
    }

    /// Where the next operation will be.
    pub(super) fn here(&self) -> Place {
        index(self.plan.ops.len())
    }

    /// Appends an operation.
    pub(super) fn op(&mut self, op: Op, span: Span) -> Place {
        let here = self.here();
        self.plan.ops.push(op);
        self.plan.spans.push(span);
        here
    }

    /// Makes a jump that was written before its target was known go to the next operation.
    pub(super) fn land(&mut self, place: Place) {
        let here = self.here();
        if let Some(
            Op::Try { target, .. }
            | Op::Jump { target }
            | Op::IfProduced { target }
            | Op::IfResult { target }
            | Op::Result { next: target, .. },
        ) = self.plan.ops.get_mut(place as usize)
        {
            *target = here;
        }
    }

    /// A constant.
    pub(super) fn constant(&mut self, value: Value) -> Operand {
        let next = index(self.plan.constants.len());
        if let Value::String(text) = &value {
            if let Some(known) = self.strings.get(text) {
                return Operand::constant(*known);
            }
            self.strings.insert(text.clone(), next);
        }
        self.plan.constants.push(value);
        Operand::constant(next)
    }

    /// A list of operands.
    pub(super) fn list(&mut self, operands: Vec<Operand>) -> List {
        self.plan.lists.push(operands.into());
        index(self.plan.lists.len() - 1)
    }

    /// A constant path.
    pub(super) fn path(&mut self, path: Vec<Value>) -> u32 {
        self.plan.paths.push(path.into());
        index(self.plan.paths.len() - 1)
    }

    /// A built-in.
    pub(super) fn builtin(&mut self, name: &str) -> u32 {
        if let Some(known) = self.builtins.get(name) {
            return *known;
        }
        let name: Arc<str> = name.into();
        let how = self.how(&name);
        self.plan.builtins.push(BuiltinPlan { name: name.clone(), how });
        let index = index(self.plan.builtins.len() - 1);
        self.builtins.insert(name, index);
        index
    }

    fn how(&self, name: &str) -> How {
        if let Some(comparison) = comparison(name) {
            return How::Comparison(comparison);
        }
        match name {
            "print" | "internal.print" => How::Print,
            "trace" => How::Trace,
            "internal.template_string" => How::Template,
            "walk" => How::Walk,
            _ if is_generated(name.as_bytes()) => How::Unbound,
            _ if self.checked.options.capabilities.host.contains_key(name) => How::Host,
            _ => match function(name) {
                Some(function) => How::Function(function),
                None if OUTSIDE.contains(&name) => How::Host,
                None => How::Missing,
            },
        }
    }

    /// How many operands a built-in has.
    pub(super) fn arity(&self, name: &str) -> Option<usize> {
        let host = self.checked.options.capabilities.host.get(name).copied();
        host.or_else(|| signature(name).map(|signature| signature.arguments.len()))
    }

    /// What a term calls.
    pub(super) fn callee(&mut self, operator: &Term) -> Option<Callee> {
        let terms: &[Term] = match &operator.node {
            Node::Ref(terms) => terms,
            Node::Var(_) => std::slice::from_ref(operator),
            _ => return None,
        };
        let name = dotted(terms)?;
        if self.arity(&name).is_some() {
            return Some(Callee::Builtin(self.builtin(&name)));
        }
        let at = self.node_of(terms)?;
        let node = self.plan.nodes.get(at as usize)?;
        if node.rules { node.document.map(Callee::Document) } else { None }
    }

    /// The node at a constant reference.
    fn node_of(&self, terms: &[Term]) -> Option<u32> {
        let (first, rest) = terms.split_first()?;
        if !matches!(&first.node, Node::Var(name) if *name == "data") {
            return None;
        }
        let mut at = 0;
        for term in rest {
            let Node::Value(key) = &term.node else { return None };
            at = self.child(at, key)?;
        }
        Some(at)
    }

    /// What stands below a node under a key.
    pub(super) fn child(&self, node: u32, key: &Value) -> Option<u32> {
        self.plan.nodes.get(node as usize)?.child(key)
    }

    /// Copies the tree of rules, and gives each node its document.
    fn tree(&mut self) {
        let tree = &self.checked.tree;
        let mut pending: Vec<(NodeId, Vec<Value>)> = vec![(tree.root(), Vec::new())];
        let mut at = 0;
        while let Some((id, path)) = pending.get(at).cloned() {
            let node = tree.node(id);
            let mut children = Vec::with_capacity(node.children.len());
            for (key, child) in &node.children {
                children.push((key.clone(), index(pending.len())));
                let mut below = path.clone();
                below.push(key.clone());
                pending.push((*child, below));
            }
            let rules = node.is_rule();
            let first = node.rules.first().or(node.defaults.first()).copied();
            let first = first.and_then(|id| self.checked.modules.get(id.module)?.rules.get(id.rule));
            let kind = match first {
                None => Kind::Package,
                Some(_) if node.arity.is_some_and(|arity| arity > 0) => Kind::Function,
                Some(rule) if node.dynamic || rule.head.value.is_none() => Kind::Partial,
                Some(_) => Kind::Complete,
            };
            self.plan.documents.push(Document {
                name: path_text(&path).into(),
                path: path.clone(),
                kind,
                entry: 0,
                keyed: Vec::new(),
                slots: 0,
                marks: 0,
                arguments: index(node.arity.unwrap_or(0)),
                memo: true,
                common: None,
                span: first.map(|rule| rule.span).unwrap_or_default(),
            });
            let document = Some(index(self.plan.documents.len() - 1));
            self.plan.nodes.push(TreeNode { path, children, document, rules, hidden: node.hidden });
            at += 1;
        }
    }
}

impl TreeNode {
    /// What stands below under a key.
    pub fn child(&self, key: &Value) -> Option<u32> {
        let found = self.children.binary_search_by(|(candidate, _)| candidate.cmp(key)).ok()?;
        self.children.get(found).map(|(_, child)| *child)
    }
}

/// An index into a table of the plan. A text long enough to overflow it was refused when it was read.
pub(super) fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A built-in that compares.
pub(super) fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        "equal" | "eq" => Comparison::Equal,
        "neq" => Comparison::NotEqual,
        "lt" => Comparison::Less,
        "lte" => Comparison::LessEqual,
        "gt" => Comparison::Greater,
        "gte" => Comparison::GreaterEqual,
        _ => return None,
    })
}

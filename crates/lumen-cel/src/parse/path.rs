//! What is done with an expression: selections, indices, calls and macros.

use std::sync::Arc;

use lumen_value::Str;

use super::{Fault, Parser, is_request_field};
use crate::lex::Token;
use crate::syntax::{Fold, Kind, Macro, Node, Root, Step};

/// Macros on a range: how many variables, and how many operands follow.
struct Shape {
    name: &'static str,
    fold: Fold,
    variables: usize,
    operands: std::ops::RangeInclusive<usize>,
}

const MACROS: &[Shape] = &[
    Shape { name: "all", fold: Fold::All, variables: 1, operands: 1..=1 },
    Shape { name: "all", fold: Fold::All, variables: 2, operands: 1..=1 },
    Shape { name: "exists", fold: Fold::Exists, variables: 1, operands: 1..=1 },
    Shape { name: "exists", fold: Fold::Exists, variables: 2, operands: 1..=1 },
    Shape { name: "exists_one", fold: Fold::ExistsOne, variables: 1, operands: 1..=1 },
    Shape { name: "exists_one", fold: Fold::ExistsOne, variables: 2, operands: 1..=1 },
    Shape { name: "existsOne", fold: Fold::ExistsOne, variables: 2, operands: 1..=1 },
    Shape { name: "filter", fold: Fold::Filter, variables: 1, operands: 1..=1 },
    Shape { name: "map", fold: Fold::Map, variables: 1, operands: 1..=2 },
    Shape { name: "optFlatMap", fold: Fold::OptionalFlatMap, variables: 1, operands: 1..=1 },
    Shape { name: "optMap", fold: Fold::OptionalMap, variables: 1, operands: 1..=1 },
    Shape { name: "sortBy", fold: Fold::SortBy, variables: 1, operands: 1..=1 },
    Shape { name: "transformList", fold: Fold::Map, variables: 2, operands: 1..=2 },
    Shape { name: "transformMap", fold: Fold::MapValues, variables: 2, operands: 1..=2 },
    Shape { name: "transformMapEntry", fold: Fold::MapEntries, variables: 2, operands: 1..=2 },
];

impl Parser<'_> {
    /// Reads the steps after an expression.
    pub(super) fn path(&mut self, base: Node) -> Result<Node, Fault> {
        let mut base = base;
        let mut steps = Vec::new();
        loop {
            let at = self.at();
            let optional = self.is(".?") || self.is("[?");
            if self.accept("[") || self.accept("[?") {
                let key = self.expression()?;
                self.expect("]")?;
                steps.push(Step::Index { key, optional });
            } else if self.accept(".") || self.accept(".?") {
                let Token::Name(name) = self.peek().clone() else { return Err(self.unexpected()) };
                // Words of the language are no fields; reserved names may be.
                if matches!(name.as_str(), "true" | "false" | "null" | "in") {
                    return Err(self.unexpected());
                }
                self.next += 1;
                if self.is("(") && !optional {
                    steps.push(self.member_call(at, &name)?);
                } else if steps.is_empty() && matches!(base.kind, Kind::Root(Root::Variables)) {
                    base.kind = Kind::Root(self.variable(at, &name)?);
                } else {
                    let name = Str::from(name);
                    let is_request = steps.is_empty() && matches!(base.kind, Kind::Root(Root::Request));
                    if is_request && !is_request_field(&name) {
                        return Self::fault(at, format!("undefined field '{name}'"));
                    }
                    steps.push(Step::Select { name, optional });
                }
            } else {
                break;
            }
        }
        if matches!(base.kind, Kind::Root(Root::Variables)) {
            return Self::fault(base.at, "`variables` is of no use without the name of one");
        }
        if steps.is_empty() {
            return Ok(base);
        }
        Ok(Node { at: base.at, kind: Kind::Path(Box::new(base), steps) })
    }

    fn variable(&self, at: usize, name: &str) -> Result<Root, Fault> {
        // Of two with one name the later counts.
        match self.scope.variables.iter().rposition(|variable| variable == name) {
            Some(index) => Ok(Root::Variable(index)),
            None => Self::fault(at, format!("undefined field '{name}'")),
        }
    }

    fn member_call(&mut self, at: usize, name: &str) -> Result<Step, Fault> {
        let shapes: Vec<&Shape> = MACROS.iter().filter(|shape| shape.name == name).collect();
        if !shapes.is_empty() {
            return self.macro_call(at, name, &shapes);
        }
        let operands = self.arguments()?;
        let function = Self::function(at, name, true, operands.len())?;
        Ok(Step::Call { function, operands })
    }

    fn macro_call(&mut self, at: usize, name: &str, shapes: &[&Shape]) -> Result<Step, Fault> {
        self.expect("(")?;
        let is_name = |parser: &Self, ahead| {
            matches!(parser.peek_at(ahead), Token::Name(_)) && *parser.peek_at(ahead + 1) == Token::Mark(",")
        };
        let wanted = if is_name(self, 0) && is_name(self, 2) { 2 } else { 1 };
        let shape = shapes
            .iter()
            .find(|shape| shape.variables == wanted)
            .or_else(|| shapes.first())
            .ok_or_else(|| Fault { at, message: "argument must be a simple name".to_owned() })?;
        for is_second in (0..shape.variables).map(|index| index == 1) {
            let at = self.at();
            let variable = self.simple_name("argument must be a simple name")?;
            if wanted == 2 && self.locals.last() == Some(&variable) && is_second {
                return Self::fault(at, format!("duplicate variable name: {variable}"));
            }
            self.expect(",")?;
            self.locals.push(variable);
        }
        let operands = self.macro_operands();
        let kept = self.locals.len() - shape.variables;
        self.locals.truncate(kept);
        let mut operands = operands?;
        if !shape.operands.contains(&operands.len()) {
            return Self::fault(at, format!("undeclared reference to '{name}' (in container '')"));
        }
        let body = operands.pop().ok_or_else(|| self.unexpected())?;
        let filter = operands.pop();
        let made = Macro { fold: shape.fold, variables: shape.variables, filter, body };
        Ok(Step::Macro(Arc::new(made)))
    }

    /// The operands after the variables, and the closing bracket.
    fn macro_operands(&mut self) -> Result<Vec<Node>, Fault> {
        let mut operands = vec![self.expression()?];
        while self.accept(",") {
            if self.is(")") {
                break;
            }
            operands.push(self.expression()?);
        }
        self.expect(")")?;
        Ok(operands)
    }
}

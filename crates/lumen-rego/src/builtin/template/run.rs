//! Renders templates.

use lumen_value::Value;

use super::DEPTH_MAX;
use super::function::function;
use super::parse::{Node, Operand, Pipeline, Templates};
use crate::builtin::sprintf::{self, key_text};
use crate::builtin::{Budget, Failure};

/// A value during the rendering.
#[derive(Clone)]
pub(super) enum Data {
    /// There is none: a key that is not there.
    Missing,
    Value(Value),
    Integer(i64),
    /// `uint8`: one of a text.
    Byte(u8),
    Float(f64),
}

impl Data {
    pub(super) fn text(text: impl Into<lumen_value::Str>) -> Self {
        Self::Value(Value::String(text.into()))
    }

    pub(super) fn bool(value: bool) -> Self {
        Self::Value(Value::Bool(value))
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Value(Value::Null) => false,
            Self::Integer(value) => *value != 0,
            Self::Byte(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Value(Value::Bool(value)) => *value,
            // A number is a string of digits here.
            Self::Value(Value::Number(_)) => true,
            Self::Value(Value::String(text)) => !text.is_empty(),
            Self::Value(Value::Array(items)) => !items.is_empty(),
            Self::Value(Value::Set(items)) => !items.is_empty(),
            Self::Value(Value::Object(entries)) => !entries.is_empty(),
        }
    }

    /// As it stands in the text.
    pub(super) fn print(&self, out: &mut Vec<u8>, top: bool) -> Result<(), Failure> {
        match self {
            Self::Missing | Self::Value(Value::Null) => {
                out.extend_from_slice(if top { b"<no value>" } else { b"<nil>" });
            }
            Self::Value(value) => print(value, out, 0)?,
            Self::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Byte(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Float(value) => out.extend_from_slice(sprintf::float(*value).as_bytes()),
        }
        Ok(())
    }
}

/// As Go's `%v` prints maps and slices.
fn print(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<(), Failure> {
    if depth > DEPTH_MAX * 10 {
        return Err(Failure::Budget);
    }
    let list = |items: std::slice::Iter<'_, Value>, out: &mut Vec<u8>| {
        out.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            crate::depth::grow(|| print(item, out, depth + 1))?;
        }
        out.push(b']');
        Ok(())
    };
    match value {
        Value::Null => out.extend_from_slice(b"<nil>"),
        Value::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Array(items) => return list(items.iter(), out),
        Value::Set(items) => return list(items.iter(), out),
        Value::Object(entries) => {
            out.extend_from_slice(b"map[");
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                out.extend_from_slice(key_text(key).as_bytes());
                out.push(b':');
                crate::depth::grow(|| print(value, out, depth + 1))?;
            }
            out.push(b']');
        }
    }
    Ok(())
}

/// How a list ended.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Runner<'a> {
    templates: &'a Templates,
    out: Vec<u8>,
    budget: &'a mut Budget,
    variables: Vec<(String, Data)>,
    depth: usize,
}

/// Renders the template that is named `template`.
pub(super) fn run(templates: &Templates, data: &Value, budget: &mut Budget) -> Result<Vec<u8>, Failure> {
    let root = Data::Value(data.clone());
    let variables = vec![(String::new(), root.clone())];
    let mut runner = Runner { templates, out: Vec::new(), budget, variables, depth: 0 };
    let nodes = templates.get("template").map(Vec::as_slice).unwrap_or_default();
    runner.list(nodes, &root)?;
    Ok(runner.out)
}

pub(super) fn failed<T>(line: usize, message: &str) -> Result<T, Failure> {
    Err(Failure::Builtin(format!("template: template:{line}: executing \"template\": {message}")))
}

impl Runner<'_> {
    fn write(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.budget.text(text.len())?;
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn list(&mut self, nodes: &[Node], dot: &Data) -> Result<Flow, Failure> {
        let mark = self.variables.len();
        let mut flow = Flow::On;
        for node in nodes {
            self.budget.steps(1)?;
            flow = self.node(node, dot)?;
            if flow != Flow::On {
                break;
            }
        }
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Data) -> Result<Flow, Failure> {
        match node {
            Node::Text(text) => self.write(text.as_bytes())?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    let mut text = Vec::new();
                    value.print(&mut text, true)?;
                    self.write(&text)?;
                }
            }
            Node::If(pipeline, body, otherwise) | Node::With(pipeline, body, otherwise) => {
                let mark = self.variables.len();
                let value = self.pipeline(pipeline, dot)?;
                let inner = if matches!(node, Node::With(..)) { &value } else { dot };
                let flow = crate::depth::grow(|| {
                    if value.is_true() { self.list(body, inner) } else { self.list(otherwise, dot) }
                })?;
                self.variables.truncate(mark);
                return Ok(flow);
            }
            Node::Range(pipeline, body, otherwise) => return self.range(pipeline, body, otherwise, dot),
            Node::Template(name, argument) => {
                let value = match argument {
                    Some(pipeline) => self.pipeline(pipeline, dot)?,
                    None => Data::Missing,
                };
                let templates = self.templates;
                let Some(nodes) = templates.get(name) else {
                    return failed(0, &format!("template {name:?} not defined"));
                };
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return failed(0, "exceeded maximum template depth");
                }
                let outer = std::mem::replace(&mut self.variables, vec![(String::new(), value.clone())]);
                crate::depth::grow(|| self.list(nodes, &value))?;
                self.variables = outer;
                self.depth -= 1;
            }
        }
        Ok(Flow::On)
    }

    fn range(
        &mut self,
        pipeline: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Data,
    ) -> Result<Flow, Failure> {
        let mark = self.variables.len();
        let value = self.commands(pipeline, dot)?;
        let pairs: Vec<(Data, Data)> = match &value {
            Data::Value(Value::Array(items)) => numbered(items.iter()),
            Data::Value(Value::Set(items)) => numbered(items.iter()),
            Data::Value(Value::Object(entries)) => entries
                .iter()
                .map(|(key, value)| (Data::text(key_text(key)), Data::Value(value.clone())))
                .collect(),
            Data::Integer(count) if pipeline.variables.len() > 1 => {
                let message = format!("can't use {count} to iterate over more than one variable");
                return failed(pipeline.line, &message);
            }
            Data::Integer(count) => {
                self.budget.values(usize::try_from(*count).unwrap_or(0))?;
                (0..*count).map(|index| (Data::Integer(index), Data::Integer(index))).collect()
            }
            Data::Missing | Data::Value(Value::Null) => Vec::new(),
            other => {
                let mut text = Vec::new();
                other.print(&mut text, false)?;
                return failed(
                    pipeline.line,
                    &format!("range can't iterate over {}", String::from_utf8_lossy(&text)),
                );
            }
        };
        self.budget.values(pairs.len())?;
        if pairs.is_empty() {
            return crate::depth::grow(|| self.list(otherwise, dot));
        }
        for (key, item) in pairs {
            match pipeline.variables.as_slice() {
                [only] => self.set(only, item.clone(), pipeline.is_assignment),
                [first, second, ..] => {
                    self.set(first, key, pipeline.is_assignment);
                    self.set(second, item.clone(), pipeline.is_assignment);
                }
                [] => {}
            }
            let flow = crate::depth::grow(|| self.list(body, &item))?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn set(&mut self, name: &str, value: Data, is_assignment: bool) {
        if is_assignment
            && let Some((_, old)) = self.variables.iter_mut().rev().find(|(known, _)| known == name)
        {
            *old = value;
        } else {
            self.variables.push((name.to_owned(), value));
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Data) -> Result<Data, Failure> {
        let value = self.commands(pipeline, dot)?;
        if let Some(name) = pipeline.variables.first() {
            self.set(name, value.clone(), pipeline.is_assignment);
        }
        Ok(value)
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Data) -> Result<Data, Failure> {
        let mut last: Option<Data> = None;
        for command in &pipeline.commands {
            self.budget.steps(1)?;
            let Some((first, rest)) = command.split_first() else { continue };
            last = Some(match first {
                Operand::Function(name) => self.call(name, rest, last, dot, pipeline.line)?,
                _ if last.is_some() || !rest.is_empty() => {
                    return failed(pipeline.line, "can't give argument to non-function");
                }
                Operand::Nil => return failed(pipeline.line, "nil is not a command"),
                _ => self.operand(first, dot, pipeline.line)?,
            });
        }
        Ok(last.unwrap_or(Data::Missing))
    }

    fn operand(&mut self, operand: &Operand, dot: &Data, line: usize) -> Result<Data, Failure> {
        Ok(match operand {
            Operand::Dot(fields) => field(dot.clone(), fields, line)?,
            Operand::Variable(name, fields) => {
                let Some((_, value)) = self.variables.iter().rev().find(|(known, _)| known == name) else {
                    return failed(line, &format!("undefined variable \"${name}\""));
                };
                field(value.clone(), fields, line)?
            }
            Operand::Function(name) => self.call(name, &[], None, dot, line)?,
            Operand::Nil => Data::Value(Value::Null),
            Operand::Bool(value) => Data::bool(*value),
            Operand::Integer(value) => Data::Integer(*value),
            Operand::Float(value) => Data::Float(*value),
            Operand::Text(text) => Data::text(text.as_str()),
            Operand::Parentheses(inner, fields) => {
                let value = crate::depth::grow(|| self.pipeline(inner, dot))?;
                field(value, fields, line)?
            }
        })
    }

    fn call(
        &mut self,
        name: &str,
        operands: &[Operand],
        last: Option<Data>,
        dot: &Data,
        line: usize,
    ) -> Result<Data, Failure> {
        if matches!(name, "and" | "or") {
            let mut value = None;
            for operand in operands {
                let next = self.operand(operand, dot, line)?;
                let decides = next.is_true() == (name == "or");
                value = Some(next);
                if decides {
                    return Ok(value.unwrap_or(Data::Missing));
                }
            }
            return match last.or(value) {
                Some(value) => Ok(value),
                None => failed(line, &format!("wrong number of args for {name}: want at least 1 got 0")),
            };
        }
        let mut values = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            values.push(self.operand(operand, dot, line)?);
        }
        values.extend(last);
        function(name, &values, line, self.budget)
    }
}

fn numbered(items: std::slice::Iter<'_, Value>) -> Vec<(Data, Data)> {
    let number = |index| Data::Integer(i64::try_from(index).unwrap_or(i64::MAX));
    items.enumerate().map(|(index, item)| (number(index), Data::Value(item.clone()))).collect()
}

/// What stands under names, one below the other.
fn field(mut value: Data, fields: &[String], line: usize) -> Result<Data, Failure> {
    for name in fields {
        value = match &value {
            Data::Value(Value::Object(entries)) => {
                entries.get(name).map_or(Data::Missing, |value| Data::Value(value.clone()))
            }
            // Of what is not there, nothing is there.
            Data::Missing => Data::Missing,
            Data::Value(Value::Null) => {
                return failed(line, &format!("nil pointer evaluating interface {{}}.{name}"));
            }
            _ => return failed(line, &format!("can't evaluate field {name} in type interface {{}}")),
        };
    }
    Ok(value)
}

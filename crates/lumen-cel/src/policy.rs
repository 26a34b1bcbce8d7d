//! A policy: what a template's `source` says, compiled, and what it says of one review.

use lumen_value::Value;

use crate::check::{Type, check};
use crate::eval::{self, Fault, Machine};
use crate::parse::{Scope, parse};
use crate::syntax::Node;
use crate::value::Val;

/// The `source` of a code entry with the engine `K8sNativeValidation`
/// (gatekeeper `pkg/drivers/k8scel/schema/schema.go`).
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// What must hold; each that does not is a violation.
    pub validations: Vec<Validation>,
    /// `variables.NAME` for the expressions that follow; each may use those before it.
    pub variables: Vec<Variable>,
    /// `matchCondition` in Gatekeeper's sources: all must hold, or the policy says nothing.
    pub match_conditions: Vec<Variable>,
    /// What an error counts as.
    pub failure_policy: FailurePolicy,
}

/// One thing that must hold.
#[derive(Clone, Debug, Default)]
pub struct Validation {
    /// Gives a boolean.
    pub expression: String,
    /// What to say where it gives false.
    pub message: Option<String>,
    /// Gives what to say; wins over `message` where it gives a text of one line.
    pub message_expression: Option<String>,
    /// Why, in the words of `metav1.StatusReason`; it is checked by nobody here.
    pub reason: Option<String>,
}

/// A name and an expression.
#[derive(Clone, Debug, Default)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The expression.
    pub expression: String,
}

/// What an error counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// A violation, with the error for a message: fails closed.
    #[default]
    Fail,
    /// Nothing: fails open, where the author asked for it.
    Ignore,
}

/// Which list of a [`Source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `validations[].expression`
    Validation,
    /// `validations[].messageExpression`
    MessageExpression,
    /// `variables[].expression`
    Variable,
    /// `matchCondition[].expression`
    MatchCondition,
}

/// An expression that cannot be run. It does not stop the others: upstream finds it when the expression's turn comes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// The list.
    pub section: Section,
    /// The place in the list.
    pub index: usize,
    /// What is wrong.
    pub message: String,
    /// The byte of the expression where it is.
    pub offset: usize,
}

/// What the expressions may name.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'a> {
    /// `object`: null on DELETE.
    pub object: &'a Value,
    /// `oldObject`: null on CREATE.
    pub old_object: &'a Value,
    /// `request`: the admission request.
    pub request: &'a Value,
    /// `namespaceObject`: null where there is none or it is not known.
    pub namespace_object: &'a Value,
    /// `params`, which the expressions of variables read.
    pub params: &'a Value,
    /// `variables.params`: null where there are none.
    pub parameters: &'a Value,
}

/// What an evaluation may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Steps: about one for each node of an expression that is evaluated, and for each value or 16 bytes that a function looks at.
    pub steps: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: 1_000_000 }
    }
}

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What to say, as Kubernetes says it.
    pub message: String,
    /// Which validation; `None` where a match condition failed.
    pub index: Option<usize>,
    /// The expression did not give false: it failed, and the failure policy is [`FailurePolicy::Fail`].
    pub error: bool,
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The budget is used up. Asking again with more may help.
    #[error("the CEL expressions need more than the {steps} steps that they may take")]
    Budget {
        /// What was given.
        steps: u64,
    },
}

/// A compiled source. Immutable; may be shared by threads.
#[derive(Clone, Debug)]
pub struct Policy {
    match_conditions: Vec<Expression>,
    validations: Vec<Compiled>,
    variables: Vec<eval::Variable>,
    on_error: FailurePolicy,
}

/// A text, and its tree or what is wrong with it.
#[derive(Clone, Debug)]
struct Expression {
    text: String,
    node: Result<Node, String>,
    /// What it gives, as far as that is plain.
    given: Type,
}

#[derive(Clone, Debug)]
struct Compiled {
    condition: Expression,
    message: Option<String>,
    message_expression: Option<Expression>,
}

/// Variables that Gatekeeper gives: the object, or on DELETE the old one, and the parameters
/// (`pkg/drivers/k8scel/transform/cel_snippets.go`). They stand before the source's own.
const GIVEN: [&str; 2] = ["anyObject", "params"];

/// Longest message that an expression may give, in bytes.
const MESSAGE_BYTES_MAX: usize = 5 * 1024;

/// Compiles expression after expression and keeps what is wrong.
struct Compiler {
    names: Vec<String>,
    /// What the variables give.
    types: Vec<Type>,
    errors: Vec<CompileError>,
}

impl Compiler {
    fn compile(&mut self, section: Section, index: usize, text: &str) -> Expression {
        let scope = Scope { variables: &self.names, has_params: section == Section::Variable };
        let mut given = None;
        let checked = parse(text, scope).and_then(|node| {
            given = check(&node, &self.types)?;
            Ok(node)
        });
        let wanted = match section {
            Section::Validation | Section::MatchCondition => Some((Type::Bool, "bool")),
            Section::MessageExpression => Some((Type::Text, "string")),
            Section::Variable => None,
        };
        // `dyn` is no such type either, whatever it turns out to be (`apiserver/pkg/admission/plugin/cel/compile.go`).
        let refused = wanted.zip(given.as_ref()).filter(|((wanted, _), given)| wanted != *given);
        let given = given.clone().unwrap_or(Type::Dyn);
        if let (Ok(_), Some(((_, name), _))) = (&checked, &refused) {
            let shown = format!("must evaluate to {name} but got {}", given.declared());
            let message = format!("compilation error: {shown}");
            self.errors.push(CompileError { section, index, message, offset: 0 });
            return Expression { text: text.to_owned(), node: Err(shown), given };
        }
        let node = checked.map_err(|fault| {
            let shown = shown_error(text, fault.at, &fault.message);
            let message = format!("compilation error: {shown}");
            self.errors.push(CompileError { section, index, message, offset: fault.at });
            shown
        });
        Expression { text: text.to_owned(), node, given }
    }
}

/// An error as cel-go prints it, with the line and a mark under the place.
fn shown_error(text: &str, at: usize, message: &str) -> String {
    let before = text.get(..at).unwrap_or(text);
    let row = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let line = text.split('\n').nth(row).unwrap_or_default();
    let dots = ".".repeat(column);
    format!("compilation failed: ERROR: <input>:{}:{}: {message}\n | {line}\n | {dots}^", row + 1, column + 1)
}

impl Policy {
    /// Compiles a source in which nothing is wrong; else all that is. Its messages are those that each review is denied with
    /// where the source is loaded as it is ([`Self::load`]) and errors count as violations.
    pub fn compile(source: &Source) -> Result<Self, Vec<CompileError>> {
        let (policy, errors) = Self::load(source);
        if errors.is_empty() { Ok(policy) } else { Err(errors) }
    }

    /// Compiles a source as Kubernetes does: an expression that is wrong is an error when its turn comes, and stops no other.
    pub fn load(source: &Source) -> (Self, Vec<CompileError>) {
        let mut compiler = Compiler {
            names: GIVEN.map(str::to_owned).into(),
            types: vec![Type::Dyn; 2],
            errors: Vec::new(),
        };
        // The two given ones are computed by the evaluator; nothing is ever read here.
        let mut variables: Vec<eval::Variable> =
            GIVEN.iter().map(|name| ((*name).to_owned(), Err(String::new()))).collect();
        for (index, variable) in source.variables.iter().enumerate() {
            let compiled = compiler.compile(Section::Variable, index, &variable.expression);
            variables.push((variable.name.clone(), compiled.node.clone()));
            compiler.names.push(variable.name.clone());
            compiler.types.push(compiled.given);
        }
        let match_conditions = source.match_conditions.iter().enumerate();
        let match_conditions = match_conditions
            .map(|(index, condition)| compiler.compile(Section::MatchCondition, index, &condition.expression))
            .collect();
        let mut validations = Vec::with_capacity(source.validations.len());
        for (index, validation) in source.validations.iter().enumerate() {
            validations.push(Compiled {
                condition: compiler.compile(Section::Validation, index, &validation.expression),
                message: validation.message.clone(),
                message_expression: validation
                    .message_expression
                    .as_ref()
                    .map(|text| compiler.compile(Section::MessageExpression, index, text)),
            });
        }
        let on_error = source.failure_policy;
        (Self { match_conditions, validations, variables, on_error }, compiler.errors)
    }

    /// What of the policy does not hold, in the order of the validations
    /// (`apiserver/pkg/admission/plugin/policy/validating/validator.go`).
    pub fn evaluate(&self, bindings: &Bindings<'_>, budget: &Budget) -> Result<Vec<Violation>, Error> {
        let mut machine = Machine::new(bindings, &self.variables, budget.steps);
        self.judge(&mut machine).map_err(|OutOfBudget| Error::Budget { steps: budget.steps })
    }

    fn judge(&self, machine: &mut Machine<'_>) -> Result<Vec<Violation>, OutOfBudget> {
        let fails = self.on_error == FailurePolicy::Fail;
        match self.matches(machine)? {
            Ok(true) => {}
            Err(message) if fails => return Ok(vec![Violation { message, index: None, error: true }]),
            Ok(false) | Err(_) => return Ok(Vec::new()),
        }
        let mut violations = Vec::new();
        for (index, validation) in self.validations.iter().enumerate() {
            match run(machine, &validation.condition)? {
                Ok(Val::Bool(true)) => {}
                Ok(_) => {
                    let message = message(machine, validation)?;
                    violations.push(Violation { message, index: Some(index), error: false });
                }
                Err(message) if fails => {
                    violations.push(Violation { message, index: Some(index), error: true });
                }
                Err(_) => {}
            }
        }
        Ok(violations)
    }

    /// Whether all match conditions hold. One that does not is enough, whatever fails beside it
    /// (`apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go`).
    fn matches(&self, machine: &mut Machine<'_>) -> Result<Result<bool, String>, OutOfBudget> {
        let mut errors = Vec::new();
        for condition in &self.match_conditions {
            match run(machine, condition)? {
                Ok(Val::Bool(false)) => return Ok(Ok(false)),
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
        }
        Ok(match errors.as_slice() {
            [] => Ok(true),
            [one] => Err(one.clone()),
            many => Err(format!("[{}]", many.join(", "))),
        })
    }
}

/// The budget is used up.
struct OutOfBudget;

/// What an expression gives, or the error as Kubernetes words it.
fn run(machine: &mut Machine<'_>, expression: &Expression) -> Result<Result<Val, String>, OutOfBudget> {
    let node = match &expression.node {
        Ok(node) => node,
        Err(error) => return Ok(Err(format!("compilation error: {error}"))),
    };
    match machine.run(node) {
        Ok(value) => Ok(Ok(value)),
        Err(Fault::Budget) => Err(OutOfBudget),
        Err(Fault::Error(error)) => {
            Ok(Err(format!("expression '{}' resulted in error: {error}", expression.text)))
        }
    }
}

/// What to say of a validation that does not hold.
fn message(machine: &mut Machine<'_>, validation: &Compiled) -> Result<String, OutOfBudget> {
    if let Some(expression) = &validation.message_expression
        && let Ok(Val::Text(text)) = run(machine, expression)?
    {
        let text = text.to_text();
        let text = text.trim();
        if !text.is_empty() && text.len() <= MESSAGE_BYTES_MAX && !text.contains('\n') {
            return Ok(text.to_owned());
        }
    }
    let fixed = validation.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
    Ok(match fixed {
        Some(message) => message.to_owned(),
        None => format!("failed expression: {}", validation.condition.text.trim()),
    })
}

//! CEL as the code of a template: `K8sNativeValidation` (gatekeeper `pkg/drivers/k8scel/schema/schema.go`).

use lumen_cel::{CompileError, FailurePolicy, Policy, Section, Source, Validation, Variable};
use lumen_value::Pointer;

use super::Fault;
use crate::admission::decode::{Cursor, TypeError};
use crate::admission::engine::{Cel, Engine};

/// The engine's name.
pub(super) const ENGINE: &str = "K8sNativeValidation";

/// What no name may start with: Gatekeeper keeps it for itself.
const RESERVED_PREFIX: &str = "gatekeeper_internal_";

/// Variables that Gatekeeper gives.
const RESERVED: [&str; 2] = ["params", "anyObject"];

/// Compiles a source. An expression that does not compile is no fault of the template: upstream finds it when its turn comes,
/// and then fails each review.
pub(super) fn compile(source: &Cursor<'_>) -> Result<(Engine, Vec<Fault>), Vec<Fault>> {
    let mut faults = Vec::new();
    let mut named = |list: &str, reserved: &[&str]| {
        let mut variables = Vec::new();
        for each in source.list(list)? {
            let name = each.text("name")?;
            let is_reserved = reserved.contains(&name.as_str());
            if name.starts_with(RESERVED_PREFIX) || is_reserved {
                let message = format!("`{name}` is a name that Gatekeeper keeps for itself");
                faults.push(Fault::new(each.at.child("name"), message));
            }
            variables.push(Variable { name, expression: each.text("expression")? });
        }
        Ok::<_, TypeError>(variables)
    };
    let match_conditions = named("matchCondition", &[])?;
    let variables = named("variables", &RESERVED)?;
    let failure_policy = match source.field("failurePolicy")?.map(|policy| policy.string()).transpose()? {
        None => FailurePolicy::Fail,
        Some(word) if word == "Fail" => FailurePolicy::Fail,
        Some(word) if word == "Ignore" => FailurePolicy::Ignore,
        Some(word) => {
            let message = format!("unrecognized failure policy: {word}: use `Fail` or `Ignore`");
            faults.push(Fault::new(source.at.child("failurePolicy"), message));
            FailurePolicy::Fail
        }
    };
    let mut validations = Vec::new();
    for each in source.list("validations")? {
        let optional = |name| Ok::<_, TypeError>(Some(each.text(name)?).filter(|text| !text.is_empty()));
        validations.push(Validation {
            expression: each.text("expression")?,
            message: optional("message")?,
            message_expression: optional("messageExpression")?,
            reason: optional("reason")?,
        });
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let code = Source { validations, variables, match_conditions, failure_policy };
    let (policy, errors) = Policy::load(&code);
    let warnings = errors.iter().map(|error| of_error(error, &code, &source.at).taken().usable());
    let cel = Cel { policy: policy.into(), at: source.at.clone() };
    Ok((Engine::Cel(cel), warnings.collect()))
}

/// The place of an expression that does not compile.
fn of_error(error: &CompileError, code: &Source, at: &Pointer) -> Fault {
    let (list, field) = match error.section {
        Section::Validation => ("validations", "expression"),
        Section::MessageExpression => ("validations", "messageExpression"),
        Section::Variable => ("variables", "expression"),
        Section::MatchCondition => ("matchCondition", "expression"),
    };
    let expression = match error.section {
        Section::Validation => code.validations.get(error.index).map(|each| each.expression.as_str()),
        Section::MessageExpression => {
            code.validations.get(error.index).and_then(|each| each.message_expression.as_deref())
        }
        Section::Variable => code.variables.get(error.index).map(|each| each.expression.as_str()),
        Section::MatchCondition => {
            code.match_conditions.get(error.index).map(|each| each.expression.as_str())
        }
    };
    let before = expression.and_then(|text| text.get(..error.offset)).unwrap_or_default();
    let row = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let at = at.child(list).child(error.index).child(field);
    // What follows the first line shows the text, which stands at the place shown, too.
    let message = error.message.lines().next().unwrap_or_default();
    Fault {
        inside: Some((number(row), number(column))),
        upstream: Some(error.message.clone()),
        ..Fault::new(at, message)
    }
}

//! Checks a condition against the fields: whether each is there, and can be compared so.

use std::collections::{BTreeSet, HashMap};

use super::condition::{Argument, Check, Expression, Leaf, Leaves, Operand};
use super::field::{self, FieldId};
use super::load::Code;
use super::operator::Operator;
use super::pattern::{PATTERN_BYTES_MAX, PATTERNS_BYTES_MAX};
use super::test::Test;

/// Why a condition is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The byte that is to blame, of the condition or of the macro's, lists filled in.
    pub at: usize,
    /// The macro in which it stands.
    pub in_macro: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// Something in a condition that may not be meant so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What kind of thing.
    pub code: Code,
    /// What.
    pub message: String,
}

/// Whether a message says that a field, or a type of events, is not there: what `skip-if-unknown-filter` skips a rule for.
pub(super) fn is_unknown(message: &str) -> bool {
    ["nonexistent field", "invalid formatting token", "unknown event type", "unknown filter:"]
        .into_iter()
        .any(|part| message.contains(part))
}

/// Checks conditions that are loaded together, whose regular expressions share a bound.
#[derive(Debug)]
pub(super) struct Checker {
    /// The bytes that are left for regular expressions.
    left: usize,
    /// What was found of the checks with regular expressions, by their texts.
    known: HashMap<String, Result<Vec<Warning>, String>>,
}

impl Default for Checker {
    fn default() -> Self {
        Self { left: PATTERNS_BYTES_MAX, known: HashMap::new() }
    }
}

impl Checker {
    /// Checks a condition, macros with it.
    ///
    /// # Errors
    ///
    /// Where a field is not there, or cannot be compared so.
    pub(super) fn check(&mut self, condition: &Expression) -> Result<Vec<Warning>, Refusal> {
        let mut warnings = Vec::new();
        let mut deprecated = BTreeSet::new();
        for (leaf, inside) in Leaves::of([condition]) {
            let refusal =
                |(at, message)| Refusal { at, in_macro: inside.map(|shared| shared.name.clone()), message };
            let check = match leaf {
                Leaf::Check(check) => check,
                Leaf::Name(name) => {
                    let message = format!("filter error: unexpected identifier '{}'", name.name);
                    return Err(refusal((name.at, message)));
                }
            };
            let found = if check.comparison.operator == Operator::Regex {
                self.patterns(check).map_err(|message| (check.at, message))
            } else {
                Test::compile(check).map(|(_, found)| found)
            };
            warnings.extend(found.map_err(refusal)?);
            operand_deprecated(&check.left, &mut deprecated);
        }
        warnings.extend(deprecated.into_iter().map(|name| deprecation(name, "condition")));
        Ok(warnings)
    }

    /// Checks one with regular expressions, each text once: to compile them takes time.
    fn patterns(&mut self, check: &Check) -> Result<Vec<Warning>, String> {
        let text = check.to_string();
        if let Some(known) = self.known.get(&text) {
            return known.clone();
        }
        if self.left < PATTERN_BYTES_MAX {
            return Err(format!(
                "the regular expressions of all rules may take {PATTERNS_BYTES_MAX} bytes, which those before took"
            ));
        }
        let compiled = Test::compile(check);
        let bytes = match &compiled {
            Ok((test, _)) => test.pattern_bytes(),
            Err((_, message)) if message.ends_with("too large") => PATTERN_BYTES_MAX,
            Err(_) => text.len(),
        };
        let found = if bytes <= self.left {
            compiled.map(|(_, warnings)| warnings).map_err(|(_, message)| message)
        } else {
            Err(format!("its regular expressions take {bytes} bytes, {} are left for them", self.left))
        };
        self.left = self.left.saturating_sub(bytes);
        self.known.insert(text, found.clone());
        found
    }
}

/// Checks one condition, macros with it.
///
/// # Errors
///
/// Where a field is not there, or cannot be compared so.
pub fn check(condition: &Expression) -> Result<Vec<Warning>, Refusal> {
    Checker::default().check(condition)
}

/// The deprecated fields that are named in an output, or stand in it as text.
pub fn check_output(output: &str) -> impl Iterator<Item = Warning> {
    let deprecated = field::all().filter(|field| field.is_deprecated() && output.contains(field.name));
    deprecated.map(|field| deprecation(field.name, "output"))
}

fn deprecation(name: &str, place: &str) -> Warning {
    let message = format!(
        "the {place} names `{name}`: there are no events of the start of a call any more, which it would need"
    );
    Warning { code: Code::DeprecatedItem, message }
}

/// Collects the deprecated fields of an operand.
fn operand_deprecated(operand: &Operand, deprecated: &mut BTreeSet<&'static str>) {
    match operand {
        Operand::Field(name) => {
            let known = field::find(&name.name).map(FieldId::field);
            deprecated.extend(known.filter(|field| field.is_deprecated()).map(|field| field.name));
        }
        Operand::Call(call) => {
            for argument in &call.arguments {
                argument_deprecated(argument, deprecated);
            }
        }
    }
}

fn argument_deprecated(argument: &Argument, deprecated: &mut BTreeSet<&'static str>) {
    match argument {
        Argument::Operand(operand) => operand_deprecated(operand, deprecated),
        Argument::Value(_) => {}
        Argument::List(items) => items.iter().for_each(|item| argument_deprecated(item, deprecated)),
    }
}

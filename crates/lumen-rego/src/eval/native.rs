//! Built-ins: how they are called, and those that the machine does itself.

use std::sync::Arc;

use lumen_value::{Array, Str, Value};

use super::Need;
use super::compare::holds;
use super::machine::{Machine, Step};
use crate::builtin::strings::look;
use crate::builtin::{Answer, Context, Failure, operand};
use crate::error::Code;
use crate::plan::{Callee, How, Slot};

/// Built-ins that answer the same for the same operands during an evaluation although they are random.
const DRAWN: &[&str] = &["rand.intn", "uuid.rfc4122"];

impl Machine<'_, '_> {
    /// A built-in, its operands in `arguments`, or what stands for it.
    pub(super) fn builtin(&mut self, to: Slot, builtin: u32) -> Step {
        let stand = self.context().and_then(|context| context.stand(Callee::Builtin(builtin))).cloned();
        match stand {
            Some(stand) => self.stand_in(to, &stand),
            None => self.builtin_itself(to, builtin),
        }
    }

    pub(super) fn builtin_itself(&mut self, to: Slot, builtin: u32) -> Step {
        let Some(row) = self.plan.builtins.get(builtin as usize) else { return Ok(false) };
        let operands = std::mem::take(&mut self.arguments);
        let answer = self.answer(builtin, row.how, &row.name, &operands);
        self.arguments = operands;
        self.arguments.clear();
        match answer {
            Ok(value) => {
                self.write(to, value);
                Ok(true)
            }
            Err(failure) => self.failed(&row.name, failure),
        }
    }

    fn answer(&mut self, builtin: u32, how: How, name: &Arc<str>, operands: &[Value]) -> Answer {
        match how {
            How::Function(function) => {
                let drawn = DRAWN.contains(&&**name);
                if let (true, Some(Value::String(key))) = (drawn, operands.first()) {
                    look(&mut self.budget, key.as_bytes().len())?;
                }
                if drawn && let Some(value) = self.drawn.get(&(builtin, operands.to_vec())) {
                    return Ok(value.clone());
                }
                let span = self.span();
                let state = &mut self.random;
                let mut random = || next_random(state);
                let mut context = Context {
                    budget: &mut self.budget,
                    time_ns: self.time_ns,
                    random: &mut random,
                    cache: &mut self.cache,
                    span,
                };
                let answer = function(&mut context, operands);
                if let (true, Ok(value)) = (drawn, &answer) {
                    self.drawn.insert((builtin, operands.to_vec()), value.clone());
                }
                answer
            }
            How::Comparison(comparison) => {
                let (left, right) = (operand::any(operands, 1)?, operand::any(operands, 2)?);
                let (order, parts) = left.compare_counted(right);
                self.budget.compared(parts)?;
                Ok(Value::Bool(holds(comparison, order)))
            }
            How::Host => self.ask_host(name, operands),
            How::Print => self.print(operands),
            How::Trace => {
                let note = operand::string(operands, 1)?.clone();
                let span = self.span();
                if let Some(observer) = self.observer.as_mut() {
                    observer.note(span, &note);
                }
                Ok(Value::Bool(true))
            }
            How::Template => {
                operands.iter().try_for_each(|operand| self.budget.tree(operand))?;
                template(operands)
            }
            How::Unbound => Err(Failure::Halt(format!("var requires evaluation: `{name}` has no value"))),
            How::Walk | How::Missing => Err(Failure::Halt(format!("unsupported built-in: {name}"))),
        }
    }

    fn ask_host(&mut self, name: &Arc<str>, operands: &[Value]) -> Answer {
        if &**name == "http.send" {
            request_keys(operands)?;
        }
        let Some(host) = self.host.as_mut() else {
            return Err(Failure::Builtin(format!("nothing answers `{name}` here")));
        };
        let answer = host.call(name, operands);
        if answer == Err(Failure::Pending) {
            let need = Need { name: name.clone(), operands: operands.to_vec() };
            let place = self.needs.len();
            self.needs.entry(need).or_insert(place);
        }
        answer
    }

    /// What a built-in's failure means: nothing, or the end.
    fn failed(&mut self, name: &str, failure: Failure) -> Step {
        let (code, message) = match failure {
            Failure::Undefined | Failure::Pending => return Ok(false),
            Failure::Budget => return Err(self.exhausted()),
            Failure::Halt(message) if message.starts_with("unsupported built-in") => {
                return Err(self.error(Code::EvalInternal, message));
            }
            Failure::Halt(message) => return Err(self.error(Code::EvalBuiltin, format!("{name}: {message}"))),
            Failure::Type(message) => (Code::EvalType, message),
            Failure::Builtin(message) => (Code::EvalBuiltin, message),
        };
        if !self.strict && self.observer.is_none() {
            return Ok(false);
        }
        let error = self.error(code, format!("{name}: {message}"));
        if self.strict {
            return Err(error);
        }
        if let Some(observer) = self.observer.as_mut() {
            observer.builtin_error(error.error());
        }
        Ok(false)
    }

    /// `print`: each operand is a set of what it may be; one that is empty is undefined. Every combination is a line.
    fn print(&mut self, operands: &[Value]) -> Answer {
        let Some(observer) = self.observer.take() else { return Ok(Value::Bool(true)) };
        let span = self.span();
        let fits = operands.iter().try_for_each(|operand| self.budget.tree(operand));
        let result = fits.and_then(|()| operand::array(operands, 1)).and_then(|parts| lines(parts, self));
        if let Ok(lines) = &result {
            for line in lines {
                observer.print(span, line);
            }
        }
        self.observer = Some(observer);
        result.map(|_| Value::Bool(true))
    }
}

/// What a request of `http.send` may have; the first two it must have.
const REQUEST_KEYS: &[&str] = &[
    "method",
    "url",
    "body",
    "enable_redirect",
    "force_json_decode",
    "force_yaml_decode",
    "headers",
    "raw_body",
    "tls_use_system_certs",
    "tls_ca_cert",
    "tls_ca_cert_file",
    "tls_ca_cert_env_variable",
    "tls_client_cert",
    "tls_client_cert_file",
    "tls_client_cert_env_variable",
    "tls_client_key",
    "tls_client_key_file",
    "tls_client_key_env_variable",
    "tls_insecure_skip_verify",
    "tls_server_name",
    "timeout",
    "cache",
    "force_cache",
    "force_cache_duration_seconds",
    "raise_error",
    "caching_mode",
    "max_retry_attempts",
    "cache_ignored_headers",
];

/// Refuses a request that no host could send.
fn request_keys(operands: &[Value]) -> Result<(), Failure> {
    let request = operand::object(operands, 1)?;
    let known = |key: &&Value| key.as_str().is_some_and(|key| REQUEST_KEYS.contains(&key));
    let invalid: Vec<Value> = request.iter().map(|(key, _)| key).filter(|key| !known(key)).cloned().collect();
    let missing = REQUEST_KEYS.iter().take(2).filter(|key| request.get(key).is_none());
    let missing: Vec<Value> = missing.map(|key| Value::from(*key)).collect();
    let refuse = |what: &str, keys: Vec<Value>| {
        let keys = crate::term::text(&Value::Set(keys.into()));
        Err(Failure::Type(format!("operand 1 {what} request parameters(s): {keys}")))
    };
    if !invalid.is_empty() {
        return refuse("invalid", invalid);
    }
    if missing.is_empty() { Ok(()) } else { refuse("missing required", missing) }
}

/// Most lines that one `print` writes.
const LINES_MAX: usize = 1_000;

fn lines(parts: &Array, machine: &mut Machine<'_, '_>) -> Result<Vec<String>, Failure> {
    let mut lines = vec![String::new()];
    for (part, index) in parts.iter().zip(0..) {
        let choices: Vec<String> = match part {
            Value::Set(set) if set.is_empty() => vec!["<undefined>".to_owned()],
            Value::Set(set) => set.iter().map(plain).collect(),
            other => vec![plain(other)],
        };
        let mut next = Vec::new();
        for line in &lines {
            for choice in &choices {
                machine.budget.bytes((line.len() + choice.len()) as u64)?;
                let space = if index == 0 { "" } else { " " };
                next.push(format!("{line}{space}{choice}"));
            }
        }
        next.truncate(LINES_MAX);
        lines = next;
    }
    Ok(lines)
}

/// A string as it is, any other value as Rego text.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_text().into_owned(),
        other => crate::term::whole(other),
    }
}

/// `internal.template_string`: the parts one after the other; those that are computed are sets of one value or none.
fn template(operands: &[Value]) -> Answer {
    let mut bytes = Vec::new();
    for part in operand::array(operands, 1)? {
        match part {
            Value::Set(set) if set.len() > 1 => {
                return Err(Failure::Halt("template-strings must not produce multiple outputs".to_owned()));
            }
            Value::Set(set) => match set.at(0) {
                Some(value) => append(value, &mut bytes),
                None => bytes.extend_from_slice(b"<undefined>"),
            },
            other => append(other, &mut bytes),
        }
    }
    Ok(Value::String(Str::from_bytes(&bytes)))
}

fn append(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::String(text) => bytes.extend_from_slice(text.as_bytes()),
        other => bytes.extend_from_slice(crate::term::whole(other).as_bytes()),
    }
}

/// The next number of a sequence that depends on where it started alone (splitmix64).
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

//! One check, made ready to be asked of events (`filter_compare.cpp`, `sinsp_filtercheck.cpp`).
//!
//! A field without a value makes a check false, whatever its operator.

use std::collections::HashSet;
use std::net::IpAddr;

use super::check::Warning;
use super::condition::{Check, Operand, Right};
use super::field::{self, ArgumentRule, FieldUse, Kind};
use super::load::Code;
use super::number::{self, Network};
use super::operator::{Comparison, Function, Modifier, Operator};
use super::paths::Paths;
use super::term::{Event, Refused, Term, Type};
use super::value::Value;
use super::{event_types, glob};

/// The bytes that a compiled regular expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// A check, made ready.
#[derive(Clone, Debug)]
pub(super) struct Test {
    left: Term,
    comparison: Comparison,
    wanted: Wanted,
    several: Several,
}

/// What the left side is compared with.
#[derive(Clone, Debug)]
enum Wanted {
    Anything,
    Bytes(Vec<Vec<u8>>),
    Members(HashSet<Vec<u8>>),
    Numbers(Vec<i128>),
    Bool(Vec<bool>),
    Addresses(Vec<IpAddr>),
    Networks(Vec<Network>),
    Paths(Paths),
    Regexes(Vec<regex::Regex>),
    Term(Term),
}

/// What is asked of a field with several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Several {
    /// It is a list: operators for lists decide.
    List,
    /// It has one value, or is a list of which one has to fit: the names of a process's parents.
    One,
    /// As [`Several::One`], but that all must differ where they are to differ: both ends of a connection.
    Ends,
}

impl Test {
    /// Makes a check ready; what may not be meant so.
    pub(super) fn compile(check: &Check) -> Result<(Self, Vec<Warning>), Refused> {
        let at = check.at;
        let refuse = |message: String| (at, message);
        let (left, kind) = Term::compile(&check.left)?;
        comparable(check.comparison, kind).map_err(|error| refuse(format!("filter error: {error}")))?;
        let several = several(&left, kind);
        let mut warnings = Vec::new();
        let wanted = match &check.right {
            Right::None => Wanted::Anything,
            Right::Operand(operand) => Wanted::Term(right_term(check, &left, kind, operand)?),
            Right::Value(value) => {
                warn(check.comparison, value, &mut warnings);
                wanted(check, kind, std::slice::from_ref(value)).map_err(refuse)?
            }
            Right::List(values) => {
                for value in values {
                    warn(check.comparison, value, &mut warnings);
                }
                wanted(check, kind, values).map_err(refuse)?
            }
        };
        Ok((Self { left, comparison: check.comparison, wanted, several }, warnings))
    }

    /// Whether the check holds for an event.
    pub(super) fn holds(&self, event: &impl Event) -> bool {
        let Some(left) = self.left.value(event) else { return false };
        if let Wanted::Anything = self.wanted {
            return true;
        }
        match (&left, self.several) {
            (Value::List(values), Several::List) => self.holds_for_list(values, event),
            (Value::List(values), Several::Ends) if self.comparison.operator == Operator::NotEqual => {
                !values.is_empty() && values.iter().all(|value| self.holds_for(value, event))
            }
            (Value::List(values), Several::One | Several::Ends) => {
                values.iter().any(|value| self.holds_for(value, event))
            }
            (value, _) => self.holds_for(value, event),
        }
    }

    fn holds_for_list(&self, values: &[Value<'_>], event: &impl Event) -> bool {
        match self.comparison.operator {
            Operator::In => values.iter().all(|value| self.holds_for(value, event)),
            Operator::Intersects => values.iter().any(|value| self.holds_for(value, event)),
            _ => false,
        }
    }

    /// Whether the check holds for one value.
    fn holds_for(&self, left: &Value<'_>, event: &impl Event) -> bool {
        let operator = self.comparison.operator;
        let Some(modifier) = self.comparison.modifier else {
            return self.fits_any(operator, left, event);
        };
        let mut fitting = self.fitting(operator, left, event);
        match modifier {
            Modifier::AnyOf => fitting.any(|fits| fits),
            Modifier::AllOf => {
                let mut fitting = fitting.peekable();
                fitting.peek().is_some() && fitting.all(|fits| fits)
            }
            Modifier::OneOf => fitting.filter(|fits| *fits).take(2).count() == 1,
        }
    }

    fn fits_any(&self, operator: Operator, left: &Value<'_>, event: &impl Event) -> bool {
        match (&self.wanted, left) {
            (Wanted::Members(members), Value::Bytes(bytes)) => members.contains(bytes.as_ref()),
            (Wanted::Paths(paths), Value::Bytes(bytes)) => paths.hold(bytes),
            (Wanted::Term(term), left) => match term.value(event) {
                Some(Value::List(values)) => values.iter().any(|right| same(Operator::Equal, left, right)),
                Some(right) => same(operator, left, &right),
                None => false,
            },
            _ => self.fitting(operator, left, event).any(|fits| fits),
        }
    }

    /// Whether each of the wanted values fits.
    fn fitting<'a>(
        &'a self,
        operator: Operator,
        left: &'a Value<'_>,
        event: &impl Event,
    ) -> Box<dyn Iterator<Item = bool> + 'a> {
        match (&self.wanted, left) {
            (Wanted::Bytes(values), Value::Bytes(bytes)) => {
                Box::new(values.iter().map(move |value| bytes_fit(operator, bytes, value)))
            }
            (Wanted::Regexes(regexes), Value::Bytes(bytes)) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                Box::new(regexes.iter().map(move |regex| regex.is_match(&text)))
            }
            (Wanted::Numbers(numbers), left) => match number_of(left) {
                Some(number) => {
                    Box::new(numbers.iter().map(move |wanted| ordered(operator, &number, wanted)))
                }
                None => Box::new(std::iter::empty()),
            },
            (Wanted::Bool(values), Value::Bool(own)) => {
                Box::new(values.iter().map(move |value| ordered(operator, own, value)))
            }
            (Wanted::Addresses(addresses), Value::Address(own)) => Box::new(
                addresses.iter().map(move |address| (own == address) == (operator != Operator::NotEqual)),
            ),
            (Wanted::Networks(networks), Value::Address(own)) => {
                Box::new(networks.iter().map(move |network| {
                    let holds = network.is_of_family(*own) && network.holds(*own);
                    holds == (operator != Operator::NotEqual)
                }))
            }
            (Wanted::Members(_) | Wanted::Paths(_) | Wanted::Term(_), left) => {
                Box::new(std::iter::once(self.fits_any(operator, left, event)))
            }
            _ => Box::new(std::iter::empty()),
        }
    }
}

fn number_of(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Signed(number) => Some(i128::from(*number)),
        Value::Unsigned(number) => Some(i128::from(*number)),
        _ => None,
    }
}

/// Compares two values of one type.
fn same(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Bytes(left), Value::Bytes(right)) => bytes_fit(operator, left, right),
        (Value::Bool(left), Value::Bool(right)) => ordered(operator, left, right),
        (Value::Address(left), Value::Address(right)) => (left == right) == (operator != Operator::NotEqual),
        (Value::Double(left), Value::Double(right)) => {
            left.partial_cmp(right).is_some_and(|order| fits(operator, order))
        }
        _ => match (number_of(left), number_of(right)) {
            (Some(left), Some(right)) => ordered(operator, &left, &right),
            _ => false,
        },
    }
}

fn ordered<T: Ord>(operator: Operator, left: &T, right: &T) -> bool {
    fits(operator, left.cmp(right))
}

fn fits(operator: Operator, order: std::cmp::Ordering) -> bool {
    match operator {
        Operator::Equal | Operator::DoubleEqual | Operator::In | Operator::Intersects => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        _ => false,
    }
}

/// Whether bytes hold others somewhere.
fn holds(bytes: &[u8], part: &[u8], ignores_case: bool) -> bool {
    part.is_empty()
        || bytes
            .windows(part.len())
            .any(|window| if ignores_case { window.eq_ignore_ascii_case(part) } else { window == part })
}

fn bytes_fit(operator: Operator, bytes: &[u8], value: &[u8]) -> bool {
    match operator {
        Operator::Contains | Operator::BContains => holds(bytes, value, false),
        Operator::IContains => holds(bytes, value, true),
        Operator::StartsWith | Operator::BStartsWith => bytes.starts_with(value),
        Operator::EndsWith => bytes.ends_with(value),
        Operator::Glob => glob::matches(value, bytes, false),
        Operator::IGlob => glob::matches(value, bytes, true),
        operator => ordered(operator, &bytes, &value),
    }
}

/// Fields that stand for several others, and are not lists.
const ANCESTORS: [&str; 5] = ["proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid"];
const ENDS: [&str; 4] = ["fd.ip", "fd.net", "fd.port", "fd.proto"];

fn several(left: &Term, kind: Type) -> Several {
    match left {
        Term::Field(FieldUse { id, .. }) if ENDS.contains(&id.field().name) => Several::Ends,
        Term::Field(FieldUse { id, argument: None })
            if ANCESTORS.contains(&id.field().name) || id.field().name == "proc.aenv" =>
        {
            Several::One
        }
        _ if kind.is_list => Several::List,
        _ => Several::One,
    }
}

/// Whether values of a type can be compared so; the error is the reference's.
fn comparable(comparison: Comparison, kind: Type) -> Result<(), String> {
    let operator = comparison.operator;
    if operator == Operator::Exists {
        return Ok(());
    }
    let refuse = |what: &str| Err(format!("'{}' operator not supported {what}", canonical(operator)));
    if kind.is_list {
        return match operator {
            Operator::In | Operator::Intersects => Ok(()),
            _ => refuse("list filters"),
        };
    }
    let is_equality = matches!(
        operator,
        Operator::Equal | Operator::DoubleEqual | Operator::NotEqual | Operator::In | Operator::Intersects
    );
    let is_order = matches!(
        operator,
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
    );
    match kind.kind {
        Kind::Text if matches!(operator, Operator::BContains | Operator::BStartsWith) => {
            refuse("for string filters")
        }
        Kind::Text => Ok(()),
        Kind::Bytes => match operator {
            _ if is_equality => Ok(()),
            Operator::Contains
            | Operator::StartsWith
            | Operator::EndsWith
            | Operator::BContains
            | Operator::BStartsWith => Ok(()),
            _ => refuse("for buffer filters"),
        },
        Kind::Bool | Kind::Address | Kind::Network if is_equality => Ok(()),
        Kind::Address | Kind::Network => refuse("for ip address and network filters"),
        Kind::Bool => refuse("for numeric filters"),
        _ if is_equality || is_order => Ok(()),
        _ => refuse("for numeric filters"),
    }
}

fn canonical(operator: Operator) -> &'static str {
    if operator == Operator::DoubleEqual { "=" } else { operator.as_str() }
}

/// What a check is compared with, read as the type of its left side.
fn wanted(check: &Check, kind: Type, values: &[Vec<u8>]) -> Result<Wanted, String> {
    let Comparison { operator, modifier } = check.comparison;
    if matches!(operator, Operator::BContains | Operator::BStartsWith) {
        let bytes = values.iter().map(|value| number::bytes(value)).collect::<Option<Vec<_>>>();
        let message = "filter error: bcontains and bstartswith operator support hex strings only";
        return bytes.map(Wanted::Bytes).ok_or_else(|| message.to_owned());
    }
    if values.iter().any(|value| value.contains(&0)) && kind.kind != Kind::Bytes {
        return Err("filter error: filter value cannot contain a NUL byte (\\x00)".to_owned());
    }
    let texts = || values.iter().map(|value| String::from_utf8_lossy(value));
    Ok(match kind.kind {
        Kind::Text | Kind::Bytes => return texts_wanted(check, operator, modifier, values),
        Kind::Bool => Wanted::Bool(texts().map(|text| boolean(&text)).collect::<Result<_, _>>()?),
        Kind::Address => {
            Wanted::Addresses(texts().map(|text| number::parse_address(&text)).collect::<Result<_, _>>()?)
        }
        Kind::Network => {
            Wanted::Networks(texts().map(|text| Network::parse(&text)).collect::<Result<_, _>>()?)
        }
        Kind::Port => Wanted::Numbers(texts().map(|text| port(&text)).collect::<Result<_, _>>()?),
        kind => {
            Wanted::Numbers(values.iter().map(|value| number::parse(value, kind)).collect::<Result<_, _>>()?)
        }
    })
}

fn texts_wanted(
    check: &Check,
    operator: Operator,
    modifier: Option<Modifier>,
    values: &[Vec<u8>],
) -> Result<Wanted, String> {
    if let Operand::Field(name) = &check.left
        && name.name == "evt.type"
        && let Some(unknown) = values.iter().find(|value| event_types::find(value).is_none())
    {
        return Err(format!("unknown event type {}", String::from_utf8_lossy(unknown)));
    }
    Ok(match operator {
        Operator::In | Operator::Intersects if modifier.is_none() => {
            Wanted::Members(values.iter().cloned().collect())
        }
        Operator::PathMatch => {
            let mut paths = Paths::default();
            for value in values {
                paths.insert(value);
            }
            Wanted::Paths(paths)
        }
        Operator::Regex => {
            let regexes = values.iter().map(|value| regex(&String::from_utf8_lossy(value)));
            Wanted::Regexes(regexes.collect::<Result<_, _>>()?)
        }
        _ => Wanted::Bytes(values.to_vec()),
    })
}

/// A regular expression of the whole text, in RE2's syntax.
fn regex(pattern: &str) -> Result<regex::Regex, String> {
    let invalid = |error: String| format!("invalid regex pattern: {error}");
    // By itself first, so that no bracket of it closes those around it.
    lumen_regex::compile(pattern, REGEX_BYTES_MAX).map_err(invalid)?;
    lumen_regex::compile(&format!("^(?:{pattern})$"), REGEX_BYTES_MAX).map_err(invalid)
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("filter error: unrecognized boolean value {other}")),
    }
}

fn port(text: &str) -> Result<i128, String> {
    if text.is_empty() {
        return Ok(0);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number::parse(text.as_bytes(), Kind::Port);
    }
    number::service(text).map(i128::from).ok_or_else(|| format!("unrecognized protocol {text}"))
}

/// Another field to the right.
fn right_term(check: &Check, left: &Term, kind: Type, operand: &Operand) -> Result<Term, Refused> {
    let refuse = |message: String| Err((check.at, message));
    let (right, right_kind) = Term::compile(operand)?;
    if matches!(check.comparison.operator, Operator::PathMatch | Operator::Regex) {
        let operator = check.comparison.operator.as_str().to_ascii_uppercase();
        return refuse(format!("operator '{operator}' doesn't support right-hand side fields"));
    }
    if kind.kind == Kind::Network {
        return refuse("field type 'IPNET' doesn't support right-hand side fields".to_owned());
    }
    if let Term::Field(used) = left
        && !used.id.field().compares_with_fields()
    {
        return refuse(format!("field '{}' doesn't support right-hand side fields", used.id.field().name));
    }
    if let Term::Field(used) = &right
        && !used.id.field().compares_with_fields()
    {
        return refuse(format!("field '{}' can't be used as a right-hand side field", used.id.field().name));
    }
    if class(kind.kind) != class(right_kind.kind) {
        return refuse("the fields to both sides of the operator are of different types".to_owned());
    }
    Ok(right)
}

/// Types that are compared with each other.
fn class(kind: Kind) -> Kind {
    match kind {
        Kind::AbsoluteTime | Kind::RelativeTime => Kind::Uint64,
        other => other,
    }
}

/// Notes a value that looks as if it were meant to be something else.
fn warn(comparison: Comparison, value: &[u8], warnings: &mut Vec<Warning>) {
    let text = String::from_utf8_lossy(value);
    let dense: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    let mut note = |message: String| warnings.push(Warning { code: Code::CompileConditionWarning, message });
    if comparison.operator == Operator::Regex && is_plain(&text) {
        note(format!(
            "regex check with '{text}' may be optimized with simpler operators such as '=', 'contains', 'startswith', 'endswith'"
        ));
    }
    if is_field(&dense) {
        note(format!("'{text}' may be a valid field misused as a const string value"));
    }
    let functions = [Function::Val].into_iter().chain(super::operator::FUNCTIONS);
    let is_call = |name: &str| {
        dense
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('(') && rest.ends_with(')') && rest.len() >= 2)
    };
    for _ in functions.filter(|function| is_call(function.as_str())) {
        note(format!("'{text}' may be a valid field transformer misused as a const string value"));
    }
}

/// Whether a text is the name of a field.
fn is_field(text: &str) -> bool {
    let (name, argument) = match text.split_once('[') {
        None => (text, None),
        Some((name, rest)) => match rest.strip_suffix(']') {
            Some(argument) => (name, Some(argument)),
            None => return false,
        },
    };
    match field::find(name) {
        Some(id) => match id.field().argument {
            ArgumentRule::None => argument.is_none(),
            ArgumentRule::Required => argument.is_some(),
            ArgumentRule::Index | ArgumentRule::Key => true,
        },
        None => false,
    }
}

/// Whether a regular expression says nothing that a simpler operator could not.
fn is_plain(pattern: &str) -> bool {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = pattern.strip_suffix('$').unwrap_or(pattern);
    let any = [".*", ".+", ".?"];
    let pattern = any.into_iter().find_map(|any| pattern.strip_prefix(any)).unwrap_or(pattern);
    let pattern = any.into_iter().find_map(|any| pattern.strip_suffix(any)).unwrap_or(pattern);
    !pattern.contains(['.', '+', '*', '?', '^', '$', '(', ')', '[', ']', '{', '}', '|', '\\'])
}

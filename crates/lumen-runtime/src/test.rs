//! One check, made ready to be asked of events (`filter_compare.cpp`, `sinsp_filtercheck.cpp`).
//!
//! A field without a value makes a check false, whatever its operator.

use std::collections::HashSet;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use memchr::memmem;

use super::check::Warning;
use super::condition::{Argument, Check, Operand, Right};
use super::event_types;
use super::field::{self, ArgumentRule, Basis, FieldUse, Kind};
use super::glob::Glob;
use super::load::Code;
use super::number::{self, Network};
use super::operator::{Comparison, Function, Modifier, Operator};
use super::paths::Paths;
use super::pattern::Pattern;
use super::term::{Event, Refused, Term, Type};
use super::value::Value;

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
    /// What is to be found somewhere.
    Parts(Vec<memmem::Finder<'static>>),
    Members(HashSet<Vec<u8>, FixedState>),
    Numbers(Vec<i128>),
    Bool(Vec<bool>),
    Addresses(Vec<IpAddr>),
    Networks(Vec<Network>),
    Paths(Paths),
    Globs(Vec<Glob>),
    Patterns(Vec<Pattern>),
    Term(Term),
}

/// What a check asks of one value of its left side.
#[derive(Clone, Debug)]
pub(super) enum Asks<'t> {
    /// That there is one.
    Anything,
    /// Whether it is one of these texts.
    Texts(Vec<&'t Vec<u8>>),
    /// Whether it begins with one of these.
    Beginnings(&'t [Vec<u8>]),
    /// How it stands to these numbers.
    Numbers(&'t [i128]),
    /// Whether it is so.
    Flag,
    /// Whether it is one of these addresses.
    Addresses(&'t [IpAddr]),
    /// Something else that the value alone decides.
    Value,
    /// Something that another field decides with it.
    Event,
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
        if let Term::Field(used) = &left
            && used.kind().is_none()
            && check.comparison.operator != Operator::Exists
        {
            let operator = canonical(check.comparison.operator);
            return Err(refuse(format!(
                "filter error: '{operator}' operator not supported for the type of '{}'",
                check.left
            )));
        }
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

    /// The bytes that its regular expressions take at most.
    pub(super) fn pattern_bytes(&self) -> usize {
        match &self.wanted {
            Wanted::Patterns(patterns) => patterns.iter().map(|pattern| pattern.bytes).sum(),
            _ => 0,
        }
    }

    /// What is compared.
    pub(super) fn left(&self) -> &Term {
        &self.left
    }

    /// What it follows from whether it holds.
    pub(super) fn basis(&self) -> Option<Basis> {
        let right = match &self.wanted {
            Wanted::Term(right) => right.basis(),
            _ => None,
        };
        Basis::of_several([self.left().basis(), right])
    }

    /// What it asks, as far as values can be put in classes by it.
    pub(super) fn asks(&self) -> Asks<'_> {
        let operator = self.comparison.operator;
        match &self.wanted {
            Wanted::Anything => Asks::Anything,
            Wanted::Members(members) => Asks::Texts(members.iter().collect()),
            Wanted::Bytes(values) if matches!(operator, Operator::StartsWith | Operator::BStartsWith) => {
                Asks::Beginnings(values)
            }
            Wanted::Bytes(values) if is_equality(operator) => Asks::Texts(values.iter().collect()),
            Wanted::Numbers(numbers) => Asks::Numbers(numbers),
            Wanted::Bool(_) => Asks::Flag,
            Wanted::Addresses(addresses) => Asks::Addresses(addresses),
            Wanted::Term(_) => Asks::Event,
            Wanted::Bytes(_)
            | Wanted::Parts(_)
            | Wanted::Networks(_)
            | Wanted::Paths(_)
            | Wanted::Globs(_)
            | Wanted::Patterns(_) => Asks::Value,
        }
    }

    /// Texts of which one is in every text of which the check holds, whatever the case of ASCII letters; none where there
    /// are no such.
    pub(super) fn literals(&self) -> Vec<&[u8]> {
        let operator = self.comparison.operator;
        match &self.wanted {
            Wanted::Parts(finders) => finders.iter().map(memmem::Finder::needle).collect(),
            Wanted::Bytes(values) => match operator {
                Operator::IContains | Operator::EndsWith => values.iter().map(Vec::as_slice).collect(),
                _ => Vec::new(),
            },
            Wanted::Globs(globs) => globs.iter().map(Glob::literal).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the check holds for an event.
    pub(super) fn holds(&self, event: &impl Event) -> bool {
        self.left.value(event).is_some_and(|left| self.holds_of(&left, event))
    }

    /// Whether the check holds for an event in which its left side has a value.
    pub(super) fn holds_of(&self, left: &Value<'_>, event: &impl Event) -> bool {
        if let Wanted::Anything = self.wanted {
            return true;
        }
        match (left, self.several) {
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
        let Comparison { operator, modifier } = self.comparison;
        match (&self.wanted, left) {
            (Wanted::Members(members), Value::Bytes(bytes)) => {
                judge(modifier, std::iter::once(members.contains(bytes.as_ref())))
            }
            (Wanted::Bytes(values), Value::Bytes(bytes)) => {
                judge(modifier, values.iter().map(|value| bytes_fit(operator, bytes, value)))
            }
            (Wanted::Parts(finders), Value::Bytes(bytes)) => {
                judge(modifier, finders.iter().map(|finder| finder.find(bytes).is_some()))
            }
            (Wanted::Paths(paths), Value::Bytes(bytes)) => {
                judge(modifier, std::iter::once(paths.hold(bytes)))
            }
            (Wanted::Globs(globs), Value::Bytes(bytes)) => {
                judge(modifier, globs.iter().map(|glob| glob.matches(bytes)))
            }
            (Wanted::Patterns(patterns), Value::Bytes(bytes)) => {
                let text = String::from_utf8_lossy(bytes);
                judge(modifier, patterns.iter().map(|pattern| pattern.matches(&text)))
            }
            (Wanted::Numbers(numbers), left) => number_of(left).is_some_and(|number| {
                judge(modifier, numbers.iter().map(|wanted| ordered(operator, &number, wanted)))
            }),
            (Wanted::Bool(values), Value::Bool(own)) => {
                judge(modifier, values.iter().map(|value| ordered(operator, own, value)))
            }
            (Wanted::Addresses(addresses), Value::Address(own)) => {
                let fits = |address| (own == address) == (operator != Operator::NotEqual);
                judge(modifier, addresses.iter().map(fits))
            }
            (Wanted::Networks(networks), Value::Address(own)) => {
                let holds = |network: &Network| network.is_of_family(*own) && network.holds(*own);
                let fits = |network| holds(network) == (operator != Operator::NotEqual);
                judge(modifier, networks.iter().map(fits))
            }
            (Wanted::Term(term), left) => {
                let fits = match term.value(event) {
                    Some(Value::List(values)) => {
                        values.iter().any(|right| same(Operator::Equal, left, right))
                    }
                    Some(right) => same(operator, left, &right),
                    None => false,
                };
                judge(modifier, std::iter::once(fits))
            }
            _ => false,
        }
    }
}

/// Whether as many fit as a modifier asks for; one at least where there is none.
fn judge(modifier: Option<Modifier>, mut fitting: impl Iterator<Item = bool>) -> bool {
    match modifier {
        None | Some(Modifier::AnyOf) => fitting.any(|fits| fits),
        Some(Modifier::AllOf) => fitting.next().is_some_and(|first| first && fitting.all(|fits| fits)),
        Some(Modifier::OneOf) => fitting.filter(|fits| *fits).take(2).count() == 1,
    }
}

pub(super) fn number_of(value: &Value<'_>) -> Option<i128> {
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

fn is_equality(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Equal | Operator::DoubleEqual | Operator::NotEqual | Operator::In | Operator::Intersects
    )
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

/// Above this product of lengths, bytes are folded and searched in linear time.
const FOLD_STEPS_MIN: usize = 1 << 14;

/// Whether bytes hold others somewhere, whatever the case of ASCII letters.
fn holds_folded(bytes: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    if bytes.len().saturating_mul(part.len()) > FOLD_STEPS_MIN {
        return memmem::find(&bytes.to_ascii_lowercase(), &part.to_ascii_lowercase()).is_some();
    }
    let places = memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), bytes);
    places
        .filter_map(|place| bytes.get(place..place + part.len()))
        .any(|window| window.eq_ignore_ascii_case(part))
}

fn bytes_fit(operator: Operator, bytes: &[u8], value: &[u8]) -> bool {
    match operator {
        // Compared with what a field says; what stands in a rule has its finder.
        Operator::Contains | Operator::BContains => memmem::find(bytes, value).is_some(),
        Operator::IContains => holds_folded(bytes, value),
        Operator::StartsWith | Operator::BStartsWith => bytes.starts_with(value),
        Operator::EndsWith => bytes.ends_with(value),
        // A field is the pattern; what stands in a rule was made ready. Nothing is of one that is too long.
        Operator::Glob => Glob::compile(value, false).is_ok_and(|glob| glob.matches(bytes)),
        Operator::IGlob => Glob::compile(value, true).is_ok_and(|glob| glob.matches(bytes)),
        operator => ordered(operator, &bytes, &value),
    }
}

fn several(left: &Term, kind: Type) -> Several {
    match left {
        Term::Field(FieldUse { id, .. }) if field::ENDS.contains(&id.field().name) => Several::Ends,
        Term::Field(used) if used.is_several() => Several::One,
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
    let is_equality = is_equality(operator);
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
        let bytes = bytes.ok_or_else(|| message.to_owned())?;
        return Ok(if operator == Operator::BContains { parts(&bytes) } else { Wanted::Bytes(bytes) });
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
        Kind::Port => Wanted::Numbers(texts().map(|text| parse_port(&text)).collect::<Result<_, _>>()?),
        kind => {
            Wanted::Numbers(values.iter().map(|value| number::parse(value, kind)).collect::<Result<_, _>>()?)
        }
    })
}

/// How the message begins that a type of events is not there; its name follows.
pub(super) const UNKNOWN_EVENT_TYPE: &str = "unknown event type ";

/// Whether a text is made of the type of the event, by functions or as it is.
fn is_event_type(operand: &Operand) -> bool {
    match operand {
        Operand::Field(name) => name.name == "evt.type",
        Operand::Call(call) => {
            matches!(call.arguments.as_slice(), [Argument::Operand(inner)] if is_event_type(inner))
        }
    }
}

fn texts_wanted(
    check: &Check,
    operator: Operator,
    modifier: Option<Modifier>,
    values: &[Vec<u8>],
) -> Result<Wanted, String> {
    if is_event_type(&check.left)
        && let Some(unknown) =
            values.iter().find(|value| !value.is_empty() && event_types::find(value).is_none())
    {
        return Err(format!("{UNKNOWN_EVENT_TYPE}{}", String::from_utf8_lossy(unknown)));
    }
    Ok(match operator {
        Operator::In | Operator::Intersects if modifier.is_none() => {
            Wanted::Members(values.iter().cloned().collect())
        }
        Operator::PathMatch => {
            let mut paths = Paths::default();
            for value in values {
                paths.insert(value)?;
            }
            Wanted::Paths(paths)
        }
        Operator::Glob | Operator::IGlob => {
            let globs = values.iter().map(|value| Glob::compile(value, operator == Operator::IGlob));
            Wanted::Globs(globs.collect::<Result<_, _>>()?)
        }
        Operator::Regex => Wanted::Patterns(Pattern::compile_all(values)?),
        Operator::Contains => parts(values),
        _ => Wanted::Bytes(values.to_vec()),
    })
}

fn parts(values: &[Vec<u8>]) -> Wanted {
    Wanted::Parts(values.iter().map(|value| memmem::Finder::new(value).into_owned()).collect())
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("filter error: unrecognized boolean value {other}")),
    }
}

/// Reads a port, or the name of a service.
pub(super) fn parse_port(text: &str) -> Result<i128, String> {
    if text.is_empty() {
        return Ok(0);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse::<i128>().ok().filter(|number| *number <= i32::MAX.into()).ok_or("stoi")?;
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
    if kind != right_kind {
        return refuse("the fields to both sides of the operator are of different types".to_owned());
    }
    Ok(right)
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

//! Rules, what is wrong with them, and the fields that they name, as JSON: schemas `lumen.rule/v1`, `lumen.rules-problem/v1`
//! and `lumen.field/v1`. Each is a line. What is absent is left out.

use std::collections::BTreeMap;
use std::io::{self, Write};

use lumen_runtime::condition::{ByName, written_out};
use lumen_runtime::event_types;
use lumen_runtime::explain::{Part, Why};
use lumen_runtime::field::{self, ArgumentRule};
use lumen_runtime::load::{self, PRIORITIES, Rule};
use lumen_runtime::necessary::Necessary;
use schemars::JsonSchema;
use serde::Serialize;

/// The value of `schema` in a rule.
pub const RULE_SCHEMA: &str = "lumen.rule/v1";
/// The value of `schema` in something that is wrong.
pub const PROBLEM_SCHEMA: &str = "lumen.rules-problem/v1";
/// The value of `schema` in a field.
pub const FIELD_SCHEMA: &str = "lumen.field/v1";

/// Most parts of an answer: macros stand in it wherever they are named.
const PARTS_MAX: usize = 10_000;

/// Writes a document, and ends the line.
///
/// # Errors
///
/// Where `out` cannot be written.
pub fn write(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    out.write_all(b"\n")
}

/// A rule, as it was loaded.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.rule/v1", deny_unknown_fields)]
pub struct RuleDocument<'a> {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = RULE_SCHEMA))]
    schema: &'static str,
    /// Its name.
    name: &'a str,
    /// What it is about.
    description: &'a str,
    /// How bad what it finds is, the worst first.
    #[schemars(extend("enum" = PRIORITIES.map(|(_, word)| word)))]
    priority: &'static str,
    /// The source of its events.
    source: &'a str,
    /// Whether it is switched on.
    enabled: bool,
    /// Its tags, sorted.
    tags: Vec<&'a str>,
    /// The types of events that it looks at.
    events: Vec<&'static str>,
    /// Its condition, with lists and macros written out; ` ..` stands for what would be too long.
    condition: String,
    /// Its output.
    output: &'a str,
    /// Its condition with macros by their names, with `lumen rules explain`, as all that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    by_name: Option<String>,
    /// The fields that its output shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    fields: Option<Vec<String>>,
    /// What a filter in the kernel can ask of events before the rule is asked: an event of a type that is not there never meets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Passing>")]
    kernel: Option<Vec<Passing>>,
    /// The file in which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    line: Option<usize>,
    /// What it says of the events of `--event`, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Answer<'a>>,
}

/// Events that a filter in the kernel has to pass on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Passing {
    /// Their types.
    events: Vec<&'static str>,
    /// What holds for each of them that the rule matches, and for few others; absent where every event has to be passed on.
    /// ` ..` stands for what would be too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    condition: Option<String>,
}

/// What a rule says of an event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Answer<'a> {
    /// The type of the event.
    #[serde(rename = "type")]
    event_type: &'a str,
    /// Whether the rule matches it.
    matches: bool,
    /// Why.
    why: Reason<'a>,
}

/// What came of a part of a condition. Beside `holds` it has what the part is: `all`, `any`, `not`, `macro` with `body`, or
/// `check` with `values`; none of them where an answer would be too long.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Why", deny_unknown_fields)]
struct Reason<'a> {
    /// Whether it holds.
    holds: bool,
    /// All of these must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Reason<'a>>")]
    all: Option<Vec<Self>>,
    /// One of these must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Reason<'a>>")]
    any: Option<Vec<Self>>,
    /// This must not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Reason<'a>")]
    not: Option<Box<Self>>,
    /// A macro, by its name.
    #[serde(rename = "macro", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    named: Option<&'a str>,
    /// What came of what the macro stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Reason<'a>")]
    body: Option<Box<Self>>,
    /// A question about the event; long lists are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    check: Option<&'a str>,
    /// The fields that the question looks at, and what they are as they are printed; `null` for no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<&'a str, Option<&'a str>>")]
    values: Option<BTreeMap<&'a str, Option<&'a str>>>,
}

impl<'a> RuleDocument<'a> {
    /// A rule, as lists have it.
    pub fn listed(rule: &'a Rule) -> Self {
        Self {
            schema: RULE_SCHEMA,
            name: &rule.name,
            description: &rule.description,
            priority: rule.priority.as_str(),
            source: &rule.source,
            enabled: rule.is_enabled,
            tags: rule.tags.iter().map(String::as_str).collect(),
            events: event_types::of(&rule.condition).names().collect(),
            condition: written_out(&rule.condition),
            output: &rule.output,
            by_name: None,
            fields: None,
            kernel: None,
            file: None,
            line: None,
            answers: Vec::new(),
        }
    }

    /// A rule with the fields that it shows, what a kernel can ask, its file and line, and what it says of events.
    pub fn explained(
        rule: &'a Rule,
        fields: Vec<String>,
        place: Option<(&str, usize)>,
        answers: Vec<Answer<'a>>,
    ) -> Self {
        Self {
            by_name: Some(ByName(&rule.condition).to_string()),
            fields: Some(fields),
            kernel: Some(passing(rule)),
            file: place.map(|(file, _)| file.to_owned()),
            line: place.map(|(_, line)| line),
            answers,
            ..Self::listed(rule)
        }
    }
}

/// What a filter in the kernel can ask for a rule alone, as if it were switched on.
pub fn kernel_filter(rule: &Rule) -> Necessary {
    Necessary::compile(&[Rule { is_enabled: true, ..rule.clone() }])
}

/// The names of types of events, by their places.
pub fn names(places: &[usize]) -> impl Iterator<Item = &'static str> {
    places.iter().filter_map(|place| event_types::NAMES.get(*place).copied())
}

fn passing(rule: &Rule) -> Vec<Passing> {
    let necessary = kernel_filter(rule);
    let passing = necessary.by_condition().into_iter().map(|(places, condition)| Passing {
        events: names(&places).collect(),
        condition: condition.expression().map(|asked| written_out(&asked)),
    });
    passing.collect()
}

impl<'a> Answer<'a> {
    /// What a rule says of an event of a type.
    pub fn new(event_type: &'a str, why: &'a Why) -> Self {
        Self { event_type, matches: why.holds, why: Reason::of(why, &mut PARTS_MAX.clone()) }
    }
}

impl<'a> Reason<'a> {
    /// What is deeper than `left` parts allow is left out.
    fn of(why: &'a Why, left: &mut usize) -> Self {
        let reason = Self { holds: why.holds, ..Self::default() };
        if *left == 0 {
            return reason;
        }
        *left -= 1;
        let mut several = |children: &'a [Why]| children.iter().map(|child| Self::of(child, left)).collect();
        match &why.part {
            Part::All(children) => Self { all: Some(several(children)), ..reason },
            Part::Any(children) => Self { any: Some(several(children)), ..reason },
            Part::Not(child) => Self { not: Some(Box::new(Self::of(child, left))), ..reason },
            Part::Macro(named) => {
                let body = Some(Box::new(Self::of(&named.body, left)));
                Self { named: Some(&named.name), body, ..reason }
            }
            Part::Check(check) => {
                let values = check.values.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
                Self { check: Some(&check.text), values: Some(values.collect()), ..reason }
            }
        }
    }
}

/// Something that is wrong with rules.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.rules-problem/v1", deny_unknown_fields)]
pub struct ProblemDocument<'a> {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = PROBLEM_SCHEMA))]
    schema: &'static str,
    /// Falco's code, such as `LOAD_ERR_COMPILE_CONDITION`, or one of Lumen's own in the same form.
    code: &'static str,
    /// An error leaves out what it is about.
    #[schemars(extend("enum" = ["error", "warning"]))]
    severity: &'static str,
    /// What is wrong, in a sentence.
    message: &'a str,
    /// The file.
    file: &'a str,
    /// The line, from 1.
    line: usize,
    /// The column in characters, from 1.
    column: usize,
    /// The name of the rule, macro or list that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    item: Option<&'a str>,
    /// What would mend it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    hint: Option<&'a str>,
}

impl<'a> ProblemDocument<'a> {
    /// What is wrong, in a file at a line and a column, and what would mend it.
    pub fn new(
        problem: &'a load::Problem,
        file: &'a str,
        (line, column): (usize, usize),
        hint: Option<&'a str>,
    ) -> Self {
        Self {
            schema: PROBLEM_SCHEMA,
            code: problem.code.as_str(),
            severity: if problem.code.is_error() { "error" } else { "warning" },
            message: &problem.message,
            file,
            line,
            column,
            item: problem.item.as_deref(),
            hint,
        }
    }
}

/// A field that conditions and outputs may name.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.field/v1", deny_unknown_fields)]
pub struct FieldDocument {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = FIELD_SCHEMA))]
    schema: &'static str,
    /// Its name.
    name: &'static str,
    /// What its values are.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = type_words()))]
    kind: &'static str,
    /// What may stand in brackets behind the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'static str", extend("enum" = ["number", "name"]))]
    argument: Option<&'static str>,
    /// Whether that must stand there.
    argument_required: bool,
    /// Whether it has several values.
    list: bool,
    /// What it says.
    description: &'static str,
}

impl FieldDocument {
    /// A field.
    pub fn new(field: &field::Field) -> Self {
        let argument = match field.argument {
            ArgumentRule::None => None,
            ArgumentRule::Index => Some("number"),
            ArgumentRule::Key | ArgumentRule::Required => Some("name"),
        };
        Self {
            schema: FIELD_SCHEMA,
            name: field.name,
            kind: field.kind.word(),
            argument,
            argument_required: field.argument == ArgumentRule::Required,
            list: field.is_list(),
            description: field.says,
        }
    }
}

/// The words of all types that fields have.
fn type_words() -> Vec<&'static str> {
    let mut words: Vec<_> = field::all().map(|field| field.kind.word()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

//! Exceptions of rules, which become a part of the condition (`build_rule_exception_infos` in
//! `rule_loader_compiler.cpp`).

use std::collections::BTreeSet;

use super::list::quoted;
use super::pieces::Pieces;
use super::problem::{Code, Fault, Spot};
use super::suggest::Among;
use crate::field;
use crate::operator::Comparison;

/// When a rule does not match although its condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) name: String,
    /// The fields that are compared; `None` where values are added to an exception that is there.
    pub(super) fields: Option<Entry>,
    /// How each is compared.
    pub(super) comparisons: Option<Entry>,
    pub(super) values: Vec<(Entry, Spot)>,
    pub(super) spot: Spot,
}

/// A text, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Text(String),
    List(Vec<Entry>),
}

impl Entry {
    /// Its text; empty for a list.
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::List(_) => "",
        }
    }

    fn items(&self) -> &[Entry] {
        match self {
            Self::Text(_) => &[],
            Self::List(items) => items,
        }
    }
}

impl Exception {
    /// Fills in how fields are compared where that is not said, and checks both.
    pub(super) fn complete(&mut self) -> Result<(), Fault> {
        let fault = |message: &str| self.spot.fault(Code::Validate, message);
        let Some(fields) = &self.fields else { return Ok(()) };
        if let Entry::Text(field) = fields {
            let comparison = match &self.comparisons {
                None => "in".to_owned(),
                Some(Entry::Text(text)) => text.trim_matches([' ', '\t', '\r', '\n']).to_owned(),
                Some(Entry::List(_)) => return Err(fault("Fields and comps must both be strings")),
            };
            let is_for_lists = Comparison::parse(&comparison).is_some_and(Comparison::takes_list);
            if !is_for_lists {
                return Err(fault(
                    "When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator (e.g. startswith oneof)",
                ));
            }
            self.check_field(field)?;
            self.comparisons = Some(Entry::Text(comparison));
            return Ok(());
        }
        let comparisons: Vec<String> = match &self.comparisons {
            None => fields.items().iter().map(|_| "=".to_owned()).collect(),
            Some(given) => given
                .items()
                .iter()
                .map(|item| item.text().trim_matches([' ', '\t', '\r', '\n']).to_owned())
                .collect(),
        };
        if comparisons.len() != fields.items().len() {
            return Err(fault("Fields and comps lists must have equal length"));
        }
        for comparison in &comparisons {
            if Comparison::parse(comparison).is_none() {
                return Err(fault(&format!("'{comparison}' is not a supported comparison operator")));
            }
        }
        for field in fields.items() {
            self.check_field(field.text())?;
        }
        self.comparisons = Some(Entry::List(comparisons.into_iter().map(Entry::Text).collect()));
        Ok(())
    }

    fn check_field(&self, name: &str) -> Result<(), Fault> {
        if field::is_operand(name) {
            return Ok(());
        }
        let message = format!("'{name}' is not a supported filter field");
        Err(self.spot.fault(Code::Validate, message).absent(name, Among::Fields))
    }
}

/// Adds an exception to those of a rule: a new one, or values to one that is there.
pub(super) fn merge(exceptions: &mut Vec<Exception>, mut added: Exception) -> Result<(), Fault> {
    let fault = |message: &str| Err(added.spot.fault(Code::Validate, message));
    match exceptions.iter_mut().find(|before| before.name == added.name) {
        None if added.fields.is_none() => {
            fault("Rule exception must have fields property with a list of fields")
        }
        None if added.values.is_empty() => {
            fault("Rule exception must have values property with a list of values")
        }
        None => {
            added.complete()?;
            exceptions.push(added);
            Ok(())
        }
        Some(_) if added.fields.is_some() => {
            fault("Can not append exception fields to existing exception, only values")
        }
        Some(_) if added.comparisons.is_some() => {
            fault("Can not append exception comps to existing exception, only values")
        }
        Some(before) => {
            before.values.append(&mut added.values);
            Ok(())
        }
    }
}

/// A condition with a rule's exceptions, and the fields that they look at.
pub(super) fn apply(
    condition: &Pieces,
    exceptions: &[Exception],
) -> Result<(Pieces, BTreeSet<String>), Fault> {
    let mut fields = BTreeSet::new();
    if exceptions.is_empty() {
        return Ok((condition.clone(), fields));
    }
    let mut all = Pieces::default();
    all.push("(", None);
    all.extend(condition);
    all.push(")", None);
    for exception in exceptions {
        let text = match &exception.fields {
            Some(Entry::Text(field)) => single(exception, field, &mut fields)?,
            Some(Entry::List(names)) => several(exception, names, &mut fields)?,
            None => Pieces::default(),
        };
        if !text.text().is_empty() {
            all.push(" and not ", None);
            all.extend(&text);
        }
    }
    Ok((all, fields))
}

/// An exception about one field: a list of all values.
fn single(exception: &Exception, field: &str, fields: &mut BTreeSet<String>) -> Result<Pieces, Fault> {
    let mut text = Pieces::default();
    let comparison = exception.comparisons.as_ref().map_or("", Entry::text);
    for (value, spot) in &exception.values {
        let Entry::Text(value) = value else {
            let message = "Expected values array to contain a list of strings";
            return Err(exception.spot.fault(Code::Validate, message));
        };
        if text.text().is_empty() {
            text.push(&format!("({field} {comparison} ("), Some(exception.spot.clone()));
            fields.insert(field.to_owned());
        } else {
            text.push(", ", None);
        }
        text.push(&quoted(value), Some(spot.clone()));
    }
    if !text.text().is_empty() {
        text.push("))", None);
    }
    Ok(text)
}

/// An exception about several fields: one of the rows of values.
fn several(exception: &Exception, names: &[Entry], fields: &mut BTreeSet<String>) -> Result<Pieces, Fault> {
    let mut text = Pieces::default();
    let comparisons = exception.comparisons.as_ref().map_or(&[][..], Entry::items);
    for (row, spot) in &exception.values {
        if row.items().len() != names.len() {
            return Err(exception
                .spot
                .fault(Code::Validate, "Fields and values lists must have equal length"));
        }
        text.push(if text.text().is_empty() { "((" } else { " or (" }, Some(spot.clone()));
        for (position, ((name, comparison), value)) in
            names.iter().zip(comparisons).zip(row.items()).enumerate()
        {
            if position > 0 {
                text.push(" and ", None);
            }
            let (name, comparison) = (name.text(), comparison.text());
            text.push(&format!(" {name} {comparison} {}", written(value, comparison)), None);
            fields.insert(name.to_owned());
        }
        text.push(")", None);
    }
    if !text.text().is_empty() {
        text.push(")", None);
    }
    Ok(text)
}

/// A value as it stands in a condition.
fn written(value: &Entry, comparison: &str) -> String {
    let takes_list = Comparison::parse(comparison).is_some_and(Comparison::takes_list);
    match value {
        Entry::List(items) => {
            let items: Vec<_> = items.iter().map(|item| quoted(item.text())).collect();
            format!("({})", items.join(", "))
        }
        Entry::Text(text) if takes_list && !text.starts_with('(') => format!("({text})"),
        Entry::Text(text) if takes_list => text.clone(),
        Entry::Text(text) => quoted(text).into_owned(),
    }
}

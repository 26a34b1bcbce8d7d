//! Reads `metav1.LabelSelector` (`k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go`, `LabelSelectorAsSelector`).

use lumen_value::{Pointer, Str, Value};

use super::{Operator, Requirement, Selector, SelectorError};

/// Which names the fields of a `LabelSelector` may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldNames {
    /// Exactly their own, as in everything that the API server decodes.
    Exact,
    /// Their own in any case, as Go's `encoding/json` takes them: where a program decodes a selector that the server
    /// stored unread, as Gatekeeper does with the `match` of a constraint.
    AnyCase,
}

pub(super) fn decode(value: &Value, names: FieldNames) -> Result<Selector, SelectorError> {
    if value.is_null() {
        return Ok(Selector::nothing());
    }
    let [match_labels, match_expressions] =
        fields(value, ["matchLabels", "matchExpressions"], names, &Pointer::ROOT)?;
    let mut requirements = Vec::new();
    for (key, value) in match_labels {
        requirements.extend(labels(value, &Pointer::ROOT.child(key.clone()))?);
    }
    // A list under the same name in another case takes the place of the one before.
    if let Some((key, list)) = match_expressions.last() {
        let at = Pointer::ROOT.child((*key).clone());
        for (index, expression) in elements(list, &at)?.enumerate() {
            requirements.push(requirement(expression, names, &at.child(index))?);
        }
    }
    Ok(Selector::of_requirements(requirements))
}

/// One requirement for each entry of a map of labels.
pub(super) fn labels(map: &Value, at: &Pointer) -> Result<Vec<Requirement>, SelectorError> {
    let entries = match map {
        Value::Null => return Ok(Vec::new()),
        Value::Object(entries) => entries,
        other => return Err(wrong_type(other, "an object", at)),
    };
    let equals = |(key, value): (&Str, &Value)| {
        let value = string(value, &at.child(key.clone()))?;
        Requirement::new(&key.to_text(), Operator::Equals, vec![value])
    };
    entries.fields().map(equals).collect()
}

fn requirement(expression: &Value, names: FieldNames, at: &Pointer) -> Result<Requirement, SelectorError> {
    let [keys, operators, lists] = fields(expression, ["key", "operator", "values"], names, at)?;
    let text = |found: &[(&Str, &Value)]| match found.last() {
        Some((key, value)) => string(value, &at.child((*key).clone())),
        None => Ok(String::new()),
    };
    let (key, operator) = (text(&keys)?, text(&operators)?);
    let mut values = Vec::new();
    if let Some((name, list)) = lists.last() {
        let at = at.child((*name).clone());
        for (index, value) in elements(list, &at)?.enumerate() {
            values.push(string(value, &at.child(index))?);
        }
    }
    let operator = match operator.as_str() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        _ => return Err(SelectorError::Operator(operator)),
    };
    Requirement::new(&key, operator, values)
}

/// The entries of an object that stand for each of some fields. Null is an object without fields.
fn fields<'a, const N: usize>(
    value: &'a Value,
    wanted: [&str; N],
    names: FieldNames,
    at: &Pointer,
) -> Result<[Vec<(&'a Str, &'a Value)>; N], SelectorError> {
    let entries = match value {
        Value::Null => return Ok(wanted.map(|_| Vec::new())),
        Value::Object(entries) => entries,
        other => return Err(wrong_type(other, "an object", at)),
    };
    Ok(wanted.map(|wanted| {
        let is_wanted = |(key, _): &(&Str, &Value)| match names {
            FieldNames::Exact => **key == *wanted,
            FieldNames::AnyCase => key.to_text().chars().map(fold).eq(wanted.chars().map(fold)),
        };
        entries.fields().filter(is_wanted).collect()
    }))
}

/// A letter without its case, as `encoding/json` folds names: two letters beyond ASCII fold into it.
pub(crate) fn fold(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    }
}

fn elements<'a>(list: &'a Value, at: &Pointer) -> Result<impl Iterator<Item = &'a Value>, SelectorError> {
    match list {
        Value::Null => Ok([].iter()),
        Value::Array(items) => Ok(items.iter()),
        other => Err(wrong_type(other, "an array", at)),
    }
}

fn string(value: &Value, at: &Pointer) -> Result<String, SelectorError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.to_text().into_owned()),
        other => Err(wrong_type(other, "a string", at)),
    }
}

fn wrong_type(found: &Value, wanted: &'static str, at: &Pointer) -> SelectorError {
    SelectorError::Type { at: at.clone(), wanted, found: found.kind() }
}

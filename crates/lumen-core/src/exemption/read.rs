//! Exemptions as they are written: in a comment, in an annotation, as an object.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use lumen_value::{Object, Pointer, Value, pointer};

use super::{Exemption, Glob, Match, RulePattern, Scope};
use crate::finding::{Location, Place};
use crate::selector::{FieldNames, Selector};

/// The API group of Lumen's own objects, and the domain of its labels and annotations.
pub const GROUP: &str = "lumensec.io";
/// The version of [`GROUP`] that is known.
pub const VERSION: &str = "v1alpha1";
/// The kind of object that exempts.
pub const KIND: &str = "Exemption";
/// The annotation that exempts its object or pod template.
pub const ANNOTATION: &str = "lumensec.io/ignore";

/// Rules and a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// The rules; at least one.
    pub rules: Vec<RulePattern>,
    /// Why; never empty.
    pub reason: String,
}

/// An exemption, or a part of one, that cannot be honoured: what is wrong, as a sentence without a final period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; this exemption is not honoured")]
pub struct Invalid {
    /// The field of the document, from the object's root, that is wrong.
    pub at: Pointer,
    message: String,
}

fn invalid(at: &Pointer, message: impl Into<String>) -> Invalid {
    Invalid { at: at.clone(), message: message.into() }
}

fn invalid_at_root(message: impl Into<String>) -> Invalid {
    invalid(&Pointer::ROOT, message)
}

/// Reads a comment, with or without its `#`. `None` where it does not speak to Lumen.
pub fn comment(text: &str) -> Option<Result<Ignore, Invalid>> {
    let said = text.trim_start_matches('#').trim().strip_prefix("lumen:")?.trim();
    Some(ignore_in_brackets(said))
}

fn ignore_in_brackets(said: &str) -> Result<Ignore, Invalid> {
    let form = "write `# lumen: ignore[layer/rule] reason`";
    let inside = said
        .strip_prefix("ignore")
        .and_then(|rest| rest.trim_start().strip_prefix('['))
        .and_then(|rest| rest.split_once(']'));
    let Some((rules, reason)) = inside else {
        return Err(invalid_at_root(format!(
            "the comment speaks to lumen and says nothing that it knows: {form}"
        )));
    };
    let rules: Result<Vec<RulePattern>, _> = rules.split(',').map(|rule| rule.trim().parse()).collect();
    let rules = rules.map_err(|error| invalid_at_root(format!("{error}")))?;
    let reason = reason.trim().trim_start_matches([':', '-']).trim();
    if reason.is_empty() {
        return Err(invalid_at_root(format!("the exemption gives no reason: {form}")));
    }
    Ok(Ignore { rules, reason: reason.into() })
}

/// Reads the annotation's value: `layer/rule: reason`, several of them on lines of their own or behind `;`.
pub fn annotation(text: &str) -> Vec<Result<Ignore, Invalid>> {
    let mut pieces: Vec<String> = Vec::new();
    for line in text.lines() {
        for (number, piece) in line.split(';').enumerate() {
            // A `;` within a reason does not begin another one.
            match pieces.last_mut() {
                Some(previous) if number > 0 && !begins_with_rule(piece) => {
                    previous.push(';');
                    previous.push_str(piece);
                }
                _ => pieces.push(piece.into()),
            }
        }
    }
    let mut said = pieces.iter().map(|piece| piece.trim()).filter(|piece| !piece.is_empty()).peekable();
    if said.peek().is_none() {
        return vec![Err(invalid_at_root("the annotation is empty: write `layer/rule: reason`"))];
    }
    said.map(ignore_before_colon).collect()
}

fn begins_with_rule(piece: &str) -> bool {
    piece.split_once(':').is_some_and(|(rule, _)| rule.trim().parse::<RulePattern>().is_ok())
}

fn ignore_before_colon(piece: &str) -> Result<Ignore, Invalid> {
    let (rule, reason) = piece.split_once(':').unwrap_or((piece, ""));
    let rule = rule.trim().parse::<RulePattern>().map_err(|error| invalid_at_root(error.to_string()))?;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(invalid_at_root(format!(
            "the exemption from {rule} gives no reason: write `{rule}: reason`"
        )));
    }
    Ok(Ignore { rules: vec![rule], reason: reason.into() })
}

/// Whether a manifest is an `Exemption`, of whatever version.
pub fn is_exemption(manifest: &Value) -> bool {
    let text = |key| manifest.get(key).and_then(Value::as_str);
    let group = text("apiVersion").and_then(|version| version.split_once('/')).map(|(group, _)| group);
    group == Some(GROUP) && text("kind") == Some(KIND)
}

/// Reads an `Exemption`. Whatever is not understood in it makes it invalid: a misspelt condition that is left out would
/// exempt more than was meant.
pub fn object(
    manifest: &Value,
    source: &Arc<str>,
    document: usize,
    at: &Pointer,
) -> Result<Exemption, Invalid> {
    if manifest.get("apiVersion").and_then(Value::as_str) != Some("lumensec.io/v1alpha1") {
        return Err(invalid(&pointer!["apiVersion"], format!("the version known is `{GROUP}/{VERSION}`")));
    }
    let spec_at = pointer!["spec"];
    let spec = fields(manifest.get("spec"), &spec_at, &["owner", "reason", "expires", "rules", "match"])?
        .ok_or_else(|| invalid(&spec_at, "the exemption has no `spec`"))?;
    let text = |key: &str| optional_text(spec.get(key), &spec_at.child(key));
    let reason = text("reason")?
        .ok_or_else(|| invalid(&spec_at.child("reason"), "the exemption gives no `reason`"))?;
    let rules_at = spec_at.child("rules");
    let rules: Vec<RulePattern> = texts(spec.get("rules"), &rules_at)?
        .iter()
        .map(|rule| rule.parse().map_err(|error| invalid(&rules_at, format!("{error}"))))
        .collect::<Result<_, _>>()?;
    if rules.is_empty() {
        return Err(invalid(&rules_at, "the exemption names no `rules`"));
    }
    let expires = text("expires")?.map(|expires| {
        end_of(&expires).ok_or_else(|| {
            let message = format!("`{expires}` is no date: write `2030-12-31` or `2030-12-31T12:00:00Z`");
            invalid(&spec_at.child("expires"), message)
        })
    });
    let name = manifest.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    Ok(Exemption {
        rules,
        reason,
        owner: text("owner")?,
        expires: expires.transpose()?,
        location: Location { source: source.clone(), place: Place::Field { document, pointer: at.clone() } },
        scope: Scope::Objects(name.unwrap_or_default().into(), Box::new(matched(spec.get("match"))?)),
    })
}

fn matched(value: Option<&Value>) -> Result<Match, Invalid> {
    let at = pointer!["spec", "match"];
    let form = "the exemption has no `match`: say which objects it is about, `match: {}` for all of them";
    let matched = fields(value, &at, &["kinds", "namespaces", "names", "labelSelector"])?
        .ok_or_else(|| invalid(&at, form))?;
    let globs = |key: &str| {
        let at = at.child(key);
        let globs: Option<Vec<_>> =
            texts(matched.get(key), &at)?.iter().map(|text| Glob::new(text)).collect();
        globs.ok_or_else(|| invalid(&at, "a pattern is empty or too long"))
    };
    let labels = match matched.get("labelSelector") {
        None | Some(Value::Null) => None,
        Some(selector) => {
            let at = at.child("labelSelector");
            fields(Some(selector), &at, &["matchLabels", "matchExpressions"])?;
            let read = Selector::of(selector, FieldNames::Exact);
            Some(read.map_err(|error| invalid(&at, error.to_string()))?)
        }
    };
    Ok(Match { kinds: globs("kinds")?, namespaces: globs("namespaces")?, names: globs("names")?, labels })
}

/// The fields of an object that has no others than these; `None` where it is missing.
fn fields<'a>(value: Option<&'a Value>, at: &Pointer, known: &[&str]) -> Result<Option<&'a Object>, Invalid> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => {
            let unknown = object.fields().find(|(key, _)| !known.iter().any(|known| *key == known));
            match unknown {
                Some((key, _)) => {
                    let known = known.join("`, `");
                    Err(invalid(
                        &at.child(key.clone()),
                        format!("there is no field `{key}` here, only `{known}`"),
                    ))
                }
                None => Ok(Some(object)),
            }
        }
        Some(other) => Err(invalid(at, format!("this must be an object and is {}", other.kind()))),
    }
}

fn optional_text(value: Option<&Value>, at: &Pointer) -> Result<Option<String>, Invalid> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            None => Err(invalid(at, format!("this must be a string and is {}", value.kind()))),
        },
    }
}

fn texts(value: Option<&Value>, at: &Pointer) -> Result<Vec<String>, Invalid> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            let text = |(index, item): (usize, &Value)| {
                item.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| invalid(&at.child(index), "this must be a string"))
            };
            items.iter().enumerate().map(text).collect()
        }
        Some(other) => Err(invalid(at, format!("this must be a list of strings and is {}", other.kind()))),
    }
}

/// When a date or a time is over: a date counts to its end, in UTC.
fn end_of(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // Dates alone: what has a time but no zone says no instant.
    if text.len() != "2030-12-31".len() {
        return None;
    }
    let day: Date = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(day.tomorrow().ok()?.into()).ok()
}

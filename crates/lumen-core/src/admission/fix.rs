//! The fix that a violation brings along: `details.fix`.

use lumen_value::pointer::dotted;
use lumen_value::{Object, Pointer, Step, Value};

use super::place;
use crate::finding::{Edit, Fix, Location, Place, Safety};
use crate::snapshot::Entry;

/// Most values that a fix may write.
const VALUES_MAX: usize = 1_000;
/// How deep they may be nested.
const DEPTH_MAX: usize = 32;
/// Longest title, in characters.
const TITLE_MAX: usize = 200;

/// The fix of `details.fix`, an object with `op` (`set` or `remove`), `path` (that of the details where it has none), `value`
/// for `set`, `safe` (`false` where it does not say) and `title`. None where the details have no fix.
///
/// # Errors
///
/// What is wrong with it: it has another shape, or its path does not lead into the object.
pub(super) fn of_violation(details: &Value, entry: &Entry) -> Result<Option<Fix>, String> {
    let Some(given) = details.get("fix") else { return Ok(None) };
    let Some(fix) = given.as_object() else {
        return Err(format!("it must be an object, not {}", given.kind()));
    };
    if let Some((other, _)) = fix.iter().find(|(key, _)| !is_field(key)) {
        return Err(format!("it has the field {}, which means nothing", other.to_json()));
    }
    let path = fix.get("path").or_else(|| details.get("path")).unwrap_or(&Value::Null);
    let path = place::path(path).ok_or("`path` must be an array of keys and indices")?;
    let word = fix.get("op").and_then(Value::as_str).unwrap_or_default();
    let edit = match word {
        "set" => set(fix, path, &entry.value)?,
        "remove" if fix.get("value").is_some() => return Err("`remove` takes no `value`".to_owned()),
        "remove" => {
            entry.value.find(&path).ok_or("`remove` needs a path to what is there")?;
            Edit::Remove(path)
        }
        _ => return Err("`op` must be `set` or `remove`".to_owned()),
    };
    let safety = match fix.get("safe") {
        None | Some(Value::Bool(false)) => Safety::Unsafe,
        Some(Value::Bool(true)) => Safety::Safe,
        Some(_) => return Err("`safe` must be a boolean".to_owned()),
    };
    let title = match fix.get("title") {
        None => title(&edit),
        Some(given) => {
            let is_short = |title: &&str| !title.is_empty() && title.chars().count() <= TITLE_MAX;
            let title = given.as_str().filter(is_short);
            title
                .ok_or_else(|| format!("`title` must be a text of at most {TITLE_MAX} characters"))?
                .to_owned()
        }
    };
    Ok(in_document(edit, entry).map(|edit| Fix { title, safety, edits: vec![edit] }))
}

fn is_field(key: &Value) -> bool {
    key.as_str().is_some_and(|key| ["op", "path", "value", "safe", "title"].contains(&key))
}

/// Fields at the end of the path may be missing, but a longer path must begin in the object: one that does not is a slip.
fn set(fix: &Object, path: Pointer, object: &Value) -> Result<Edit, String> {
    let value = fix.get("value").ok_or("`set` needs a `value`")?;
    if !is_document(value) {
        return Err(format!("`value` must be what JSON can hold, at most {VALUES_MAX} values"));
    }
    let mut at = Some(object);
    for (number, step) in path.steps().iter().enumerate() {
        at = match (at, step) {
            (Some(Value::Object(fields)), Step::Key(key)) => fields.get_key(key),
            (Some(Value::Array(items)), Step::Index(index)) if *index < items.len() => items.get(*index),
            (Some(Value::Null) | None, Step::Key(_)) if number > 0 => None,
            _ => return Err(format!("`path` does not lead into the object: `{}`", dotted(path.steps()))),
        };
        if number == 0 && at.is_none() && path.steps().len() > 1 {
            return Err(format!("`path` does not begin in the object: `{}`", dotted(path.steps())));
        }
    }
    Ok(Edit::Set(path, value.clone()))
}

/// Whether a value can stand in a manifest, and is small.
fn is_document(value: &Value) -> bool {
    let mut pending = vec![(value, 0)];
    let mut seen = 0;
    while let Some((value, depth)) = pending.pop() {
        seen += 1;
        if seen > VALUES_MAX || depth > DEPTH_MAX {
            return false;
        }
        match value {
            Value::Set(_) => return false,
            Value::Array(items) if items.len() > VALUES_MAX => return false,
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) if fields.iter().len() > VALUES_MAX => return false,
            Value::Object(fields) => {
                if fields.fields().count() < fields.iter().len() {
                    return false;
                }
                pending.extend(fields.iter().map(|(_, value)| (value, depth + 1)));
            }
            _ => {}
        }
    }
    true
}

fn title(edit: &Edit) -> String {
    let title = match edit {
        Edit::Set(path, value) => format!("set `{}` to {}", dotted(path.steps()), value.to_json()),
        Edit::Remove(path) => format!("remove `{}`", dotted(path.steps())),
    };
    if title.chars().count() <= TITLE_MAX {
        return title;
    }
    let start: String = title.chars().take(TITLE_MAX - 1).collect();
    start + "…"
}

/// The edit with its path from the document's root; none where the object has no place in a document.
fn in_document(edit: Edit, entry: &Entry) -> Option<Edit> {
    let at = |path: &Pointer| match entry.locate(path) {
        Location { place: Place::Field { pointer, .. }, .. } => Some(pointer),
        _ => None,
    };
    Some(match edit {
        Edit::Set(path, value) => Edit::Set(at(&path)?, value),
        Edit::Remove(path) => Edit::Remove(at(&path)?),
    })
}

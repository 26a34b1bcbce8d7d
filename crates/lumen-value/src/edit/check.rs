//! What a text says, for comparing it before and after edits.

use crate::read::{ReadError, Syntax};
use crate::span::{Children, Index, NodeId, Style};
use crate::{Number, Str, Value};

/// Reads the text of one document.
pub(super) fn value(text: &str, syntax: Syntax) -> Result<Value, ReadError> {
    Ok(value_of(&Index::read(text, syntax)?))
}

/// What a document that is read already says.
pub(super) fn value_of(index: &Index) -> Value {
    let tree = index.tree();
    let mut values: Vec<Option<Value>> = vec![None; tree.nodes.len()];
    let mut pending = vec![(index.root(), false)];
    while let Some((id, children_done)) = pending.pop() {
        let Some(node) = tree.node(id) else { continue };
        if children_done {
            settle(index, id, &mut values);
            continue;
        }
        pending.push((id, true));
        match &node.children {
            Children::Sequence(items) => pending.extend(items.iter().rev().map(|item| (item.node, false))),
            Children::Mapping(mapping) => {
                pending.extend(mapping.entries.iter().rev().map(|entry| (entry.value, false)));
            }
            _ => {}
        }
    }
    values.swap_remove(index.root().0).unwrap_or_default()
}

fn settle(index: &Index, id: NodeId, values: &mut [Option<Value>]) {
    let Some(node) = index.tree().node(id) else { return };
    let taken =
        |id: NodeId, values: &[Option<Value>]| values.get(id.0).cloned().flatten().unwrap_or_default();
    let value = match &node.children {
        Children::Scalar(_) => scalar(index, id),
        Children::Alias(target) => target.map(|target| taken(target, values)).unwrap_or_default(),
        Children::Sequence(items) => {
            items.iter().map(|item| taken(item.node, values)).collect::<Vec<_>>().into()
        }
        Children::Mapping(mapping) => {
            let mut fields: Vec<(Value, Value)> = Vec::new();
            for entry in &mapping.entries {
                let value = taken(entry.value, values);
                if entry.merge {
                    let sources = match &value {
                        Value::Array(array) => array.iter().rev().cloned().collect(),
                        _ => vec![value],
                    };
                    for source in &sources {
                        fields.extend(source.as_object().into_iter().flat_map(|source| {
                            source.iter().map(|(key, value)| (key.clone(), value.clone()))
                        }));
                    }
                } else if let Some(name) = &entry.name {
                    fields.push((Value::String(name.clone()), value));
                }
            }
            Value::Object(fields.into())
        }
    };
    if let Some(place) = values.get_mut(id.0) {
        *place = Some(value);
    }
}

fn scalar(index: &Index, id: NodeId) -> Value {
    let Some((node, text)) = index.tree().node(id).zip(index.scalar_value(id)) else {
        return Value::Null;
    };
    let tagged = node.full.start != node.range.start
        && index.text().get(node.full.clone()).is_some_and(|it| it.contains('!'));
    if tagged || !matches!(node.style, Style::Plain | Style::Empty) {
        return Value::String(text.into());
    }
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Value::Bool(false)
        }
        _ => Number::parse(&text).map_or_else(|| Value::String(Str::from(text.as_str())), Value::Number),
    }
}

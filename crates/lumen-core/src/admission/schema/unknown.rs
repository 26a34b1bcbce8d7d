//! Which fields of a resource its schema does not name (`pkg/apiserver/schema/pruning/algorithm.go`).

use lumen_value::{Object, Pointer, Value};

use super::Schema;

/// What every resource has, and no schema needs to name.
const RESOURCE_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

pub(super) fn of_resource(schema: &Schema, resource: &Value) -> Vec<Pointer> {
    let mut walk = Walk { unknown: Vec::new(), at: Vec::new() };
    walk.visit(resource, Some(schema), true);
    walk.unknown.sort();
    walk.unknown
}

/// Whether a value has no field that its schema does not name.
pub(super) fn is_known(schema: &Schema, value: &Value) -> bool {
    let mut walk = Walk { unknown: Vec::new(), at: Vec::new() };
    walk.visit(value, Some(schema), false);
    walk.unknown.is_empty()
}

struct Walk {
    unknown: Vec<Pointer>,
    at: Vec<lumen_value::Step>,
}

impl Walk {
    /// As deep as the schema nests, which is bounded; below a missing schema no deeper than a list of objects.
    fn visit(&mut self, value: &Value, schema: Option<&Schema>, is_resource: bool) {
        if let Some(schema) = schema.filter(|schema| schema.preserves_unknown == Some(true)) {
            return self.skip(value, schema, is_resource);
        }
        match (value, schema) {
            (Value::Object(fields), None) => {
                for (name, _) in fields.fields() {
                    self.record(name);
                }
            }
            (Value::Object(fields), Some(schema)) => self.fields(fields, schema, is_resource, true),
            (Value::Array(items), Some(schema)) => {
                for (index, item) in items.iter().enumerate() {
                    self.at.push(index.into());
                    self.visit(item, schema.items.as_deref(), false);
                    self.at.pop();
                }
            }
            (Value::Array(_), None) => self.objects_in(value),
            _ => {}
        }
    }

    /// What the schema lets through; only what it names is looked into.
    fn skip(&mut self, value: &Value, schema: &Schema, is_resource: bool) {
        match value {
            Value::Object(fields) => self.fields(fields, schema, is_resource, false),
            Value::Array(items) => {
                let Some(schema) = schema.items.as_deref() else {
                    return;
                };
                for (index, item) in items.iter().enumerate() {
                    self.at.push(index.into());
                    self.skip(item, schema, false);
                    self.at.pop();
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, fields: &Object, schema: &Schema, is_resource: bool, records: bool) {
        for (name, value) in fields.fields() {
            let is_resource = is_resource || schema.is_embedded;
            if is_resource && RESOURCE_FIELDS.iter().any(|field| *name == *field) {
                continue;
            }
            let inner = match (schema.property(name), &schema.additional) {
                (Some(inner), _) => Some(inner),
                (None, Some(additional)) => additional.schema.as_deref(),
                (None, None) => {
                    if records {
                        self.record(name);
                    }
                    continue;
                }
            };
            self.at.push(name.clone().into());
            self.visit(value, inner, false);
            self.at.pop();
        }
    }

    /// All fields of the objects in lists in lists, from a stack of our own: no schema bounds how deep they nest.
    fn objects_in(&mut self, value: &Value) {
        let depth = self.at.len();
        let mut pending = vec![(value, self.at.clone())];
        while let Some((value, at)) = pending.pop() {
            match value {
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        let mut at = at.clone();
                        // A way that long is of no use to anybody, and copying it would be quadratic.
                        if at.len() < depth + super::DEPTH_MAX {
                            at.push(index.into());
                        }
                        pending.push((item, at));
                    }
                }
                Value::Object(fields) => {
                    self.at = at;
                    for (name, _) in fields.fields() {
                        self.record(name);
                    }
                }
                _ => {}
            }
        }
        self.at.truncate(depth);
    }

    fn record(&mut self, name: &lumen_value::Str) {
        let field = self.at.iter().cloned().chain([name.clone().into()]);
        self.unknown.push(field.collect());
    }
}

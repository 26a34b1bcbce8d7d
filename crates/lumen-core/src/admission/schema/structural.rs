//! Whether a schema is one that the API server takes: structural, and with nothing that it does not support
//! (`pkg/apis/apiextensions/validation/validation.go`, `pkg/apiserver/schema/validation.go`).
//!
//! That what a condition speaks of is also there outside of conditions is asked of the root of a resource alone, as upstream
//! does. Rules in CEL (`x-kubernetes-validations`) are not compiled.

use lumen_value::{Pointer, Value};

use super::{Fault, Schema, unknown, validate};

/// The types that a schema may ask for.
const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// Fields that no schema may have.
const UNSUPPORTED: [&str; 6] =
    ["additionalItems", "patternProperties", "definitions", "dependencies", "$ref", "id"];

/// The fields that must not stand under `allOf`, `anyOf`, `oneOf` and `not`, and what they must be there.
const FORBIDDEN_NESTED: [(&str, &str); 7] = [
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("default", "must be undefined to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
];

pub(super) fn check(schema: &Schema) -> Vec<Fault> {
    let mut check = Check { faults: Vec::new() };
    check.structure(schema, Level::Field, &Pointer::ROOT);
    if check.faults.is_empty() {
        check.defaults(schema, &Pointer::ROOT);
    }
    check.support(schema, &Pointer::ROOT);
    check.faults.sort();
    check.faults.dedup();
    check.faults
}

/// Where a schema stands in the one that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Item,
    Field,
}

/// Goes as deep as the schema nests, which is bounded when it is read.
struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn fault(&mut self, at: &Pointer, message: impl Into<String>) {
        self.faults.push(Fault::new(at, message));
    }

    fn structure(&mut self, schema: &Schema, level: Level, at: &Pointer) {
        let has_items = schema.items.is_some();
        if schema.kind == "array" && !has_items && !is_list(schema, "items") {
            self.fault(&at.child("items"), "Required value: must be specified");
        }
        if let Some(items) = &schema.items {
            self.structure(items, Level::Item, &at.child("items"));
        }
        for (name, property) in &schema.properties {
            self.structure(property, Level::Field, &at.child("properties").child(name.clone()));
        }
        if let Some(inner) = schema.additional_schema() {
            self.structure(inner, Level::Field, &at.child("additionalProperties"));
        }
        self.extensions(schema, at);
        let (skips_any, skips_first) = int_or_string_patterns(schema);
        self.logic(schema, skips_any, skips_first, at);
        self.type_is_there(schema, level, at);
        if schema.is_embedded {
            self.embedded(schema, at);
        }
    }

    fn type_is_there(&mut self, schema: &Schema, level: Level, at: &Pointer) {
        let at = at.child("type");
        if schema.is_embedded && schema.kind != "object" {
            let message = "must be object if x-kubernetes-embedded-resource is true";
            if schema.kind.is_empty() {
                self.fault(&at, format!("Required value: {message}"));
            } else {
                self.fault(&at, format!("Invalid value: {:?}: {message}", schema.kind));
            }
        } else if schema.kind.is_empty() && !schema.is_int_or_string && schema.preserves_unknown != Some(true)
        {
            let of = if level == Level::Item { "array items" } else { "object fields" };
            self.fault(&at, format!("Required value: must not be empty for specified {of}"));
        }
    }

    fn extensions(&mut self, schema: &Schema, at: &Pointer) {
        let message = "Invalid value: true: must be false if x-kubernetes-int-or-string is true";
        if schema.is_int_or_string && schema.preserves_unknown == Some(true) {
            self.fault(&at.child("x-kubernetes-preserve-unknown-fields"), message);
        }
        if schema.is_int_or_string && schema.is_embedded {
            self.fault(&at.child("x-kubernetes-embedded-resource"), message);
        }
    }

    fn embedded(&mut self, schema: &Schema, at: &Pointer) {
        if schema.additional.is_some() {
            self.fault(
                &at.child("additionalProperties"),
                "Forbidden: must not be used if x-kubernetes-embedded-resource is set",
            );
        }
        if schema.preserves_unknown != Some(true) && schema.properties.is_empty() {
            self.fault(
                &at.child("properties"),
                "Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
            );
        }
        for (name, kind) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")] {
            let property = schema.properties.get(&name.into());
            if let Some(property) = property.filter(|property| property.kind != kind) {
                let at = at.child("properties").child(name).child("type");
                self.fault(&at, format!("Invalid value: {:?}: must be {kind}", property.kind));
            }
        }
    }

    /// The conditions on a value, and the schemas that they hold.
    fn logic(&mut self, schema: &Schema, skips_any: bool, skips_first: bool, at: &Pointer) {
        for (name, list) in [("anyOf", &schema.any_of), ("allOf", &schema.all_of), ("oneOf", &schema.one_of)]
        {
            for (index, inner) in list.iter().enumerate() {
                let at = at.child(name).child(index);
                match (name, skips_any) {
                    ("anyOf", true) => {}
                    _ => self.nested(inner, name == "allOf" && skips_first && index == 0, &at),
                }
            }
        }
        if let Some(not) = &schema.not {
            self.nested(not, false, &at.child("not"));
        }
        if let Some(pattern) = &schema.pattern
            && let Err(error) = &pattern.regex
        {
            let text = &pattern.text;
            let error = error.lines().last().unwrap_or_default();
            self.fault(
                &at.child("pattern"),
                format!("Invalid value: {text:?}: must be a valid regular expression, but isn't: {error}"),
            );
        }
    }

    /// A schema under a condition: it may only add conditions.
    fn nested(&mut self, schema: &Schema, skips_any: bool, at: &Pointer) {
        self.logic(schema, skips_any, false, at);
        if let Some(items) = &schema.items {
            self.nested(items, false, &at.child("items"));
        }
        for (name, property) in &schema.properties {
            self.nested(property, false, &at.child("properties").child(name.clone()));
        }
        let forbids = |name, message: &str| (name, format!("Forbidden: {message}"));
        let mut found = Vec::new();
        if !schema.kind.is_empty() {
            found.push(forbids("type", "must be empty to be structural"));
        }
        if schema.additional.as_ref().is_some_and(|additional| additional.allowed) {
            found.push(forbids("additionalProperties", "must be undefined to be structural"));
        }
        let flags = [
            ("nullable", schema.nullable),
            ("x-kubernetes-preserve-unknown-fields", schema.preserves_unknown == Some(true)),
            ("x-kubernetes-embedded-resource", schema.is_embedded),
            ("x-kubernetes-int-or-string", schema.is_int_or_string),
        ];
        let set = flags.into_iter().filter(|(_, is_set)| *is_set);
        found.extend(set.map(|(name, _)| forbids(name, "must be false to be structural")));
        let said = FORBIDDEN_NESTED.into_iter().filter(|(name, _)| says(schema, name));
        found.extend(said.map(|(name, message)| forbids(name, message)));
        for (name, message) in found {
            self.fault(&at.child(name), message);
        }
        if schema.properties.contains_key(&"metadata".into()) {
            let at = at.child("properties").child("metadata");
            self.fault(&at, "Forbidden: must not be specified in a nested context");
        }
    }

    /// Defaults must be values of their own schema.
    fn defaults(&mut self, schema: &Schema, at: &Pointer) {
        if let Some(default) = &schema.default {
            let at = at.child("default");
            if !unknown::is_known(schema, default) {
                let message = format!("Invalid value: {}: must not have unknown fields", default.to_json());
                self.fault(&at, message);
            }
            for fault in validate::validate_default(schema, default) {
                self.fault(&at, fault.message);
            }
        }
        if let Some(items) = &schema.items {
            self.defaults(items, &at.child("items"));
        }
        for (name, property) in &schema.properties {
            self.defaults(property, &at.child("properties").child(name.clone()));
        }
    }

    /// What the API server does not support, here and in all that is inside.
    fn support(&mut self, schema: &Schema, at: &Pointer) {
        self.own_support(schema, at);
        self.lists_and_maps(schema, at);
        if let Some(inner) = schema.additional_schema() {
            self.support(inner, &at.child("additionalProperties"));
        }
        for (name, property) in &schema.properties {
            self.support(property, &at.child("properties").child(name.clone()));
        }
        for (name, list) in [("allOf", &schema.all_of), ("oneOf", &schema.one_of), ("anyOf", &schema.any_of)]
        {
            for (index, inner) in list.iter().enumerate() {
                self.support(inner, &at.child(name).child(index));
            }
        }
        for (name, inner) in [("not", &schema.not), ("items", &schema.items)] {
            if let Some(inner) = inner {
                self.support(inner, &at.child(name));
            }
        }
    }

    fn own_support(&mut self, schema: &Schema, at: &Pointer) {
        if schema.kind == "null" {
            let message = "Forbidden: type cannot be set to null, use nullable as an alternative";
            self.fault(&at.child("type"), message);
        }
        if !schema.kind.is_empty() && !TYPES.contains(&schema.kind.as_str()) {
            let supported = TYPES.map(|kind| format!("{kind:?}")).join(", ");
            let message = format!("Unsupported value: {:?}: supported values: {supported}", schema.kind);
            self.fault(&at.child("type"), message);
        }
        for name in UNSUPPORTED.into_iter().filter(|name| says(schema, name)) {
            self.fault(&at.child(name), format!("Forbidden: {name} is not supported"));
        }
        if is_list(schema, "items") {
            self.fault(&at.child("items"), "Forbidden: items must be a schema object and not an array");
        }
        if schema.raw.get("uniqueItems") == Some(&Value::Bool(true)) {
            let message =
                "Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.fault(&at.child("uniqueItems"), message);
        }
        let excludes = |additional: &super::Additional| !additional.allowed || additional.schema.is_some();
        if !schema.properties.is_empty() && schema.additional.as_ref().is_some_and(excludes) {
            let message = "Forbidden: additionalProperties and properties are mutual exclusive";
            self.fault(&at.child("additionalProperties"), message);
        }
        if schema.preserves_unknown == Some(false) {
            let message = "Invalid value: false: must be true or undefined";
            self.fault(&at.child("x-kubernetes-preserve-unknown-fields"), message);
        }
    }

    fn lists_and_maps(&mut self, schema: &Schema, at: &Pointer) {
        for (name, word, kind, words) in [
            ("x-kubernetes-map-type", &schema.map_type, "object", &["atomic", "granular"][..]),
            ("x-kubernetes-list-type", &schema.list_type, "array", &["atomic", "set", "map"][..]),
        ] {
            let Some(word) = word else {
                continue;
            };
            if schema.kind != kind {
                let message = if schema.kind.is_empty() {
                    "Required value".into()
                } else {
                    format!("Invalid value: {:?}", schema.kind)
                };
                self.fault(&at.child("type"), format!("{message}: must be {kind} if {name} is specified"));
            }
            if !words.contains(&word.as_str()) {
                let supported: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                let supported = supported.join(", ");
                self.fault(
                    &at.child(name),
                    format!("Unsupported value: {word:?}: supported values: {supported}"),
                );
            }
        }
        let list_type = schema.list_type.as_deref();
        if !schema.list_keys.is_empty() && list_type != Some("map") {
            let message = "must be map if x-kubernetes-list-map-keys is non-empty";
            let kind =
                list_type.map_or_else(|| "Required value".into(), |kind| format!("Invalid value: {kind:?}"));
            self.fault(&at.child("x-kubernetes-list-type"), format!("{kind}: {message}"));
        }
        match (list_type, &schema.items) {
            (Some("map"), _) => self.map_of_keys(schema, at),
            (Some("set"), Some(items)) => self.set_of_atoms(items, &at.child("items")),
            _ => {}
        }
        if let (Some(kind @ ("map" | "set")), Some(items)) = (list_type, &schema.items)
            && items.nullable
        {
            let message = format!("Forbidden: cannot be nullable when x-kubernetes-list-type is {kind}");
            self.fault(&at.child("items").child("nullable"), message);
        }
    }

    fn set_of_atoms(&mut self, items: &Schema, at: &Pointer) {
        let message = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let (name, word) = match items.kind.as_str() {
            "array" => ("x-kubernetes-list-type", items.list_type.as_deref().unwrap_or("atomic")),
            "object" => ("x-kubernetes-map-type", items.map_type.as_deref().unwrap_or_default()),
            _ => return,
        };
        if word != "atomic" {
            self.fault(&at.child(name), format!("Invalid value: {word:?}: {message}"));
        }
    }

    fn map_of_keys(&mut self, schema: &Schema, at: &Pointer) {
        let keys_at = at.child("x-kubernetes-list-map-keys");
        if schema.list_keys.is_empty() {
            let message = "Required value: must not be empty if x-kubernetes-list-type is map";
            self.fault(&keys_at, message);
        }
        let Some(items) = &schema.items else {
            let message = "Required value: must have a schema if x-kubernetes-list-type is map";
            return self.fault(&at.child("items"), message);
        };
        if items.kind != "object" {
            let message = format!(
                "Invalid value: {:?}: must be object if parent array's x-kubernetes-list-type is map",
                items.kind
            );
            return self.fault(&at.child("items").child("type"), message);
        }
        let mut seen = std::collections::BTreeSet::new();
        for key in &schema.list_keys {
            if !seen.insert(key) {
                self.fault(&keys_at, "Invalid value: must not contain duplicate entries");
            }
            let Some(property) = items.properties.get(&key.as_str().into()) else {
                self.fault(&keys_at, "Invalid value: entries must all be names of item properties");
                continue;
            };
            let at = at.child("items").child("properties").child(key.as_str());
            if matches!(property.kind.as_str(), "array" | "object") {
                let message = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                self.fault(&at.child("type"), format!("Invalid value: {:?}: {message}", property.kind));
            }
            if !items.required.contains(key) && property.default.is_none() {
                let message = "Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                self.fault(&at.child("default"), message);
            }
            if property.nullable {
                let message =
                    "Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                self.fault(&at.child("nullable"), message);
            }
        }
    }
}

/// Whether a schema's text has a field that says something.
fn says(schema: &Schema, name: &str) -> bool {
    match schema.raw.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty() || name == "dependencies",
        Some(_) => true,
    }
}

fn is_list(schema: &Schema, name: &str) -> bool {
    matches!(schema.raw.get(name), Some(Value::Array(items)) if !items.is_empty())
}

/// The two ways to write `x-kubernetes-int-or-string` out that may have types under a condition: `anyOf` is exactly the two
/// types, or that of the first of `allOf` is.
fn int_or_string_patterns(schema: &Schema) -> (bool, bool) {
    let both = |list: &[Schema]| {
        let kinds: [Value; 2] = ["integer", "string"].map(|kind| [("type", kind.into())].into());
        list.iter().map(|each| &each.raw).eq(&kinds)
    };
    (both(&schema.any_of), schema.all_of.first().is_some_and(|first| both(&first.any_of)))
}

//! Reads a schema. The order in which its keywords are looked at is upstream's, as the first thing that is wrong is the one told.

use std::collections::HashMap;

use lumen_value::{Number, Object, Str, Value};

use super::super::super::url::Url;
use super::pool::{Draft, Pool, draft};
use super::{Dependency, Id, Node, Pattern, Rest, Schema, number};
use crate::depth;

/// The types that a schema may name.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "number", "null", "object", "string"];

const SCHEMA: &str = "Valid Schema";
const SCHEMAS: &str = "Array Of Schemas";

/// Reads a schema. The error is a message.
pub(super) fn compile(document: &Value) -> Result<Schema, String> {
    let mut pool = Pool::default();
    let document = pool.add(document, &Url::default())?;
    let draft = draft(&document)?.unwrap_or(Draft::Hybrid);
    let mut compiler = Compiler { schema: Schema::default(), pool, references: HashMap::new() };
    compiler.read(&document, draft)?;
    Ok(compiler.schema)
}

struct Compiler {
    schema: Schema,
    pool: Pool,
    /// The nodes that references were read into.
    references: HashMap<Vec<u8>, Id>,
}

fn invalid<T>(expected: &str, given: &str) -> Result<T, String> {
    Err(format!("Invalid type. Expected: {expected}, given: {given}"))
}

fn must_be<T>(key: &str, what: &str) -> Result<T, String> {
    Err(format!("{key} must be {what}"))
}

/// A keyword that holds a text.
fn string<'v>(object: &'v Object, key: &str) -> Result<Option<&'v Str>, String> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => invalid("string", key),
    }
}

/// A keyword that holds a list; an absent one is none.
fn list<'v>(object: &'v Object, key: &str) -> Result<Option<&'v lumen_value::Array>, String> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(_) => must_be(key, "of an array"),
    }
}

/// A keyword that holds a count.
fn count(object: &Object, key: &str) -> Result<Option<usize>, String> {
    let Some(value) = object.get(key) else {
        return Ok(None);
    };
    // As Go reads an integer: no point, no exponent.
    let text = value.as_number().map(ToString::to_string).unwrap_or_default();
    let Ok(int) = text.parse::<i64>() else {
        return must_be(key, "of an integer");
    };
    match usize::try_from(int) {
        Ok(count) => Ok(Some(count)),
        Err(_) => must_be(key, "greater than or equal to 0"),
    }
}

fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Object(_))
}

impl Compiler {
    fn node(&mut self, id: Id) -> &mut Node {
        if id >= self.schema.nodes.len() {
            self.schema.nodes.resize_with(id + 1, Node::default);
        }
        // It was just made, if it was not there.
        #[expect(clippy::indexing_slicing, reason = "the list is long enough")]
        &mut self.schema.nodes[id]
    }

    /// Reads a schema into a new node.
    fn read(&mut self, document: &Value, draft: Draft) -> Result<Id, String> {
        let id = self.schema.nodes.len();
        self.node(id);
        self.fill(id, document, draft)?;
        Ok(id)
    }

    fn fill(&mut self, id: Id, document: &Value, draft: Draft) -> Result<(), String> {
        depth::grow(|| match document {
            Value::Bool(pass) if draft >= Draft::Six => {
                self.node(id).pass = Some(*pass);
                Ok(())
            }
            Value::Object(object) => self.keywords(id, object, draft),
            _ => Err(format!("Expected: {SCHEMA}, given: Invalid JSON")),
        })
    }

    fn keywords(&mut self, id: Id, object: &Object, draft: Draft) -> Result<(), String> {
        let id_key = match draft {
            Draft::Four => "id",
            Draft::Hybrid if object.get("id").is_some() => "id",
            _ => "$id",
        };
        if let Some(text) = string(object, id_key)? {
            Url::parse(text.as_bytes())?;
        }
        match object.get("definitions") {
            None => {}
            Some(Value::Object(definitions)) => {
                for (_, definition) in definitions.iter() {
                    if !is_schema(definition) {
                        return invalid(SCHEMAS, "definitions");
                    }
                    self.read(definition, draft)?;
                }
            }
            Some(_) => return invalid(SCHEMAS, "definitions"),
        }
        string(object, "title")?;
        string(object, "description")?;
        if let Some(reference) = string(object, "$ref")? {
            let url = Url::parse(reference.as_bytes())?;
            let address = url.to_bytes();
            match self.references.get(&address) {
                Some(found) => self.node(id).reference = Some(*found),
                None => return self.reference(id, &url, address, draft),
            }
        }
        self.types(id, object)?;
        self.object_keywords(id, object, draft)?;
        self.array_keywords(id, object, draft)?;
        self.number_keywords(id, object, draft)?;
        self.counts(id, object)?;
        self.constants(id, object, draft)?;
        self.combinations(id, object, draft)
    }

    fn reference(&mut self, id: Id, url: &Url, address: Vec<u8>, draft: Draft) -> Result<(), String> {
        let target = self.schema.nodes.len();
        self.node(target);
        self.references.insert(address, target);
        let found = self.pool.get(url)?;
        if !is_schema(&found.value) {
            return must_be(SCHEMA, "of type object");
        }
        self.fill(target, &found.value, found.draft.unwrap_or(draft))?;
        self.node(id).reference = Some(target);
        Ok(())
    }

    fn types(&mut self, id: Id, object: &Object) -> Result<(), String> {
        let wrong = || invalid("type", "string/Array Of Strings");
        match object.get("type") {
            None => Ok(()),
            Some(Value::String(name)) => self.add_type(id, name),
            Some(Value::Array(names)) => names.iter().try_for_each(|name| match name {
                Value::String(name) => self.add_type(id, name),
                _ => wrong(),
            }),
            Some(_) => wrong(),
        }
    }

    fn add_type(&mut self, id: Id, name: &Str) -> Result<(), String> {
        if !TYPES.iter().any(|known| name == known) {
            let known = TYPES.join(" ");
            return Err(format!(
                "has a primitive type that is NOT VALID -- given: /{name}/ Expected valid values are:[{known}]"
            ));
        }
        let types = &mut self.node(id).types;
        if types.contains(name) {
            return Err(format!("{name} type is duplicated"));
        }
        types.push(name.clone());
        Ok(())
    }

    /// A keyword that holds a boolean or a schema.
    fn rest(&mut self, object: &Object, key: &str, draft: Draft) -> Result<Rest, String> {
        match object.get(key) {
            None => Ok(Rest::Free),
            Some(Value::Bool(allowed)) => Ok(Rest::Allowed(*allowed)),
            Some(schema @ Value::Object(_)) => Ok(Rest::Schema(self.read(schema, draft)?)),
            Some(_) => invalid(&format!("boolean/{SCHEMA}"), key),
        }
    }

    fn object_keywords(&mut self, id: Id, object: &Object, draft: Draft) -> Result<(), String> {
        match object.get("properties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (key, schema) in properties.fields() {
                    let property = self.read(schema, draft)?;
                    self.node(id).properties.push((key.clone(), property));
                }
            }
            Some(_) => return must_be("Properties", "of type object"),
        }
        self.node(id).additional_properties = self.rest(object, "additionalProperties", draft)?;
        match object.get("patternProperties") {
            None => {}
            Some(Value::Object(patterns)) => {
                for (key, schema) in patterns.fields() {
                    let Some(pattern) = Pattern::new(&key.to_text()) else {
                        return Err(format!("Invalid regex pattern '{key}'"));
                    };
                    let schema = self.read(schema, draft)?;
                    self.node(id).pattern_properties.push((pattern, schema));
                }
            }
            Some(_) => return invalid(SCHEMA, "patternProperties"),
        }
        if let Some(names) = object.get("propertyNames").filter(|_| draft >= Draft::Six) {
            if !is_schema(names) {
                return invalid(SCHEMA, "patternProperties");
            }
            self.node(id).property_names = Some(self.read(names, draft)?);
        }
        self.dependencies(id, object, draft)
    }

    fn dependencies(&mut self, id: Id, object: &Object, draft: Draft) -> Result<(), String> {
        let dependencies = match object.get("dependencies") {
            None => return Ok(()),
            Some(Value::Object(dependencies)) => dependencies,
            Some(_) => return must_be("dependencies", "of type object"),
        };
        let wrong = || must_be("Dependency", "of type Schema Or Array Of Strings");
        for (key, value) in dependencies.fields() {
            let dependency = match value {
                Value::Array(names) => {
                    let mut needed = Vec::with_capacity(names.len());
                    for name in names {
                        match name {
                            Value::String(name) => needed.push(name.clone()),
                            _ => return wrong(),
                        }
                    }
                    Dependency::Properties(needed)
                }
                schema if is_schema(schema) => Dependency::Schema(self.read(schema, draft)?),
                _ => return wrong(),
            };
            self.node(id).dependencies.push((key.clone(), dependency));
        }
        Ok(())
    }

    fn array_keywords(&mut self, id: Id, object: &Object, draft: Draft) -> Result<(), String> {
        let wrong = || invalid(&format!("{SCHEMA}/{SCHEMAS}"), "items");
        match object.get("items") {
            None => {}
            Some(Value::Array(items)) => {
                for item in items {
                    if !is_schema(item) {
                        return wrong();
                    }
                    let item = self.read(item, draft)?;
                    self.node(id).items.push(item);
                }
            }
            Some(item) if is_schema(item) => {
                let item = self.read(item, draft)?;
                self.node(id).items.push(item);
                self.node(id).has_one_item = true;
            }
            Some(_) => return wrong(),
        }
        self.node(id).additional_items = self.rest(object, "additionalItems", draft)?;
        Ok(())
    }

    fn number_keywords(&mut self, id: Id, object: &Object, draft: Draft) -> Result<(), String> {
        match object.get("multipleOf") {
            None => {}
            Some(Value::Number(of)) => {
                if *of <= Number::from(0) {
                    return must_be("multipleOf", "strictly greater than 0");
                }
                self.node(id).multiple_of = Some(of.clone());
            }
            Some(_) => return invalid("Number", "multipleOf"),
        }
        let (minimum, exclusive) = bound(object, "minimum", "exclusiveMinimum", draft)?;
        self.node(id).minimum = minimum;
        self.node(id).exclusive_minimum = exclusive;
        let (maximum, exclusive) = bound(object, "maximum", "exclusiveMaximum", draft)?;
        self.node(id).maximum = maximum;
        self.node(id).exclusive_maximum = exclusive;
        Ok(())
    }

    fn counts(&mut self, id: Id, object: &Object) -> Result<(), String> {
        let (min_length, max_length) = (count(object, "minLength")?, count(object, "maxLength")?);
        if min_length.zip(max_length).is_some_and(|(min, max)| min > max) {
            return Err("minLength cannot be greater than maxLength".to_owned());
        }
        if let Some(text) = string(object, "pattern")? {
            let Some(pattern) = Pattern::new(&text.to_text()) else {
                return must_be("pattern", "a valid regex");
            };
            self.node(id).pattern = Some(pattern);
        }
        let format = string(object, "format")?.filter(|format| !format.is_empty()).cloned();
        let (min_properties, max_properties) =
            (count(object, "minProperties")?, count(object, "maxProperties")?);
        if min_properties.zip(max_properties).is_some_and(|(min, max)| min > max) {
            return Err("minProperties cannot be greater than maxProperties".to_owned());
        }
        let mut required = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for name in list(object, "required")?.into_iter().flatten() {
            let Value::String(name) = name else {
                return invalid("string", "required");
            };
            if !seen.insert(name) {
                return must_be("required items", "unique");
            }
            required.push(name.clone());
        }
        let (min_items, max_items) = (count(object, "minItems")?, count(object, "maxItems")?);
        let unique_items = match object.get("uniqueItems") {
            None => false,
            Some(Value::Bool(unique)) => *unique,
            Some(_) => return must_be("uniqueItems", "of a boolean"),
        };
        let node = self.node(id);
        (node.min_length, node.max_length, node.format) = (min_length, max_length, format);
        (node.min_properties, node.max_properties) = (min_properties, max_properties);
        (node.min_items, node.max_items, node.unique_items) = (min_items, max_items, unique_items);
        node.required = required;
        Ok(())
    }

    fn constants(&mut self, id: Id, object: &Object, draft: Draft) -> Result<(), String> {
        let canonical = |value: &Value| {
            number::canonical(value)
                .ok_or_else(|| "json: cannot unmarshal number into Go value of type float64".to_owned())
        };
        if let Some(contains) = object.get("contains").filter(|_| draft >= Draft::Six) {
            self.node(id).contains = Some(self.read(contains, draft)?);
        }
        if let Some(constant) = object.get("const").filter(|_| draft >= Draft::Six) {
            self.node(id).constant = Some(canonical(constant)?);
        }
        if let Some(values) = list(object, "enum")? {
            let mut choices: Vec<String> = Vec::with_capacity(values.len());
            let mut seen = std::collections::HashSet::new();
            for value in values {
                let text = canonical(value)?;
                if !seen.insert(text.clone()) {
                    return must_be("enum items", "unique");
                }
                choices.push(text);
            }
            self.node(id).choices = Some(choices);
        }
        Ok(())
    }

    fn combinations(&mut self, id: Id, object: &Object, draft: Draft) -> Result<(), String> {
        for key in ["oneOf", "anyOf", "allOf"] {
            for schema in list(object, key)?.into_iter().flatten() {
                let schema = self.read(schema, draft)?;
                let node = self.node(id);
                match key {
                    "oneOf" => node.one_of.push(schema),
                    "anyOf" => node.any_of.push(schema),
                    _ => node.all_of.push(schema),
                }
            }
        }
        for key in ["not", "if", "then", "else"] {
            let Some(schema) = object.get(key).filter(|_| key == "not" || draft >= Draft::Seven) else {
                continue;
            };
            if !is_schema(schema) {
                return must_be(key, "of an object");
            }
            let schema = Some(self.read(schema, draft)?);
            let node = self.node(id);
            match key {
                "not" => node.not = schema,
                "if" => node.condition = schema,
                "then" => node.then = schema,
                _ => node.otherwise = schema,
            }
        }
        Ok(())
    }
}

/// A bound, and one that the value must not reach: in draft 4 a flag that turns the first into the second.
fn bound(
    object: &Object,
    key: &str,
    exclusive_key: &str,
    draft: Draft,
) -> Result<(Option<Number>, Option<Number>), String> {
    let bound = match object.get(key) {
        None => None,
        Some(Value::Number(number)) => Some(number.clone()),
        Some(_) => return must_be(key, "of a Number"),
    };
    match (object.get(exclusive_key), draft) {
        (None, _) => Ok((bound, None)),
        (Some(Value::Bool(exclusive)), Draft::Four | Draft::Hybrid) => match bound {
            None => Err(format!("{exclusive_key} cannot be used without {key}")),
            bound if *exclusive => Ok((None, bound)),
            bound => Ok((bound, None)),
        },
        (Some(Value::Number(exclusive)), Draft::Six | Draft::Seven | Draft::Hybrid) => {
            Ok((bound, Some(exclusive.clone())))
        }
        (Some(_), Draft::Four) => invalid("boolean", exclusive_key),
        (Some(_), Draft::Hybrid) => invalid("boolean/number", exclusive_key),
        (Some(_), _) => invalid("number", exclusive_key),
    }
}

//! [`Schema`]: the `OpenAPI` v3 schema of a constraint's parameters, as the API server holds custom resources to theirs
//! (`k8s.io/apiextensions-apiserver`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use lumen_value::read::Limits;
use lumen_value::{Number, Object, Pointer, Step, Str, Value, json};
use regex::Regex;

use super::decode::{Cursor, TypeError};

mod format;
mod structural;
mod unknown;
mod validate;

/// Deepest nesting of schemas in schemas. Nobody writes half as many levels.
pub const DEPTH_MAX: usize = 100;

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The way to it.
    pub at: Pointer,
    /// What is wrong, as the API server words it.
    pub message: String,
}

impl Fault {
    fn new(at: &Pointer, message: impl Into<String>) -> Self {
        Self { at: at.clone(), message: message.into() }
    }
}

/// Why a schema cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A field has the wrong type.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// It nests too deeply.
    #[error("the schema nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

/// `additionalProperties`: whether, and by which schema.
#[derive(Clone, Debug, Default)]
struct Additional {
    allowed: bool,
    schema: Option<Box<Schema>>,
}

/// `pattern`: the text, and what it compiles to.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    regex: Result<Regex, String>,
}

/// The bounds on numbers and sizes.
#[derive(Clone, Debug, Default)]
struct Bounds {
    maximum: Option<f64>,
    exclusive_maximum: bool,
    minimum: Option<f64>,
    exclusive_minimum: bool,
    multiple_of: Option<f64>,
    length_max: Option<i64>,
    length_min: Option<i64>,
    items_max: Option<i64>,
    items_min: Option<i64>,
    properties_max: Option<i64>,
    properties_min: Option<i64>,
}

/// `enum`: what a value may be.
#[derive(Clone, Debug)]
struct Choices {
    /// As they were written.
    listed: Vec<Value>,
    /// Those that are no numbers, sorted.
    others: Vec<Value>,
    /// The integers, sorted; a number that is compared with one loses its fraction, as upstream has it.
    integers: Vec<f64>,
    /// The other numbers, sorted.
    fractions: Vec<f64>,
}

impl Choices {
    fn decode(cursor: &Cursor<'_>) -> Result<Option<Self>, TypeError> {
        let listed: Vec<Value> =
            cursor.list("enum")?.into_iter().map(|choice| choice.value.clone()).collect();
        if listed.is_empty() {
            return Ok(None);
        }
        let (mut others, mut integers, mut fractions) = (Vec::new(), Vec::new(), Vec::new());
        for choice in &listed {
            match choice {
                Value::Number(number) if number.as_i64().is_some() => integers.push(number.as_f64()),
                Value::Number(number) => fractions.push(number.as_f64()),
                other => others.push(other.clone()),
            }
        }
        others.sort();
        integers.sort_by(f64::total_cmp);
        fractions.sort_by(f64::total_cmp);
        Ok(Some(Self { listed, others, integers, fractions }))
    }

    /// Whether a value is one of them. Null never is.
    fn contains(&self, value: &Value) -> bool {
        let has = |sorted: &[f64], number: f64| {
            // A zero may have a sign.
            sorted.binary_search_by(|each| each.total_cmp(&(number + 0.0))).is_ok()
        };
        match value {
            Value::Null => false,
            Value::Number(number) => {
                let number = number.as_f64();
                has(&self.integers, number.trunc()) || has(&self.fractions, number)
            }
            other => self.others.binary_search(other).is_ok(),
        }
    }
}

/// A value that its defaults would make too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its defaults would add more than {DEFAULTS_MAX} fields")]
pub struct TooManyDefaults;

/// Most fields that defaults may add to one value: a default of each item of a list is added to each.
const DEFAULTS_MAX: usize = 1_000_000;

/// What a value must be.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The schema as it was written.
    raw: Value,
    kind: String,
    nullable: bool,
    default: Option<Value>,
    format: String,
    bounds: Bounds,
    pattern: Option<Pattern>,
    choices: Option<Choices>,
    required: Vec<String>,
    properties: BTreeMap<Str, Arc<Schema>>,
    additional: Option<Additional>,
    items: Option<Arc<Schema>>,
    all_of: Vec<Schema>,
    any_of: Vec<Schema>,
    one_of: Vec<Schema>,
    not: Option<Arc<Schema>>,
    preserves_unknown: Option<bool>,
    is_embedded: bool,
    is_int_or_string: bool,
    list_type: Option<String>,
    list_keys: Vec<String>,
    map_type: Option<String>,
}

impl Schema {
    /// Reads a schema; null is one that says nothing.
    pub fn decode(value: &Value) -> Result<Self, SchemaError> {
        Self::at(&Cursor::root(value), 0)
    }

    fn at(cursor: &Cursor<'_>, depth: usize) -> Result<Self, SchemaError> {
        if depth > DEPTH_MAX {
            return Err(SchemaError::TooDeep);
        }
        let inner = |cursor: &Cursor<'_>| Self::at(cursor, depth + 1);
        let optional = |name| cursor.field(name)?.as_ref().map(inner).transpose();
        let list = |name| cursor.list(name)?.iter().map(inner).collect::<Result<Vec<_>, _>>();
        let mut properties = BTreeMap::new();
        if let Some(fields) = cursor.field("properties")? {
            let object = fields.object()?;
            for (name, value) in object.fields() {
                let cursor = fields.child(value, name.clone());
                properties.insert(name.clone(), Arc::new(inner(&cursor)?));
            }
        }
        let additional = match cursor.field("additionalProperties")? {
            None => None,
            Some(Cursor { value: Value::Bool(allowed), .. }) => {
                Some(Additional { allowed: *allowed, schema: None })
            }
            Some(found) => Some(Additional { allowed: true, schema: Some(Box::new(inner(&found)?)) }),
        };
        let items = match cursor.field("items")? {
            // A list of schemas is refused by the check, which looks at the text itself.
            Some(Cursor { value: Value::Array(_), .. }) | None => None,
            Some(found) => Some(Arc::new(inner(&found)?)),
        };
        let pattern = cursor.text("pattern")?;
        let word = |name| cursor.field(name)?.map(|found| found.string()).transpose();
        Ok(Self {
            raw: cursor.value.clone(),
            kind: cursor.text("type")?,
            nullable: cursor.flag("nullable")?.unwrap_or_default(),
            default: cursor.field("default")?.map(|found| found.value.clone()),
            format: cursor.text("format")?,
            bounds: Bounds::decode(cursor)?,
            pattern: (!pattern.is_empty()).then(|| Pattern::new(pattern)),
            choices: Choices::decode(cursor)?,
            required: cursor.texts("required")?,
            properties,
            additional,
            items,
            all_of: list("allOf")?,
            any_of: list("anyOf")?,
            one_of: list("oneOf")?,
            not: optional("not")?.map(Arc::new),
            preserves_unknown: cursor.flag("x-kubernetes-preserve-unknown-fields")?,
            is_embedded: cursor.flag("x-kubernetes-embedded-resource")?.unwrap_or_default(),
            is_int_or_string: cursor.flag("x-kubernetes-int-or-string")?.unwrap_or_default(),
            list_type: word("x-kubernetes-list-type")?,
            list_keys: cursor.texts("x-kubernetes-list-map-keys")?,
            map_type: word("x-kubernetes-map-type")?,
        })
    }

    /// The schema with every field that it does not name allowed: `legacySchema`
    /// (frameworks/constraint `pkg/schema/transform.go`).
    #[must_use]
    pub fn preserving_unknown(mut self) -> Self {
        match self.kind.as_str() {
            "" | "object" => self.preserves_unknown = Some(true),
            "array" if self.items.is_none() => {
                self.items = Some(Arc::new(Self { preserves_unknown: Some(true), ..Self::default() }));
            }
            _ => {}
        }
        let preserving = |schema: Arc<Self>| Arc::new(Arc::unwrap_or_clone(schema).preserving_unknown());
        let properties = std::mem::take(&mut self.properties);
        self.properties = properties.into_iter().map(|(name, schema)| (name, preserving(schema))).collect();
        self.items = self.items.map(preserving);
        if let Some(schema) = self.additional.as_mut().and_then(|additional| additional.schema.as_mut()) {
            **schema = std::mem::take(&mut **schema).preserving_unknown();
        }
        self
    }

    /// The schema of a constraint whose template has these parameters
    /// (frameworks/constraint `pkg/client/crds/schema.go`).
    pub fn of_constraint(parameters: Option<Self>) -> Self {
        let mut schema = ENVELOPE.clone();
        if let (Some(parameters), Some(spec)) = (parameters, schema.properties.get_mut(&Str::from("spec"))) {
            Arc::make_mut(spec).properties.insert("parameters".into(), Arc::new(parameters));
        }
        schema
    }

    /// What makes the schema one that the API server refuses for the parameters of a constraint, sorted.
    pub fn check(&self) -> Vec<Fault> {
        structural::check(self)
    }

    /// What is wrong with a value, sorted. Unknown fields are not.
    pub fn validate(&self, value: &Value) -> Vec<Fault> {
        validate::validate(self, value)
    }

    /// The fields of a resource that the schema does not name, sorted. Those that every resource has are never unknown.
    pub fn unknown_fields(&self, resource: &Value) -> Vec<Pointer> {
        unknown::of_resource(self, resource)
    }

    /// The value with the fields filled in that it leaves out and that have a default
    /// (`pkg/apiserver/schema/defaulting/algorithm.go`).
    pub fn with_defaults(&self, value: &Value) -> Result<Value, TooManyDefaults> {
        self.with_some_defaults(value, &mut DEFAULTS_MAX.clone())
    }

    /// Goes as deep as the schema nests, which is bounded.
    fn with_some_defaults(&self, value: &Value, left: &mut usize) -> Result<Value, TooManyDefaults> {
        match (value, &self.items) {
            (Value::Object(fields), _) => self.object_with_defaults(fields, left),
            (Value::Array(items), Some(schema)) => {
                let items: Result<Vec<Value>, _> =
                    items.iter().map(|item| schema.filled(item, left)).collect();
                Ok(items?.into())
            }
            (other, _) => Ok(other.clone()),
        }
    }

    fn object_with_defaults(&self, fields: &Object, left: &mut usize) -> Result<Value, TooManyDefaults> {
        let mut filled: Vec<(Value, Value)> = Vec::with_capacity(fields.len());
        for (key, value) in fields.iter() {
            let schema = match key {
                Value::String(name) => self.property(name).or_else(|| self.additional_schema()),
                _ => None,
            };
            let value = schema.map_or_else(|| Ok(value.clone()), |schema| schema.filled(value, left))?;
            filled.push((key.clone(), value));
        }
        for (name, schema) in &self.properties {
            if let (Some(default), None) = (&schema.default, fields.get_key(name)) {
                *left = left.checked_sub(1).ok_or(TooManyDefaults)?;
                filled.push((Value::String(name.clone()), schema.with_some_defaults(default, left)?));
            }
        }
        Ok(Object::from(filled).into())
    }

    /// A value that is there, with defaults; a null that must be none counts as missing.
    fn filled(&self, value: &Value, left: &mut usize) -> Result<Value, TooManyDefaults> {
        match &self.default {
            Some(default) if value.is_null() && !self.nullable => self.with_some_defaults(default, left),
            _ => self.with_some_defaults(value, left),
        }
    }

    fn property(&self, name: &Str) -> Option<&Self> {
        self.properties.get(name).map(Arc::as_ref)
    }

    fn additional_schema(&self) -> Option<&Self> {
        self.additional.as_ref()?.schema.as_deref()
    }
}

impl Bounds {
    fn decode(cursor: &Cursor<'_>) -> Result<Self, TypeError> {
        Ok(Self {
            maximum: cursor.number("maximum")?.map(Number::as_f64),
            exclusive_maximum: cursor.flag("exclusiveMaximum")?.unwrap_or_default(),
            minimum: cursor.number("minimum")?.map(Number::as_f64),
            exclusive_minimum: cursor.flag("exclusiveMinimum")?.unwrap_or_default(),
            multiple_of: cursor.number("multipleOf")?.map(Number::as_f64),
            length_max: cursor.integer("maxLength")?,
            length_min: cursor.integer("minLength")?,
            items_max: cursor.integer("maxItems")?,
            items_min: cursor.integer("minItems")?,
            properties_max: cursor.integer("maxProperties")?,
            properties_min: cursor.integer("minProperties")?,
        })
    }
}

impl Pattern {
    fn new(text: String) -> Self {
        Self { regex: lumen_regex::compile(&text, lumen_regex::KEPT_PROGRAM_BYTES_MAX), text }
    }
}

/// A way as the API server prints it: keys of `properties` stand in brackets, those of others behind a dot.
pub fn schema_path(at: &Pointer) -> String {
    let mut path = String::new();
    let mut is_map = false;
    for step in at.steps() {
        match step {
            Step::Index(index) => write_step(&mut path, &format!("[{index}]")),
            Step::Key(key) if is_map => write_step(&mut path, &format!("[{}]", key.to_text())),
            Step::Key(key) => write_step(&mut path, &format!(".{}", key.to_text())),
        }
        is_map = !is_map
            && matches!(step, Step::Key(key) if ["properties", "definitions", "dependencies"].contains(&&*key.to_text()));
    }
    path
}

fn write_step(path: &mut String, step: &str) {
    // Writing to a string cannot fail.
    _ = path.write_str(step);
}

/// The way to the parameters' schema in that of the constraint, as upstream prints it.
pub const PARAMETERS_PATH: &str = "spec.validation.openAPIV3Schema.properties[spec].properties[parameters]";

/// [`CONSTRAINT`], read once: every template's constraints share all of it but their parameters.
static ENVELOPE: LazyLock<Schema> = LazyLock::new(|| {
    // It is written below, so it can be read; a mistake in it shows in every test.
    let text = json::parse(CONSTRAINT.as_bytes(), &Limits::default()).map(|parsed| parsed.value);
    Schema::decode(&text.unwrap_or_default()).unwrap_or_default()
});

/// The schema of a constraint as a document, for the definition of its kind: with the document of its parameters' schema, where
/// the template has one.
pub fn constraint_document(parameters: Option<&Value>) -> Value {
    let text = json::parse(CONSTRAINT.as_bytes(), &Limits::default()).map(|parsed| parsed.value);
    let document = text.unwrap_or_default();
    let Some(parameters) = parameters else { return document };
    inside(&document, &["properties", "spec", "properties"], "parameters", parameters)
}

/// An object with one more entry some keys further down.
fn inside(value: &Value, path: &[&str], key: &str, entry: &Value) -> Value {
    let fields = value.as_object().cloned().unwrap_or_default();
    match path.split_first() {
        None => fields.with(key, entry.clone()).into(),
        Some((first, rest)) => {
            let below = inside(fields.get(first).unwrap_or(&Value::Null), rest, key, entry);
            fields.with(*first, below).into()
        }
    }
}

/// The document of a schema with every field that it does not name allowed, as [`Schema::preserving_unknown`]. The recursion is
/// as deep as schemas may be ([`DEPTH_MAX`]); what lies deeper is left as it is.
pub fn document_preserving_unknown(document: &Value) -> Value {
    preserving(document, DEPTH_MAX)
}

fn preserving(document: &Value, depth: usize) -> Value {
    let Some(mut fields) = document.as_object().cloned().filter(|_| depth > 0) else {
        return document.clone();
    };
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let preserve = "x-kubernetes-preserve-unknown-fields";
    match kind {
        "" | "object" => fields = fields.with(preserve, true),
        "array" if fields.get("items").is_none_or(Value::is_null) => {
            fields = fields.with("items", Value::from([(preserve, true.into())]));
        }
        _ => {}
    }
    if let Some(Value::Object(properties)) = fields.get("properties") {
        let properties: Object =
            properties.iter().map(|(name, schema)| (name.clone(), preserving(schema, depth - 1))).collect();
        fields = fields.with("properties", properties);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(schema @ Value::Object(_)) = fields.get(key) {
            let schema = preserving(schema, depth - 1);
            fields = fields.with(key, schema);
        }
    }
    fields.into()
}

/// The schema of a constraint without its parameters: that of `match` is gatekeeper's
/// (`pkg/target/matchcrd_constant.go`).
const CONSTRAINT: &str = r#"{
  "type": "object",
  "properties": {
    "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 63}}},
    "status": {"x-kubernetes-preserve-unknown-fields": true},
    "spec": {
      "type": "object",
      "properties": {
        "enforcementAction": {"type": "string", "default": "deny"},
        "scopedEnforcementActions": {
          "type": "array",
          "items": {
            "type": "object",
            "properties": {
              "action": {"type": "string"},
              "enforcementPoints": {
                "type": "array",
                "items": {"type": "object", "properties": {"name": {"type": "string"}}}
              }
            }
          }
        },
        "match": {
          "type": "object",
          "properties": {
            "excludedNamespaces": {
              "type": "array",
              "items": {"type": "string", "pattern": "^\\*?[-:a-z0-9]*\\*?$"}
            },
            "kinds": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {
                  "apiGroups": {"type": "array", "items": {"type": "string"}},
                  "kinds": {"type": "array", "items": {"type": "string"}}
                }
              }
            },
            "labelSelector": {
              "type": "object",
              "x-kubernetes-map-type": "atomic",
              "properties": {
                "matchExpressions": {
                  "type": "array",
                  "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                      "key": {"type": "string"},
                      "operator": {"type": "string"},
                      "values": {"type": "array", "items": {"type": "string"}}
                    }
                  }
                },
                "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}
              }
            },
            "name": {"type": "string", "pattern": "^\\*?[-:a-z0-9]*\\*?$"},
            "namespaceSelector": {
              "type": "object",
              "x-kubernetes-map-type": "atomic",
              "properties": {
                "matchExpressions": {
                  "type": "array",
                  "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                      "key": {"type": "string"},
                      "operator": {"type": "string"},
                      "values": {"type": "array", "items": {"type": "string"}}
                    }
                  }
                },
                "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}
              }
            },
            "namespaces": {
              "type": "array",
              "items": {"type": "string", "pattern": "^\\*?[-:a-z0-9]*\\*?$"}
            },
            "scope": {"type": "string"},
            "source": {"type": "string", "enum": ["All", "Generated", "Original"]}
          }
        }
      }
    }
  }
}"#;

//! Whether a value is what its schema says (`k8s.io/kube-openapi/pkg/validation/validate`).
//!
//! Upstream sees every number of a constraint as one of 64 bits with a fraction: an integer beyond 2^53 is none to it.

use lumen_value::pointer::dotted;
use lumen_value::{Array, Object, Pointer, Step, Value};

use super::{Fault, Schema, format};

/// Most faults of one value that are told of.
const FAULTS_MAX: usize = 100;

/// Most values of an `enum` that a message shows.
const CHOICES_SHOWN_MAX: usize = 50;

/// Most values that are looked at: each item of a list is looked at by each of the schema's conditions.
const STEPS_MAX: usize = 10_000_000;

pub(super) fn validate(schema: &Schema, value: &Value) -> Vec<Fault> {
    run(schema, value, false)
}

/// The same for the default of a schema, where upstream is less strict: `x-kubernetes-int-or-string` asks for nothing, and
/// formats count that it does not know.
pub(super) fn validate_default(schema: &Schema, value: &Value) -> Vec<Fault> {
    run(schema, value, true)
}

fn run(schema: &Schema, value: &Value, is_default: bool) -> Vec<Fault> {
    let mut validator = Validator { at: Vec::new(), faults: Vec::new(), is_default, left: STEPS_MAX };
    validator.value(schema, value);
    if validator.left == 0 {
        let message = format!("it takes more than {STEPS_MAX} steps to hold the value to its schema");
        validator.faults = vec![Fault { at: Pointer::ROOT, message }];
    }
    validator.faults.sort();
    validator.faults.dedup();
    validator.faults.truncate(FAULTS_MAX);
    validator.faults
}

/// Goes as deep as the schema nests, which is bounded.
struct Validator {
    at: Vec<Step>,
    faults: Vec<Fault>,
    is_default: bool,
    left: usize,
}

impl Validator {
    fn fault(&mut self, message: impl FnOnce(&str) -> String) {
        if self.faults.len() >= FAULTS_MAX * 4 {
            return;
        }
        let at: Pointer = self.at.iter().cloned().collect();
        let message = message(&dotted(&self.at));
        self.faults.push(Fault { at, message });
    }

    fn value(&mut self, schema: &Schema, value: &Value) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || self.faults.len() >= FAULTS_MAX * 4 {
            return;
        }
        self.type_of(schema, value);
        if value.is_null() {
            return self.choices(schema, value);
        }
        self.logic(schema, value);
        match value {
            Value::String(text) => self.text(schema, &text.to_text()),
            Value::Number(number) => self.number(schema, number.as_f64()),
            Value::Array(items) => self.items(schema, items),
            Value::Object(fields) => self.fields(schema, fields),
            Value::Null | Value::Bool(_) | Value::Set(_) => {}
        }
        self.choices(schema, value);
    }

    fn type_of(&mut self, schema: &Schema, value: &Value) {
        let types = types(schema);
        if types.is_empty() || (self.is_default && schema.is_int_or_string) {
            return;
        }
        let takes = |kind: &str| types.contains(&kind);
        let found = match value {
            Value::Null if schema.nullable => return,
            other => other.kind(),
        };
        let format = if self.is_default { &schema.format } else { format_of(schema) };
        let is_text_of_format = !format.is_empty()
            && matches!(value, Value::String(_) | Value::Array(_))
            && !takes("number")
            && !takes("integer");
        let is_integer = takes("integer")
            && value.as_number().is_some_and(|number| format::is_json_integer(number.as_f64()));
        if !takes(found) && !is_integer && !is_text_of_format {
            let wanted = types.join(",");
            // Upstream tells what Go holds it as: a whole number of 64 bits is an integer.
            let is_whole = value.as_number().is_some_and(|number| number.as_i64().is_some());
            let found = if is_whole { "integer" } else { found };
            self.fault(|path| {
                format!(r#"Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}""#)
            });
        }
    }

    fn logic(&mut self, schema: &Schema, value: &Value) {
        if !schema.any_of.is_empty() && !schema.any_of.iter().any(|each| self.is_valid(each, value)) {
            self.fault(|path| {
                format!(r#"Invalid value: "": "{path}" must validate at least one schema (anyOf)"#)
            });
        }
        let one = schema.one_of.iter().filter(|each| self.is_valid(each, value)).count();
        if !schema.one_of.is_empty() && one != 1 {
            let found =
                if one == 0 { "Found none valid".into() } else { format!("Found {one} valid alternatives") };
            self.fault(|path| {
                format!(
                    r#"Invalid value: "": "{path}" must validate one and only one schema (oneOf). {found}"#
                )
            });
        }
        for each in &schema.all_of {
            self.value(each, value);
        }
        if schema.not.as_ref().is_some_and(|not| self.is_valid(not, value)) {
            self.fault(|path| format!(r#"Invalid value: "": "{path}" must not validate the schema (not)"#));
        }
    }

    fn is_valid(&mut self, schema: &Schema, value: &Value) -> bool {
        let (at, left) = (self.at.clone(), self.left);
        let mut validator = Self { at, faults: Vec::new(), is_default: self.is_default, left };
        validator.value(schema, value);
        self.left = validator.left;
        validator.faults.is_empty()
    }

    fn text(&mut self, schema: &Schema, text: &str) {
        let bounds = &schema.bounds;
        if bounds.length_max.is_some() || bounds.length_min.is_some() {
            let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            if let Some(max) = bounds.length_max.filter(|max| length > *max) {
                self.fault(|_| format!("Too long: may not be more than {max} bytes"));
            } else if let Some(min) = bounds.length_min.filter(|min| length < *min) {
                self.fault(|path| {
                    format!("Invalid value: {text:?}: {path} in body should be at least {min} chars long")
                });
            }
        }
        if let Some(pattern) = &schema.pattern
            && !pattern.regex.as_ref().is_ok_and(|regex| regex.is_match(text))
        {
            let wanted = &pattern.text;
            self.fault(|path| format!("Invalid value: {text:?}: {path} in body should match '{wanted}'"));
        }
        let format = if self.is_default { &schema.format } else { format_of(schema) };
        if !format.is_empty() && !format::is(format, text) {
            self.fault(|path| {
                format!("Invalid value: {text:?}: {path} in body must be of type {format}: {text:?}")
            });
        }
    }

    fn number(&mut self, schema: &Schema, number: f64) {
        let bounds = &schema.bounds;
        let is_integer = schema.kind == "integer" && !schema.is_int_or_string;
        let (low, high) = match (is_integer, schema.format.as_str()) {
            (true, "int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
            // 2^63 itself is too large, and the next smaller number of this type is not.
            (true, _) => (-9_223_372_036_854_775_808.0, 9_223_372_036_854_774_784.0),
            (false, "float") if schema.kind == "number" => (f64::from(f32::MIN), f64::from(f32::MAX)),
            (false, _) => (f64::NEG_INFINITY, f64::INFINITY),
        };
        if number < low || number > high || (is_integer && number.fract() != 0.0) {
            let kind = if is_integer { "integer" } else { "number" };
            self.fault(|path| {
                format!(r#"Invalid value: "": Checked value must be of type {kind} in {path}"#)
            });
        }
        // The bounds of an integer must be integers themselves.
        for (name, bound) in [
            ("MultipleOf", bounds.multiple_of),
            ("Maximum boundary", bounds.maximum),
            ("Minimum boundary", bounds.minimum),
        ] {
            if is_integer && bound.is_some_and(|bound| bound.fract() != 0.0) {
                self.fault(|path| {
                    format!(r#"Invalid value: "": {name} value must be of type integer (default format) in {path}"#)
                });
            }
        }
        if let Some(max) = bounds.maximum {
            let exclusive = bounds.exclusive_maximum;
            if number > max || (exclusive && number >= max) {
                let word = if exclusive { "less than" } else { "less than or equal to" };
                self.fault(|path| format!("Invalid value: {number}: {path} in body should be {word} {max}"));
            }
        }
        if let Some(min) = bounds.minimum {
            let exclusive = bounds.exclusive_minimum;
            if number < min || (exclusive && number <= min) {
                let word = if exclusive { "greater than" } else { "greater than or equal to" };
                self.fault(|path| format!("Invalid value: {number}: {path} in body should be {word} {min}"));
            }
        }
        if let Some(factor) = bounds.multiple_of {
            let times = if factor < 1.0 { 1.0 / factor * number } else { number / factor };
            if factor <= 0.0 || !format::is_json_integer(times) {
                self.fault(|path| {
                    format!("Invalid value: {number}: {path} in body should be a multiple of {factor}")
                });
            }
        }
    }

    fn items(&mut self, schema: &Schema, items: &Array) {
        if let Some(inner) = &schema.items {
            for (index, item) in items.iter().enumerate() {
                self.at.push(index.into());
                self.value(inner, item);
                self.at.pop();
            }
        }
        let (count, bounds) = (i64::try_from(items.len()).unwrap_or(i64::MAX), &schema.bounds);
        if let Some(min) = bounds.items_min.filter(|min| count < *min) {
            self.fault(|path| {
                format!("Invalid value: {count}: {path} in body should have at least {min} items")
            });
        }
        if let Some(max) = bounds.items_max.filter(|max| count > *max) {
            self.fault(|_| format!("Too many: {count}: must have at most {max} items"));
        }
    }

    fn fields(&mut self, schema: &Schema, fields: &Object) {
        let (count, bounds) = (i64::try_from(fields.len()).unwrap_or(i64::MAX), &schema.bounds);
        if let Some(min) = bounds.properties_min.filter(|min| count < *min) {
            self.fault(|path| {
                format!("Invalid value: {count}: {path} in body should have at least {min} properties")
            });
        }
        if let Some(max) = bounds.properties_max.filter(|max| count > *max) {
            self.fault(|_| format!("Too many: {count}: must have at most {max} items"));
        }
        for (name, value) in fields.fields() {
            let inner = match (schema.property(name), &schema.additional) {
                (Some(inner), _) => Some(inner),
                (None, Some(additional)) => {
                    if !additional.allowed {
                        let name = name.to_text();
                        self.fault(|path| {
                            format!(r#"Invalid value: "": {path}.{name} in body is a forbidden property"#)
                        });
                    }
                    additional.schema.as_deref()
                }
                (None, None) => None,
            };
            if let Some(inner) = inner {
                self.at.push(name.clone().into());
                self.value(inner, value);
                self.at.pop();
            }
        }
        self.left = self.left.saturating_sub(schema.required.len());
        for name in schema.required.iter().filter(|name| fields.get(name).is_none()) {
            self.at.push(name.as_str().into());
            self.fault(|_| "Required value".to_owned());
            self.at.pop();
        }
    }

    fn choices(&mut self, schema: &Schema, value: &Value) {
        let Some(choices) = schema.choices.as_ref().filter(|choices| !choices.contains(value)) else {
            return;
        };
        let shown: Vec<String> = choices.listed.iter().take(CHOICES_SHOWN_MAX).map(Value::to_json).collect();
        let shown = shown.join(", ");
        self.fault(|_| format!("Unsupported value: {}: supported values: {shown}", value.to_json()));
    }
}

/// The types that a value may have; none where any will do.
fn types(schema: &Schema) -> Vec<&str> {
    if schema.is_int_or_string {
        return vec!["integer", "string"];
    }
    if schema.kind.is_empty() { Vec::new() } else { vec![schema.kind.as_str()] }
}

/// The format that texts must have; empty where it is none that the API server knows for them.
fn format_of(schema: &Schema) -> &str {
    let is_text = !schema.is_int_or_string && matches!(schema.kind.as_str(), "" | "string");
    if is_text && format::is_known(&schema.format) { &schema.format } else { "" }
}

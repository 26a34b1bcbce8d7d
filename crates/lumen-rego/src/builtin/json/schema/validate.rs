//! Judges a document by a schema (`validation.go`): every fault, in upstream's order; members of objects in the order of their keys.

use lumen_value::{Array, Number, Object, Str, Value};

use super::super::super::regex::charge_search;
use super::super::super::{Context, Failure};
use super::{Dependency, Id, Node, Rest, Schema, format, number};
use crate::depth;

/// Deepest nesting of schemas within each other while a document is judged; a schema that leads to itself has no end.
const NESTING_MAX: usize = 10_000;

/// Something that is not as the schema says.
#[derive(Clone)]
pub(super) struct Fault {
    /// Upstream's name for what it is.
    pub(super) kind: &'static str,
    /// Where, with points between the keys.
    pub(super) field: String,
    pub(super) description: String,
}

/// The verdict on a part, and how well it fits: of several that do not, the best is told of.
#[derive(Default)]
struct Verdict {
    faults: Vec<Fault>,
    score: i64,
}

impl Verdict {
    fn merge(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.score += other.score;
    }

    fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }
}

/// All that is wrong with a document.
pub(super) fn validate(
    context: &mut Context<'_>,
    schema: &Schema,
    document: &Value,
) -> Result<Vec<Fault>, Failure> {
    let mut judge = Judge { context, schema, path: Vec::new(), nesting: 0 };
    Ok(judge.judge(0, document)?.faults)
}

struct Judge<'a, 'c> {
    context: &'a mut Context<'c>,
    schema: &'a Schema,
    path: Vec<Str>,
    nesting: usize,
}

impl<'a> Judge<'a, '_> {
    fn fail(
        &mut self,
        verdict: &mut Verdict,
        kind: &'static str,
        describe: impl FnOnce(&str) -> String,
    ) -> Result<(), Failure> {
        let field = if self.path.is_empty() {
            "(Root)".to_owned()
        } else {
            self.path.iter().map(Str::to_text).collect::<Vec<_>>().join(".")
        };
        let description = describe(&field);
        self.context.budget.steps(self.path.len() as u64 + 1)?;
        self.context.budget.bytes(2 * (field.len() + description.len()) as u64 + 128)?;
        verdict.faults.push(Fault { kind, field, description });
        // With the one that every part adds in the end, this is minus one.
        verdict.score -= 2;
        Ok(())
    }

    /// Judges a member at a key of the value at hand.
    fn judge_member(&mut self, id: Id, key: Str, value: &Value) -> Result<Verdict, Failure> {
        self.path.push(key);
        let verdict = self.judge(id, value);
        self.path.pop();
        verdict
    }

    fn judge(&mut self, id: Id, value: &Value) -> Result<Verdict, Failure> {
        self.context.budget.steps(8)?;
        if self.nesting >= NESTING_MAX {
            return Err(Failure::Budget);
        }
        self.nesting += 1;
        let verdict = depth::grow(|| self.judge_node(id, value));
        self.nesting -= 1;
        verdict
    }

    fn judge_node(&mut self, id: Id, value: &Value) -> Result<Verdict, Failure> {
        let mut verdict = Verdict::default();
        let schema = self.schema;
        let Some(node) = schema.nodes.get(id) else {
            return Ok(verdict);
        };
        if let Some(pass) = node.pass {
            if !pass {
                self.fail(&mut verdict, "false", |_| "False always fails validation".to_owned())?;
            }
            return Ok(verdict);
        }
        if let Some(reference) = node.reference {
            return self.judge(reference, value);
        }
        if !self.is_of_type(node, value, &mut verdict)? {
            return Ok(verdict);
        }
        self.combinations(node, value, &mut verdict)?;
        match value {
            Value::Number(number) => {
                self.number(node, number, &mut verdict)?;
                self.common(node, value, &mut verdict)?;
            }
            Value::String(text) => {
                self.common(node, value, &mut verdict)?;
                self.string(node, text, &mut verdict)?;
            }
            Value::Array(items) => {
                self.array(node, items, &mut verdict)?;
                self.common(node, value, &mut verdict)?;
            }
            Value::Object(object) => {
                self.object(node, object, &mut verdict)?;
                self.common(node, value, &mut verdict)?;
                for (key, property) in &node.properties {
                    self.context.budget.steps(1)?;
                    if let Some(member) = object.get_key(key) {
                        let found = self.judge_member(*property, key.clone(), member)?;
                        verdict.merge(found);
                    }
                }
            }
            _ => self.common(node, value, &mut verdict)?,
        }
        verdict.score += 1;
        Ok(verdict)
    }

    fn is_of_type(&mut self, node: &Node, value: &Value, verdict: &mut Verdict) -> Result<bool, Failure> {
        let given = match value {
            Value::Number(found) if number::is_integer(found) => "integer",
            other => other.kind(),
        };
        let named = |name: &str| node.types.iter().any(|known| *known == *name);
        if node.types.is_empty() || named(given) || (given == "integer" && named("number")) {
            return Ok(true);
        }
        let expected = match node.types.as_slice() {
            [one] => one.to_string(),
            several => format!("[{}]", several.iter().map(Str::to_text).collect::<Vec<_>>().join(",")),
        };
        self.fail(verdict, "invalid_type", |_| {
            format!("Invalid type. Expected: {expected}, given: {given}")
        })?;
        Ok(false)
    }

    fn combinations(&mut self, node: &'a Node, value: &Value, verdict: &mut Verdict) -> Result<(), Failure> {
        self.any_of(&node.any_of, value, verdict)?;
        self.one_of(&node.one_of, value, verdict)?;
        let mut valid = 0;
        for schema in &node.all_of {
            let found = self.judge(*schema, value)?;
            valid += usize::from(found.is_valid());
            verdict.merge(found);
        }
        if valid != node.all_of.len() {
            self.fail(verdict, "number_all_of", |_| "Must validate all the schemas (allOf)".to_owned())?;
        }
        if let Some(not) = node.not
            && self.judge(not, value)?.is_valid()
        {
            self.fail(verdict, "number_not", |_| "Must not validate the schema (not)".to_owned())?;
        }
        if let Value::Object(object) = value {
            self.dependencies(node, value, object, verdict)?;
        }
        self.condition(node, value, verdict)?;
        verdict.score += 1;
        Ok(())
    }

    fn any_of(&mut self, schemas: &[Id], value: &Value, verdict: &mut Verdict) -> Result<(), Failure> {
        let mut best: Option<Verdict> = None;
        for schema in schemas {
            let found = self.judge(*schema, value)?;
            if found.is_valid() {
                return Ok(());
            }
            if best.as_ref().is_none_or(|best| found.score > best.score) {
                best = Some(found);
            }
        }
        if let Some(best) = best {
            self.fail(verdict, "number_any_of", |_| "Must validate at least one schema (anyOf)".to_owned())?;
            verdict.merge(best);
        }
        Ok(())
    }

    fn one_of(&mut self, schemas: &[Id], value: &Value, verdict: &mut Verdict) -> Result<(), Failure> {
        let mut best: Option<Verdict> = None;
        let mut valid = 0;
        for schema in schemas {
            let found = self.judge(*schema, value)?;
            if found.is_valid() {
                valid += 1;
            } else if valid == 0 && best.as_ref().is_none_or(|best| found.score > best.score) {
                best = Some(found);
            }
        }
        if schemas.is_empty() || valid == 1 {
            return Ok(());
        }
        self.fail(verdict, "number_one_of", |_| "Must validate one and only one schema (oneOf)".to_owned())?;
        if let Some(best) = best.filter(|_| valid == 0) {
            verdict.merge(best);
        }
        Ok(())
    }

    fn dependencies(
        &mut self,
        node: &'a Node,
        value: &Value,
        object: &Object,
        verdict: &mut Verdict,
    ) -> Result<(), Failure> {
        for (key, dependency) in &node.dependencies {
            self.context.budget.steps(1)?;
            if object.get_key(key).is_none() {
                continue;
            }
            match dependency {
                Dependency::Properties(names) => {
                    for name in names.iter().filter(|name| object.get_key(name).is_none()) {
                        let describe = |_: &str| format!("Has a dependency on {name}");
                        self.fail(verdict, "missing_dependency", describe)?;
                    }
                }
                Dependency::Schema(schema) => {
                    let found = self.judge(*schema, value)?;
                    verdict.merge(found);
                }
            }
        }
        Ok(())
    }

    fn condition(&mut self, node: &Node, value: &Value, verdict: &mut Verdict) -> Result<(), Failure> {
        let Some(condition) = node.condition else {
            return Ok(());
        };
        let holds = self.judge(condition, value)?.is_valid();
        let (branch, kind, message) = if holds {
            (node.then, "condition_then", "Must validate \"then\" as \"if\" was valid")
        } else {
            (node.otherwise, "condition_else", "Must validate \"else\" as \"if\" was not valid")
        };
        let Some(branch) = branch else {
            return Ok(());
        };
        let found = self.judge(branch, value)?;
        if !found.is_valid() {
            self.fail(verdict, kind, |_| message.to_owned())?;
            verdict.merge(found);
        }
        Ok(())
    }

    fn common(&mut self, node: &Node, value: &Value, verdict: &mut Verdict) -> Result<(), Failure> {
        if node.constant.is_some() || node.choices.is_some() {
            let text = self.canonical(value)?;
            if let Some(constant) = node.constant.as_ref().filter(|constant| **constant != text) {
                self.fail(verdict, "const", |field| format!("{field} does not match: {constant}"))?;
            }
            if let Some(choices) = &node.choices {
                self.context.budget.steps(choices.len() as u64)?;
                if !choices.contains(&text) {
                    let allowed = choices.join(", ");
                    let describe = |field: &str| format!("{field} must be one of the following: {allowed}");
                    self.fail(verdict, "enum", describe)?;
                }
            }
        }
        if let (Some(format), Value::String(text)) = (&node.format, value) {
            self.context.budget.steps(text.as_bytes().len() as u64 / 8)?;
            if !format::is_of(format, text) {
                self.fail(verdict, "format", |_| format!("Does not match format '{format}'"))?;
            }
        }
        verdict.score += 1;
        Ok(())
    }

    fn canonical(&mut self, value: &Value) -> Result<String, Failure> {
        let len = super::super::text_len(self.context, value)?;
        self.context.budget.bytes(2 * len)?;
        let message = "json: cannot unmarshal number into Go value of type float64";
        number::canonical(value).ok_or_else(|| Failure::Builtin(message.to_owned()))
    }

    fn array(&mut self, node: &'a Node, items: &Array, verdict: &mut Verdict) -> Result<(), Failure> {
        for (index, item) in items.iter().enumerate() {
            let schema = match (node.items.get(index), node.additional_items) {
                _ if node.has_one_item => node.items.first().copied(),
                (Some(schema), _) => Some(*schema),
                _ if node.items.is_empty() => None,
                (None, Rest::Schema(schema)) => Some(schema),
                (None, _) => None,
            };
            if let Some(schema) = schema {
                let found = self.judge_member(schema, index_key(index), item)?;
                verdict.merge(found);
            }
        }
        let has_more = !node.has_one_item && !node.items.is_empty() && node.items.len() < items.len();
        if has_more && matches!(node.additional_items, Rest::Allowed(false)) {
            let describe = |_: &str| "No additional items allowed on array".to_owned();
            self.fail(verdict, "array_no_additional_items", describe)?;
        }
        if let Some(min) = node.min_items.filter(|min| items.len() < *min) {
            let describe = |_: &str| format!("Array must have at least {min} items");
            self.fail(verdict, "array_min_items", describe)?;
        }
        if let Some(max) = node.max_items.filter(|max| items.len() > *max) {
            let describe = |_: &str| format!("Array must have at most {max} items");
            self.fail(verdict, "array_max_items", describe)?;
        }
        if node.unique_items {
            self.unique(items, verdict)?;
        }
        if let Some(contains) = node.contains {
            self.contains(contains, items, verdict)?;
        }
        verdict.score += 1;
        Ok(())
    }

    fn unique(&mut self, items: &Array, verdict: &mut Verdict) -> Result<(), Failure> {
        let mut seen = std::collections::HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let text = self.canonical(item)?;
            if let Some(before) = seen.insert(text, index) {
                let describe = |_: &str| format!("array items[{before},{index}] must be unique");
                self.fail(verdict, "unique", describe)?;
            }
        }
        Ok(())
    }

    fn contains(&mut self, schema: Id, items: &Array, verdict: &mut Verdict) -> Result<(), Failure> {
        let mut best: Option<Verdict> = None;
        for (index, item) in items.iter().enumerate() {
            let found = self.judge_member(schema, index_key(index), item)?;
            if found.is_valid() {
                return Ok(());
            }
            if best.as_ref().is_none_or(|best| found.score > best.score) {
                best = Some(found);
            }
        }
        self.fail(verdict, "contains", |_| "At least one of the items must match".to_owned())?;
        if let Some(best) = best {
            verdict.merge(best);
        }
        Ok(())
    }

    fn object(&mut self, node: &'a Node, object: &Object, verdict: &mut Verdict) -> Result<(), Failure> {
        if let Some(min) = node.min_properties.filter(|min| object.len() < *min) {
            let describe = |_: &str| format!("Must have at least {min} properties");
            self.fail(verdict, "array_min_properties", describe)?;
        }
        if let Some(max) = node.max_properties.filter(|max| object.len() > *max) {
            let describe = |_: &str| format!("Must have at most {max} properties");
            self.fail(verdict, "array_max_properties", describe)?;
        }
        for name in &node.required {
            if object.get_key(name).is_some() {
                verdict.score += 1;
            } else {
                self.fail(verdict, "required", |_| format!("{name} is required"))?;
            }
        }
        for (key, member) in object.fields() {
            let is_named = node.properties.binary_search_by(|(name, _)| name.cmp(key)).is_ok();
            let is_matched = self.pattern_properties(node, key, member, verdict)?;
            if is_named || is_matched {
                continue;
            }
            match node.additional_properties {
                Rest::Free | Rest::Allowed(true) => {}
                Rest::Allowed(false) => {
                    let describe = |_: &str| format!("Additional property {key} is not allowed");
                    self.fail(verdict, "additional_property_not_allowed", describe)?;
                }
                Rest::Schema(schema) => {
                    let found = self.judge_member(schema, key.clone(), member)?;
                    verdict.merge(found);
                }
            }
        }
        if let Some(names) = node.property_names {
            for (key, _) in object.fields() {
                let found = self.judge(names, &Value::String(key.clone()))?;
                if !found.is_valid() {
                    let describe = |_: &str| format!("Property name of \"{key}\" does not match");
                    self.fail(verdict, "invalid_property_name", describe)?;
                    verdict.merge(found);
                }
            }
        }
        verdict.score += 1;
        Ok(())
    }

    /// Whether a pattern names the member; judges it by each that does.
    fn pattern_properties(
        &mut self,
        node: &'a Node,
        key: &Str,
        member: &Value,
        verdict: &mut Verdict,
    ) -> Result<bool, Failure> {
        let mut is_matched = false;
        for (pattern, schema) in &node.pattern_properties {
            charge_search(self.context.budget, pattern.size, key.as_bytes().len())?;
            if pattern.regex.is_match(&key.to_text()) {
                is_matched = true;
                let found = self.judge_member(*schema, key.clone(), member)?;
                verdict.merge(found);
            }
        }
        verdict.score += i64::from(is_matched);
        Ok(is_matched)
    }

    fn string(&mut self, node: &Node, text: &Str, verdict: &mut Verdict) -> Result<(), Failure> {
        if node.min_length.is_some() || node.max_length.is_some() {
            self.context.budget.steps(text.as_bytes().len() as u64 / 16)?;
            let len = text.to_text().chars().count();
            if let Some(min) = node.min_length.filter(|min| len < *min) {
                let describe = |_: &str| format!("String length must be greater than or equal to {min}");
                self.fail(verdict, "string_gte", describe)?;
            }
            if let Some(max) = node.max_length.filter(|max| len > *max) {
                let describe = |_: &str| format!("String length must be less than or equal to {max}");
                self.fail(verdict, "string_lte", describe)?;
            }
        }
        if let Some(pattern) = &node.pattern {
            charge_search(self.context.budget, pattern.size, text.as_bytes().len())?;
            if !pattern.regex.is_match(&text.to_text()) {
                let describe = |_: &str| format!("Does not match pattern '{}'", pattern.text);
                self.fail(verdict, "pattern", describe)?;
            }
        }
        verdict.score += 1;
        Ok(())
    }

    fn number(&mut self, node: &Node, found: &Number, verdict: &mut Verdict) -> Result<(), Failure> {
        if let Some(of) = &node.multiple_of {
            let digits = (found.to_string().len() + of.to_string().len()) as u64;
            self.context.budget.steps(digits.saturating_mul(digits) / 64)?;
            if !number::is_multiple(found, of) {
                let of = number::float_text(of);
                self.fail(verdict, "multiple_of", |_| format!("Must be a multiple of {of}"))?;
            }
        }
        let bounds = [
            (
                &node.maximum,
                found > node.maximum.as_ref().unwrap_or(found),
                "number_lte",
                "less than or equal to",
            ),
            (
                &node.exclusive_maximum,
                node.exclusive_maximum.as_ref().is_some_and(|max| found >= max),
                "number_lt",
                "less than",
            ),
            (
                &node.minimum,
                found < node.minimum.as_ref().unwrap_or(found),
                "number_gte",
                "greater than or equal to",
            ),
            (
                &node.exclusive_minimum,
                node.exclusive_minimum.as_ref().is_some_and(|min| found <= min),
                "number_gt",
                "greater than",
            ),
        ];
        for (bound, is_broken, kind, words) in bounds {
            if let Some(bound) = bound.as_ref().filter(|_| is_broken) {
                let bound = number::float_text(bound);
                self.fail(verdict, kind, |_| format!("Must be {words} {bound}"))?;
            }
        }
        verdict.score += 1;
        Ok(())
    }
}

fn index_key(index: usize) -> Str {
    Str::from(index.to_string())
}

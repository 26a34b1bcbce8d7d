//! The exceptions of a rule, as they are written.

use lumen_value::Value;

use super::Item;
use crate::load::collect::Collector;
use crate::load::exception::{Entry, Exception};
use crate::load::problem::{Code, Fault, Spot};

impl Item<'_> {
    /// The exceptions of a rule. Those that are appended may have values alone.
    pub(super) fn exceptions(
        &self,
        collector: &mut Collector,
        appends: bool,
    ) -> Result<Vec<Exception>, Fault> {
        let items = match self.object.get("exceptions") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.fault("exceptions", "Rule exceptions must be a sequence")),
        };
        let mut exceptions: Vec<Exception> = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let spot = self.at("exceptions").child(position);
            let Some(object) = item.as_object() else {
                return Err(spot.fault(Code::YamlValidate, "Rule exception must be a mapping"));
            };
            let item = Item { object, spot };
            let exception = item.exception(collector, appends)?;
            if exceptions.iter().any(|before| before.name == exception.name) {
                let message =
                    format!("Multiple definitions of exception '{}' in the same rule", exception.name);
                collector.note(exception.spot.fault(Code::ExceptionNameNotUnique, message));
            }
            exceptions.push(exception);
        }
        Ok(exceptions)
    }

    fn exception(&self, collector: &mut Collector, appends: bool) -> Result<Exception, Fault> {
        let name = self.text("name")?;
        if !appends && !self.has("fields") {
            return Err(self.fault("fields", "Item has no mapping for key 'fields'"));
        }
        let fields = self.entry("fields")?;
        let comparisons = self.entry("comps")?;
        let mut values = Vec::new();
        match self.object.get("values") {
            None if appends => {
                let message = "Overriding/appending exception with no values";
                collector.note(self.spot.fault(Code::AppendNoValues, message));
            }
            None => {}
            Some(Value::Array(rows)) => {
                for (position, row) in rows.iter().enumerate() {
                    let spot = self.at("values").child(position);
                    values.extend(entry(row, &spot)?.map(|row| (row, spot)));
                }
            }
            Some(_) => return Err(self.fault("values", "Rule exception values must be a sequence")),
        }
        Ok(Exception { name, fields, comparisons, values, spot: self.spot.clone() })
    }

    fn entry(&self, key: &str) -> Result<Option<Entry>, Fault> {
        match self.object.get(key) {
            Some(value) => entry(value, &self.at(key)),
            None => Ok(None),
        }
    }
}

/// A text, or several, of an exception; `None` for nothing.
fn entry(value: &Value, spot: &Spot) -> Result<Option<Entry>, Fault> {
    match value {
        Value::String(text) if text.is_empty() => {
            Err(spot.fault(Code::YamlValidate, "Value must be non-empty"))
        }
        Value::String(text) => Ok(Some(Entry::Text(text.to_string()))),
        Value::Array(items) => {
            let entries =
                items.iter().map(|item| Ok(entry(item, spot)?.unwrap_or_else(|| Entry::Text(String::new()))));
            Ok(Some(Entry::List(entries.collect::<Result<_, Fault>>()?)))
        }
        _ => Ok(None),
    }
}

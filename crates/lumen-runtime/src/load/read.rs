//! Reads the items of a rules file (`rule_loader_reader.cpp`), message for message.

use std::collections::BTreeSet;

use lumen_value::{Object, Value};

use super::collect::{Collector, ListItem, MacroItem, Priority, RuleItem, RuleUpdate, SYSCALL};
use super::pieces::Pieces;
use super::problem::{Code, Fault, Spot};
use super::suggest::Among;
use super::version;
use overrides::{APPENDABLE, Overrides, REPLACEABLE};

mod exceptions;
mod overrides;
mod requirements;

const APPEND: &str =
    "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";
const ENABLED: &str = "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under the 'override' key (i.e. 'enabled: replace').";
const BOTH: &str = "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";

/// The keys of each kind of item.
const LIST_KEYS: &[&str] = &["list", "items", "append", "override"];
const MACRO_KEYS: &[&str] = &["macro", "condition", "append", "override"];
const RULE_KEYS: &[&str] = &[
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "tags",
    "exceptions",
    "override",
    "append",
];
/// An item that is being read.
struct Item<'v> {
    object: &'v Object,
    spot: Spot,
}

/// Reads one item.
pub(super) fn item(collector: &mut Collector, value: &Value, spot: &Spot) -> Result<(), Fault> {
    let Some(object) = value.as_object() else {
        let message = "Unexpected element type. Each element should be a yaml associative array.";
        return Err(spot.fault(Code::YamlValidate, message));
    };
    let mut item = Item { object, spot: spot.clone() };
    let keys = if item.has("required_engine_version") {
        item.engine_version()?;
        &["required_engine_version"][..]
    } else if item.has("required_plugin_versions") {
        item.plugin_versions()?;
        &["required_plugin_versions"][..]
    } else if item.has("list") {
        item.list(collector)?;
        LIST_KEYS
    } else if item.has("macro") {
        item.macro_item(collector)?;
        MACRO_KEYS
    } else if item.has("rule") {
        item.rule(collector)?;
        RULE_KEYS
    } else {
        collector.note(spot.fault(Code::UnknownItem, "Unknown top level item"));
        return Ok(());
    };
    for key in object.fields().map(|(key, _)| key.to_text()).filter(|key| !keys.contains(&key.as_ref())) {
        let message = format!("Unknown key '{key}'. The key will be ignored.");
        let fault = item.spot.child(key.as_ref()).fault(Code::UnknownKey, message);
        collector.note(fault.absent(&key, Among::Words(keys)));
    }
    Ok(())
}

/// `yaml-cpp`'s words for yes and no, in small, large, or with a large first letter.
fn boolean(text: &str) -> Option<bool> {
    let rest = text.get(1..)?;
    let is_even = rest.chars().all(|letter| letter.is_ascii_lowercase())
        || text.chars().all(|letter| letter.is_ascii_uppercase());
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" | "on" if is_even => Some(true),
        "n" | "no" | "false" | "off" if is_even => Some(false),
        _ => None,
    }
}

impl Item<'_> {
    fn has(&self, key: &str) -> bool {
        self.object.get(key).is_some()
    }

    fn at(&self, key: &str) -> Spot {
        if self.has(key) { self.spot.child(key) } else { self.spot.clone() }
    }

    fn fault(&self, key: &str, message: impl Into<String>) -> Fault {
        self.at(key).fault(Code::YamlValidate, message)
    }

    /// A text that must be there.
    fn text(&self, key: &str) -> Result<String, Fault> {
        match self.object.get(key) {
            None => Err(self.fault(key, format!("Item has no mapping for key '{key}'"))),
            Some(Value::Null) => Err(self.fault(key, format!("Mapping for key '{key}' is empty"))),
            Some(Value::String(text)) if text.is_empty() => Err(self.fault(key, "Value must be non-empty")),
            Some(Value::String(text)) => Ok(text.to_string()),
            Some(_) => Err(self.fault(key, "Value is not a scalar value")),
        }
    }

    /// A text that may be absent.
    fn optional(&self, key: &str) -> Result<Option<String>, Fault> {
        if self.has(key) { self.text(key).map(Some) } else { Ok(None) }
    }

    /// A text with its place.
    fn pieces(&self, key: &str) -> Result<Pieces, Fault> {
        Ok(Pieces::new(&self.text(key)?, self.at(key)))
    }

    fn decoded<T>(&self, key: &str, decode: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
        decode(&self.text(key)?).ok_or_else(|| self.fault(key, "Can't decode YAML scalar value"))
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool, Fault> {
        if self.has(key) { self.decoded(key, boolean) } else { Ok(default) }
    }

    /// A list of texts.
    fn texts(&self, key: &str) -> Result<Vec<String>, Fault> {
        let value = self.object.get(key);
        let value = value.ok_or_else(|| self.fault(key, format!("Item has no mapping for key '{key}'")))?;
        let items = value.as_array().ok_or_else(|| self.fault(key, "Value is not a sequence"))?;
        let text = |item: &Value| match item {
            Value::String(text) => Ok(text.to_string()),
            Value::Null => Ok("null".to_owned()),
            _ => Err(self.fault(key, "sequence value is not scalar")),
        };
        items.iter().map(text).collect()
    }

    fn tags(&self) -> Result<BTreeSet<String>, Fault> {
        if self.has("tags") { Ok(self.texts("tags")?.into_iter().collect()) } else { Ok(BTreeSet::new()) }
    }

    fn priority(&self) -> Result<Priority, Fault> {
        let text = self.text("priority")?;
        Priority::parse(&text).ok_or_else(|| self.fault("priority", "Invalid priority"))
    }

    /// Reads the name of an item, which then belongs to its place.
    fn name(&mut self, key: &str) -> Result<String, Fault> {
        let name = self.text(key)?;
        self.spot = self.spot.named(&name);
        Ok(name)
    }

    /// Whether the item is appended to what is there: by `append`, or by an override of a key.
    fn appends(&self, collector: &mut Collector, key: &'static str) -> Result<bool, Fault> {
        let append = self.append(collector)?;
        let Overrides { appended, replaced } = self.overrides(&[key], &[key])?;
        if append && !(appended.is_empty() && replaced.is_empty()) {
            return Err(self.fault("override", BOTH));
        }
        Ok(append || appended.contains(key))
    }

    fn append(&self, collector: &mut Collector) -> Result<bool, Fault> {
        let append = self.flag("append", false)?;
        if append {
            collector.note(self.at("append").fault(Code::DeprecatedItem, APPEND));
        }
        Ok(append)
    }

    fn list(&mut self, collector: &mut Collector) -> Result<(), Fault> {
        let name = self.name("list")?;
        if name.bytes().any(|byte| byte.is_ascii_whitespace() || b"()\"'=,".contains(&byte)) {
            let message = "List has an invalid name. List names should match a regular expression: ([^()\"'[:space:]=,]+)";
            collector.note(self.at("list").fault(Code::InvalidListName, message));
        }
        let items = self.texts("items")?;
        let appends = self.appends(collector, "items")?;
        let list = ListItem { name, items, order: super::collect::Order::default(), spot: self.spot.clone() };
        if appends {
            return collector.append_list(list);
        }
        collector.define_list(list);
        Ok(())
    }

    fn macro_item(&mut self, collector: &mut Collector) -> Result<(), Fault> {
        let name = self.name("macro")?;
        let is_identifier = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_identifier {
            let message = "Macro has an invalid name. Macro names should match a regular expression: ([a-zA-Z]+[a-zA-Z0-9_]*)";
            collector.note(self.at("macro").fault(Code::InvalidMacroName, message));
        }
        let condition = self.pieces("condition")?;
        let appends = self.appends(collector, "condition")?;
        let order = super::collect::Order::default();
        let item = MacroItem { name, condition, order, spot: self.spot.clone() };
        if appends {
            return collector.append_macro(&item);
        }
        collector.define_macro(item);
        Ok(())
    }

    fn rule(&mut self, collector: &mut Collector) -> Result<(), Fault> {
        let name = self.name("rule")?;
        let source = match self.object.get("source") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) if text.is_empty() => String::new(),
            Some(_) => self.text("source")?,
        };
        let append = self.append(collector)?;
        let overrides = self.overrides(APPENDABLE, REPLACEABLE)?;
        if !overrides.appended.is_empty() || !overrides.replaced.is_empty() {
            if append {
                return Err(self.fault("override", BOTH));
            }
            return self.override_rule(collector, &name, &source, &overrides);
        }
        if append {
            let mut update = self.update(&name);
            update.source = source;
            if self.has("condition") {
                update.condition = Some(self.pieces("condition")?);
            }
            if self.has("exceptions") {
                update.exceptions = Some(self.exceptions(collector, true)?);
            }
            return collector.append_rule(update);
        }
        if !["condition", "output", "desc", "priority"].into_iter().any(|key| self.has(key)) {
            let is_enabled = self.decoded("enabled", boolean)?;
            collector.note(self.at("enabled").fault(Code::DeprecatedItem, ENABLED));
            return collector.enable_rule(&name, is_enabled, &self.spot);
        }
        let rule = self.whole_rule(collector, name)?;
        collector.define_rule(rule)
    }

    fn whole_rule(&self, collector: &mut Collector, name: String) -> Result<RuleItem, Fault> {
        let condition = self.pieces("condition")?;
        let output = self.text("output")?;
        let blanks = output.len() - output.trim_start().len();
        let output_spot = Spot { offset: (blanks > 0).then_some(blanks), ..self.at("output") };
        let description = self.text("desc")?;
        Ok(RuleItem {
            name,
            condition,
            output: Pieces::new(output.trim(), output_spot),
            description,
            priority: self.priority()?,
            source: self.optional("source")?.unwrap_or_else(|| SYSCALL.to_owned()),
            is_enabled: self.flag("enabled", true)?,
            captures: self.flag("capture", false)?,
            capture_duration: self.capture_duration()?,
            warns_of_event_types: self.flag("warn_evttypes", true)?,
            skips_unknown_fields: self.flag("skip-if-unknown-filter", false)?,
            tags: self.tags()?,
            exceptions: self.exceptions(collector, false)?,
            is_of_unknown_source: false,
            order: super::collect::Order::default(),
            spot: self.spot.clone(),
        })
    }

    fn capture_duration(&self) -> Result<u32, Fault> {
        if self.has("capture_duration") { self.decoded("capture_duration", version::unsigned) } else { Ok(0) }
    }

    fn update(&self, name: &str) -> RuleUpdate {
        RuleUpdate { name: name.to_owned(), spot: self.spot.clone(), ..RuleUpdate::default() }
    }
}

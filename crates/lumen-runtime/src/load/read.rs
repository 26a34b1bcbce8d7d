//! Reads the items of a rules file (`rule_loader_reader.cpp`), message for message.

use std::collections::BTreeSet;

use lumen_value::{Object, Value};

use super::collect::{Collector, ListItem, MacroItem, Priority, RuleItem, RuleUpdate, SYSCALL};
use super::exception::{Entry, Exception};
use super::pieces::Pieces;
use super::problem::{Code, Fault, Spot};
use super::version::{self, Version};

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
/// The keys of a rule that an override may add to, and those that it may replace.
const APPENDABLE: &[&str] = &["condition", "exceptions", "output", "desc", "tags"];
const REPLACEABLE: &[&str] = &[
    "condition",
    "exceptions",
    "output",
    "desc",
    "tags",
    "priority",
    "capture",
    "capture_duration",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
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
        collector.note(item.spot.child(key.as_ref()).fault(Code::UnknownKey, message));
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

    fn engine_version(&self) -> Result<(), Fault> {
        let key = "required_engine_version";
        let text = self.text(key)?;
        let version = match version::unsigned(&text) {
            Some(minor) => Version { major: 0, minor, patch: 0 },
            None => Version::parse(&text).ok_or_else(|| {
                self.fault(
                    key,
                    format!("Unable to parse engine version '{text}' as a semver string. Expected \"x.y.z\" semver format."),
                )
            })?,
        };
        if version::ENGINE.satisfies(version) {
            return Ok(());
        }
        let message =
            format!("Rules require engine version {version}, but engine version is {}", version::ENGINE);
        Err(self.at(key).fault(Code::Validate, message))
    }

    fn plugin_versions(&self) -> Result<(), Fault> {
        let key = "required_plugin_versions";
        let plugins = self.object.get(key).and_then(Value::as_array);
        let plugins =
            plugins.ok_or_else(|| self.fault(key, "Value of required_plugin_versions must be a sequence"))?;
        for (position, plugin) in plugins.iter().enumerate() {
            let spot = self.at(key).child(position);
            let object = plugin.as_object();
            let object =
                object.ok_or_else(|| spot.fault(Code::YamlValidate, "Plugin version must be a mapping"))?;
            let plugin = Item { object, spot: spot.clone() };
            let mut wanted = vec![plugin.requirement()?];
            if let Some(alternatives) = object.get("alternatives") {
                let alternatives = alternatives.as_array().ok_or_else(|| {
                    plugin.fault("alternatives", "Value of plugin version alternatives must be a sequence")
                })?;
                for (position, alternative) in alternatives.iter().enumerate() {
                    let spot = plugin.at("alternatives").child(position);
                    let object = alternative.as_object().ok_or_else(|| {
                        spot.fault(Code::YamlValidate, "Plugin version alternative must be a mapping")
                    })?;
                    wanted.push(Item { object, spot: spot.clone() }.requirement()?);
                }
            }
            version::check_plugins(&wanted).map_err(|(code, message)| spot.fault(code, message))?;
        }
        Ok(())
    }

    fn requirement(&self) -> Result<(String, String), Fault> {
        Ok((self.text("name")?, self.text("version")?))
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
        let description = self.text("desc")?;
        Ok(RuleItem {
            name,
            condition,
            output: Pieces::new(output.trim(), self.at("output")),
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

    fn override_rule(
        &self,
        collector: &mut Collector,
        name: &str,
        source: &str,
        overrides: &Overrides,
    ) -> Result<(), Fault> {
        for (keys, known, word) in
            [(&overrides.appended, APPENDABLE, "append"), (&overrides.replaced, REPLACEABLE, "replace")]
        {
            if let Some(key) = known.iter().find(|key| keys.contains(**key) && !self.has(key)) {
                let message =
                    format!("An {word} override for '{key}' was specified but '{key}' is not defined");
                return Err(self.at("override").fault(Code::YamlValidate, message));
            }
        }
        if !overrides.appended.is_empty() {
            let update = self.overriding(collector, name, source, &overrides.appended, true)?;
            collector.append_rule(update)?;
        }
        if !overrides.replaced.is_empty() {
            let update = self.overriding(collector, name, source, &overrides.replaced, false)?;
            collector.replace_rule(update)?;
        }
        let rest = REPLACEABLE.iter().filter(|key| {
            self.has(key) && !overrides.appended.contains(**key) && !overrides.replaced.contains(**key)
        });
        // In the order of their names, as the reference's set has them.
        match rest.min() {
            Some(key) => Err(self.fault(
                key,
                format!("Unexpected key '{key}': no corresponding entry under 'override' is defined."),
            )),
            None => Ok(()),
        }
    }

    /// What an item says of the keys that it overrides.
    fn overriding(
        &self,
        collector: &mut Collector,
        name: &str,
        source: &str,
        keys: &BTreeSet<String>,
        appends: bool,
    ) -> Result<RuleUpdate, Fault> {
        let mut update = self.update(name);
        for key in keys {
            match key.as_str() {
                "condition" => {
                    source.clone_into(&mut update.source);
                    update.condition = Some(self.pieces(key)?);
                }
                "exceptions" => update.exceptions = Some(self.exceptions(collector, appends)?),
                "output" => update.output = Some(self.pieces(key)?),
                "desc" => update.description = Some(self.text(key)?),
                "tags" => update.tags = Some(self.tags()?),
                "priority" => update.priority = Some(self.priority()?),
                "capture" => update.captures = Some(self.decoded(key, boolean)?),
                "capture_duration" => update.capture_duration = Some(self.capture_duration()?),
                "enabled" => update.is_enabled = Some(self.decoded(key, boolean)?),
                "warn_evttypes" => update.warns_of_event_types = Some(self.decoded(key, boolean)?),
                "skip-if-unknown-filter" => update.skips_unknown_fields = Some(self.decoded(key, boolean)?),
                _ => {}
            }
        }
        Ok(update)
    }

    /// The keys that an item says it appends and replaces.
    fn overrides(&self, appendable: &[&str], replaceable: &[&str]) -> Result<Overrides, Fault> {
        let mut overrides = Overrides::default();
        let Some(entries) = self.object.get("override").and_then(Value::as_object) else {
            return Ok(overrides);
        };
        for (key, operation) in entries.fields() {
            let key = key.to_text();
            let key = key.as_ref();
            let spot = self.at("override").child(key);
            let fault = |message: String| Err(spot.fault(Code::YamlValidate, message));
            let (can_append, can_replace) = (appendable.contains(&key), replaceable.contains(&key));
            match operation.as_str().unwrap_or_default() {
                "append" if can_append => {
                    overrides.appended.insert(key.to_owned());
                }
                "append" => {
                    return fault(format!("Key '{key}' cannot be appended to, use 'replace' instead"));
                }
                "replace" if can_replace => {
                    overrides.replaced.insert(key.to_owned());
                }
                "replace" => return fault(format!("Key '{key}' cannot be replaced")),
                other => {
                    let append = if can_append { "append " } else { "" };
                    let replace = if can_replace { "replace " } else { "" };
                    return fault(format!(
                        "Invalid override operation for key '{key}': '{other}'. Allowed values are: {append}{replace}"
                    ));
                }
            }
        }
        Ok(overrides)
    }

    /// The exceptions of a rule. Those that are appended may have values alone.
    fn exceptions(&self, collector: &mut Collector, appends: bool) -> Result<Vec<Exception>, Fault> {
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

/// The keys of an item that change one that is there.
#[derive(Default)]
struct Overrides {
    appended: BTreeSet<String>,
    replaced: BTreeSet<String>,
}

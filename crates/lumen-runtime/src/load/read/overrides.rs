//! Items that change one that is there, key by key: `override`.

use std::collections::BTreeSet;

use lumen_value::Value;

use super::{Item, boolean};
use crate::load::collect::{Collector, RuleUpdate};
use crate::load::problem::{Code, Fault};

/// The keys of a rule that an override may add to, and those that it may replace.
pub(super) const APPENDABLE: &[&str] = &["condition", "exceptions", "output", "desc", "tags"];
pub(super) const REPLACEABLE: &[&str] = &[
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

/// The keys of an item that change one that is there.
#[derive(Default)]
pub(super) struct Overrides {
    pub(super) appended: BTreeSet<String>,
    pub(super) replaced: BTreeSet<String>,
}

impl Item<'_> {
    pub(super) fn override_rule(
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
    pub(super) fn overrides(&self, appendable: &[&str], replaceable: &[&str]) -> Result<Overrides, Fault> {
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
}

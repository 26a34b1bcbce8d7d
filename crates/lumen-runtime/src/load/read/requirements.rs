//! What rules require: a version of the engine, and of plugins.

use lumen_value::Value;

use super::Item;
use crate::load::problem::{Code, Fault};
use crate::load::version::{self, Version};

impl Item<'_> {
    pub(super) fn engine_version(&self) -> Result<(), Fault> {
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

    pub(super) fn plugin_versions(&self) -> Result<(), Fault> {
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
}

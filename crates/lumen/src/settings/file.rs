//! `lumen.yaml`: the settings of a project.

use std::path::{Path, PathBuf};

use lumen_value::nearest::{did_you_mean, nearest};
use lumen_value::read::{self, Limits};
use lumen_value::{Value, pointer};

use super::{Entry, Kind, Origin, SETTINGS, Setting};
use crate::locate;
use crate::policies;
use crate::source;

/// The name under which the file is looked for.
pub const NAME: &str = "lumen.yaml";

/// Largest `lumen.yaml`, in bytes.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// A `lumen.yaml`, read and checked for its keys.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    entries: Vec<(&'static str, Entry)>,
}

/// What is wrong with a `lumen.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It says something that is wrong at this line.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl ConfigFile {
    /// Looks for the file in a folder and in those above it.
    pub fn find(start: &Path) -> Option<PathBuf> {
        let start = std::path::absolute(start).ok()?;
        // A link that leads nowhere, or a FIFO, is meant to be one, too: it is better to say so than to do without it.
        let is_one = |candidate: &PathBuf| candidate.symlink_metadata().is_ok_and(|it| !it.is_dir());
        let found = start.ancestors().map(|folder| folder.join(NAME)).find(is_one)?;
        // `lumen.yaml:3` reads better than the way to it from the root.
        let here = std::env::current_dir().unwrap_or_default();
        Some(found.strip_prefix(here).map(Path::to_path_buf).unwrap_or(found))
    }

    /// Reads the file.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |reason: String| ConfigError::Unreadable { path: path.into(), reason };
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(source::unreadable(&error)))?;
        if !metadata.is_file() {
            return Err(unreadable("this is no file".into()));
        }
        let text = std::fs::File::open(path)
            .and_then(|file| source::read_bounded(file, metadata.len(), CONFIG_BYTES_MAX))
            .map_err(|error| unreadable(source::unreadable(&error)))?
            .ok_or_else(|| unreadable(format!("it is larger than {CONFIG_BYTES_MAX} bytes")))?;
        Self::parse(path, &text)
    }

    /// Reads the text of the file; the path is where relative files in it start, and what errors call it.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, ConfigError> {
        let at_line = |line: usize, reason: String| ConfigError::Line { path: path.into(), line, reason };
        let reading = read::read(text, &Limits { depth_max: 100, ..Limits::default() });
        if let Some(error) = reading.errors.first() {
            return Err(at_line(locate::line_of(text, error.at), error.message.clone()));
        }
        let is_manifest = |value: &Value| ["apiVersion", "kind"].iter().all(|key| value.get(key).is_some());
        if let Some(manifest) = reading.documents.iter().find(|document| is_manifest(&document.value)) {
            let line = locate::line_of(text, manifest.range.start);
            return Err(at_line(
                line,
                "this is a Kubernetes manifest, not Lumen's settings: rename it".into(),
            ));
        }
        let mut entries = Vec::new();
        let mut filled = reading.documents.iter().filter(|document| !matches!(document.value, Value::Null));
        if let Some(second) = filled.nth(1) {
            let line = locate::line_of(text, second.range.start);
            return Err(at_line(line, "settings are one document, and a second one starts here".into()));
        }
        for document in &reading.documents {
            let line = |key: &str| {
                let region = locate::region(text, document, &pointer![key], locate::Part::Entry);
                region.map_or_else(|| locate::line_of(text, document.range.start), |region| region.line)
            };
            let object = match &document.value {
                Value::Null => continue,
                Value::Object(object) => object,
                other => {
                    let first = locate::line_of(text, document.range.start);
                    return Err(at_line(
                        first,
                        format!("the file is {} and not a mapping of settings", other.kind()),
                    ));
                }
            };
            for (key, value) in object.fields() {
                let key = key.to_text();
                let Some(setting) = Setting::find(&key) else {
                    let near = nearest(&key, SETTINGS.iter().map(|setting| setting.key));
                    let reason = format!("there is no setting `{key}`{}", did_you_mean(&near));
                    return Err(at_line(line(&key), reason));
                };
                let at = line(&key);
                let folder = path.parent().unwrap_or(Path::new(""));
                let values = values(setting, value, folder).map_err(|reason| at_line(at, reason))?;
                if values.is_empty() {
                    continue;
                }
                let origin = Origin::File { path: path.into(), line: at };
                entries.push((setting.key, Entry { values, origin }));
            }
        }
        Ok(Self { path: path.into(), entries })
    }

    /// Where the file stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn entry(&self, setting: &Setting) -> Option<Entry> {
        let (_, entry) = self.entries.iter().rev().find(|(key, _)| *key == setting.key)?;
        Some(entry.clone())
    }
}

/// The texts of a value; none for `null`.
fn values(setting: &'static Setting, value: &Value, folder: &Path) -> Result<Vec<String>, String> {
    let parts: Vec<&Value> = match value {
        Value::Null => Vec::new(),
        Value::Array(items) if setting.kind.is_list() => items.iter().collect(),
        other => vec![other],
    };
    parts
        .into_iter()
        .map(|part| {
            let text = match part {
                Value::String(text) => text.to_text().into_owned(),
                Value::Bool(value) => value.to_string(),
                // YAML makes 1.3 of 1.30.
                Value::Number(number) if setting.kind == Kind::Version => {
                    return Err(format!(
                        "`{}` takes a text such as \"v1.34\", not the number {number}",
                        setting.key
                    ));
                }
                Value::Number(number) => number.to_string(),
                other => return Err(format!("`{}` cannot hold {}", setting.key, other.kind())),
            };
            let text = match setting.kind {
                Kind::Paths if policies::is_choice(&text) => text,
                Kind::File | Kind::Paths => relative_to(folder, &text),
                Kind::Outputs => match text.split_once('=') {
                    Some((format, file)) if !file.is_empty() => {
                        format!("{format}={}", relative_to(folder, file))
                    }
                    _ => text,
                },
                _ => text,
            };
            setting
                .kind
                .check(&text)
                .map_err(|reason| format!("`{text}` is no value for `{}`: {reason}", setting.key))?;
            Ok(text)
        })
        .collect()
}

/// A file named in `lumen.yaml` stands relative to it.
fn relative_to(folder: &Path, file: &str) -> String {
    if file.is_empty() {
        return String::new();
    }
    folder.join(file).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, String> {
        ConfigFile::parse(Path::new("project/lumen.yaml"), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_setting_knows_its_line() {
        let file = parse("# ours\nstrict: true\nexclude:\n- vendor/\n- '*.tmp.yaml'\nbaseline: known.json\n")
            .expect("valid");
        let entry = |key| file.entry(Setting::find(key).expect("a setting")).expect("is set");
        assert_eq!(entry("strict").values, ["true"]);
        assert_eq!(entry("strict").origin.to_string(), "project/lumen.yaml:2");
        assert_eq!(entry("exclude").values, ["vendor/", "*.tmp.yaml"]);
        assert_eq!(entry("exclude").origin.to_string(), "project/lumen.yaml:3");
        assert_eq!(entry("baseline").values, ["project/known.json"], "relative to the file");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |text| parse(text).expect_err("wrong");
        assert_eq!(
            wrong("strict: true\nfail_on: low\n"),
            "project/lumen.yaml:2: there is no setting `fail_on`, did you mean `fail-on`?"
        );
        assert!(
            wrong("\nmax-files: none\n")
                .starts_with("project/lumen.yaml:2: `none` is no value for `max-files`")
        );
        assert!(wrong("- a\n").contains("array and not a mapping"));
        assert!(wrong("strict: {}\n").contains("cannot hold object"));
        assert!(wrong("a: [\n").starts_with("project/lumen.yaml:"));
        assert!(wrong("kubernetes-version: 1.30\n").contains("takes a text such as \"v1.34\""), "not 1.3");
        assert!(
            wrong("strict: true\n---\nstrict: false\n").starts_with("project/lumen.yaml:3: settings are one")
        );
        assert!(parse("# ours\n---\nstrict: true\n---\n").is_ok(), "one says something");
        assert!(parse("").is_ok());
    }
}

//! What can be set, as one table: [`SETTINGS`]. Flags, environment variables, `lumen.yaml`, `lumen config show`, help
//! and man pages are all made of it.
//!
//! A flag wins over an environment variable, that over `lumen.yaml`, that over the default.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use lumen_core::podsecurity::Version;
use lumen_value::nearest::{did_you_mean, nearest};
use lumen_value::read;

use crate::exit::FailOn;
use crate::output::{self, Format, ReportApi};
use crate::policies;
use crate::source;

pub mod file;
pub mod flags;
mod table;

pub use file::ConfigFile;
pub use flags::{Flags, FlagsButNamespace, FlagsButOutputs};
pub use table::{
    BASELINE, EXCLUDE, FAIL_ON, KUBERNETES_VERSION, MAX_ALIAS_SIZE, MAX_DEPTH, MAX_DOCUMENTS, MAX_FILE_SIZE,
    MAX_FILES, MAX_TOTAL_SIZE, NAMESPACE, NO_IGNORE, NOW, OUTPUT, POD_SECURITY_CONFIG, POLICY, REPORT_API,
    SETTINGS, SHOW_PASSES, STRICT, USER,
};

/// One thing that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name: `--key`, and the key in `lumen.yaml`.
    pub key: &'static str,
    /// The short form of its flag.
    pub short: Option<char>,
    /// What it may hold.
    pub kind: Kind,
    /// What it is where nobody sets it; empty where it is then absent.
    pub default: &'static str,
    /// What stands for its value in help.
    pub placeholder: &'static str,
    /// What it does: one sentence without a final period.
    pub doc: &'static str,
}

/// What a setting may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`; the flag alone means `true`.
    Switch,
    /// Any text.
    Text,
    /// A file; a relative one in `lumen.yaml` is relative to that file.
    File,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number of bytes: `64MiB`, `1G`, `1000`.
    Bytes,
    /// A number of things, at least one.
    Count,
    /// A minor version of Kubernetes: `v1.34`.
    Version,
    /// Output formats, each `FORMAT` or `FORMAT=FILE`.
    Outputs,
    /// Glob patterns.
    Globs,
    /// Files and folders; a relative one in `lumen.yaml` is relative to that file.
    Paths,
    /// A moment: `2026-01-31T12:00:00Z`.
    Time,
}

impl Kind {
    /// Whether several values may be given.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Outputs | Self::Globs | Self::Paths)
    }

    /// Says what is wrong with a value.
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Switch => text.parse::<bool>().map(drop).map_err(|_| "use `true` or `false`".into()),
            Self::Text | Self::File | Self::Paths if text.is_empty() => Err("it is empty".into()),
            Self::Text | Self::File | Self::Paths => Ok(()),
            Self::Choice(words) if words.contains(&text) => Ok(()),
            Self::Choice(words) => Err(format!("use one of {}", listed(words))),
            Self::Bytes => {
                parse_bytes(text).map(drop).ok_or_else(|| "use a number of bytes such as `64MiB`".into())
            }
            Self::Count => match text.parse::<usize>() {
                Ok(1..) => Ok(()),
                _ => Err("use a whole number from 1".into()),
            },
            Self::Version => {
                parse_minor(text).map(drop).ok_or_else(|| "use a version such as `v1.34`".into())
            }
            Self::Time => {
                let message = "use a date and time such as `2026-01-31T12:00:00Z`";
                text.parse::<Timestamp>().map(drop).map_err(|_| message.into())
            }
            Self::Outputs => Output::from_str(text).map(drop),
            Self::Globs => ignore::overrides::OverrideBuilder::new(".")
                .add(text)
                .map(drop)
                .map_err(|error| error.to_string()),
        }
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl Setting {
    /// The setting of a name.
    pub fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_uppercase().replace('-', "_"))
    }
}

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of `lumen.yaml`.
    File {
        /// The file, as it was found.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { path, line } => write!(out, "{}:{line}", path.display()),
            Self::Environment(name) => write!(out, "environment variable {name}"),
            Self::Flag(key) => write!(out, "--{key}"),
        }
    }
}

/// A setting that cannot be: a usage error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// A value is none that the setting may hold.
    #[error("{origin}: `{value}` is no value for `{key}`: {reason}")]
    Value {
        /// The setting.
        key: &'static str,
        /// The value.
        value: String,
        /// Who gave it.
        origin: Origin,
        /// What is wrong.
        reason: String,
    },
    /// Two outputs want one place.
    #[error(
        "{origin}: two outputs go to {place}: give all but one a file of its own, such as `-o sarif=lumen.sarif`"
    )]
    Outputs {
        /// Who gave them.
        origin: Origin,
        /// Where they would go.
        place: String,
    },
    /// An environment variable of ours that names no setting.
    #[error("environment variable {0}: there is no such setting{near}", near = did_you_mean(.1))]
    Variable(String, Vec<String>),
    /// `lumen.yaml` cannot be used.
    #[error("{0}")]
    File(#[from] file::ConfigError),
}

/// The value of one setting, in text, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The values: none where it is absent, one for all but lists.
    pub values: Vec<String>,
    /// Where they come from.
    pub origin: Origin,
}

/// All settings, each with its value and origin; checked.
#[derive(Clone, Debug)]
pub struct Resolved(BTreeMap<&'static str, Entry>);

/// How the variables of settings begin.
const PREFIX: &str = "LUMEN_";

/// Variables that begin so and are no settings.
const OTHER_VARIABLES: &[&str] = &["LUMEN_CONFORMANCE_DIR", "LUMEN_CONFIG"];

impl Resolved {
    /// Decides who wins. The environment is a parameter: pairs of names and values.
    pub fn new(
        flags: &Flags,
        environment: &[(String, String)],
        file: Option<&ConfigFile>,
    ) -> Result<Self, SettingError> {
        check_variables(environment)?;
        let mut entries = BTreeMap::new();
        for setting in SETTINGS {
            let entry = flags
                .entry(setting)
                .or_else(|| from_environment(setting, environment))
                .or_else(|| file.and_then(|file| file.entry(setting)))
                .unwrap_or_else(|| Entry {
                    values: if setting.default.is_empty() {
                        Vec::new()
                    } else {
                        vec![setting.default.into()]
                    },
                    origin: Origin::Default,
                });
            for value in &entry.values {
                setting.kind.check(value).map_err(|reason| SettingError::Value {
                    key: setting.key,
                    value: value.clone(),
                    origin: entry.origin.clone(),
                    reason,
                })?;
            }
            entries.insert(setting.key, entry);
        }
        let resolved = Self(entries);
        resolved.check_outputs()?;
        Ok(resolved)
    }

    fn check_outputs(&self) -> Result<(), SettingError> {
        let mut places = std::collections::BTreeSet::new();
        for output in self.outputs() {
            let place = output
                .file
                .as_ref()
                .map_or_else(|| "standard output".to_owned(), |file| format!("`{}`", file.display()));
            if !places.insert(place.clone()) {
                return Err(SettingError::Outputs { origin: self.entry(&OUTPUT).origin.clone(), place });
            }
        }
        Ok(())
    }

    /// The value of a setting and its origin.
    pub fn entry(&self, setting: &Setting) -> &Entry {
        static ABSENT: Entry = Entry { values: Vec::new(), origin: Origin::Default };
        self.0.get(setting.key).unwrap_or(&ABSENT)
    }

    fn text(&self, setting: &Setting) -> Option<&str> {
        self.entry(setting).values.first().map(String::as_str)
    }

    fn switch(&self, setting: &Setting) -> bool {
        self.text(setting) == Some("true")
    }

    fn parsed<T: FromStr>(&self, setting: &Setting) -> Option<T> {
        self.text(setting)?.parse().ok()
    }

    /// [`FAIL_ON`].
    pub fn fail_on(&self) -> FailOn {
        self.parsed(&FAIL_ON).unwrap_or_default()
    }

    /// [`OUTPUT`].
    pub fn outputs(&self) -> Vec<Output> {
        self.entry(&OUTPUT).values.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// [`REPORT_API`].
    pub fn report_api(&self) -> ReportApi {
        self.parsed(&REPORT_API).unwrap_or_default()
    }

    /// [`SHOW_PASSES`].
    pub fn show_passes(&self) -> bool {
        self.switch(&SHOW_PASSES)
    }

    /// [`NAMESPACE`].
    pub fn namespace(&self) -> Arc<str> {
        self.text(&NAMESPACE).unwrap_or("default").into()
    }

    /// [`POLICY`]: files and folders.
    pub fn policy_paths(&self) -> Vec<OsString> {
        let values = self.entry(&POLICY).values.iter();
        values.filter(|value| !policies::is_choice(value)).map(OsString::from).collect()
    }

    /// [`POLICY`]: what is chosen of the built-in ones, such as `builtin:block-latest-tag`.
    pub fn built_in_policies(&self) -> impl Iterator<Item = &str> {
        self.entry(&POLICY).values.iter().map(String::as_str).filter(|value| policies::is_choice(value))
    }

    /// [`POD_SECURITY_CONFIG`].
    pub fn pod_security_config(&self) -> Option<&Path> {
        self.text(&POD_SECURITY_CONFIG).map(Path::new)
    }

    /// [`KUBERNETES_VERSION`]: the minor version.
    pub fn kubernetes_minor(&self) -> Option<u64> {
        self.text(&KUBERNETES_VERSION).and_then(parse_minor)
    }

    /// [`USER`].
    pub fn user(&self) -> Option<&str> {
        self.text(&USER)
    }

    /// [`NOW`]; the clock's time where nobody says.
    pub fn now(&self) -> Timestamp {
        self.parsed(&NOW).unwrap_or_else(Timestamp::now)
    }

    /// [`STRICT`].
    pub fn strict(&self) -> bool {
        self.switch(&STRICT)
    }

    /// [`BASELINE`].
    pub fn baseline(&self) -> Option<&Path> {
        self.text(&BASELINE).map(Path::new)
    }

    /// Where the files to check come from.
    pub fn source_options(&self) -> source::Options {
        let bytes = |setting: &Setting| self.text(setting).and_then(parse_bytes);
        let defaults = source::Options::default();
        source::Options {
            extensions: defaults.extensions,
            exclude: self.entry(&EXCLUDE).values.clone(),
            no_ignore: self.switch(&NO_IGNORE),
            file_bytes_max: bytes(&MAX_FILE_SIZE).unwrap_or(defaults.file_bytes_max),
            total_bytes_max: bytes(&MAX_TOTAL_SIZE).unwrap_or(defaults.total_bytes_max),
            files_max: self.parsed(&MAX_FILES).unwrap_or(defaults.files_max),
        }
    }

    /// The bounds on what is read of one file.
    pub fn limits(&self) -> read::Limits {
        let defaults = read::Limits::default();
        let bytes = self.text(&MAX_FILE_SIZE).and_then(parse_bytes);
        read::Limits {
            input_bytes_max: bytes
                .map_or(defaults.input_bytes_max, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            depth_max: self.parsed(&MAX_DEPTH).unwrap_or(defaults.depth_max),
            alias_bytes_max: self
                .text(&MAX_ALIAS_SIZE)
                .and_then(parse_bytes)
                .unwrap_or(defaults.alias_bytes_max),
            documents_max: self.parsed(&MAX_DOCUMENTS).unwrap_or(defaults.documents_max),
        }
    }
}

/// One output: a format, and the file it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it is written.
    pub format: Format,
    /// Where; standard output where there is none.
    pub file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("there is no file behind the `=`".into()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = format
            .parse()
            .map_err(|_| format!("use one of {}, with or without `=FILE`", output::formats()))?;
        Ok(Self { format, file })
    }
}

fn from_environment(setting: &'static Setting, environment: &[(String, String)]) -> Option<Entry> {
    let name = setting.variable();
    let (_, value) = environment.iter().find(|(candidate, _)| *candidate == name)?;
    // An empty variable is as good as none: that is how shells and CI files switch one off.
    if value.is_empty() {
        return None;
    }
    let values = match setting.kind {
        kind if kind.is_list() => value.split(',').map(|part| part.trim().to_owned()).collect(),
        Kind::Switch => vec![if value == "1" { "true".into() } else { value.clone() }],
        _ => vec![value.clone()],
    };
    Some(Entry { values, origin: Origin::Environment(name) })
}

/// A variable that begins as ours and names nothing is a mistake, not somebody else's.
fn check_variables(environment: &[(String, String)]) -> Result<(), SettingError> {
    let known: Vec<_> = SETTINGS.iter().map(Setting::variable).collect();
    for (name, _) in environment {
        let is_known = known.contains(name) || OTHER_VARIABLES.contains(&name.as_str());
        let Some(rest) = name.strip_prefix(PREFIX).filter(|_| !is_known) else { continue };
        // Kubernetes sets variables like `LUMEN_PORT_80_TCP` for a service named `lumen`.
        let near = nearest(rest, known.iter().filter_map(|known| known.strip_prefix(PREFIX)));
        if !near.is_empty() {
            let near = near.into_iter().map(|near| format!("{PREFIX}{near}")).collect();
            return Err(SettingError::Variable(name.clone(), near));
        }
    }
    Ok(())
}

/// `64MiB`, `64M`, `1GiB`, `512K`, `100`: units are powers of 1024.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits)?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "ki" | "kib" => 10,
        "m" | "mi" | "mib" => 20,
        "g" | "gi" | "gib" => 30,
        _ => return None,
    };
    let number: u64 = digits.trim().parse().ok()?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
}

/// `v1.34` or `1.34`: the minor version.
pub fn parse_minor(text: &str) -> Option<u64> {
    match Version::parse(&format!("v{}", text.strip_prefix('v').unwrap_or(text)))? {
        Version::Minor(minor) => Some(minor),
        Version::Latest => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value() {
        for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
            assert_eq!(setting.kind.check(setting.default), Ok(()), "{}", setting.key);
        }
        let resolved = Resolved::new(&Flags::default(), &[], None).expect("defaults are valid");
        assert_eq!(resolved.limits(), read::Limits::default(), "the table says what the constants say");
        assert_eq!(resolved.source_options(), source::Options::default());
        assert_eq!(resolved.fail_on(), FailOn::default());
    }

    #[test]
    fn the_environment_wins_over_the_default_and_a_misspelt_variable_is_an_error() {
        let environment = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let resolve = |environment: &[(String, String)]| Resolved::new(&Flags::default(), environment, None);
        let resolved = resolve(&environment("LUMEN_FAIL_ON", "low")).expect("valid");
        assert_eq!(resolved.fail_on(), FailOn::Low);
        assert_eq!(resolved.entry(&FAIL_ON).origin.to_string(), "environment variable LUMEN_FAIL_ON");
        let error = resolve(&environment("LUMEN_FAILON", "low")).expect_err("misspelt");
        assert!(error.to_string().contains("did you mean `LUMEN_FAIL_ON`"), "{error}");
        resolve(&environment("LUMEN_SERVICE_PORT", "80")).expect("somebody else's");
        let error = resolve(&environment("LUMEN_FAIL_ON", "sometimes")).expect_err("no level");
        assert!(error.to_string().contains("`sometimes` is no value for `fail-on`"), "{error}");
    }

    #[test]
    fn sizes_and_versions() {
        assert_eq!(parse_bytes("64MiB"), Some(64 << 20));
        assert_eq!(parse_bytes("1g"), Some(1 << 30));
        assert_eq!(parse_bytes("17"), Some(17));
        for text in ["", "0", "MiB", "-1", "1.5M", "1 X", "99999999999999999999", "18014398509481985K"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
        assert_eq!(parse_minor("v1.34"), Some(34));
        assert_eq!(parse_minor("1.0"), Some(0));
        for text in ["v1", "v2.3", "v1.", "v1.01", "v1.3.4", "latest", "v1.+3"] {
            assert_eq!(parse_minor(text), None, "{text}");
        }
    }
}

//! [`Configuration`]: the cluster's own defaults and exemptions, which stand in a file of the API server.

use std::collections::BTreeSet;

use lumen_value::pointer::dotted;
use lumen_value::{Object, Pointer, Value, pointer};

use super::field_error::FieldError;
use super::level::{LEVEL_EXPECTED, Level, LevelVersion, VERSION_EXPECTED, Version};
use super::pod::text;
use super::policy::Policy;
use crate::object;
use crate::selector::label::{NAME_BYTES_MAX, PREFIX_BYTES_MAX, is_dns_label};

const API_GROUP: &str = "pod-security.admission.config.k8s.io/";
const API_VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha1"];

/// A `PodSecurityConfiguration`. The default demands and exempts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// What holds in namespaces that no label decides.
    pub defaults: Policy,
    /// Whether the file names the level of `enforce`, rather than leave it at `privileged`.
    pub names_enforce: bool,
    /// Who and what is never judged.
    pub exemptions: Exemptions,
}

/// Who and what is never judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exemptions {
    /// Names of users, as they authenticate.
    pub usernames: BTreeSet<String>,
    /// Names of namespaces.
    pub namespaces: BTreeSet<String>,
    /// Names of runtime classes.
    pub runtime_classes: BTreeSet<String>,
}

/// Where an API server's configuration file holds that of Pod Security.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigurationPlace {
    /// In the document, there.
    Here(Pointer),
    /// In another file, at this path on the control plane's node.
    Elsewhere(String),
}

impl Configuration {
    /// Finds the configuration in a document: the document itself, or the part of an `AdmissionConfiguration` that is
    /// for the plugin `PodSecurity`. `None` where the document is neither.
    pub fn find(document: &Value) -> Option<ConfigurationPlace> {
        let (version, kind) = (text(document.get("apiVersion")), text(document.get("kind")));
        if kind == "PodSecurityConfiguration" && version.starts_with(API_GROUP) {
            return Some(ConfigurationPlace::Here(Pointer::ROOT));
        }
        if kind != "AdmissionConfiguration" || !version.starts_with("apiserver.") {
            return None;
        }
        for (index, plugin) in document.get("plugins")?.as_array()?.iter().enumerate() {
            if text(plugin.get("name")) != "PodSecurity" {
                continue;
            }
            if plugin.get("configuration").is_some_and(|value| !value.is_null()) {
                return Some(ConfigurationPlace::Here(pointer!["plugins", index, "configuration"]));
            }
            let path = text(plugin.get("path"));
            if !path.is_empty() {
                return Some(ConfigurationPlace::Elsewhere(path.into()));
            }
        }
        None
    }

    /// Reads a `PodSecurityConfiguration`, and says what is wrong with it: with any error, the API server does not
    /// start. What is wrong counts as nothing, a wrong `enforce` as `restricted`.
    ///
    /// The errors of values are upstream's (`admission/api/validation/validation.go`); those of shapes are ours.
    pub fn read(value: &Value) -> (Self, Vec<FieldError>) {
        let mut reader = Reader { errors: Vec::new() };
        let version = text(value.get("apiVersion"));
        let is_known = version.strip_prefix(API_GROUP).is_some_and(|version| API_VERSIONS.contains(&version));
        if !is_known || text(value.get("kind")) != "PodSecurityConfiguration" {
            let expected = "is no PodSecurityConfiguration of pod-security.admission.config.k8s.io/v1";
            reader.error(pointer!["apiVersion"], expected);
        }
        reader.known_fields(value, &Pointer::ROOT, &["apiVersion", "kind", "defaults", "exemptions"]);
        let defaults = reader.section(value, "defaults", DEFAULTS);
        let exemptions = reader.section(value, "exemptions", EXEMPTIONS);
        let mut mode = |level, version| LevelVersion {
            level: reader.level(defaults, level),
            version: reader.version(defaults, version),
        };
        let enforce = mode("enforce", "enforce-version");
        let warn = mode("warn", "warn-version");
        let audit = mode("audit", "audit-version");
        let exemptions = Exemptions {
            namespaces: reader.names(exemptions, "namespaces", namespace_name_error),
            runtime_classes: reader.names(exemptions, "runtimeClasses", subdomain_error),
            usernames: reader.names(exemptions, "usernames", |name| {
                name.is_empty().then(|| "username must not be empty".into())
            }),
        };
        let names_enforce = !text(defaults.get("enforce")).is_empty();
        let this = Self { defaults: Policy { enforce, audit, warn }, names_enforce, exemptions };
        (this, reader.errors)
    }
}

const DEFAULTS: &[&str] = &["enforce", "enforce-version", "audit", "audit-version", "warn", "warn-version"];
const EXEMPTIONS: &[&str] = &["usernames", "namespaces", "runtimeClasses"];

struct Reader {
    errors: Vec<FieldError>,
}

impl Reader {
    fn error(&mut self, pointer: Pointer, body: &str) {
        let path = dotted(pointer.steps());
        self.errors.push(FieldError::new(pointer, path, body));
    }

    /// Upstream decodes strictly.
    fn known_fields(&mut self, value: &Value, at: &Pointer, known: &[&str]) {
        for (key, _) in value.as_object().into_iter().flat_map(Object::fields) {
            if !key.as_str().is_some_and(|key| known.contains(&key)) {
                self.error(at.child(key.clone()), "is an unknown field");
            }
        }
    }

    fn section<'a>(&mut self, value: &'a Value, name: &str, known: &[&str]) -> &'a Value {
        let section = object::field(value, &[name]);
        let at = pointer![name];
        if !matches!(section, Value::Null | Value::Object(_)) {
            self.error(at.clone(), "must be an object");
        }
        self.known_fields(section, &at, known);
        section
    }

    /// A string of the defaults; empty where it is to be defaulted.
    fn word<'a>(&mut self, defaults: &'a Value, field: &str) -> &'a str {
        let value = defaults.get(field);
        if !matches!(value, None | Some(Value::Null | Value::String(_))) {
            self.error(pointer!["defaults", field], "must be a string");
        }
        text(value)
    }

    fn level(&mut self, defaults: &Value, field: &str) -> Level {
        let word = self.word(defaults, field);
        match Level::parse(word) {
            Some(level) => level,
            None if word.is_empty() => Level::Privileged,
            None => {
                self.invalid(field, word, LEVEL_EXPECTED);
                if field == "enforce" { Level::Restricted } else { Level::Privileged }
            }
        }
    }

    fn version(&mut self, defaults: &Value, field: &str) -> Version {
        let word = self.word(defaults, field);
        let version = Version::parse(word);
        if version.is_none() && !word.is_empty() {
            self.invalid(field, word, VERSION_EXPECTED);
        }
        version.unwrap_or_default()
    }

    fn invalid(&mut self, field: &str, word: &str, expected: &str) {
        let error =
            FieldError::invalid(pointer!["defaults", field], format!("defaults.{field}"), word, expected);
        self.errors.push(error);
    }

    fn names(
        &mut self,
        exemptions: &Value,
        field: &str,
        error_of: impl Fn(&str) -> Option<String>,
    ) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let list = exemptions.get(field);
        if !matches!(list, None | Some(Value::Null | Value::Array(_))) {
            self.error(pointer!["exemptions", field], "must be a list");
        }
        for (index, value) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
            let at = pointer!["exemptions", field, index];
            let path = format!("exemptions.{field}[{index}]");
            let name = text(Some(value));
            if !matches!(value, Value::Null | Value::String(_)) {
                self.errors.push(FieldError::new(at, path, "must be a string"));
            } else if let Some(detail) = error_of(name) {
                self.errors.push(FieldError::invalid(at, path, name, &detail));
            } else if !names.insert(name.to_owned()) {
                self.errors.push(FieldError::duplicate(at, path, name));
            }
        }
        names
    }
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

fn too_long(text: &str, bytes_max: usize) -> Option<String> {
    (text.len() > bytes_max).then(|| format!("must be no more than {bytes_max} characters"))
}

/// What is wrong with a namespace's name (`apimachinery/pkg/util/validation`, `IsDNS1123Label`).
fn namespace_name_error(name: &str) -> Option<String> {
    let shape = match name {
        name if is_dns_label(name) => None,
        name if is_subdomain(name) => Some("must not contain dots".to_owned()),
        _ => Some(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
             end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .into(),
        ),
    };
    joined(too_long(name, NAME_BYTES_MAX), shape)
}

/// What is wrong with a runtime class's name (`IsDNS1123Subdomain`).
fn subdomain_error(name: &str) -> Option<String> {
    let shape = (!is_subdomain(name)).then(|| {
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
         and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            .into()
    });
    joined(too_long(name, PREFIX_BYTES_MAX), shape)
}

fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    let parts: Vec<String> = first.into_iter().chain(second).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

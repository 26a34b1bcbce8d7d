//! The policies that come with Lumen: the folder `policies/`, in the binary. Each is a `ConstraintTemplate` with a
//! constraint, a suite and its samples, for Gatekeeper as for Lumen.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_value::nearest::{did_you_mean, nearest};
use lumen_value::read::{self, Limits};
use lumen_value::{Object, Value};

/// One policy and its files.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name: that of its folder and of its constraint.
    pub name: &'static str,
    /// Its files, sorted: path in the folder, and text.
    pub files: &'static [(&'static str, &'static str)],
}

/// What is built in, sorted by name.
pub static BUILT_IN: &[BuiltIn] = include!(concat!(env!("OUT_DIR"), "/policies.rs"));

/// What `--policy` takes for all of them; with `:NAME` behind, for one.
pub const CHOICE: &str = "builtin";

/// Whether a value of `--policy` means policies that are built in, not a path: `./builtin` is one.
pub fn is_choice(value: &str) -> bool {
    value.strip_prefix(CHOICE).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// A name that no policy has: a usage error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no built-in policy is called `{name}`{}", suggestion(.name))]
pub struct UnknownPolicy {
    name: String,
}

fn suggestion(name: &str) -> String {
    match nearest(name, BUILT_IN.iter().map(|policy| policy.name)).as_slice() {
        [] => ": see `lumen policy list`".to_owned(),
        near => did_you_mean(near),
    }
}

/// The policies that values of `--policy` choose, each once, in the order of their names.
pub fn chosen<'a>(values: impl Iterator<Item = &'a str>) -> Result<Vec<&'static BuiltIn>, UnknownPolicy> {
    let mut chosen = BTreeMap::new();
    for value in values {
        match value.split_once(':') {
            None => chosen.extend(BUILT_IN.iter().map(|policy| (policy.name, policy))),
            Some((_, name)) => {
                let policy = named(name)?;
                chosen.insert(policy.name, policy);
            }
        }
    }
    Ok(chosen.into_values().collect())
}

/// The policy with a name, or what to say where there is none.
pub fn named(name: &str) -> Result<&'static BuiltIn, UnknownPolicy> {
    find(name).ok_or_else(|| UnknownPolicy { name: name.to_owned() })
}

/// The policy whose constraints are of a kind.
pub fn of_kind(kind: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|policy| policy.about().kind == kind)
}

/// The policy that is most like one of a kind and name: by the name of its constraint, or by its kind.
pub fn like(kind: &str, name: &str) -> Option<&'static BuiltIn> {
    find(name).or_else(|| {
        let kinds: Vec<String> = BUILT_IN.iter().map(|policy| policy.about().kind).collect();
        of_kind(nearest(kind, kinds.iter().map(String::as_str)).first()?)
    })
}

/// One parameter of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type, as the schema calls it.
    pub kind: String,
    /// Its default, in JSON.
    pub default: Option<String>,
    /// What it is for; empty where the template does not say.
    pub description: String,
}

/// What a template says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The kind of its constraints.
    pub kind: String,
    /// What it demands.
    pub title: String,
    /// Why.
    pub rationale: String,
    /// How to mend a violation.
    pub fix: String,
    /// How bad a violation is: `low`, `medium`, `high`, `critical`.
    pub severity: String,
    /// What can be set in a constraint, by name.
    pub parameters: Vec<Parameter>,
}

impl BuiltIn {
    /// The text of one file; empty where there is none.
    pub fn file(&self, path: &str) -> &'static str {
        self.files.iter().find(|(name, _)| *name == path).map_or("", |(_, text)| *text)
    }

    /// What its template says of it.
    pub fn about(&self) -> About {
        let reading = read::read(self.file("template.yaml").as_bytes(), &Limits::default());
        let template =
            reading.documents.into_iter().next().map(|document| document.value).unwrap_or_default();
        let annotation = |name: &str| {
            let annotations = template.get("metadata").and_then(|metadata| metadata.get("annotations"));
            annotations
                .and_then(|annotations| annotations.get(name))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let names = ["spec", "crd", "spec", "names", "kind"];
        let kind = names.iter().try_fold(&template, |value, key| value.get(key)).and_then(Value::as_str);
        About {
            kind: kind.unwrap_or_default().to_owned(),
            title: annotation("metadata.gatekeeper.sh/title"),
            rationale: annotation("description"),
            fix: annotation("policy.lumensec.io/fix"),
            severity: annotation("policy.lumensec.io/severity"),
            parameters: parameters(&template),
        }
    }

    /// Template and constraint as documents of a file, under the name that findings about them have.
    pub fn manifests(&self) -> [(Arc<str>, &'static str); 2] {
        ["template.yaml", "constraint.yaml"]
            .map(|file| (format!("builtin:{}/{file}", self.name).into(), self.file(file)))
    }
}

fn parameters(template: &Value) -> Vec<Parameter> {
    let path = ["spec", "crd", "spec", "validation", "openAPIV3Schema", "properties"];
    let properties = path.iter().try_fold(template, |value, key| value.get(key)).and_then(Value::as_object);
    let parameter = |name: &str, schema: &Value| {
        let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Parameter {
            name: name.to_owned(),
            kind: text("type"),
            default: schema.get("default").map(Value::to_json),
            description: text("description"),
        }
    };
    let properties = properties.into_iter().flat_map(Object::fields);
    properties.map(|(name, schema)| parameter(&name.to_text(), schema)).collect()
}

/// The policy with a name.
pub fn find(name: &str) -> Option<&'static BuiltIn> {
    let at = BUILT_IN.binary_search_by(|policy| policy.name.cmp(name)).ok()?;
    BUILT_IN.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_whole() {
        assert!(BUILT_IN.len() >= 20, "{}", BUILT_IN.len());
        for policy in BUILT_IN {
            let about = policy.about();
            for text in [&about.kind, &about.title, &about.rationale, &about.fix] {
                assert!(!text.is_empty(), "{}: {about:?}", policy.name);
            }
            assert!(
                ["low", "medium", "high", "critical"].contains(&about.severity.as_str()),
                "{}",
                policy.name
            );
            for file in ["constraint.yaml", "suite.yaml"] {
                assert!(!policy.file(file).is_empty(), "{} has no {file}", policy.name);
            }
            assert_eq!(find(policy.name).map(|found| found.name), Some(policy.name));
        }
    }

    #[test]
    fn the_document_lists_every_policy() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/README.md");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let cells =
            |row: &str| row.split(" | ").map(|cell| cell.trim_matches(['|', ' ']).to_owned()).collect();
        let rows: Vec<Vec<String>> = text.lines().filter(|row| row.starts_with("| `")).map(cells).collect();
        let wanted: Vec<Vec<String>> = BUILT_IN
            .iter()
            .map(|policy| {
                let about = policy.about();
                vec![format!("`{}`", policy.name), about.severity, about.title]
            })
            .collect();
        assert_eq!(rows, wanted);
    }

    #[test]
    fn libraries_are_the_same_text_everywhere() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/lib");
        let mut uses = 0;
        for name in ["image", "workload"] {
            let library = std::fs::read_to_string(format!("{folder}/{name}.rego")).unwrap_or_default();
            for policy in BUILT_IN {
                let template = policy.file("template.yaml");
                if !template.contains(&format!("package lib.{name}\n")) {
                    continue;
                }
                uses += 1;
                let block: String = library
                    .lines()
                    .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("          {line}\n") })
                    .collect();
                assert!(template.contains(&block), "{}: its copy of {name}.rego differs", policy.name);
            }
        }
        assert!(uses > 10, "{uses}");
    }
}

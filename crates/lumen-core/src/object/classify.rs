//! What a document is: a manifest, a list of them, or a file of another kind that must not be taken for one.

use lumen_value::{Pointer, Value, pointer};

use super::{group_of, text};

mod table;

/// What a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classified {
    /// A Kubernetes object.
    Manifest,
    /// Kubernetes objects under `items`: a `List`, or a list of one kind.
    List,
    /// Nothing.
    Empty,
    /// Something that no API server is meant to see.
    NotManifest(NotManifest),
    /// Meant as a Kubernetes object, and so broken that it names no kind: never left alone in silence.
    Malformed {
        /// Where the mistake stands.
        at: Pointer,
        /// What it is: a sentence without a final period.
        message: String,
    },
}

/// What a document is that is no manifest, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotManifest {
    /// What it is, such as `a kustomization`.
    pub what: &'static str,
    /// What makes manifests of it, such as ``render it first: `kustomize build ..` ``.
    pub hint: Option<&'static str>,
}

/// Says what a document is. The name of its source only helps to tell the files apart that are no manifests: what has
/// both an `apiVersion` and a `kind` is taken for what it says, wherever it stands.
pub fn classify(source: &str, value: &Value) -> Classified {
    let Some(fields) = value.as_object() else {
        return match value {
            Value::Null => Classified::Empty,
            Value::Array(_) => not(table::of_list(value)),
            _ => not(NotManifest { what: "plain text", hint: None }),
        };
    };
    let (api_version, kind) = (text(value, "apiVersion"), text(value, "kind"));
    if !api_version.is_empty() && !kind.is_empty() {
        if let Some(other) = table::of_client_side_kind(group_of(api_version), kind) {
            return not(other);
        }
        let is_list =
            kind == "List" || (kind.ends_with("List") && value.get("items").is_some_and(is_list_or_null));
        return if is_list { Classified::List } else { Classified::Manifest };
    }
    let file_name = source.rsplit(['/', '\\']).next().unwrap_or(source).to_lowercase();
    let by_name = table::of_name(&file_name);
    // Values of a chart may well hold a `metadata` and a `spec`.
    let says_nothing_else = by_name.is_some() && api_version.is_empty() && kind.is_empty();
    if let Some(malformed) = half_a_manifest(value).filter(|_| !says_nothing_else) {
        return malformed;
    }
    let what = by_name.or_else(|| table::of_shape(value)).unwrap_or(NotManifest {
        what: if fields.is_empty() {
            "an empty mapping"
        } else {
            "a mapping without `apiVersion` and `kind`"
        },
        hint: None,
    });
    not(what)
}

fn not(what: NotManifest) -> Classified {
    Classified::NotManifest(what)
}

fn is_list_or_null(value: &Value) -> bool {
    value.as_array().is_some() || value.is_null()
}

/// What lacks an `apiVersion` or a `kind` and yet looks like a Kubernetes object in all else.
fn half_a_manifest(value: &Value) -> Option<Classified> {
    for (key, other) in [("apiVersion", "kind"), ("kind", "apiVersion")] {
        // `kind: 1` beside an `apiVersion`, or the other way round.
        if let Some(wrong) = value.get(key).filter(|found| !found.is_null() && found.as_str().is_none())
            && !text(value, other).is_empty()
        {
            return Some(Classified::Malformed {
                at: pointer![key],
                message: format!("`{key}` must be a string, not a value of type {}", wrong.kind()),
            });
        }
    }
    let metadata = value.get("metadata").filter(|metadata| metadata.as_object().is_some());
    let has_body = ["spec", "data", "stringData", "rules", "subjects", "roleRef", "webhooks"]
        .iter()
        .any(|key| value.get(key).is_some());
    let missing = match (text(value, "apiVersion").is_empty(), text(value, "kind").is_empty()) {
        (true, false) if metadata.is_some() || has_body => "it has a `kind` but no `apiVersion`",
        (false, true) if metadata.is_some() => "it has an `apiVersion` but no `kind`",
        (true, true) if metadata.is_some() && has_body => "it has neither an `apiVersion` nor a `kind`",
        _ => return None,
    };
    Some(Classified::Malformed {
        at: Pointer::ROOT,
        message: format!("the document looks like a Kubernetes object, but {missing}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
        entries.into()
    }

    fn what(source: &str, value: &Value) -> &'static str {
        match classify(source, value) {
            Classified::NotManifest(other) => other.what,
            other => panic!("{value} is {other:?}"),
        }
    }

    #[test]
    fn manifests_and_lists_are_told_apart() {
        let pod = object([("apiVersion", "v1".into()), ("kind", "Pod".into())]);
        assert_eq!(classify("values.yaml", &pod), Classified::Manifest);
        let list = object([("apiVersion", "v1".into()), ("kind", "List".into())]);
        assert_eq!(classify("a.yaml", &list), Classified::List);
        let pods =
            object([("apiVersion", "v1".into()), ("kind", "PodList".into()), ("items", Value::from(vec![]))]);
        assert_eq!(classify("a.yaml", &pods), Classified::List);
        let own = object([
            ("apiVersion", "example.com/v1".into()),
            ("kind", "AllowList".into()),
            ("spec", Value::Null),
        ]);
        assert_eq!(classify("a.yaml", &own), Classified::Manifest);
        assert_eq!(classify("a.yaml", &Value::Null), Classified::Empty);
    }

    #[test]
    fn files_of_other_kinds_are_named() {
        let empty = || object([]);
        let list = || Value::from(vec![]);
        for (source, value, expected) in [
            ("kustomization.yaml", object([("resources", list())]), "a kustomization"),
            (
                "k.yaml",
                object([
                    ("apiVersion", "kustomize.config.k8s.io/v1beta1".into()),
                    ("kind", "Kustomization".into()),
                ]),
                "a kustomization",
            ),
            (
                "shop/Chart.yaml",
                object([("apiVersion", "v2".into()), ("name", "a".into()), ("version", "1".into())]),
                "the description of a Helm chart",
            ),
            (
                "api.json",
                object([("openapi", "3.0.0".into()), ("components", empty())]),
                "a description of an HTTP API",
            ),
            ("shop/values.yaml", object([("image", empty())]), "a file of values for a Helm chart"),
            ("ci.yaml", object([("on", empty()), ("jobs", empty())]), "a CI workflow"),
            ("ci.yaml", object([("true", empty()), ("jobs", empty())]), "a CI workflow"),
            (".gitlab-ci.yml", object([("stages", list())]), "a CI pipeline"),
            ("compose.yaml", object([("services", empty())]), "a Compose file"),
            (
                "package.json",
                object([("name", "a".into()), ("dependencies", empty())]),
                "a package description",
            ),
            ("tsconfig.json", object([("compilerOptions", empty())]), "a TypeScript configuration"),
            ("Taskfile.yml", object([("version", "3".into()), ("tasks", empty())]), "a Taskfile"),
            ("a.yaml", empty(), "an empty mapping"),
            ("a.yaml", "text".into(), "plain text"),
        ] {
            assert_eq!(what(source, &value), expected, "{value}");
        }
    }

    #[test]
    fn a_broken_manifest_is_no_file_of_another_kind() {
        let spec = || object([("containers", Value::from(vec![]))]);
        let metadata = || object([("name", "a".into())]);
        for value in [
            object([("kind", "Pod".into()), ("spec", spec())]),
            object([("kind", "Pod".into()), ("metadata", metadata())]),
            object([("apiVersion", "v1".into()), ("metadata", metadata()), ("spec", spec())]),
            object([
                ("apiversion", "v1".into()),
                ("Kind", "Pod".into()),
                ("metadata", metadata()),
                ("spec", spec()),
            ]),
            object([("apiVersion", 1.into()), ("kind", "Pod".into())]),
            object([("apiVersion", "v1".into()), ("kind", Value::from(vec![]))]),
        ] {
            assert!(matches!(classify("a.yaml", &value), Classified::Malformed { .. }), "{value}");
        }
    }
}

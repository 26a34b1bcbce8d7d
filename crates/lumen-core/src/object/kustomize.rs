//! What a kustomization names that looks like a manifest and is none: patches and configurations, which mean something
//! only once `kustomize build` has merged them.

use lumen_value::Value;

use super::classify::{Classified, NotManifest, classify};
use super::text;

/// What a file is that [`partial_files`] names.
pub const PARTIAL: NotManifest =
    NotManifest { what: "a part of a kustomization", hint: Some("render it first: `kustomize build ..`") };

/// Fields of a kustomization that list files: as texts, or as objects with a `path`.
/// (`api/types/kustomization.go` in kubernetes-sigs/kustomize.)
const FIELDS: &[&str] = &[
    "configurations",
    "generators",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "transformers",
    "validators",
];

/// The files that a document names as parts of a kustomization, as paths beside its own; none where it is no
/// kustomization. Paths are joined as texts: nothing is looked up.
pub fn partial_files(source: &str, document: &Value) -> Vec<String> {
    // Kustomizations are few: what has none of the fields is not looked at any closer.
    if !FIELDS.iter().any(|field| document.get(field).is_some()) {
        return Vec::new();
    }
    match classify(source, document) {
        Classified::NotManifest(other) if other.what == "a kustomization" => {}
        _ => return Vec::new(),
    }
    let lists = FIELDS.iter().filter_map(|field| document.get(field)?.as_array());
    let paths = lists.flatten().filter_map(|item| match item.as_str() {
        Some(path) => Some(path),
        None => Some(text(item, "path")).filter(|path| !path.is_empty()),
    });
    // A patch may stand in the list itself, as a text of several lines.
    paths.filter(|path| !path.contains('\n')).filter_map(|path| beside(source, path)).collect()
}

/// The path that a file means by a path of its own; `None` where that leads above all that has a name.
fn beside(source: &str, path: &str) -> Option<String> {
    let folder = source.rsplit_once('/').map_or("", |(folder, _)| folder);
    let rooted = folder.starts_with('/') || (folder.is_empty() && source.starts_with('/'));
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match (part, parts.last()) {
            ("..", None) if rooted => return None,
            ("..", None | Some(&"..")) => parts.push(".."),
            ("..", Some(_)) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let root = if rooted { "/" } else { "" };
    Some(format!("{root}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_files_beside_the_kustomization() {
        let item = Value::from([("path", "../shared/./p.yaml".into()), ("target", Value::Null)]);
        let inline = Value::from([("patch", "kind: Pod\n".into())]);
        let kustomization = Value::from([
            ("resources", Value::from(vec!["../base".into()])),
            ("patches", Value::from(vec![item, inline, 1.into()])),
            ("patchesStrategicMerge", Value::from(vec!["a.yaml".into(), "kind: Pod\nspec: {}\n".into()])),
        ]);
        assert_eq!(
            partial_files("overlays/prod/kustomization.yaml", &kustomization),
            ["overlays/shared/p.yaml", "overlays/prod/a.yaml"]
        );
        assert_eq!(partial_files("/kustomization.yaml", &kustomization), ["/a.yaml"]);
        assert_eq!(partial_files("kustomization.yaml", &kustomization), ["../shared/p.yaml", "a.yaml"]);
        let custom =
            kustomization.as_object().unwrap().with("apiVersion", "example.com/v1").with("kind", "X");
        assert!(partial_files("x.yaml", &custom.into()).is_empty());
    }
}

//! The documents that the server is asked about, found by their text: the reader under test has no part in it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::root;

/// A document of a manifest file.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// The file, from the root of the checkout.
    pub(crate) file: String,
    /// The document's number in the file, from zero.
    pub(crate) document: usize,
    /// The line of the file that its text begins at, from 1.
    pub(crate) line: usize,
    /// The text, as it is sent.
    pub(crate) text: String,
    /// `application/yaml` or `application/json`.
    pub(crate) media_type: &'static str,
    pub(crate) api_version: String,
    pub(crate) kind: String,
    /// Empty if there is none.
    pub(crate) name: String,
    /// What the server makes a name from; empty if there is none.
    pub(crate) generate_name: String,
    /// `default` if there is none.
    pub(crate) namespace: String,
}

/// The manifests of a folder, in the order of their names.
pub(crate) fn of_folder(folder: &str) -> Result<Vec<Manifest>> {
    let mut files = Vec::new();
    list(&root().join(folder), &mut files)?;
    files.sort();
    let mut manifests = Vec::new();
    for path in files {
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let file = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        if path.extension().is_some_and(|extension| extension == "json") {
            manifests.extend(of_json(&file, &text)?);
        } else {
            manifests.extend(of_yaml(&file, &text));
        }
    }
    Ok(manifests)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|each| extension == *each))
        {
            files.push(path);
        }
    }
    Ok(())
}

fn of_json(file: &str, text: &str) -> Result<Option<Manifest>> {
    let value: Value = serde_json::from_str(text).with_context(|| format!("`{file}` is no JSON"))?;
    let word = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (Some(api_version), Some(kind)) = (word("/apiVersion"), word("/kind")) else {
        return Ok(None);
    };
    Ok(Some(Manifest {
        file: file.into(),
        document: 0,
        line: 1,
        text: text.into(),
        media_type: "application/json",
        api_version,
        kind,
        name: word("/metadata/name").unwrap_or_default(),
        generate_name: word("/metadata/generateName").unwrap_or_default(),
        namespace: word("/metadata/namespace").unwrap_or_else(|| "default".into()),
    }))
}

fn of_yaml(file: &str, text: &str) -> Vec<Manifest> {
    let mut manifests = Vec::new();
    let mut document = 0;
    let mut start = 1;
    let mut part = String::new();
    let separator = |line: &str| line.trim_end() == "---" || line.starts_with("--- ");
    for (index, line) in text.lines().chain(["---"]).enumerate() {
        if !separator(line) {
            part.push_str(line);
            part.push('\n');
            continue;
        }
        let comments_only = part.lines().all(|line| line.trim().is_empty() || line.starts_with('#'));
        // What stands before the first separator is a document only if it says something.
        if !(comments_only && document == 0) {
            manifests.extend(of_block(file, document, start, &part));
            document += 1;
        }
        part.clear();
        start = index + 2;
    }
    manifests
}

/// A document in block style, its fields one to a line and `metadata` indented by two.
fn of_block(file: &str, document: usize, line: usize, text: &str) -> Option<Manifest> {
    let metadata = || {
        text.lines()
            .skip_while(|line| line.trim_end() != "metadata:")
            .skip(1)
            .take_while(|line| line.starts_with([' ', '#']) || line.is_empty())
    };
    Some(Manifest {
        file: file.into(),
        document,
        line,
        text: text.into(),
        media_type: "application/yaml",
        api_version: field("apiVersion:", text.lines())?,
        kind: field("kind:", text.lines())?,
        name: field("  name:", metadata()).unwrap_or_default(),
        generate_name: field("  generateName:", metadata()).unwrap_or_default(),
        namespace: field("  namespace:", metadata()).unwrap_or_else(|| "default".into()),
    })
}

/// The value behind the first line that begins with the prefix.
fn field<'text>(prefix: &str, mut lines: impl Iterator<Item = &'text str>) -> Option<String> {
    lines.find_map(|line| {
        let value = line.strip_prefix(prefix)?;
        let value = value.split(" #").next().unwrap_or(value);
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::{of_json, of_yaml};

    #[test]
    fn documents_are_found_with_their_places() {
        let text = "# about\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a # first\n  labels:\n    name: no\n\
                    ---\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  namespace: \"x\"\n  generateName: b-\nspec:\n  name: no\n";
        let found = of_yaml("f.yaml", text);
        let facts: Vec<_> = found
            .iter()
            .map(|each| {
                (each.document, each.line, each.kind.as_str(), each.name.as_str(), each.namespace.as_str())
            })
            .collect();
        assert_eq!(facts, [(0, 3, "Pod", "a", "default"), (2, 11, "Deployment", "", "x")]);
        assert_eq!(found[1].generate_name, "b-");
        assert!(found[0].text.starts_with("apiVersion: v1"));
    }

    #[test]
    fn json_is_one_document() {
        let found =
            of_json("f.json", r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"x"}}"#);
        let found = found.unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.namespace.as_str(), found.line), ("a", "x", 1));
        assert!(of_json("f.json", "{}").unwrap().is_none());
        assert!(of_json("f.json", "{").is_err());
    }
}

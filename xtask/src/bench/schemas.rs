//! Schemas for kubeconform, which has none of its own: made from what a real API server says of its kinds.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::cluster::{ApiServer, is_built};
use crate::e2e::server::Requests;
use crate::workspace::target;

/// The folder with a schema for each kind, `KIND.json`; `None` where no API server is built to make it from.
pub(super) fn folder() -> Result<Option<PathBuf>> {
    let folder = target().join("bench-schemas");
    if folder.join("_definitions.json").exists() {
        return Ok(Some(folder));
    }
    if !is_built() {
        return Ok(None);
    }
    let server = ApiServer::start(target().join("bench-apiserver"))?;
    let description = Requests::to(&server)?.get("/openapi/v2")?;
    drop(server);
    let description: Value =
        serde_json::from_str(&description).context("the server's description is no JSON")?;
    write(&folder, &description)?;
    Ok(Some(folder))
}

fn write(folder: &Path, description: &Value) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let save = |name: &str, value: &Value| {
        let path = folder.join(name);
        std::fs::write(&path, value.to_string()).with_context(|| format!("cannot write `{}`", path.display()))
    };
    let definitions = description
        .get("definitions")
        .and_then(Value::as_object)
        .context("the server's description has no definitions")?;
    let mut schemas = Map::new();
    for (name, definition) in definitions {
        // The description calls these strings, and says elsewhere that numbers will do.
        let either = name.ends_with(".Quantity") || name.ends_with(".IntOrString");
        let schema = if either { json!({"type": ["string", "number"]}) } else { definition.clone() };
        schemas.insert(name.clone(), schema);
        let kinds = definition.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        for kind in kinds.into_iter().flatten() {
            if let Some(kind) = kind.get("kind").and_then(Value::as_str) {
                let reference = json!({"$ref": format!("_definitions.json#/definitions/{name}")});
                save(&format!("{}.json", kind.to_lowercase()), &reference)?;
            }
        }
    }
    save("_definitions.json", &json!({"definitions": schemas}))
}

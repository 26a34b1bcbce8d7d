//! [`own_definitions`]: the definitions of Lumen's own kinds, their schemas generated from the Rust types; and
//! [`upstream_definitions`]: those of Gatekeeper's kinds, for clusters that have none.

use lumen_value::read::{Limits, read};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::config::{ExemptionSpec, LumenConfigSpec};
use crate::names;

/// The `CustomResourceDefinition`s of `Exemption` and `LumenConfig`.
pub fn own_definitions() -> Vec<lumen_value::Value> {
    let exemption = definition(
        "Exemption",
        "exemptions",
        "Objects that keep to rules less strictly, for a reason and for a time",
        &schema::<ExemptionSpec>(),
        &[("Owner", ".spec.owner"), ("Expires", ".spec.expires"), ("Reason", ".spec.reason")],
        None,
    );
    let config = definition(
        "LumenConfig",
        "lumenconfigs",
        "How Lumen's server works in this cluster",
        &schema::<LumenConfigSpec>(),
        &[],
        Some((
            format!("self.metadata.name == '{}'", names::CONFIG),
            format!("the only LumenConfig that counts is named `{}`", names::CONFIG),
        )),
    );
    let of_json = |json: &Json| {
        let parsed = lumen_value::json::parse(json.to_string().as_bytes(), &Limits::default());
        parsed.map(|parsed| parsed.value).unwrap_or_default()
    };
    [exemption, config].iter().map(of_json).collect()
}

macro_rules! upstream {
    ($($name:literal),* $(,)?) => {
        [$(include_str!(concat!("../../assets/crds/", $name, ".yaml"))),*]
    };
}

/// Gatekeeper 3.23.1's definitions of the kinds that are read, without descriptions.
const UPSTREAM: [&str; 8] = upstream![
    "constrainttemplates.templates.gatekeeper.sh",
    "configs.config.gatekeeper.sh",
    "syncsets.syncset.gatekeeper.sh",
    "assign.mutations.gatekeeper.sh",
    "assignmetadata.mutations.gatekeeper.sh",
    "assignimage.mutations.gatekeeper.sh",
    "modifyset.mutations.gatekeeper.sh",
    "expansiontemplate.expansion.gatekeeper.sh",
];

/// The `CustomResourceDefinition`s of Gatekeeper's kinds, for a cluster that has none of them. One that is there already is
/// somebody else's: it is to be left as it is.
pub fn upstream_definitions() -> Vec<lumen_value::Value> {
    let labelled = |definition: lumen_value::Value| -> Option<lumen_value::Value> {
        let fields = definition.as_object()?;
        let metadata = fields.get("metadata")?.as_object()?;
        let labels = metadata.get("labels")?.as_object()?.with(names::MANAGED_BY_LABEL, names::MANAGED_BY);
        Some(fields.with("metadata", metadata.with("labels", labels)).into())
    };
    let documents = UPSTREAM.iter().flat_map(|text| read(text.as_bytes(), &Limits::default()).documents);
    documents.filter_map(|document| labelled(document.value)).collect()
}

fn definition(
    kind: &str,
    plural: &str,
    description: &str,
    spec: &Json,
    columns: &[(&str, &str)],
    rule: Option<(String, String)>,
) -> Json {
    let mut columns: Vec<Json> = columns
        .iter()
        .map(|(name, path)| json!({"name": name, "type": "string", "jsonPath": path}))
        .collect();
    columns.push(json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}));
    let mut root = json!({
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
        },
    });
    if let (Some((rule, message)), Some(fields)) = (rule, root.as_object_mut()) {
        let rules = json!([{"rule": rule, "message": message}]);
        fields.insert("x-kubernetes-validations".into(), rules);
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{}", names::GROUP),
            "labels": {names::MANAGED_BY_LABEL: names::MANAGED_BY},
        },
        "spec": {
            "group": names::GROUP,
            "scope": "Cluster",
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": kind.to_lowercase(),
                "categories": ["lumen"],
            },
            "versions": [{
                "name": names::VERSION,
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": root},
                "additionalPrinterColumns": columns,
            }],
        },
    })
}

/// The schema of a type, as the API server takes it.
fn schema<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    structural(schema.as_value(), DEPTH_MAX)
}

/// Deepest nesting of the types in types above.
const DEPTH_MAX: usize = 16;

/// A schema as the API server takes it for a kind: it says nothing twice, has one type, and no `null`.
fn structural(schema: &Json, depth: usize) -> Json {
    let Some(fields) = schema.as_object().filter(|_| depth > 0) else { return schema.clone() };
    if let Some(inner) = optional(fields) {
        let mut inner = structural(inner, depth - 1);
        if let (Some(description), Some(fields)) = (fields.get("description"), inner.as_object_mut()) {
            fields.insert("description".into(), description.clone());
        }
        return inner;
    }
    if let Some(words) = fields.get("oneOf").and_then(Json::as_array) {
        // The words of an enumeration, each with its own description.
        let words: Vec<Json> = words.iter().filter_map(|word| word.get("const").cloned()).collect();
        return json!({"type": "string", "description": fields.get("description"), "enum": words});
    }
    let mut kept = Map::new();
    for (key, value) in fields {
        let value = match (key.as_str(), value) {
            ("$schema" | "title" | "default" | "format", _) | ("additionalProperties", Json::Bool(_)) => {
                continue;
            }
            ("type", Json::Array(types)) => {
                types.iter().find(|kind| *kind != "null").cloned().unwrap_or_default()
            }
            ("properties", Json::Object(properties)) => properties
                .iter()
                .map(|(name, schema)| (name.clone(), structural(schema, depth - 1)))
                .collect::<Map<_, _>>()
                .into(),
            ("enum", Json::Array(words)) => words.iter().filter(|word| !word.is_null()).cloned().collect(),
            ("items" | "additionalProperties", inner) => structural(inner, depth - 1),
            (_, value) => value.clone(),
        };
        kept.insert(key.clone(), value);
    }
    kept.into()
}

/// What a value is where it is there: of a choice between something and `null`, the something.
fn optional(fields: &Map<String, Json>) -> Option<&Json> {
    let choices = fields.get("anyOf")?.as_array()?;
    choices.iter().find(|choice| choice.get("type").is_none_or(|kind| kind != "null"))
}

#[cfg(test)]
mod tests {
    use lumen_core::admission::schema::Schema;
    use lumen_value::pointer;

    use super::*;

    #[test]
    fn own_kinds_have_schemas_that_the_api_server_takes() {
        let definitions = own_definitions();
        assert_eq!(definitions.len(), 2);
        for definition in definitions {
            let at = pointer!["spec", "versions", 0, "schema", "openAPIV3Schema"];
            let document = definition.find(&at).expect("a schema");
            let spec = document.get("properties").and_then(|fields| fields.get("spec")).expect("a spec");
            let schema = Schema::decode(spec).expect("a schema");
            assert_eq!(schema.check(), [], "{}", spec.to_json());
            let text = spec.to_json();
            for word in ["null", "$ref", "anyOf", "oneOf", "default"] {
                assert!(!text.contains(&format!("\"{word}\"")), "{word} in {text}");
            }
        }
    }

    #[test]
    fn all_of_upstreams_definitions_are_there() {
        let definitions = upstream_definitions();
        assert_eq!(definitions.len(), UPSTREAM.len());
        for definition in definitions {
            let name = definition.find(&pointer!["metadata", "name"]).expect("a name").to_json();
            assert!(UPSTREAM.iter().any(|text| text.contains(name.trim_matches('"'))), "{name}");
            assert!(definition.to_json().contains(r#""app.kubernetes.io/managed-by":"lumen""#), "{name}");
        }
    }

    #[test]
    fn an_exemption_that_the_schema_allows_can_be_read() {
        let text = schema::<ExemptionSpec>().to_string();
        for part in
            [r#""required":["reason","rules","match"]"#, r#""enum":["In","NotIn","Exists","DoesNotExist"]"#]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

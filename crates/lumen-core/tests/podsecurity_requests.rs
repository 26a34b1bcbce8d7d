//! Random requests to the built-in admission, with what upstream's v0.37.2 answers, text for text.
//!
//! `tests/corpus/podsecurity/requests.jsonl`, a line each: the configuration, the labels of the namespace `ns` (absent
//! where there is no such namespace), its pods, the request and the response. `LUMEN_RANDOM_REQUESTS` names another such
//! file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

#[path = "podsecurity/support.rs"]
mod support;

use std::{env, fs};

use lumen_core::podsecurity::Configuration;
use lumen_core::podsecurity::admission::{Admission, Cluster, Denial, Operation, Request, Response};
use lumen_value::Value;
use serde_json::Value as Json;

struct Facts {
    labels: Option<Value>,
    pods: Vec<Value>,
}

impl Cluster for Facts {
    fn namespace_labels(&self, _name: &str) -> Option<&Value> {
        self.labels.as_ref()
    }

    fn pods(&self, _namespace: &str) -> Option<Vec<&Value>> {
        Some(self.pods.iter().collect())
    }
}

fn expected(json: &Json) -> Response {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let mut audit_annotations: Vec<(&'static str, String)> = Vec::new();
    for (key, value) in json["auditAnnotations"].as_object().into_iter().flatten() {
        let keys = ["enforce-policy", "audit-violations", "exempt", "error"];
        audit_annotations.push((keys.into_iter().find(|each| each == key).unwrap(), text(value)));
    }
    Response {
        denial: (json["allowed"] == false).then(|| Denial {
            code: u16::try_from(json["code"].as_u64().unwrap()).unwrap(),
            reason: match json["reason"].as_str().unwrap() {
                "Forbidden" => "Forbidden",
                "Invalid" => "Invalid",
                "InternalError" => "InternalError",
                _ => "BadRequest",
            },
            message: text(&json["message"]),
        }),
        warnings: json["warnings"].as_array().into_iter().flatten().map(text).collect(),
        audit_annotations,
    }
}

#[test]
fn the_answers_are_upstreams() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/podsecurity/requests.jsonl");
    let path = env::var("LUMEN_RANDOM_REQUESTS").unwrap_or_else(|_| default.into());
    for (index, line) in fs::read_to_string(&path).expect(&path).lines().enumerate() {
        let json: Json = serde_json::from_str(line).unwrap();
        let (configuration, errors) = Configuration::read(&support::value(&json["configuration"]));
        assert!(errors.is_empty(), "line {}: {errors:?}", index + 1);
        let admission = Admission { configuration: configuration.into(), ..Admission::default() };
        let cluster = Facts {
            labels: json.get("namespaceLabels").map(support::value),
            pods: json["pods"].as_array().unwrap().iter().map(support::value).collect(),
        };
        let text = |field: &str| json[field].as_str().unwrap();
        let (object, old_object) = (support::value(&json["object"]), support::value(&json["oldObject"]));
        let mut response = admission.validate(
            &Request {
                operation: if text("operation") == "CREATE" { Operation::Create } else { Operation::Update },
                group: text("group"),
                resource: text("resource"),
                subresource: text("subresource"),
                namespace: "ns",
                name: text("name"),
                user: text("user"),
                object: &object,
                old_object: &old_object,
            },
            &cluster,
        );
        let mut expected = expected(&json["response"]);
        response.audit_annotations.sort();
        expected.audit_annotations.sort();
        assert_eq!(response, expected, "line {}", index + 1);
    }
}

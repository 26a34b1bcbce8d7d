//! What the server's account may do with rights that a role cannot restrict enough.

use lumen_server::names;
use serde_json::{Value, json};

use super::metadata;

/// What the policy and its binding are called.
const NAME: &str = "lumen-definitions";

/// The account may make and change the definitions of constraints' kinds and no others: their names are not known beforehand, and a
/// role without names gives all of them. The API server holds to it by itself, whether a webhook answers or not.
pub(super) fn policies() -> Vec<Value> {
    let account = names::user(names::NAMESPACE);
    let group = "constraints.gatekeeper.sh";
    let api_version = "admissionregistration.k8s.io/v1";
    vec![
        json!({
            "apiVersion": api_version,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": metadata(NAME, None),
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": ["apiextensions.k8s.io"],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["customresourcedefinitions"],
                }]},
                "matchConditions": [{
                    "name": "by-the-server",
                    "expression": format!("request.userInfo.username == '{account}'"),
                }],
                "validations": [{
                    "expression": format!(
                        "object.spec.group == '{group}' && (!has(object.spec.conversion) || object.spec.conversion.strategy == 'None')"
                    ),
                    "message": format!("Lumen's server defines kinds of {group} alone"),
                    "reason": "Forbidden",
                }],
            },
        }),
        json!({
            "apiVersion": api_version,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": metadata(NAME, None),
            "spec": {"policyName": NAME, "validationActions": ["Deny"]},
        }),
    ]
}

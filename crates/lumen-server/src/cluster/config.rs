//! Lumen's own kinds, [`ExemptionSpec`] and [`LumenConfigSpec`]: the types that their definitions' schemas are generated from.

use lumen_value::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Objects that keep to rules less strictly, for a reason and for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExemptionSpec {
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Why.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// When it ends: a date (to the end of that day, UTC) or a time (RFC 3339). Without it, it does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The rules: whole ids, or patterns in one layer such as `pod-security/*`.
    #[schemars(length(min = 1))]
    pub rules: Vec<String>,
    /// The objects that it is about. All that is named must hold; `{}` means every object.
    #[serde(rename = "match")]
    pub matches: ExemptionMatch,
}

/// The objects that an exemption is about. `*` stands for any characters; an empty list says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExemptionMatch {
    /// Kinds, such as `Deployment`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Labels of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
}

/// A selector of labels, as everywhere in Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelector {
    /// Labels that must be there with these values.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub match_labels: std::collections::BTreeMap<String, String>,
    /// Further conditions, all of which must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelExpression>,
}

/// One condition on labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelExpression {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: LabelOperator,
    /// The values, for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// It has one of the values.
    In,
    /// It has none of the values, or is not there.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

/// How Lumen's server works in this cluster. What is left out is as the server's own flags say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LumenConfigSpec {
    /// The admission webhook.
    #[serde(default)]
    pub webhook: WebhookConfig,
    /// The audit.
    #[serde(default)]
    pub audit: AuditConfig,
}

/// How the admission webhook answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookConfig {
    /// What is answered to a request that cannot be judged in time: an HTTP error, so that the webhook's `failurePolicy` decides;
    /// that it is allowed; or that it is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_overload: Option<OnOverload>,
    /// Groups whose members are judged by no policy; each such request is noted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass_groups: Vec<String>,
    /// Namespaces that may carry the label `admission.gatekeeper.sh/ignore`; `*` stands at one end at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt_namespaces: Vec<String>,
}

/// What is answered to a request that cannot be judged in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnOverload {
    /// An HTTP error: the webhook's `failurePolicy` decides.
    Error,
    /// It is allowed, with a warning.
    Allow,
    /// It is denied.
    Deny,
}

/// How the audit works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditConfig {
    /// Seconds between two audits; 0 for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_seconds: Option<u32>,
    /// Most violations in the status of one constraint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 500))]
    pub violations_max: Option<u32>,
}

impl LumenConfigSpec {
    /// What a `LumenConfig` says; why it cannot be read, in one sentence.
    pub fn of(object: &Value) -> Result<Self, String> {
        match object.get("spec") {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(spec) => serde_json::from_str(&spec.to_json()).map_err(|error| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_read_and_a_misspelt_one_is_not() {
        let webhook: Value = [("onOverload", "Deny".into())].into();
        let object: Value = [("spec", [("webhook", webhook)].into())].into();
        let config = LumenConfigSpec::of(&object).expect("sound");
        assert_eq!(config.webhook.on_overload, Some(OnOverload::Deny));
        let object: Value = [("spec", [("webhok", Value::Null)].into())].into();
        assert!(LumenConfigSpec::of(&object).expect_err("misspelt").contains("webhok"));
        assert_eq!(LumenConfigSpec::of(&Value::Null), Ok(LumenConfigSpec::default()));
    }
}

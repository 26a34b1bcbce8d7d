//! Lumen's own kinds, [`ExemptionSpec`] and [`LumenConfigSpec`]: the types that their definitions' schemas are generated from.

use std::sync::Arc;

use lumen_core::podsecurity::Configuration;
use lumen_value::Value;
use lumen_value::read::Limits;
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
    /// Pod Security: what the API server's `PodSecurityConfiguration` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurityConfig>,
}

/// How the admission webhook answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookConfig {
    /// What is answered to a request that cannot be judged in time: an HTTP error, so that the webhook's `failurePolicy` decides;
    /// that it is allowed; or that it is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_overload: Option<OnOverload>,
    /// Groups whose members nothing holds up, in place of the server's own; each such request is noted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass_groups: Vec<String>,
    /// Further namespaces that may carry the label `admission.gatekeeper.sh/ignore`; `*` stands at one end at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt_namespaces: Vec<String>,
    /// Whether an Event is made for each violation of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emit_events: Option<bool>,
    /// Whether the Events are in the namespaces of the objects, not in the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_involved_namespace: Option<bool>,
}

/// What is answered to a request that cannot be judged in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnOverload {
    /// An HTTP error: the webhook's `failurePolicy` decides.
    #[default]
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
    /// Which reports are written: those of the API that the cluster has, `OpenReports` before `WgPolicy`; those of one; or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports: Option<ReportsConfig>,
    /// Whether an Event is made for each violation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emit_events: Option<bool>,
    /// Whether the Events are in the namespaces of the objects, not in the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_involved_namespace: Option<bool>,
}

/// Which reports the audit writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReportsConfig {
    /// Those of the API that the cluster has; of both, `OpenReports`.
    #[default]
    Auto,
    /// None; those that were written go.
    Off,
    /// `Report` and `ClusterReport` of `openreports.io/v1alpha1`.
    OpenReports,
    /// `PolicyReport` and `ClusterPolicyReport` of `wgpolicyk8s.io/v1alpha2`.
    WgPolicy,
}

/// What holds where no label decides, and who is not judged, as in `pod-security.admission.config.k8s.io/v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodSecurityConfig {
    /// The levels and versions of Namespaces without a label.
    #[serde(default)]
    pub defaults: PodSecurityDefaults,
    /// Who and what is not judged.
    #[serde(default)]
    pub exemptions: PodSecurityExemptions,
}

/// The levels and versions of Namespaces without a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PodSecurityDefaults {
    /// `privileged`, `baseline` or `restricted`: pods that break it are refused.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub enforce: String,
    /// `latest`, or a version such as `v1.34`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub enforce_version: String,
    /// The level that the audit log is told of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub audit: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub audit_version: String,
    /// The level that clients are warned of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub warn: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub warn_version: String,
}

/// Who and what is not judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodSecurityExemptions {
    /// Names of users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usernames: Vec<String>,
    /// Names of runtime classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runtime_classes: Vec<String>,
    /// Names of namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

impl PodSecurityConfig {
    /// What it means; why it means nothing, in one sentence.
    fn read(&self) -> Result<Configuration, String> {
        let text = serde_json::to_string(self).map_err(|error| error.to_string())?;
        let parsed = lumen_value::json::parse(text.as_bytes(), &Limits::default());
        let fields = parsed.map_err(|error| error.to_string())?.value;
        let fields = fields.as_object().cloned().unwrap_or_default();
        let object = fields
            .with("apiVersion", "pod-security.admission.config.k8s.io/v1")
            .with("kind", "PodSecurityConfiguration");
        let (configuration, errors) = Configuration::read(&object.into());
        if errors.is_empty() {
            return Ok(configuration);
        }
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Err(format!("podSecurity: {}", errors.join("; ")))
    }
}

impl LumenConfigSpec {
    /// What a `LumenConfig` says, and what that means for Pod Security; why it cannot be read, in one sentence.
    pub fn of(object: &Value) -> Result<(Self, Option<Arc<Configuration>>), String> {
        let spec: Self = match object.get("spec") {
            None | Some(Value::Null) => Self::default(),
            Some(spec) => serde_json::from_str(&spec.to_json()).map_err(|error| error.to_string())?,
        };
        let pod_security = spec.pod_security.as_ref().map(PodSecurityConfig::read).transpose()?;
        Ok((spec, pod_security.map(Arc::new)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_read_and_a_misspelt_one_is_not() {
        let webhook: Value = [("onOverload", "Deny".into())].into();
        let object: Value = [("spec", [("webhook", webhook)].into())].into();
        let (config, _) = LumenConfigSpec::of(&object).expect("sound");
        assert_eq!(config.webhook.on_overload, Some(OnOverload::Deny));
        let object: Value = [("spec", [("webhok", Value::Null)].into())].into();
        assert!(LumenConfigSpec::of(&object).expect_err("misspelt").contains("webhok"));
        assert_eq!(LumenConfigSpec::of(&Value::Null), Ok((LumenConfigSpec::default(), None)));
    }

    #[test]
    fn pod_security_is_configured_as_in_the_api_server() {
        let of = |field: &str, value: &str| {
            let defaults: Value = [(field, value.into())].into();
            let exemptions: Value = [("namespaces", vec!["shop".into()].into())].into();
            let section: Value = [("defaults", defaults), ("exemptions", exemptions)].into();
            LumenConfigSpec::of(&[("spec", [("podSecurity", section)].into())].into())
        };
        let (_, read) = of("enforce", "baseline").expect("sound");
        let read = read.expect("it says something");
        assert!(read.names_enforce && read.exemptions.namespaces.contains("shop"));
        let (_, read) = of("warn-version", "v1.30").expect("sound");
        assert_eq!(read.expect("it says something").defaults.warn.to_string(), "privileged:v1.30");
        let wrong = of("enforce", "strict").expect_err("no level");
        assert!(wrong.starts_with("podSecurity: defaults.enforce: Invalid value"), "{wrong}");
        assert!(of("enforceVersion", "v1.30").expect_err("misspelt").contains("enforceVersion"));
    }
}

//! [`PodSecurity`]: what the API server's own Pod Security counts, by its names (pod-security-admission `metrics/metrics.go`).

use lumen_core::podsecurity::admission::Noted;
use lumen_core::podsecurity::{Level, LevelVersion, Version};
use lumen_value::Value;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::counted;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Evaluation {
    decision: &'static str,
    policy_level: &'static str,
    policy_version: String,
    mode: &'static str,
    request_operation: &'static str,
    resource: &'static str,
    subresource: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Exemption {
    request_operation: &'static str,
    resource: &'static str,
    subresource: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    fatal: &'static str,
    request_operation: &'static str,
    resource: &'static str,
    subresource: &'static str,
}

/// What a request is about, in the words of the labels: each is one of a few, whatever a request says.
#[derive(Clone, Copy, Debug)]
pub struct About {
    operation: &'static str,
    resource: &'static str,
    subresource: &'static str,
}

impl About {
    /// Of an `AdmissionRequest`.
    pub fn of(request: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let of_resource = |name: &str| text(request.get("resource").and_then(|resource| resource.get(name)));
        let subresource = text(request.get("subResource"));
        let known = ["", "ephemeralcontainers", "resize"];
        Self {
            operation: match text(request.get("operation")).as_str() {
                "CREATE" => "create",
                "UPDATE" => "update",
                _ => "other",
            },
            resource: match (of_resource("group").as_str(), of_resource("resource").as_str()) {
                ("", "pods") => "pod",
                ("", "namespaces") => "namespace",
                _ => "controller",
            },
            subresource: known.into_iter().find(|each| *each == subresource).unwrap_or("other"),
        }
    }
}

/// What is counted of Pod Security. Clones count together.
#[derive(Clone, Debug)]
pub struct PodSecurity {
    evaluations: Family<Evaluation, Counter>,
    exemptions: Family<Exemption, Counter>,
    failures: Family<Failure, Counter>,
}

impl PodSecurity {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        Self {
            evaluations: counted(
                registry,
                "pod_security_evaluations",
                "Pods and templates that were judged by a level, those that were ignored or exempt aside",
            ),
            exemptions: counted(
                registry,
                "pod_security_exemptions",
                "Requests that were exempt, those that were ignored aside",
            ),
            failures: counted(
                registry,
                "pod_security_errors",
                "Errors that kept requests from being judged as they should be; where none was fatal, by a stricter level",
            ),
        }
    }

    /// Counts what was noted about a request, in a cluster of a minor version.
    pub fn count(&self, noted: &[Noted], about: About, cluster_minor: u64) {
        let About { operation: request_operation, resource, subresource } = about;
        for each in noted {
            match *each {
                Noted::Evaluated { mode, wanted, is_allowed } => {
                    let labels = Evaluation {
                        decision: if is_allowed { "allow" } else { "deny" },
                        policy_level: wanted.level.as_str(),
                        policy_version: version(wanted, cluster_minor),
                        mode: mode.as_str(),
                        request_operation,
                        resource,
                        subresource,
                    };
                    self.evaluations.get_or_create(&labels).inc();
                }
                Noted::Exempt => {
                    let labels = Exemption { request_operation, resource, subresource };
                    self.exemptions.get_or_create(&labels).inc();
                }
                Noted::Failed { is_fatal } => {
                    let fatal = if is_fatal { "true" } else { "false" };
                    let labels = Failure { fatal, request_operation, resource, subresource };
                    self.failures.get_or_create(&labels).inc();
                }
            }
        }
    }
}

/// The edition, as upstream names it: what is newer than the cluster is one.
fn version(wanted: LevelVersion, cluster_minor: u64) -> String {
    match wanted.version {
        _ if wanted.level == Level::Privileged => "latest".to_owned(),
        Version::Minor(minor) if minor > cluster_minor => "future".to_owned(),
        version => version.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use lumen_core::podsecurity::admission::Mode;

    use super::*;

    #[test]
    fn labels_have_few_values() {
        let of = |level, version| super::version(LevelVersion::new(level, version), 34);
        assert_eq!(of(Level::Privileged, Version::Minor(1)), "latest");
        assert_eq!(of(Level::Baseline, Version::Minor(34)), "v1.34");
        assert_eq!(of(Level::Baseline, Version::Minor(35)), "future");
        assert_eq!(of(Level::Restricted, Version::Latest), "latest");
        let request: Value = [("operation", "PATCH".into()), ("subResource", "made-up".into())].into();
        let about = About::of(&request);
        assert_eq!((about.operation, about.resource, about.subresource), ("other", "controller", "other"));
    }

    #[test]
    fn what_is_noted_is_counted() {
        let mut registry = Registry::default();
        let counts = PodSecurity::registered(&mut registry);
        let resource: Value = [("group", "".into()), ("resource", "pods".into())].into();
        let request: Value = [("operation", "CREATE".into()), ("resource", resource)].into();
        let wanted = LevelVersion::latest(Level::Restricted);
        let noted = [
            Noted::Evaluated { mode: Mode::Enforce, wanted, is_allowed: false },
            Noted::Exempt,
            Noted::Failed { is_fatal: true },
        ];
        counts.count(&noted, About::of(&request), 34);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        for line in [
            r#"pod_security_evaluations_total{decision="deny",policy_level="restricted",policy_version="latest",mode="enforce",request_operation="create",resource="pod",subresource=""} 1"#,
            r#"pod_security_exemptions_total{request_operation="create",resource="pod",subresource=""} 1"#,
            r#"pod_security_errors_total{fatal="true",request_operation="create",resource="pod",subresource=""} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}

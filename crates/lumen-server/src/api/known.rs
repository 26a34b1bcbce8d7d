//! The resources that every API server serves, and those of Gatekeeper's policies.

use lumen_core::admission::constraint::GROUP as CONSTRAINTS;

use super::Resource;

impl Resource {
    /// Namespaces.
    pub fn namespaces() -> Self {
        Self::new("", "v1", "Namespace", "namespaces", false)
    }

    /// Pods.
    pub fn pods() -> Self {
        Self::new("", "v1", "Pod", "pods", true)
    }

    /// Secrets.
    pub fn secrets() -> Self {
        Self::new("", "v1", "Secret", "secrets", true)
    }

    /// Leases, by which one of several replicas leads.
    pub fn leases() -> Self {
        Self::new("coordination.k8s.io", "v1", "Lease", "leases", true)
    }

    /// `CustomResourceDefinition`s.
    pub fn definitions() -> Self {
        let plural = "customresourcedefinitions";
        Self::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", plural, false)
    }

    /// `ValidatingWebhookConfiguration`s.
    pub fn webhook_configurations() -> Self {
        let plural = "validatingwebhookconfigurations";
        Self::new("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", plural, false)
    }

    /// Constraints of a kind: Gatekeeper names their resource by it.
    pub fn constraints(kind: &str) -> Self {
        Self::new(CONSTRAINTS, "v1beta1", kind, &kind.to_lowercase(), false)
    }
}

//! What Lumen calls things in a cluster: once, for the server, the installer and the checks.

/// The namespace that Lumen is installed into.
pub const NAMESPACE: &str = "lumen-system";
/// The Deployment of the server, its `ServiceAccount`, `ClusterRole` and `ClusterRoleBinding`.
pub const SERVER: &str = "lumen-server";
/// The Service in front of the webhook: port 443, to [`HTTPS_PORT`].
pub const SERVICE: &str = "lumen-webhook";
/// Where the webhook answers: `/v1/admit` and `/v1/admitlabel`.
pub const HTTPS_PORT: u16 = 8443;
/// Where `/healthz`, `/readyz` and `/metrics` answer, without TLS: to the kubelet and to Prometheus.
pub const HTTP_PORT: u16 = 8080;
/// The Secret with `ca.crt`, `ca.key`, `tls.crt` and `tls.key`.
pub const CERTIFICATE_SECRET: &str = "lumen-webhook-certificate";
/// The `ValidatingWebhookConfiguration`.
pub const WEBHOOK_CONFIGURATION: &str = "lumen";
/// The webhook that judges.
pub const VALIDATION_WEBHOOK: &str = "validation.lumensec.io";
/// The webhook that guards the label which keeps policies out of a Namespace.
pub const LABEL_WEBHOOK: &str = "check-ignore-label.lumensec.io";
/// The Lease of the replica that audits.
pub const AUDIT_LEASE: &str = "lumen-audit";
/// As whom fields are managed.
pub const FIELD_MANAGER: &str = "lumen";
/// The `PriorityClass` of the server's pods.
pub const PRIORITY_CLASS: &str = "lumen-critical";
/// The API group of Lumen's own kinds, and the domain of its labels.
pub const GROUP: &str = "lumensec.io";
/// The version of Lumen's own kinds.
pub const VERSION: &str = "v1alpha1";
/// The one name that a `LumenConfig` may have.
pub const CONFIG: &str = "default";
/// Nothing holds up who is in this group, and it is noted each time.
pub const BREAK_GLASS_GROUP: &str = "lumen:break-glass";
/// The label by which what Lumen made is known: [`MANAGED_BY`] is its value.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "lumen";

/// The user as whom the server acts that runs in a namespace: no policy holds it up.
pub fn user(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:{SERVER}")
}

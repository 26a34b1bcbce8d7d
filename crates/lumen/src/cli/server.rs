//! The command line of `lumen server`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::settings::parse_minor;

/// Shown below the help of `lumen server`.
pub(crate) const SERVER_EXAMPLES: &str = "\
Examples:
  lumen server                   in a cluster, as `lumen install` starts it: its policies, its Secret
  lumen server --tls-cert tls.crt --tls-key tls.key --policies deploy/
                                 of files: no cluster is asked

Exit status: 0 it was told to stop, and did in order; 2 it could not start";

/// `lumen server`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Clone, Debug, Args)]
pub struct Server {
    /// The certificates that are shown, PEM, the server's own first; read again whenever the file changes. Without it the
    /// certificate is in a Secret, which is made, renewed and trusted by the webhook configuration
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "LUMEN_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "LUMEN_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A Secret with `tls.crt` and `tls.key` that somebody else keeps, such as cert-manager, and who fills `caBundle`, too
    #[arg(long, value_name = "NAME", env = "LUMEN_CERTIFICATE_SECRET", conflicts_with = "tls_cert")]
    pub certificate_secret: Option<String>,
    /// Judge by the policies, Namespaces and Exemptions of these files and folders, and ask no cluster; `builtin` and
    /// `builtin:NAME` are those that come with Lumen; repeatable
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, requires = "tls_cert")]
    pub policies: Vec<OsString>,
    /// Where the webhook answers, with TLS
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8443", env = "LUMEN_HTTPS")]
    pub https: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` answer, without TLS
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8080", env = "LUMEN_HTTP")]
    pub http: SocketAddr,
    /// Threads that judge; one a core where none is given
    #[arg(long, value_name = "N", env = "LUMEN_THREADS", value_parser = threads, help_heading = "Bounds")]
    pub threads: Option<NonZeroUsize>,
    /// Requests that may wait for a thread
    #[arg(long, value_name = "N", default_value_t = 256, env = "LUMEN_WAITING_MAX", help_heading = "Bounds")]
    pub waiting_max: usize,
    /// Connections at once
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2048,
        env = "LUMEN_CONNECTIONS_MAX",
        help_heading = "Bounds"
    )]
    pub connections_max: usize,
    /// Milliseconds for an answer, where the API server waits for longer than that
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 10_000,
        env = "LUMEN_DEADLINE",
        help_heading = "Bounds"
    )]
    pub deadline: u64,
    /// What is answered to a request that cannot be judged in time
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "ANSWER",
        env = "LUMEN_ON_OVERLOAD",
        help_heading = "Bounds"
    )]
    pub on_overload: OnOverload,
    /// Seconds in which it goes on answering after SIGTERM
    #[arg(long, value_name = "S", default_value_t = 5, env = "LUMEN_GRACE", help_heading = "Bounds")]
    pub grace: u64,
    /// Leave Pod Security to the API server
    #[arg(long, env = "LUMEN_NO_POD_SECURITY")]
    pub no_pod_security: bool,
    /// The API server's `PodSecurityConfiguration`, alone or in its `AdmissionConfiguration`. A `LumenConfig` takes precedence
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        env = "LUMEN_POD_SECURITY_CONFIG",
        conflicts_with = "no_pod_security"
    )]
    pub pod_security_config: Option<PathBuf>,
    /// The cluster's version, such as `v1.34`: what `latest` means in a label of Pod Security. Without it the API server is asked;
    /// the newest known where there is none
    #[arg(long, value_name = "VERSION", value_parser = minor, env = "LUMEN_KUBERNETES_VERSION")]
    pub kubernetes_version: Option<u64>,
    /// Seconds between two audits of what is there; 0 for none. A `LumenConfig` takes precedence
    #[arg(long, value_name = "S", default_value_t = lumen_server::audit::INTERVAL_SECONDS, env = "LUMEN_AUDIT_INTERVAL")]
    pub audit_interval: u32,
    /// Which reports of the audit are written: those of the API that the cluster has, `openreports` first; those of one API; or
    /// none. A `LumenConfig` takes precedence
    #[arg(long, value_enum, default_value_t, value_name = "API", env = "LUMEN_AUDIT_REPORTS")]
    pub audit_reports: AuditReports,
    /// Make an Event for each violation that an audit finds. A `LumenConfig` takes precedence
    #[arg(long, env = "LUMEN_EMIT_AUDIT_EVENTS", help_heading = "Events")]
    pub emit_audit_events: bool,
    /// Make the Events of audits in the namespaces of the objects, not in the server's own
    #[arg(long, env = "LUMEN_AUDIT_EVENTS_INVOLVED_NAMESPACE", help_heading = "Events")]
    pub audit_events_involved_namespace: bool,
    /// Make an Event for each violation of a request. A `LumenConfig` takes precedence
    #[arg(long, env = "LUMEN_EMIT_ADMISSION_EVENTS", help_heading = "Events")]
    pub emit_admission_events: bool,
    /// Make the Events of requests in the namespaces of the objects, not in the server's own
    #[arg(long, env = "LUMEN_ADMISSION_EVENTS_INVOLVED_NAMESPACE", help_heading = "Events")]
    pub admission_events_involved_namespace: bool,
    /// A namespace of which nothing is sent, and that may carry the label `admission.gatekeeper.sh/ignore`; those that a `*` at one
    /// end stands for may only carry the label; repeatable
    #[arg(long, value_name = "NAME")]
    pub exempt_namespace: Vec<String>,
    /// The group whose members nothing holds up; it is noted each time
    #[arg(long, value_name = "GROUP", default_value = lumen_server::names::BREAK_GLASS_GROUP, env = "LUMEN_BREAK_GLASS_GROUP")]
    pub break_glass_group: String,
    /// Beside a running Gatekeeper: allow everything, write nothing that it owns, and count what would have been said
    #[arg(long, env = "LUMEN_SHADOW")]
    pub shadow: bool,
    /// What is logged: `error`, `warn`, `info`, `debug`, or as `RUST_LOG` has it; the target `kube_client` only where it is named
    #[arg(long, value_name = "FILTER", default_value = "info", env = "LUMEN_LOG")]
    pub log: String,
    /// The name of this replica in the status of policies
    #[arg(long, value_name = "NAME", default_value = lumen_server::names::SERVER, env = "POD_NAME", hide_env_values = true)]
    pub pod_name: String,
    /// The namespace that the replicas run in
    #[arg(long, value_name = "NAME", default_value = lumen_server::names::NAMESPACE, env = "POD_NAMESPACE", hide_env_values = true)]
    pub pod_namespace: String,
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number: usize = text.parse().map_err(|_| "use a number".to_owned())?;
    NonZeroUsize::new(number).ok_or_else(|| "at least 1".to_owned())
}

/// The minor version that a text names.
fn minor(text: &str) -> Result<u64, String> {
    parse_minor(text).ok_or_else(|| "use a version such as `v1.34`".to_owned())
}

/// What is answered to a request that cannot be judged in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnOverload {
    /// An HTTP error: the webhook's `failurePolicy` decides.
    #[default]
    Error,
    /// It is allowed, with a warning.
    Allow,
    /// It is denied.
    Deny,
}

/// Which reports the audit writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AuditReports {
    /// Those of the API that the cluster has.
    #[default]
    Auto,
    /// None.
    Off,
    /// `openreports.io`.
    Openreports,
    /// `wgpolicyk8s.io`.
    Wgpolicy,
}

//! The table of settings.

use super::{Kind, Setting};
use crate::exit::FailOn;

/// See [`Setting::doc`].
pub const FAIL_ON: Setting = Setting {
    key: "fail-on",
    short: None,
    kind: Kind::Choice(FailOn::WORDS),
    default: "high",
    placeholder: "LEVEL",
    doc: "Exit with 1 when something is found at this level or above; `deny` is exactly what the cluster would refuse",
};
/// See [`Setting::doc`].
pub const OUTPUT: Setting = Setting {
    key: "output",
    short: Some('o'),
    kind: Kind::Outputs,
    default: "human",
    placeholder: "FORMAT[=FILE]",
    doc: "How to write what was found: human, concise, json, jsonl, sarif, junit, github, report or markdown; \
          repeatable, all but one with a file",
};
/// See [`Setting::doc`].
pub const REPORT_API: Setting = Setting {
    key: "report-api",
    short: None,
    kind: Kind::Choice(&["openreports", "wgpolicyk8s"]),
    default: "openreports",
    placeholder: "API",
    doc: "Which Kubernetes API the objects of `-o report` belong to",
};
/// See [`Setting::doc`].
pub const SHOW_PASSES: Setting = Setting {
    key: "show-passes",
    short: None,
    kind: Kind::Switch,
    default: "false",
    placeholder: "",
    doc: "Report the rules that looked and found nothing wrong, too",
};
/// See [`Setting::doc`].
pub const NAMESPACE: Setting = Setting {
    key: "namespace",
    short: Some('n'),
    kind: Kind::Text,
    default: "default",
    placeholder: "NAMESPACE",
    doc: "The namespace of objects whose manifests name none",
};
/// See [`Setting::doc`].
pub const POLICY: Setting = Setting {
    key: "policy",
    short: None,
    kind: Kind::Paths,
    default: "",
    placeholder: "PATH",
    doc: "Apply the ConstraintTemplates and constraints of this file or folder, too, besides those among the inputs; \
          `builtin` for the policies that come with lumen, `builtin:NAME` for one of them; repeatable",
};
/// See [`Setting::doc`].
pub const POD_SECURITY_CONFIG: Setting = Setting {
    key: "pod-security-config",
    short: None,
    kind: Kind::File,
    default: "",
    placeholder: "FILE",
    doc: "The cluster's PodSecurityConfiguration, alone or in its AdmissionConfiguration; it is not looked for among \
          the manifests",
};
/// See [`Setting::doc`].
pub const KUBERNETES_VERSION: Setting = Setting {
    key: "kubernetes-version",
    short: None,
    kind: Kind::Version,
    default: "",
    placeholder: "VERSION",
    doc: "The cluster's version, such as `v1.34`: what `latest` means in a label; the newest known where not given",
};
/// See [`Setting::doc`].
pub const USER: Setting = Setting {
    key: "user",
    short: None,
    kind: Kind::Text,
    default: "",
    placeholder: "NAME",
    doc: "Who applies the manifests, for the exemptions of users in a PodSecurityConfiguration",
};
/// See [`Setting::doc`].
pub const NOW: Setting = Setting {
    key: "now",
    short: None,
    kind: Kind::Time,
    default: "",
    placeholder: "TIME",
    doc: "Judge as at this time, such as `2026-01-31T12:00:00Z`: for policies that ask for the time and exemptions \
          that end; the clock's where not given",
};
/// See [`Setting::doc`].
pub const STRICT: Setting = Setting {
    key: "strict",
    short: None,
    kind: Kind::Switch,
    default: "false",
    placeholder: "",
    doc: "Make it an error when a file is no manifest: a Helm template, a kustomization, values",
};
/// See [`Setting::doc`].
pub const BASELINE: Setting = Setting {
    key: "baseline",
    short: None,
    kind: Kind::File,
    default: "",
    placeholder: "FILE",
    doc: "Silence the findings that this file knows; `--write-baseline` makes it",
};
/// See [`Setting::doc`].
pub const EXCLUDE: Setting = Setting {
    key: "exclude",
    short: None,
    kind: Kind::Globs,
    default: "",
    placeholder: "GLOB",
    doc: "Leave out what matches, as in `.gitignore`; repeatable; files named on the command line are always read",
};
/// See [`Setting::doc`].
pub const NO_IGNORE: Setting = Setting {
    key: "no-ignore",
    short: None,
    kind: Kind::Switch,
    default: "false",
    placeholder: "",
    doc: "Read what `.gitignore` and `.ignore` leave out, and what is hidden, too",
};
/// See [`Setting::doc`].
pub const MAX_FILE_SIZE: Setting = Setting {
    key: "max-file-size",
    short: None,
    kind: Kind::Bytes,
    default: "64MiB",
    placeholder: "BYTES",
    doc: "Refuse larger files",
};
/// See [`Setting::doc`].
pub const MAX_TOTAL_SIZE: Setting = Setting {
    key: "max-total-size",
    short: None,
    kind: Kind::Bytes,
    default: "1GiB",
    placeholder: "BYTES",
    doc: "Read no more than this of all files together",
};
/// See [`Setting::doc`].
pub const MAX_FILES: Setting = Setting {
    key: "max-files",
    short: None,
    kind: Kind::Count,
    default: "200000",
    placeholder: "COUNT",
    doc: "Read no more files than this",
};
/// See [`Setting::doc`].
pub const MAX_DOCUMENTS: Setting = Setting {
    key: "max-documents",
    short: None,
    kind: Kind::Count,
    default: "100000",
    placeholder: "COUNT",
    doc: "Read no more documents of a file than this",
};
/// See [`Setting::doc`].
pub const MAX_DEPTH: Setting = Setting {
    key: "max-depth",
    short: None,
    kind: Kind::Count,
    default: "10000",
    placeholder: "COUNT",
    doc: "Refuse documents that nest deeper",
};

/// See [`Setting::doc`].
pub const MAX_ALIAS_SIZE: Setting = Setting {
    key: "max-alias-size",
    short: None,
    kind: Kind::Bytes,
    default: "256MiB",
    placeholder: "BYTES",
    doc: "Refuse documents that aliases make larger",
};

/// Everything that can be set.
pub const SETTINGS: &[Setting] = &[
    FAIL_ON,
    OUTPUT,
    REPORT_API,
    SHOW_PASSES,
    NAMESPACE,
    POLICY,
    POD_SECURITY_CONFIG,
    KUBERNETES_VERSION,
    USER,
    NOW,
    STRICT,
    BASELINE,
    EXCLUDE,
    NO_IGNORE,
    MAX_FILE_SIZE,
    MAX_TOTAL_SIZE,
    MAX_FILES,
    MAX_DOCUMENTS,
    MAX_DEPTH,
    MAX_ALIAS_SIZE,
];

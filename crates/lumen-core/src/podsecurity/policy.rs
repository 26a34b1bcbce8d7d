//! [`Policy`]: what a namespace's labels demand of its pods, and what happens where they do not meet it.

use lumen_value::{Value, pointer};

use super::field_error::FieldError;
use super::level::{LEVEL_EXPECTED, Level, LevelVersion, VERSION_EXPECTED, Version};
use super::pod::text;

/// The label that names the level below which pods are refused.
pub const ENFORCE_LABEL: &str = "pod-security.kubernetes.io/enforce";
/// The label that names the edition of [`ENFORCE_LABEL`].
pub const ENFORCE_VERSION_LABEL: &str = "pod-security.kubernetes.io/enforce-version";
/// The label that names the level below which pods are recorded in the audit log.
pub const AUDIT_LABEL: &str = "pod-security.kubernetes.io/audit";
/// The label that names the edition of [`AUDIT_LABEL`].
pub const AUDIT_VERSION_LABEL: &str = "pod-security.kubernetes.io/audit-version";
/// The label that names the level below which whoever makes a pod is warned.
pub const WARN_LABEL: &str = "pod-security.kubernetes.io/warn";
/// The label that names the edition of [`WARN_LABEL`].
pub const WARN_VERSION_LABEL: &str = "pod-security.kubernetes.io/warn-version";

/// What is demanded, for each of the three things that can happen. The default demands nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// A pod that does not meet this is refused.
    pub enforce: LevelVersion,
    /// What does not meet this is recorded.
    pub audit: LevelVersion,
    /// Whoever makes what does not meet this is warned.
    pub warn: LevelVersion,
}

impl Policy {
    /// Whether nothing is demanded at all.
    pub fn is_fully_privileged(&self) -> bool {
        [self.enforce, self.audit, self.warn].iter().all(|wanted| wanted.level == Level::Privileged)
    }

    /// Whether both demand the same.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        self.enforce.is_equivalent(other.enforce)
            && self.audit.is_equivalent(other.audit)
            && self.warn.is_equivalent(other.warn)
    }
}

/// What a namespace's labels say, together with the defaults where they say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// What holds, even where labels are wrong: a wrong level of `enforce` means `restricted`, a wrong level of
    /// `audit` or `warn` means `privileged`, a wrong version means `latest`.
    pub policy: Policy,
    /// The labels that are wrong; their pointers start at the Namespace.
    pub errors: Vec<FieldError>,
    /// The label that decided the level of `enforce`; `None` where the default did.
    pub enforce_label: Option<&'static str>,
    /// The label that decided the level of `audit`.
    pub audit_label: Option<&'static str>,
    /// The label that decided the level of `warn`: its own, or that of `enforce`, which `warn` follows where it has no
    /// label and would be less strict.
    pub warn_label: Option<&'static str>,
}

impl Resolved {
    /// Reads a namespace's labels (`api/helpers.go`, `PolicyToEvaluate`). `labels` is null where there are none.
    pub fn of_labels(labels: &Value, defaults: &Policy) -> Self {
        let mut this = Self { policy: *defaults, ..Self::default() };
        let mut errors = Vec::new();
        let mut level = |label, on_error| {
            let value = label_value(labels, label)?;
            let level = Level::parse(value);
            if level.is_none() {
                errors.push(wrong_label(label, value, LEVEL_EXPECTED));
            }
            Some((level.unwrap_or(on_error), level.is_some()))
        };
        let enforce = level(ENFORCE_LABEL, Level::Restricted);
        let audit = level(AUDIT_LABEL, Level::Privileged);
        let warn = level(WARN_LABEL, Level::Privileged);
        let mut version = |label| {
            let value = label_value(labels, label)?;
            let version = Version::parse(value);
            if version.is_none() {
                errors.push(wrong_label(label, value, VERSION_EXPECTED));
            }
            Some(version.unwrap_or(Version::Latest))
        };
        let enforce_version = version(ENFORCE_VERSION_LABEL);
        let audit_version = version(AUDIT_VERSION_LABEL);
        let warn_version = version(WARN_VERSION_LABEL);

        let mode =
            |default: LevelVersion, level: Option<(Level, bool)>, version: Option<Version>| LevelVersion {
                level: level.map_or(default.level, |(level, _)| level),
                version: version.unwrap_or(default.version),
            };
        let policy = &mut this.policy;
        policy.enforce = mode(policy.enforce, enforce, enforce_version);
        policy.audit = mode(policy.audit, audit, audit_version);
        policy.warn = mode(policy.warn, warn, warn_version);
        this.enforce_label = enforce.map(|_| ENFORCE_LABEL);
        this.audit_label = audit.map(|_| AUDIT_LABEL);
        this.warn_label = warn.map(|_| WARN_LABEL);
        let is_enforce_sound = enforce.is_some_and(|(_, is_sound)| is_sound);
        if warn.is_none() && is_enforce_sound && policy.enforce.level > policy.warn.level {
            policy.warn.level = policy.enforce.level;
            this.warn_label = Some(ENFORCE_LABEL);
            if warn_version.is_none() {
                policy.warn.version = policy.enforce.version;
            }
        }
        errors.sort_by_key(|error| label_order(&error.path));
        this.errors = errors;
        this
    }
}

/// The value of a label; `None` where there is no such label.
pub(super) fn label_value<'a>(labels: &'a Value, label: &str) -> Option<&'a str> {
    match labels.get(label)? {
        value @ (Value::String(_) | Value::Null) => Some(text(Some(value))),
        _ => None,
    }
}

fn wrong_label(label: &str, value: &str, expected: &str) -> FieldError {
    let pointer = pointer!["metadata", "labels", label];
    FieldError::invalid(pointer, format!("metadata.labels[{label}]"), value, expected)
}

/// Upstream reads the labels in this order, and lists what is wrong with them in it.
fn label_order(path: &str) -> Option<usize> {
    let order = [
        ENFORCE_LABEL,
        ENFORCE_VERSION_LABEL,
        AUDIT_LABEL,
        AUDIT_VERSION_LABEL,
        WARN_LABEL,
        WARN_VERSION_LABEL,
    ];
    let label = path.strip_prefix("metadata.labels[")?.strip_suffix(']')?;
    order.iter().position(|each| *each == label)
}

#[cfg(test)]
mod tests {
    use super::super::field_error::Aggregate;
    use super::*;

    fn resolved(labels: &[(&str, &str)]) -> Resolved {
        let labels = labels
            .iter()
            .map(|(mode, value)| {
                (Value::from(format!("pod-security.kubernetes.io/{mode}")), Value::from(*value))
            })
            .chain([(Value::from("other"), Value::from("label"))]);
        Resolved::of_labels(&Value::Object(labels.collect()), &Policy::default())
    }

    #[test]
    fn labels_decide_and_warn_follows_enforce() {
        // enforce, enforce-version, audit, .. -> enforce, audit, warn
        for (labels, expected) in [
            (vec![], "privileged:latest privileged:latest privileged:latest"),
            (vec![("enforce", "baseline")], "baseline:latest privileged:latest baseline:latest"),
            (vec![("warn", "restricted")], "privileged:latest privileged:latest restricted:latest"),
            (vec![("audit", "baseline")], "privileged:latest baseline:latest privileged:latest"),
            (
                vec![("enforce", "baseline"), ("warn", "restricted")],
                "baseline:latest privileged:latest restricted:latest",
            ),
            (
                vec![("enforce", "baseline"), ("enforce-version", "v1.22")],
                "baseline:v1.22 privileged:latest baseline:v1.22",
            ),
            (
                vec![("enforce", "baseline"), ("enforce-version", "v1.22"), ("warn-version", "latest")],
                "baseline:v1.22 privileged:latest baseline:latest",
            ),
            (
                vec![("enforce", "baseline"), ("warn-version", "v1.23")],
                "baseline:latest privileged:latest baseline:v1.23",
            ),
            (
                vec![
                    ("enforce", "baseline"),
                    ("enforce-version", "v1.20"),
                    ("warn", "restricted"),
                    ("warn-version", "v1.21"),
                    ("audit", "restricted"),
                    ("audit-version", "v1.22"),
                ],
                "baseline:v1.20 restricted:v1.22 restricted:v1.21",
            ),
            (
                vec![("enforce", "baseline"), ("warn", "privileged")],
                "baseline:latest privileged:latest privileged:latest",
            ),
            (vec![("enforce-version", "v1.22")], "privileged:v1.22 privileged:latest privileged:latest"),
        ] {
            let resolved = resolved(&labels);
            assert!(resolved.errors.is_empty(), "{labels:?}");
            let Policy { enforce, audit, warn } = resolved.policy;
            assert_eq!(format!("{enforce} {audit} {warn}"), expected, "{labels:?}");
        }
    }

    #[test]
    fn a_wrong_level_fails_closed_for_enforce_and_open_for_the_others() {
        for (labels, expected) in [
            (vec![("enforce", "foo")], "restricted:latest privileged:latest privileged:latest"),
            (
                vec![("enforce", "baseline"), ("warn", "foo")],
                "baseline:latest privileged:latest privileged:latest",
            ),
            (vec![("audit", "")], "privileged:latest privileged:latest privileged:latest"),
            (
                vec![("enforce", "baseline"), ("enforce-version", "1.22")],
                "baseline:latest privileged:latest baseline:latest",
            ),
        ] {
            let resolved = resolved(&labels);
            assert_eq!(resolved.errors.len(), 1, "{labels:?}");
            let Policy { enforce, audit, warn } = resolved.policy;
            assert_eq!(format!("{enforce} {audit} {warn}"), expected, "{labels:?}");
        }
    }

    #[test]
    fn errors_are_in_upstreams_words_and_order() {
        let resolved =
            resolved(&[("warn-version", "v2.0"), ("warn", "w"), ("enforce-version", "x"), ("enforce", "")]);
        let texts: Vec<String> = resolved.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                r#"metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "": must be one of privileged, baseline, restricted"#,
                r#"metadata.labels[pod-security.kubernetes.io/enforce-version]: Invalid value: "x": must be "latest" or "v1.x""#,
                r#"metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "w": must be one of privileged, baseline, restricted"#,
                r#"metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "v2.0": must be "latest" or "v1.x""#,
            ]
        );
        assert_eq!(Aggregate(&resolved.errors).to_string(), format!("[{}]", texts.join(", ")));
        assert_eq!(
            resolved.errors[0].pointer.to_string(),
            "/metadata/labels/pod-security.kubernetes.io~1enforce"
        );
    }

    #[test]
    fn the_default_holds_where_no_label_speaks() {
        let defaults =
            Policy { enforce: LevelVersion::new(Level::Baseline, Version::Minor(30)), ..Policy::default() };
        let resolved = Resolved::of_labels(&Value::Null, &defaults);
        assert_eq!(resolved.policy, defaults);
        assert_eq!(resolved.enforce_label, None);
    }
}

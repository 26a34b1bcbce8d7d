//! One report with something for every format to get wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen::output::{self, Format, Style};
use lumen::report::{Change, Region, Report, Reported, Summary};
use lumen_core::finding::{
    Action, Edit, Finding, Fix, Layer, Location, Outcome, Place, PolicyRef, Related, RuleId, Safety, Severity,
};
use lumen_core::object::ObjectRef;
use lumen_core::rule::Rule;
use lumen_value::edit;
use lumen_value::read::Syntax;
use lumen_value::{Pointer, Value, pointer};

pub(crate) const DEPLOY: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      hostNetwork: true # for the old load balancer
      containers:
      - name: web
        image: registry.internal/web:1.4
        securityContext:
          privileged: true
";
const NAMESPACES: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
";
const BROKEN: &[u8] = b"apiVersion: v1\nkind: Pod\nmetadata: {name: \x1b[31mred\xff\n";
const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: \"evil\\u202e|]]>\"
spec:
  containers:
  - name: \"a\u{1b}[2Jb\"
    image: x
";

/// A few rules, as the catalog describes them.
pub(crate) static RULES: &[Rule] = &[
    Rule {
        layer: Layer::Input,
        name: "syntax",
        summary: "An input can be read",
        rationale: "What cannot be read is not checked, and a cluster that reads it otherwise may run it.",
        remedy: "Correct the text at the place that is shown.",
        severity: Severity::High,
        references: &["https://yaml.org/spec/1.2.2/"],
    },
    Rule {
        layer: Layer::PodSecurity,
        name: "host-namespaces",
        summary: "Pods share no namespace of the host",
        rationale: "In the host's network namespace a pod reaches what listens on the node's loopback and escapes every NetworkPolicy.",
        remedy: "Take `hostNetwork`, `hostPID` and `hostIPC` away.",
        severity: Severity::High,
        references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline"],
    },
    Rule {
        layer: Layer::PodSecurity,
        name: "privileged",
        summary: "Containers do not run privileged",
        rationale: "a privileged container is root on the node: it has every capability and every device",
        remedy: "Take the field away, or grant the one capability that is needed:\n\nsecurityContext:\n  privileged: false\n  capabilities:\n    add: [NET_BIND_SERVICE]",
        severity: Severity::High,
        references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline"],
    },
    Rule {
        layer: Layer::PodSecurity,
        name: "run-as-non-root",
        summary: "Containers run as another user than root",
        rationale: "Root in a container is root on the node as soon as anything else gives way.",
        remedy: "securityContext:\n  runAsNonRoot: true",
        severity: Severity::Medium,
        references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"],
    },
];

/// Where `words` stand in a text, for the first time.
pub(crate) fn region(text: &[u8], words: &str) -> Region {
    let start = text
        .windows(words.len())
        .position(|window| window == words.as_bytes())
        .expect("the words stand in the text");
    region_at(text, start..start + words.len())
}

pub(crate) fn region_at(text: &[u8], bytes: std::ops::Range<usize>) -> Region {
    let place = |at: usize| {
        let before = String::from_utf8_lossy(&text[..at]).into_owned();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    };
    let (line, column) = place(bytes.start);
    let (end_line, end_column) = place(bytes.end);
    Region { bytes, line, column, end_line, end_column, missing: 0 }
}

pub(crate) fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.map(Into::into),
        name: name.into(),
    }
}

pub(crate) fn finding(rule: &str, action: Action, severity: Severity, message: &str) -> Finding {
    Finding {
        rule: rule.parse().unwrap(),
        outcome: Outcome::Fail,
        action,
        severity,
        message: message.into(),
        upstream_message: None,
        object: None,
        location: None,
        related: Vec::new(),
        policy: None,
        fix: None,
    }
}

pub(crate) fn field(source: &str, pointer: Pointer) -> Location {
    Location { source: source.into(), place: Place::Field { document: 0, pointer } }
}

const DEPLOY_NAME: &str = "shop/deploy.yaml";
const NAMESPACES_NAME: &str = "namespaces.yaml";
const UPSTREAM: &str = "violates PodSecurity \"restricted:latest\": host namespaces (hostNetwork=true), privileged (container \"web\" must not set securityContext.privileged=true), runAsNonRoot != true (pod or container \"web\" must set securityContext.runAsNonRoot=true)";

fn web() -> ObjectRef {
    object("apps/v1", "Deployment", Some("shop"), "web")
}

fn label(pointer: &str, text: &str) -> (Related, Option<Region>) {
    let related = Related {
        location: field(NAMESPACES_NAME, pointer!["metadata", "labels", pointer]),
        label: text.into(),
        is_step: false,
    };
    let words = format!("{pointer}: restricted");
    (related, Some(region(NAMESPACES.as_bytes(), &words)))
}

fn enforced() -> (Related, Option<Region>) {
    label("pod-security.kubernetes.io/enforce", "enforced by this label")
}

fn policy(rule: &str) -> PolicyRef {
    PolicyRef { object: object("v1", "Namespace", None, "shop"), rule: rule.into() }
}

fn container() -> (Related, Option<Region>) {
    let related = Related {
        location: field(DEPLOY_NAME, pointer!["spec", "template", "spec", "containers", 0, "name"]),
        label: "in this container".into(),
        is_step: false,
    };
    (related, Some(region(DEPLOY.as_bytes(), "name: web\n        image").first_line()))
}

/// The fix of a finding on the deployment, as `lumen check` makes it.
fn fix(title: &str, safety: Safety, edits: Vec<Edit>) -> (Option<Fix>, Vec<Change>) {
    let edited = edit::apply(DEPLOY, Syntax::Yaml, &edits).unwrap();
    let changes = Change::of(&edited, 0);
    let title = title.into();
    (Some(Fix { title, safety, edits }), changes)
}

trait FirstLine {
    fn first_line(self) -> Self;
}

impl FirstLine for Region {
    fn first_line(mut self) -> Self {
        self.bytes.end = self.bytes.start + "name: web".len();
        self.end_line = self.line;
        self.end_column = self.column + "name: web".len();
        self
    }
}

fn report_on_deploy() -> Vec<Reported> {
    let text = DEPLOY.as_bytes();
    let spec = pointer!["spec", "template", "spec"];
    let security_context = spec.join(&pointer!["containers", 0, "securityContext"]);
    let mut reported = Vec::new();

    let (related, related_regions) = std::iter::once(enforced()).unzip();
    reported.push(Reported {
        finding: Finding {
            upstream_message: Some(UPSTREAM.into()),
            object: Some(web().into()),
            location: Some(field(DEPLOY_NAME, spec.child("hostNetwork"))),
            related,
            policy: Some(policy("enforce=restricted:latest").into()),
            ..finding(
                "pod-security/host-namespaces",
                Action::DenyPods,
                Severity::High,
                "the pod shares the node's network (`hostNetwork: true`)",
            )
        },
        region: Some(region(text, "hostNetwork: true")),
        related: related_regions,
        changes: Vec::new(),
        live: None,
    });

    let (unprivileged, unprivileged_changes) = fix(
        "run as another user than root",
        Safety::Unsafe,
        vec![Edit::Set(security_context.child("runAsNonRoot"), Value::from(true))],
    );
    let (dropped, dropped_changes) = fix(
        "drop the privilege",
        Safety::Safe,
        vec![Edit::Set(security_context.child("privileged"), Value::from(false))],
    );
    let mut missing = region(text, "securityContext:\n          privileged: true");
    missing.missing = 1;
    let (related, related_regions) =
        [container(), label("pod-security.kubernetes.io/warn", "warned by this label")].into_iter().unzip();
    reported.push(Reported {
        finding: Finding {
            outcome: Outcome::Warn,
            object: Some(web().into()),
            location: Some(field(DEPLOY_NAME, security_context.child("runAsNonRoot"))),
            related,
            policy: Some(policy("warn=restricted:latest").into()),
            fix: unprivileged,
            ..finding(
                "pod-security/run-as-non-root",
                Action::Warn,
                Severity::Medium,
                "container `web` may run as root: `runAsNonRoot` is not set",
            )
        },
        region: Some(missing),
        related: related_regions,
        changes: unprivileged_changes,
        live: None,
    });

    let (related, related_regions) = [container(), enforced()].into_iter().unzip();
    reported.push(Reported {
        finding: Finding {
            upstream_message: Some(UPSTREAM.into()),
            object: Some(web().into()),
            location: Some(field(DEPLOY_NAME, security_context.child("privileged"))),
            related,
            policy: Some(policy("enforce=restricted:latest").into()),
            fix: dropped,
            ..finding(
                "pod-security/privileged",
                Action::DenyPods,
                Severity::High,
                "container `web` runs privileged",
            )
        },
        region: Some(region(text, "privileged: true")),
        related: related_regions,
        changes: dropped_changes,
        live: None,
    });
    reported
}

fn report_on_hostile() -> Reported {
    let text = POD.as_bytes();
    Reported {
        finding: Finding {
            upstream_message: Some(
                "pods \"evil\u{202e}|]]>\" is forbidden: a\u{1b}[2J::error::b\nsecond line".into(),
            ),
            object: Some(object("v1", "Pod", None, "evil\u{202e}|]]>").into()),
            location: Some(field(
                "dir, with: odd%na|me\u{1b}[0m/<pod>.yaml",
                pointer!["spec", "containers", 0, "a/b~|"],
            )),
            policy: Some(Arc::new(PolicyRef {
                object: object("constraints.gatekeeper.sh/v1beta1", "K8sAllowed|Repos", None, "repos`*"),
                rule: "\u{9b}31m@everyone".into(),
            })),
            ..finding(
                "admission/K8sAllowedRepos/repos::x,y",
                Action::Deny,
                Severity::Critical,
                "container `a\u{1b}[2Jb` | <img src=x> ]]> %0A::warning::\nsecond line `\u{202e}` @admin [x](http://evil)",
            )
        },
        region: Some(region(text, "name: \"a\u{1b}[2Jb\"")),
        related: Vec::new(),
        changes: Vec::new(),
        live: None,
    }
}

fn report_on_broken() -> Reported {
    Reported {
        finding: Finding {
            outcome: Outcome::Error,
            location: Some(Location { source: "broken.yaml".into(), place: Place::Byte(50) }),
            ..finding("input/syntax", Action::None, Severity::High, "the text is no UTF-8: byte 0xff")
        },
        region: Some(region_at(BROKEN, 50..51)),
        related: Vec::new(),
        changes: Vec::new(),
        live: None,
    }
}

/// The report.
pub(crate) fn report() -> Report {
    let mut findings = vec![report_on_broken(), report_on_hostile()];
    findings.push(Reported {
        finding: Finding {
            outcome: Outcome::Error,
            location: Some(Location { source: "huge.yaml".into(), place: Place::Whole }),
            ..finding(
                "input/size",
                Action::None,
                Severity::High,
                "209715200 bytes are more than the bound of 67108864: raise it with `--input-bytes-max`",
            )
        },
        region: None,
        related: Vec::new(),
        changes: Vec::new(),
        live: None,
    });
    findings.extend(report_on_deploy());
    findings.push(Reported {
        finding: Finding {
            object: Some(object("v1", "Namespace", None, "shop").into()),
            ..finding(
                "pod-security/advisor",
                Action::None,
                Severity::Info,
                "namespace `shop` would pass `baseline` but for 2 workloads",
            )
        },
        region: None,
        related: Vec::new(),
        changes: Vec::new(),
        live: None,
    });
    let sources: BTreeMap<Arc<str>, Arc<[u8]>> = [
        ("broken.yaml", BROKEN),
        ("dir, with: odd%na|me\u{1b}[0m/<pod>.yaml", POD.as_bytes()),
        (DEPLOY_NAME, DEPLOY.as_bytes()),
        (NAMESPACES_NAME, NAMESPACES.as_bytes()),
    ]
    .into_iter()
    .map(|(name, text)| (name.into(), text.into()))
    .collect();
    let mut inputs: Vec<Arc<str>> = sources.keys().cloned().collect();
    inputs.extend(["huge.yaml".into(), "shop/service.yaml".into()]);
    inputs.sort();
    Report {
        findings,
        sources,
        inputs,
        rules: RULES.iter().collect(),
        remedies: [(
            RuleId::new(Layer::Admission, "K8sAllowedRepos/repos::x,y"),
            "Take the image from `registry.internal`: {a} | @admin [b](c)".to_owned(),
        )]
        .into(),
        summary: Summary { files: 6, documents: 5, objects: 4, workloads: 2, skipped: 1, silenced: 2 },
        scanned: None,
    }
}

/// The report with a rule that passed and one that was not judged.
pub(crate) fn report_with_passes() -> Report {
    let mut report = report();
    report.findings.truncate(1);
    for (outcome, rule, message) in [
        (Outcome::Pass, "host-namespaces", "the pod shares no namespace of the node"),
        (Outcome::Skip, "privileged", "`enforce-version: v1.99` is no version that lumen knows"),
    ] {
        report.findings.push(Reported {
            finding: Finding {
                rule: RuleId::new(Layer::PodSecurity, rule),
                outcome,
                object: Some(web().into()),
                location: Some(field(DEPLOY_NAME, pointer!["spec", "template", "spec"])),
                ..finding("pod-security/x", Action::None, Severity::High, message)
            },
            region: Some(region(DEPLOY.as_bytes(), "hostNetwork: true")),
            related: Vec::new(),
            changes: Vec::new(),
            live: None,
        });
    }
    report
}

/// Nothing found.
pub(crate) fn empty_report() -> Report {
    Report {
        inputs: vec!["shop/service.yaml".into()],
        rules: RULES.iter().collect(),
        summary: Summary { files: 1, documents: 1, objects: 1, ..Summary::default() },
        ..Report::default()
    }
}

/// What a format makes of a report.
pub(crate) fn written(format: Format, report: &Report, style: &Style) -> String {
    let mut out = Vec::new();
    output::write(format, report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
